"""What scaling_helpers.book promises, without a browser: small books are built and what they say is read.

Each small book is built in a process of its own by the command that `make book` uses, with this repository's own
_config.yml.
"""

from __future__ import annotations

import filecmp
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from math_core import LatexError

from scaling_helpers import palette
from scaling_helpers.book import assets, downloads, failures, folders, freshness, mathfont, maths, roles, theme, widgets
from scaling_helpers.explorers import CATALOGUE
from scaling_helpers.explorers.runtime import vega_runtime, vega_version

from ..conftest import ROOT, build_book, start_with_what_is_made

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec: {name: python3, display_name: Python 3, language: python}
---
"""


def cell(source: str, *, options: str = "") -> str:
    return f"\n```{{code-cell}} ipython3\n{options}{source}\n```\n"


#: Files that may differ between two builds of one tree, and why.
MAY_DIFFER = {".buildinfo": "Sphinx's key over its configuration, with absolute paths; no page asks for it"}


def differences(one: Path, other: Path) -> list[str]:
    """Files that two trees do not share byte by byte, but for MAY_DIFFER."""
    names = {path.relative_to(tree).as_posix() for tree in (one, other) for path in tree.rglob("*") if path.is_file()}

    def same(name: str) -> bool:
        return (one / name).exists() and (other / name).exists() and filecmp.cmp(one / name, other / name, shallow=False)

    return sorted(name for name in names - set(MAY_DIFFER) if not same(name))


@dataclass
class Built:
    """A finished build: its exit code, what the terminal showed, and the site."""

    status: int
    output: str
    site: Path

    def page(self, name: str) -> str:
        return (self.site / f"{name}.html").read_text(encoding="utf-8")

    @property
    def executed(self) -> int:
        return self.output.count("Executing notebook using")


class SmallBook:
    """A book of a few pages in a folder of its own; with `own_package` it runs a copy of the package, to be changed.

    The lines of a copy of the package do not count for coverage, so they are not measured.
    """

    def __init__(self, folder: Path, *, own_package: bool = False) -> None:
        self.folder = folder
        self.environment = {"PYTHONPATH": str(folder), "COVERAGE_PROCESS_CONFIG": ""} if own_package else {}
        start_with_what_is_made(folder)
        if own_package:
            unneeded = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "scaling_helpers", folder / "scaling_helpers", ignore=unneeded)
        for name in ("_config.yml", "requirements.lock", "scaling_helpers/book/static/logo.svg"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        self.write("references.bib", "@article{a2022, title={On a}, author={Ann, Ann}, year={2022}, journal={J}}")
        self.write("_toc.yml", "format: jb-book\nroot: index\nchapters:\n- file: chapters/one\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def build(self) -> Built:
        done = build_book(self.folder, self.environment)
        return Built(done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout), self.folder / "_build" / "html")


# ---- equations ----


def test_rows_of_an_equation_get_one_number_so_numbered_environments_lose_theirs() -> None:
    assert maths.unnumbered(r"\begin{align} a &= b \\ c &= d \end{align}") == r"\begin{aligned} a &= b \\ c &= d \end{aligned}"
    assert maths.unnumbered(r"\begin{equation} a \end{equation}") == "a"
    assert maths.unnumbered("a &= b\n\nc &= d") == r"\begin{aligned}a &= b \\ c &= d\end{aligned}"
    assert maths.unnumbered(r"a &= b \\ c &= d") == r"\begin{aligned}a &= b \\ c &= d\end{aligned}"


def test_mathml_carries_its_latex_for_copying() -> None:
    mathml = maths.to_mathml(r"\frac{A}{N^\alpha}", display=True)
    assert mathml.startswith('<math display="block">') and "<mfrac>" in mathml
    assert r"\frac{A}{N^\alpha}</annotation>" in mathml


@pytest.mark.parametrize("latex", [r"\foo", r"\frac{a", r"\begin{tikzpicture}\end{tikzpicture}", r"a \tag{3}"])
def test_latex_that_is_not_understood_is_refused(latex: str) -> None:
    with pytest.raises(LatexError):
        maths.to_mathml(latex, display=False)


def test_the_font_keeps_what_makes_brackets_and_sums_stretch() -> None:
    from fontTools.ttLib import TTFont

    source = mathfont.full_font()
    made = mathfont.subset_font(source)
    font = TTFont(io.BytesIO(made))
    covered = font["MATH"].table.MathVariants.VertGlyphCoverage.glyphs
    names = font.getBestCmap()
    assert {names[ord(char)] for char in "()[]{}|√∑∏∫"} <= set(covered)
    assert {ord(char) for char in "𝑁𝛼𝐱𝔼∞≈×"} <= set(names)
    assert len(made) < 150_000 < len(source)
    assert mathfont.subset_font(source) == made, "two builds must give the same bytes"


# ---- widgets and assets ----


def test_explorers_are_named_in_the_order_they_stand_on_the_page() -> None:
    mount = '<figure class="explorer" data-explorer="isoflop">'
    seen: Counter[str] = Counter()
    assert widgets.name_explorers(mount, seen) == '<figure class="explorer" data-explorer="isoflop" id="isoflop">'
    assert 'id="isoflop-2"' in widgets.name_explorers(mount.replace(">", ' id="old">'), seen)
    third = widgets.name_explorers(mount + '<svg><g id="isoflop-a" clip-path="url(#isoflop-b)"></g></svg>', seen)
    assert third.endswith('<svg><g id="isoflop-3-a" clip-path="url(#isoflop-3-b)"></g></svg>')
    assert "old" not in widgets.name_explorers(mount.replace(">", ' id="old">'), seen)
    assert widgets.name_explorers("<figure><img></figure>", seen) == "<figure><img></figure>"


def test_the_module_becomes_a_script_that_starts_itself() -> None:
    script = assets.as_classic_script(f"function start() {{}}\nfunction render() {{}}\n{assets.EXPORT}\n")
    assert "export" not in script and "start();" in script.splitlines()[-2]


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ("const a = 1;", "must end with"),
        (f'import x from "y";\n{assets.EXPORT}', "import"),
        (f"export const a = 1;\n{assets.EXPORT}", "export"),
    ],
)
def test_a_module_that_could_not_run_as_a_script_is_refused(module: str, complaint: str) -> None:
    from sphinx.errors import ExtensionError

    with pytest.raises(ExtensionError, match=complaint):
        assets.as_classic_script(module)


def test_the_real_explorer_script_can_be_bundled() -> None:
    script = assets.as_classic_script((assets.SOURCE / "explorer.js").read_text(encoding="utf-8"))
    assert script.startswith('(function () {"use strict";')


def test_vega_is_one_self_contained_script() -> None:
    runtime = vega_runtime()
    assert runtime.startswith("(function () {") and runtime.endswith("})();\n")
    assert "globalThis.scalingVegaEmbed" in runtime and "import(" not in runtime
    assert vega_runtime() is runtime, "made once"
    assert re.match(r"vl-convert-[\w.]+-vega-\d", vega_version()), "the name of the cached file says what is in it"


def test_the_style_sheet_asks_the_icon_font_for_the_icons_that_are_in_it() -> None:
    css = (theme.HERE / "static" / "book.css").read_text(encoding="utf-8")
    declared = re.search(r"unicode-range:([^;]+);", css)
    assert declared is not None
    points: set[int] = set()
    for part in re.findall(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", declared[1]):
        points |= set(range(int(part[0], 16), int(part[1] or part[0], 16) + 1))
    assert points == set(theme.ICONS.values())


# ---- failures ----


def notebook(*cells: tuple[str, int | None, bool]) -> nbformat.NotebookNode:
    """Cells as (source, execution count, failed)."""
    made = nbformat.v4.new_notebook()
    for source, count, failed in cells:
        code = nbformat.v4.new_code_cell(source, execution_count=count)
        if failed:
            code.outputs = [nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["\x1b[31mtrace\x1b[0m"])]
        made.cells += [nbformat.v4.new_markdown_cell("text"), code]
    return made


def test_the_failed_cell_is_found_by_its_error() -> None:
    failure = failures.find_failure(notebook(("a", 1, False), ("b\n" * 9, 2, True), ("c", None, False)), "reason")
    assert failure is not None and (failure.number, failure.index) == (2, 3)
    told = failure.tell("CellExecutionError")
    assert "code cell 2 failed (CellExecutionError)" in told and "    b\n" in told and "..." in told
    assert told.endswith("trace") and "\x1b" not in told


def test_a_cell_that_never_finished_is_found_by_its_missing_count() -> None:
    failure = failures.find_failure(notebook(("a", 1, False), ("b", None, False)), "kernel died")
    assert failure is not None and failure.number == 2 and failure.traceback == "kernel died"


def test_a_cell_that_is_meant_to_fail_is_not_blamed() -> None:
    made = notebook(("a", 1, True), ("b", 2, False))
    made.cells[1].metadata["tags"] = ["raises-exception"]
    assert failures.find_failure(made, "reason") is None


# ---- freshness ----


def package(folder: Path) -> Path:
    made = folder / "scaling_helpers"
    for name in ("laws.py", "facts/models.csv", "book/theme.py", "__pycache__/laws.pyc"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("1")
    (folder / "requirements.lock").write_text("1")
    (folder / "_config.yml").write_text("1")
    return made


@pytest.mark.parametrize(
    ("changed", "outputs", "pages"),
    [
        ("scaling_helpers/laws.py", True, True),
        ("scaling_helpers/facts/models.csv", True, True),
        ("requirements.lock", True, True),
        ("scaling_helpers/book/theme.py", False, True),
        ("_config.yml", False, True),
        ("scaling_helpers/__pycache__/laws.pyc", False, False),
        ("README.md", False, False),
    ],
)
def test_what_a_cell_can_see_runs_it_again_and_what_shapes_a_page_makes_it_again(
    tmp_path: Path, changed: str, outputs: bool, pages: bool
) -> None:
    made = package(tmp_path)
    before = freshness.keys(made, tmp_path)
    (tmp_path / changed).write_text("2")
    after = freshness.keys(made, tmp_path)
    assert (after["outputs"] != before["outputs"], after["pages"] != before["pages"]) == (outputs, pages)


def test_the_key_knows_content_and_not_place(tmp_path: Path) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    for folder in (here, there):
        package(folder)
    assert freshness.keys(here / "scaling_helpers", here) == freshness.keys(there / "scaling_helpers", there)
    (here / "scaling_helpers" / "laws.py").rename(here / "scaling_helpers" / "law.py")
    assert freshness.keys(here / "scaling_helpers", here) != freshness.keys(there / "scaling_helpers", there)


# ---- roles ----


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("compute", "1", "outside"),
        ("compute", "nan", "outside"),
        ("compute", "much", "needs a number"),
        ("law", "mine", "no option"),
    ],
)
def test_a_link_cannot_set_what_a_control_cannot_take(name: str, text: str, complaint: str) -> None:
    control = next(control for control in roles.payload("isoflop")["controls"] if control["name"] == name)
    with pytest.raises(roles.RoleError, match=complaint):
        roles.check_setting(control, text)


def test_a_toggle_is_true_or_false() -> None:
    control = {"name": "log", "kind": "toggle"}
    roles.check_setting(control, "true")
    with pytest.raises(roles.RoleError, match="true or false"):
        roles.check_setting(control, "1")


def test_the_second_explorer_of_a_kind_is_known_by_its_kind() -> None:
    assert roles.explorer_name("isoflop-2") == "isoflop"
    with pytest.raises(roles.RoleError, match="no explorer 'nope'"):
        roles.payload("nope")


# ---- downloads ----


def test_a_downloaded_notebook_has_nothing_random_and_no_widget_view() -> None:
    made = notebook(("a", 1, False))
    made.metadata["widgets"] = {"state": "…"}
    made.cells[1].metadata.update({"tags": ["hide-input"], "execution": {"iopub.execute_input": "2026"}})
    data = {widgets.WIDGET_VIEW: {"model_id": "random"}, "text/html": "<figure>"}
    made.cells[1].outputs = [nbformat.v4.new_output("display_data", data=data)]
    text = nbformat.writes(downloads.clean(made))
    cleaned = json.loads(text)
    assert [one["id"] for one in cleaned["cells"]] == ["cell-1", "cell-2"]
    assert cleaned["cells"][1]["metadata"] == {"tags": ["hide-input"]}
    assert "random" not in text and "2026" not in text and "<figure>" in text and "widgets" not in text


# ---- small books ----

GOOD = (
    HEADER
    + r"""
# One

Inline $N^\alpha$, cited {cite:t}`a2022`, by {eq}`law`; {fact}`models/gpt-3/params` and {fact}`models/gpt-3/params|plain`.
It sits {explore}`at Gopher's budget <isoflop?compute=5.76e23&model=2.8e11>`: {live}`isoflop.optimal_N`.

$$
L = E + \frac{A}{N^\alpha}
$$ (law)

```{exercise}
:label: ex
How large?
```

```{solution} ex
:class: dropdown
So large.
```

```{admonition} More
:class: dropdown
Hidden.
```

```{note}
:class: dropdown
A note that folds.
```
"""
    + cell("from scaling_helpers import explorers, facts, palette\nexplorers.isoflop()")
    + cell("explorers.isoflop()")
    + cell(
        "from scaling_helpers import figures, laws\n"
        "figures.isoflop_curves(laws.BESIROGLU_2024, [1e21, 1e23], alt='Two bowl-shaped curves of loss against size, '\n"
        "    'the lower one, of the larger budget, with its lowest point further to the right.')"
    )
    + cell("import ipywidgets\nipywidgets.VBox()", options=":tags: [remove-output]\n")
    + cell('print("TOKENS", facts.get("models/gopher/tokens").value)')
    + "\n```{bibliography}\n```\n"
)

BAD = (
    HEADER
    + r"""
# One

An unknown command $\foo{x}$.

$$
\frac{a
$$

\begin{align} a \end{align}

{fact}`models/gpt-9/params` {fact}`models/gpt-3/params|loud`

{explore}`x <isoflop?compute=1>` {explore}`x <isoflop?speed=1>` {explore}`no target` {live}`isoflop.nothing`

{explore}`elsewhere <isoflop-7?compute=1e22>`

(isoflop)=
## Same id
"""
    + cell("import ipywidgets\nfrom scaling_helpers import explorers\nipywidgets.VBox()")
    + cell("explorers.isoflop()")
)


def good_book(folder: Path) -> tuple[SmallBook, Built]:
    book = SmallBook(folder)
    book.write("index.md", "# Index\n\nNo explorer here. {fact}`models/gopher/tokens`\n")
    book.write("chapters/one.md", GOOD)
    built = book.build()
    assert built.status == 0, built.output
    return book, built


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallBook, Built]:
    return good_book(tmp_path_factory.mktemp("good"))


def test_two_clean_builds_give_the_same_bytes(good: tuple[SmallBook, Built], tmp_path: Path) -> None:
    _, other = good_book(tmp_path / "another folder, of another name")
    assert not differences(good[1].site, other.site)


def test_an_equation_is_mathml_with_a_number_and_a_name(good: tuple[SmallBook, Built]) -> None:
    page = good[1].page("chapters/one")
    assert '<span class="math-inline notranslate nohighlight"><math>' in page
    assert re.search(r'id="equation-law">\s*<div class="math-scroll" data-label="Equation 1">', page), page
    assert '<span class="eqno">(1)<a class="headerlink" href="#equation-law"' in page
    assert 'href="#equation-law">(1)</a>' in page


def test_no_page_asks_for_anything_outside_the_site(good: tuple[SmallBook, Built]) -> None:
    asking = re.compile(r"""(?:\bsrc=|<link\b[^>]*\bhref=|@import\s+|url\()\s*["']?((?:https?:)?//[^"')\s>]+)""")
    for path in good[1].site.rglob("*"):
        if path.suffix in {".html", ".css"}:
            assert not asking.findall(path.read_text(encoding="utf-8")), path
    page = good[1].page("chapters/one")
    for intruder in ("mathjax", "require.js", "html-manager", "thebe", "widget-state", "togglebutton", "fontawesome.js"):
        assert intruder not in page.lower(), intruder


def test_explorers_on_a_page_are_numbered_and_their_script_comes_only_there(good: tuple[SmallBook, Built]) -> None:
    built = good[1]
    page = built.page("chapters/one")
    assert re.findall(r'<figure[^>]*\bid="(isoflop[^"]*)"', page) == ["isoflop", "isoflop-2"]
    assert re.search(r'<script defer="defer" src="\.\./_static/explorers/explorer\.js\?v=', page)
    assert "explorers/explorer" not in built.page("index")
    for name in ("explorer.js", "explorer.css", "vega.js"):
        assert (built.site / "_static" / "explorers" / name).stat().st_size > 0
    assert (built.site / "_static" / "palette.css").read_text(encoding="utf-8") == palette.css()


def test_prose_sets_the_explorer_and_follows_it(good: tuple[SmallBook, Built]) -> None:
    page = good[1].page("chapters/one")
    assert '<a class="explorer-link" href="#isoflop" data-explorer-set="compute=5.76e23&amp;model=2.8e11">' in page
    value = CATALOGUE["isoflop"]().readouts()["optimal_N"]
    shown = roles.numbers.format(value, "count")
    assert re.search(rf'data-live="isoflop.optimal_N" data-format="count"[^>]*>{re.escape(shown)}</span>', page)


def test_a_fact_shows_its_source_to_mouse_and_keyboard(good: tuple[SmallBook, Built]) -> None:
    page = good[1].page("chapters/one")
    assert '<span class="fact-value" tabindex="0" aria-describedby="fact-1">175B</span>' in page
    assert re.search(r'role="tooltip" id="fact-1">.*arXiv:2203\.15556.*Confidence:</b> primary text', page)
    assert 'aria-describedby="fact-2">175000000000<' in page


def test_what_folds_is_details_and_ids_are_unique(good: tuple[SmallBook, Built]) -> None:
    page = good[1].page("chapters/one")
    assert re.search(r'<details class="[^"]*solution[^"]*"[^>]*>\s*<summary class="admonition-title">Solution', page)
    assert re.search(r"<summary[^>]*>More</summary>", page) and re.search(r"<summary[^>]*>Note</summary>", page)
    repeated = [name for name, times in Counter(re.findall(r'\bid="([^"]+)"', page)).items() if times > 1]
    assert not repeated


def test_a_chapter_offers_its_notebook_and_a_plain_page_none(good: tuple[SmallBook, Built]) -> None:
    built = good[1]
    assert 'href="one.ipynb" download' in built.page("chapters/one")
    text = (built.site / "chapters" / "one.ipynb").read_text(encoding="utf-8")
    assert widgets.WIDGET_VIEW not in text and "data-explorer" in text and str(good[0].folder) not in text
    assert not (built.site / "index.ipynb").exists() and ".ipynb" not in built.page("index")
    assert not (built.site / "_sources").exists()


def test_the_bibliography_has_no_numbers_and_no_withdrawn_role(good: tuple[SmallBook, Built]) -> None:
    page = good[1].page("chapters/one")
    assert re.search(r'<div class="citation"[^>]*>\s*<p>Ann', page), "author first, no number"
    assert "doc-biblioentry" not in page and 'role="list"' not in page


def test_nothing_runs_twice_for_nothing(good: tuple[SmallBook, Built]) -> None:
    book, first = good
    assert first.executed == 1
    again = book.build()
    assert (again.status, again.executed) == (0, 0), again.output


def test_what_changed_reaches_the_page_and_nothing_else_runs_again(tmp_path: Path) -> None:
    book = SmallBook(tmp_path, own_package=True)
    book.write("index.md", "# Index\n\n{fact}`models/gopher/tokens`\n")
    source = (
        "from scaling_helpers import facts, palette\nfrom scaling_helpers.laws import BESIROGLU_2024 as law\n"
        'print(facts.get("models/gopher/tokens").value, palette.LIGHT["law"], "LOSS", round(law.loss(1e10, 1e12), 6))'
    )
    book.write("chapters/one.md", f"{HEADER}\n# One\n\nAs it was.\n{cell(source)}")

    def loss(built: Built) -> float:
        return float(re.findall(r"LOSS ([\d.]+)", built.page("chapters/one"))[0])

    first = book.build()
    assert (first.status, first.executed) == (0, 1), first.output
    assert f"300000000000.0 {palette.LIGHT['law']}" in first.page("chapters/one") and ">300B<" in first.page("index")
    before = loss(first)

    unchanged = book.build()
    assert (unchanged.status, unchanged.executed) == (0, 0), unchanged.output

    row = next(
        line for line in (ROOT / "scaling_helpers/facts/models.csv").read_text().splitlines() if line.startswith("gopher,")
    )
    book.replace("scaling_helpers/facts/models.csv", row, row.replace(",3e11,", ",4e11,"))
    told = book.build()
    assert (told.status, told.executed) == (0, 1), told.output
    assert f"400000000000.0 {palette.LIGHT['law']}" in told.page("chapters/one") and ">400B<" in told.page("index")

    book.replace("scaling_helpers/palette.py", palette.LIGHT["law"], "#123456")
    book.replace("scaling_helpers/laws/parametric.py", "return self.E + self.A", "return 1 + self.E + self.A")
    changed = book.build()
    assert (changed.status, changed.executed) == (0, 1), changed.output
    assert "400000000000.0 #123456" in changed.page("chapters/one")
    assert loss(changed) == pytest.approx(1 + before, abs=2e-6)

    book.write("scaling_helpers/book/static/book.css", "/* plain */")
    book.replace("chapters/one.md", "As it was.", "As it is now.")
    reworded = book.build()
    assert (reworded.status, reworded.executed) == (0, 0), "only text and style changed"
    assert "As it is now." in reworded.page("chapters/one") and loss(reworded) == loss(changed)
    assert "/* plain */" in (reworded.site / "_static" / "book.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallBook, Built]:
    book = SmallBook(tmp_path_factory.mktemp("bad"))
    book.write("index.md", "# Index\n")
    book.write("chapters/one.md", BAD)
    return book, book.build()


@pytest.mark.parametrize(
    "complaint",
    [
        r'one\.md:11: WARNING: equation not understood: Unknown command "\\foo"',
        r"equation not understood: .* In: \\frac\{a",
        r"one\.md:17: WARNING: an equation outside \$\$",
        r"\{fact\}`models/gpt-9/params`: .*no row 'gpt-9'",
        r"no format 'loud'",
        r"compute=1 is outside 1e\+18 to 1e\+27 FLOP",
        r"isoflop has no control 'speed'",
        r"write it as: phrase <explorer",
        r"isoflop has no readout 'nothing'",
        r"refers to the explorer 'isoflop-7', which is not on this page \(here: isoflop\)",
        r"code cell 1 shows a widget that has no HTML form",
        r"the explorer 'isoflop' and another part of the page",
    ],
)
def test_a_mistake_is_named_and_stops_the_build(bad: tuple[SmallBook, Built], complaint: str) -> None:
    assert bad[1].status != 0
    assert re.search(complaint, bad[1].output), bad[1].output


def test_a_failed_build_fails_again_until_it_is_mended(bad: tuple[SmallBook, Built]) -> None:
    book, _ = bad
    again = book.build()
    assert again.status != 0 and "no row 'gpt-9'" in again.output
    assert again.executed == 0, "what ran well is not run again"
    # Two pages at once: a cell that fails, and one that takes too long.
    book.write("_toc.yml", "format: jb-book\nroot: index\nchapters:\n- file: chapters/one\n- file: chapters/two\n")
    failing_cell = cell("def f(y):\n    return 1 / y\n\n\nf(0)")
    book.write("chapters/one.md", HEADER + "# One\n" + cell("x = 1") + failing_cell + cell("print(x)"))
    book.write("chapters/two.md", HEADER + "# Two\n" + cell("x = 1") + cell("import time\ntime.sleep(30)"))
    book.replace("_config.yml", "timeout: 60", "timeout: 5")
    failing = book.build()
    assert failing.status != 0
    assert re.search(r"one\.md:\d+: WARNING: code cell 2 failed \(CellExecutionError\)", failing.output), failing.output
    assert "return 1 / y" in failing.output and "ZeroDivisionError: division by zero" in failing.output
    assert re.search(r"two\.md:\d+: WARNING: code cell 2 failed \(CellTimeoutError, longer than execute.timeout", failing.output)
    book.replace("chapters/one.md", "f(0)", "f(1)")
    book.replace("chapters/two.md", "time.sleep(30)", "x")
    mended = book.build()
    assert mended.status == 0, mended.output
    assert not (mended.site / "reports").exists()


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="'no_such_package': install the lock"):
        folders.installed("no_such_package")


class App:
    """As much of a Sphinx application as the event handlers look at."""

    def __init__(self, folder: Path) -> None:
        self.outdir = str(folder / "_build" / "html")
        self.srcdir = str(folder)
        self.builder = type("Builder", (), {"format": "html"})
        self._warncount = 0


def test_a_path_of_this_machine_in_a_page_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = App(tmp_path)
    page = Path(app.outdir) / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<p>{tmp_path}/file</p>")
    with caplog.at_level("WARNING"):
        theme.tidy(app, None)
    assert any("index.html shows a path of this machine" in record.getMessage() for record in caplog.records)


def test_an_explorer_without_its_script_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sphinx.errors import ExtensionError

    app = App(tmp_path)
    monkeypatch.setattr(assets, "SOURCE", tmp_path)
    load: Callable[..., None] = assets.load
    load(app, "plain", "page.html", {"body": "<p>"}, None)
    with pytest.raises(ExtensionError, match=r"explorer\.js is missing"):
        load(app, "one", "page.html", {"body": '<figure data-explorer="isoflop">'}, None)


def test_a_page_taken_out_of_the_contents_leaves_the_site(tmp_path: Path) -> None:
    kept = ("index.html", "search.html", "chapters/kept.html", "chapters/kept.ipynb")
    for name in (*kept, "chapters/gone.html", "chapters/gone.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    gone = theme.departed(tmp_path, {"index", "search", "chapters/kept"})
    assert sorted(page.name for page in gone) == ["gone.html", "gone.ipynb"]


# ---- the reference of the package ----


def test_a_docstring_reaches_its_page_and_a_link_in_it_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    book = SmallBook(tmp_path, own_package=True)
    book.write("index.md", "# Index\n\nSee {py:func}`scaling_helpers.inference.pass_at_k`.\n")
    book.write("chapters/one.md", "# Reference\n\n```{api} inference\n```\n")
    source = (book.folder / "scaling_helpers/inference/attempts.py").read_text(encoding="utf-8")
    first = source[source.index('"""', source.index("def pass_at_k(")) :].split("\n", 1)[0]
    book.replace("scaling_helpers/inference/attempts.py", first, f"{first} See :func:`pass_at_kk`.")
    broken = book.build()
    assert broken.status != 0 and "pass_at_kk" in broken.output, broken.output

    book.replace("scaling_helpers/inference/attempts.py", " See :func:`pass_at_kk`.", " See :func:`pass_hat_k` QUITE NEW.")
    mended = book.build()
    assert mended.status == 0, mended.output
    page = mended.page("chapters/one")
    assert "QUITE NEW" in page and 'href="#scaling_helpers.inference.pass_hat_k"' in page
    assert 'id="scaling_helpers.inference.pass_at_k"' in page
    assert 'href="chapters/one.html#scaling_helpers.inference.pass_at_k"' in mended.page("index")
