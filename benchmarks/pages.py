"""How heavy is a page, how soon is it alive, how fast does it move? Measured in a real browser, used by tests and bench.

Method
    weight   every response of a page, by file, compressed with gzip level 9; *own* is the page and what only pages
             have (HTML, pictures), *shared* is what lies in ``_static`` and is fetched once per site
    live     performance.now() (zero is the navigation's start) when every explorer's figure has ``data-state="live"``;
             those below the fold are asked for as soon as the handles exist, so it counts all of them
    move     a control is set through the page's handle; the clock stops in a task queued after the next animation
             frame, hence after style, layout and paint. What remains of the frame's own time (a headless Chromium waits
             up to 16.7 ms for the next one) is taken off by starting right after a frame began.
    shift    the browser's own layout-shift entries without recent input, summed
    memory   JavaScript heap after forced collections, before and after the moves
"""

from __future__ import annotations

import gzip
import math
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

BUDGETS: dict[str, dict[str, float]] = tomllib.loads((Path(__file__).parent / "budgets.toml").read_text(encoding="utf-8"))

#: Runs before any script of the page: keeps its layout shifts.
OBSERVE = """(() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
})()"""

ALL_LIVE = """async () => {
  if (document.readyState === "loading") await new Promise((go) => document.addEventListener("DOMContentLoaded", go));
  const handles = [...(window.explorers ?? new Map()).values()];
  await Promise.all(handles.map((handle) => handle.set({})));
  return { seconds: performance.now() / 1000, explorers: handles.length, shift: window.shifts };
}"""

FIRST_LIVE = """async () => {
  if (document.readyState === "loading") await new Promise((go) => document.addEventListener("DOMContentLoaded", go));
  await [...window.explorers.values()][0].set({});
  return performance.now() / 1000;
}"""

#: JavaScript: resolves in a task of its own, after what is queued now.
NEXT_TASK = """new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    })"""

# Sets a random state, so that no move repeats the one before.
MOVES = """async ([id, count, paced]) => {
  const handle = window.explorers.get(id);
  const controls = handle.controls().filter((c) => c.kind === "log" || c.kind === "linear");
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const times = [];
  for (let i = 0; i < count; i += 1) {
    const c = controls[i % controls.length];
    const value = c.kind === "log" ? c.min * (c.max / c.min) ** random() : c.min + (c.max - c.min) * random();
    if (paced) await new Promise(requestAnimationFrame);
    const start = performance.now();
    await handle.set({ [c.name]: value });
    document.getElementById(id).getBoundingClientRect();  // style and layout belong to the move
    await NEXT_TASK;
    times.push(performance.now() - start);
  }
  return times;
}""".replace("NEXT_TASK", NEXT_TASK)


@dataclass(frozen=True)
class Weight:
    """Bytes of one page: (raw, gzipped)."""

    own: tuple[int, int]
    shared: tuple[int, int]
    explorers: tuple[int, int]


@dataclass(frozen=True)
class Moves:
    """Milliseconds per move."""

    median: float
    p95: float


def pages(site: Path) -> list[str]:
    """Every page of a built site, as paths relative to it."""
    found = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "_static")


def pages_with_explorers(site: Path) -> list[str]:
    """Those on which something moves."""
    return [page for page in pages(site) if 'data-explorer="' in (site / page).read_text(encoding="utf-8")]


def weigh(site: Path, urls: Iterable[str]) -> Weight:
    """The weight of the files behind ``urls``, each counted once."""
    sums = {"own": [0, 0], "shared": [0, 0], "explorers": [0, 0]}
    for name in sorted({urlsplit(url).path.lstrip("/") for url in urls if url.startswith("http")}):
        content = (site / name).read_bytes()
        kind = "explorers" if name.startswith("_static/explorers/") else "shared" if name.startswith("_static/") else "own"
        sums[kind][0] += len(content)
        sums[kind][1] += len(gzip.compress(content, 9, mtime=0))
    return Weight(*(cast("tuple[int, int]", tuple(sums[kind])) for kind in ("own", "shared", "explorers")))


def asked_for(page: Page) -> list[str]:
    """Start keeping the addresses that ``page`` asks for; the list fills as it loads."""
    urls: list[str] = []

    def keep(request: Request) -> None:
        urls.append(request.url)

    page.on("request", keep)
    return urls


def bring_to_life(page: Page, url: str) -> dict[str, float]:
    """Open ``url`` and wait for all its explorers: {"seconds", "explorers", "shift"}."""
    page.add_init_script(OBSERVE)
    page.goto(url, wait_until="commit")
    return cast("dict[str, float]", page.evaluate(ALL_LIVE))


def first_to_life(page: Page, url: str) -> float:
    """Open ``url`` and wait for its first explorer alone: seconds since the navigation."""
    page.goto(url, wait_until="commit")
    return cast("float", page.evaluate(FIRST_LIVE))


def move_times(page: Page, explorer: str, count: int) -> list[float]:
    """Milliseconds of each of ``count`` moves of ``explorer`` (its id on the page)."""
    return cast("list[float]", page.evaluate(MOVES, [explorer, count, True]))


def summary(times: Iterable[float]) -> Moves:
    """The median and the 95th percentile of times."""
    ordered = sorted(times)
    return Moves(median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1])


def moves(page: Page, explorer: str, count: int) -> Moves:
    """Move ``explorer`` ``count`` times."""
    return summary(move_times(page, explorer, count))


def shake(page: Page, explorer: str, count: int) -> None:
    """Move ``explorer`` as fast as it goes, without waiting for frames."""
    page.evaluate(MOVES, [explorer, count, False])


def heap(page: Page) -> int:
    """Bytes of live JavaScript objects, after forced collection."""
    session = page.context.new_cdp_session(page)
    for _ in range(3):  # finalizers and weak references need more than one round
        session.send("HeapProfiler.collectGarbage")
    used = cast("dict[str, Any]", session.send("Runtime.getHeapUsage"))
    session.detach()
    return int(used["usedSize"])


def growth(page: Page, move: Callable[[int], object], count: int) -> int:
    """Bytes by which the heap has grown after ``count`` moves, once as many have filled every cache."""
    move(count)
    before = heap(page)
    move(count)
    return heap(page) - before
