"""How is any law that traces fitted to a run table? The part that every single-curve fit shares.

A :class:`Form` says which coordinates a law has, which columns it reads and what changing units does to it; :func:`fit_form`
scales the columns, refines the starts it is given to the minimum, and reports a :class:`CurveFit`. The law itself is called, with
tracers, so its formula and all derivatives are those of :mod:`scaling_helpers.laws`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
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


@dataclass(frozen=True)
class Form:
    """A law as a fit sees it.

    name: for messages. coordinates: of the solver. columns: what the law reads. target: the column it predicts.
    law: coordinates (numbers or tracers) -> law. predict: law, columns -> predicted target. units: logs of the factors by which
    the columns and the target were divided -> (matrix, shift) that turn scaled coordinates into plain ones.
    lower, upper: bounds in scaled coordinates. candidates: scaled columns, scaled target, weights -> rough coordinates (S, p).
    exponents: coordinates that a fit has to fix to better than a factor of two. result: the law to report, where it is not the
    one that was traced. box: scaled columns -> lower, upper, where they depend on the points. scale_target: whether the
    target may be divided by its geometric mean.
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
    scale_target: bool = True

    def law_at(self, theta: Array) -> Any:
        """The law with (unscaled) coordinates ``theta`` (p,)."""
        values = dict(zip(self.coordinates, (float(value) for value in theta), strict=True))
        return (self.result or self.law)(values)


@cache
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
    """

    form: Form
    minimised: Objective
    undetermined: tuple[str, ...]

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

        Every row starts at this fit's minimum. A row that stops at a bound counts as converged; one with too few points does not.
        """
        observed = self.data[self.form.target]
        weights, targets = replacements(self.data["weights"], observed, weights, targets, positive=self.minimised.space == "log")
        scaled = _Scaled(self.form, self.minimised, self.data, observed)
        starts = np.repeat(scaled.inward(self.theta)[None], len(weights), axis=0)
        reached = scaled.minimise(starts, targets, weights)
        # Fewer points than coordinates are met by many laws, and none of them is the fit.
        enough = np.count_nonzero(weights, axis=1) >= len(self.coordinates)
        return Refits(reached.thetas, reached.objectives, reached.grad_norms, reached.converged & enough)

    def fixed(self, name: str, value: float) -> CurveFit:
        """This fit with the coordinate ``name`` held at ``value``, started at this fit. ValueError for an unknown name."""
        if name not in self.coordinates:
            raise ValueError(f"{name!r} is no coordinate of this fit; it has {', '.join(self.coordinates)}")
        i, target, weights = self.coordinates.index(name), self.data[self.form.target], self.data["weights"]
        # In plain units: scaling them would mix the coordinate that is held with others.
        plain = _Scaled(self.form, self.minimised, self.data, target, plain=True)
        start = self.theta.copy()
        start[i] = value
        found = plain.minimise(start[None], target, weights, (i, float(value)))
        theta = found.thetas[0]
        status = Status.CONVERGED if found.converged[0] else Status.NOT_CONVERGED
        objective, norm = float(found.objectives[0]), float(found.grad_norms[0])
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
        logs = {name: 0.0 if plain else _scale(values) for name, values in given.items()}
        if not form.scale_target:
            logs[form.target] = 0.0
        self.matrix, self.shift = form.units(logs)
        self.columns = {name: columns[name] / math.exp(logs[name]) for name in form.columns}
        self.unit = math.exp(logs[form.target])
        box: tuple[Array, Array] = form.box(self.columns) if form.box else (np.array(form.lower), np.array(form.upper))
        self.lower, self.upper = box
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

    def minimise(self, starts: Array, targets: Array, weights: Array, fixed: tuple[int, float] | None = None) -> Refits:
        lower, upper = self.lower.copy(), self.upper.copy()
        if fixed is not None:
            lower[fixed[0]] = upper[fixed[0]] = fixed[1]
        found = minimise(self.traced, starts, self.columns, self.target(targets), weights, self.rho, lower, upper)
        # The gradient in plain coordinates: a bound direction stays out of the norm that the solver gave.
        stretch = np.linalg.norm(np.linalg.inv(self.matrix), 2)
        return Refits(
            self.outward(found.thetas), self.factor * found.objectives, self.factor * stretch * found.grad_norms, found.converged
        )

    def score(self, thetas: Array, target: Array, weights: Array) -> Array:
        """The objective, in its widest form, at many scaled coordinates."""
        rho = rho_stages(self.rho)[0]
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
) -> CurveFit:
    """Fit ``form`` to checked columns.

    The ``most`` best candidates are refined to their minima; the best of those is the fit.
    """
    scaled = _Scaled(form, criterion, columns, target)
    rough = np.clip(form.candidates(scaled.columns, target / scaled.unit, weights), scaled.lower, scaled.upper)
    starts = best_starts(rough, scaled.score(rough, target, weights), most)
    if not len(starts):
        raise ValueError(
            f"{form.name}: no start has a finite objective; check the units and the spread of {', '.join(form.columns)}"
        )
    found = scaled.minimise(starts, target, weights)
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
    )


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
        held = np.clip(inner[i] * (0.5, 2.0)[row % 2], scaled.lower[i], scaled.upper[i])
        starts[row, i] = lower[row, i] = upper[row, i] = held
    reached = minimise(
        scaled.traced, starts, scaled.columns, scaled.target(target), weights, scaled.rho, lower, upper, tolerance=1e-3
    )
    loose = [form.exponents[row // 2] for row in np.flatnonzero(scaled.factor * reached.objectives <= limit)]
    return tuple(dict.fromkeys(loose))
