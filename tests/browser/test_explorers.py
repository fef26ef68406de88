"""Every explorer of the catalogue, on the page of the built book that shows it: the numbers, the words, the hands.

Opening a page is the dear part, so each way to meet a chapter is opened once and serves all its explorers: at a desk, on
a strict host, without JavaScript, and far from the screen. What needs a page of its own (a link that is followed, a fault
that is planted) gets the chapter's page with nothing in its article but the one explorer.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scaling_helpers import numbers
from scaling_helpers.explorers import CATALOGUE

from . import exhibits, faults
from .exhibits import (
    Exhibit,
    blanks,
    by_chapter,
    corners,
    declared,
    disagreements,
    figure_of,
    named_states,
    random_states,
    shown_on,
    spoilt,
    with_only,
)
from .watch import settle, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from .watch import Watch

DESK: Any = {"width": 1280, "height": 900}
WIDTHS = (320, 360, 768)
ALIVE = "(id) => document.getElementById(id)?.dataset.state === 'live'"
# No explorer mounts by itself on such a page.
NEVER_NEAR = "window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };"
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


@pytest.fixture(scope="module")
def places(book_html: Path) -> dict[str, tuple[str, str]]:
    return shown_on(book_html)


# ---- the rooms ------------------------------------------------------------------------------------------------------


@dataclass
class Room:
    """An open page, what it did behind a reader's back, and every address that it asked for."""

    page: Page
    watch: Watch
    asked: list[str]

    def faults(self) -> list[str]:
        """What has been seen since the last time somebody asked."""
        found = self.watch.faults()
        self.watch.forget(self.watch.home)
        return found


class Rooms:
    """The pages of one chapter, each opened when it is first asked for, all closed when another chapter's turn comes."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.chapter = ""
        self.open: dict[tuple[str, str], Room] = {}
        self.doors = contextlib.ExitStack()

    def room(self, home: str, name: str, *, script: str = "", **options: Any) -> Room:
        """``name`` of the site at ``home``, with ``script`` run first; ``options`` as for Browser.new_context."""
        if name != self.chapter:
            self.close()
            self.chapter = name
        key = (home, repr((script, options)))
        if key not in self.open:
            page, watch = self.doors.enter_context(watched(self.browser, home, **options))
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            if script:
                page.add_init_script(script)
            page.goto(f"{home}/{name}")
            if options.get("java_script_enabled", True):
                settle(page)
            self.open[key] = Room(page, watch, asked)
        return self.open[key]

    def close(self) -> None:
        self.doors.close()
        self.open.clear()


@pytest.fixture(scope="module")
def rooms(browser: Browser) -> Iterator[Rooms]:
    made = Rooms(browser)
    yield made
    made.close()


@pytest.fixture(scope="module", params=by_chapter())
def live(request: pytest.FixtureRequest, rooms: Rooms, site: str, places: dict[str, tuple[str, str]]) -> Iterator[Exhibit]:
    """The explorer, live; whatever the tests do with it must leave the console empty."""
    explorer = request.param.partition(":")[2]
    name, identifier = places[explorer]
    room = rooms.room(site, name, viewport=DESK)
    exhibit = Exhibit(room.page, identifier, declared(explorer))
    exhibit.reset()
    yield exhibit
    found = room.faults()
    assert not found, "\n".join(found[:20])


@pytest.fixture
def exhibit(live: Exhibit) -> Exhibit:
    """The same in its starting state."""
    if live.page.evaluate("(id) => document.getElementById(id).dataset.mode", live.id) not in (None, "open"):
        live.button("Reset").click()
    live.reset()
    return live


class Studio:
    """One page that shows whatever figures it is given, as the only content of a page of the book."""

    def __init__(self, page: Page, watch: Watch, site: str, book_html: Path) -> None:
        self.page, self.watch, self.site, self.book = page, watch, site, book_html
        self.shown: tuple[str, str] = ("", "")
        page.route("**/*.html", lambda route: route.fulfill(body=self.shown[1], content_type="text/html; charset=utf-8"))

    def html(self, name: str) -> str:
        return (self.book / name).read_text(encoding="utf-8")

    def show(self, name: str, figures: list[str]) -> None:
        """From now on the page ``name`` of the book holds only ``figures``."""
        self.shown = (name, with_only(self.html(name), figures))

    def enter(self, hash_: str = "") -> str:
        """Open that page afresh, perhaps with a state in its address; returns the address."""
        address = f"{self.site}/{self.shown[0]}"
        self.page.goto("about:blank")
        self.watch.forget(self.site)
        self.page.goto(address + hash_)
        return address


@pytest.fixture(scope="module")
def studio(browser: Browser, site: str, book_html: Path) -> Iterator[Studio]:
    with watched(browser, site, viewport=DESK) as (page, watch):
        yield Studio(page, watch, site, book_html)


@pytest.fixture
def alone(live: Exhibit, studio: Studio, places: dict[str, tuple[str, str]]) -> Iterator[Exhibit]:
    """The explorer by itself, not yet opened: `studio.enter` does that. It must leave the console empty too."""
    name, identifier = places[live.declaration.name]
    studio.show(name, [figure_of(studio.html(name), identifier)])
    yield Exhibit(studio.page, identifier, live.declaration)
    assert not studio.watch.faults()


def test_the_book_shows_every_explorer_of_the_catalogue(places: dict[str, tuple[str, str]]) -> None:
    assert set(places) == set(CATALOGUE)


# ---- numbers and words ----------------------------------------------------------------------------------------------


def test_browser_and_python_agree_on_random_settings(exhibit: Exhibit) -> None:
    states = random_states(exhibit.declaration, 250)
    seen = exhibit.observe(states)
    assert not (found := disagreements(exhibit.declaration, states, seen)), "\n".join(found[:10])
    assert not (found := blanks(states, seen)), "\n".join(found[:10])


def test_browser_and_python_agree_on_presets_ends_and_options(exhibit: Exhibit) -> None:
    states = named_states(exhibit.declaration)
    seen = exhibit.observe(states)
    assert not (found := disagreements(exhibit.declaration, states, seen)), "\n".join(found[:10])
    assert not (found := blanks(states, seen)), "\n".join(found[:10])


def test_every_corner_has_numbers_and_a_chart(exhibit: Exhibit) -> None:
    states = corners(exhibit.declaration)
    seen = exhibit.observe(states)
    assert not (found := disagreements(exhibit.declaration, states, seen)), "\n".join(found[:10])
    assert not (found := blanks(states, seen)), "\n".join(found[:10])


def test_the_interpreter_under_a_strict_policy_gives_the_same_numbers(
    live: Exhibit, rooms: Rooms, strict_site: str, places: dict[str, tuple[str, str]]
) -> None:
    states = random_states(live.declaration, 50, seed=3)
    room = rooms.room(strict_site, places[live.declaration.name][0])
    strict = Exhibit(room.page, live.id, live.declaration)
    assert not disagreements(live.declaration, states, strict.observe(states))
    assert not room.faults()


def test_differences_are_reported() -> None:
    assert exhibits.agree(1.0, 1.0 + 5e-10) and exhibits.agree(None, None) and exhibits.agree(1e-15, 0.0)
    assert not exhibits.agree(1.0, 1.0 + 2e-9)
    assert not exhibits.agree(float("nan"), float("nan"))
    assert not exhibits.agree(float("inf"), float("inf"))
    assert not exhibits.agree(None, 0.0)
    assert not exhibits.agree(1e-9, 2e-9)


def _slightly_off(payload: dict[str, Any]) -> None:
    first = payload["readouts"][0]["name"]
    signal = next(s for s in payload["spec"]["signals"] if s["name"] == f"readout_{first}")
    signal["update"] = f"({signal['update']}) * (1 + 3e-9)"


def _other_words(payload: dict[str, Any]) -> None:
    payload["alternative"] += " And so on."


def _other_format(payload: dict[str, Any]) -> None:
    payload["readouts"][0]["format"] = "plain"


def _nothing_drawn(payload: dict[str, Any]) -> None:
    marks = payload["spec"]["marks"]
    drawn = [mark for mark in marks if mark["type"] in ("line", "area") or "pathgroup" in mark["name"]]
    payload["spec"]["marks"] = [mark for mark in marks if mark not in drawn]


def _out_of_sight(payload: dict[str, Any]) -> None:
    for scale in payload["spec"]["scales"]:
        if scale["name"].split("_")[-1] == "y":  # panels have one each
            scale["domain"] = [1e16, 1e17]
            scale.pop("domainMin", None)
            scale.pop("domainMax", None)
            scale.pop("domainRaw", None)


def _broken(payload: dict[str, Any]) -> None:
    payload["spec"]["signals"].append({"name": "broken", "update": "1 +"})


def _whole(payload: dict[str, Any]) -> None:
    """Nothing is wrong with this one, so what is found in the others comes from their faults."""


CHANGES = (_whole, _slightly_off, _other_words, _other_format, _nothing_drawn, _out_of_sight, _broken)


@pytest.fixture(scope="module")
def copies(live: Exhibit, studio: Studio, places: dict[str, tuple[str, str]]) -> dict[Any, Exhibit]:
    """The explorer once as it is and once with each fault, all on one page."""
    name, identifier = places[live.declaration.name]
    figure = figure_of(studio.html(name), identifier)
    ids = {change: f"copy{change.__name__.replace('_', '-')}" for change in CHANGES}
    studio.show(name, [spoilt(figure, ids[change], change) for change in CHANGES])
    studio.enter()
    return {change: Exhibit(studio.page, ids[change], live.declaration) for change in CHANGES}


def test_an_untouched_copy_has_no_fault(copies: dict[Any, Exhibit]) -> None:
    whole = copies[_whole]
    states = named_states(whole.declaration)
    seen = whole.observe(states)
    assert not disagreements(whole.declaration, states, seen)
    assert not blanks(states, seen)


@pytest.mark.parametrize(
    ("change", "words"),
    [(_slightly_off, "in the browser and"), (_other_words, "the words are"), (_other_format, "readouts read")],
)
def test_a_wrong_number_word_or_format_is_reported(copies: dict[Any, Exhibit], change: Any, words: str) -> None:
    wrong = copies[change]
    states = named_states(wrong.declaration)
    assert any(words in fault for fault in disagreements(wrong.declaration, states, wrong.observe(states)))


@pytest.mark.parametrize("change", [_nothing_drawn, _out_of_sight])
def test_an_empty_chart_is_reported(copies: dict[Any, Exhibit], change: Any) -> None:
    empty = copies[change]
    start = [empty.declaration.defaults()]
    assert blanks(start, empty.observe(start))


def test_a_broken_chart_says_so_and_keeps_its_picture(copies: dict[Any, Exhibit]) -> None:
    broken = copies[_broken]
    message = broken.find(".explorer-failure")
    broken.page.locator(f"#{broken.id}").scroll_into_view_if_needed()
    message.wait_for()
    assert message.get_attribute("role") == "alert"
    assert broken.find(".explorer-static svg").is_visible()
    assert not broken.find(".explorer-controls").is_visible()


def test_show_the_python_reproduces_the_readouts(exhibit: Exhibit) -> None:
    state = random_states(exhibit.declaration, 1, seed=5)[0]
    exhibit.observe([state])
    exhibit.button("Show the Python").click()
    code = exhibit.find(".explorer-python code").inner_text()
    exhibit.button("Show the Python").click()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "shown on the page", "exec"), {})
    found = [float(number) for number in NUMBER.findall(printed.getvalue())]
    known = [value for value in exhibit.declaration.read(state).values() if value is not None]
    assert len(found) >= 3
    assert all(any(exhibits.agree(number, value) for value in known) for number in found)


# ---- the handle -----------------------------------------------------------------------------------------------------


def test_controls_are_listed_in_natural_units(exhibit: Exhibit) -> None:
    listed = exhibit.page.evaluate("(id) => window.explorers.get(id).controls()", exhibit.id)
    wanted = [
        {key: control.payload()[key] for key in ("name", "kind", "min", "max", "step", "options", "value")}
        for control in exhibit.declaration.controls
    ]
    assert listed == wanted


def test_set_clamps_numbers_to_their_range_and_snaps_them_to_their_steps(exhibit: Exhibit) -> None:
    for control in exhibit.declaration.controls:
        made = control.payload()
        if made["options"]:
            continue
        for asked, wanted in ((made["max"] * 10, made["max"]), (made["min"] - abs(made["max"]), made["min"])):
            assert exhibit.observe([{control.name: asked}])[0].values[control.name] == wanted
        between = made["min"] + 0.3137 * (made["max"] - made["min"])
        assert exhibit.observe([{control.name: between}])[0].values[control.name] == control.snap(between)  # type: ignore[union-attr]


def test_set_refuses_what_it_does_not_know_and_then_changes_nothing(exhibit: Exhibit) -> None:
    before = exhibit.values()
    first = exhibit.declaration.controls[0]
    good = exhibits.ends(first)[0]
    for bad, named in (
        ({"no_such_control": 1}, "no_such_control"),
        ({first.name: "banana"}, first.name),
        ({first.name: None}, first.name),
        ({first.name: good, "no_such_control": 1}, "no_such_control"),
    ):
        refusal = exhibit.page.evaluate(
            "([id, state]) => window.explorers.get(id).set(state).then(() => null, (error) => error.message)", [exhibit.id, bad]
        )
        assert refusal is not None and named in refusal
        assert exhibit.values() == before
    for odd in ("NaN", "Infinity", "-Infinity"):
        if first.payload()["options"] is None:
            call = f"(id) => window.explorers.get(id).set({{ {first.name}: {odd} }}).then(() => false, () => true)"
            assert exhibit.page.evaluate(call, exhibit.id)
            assert exhibit.values() == before


_ON_PAPER = """(id) => {
  const all = (selector) => [...document.getElementById(id).querySelectorAll(selector)];
  const shown = (selector) => all(selector).filter((e) => e.checkVisibility()).length;
  return {
    pictures: shown(".explorer-static > svg, .explorer-chart svg"),
    words: shown(".explorer-alternative"),
    captions: shown("figcaption"),
    controls: shown("button, input, select"),
  };
}"""


@dataclass(frozen=True)
class Far:
    """What was noted of an explorer that is never near the screen, before and after its handle was called."""

    alive: tuple[bool, bool]
    paper: tuple[dict[str, int], dict[str, int]]
    heavy: list[str]
    disagreements: list[str]


@pytest.fixture(scope="module")
def far_room(live: Exhibit, rooms: Rooms, site: str, places: dict[str, tuple[str, str]]) -> Room:
    """The chapter with every explorer far away. ``heavy`` is noted when it has settled and none was called."""
    return rooms.room(site, places[live.declaration.name][0], script=NEVER_NEAR, viewport=DESK)


@pytest.fixture(scope="module")
def far(live: Exhibit, far_room: Room) -> Far:
    page = far_room.page

    def on_paper() -> dict[str, int]:
        page.emulate_media(media="print")
        found: dict[str, int] = page.evaluate(_ON_PAPER, live.id)
        page.emulate_media(media="screen")
        return found

    there = Exhibit(page, live.id, live.declaration)
    # What this chapter's other explorers may have called for does not count.
    others = page.evaluate("[...document.querySelectorAll('figure.explorer')].some((f) => f.dataset.state === 'live')")
    heavy = [] if others else heavy_of(far_room)
    before = page.evaluate(ALIVE, live.id), on_paper()
    state = random_states(live.declaration, 1, seed=7)
    wrong = disagreements(live.declaration, state, there.observe(state))
    after = page.evaluate(ALIVE, live.id), on_paper()
    return Far((before[0], after[0]), (before[1], after[1]), heavy, wrong)


def heavy_of(room: Room) -> list[str]:
    return [url for url in room.asked if url.split("?")[0].endswith("/vega.js")]


def test_set_mounts_an_explorer_that_is_far_away(far: Far) -> None:
    assert far.alive == (False, True)
    assert not far.disagreements


def test_nothing_heavy_is_fetched_before_an_explorer_is_near(far: Far, far_room: Room) -> None:
    assert not far.heavy
    assert heavy_of(far_room)


# ---- links ----------------------------------------------------------------------------------------------------------


def hash_of(exhibit: Exhibit, state: exhibits.State) -> str:
    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return f"#{exhibit.id}?" + "&".join(f"{name}={text(value)}" for name, value in state.items())


def wait_for_status(page: Page, identifier: str, words: str) -> None:
    """Wait until the explorer has said ``words`` to whoever cannot see what happened."""
    script = "([id, words]) => document.querySelector(`#${id} [role=status]`).textContent.includes(words)"
    page.wait_for_function(script, arg=[identifier, words])


def test_a_link_restores_its_state(alone: Exhibit, studio: Studio) -> None:
    state, other = random_states(alone.declaration, 2, seed=11)
    studio.enter(hash_of(alone, state))
    alone.wait_for(state)
    alone.page.evaluate("(hash) => { location.hash = hash }", hash_of(alone, other))
    alone.wait_for(other)


def test_a_mangled_link_sets_what_it_can_and_says_what_it_could_not(alone: Exhibit, studio: Studio) -> None:
    control = alone.declaration.controls[0]
    good = exhibits.ends(control)[0]
    studio.enter(f"#{alone.id}?{control.name}={good}&nonsense=1")
    alone.wait_for({**alone.declaration.defaults(), control.name: good})
    wait_for_status(alone.page, alone.id, "nonsense")


def test_copy_link_gives_a_link_to_the_state(exhibit: Exhibit, alone: Exhibit, studio: Studio) -> None:
    state = random_states(exhibit.declaration, 1, seed=13)[0]
    exhibit.observe([state])
    exhibit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    exhibit.button("Copy link").click()
    wait_for_status(exhibit.page, exhibit.id, "clipboard")
    address, hash_ = exhibit.page.evaluate("navigator.clipboard.readText()").split("#")
    assert address == exhibit.page.url.split("#")[0] == studio.enter(f"#{hash_}")
    alone.wait_for(state)


def test_phrases_of_the_text_set_the_explorer_by_click_and_by_keyboard(exhibit: Exhibit) -> None:
    links = exhibit.page.locator(f'a.explorer-link[href="#{exhibit.id}"]')
    for i in range(links.count()):
        link = links.nth(i)
        asked = dict(part.split("=") for part in str(link.get_attribute("data-explorer-set")).split("&"))
        controls = {name: exhibit.declaration.control(name) for name in asked}
        wanted = {name: text if controls[name].payload()["options"] else float(text) for name, text in asked.items()}
        for by_keyboard in (False, True):
            exhibit.reset()
            if by_keyboard:
                link.focus()
                exhibit.page.keyboard.press("Enter")
            else:
                link.click()
            exhibit.wait_for({**exhibit.declaration.defaults(), **wanted})
        assert exhibit.page.url.split("#")[0].endswith(".html")


def test_somewhere_the_text_drives_each_explorer(places: dict[str, tuple[str, str]], book_html: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in book_html.rglob("*.html")]
    for name in places:
        assert any(f'class="explorer-link" href="#{name}"' in text for text in texts), f"no phrase sets {name}"


def test_numbers_in_the_text_follow_the_explorer(exhibit: Exhibit) -> None:
    spans = exhibit.page.locator(f'.explorer-live[data-live^="{exhibit.id}."]')
    state = random_states(exhibit.declaration, 1, seed=17)[0]
    exhibit.observe([state])
    read = exhibit.declaration.read(state)
    for i in range(spans.count()):
        span = spans.nth(i)
        name = str(span.get_attribute("data-live")).split(".")[1]
        assert span.inner_text() == numbers.format(read[name], str(span.get_attribute("data-format")))


# ---- hands ----------------------------------------------------------------------------------------------------------


def sliders(exhibit: Exhibit) -> list[Any]:
    return [control for control in exhibit.declaration.controls if not control.payload()["options"]]


def test_presets_set_their_state_and_say_where_it_comes_from(exhibit: Exhibit) -> None:
    for preset in exhibit.declaration.presets:
        exhibit.button(preset.label).click()
        exhibit.wait_for(preset.values)
        assert exhibit.button(preset.label).get_attribute("aria-pressed") == "true"
        assert exhibit.find(".explorer-note").inner_text() == " ".join(preset.note.split())


def test_every_option_can_be_chosen_by_hand(exhibit: Exhibit) -> None:
    for control in exhibit.declaration.controls:
        made = control.payload()
        for option in made["options"] or []:
            if made["kind"] == "toggle":
                exhibit.find(f"#{exhibit.id}-{control.name}").set_checked(option)
            elif exhibit.find(f"select#{exhibit.id}-{control.name}").count():
                exhibit.find(f"select#{exhibit.id}-{control.name}").select_option(option)
            else:
                exhibit.find(f'input[name="{exhibit.id}-{control.name}"][value="{option}"]').check()
            exhibit.wait_for({control.name: option})


def test_the_keyboard_moves_every_slider(exhibit: Exhibit) -> None:
    for control in sliders(exhibit):
        made = control.payload()
        slider = exhibit.find(f"#{exhibit.id}-{control.name}")
        slider.focus()
        keys = exhibit.page.keyboard
        keys.press("End")
        assert exhibit.values()[control.name] == made["max"]
        keys.press("Home")
        assert exhibit.values()[control.name] == made["min"]
        reached = [made["min"]]
        for key in ("ArrowRight", "ArrowUp", "PageUp"):
            keys.press(key)
            reached.append(exhibit.values()[control.name])
        assert reached == sorted(set(reached)), "each of these keys goes up"
        for key in ("ArrowLeft", "PageDown"):
            before = exhibit.values()[control.name]
            keys.press(key)
            assert exhibit.values()[control.name] < before
        spoken = slider.get_attribute("aria-valuetext")
        assert numbers.format(exhibit.values()[control.name], made["format"]) in spoken
        # The picture follows: after the next frame the words are Python's words for this state.
        exhibit.page.wait_for_function(
            "([id, words]) => document.querySelector(`#${id} .explorer-alternative`).textContent === words",
            arg=[exhibit.id, exhibit.declaration.words(exhibit.values())],
        )


def test_a_field_takes_a_number_and_refuses_what_is_none(exhibit: Exhibit) -> None:
    for control in sliders(exhibit):
        made = control.payload()
        middle = (made["min"] * made["max"]) ** 0.5 if made["kind"] == "log" else control.snap((made["min"] + made["max"]) / 2)
        wanted = float(f"{middle:.3g}")
        row = exhibit.find(f".explorer-control:has(#{exhibit.id}-{control.name})")
        field, error = row.locator(".explorer-field"), row.locator(".explorer-error")
        scale = 100 if made["format"] == "percent" else 1  # such a field shows 66%, so a bare 66 means the same
        field.fill(f"{wanted * scale:.6g}")
        field.press("Enter")
        exhibit.wait_for({control.name: control.snap(wanted)})
        before = exhibit.values()
        for refused in ("banana", "", f"{made['max'] * scale * 100:g}", f"{(made['min'] - abs(made['max'])) * scale:g}"):
            field.fill(refused)
            field.press("Enter")
            assert field.get_attribute("aria-invalid") == "true"
            assert refused in error.inner_text()
            assert exhibit.values() == before
        field.press("Escape")
        assert field.get_attribute("aria-invalid") is None
        assert not error.inner_text()


def test_dragging_in_the_chart_moves_the_model(exhibit: Exhibit) -> None:
    if exhibit.declaration.drag is None:
        assert not exhibit.find(".explorer-drag-x, .explorer-drag-y").count(), "only declared drags work"
        return
    axis = exhibit.declaration.drag["axis"]
    control = exhibit.declaration.drag["control"]
    chart = exhibit.find(".explorer-chart")
    chart.scroll_into_view_if_needed()
    plot = exhibit.find(".explorer-chart .root .background").first.bounding_box()
    assert plot is not None

    def point(share: float) -> tuple[float, float]:
        x = share if axis == "x" else 0.5
        y = 0.5 if axis == "x" else 1 - share
        return plot["x"] + x * plot["width"], plot["y"] + y * plot["height"]

    mouse = exhibit.page.mouse
    mouse.move(*point(0.25))
    mouse.down()
    reached = []
    for share in (0.25, 0.5, 0.8):
        mouse.move(*point(share), steps=4)
        reached.append(exhibit.values()[control])
    mouse.up()
    assert reached == sorted(set(reached)), "further along the axis is more"
    mouse.move(*point(0.1))
    assert exhibit.values()[control] == reached[-1], "a released pointer moves nothing"


def test_reset_brings_the_start_back(exhibit: Exhibit) -> None:
    exhibit.observe(random_states(exhibit.declaration, 1, seed=19))
    assert exhibit.values() != exhibit.declaration.defaults()
    exhibit.button("Reset").click()
    exhibit.wait_for(exhibit.declaration.defaults())


def test_guess_first_hides_the_answer_until_it_is_asked_for(exhibit: Exhibit) -> None:
    guess = exhibit.declaration.guess
    if guess is None:
        assert not exhibit.button("Guess first").count()
        return
    exhibit.button("Guess first").click()
    panel = exhibit.find(".explorer-guess")
    panel.wait_for()
    exhibit.page.wait_for_function("(id) => document.querySelector(`#${id} .explorer-value`).textContent === '?'", arg=exhibit.id)
    assert guess.prompt in panel.inner_text()
    hidden = exhibit.observe([{}])[0]
    assert set(hidden.cells) == {"?"}
    assert hidden.curves == 0, "a curve would give the answer away"
    answer = exhibit.declaration.read(exhibit.values())[guess.answer]
    kind = next(r.format for r in exhibit.declaration.readouts if r.name == guess.answer)
    # The guess itself may read like the answer; nothing else on the card may.
    written = exhibit.find(":is(p, td, pre, figcaption)").all_inner_texts()
    assert numbers.format(answer, kind) not in " ".join(written)
    live_text = exhibit.page.locator(f'.explorer-live[data-live^="{exhibit.id}."]')
    assert all(text == "?" for text in live_text.all_inner_texts())
    exhibit.button("Reveal").click()
    exhibit.page.wait_for_function("(id) => document.querySelector(`#${id} .explorer-value`).textContent !== '?'", arg=exhibit.id)
    shown = exhibit.observe([{}])[0]
    assert shown.curves
    assert not disagreements(exhibit.declaration, [exhibit.values()], [shown])
    assert numbers.format(answer, kind) in panel.inner_text()

    # By keyboard, from the slider of the guess: no way back to the button is needed.
    exhibit.button("Guess again").press("Enter")
    slider = exhibit.find(f"#{exhibit.id}-{guess.control}")
    slider.focus()
    slider.press("ArrowRight")
    assert exhibit.observe([{}])[0].curves == 0, "moving alone does not reveal"
    slider.focus()
    slider.press("Enter")
    exhibit.page.wait_for_function("(id) => document.activeElement.closest(`#${id} .explorer-verdict`)", arg=exhibit.id)
    assert panel.inner_text().startswith("You said")
    exhibit.button("Reset").click()


def test_axe_finds_nothing_while_guessing_and_after(alone: Exhibit, studio: Studio) -> None:
    if alone.declaration.guess is None:
        return
    studio.enter()
    alone.reset()
    alone.button("Guess first").click()
    alone.find(".explorer-guess").wait_for()
    assert not faults.axe(alone.page, f"#{alone.id}")
    alone.button("Reveal").click()
    alone.page.wait_for_function("(id) => document.querySelector(`#${id} .explorer-value`).textContent !== '?'", arg=alone.id)
    assert not faults.axe(alone.page, f"#{alone.id}")


def test_words_that_get_shorter_leave_all_below_in_its_place(exhibit: Exhibit) -> None:
    states = corners(exhibit.declaration, 12)
    heights = exhibit.page.evaluate(
        """async ([id, states]) => {
          const heights = [];
          for (const state of [...states, ...states]) {
            await window.explorers.get(id).set(state);
            for (let i = 0; i < 2; i += 1) await new Promise(requestAnimationFrame);
            heights.push(document.querySelector(`#${id} .explorer-alternative`).getBoundingClientRect().height);
          }
          return heights.slice(states.length);  // by then the words have had every length
        }""",
        [exhibit.id, states],
    )
    assert max(heights) - min(heights) < 1


# ---- without hands --------------------------------------------------------------------------------------------------


def test_without_javascript_the_picture_and_the_words_carry_the_finding(
    live: Exhibit, rooms: Rooms, site: str, places: dict[str, tuple[str, str]]
) -> None:
    phone = {"width": 360, "height": 740}
    room = rooms.room(site, places[live.declaration.name][0], java_script_enabled=False, viewport=phone)
    page = room.page
    figure = page.locator(f"#{live.id}")
    assert figure.locator(".explorer-static svg").is_visible()
    assert figure.locator(".explorer-alternative").inner_text() == live.declaration.words(live.declaration.defaults())
    assert figure.locator(".explorer-question").inner_text() == live.declaration.question
    assert figure.locator("figcaption").inner_text() == live.declaration.caption
    assert not figure.locator("button, input, select").count()
    box = figure.locator(".explorer-static svg").bounding_box()
    assert box is not None and 200 < box["width"] <= 360
    for link in page.locator("a.explorer-link").all():
        assert page.locator(str(link.get_attribute("href"))).count() == 1
    assert not room.faults()


@pytest.mark.parametrize("mounted", [True, False])
def test_paper_shows_a_picture_and_its_words_but_no_controls(far: Far, mounted: bool) -> None:
    assert far.paper[mounted] == {"pictures": 1, "words": 1, "captions": 1, "controls": 0}


@pytest.fixture(scope="module")
def narrow(live: Exhibit, studio: Studio, places: dict[str, tuple[str, str]]) -> dict[int, list[str]]:
    """What sticks out of the explorer or its page, by width of the window."""
    name, identifier = places[live.declaration.name]
    studio.show(name, [figure_of(studio.html(name), identifier)])
    studio.enter()
    alone = Exhibit(studio.page, identifier, live.declaration)
    found = {}
    for width in WIDTHS:
        studio.page.set_viewport_size({"width": width, "height": 740})
        settle(studio.page)
        alone.observe(corners(live.declaration, 8))
        inner = studio.page.evaluate(
            """(id) => {
              const figure = document.getElementById(id), edge = figure.getBoundingClientRect().right + 1;
              return [...figure.querySelectorAll("svg, input, button, table")].filter((e) => e.checkVisibility()
                && e.getBoundingClientRect().right > edge && !e.closest("[hidden]")).map((e) => e.outerHTML.slice(0, 80));
            }""",
            identifier,
        )
        found[width] = [*faults.sideways(studio.page), *inner]
    studio.page.set_viewport_size(DESK)
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_a_narrow_window(narrow: dict[int, list[str]], width: int) -> None:
    assert not narrow[width]
