"""The book writes a number in one way: numbers.py in prose and figures, explorer.js in the browser, to the character."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

import scaling_helpers.explorers
from scaling_helpers import numbers

from .server import serve
from .watch import watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODULE = Path(scaling_helpers.explorers.__file__).parent / "static" / "explorer.js"
CALL = """async ([name, calls]) => {
  const { render } = (await import("/explorer.js")).default;
  return calls.map((call) => render[name](...call));
}"""


@pytest.fixture(scope="module")
def module_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page from which explorer.js can be imported as the ES module that Jupyter loads."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "index.html").write_text('<!DOCTYPE html><title>Module</title><link rel="icon" href="data:,">', encoding="utf-8")
    shutil.copy(MODULE, folder)
    with serve(folder) as home, watched(browser, home) as (page, watch):
        page.goto(f"{home}/")
        yield page
        found = watch.faults()
    assert not found, "\n".join(found)


def written(page: Page, values: list[float | None], kind: str) -> list[str]:
    return cast("list[str]", page.evaluate(CALL, ["format", [[value, kind] for value in values]]))


def awkward() -> list[float]:
    """Ties, powers of ten and what lies next to them, the ends of every suffix, nothing, and signs."""
    halves = [k + 0.5 for k in (0, 1, 9, 10, 12, 99, 100, 124, 125, 999, 1234, 9999, 99999, 999999)]
    ties = [half * 10.0**e for half in halves for e in range(-8, 19)]
    dyadic = [k / 2**j for k in (1, 3, 5, 125, 1001, 2049) for j in range(16)]
    edges = [m * 10.0**e for m in (1, 9.5, 9.95, 9.995, 9.9949999, 9.999999, 9.9999995) for e in range(-7, 27)]
    plain = [0.0, 1.0, 100.0, 999.0, 1000.0, 0.095, 0.0995, 0.00004999, 0.00005, 1e15, 1e16, 5e-324, 1.7e300]
    near = [math.nextafter(x, side) for x in edges for side in (0.0, math.inf)]
    positive = ties + dyadic + edges + plain + near
    return positive + [-x for x in positive]


@pytest.mark.parametrize("kind", list(numbers.KINDS))
def test_browser_and_python_write_every_number_alike(module_page: Page, kind: str) -> None:
    rng = np.random.default_rng(4)
    spread = [float(x) for x in np.exp(rng.uniform(np.log(1e-12), np.log(1e30), 3000)) * rng.choice([-1, 1], 3000)]
    values = [*spread, *(float(x) for x in rng.uniform(-100, 100, 1000)), *awkward()]
    pairs = zip(values, written(module_page, cast("list[float | None]", values), kind), strict=True)
    triples = [(x, text, numbers.format(x, kind)) for x, text in pairs]
    wrong = [f"{x!r}: {text!r} in the browser, {python!r} in Python" for x, text, python in triples if text != python]
    assert not wrong, f"{len(wrong)} of {len(values)}\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("kind", list(numbers.KINDS))
def test_no_answer_is_a_dash_on_both_sides(module_page: Page, kind: str) -> None:
    assert written(module_page, [None], kind) == [numbers.format(None, kind)] == [numbers.MISSING]


@pytest.mark.parametrize("kind", ["count", "flop", "ratio", "plain"])
def test_a_field_reads_back_what_it_shows(module_page: Page, kind: str) -> None:
    values = [float(f"{x:.3g}") for x in np.exp(np.random.default_rng(5).uniform(np.log(1e-3), np.log(1e27), 1000))]
    texts = [numbers.format(x, kind) for x in values]
    read = module_page.evaluate(CALL, ["parseNumber", [[text, "", kind] for text in texts]])
    triples = zip(texts, values, read, strict=True)
    wrong = [one for one in triples if one[2] is None or not math.isclose(one[1], one[2], rel_tol=1e-12)]
    assert not wrong, wrong[:10]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("5.76e23", "FLOP", 5.76e23),
        ("5.76 × 10²³ FLOP", "FLOP", 5.76e23),
        ("5.76 x 10^23", "FLOP", 5.76e23),
        ("70B", "parameters", 7e10),
        ("1.4T tokens", "tokens", 1.4e12),
        ("175 billion", "parameters", 1.75e11),
        ("1,000,000", "", 1e6),
        ("  42 ", "", 42.0),
        ("banana", "", None),
        ("", "", None),
        ("NaN", "", None),
        ("Infinity", "", None),
        ("1e999", "", None),
        ("12 apples", "parameters", None),
        ("0x10", "", None),
    ],
)
def test_a_field_reads_the_ways_people_write_numbers(module_page: Page, text: str, unit: str, value: float | None) -> None:
    assert module_page.evaluate(CALL, ["parseNumber", [[text, unit]]]) == [value]
