"""The exercise format: one source, one notebook in step with it, and an edition that may be shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from scaling_helpers import exercises

from .harness import FOLDER, NAMES

SOURCE = """\
---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

+++ {"nbgrader": {"grade": false, "grade_id": "title", "locked": true, "schema_version": 3, "solution": false, "task": false}}

# Exercises

```{code-cell} ipython3
---
nbgrader: {grade: false, grade_id: answer, locked: false, schema_version: 3, solution: true, task: false}
---
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```

```{code-cell} ipython3
---
nbgrader: {grade: true, grade_id: answer-check, locked: true, points: 2, schema_version: 3, solution: false, task: false}
---
from scaling_helpers.checks import Score
score = Score(1, points=2)
score.expect(1, double, 2.0, want=4.0)
### BEGIN HIDDEN TESTS
score.expect(1, double, 17.0, want=34.0)
### END HIDDEN TESTS
score.result()
```

```{code-cell} ipython3
---
nbgrader: {grade: false, grade_id: shown, locked: true, schema_version: 3, solution: false, task: false}
---
print("doubled:", double(21))
```

+++ {"nbgrader": {"grade": true, "grade_id": "reading", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}}

A reading.
"""


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("exercises") / "small.md"
    source.write_text(SOURCE, encoding="utf-8")
    exercises.sync(source)
    return source


@pytest.fixture
def source(synced: Path, tmp_path: Path) -> Path:
    """A source with its notebook, to spoil."""
    for path in (synced, synced.with_suffix(".ipynb")):
        shutil.copy(path, tmp_path)
    return tmp_path / synced.name


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_is_in_step_with_its_source(name: str) -> None:
    assert exercises.check(FOLDER / f"{name}.md") == []


def test_executing_twice_gives_the_same_bytes(source: Path) -> None:
    notebook = source.with_suffix(".ipynb")
    before = notebook.read_bytes()
    notebook.unlink()
    assert exercises.sync(source).read_bytes() == before
    assert exercises.check(source) == []


def test_nothing_in_a_notebook_depends_on_the_machine_or_the_day(source: Path) -> None:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [cell.id for cell in notebook.cells] == ["title", "answer", "answer-check", "shown", "reading"]
    assert dict(notebook.metadata) == {"kernelspec": exercises.KERNEL, "language_info": {"name": "python"}}
    assert all("execution" not in cell.metadata for cell in notebook.cells)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return 2 * x", "return x + x", "is not what small.md says, first at 'answer'"),
        ("# Exercises", "# More exercises", "first at 'title'"),
        ("points: 2", "points: 3", "first at 'answer-check'"),
        ("    ### END SOLUTION\n", "", "has no `### END SOLUTION`"),
        ("    ### BEGIN SOLUTION\n", "", "does not match"),
        ("solution: true, task: false}\n---\ndef", "solution: false, task: false}\n---\ndef", "is locked"),
        ("### BEGIN HIDDEN TESTS\n", "### BEGIN SOLUTION\n### END SOLUTION\n### BEGIN HIDDEN TESTS\n", "in a cell that is no solution"),
        ("score.result()\n", "print(score.result())\n", "a check ends in `score.result()`"),
        ("grade_id: shown", "grade_id: answer", "used once"),
        ("grade_id: shown", "grade_id: Shown here", "lower-case letters"),
        ("points: 2, ", "", "points belong to graded cells"),
        ("schema_version: 3", "schema_version: 2", "schema_version 3"),
        ("locked: true, schema", "schema", "nbgrader schema 3 needs locked"),
        ('print("doubled', '%tiem\nprint("doubled', "no magics"),
        ('print("doubled', '!ls\nprint("doubled', "no magics"),
    ],
)
def test_check_says_what_is_out_of_step_or_out_of_form(source: Path, old: str, new: str, said: str) -> None:
    edit(source, old, new)
    assert any(said in problem for problem in exercises.check(source)), exercises.check(source)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"execution_count": 2', '"execution_count": null', "was not run once from top to bottom"),
        ('"name": "stdout"', '"name": "stderr"', "stores an error or a warning"),
        ('"name": "python3"', '"name": "conda-env-mine"', "notebook metadata"),
    ],
)
def test_check_sees_a_notebook_that_was_touched(source: Path, old: str, new: str, said: str) -> None:
    edit(source.with_suffix(".ipynb"), old, new)
    assert any(said in problem for problem in exercises.check(source)), exercises.check(source)


def test_a_broken_format_is_not_executed(source: Path) -> None:
    edit(source, "    ### END SOLUTION\n", "")
    with pytest.raises(exercises.ExerciseError, match=r"small\.md: 'answer'"):
        exercises.sync(source)


def test_the_command_fails_on_a_missing_notebook_and_on_one_without_source(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exercises.main(["check", str(source)]) == 0
    source.with_suffix(".ipynb").rename(source.with_name("orphan.ipynb"))
    assert exercises.main(["check", str(source)]) == 1
    said = capsys.readouterr().err
    assert "small.ipynb is missing" in said and "orphan.ipynb has no source orphan.md" in said


def test_the_command_syncs(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exercises.main(["sync", str(source)]) == 0
    assert "small.ipynb" in capsys.readouterr().out


def test_folded_solutions_stay_and_hidden_tests_go(source: Path) -> None:
    edition = exercises.public(nbformat.read(source.with_suffix(".ipynb"), as_version=4), "folded")
    text = nbformat.writes(edition)
    assert "return 2 * x" in text and "A reading." in text and "doubled: 42" in text
    assert "17.0" not in text and "34" not in text and "BEGIN" not in text and "nbgrader" not in text
    stub, solution = edition.cells[1:3]
    assert stub.source == "def double(x):\n    raise NotImplementedError"
    assert "hide-input" in solution.metadata.tags


def test_withheld_solutions_go_with_every_output_they_made(source: Path) -> None:
    text = nbformat.writes(exercises.public(nbformat.read(source.with_suffix(".ipynb"), as_version=4), "withheld"))
    assert "return 2 * x" not in text and "A reading." not in text and "doubled: 42" not in text and "17.0" not in text
    assert "raise NotImplementedError" in text and "score.expect(1, double, 2.0, want=4.0)" in text


def lines_between(notebook: nbformat.NotebookNode, name: str) -> set[str]:
    """The lines of all regions of one kind that stand nowhere else in the notebook."""
    inside: list[str] = []
    outside: list[str] = []
    for cell in notebook.cells:
        place = outside
        for line in cell.source.splitlines():
            if f"### BEGIN {name}" in line:
                place = inside
            elif f"### END {name}" in line:
                place = outside
            else:
                place.append(line.strip())
    return {line for line in inside if len(line) > 12} - set(outside)


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_real_hidden_test_or_withheld_solution_is_in_an_edition(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    hidden, answers = (lines_between(notebook, region) for region in ("HIDDEN TESTS", "SOLUTION"))
    assert hidden and answers
    shown = {
        solutions: {line.strip() for cell in exercises.public(notebook, solutions).cells for line in cell.source.splitlines()}
        for solutions in exercises.SOLUTIONS
    }
    assert hidden & (shown["folded"] | shown["withheld"]) == set()
    assert answers & shown["withheld"] == set() and answers <= shown["folded"]


def test_a_marker_that_would_be_left_over_stops_the_edition(source: Path) -> None:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    notebook.cells[3].source += "\n### BEGIN HIDDEN TESTS"
    with pytest.raises(exercises.ExerciseError, match="BEGIN HIDDEN TESTS: in a cell"):
        exercises.public(notebook)
    with pytest.raises(exercises.ExerciseError, match="folded or withheld, not 'shown'"):
        exercises.public(notebook, "shown")


def test_a_variable_is_left_as_its_ellipsis() -> None:
    cell = "size = ...\n### BEGIN SOLUTION\nsize = 3\n### END SOLUTION"
    assert exercises.clear_solution(cell) == "size = ...\n# Your code here."


def test_what_a_busy_machine_prints_in_pieces_is_stored_in_one() -> None:
    from nbformat.v4 import new_output

    whole = [new_output("stream", name="stdout", text="right\n"), new_output("display_data", {"text/plain": "1"})]
    pieces = [new_output("stream", name="stdout", text=part) for part in ("right", "\n")] + [whole[1]]
    assert exercises.joined(pieces) == whole
    both = [new_output("stream", name=name, text="x") for name in ("stdout", "stderr")]
    assert exercises.joined(list(both)) == both
