"""What does one say of a fit? Its law with intervals, what it recommends, and how far to trust it: as text, figure and JSON.

>>> from scaling_helpers.fitting import fit_chinchilla, planted_runs
>>> from scaling_helpers.laws import BESIROGLU_2024
>>> runs = planted_runs(BESIROGLU_2024, noise=0.01, seed=0)
>>> report = fit_report(fit_chinchilla(runs.N, runs.D, runs.loss), flop=[5.76e23], draws=200)
>>> report.parameters["alpha"].low < BESIROGLU_2024.alpha < report.parameters["alpha"].high
True
>>> print(report.text().splitlines()[0])
60 runs, Huber(0.001) on log loss, summed: converged
"""

from __future__ import annotations

import io
import json
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import numbers
from .laws import FLOP_PER_PARAMETER_TOKEN, ChinchillaLaw
from .palette import LIGHT, plain
from .quantities import positive

if TYPE_CHECKING:
    from .figures import Picture
    from .fitting import Bootstrap, Fit, Interval

__all__ = ["SCHEMA", "FitReport", "Recommendation", "fit_report", "law_of"]

#: Names the JSON of a report; a change that breaks its readers changes the number.
SCHEMA = "scaling-helpers/fit/1"

#: What stands on the right of each parameter.
_WORDS = {
    "E": "loss that no size and no text removes, nats per token",
    "A": "size term, A / N^alpha",
    "B": "data term, B / D^beta",
    "alpha": "exponent of size",
    "beta": "exponent of data",
}
#: Budgets shown where none is asked for, as multiples of the largest among the runs.
BEYOND = (1.0, 10.0, 100.0)
#: How many groups of budgets the figure tells apart.
_GROUPS = 6


@dataclass(frozen=True)
class Recommendation:
    """What the law says to do with ``compute`` FLOP: ``N`` parameters, ``D`` tokens, their ratio, the ``loss`` then.

    Each is an :class:`~scaling_helpers.fitting.Interval`, or the number alone where there was no bootstrap. ``beyond`` is
    the budget as a multiple of the largest among the runs. ``loss`` is None where the fit gives none (approaches 1 and 2).

    >>> Recommendation(compute=6e21, N=7e9, D=1.4e11, tokens_per_parameter=20.0, loss=2.2, beyond=1.0).tokens_per_parameter
    20.0
    """

    compute: float
    N: Any
    D: Any
    tokens_per_parameter: Any
    loss: Any
    beyond: float


@dataclass(frozen=True)
class FitReport:
    """A fit of the parametric law, made ready to be read: print :meth:`text`, show :attr:`picture`, keep :meth:`to_json`.

    fit: the fit. boot: its bootstrap, or None. level: coverage that intervals claim. parameters: name -> interval (or
    number, without a bootstrap). exponent: a of N ~ C^a for the best size. recommendations: one a budget. residuals: what
    :func:`~scaling_helpers.fitting.residual_report` found, or None where there are too few runs. warnings: what to know
    before trusting any of it, in sentences.

    >>> from scaling_helpers.fitting import fit_chinchilla, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, noise=0.0)
    >>> report = fit_report(fit_chinchilla(runs.N, runs.D, runs.loss), draws=0)
    >>> law_of(report.to_json()) == report.fit.law
    True
    """

    fit: Fit
    boot: Bootstrap | None
    level: float
    parameters: Mapping[str, Any]
    exponent: Any
    recommendations: tuple[Recommendation, ...]
    residuals: Any
    warnings: tuple[str, ...]

    def text(self) -> str:
        """The report as lines of text, tables aligned."""
        fit = self.fit
        lines = [f"{len(fit.residuals)} runs, {fit.estimator}: {fit.status.value}"]
        bounds = f", at a bound: {', '.join(fit.at_bound)}" if fit.at_bound else ""
        lines.append(
            f"objective {fit.objective:.10g}, gradient {fit.grad_norm:.1e}, "
            f"{fit.share_at_best:.0%} of {fit.n_starts} starts reached it{bounds}"
        )
        lines += ["", "L(N, D) = E + A / N^alpha + B / D^beta", ""]
        head = ("", "estimate", *([f"{self.level:.0%} interval"] if self.boot else []), "")
        rows = [(name, *cells(value, "plain"), _WORDS.get(name, "")) for name, value in self.parameters.items()]
        rows.append(("a", *cells(self.exponent, "plain"), "the best size grows as C^a"))
        lines += [*table(head, rows), ""]
        interval = ["", "", "", ""] if self.boot else []
        head = ("budget (FLOP)", *_woven(["best N", "best D", "D / N", "loss"], interval), "beyond the runs")
        rows = [
            (
                numbers.format(one.compute, "flop"),
                *cells(one.N, "count"),
                *cells(one.D, "count"),
                *cells(one.tokens_per_parameter, "ratio"),
                *cells(one.loss, "loss"),
                numbers.format(one.beyond, "times"),
            )
            for one in self.recommendations
        ]
        lines += table(head, rows)
        if self.boot is not None:
            lines += ["", bootstrap_said(self.boot, self.level)]
        if self.residuals is not None:
            of = "log loss" if self.residuals.space == "log" else "loss"
            lines += ["", f"Residuals of {of}: typical size {self.residuals.spread:.2g}; " + _outliers(self.residuals)]
        lines += ["", *(f"Note: {sentence}" for sentence in self.warnings)] if self.warnings else []
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON has it; `law_of` reads the law back.

        * ``schema``: :data:`SCHEMA`; ``law``: form, E, A, B, alpha, beta;
        * ``parameters`` by name, and ``exponent``: estimate, low, high;
        * ``recommendations``: compute, N, D, tokens_per_parameter, loss (each estimate, low, high), beyond;
        * ``fit``: status, objective, grad_norm, n_starts, share_at_best, at_bound, condition, estimator, coordinates,
          theta;
        * ``bootstrap``: draws, kind, seed, failed, level; null where there was none;
        * ``data``, a list for each column, with ``predicted``, ``residuals`` and ``residual_space``; ``warnings``.

        Infinite or missing numbers are null.
        """
        fit, law = self.fit, self.fit.law
        return plain_numbers(
            {
                "schema": SCHEMA,
                "law": {"form": "chinchilla", **{name: getattr(law, name) for name in ("E", "A", "B", "alpha", "beta")}},
                "parameters": {name: ends(value) for name, value in self.parameters.items()},
                "exponent": ends(self.exponent),
                "recommendations": [
                    {
                        "compute": one.compute,
                        **{name: ends(getattr(one, name)) for name in ("N", "D", "tokens_per_parameter", "loss")},
                        "beyond": one.beyond,
                    }
                    for one in self.recommendations
                ],
                "fit": {
                    "status": fit.status.name,
                    "objective": fit.objective,
                    "grad_norm": fit.grad_norm,
                    "n_starts": fit.n_starts,
                    "share_at_best": fit.share_at_best,
                    "at_bound": list(fit.at_bound),
                    "condition": getattr(fit, "condition", None),
                    "estimator": fit.estimator,
                    "coordinates": list(fit.coordinates),
                    "theta": list(fit.theta),
                },
                "bootstrap": None
                if self.boot is None
                else {
                    "draws": len(self.boot),
                    "kind": self.boot.kind,
                    "seed": self.boot.seed,
                    "failed": self.boot.failed,
                    "level": self.level,
                },
                "data": {name: list(column) for name, column in fit.data.items()},
                "predicted": list(fit.predicted),
                "residuals": list(fit.residuals),
                "residual_space": fit.space,
                "warnings": list(self.warnings),
            }
        )

    @property
    def alt(self) -> str:
        """What the figure shows, in words."""
        last = self.recommendations[-1]
        return (
            f"Three panels. First, the loss of {len(self.fit.residuals)} runs against model size, with the fitted law at each "
            f"budget. Second, the best model size against training compute, {value_of(last.N):.3g} parameters at "
            f"{last.compute:.3g} FLOP, {'with its interval, ' if self.boot else ''}and the runs below it. Third, the residuals "
            f"against the predicted loss, around zero."
        )

    @property
    def picture(self) -> Picture:
        """Runs and fit by budget, the best size with its band, and the residuals, as the book draws them."""
        return self._drawn()[0]

    def svg(self) -> str:
        """The figure as an SVG file of its own, in light colours on white; the same report gives the same bytes."""
        return standalone(self.picture)

    def png(self, dots_per_inch: float = 150.0) -> bytes:
        """The figure as PNG, on white."""
        return self._drawn(dots_per_inch)[1]

    def _drawn(self, dots_per_inch: float | None = None) -> tuple[Picture, bytes]:
        panels: list[Callable[[Any], None]] = [
            lambda ax: _draw_runs(ax, self.fit),
            lambda ax: _draw_allocation(ax, self),
            lambda ax: _draw_residuals(ax, self),
        ]
        return drawn(self.alt, 13.5, panels, dots_per_inch)


def fit_report(
    fit: Fit,
    *,
    flop: Sequence[float] = (),
    boot: Bootstrap | None = None,
    draws: int = 4000,
    seed: int = 0,
    level: float = 0.9,
    names: Sequence[str] | None = None,
) -> FitReport:
    """What to say of ``fit``, a fit of the parametric law such as :func:`~scaling_helpers.fitting.fit_chinchilla` returns.

    flop: budgets in FLOP to answer; without any, the largest among the runs, ten and a hundred times that.
    boot: a bootstrap of this fit; without one, ``draws`` pairs resamples from ``seed`` are made, none where ``draws`` is 0.
    level: coverage of the intervals. names: what to call the runs, one each; "run 1" and so on if not given. TypeError
    for a fit of another law, ValueError for budgets, draws and levels that are none.

    >>> from scaling_helpers.fitting import fit_chinchilla, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, noise=0.0)
    >>> report = fit_report(fit_chinchilla(runs.N, runs.D, runs.loss), flop=[5.76e23], draws=0)
    >>> f"{report.recommendations[0].N:.3g}", f"{report.exponent:.4f}"
    ('7.22e+10', '0.5126')
    """
    if not isinstance(fit.law, ChinchillaLaw):
        raise TypeError(f"a report is of a fitted ChinchillaLaw, not of a {type(fit.law).__name__}")
    if not 0 < level < 1:
        raise ValueError(f"level = {level!r}: give a share between 0 and 1, such as 0.9")
    said = list(getattr(fit, "warnings", ()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if boot is None and draws:
            boot = fit.bootstrap(draws, seed=seed)
        asked = Asked(fit, boot, level, said)
        largest = float(np.max(FLOP_PER_PARAMETER_TOKEN * fit.data["N"] * fit.data["D"]))
        budgets = [positive("C", float(budget)) for budget in flop] or [largest * times for times in BEYOND]
        parameters = {name: asked(name) for name in ("E", "A", "B", "alpha", "beta")}
        exponent = asked(exponent_of)
        recommended = tuple(_recommended(asked, budget, largest) for budget in budgets)
        residuals = _residual_report(fit, names or [f"run {i + 1}" for i in range(len(fit.residuals))], said)
    said += [str(one.message) for one in caught]
    said += far(recommended)
    return FitReport(fit, boot, level, parameters, exponent, recommended, residuals, tuple(dict.fromkeys(said)))


def law_of(source: str | Path | Mapping[str, Any]) -> ChinchillaLaw:
    """The fitted law in a JSON file that :meth:`FitReport.to_json` filled, or in what such a file holds.

    ValueError for what is no such JSON, or for constants that make no law; OSError for a file that cannot be read.

    >>> law_of({"schema": SCHEMA, "law": {"form": "chinchilla", "E": 1.8, "A": 480, "B": 2100, "alpha": 0.35, "beta": 0.37}})
    ChinchillaLaw(E=1.8, A=480.0, B=2100.0, alpha=0.35, beta=0.37, origin=None)
    """
    where = "the mapping given" if isinstance(source, Mapping) else str(source)
    try:
        held = source if isinstance(source, Mapping) else json.loads(Path(source).read_text(encoding="utf-8"))
    except ValueError as error:  # also what is no UTF-8
        raise ValueError(f"{where} is no JSON ({error}): give a file that `scaling fit --json` wrote") from None
    schema = held.get("schema") if isinstance(held, Mapping) else None
    if schema != SCHEMA:
        raise ValueError(f"{where} has schema {schema!r}, not {SCHEMA!r}: give a file of `scaling fit --json`, approach 3")
    law: Any = held["law"] if isinstance(held, Mapping) and "law" in held else None
    try:
        return ChinchillaLaw(**{name: law[name] for name in ("E", "A", "B", "alpha", "beta")})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} holds no law: {error}") from None


def exponent_of(law: Any) -> Any:
    """a of N ~ C^a: beta / (alpha + beta) for the parametric law (Hoffmann et al. 2022, Eq 4)."""
    return law.beta / (law.alpha + law.beta)


class Asked:
    """Asks for one quantity after the other: an interval where there are draws, else the number."""

    def __init__(self, fit: Fit, boot: Bootstrap | None, level: float, said: list[str]) -> None:
        self.fit, self.boot, self.level, self.said = fit, boot, level, said

    def __call__(self, quantity: str | Callable[[Any], Any], **at: Any) -> Any:
        if self.boot is not None:
            try:
                return self.boot.interval(quantity, self.level, **at)
            except ValueError as error:
                self.said.append(f"no interval for {quantity if isinstance(quantity, str) else 'the exponent a'}: {error}")
        value: Any = self.fit.law
        if callable(quantity):
            return float(quantity(value))
        for part in quantity.split("."):
            value = getattr(value, part)
            value = value(**at) if callable(value) else value
        return float(value)


def _recommended(asked: Asked, budget: float, largest: float) -> Recommendation:
    names = ("N", "D", "tokens_per_parameter", "loss")
    answers = {name: asked(f"optimal.{name}", C=budget) for name in names}
    return Recommendation(compute=budget, **answers, beyond=budget / largest)


def _residual_report(fit: Fit, names: Sequence[str] | None, said: list[str]) -> Any:
    from .fitting import residual_report

    try:
        found = residual_report(fit, names=names)
    except ValueError as error:
        said.append(f"residuals not looked at: {error}")
        return None
    for row in found.trends:
        for kind, what in (("level", "a trend"), ("bend", "a bend")):
            if row[f"{kind}_p"] < 0.01:
                chance = f"p = {row[f'{kind}_p']:.2g}"
                said.append(f"the residuals have {what} along {row['scale']} ({chance}): the form of the law does not fit there")
    return found


def far(recommended: Sequence[Recommendation]) -> list[str]:
    """What to say of budgets far beyond the runs."""
    return [
        f"{numbers.format(one.compute, 'flop')} FLOP is {numbers.format(one.beyond, 'times')} the largest budget among "
        "the runs: the interval holds if the law does, which these runs cannot show"
        for one in recommended
        if one.beyond > 100.0
    ]


def bootstrap_said(boot: Bootstrap, level: float) -> str:
    """How the intervals were made."""
    return f"Intervals: {len(boot):,} {boot.kind} resamples, seed {boot.seed}, {level:.0%}."


# ---- text and numbers -----------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows under a head, in columns as wide as they need to be; a column of numbers is set to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    right = [all(row[i][:1].isdigit() or row[i] in ("", numbers.MISSING) for row in rows) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(cells, widths, right, strict=True)).rstrip()

    return [line(head), line(["-" * w for w in widths]), *map(line, rows)]


def _woven(words: Sequence[str], between: Sequence[str]) -> list[str]:
    return [cell for pair in zip(words, between, strict=True) for cell in pair] if between else list(words)


def value_of(one: Any) -> float:
    return float(getattr(one, "estimate", one))


def cells(one: Any, kind: str) -> tuple[str, ...]:
    """The estimate, and its interval if it has one."""

    def written(value: float) -> str:
        return numbers.format(value, kind) if math.isfinite(value) else str(value)

    if not hasattr(one, "estimate"):
        return (written(one),)
    return written(one.estimate), f"{written(one.low)} to {written(one.high)}"


def ends(one: Interval | float) -> dict[str, Any]:
    names = ("estimate", "low", "high")
    if not hasattr(one, "estimate"):
        return dict.fromkeys(names) | {"estimate": one}
    return {name: getattr(one, name) for name in names}


def plain_numbers(value: Any) -> Any:
    """What JSON can say: NumPy's numbers as Python's, what is not finite as null."""
    if isinstance(value, Mapping):
        return {key: plain_numbers(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_numbers(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _outliers(found: Any) -> str:
    if not len(found.outliers):
        return "no outliers."
    first = next(iter(found.outliers))
    which = f"{first['name']} is off by {abs(first['standard_deviations']):.1f} times that"
    return f"{len(found.outliers)} beyond four times that ({which})."


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def drawn(
    alt: str, width: float, panels: Sequence[Callable[[Any], None]], dots_per_inch: float | None
) -> tuple[Picture, bytes]:
    """Panels side by side, each drawn by its function; also as PNG where a resolution is given."""
    from .figures import axes

    buffer = io.BytesIO()
    with axes(alt, width=width, height=4.4, columns=len(panels)) as (places, done):
        for place, draw in zip(places, panels, strict=True):
            draw(place)
        if dots_per_inch is not None:
            said = {"Software": None, "Description": alt}
            places[0].figure.savefig(buffer, format="png", dpi=dots_per_inch, facecolor="white", metadata=said)
    return done[0], buffer.getvalue()


def standalone(picture: Picture) -> str:
    """A figure of the book as an SVG file of its own, in light colours on white."""
    text = plain(picture.svg)
    text = re.sub(r' width="100%" style="max-width: ([\d.]+)pt"', r' width="\1pt"', text, count=1)
    text = text.replace(' aria-hidden="true" focusable="false"', ' role="img"', 1)
    text = text.replace("var(--figure-font, system-ui, sans-serif)", "system-ui, sans-serif")
    background = f'<title>{_escaped(picture.alt)}</title>\n<rect width="100%" height="100%" fill="#ffffff"/>'
    end = text.index(">") + 1
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text[:end]}\n{background}{text[end:]}'


# ---- the figure -----------------------------------------------------------------------------------------------------


def budget_groups(compute: np.ndarray) -> list[np.ndarray]:
    """The runs of each budget, as indices; where there are many budgets, neighbours together, as many in each.

    >>> [group.tolist() for group in budget_groups(np.array([1e18, 1e20, 1.01e18, 1e19]))]
    [[0, 2], [3], [1]]
    """
    order = np.argsort(compute, kind="stable")
    steps = np.flatnonzero(np.diff(np.log(compute[order])) > 0.1) + 1
    groups = np.split(order, steps)
    return groups if len(groups) <= _GROUPS else np.array_split(order, _GROUPS)


def _draw_runs(ax: Any, fit: Fit) -> None:
    from .figures import DASHES, SERIES, _count_ticks

    N, D, loss = (np.asarray(fit.data[name]) for name in ("N", "D", "loss"))
    compute = FLOP_PER_PARAMETER_TOKEN * N * D
    for group, series, dashes in zip(budget_groups(compute), SERIES, DASHES, strict=False):
        budget = float(np.exp(np.mean(np.log(compute[group]))))
        sizes = np.geomspace(N[group].min() / 1.3, N[group].max() * 1.3, 101)
        curve = fit.law.loss(sizes, budget / (FLOP_PER_PARAMETER_TOKEN * sizes))
        ax.plot(N[group], loss[group], "o", color=LIGHT[series], markersize=4)
        label = f"{numbers.format(budget, 'flop')} FLOP"
        ax.plot(sizes, curve, color=LIGHT[series], linestyle=dashes, linewidth=1.5, label=label)
    ax.set(xscale="log", yscale="log", xlabel="Model size N (parameters)", ylabel="Loss (nats per token)", title="Runs and fit")
    ax.legend(fontsize=8)
    loss_ticks(ax.yaxis)
    _count_ticks(ax.xaxis)


def _draw_allocation(ax: Any, report: FitReport) -> None:
    from .figures import _count_ticks

    fit = report.fit
    compute = FLOP_PER_PARAMETER_TOKEN * fit.data["N"] * fit.data["D"]
    asked = [one.compute for one in report.recommendations]
    budgets = np.geomspace(min(compute.min(), *asked), max(compute.max(), *asked), 41)
    ax.plot(compute, fit.data["N"], "o", color=LIGHT["axis"], markersize=3, label="runs")
    ax.plot(budgets, fit.law.optimal(budgets).N, color=LIGHT["law"], label="best size")
    if report.boot is not None and all(hasattr(one.N, "low") for one in report.recommendations):
        band = report.boot.interval("optimal.N", report.level, C=budgets)
        label = f"{report.level:.0%} interval"
        ax.fill_between(budgets, band.low, band.high, color=LIGHT["law"], alpha=0.2, linewidth=0, label=label)
    best = [value_of(one.N) for one in report.recommendations]
    ax.plot(asked, best, "D", color=LIGHT["you"], markersize=6, label="budgets asked for")
    ax.set(xscale="log", yscale="log", xlabel="Training compute C (FLOP)", ylabel="Model size N (parameters)", title="Best size")
    ax.legend(fontsize=8, loc="lower right")
    _count_ticks(ax.yaxis)


def _draw_residuals(ax: Any, report: FitReport) -> None:
    fit = report.fit
    ax.axhline(0.0, color=LIGHT["axis"], linewidth=1.0)
    ax.plot(fit.predicted, fit.residuals, "o", color=LIGHT["law"], markersize=4)
    if report.residuals is not None:
        for sign in (-1.0, 1.0):
            ax.axhline(2.0 * sign * report.residuals.spread, color=LIGHT["muted"], linewidth=1.0, linestyle=(0, (4, 3)))
    of = "log loss" if fit.space == "log" else "loss"
    ax.set(xlabel="Predicted loss (nats per token)", ylabel=f"Observed less predicted {of}", title="Residuals")


def loss_ticks(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    axis.set_major_locator(MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
