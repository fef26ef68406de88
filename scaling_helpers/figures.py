"""How does the book draw? One matplotlib style whose figures follow the page: light, dark, print.

A figure function returns a :class:`Picture`: an inline SVG with real text, the palette's colours as CSS variables, and
the alt text it was given, which is an argument because a figure without one is not finished.
"""

from __future__ import annotations

import html
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import numbers
from .laws import FLOP_PER_PARAMETER_TOKEN, ChinchillaLaw
from .palette import LIGHT, themed
from .quantities import positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SHORTEST_ALT", "Picture", "axes", "isoflop_curves", "loss_terms", "wasted_compute"]

#: A shorter alt text cannot say what a figure shows.
SHORTEST_ALT = 40
#: The order in which series take colours and dashes, so that greyscale keeps them apart.
SERIES = ("law", "other", "you", "fourth", "fifth", "sixth")
DASHES: Sequence[Any] = ("-", (0, (7, 3)), (0, (2, 2)), (0, (9, 3, 2, 3)), (0, (4, 1.5)), (0, (1, 1)))

_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it takes the page's font and can be searched
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.color": LIGHT["text"],
    "axes.labelcolor": LIGHT["text"],
    "axes.titlecolor": LIGHT["text"],
    "axes.edgecolor": LIGHT["axis"],
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.8,
    "xtick.color": LIGHT["axis"],
    "ytick.color": LIGHT["axis"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["muted"],
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "legend.labelcolor": LIGHT["text"],
}


@dataclass(frozen=True)
class Picture:
    """A finished figure: ``svg`` follows the page's theme, ``alt`` says what it shows."""

    svg: str
    alt: str

    def __post_init__(self) -> None:
        if len(self.alt.strip()) < SHORTEST_ALT or re.fullmatch(r"\S+\.(png|svg|jpe?g)", self.alt.strip()):
            raise ValueError(f"alt = {self.alt!r}: say in at least {SHORTEST_ALT} characters what the figure shows")

    def _repr_html_(self) -> str:
        # Focusable, because on a phone the figure keeps a readable size and scrolls in its own box.
        return f'<div class="picture" role="img" tabindex="0" aria-label="{html.escape(self.alt)}">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


@contextmanager
def axes(alt: str, width: float = 7.2, height: float = 4.0, columns: int = 1) -> Iterator[tuple[Any, list[Picture]]]:
    """Draw one figure in the book's style; when the block ends its :class:`Picture` is in the list.

    >>> with axes("A straight line that rises from nought to one on both axes") as (ax, done):
    ...     lines = ax.plot([0, 1])
    >>> done[0]
    Picture: A straight line that rises from nought to one on both axes
    """
    import matplotlib
    from matplotlib.figure import Figure

    done: list[Picture] = []
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        made = figure.subplots(1, columns)
        yield made, done
        done.append(Picture(_svg(figure, alt), alt))


def _svg(figure: Figure, alt: str) -> str:
    import matplotlib

    name = f"f{zlib.crc32(alt.encode()):08x}"  # several figures share a page: their ids must not meet
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Inline, a <style> for every element would reach the whole page: say the same on the root.
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.S)
    svg = re.sub(r"<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', svg, count=1)
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{name}-\1"', svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 var(--figure-font, system-ui, sans-serif)", svg)
    svg = re.sub(r'<svg ([^>]*?)width="([\d.]+)pt" height="[\d.]+pt"', r'<svg \1width="100%" style="max-width: \2pt"', svg)
    svg = re.sub(r"<svg ", '<svg aria-hidden="true" focusable="false" ', svg, count=1)
    return themed(svg)


def _count_ticks(axis: Any) -> None:
    """Label a logarithmic axis of parameters or tokens as 1B, 10B."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    axis.set_major_formatter(FuncFormatter(lambda value, _position: numbers.format(value, "count")))
    axis.set_minor_locator(NullLocator())


def isoflop_curves(law: ChinchillaLaw, budgets: Sequence[float], *, alt: str) -> Picture:
    """Loss (nats per token) against model size for each training budget (FLOP), with the line of optima.

    Raises ValueError for a budget that is not positive, finite and plausible, or for a missing alt text.
    """
    budgets = [positive("C", budget) for budget in budgets]
    sizes = np.geomspace(1e7, 1e12, 201)
    with axes(alt) as (ax, done):
        for budget in budgets:
            tokens = budget / (FLOP_PER_PARAMETER_TOKEN * sizes)
            best = law.optimal(budget)
            near = np.abs(np.log10(sizes / best.N)) < 1.35
            ax.plot(sizes[near], law.loss(sizes[near], tokens[near]), color=LIGHT["law"])
            label = f"{numbers.format(budget, 'flop')} FLOP"
            end = (sizes[near][-1], law.loss(sizes[near][-1], tokens[near][-1]))
            ax.annotate(label, end, (0, 6), textcoords="offset points", ha="right", color=LIGHT["muted"])
        path = law.optimal(np.geomspace(min(budgets), max(budgets), 50))
        ax.plot(path.N, path.loss, color=LIGHT["law"], linestyle=DASHES[2], linewidth=1.4)
        dots = law.optimal(np.array(budgets))
        ax.plot(dots.N, dots.loss, "o", color=LIGHT["law"], label="optimum of each budget")
        ax.set(xscale="log", xlabel="Model size N (parameters)", ylabel="Loss (nats per token)")
        _count_ticks(ax.xaxis)
        ax.legend(loc="upper right")
    return done[0]


def loss_terms(law: ChinchillaLaw, budget: float, *, marked: Mapping[str, float], alt: str) -> Picture:
    """The two reducible terms of the law and their sum (nats per token) against model size, for one budget in FLOP.

    ``marked`` names sizes in parameters to point out. Raises ValueError for a budget or a size that is not positive,
    finite and plausible, or for a missing alt text.
    """
    budget = positive("C", budget)
    best = law.optimal(budget)
    sizes = np.geomspace(best.N / 30, best.N * 30, 201)
    from_size = law.A / sizes**law.alpha
    from_data = law.B / (budget / (FLOP_PER_PARAMETER_TOKEN * sizes)) ** law.beta
    with axes(alt) as (ax, done):
        for term, name, series in (
            (from_size + from_data, "their sum, the reducible loss", 0),
            (from_size, "size shortfall, A / Nᵅ", 1),
            (from_data, "data shortfall, B / Dᵝ", 3),
        ):
            ax.plot(sizes, term, color=LIGHT[SERIES[series]], linestyle=DASHES[series], label=name)
        points = {"best size": best.N, **marked}
        for name, size in points.items():
            size = positive("N", size)
            height = law.loss(size, budget / (FLOP_PER_PARAMETER_TOKEN * size)) - law.E
            ax.plot(size, height, "o", color=LIGHT["you" if name in marked else "law"])
            label = f"{name}, {numbers.format(size, 'count')}"
            # Right of the lowest point the curve rises: a label to the upper left of a point stays clear of it.
            place: Any = {"xytext": (-6, 6), "ha": "right"} if size > best.N else {"xytext": (0, 10), "ha": "center"}
            ax.annotate(label, (size, height), textcoords="offset points", color=LIGHT["text"], **place)
        ax.set(xscale="log", xlabel="Model size N (parameters)", ylabel="Loss above E (nats per token)", ylim=(0, None))
        _count_ticks(ax.xaxis)
        ax.legend(loc="upper center")
    return done[0]


def wasted_compute(laws: Mapping[str, ChinchillaLaw], *, alt: str) -> Picture:
    """Share of the compute wasted (0 to 1) against the factor by which a model misses the best size, for each law.

    Raises ValueError for more laws than the palette has colours, or for a missing alt text.
    """
    if not 0 < len(laws) <= len(SERIES):
        raise ValueError(f"laws: give 1 to {len(SERIES)} of them, got {len(laws)}")
    from matplotlib import ticker

    factors = np.geomspace(0.1, 10, 201)
    with axes(alt) as (ax, done):
        for series, dashes, (name, law) in zip(SERIES, DASHES, laws.items(), strict=False):
            best = law.optimal(1e21)  # any budget: the share does not depend on it
            loss = law.loss(best.N * factors, best.D / factors)
            title = law.origin.title if law.origin else name
            ax.plot(factors, 1 - law.compute_for_loss(loss) / best.compute, color=LIGHT[series], linestyle=dashes, label=title)
        ax.set(xscale="log", xlabel="Model size, as a multiple of the best one", ylabel="Compute wasted", ylim=(0, None))
        ax.xaxis.set_major_locator(ticker.FixedLocator([0.1, 0.25, 0.5, 1, 2, 4, 10]))
        ax.xaxis.set_minor_locator(ticker.NullLocator())
        ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _position: numbers.format(value, "times")))
        ax.yaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0))
        ax.legend(loc="upper center")
    return done[0]
