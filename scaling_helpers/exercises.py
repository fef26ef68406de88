"""What is an exercise notebook, and is the one in the repository in step with its source?

``exercises/<name>.md`` is the one source: a MyST notebook with solutions and hidden tests inside, and nbgrader's metadata
(schema 3) on each cell. From it, in this direction only::

    python -m scaling_helpers.exercises sync     execute each source into exercises/<name>.ipynb, the same bytes each time
    python -m scaling_helpers.exercises check    say what is out of step or out of form, without executing anything

What a cell is, its metadata say: *solution* (with ``grade`` it is marked by hand), *check* (``grade`` and ``locked``) or
given. In a solution, lines between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` are the answer; in a check, lines between
``### BEGIN HIDDEN TESTS`` and ``### END HIDDEN TESTS`` are for grading only. `public` makes the edition that may be shown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "MARKERS",
    "SOLUTIONS",
    "ExerciseError",
    "check",
    "clear_solution",
    "execute",
    "load",
    "main",
    "public",
    "role",
    "solution_shown",
    "sync",
    "without_hidden_tests",
]

#: What no public file may contain.
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
#: How the book treats solutions: shown in a fold, or left out.
SOLUTIONS = ("folded", "withheld")
#: Seconds for one cell. A whole notebook runs in a few.
CELL_TIMEOUT = 60
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
NBGRADER_KEYS = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
#: The tag of a given cell whose output is part of the question, so that it may be shown where solutions are withheld.
QUESTION = "question"
_MAGIC = re.compile(r"^\s*(%{1,2}|!|\?)|^[\w.]+\?{1,2}\s*$", re.MULTILINE)


class ExerciseError(ValueError):
    """A notebook that breaks the format; the message names the notebook and the cell."""


def _regions(source: str, name: str) -> Iterator[tuple[str, bool, bool]]:
    """The lines of a cell, each with whether it lies inside a region and whether it opens one; marker lines are inside."""
    inside = False
    for line in source.splitlines():
        begins, ends = f"### BEGIN {name}" in line, f"### END {name}" in line
        if (begins and inside) or (ends and not inside):
            raise ExerciseError(f"`{line.strip()}` does not match: regions neither nest nor end before they begin")
        inside = inside or begins
        yield line, inside, begins
        if ends:
            inside = False
    if inside:
        raise ExerciseError(f"`### BEGIN {name}` has no `### END {name}`")


def clear_solution(source: str) -> str:
    """A code cell as the student gets it: each answer inside a function becomes a `raise NotImplementedError`."""
    kept = []
    for line, inside, begins in _regions(source, "SOLUTION"):
        indent = line[: len(line) - len(line.lstrip())]
        if begins and indent:
            kept.append(f"{indent}raise NotImplementedError")
        elif begins:
            kept.append("# Your code here.")
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def solution_shown(source: str) -> str:
    """A code cell with its answer and without the marker lines."""
    return "\n".join(line for line in source.splitlines() if not re.search(r"### (BEGIN|END) SOLUTION", line))


def without_hidden_tests(source: str) -> str:
    return "\n".join(line for line, inside, _ in _regions(source, "HIDDEN TESTS") if not inside)


def role(cell: NotebookNode) -> str:
    """"solution", "check" or "given"."""
    meta = cell.metadata.get("nbgrader", {})
    if meta.get("solution"):
        return "solution"
    return "check" if meta.get("grade") else "given"


def public(notebook: NotebookNode, solutions: str = "folded") -> NotebookNode:
    """The edition that the book may show: no hidden tests, and solutions in a fold or not at all.

    Where solutions are withheld, so is every output that could only be had with them: a cell keeps its outputs if it stands
    before the first solution, or carries the tag `question`. Checks never keep theirs, which tell of the hidden tests.
    Raises ExerciseError if a marker is left over.
    """
    import nbformat

    if solutions not in SOLUTIONS:
        raise ExerciseError(f"solutions are {' or '.join(SOLUTIONS)}, not {solutions!r}")
    cells: list[NotebookNode] = []
    answered = False
    for cell in nbformat.from_dict(notebook).cells:
        kind = role(cell)
        answered = answered or kind == "solution"
        meta = cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k != "nbgrader"})
        if cell.cell_type == "markdown":
            if kind != "solution" or solutions == "folded":
                cells.append(cell)
            continue
        if kind == "solution":
            stub = nbformat.from_dict({**cell, "id": f"{cell.id}-stub", "source": clear_solution(cell.source), "outputs": []})
            stub.execution_count = None
            cells.append(stub)
            if solutions == "withheld":
                continue
            cell.source = solution_shown(cell.source)
            _fold(meta, "a solution")
        elif kind == "check":
            cell.source, cell.outputs = without_hidden_tests(cell.source), []
            _fold(meta, "the check")
        elif solutions == "withheld" and answered and QUESTION not in meta.get("tags", []):
            if "remove-cell" in meta.get("tags", []):
                continue  # it computes the numbers of an answer in words
            cell.outputs = []
        cells.append(cell)
    edition = nbformat.from_dict({**notebook, "cells": cells})
    left = [marker for marker in MARKERS if marker in nbformat.writes(edition)]
    if left:
        raise ExerciseError(f"{', '.join(left)}: in a cell whose nbgrader metadata do not say that it is a solution or a check")
    return edition


def _fold(meta: Any, what: str) -> None:
    meta["tags"] = [*meta.get("tags", []), "hide-input"]
    meta["mystnb"] = {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}


def load(source: Path) -> NotebookNode:
    """The notebook that a source describes, not executed: ids are the cells' grade_ids, metadata only what we use."""
    import jupytext
    import nbformat

    notebook = nbformat.from_dict(jupytext.read(source, fmt="md:myst"))
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = cell.metadata.get("nbgrader", {}).get("grade_id") or f"cell-{number}"
        cell.source = cell.source.strip("\n")
    return notebook


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run every cell and drop what would differ the next time: times, random display ids, the patch version of Python."""
    import nbformat
    from nbclient import NotebookClient

    done = NotebookClient(notebook, timeout=CELL_TIMEOUT, kernel_name="python3", record_timing=False).execute(cwd=str(folder))
    done.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in done.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            output.pop("transient", None)
            # A widget's view is dead without this kernel; its HTML and picture stay.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return done


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with what was printed in several pieces made one: a busy machine sends one cell's text in more messages."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def sync(source: Path) -> Path:
    """Execute one source into the notebook beside it. Raises ExerciseError, before running anything, on a broken format."""
    import nbformat

    notebook = load(source)
    wrong = list(_format_problems(notebook))
    if wrong:
        raise ExerciseError("\n".join(f"{source.name}: {problem}" for problem in wrong))
    target = source.with_suffix(".ipynb")
    text = nbformat.writes(execute(notebook, source.parent)) + "\n"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8", newline="\n")
    return target


def check(source: Path) -> list[str]:
    """What is wrong with a source or with the notebook beside it; nothing if all is in step."""
    import nbformat

    wanted = load(source)
    wrong = [f"{source.name}: {problem}" for problem in _format_problems(wanted)]
    target = source.with_suffix(".ipynb")
    if not target.exists():
        return [*wrong, f"{target.name} is missing: run `make exercises`"]
    stored = nbformat.read(target, as_version=4)
    if [_content(cell) for cell in stored.cells] != [_content(cell) for cell in wanted.cells]:
        different = [a.id for a, b in zip(wanted.cells, stored.cells, strict=False) if _content(a) != _content(b)]
        count = f": {len(stored.cells)} cells, the source has {len(wanted.cells)}"
        first = f", first at {different[0]!r}" if different else count
        wrong.append(f"{target.name} is not what {source.name} says{first}: run `make exercises`")
    if stored.metadata != wanted.metadata:
        wrong.append(f"{target.name}: notebook metadata {dict(stored.metadata)}; run `make exercises`")
    counts = [cell.execution_count for cell in stored.cells if cell.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        wrong.append(f"{target.name} was not run once from top to bottom (counts {counts}): run `make exercises`")
    for cell in stored.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" or output.get("name") == "stderr":
                said = output.get("evalue") or output.get("text", "").strip()
                wrong.append(f"{target.name}: {cell.id!r} stores an error or a warning: {said}")
    return wrong


def _content(cell: NotebookNode) -> tuple[str, str, str, Any]:
    return cell.cell_type, cell.id, cell.source, dict(cell.metadata)


def _format_problems(notebook: NotebookNode) -> Iterator[str]:
    """What in the cells breaks the format."""
    seen: set[str] = set()
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader")
        if meta is None:
            yield f"the cell that begins `{cell.source.splitlines()[0][:50]}` has no nbgrader metadata"
            continue
        name = meta.get("grade_id", "")
        missing = NBGRADER_KEYS - set(meta)
        if missing or meta.get("schema_version") != 3:
            yield f"{name!r}: nbgrader schema 3 needs {', '.join(sorted(missing)) or 'schema_version 3'}"
            continue
        if not re.fullmatch(r"[a-z0-9-]+", name) or name in seen:
            yield f"{name!r}: a grade_id is of lower-case letters, digits and hyphens, and used once"
        seen.add(name)
        if meta["grade"] != ("points" in meta):
            yield f"{name!r}: points belong to graded cells, and to all of them"
        if role(cell) != "solution" and not meta["locked"]:
            yield f"{name!r}: what is given or checks is locked"
        if cell.cell_type == "code":
            yield from (f"{name!r}: {problem}" for problem in _code_problems(cell))


def _code_problems(cell: NotebookNode) -> Iterator[str]:
    kind = role(cell)
    magic = _MAGIC.search(cell.source)
    if magic:
        yield f"`{cell.source[magic.start() :].strip().splitlines()[0]}`: no magics, an unknown one passes nbval in silence"
    for region, allowed in (("SOLUTION", "solution"), ("HIDDEN TESTS", "check")):
        try:
            found = [line for line, inside, _ in _regions(cell.source, region) if inside]
        except ExerciseError as error:
            yield str(error)
            continue
        if found and kind != allowed:
            yield f"`### BEGIN {region}` in a cell that is no {allowed}"
        if not found and kind == "solution" and allowed == "solution":
            yield "a solution has no `### BEGIN SOLUTION`"
    if kind == "check" and not cell.source.rstrip().endswith(".result()"):
        yield "a check ends in `score.result()`: its value is the points"


def main(arguments: Sequence[str] | None = None) -> int:
    """``sync`` or ``check``, for all notebooks of a folder or for the sources named."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m scaling_helpers.exercises", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["sync", "check"])
    parser.add_argument("sources", nargs="*", type=Path, help="default: exercises/*.md")
    chosen = parser.parse_args(arguments)
    sources = chosen.sources or sorted(Path("exercises").glob("*.md"))
    if not sources:
        parser.error("no sources: there is no exercises/*.md here")
    if chosen.command == "sync":
        for source in sources:
            print(f"{source} -> {sync(source)}")
        return 0
    wrong = [problem for source in sources for problem in check(source)]
    orphans = [n for n in sorted(sources[0].parent.glob("*.ipynb")) if not n.with_suffix(".md").exists()]
    wrong += [f"{orphan.name} has no source {orphan.stem}.md" for orphan in orphans]
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
