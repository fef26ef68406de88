"""Is a chapter a notebook in JupyterLab, and an explorer a widget there? A real server, browser and cold kernel."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import jupytext
import nbformat
import pytest
from playwright.sync_api import expect

from scaling_helpers.explorers import CATALOGUE

from .conftest import ROOT, Lab, notebook
from .desk import SLOW, Desk, at

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

#: A drawing of some size, with curves in it.
SEES_PICTURE = """() => {
  const picture = document.querySelector('.jp-OutputArea .explorer-static svg');
  const box = picture?.getBoundingClientRect();
  return box?.width > 300 && box.height > 200 && picture.querySelectorAll('path').length > 5;
}"""
#: Not ours. jupyterlab-myst reads one cell at a time and so misses what other cells label; it logs each miss as an
#: error. JupyterLab's cell toolbar looks for the active cell's Markdown, which may not be in the page when scrolled away.
#: While every cell runs, JupyterLab scrolls to the last one, and on busy cores gives up waiting for it after ten seconds.
NOT_OURS = re.compile(
    r"error: (Cross reference target was not found|Legacy syntax used for link target)"
    r"|error not caught: Cannot read properties of undefined \(reading 'node'\)$"
    r"|warning: Item with index \d+ did not appear within \d+ ms$"
)


def same_numbers(page: dict[str, float | None], python: dict[str, float | None]) -> None:
    assert page.keys() == python.keys()
    for name, value in python.items():
        assert page[name] == (None if value is None else pytest.approx(value, rel=1e-9)), name


def gallery(lab: Lab, path: str, names: Iterable[str]) -> None:
    """A notebook with a cell for each of these explorers, after one that imports them."""
    cells = [f"made[{name!r}] = explorers.{name}()\nmade[{name!r}]" for name in names]
    nbformat.write(notebook("from scaling_helpers import explorers\nmade, seen = {}, []", *cells), lab.books / path)


def moves_both_ways(desk: Desk, name: str, cell: int) -> None:
    """The explorer of that cell comes to life, tells an observer in Python of a move by hand, and follows Python."""
    page = desk.page
    desk.show(cell)
    figure = page.locator(f"figure.explorer[data-explorer={name}]")
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-state", "live", timeout=SLOW)
    same_numbers(desk.readouts(name), desk.value(f"made[{name!r}].readouts()"))

    start = desk.controls(name)
    desk.execute(f"seen.clear(); made[{name!r}].observe(lambda change: seen.append([change.name, change.new]), list({start!r}))")
    slider = figure.locator("input[type=range]").first
    slider.focus()
    for key in ("PageDown", "PageUp"):  # the second only where the first finds the slider at its end
        if desk.controls(name) == start:
            slider.press(key)
    there = desk.controls(name)
    (moved,) = (control for control in there if there[control] != start[control])
    # A widget sends one message at a time, so the move may come after the question: ask until it is there.
    deadline = time.monotonic() + 20
    while not (seen := desk.value("seen")) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert seen and seen[-1] == [moved, there[moved]], f"{name}: {moved} is {there[moved]} here, Python saw {seen}"
    same_numbers(desk.readouts(name), desk.value(f"made[{name!r}].readouts()"))

    desk.execute(f"made[{name!r}].{moved} = {start[moved]!r}")
    page.wait_for_function(
        "([id, name, value]) => window.explorers.get(id).controls().find((control) => control.name === name).value === value",
        arg=[name, moved, start[moved]],
    )
    page.wait_for_function(
        "([id, words]) => document.querySelector(`#${id} .explorer-alternative`).textContent === words",
        arg=[name, desk.value(f"made[{name!r}].declaration.words(made[{name!r}].values)")],
    )
    same_numbers(desk.readouts(name), desk.value(f"made[{name!r}].readouts()"))


def drawing(desk: Desk) -> str:
    """The marks of the first explorer's chart."""
    return desk.page.locator("figure.explorer .explorer-chart svg").first.inner_html()


def no_kernel(page: Page) -> None:
    """Let JupyterLab find no kernel to start, as on a machine without Python."""

    def answer(route: Route) -> None:
        route.fulfill(json={"default": "", "kernelspecs": {}})

    page.route(re.compile(r"/api/kernelspecs"), answer)


def test_an_explorer_moves_python_and_python_moves_it(browser: Browser, lab: Lab) -> None:
    with at(browser, lab) as desk:
        page = desk.page
        desk.open("explorer.ipynb")
        desk.await_kernel()
        page.locator(".jp-Notebook .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        expect(desk.explorer()).to_have_count(1, timeout=SLOW)
        same_numbers(desk.readouts(), desk.ask("w.readouts()"))

        # By hand, with an observer in Python.
        desk.run(
            "import ipywidgets as widgets\n"
            "seen = widgets.Label('nothing')\n"
            "w.observe(lambda change: setattr(seen, 'value', f'{change.name} is {change.new:.3g}'), 'compute')\n"
            "seen"
        )
        label = page.locator(".widget-label", has_text="nothing")
        expect(label).to_be_visible()
        slider = page.locator("figure.explorer input[type=range][id$=-compute]").first
        field = page.locator("figure.explorer .explorer-field").first
        before = drawing(desk)
        slider.focus()
        for _ in range(3):
            slider.press("PageDown")
        moved = page.evaluate("() => window.explorers.get('isoflop').controls()[0].value")
        assert moved < 5.76e23
        shown = f"compute is {moved:.3g}"
        expect(page.locator(".widget-label", has_text=shown)).to_be_visible(timeout=SLOW)
        assert desk.ask("w.compute") == moved
        assert drawing(desk) != before
        same_numbers(desk.readouts(), desk.ask("w.readouts()"))

        # From Python: one trait, then several together.
        before = drawing(desk)
        desk.run("w.compute = 3.14e23")
        expect(slider).to_have_attribute("aria-valuetext", "3.14 × 10²³ FLOP", timeout=SLOW)
        expect(field).to_have_value("3.14 × 10²³")
        expect(page.locator("figure.explorer .explorer-alternative")).to_contain_text("3.14 × 10²³")
        assert drawing(desk) != before
        same_numbers(desk.readouts(), desk.ask("w.readouts()"))
        desk.run("w.values = {'law': 'hoffmann-2022', 'model': 1.75e11}")
        expect(page.locator("figure.explorer input[type=range][id$=-model]")).to_have_attribute(
            "aria-valuetext", "175B parameters", timeout=SLOW
        )
        same_numbers(desk.readouts(), desk.ask("w.readouts()"))

        # Beside other widgets: a linked slider moves both views of the one explorer.
        desk.run(
            "budget = widgets.FloatLogSlider(value=1e24, min=18, max=27, description='budget')\n"
            "widgets.link((budget, 'value'), (w, 'compute'))\n"
            "widgets.HBox([budget, w])"
        )
        second = page.locator(".widget-hbox figure.explorer")
        second.scroll_into_view_if_needed()
        expect(second).to_have_attribute("data-state", "live", timeout=SLOW)
        assert second.bounding_box()["width"] > 400  # type: ignore[index]
        desk.run("budget.value = 2e22")
        slider = second.locator("input[type=range][id$=-compute]")
        expect(slider).to_have_attribute("aria-valuetext", "2 × 10²² FLOP", timeout=SLOW)
        python = desk.ask("w.readouts()")
        for view in ("isoflop", "isoflop-2"):
            same_numbers(desk.readouts(view), python)
        slider.press("End")
        expect(page.locator(".widget-readout", has_text="1.00e+27")).to_be_visible(timeout=SLOW)
        assert desk.ask("[budget.value, w.compute]") == [1e27, 1e27]
        assert desk.watch.faults() == []


def test_every_explorer_moves_python_and_python_moves_it(browser: Browser, lab: Lab) -> None:
    """One kernel and one notebook for the whole catalogue; a new explorer joins by being in it."""
    gallery(lab, "every.ipynb", CATALOGUE)
    with at(browser, lab) as desk:
        desk.open("every.ipynb")
        desk.await_kernel()
        for outputs in desk.run_all():
            assert [output for output in outputs if output["output_type"] == "error"] == []
        for cell, name in enumerate(CATALOGUE, 1):
            moves_both_ways(desk, name, cell)
        assert [fault for fault in desk.watch.faults() if not NOT_OURS.search(fault)] == []


@pytest.mark.long
@pytest.mark.parametrize("name", CATALOGUE)
def test_an_explorer_alone_comes_to_life_from_a_cold_kernel(browser: Browser, lab: Lab, name: str) -> None:
    gallery(lab, f"{name}.ipynb", [name])
    with at(browser, lab) as desk:
        desk.open(f"{name}.ipynb")
        desk.await_kernel()
        desk.run_all()
        moves_both_ways(desk, name, 1)
        assert [fault for fault in desk.watch.faults() if not NOT_OURS.search(fault)] == []


def test_a_saved_notebook_shows_the_picture_without_a_kernel(browser: Browser, lab: Lab) -> None:
    with at(browser, lab) as desk:
        desk.open("saved.ipynb")
        desk.await_kernel()
        desk.run_all()
        expect(desk.explorer()).to_have_count(1, timeout=SLOW)
        desk.run("w.compute = 1e22")
        expect(desk.page.locator("input[id$=-compute]")).to_have_attribute("aria-valuetext", "1 × 10²² FLOP", timeout=SLOW)
        desk.save()
        desk.shut_down()

    stored = json.loads((lab.books / "saved.ipynb").read_text())
    assert stored["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert "explorer-static" in "".join(stored["cells"][0]["outputs"][0]["data"]["text/html"])

    for kernel in (False, True):  # no kernel at all, then a new one that knows nothing of the old one's widgets
        with at(browser, lab) as desk:
            if not kernel:
                no_kernel(desk.page)
                desk.page.reload()
                desk.page.wait_for_function("() => window.jupyterapp")
                desk.page.evaluate("() => jupyterapp.restored.then(() => null)")
            desk.open("saved.ipynb")
            if kernel:
                desk.await_kernel()
                expect(desk.explorer("waiting")).to_have_count(1, timeout=SLOW)  # the widget, from the stored state
            else:
                desk.page.locator("dialog.jp-Dialog .jp-Dialog-button", has_text="No Kernel").click()
            desk.page.wait_for_function(SEES_PICTURE)
            expect(desk.page.locator(".jp-OutputArea").first).not_to_contain_text("model not found")
            if kernel:
                expect(desk.page.locator("input[id$=-compute]")).to_have_attribute("aria-valuetext", "1 × 10²² FLOP")
            assert desk.watch.faults() == []


def test_a_chapter_opens_as_a_notebook_and_runs(browser: Browser, lab: Lab) -> None:
    with at(browser, lab, "/tree/chapters") as desk:
        page = desk.page
        page.locator(".jp-DirListing-item", has_text="chinchilla.md").dblclick()
        expect(page.locator(".jp-Notebook .myst h1").first).to_contain_text("Chinchilla")
        expect(page.locator(".jp-Notebook .myst-admonition").first).to_be_visible()
        assert page.evaluate("() => jupyterapp.shell.currentWidget.content.widgets.length") > 20
        # The book's own roles, before anything has run.
        opening = page.locator(".jp-MarkdownCell").first
        expect(opening.locator(".myst")).to_contain_text("GPT-3 had 175B parameters")
        expect(opening.locator(".myst")).to_contain_text("Hoffmann et al. (2022)")
        expect(opening.locator(".myst")).not_to_contain_text("models/")

        desk.await_kernel()
        for outputs in desk.run_all():
            assert [output for output in outputs if output["output_type"] == "error"] == []
        find_cell(desk, "GPT-3 stood at")
        expect(page.locator(".jp-MarkdownCell p", has_text="GPT-3 stood at 1.71 tokens per parameter")).to_be_visible()

        find_cell(desk, "{explore}`at Gopher")
        link = page.get_by_role("link", name="put Chinchilla’s size there").or_(
            page.get_by_role("link", name="put Chinchilla's size there")
        )
        expect(desk.explorer()).to_have_count(1, timeout=SLOW)
        link.click()
        expect(page.locator("figure.explorer input[id$=-model]").first).to_have_attribute("aria-valuetext", "70B parameters")

        desk.save()
        before, after = (jupytext.read(book / "chapters" / "chinchilla.md") for book in (ROOT, lab.books))
        assert [cell.source for cell in after.cells] == [cell.source for cell in before.cells]
        assert after.metadata.jupytext == before.metadata.jupytext
        faults = [fault for fault in desk.watch.faults() if not NOT_OURS.search(fault)]
        assert faults == []


def find_cell(desk: Desk, text: str) -> None:
    """Scroll to the first Markdown cell whose source has ``text``; far cells are not in the page until then."""
    desk.page.evaluate(
        """async (text) => {
          const notebook = jupyterapp.shell.currentWidget.content;
          const prose = (cell) => cell.model.type === 'markdown' && cell.model.sharedModel.getSource().includes(text);
          const index = notebook.widgets.findIndex(prose);
          notebook.activeCellIndex = index;
          await notebook.scrollToItem(index, 'start');
        }""",
        text,
    )


def test_jupyterlab_leaves_the_home_folder_alone(lab: Lab) -> None:
    """Runs last: by now the server has started kernels, signed notebooks and kept workspaces."""
    left = {path.name for path in lab.home.iterdir()}
    assert left <= {".cache", ".config"}  # where matplotlib keeps its list of fonts
