"""Would this law have foretold the large runs from the small ones?

Residuals say how well a law describes the runs it was fitted to. A law is used beyond them. The only test of that which the
runs themselves allow is to hide the largest, fit the rest, and look: once (:func:`rollout`), over growing distances
(:func:`horizons`), or budget by budget (:func:`leave_one_out`). A law that fails here has failed; a law that passes has
passed at this distance and no further.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import FLOP_PER_PARAMETER_TOKEN
from .bootstrap import UncertaintyWarning
from .result import Array, Fit
from .table import Table

__all__ = ["Rollout", "horizons", "leave_one_out", "rollout", "scale_groups", "scale_of"]

Mask = NDArray[np.bool_]

#: Scales closer than this, relatively, are one budget.
_ALIKE = 0.05
#: Draws in one call of refit.
_ROWS = 500


@dataclass(frozen=True)
class Rollout:
    """How a law fitted to the small runs did on the large ones.

    by: the scale that was cut; upto: the largest scale that was fitted. law: the law of the small runs.
    held (n,) bool: the runs that were held out. For those m runs, (m,) each: scales, observed, predicted,
    low and high (ends of the prediction interval), errors (predicted / observed - 1).
    coverage: share of held-out runs inside their prediction interval, which should be near ``level``.
    baselines: log-loss RMSE of predicting otherwise: "last value" (the loss of the largest fitted run) and
    "all data" (the same law fitted to all runs, a hindsight that no forecast can expect to beat).
    converged: whether the fit to the small runs did. failed: refits behind the interval that did not.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> score = rollout(fit, "time", upto=2018)
    >>> len(score.observed), score.skill > 0.9
    (5, True)
    """

    by: str
    upto: float
    law: Any
    held: Mask
    scales: Array
    observed: Array
    predicted: Array
    low: Array
    high: Array
    level: float
    baselines: Mapping[str, float]
    converged: bool
    failed: int

    @property
    def errors(self) -> Array:
        """Relative errors, predicted / observed - 1, (m,)."""
        return self.predicted / self.observed - 1.0

    @property
    def log_rmse(self) -> float:
        """Root mean square of log predicted less log observed."""
        return _log_rmse(self.predicted, self.observed)

    @property
    def bias(self) -> float:
        """Mean of log predicted less log observed: positive where the large runs came out better than foretold."""
        return float(np.mean(np.log(self.predicted / self.observed)))

    @property
    def coverage(self) -> float:
        """Share of the held-out runs inside their prediction interval."""
        return float(np.mean((self.low <= self.observed) & (self.observed <= self.high)))

    @property
    def skill(self) -> float:
        """1 - (log RMSE / that of the last value): 1 is perfect, 0 no better than expecting no change."""
        return 1.0 - self.log_rmse / self.baselines["last value"]

    def __str__(self) -> str:
        others = ", ".join(f"{name} {value:.4g}" for name, value in self.baselines.items())
        return (
            f"fitted up to {self.by} = {self.upto:.3g}, {len(self.observed)} larger runs foretold: log RMSE "
            f"{self.log_rmse:.4g} ({others}), {self.coverage:.0%} inside the {self.level:.0%} prediction interval"
        )


def scale_of(fit: Fit, by: Any) -> tuple[str, Array]:
    """The name and the values (n,) of a scale: a column of the runs ("N", "D", ...), "C", or an array of your own.

    "C" is the column of that name, or else 6 N D in FLOP. ValueError names what cannot be found, or what does not fit.

    >>> from scaling_helpers.fitting import fit_chinchilla, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, [1e19, 1e20], 5)
    >>> name, budgets = scale_of(fit_chinchilla(runs.N, runs.D, runs.loss), "C")
    >>> bool(abs(budgets / runs.budget - 1).max() < 1e-12)
    True
    """
    points = len(fit.residuals)
    if isinstance(by, str):
        if by in fit.data:
            return by, np.asarray(fit.data[by], dtype=float)
        if by == "C" and "N" in fit.data and "D" in fit.data:
            return by, FLOP_PER_PARAMETER_TOKEN * fit.data["N"] * fit.data["D"]
        raise ValueError(f"by = {by!r}: the runs have {', '.join(fit.data)}; or give an array of {points} scales")
    scales = np.asarray(by)
    if scales.dtype.kind not in "iuf" or scales.shape != (points,):
        raise ValueError(f"by must be the name of a column or {points} numbers, got {type(by).__name__} of shape {scales.shape}")
    if not np.all(np.isfinite(scales)) or np.any(scales <= 0):
        raise ValueError("by holds scales that are not positive and finite")
    return "scale", scales.astype(float)


def scale_groups(fit: Fit, by: Any) -> tuple[str, Array, NDArray[np.intp]]:
    """Name, levels (g,) and group of every run (n,): runs belong together while neighbours differ by less than 5%.

    Budgets of an IsoFLOP sweep that are met only roughly become one level each, at the geometric mean.

    >>> from scaling_helpers.fitting import fit_growth
    >>> scale_groups(fit_growth([2018, 2019, 2020], [1, 2, 4]), [1e18, 1.02e18, 1e19])[2].tolist()
    [0, 0, 1]
    """
    name, scales = scale_of(fit, by)
    order = np.argsort(scales, kind="stable")
    steps = np.diff(np.log(scales[order])) > _ALIKE
    groups = np.empty(len(scales), dtype=np.intp)
    groups[order] = np.concatenate([[0], np.cumsum(steps)])
    levels = np.array([np.exp(np.mean(np.log(scales[groups == g]))) for g in range(groups.max() + 1)])
    return name, levels, groups


def rollout(
    fit: Fit,
    by: Any = "N",
    holdout: float = 0.25,
    *,
    upto: float | None = None,
    level: float = 0.9,
    draws: int = 400,
    seed: int = 0,
) -> Rollout:
    """Fit the runs up to a scale, foretell those beyond it, and compare; see :class:`Rollout`.

    ``by``: "N", "D", "C" or an array of scales (see :func:`scale_of`). ``holdout``: share of the runs to hold out, the
    largest (runs of equal scale stay together), unless ``upto`` gives the largest scale to fit.
    The prediction interval comes from ``draws`` pairs-bootstrap refits of the small runs, with their residuals added.

    Refits start at ``fit``, which has seen the held-out runs: harmless where a minimum is the only one near.
    ValueError: nothing held out, or no more runs to fit than parameters; a share or level outside (0, 1).

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> print(rollout(fit, "time", upto=2020))  # doctest: +ELLIPSIS
    fitted up to time = 2.02e+03, 3 larger runs foretold: log RMSE 0.01...
    """
    name, scales = scale_of(fit, by)
    _share("level", level)
    _whole("draws", draws)
    if upto is None:
        _share("holdout", holdout)
        upto = _cut(scales, fit.weights, holdout)
    counted = fit.weights > 0
    held = counted & (scales > upto)
    train = counted & (scales <= upto)
    _enough(fit, name, scales, train, held, upto)
    small, converged, laws, failed = _laws(fit, train, draws, seed)
    low, high = _prediction_ends(fit, small, laws, train, held, level, seed)
    observed = fit.data[fit.outcome][held]
    largest = np.flatnonzero(train & (scales == scales[train].max()))
    last = float(np.exp(np.mean(np.log(fit.data[fit.outcome][largest]))))
    baselines = {
        "last value": _log_rmse(np.full(observed.shape, last), observed),
        "all data": _log_rmse(fit.predicted[held], observed),
    }
    if not converged:
        warnings.warn(f"the fit to {name} up to {upto:g} did not converge", UncertaintyWarning, stacklevel=2)
    return Rollout(
        by=name,
        upto=float(scales[train].max()),
        law=small,
        held=held,
        scales=scales[held],
        observed=observed,
        predicted=fit.predicted_by(small)[held],
        low=low,
        high=high,
        level=level,
        baselines=baselines,
        converged=converged,
        failed=failed,
    )


def horizons(fit: Fit, by: Any = "C", *, level: float = 0.9, draws: int = 200, seed: int = 0) -> Table:
    """How the error grows with the distance: fit up to every level of a scale, foretell every level beyond.

    Columns: upto and scale (the largest fitted and the foretold level), factor (scale / upto), runs, log_rmse, bias (mean
    log predicted / observed), last_value (log RMSE of no change), coverage of the prediction interval at ``level``, and
    converged (whether the fit to the small runs did).
    Levels are those of :func:`scale_groups`; levels that leave no more runs than parameters are not fitted.
    ValueError where that leaves nothing to foretell.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> table = horizons(fit, [1, 1, 1, 1, 10, 10, 10, 10, 100, 100, 100, 100])
    >>> table["factor"].round().tolist(), table["runs"].tolist()
    ([10.0, 100.0, 10.0], [4, 4, 4])
    """
    _share("level", level)
    _whole("draws", draws)
    name, levels, groups = scale_groups(fit, by)
    counted, rows = fit.weights > 0, []
    for last in range(len(levels) - 1):
        train = counted & (groups <= last)
        if np.sum(train) <= len(fit.theta):
            continue
        small, converged, laws, _ = _laws(fit, train, draws, seed)
        beyond = counted & (groups > last)
        low, high = _prediction_ends(fit, small, laws, train, beyond, level, seed)
        inside = (low <= fit.data[fit.outcome][beyond]) & (fit.data[fit.outcome][beyond] <= high)
        predicted = fit.predicted_by(small)
        before = float(np.exp(np.mean(np.log(fit.data[fit.outcome][counted & (groups == last)]))))
        for g in range(last + 1, len(levels)):
            there = counted & (groups == g)
            if not np.any(there):
                continue
            observed = fit.data[fit.outcome][there]
            errors = np.log(predicted[there] / observed)
            rows.append(
                {
                    "upto": levels[last],
                    "scale": levels[g],
                    "factor": levels[g] / levels[last],
                    "runs": int(np.sum(there)),
                    "log_rmse": float(np.sqrt(np.mean(errors**2))),
                    "bias": float(np.mean(errors)),
                    "last_value": _log_rmse(np.full(observed.shape, before), observed),
                    "coverage": float(np.mean(inside[there[beyond]])),
                    "converged": converged,
                }
            )
    if not rows:
        raise ValueError(f"{len(levels)} levels of {name} leave nothing to foretell from more than {len(fit.theta)} runs")
    return Table({column: [row[column] for row in rows] for column in rows[0]})


def leave_one_out(fit: Fit, by: Any = "C") -> Table:
    """Hold out one level of a scale (one budget) at a time and foretell it from all the others.

    Columns: scale, runs, log_rmse, bias (mean log predicted / observed), converged, and one column for each coordinate of
    the fit with its value when that level is left out. ``by`` as in :func:`scale_groups`; ValueError with one level only.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> table = leave_one_out(fit, [1, 1, 1, 1, 10, 10, 10, 10, 100, 100, 100, 100])
    >>> len(table), bool(table["log_rmse"].max() < 0.1)
    (3, True)
    """
    name, levels, groups = scale_groups(fit, by)
    counted = fit.weights > 0
    kept = [g for g in range(len(levels)) if np.any(counted & (groups == g))]
    if len(kept) < 2:
        raise ValueError(f"the runs have one level of {name} only: nothing is left to fit when it is held out")
    refits = _refit(fit, (groups != np.array(kept)[:, None]) * fit.weights)
    columns: dict[str, list[Any]] = {"scale": [], "runs": [], "log_rmse": [], "bias": []}
    for g, theta in zip(kept, refits.thetas, strict=True):
        there = counted & (groups == g)
        errors = np.log(fit.predicted_by(fit.law_at(theta))[there] / fit.data[fit.outcome][there])
        found = (levels[g], int(np.sum(there)), float(np.sqrt(np.mean(errors**2))), float(np.mean(errors)))
        for column, value in zip(columns, found, strict=True):
            columns[column].append(value)
    by_coordinate = dict(zip(fit.coordinates, refits.thetas.T, strict=True))
    return Table({**columns, "converged": refits.converged, **by_coordinate})


# -- parts -------------------------------------------------------------------------------------------
def _share(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0.0 < value < 1.0:
        raise ValueError(f"{name} = {value!r}: give a share between 0 and 1")


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} = {value!r}: give a whole number, at least 1")


def _cut(scales: Array, weights: Array, holdout: float) -> float:
    """The largest scale to fit, so that at least the share ``holdout`` of the runs lies beyond it, and no level is split."""
    counted = np.sort(scales[weights > 0])
    first_held = counted[min(int(np.ceil(len(counted) * (1.0 - holdout))), len(counted) - 1)]
    below = counted[counted < first_held]
    return float(below[-1]) if len(below) else float(first_held)


def _enough(fit: Fit, name: str, scales: Array, train: Mask, held: Mask, upto: float) -> None:
    if not np.any(held):
        largest = scales[fit.weights > 0].max()
        raise ValueError(f"no run lies beyond {name} = {upto:g} (the largest has {largest:g}): nothing is held out; lower upto")
    if np.sum(train) <= len(fit.theta):
        raise ValueError(
            f"{np.sum(train)} runs up to {name} = {upto:g} for {len(fit.theta)} parameters: hold out fewer, or raise upto"
        )


def _refit(fit: Fit, weights: Array) -> Any:
    return fit.refit(weights=np.asarray(weights, dtype=float))


def _laws(fit: Fit, train: Mask, draws: int, seed: int) -> tuple[Any, bool, list[Any], int]:
    """The law of the runs in ``train`` and whether it converged; laws of ``draws`` resamples, and how many did not."""
    base = fit.weights
    refit = _refit(fit, (base * train)[None])
    small = fit.law_at(refit.thetas[0])
    stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, int(np.sum(train)))))
    chances, chosen = np.full(int(np.sum(train)), 1.0 / np.sum(train)), np.flatnonzero(train)
    laws, failed = [], 0
    for first in range(0, draws, _ROWS):
        weights = np.zeros((min(_ROWS, draws - first), len(base)))
        weights[:, chosen] = stream.multinomial(len(chosen), chances, size=len(weights)) * base[chosen]
        refits = _refit(fit, weights)
        failed += int(np.sum(~refits.converged))
        laws += [fit.law_at(theta) for theta in refits.thetas]
    return small, bool(refit.converged[0]), laws, failed


def _prediction_ends(
    fit: Fit, small: Any, laws: list[Any], train: Mask, held: Mask, level: float, seed: int
) -> tuple[Array, Array]:
    """Ends of the prediction interval of the held-out runs: the spread of the laws and the noise of the fitted runs."""
    observed, at_train = fit.data[fit.outcome], fit.predicted_by(small)
    log = fit.space == "log"
    residuals = (np.log(observed / at_train) if log else observed - at_train)[train]
    residuals = residuals * np.sqrt(len(residuals) / max(len(residuals) - len(fit.theta), 1))
    stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3, int(np.sum(train)))))
    values = np.stack([fit.predicted_by(law)[held] for law in laws])
    noise = stream.choice(residuals, size=values.shape)
    values = values * np.exp(noise) if log else values + noise
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return low, high


def _log_rmse(predicted: Array, observed: Array) -> float:
    return float(np.sqrt(np.mean(np.log(predicted / observed) ** 2)))
