"""Each gate can go red: every checker is shown a page with the fault it is there for, and one without."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import pytest

from . import faults
from .chromium import NoBrowserError, find
from .server import POLICY, serve
from .watch import Watch, settle, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Show = Callable[..., "Page"]
# The browser asks for an icon by itself.
ICON = '<link rel="icon" href="data:,">'
GOOD = (
    "The loss of a language model against its number of parameters, on logarithmic axes: a straight line that falls "
    "by a tenth for each doubling."
)


class Stage:
    """One browser page for all cases; ``watch`` holds what the one shown last did behind the reader's back."""

    def __init__(self, folder: Path, page: Page, watch: Watch, homes: dict[bool, str]) -> None:
        self.folder, self.page, self.watch, self.homes = folder, page, watch, homes
        self.number = itertools.count()

    def show(self, body: str, *, head: str = "", policy: bool = False, width: int = 1280) -> Page:
        """Open a page with ``body``, under the content policy if asked."""
        name = f"{next(self.number)}.html"
        text = f'<!DOCTYPE html><html lang="en"><head><title>A page</title>{ICON}{head}</head><body>{body}</body></html>'
        (self.folder / name).write_text(text, encoding="utf-8")
        self.page.set_viewport_size({"width": width, "height": 800})
        self.watch.forget(self.homes[policy])
        self.page.goto(f"{self.watch.home}/{name}")
        settle(self.page)
        return self.page

    def seen(self) -> str:
        return "\n".join(self.watch.faults())


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("pages")
    with (
        serve(folder) as plain,
        serve(folder, {"Content-Security-Policy": POLICY}) as strict,
        watched(browser, plain) as (page, watch),
    ):
        yield Stage(folder, page, watch, {False: plain, True: strict})


@pytest.fixture
def show(stage: Stage) -> Show:
    return stage.show


def test_a_plain_page_has_no_faults(stage: Stage) -> None:
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    page = stage.show(f"<main><h1>Scaling</h1><p>Text.</p><img alt='{GOOD}' src='{pixel}'></main>")
    found = [*faults.axe(page), *faults.sideways(page), *faults.formulas(page), *faults.pictures(page), *faults.fonts(page)]
    assert not found
    assert not stage.seen()


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="" src="https://example.org/a.png">',
        '<script src="//cdn.example.org/a.js"></script>',
        '<style>@import "https://example.org/a.css"</style>',
        "<script>fetch('https://example.org/x').catch(() => {})</script>",
        "<script>new WebSocket('ws://example.org/x')</script>",
    ],
)
def test_a_request_that_leaves_the_site_is_reported(stage: Stage, body: str) -> None:
    stage.show(body)
    assert "example.org" in stage.seen()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<script>console.error('a broken thing')</script>", "a broken thing"),
        ("<script>console.warn('a doubtful thing')</script>", "a doubtful thing"),
        ("<script>throw new Error('nobody caught me')</script>", "nobody caught me"),
        ("<script>Promise.reject(new Error('nor me'))</script>", "nor me"),
        ("<script>let a = 1</script><script>let a = 2</script>", "already been declared"),
        ('<script src="gone.js"></script>', "404"),
    ],
)
def test_what_reaches_the_console_is_reported(stage: Stage, body: str, words: str) -> None:
    stage.show(body)
    assert words in stage.seen()


@pytest.mark.parametrize(
    "body",
    ["<script>Function('return 1')()</script>", "<script>eval('1')</script>", '<img alt="" src="https://example.org/a.png">'],
)
def test_what_the_content_policy_forbids_is_reported(stage: Stage, body: str) -> None:
    stage.show(body)
    assert "Content Security Policy" not in stage.seen()
    stage.show(body, policy=True)
    assert "Content Security Policy" in stage.seen()


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<p style='color: #aaa; background: #fff'>Pale grey on white.</p>", "color-contrast"),
        (
            "<table class='facts-table'><tbody>" + "<tr><td>1</td></tr>" * 8
            + "<tr><td style='color: #aaa; background: #fff'>a pale cell in a late row</td></tr></tbody></table>",
            "color-contrast",
        ),
        (
            "<p>Plain.</p>" * 8 + "<p>Plain, but for <span style='color: #aaa; background: #fff'>a pale word</span>.</p>",
            "color-contrast",
        ),
        (
            "<pre>x = 1</pre>" * 8 + "<div style='background: #333'><pre>x = 1</pre></div>",
            "color-contrast",
        ),
        (
            "<p style='color: #aaa; visibility: hidden'>unseen</p><p style='color: #aaa; position: absolute; width: 1px; "
            "height: 1px; overflow: hidden; clip-path: inset(50%)'>clipped</p><p style='color: #aaa'>and shown</p>",
            "color-contrast",
        ),
        (
            "<p>Plain.</p>" * 3 + "<div style='opacity: 0.4'><p>Plain.</p></div>",
            "color-contrast",
        ),
        ("<button></button>", "button-name"),
        ("<input type='text'>", "label"),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<div role='checkbox'>No state</div>", "aria-required-attr"),
        ("<a href='#x' style='font-size:8px'>a</a><a href='#y' style='font-size:8px'>b</a>", "target-size"),
    ],
)
def test_axe_reports_what_breaks_wcag(show: Show, body: str, rule: str) -> None:
    assert any(f"axe {rule}:" in fault for fault in faults.axe(show(body)))


def test_a_page_wider_than_its_window_is_reported(show: Show) -> None:
    wide = "<div class='too-wide' style='width: 500px'>x</div>"
    assert "too-wide" in faults.sideways(show(wide, width=360))[0]
    assert not faults.sideways(show(f"<div style='overflow-x: auto'>{wide}</div>", width=360))


@pytest.mark.parametrize("text", [r"the law \alpha + \beta", "so $N^2$ grows", "$$x$$", r"\(x\)", r"\begin{align} a"])
def test_raw_tex_in_the_text_is_reported(show: Show, text: str) -> None:
    assert faults.formulas(show(f"<p>{text}</p>"))
    assert not faults.formulas(show(f"<p><code>{text}</code></p>"))


def test_prices_are_no_tex() -> None:
    assert not faults.raw_tex("It costs $5 a day and $10 a week, at 10_000 tokens.")


def test_a_formula_whose_font_is_not_loaded_is_reported(show: Show) -> None:
    style = "<style>@font-face { font-family: Gone; src: url(gone.woff2) } math { font-family: Gone }</style>"
    found = faults.formulas(show("<math><mi>x</mi></math>", head=style))
    assert "Gone" in found[0]
    assert faults.fonts(show("<math><mi>x</mi></math>", head=style)) == ["the font Gone did not load"]


def test_an_error_in_a_formula_is_reported(show: Show) -> None:
    assert any("error" in fault for fault in faults.formulas(show("<math><merror><mtext>?</mtext></merror></math>")))
    assert any("\\foo" in fault for fault in faults.formulas(show('<code class="math-error">\\foo</code>')))


def test_a_bracket_that_does_not_stretch_is_reported(show: Show) -> None:
    fraction = "<mfrac><mfrac><mi>a</mi><mi>b</mi></mfrac><mfrac><mi>c</mi><mi>d</mi></mfrac></mfrac>"
    flat = f"<math display='block'><mrow><mo form='prefix' style='height:1em;display:inline-block'>(</mo>{fraction}</mrow></math>"
    assert any("does not stretch" in fault for fault in faults.formulas(show(flat)))


def test_an_icon_without_a_glyph_or_a_font_is_reported(stage: Stage) -> None:
    family = "font-family: 'Font Awesome'; font-weight: 400"
    icon = f".x::before {{ content: '\\f002'; {family} }}"
    without = stage.show("<i class='x'></i>", head=f"<style>{icon}</style>")
    assert faults.icons(without, {0xF002}) == ["the font of the icon U+F002 is not loaded"]
    (stage.folder / "icons.ttf").write_bytes(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf").read_bytes())
    face = f"@font-face {{ {family}; src: url(icons.ttf) }}"
    with_font = stage.show("<i class='x'></i>", head=f"<style>{face}{icon}</style>")
    assert faults.icons(with_font, set()) == ["the icon U+F002 has no glyph in the site's fonts"]
    assert not faults.icons(with_font, {0xF002})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<img src='data:,'>", "no alt attribute"),
        ("<img alt='' src='data:,'>", "too little"),
        ("<img alt='A plot' src='data:,'>", "too little"),
        ("<img alt='../_images/kaplan_figure_three_with_a_very_long_name_indeed.png' src='data:,'>", "file's name"),
        ("<img alt='chapters/kaplan_figure_three_with_a_very_long_name_indeed' src='data:,'>", "file's name"),
        (f"<img alt='{'x' * 60}' src='data:,'>", "too little"),
        (f"<img alt='{GOOD}' src='data:,'>" * 2, "same alternative text"),
        ("<svg viewBox='0 0 1 1'></svg>", "without a name"),
        ("<div role='img'><svg></svg></div>", "too little"),
        ("<figure class='explorer' id='isoflop'></figure>", "an explorer without"),
    ],
)
def test_a_picture_that_says_nothing_is_reported(show: Show, body: str, words: str) -> None:
    assert any(words in fault for fault in faults.pictures(show(f"<main>{body}</main>")))


def test_no_browser_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(NoBrowserError, match=r"playwright install chromium"):
        find("/nowhere/chromium", which=lambda name: None, install=lambda: "only root may install Debian's package")


def test_the_browser_is_playwrights_own_then_the_systems_then_debians(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.touch()
    assert find(str(own), which=lambda name: None) == str(own)
    assert find("", which=lambda name: f"/bin/{name}" if name == "google-chrome" else None) == "/bin/google-chrome"
    installed: list[str] = []

    def install() -> str:
        installed.append("chromium")
        return ""

    assert find("", which=lambda name: f"/usr/bin/{name}" if installed else None, install=install) == "/usr/bin/chromium"
