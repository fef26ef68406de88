"""Every page of the built book, found from its files, as three readers meet it.

A strict host at a desk (light, then dark by the page's own switch, everything unfolded), a plain host on a phone whose
system is dark, and the same tree opened from a folder. What axe says of a page's structure is asked for in light at the
desk and in dark on the phone, what it says of colours in both at the desk. Each page is visited once each way; the tests
below read the notes of those visits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont

from benchmarks.pages import asked_for, pages, weigh

from . import faults
from .watch import settle, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}

_UNFOLD = """async () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  for (const toggle of document.querySelectorAll(".explorer button[aria-expanded=false]")) toggle.click();
  await Promise.all([...(window.explorers ?? new Map()).values()].map((handle) => handle.set({})));
}"""
# Colours in the middle of a transition are nobody's fault.
_STILL = """() => {
  for (const a of document.getAnimations()) if (a.effect.getComputedTiming().iterations !== Infinity) a.finish();
}"""
_LIFELESS = """() => [...document.querySelectorAll("figure.explorer")].filter((f) => f.dataset.state !== "live")
  .map((f) => `the explorer ${f.id} is ${f.dataset.state ?? "not started"}, not live`)"""
_EMPTY_PICTURES = """() => [...document.images].filter((i) => i.checkVisibility() && !i.naturalWidth)
  .map((i) => `the picture ${i.src} does not show`)"""


@dataclass
class Notes:
    """The faults of one visit, by gate."""

    faults: dict[str, list[str]] = field(default_factory=dict)

    def add(self, gate: str, found: list[str]) -> None:
        self.faults.setdefault(gate, []).extend(found)


def visit(page: Page, url: str) -> None:
    """Open ``url`` and wait until everything on it lives and is unfolded."""
    page.goto(url)
    settle(page)
    page.evaluate(_UNFOLD)
    calm(page)


def calm(page: Page) -> None:
    settle(page)
    page.evaluate(_STILL)


def switch_theme(page: Page, wanted: str) -> None:
    """Press the page's own switch until it says ``wanted``."""
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.mode") == wanted:
            break
        page.locator(".theme-switch-button:visible").first.click()
    assert page.evaluate("document.documentElement.dataset.theme") == wanted
    # The switch's label goes when neither mouse nor focus is there; half faded, its colours are nobody's fault either.
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    # (Waiting by locator: under a strict policy, what wait_for_function asks again in a later frame is refused as eval.)
    page.locator(".tooltip").first.wait_for(state="detached")
    calm(page)


def at_a_desk(browser: Browser, home: str, site: Path, name: str, glyphs: set[int]) -> Notes:
    notes = Notes()
    with watched(browser, home, viewport=DESK, color_scheme="light") as (page, watch):
        urls = asked_for(page)
        visit(page, f"{home}/{name}")
        notes.add("bytes", faults.overweight(name, weigh(site, watch.served(urls))))
        notes.add("alive", page.evaluate(_LIFELESS))
        notes.add("formulas", faults.formulas(page))
        notes.add("fonts", [*faults.fonts(page), *faults.icons(page, glyphs)])
        notes.add("pictures", [*faults.pictures(page), *page.evaluate(_EMPTY_PICTURES)])
        notes.add("axe", [f"light: {fault}" for fault in faults.axe(page)])
        switch_theme(page, "dark")
        notes.add("axe", [f"dark: {fault}" for fault in faults.axe(page, structure=False)])
        notes.add("watch", watch.faults())
    return notes


def on_a_phone(browser: Browser, home: str, name: str) -> Notes:
    notes = Notes()
    with watched(browser, home, viewport=PHONE, color_scheme="dark", has_touch=True, is_mobile=True) as (page, watch):
        page.goto(f"{home}/{name}")
        settle(page)
        notes.add("sideways", faults.sideways(page))
        page.evaluate(_UNFOLD)
        calm(page)
        notes.add("sideways", [f"unfolded, {fault}" for fault in faults.sideways(page)])
        notes.add("axe", [f"phone, dark: {fault}" for fault in faults.axe(page, colours=False)])
        notes.add("watch", watch.faults())
    return notes


def from_a_folder(browser: Browser, folder: Path, name: str) -> Notes:
    notes = Notes()
    with watched(browser, folder.as_uri(), viewport=DESK) as (page, watch):
        visit(page, (folder / name).as_uri())
        notes.add("alive", page.evaluate(_LIFELESS))
        notes.add("formulas", faults.formulas(page))
        notes.add("fonts", faults.fonts(page))
        notes.add("pictures", page.evaluate(_EMPTY_PICTURES))
        notes.add("watch", watch.faults())
    return notes


@pytest.fixture(scope="session")
def glyphs(book_html: Path) -> set[int]:
    """Every character that a font of the site can draw."""
    found: set[int] = set()
    for path in (book_html / "_static").rglob("*.woff2"):
        found |= set(TTFont(path, lazy=True).getBestCmap())
    return found


@pytest.fixture(scope="session")
def desk(browser: Browser, book_html: Path, strict_site: str, glyphs: set[int]) -> dict[str, Notes]:
    return {name: at_a_desk(browser, strict_site, book_html, name, glyphs) for name in pages(book_html)}


@pytest.fixture(scope="session")
def phone(browser: Browser, book_html: Path, site: str) -> dict[str, Notes]:
    return {name: on_a_phone(browser, site, name) for name in pages(book_html)}


@pytest.fixture(scope="session")
def folder(browser: Browser, book_html: Path) -> dict[str, Notes]:
    return {name: from_a_folder(browser, book_html, name) for name in pages(book_html)}


def none(visits: dict[str, Notes], gate: str) -> None:
    found = [f"{name}: {fault}" for name, notes in visits.items() for fault in notes.faults[gate]]
    assert not found, f"{len(found)} faults\n" + "\n".join(found[:60])


def test_the_site_has_the_pages_of_the_contents_and_the_search(book_html: Path) -> None:
    contents = yaml.safe_load((book_html.parent.parent / "_toc.yml").read_text(encoding="utf-8"))

    def files(entry: dict[str, object]) -> list[str]:
        inner = [one for key in ("parts", "chapters", "sections") for one in entry.get(key, [])]  # type: ignore[attr-defined]
        own = [str(entry[key]) for key in ("root", "file") if key in entry]
        return own + [name for one in inner for name in files(one)]

    assert set(pages(book_html)) == {f"{name}.html" for name in files(contents)} | {"search.html"}


def test_no_page_asks_for_anything_outside_the_site_or_complains_under_a_strict_policy(desk: dict[str, Notes]) -> None:
    none(desk, "watch")


def test_no_page_asks_for_anything_outside_the_site_or_complains_on_a_phone(phone: dict[str, Notes]) -> None:
    none(phone, "watch")


def test_no_page_complains_when_opened_from_a_folder(folder: dict[str, Notes]) -> None:
    none(folder, "watch")


def test_axe_finds_nothing_at_a_desk_in_light_and_dark(desk: dict[str, Notes]) -> None:
    none(desk, "axe")


def test_axe_finds_nothing_on_a_phone(phone: dict[str, Notes]) -> None:
    none(phone, "axe")


def test_no_page_scrolls_sideways_on_a_phone(phone: dict[str, Notes]) -> None:
    none(phone, "sideways")


def test_every_page_stays_within_its_bytes(desk: dict[str, Notes]) -> None:
    none(desk, "bytes")


@pytest.mark.parametrize("where", ["desk", "folder"])
def test_every_explorer_comes_alive(where: str, request: pytest.FixtureRequest) -> None:
    none(request.getfixturevalue(where), "alive")


@pytest.mark.parametrize("where", ["desk", "folder"])
def test_equations_are_drawn_with_the_sites_font_and_no_tex_is_left(where: str, request: pytest.FixtureRequest) -> None:
    none(request.getfixturevalue(where), "formulas")


@pytest.mark.parametrize("where", ["desk", "folder"])
def test_fonts_load_and_every_icon_has_a_glyph(where: str, request: pytest.FixtureRequest) -> None:
    none(request.getfixturevalue(where), "fonts")


@pytest.mark.parametrize("where", ["desk", "folder"])
def test_every_picture_shows_and_says_what_it_shows(where: str, request: pytest.FixtureRequest) -> None:
    none(request.getfixturevalue(where), "pictures")


def test_search_finds_a_chapter_offline(browser: Browser, strict_site: str) -> None:
    with watched(browser, strict_site, viewport=DESK) as (page, watch):
        page.goto(strict_site)
        page.locator("button.search-button__button:visible").first.click()
        field = page.locator("input[type=search]:visible")
        assert field.count() == 1, "one search box, not two"
        field.fill("Chinchilla")
        field.press("Enter")
        page.wait_for_url("**/search.html?q=*")
        result = page.locator("#search-results li a").first
        result.wait_for()
        assert "chinchilla" in result.inner_text().lower()
        result.click()
        page.wait_for_url("**/*chinchilla*")
        assert page.locator("h1:visible").count() == 1
        assert not watch.faults()


def test_search_finds_nothing_for_a_word_that_is_nowhere(browser: Browser, strict_site: str) -> None:
    with watched(browser, strict_site, viewport=DESK) as (page, _):
        page.goto(f"{strict_site}/search.html?q=qwertyuiopa")
        page.locator("#search-results", has_text="did not match").wait_for()
        assert page.locator("#search-results li a").count() == 0


def test_the_theme_switch_changes_the_page_and_is_remembered(browser: Browser, strict_site: str) -> None:
    def background(page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    with watched(browser, strict_site, viewport=DESK, color_scheme="light") as (page, watch):
        page.goto(strict_site)
        light = background(page)
        switch_theme(page, "dark")
        dark = background(page)
        assert dark != light
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert background(page) == dark
        switch_theme(page, "light")
        assert background(page) == light
        assert not watch.faults()


def test_without_a_choice_the_page_follows_the_system(browser: Browser, strict_site: str) -> None:
    with watched(browser, strict_site, viewport=DESK, color_scheme="dark") as (page, _):
        page.goto(strict_site)
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
