"""Which values of a parameter do the runs rule out? A likelihood profile, with a verdict on whether they rule out any.

The quantity is held at a value, everything else is fitted again, and the objective may rise (Bates and Watts 1988, Chapter
6). Values at which it rises too little are as good as the estimate. Unlike a standard error, a profile shows when nothing on
one side is ruled out at all: the quantity is then *not identified*, and its printed estimate an accident.

How much is too little? With errors of unknown size, the rise is compared with its own scale. For the objective
F = sum of w rho(r), with psi the derivative of rho,

    T(v) = 2 (F(v) - F) / kappa,    kappa = mean of w psi(r)**2 (over n - p) / mean of psi'(r),

is referred to the F distribution with 1 and n - p degrees of freedom: for least squares the exact test of a linear model,
for other objectives the robust likelihood-ratio test (Ronchetti's tau test; Hampel et al. 1986, Section 7.2). Assumed are
independent errors of one distribution, with weights the inverse of their variance. psi' of Huber's or the absolute loss
jumps, so it is averaged over a window of the width that suits the spread of the residuals. ``calibration`` may be a
bootstrap instead: then the values are kept that stand no higher on the profile than the given share of the draws.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .asking import ask, named
from .bootstrap import Bootstrap, UncertaintyWarning
from .result import Array, Fit, Status
from .table import Table

__all__ = ["Profile", "profile"]

#: Beyond this factor (for a positive quantity) the search for an end gives up, and the side counts as open.
_FARTHEST = 1e3
#: An interval wider than this factor leaves the order of magnitude open.
_DECADE = 10.0
_MOST_STEPS = 300
#: A fit that another value of the profile beats by more than this share was not at its minimum.
_BETTER = 1e-6


@dataclass(frozen=True)
class Profile:
    """The objective as a function of one quantity, everything else fitted again.

    name: the quantity. estimate: its value at the fit. values (m,), rising; objectives (m,): the least objective with the
    quantity held there; statistics (m,): T, see the module; thetas (m, p): where each minimum lies; converged (m,).
    threshold: T at the ends of the interval. level: nominal confidence. low, high: the interval; 0 (or -inf) and inf on an
    open side. open_below, open_above: whether nothing on that side was ruled out as far as was looked.
    calibration: what the threshold rests on. verdict: "identified", "weakly identified" (the interval spans more than a
    factor of ten) or "not identified" (a side is open). warning: the verdict as a sentence, or empty.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> found = profile(fit, "growth")
    >>> found.verdict, found.open_above
    ('identified', False)
    """

    name: str
    estimate: float
    values: Array
    objectives: Array
    statistics: Array
    thetas: Array
    converged: Array
    threshold: float
    level: float
    low: float
    high: float
    open_below: bool
    open_above: bool
    calibration: str
    verdict: str
    warning: str

    def within(self, share: float) -> tuple[float, float]:
        """The smallest and largest of ``values`` whose objective is at most (1 + share) times the least one."""
        if not share > 0:
            raise ValueError(f"share = {share!r}: give a positive share, such as 0.01")
        near = self.values[self.objectives <= (1.0 + share) * self.objectives.min()]
        return float(near[0]), float(near[-1])

    def table(self) -> Table:
        """value, objective, statistic and converged, a row for each value."""
        return Table(
            {"value": self.values, "objective": self.objectives, "statistic": self.statistics, "converged": self.converged}
        )

    def __str__(self) -> str:
        ends = f"{'open' if self.open_below else f'{self.low:.5g}'} to {'open' if self.open_above else f'{self.high:.5g}'}"
        return f"{self.name} = {self.estimate:.5g}, {self.level:.0%} profile interval {ends}: {self.verdict}"


def profile(
    fit: Fit,
    name: str | Callable[[Any], Any],
    grid: Any = None,
    level: float = 0.9,
    *,
    calibration: Bootstrap | None = None,
    **at: Any,
) -> Profile:
    """The likelihood profile of a parameter or of any quantity of the law, with its interval and a verdict.

    ``name``: "alpha", "E", "optimal.N" with C=..., a coordinate, or a function of a law, as in
    :meth:`.bootstrap.Bootstrap.values`; one number each. ``grid``: values to hold it at (the interval is then interpolated,
    and a side is open if the last value on it is not ruled out); without it the ends are searched for, up to a factor of
    a thousand from the estimate of a positive quantity. ``calibration``: a bootstrap of this fit for the threshold.

    Warns (:class:`.UncertaintyWarning`) if the quantity is not or only weakly identified, and if a better minimum turns up.
    ValueError: a level outside (0, 1), a grid that is not finite or has fewer than two values, an unknown quantity, runs
    that leave no degree of freedom or lie on the law exactly, a bootstrap of another fit. NotImplementedError: the fit does
    not say what it minimised.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fit = fit_growth(range(2012, 2024), [1, 2.1, 3.9, 8.2, 15.6, 32.4, 64.8, 127, 255, 516, 1020, 2050])
    >>> print(profile(fit, "growth"))
    growth = 1.9977, 90% profile interval 1.9914 to 2.0041: identified
    """
    if isinstance(level, bool) or not isinstance(level, (int, float, np.floating)) or not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: give a share between 0 and 1, such as 0.9")
    if calibration is not None and (not isinstance(calibration, Bootstrap) or calibration.fit is not fit):
        raise ValueError("calibration must be a Bootstrap of this very fit, such as fit.bootstrap(1000)")
    problem = _Problem(fit, name, at)
    points = _searched(problem, _threshold(problem, level)) if grid is None else _on_grid(problem, grid)
    points.sort(key=lambda point: point[0])
    values, objectives = np.array([point[0] for point in points]), np.array([point[1] for point in points])
    least = min(objectives.min(), problem.objective)
    statistics = 2.0 * (objectives - least) / problem.kappa
    threshold, basis = _threshold(problem, level), problem.basis
    if calibration is not None:
        threshold = _drawn_threshold(problem, calibration, values, statistics, level)
        basis = f"{level:.0%} of {len(calibration)} {calibration.kind}-bootstrap draws lie below it on the profile"
    low, open_below = _end(problem, values, statistics, threshold, -1)
    high, open_above = _end(problem, values, statistics, threshold, +1)
    verdict, warning = _verdict(problem, low, high, open_below, open_above, values, level)
    if objectives.min() < problem.objective * (1.0 - _BETTER):
        better = float(values[np.argmin(objectives)])
        warning = f"{warning} The fit is not at its minimum: {problem.name} = {better:.5g} is better".strip()
    if warning:
        warnings.warn(warning, UncertaintyWarning, stacklevel=2)
    return Profile(
        name=problem.name,
        estimate=problem.estimate,
        values=values,
        objectives=objectives,
        statistics=statistics,
        thetas=np.array([point[2] for point in points]),
        converged=np.array([point[3] for point in points]),
        threshold=threshold,
        level=level,
        low=low,
        high=high,
        open_below=open_below,
        open_above=open_above,
        calibration=basis,
        verdict=verdict,
        warning=warning,
    )


Point = tuple[float, float, Array, bool]


class _Problem:
    """The objective of a fit and one quantity of its law, as functions of the coordinates."""

    def __init__(self, fit: Fit, quantity: Any, at: dict[str, Any]) -> None:
        self.fit, self.quantity, self.at = fit, quantity, at
        self.criterion, self.name = fit.criterion, named(quantity, at)
        self.log, self.observed = fit.space == "log", fit.data[fit.outcome]
        self.used = fit.weights > 0
        self.weights = fit.weights[self.used]
        self.free = len(self.weights) - len(fit.theta)
        if self.free < 1:
            raise ValueError(f"{len(self.weights)} runs for {len(fit.theta)} parameters leave nothing to judge by")
        estimate = ask(fit.law, fit, fit.theta, quantity, at)
        if np.ndim(estimate):
            raise ValueError(f"{self.name} is an array of shape {np.shape(estimate)}: profile one number at a time")
        self.estimate = float(estimate)
        #: Positive quantities are varied by factors, all others by differences.
        is_a_logarithm = isinstance(quantity, str) and quantity in fit.coordinates and quantity.startswith("log_")
        self.positive = self.estimate > 0 and not is_a_logarithm
        residuals = fit.residuals[self.used]
        self.objective = float(np.sum(self.weights * self.criterion.value(residuals)))
        size = float(np.sqrt(np.sum(self.weights * residuals**2) / np.sum(self.weights)))
        if not size > 1e-12 * (1.0 if self.log else float(np.mean(np.abs(self.observed)))):
            raise ValueError("the runs lie on the law exactly: without noise every other value is ruled out")
        self.kappa, self.bend = self._scale(residuals)
        self.basis = f"F distribution with 1 and {self.free} degrees of freedom, errors alike and independent"

    def _scale(self, residuals: Array) -> tuple[float, float]:
        """kappa, and the mean of psi' over a window of the width that suits the residuals (exact for least squares)."""
        spread = float(np.median(np.abs(residuals)) / 0.6745) or float(np.std(residuals))
        window = 1.06 * spread * len(residuals) ** -0.2
        psi = self.criterion.psi
        steep = float(np.sum(self.weights * psi(residuals) ** 2))
        if np.mean(self.criterion.curvature(residuals) > 0) <= 0.5:
            # A fit by absolute deviations runs through about p points; those say nothing of the noise at zero.
            residuals = residuals[np.argsort(np.abs(residuals))[len(self.fit.theta) :]]
        bend = float(np.mean((psi(residuals + window) - psi(residuals - window)) / (2.0 * window)))
        return steep / self.free / bend, bend

    def to_scale(self, value: float) -> float:
        return float(np.log(value)) if self.positive else value

    def from_scale(self, u: float) -> float:
        return float(np.exp(u)) if self.positive else u

    def residuals(self, theta: Array) -> Array:
        predicted = self.fit.predicted_by(self.fit.law_at(theta))
        left = np.log(self.observed / predicted) if self.log else self.observed - predicted
        return left[self.used]

    def value(self, theta: Array) -> float:
        """The objective, infinite where the coordinates make no law."""
        try:
            with np.errstate(all="ignore"):
                total = float(np.sum(self.weights * self.criterion.value(self.residuals(theta))))
        except ValueError:
            return np.inf
        return total if np.isfinite(total) else np.inf

    def at_theta(self, theta: Array) -> float:
        """The quantity on its scale (log for positive ones), NaN where it has none."""
        try:
            value = float(ask(self.fit.law_at(theta), self.fit, theta, self.quantity, self.at))
        except ValueError:
            return np.nan
        if self.positive and not value > 0:
            return np.nan
        return self.to_scale(value)

    def slopes(self, theta: Array) -> tuple[Array, Array]:
        """Derivatives of the residuals (n, p) and of the quantity (p,), by central differences."""
        steps = 1e-6 * (1.0 + np.abs(theta))
        J, a = np.empty((len(self.weights), len(theta))), np.empty(len(theta))
        for j, step in enumerate(steps):
            there, back = theta.copy(), theta.copy()
            there[j] += step
            back[j] -= step
            J[:, j] = (self.residuals(there) - self.residuals(back)) / (2.0 * step)
            a[j] = (self.at_theta(there) - self.at_theta(back)) / (2.0 * step)
        return J, a

    def held(self, u: float, start: Array) -> tuple[float, Array, bool]:
        """Least objective with the quantity at ``u`` on its scale, the coordinates there, and whether it converged."""
        own = self._own_solver(u)
        return own if own is not None else _constrained(self, u, start)

    def _own_solver(self, u: float) -> tuple[float, Array, bool] | None:
        """The fit's own way to hold a coordinate, where the quantity is one (or the exponential of one)."""
        name = self.quantity
        if not isinstance(name, str) or type(self.fit).fixed is Fit.fixed or self.at:
            return None
        if name in self.fit.coordinates:
            value = self.from_scale(u)
        elif f"log_{name}" in self.fit.coordinates and self.positive:
            name, value = f"log_{name}", u
        else:
            return None
        found = self.fit.fixed(name, value)
        return found.objective, found.theta, found.status is not Status.NOT_CONVERGED


def _constrained(problem: _Problem, u: float, start: Array) -> tuple[float, Array, bool]:
    """Newton's method on the objective with the quantity held at ``u``: damped, each step solving the Lagrange conditions.

    Curvature is that of the majorising parabolas (psi / r) until those steps gain little, then the objective's own.
    """
    criterion, theta, damping, exact, price = problem.criterion, start.copy(), 1e-3, False, 0.0
    value, off = problem.value(theta), problem.at_theta(theta) - u
    # Without curvature (absolute deviations) the steps are those of reweighted squares, which end slowly.
    small = (1e-9 if np.any(criterion.curvature(problem.residuals(theta))) else 1e-6) * problem.objective
    for _ in range(_MOST_STEPS):
        r = problem.residuals(theta)
        J, a = problem.slopes(theta)
        if not (np.all(np.isfinite(J)) and np.all(np.isfinite(a)) and np.any(a)):
            break
        gradient = J.T @ (problem.weights * criterion.psi(r))
        near = np.abs(r) < 1e-9 * (1e-12 + float(np.mean(np.abs(r))))
        above = np.where(near, np.maximum(criterion.curvature(r), 1.0), criterion.psi(r) / np.where(near, 1.0, r))
        majorised = (J.T * (problem.weights * above)) @ J
        matrix = (J.T * (problem.weights * criterion.curvature(r))) @ J if exact else majorised
        size = np.sqrt(np.maximum(np.diag(majorised), 1e-14 * np.diag(majorised).max()))
        curved = matrix / np.outer(size, size) + damping * np.eye(len(size))
        system = np.block([[curved, (a / size)[:, None]], [a / size, np.zeros(1)]])
        solved = np.linalg.lstsq(system, np.append(-gradient / size, -off), rcond=1e-14)[0]
        step, price = solved[:-1] / size, max(price, 2.0 * abs(float(solved[-1])))
        new = theta + step
        new_value, new_off = problem.value(new), problem.at_theta(new) - u
        gain = value + price * abs(off) - new_value - price * abs(new_off)
        foreseen = abs(float(gradient @ step)) + price * abs(off)
        if np.isfinite(gain) and gain >= 0.0:
            theta, value, off, damping = new, new_value, new_off, max(damping * 0.2, 1e-12)
            if gain <= 0.05 * value and not exact:
                exact, damping = True, 1e-3
            elif gain <= small and abs(off) < 1e-8:
                return value, theta, True
        else:
            damping *= 8.0
            if foreseen <= small and abs(off) < 1e-8:
                return value, theta, True
            if exact and damping > 1e2:
                exact, damping = False, 1e-3
            elif damping > 1e8:
                break
    return value if abs(off) < 1e-6 else np.inf, theta, False


def _on_grid(problem: _Problem, grid: Any) -> list[Point]:
    """The profile at the given values, walked outward from the estimate so that each starts at its neighbour."""
    values = np.asarray(grid)
    if values.dtype.kind not in "iuf" or values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values)):
        raise ValueError("grid must be a list of at least two finite numbers")
    values = np.unique(values.astype(float))
    if problem.positive and values[0] <= 0:
        raise ValueError(
            f"grid holds {values[0]:g}, and {problem.name} = {problem.estimate:g} is varied by factors: give positive values"
        )
    points: list[Point] = []
    for side in (values[values >= problem.estimate], values[values < problem.estimate][::-1]):
        theta = problem.fit.theta
        for value in side:
            objective, theta_there, converged = problem.held(problem.to_scale(float(value)), theta)
            theta = theta_there if np.isfinite(objective) else theta
            points.append((float(value), objective, theta_there, converged))
    return points


def _searched(problem: _Problem, threshold: float) -> list[Point]:
    """The profile from the estimate outward on both sides until the statistic has passed ``threshold``."""
    centre = problem.to_scale(problem.estimate)
    points: list[Point] = [(problem.estimate, problem.objective, problem.fit.theta, True)]
    for sign in (-1.0, 1.0):
        crossed, here = False, points[0]
        step, u, theta, last = 0.5 * _standard_error(problem), centre, problem.fit.theta, 0.0
        farthest = np.log(_FARTHEST) if problem.positive else 1e3 * _standard_error(problem)
        while last <= 1.3 * threshold and abs(u - centre) < farthest:
            u = centre + sign * min(abs(u - centre) + step, farthest)
            objective, there, converged = problem.held(u, theta)
            if not np.isfinite(objective):
                break
            theta, last = there, 2.0 * (objective - problem.objective) / problem.kappa
            before = here
            here = (problem.from_scale(u), objective, there, converged)
            points.append(here)
            if last > threshold and not crossed:
                points += _closer(problem, before, here, threshold)
                crossed = True
            step *= 1.0 if last > 0.3 * threshold else 1.5
    return points


def _closer(problem: _Problem, inside: Point, outside: Point, threshold: float) -> list[Point]:
    """Two more points where the statistic should cross ``threshold``, by interpolation of its root."""
    found: list[Point] = []
    for _ in range(2):
        roots = [np.sqrt(max(2.0 * (point[1] - problem.objective) / problem.kappa, 0.0)) for point in (inside, outside)]
        u, v = problem.to_scale(inside[0]), problem.to_scale(outside[0])
        if not roots[0] < roots[1]:
            break
        u += (np.sqrt(threshold) - roots[0]) / (roots[1] - roots[0]) * (v - u)
        objective, theta, converged = problem.held(u, inside[2])
        between = (problem.from_scale(u), objective, theta, converged)
        found.append(between)
        if 2.0 * (objective - problem.objective) / problem.kappa > threshold:
            outside = between
        else:
            inside = between
    return found


def _standard_error(problem: _Problem) -> float:
    """Of the quantity on its scale, from the curvature at the fit; only to choose a first step, so kept within bounds."""
    J, a = problem.slopes(problem.fit.theta)
    information = (J.T * problem.weights) @ J * problem.bend
    variance = problem.kappa * float(a @ np.linalg.pinv(information) @ a)
    most = np.log(_DECADE) / 2.0 if problem.positive else np.inf
    usual = abs(problem.estimate) + 1e-3 if not problem.positive else 1.0
    error = float(np.sqrt(variance)) if np.isfinite(variance) and variance > 0 else 0.1 * usual
    return float(np.clip(error, 1e-9 * usual, most))


def _threshold(problem: _Problem, level: float) -> float:
    from scipy.stats import f

    return float(f.ppf(level, 1, problem.free))


def _drawn_threshold(problem: _Problem, boot: Bootstrap, values: Array, statistics: Array, level: float) -> float:
    """The height on the profile below which the share ``level`` of the bootstrap's draws lie."""
    drawn = boot.values(problem.quantity, **problem.at)
    draws = np.array([problem.to_scale(value) if value > 0 or not problem.positive else -np.inf for value in drawn])
    scale = np.array([problem.to_scale(value) for value in values])
    # The root of the statistic is nearly straight on either side of the estimate, the statistic itself is not.
    heights = np.interp(draws, scale, np.sqrt(np.maximum(statistics, 0.0)) * np.sign(scale - problem.to_scale(problem.estimate)))
    return float(np.quantile(heights**2, level))


def _end(problem: _Problem, values: Array, statistics: Array, threshold: float, sign: int) -> tuple[float, bool]:
    """The outermost crossing of the threshold on one side, and whether there is none as far as was looked."""
    order = np.arange(len(values))[::sign]
    best = int(np.argmin(statistics))
    beyond = order[list(order).index(best) :]
    inside = [i for i in beyond if statistics[i] <= threshold]
    last = inside[-1]
    position = list(beyond).index(last)
    if position == len(beyond) - 1:
        return (np.inf if sign > 0 else 0.0 if problem.positive else -np.inf), True
    nxt = beyond[position + 1]
    if not np.isfinite(statistics[nxt]):
        return float(values[last]), False
    low_root, high_root = np.sqrt(max(statistics[last], 0.0)), np.sqrt(statistics[nxt])
    share = (np.sqrt(threshold) - low_root) / (high_root - low_root)
    u, v = problem.to_scale(float(values[last])), problem.to_scale(float(values[nxt]))
    return problem.from_scale(u + share * (v - u)), False


def _verdict(
    problem: _Problem, low: float, high: float, open_below: bool, open_above: bool, values: Array, level: float
) -> tuple[str, str]:
    name, share = problem.name, f"{level:.0%}"
    if open_below or open_above:
        sides = [
            f"below {problem.estimate:.5g}, down to {values[0]:.3g}" * open_below,
            f"above it, up to {values[-1]:.3g}" * open_above,
        ]
        where = " or ".join(side for side in sides if side)
        return "not identified", f"{name} is not identified: at {share} the runs rule out nothing {where}."
    if problem.positive and high > _DECADE * low:
        return (
            "weakly identified",
            f"{name} is weakly identified: at {share} anything from {low:.3g} to {high:.3g} fits, more than a factor of ten.",
        )
    return "identified", ""
