"""What in a fit depends on choices, on a few runs, or on noise that is not what the fit takes it for?

Published exponents differ more by such choices than by chance (the bootstrap sees chance alone): which estimator and which
delta (:func:`estimator_sweep`), which runs (:func:`subset_sweep`, :func:`influence`), and residuals with a trend, unequal
noise or outliers (:func:`residual_report`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .asking import ask, named, parameters
from .parallel import map_fits
from .result import Array, Fit
from .rollout import scale_groups, scale_of
from .table import Table

__all__ = ["ResidualReport", "estimator_sweep", "influence", "residual_report", "subset_sweep"]

#: The median of the absolute value of a standard normal: makes the median of absolute residuals a standard deviation.
_NORMAL_MEDIAN = 0.6744897501960817
_SHAPIRO_LIMIT = 5000


@dataclass(frozen=True)
class ResidualReport:
    """Whether the residuals look like noise.

    space: "log" or "loss", where they were taken. runs: how many. spread: their standard deviation, robustly (median of
    the absolute residuals over 0.674). skewness, excess_kurtosis: 0 for normal noise, the second large for heavy tails.
    normality_p: p-value of the Shapiro-Wilk test.
    trends: for each scale the rank correlation (Spearman) of the residual ("level"), its absolute value ("noise") and
    its bend (against the squared distance from the middle) with log scale, each with a p-value. A trend in level or bend
    says that the law's form fails along that scale; a trend in noise says that weights or pairs resampling are called for.
    outliers: runs beyond ``threshold`` robust standard deviations, farthest first, with index and name.
    groups: mean and robust spread of the residuals for each level of the grouping scale.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> report = residual_report(fit)
    >>> report.space, bool(report.trends["level_p"][0] > 0.05)
    ('log', True)
    """

    space: str
    runs: int
    spread: float
    skewness: float
    excess_kurtosis: float
    normality_p: float
    trends: Table
    outliers: Table
    groups: Table

    def __str__(self) -> str:
        head = (
            f"{self.runs} residuals of {'log loss' if self.space == 'log' else 'loss'}: robust sd {self.spread:.4g}, skewness "
            f"{self.skewness:.2f}, excess kurtosis {self.excess_kurtosis:.2f}, normal with p = {self.normality_p:.2g}"
        )
        far = f"outliers\n{self.outliers}" if len(self.outliers) else "no outliers"
        return f"{head}\n\n{self.trends}\n\n{far}\n\n{self.groups}"


def residual_report(
    fit: Fit, by: Sequence[Any] | None = None, *, names: Sequence[Any] | None = None, threshold: float = 4.0, group_by: Any = None
) -> ResidualReport:
    """Do the residuals look like noise? See :class:`ResidualReport`. Runs of weight 0 are left out.

    ``by``: scales to look along (default: the inputs of the law, and C where there are N and D). ``names`` (n,): names of
    the runs, for the outliers. ``group_by``: the scale whose levels are summed up (default: the last of ``by``).
    ValueError: fewer than 8 runs (nothing can be seen in those), a threshold that is not positive, names of another length,
    or residuals that are all zero.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> report = residual_report(fit)
    >>> report.runs, len(report.outliers)
    (12, 0)
    """
    from scipy import stats

    counted = np.flatnonzero(fit.weights > 0)
    residuals = fit.residuals[counted]
    if len(residuals) < 8:
        raise ValueError(f"{len(residuals)} runs: a trend or an outlier cannot be told from noise with fewer than 8")
    if not (isinstance(threshold, (int, float, np.floating)) and not isinstance(threshold, bool) and threshold > 0):
        raise ValueError(f"threshold = {threshold!r}: give a positive number of standard deviations")
    if names is not None and len(names) != len(fit.residuals):
        raise ValueError(f"{len(names)} names for {len(fit.residuals)} runs")
    spread = float(np.median(np.abs(residuals)) / _NORMAL_MEDIAN)
    if not spread > 1e-14 * float(np.median(np.abs(fit.data[fit.outcome]))):
        raise ValueError("most residuals are zero: the runs lie on the law, and there is no noise to look at")
    scales = [scale_of(fit, one) for one in (by if by is not None else _axes(fit))]
    rows = [(name, *_trends(np.log(values[counted]), residuals, stats.spearmanr)) for name, values in scales]
    columns = ("scale", "level", "level_p", "noise", "noise_p", "bend", "bend_p")
    far = counted[np.abs(residuals) > threshold * spread]
    far = far[np.argsort(-np.abs(fit.residuals[far]))]
    called = [str(i) for i in far] if names is None else [str(names[i]) for i in far]
    group_name, levels, groups = scale_groups(fit, group_by if group_by is not None else scales[-1][1])
    kept = [g for g in range(len(levels)) if np.any(groups[counted] == g)]
    inside = [residuals[groups[counted] == g] for g in kept]
    normality = stats.shapiro if len(residuals) <= _SHAPIRO_LIMIT else stats.normaltest
    return ResidualReport(
        space=fit.space,
        runs=len(residuals),
        spread=spread,
        skewness=float(stats.skew(residuals)),
        excess_kurtosis=float(stats.kurtosis(residuals)),
        normality_p=float(normality(residuals).pvalue),
        trends=Table({column: [row[i] for row in rows] for i, column in enumerate(columns)}),
        outliers=Table(
            {"run": far, "name": called, "residual": fit.residuals[far], "standard_deviations": fit.residuals[far] / spread}
        ),
        groups=Table(
            {
                scales[-1][0] if group_by is None else group_name: levels[kept],
                "runs": [len(one) for one in inside],
                "mean": [float(np.mean(one)) for one in inside],
                "spread": [float(np.median(np.abs(one - np.median(one))) / _NORMAL_MEDIAN) for one in inside],
            }
        ),
    )


def estimator_sweep(
    fit: Fit,
    criteria: Sequence[Any] | None = None,
    quantities: Sequence[str | Callable[[Any], Any]] | None = None,
    *,
    n_jobs: int | None = None,
    **at: Any,
) -> Table:
    """The same law and runs under other estimators: what would have been published with another choice?

    ``criteria``: objectives of :mod:`.objectives`; by default Huber with delta from 1e-4 to 1e-1, least squares and least
    absolute deviation on log loss, and Huber and least squares on the loss itself. ``quantities``: names or functions as in
    :meth:`.bootstrap.Bootstrap.values`, with ``at`` for all that take arguments; by default the law's parameters.
    Columns: estimator, objective, status, then a column for each quantity.
    NotImplementedError for kinds of fit with one criterion only; ValueError or TypeError for an unknown quantity.

    >>> from scaling_helpers.fitting import Huber, LeastSquares, fit_chinchilla, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, [1e19, 1e20, 1e21], 8, noise=0.01)
    >>> fit = fit_chinchilla(runs.N, runs.D, runs.loss)
    >>> table = estimator_sweep(fit, [Huber(1e-3), LeastSquares()], ["alpha"])
    >>> table["estimator"].tolist()
    ['Huber(0.001) on log loss, summed', 'least squares on log loss, summed']
    >>> bool(table["alpha"][0] == fit.law.alpha)
    True
    """
    if criteria is None:
        from .objectives import Huber, LeastAbsolute, LeastSquares

        huber = [Huber(delta) for delta in (1e-4, 1e-3, 1e-2, 1e-1)]
        criteria = [*huber, LeastSquares(), LeastAbsolute(), Huber(1e-3, space="loss"), LeastSquares(space="loss")]
    if not len(criteria):
        raise ValueError("criteria is empty: there is nothing to fit by")
    chosen = _chosen(fit, quantities, at)
    fits = map_fits(_under, [(fit, criterion) for criterion in criteria], n_jobs=n_jobs)
    values = [[_value(one, one.law, one.theta, quantity, at) for one in fits] for quantity in chosen]
    values_by_name = {named(quantity, {}): column for quantity, column in zip(chosen, values, strict=True)}
    head = {
        "estimator": [one.estimator for one in fits],
        "objective": [one.objective for one in fits],
        "status": [one.status.name for one in fits],
    }
    return Table({**head, **values_by_name})


def influence(
    fit: Fit, by: Any = "C", quantities: Sequence[str | Callable[[Any], Any]] | None = None, *, names: Any = None, **at: Any
) -> Table:
    """How much would the answer change without one budget, or without one run?

    ``by``: a scale whose levels are left out one at a time (see :func:`.rollout.scale_groups`), or "run" for every run
    (``names`` (n,) then name them). Columns: what was left out, runs, converged, then for each quantity its value without
    them and, as ``<quantity> change``, that value less the fit's own. Largest change of the first quantity first.
    ``quantities`` and ``at`` as in :func:`estimator_sweep`. ValueError with a single level.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> table = influence(fit, "run", ["growth"], names=range(2012, 2024))
    >>> table["run"][0]
    np.str_('2013')
    """
    chosen = _chosen(fit, quantities, at)
    base = fit.weights
    if isinstance(by, str) and by == "run":
        groups = np.arange(len(base))
        label, labels = "run", np.asarray(groups if names is None else [str(name) for name in names])
        if len(labels) != len(base):
            raise ValueError(f"{len(labels)} names for {len(base)} runs")
    else:
        label, labels, groups = scale_groups(fit, by)
    kept = [g for g in range(len(labels)) if np.any(base[groups == g] > 0)]
    if len(kept) < 2:
        raise ValueError(f"the runs have one level of {label} only: nothing is left without it")
    left = _many(fit, (groups != np.array(kept)[:, None]) * base)
    columns: dict[str, Any] = {label: labels[kept], "runs": [int(np.sum(groups == g)) for g in kept], "converged": left[1]}
    order = np.arange(len(kept))
    for i, quantity in enumerate(chosen):
        own = _value(fit, fit.law, fit.theta, quantity, at)
        values = np.array([_value(fit, fit.law_at(theta), theta, quantity, at) for theta in left[0]])
        columns[named(quantity, {})], columns[f"{named(quantity, {})} change"] = values, values - own
        if i == 0:
            order = np.argsort(-np.abs(values - own))
    return Table({name: np.asarray(column)[order] for name, column in columns.items()})


def subset_sweep(
    fit: Fit,
    by: Any = "C",
    quantities: Sequence[str | Callable[[Any], Any]] | None = None,
    *,
    keep: str = "largest",
    **at: Any,
) -> Table:
    """The fit to ever fewer runs: a parameter that drifts as small (or large) runs are dropped is not a constant.

    ``keep``: "largest" drops level after level of the scale ``by`` from below, "smallest" from above. Subsets with no more
    runs than parameters are left out. Columns: from, upto, runs, converged, then a column for each quantity.
    ValueError for another ``keep`` or where no subset is left.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> subset_sweep(fit, [1, 1, 1, 1, 10, 10, 10, 10, 100, 100, 100, 100], ["growth"])["runs"].tolist()
    [12, 8, 4]
    """
    if keep not in ("largest", "smallest"):
        raise ValueError(f"keep = {keep!r}: 'largest' or 'smallest'")
    chosen = _chosen(fit, quantities, at)
    _, levels, groups = scale_groups(fit, by)
    base, last = fit.weights, len(levels) - 1
    spans = [(g, last) for g in range(len(levels))] if keep == "largest" else [(0, g) for g in range(last, -1, -1)]
    masks = [(first, upto, (groups >= first) & (groups <= upto) & (base > 0)) for first, upto in spans]
    masks = [one for one in masks if np.sum(one[2]) > len(fit.theta)]
    if not masks:
        raise ValueError(f"no subset has more runs than the {len(fit.theta)} parameters")
    thetas, converged = _many(fit, np.array([mask for _, _, mask in masks]) * base)
    columns: dict[str, Any] = {
        "from": [levels[first] for first, _, _ in masks],
        "upto": [levels[upto] for _, upto, _ in masks],
        "runs": [int(np.sum(mask)) for _, _, mask in masks],
        "converged": converged,
    }
    for quantity in chosen:
        columns[named(quantity, {})] = [_value(fit, fit.law_at(theta), theta, quantity, at) for theta in thetas]
    return Table(columns)


# -- parts -------------------------------------------------------------------------------------------
def _axes(fit: Fit) -> list[str]:
    inputs = list(fit.inputs)
    return [*inputs, "C"] if {"N", "D"} <= set(inputs) else inputs


def _trends(logs: Array, residuals: Array, correlate: Callable[..., Any]) -> tuple[float, ...]:
    """Rank correlations of residual, size of residual, and bend along one scale, each with its p-value."""
    if np.ptp(logs) == 0.0:
        return (np.nan,) * 6
    middle = (logs - np.mean(logs)) ** 2
    found = [correlate(logs, residuals), correlate(logs, np.abs(residuals)), correlate(middle, residuals)]
    return tuple(float(number) for one in found for number in (one.statistic, one.pvalue))


def _chosen(fit: Fit, quantities: Any, at: dict[str, Any]) -> list[Any]:
    """The quantities to tabulate, each asked once of the fit's own law, so that a bad name fails before the work."""
    chosen = list(quantities) if quantities is not None else list(parameters(fit.law) or fit.coordinates)
    for quantity in chosen:
        _value(fit, fit.law, fit.theta, quantity, at)
    return chosen


def _value(fit: Fit, law: Any, theta: Array, quantity: Any, at: dict[str, Any]) -> float:
    name = "" if callable(quantity) else str(quantity)
    takes_arguments = "." in name or callable(getattr(law, name, None))
    return float(ask(law, fit, theta, quantity, at if takes_arguments else {}))


def _under(fit: Fit, criterion: Any) -> Fit:
    return fit.under(criterion)


def _many(fit: Fit, weights: Array, rows: int = 500) -> tuple[Array, Any]:
    parts = [fit.refit(weights=weights[first : first + rows]) for first in range(0, len(weights), rows)]
    return np.concatenate([part.thetas for part in parts]), np.concatenate([part.converged for part in parts])
