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
from .optimum import INFERENCE_FLOP, inference_aware
from .palette import LIGHT, coarse, themed
from .quantities import positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .fitting import EnvelopeFit, IsoflopFit

__all__ = [
    "SHORTEST_ALT",
    "Picture",
    "axes",
    "bowls",
    "chips_and_runs",
    "compute_growth",
    "cost_steps",
    "curves",
    "domain_curves",
    "envelope",
    "estimates",
    "flop_counts",
    "inference_costs",
    "isoflop_curves",
    "lines",
    "local_exponents",
    "loss_terms",
    "measured_valleys",
    "real_ratios",
    "ruler",
    "ruler_forecast",
    "sightings",
    "sizes_and_tokens",
    "spending",
    "steps_curves",
    "straight_lines",
    "surface_and_frontier",
    "tenfold_gains",
    "thinking_curves",
    "token_ratios",
    "wasted_compute",
]

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
    """A finished figure: ``svg`` follows the page's theme, ``alt`` says what it shows.

    >>> picture = Picture("<svg></svg>", "A straight line that rises from nought to one on both axes")
    >>> picture
    Picture: A straight line that rises from nought to one on both axes
    >>> Picture("<svg></svg>", "line.png")
    Traceback (most recent call last):
    ...
    ValueError: alt = 'line.png': say in at least 40 characters what the figure shows
    """

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
    return themed(coarse(svg))


def _count_ticks(axis: Any) -> None:
    """Label a logarithmic axis of parameters or tokens as 1B, 10B."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    axis.set_major_formatter(FuncFormatter(lambda value, _position: numbers.format(value, "count")))
    axis.set_minor_locator(NullLocator())


def straight_lines(
    laws: Sequence[tuple[Any, tuple[float, float]]], names: Sequence[str], units: Sequence[str], *, alt: str
) -> Picture:
    """Power laws side by side on logarithmic axes: solid over the range of their runs, dashed to a hundred times beyond.

    ``laws`` pairs each law with (low, high) of its variable. Raises ValueError for lists of different lengths or a missing
    alt text.

    >>> from scaling_helpers.laws import KAPLAN_2020_SIZE, KAPLAN_2020_DATA
    >>> pairs = [(KAPLAN_2020_SIZE, (768, 1.5e9)), (KAPLAN_2020_DATA, (2.2e7, 2.3e10))]
    >>> alt = "Two straight lines that fall, each solid over the range of its runs and dashed beyond"
    >>> straight_lines(pairs, ["size", "data"], ["parameters", "tokens"], alt=alt).alt == alt
    True
    """
    if not len(laws) == len(names) == len(units) > 1:
        raise ValueError(f"laws, names, units: give as many of each, two or more; got {len(laws)}, {len(names)}, {len(units)}")
    from matplotlib import ticker

    with axes(alt, width=9.0, height=3.6, columns=len(laws)) as (panels, done):
        for ax, (law, (low, high)), name, unit, series in zip(panels, laws, names, units, SERIES, strict=False):
            inside, beyond = np.geomspace(low, high, 30), np.geomspace(high, 100 * high, 30)
            ax.plot(inside, law.loss(inside), color=LIGHT[series], linewidth=2.8)
            ax.plot(beyond, law.loss(beyond), color=LIGHT[series], linestyle=DASHES[1], linewidth=1.6)
            ax.set(xscale="log", yscale="log", ylim=(1.4, 9), xlabel=f"{name} ({unit})")
            ax.xaxis.set_major_locator(ticker.LogLocator(numticks=5))
            ax.xaxis.set_minor_locator(ticker.NullLocator())
            ax.yaxis.set_major_locator(ticker.FixedLocator([1.5, 2, 3, 4, 6, 8]))
            ax.yaxis.set_minor_locator(ticker.NullLocator())
            ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        panels[0].set_ylabel("Loss (nats per token)")
    return done[0]


def ruler_forecast(law: Any, ruled: Any, studied: tuple[float, float], end: float, *, alt: str) -> Picture:
    """The frontier of ``law`` against compute (FLOP), and the pure power law ``ruled`` fitted to it over ``studied``.

    Both need ``loss`` of compute. Raises ValueError where the range is not increasing, or for a missing alt text.

    >>> from scaling_helpers.laws import KAPLAN_2020_COMPUTE, PowerLaw
    >>> alt = "A curve that flattens out and a straight line that agrees with it over the shaded range"
    >>> curve = PowerLaw(1e20, 0.18, 1.8)
    >>> "a ruler" in ruler_forecast(curve, KAPLAN_2020_COMPUTE, (1e17, 1e21), 1e27, alt=alt).svg
    True
    """
    low, high = studied
    if not 0 < low < high < end:
        raise ValueError(f"studied = ({low:g}, {high:g}), end = {end:g}: each must be larger than the one before")
    from matplotlib import ticker

    compute = np.geomspace(low / 10, end, 161)
    with axes(alt) as (ax, done):
        ax.axvspan(low, high, color=LIGHT["grid"], zorder=0)
        ax.plot(compute, law.loss(compute), color=LIGHT["law"], linewidth=2.8, label="a power law above a constant")
        ax.plot(compute, ruled.loss(compute), color=LIGHT["you"], linestyle=DASHES[1], label="a ruler laid on the shaded part")
        ax.set(xscale="log", yscale="log", xlabel="Training compute C (FLOP)", ylabel="Loss (nats per token)")
        ax.yaxis.set_major_locator(ticker.FixedLocator([1, 1.5, 2, 2.5, 3, 4, 5, 6]))
        ax.yaxis.set_minor_locator(ticker.NullLocator())
        ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        ax.legend(loc="upper right")
    return done[0]


def flop_counts(models: Mapping[str, tuple[float, float]], *, alt: str) -> Picture:
    """An exact count of training FLOP per token over 6 N, a row each: (N all parameters, N without embeddings).

    Raises ValueError for no models, or for a missing alt text.

    >>> alt = "One model whose exact count lies a little above six times its parameters"
    >>> "6 N" in flop_counts({"GPT-3": (1.014, 1.017)}, alt=alt).svg
    True
    """
    if not models:
        raise ValueError("models: nothing to draw")
    with axes(alt, height=1.5 + 0.34 * len(models)) as (ax, done):
        ax.axvline(1.0, color=LIGHT["axis"], linewidth=1.2, linestyle=DASHES[2])
        for place, (every, without) in enumerate(models.values()):
            ax.plot([every, without], [place, place], color=LIGHT["grid"], linewidth=3, zorder=1)
            first = place == 0
            ax.plot(every, place, "o", color=LIGHT["law"], label="N counts all parameters" if first else None)
            ax.plot(without, place, "D", color=LIGHT["other"], markerfacecolor="none", markersize=7,
                    label="N leaves out the embeddings" if first else None)  # fmt: skip
        ax.set(xlabel="Exact count over 6 N", yticks=range(len(models)), ylim=(len(models) - 0.5, -0.5))
        ax.set_yticklabels(list(models))
        ax.grid(visible=False, axis="y")
        ax.legend(loc="lower right")
    return done[0]


def steps_curves(law: Any, sizes: Sequence[float], steps: tuple[float, float], *, alt: str) -> Picture:
    """Loss (nats per token) against training steps for each size (parameters), by a law of size and steps.

    Raises ValueError for more sizes than the palette has colours, or for a missing alt text.

    >>> from scaling_helpers.laws import KAPLAN_2020_STEPS
    >>> alt = "Two falling curves of loss against steps, that of the larger model below the other throughout"
    >>> "100M" in steps_curves(KAPLAN_2020_STEPS, [1e8, 1e9], (1e3, 1e5), alt=alt).svg
    True
    """
    if not 0 < len(sizes) <= len(SERIES):
        raise ValueError(f"sizes: give 1 to {len(SERIES)} of them, got {len(sizes)}")
    from matplotlib import ticker

    many = np.geomspace(*steps, 121)
    with axes(alt) as (ax, done):
        for series, dashes, size in zip(SERIES, DASHES, sizes, strict=False):
            loss = law.loss(positive("N", size), many)
            ax.plot(many, loss, color=LIGHT[series], linestyle=dashes, label=f"{numbers.format(size, 'count')} parameters")
        ax.set(xscale="log", yscale="log", xlabel="Steps at a large batch", ylabel="Loss (nats per token)")
        ax.yaxis.set_major_locator(ticker.FixedLocator([2, 2.5, 3, 4, 5, 6, 7]))
        ax.yaxis.set_minor_locator(ticker.NullLocator())
        ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        ax.legend(loc="upper right")
    return done[0]


def spending(parts: Mapping[str, float], decades: float, *, alt: str) -> Picture:
    """How ``decades`` orders of magnitude of compute are shared out: exponent of each part of the product.

    Raises ValueError for parts that are not positive, or for a missing alt text.

    >>> alt = "A bar of nine decades of compute, of which most goes to the size of the model"
    >>> "size" in spending({"size": 0.73, "batch": 0.24, "steps": 0.03}, 9, alt=alt).svg
    True
    """
    left = 0.0
    with axes(alt, height=2.2) as (ax, done):
        for series, (name, exponent) in zip(SERIES, parts.items(), strict=False):
            wide = positive(name, exponent) * decades
            ax.barh(0, wide, left=left, height=0.5, color=LIGHT[series], edgecolor=LIGHT["surface"], linewidth=1.5)
            words = f"{name}: {numbers.format(10**wide, 'times')}"
            narrow = wide < 0.1 * decades  # its label goes a row higher, and ends where the bar does
            point = (left + (wide if narrow else wide / 2), 0)
            ax.annotate(words, point, (0, 46 if narrow else 28), textcoords="offset points", va="center",
                        ha="right" if narrow else "center")  # fmt: skip
            left += wide
        ax.set(xlim=(0, left * 1.001), ylim=(-0.35, 0.9), yticks=[], xlabel="Decades of compute (factors of ten)")
        ax.spines["left"].set_visible(False)
        ax.grid(visible=False, axis="y")
    return done[0]


def sizes_and_tokens(
    models: Mapping[str, tuple[float, float]], level: float, ratio: float, *, aside: Mapping[str, str], alt: str
) -> Picture:
    """Training tokens against parameters of real models, with a level line and the line of ``ratio`` tokens per parameter.

    ``models`` maps a name to (parameters, tokens), ``aside`` the names that would meet others to where their label goes:
    "left", "right", "below left" ... Raises ValueError for no models, or for a missing alt text.

    >>> alt = "One model that lies on the level line, far below the slanting line of twenty per parameter"
    >>> sizes_and_tokens({"GPT-3": (1.75e11, 3e11)}, 3e11, 20, aside={"GPT-3": "below"}, alt=alt).alt == alt
    True
    """
    if not models:
        raise ValueError("models: nothing to draw")
    low, high = min(size for size, _ in models.values()) / 3, max(size for size, _ in models.values()) * 3
    with axes(alt, height=4.4) as (ax, done):
        words = f"{numbers.format(level, 'count')} tokens"
        ax.axhline(level, color=LIGHT["other"], linestyle=DASHES[1], linewidth=1.6, label=words)
        ends = np.array([low, high])
        words = f"{ratio:g} tokens per parameter"
        ax.plot(ends, ratio * ends, color=LIGHT["law"], linestyle=DASHES[2], linewidth=1.6, label=words)
        for name, (size, tokens) in models.items():
            ax.plot(size, tokens, "s", color=LIGHT["you"], markersize=6)
            where = aside.get(name, "above")
            sides = {"left": (-8, "right"), "right": (8, "left")}
            across, align = next((sides[word] for word in sides if word in where), (0, "center"))
            up = next((y for word, y in (("above", 8), ("below", -15)) if word in where), -4)
            ax.annotate(name, (size, tokens), (across, up), textcoords="offset points", ha=align, color=LIGHT["text"])
        ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(5e10, 2e14))
        ax.set(xlabel="Model size N (parameters)", ylabel="Training tokens D")
        for axis in (ax.xaxis, ax.yaxis):
            _count_ticks(axis)
        ax.legend(loc="upper left")
    return done[0]


def domain_curves(laws: Mapping[str, Any], compute: tuple[float, float], *, alt: str) -> Picture:
    """Loss against compute (FLOP) for several kinds of data, and the part of it above each constant.

    ``laws`` maps a name to a power law in compute. Raises ValueError for more laws than the palette has colours, or for a
    missing alt text.

    >>> from scaling_helpers.laws import HENIGHAN_2020
    >>> alt = "Left a curve that flattens out towards its constant, right the same without it, a straight line"
    >>> "video" in domain_curves({"video": HENIGHAN_2020["video-vq"].compute}, (1e15, 1e23), alt=alt).svg
    True
    """
    if not 0 < len(laws) <= len(SERIES):
        raise ValueError(f"laws: give 1 to {len(SERIES)} of them, got {len(laws)}")
    from matplotlib import ticker

    span = np.geomspace(*compute, 121)
    with axes(alt, width=9.0, height=4.0, columns=2) as (panels, done):
        for series, dashes, (name, law) in zip(SERIES, DASHES, laws.items(), strict=False):
            panels[0].plot(span, law.loss(span), color=LIGHT[series], linestyle=dashes, label=name)
            panels[1].plot(span, law.loss(span) - law.constant, color=LIGHT[series], linestyle=dashes)
        for ax in panels:
            ax.set(xscale="log", yscale="log", xlabel="Training compute C (FLOP)")
            ax.xaxis.set_major_locator(ticker.LogLocator(numticks=6))
            ax.xaxis.set_minor_locator(ticker.NullLocator())
            ax.yaxis.set_minor_locator(ticker.NullLocator())
            ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        panels[0].yaxis.set_major_locator(ticker.FixedLocator([0.2, 0.5, 1, 2, 3, 4, 5]))
        panels[1].yaxis.set_major_locator(ticker.FixedLocator([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]))
        panels[0].set_ylabel("Loss (nats per token)")
        panels[1].set_ylabel("Loss above its constant")
        panels[0].legend(loc="lower left", fontsize=9)
    return done[0]


def compute_growth(
    times: Sequence[float],
    compute: Sequence[float],
    fit: Any,
    named: Mapping[str, tuple[float, float]],
    *,
    ylabel: str = "Training compute (FLOP)",
    alt: str,
) -> Picture:
    """Training compute (FLOP) of models against their release (years), a fitted growth and its band for single models.

    ``fit`` is a GrowthFit; ``named`` maps a name to (year, FLOP) of the points that are labelled; ``ylabel`` where it is
    another quantity. Raises ValueError for no points, or for a missing alt text.

    >>> from scaling_helpers.trends import compute_points, fit_compute_growth
    >>> years, flop, _ = compute_points()
    >>> alt = "Points that rise over twelve years, a straight line through them and a band about it"
    >>> compute_growth(years, flop, fit_compute_growth(), {}, alt=alt).alt == alt
    True
    """
    if len(times) == 0:
        raise ValueError("times: nothing to draw")
    years = np.linspace(min(times), max(times), 61)
    low, high = fit.interval(years, kind="prediction")
    with axes(alt, height=4.6) as (ax, done):
        ax.fill_between(years, low, high, color=LIGHT["law"], alpha=0.14, linewidth=0, label="where 95% of such models lie")
        low, high = fit.interval(years)
        ax.fill_between(years, low, high, color=LIGHT["law"], alpha=0.25, linewidth=0, label="the trend, 95% interval")
        ax.plot(years, fit.law.value(years), color=LIGHT["law"], linewidth=2.2)
        ax.plot(times, compute, "o", color=LIGHT["axis"], markersize=4)
        for name, (year, flop) in named.items():
            ax.plot(year, flop, "o", color=LIGHT["you"], markersize=6)
            ax.annotate(name, (year, flop), (-6, 5), textcoords="offset points", ha="right", color=LIGHT["text"])
        ax.set(yscale="log", xlabel="Year of release", ylabel=ylabel, xlim=(years[0] - 1.4, None))
        ax.legend(loc="lower right")
    return done[0]


def isoflop_curves(law: ChinchillaLaw, budgets: Sequence[float], *, alt: str) -> Picture:
    """Loss (nats per token) against model size for each training budget (FLOP), with the line of optima.

    Raises ValueError for a budget that is not positive, finite and plausible, or for a missing alt text.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> isoflop_curves(BESIROGLU_2024, [1e21, 1e23], alt="Two bowls, that of the larger budget lower and further right")
    Picture: Two bowls, that of the larger budget lower and further right
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

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> alt = "The size term falls and the data term rises with model size; their sum has one lowest point"
    >>> loss_terms(BESIROGLU_2024, 5.76e23, marked={"Gopher": 280e9}, alt=alt).alt == alt
    True
    """
    budget = positive("C", budget)
    best = law.optimal(budget)
    sizes = np.geomspace(best.N / 30, best.N * 30, 61)
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

    >>> from scaling_helpers.laws import LAWS
    >>> alt = "Waste is nought at the best size and grows on both sides of it, for every law alike"
    >>> "Compute wasted" in wasted_compute(LAWS, alt=alt).svg
    True
    """
    if not 0 < len(laws) <= len(SERIES):
        raise ValueError(f"laws: give 1 to {len(SERIES)} of them, got {len(laws)}")
    from matplotlib import ticker

    factors = np.geomspace(0.1, 10, 41)
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


def bowls(panels: Mapping[str, tuple[IsoflopFit, IsoflopFit]], *, alt: str) -> Picture:
    """IsoFLOP runs side by side: for each panel its parabolas and its curves of the law's own shape, with the lowest points.

    ``panels`` maps a title to two fits of the same runs, the second with ``method="shape"``. Raises ValueError for fewer than
    two panels, for a second fit of another method, or for a missing alt text.

    >>> from scaling_helpers.fitting import fit_isoflop, planted_runs
    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> runs = planted_runs(HOFFMANN_2022, [1e19, 1e20], 7, noise=0.0)
    >>> pair = [fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget, method=name) for name in ("parabola", "shape")]
    >>> alt = "Two panels of the same two bowls, each with a parabola and a curve of the law's own shape"
    >>> "a parabola" in bowls({"left": pair, "right": pair}, alt=alt).svg
    True
    """
    if len(panels) < 2:
        raise ValueError(f"panels: give two or more, got {len(panels)}")
    with axes(alt, width=9.0, height=4.8, columns=len(panels)) as (drawn, done):
        for ax, (title, (parabola, shaped)) in zip(drawn, panels.items(), strict=True):
            if shaped.shape is None:
                raise ValueError(f"panels: the second fit of {title!r} is by method={shaped.method!r}; give one by 'shape'")
            N, budget = parabola.data["N"], parabola.data["budget"]
            ax.plot(N, parabola.data["loss"], "o", color=LIGHT["axis"], markersize=3, label="runs")
            for number, one in enumerate(np.unique(budget)):
                mine = budget == one
                fine = np.geomspace(N[mine].min(), N[mine].max(), 15)
                curve = np.polyfit(np.log(N[mine]), parabola.predicted[mine], 2)
                powers = np.array([0.0, -shaped.shape.alpha, shaped.shape.beta])
                level = np.linalg.lstsq(N[mine, None] ** powers, shaped.predicted[mine], rcond=None)[0]
                ax.plot(fine, fine[:, None] ** powers @ level, color=LIGHT["law"], linewidth=1.6,
                        label=None if number else "the law's own shape")  # fmt: skip
                ax.plot(fine, np.polyval(curve, np.log(fine)), color=LIGHT["other"], linestyle=DASHES[1], linewidth=1.6,
                        label=None if number else "a parabola")  # fmt: skip
            for fit, mark, series in ((shaped, "o", "law"), (parabola, "D", "other")):
                found = [(valley.N, valley.loss) for valley in fit.valleys]
                ax.plot(*zip(*found, strict=True), mark, color=LIGHT[series], markersize=6)
            ax.set(xscale="log", xlabel="Model size N (parameters)")
            ax.set_title(title, fontsize=10.5)
            _count_ticks(ax.xaxis)
        drawn[0].set_ylabel("Loss (nats per token)")
        drawn[0].legend(loc="lower left", fontsize=9)
    return done[0]


def envelope(fit: EnvelopeFit, *, alt: str) -> Picture:
    """Training curves, the longest run of each size, and the lower envelope of the curves of all runs.

    Raises ValueError for a missing alt text.

    >>> from scaling_helpers.fitting import fit_envelope
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> N, D = np.repeat([1e8, 3e8, 1e9, 3e9], 20), np.tile(np.geomspace(1e8, 1e12, 20), 4)
    >>> alt = "Four falling curves, each touching the envelope below them at one amount of compute"
    >>> "envelope" in envelope(fit_envelope(N, N, D, BESIROGLU_2024.loss(N, D)), alt=alt).svg
    True
    """
    run, N, compute, loss = (fit.data[name] for name in ("run", "N", "compute", "loss"))
    with axes(alt) as (ax, done):
        sizes = np.unique(N)
        for place, size in enumerate(sizes):
            of_size = np.flatnonzero(size == N)
            longest = run[of_size[np.argmax(compute[of_size])]]
            mine = np.flatnonzero(run == longest)
            order = mine[np.argsort(compute[mine])][::-3][::-1]
            ax.plot(compute[order], loss[order], color=LIGHT["axis"], linewidth=1.2)
            if place % 4 == 0 or place == len(sizes) - 1:
                end = (compute[order[-1]], loss[order[-1]])
                ax.annotate(numbers.format(size, "count"), end, (4, 0), textcoords="offset points", va="center", fontsize=9,
                            color=LIGHT["muted"])  # fmt: skip
        ax.plot([], [], color=LIGHT["axis"], linewidth=1.2, label="longest run of each size")
        lowest = [point.loss for point in fit.points]
        ax.plot([point.compute for point in fit.points], lowest, color=LIGHT["law"], linewidth=2.6,
                label="envelope: least loss of all runs for the compute")  # fmt: skip
        ax.set_ylim(0.95 * min(lowest), 1.5 * max(lowest))  # what lies above has just begun
        ax.set(xscale="log", xlabel="Training compute C (FLOP)", ylabel="Loss (nats per token)")
        ax.legend(loc="upper right")
    return done[0]


def measured_valleys(fit: IsoflopFit, *, alt: str) -> Picture:
    """The runs of an approach 2 fit, a curve for each budget, its lowest point, and the line of best sizes through those.

    A budget left out of the power law keeps its points and has no lowest point. Raises ValueError for a missing alt text.

    >>> from scaling_helpers.fitting import fit_isoflop, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, [1e18, 1e19, 1e20], 7, noise=0.002)
    >>> alt = "Loss against model size at three budgets, each a valley whose lowest point lies further right than the last"
    >>> measured_valleys(fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget), alt=alt).alt == alt
    True
    """
    N, loss, budget = fit.data["N"], fit.data["loss"], fit.data["budget"]
    with axes(alt, height=5.2) as (ax, done):
        for valley in (*fit.valleys, *fit.excluded):
            mine = np.flatnonzero(budget == valley.budget)
            order = mine[np.argsort(N[mine])]
            x, y = np.log(N[order]), fit.predicted[order]
            fine = np.linspace(x[0], x[-1], 61)
            drawn = np.polyval(np.polyfit(x, y, 2), fine) if fit.method == "parabola" else np.interp(fine, x, y)
            ax.plot(np.exp(fine), drawn, color=LIGHT["axis"], linewidth=1.2)
            ax.plot(N[order], loss[order], "o", color=LIGHT["axis"], markersize=4)
            ax.annotate(f"{numbers.format(valley.budget, 'flop')}", (N[order[-1]], loss[order[-1]]), (6, 0), va="center",
                        textcoords="offset points", color=LIGHT["muted"], fontsize=9)  # fmt: skip
        best = [(valley.N, valley.loss) for valley in fit.valleys]
        ax.plot(*zip(*best, strict=True), "D-", color=LIGHT["law"], markersize=6, label="lowest points: the best size")
        ax.plot([], [], "o-", color=LIGHT["axis"], markersize=4, linewidth=1.2, label="runs of one budget (FLOP)")
        ax.set(xscale="log", xlabel="Model size N (parameters)", ylabel="Validation loss (nats per token)")
        ax.margins(x=0.12)
        _count_ticks(ax.xaxis)
        ax.legend(loc="lower left")
    return done[0]


def token_ratios(
    laws: Mapping[str, ChinchillaLaw],
    tables: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    measured: Mapping[str, Sequence[tuple[float, float, float, float]]] | None = None,
    alt: str,
) -> Picture:
    """Tokens per parameter of the optimum against training compute (FLOP): laws as lines, published tables as points.

    ``tables`` and ``lines`` map a name to (compute, ratio), ``measured`` to rows (compute, ratio, low, high). Raises ValueError
    for more laws than the palette has colours, or for a missing alt text.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> alt = "One law, nearly level at twenty tokens per parameter, and one published point beside it"
    >>> tables = {"one table": ([5.76e23], [20.0])}
    >>> token_ratios({"refit": BESIROGLU_2024}, tables, {}, alt=alt).alt == alt
    True
    """
    if not 0 < len(laws) <= len(SERIES):
        raise ValueError(f"laws: give 1 to {len(SERIES)} of them, got {len(laws)}")
    ends = np.array([1e18, 1e29])  # between them the ratio is a power of the compute, and so a straight line
    with axes(alt, height=5.0) as (ax, done):
        for series, dashes, (name, law) in zip(SERIES, DASHES, laws.items(), strict=False):
            title = law.origin.title if law.origin else name
            ax.plot(ends, law.optimal(ends).tokens_per_parameter, color=LIGHT[series], linestyle=dashes, label=title)
        for name, (budgets, ratios) in lines.items():
            ax.plot(budgets, ratios, color=LIGHT["sixth"], linestyle=DASHES[5], label=name)
        for marker, (name, (budgets, ratios)) in zip("os^D", tables.items(), strict=False):
            ax.plot(budgets, ratios, marker, color=LIGHT["text"], markerfacecolor="none", markersize=6, label=name)
        for marker, (name, rows) in zip("vP*", (measured or {}).items(), strict=False):
            spent, ratios, lows, highs = zip(*rows, strict=True)
            ax.vlines(spent, lows, highs, color=LIGHT["fifth"], linewidth=1.4)
            ax.plot(spent, ratios, marker, color=LIGHT["fifth"], markersize=6, label=name)
        ax.set(xscale="log", yscale="log", xlabel="Training compute C (FLOP)", ylabel="Tokens per parameter D / N")
        ax.set_ylim(0.02, 2000)
        _count_ticks(ax.yaxis)
        ax.legend(loc="lower left", fontsize=9)
    return done[0]


def estimates(
    rows: Sequence[tuple[str, float, float | None, float | None]], *, xlabel: str, reference: float, alt: str
) -> Picture:
    """Published values of one quantity, a row each: (name, value, low, high), with a line at ``reference``.

    A row without bounds is drawn hollow. Raises ValueError for no rows, or for a missing alt text.

    >>> rows = [("first fit", 0.46, 0.454, 0.455), ("read off a figure", 0.5, None, None)]
    >>> alt = "Two estimates of an exponent, one with a narrow interval, beside a line at one half"
    >>> "first fit" in estimates(rows, xlabel="Exponent", reference=0.5, alt=alt).svg
    True
    """
    if not rows:
        raise ValueError("rows: nothing to draw")
    with axes(alt, height=0.9 + 0.32 * len(rows)) as (ax, done):
        ax.axvline(reference, color=LIGHT["axis"], linewidth=1.2, linestyle=DASHES[2])
        for place, (_name, value, low, high) in enumerate(rows):
            known = low is not None and high is not None
            if known:
                ax.plot([low, high], [place, place], color=LIGHT["law"], linewidth=2.6, solid_capstyle="butt")
            ax.plot(value, place, "o", color=LIGHT["law"], markerfacecolor=LIGHT["law"] if known else "none")
            ax.annotate(f"{value:g}", (max(value, high or value), place), (8, 0), textcoords="offset points",
                        va="center", color=LIGHT["muted"])  # fmt: skip
        ax.set(yticks=range(len(rows)), xlabel=xlabel)
        ax.set_yticklabels([row[0] for row in rows])
        ax.invert_yaxis()
        ax.margins(x=0.1)
        ax.grid(visible=False, axis="y")
    return done[0]


def local_exponents(
    laws: Mapping[str, ChinchillaLaw],
    slope: Any,
    *,
    studied: tuple[float, float],
    beside: Mapping[str, Sequence[tuple[Any, Any]]] | None = None,
    alt: str,
) -> Picture:
    """The local exponent ``slope(law, M)`` of the best size against that size M, with the studied range shaded.

    ``beside`` maps a name to the pieces of another curve, each (M, exponent). Raises ValueError for more laws than the palette
    has colours, or for a missing alt text.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> alt = "A level line at the exponent of the law, over a shaded range of the sizes that were studied"
    >>> level = local_exponents({"refit": BESIROGLU_2024}, lambda law, M: 0.51 + 0 * M, studied=(1e3, 1e9), alt=alt)
    >>> level.alt == alt
    True
    """
    if not 0 < len(laws) <= len(SERIES):
        raise ValueError(f"laws: give 1 to {len(SERIES)} of them, got {len(laws)}")
    sizes = np.geomspace(3e2, 1e12, 73)
    with axes(alt) as (ax, done):
        ax.axvspan(*studied, color=LIGHT["grid"], zorder=0)
        ax.annotate("sizes of Kaplan et al.", (np.sqrt(studied[0] * studied[1]), 0.42), ha="center", color=LIGHT["muted"])
        for series, dashes, (name, law) in zip(SERIES, DASHES, laws.items(), strict=False):
            title = law.origin.title if law.origin else name
            ax.plot(sizes, slope(law, sizes), color=LIGHT[series], linestyle=dashes, label=title)
        for name, pieces in (beside or {}).items():
            for number, (M, exponent) in enumerate(pieces):
                ax.plot(M, exponent, color=LIGHT["fifth"], linewidth=3.2, label=None if number else name)
        ax.set(xscale="log", xlabel="Best size, parameters without the embeddings", ylabel="Local exponent", ylim=(0.4, 1.02))
        _count_ticks(ax.xaxis)
        ax.legend(loc="upper right")
    return done[0]


def real_ratios(models: Mapping[str, tuple[float, bool]], *, rule: float, alt: str) -> Picture:
    """Tokens per parameter of real models: name -> (ratio, trained from scratch), in the order given, with a line at ``rule``.

    Raises ValueError for no models, or for a missing alt text.

    >>> alt = "Two models, one at under two tokens per parameter and one at nearly nineteen hundred"
    >>> "1,875" in real_ratios({"GPT-3": (1.7, True), "Llama 3 8B": (1875.0, True)}, rule=20, alt=alt).svg
    True
    """
    if not models:
        raise ValueError("models: nothing to draw")
    with axes(alt, height=0.9 + 0.3 * len(models)) as (ax, done):
        ax.axvline(rule, color=LIGHT["law"], linewidth=1.4, linestyle=DASHES[2])
        ax.annotate(f"{rule:g} per parameter", (rule, -0.75), (5, 0), textcoords="offset points", va="center", color=LIGHT["law"])
        for place, (ratio, from_scratch) in enumerate(models.values()):
            ax.plot([rule, ratio], [place, place], color=LIGHT["axis"], linewidth=1.2)
            ax.plot(ratio, place, "o", color=LIGHT["you"], markerfacecolor=LIGHT["you"] if from_scratch else "none")
            left = ratio < rule
            words = f"{ratio:,.0f}" if ratio >= 100 else numbers.format(ratio, "ratio")
            ax.annotate(words, (ratio, place), (-8 if left else 8, 0), textcoords="offset points",
                        ha="right" if left else "left", va="center", color=LIGHT["muted"])  # fmt: skip
        ax.set(xscale="log", xlabel="Tokens per parameter D / N", yticks=range(len(models)), xlim=(0.15, 4e4))
        ax.set_yticklabels(list(models))
        ax.set_ylim(len(models) - 0.4, -1.2)
        _count_ticks(ax.xaxis)
        ax.grid(visible=False, axis="y")
    return done[0]


def inference_costs(law: ChinchillaLaw, loss: float, volumes: Sequence[float], *, alt: str) -> Picture:
    """Training plus inference FLOP along the curve of one ``loss`` (nats per token), for each volume of tokens served.

    Drawn against model size, in units of the least training compute for the loss. Raises ValueError for more volumes
    than the palette has colours, for a loss that is not above E, or for a missing alt text.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> alt = "Total cost against size: the more the model is used, the smaller the size of least cost"
    >>> inference_costs(BESIROGLU_2024, 2.0, [0.0, 1e13], alt=alt).alt == alt
    True
    """
    if not 0 < len(volumes) <= len(SERIES):
        raise ValueError(f"volumes: give 1 to {len(SERIES)} of them, got {len(volumes)}")
    least = law.compute_for_loss(loss)
    largest = law.optimal(least).N * 3
    smallest = (law.A / (loss - law.E)) ** (1 / law.alpha)
    sizes = np.geomspace(smallest * 1.01, largest, 81)
    training = FLOP_PER_PARAMETER_TOKEN * sizes * law.tokens_for_loss(sizes, loss)
    with axes(alt, height=4.4) as (ax, done):
        for series, dashes, volume in zip(SERIES, DASHES, volumes, strict=False):
            total = (training + INFERENCE_FLOP * sizes * volume) / least
            best = inference_aware(law, loss, volume)
            cost = (best.compute + INFERENCE_FLOP * best.N * volume) / least
            label = f"{numbers.format(volume, 'count')} tokens served" if volume else "training alone"
            label += f": best at {numbers.format(best.N, 'count')}"
            ax.plot(sizes, total, color=LIGHT[series], linestyle=dashes, label=label)
            ax.plot(best.N, cost, "o", color=LIGHT[series])
        ax.set(xscale="log", yscale="log", xlabel="Model size N (parameters)")
        ax.set_ylabel("Training and inference, of the least training")
        ax.set_ylim(0.8, 500)
        _count_ticks(ax.xaxis)
        _count_ticks(ax.yaxis)
        ax.yaxis.set_major_locator(_ticker().LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_locator(_ticker().LogLocator(subs=(1, 2, 5)))
        ax.legend(loc="upper right")
    return done[0]


def lines(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    logarithmic: str = "",
    percent: bool = False,
    known: tuple[float, float] | None = None,
    alt: str,
) -> Picture:
    """Named curves over one axis, told apart by colour and dash.

    ``series`` maps a name to values, one for each ``x``; NaN leaves a gap. ``logarithmic``: "x", "y", "xy" or "". ``percent``
    labels the vertical axis in per cent of one. ``known`` shades a range of x. Raises ValueError for more series than the
    palette has colours, for series of another length, or for a missing alt text.

    >>> alt = "Two straight lines from the same point, one of which rises twice as fast as the other"
    >>> lines([0, 1], {"slow": [0, 1], "fast": [0, 2]}, xlabel="time", ylabel="height", alt=alt).alt == alt
    True
    """
    if not 0 < len(series) <= len(SERIES):
        raise ValueError(f"series: give 1 to {len(SERIES)} of them, got {len(series)}")
    for name, values in series.items():
        if len(values) != len(x):
            raise ValueError(f"series {name!r} has {len(values)} values for {len(x)} places")
    with axes(alt) as (ax, done):
        if known is not None:
            ax.axvspan(*known, color=LIGHT["grid"], zorder=0)
        for color, dashes, (name, values) in zip(SERIES, DASHES, series.items(), strict=False):
            ax.plot(x, values, color=LIGHT[color], linestyle=dashes, label=name)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        if "x" in logarithmic:
            ax.set_xscale("log")
        elif all(float(place).is_integer() for place in x):
            ax.xaxis.set_major_locator(_ticker().MaxNLocator(integer=True))
        if "y" in logarithmic:
            ax.set_yscale("log")
        if percent:
            ax.yaxis.set_major_formatter(_ticker().PercentFormatter(1.0))
        if len(series) > 1:
            ax.legend(loc="best")
    return done[0]


def sightings(rows: Mapping[str, Sequence[tuple[float, int, bool]]], *, xlabel: str, alt: str) -> Picture:
    """How often something was first seen at which scale, a row for each family of models.

    ``rows`` maps a name to (scale, how many, whether plainly prompted); other ways of asking are drawn hollow. Raises
    ValueError for no rows, or for a missing alt text.

    >>> alt = "One family of models in which two abilities were first seen at one scale"
    >>> sightings({"GPT-3": [(3.1e23, 2, True)]}, xlabel="Training compute (FLOP)", alt=alt).alt == alt
    True
    """
    if not rows:
        raise ValueError("rows: nothing to draw")
    with axes(alt, height=1.0 + 0.36 * len(rows)) as (ax, done):
        for place, dots in enumerate(rows.values()):
            for scale, count, plain in dots:
                shift = -0.16 if plain else 0.16
                ax.plot(scale, place + shift, "o", color=LIGHT["law" if plain else "you"],
                        markerfacecolor=LIGHT["law"] if plain else "none", markersize=8)  # fmt: skip
                if count > 1:
                    ax.annotate(f"{count}", (scale, place + shift), (9, 0), textcoords="offset points",
                                va="center", fontsize=9, color=LIGHT["muted"])  # fmt: skip
        ax.plot([], [], "o", color=LIGHT["law"], label="a few examples in the prompt")
        ax.plot([], [], "o", color=LIGHT["you"], markerfacecolor="none", label="another technique")
        ax.set(xscale="log", xlabel=xlabel, yticks=range(len(rows)))
        ax.set_yticklabels(list(rows))
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.margins(x=0.08)
        ax.grid(visible=False, axis="y")
        ax.legend(loc="lower left", fontsize=9)
    return done[0]


def curves(
    series: Mapping[str, tuple[Any, Any]],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    points: Mapping[str, Sequence[tuple[float, float, float | None, float | None]]] | None = None,
    levels: Mapping[str, float] | None = None,
    log: str = "x",
    percent: bool = True,
    ylim: tuple[float, float] | None = None,
) -> Picture:
    """Several curves on one pair of axes, with measured points: ``series`` maps a label to its (x, y).

    ``points`` maps a label to rows (x, y, low, high); those of a label that is also a series take its colour. ``levels`` are
    level lines with their names. ``log`` names the logarithmic axes ("", "x", "y" or "xy"); with ``percent`` y is a share and
    is labelled in per cent. Raises ValueError for no series, more labels than the palette has colours, or a missing alt text.

    >>> alt = "A share that rises with the number of attempts and levels off below one, with one measured point"
    >>> drawn = {"a law": ([1, 10, 100], [0.1, 0.4, 0.6])}
    >>> seen = {"a law": [(10, 0.4, 0.3, 0.5)]}
    >>> "a law" in curves(drawn, xlabel="Attempts", ylabel="Share", alt=alt, points=seen).svg
    True
    """
    points, levels = points or {}, levels or {}
    labels = [*series, *(label for label in points if label not in series)]
    if not 0 < len(series) <= len(labels) <= len(SERIES):
        raise ValueError(f"series, points: give 1 to {len(SERIES)} labels, got {len(labels)}")
    from matplotlib import ticker

    looks = dict(zip(labels, zip(SERIES, DASHES, "osD^vP", strict=True), strict=False))
    with axes(alt, height=4.4) as (ax, done):
        for name, level in levels.items():
            ax.axhline(level, color=LIGHT["axis"], linewidth=1.2, linestyle=DASHES[2])
            ax.annotate(name, (0.99, level), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points",
                        ha="right", color=LIGHT["muted"])  # fmt: skip
        for label, (x, y) in series.items():
            color, dashes, _marker = looks[label]
            ax.plot(x, y, color=LIGHT[color], linestyle=dashes, label=label)
        for label, rows in points.items():
            color, _dashes, marker = looks[label]
            for x, _y, low, high in rows:
                if low is not None and high is not None:
                    ax.plot([x, x], [low, high], color=LIGHT[color], linewidth=1.4, solid_capstyle="butt")
            ax.plot([row[0] for row in rows], [row[1] for row in rows], marker, color=LIGHT[color], linestyle="none",
                    label=None if label in series else label)  # fmt: skip
        if "x" in log:
            ax.set_xscale("log")
            _count_ticks(ax.xaxis)
        if "y" in log:
            ax.set_yscale("log")
            _count_ticks(ax.yaxis)
        if percent:
            ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _position: f"{100 * value:g}%"))
        if ylim is not None:
            ax.set_ylim(*ylim)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=1 if len(labels) == 1 else 2)  # off the curves
    return done[0]


def thinking_curves(measured: Mapping[str, Any], *, alt: str) -> Picture:
    """Accuracy against thinking tokens, a panel each, with the 95% interval of every point: the sharp end of few problems.

    ``measured`` maps a panel's name to a :class:`~scaling_helpers.inference.BudgetCurve`. Raises ValueError for fewer than two
    panels or a missing alt text.

    >>> from scaling_helpers.inference import s1_curves
    >>> alt = "Three panels in which accuracy rises with the tokens of thought, the narrower the more problems a test has"
    >>> "aime24" in thinking_curves(s1_curves(), alt=alt).svg
    True
    """
    if not 1 < len(measured) <= len(SERIES):
        raise ValueError(f"measured: give 2 to {len(SERIES)} curves, got {len(measured)}")
    from matplotlib import ticker

    with axes(alt, width=9.0, height=3.8, columns=len(measured)) as (panels, done):
        for ax, (name, curve), series in zip(panels, measured.items(), SERIES, strict=False):
            low, high = curve.intervals(0.95)
            ax.vlines(curve.tokens, low, high, color=LIGHT[series], linewidth=1.6)
            ax.plot(curve.tokens, curve.accuracy, "o-", color=LIGHT[series], linewidth=1.2, markersize=5)
            ax.set(xscale="log", ylim=(-0.03, 1.03), xlim=(350, 11000), xlabel="Thinking tokens")
            ax.set_title(f"{name}: {curve.items} problems", fontsize=10.5)
            ax.xaxis.set_major_locator(ticker.FixedLocator([500, 1000, 2000, 4000, 8000]))
            ax.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
            ax.xaxis.set_minor_locator(ticker.NullLocator())
            ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _position: f"{100 * value:g}%"))
        panels[0].set_ylabel("Accuracy")
    return done[0]


def surface_and_frontier(
    law: ChinchillaLaw, budgets: Sequence[float], models: Mapping[str, tuple[float, float]], *, alt: str
) -> Picture:
    """Contours of the loss over sizes and tokens, the lines of some budgets (FLOP), and the path of their optima.

    ``models`` maps a name to (parameters, tokens). Raises ValueError for a budget that is not positive, finite and
    plausible, or for a missing alt text.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> gopher = {"Gopher": (2.8e11, 3e11)}
    >>> alt = "A map of losses with two budgets, and Gopher off its frontier"
    >>> surface_and_frontier(BESIROGLU_2024, [1e20, 1e24], gopher, alt=alt)
    Picture: A map of losses with two budgets, and Gopher off its frontier
    """
    budgets = [positive("C", budget) for budget in budgets]
    sizes, tokens = np.geomspace(1e8, 1e13, 161), np.geomspace(1e9, 1e15, 161)
    best = law.optimal(np.array(budgets))
    path = law.optimal(np.geomspace(1e16, 1e30, 60))
    inside = (sizes[0] < path.N) & (sizes[-1] > path.N) & (tokens[-1] > path.D)
    with axes(alt, height=4.8) as (ax, done):
        levels = np.sort(np.append((best.loss[:-1] + best.loss[1:]) / 2, best.loss))
        heights = law.loss(*np.meshgrid(sizes, tokens))
        lines = ax.contour(sizes, tokens, heights, levels=levels, colors=LIGHT["axis"], linewidths=1.1)
        ax.clabel(lines, fmt="%.2f", fontsize=9, colors=LIGHT["muted"])
        for number, budget in enumerate(budgets):
            ax.plot(sizes, budget / (FLOP_PER_PARAMETER_TOKEN * sizes), color=LIGHT["law"], linestyle=DASHES[1], linewidth=1.5,
                    label="a budget: all that one sum of compute can pay" if number == 0 else None)  # fmt: skip
        ax.plot(path.N[inside], path.D[inside], color=LIGHT["law"], linewidth=2.6, label="frontier: the best of each budget")
        ax.plot(best.N, best.D, "o", color=LIGHT["law"])
        for name, (size, read) in models.items():
            ax.plot(size, read, "s", color=LIGHT["you"], markersize=6)
            ax.annotate(name, (size, read), (7, 5), textcoords="offset points", color=LIGHT["text"])
        ax.set(xscale="log", yscale="log", xlim=(sizes[0], sizes[-1]), ylim=(tokens[0], tokens[-1]))
        ax.set(xlabel="Model size N (parameters)", ylabel="Training tokens D")
        for axis in (ax.xaxis, ax.yaxis):
            _count_ticks(axis)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=9.5)
    return done[0]


def tenfold_gains(frontiers: Mapping[str, Any], *, span: tuple[float, float], alt: str) -> Picture:
    """By which share ten times the compute lowers the least loss, against the compute (FLOP) before the step.

    ``frontiers`` maps a name to a function from compute to least loss. Raises ValueError for more of them than the
    palette has colours, or for a missing alt text.

    >>> alt = "A level line: the same share for each tenfold"
    >>> tenfold_gains({"C to the -0.05": lambda C: C**-0.05}, span=(1e18, 1e26), alt=alt)
    Picture: A level line: the same share for each tenfold
    """
    if not 0 < len(frontiers) <= len(SERIES):
        raise ValueError(f"frontiers: give 1 to {len(SERIES)} of them, got {len(frontiers)}")
    compute = np.geomspace(*span, 101)
    with axes(alt) as (ax, done):
        for series, dashes, (name, least) in zip(SERIES, DASHES, frontiers.items(), strict=False):
            ax.plot(compute, 1 - least(10 * compute) / least(compute), color=LIGHT[series], linestyle=dashes, label=name)
        ax.set(xscale="log", xlabel="Training compute C (FLOP)", ylabel="Loss that ten times as much removes", ylim=(0, None))
        ax.yaxis.set_major_locator(_ticker().MultipleLocator(0.05))
        ax.yaxis.set_major_formatter(_ticker().PercentFormatter(1.0, decimals=0))
        ax.legend(loc="upper right")
    return done[0]


def cost_steps(first: tuple[str, float], steps: Mapping[str, float], last: str, *, unit: str, alt: str) -> Picture:
    """From one cost to another by factors: (name, value) of the first, factor of each step, name of the last.

    Drawn on a logarithmic axis, where a factor is a length. Raises ValueError for a value or a factor that is not
    positive, or for a missing alt text.

    >>> alt = "From 30 million hours by a tenth and by two to 6 million"
    >>> cost_steps(("first", 3e7), {"size": 0.1, "tokens": 2.0}, "second", unit="Hours", alt=alt)
    Picture: From 30 million hours by a tenth and by two to 6 million
    """
    name, value = first
    value = positive("first", value)
    end = len(steps) + 1

    def total(ax: Any, place: int, marker: str, series: str) -> None:
        ax.plot(value, place, marker, color=LIGHT[series], markersize=9)
        ax.annotate(numbers.format(value, "count"), (value, place), (0, 9), textcoords="offset points", ha="center")

    with axes(alt, height=1.2 + 0.42 * (len(steps) + 2)) as (ax, done):
        total(ax, 0, "o", "other")
        for place, factor in enumerate(steps.values(), start=1):
            after = value * positive("step", factor)
            ax.plot([value, value], [place - 1, place], color=LIGHT["axis"], linewidth=1, linestyle=DASHES[5])
            ax.plot([value, after], [place, place], color=LIGHT["law"], linewidth=8, solid_capstyle="butt")
            words = f"÷ {numbers.format(1 / factor, 'ratio')}" if factor < 1 else f"× {numbers.format(factor, 'ratio')}"
            ax.annotate(words, (max(value, after), place), (8, 0), textcoords="offset points", va="center", color=LIGHT["muted"])
            value = after
        ax.plot([value, value], [end - 1, end], color=LIGHT["axis"], linewidth=1, linestyle=DASHES[5])
        total(ax, end, "D", "you")
        ax.set(xscale="log", xlabel=unit, yticks=range(end + 1))
        ax.set_yticklabels([name, *steps, last])
        ax.set_ylim(end + 0.6, -0.9)
        ax.margins(x=0.14)
        _count_ticks(ax.xaxis)
        ax.xaxis.set_major_locator(_ticker().LogLocator(subs=(1, 2, 5)))
        ax.grid(visible=False, axis="y")
    return done[0]


def chips_and_runs(
    runs: Mapping[str, tuple[float, float]], chips: Mapping[str, tuple[float, float]], *, days: float, alt: str
) -> Picture:
    """Training compute of landmark runs, and what one chip of the time could do in ``days`` at its peak, both in FLOP.

    ``runs`` maps a name to (year, FLOP), ``chips`` a name to (year, FLOP/s). Raises ValueError for none of either, or for a
    missing alt text.

    >>> alt = "A run of 2012 that lies below what one chip does in 100 days"
    >>> chips_and_runs({"run": (2012.7, 5e17)}, {"chip": (2010.9, 1.6e12)}, days=100, alt=alt)
    Picture: A run of 2012 that lies below what one chip does in 100 days
    """
    if not runs or not chips:
        raise ValueError("runs, chips: nothing to draw")
    years, speeds = zip(*chips.values(), strict=True)
    alone = np.array(speeds) * days * 86400
    with axes(alt, height=4.8) as (ax, done):
        ax.plot(years, alone, "s", color=LIGHT["law"], linestyle=DASHES[1], label=f"one chip in {days:g} days, at its peak")
        for name, (year, speed) in chips.items():
            below: Any = {"xytext": (0, -15), "ha": "center", "fontsize": 9, "color": LIGHT["muted"]}
            ax.annotate(name, (year, speed * days * 86400), textcoords="offset points", **below)
        ax.plot(*zip(*runs.values(), strict=True), "o", color=LIGHT["you"], label="training run")
        for name, (year, flop) in runs.items():
            ax.annotate(name, (year, flop), (-7, 5), textcoords="offset points", ha="right", fontsize=9.5)
        ax.set(yscale="log", xlabel="Year", ylabel="Training compute (FLOP)")
        ax.legend(loc="upper left")
        ax.margins(x=0.08, y=0.1)
    return done[0]


def ruler(items: Mapping[str, float], *, xlabel: str, kind: str, alt: str) -> Picture:
    """Quantities of one kind on a logarithmic ruler, smallest at the top; ``kind`` formats them (numbers.KINDS).

    Raises ValueError for no items or an item that is not positive, or for a missing alt text.

    >>> alt = "A reader's lifetime of 2.6 billion tokens against GPT-3's 300 billion"
    >>> ruler({"a lifetime": 2.6e9, "GPT-3": 3e11}, xlabel="Tokens", kind="count", alt=alt)
    Picture: A reader's lifetime of 2.6 billion tokens against GPT-3's 300 billion
    """
    if not items:
        raise ValueError("items: nothing to draw")
    rows = sorted(((name, positive("item", value)) for name, value in items.items()), key=lambda row: row[1])
    with axes(alt, height=0.9 + 0.34 * len(rows)) as (ax, done):
        for place, (_name, value) in enumerate(rows):
            ax.plot([rows[0][1], value], [place, place], color=LIGHT["axis"], linewidth=1.2)
            ax.plot(value, place, "o", color=LIGHT["law"])
            beside: Any = {"xytext": (8, 0), "va": "center", "color": LIGHT["muted"]}
            ax.annotate(numbers.format(value, kind), (value, place), textcoords="offset points", **beside)
        ax.set(xscale="log", xlabel=xlabel, yticks=range(len(rows)))
        ax.set_yticklabels([name for name, _ in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.margins(x=0.16)
        ax.grid(visible=False, axis="y")
    return done[0]


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker
