"""What a page may cost its reader; the numbers are in benchmarks/budgets.toml. (test_pages.py weighs each page it visits.)"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import pages as measure
from benchmarks.pages import BUDGETS, Weight
from scaling_helpers import explorers

from .faults import overweight

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SLACK = BUDGETS["tests"]["slack"]


def heavy_specs(page: str, html: str) -> list[str]:
    """Explorers on ``page`` whose compiled chart is beyond its budget."""
    payloads = re.findall(r'<script type="application/json" class="explorer-payload">(.*?)</script>', html, re.DOTALL)
    weights = {
        payload["name"]: len(gzip.compress(json.dumps(payload["spec"], separators=(",", ":")).encode(), 9, mtime=0))
        for payload in map(json.loads, payloads)
    }
    limit = BUDGETS["bytes"]["explorer_spec"]
    heavy = {name: size for name, size in weights.items() if size > limit}
    return [f"{page}: the chart of {name} has {size:,} bytes, budget {limit:,.0f}" for name, size in heavy.items()]


def test_every_chart_stays_within_its_bytes(book_html: Path) -> None:
    faults = [
        fault
        for name in measure.pages_with_explorers(book_html)
        for fault in heavy_specs(name, (book_html / name).read_text(encoding="utf-8"))
    ]
    assert not faults, "\n".join(faults)


def test_a_page_beyond_its_bytes_is_reported(tmp_path: Path) -> None:
    noise = random_like(bytes(500_000))
    files = {"a.html": noise, "_static/theme.js": noise, "_static/explorers/vega.js": noise}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    weight = measure.weigh(tmp_path, [f"http://x/{name}?v=1" for name in files])
    assert len(overweight("a.html", weight)) == 3
    assert not overweight("a.html", Weight((1, 1), (1, 1), (1, 1)))


def test_a_chart_beyond_its_bytes_is_reported() -> None:
    spec = {"values": random_like(b"\0" * 40_000).hex()}
    script = f'<script type="application/json" class="explorer-payload">{json.dumps({"name": "big", "spec": spec})}</script>'
    assert "big" in heavy_specs("a.html", script)[0]


def random_like(content: bytes) -> bytes:
    """As many bytes that do not compress."""
    import random

    return random.Random(0).randbytes(len(content))


def test_explorers_come_alive_move_and_stay_put(browser: Browser, book_html: Path, site: str, strict_site: str) -> None:
    """Against `slack` times the budget, since a busy machine is no fault of the page; `make bench` gives the real times."""
    faults = []
    for name in measure.pages_with_explorers(book_html):
        for home, prefix in ((site, ""), (strict_site, "strict_")):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            start = measure.bring_to_life(page, f"{home}/{name}")
            budget = BUDGETS["seconds"]["one_explorer" if start["explorers"] < 5 else "five_explorers"]
            moved = measure.moves(page, page.evaluate("[...window.explorers.keys()][0]"), 60)
            context.close()
            limits = {
                "seconds until all is live": (start["seconds"], SLACK * budget),
                "layout shift": (start["shift"], BUDGETS["layout"]["shift"]),
                "ms a move (median)": (moved.median, SLACK * BUDGETS["milliseconds"][f"{prefix}move_median"]),
                "ms a move (95th percentile)": (moved.p95, SLACK * BUDGETS["milliseconds"][f"{prefix}move_p95"]),
            }
            late = {what: pair for what, pair in limits.items() if pair[0] > pair[1]}
            faults += [f"{prefix}{name}: {value:.3g} {what}, limit {limit:.3g}" for what, (value, limit) in late.items()]
    assert not faults, "\n".join(faults)


def test_a_thousand_moves_leave_no_growth_in_memory(browser: Browser, book_html: Path, site: str) -> None:
    name = measure.pages_with_explorers(book_html)[0]
    context = browser.new_context()
    page = context.new_page()
    measure.bring_to_life(page, f"{site}/{name}")
    explorer = page.evaluate("[...window.explorers.keys()][0]")
    grown = measure.growth(page, lambda count: measure.shake(page, explorer, count), 1000)
    assert grown < BUDGETS["memory"]["growth_per_1000_moves"]
    # The measure sees a leak when there is one: four kilobytes a move.
    leak = "(n) => { for (let i = 0; i < n; i += 1) (window.leak ??= []).push(new Array(1000).fill(i)) }"
    leaked = measure.growth(page, lambda count: page.evaluate(leak, count), 1000)
    assert leaked > BUDGETS["memory"]["growth_per_1000_moves"]
    context.close()


def test_the_explorers_style_sheet_asks_what_an_element_is_and_not_what_it_holds() -> None:
    """With one ``:has()`` in it, every node that a move adds or takes away costs two milliseconds of matching."""
    style = (Path(explorers.__file__).parent / "static" / "explorer.css").read_text(encoding="utf-8")
    assert ":has(" not in re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)


@pytest.mark.parametrize("section", ["bytes", "seconds", "milliseconds", "layout", "memory", "tests"])
def test_budgets_are_positive_numbers(section: str) -> None:
    assert BUDGETS[section] and all(value > 0 for value in BUDGETS[section].values())
