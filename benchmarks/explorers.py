"""What does a page with explorers cost its reader, and what would the same curve cost with something else?

Run it from the project's folder, with the book built: ``python -m benchmarks.explorers`` (``--csv`` also writes
``results/explorers.csv``). How each number is taken is said in ``pages.py``, what the rivals are in ``rivals.py``; the
budgets beside our pages' numbers are those of ``budgets.toml``. The two columns of moves are those with Vega's expressions
compiled by ``Function()`` and, under a content policy that forbids it, interpreted.

Everything is measured in rounds, one cold start and a few moves of each page and each rival in turn, so that whatever else
the machine does falls on all alike; the numbers are medians over the rounds.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # started as a script, from anywhere
    sys.path.insert(0, str(ROOT))

from benchmarks import pages as measure  # noqa: E402
from benchmarks.pages import BUDGETS  # noqa: E402
from benchmarks.rivals import RIVALS, Rival  # noqa: E402
from tests.browser.chromium import launch  # noqa: E402
from tests.browser.server import POLICY, serve  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RESULTS = Path(__file__).parent / "results" / "explorers.csv"
ROUNDS = 5
MOVES = 60  # of each explorer, a round
THOUSAND = 1000
VIEWPORT = {"width": 1280, "height": 900}


@dataclass
class Row:
    """One page, one explorer on it, or one rival. Bytes are gzipped, times seconds or milliseconds; None: not measured here."""

    what: str
    where: str = ""
    own_bytes: int | None = None
    shared_bytes: int | None = None
    explorers_bytes: int | None = None
    first_live_s: float | None = None
    live_s: float | None = None
    shift: float | None = None
    move_ms: float | None = None
    move_p95_ms: float | None = None
    strict_move_ms: float | None = None
    strict_move_p95_ms: float | None = None
    growth_bytes: int | None = None


@dataclass
class Notes:
    """Everything measured of one page, round by round."""

    first: list[float] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)
    moves: dict[str, list[float]] = field(default_factory=dict)
    strict: dict[str, list[float]] = field(default_factory=dict)
    weight: measure.Weight | None = None
    growth: int | None = None


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own, so with an empty cache."""
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def visit_ours(browser: Browser, site: Path, home: str, strict: str, name: str, notes: Notes) -> None:
    """One round of one page of the book."""
    with opened(browser) as page:
        notes.first.append(measure.first_to_life(page, f"{home}/{name}"))
    for address, times in ((home, notes.moves), (strict, notes.strict)):
        with opened(browser) as page:
            urls = measure.asked_for(page)
            start = measure.bring_to_life(page, f"{address}/{name}")
            if address == home:
                notes.live.append(start["seconds"])
                notes.shift.append(start["shift"])
            page.wait_for_load_state("load")
            for explorer in page.evaluate("[...window.explorers.keys()]"):
                times.setdefault(explorer, []).extend(measure.move_times(page, explorer, MOVES))
            if address == home and notes.growth is None:
                notes.weight = measure.weigh(site, urls)
                first = page.evaluate("[...window.explorers.keys()][0]")
                notes.growth = measure.growth(page, lambda count, e=first: measure.shake(page, e, count), THOUSAND)  # type: ignore[misc]


def visit_rival(browser: Browser, home: str, rival: Rival, number: int, notes: Notes) -> None:
    """One round of one rival."""
    with opened(browser) as page:
        page.goto(f"{home}/{number}.html", wait_until="commit")
        page.wait_for_function(rival.drawn)
        notes.live.append(page.evaluate("performance.now() / 1000"))
        page.wait_for_load_state("load")
        notes.moves.setdefault(rival.name, []).extend(page.evaluate(rival.moves, [MOVES, True]))
        if notes.growth is None:
            notes.growth = measure.growth(page, lambda count: page.evaluate(rival.moves, [count, False]), THOUSAND)


def rows_of(name: str, notes: Notes) -> list[Row]:
    """A row for the page, and one for each explorer on it."""
    assert notes.weight is not None
    page = Row(name, f"{len(notes.moves)} explorers")
    page.own_bytes, page.shared_bytes, page.explorers_bytes = (
        getattr(notes.weight, kind)[1] for kind in ("own", "shared", "explorers")
    )
    page.first_live_s, page.live_s, page.shift = median(notes.first), median(notes.live), max(notes.shift)
    page.growth_bytes = notes.growth
    rows = [page]
    for explorer in notes.moves:
        moved, strict = measure.summary(notes.moves[explorer]), measure.summary(notes.strict[explorer])
        rows.append(
            Row(
                explorer,
                name,
                move_ms=moved.median,
                move_p95_ms=moved.p95,
                strict_move_ms=strict.median,
                strict_move_p95_ms=strict.p95,
            )
        )
    return rows


def row_of_rival(rival: Rival, content: bytes, notes: Notes) -> Row:
    moved = measure.summary(notes.moves[rival.name])
    return Row(
        rival.label,
        "one page, one curve",
        own_bytes=len(gzip.compress(content, 9, mtime=0)),
        live_s=median(notes.live),
        first_live_s=median(notes.live),
        move_ms=moved.median,
        move_p95_ms=moved.p95,
        growth_bytes=notes.growth,
    )


def run(browser: Browser, site: Path, rounds: int) -> tuple[list[Row], list[str]]:
    """The rows, and the names of rivals that are not installed."""
    ours = {name: Notes() for name in measure.pages_with_explorers(site)}
    present = [rival for rival in RIVALS if rival.installed]
    theirs = [Notes() for _ in present]
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(site) as home,
        serve(site, {"Content-Security-Policy": POLICY}) as strict,
        serve(Path(folder)) as there,
    ):
        contents = [rival.page().encode() for rival in present]
        for number, content in enumerate(contents):
            (Path(folder) / f"{number}.html").write_bytes(content)
        for one in range(rounds):
            print(f"round {one + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            for name, notes in ours.items():
                visit_ours(browser, site, home, strict, name, notes)
            for number, (rival, notes) in enumerate(zip(present, theirs, strict=True)):
                visit_rival(browser, there, rival, number, notes)
    rows = [row for name, notes in ours.items() for row in rows_of(name, notes)]
    rows += [row_of_rival(*one) for one in zip(present, contents, theirs, strict=True)]
    return rows, [rival.name for rival in RIVALS if not rival.installed]


def limits(row: Row) -> dict[str, float]:
    """What our pages and explorers are held to, by field."""
    size, seconds, ms = BUDGETS["bytes"], BUDGETS["seconds"], BUDGETS["milliseconds"]
    if row.where.endswith("explorers"):
        live = seconds["one_explorer" if int(row.where.split()[0]) < 5 else "five_explorers"]
        return {
            "own_bytes": size["page_own"],
            "shared_bytes": size["page_shared"],
            "explorers_bytes": size["explorers_shared"],
            "first_live_s": seconds["one_explorer"],
            "live_s": live,
            "shift": BUDGETS["layout"]["shift"],
            "growth_bytes": BUDGETS["memory"]["growth_per_1000_moves"],
        }
    if row.where.endswith(".html"):
        return {
            "move_ms": ms["move_median"],
            "move_p95_ms": ms["move_p95"],
            "strict_move_ms": ms["strict_move_median"],
            "strict_move_p95_ms": ms["strict_move_p95"],
        }
    return {}


def report(rows: list[Row], missing: list[str], machine: str) -> str:
    """The measurements as a text for people; ``!`` marks what is beyond its budget."""
    lines = [machine, ""]
    for row in rows:
        lines.append(f"{row.what} ({row.where})")
        budgets = limits(row)
        for name, value in list(asdict(row).items())[2:]:
            if value is None:
                continue
            budget = budgets.get(name)
            mark = "!" if budget is not None and value > budget else " "
            lines.append(f"{mark} {name:<20} {value:>14,.6g}" + (f"   budget {budget:,.6g}" if budget is not None else ""))
        lines.append("")
    lines += [f"{name}: not installed, see benchmarks/requirements.txt" for name in missing]
    return "\n".join(lines)


def described(browser: Browser, rounds: int, load: tuple[float, float]) -> str:
    return (
        f"{os.cpu_count()} cores {platform.machine()}, Chromium {browser.version}, headless, cold cache, local server; "
        f"medians of {rounds} rounds of {MOVES} moves; {date.today()}; load {load[0]:.1f} before and {load[1]:.1f} after"
    )


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built book")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often everything is measured")
    parser.add_argument("--csv", action="store_true", help="write results/explorers.csv too")
    arguments = parser.parse_args()
    if not (arguments.site / "index.html").exists():
        print(f"no book in {arguments.site}: run `make book` first", file=sys.stderr)
        return 1
    before = os.getloadavg()[0]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        rows, missing = run(browser, arguments.site, arguments.rounds)
        machine = described(browser, arguments.rounds, (before, os.getloadavg()[0]))
        browser.close()
    print(report(rows, missing, machine))
    if arguments.csv:
        with RESULTS.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*asdict(rows[0]), "machine"], lineterminator="\n")
            writer.writeheader()
            for row in rows:
                digits = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(row).items()}
                writer.writerow({**digits, "machine": machine})
    return 0


if __name__ == "__main__":
    sys.exit(main())
