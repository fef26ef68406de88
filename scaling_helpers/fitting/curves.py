"""How is any law that traces fitted to a run table? The part that every single-curve fit shares.

A :class:`Form` says which coordinates a law has, which columns it reads and what changing units does to it; :func:`fit_form`
scales the columns, refines the starts it is given to the minimum, and reports a :class:`CurveFit`. The law itself is called, with
tracers, so its formula and all derivatives are those of :mod:`scaling_helpers.laws`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..trace import variable
from .inputs import replacements
from .objectives import Huber, LeastAbsolute, LeastSquares, Objective
from .result import Fit, Refits, Status
from .traced import Rho, Traced, minimise, rho_stages

__all__ = ["CurveFit", "Form", "best_starts", "fit_form"]

Array = NDArray[np.float64]

#: Rise of twice the log likelihood at which a value is ruled out: the 95% point of chi-square with one degree of freedom.
_RULED_OUT = 3.841458820694124
#: Starts whose objectives agree to this are the same minimum.
_SAME = 1e-9
_REFIT_STARTS = 4


@dataclass(frozen=True)
class Form:
    """A law as a fit sees it.

    name: for messages. coordinates: of the solver. columns: what the law reads. target: the column it predicts.
    law: coordinates (numbers or tracers) -> law. predict: law, columns -> predicted target. units: logs of the factors by which
    the columns and the target were divided -> (matrix, shift) that turn scaled coordinates into plain ones.
    lower, upper: bounds in scaled coordinates. candidates: scaled columns, scaled target, weights -> rough coordinates (S, p).
    exponents: coordinates that a fit has to fix to better than a factor of two. result: the law to report, where it is not the
    one that was traced. box: scaled columns -> lower, upper, where they depend on the points. scales: columns and
    target -> the logs of what they are divided by, where these are not their geometric means.
    """

    name: str
    coordinates: tuple[str, ...]
    columns: tuple[str, ...]
    target: str
    law: Callable[[Mapping[str, Any]], Any]
    predict: Callable[[Any, Mapping[str, Any]], Any]
    units: Callable[[Mapping[str, float]], tuple[Array, Array]]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    candidates: Callable[[Mapping[str, Array], Array, Array], Array]
    exponents: tuple[str, ...] = ()
    result: Callable[[Mapping[str, Any]], Any] | None = None
    box: Callable[[Mapping[str, Array]], tuple[Array, Array]] | None = None
    scales: Callable[[Mapping[str, Array]], Mapping[str, float]] | None = None

    def law_at(self, theta: Array) -> Any:
        """The law with (unscaled) coordinates ``theta`` (p,)."""
        values = dict(zip(self.coordinates, (float(value) for value in theta), strict=True))
        return (self.result or self.law)(values)


@lru_cache(maxsize=128)
def traced(form: Form, space: str) -> Traced:
    """The formula of a form, or its logarithm, with exact derivatives."""
    columns = {name: variable(name) for name in form.columns}

    def formula(coordinates: Mapping[str, Any]) -> Any:
        value = form.predict(form.law(coordinates), columns)
        return np.log(value) if space == "log" else value

    return Traced(formula, form.coordinates)


@dataclass(frozen=True)
class CurveFit(Fit):
    """A law fitted by Newton's method from many starts; besides what every fit says: ``form`` and ``undetermined``.

    minimised: the objective function (:mod:`scaling_helpers.fitting.objectives`), also as ``criterion``. undetermined: names of
    exponents that could be half or twice as large without the data ruling it out (the likelihood ratio at 95%, errors of
    unknown size; no degrees of freedom left counts as undetermined). It is empty for a fit that the data fix.
    minima: (m, p), the different minima that the starts reached, best first, with minima_objectives (m,).

    >>> from scaling_helpers.fitting import fit_power_law
    >>> fit = fit_power_law([1.0, 10.0, 100.0], [8.0, 4.0, 2.0])
    >>> round(float(fit.law.slope), 4), fit.undetermined
    (0.301, ())
    """

    form: Form
    minimised: Objective
    undetermined: tuple[str, ...]
    minima: Array
    minima_objectives: Array

    @property
    def criterion(self) -> Objective:
        """The objective function that was minimised."""
        return self.minimised

    @property
    def space(self) -> str:
        """ "log" where residuals are of logs, "loss" where they are plain differences."""
        return self.minimised.space

    @property
    def outcome(self) -> str:
        """The column that the law predicts."""
        return self.form.target

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the entries of ``theta``."""
        return self.form.coordinates

    @property
    def parameters(self) -> dict[str, float]:
        """Coordinate name -> value."""
        return dict(zip(self.coordinates, (float(value) for value in self.theta), strict=True))

    @property
    def predicted(self) -> Array:
        """What the fitted law says at every point, (n,), in the units of the target column."""
        return np.asarray(self.form.predict(self.law, self.data), dtype=float)

    @property
    def residuals(self) -> Array:
        """Observed less predicted, or the log of the ratio where the objective is of logs, (n,)."""
        observed = self.data[self.form.target]
        return np.log(observed / self.predicted) if self.criterion.space == "log" else observed - self.predicted

    def law_at(self, theta: Array) -> Any:
        """The law that the coordinates ``theta`` (p,) stand for."""
        return self.form.law_at(theta)

    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """Fit again, S times in one batch; see :meth:`scaling_helpers.fitting.result.Fit.refit`.

        Every row starts at the best minima of this fit (at most four) and keeps the lowest that it reaches. A row that stops at a
        bound counts as converged; one with too few points does not.
        """
        observed = self.data[self.form.target]
        weights, targets = replacements(self.data["weights"], observed, weights, targets, positive=self.minimised.space == "log")
        scaled = _Scaled(self.form, self.minimised, self.data, observed)
        best: Refits | None = None
        for theta in self.minima[:_REFIT_STARTS]:
            starts = np.repeat(scaled.inward(theta)[None], len(weights), axis=0)
            reached = scaled.minimise(starts, targets, weights, gradual=best is None)
            if best is None:
                best = reached
                continue
            lower = reached.converged & (reached.objectives < best.objectives)
            best = Refits(
                np.where(lower[:, None], reached.thetas, best.thetas),
                np.where(lower, reached.objectives, best.objectives),
                np.where(lower, reached.grad_norms, best.grad_norms),
                best.converged | lower,
            )
        if best is None:
            raise ValueError("this fit has no minimum to start a refit from")
        # Fewer points than coordinates are met by many laws, and none of them is the fit.
        enough = np.count_nonzero(weights, axis=1) >= len(self.coordinates)
        return Refits(best.thetas, best.objectives, best.grad_norms, best.converged & enough)

    def fixed(self, name: str, value: float) -> CurveFit:
        """This fit with the coordinate ``name`` held at ``value``, started at this fit. ValueError for an unknown name."""
        if name not in self.coordinates:
            raise ValueError(f"{name!r} is no coordinate of this fit; it has {', '.join(self.coordinates)}")
        i, target, weights = self.coordinates.index(name), self.data[self.form.target], self.data["weights"]
        # In plain units: scaling them would mix the coordinate that is held with others.
        plain = _Scaled(self.form, self.minimised, self.data, target, plain=True)
        starts = self.minima.copy()
        starts[:, i] = value
        # From every minimum that is known, at once and through wider losses: a sharp loss has small valleys of its own.
        tries = [plain.minimise(starts, target, weights, (i, float(value)), gradual=gradual) for gradual in (True, False)]
        found = min(tries, key=lambda reached: float(reached.objectives.min()))
        best = int(np.argmin(found.objectives))
        theta = found.thetas[best]
        status = Status.CONVERGED if found.converged[best] else Status.NOT_CONVERGED
        objective, norm = float(found.objectives[best]), float(found.grad_norms[best])
        return replace(
            self,
            law=self.law_at(theta),
            theta=theta,
            objective=objective,
            grad_norm=norm,
            status=status,
            n_starts=1,
            share_at_best=1.0,
        )

    def under(self, criterion: Any) -> CurveFit:
        """The same law fitted to the same points by another criterion, from the same candidates."""
        columns = {name: self.data[name] for name in self.form.columns}
        return fit_form(self.form, columns, self.data[self.form.target], self.data["weights"], criterion)


class _Scaled:
    """The same fit in units in which every positive column has geometric mean one, so that no unit changes the path."""

    def __init__(
        self, form: Form, criterion: Objective, columns: Mapping[str, Array], target: Array, *, plain: bool = False
    ) -> None:
        if not isinstance(criterion, (Huber, LeastSquares, LeastAbsolute)):
            raise TypeError(f"objective must be Huber, LeastSquares or LeastAbsolute, got {criterion!r}")
        self.form, self.criterion = form, criterion
        self.traced = traced(form, criterion.space)
        given = {name: columns[name] for name in form.columns} | {form.target: target}
        logs = form.scales(given) if form.scales else {name: _scale(values) for name, values in given.items()}
        self.matrix, self.shift = form.units(logs)
        self.columns = {name: columns[name] / math.exp(logs[name]) for name in form.columns}
        self.unit = math.exp(logs[form.target])
        box: tuple[Array, Array] = form.box(self.columns) if form.box else (np.array(form.lower), np.array(form.upper))
        self.lower, self.upper = box
        if plain:
            # A bound on a coordinate that mixes with others in plain units is no box there; those others carry bounds too.
            alone = np.count_nonzero(self.matrix, axis=1) == 1
            diagonal = np.diag(self.matrix)
            self.lower = np.where(alone, diagonal * self.lower + self.shift, -np.inf)
            self.upper = np.where(alone, diagonal * self.upper + self.shift, np.inf)
            size = len(form.coordinates)
            self.matrix, self.shift, self.columns, self.unit = (
                np.eye(size),
                np.zeros(size),
                {k: given[k] for k in form.columns},
                1.0,
            )
        match criterion:
            case LeastSquares():
                self.rho, power = Rho(np.inf, 2.0), 2
            case Huber():
                self.rho, power = Rho(criterion.delta if criterion.space == "log" else criterion.delta / self.unit), 2
            case LeastAbsolute():
                self.rho, power = Rho(1e-6, 1e6), 1
        self.factor = 1.0 if criterion.space == "log" else self.unit**power

    def outward(self, thetas: Array) -> Array:
        return np.asarray(thetas @ self.matrix.T + self.shift)

    def inward(self, theta: Array) -> Array:
        return np.asarray(np.linalg.solve(self.matrix, theta - self.shift), dtype=float)

    def target(self, targets: Array) -> Array:
        return np.log(targets / self.unit) if self.criterion.space == "log" else targets / self.unit

    def minimise(
        self, starts: Array, targets: Array, weights: Array, fixed: tuple[int, float] | None = None, *, gradual: bool = True
    ) -> Refits:
        lower, upper = self.lower.copy(), self.upper.copy()
        if fixed is not None:
            lower[fixed[0]] = upper[fixed[0]] = fixed[1]
        found = minimise(
            self.traced, starts, self.columns, self.target(targets), weights, self.rho, lower, upper, gradual=gradual
        )
        # The gradient in plain coordinates: a bound direction stays out of the norm that the solver gave.
        stretch = np.linalg.norm(np.linalg.inv(self.matrix), 2)
        return Refits(
            self.outward(found.thetas), self.factor * found.objectives, self.factor * stretch * found.grad_norms, found.converged
        )

    def score(self, thetas: Array, target: Array, weights: Array, *, sharp: bool = False) -> Array:
        """The objective, in its widest form unless ``sharp``, at many scaled coordinates."""
        rho = self.rho if sharp else rho_stages(self.rho)[0]
        with np.errstate(all="ignore"):
            total = np.sum(weights * rho.terms(self.target(target) - self.traced.value(thetas, self.columns))[0], axis=1)
        return np.where(np.isfinite(total), total, np.inf)


def _scale(values: Array) -> float:
    """The log of the geometric mean of a positive column, 0 for one with other signs."""
    return float(np.mean(np.log(values))) if np.all(values > 0) else 0.0


def best_starts(thetas: Array, scores: Array, most: int = 12) -> Array:
    """Of many candidate starts (S, p) the ``most`` with the lowest finite scores, best first."""
    order = np.argsort(scores, kind="stable")
    return thetas[order[np.isfinite(scores[order])][:most]]


def fit_form(
    form: Form,
    columns: Mapping[str, Array],
    target: Array,
    weights: Array,
    criterion: Objective,
    *,
    most: int = 12,
    lattice: Array | None = None,
) -> CurveFit:
    """Fit ``form`` to checked columns.

    The ``most`` best candidates are refined to their minima; the best of those is the fit. With a ``lattice``, scaled coordinates
    (k, ..., k, p), the objective is taken at all its points instead, and the fit starts from every one that is no
    higher than its neighbours.
    """
    scaled = _Scaled(form, criterion, columns, target)
    if lattice is None:
        rough = np.clip(form.candidates(scaled.columns, target / scaled.unit, weights), scaled.lower, scaled.upper)
        starts = best_starts(rough, scaled.score(rough, target, weights), most)
    else:
        starts = _valleys(scaled, lattice, target, weights)
    if not len(starts):
        raise ValueError(
            f"{form.name}: no start has a finite objective; check the units and the spread of {', '.join(form.columns)}"
        )
    found = scaled.minimise(starts, target, weights, gradual=lattice is None)
    best = int(np.argmin(found.objectives))
    theta, objective = found.thetas[best], float(found.objectives[best])
    inner = scaled.inward(theta)
    stop = 1e-9 * np.maximum(np.abs(inner), 1e-3)
    at_bound = tuple(
        name
        for name, value, low, high, near in zip(form.coordinates, inner, scaled.lower, scaled.upper, stop, strict=True)
        if value - low <= near or high - value <= near
    )
    floor = 1e-28 * scaled.factor * float(np.sum(weights * scaled.target(target) ** 2))
    undetermined = () if at_bound else _undetermined(scaled, inner, objective, floor, target, weights)
    status = Status.CONVERGED if found.converged[best] else Status.NOT_CONVERGED
    if status is Status.CONVERGED and at_bound:
        status = Status.AT_BOUND
    elif status is Status.CONVERGED and undetermined:
        status = Status.UNDETERMINED
    law = form.law_at(theta)
    thetas, heights = _different(scaled, found, best, floor)
    return CurveFit(
        law=law,
        theta=theta,
        objective=objective,
        grad_norm=float(found.grad_norms[best]),
        status=status,
        n_starts=len(starts),
        share_at_best=float(np.mean(found.objectives <= objective * (1.0 + _SAME) + floor)),
        at_bound=at_bound,
        estimator=criterion.name,
        data={**columns, form.target: target, "weights": weights},
        form=form,
        minimised=criterion,
        undetermined=undetermined,
        minima=thetas,
        minima_objectives=heights,
    )


def _valleys(scaled: _Scaled, lattice: Array, target: Array, weights: Array) -> Array:
    """The points of a lattice whose objective is no higher than that of any neighbour, diagonal ones included, best first."""
    shape = lattice.shape[:-1]
    thetas = lattice.reshape(-1, lattice.shape[-1])
    heights = np.concatenate(
        [scaled.score(part, target, weights, sharp=True) for part in np.array_split(thetas, 1 + len(thetas) // 512)]
    )
    padded = np.pad(heights.reshape(shape), 1, constant_values=np.inf)
    lowest = np.full(shape, np.inf)
    for move in product((0, 1, 2), repeat=len(shape)):
        lowest = np.minimum(lowest, padded[tuple(slice(m, m + k) for m, k in zip(move, shape, strict=True))])
    return best_starts(thetas, np.where(heights <= lowest.ravel(), heights, np.inf), len(thetas))


def _different(scaled: _Scaled, found: Refits, best: int, floor: float) -> tuple[Array, Array]:
    """The converged minima among ``found`` that are not the same, best first; at least the best."""
    kept = [best]
    inner = np.stack([scaled.inward(theta) for theta in found.thetas])
    for row in np.argsort(found.objectives, kind="stable"):
        gap = np.abs(inner[row] - inner[kept]).max(axis=1)
        close = np.abs(found.objectives[row] - found.objectives[kept]) <= _SAME * found.objectives[row] + floor
        if found.converged[row] and not np.any((gap < 1e-4) | (close & (gap < 1e-2))):
            kept.append(int(row))
    return found.thetas[kept], found.objectives[kept]


def _undetermined(
    scaled: _Scaled, inner: Array, objective: float, floor: float, target: Array, weights: Array
) -> tuple[str, ...]:
    """The exponents whose half or double the data do not rule out."""
    form = scaled.form
    free = np.count_nonzero(weights) - len(form.coordinates)
    if free <= 0 or not form.exponents:
        return form.exponents
    # Twice the log likelihood: n log of the sum of squares (normal errors), 2 n log of the sum of sizes (Laplace errors).
    power = 2 if isinstance(scaled.criterion, LeastAbsolute) else 1
    limit = max(objective, floor) * math.exp(_RULED_OUT / (power * free))
    places = [form.coordinates.index(name) for name in form.exponents for _ in range(2)]
    starts = np.repeat(inner[None], len(places), axis=0)
    lower, upper = np.broadcast_to(scaled.lower, starts.shape).copy(), np.broadcast_to(scaled.upper, starts.shape).copy()
    for row, i in enumerate(places):
        factor = (0.5, 2.0)[row % 2]
        changed = inner[i] + math.log(factor) if form.coordinates[i].startswith("log_") else inner[i] * factor
        starts[row, i] = lower[row, i] = upper[row, i] = np.clip(changed, scaled.lower[i], scaled.upper[i])
    reached = minimise(
        scaled.traced, starts, scaled.columns, scaled.target(target), weights, scaled.rho, lower, upper, tolerance=1e-3
    )
    loose = [form.exponents[row // 2] for row in np.flatnonzero(scaled.factor * reached.objectives <= limit)]
    return tuple(dict.fromkeys(loose))
