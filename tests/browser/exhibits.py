"""An explorer on the page of the built book that shows it, next to its Python declaration.

The helpers take any page, so that a planted fault can be shown to them too.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks.pages import pages_with_explorers
from scaling_helpers import numbers
from scaling_helpers.explorers import CATALOGUE
from scaling_helpers.explorers.declaration import Declaration

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
State = Mapping[str, Any]

#: What both sides must agree to.
RELATIVE = 1e-9
#: Below this two numbers count as equal. loss_gap and wasted_share subtract nearly equal numbers of order one, so
#: near the optimum, where they vanish, both sides keep only what rounding (4e-16 a step, some tens of steps) leaves.
ABSOLUTE = 1e-12

PAYLOAD = re.compile(r'(<script type="application/json" class="explorer-payload">)(.*?)(</script>)', re.DOTALL)

# Sets each state and notes all that a reader can then see or a program read.
_OBSERVE = """async ([id, states]) => {
  // How many pixels of a path lie in a box (Liang and Barsky's clipping, segment by segment).
  const inView = (path, room) => {
    const place = path.getScreenCTM();
    const points = [...path.getAttribute("d").matchAll(/[MLC]([^A-Za-z]*)/g)].map(([, numbers]) => {
      const [x, y] = numbers.trim().split(/[\\s,]+/).slice(-2).map(Number);
      return new DOMPoint(x, y).matrixTransform(place);
    });
    let length = 0;
    for (let i = 1; i < points.length; i += 1) {
      const [a, b] = [points[i - 1], points[i]];
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      let [from, to] = [0, 1];
      for (const [p, q] of [[-dx, a.x - room.left], [dx, room.right - a.x], [-dy, a.y - room.top], [dy, room.bottom - a.y]]) {
        if (p === 0 && q < 0) to = -1;
        else if (p < 0) from = Math.max(from, q / p);
        else if (p > 0) to = Math.min(to, q / p);
      }
      if (to > from) length += (to - from) * Math.hypot(dx, dy);
    }
    return length;
  };
  const handle = window.explorers.get(id);
  const figure = document.getElementById(id);
  const seen = [];
  for (const state of states) {
    await handle.set(state);
    const svg = figure.querySelector(".explorer-chart svg");
    const room = svg.querySelector(".root .background").getBoundingClientRect();
    const inside = (x, y) => x >= room.left - 1 && x <= room.right + 1 && y >= room.top - 1 && y <= room.bottom + 1;
    const visible = (e) => {
      const style = getComputedStyle(e);
      const solid = (paint, opacity) => paint !== "none" && paint !== "transparent" && Number(opacity) > 0;
      return Number(style.opacity) > 0
        && (solid(style.stroke, style.strokeOpacity) || solid(style.fill, style.fillOpacity));
    };
    let curves = 0;
    let marks = 0;
    for (const e of svg.querySelectorAll(".role-mark path, .role-mark line, .role-mark rect, .role-mark text")) {
      const box = e.getBoundingClientRect();
      if (!visible(e) || !(box.width + box.height > 1)) continue;
      if (e.closest(".mark-line, .mark-area") && e.localName === "path") {
        if (inView(e, room) > 40) curves += 1;
      } else if (inside(box.left + box.width / 2, box.top + box.height / 2)) marks += 1;
    }
    const broken = [...svg.querySelectorAll("*")].flatMap((e) => [...e.attributes])
      .filter((a) => /NaN|Infinity|undefined/.test(a.value)).map((a) => `${a.name}="${a.value.slice(0, 40)}"`);
    const labels = [...svg.querySelectorAll("text")].map((e) => e.textContent);
    const odd = labels.filter((text) => /NaN|Infinity|∞|undefined|null/.test(text));
    seen.push({
      values: Object.fromEntries(handle.controls().map((c) => [c.name, c.value])),
      readouts: handle.readouts(),
      words: figure.querySelector(".explorer-alternative").textContent,
      cells: [...figure.querySelectorAll(".explorer-value")].map((e) => e.textContent),
      curves, marks, broken: [...broken, ...odd].slice(0, 3),
    });
  }
  return seen;
}"""


@dataclass(frozen=True)
class Seen:
    """What the browser showed after one state was set."""

    values: State
    readouts: Mapping[str, float | None]
    words: str
    cells: Sequence[str]
    curves: int
    marks: int
    broken: Sequence[str]


@dataclass(frozen=True)
class Exhibit:
    """One explorer on an open page; ``id`` is its figure's."""

    page: Page
    id: str
    declaration: Declaration

    def observe(self, states: Iterable[State]) -> list[Seen]:
        """Set each state in turn and note what is seen."""
        found = cast("list[dict[str, Any]]", self.page.evaluate(_OBSERVE, [self.id, [dict(state) for state in states]]))
        return [Seen(**{**one, "values": doubles(one["values"]), "readouts": doubles(one["readouts"])}) for one in found]

    def reset(self) -> None:
        """Back to the starting state, guessing over, on top of the page."""
        self.observe([self.declaration.defaults()])

    def values(self) -> dict[str, Any]:
        found = self.page.evaluate(
            "(id) => Object.fromEntries(window.explorers.get(id).controls().map((c) => [c.name, c.value]))", self.id
        )
        return doubles(cast("dict[str, Any]", found))

    def wait_for(self, values: State) -> None:
        """Wait until the controls stand at ``values`` and the view has run."""
        self.page.wait_for_function(
            """([id, wanted]) => {
              const handle = window.explorers?.get(id);
              if (!handle || document.getElementById(id).dataset.state !== "live") return false;
              return handle.controls().every((c) => !(c.name in wanted) || c.value === wanted[c.name]);
            }""",
            arg=[self.id, dict(values)],
        )

    def find(self, selector: str) -> Any:
        return self.page.locator(f"#{self.id} {selector}")

    def button(self, name: str) -> Any:
        return self.page.locator(f"#{self.id}").get_by_role("button", name=name, exact=True)


def doubles(numbers_: Mapping[str, Any]) -> dict[str, Any]:
    """JavaScript has one kind of number, but 1e20 arrives here as a whole number with the digits that it prints."""
    return {name: float(value) if type(value) is int else value for name, value in numbers_.items()}


def shown_on(site: Path) -> dict[str, tuple[str, str]]:
    """Where the book shows each explorer first: name -> (page, id of the figure)."""
    found: dict[str, tuple[str, str]] = {}
    for page in pages_with_explorers(site):
        for tag in re.findall(r"<figure\b[^>]*>", (site / page).read_text(encoding="utf-8")):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            if "data-explorer" in attributes:
                found.setdefault(attributes["data-explorer"], (page, attributes["id"]))
    return found


def by_chapter() -> list[str]:
    """The catalogue as "chapter:name", read from the sources: those of one chapter share the pages that are opened for them.

    Only for grouping: where the built book shows an explorer is what `shown_on` finds.
    """
    homes: dict[str, str] = {}
    for source in sorted(ROOT.glob("chapters/*.md")):
        for name in re.findall(r"\bexplorers\.(\w+)\(", source.read_text(encoding="utf-8")):
            homes.setdefault(name, source.stem)
    return sorted(f"{homes.get(name, 'elsewhere')}:{name}" for name in CATALOGUE)


@cache
def declared(name: str) -> Declaration:
    return cast("Declaration", CATALOGUE[name]().declaration)


# ---- states ---------------------------------------------------------------------------------------------------------


def ends(control: Any) -> list[Any]:
    """Both ends of a control, or all its options."""
    made = control.payload()
    return list(made["options"]) if made["options"] else [made["min"], made["max"]]


def random_states(declaration: Declaration, count: int, seed: int = 2) -> list[dict[str, Any]]:
    """Settings over the whole range: log-uniform for what spans orders of magnitude, all options alike."""
    rng = np.random.default_rng(seed)

    def draw(control: Any) -> Any:
        made = control.payload()
        if made["options"]:
            return made["options"][rng.integers(len(made["options"]))]
        low, high = made["min"], made["max"]
        if control.kind == "log":
            return float(np.exp(rng.uniform(np.log(low), np.log(high))).clip(low, high))
        return float(control.snap(rng.uniform(low, high)))

    return [{control.name: draw(control) for control in declaration.controls} for _ in range(count)]


def named_states(declaration: Declaration) -> list[dict[str, Any]]:
    """The start, every preset, and from the start both ends of every control and every option."""
    start = declaration.defaults()
    moved = [{**start, control.name: end} for control in declaration.controls for end in ends(control)]
    return [start, *({**start, **preset.values} for preset in declaration.presets), *moved]


def corners(declaration: Declaration, most: int = 512) -> list[dict[str, Any]]:
    """Every combination of ends and options; an even sample when there are more than ``most``."""
    names = [control.name for control in declaration.controls]
    total = math.prod(len(ends(control)) for control in declaration.controls)
    every = itertools.product(*(ends(control) for control in declaration.controls))
    stride = math.ceil(total / most)
    return [dict(zip(names, corner, strict=True)) for corner in itertools.islice(every, 0, None, stride)]


# ---- comparing ------------------------------------------------------------------------------------------------------


def disagreements(declaration: Declaration, states: Iterable[State], seen: Iterable[Seen]) -> list[str]:
    """Where the browser's numbers or words differ from Python's."""
    faults = []
    for state, shown in zip(states, seen, strict=True):
        wanted = declaration.state(state)
        expected = declaration.read(wanted)
        if dict(shown.values) != wanted:
            faults.append(f"asked for {dict(state)}, the controls stand at {dict(shown.values)}")
        if list(shown.readouts) != list(expected):
            faults.append(f"readouts {list(shown.readouts)} instead of {list(expected)}")
            continue
        for name, value in expected.items():
            if not agree(shown.readouts[name], value):
                faults.append(f"{name} is {shown.readouts[name]!r} in the browser and {value!r} in Python at {dict(state)}")
        if shown.words != declaration.words(wanted):
            faults.append(f"the words are {shown.words!r} in the browser and {declaration.words(wanted)!r} in Python")
        cells = [numbers.format(expected[readout.name], readout.format) for readout in declaration.readouts]
        grouped = sorted(range(len(cells)), key=lambda i: groups(declaration).index(declaration.readouts[i].group))
        if list(shown.cells) != [cells[i] for i in grouped]:
            faults.append(f"the readouts read {list(shown.cells)} in the browser and {[cells[i] for i in grouped]} in Python")
    return faults


def groups(declaration: Declaration) -> list[str]:
    return list(dict.fromkeys(readout.group for readout in declaration.readouts))


def agree(browser: float | None, python: float | None) -> bool:
    """Both have no answer, or both have the same finite one."""
    if browser is None or python is None:
        return browser is python
    return math.isfinite(browser) and math.isclose(browser, python, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def blanks(states: Iterable[State], seen: Iterable[Seen]) -> list[str]:
    """States in which the chart shows nothing, or something that is no number."""
    return [
        f"{dict(state)}: {shown.curves} curves, {shown.marks} other marks, {', '.join(shown.broken) or 'no broken attribute'}"
        for state, shown in zip(states, seen, strict=True)
        if not shown.curves or not shown.marks or shown.broken
    ]


# ---- one explorer by itself, whole or with a fault --------------------------------------------------------------------


def figure_of(html: str, identifier: str) -> str:
    """The markup of one explorer's figure."""
    (found,) = re.findall(rf'<figure\b[^>]*\bid="{identifier}"[^>]*>.*?</figure>', html, re.DOTALL)
    return str(found)


def spoilt(figure: str, identifier: str, change: Callable[[dict[str, Any]], None]) -> str:
    """The figure under another id, with ``change`` made to its payload."""

    def rewrite(match: re.Match[str]) -> str:
        payload = json.loads(match[2])
        change(payload)
        return match[1] + json.dumps(payload).replace("<", "\\u003c") + match[3]

    made, count = PAYLOAD.subn(rewrite, figure)
    assert count == 1
    return re.sub(r'\bid="[^"]*"', f'id="{identifier}"', made, count=1)


def with_only(html: str, figures: Iterable[str]) -> str:
    """The page with nothing but ``figures`` in its article: head, scripts, styles and navigation stay as they are."""
    start = html.index(">", html.index('<article class="bd-article"')) + 1
    return html[:start] + "\n".join(figures) + html[html.index("</article>", start) :]
