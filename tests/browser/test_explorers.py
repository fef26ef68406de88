"""Every explorer of the catalogue, on the page of the built book that shows it: the numbers, the words, the hands."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scaling_helpers import numbers
from scaling_helpers.explorers import CATALOGUE

from . import exhibits, faults
from .exhibits import Exhibit, blanks, corners, declared, disagreements, named_states, planted, random_states, shown_on
from .watch import settle, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ALIVE = "(id) => document.getElementById(id)?.dataset.state === 'live'"
# No explorer mounts by itself on such a page.
NEVER_NEAR = "window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };"
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


@pytest.fixture(scope="module")
def places(book_html: Path) -> dict[str, tuple[str, str]]:
    return shown_on(book_html)


@pytest.fixture(scope="module", params=sorted(CATALOGUE))
def live(request: pytest.FixtureRequest, browser: Browser, site: str, places: dict[str, tuple[str, str]]) -> Iterator[Exhibit]:
    """The explorer, live; whatever the tests do with it must leave the console empty."""
    name, identifier = places[request.param]
    with watched(browser, site, viewport={"width": 1280, "height": 900}) as (page, watch):
        page.goto(f"{site}/{name}")
        exhibit = Exhibit(page, identifier, declared(request.param))
        exhibit.reset()
        yield exhibit
        found = watch.faults()
    assert not found, "\n".join(found[:20])


@pytest.fixture
def exhibit(live: Exhibit) -> Exhibit:
    """The same in its starting state."""
    if live.page.evaluate("(id) => document.getElementById(id).dataset.mode", live.id) not in (None, "open"):
        live.button("Reset").click()
    live.reset()
    return live


@pytest.fixture
def spare(browser: Browser, site: str, live: Exhibit, places: dict[str, tuple[str, str]]) -> Iterator[tuple[Page, str]]:
    """A page not yet opened, and the address of the one that shows the explorer."""
    with watched(browser, site, viewport={"width": 1280, "height": 900}) as (page, _):
        yield page, f"{site}/{places[live.declaration.name][0]}"


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
    exhibit: Exhibit, browser: Browser, strict_site: str, places: dict[str, tuple[str, str]]
) -> None:
    states = random_states(exhibit.declaration, 50, seed=3)
    with watched(browser, strict_site) as (page, watch):
        page.goto(f"{strict_site}/{places[exhibit.declaration.name][0]}")
        strict = Exhibit(page, exhibit.id, exhibit.declaration)
        assert not disagreements(exhibit.declaration, states, strict.observe(states))
        assert not watch.faults()


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


@pytest.mark.parametrize(
    ("change", "words"),
    [(_slightly_off, "in the browser and"), (_other_words, "the words are"), (_other_format, "readouts read")],
)
def test_a_wrong_number_word_or_format_is_reported(
    live: Exhibit, book_html: Path, spare: tuple[Page, str], change: Any, words: str
) -> None:
    page, address = spare
    with planted(page, book_html, address.split("/", 3)[3], change):
        page.goto(address)
        wrong = Exhibit(page, live.id, live.declaration)
        states = named_states(live.declaration)
        assert any(words in fault for fault in disagreements(live.declaration, states, wrong.observe(states)))


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


@pytest.mark.parametrize("change", [_nothing_drawn, _out_of_sight])
def test_an_empty_chart_is_reported(live: Exhibit, book_html: Path, spare: tuple[Page, str], change: Any) -> None:
    page, address = spare
    with planted(page, book_html, address.split("/", 3)[3], change):
        page.goto(address)
        empty = Exhibit(page, live.id, live.declaration)
        start = [live.declaration.defaults()]
        assert blanks(start, empty.observe(start))
    assert not blanks(start, live.observe(start))


def test_a_broken_chart_says_so_and_keeps_its_picture(
    browser: Browser, site: str, live: Exhibit, book_html: Path, spare: tuple[Page, str]
) -> None:
    def broken(payload: dict[str, Any]) -> None:
        payload["spec"]["signals"].append({"name": "broken", "update": "1 +"})

    page, address = spare
    with planted(page, book_html, address.split("/", 3)[3], broken):
        page.goto(address)
        message = page.locator(f"#{live.id} .explorer-failure")
        page.locator(f"#{live.id}").scroll_into_view_if_needed()
        message.wait_for()
        assert message.get_attribute("role") == "alert"
        assert page.locator(f"#{live.id} .explorer-static svg").is_visible()
        assert not page.locator(f"#{live.id} .explorer-controls").is_visible()


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


def test_set_mounts_an_explorer_that_is_far_away(live: Exhibit, spare: tuple[Page, str]) -> None:
    page, address = spare
    page.add_init_script(NEVER_NEAR)
    page.goto(address)
    page.wait_for_function("(id) => window.explorers?.has(id)", arg=live.id)
    assert not page.evaluate(ALIVE, live.id)
    far = Exhibit(page, live.id, live.declaration)
    state = random_states(live.declaration, 1, seed=7)
    assert not disagreements(live.declaration, state, far.observe(state))
    assert page.evaluate(ALIVE, live.id)


def test_nothing_heavy_is_fetched_before_an_explorer_is_near(live: Exhibit, spare: tuple[Page, str]) -> None:
    page, address = spare
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(NEVER_NEAR)
    page.goto(address)
    settle(page)
    assert not [url for url in asked if url.endswith("/vega.js")]
    page.evaluate("(id) => window.explorers.get(id).set({})", live.id)
    assert [url for url in asked if url.endswith("/vega.js")]


# ---- links ----------------------------------------------------------------------------------------------------------


def hash_of(exhibit: Exhibit, state: exhibits.State) -> str:
    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return f"#{exhibit.id}?" + "&".join(f"{name}={text(value)}" for name, value in state.items())


def wait_for_status(page: Page, identifier: str, words: str) -> None:
    """Wait until the explorer has said ``words`` to whoever cannot see what happened."""
    script = "([id, words]) => document.querySelector(`#${id} [role=status]`).textContent.includes(words)"
    page.wait_for_function(script, arg=[identifier, words])


def test_a_link_restores_its_state(live: Exhibit, spare: tuple[Page, str]) -> None:
    page, address = spare
    there = Exhibit(page, live.id, live.declaration)
    for state in random_states(live.declaration, 2, seed=11):
        page.goto(address + hash_of(live, state))
        there.wait_for(state)
    other = random_states(live.declaration, 1, seed=12)[0]
    page.evaluate("(hash) => { location.hash = hash }", hash_of(live, other))
    there.wait_for(other)


def test_a_mangled_link_sets_what_it_can_and_says_what_it_could_not(live: Exhibit, spare: tuple[Page, str]) -> None:
    page, address = spare
    control = live.declaration.controls[0]
    good = exhibits.ends(control)[0]
    page.goto(f"{address}#{live.id}?{control.name}={good}&nonsense=1")
    there = Exhibit(page, live.id, live.declaration)
    there.wait_for({**live.declaration.defaults(), control.name: good})
    wait_for_status(page, live.id, "nonsense")


def test_copy_link_gives_a_link_to_the_state(exhibit: Exhibit, spare: tuple[Page, str]) -> None:
    state = random_states(exhibit.declaration, 1, seed=13)[0]
    exhibit.observe([state])
    exhibit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    exhibit.button("Copy link").click()
    wait_for_status(exhibit.page, exhibit.id, "clipboard")
    link = exhibit.page.evaluate("navigator.clipboard.readText()")
    page, _ = spare
    page.goto(link)
    Exhibit(page, exhibit.id, exhibit.declaration).wait_for(state)


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
    assert not faults.axe(exhibit.page, f"#{exhibit.id}")
    exhibit.button("Reveal").click()
    exhibit.page.wait_for_function("(id) => document.querySelector(`#${id} .explorer-value`).textContent !== '?'", arg=exhibit.id)
    shown = exhibit.observe([{}])[0]
    assert shown.curves
    assert not disagreements(exhibit.declaration, [exhibit.values()], [shown])
    assert numbers.format(answer, kind) in panel.inner_text()
    assert not faults.axe(exhibit.page, f"#{exhibit.id}")
    exhibit.button("Reset").click()


# ---- without hands --------------------------------------------------------------------------------------------------


def test_without_javascript_the_picture_and_the_words_carry_the_finding(
    browser: Browser, site: str, live: Exhibit, places: dict[str, tuple[str, str]]
) -> None:
    with watched(browser, site, java_script_enabled=False, viewport={"width": 360, "height": 740}) as (page, watch):
        page.goto(f"{site}/{places[live.declaration.name][0]}")
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
        assert not watch.faults()


@pytest.mark.parametrize("mounted", [True, False])
def test_paper_shows_a_picture_and_its_words_but_no_controls(live: Exhibit, spare: tuple[Page, str], mounted: bool) -> None:
    page, address = spare
    if not mounted:
        page.add_init_script(NEVER_NEAR)
    page.goto(address)
    if mounted:
        page.evaluate("(id) => window.explorers.get(id).set({})", live.id)
    page.emulate_media(media="print")
    figure = page.locator(f"#{live.id}")
    assert figure.locator(".explorer-static svg:visible, .explorer-chart svg:visible").count() == 1
    assert figure.locator(".explorer-alternative").is_visible()
    assert figure.locator("figcaption").is_visible()
    assert not figure.locator("button:visible, input:visible, select:visible").count()


@pytest.mark.parametrize("width", [320, 360, 768])
def test_it_fits_a_narrow_window(exhibit: Exhibit, width: int) -> None:
    size = exhibit.page.viewport_size
    assert size is not None
    exhibit.page.set_viewport_size({"width": width, "height": 740})
    try:
        settle(exhibit.page)
        exhibit.observe(corners(exhibit.declaration, 8))
        assert not faults.sideways(exhibit.page)
        inner = exhibit.page.evaluate(
            """(id) => {
              const figure = document.getElementById(id), edge = figure.getBoundingClientRect().right + 1;
              return [...figure.querySelectorAll("svg, input, button, table")].filter((e) => e.checkVisibility()
                && e.getBoundingClientRect().right > edge && !e.closest("[hidden]")).map((e) => e.outerHTML.slice(0, 80));
            }""",
            exhibit.id,
        )
        assert not inner
    finally:
        exhibit.page.set_viewport_size(size)
