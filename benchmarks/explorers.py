"""What does a page with explorers cost its reader, and what would the same curve cost with Plotly?

Run it from the project's folder, with the book built: ``python -m benchmarks.explorers`` (``--json`` for machines).
How each number is taken is said in ``pages.py``; the budgets beside them are those of ``budgets.toml``.

Plotly stands for what one would use instead: one page with its library embedded and the same law's curve, 120 points,
drawn by ``Plotly.newPlot`` and moved by ``Plotly.react`` with new points. It is measured if it is installed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # started as a script, from anywhere
    sys.path.insert(0, str(ROOT))

from benchmarks import pages as measure  # noqa: E402
from benchmarks.pages import BUDGETS  # noqa: E402
from tests.browser.chromium import launch  # noqa: E402
from tests.browser.server import POLICY, serve  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COLD_STARTS = 5
MOVES = 300

# The same drawing by Plotly: bring it up, then move it as MOVES of pages.py moves an explorer.
PLOTLY_MOVES = """async ([count]) => {
  const plot = document.querySelector(".js-plotly-plot");
  const [curve] = plot.data;
  const start = [...curve.y];
  const times = [];
  for (let i = 0; i < count; i += 1) {
    const y = start.map((v) => v * (1 + 0.2 * Math.sin(i)));
    await new Promise(requestAnimationFrame);
    const begin = performance.now();
    await Plotly.react(plot, [{ ...curve, y }], plot.layout);
    plot.getBoundingClientRect();
    await NEXT_TASK;
    times.push(performance.now() - begin);
  }
  return times;
}""".replace("NEXT_TASK", measure.NEXT_TASK)


@dataclass(frozen=True)
class Row:
    """One page. Bytes are (raw, gzipped), times seconds or milliseconds."""

    page: str
    explorers: int
    own: tuple[int, int]
    shared: tuple[int, int]
    explorers_shared: tuple[int, int]
    live_s: float
    shift: float
    move_ms: tuple[float, float]
    strict_move_ms: tuple[float, float]
    growth_bytes: int


def measure_page(browser: Browser, site: Path, home: str, strict: str, name: str) -> Row:
    """Everything about one page of the built book."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    urls = measure.asked_for(page)
    first = measure.bring_to_life(page, f"{home}/{name}")
    page.wait_for_load_state("load")
    weight = measure.weigh(site, urls)
    explorer = page.evaluate("[...window.explorers.keys()][0]")
    moved = measure.moves(page, explorer, MOVES)
    grown = measure.growth(page, lambda count: measure.shake(page, explorer, count), 1000)
    context.close()

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    measure.bring_to_life(page, f"{strict}/{name}")
    strict_moved = measure.moves(page, explorer, MOVES)
    context.close()

    starts = measure.cold_starts(browser, f"{home}/{name}", COLD_STARTS)
    return Row(
        page=name,
        explorers=int(first["explorers"]),
        own=weight.own,
        shared=weight.shared,
        explorers_shared=weight.explorers,
        live_s=median(start["seconds"] for start in starts),
        shift=max(start["shift"] for start in starts),
        move_ms=(moved.median, moved.p95),
        strict_move_ms=(strict_moved.median, strict_moved.p95),
        growth_bytes=grown,
    )


@contextmanager
def plotly_page() -> Iterator[Path]:
    """A folder with one page: the IsoFLOP curve of the default state, Plotly embedded."""
    import numpy as np
    import plotly.graph_objects as go  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from scaling_helpers.laws import BESIROGLU_2024, FLOP_PER_PARAMETER_TOKEN

    sizes = np.geomspace(1e8, 1e13, 120)  # parameters
    tokens = 5.76e23 / (FLOP_PER_PARAMETER_TOKEN * sizes)
    figure = go.Figure(go.Scatter(x=sizes.tolist(), y=BESIROGLU_2024.loss(sizes, tokens).tolist()))
    figure.update_xaxes(type="log", title="Model size N (parameters)").update_yaxes(title="Loss (nats per token)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figure.write_html(folder / "plotly.html", include_plotlyjs=True, full_html=True)
        yield folder


def measure_plotly(browser: Browser) -> dict[str, Any] | None:
    """The same curve with Plotly, or None where it is not installed."""
    if importlib.util.find_spec("plotly") is None:
        return None
    with plotly_page() as folder, serve(folder) as home:
        content = (folder / "plotly.html").read_bytes()
        live = []
        times: list[float] = []
        for _ in range(COLD_STARTS):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(f"{home}/plotly.html", wait_until="commit")
            page.wait_for_function("document.querySelector('.js-plotly-plot .scatterlayer path')")
            live.append(page.evaluate("performance.now() / 1000"))
            if not times:
                times = sorted(page.evaluate(PLOTLY_MOVES, [MOVES]))
            context.close()
        return {
            "bytes": (len(content), len(gzip.compress(content, 9, mtime=0))),
            "live_s": median(live),
            "move_ms": (median(times), times[int(0.95 * len(times))]),
        }


def kilobytes(weight: tuple[int, int]) -> str:
    return f"{weight[0] / 1000:,.0f} KB, {weight[1] / 1000:,.1f} KB gzipped"


def report(rows: list[Row], plotly: dict[str, Any] | None, browser_version: str) -> str:
    """The measurements as a text for people; ``!`` marks what is beyond its budget."""
    size, seconds, ms = BUDGETS["bytes"], BUDGETS["seconds"], BUDGETS["milliseconds"]
    lines = [f"Chromium {browser_version}, cold cache, local server, median of {COLD_STARTS} starts, {MOVES} moves", ""]

    def add(what: str, value: str, actual: float, budget: float, unit: str) -> None:
        lines.append(f"{'!' if actual > budget else ' '} {what:<34} {value:<34} budget {budget:,.6g} {unit}")

    for row in rows:
        live = seconds["one_explorer" if row.explorers < 5 else "five_explorers"]
        lines.append(f"{row.page}, {row.explorers} explorer{'s' if row.explorers != 1 else ''}")
        add("own bytes", kilobytes(row.own), row.own[1], size["page_own"], "bytes gzipped")
        add("shared by all pages", kilobytes(row.shared), row.shared[1], size["page_shared"], "bytes gzipped")
        drawing = row.explorers_shared
        add("shared by pages with explorers", kilobytes(drawing), drawing[1], size["explorers_shared"], "bytes gzipped")
        add("navigation to all explorers live", f"{row.live_s:.2f} s", row.live_s, live, "s")
        add("layout shift", f"{row.shift:.3f}", row.shift, BUDGETS["layout"]["shift"], "")
        for label, pair, prefix in (("with Function()", row.move_ms, ""), ("without", row.strict_move_ms, "strict_")):
            add(f"move to repaint {label}, median", f"{pair[0]:.1f} ms", pair[0], ms[f"{prefix}move_median"], "ms")
            add(f"move to repaint {label}, 95 %", f"{pair[1]:.1f} ms", pair[1], ms[f"{prefix}move_p95"], "ms")
        grown = row.growth_bytes
        add("heap after 1,000 more moves", f"{grown / 1000:+,.0f} KB", grown, BUDGETS["memory"]["growth_per_1000_moves"], "bytes")
        lines.append("")
    lines.append("The same curve with Plotly, embedded")
    if plotly is None:
        lines.append("  not installed (pip install plotly)")
    else:
        lines.append(f"  page with library                  {kilobytes(plotly['bytes'])}")
        lines.append(f"  navigation to a drawn curve        {plotly['live_s']:.2f} s")
        lines.append("  move to repaint                    {:.1f} ms median, {:.1f} ms 95 %".format(*plotly["move_ms"]))
    return "\n".join(lines)


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built book")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    site: Path = arguments.site
    if not (site / "index.html").exists():
        print(f"no book in {site}: run `make book` first", file=sys.stderr)
        return 1
    with (
        sync_playwright() as playwright,
        serve(site) as home,
        serve(site, {"Content-Security-Policy": POLICY}) as strict,
    ):
        browser = launch(playwright)
        rows = [measure_page(browser, site, home, strict, name) for name in measure.pages_with_explorers(site)]
        plotly = measure_plotly(browser)
        version = browser.version
        browser.close()
    if arguments.json:
        print(json.dumps({"chromium": version, "pages": [asdict(row) for row in rows], "plotly": plotly}, indent=1))
    else:
        print(report(rows, plotly, version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
