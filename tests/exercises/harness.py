"""Does a check cell do what its author meant? It is run against right, wrong and missing answers.

Beside each exercise notebook's name lies a YAML file with, for each solution cell, named wrong answers and other right ones.
The task's cells run in a fresh namespace of this process, with no kernel: a case takes milliseconds.

    tokens-for-budget:                  # the grade_id of the solution cell; its check is <grade_id>-check
      wrong:
        forgets the six:                # what went wrong
          code: return C / N            # stands in the place of the solution region
          hint: "6 FLOP per parameter"  # must appear in what the student is told
      right:
        as a product: return C / N / 6
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scaling_helpers.checks import CheckFailed
from scaling_helpers.exercises import clear_solution, load, role, solution_shown, without_hidden_tests

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "exercises"
NAMES = sorted(path.stem for path in FOLDER.glob("*.md"))
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """What a check cell gave: its value, or 0 and the message of what it raised."""

    points: float
    said: str


@dataclass(frozen=True)
class Task:
    """One solution cell with its check, and what has to run before them."""

    name: str
    before: tuple[str, ...]
    solution: str
    check: str
    points: float

    def answered(self, code: str) -> str:
        """The solution cell with `code` in the place of its region."""
        match = REGION.search(self.solution)
        assert match is not None, self.name
        return self.solution[: match.start()] + textwrap.indent(code.strip("\n"), match[1]) + self.solution[match.end() :]

    def outcome(self, cell: str, *, hidden_tests: bool = True) -> Outcome:
        """Run everything before the task, `cell` as its answer, and the check."""
        space: dict[str, Any] = {"__name__": "__main__"}
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            for code in self.before:
                exec(_compiled(code), space)
            said.seek(0)
            said.truncate()
            try:
                exec(_compiled(cell), space)
            except NotImplementedError:
                pass  # a stub that is no function: the variables stay as they are
            try:
                points = _value(self.check if hidden_tests else without_hidden_tests(self.check), space)
            except CheckFailed as failure:
                return Outcome(0.0, f"{said.getvalue()}{failure}")
        assert type(points) is float, f"{self.name}: the check's value is {points!r}, which nbgrader misreads"
        return Outcome(points, said.getvalue())

    @property
    def reference(self) -> str:
        return solution_shown(self.solution)

    @property
    def stub(self) -> str:
        return clear_solution(self.solution)


@cache
def _compiled(code: str) -> Any:
    return compile(code, "<answer>", "exec")


def _value(code: str, space: dict[str, Any]) -> Any:
    """Run a cell and return the value of its last expression, as IPython does."""
    tree = ast.parse(code)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "<check>", "exec"), space)
    return eval(compile(ast.Expression(last.value), "<check>", "eval"), space)


@cache
def tasks(name: str) -> dict[str, Task]:
    """The tasks of a notebook that a check cell grades, by the grade_id of the solution."""
    found: dict[str, Task] = {}
    before: list[str] = []
    solution: tuple[str, str] | None = None
    for cell in load(FOLDER / f"{name}.md").cells:
        if cell.cell_type != "code":
            continue
        kind = role(cell)
        if kind == "solution":
            solution = cell.id, cell.source
        elif kind == "check":
            assert solution is not None and cell.id == f"{solution[0]}-check", f"{cell.id} does not follow its solution cell"
            points = cell.metadata["nbgrader"]["points"]
            found[solution[0]] = Task(solution[0], tuple(before), solution[1], cell.source, points)
            before.append(solution_shown(solution[1]))
        elif "setup" in cell.metadata.get("tags", []):
            before.append(cell.source)
    return found


@cache
def cases(name: str) -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8"))


def every(kind: str) -> list[tuple[str, str, str]]:
    """(notebook, task, case) for each case of `kind`."""
    return [(name, task, case) for name in NAMES for task, declared in cases(name).items() for case in declared[kind]]


def every_task() -> list[tuple[str, str]]:
    return [(name, task) for name in NAMES for task in tasks(name)]


def hints(check: str) -> set[str]:
    """The hints of the mistakes that a check knows: the second argument of each Mistake(...)."""
    calls = [node for node in ast.walk(ast.parse(check)) if isinstance(node, ast.Call)]
    known = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Mistake"]
    return {call.args[1].value for call in known if isinstance(call.args[1], ast.Constant)}
