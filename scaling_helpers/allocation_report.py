"""What does one say of a fit by approach 1 or 2? Which size was best at each budget, how that grows, and what was left out.

The sibling of :mod:`scaling_helpers.report` for fits that draw valleys or an envelope instead of a loss for every N and D.

>>> from scaling_helpers.fitting import fit_isoflop, planted_runs
>>> from scaling_helpers.laws import HOFFMANN_2022
>>> runs = planted_runs(HOFFMANN_2022, noise=0.005, spread=16.0)
>>> report = allocation_report(fit_isoflop(runs.N, runs.D, runs.loss, method="shape"), flop=[1e23], draws=50)
>>> len(report.budgets), report.exponents["a"].low < 0.4565 < report.exponents["a"].high
(5, True)
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import numbers
from .palette import LIGHT
from .quantities import positive
from .report import (
    BEYOND,
    Asked,
    Recommendation,
    bootstrap_said,
    cells,
    drawn,
    ends,
    far,
    loss_ticks,
    plain_numbers,
    standalone,
    table,
    value_of,
)

if TYPE_CHECKING:
    from .figures import Picture
    from .fitting import Bootstrap, EnvelopeFit, IsoflopFit

__all__ = ["ALLOCATION_SCHEMA", "AllocationReport", "BestAtBudget", "allocation_report"]

#: Names the JSON of such a report; a change that breaks its readers changes the number.
ALLOCATION_SCHEMA = "scaling-helpers/allocation/1"


@dataclass(frozen=True)
class BestAtBudget:
    """The best size at ``compute`` FLOP: ``N`` parameters, ``D`` tokens, their ratio, the lowest ``loss``; None where none.

    low, high: interval of N, None where there is none (an envelope has none: its N is a size that was trained). ``run``: the
    run that is lowest there, for an envelope. ``reason``: why the budget is left out of the power laws, "" where it counts.

    >>> BestAtBudget(compute=1e20, N=1e9, D=1.67e10, loss=2.5, low=9e8, high=1.1e9).tokens_per_parameter
    16.7
    """

    compute: float
    N: float | None
    D: float | None
    loss: float | None
    low: float | None = None
    high: float | None = None
    run: Any = None
    reason: str = ""

    @property
    def tokens_per_parameter(self) -> float | None:
        """D / N."""
        return None if self.N is None or self.D is None else self.D / self.N


@dataclass(frozen=True)
class AllocationReport:
    """A fit by approach 1 or 2, made ready to be read: print :meth:`text`, show :attr:`picture`, keep :meth:`to_json`.

    fit: of :func:`~scaling_helpers.fitting.fit_envelope` or :func:`~scaling_helpers.fitting.fit_isoflop`. boot: its bootstrap,
    or None. level: coverage that intervals claim. exponents: "a" and "b" of N ~ C^a and D ~ C^b, intervals, or numbers without
    a bootstrap. budgets: by rising compute, those left out among them. recommendations: one a budget asked for, without a
    loss. warnings: what to know before trusting any of it.

    >>> from scaling_helpers.fitting import fit_isoflop, planted_runs
    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> runs = planted_runs(HOFFMANN_2022, noise=0.0, spread=16.0)
    >>> report = allocation_report(fit_isoflop(runs.N, runs.D, runs.loss, method="shape"), draws=0)
    >>> f"{report.exponents['a']:.4f}"
    '0.4565'
    """

    fit: IsoflopFit | EnvelopeFit
    boot: Bootstrap | None
    level: float
    exponents: Mapping[str, Any]
    budgets: tuple[BestAtBudget, ...]
    recommendations: tuple[Recommendation, ...]
    warnings: tuple[str, ...]

    @property
    def approach(self) -> int:
        """1 for an envelope, 2 for valleys."""
        return 1 if hasattr(self.fit, "points") else 2

    def text(self) -> str:
        """The report as lines of text, tables aligned."""
        fit = self.fit
        at_bound = f", at a bound: {', '.join(fit.at_bound)}" if fit.at_bound else ""
        lines = [f"{len(fit.data['N'])} runs, approach {self.approach}, {fit.estimator}: {fit.status.value}{at_bound}"]
        if self.approach == 1:
            lines[0] = lines[0].replace(" runs,", " rows,", 1)
        lines += ["", *(_carried(self.budgets) if self.approach == 1 else self._valleys()), ""]
        interval = [f"{self.level:.0%} interval"] if self.boot else []
        rows = [
            (name, *cells(self.exponents[name], "plain"), f"the best {what} as C^{name}")
            for name, what in (("a", "size grows"), ("b", "number of tokens grows"))
        ]
        lines += [*table(("", "estimate", *interval, ""), rows), ""]
        gap = [""] if self.boot else []
        head = ("budget (FLOP)", "best N", *gap, "best D", *gap, "D / N", *gap, "beyond the runs")
        rows = [
            (
                numbers.format(one.compute, "flop"),
                *cells(one.N, "count"),
                *cells(one.D, "count"),
                *cells(one.tokens_per_parameter, "ratio"),
                numbers.format(one.beyond, "times"),
            )
            for one in self.recommendations
        ]
        lines += table(head, rows)
        if self.boot is not None:
            lines += ["", bootstrap_said(self.boot, self.level)]
        lines += ["", *(f"Note: {sentence}" for sentence in self.warnings)] if self.warnings else []
        return "\n".join(lines)

    def _valleys(self) -> list[str]:
        head = ("budget (FLOP)", "N*", f"{self.fit.level:.0%} interval", "D*", "D / N", "loss", "")  # type: ignore[union-attr]
        rows = []
        for one in self.budgets:
            shown = [
                numbers.MISSING if value is None else numbers.format(value, kind)
                for value, kind in ((one.N, "count"), (one.D, "count"), (one.tokens_per_parameter, "ratio"), (one.loss, "loss"))
            ]
            if one.low is None or one.high is None:
                between = numbers.MISSING
            elif one.low > 0 and math.isfinite(one.high):
                between = f"{numbers.format(one.low, 'count')} to {numbers.format(one.high, 'count')}"
            else:
                between = "0 to any size"
            said = f"left out: {one.reason}" if one.reason else ""
            rows.append((numbers.format(one.compute, "flop"), shown[0], between, *shown[1:], said))
        return table(head, rows)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON has it.

        * ``schema``: :data:`ALLOCATION_SCHEMA`; ``approach``: 1 or 2; ``method``: how valleys were drawn, or "envelope";
        * ``law``: form, C0, N0, a, D0, b, for N* = N0 (C / C0)^a and D* = D0 (C / C0)^b;
        * ``exponents``: a and b, each estimate, low, high;
        * ``budgets``: compute, N, D, tokens_per_parameter, loss, low and high (of N, at ``level``), run, reason ("" for a budget
          that counts, else why it is left out);
        * ``recommendations``: compute, N, D, tokens_per_parameter (each estimate, low, high), beyond;
        * ``fit``: status, objective, at_bound, estimator; ``level``: of all intervals;
        * ``bootstrap``: draws, kind, seed, failed; null where there was none;
        * ``data``, a list for each column; ``warnings``.

        Infinite or missing numbers are null.
        """
        fit = self.fit
        names = ("compute", "N", "D", "tokens_per_parameter", "loss", "low", "high", "run", "reason")
        boot = self.boot
        return plain_numbers(
            {
                "schema": ALLOCATION_SCHEMA,
                "approach": self.approach,
                "method": getattr(fit, "method", "envelope"),
                "law": {"form": "power allocation", **{name: getattr(fit.law, name) for name in ("C0", "N0", "a", "D0", "b")}},
                "exponents": {name: ends(value) for name, value in self.exponents.items()},
                "budgets": [{name: getattr(one, name) for name in names} for one in self.budgets],
                "recommendations": [
                    {
                        "compute": one.compute,
                        **{name: ends(getattr(one, name)) for name in ("N", "D", "tokens_per_parameter")},
                        "beyond": one.beyond,
                    }
                    for one in self.recommendations
                ],
                "fit": {
                    "status": fit.status.name,
                    "objective": fit.objective,
                    "at_bound": list(fit.at_bound),
                    "estimator": fit.estimator,
                },
                "level": self.level,
                "bootstrap": None
                if boot is None
                else {"draws": len(boot), "kind": boot.kind, "seed": boot.seed, "failed": boot.failed},
                "data": {name: list(column) for name, column in fit.data.items()},
                "warnings": list(self.warnings),
            }
        )

    @property
    def alt(self) -> str:
        """What the figure shows, in words."""
        last = self.recommendations[-1]
        counted = sum(not one.reason for one in self.budgets)
        first = (
            f"the loss of {len(self.fit.data['N'])} rows against compute, with the {counted} budgets of the lower envelope"
            if self.approach == 1
            else f"the loss of {len(self.fit.data['N'])} runs against model size, with each budget's valley and its lowest point"
        )
        return (
            f"Two panels. First, {first}. Second, the best model size at {counted} budgets against compute and the power law "
            f"through them, {value_of(last.N):.3g} parameters at {last.compute:.3g} FLOP"
            f"{', with its interval' if self.boot else ''}."
        )

    @property
    def picture(self) -> Picture:
        """Runs with valleys or envelope, and the best size against compute, as the book draws them."""
        return self._drawn()[0]

    def svg(self) -> str:
        """The figure as an SVG file of its own, in light colours on white; the same report gives the same bytes."""
        return standalone(self.picture)

    def png(self, dots_per_inch: float = 150.0) -> bytes:
        """The figure as PNG, on white."""
        return self._drawn(dots_per_inch)[1]

    def _drawn(self, dots_per_inch: float | None = None) -> tuple[Picture, bytes]:
        first = _draw_envelope if self.approach == 1 else _draw_valleys
        return drawn(self.alt, 9.6, [lambda ax: first(ax, self), lambda ax: _draw_line(ax, self)], dots_per_inch)


def allocation_report(
    fit: IsoflopFit | EnvelopeFit,
    *,
    flop: Sequence[float] = (),
    boot: Bootstrap | None = None,
    draws: int = 400,
    seed: int = 0,
    level: float = 0.9,
) -> AllocationReport:
    """What to say of ``fit``, made by :func:`~scaling_helpers.fitting.fit_isoflop` or `fit_envelope`.

    flop: budgets in FLOP to answer; without any, the largest among the runs, ten and a hundred times that. boot: a bootstrap
    of this fit; without one, ``draws`` pairs resamples from ``seed``, none where ``draws`` is 0. level: coverage of the
    intervals of the bootstrap; those of single valleys are at the level of the fit. TypeError for another kind of fit,
    ValueError for budgets, draws and levels that are none.

    >>> from scaling_helpers.fitting import fit_isoflop, planted_runs
    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> runs = planted_runs(HOFFMANN_2022, noise=0.0, spread=16.0)
    >>> report = allocation_report(fit_isoflop(runs.N, runs.D, runs.loss, method="shape"), flop=[1e23], draws=0)
    >>> bool(abs(report.recommendations[0].N / HOFFMANN_2022.optimal(1e23).N - 1) < 1e-6)
    True
    """
    from .fitting import EnvelopeFit, IsoflopFit

    if not isinstance(fit, (IsoflopFit, EnvelopeFit)):
        raise TypeError(f"this report is of an IsoflopFit or an EnvelopeFit, not of a {type(fit).__name__}")
    if not 0 < level < 1:
        raise ValueError(f"level = {level!r}: give a share between 0 and 1, such as 0.9")
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if boot is None and draws:
            boot = fit.bootstrap(draws, seed=seed)
        asked = Asked(fit, boot, level, said)
        if isinstance(fit, EnvelopeFit):
            largest = float(np.max(fit.data["compute"]))
            budgets = tuple(
                BestAtBudget(one.compute, one.N, one.D, one.loss, run=one.run, reason=_censored(fit, one.N) * one.censored)
                for one in fit.points
            )
            said.append(
                f"{len(fit.carriers)} runs carry the envelope. N* is one of the sizes trained, and budgets at which more compute "
                "brought no lower loss are not on it"
            )
        else:
            largest = float(np.max(fit.data["budget"]))
            budgets = tuple(
                BestAtBudget(one.budget, one.N, one.D, one.loss, one.low, one.high, reason=one.reason)
                for one in sorted((*fit.valleys, *fit.excluded), key=lambda one: one.budget)
            )
            if fit.method == "parabola":
                said.append("the lowest point of a parabola is off where the walls differ, more so in wide windows; try 'shape'")
        exponents = {name: asked(name) for name in ("a", "b")}
        recommended = tuple(
            Recommendation(
                compute=budget,
                N=asked("best_params", C=budget),
                D=asked("best_tokens", C=budget),
                tokens_per_parameter=asked("tokens_per_parameter", C=budget),
                loss=None,
                beyond=budget / largest,
            )
            for budget in [positive("C", float(budget)) for budget in flop] or [largest * times for times in BEYOND]
        )
    left_out = sum(bool(one.reason) for one in budgets)
    if left_out:
        said.insert(0, f"{left_out} of {len(budgets)} budgets are left out of the power laws; the table says why")
    said += [str(one.message) for one in caught]
    said += far(recommended)
    return AllocationReport(fit, boot, level, exponents, budgets, recommended, tuple(dict.fromkeys(said)))


def _censored(fit: EnvelopeFit, size: float) -> str:
    which = "smallest" if size == float(np.min(fit.data["N"])) else "largest"
    return f"carried by the {which} size trained: the best may lie beyond it"


def _carried(budgets: Sequence[BestAtBudget]) -> list[str]:
    """The envelope as a table: neighbouring budgets with one best size in one row."""
    stretches: list[list[BestAtBudget]] = []
    for one in budgets:
        if stretches and stretches[-1][-1].N == one.N:
            stretches[-1].append(one)
        else:
            stretches.append([one])
    rows = []
    for stretch in stretches:
        first, last = stretch[0], stretch[-1]
        pairs = [numbers.format(first.compute, "flop"), numbers.format(last.compute, "flop")]
        pairs += [numbers.format(first.N or 0.0, "count")]
        for name, kind in (("D", "count"), ("tokens_per_parameter", "ratio")):
            low, high = (numbers.format(getattr(one, name), kind) for one in (first, last))
            pairs.append(low if low == high else f"{low} to {high}")
        rows.append((*pairs, f"{len(stretch)}", f"left out: {first.reason}" if first.reason else ""))
    return table(("from (FLOP)", "to (FLOP)", "N*", "D*", "D / N", "budgets", ""), rows)


# ---- the figure -----------------------------------------------------------------------------------------------------


def _draw_valleys(ax: Any, report: AllocationReport) -> None:
    from .figures import DASHES, SERIES, _count_ticks

    fit: Any = report.fit
    for place, one in enumerate(report.budgets):
        color, dashes = LIGHT[SERIES[place % len(SERIES)]], DASHES[place % len(DASHES)]
        rows = np.flatnonzero((fit.data["budget"] == one.compute) & (fit.data["weights"] > 0))
        N, loss = fit.data["N"][rows], fit.data["loss"][rows]
        label = f"{numbers.format(one.compute, 'flop')} FLOP" + (" (left out)" if one.reason else "")
        if np.unique(N).size < 3:
            ax.plot(N, loss, "o", color=color, markersize=4, label=label)
            continue
        ax.plot(N, loss, "o", color=color, markersize=4)
        sizes, curve = _curve(fit, N, loss, fit.fitted[rows])
        ax.plot(sizes, curve, color=color, linestyle=dashes, linewidth=1.5, label=label)
        if not one.reason:
            ax.plot([one.N], [one.loss], "D", color=LIGHT["text"], markersize=6)
    title = "Runs by budget and lowest points"
    ax.set(xscale="log", yscale="log", xlabel="Model size N (parameters)", ylabel="Loss (nats per token)", title=title)
    ax.legend(fontsize=8, ncols=1 + (len(report.budgets) > 8))
    loss_ticks(ax.yaxis)
    _count_ticks(ax.xaxis)


def _curve(fit: Any, N: Any, loss: Any, fitted: Any) -> tuple[Any, Any]:
    """The fitted valley between its outermost sizes; its own coefficients follow from the fitted values, which lie on it."""
    sizes = np.geomspace(N.min(), N.max(), 101)
    x, fine = np.log(N / N.mean()), np.log(sizes / N.mean())
    if fit.method == "akima":
        from scipy.interpolate import Akima1DInterpolator

        order = np.lexsort((loss, x))
        order = order[np.r_[True, np.diff(x[order]) > 1e-12]]
        return sizes, np.exp(Akima1DInterpolator(x[order], np.log(loss[order]))(fine))
    if fit.shape is None:
        return sizes, np.polyval(np.polyfit(x, fitted, 2), fine)

    def walls(at: Any) -> Any:
        return np.column_stack([np.exp(-fit.shape.alpha * at), np.exp(fit.shape.beta * at)])

    return sizes, fit.shape.E + walls(fine) @ np.linalg.lstsq(walls(x), fitted - fit.shape.E, rcond=None)[0]


def _draw_envelope(ax: Any, report: AllocationReport) -> None:
    data = report.fit.data
    for run in np.unique(data["run"]):
        rows = np.flatnonzero(data["run"] == run)
        rows = rows[np.argsort(data["compute"][rows])]
        ax.plot(data["compute"][rows], data["loss"][rows], "-o", color=LIGHT["axis"], markersize=2, linewidth=0.8)
    for left_out, face, label in ((False, LIGHT["law"], "envelope"), (True, "white", "left out")):
        some = [one for one in report.budgets if bool(one.reason) == left_out]
        ax.plot([one.compute for one in some], [one.loss for one in some], "o", color=LIGHT["law"], markerfacecolor=face,
                markersize=4, label=label)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="Training compute C (FLOP)", ylabel="Loss (nats per token)", title="Envelope")
    ax.legend(fontsize=8)
    loss_ticks(ax.yaxis)


def _draw_line(ax: Any, report: AllocationReport) -> None:
    from .figures import _count_ticks

    law = report.fit.law
    asked = [one.compute for one in report.recommendations]
    found = [one for one in report.budgets if one.N is not None]
    spent = [one.compute for one in found]
    budgets = np.geomspace(min(*spent, *asked), max(*spent, *asked), 41)
    ax.plot(budgets, law.best_params(budgets), color=LIGHT["law"], label="power law")
    if report.boot is not None and all(hasattr(one.N, "low") for one in report.recommendations):
        band = report.boot.interval("best_params", report.level, C=budgets)
        label = f"{report.level:.0%} interval"
        ax.fill_between(budgets, band.low, band.high, color=LIGHT["law"], alpha=0.2, linewidth=0, label=label)
    for left_out, face, label in ((False, LIGHT["text"], "best of a budget"), (True, "white", "left out")):
        some = [one for one in found if bool(one.reason) == left_out]
        if some:
            ax.plot([one.compute for one in some], [one.N for one in some], "o", color=LIGHT["text"], markerfacecolor=face,
                    markersize=4, label=label)  # fmt: skip
    for one in found:
        if one.low is not None and one.high is not None and one.low > 0 and math.isfinite(one.high):
            ax.plot([one.compute] * 2, [one.low, one.high], color=LIGHT["text"], linewidth=1.2)
    ax.plot(asked, [value_of(one.N) for one in report.recommendations], "D", color=LIGHT["you"], label="budgets asked for")
    ax.set(xscale="log", yscale="log", xlabel="Training compute C (FLOP)", ylabel="Model size N (parameters)", title="Best size")
    ax.legend(fontsize=8, loc="lower right")
    _count_ticks(ax.yaxis)
