"""From counts of successes to a coverage curve: how are the chances of the problems spread, and how sure is that?

Two fits. :func:`fit_beta` takes what was measured, c successes in n attempts on each problem, and finds the Beta(a, b) under
which those counts are likeliest (the Beta-binomial likelihood, Skellam 1948), with or without a share of problems that no
attempt solves. :func:`fit_exponentiated_power` draws exp(a k**b) of Brown et al. (2024, arXiv:2407.21787) through a curve
that is already averaged. The first uses all that is known and extrapolates by a stated mechanism; the points
of the second are not independent, so its bootstrap over points says nothing about other problems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..fitting.inputs import column, columns, point_weights, replacements
from ..fitting.result import Fit, Refits, Status
from ..quantities import positive
from .coverage import BetaCoverage, ExponentiatedPower
from .gamma import log_gamma_step
from .inputs import whole

__all__ = ["BetaFit", "ExponentiatedPowerFit", "beta_like", "fit_beta", "fit_exponentiated_power"]

Array = NDArray[np.float64]

#: Bounds of log a, log b, and of the log odds of the solvable share.
_LOW, _HIGH, _ODDS = np.log(1e-5), np.log(1e7), 30.0
#: A gradient this small, relative to the number of problems, is one.
_FLAT = 1e-10
_STEPS = 200


# -- Beta-binomial ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class BetaFit(Fit):
    """A Beta mixture fitted to successes per problem by maximum likelihood.

    ``law`` is a :class:`~scaling_helpers.inference.BetaCoverage`; ``objective`` the negative log likelihood, summed
    over problems; ``data`` has "n", "c", "weights". Coordinates: log a, log b and, with zero inflation, the log
    odds of the solvable share. ``fit.bootstrap(n)`` draws the problems again; then
    ``boot.interval("coverage", k=1000)`` is the interval of a prediction.

    >>> fit = fit_beta(100, [0, 1, 5, 20, 90, 3, 0, 60])
    >>> bool(0 < fit.law.coverage(1) < fit.law.coverage(100) < 1)
    True
    """

    @property
    def coordinates(self) -> tuple[str, ...]:
        """("log_a", "log_b"), and "log_odds_solvable" with zero inflation."""
        return ("log_a", "log_b", "log_odds_solvable")[: len(self.theta)]

    @property
    def predicted(self) -> Array:
        """The mean chance of success under the law, the same for every problem, (n,)."""
        return np.full(self.data["n"].shape, float(self.law.mean))

    @property
    def residuals(self) -> Array:
        """Share of attempts that succeeded less the mean chance, (n,)."""
        return np.asarray(self.data["c"] / self.data["n"] - self.predicted)

    @property
    def outcome(self) -> str:
        """What the law predicts: "coverage"."""
        return "coverage"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the prediction takes: ("k",)."""
        return ("k",)

    @property
    def space(self) -> str:
        """Residuals are plain differences."""
        return "loss"

    @property
    def weights(self) -> Array:
        """The weight of every problem, (n,)."""
        return self.data["weights"]

    def predicted_by(self, law: Any) -> Array:
        """The mean chance of success under another law, the same for every problem, (n,)."""
        return np.full(self.data["n"].shape, float(law.mean))

    @property
    def tail_exponent(self) -> float:
        """The exponent of the power law by which the solvable problems run out: a."""
        return float(self.law.a)

    def law_at(self, theta: Array) -> BetaCoverage:
        """The mixture with coordinates ``theta``."""
        return _mixture(theta)

    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """Refit with other weights of the problems, or other counts of successes (S, n) as ``targets``."""
        # Counts may be nought, which the common check of targets refuses: it sees them one higher.
        shifted = None if targets is None else np.asarray(targets, dtype=float) + 1.0
        rows, counts = replacements(self.data["weights"], self.data["c"] + 1.0, weights, shifted)
        n = self.data["n"]
        if targets is None:
            return _maximise(np.tile(self.theta, (len(rows), 1)), n, self.data["c"], rows)
        if np.any(counts - 1.0 > n):
            raise ValueError("targets hold more successes than attempts")
        each = [_maximise(self.theta[None], n, one - 1.0, row[None]) for one, row in zip(counts, rows, strict=True)]
        fields = ("thetas", "objectives", "grad_norms", "converged")
        return Refits(*(np.concatenate([getattr(one, field) for one in each]) for field in fields))


def fit_beta(n: Any, c: Any, *, zero_inflated: bool = False, weights: Any = None) -> BetaFit:
    """The Beta mixture under which ``c`` successes in ``n`` attempts on each problem are likeliest.

    n, c (P,): whole numbers, ``n`` may be one number for all. ``zero_inflated``: also fit the share of problems that
    can be solved at all. That share and a small ``a`` explain the same zeros; only attempts enough to tell "never" from
    "seldom" separate them, so compare the objectives and look at the bootstrap before believing the share.
    weights (P,): non-negative, such as the number of problems with these counts.

    Newton's method with exact derivatives from a grid of starts, every start at once. ``status`` is AT_BOUND when the
    likelihood grows to the edge, as it does for counts that vary no more than chance (b and a without bound, one p
    for all problems). Raises as :func:`~scaling_helpers.inference.pass_at_k` does for counts that are none, and ValueError when
    there are fewer than two problems, no n above 1, no success at all or nothing but success.

    >>> fit = fit_beta(n=100, c=[0, 0, 1, 2, 5, 9, 20, 41, 77, 98])
    >>> fit.status.name, round(fit.law.a, 3), round(fit.law.b, 3), round(float(fit.law.coverage(1000)), 3)
    ('CONVERGED', 0.247, 0.638, 0.86)
    """
    successes = np.atleast_1d(whole("c", c))
    attempts = np.broadcast_to(whole("n", n), successes.shape) if np.ndim(n) == 0 else np.asarray(whole("n", n))
    problems = columns(2, "the spread of difficulty", n=attempts, c=successes)
    rows = point_weights(weights, problems)
    used = rows > 0
    if np.any(attempts < 1):
        raise ValueError("n = 0: leave out problems with no attempt")
    if np.any(successes > attempts):
        worst = int(np.argmax(successes - attempts))
        raise ValueError(
            f"c = {successes[worst]:g} is more than n = {attempts[worst]:g}: there cannot be more successes than attempts"
        )
    if not np.any(attempts[used] > 1):
        raise ValueError("n = 1 for every problem: one attempt each says nothing about how chances differ; make two or more")
    total = float(rows @ successes)
    if total == 0.0 or total == float(rows @ attempts):
        raise ValueError(
            f"{'no attempt' if total == 0 else 'every attempt'} succeeded: any small {'a' if total == 0 else 'b'} fits"
        )
    if used.sum() < 2:
        raise ValueError("fewer than two problems carry weight: the spread of difficulty needs two or more")
    starts = _starts(attempts, successes, rows, zero_inflated)
    found = _maximise(starts, attempts, successes, np.broadcast_to(rows, (len(starts), problems)))
    best = int(np.argmin(np.where(np.isfinite(found.objectives), found.objectives, np.inf)))
    theta = found.thetas[best]
    scale = 1.0 + abs(found.objectives[best])
    at_bound = tuple(
        name
        for name, value, low, high in zip(
            ("a", "b", "solvable"), theta, (_LOW, _LOW, -_ODDS), (_HIGH, _HIGH, _ODDS), strict=False
        )
        if value <= low + 1e-9 or value >= high - 1e-9
    )
    status = Status.AT_BOUND if at_bound else Status.CONVERGED if found.converged[best] else Status.NOT_CONVERGED
    return BetaFit(
        law=_mixture(theta),
        theta=theta,
        objective=float(found.objectives[best]),
        grad_norm=float(found.grad_norms[best]),
        status=status,
        n_starts=len(starts),
        share_at_best=float(np.mean(found.objectives <= found.objectives[best] + 1e-9 * scale)),
        at_bound=at_bound,
        estimator="maximum likelihood, Beta-binomial" + (" with zero inflation" if zero_inflated else "") + ", summed",
        data={"n": np.array(attempts, dtype=float), "c": np.array(successes, dtype=float), "weights": rows},
    )


def beta_like(curve: ExponentiatedPower, most: float = 1e4) -> BetaCoverage:
    """The Beta mixture whose coverage lies nearest to ``curve`` for 1 to ``most`` attempts.

    Least squares in coverage over a logarithmic grid: a description of a published curve by a spread of difficulty, for
    where the counts behind it are not at hand; :func:`fit_beta` is for counts. How far the two forms differ is seen by
    comparing them. Raises TypeError or ValueError unless most > 1.

    >>> from scaling_helpers.inference import published_fits
    >>> curve = published_fits()["llama-3-8b-instruct/math"]
    >>> law = beta_like(curve)
    >>> round(law.a, 2), round(law.b, 2), round(float(law.coverage(100) - curve.coverage(100)), 3)
    (0.37, 1.09, 0.001)
    """
    from scipy.optimize import least_squares

    most = float(positive("most", most))
    if most <= 1.0:
        raise ValueError(f"most = {most:g}: the curve must reach beyond one attempt")
    k = np.geomspace(1.0, most, 41)
    target = curve.coverage(k)

    def miss(theta: Array) -> Array:
        return np.asarray(BetaCoverage(*np.exp(theta)).coverage(k) - target)

    first = float(np.clip(target[0], 1e-6, 0.99))
    found = [
        least_squares(miss, np.log([a, a * (1.0 - first) / first]), bounds=(_LOW, _HIGH), xtol=1e-12, ftol=1e-12, gtol=1e-12)
        for a in (0.05, 0.3, 2.0)
    ]
    return _mixture(min(found, key=lambda one: float(one.cost)).x)


def _mixture(theta: Array) -> BetaCoverage:
    solvable = 1.0 / (1.0 + np.exp(-theta[2])) if len(theta) == 3 else 1.0
    return BetaCoverage(float(np.exp(theta[0])), float(np.exp(theta[1])), float(solvable))


def _starts(n: Array, c: Array, weights: Array, zero_inflated: bool) -> Array:
    mean = float(np.clip((weights @ c) / (weights @ n), 1e-4, 1 - 1e-4))
    starts = []
    for spread in (0.05, 0.3, 0.6, 0.9):
        total = 1.0 / spread - 1.0
        if not zero_inflated:
            starts.append([np.log(mean * total), np.log((1 - mean) * total)])
            continue
        hit = float(weights @ (c > 0)) / float(weights.sum())
        for share in (min(hit + 0.02, 0.97), 0.98):
            inside = min(mean / share, 0.98)
            starts.append([np.log(inside * total), np.log((1 - inside) * total), np.log(share / (1 - share))])
    return np.clip(np.array(starts), _LOW, _HIGH)


def _maximise(starts: Array, n: Array, c: Array, weights: Array) -> Refits:
    """Newton with a growing ridge on the negative log likelihood, every row of ``starts`` (S, p) with its ``weights`` (S, P)."""
    theta = np.array(starts, dtype=float)
    rows, p = theta.shape
    low = np.array([_LOW, _LOW, -_ODDS][:p])
    high = np.array([_HIGH, _HIGH, _ODDS][:p])
    # Problems with equal counts share their terms.
    pairs, group = np.unique(np.stack([n, c]), axis=1, return_inverse=True)
    totals = np.zeros((rows, pairs.shape[1]))
    np.add.at(totals.T, group.ravel(), np.asarray(weights, dtype=float).T)
    attempts, successes = pairs
    value, gradient, hessian = _likelihood(theta, attempts, successes, totals)
    ridge = np.full(rows, 1e-3)
    active = np.ones(rows, dtype=bool)
    weight = 1.0 + totals.sum(axis=1)
    for _ in range(_STEPS):
        free = ~((theta <= low) & (gradient > 0)) & ~((theta >= high) & (gradient < 0))
        active &= np.max(np.abs(gradient) * free, axis=1) > 1e-13 * weight
        active &= ridge < 1e12
        at = np.flatnonzero(active)
        if not at.size:
            break
        curvature, slope = hessian[at] * free[at, :, None] * free[at, None, :], gradient[at] * free[at]
        values, vectors = np.linalg.eigh(curvature)
        # Away from the minimum the likelihood need not be convex: step along every axis by its absolute curvature.
        damped = np.abs(values) + ridge[at, None] * (1.0 + np.abs(values[:, -1:]))
        step = -np.einsum("sij,sj->si", vectors, np.einsum("sij,si->sj", vectors, slope) / damped)
        step *= np.minimum(1.0, 2.0 / np.maximum(np.max(np.abs(step), axis=1), 1e-300))[:, None]
        trial = np.clip(theta[at] + step, low, high)
        new_value, new_gradient, new_hessian = _likelihood(trial, attempts, successes, totals[at])
        flat = np.abs(new_value - value[at]) <= 1e-13 * (1.0 + np.abs(value[at]))
        closer = np.linalg.norm(new_gradient, axis=1) < np.linalg.norm(gradient[at], axis=1)
        better = (new_value < value[at] - 1e-13 * (1.0 + np.abs(value[at]))) | (flat & closer)
        moved = at[better]
        theta[moved], value[moved] = trial[better], new_value[better]
        gradient[moved], hessian[moved] = new_gradient[better], new_hessian[better]
        ridge[at] = np.where(better, np.maximum(ridge[at] * 0.1, 1e-16), ridge[at] * 10.0)
    free = ~((theta <= low) & (gradient > 0)) & ~((theta >= high) & (gradient < 0))
    norms = np.linalg.norm(gradient * free, axis=1)
    return Refits(theta, value, norms, norms <= _FLAT * weight)


def _likelihood(theta: Array, n: Array, c: Array, totals: Array) -> tuple[Array, Array, Array]:
    """Negative log likelihood (S,), its gradient (S, p) and Hessian (S, p, p) in log a, log b and the log odds."""
    from scipy.special import digamma, zeta

    a, b = np.exp(theta[:, 0:1]), np.exp(theta[:, 1:2])
    log_chance = _rising(a, c) + _rising(b, n - c) - _rising(a + b, n)

    def first(x: Array, m: Array) -> Array:
        return np.asarray(digamma(x + m) - digamma(x))

    def second(x: Array, m: Array) -> Array:
        return np.asarray(zeta(2.0, x + m) - zeta(2.0, x))

    both, bend = first(a + b, n), second(a + b, n)
    in_a, in_b = first(a, c) - both, first(b, n - c) - both
    slopes = [a * in_a, b * in_b]
    bends = {
        (0, 0): a**2 * (second(a, c) - bend) + a * in_a,
        (1, 1): b**2 * (second(b, n - c) - bend) + b * in_b,
        (0, 1): -a * b * bend,
    }
    rows, p = theta.shape
    gradient, hessian = np.empty((rows, p)), np.empty((rows, p, p))
    if p == 2:
        held = np.ones_like(log_chance)
        pull = np.zeros_like(log_chance)
    else:
        odds = theta[:, 2:3]
        share = 1.0 / (1.0 + np.exp(-odds))
        zero = c == 0
        # A problem never solved is hopeless, or solvable and unlucky: ``held`` is the chance of the latter.
        held = np.where(zero, 1.0 / (1.0 + np.exp(-np.where(zero, odds + log_chance, 0.0))), 1.0)
        pull = held * (1.0 - held)
        unlucky = np.logaddexp(0.0, np.where(zero, odds + log_chance, 0.0))
        log_chance = np.where(zero, unlucky, odds + log_chance) - np.logaddexp(0.0, odds)
        gradient[:, 2] = -np.sum(totals * (held - share), axis=1)
        hessian[:, 2, 2] = -np.sum(totals * (pull - share * (1.0 - share)), axis=1)
        for i in (0, 1):
            hessian[:, i, 2] = hessian[:, 2, i] = -np.sum(totals * pull * slopes[i], axis=1)
    for i in (0, 1):
        gradient[:, i] = -np.sum(totals * held * slopes[i], axis=1)
        for j in (0, 1):
            curve = held * bends[min(i, j), max(i, j)] + pull * slopes[i] * slopes[j]
            hessian[:, i, j] = -np.sum(totals * curve, axis=1)
    return -np.sum(totals * log_chance, axis=1), gradient, hessian


def _rising(x: Array, m: Array) -> Array:
    """log of x (x+1) ... (x+m-1) / m!, that is of Gamma(x+m) / (Gamma(x) Gamma(m+1)): moderate, however large m is."""
    from scipy.special import gammaln

    large, small = np.maximum(x, m + 1.0), np.minimum(x, m + 1.0)
    up = log_gamma_step(large, np.maximum(small - 1.0, 0.0))
    down = np.where(small < 1.0, log_gamma_step(large + np.minimum(small - 1.0, 0.0), np.maximum(1.0 - small, 0.0)), 0.0)
    return np.asarray(up - down - gammaln(small))


# -- exp(a k**b) -----------------------------------------------------------------------------------------
Space = Literal["coverage", "log", "loglog"]
_SPACES: tuple[Space, ...] = ("coverage", "log", "loglog")
_ESTIMATORS = {"coverage": "coverage", "log": "log coverage", "loglog": "log of minus log coverage"}


@dataclass(frozen=True)
class ExponentiatedPowerFit(Fit):
    """exp(a k**b) drawn through a coverage curve by least squares.

    ``law`` is an :class:`~scaling_helpers.inference.ExponentiatedPower`; ``data`` has "k", "coverage", "weights"; residuals are
    those of the space of the estimator. Coordinates: log(-a) and b.

    >>> fit = fit_exponentiated_power([1, 10, 100], [0.1, 0.3, 0.5])
    >>> bool(0.5 < fit.law.coverage(1000) < 1)
    True
    """

    @property
    def coordinates(self) -> tuple[str, ...]:
        """("log_minus_a", "b")."""
        return ("log_minus_a", "b")

    @property
    def outcome(self) -> str:
        """What the law predicts: "coverage"."""
        return "coverage"

    @property
    def predicted(self) -> Array:
        """Fitted coverage at every point, (n,)."""
        return np.asarray(self.law.coverage(self.data["k"]))

    @property
    def residuals(self) -> Array:
        """Observed less predicted in the space of the estimator, (n,)."""
        space = self._space
        return _observed(self.data["coverage"], space) - _model(self.theta[0] + self.theta[1] * np.log(self.data["k"]), space)[0]

    @property
    def space(self) -> str:
        """ "loss" for residuals of coverage, "log" for those of its logarithm; NotImplementedError for the third."""
        if self._space == "loglog":
            raise NotImplementedError(
                "residuals of log(-log coverage) are neither plain nor relative: fit with space='coverage' or 'log'"
            )
        return {"coverage": "loss", "log": "log"}[self._space]

    @property
    def _space(self) -> Space:
        return next(
            space for space in ("loglog", "log", "coverage") if self.estimator.endswith(f"on {_ESTIMATORS[space]}, summed")
        )

    def law_at(self, theta: Array) -> ExponentiatedPower:
        """The curve with coordinates ``theta``; ValueError where coverage would fall with k."""
        return _curve(theta)

    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """Refit with other weights of the points, or another curve (S, n) as ``targets``."""
        rows, curves = replacements(self.data["weights"], self.data["coverage"], weights, targets)
        return _least_squares(np.tile(self.theta, (len(rows), 1)), np.log(self.data["k"]), curves, rows, self._space)


def fit_exponentiated_power(k: Any, coverage: Any, *, space: Space = "coverage", weights: Any = None) -> ExponentiatedPowerFit:
    """exp(a k**b) through points (k, coverage) by least squares, the form of Brown et al. (2024, section 3.1).

    ``space`` says where the squares are taken: of "coverage" (errors of one size everywhere), of its "log" (relative
    errors: small coverages count as much as large ones) or "loglog" (a straight line through log(-log coverage), which gives
    the points near 1 most weight). The three differ when the form is not exact, and so do published constants;
    quote the space with the result. k (n,) positive, coverage (n,) strictly between 0 and 1, weights (n,) non-negative.

    Raises TypeError or ValueError for other input, fewer than three points, one k only, or coverage that falls with k.

    >>> k = [1, 10, 100, 1000]
    >>> fit = fit_exponentiated_power(k, ExponentiatedPower(-2.0, -0.3).coverage(k))
    >>> round(fit.law.a, 9), round(fit.law.b, 9), fit.status.name
    (-2.0, -0.3, 'CONVERGED')
    """
    if space not in _ESTIMATORS:
        raise ValueError(f"space = {space!r}: choose 'coverage', 'log' or 'loglog'")
    k, coverage = column("k", k), column("coverage", coverage)
    n = columns(3, "the two constants of exp(a k**b)", k=k, coverage=coverage)
    if np.any(coverage >= 1.0):
        raise ValueError(f"coverage = {coverage.max():g}: it must lie below 1; leave out points where every problem is solved")
    rows = point_weights(weights, n)
    log_k = np.log(k)
    if np.ptp(log_k[rows > 0]) < 1e-9:
        raise ValueError(f"k holds the single value {k[rows > 0][0]:g}: a curve needs two or more")
    straight = _least_squares(np.array([[0.0, -0.3]]), log_k, coverage[None], rows[None], "loglog").thetas
    starts = straight + np.array([[0.0, 0.0], [0.3, 0.0], [-0.3, 0.0], [0.0, 0.1], [0.0, -0.1]])
    found = _least_squares(starts, log_k, coverage[None], rows[None], space)
    best = int(np.argmin(found.objectives))
    theta = found.thetas[best]
    return ExponentiatedPowerFit(
        law=_curve(theta),
        theta=theta,
        objective=float(found.objectives[best]),
        grad_norm=float(found.grad_norms[best]),
        status=Status.CONVERGED if found.converged[best] else Status.NOT_CONVERGED,
        n_starts=len(starts),
        share_at_best=float(np.mean(found.objectives <= found.objectives[best] * (1.0 + 1e-9) + 1e-24)),
        at_bound=(),
        estimator=f"least squares on {_ESTIMATORS[space]}, summed",
        data={"k": k, "coverage": coverage, "weights": rows},
    )


def _curve(theta: Array) -> ExponentiatedPower:
    if theta[1] >= 0:
        raise ValueError(f"coverage does not grow with k (b = {theta[1]:g}): check the order of the points")
    return ExponentiatedPower(-float(np.exp(theta[0])), float(theta[1]))


def _observed(coverage: Array, space: Space) -> Array:
    return coverage if space == "coverage" else np.log(coverage) if space == "log" else np.log(-np.log(coverage))


def _model(u: Array, space: Space) -> tuple[Array, Array, Array]:
    """The model and its first two derivatives in u = log(-a) + b log k; log coverage is -exp(u)."""
    if space == "loglog":
        return u, np.ones_like(u), np.zeros_like(u)
    power = np.exp(np.minimum(u, 500.0))
    if space == "log":
        return -power, -power, -power
    share = np.exp(-power)
    return share, -power * share, (power**2 - power) * share


def _least_squares(starts: Array, log_k: Array, coverage: Array, weights: Array, space: Space) -> Refits:
    """Damped Newton for every row of ``starts`` (S, 2) on (S or 1, n) curves and weights."""
    theta = np.array(starts, dtype=float)
    y, weights = np.broadcast_arrays(_observed(coverage, space), weights)
    basis = np.stack([np.ones_like(log_k), log_k])

    def terms(theta: Array) -> tuple[Array, Array, Array]:
        m, first, second = _model(theta[:, :1] + theta[:, 1:] * log_k, space)
        off = y - m
        gradient = -2.0 * (weights * off * first) @ basis.T
        hessian = 2.0 * np.einsum("sn,in,jn->sij", weights * (first**2 - off * second), basis, basis)
        return np.sum(weights * off**2, axis=1), gradient, hessian

    value, gradient, hessian = terms(theta)
    ridge = np.full(len(theta), 1e-4)
    for _ in range(_STEPS):
        if np.all(ridge > 1e14):
            break
        values, vectors = np.linalg.eigh(hessian)
        damped = np.abs(values) + ridge[:, None] * (values[:, -1:].clip(1e-300))
        step = -np.einsum("sij,sj->si", vectors, np.einsum("sij,si->sj", vectors, gradient) / damped)
        step *= np.minimum(1.0, 1.0 / np.maximum(np.max(np.abs(step), axis=1), 1e-300))[:, None]
        new_value, new_gradient, new_hessian = terms(theta + step)
        # At the floor of rounding the value stands still and only the gradient still tells.
        closer = np.linalg.norm(new_gradient, axis=1) < np.linalg.norm(gradient, axis=1)
        better = (new_value < value) | ((new_value <= value * (1.0 + 1e-14)) & closer)
        theta = np.where(better[:, None], theta + step, theta)
        value, gradient = np.where(better, new_value, value), np.where(better[:, None], new_gradient, gradient)
        hessian = np.where(better[:, None, None], new_hessian, hessian)
        ridge = np.where(better, np.maximum(ridge * 0.1, 1e-16), ridge * 10.0)
    norms = np.linalg.norm(gradient, axis=1)
    size = np.sqrt(np.sum(weights * y**2, axis=1)) * np.sqrt(np.trace(hessian, axis1=1, axis2=2).clip(0.0))
    return Refits(theta, value, norms, norms <= 1e-9 * size)
