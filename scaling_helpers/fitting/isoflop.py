"""Which model size is best at each budget, and how does it grow? Approach 2.

Hoffmann et al. (2022, arXiv:2203.15556, Section 3.2). At each of several budgets, models of several sizes are trained on the
tokens that the budget leaves. Loss against log N is a valley; its lowest point is N*, and a power law goes through the N* of
all budgets. How the valley is drawn decides the answer:

* ``"parabola"``, as in the paper: loss = c0 + c1 log N + c2 (log N)**2 by least squares, for each budget alone.
* ``"shape"``, the corrected variant: the curve that a law E + A / N**alpha + B / D**beta in fact has at fixed C = 6 N D,
  loss = E + p N**-alpha + q N**beta, with E, alpha and beta shared by all budgets, p and q free for each.
* ``"akima"``: a curve through all points (Porian et al. 2024, arXiv:2406.19146), with an assumed noise of the losses.

**The parabola is biased, also without noise** (arXiv:2603.22339, whose second version puts the cost at 6.5% of the Llama 3
budget). The true valley is no parabola: where alpha differs from beta one wall is steeper, and where the sizes are not centred
on N* the two walls are not seen alike. The parabola's lowest point is pulled off N*, more so the wider the window. If the pull
is the same at all budgets, the exponent survives and only the coefficient is wrong; if the window drifts with the budget, the
exponent is wrong too. Narrow windows cure this but cost precision. The shape above has the truth among its
curves, so it has no such bias.
Here alpha is 0.339, beta 0.285, and the sizes lie from N*/16 to 16 N*, exactly centred:

>>> from scaling_helpers.laws import HOFFMANN_2022
>>> from scaling_helpers.fitting import planted_runs
>>> runs = planted_runs(HOFFMANN_2022, noise=0.0, spread=16.0)
>>> parabola = fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget)
>>> shape = fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget, method="shape")
>>> best = HOFFMANN_2022.optimal(1e20).N
>>> f"{parabola.valleys[2].N / best - 1:+.1%}", abs(shape.valleys[2].N / best - 1) < 1e-9
('+5.0%', True)

What the correction costs with noise is measured in :func:`fit_isoflop`. Real valleys can have other shapes than both: on the
public sweep of Porian et al. the shared exponents end at their bounds (the status says so), parabolas leave budgets without a
minimum, and Akima's curve, weighted, gives the 15 exponents that they publish to within 0.0025; what is left is chance in the
noise that is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import FLOP_PER_PARAMETER_TOKEN
from .allocation import Line, PowerAllocation, fit_line
from .inputs import column, columns, point_weights, replacements
from .objectives import LeastSquares
from .result import Fit, Refits, Status

__all__ = ["METHODS", "IsoflopFit", "Shape", "Valley", "fit_isoflop", "group_budgets"]

Array = NDArray[np.float64]

#: How a valley may be drawn.
METHODS = ("parabola", "shape", "akima")
#: Exponents of the shape are sought between these.
_EXPONENTS = (0.03, 2.0)
#: Points of the Akima curve between two sizes.
_FINE = 25


@dataclass(frozen=True)
class Valley:
    """One budget: its best size, or why it has none.

    budget: FLOP. N, D, loss: where the fitted curve is lowest (NaN-free: None where there is no lowest point). low, high:
    interval of N at the level that was asked for (Fieller's for a parabola, the delta method for a shape, quantiles of the
    noise for Akima; 0 and infinity where no size is ruled out); None where too few points leave no scatter to judge by.
    log_error: standard error of log N, or None. points: runs of positive weight. reason: "" for a valley that counts, else
    why it is left out of the power law.

    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> from scaling_helpers.fitting import planted_runs
    >>> runs = planted_runs(HOFFMANN_2022, noise=0.005, spread=16.0)
    >>> fit = fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget, method="shape")
    >>> valley = fit.valleys[2]
    >>> valley.budget, valley.points, valley.low < valley.N < valley.high
    (1e+20, 12, True)
    """

    budget: float
    N: float | None
    D: float | None
    loss: float | None
    low: float | None
    high: float | None
    log_error: float | None
    points: int
    reason: str = ""


@dataclass(frozen=True)
class Shape:
    """What the valleys share under the corrected variant: E (nats per token), alpha and beta."""

    E: float
    alpha: float
    beta: float


@dataclass(frozen=True)
class IsoflopFit(Fit):
    """Valleys at several budgets, and the power laws N* = N0 (C / C0)**a and D* = D0 (C / C0)**b through them.

    ``law`` is a :class:`~scaling_helpers.fitting.allocation.PowerAllocation`; coordinates ``log_N0``, ``a``, ``log_D0``,
    ``b`` at C0, the geometric mean of the budgets that count. ``valleys`` holds those, by rising budget, ``excluded`` the
    others with their reasons. ``N_line`` and ``D_line`` are the lines on log axes, with the interval of a slope. ``shape`` is
    set for the corrected variant. ``method``, ``weighted``, ``level``: as asked for. The objective is the sum of squared
    residuals of the loss.

    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> from scaling_helpers.fitting import planted_runs
    >>> runs = planted_runs(HOFFMANN_2022, noise=0.005, spread=16.0)
    >>> fit = fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget, method="shape")
    >>> len(fit.valleys), len(fit.excluded), 0.4 < fit.a < 0.5
    (5, 0, True)
    """

    valleys: tuple[Valley, ...]
    excluded: tuple[Valley, ...]
    N_line: Line
    D_line: Line
    method: str
    weighted: bool
    level: float
    shape: Shape | None
    fitted: Array
    noise: float | None

    @property
    def coordinates(self) -> tuple[str, ...]:
        """("log_N0", "a", "log_D0", "b")."""
        return ("log_N0", "a", "log_D0", "b")

    @property
    def a(self) -> float:
        """Exponent of the best size."""
        return self.N_line.slope

    @property
    def b(self) -> float:
        """Exponent of the best number of tokens."""
        return self.D_line.slope

    @property
    def predicted(self) -> Array:
        """The loss on the fitted curve of each point's budget, (n,)."""
        return self.fitted

    @property
    def residuals(self) -> Array:
        """Loss less the fitted curve, (n,); all zero for Akima, which passes through every point."""
        return self.data["loss"] - self.fitted

    @property
    def space(self) -> str:
        """Residuals are of the loss."""
        return "loss"

    @property
    def criterion(self) -> LeastSquares:
        """Least squares on the loss."""
        return LeastSquares("loss")

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the law is asked for: a budget."""
        return ("budget",)

    def law_at(self, theta: Array) -> PowerAllocation:
        """The allocation with coordinates ``theta``."""
        return PowerAllocation(self.law.C0, math.exp(theta[0]), float(theta[1]), math.exp(theta[2]), float(theta[3]))

    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """Draw the valleys and the lines again for each row; see :meth:`scaling_helpers.fitting.result.Fit.refit`.

        A row in which fewer than two budgets have a valley keeps this fit's coordinates and is not called converged.
        """
        weights, targets = replacements(self.data["weights"], self.data["loss"], weights, targets)
        thetas = np.repeat(self.theta[None], len(weights), axis=0)
        objectives, norms, converged = np.zeros(len(weights)), np.zeros(len(weights)), np.zeros(len(weights), dtype=bool)
        table = _Table(self.data["N"], self.data["D"], self.data["budget"])
        for row, (w, y) in enumerate(zip(weights, targets, strict=True)):
            drawn = _draw(table, y, w, self.method, self.level, self.shape, self.noise)
            objectives[row], norms[row] = drawn.objective, drawn.grad_norm
            found = [valley for valley in drawn.valleys if not valley.reason]
            if len(found) >= 2 and drawn.converged:
                thetas[row] = _theta(*_lines(found, self.weighted), self.law.C0)
                converged[row] = True
        return Refits(thetas, objectives, norms, converged)


def fit_isoflop(
    N: Any,
    D: Any,
    loss: Any,
    *,
    budget: Any = None,
    flop_per_token: Callable[[Any], Any] | None = None,
    tolerance: float = 0.1,
    method: str = "parabola",
    weighted: bool = False,
    weights: Any = None,
    level: float = 0.9,
    noise: float | None = None,
) -> IsoflopFit:
    """The best size at each budget, and the power laws through them.

    N: (n,) parameters. D: (n,) tokens. loss: (n,) nats per token. budget: (n,) FLOP, one value for all runs of a budget;
    without it C = flop_per_token(N) D (default 6 N D) is grouped, runs within a share ``tolerance`` of each other together.
    method: see :data:`METHODS` and the module. weighted: weight each N* by one over its squared standard error in the power
    law, in place of equally. weights: (n,) of the runs. level: of the intervals of N*. noise: standard deviation of a loss in
    nats per token, for "akima" only, where it is needed.

    A budget is left out of the power law, and listed in ``fit.excluded`` with the reason, if it has fewer than three sizes,
    if its curve opens downward or if its lowest point lies outside the sizes that were trained: an extrapolated minimum is no
    measurement. ValueError where fewer than two budgets remain (naming the reasons), or for columns, budgets or options that
    make no sense.

    Measured with planted runs (the unrounded law of Hoffmann et al., with alpha 0.339 and beta 0.285; five budgets of 1e18 to
    1e22 FLOP with 12 sizes each, from N*/16 to 16 N*; 200 sets for each noise of log loss). Bias and standard deviation are
    of log N* at 1e20 FLOP, coverage is that of its 90% interval, the last columns are the standard deviation of the exponent
    a, whose bias is below 0.001:

    ===== =============== ======== =============== ======== ========= =======
    noise parabola        coverage shape           coverage a, par.   a, shape
    ===== =============== ======== =============== ======== ========= =======
    none  +0.049 +- 0     0%       0.000 +- 0               0         0
    0.1%  +0.048 +- 0.005 0%       -0.001 +- 0.007 86%      0.0009    0.0008
    0.5%  +0.047 +- 0.025 52%      -0.004 +- 0.037 86%      0.0042    0.0042
    1%    +0.044 +- 0.050 80%      -0.007 +- 0.073 86%      0.0085    0.0084
    ===== =============== ======== =============== ======== ========= =======

    So the correction removes the 5% and pays with half as much spread again in each N*, and none in the exponent. At a noise
    of 1% the two are about as far from the truth; above it, or with windows narrower than these, the parabola is the closer
    one.

    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> from scaling_helpers.fitting import planted_runs
    >>> runs = planted_runs(HOFFMANN_2022, noise=0.005, spread=16.0)
    >>> fit = fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget, method="shape")
    >>> interval = fit.bootstrap(100).interval("best_params", C=1e23)
    >>> interval.low < HOFFMANN_2022.optimal(1e23).N < interval.high
    True
    """
    N, D, loss = column("N", N), column("D", D), column("loss", loss)
    n = columns(3, "a valley", N=N, D=D, loss=loss)
    weights = point_weights(weights, n)
    if method not in METHODS:
        raise ValueError(f"method = {method!r}: choose one of {', '.join(METHODS)}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: give a confidence between 0 and 1, such as 0.9")
    if (method == "akima") != (noise is not None):
        raise ValueError("noise (in nats per token) goes with method='akima' and with no other")
    if noise is not None and not (np.isfinite(noise) and noise > 0):
        raise ValueError(f"noise = {noise!r}: it must be positive, in nats per token")
    if budget is None:
        spent = np.asarray(flop_per_token(N) if flop_per_token else FLOP_PER_PARAMETER_TOKEN * N, dtype=float) * D
        grouped = group_budgets(spent, tolerance)
    else:
        grouped = column("budget", budget)
        columns(3, "a valley", N=N, budget=grouped)
    table = _Table(N, D, grouped)
    drawn = _draw(table, loss, weights, method, level, None, noise)
    found = tuple(valley for valley in drawn.valleys if not valley.reason)
    left_out = tuple(valley for valley in drawn.valleys if valley.reason)
    if len(found) < 2:
        reasons = "; ".join(f"{valley.budget:.3g} FLOP: {valley.reason}" for valley in left_out) or "there is only one budget"
        raise ValueError(f"{len(found)} of {len(drawn.valleys)} budgets have a lowest point, a power law needs two ({reasons})")
    lines = _lines(found, weighted)
    C0 = float(np.exp(np.mean([math.log(valley.budget) for valley in found])))
    theta = _theta(*lines, C0)
    status = Status.CONVERGED if drawn.converged else Status.NOT_CONVERGED
    if drawn.at_bound:
        status = Status.AT_BOUND
    elif status is Status.CONVERGED and len(found) == 2:
        status = Status.UNDETERMINED
    return IsoflopFit(
        law=PowerAllocation(C0, math.exp(theta[0]), float(theta[1]), math.exp(theta[2]), float(theta[3])),
        theta=theta,
        objective=drawn.objective,
        grad_norm=drawn.grad_norm,
        status=status,
        n_starts=drawn.n_starts,
        share_at_best=drawn.share_at_best,
        at_bound=drawn.at_bound,
        estimator=f"least squares on loss, summed ({method}), then a {'weighted ' if weighted else ''}line on log axes",
        data={"N": N, "D": D, "loss": loss, "budget": grouped, "weights": weights},
        valleys=found,
        excluded=left_out,
        N_line=lines[0],
        D_line=lines[1],
        method=method,
        weighted=weighted,
        level=level,
        shape=drawn.shape,
        fitted=drawn.fitted,
        noise=noise,
    )


def group_budgets(C: Any, tolerance: float = 0.1) -> Array:
    """The budget of each run: ``C`` (n,) FLOP, with runs of one budget given its geometric mean.

    Sorted budgets are split where the next is more than a share ``tolerance`` above the last. ValueError where a group then
    spans more than twice that: such runs are a continuum, not budgets.

    >>> group_budgets([0.98e20, 1.02e20, 1e21]).round(-16).tolist()
    [9.998e+19, 9.998e+19, 1e+21]
    """
    C = column("C", C)
    if not (np.isfinite(tolerance) and 0.0 < tolerance < 1.0):
        raise ValueError(f"tolerance = {tolerance!r}: give a share between 0 and 1, such as 0.1")
    order = np.argsort(C, kind="stable")
    log_c = np.log(C[order])
    starts = np.r_[True, np.diff(log_c) > math.log1p(tolerance)]
    groups = np.cumsum(starts) - 1
    budget = np.empty_like(C)
    for group in range(groups[-1] + 1):
        members = log_c[groups == group]
        if np.ptp(members) > 2.0 * math.log1p(tolerance):
            raise ValueError(
                f"runs between {math.exp(members[0]):.3g} and {math.exp(members[-1]):.3g} FLOP run into one another with "
                f"tolerance = {tolerance:g}: give the column `budget`, or a smaller tolerance"
            )
        budget[order[groups == group]] = math.exp(float(np.mean(members)))
    return budget


# -- drawing valleys ---------------------------------------------------------------------------------
class _Table:
    """Runs by budget: x = log N less its mean within the budget."""

    def __init__(self, N: Array, D: Array, budget: Array) -> None:
        self.log_n, self.log_d = np.log(N), np.log(D)
        self.budgets, self.group = np.unique(budget, return_inverse=True)
        count = np.bincount(self.group)
        self.centre = np.bincount(self.group, self.log_n) / count
        self.x = self.log_n - self.centre[self.group]

    def members(self, b: int, weights: Array) -> NDArray[np.intp]:
        return np.flatnonzero((self.group == b) & (weights > 0))

    def tokens_at(self, b: int, log_size: float, rows: NDArray[np.intp]) -> float:
        """Tokens that the budget leaves at a size, from the runs beside it (log D is nearly a line in log N)."""
        order = rows[np.argsort(self.log_n[rows], kind="stable")]
        return math.exp(float(np.interp(log_size, self.log_n[order], self.log_d[order])))


@dataclass(frozen=True)
class _Drawn:
    valleys: list[Valley]
    fitted: Array
    objective: float
    grad_norm: float
    shape: Shape | None = None
    converged: bool = True
    at_bound: tuple[str, ...] = ()
    n_starts: int = 1
    share_at_best: float = 1.0


def _draw(
    table: _Table, loss: Array, weights: Array, method: str, level: float, shape: Shape | None, noise: float | None
) -> _Drawn:
    if method == "shape":
        return _draw_shapes(table, loss, weights, level, shape)
    if method == "akima":
        return _draw_akima(table, loss, weights, level, float(noise or 0.0))
    return _draw_parabolas(table, loss, weights, level)


def _missing(budget: float, points: int, reason: str) -> Valley:
    return Valley(budget, None, None, None, None, None, None, points, reason)


def _few(table: _Table, b: int, rows: NDArray[np.intp], least: int = 3) -> str:
    sizes = np.unique(table.log_n[rows]).size
    return "" if sizes >= least else f"{sizes} sizes, and a valley takes at least {least}"


def _outside(table: _Table, b: int, rows: NDArray[np.intp], x: float) -> str:
    low, high = table.x[rows].min(), table.x[rows].max()
    if low < x < high:
        return ""
    side, edge = ("below the smallest", low) if x <= low else ("above the largest", high)
    return f"the lowest point lies {side} size, {math.exp(edge + table.centre[b]):.3g} parameters: not bracketed"


def _exp(log_size: float) -> float:
    """A size, infinite where it is beyond all numbers: an almost flat valley rules nothing out."""
    return math.exp(log_size) if log_size < 700.0 else math.inf


def _t(level: float, free: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(free, 0.5 + level / 2.0))


def _draw_parabolas(table: _Table, loss: Array, weights: Array, level: float) -> _Drawn:
    valleys, fitted, gradient = [], np.array(loss), 0.0
    for b, budget in enumerate(table.budgets):
        rows = table.members(b, weights)
        if reason := _few(table, b, rows):
            valleys.append(_missing(float(budget), rows.size, reason))
            continue
        x, y, w = table.x[rows], loss[rows], weights[rows]
        design = np.column_stack([np.ones_like(x), x, x**2])
        root = np.sqrt(w)[:, None]
        coefficients = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0]
        everyone = table.group == b
        fitted[everyone] = np.column_stack([np.ones(everyone.sum()), table.x[everyone], table.x[everyone] ** 2]) @ coefficients
        residual = y - design @ coefficients
        gradient += float(np.sum((2.0 * design.T @ (w * residual)) ** 2))
        c0, c1, c2 = (float(c) for c in coefficients)
        if c2 <= 0.0:
            valleys.append(_missing(float(budget), rows.size, "the parabola opens downward: no lowest point"))
            continue
        best = -c1 / (2.0 * c2)
        if reason := _outside(table, b, rows, best):
            valleys.append(_missing(float(budget), rows.size, reason))
            continue
        low = high = error = None
        free = rows.size - 3
        if free > 0:
            covariance = np.linalg.inv((design * w[:, None]).T @ design) * float(np.sum(w * residual**2)) / free
            slope = np.array([0.0, -1.0 / (2.0 * c2), c1 / (2.0 * c2**2)])
            error = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
            low, high = (_exp(end + table.centre[b]) for end in _fieller(c1, c2, covariance, _t(level, free)))
        size = best + table.centre[b]
        lowest = c0 - c1**2 / (4.0 * c2)
        tokens = table.tokens_at(b, size, rows)
        valleys.append(Valley(float(budget), math.exp(size), tokens, lowest, low, high, error, rows.size))
    objective = float(np.sum(weights * (loss - fitted) ** 2))
    return _Drawn(valleys, fitted, objective, math.sqrt(gradient))


def _fieller(c1: float, c2: float, covariance: Array, t: float) -> tuple[float, float]:
    """All x at which the slope c1 + 2 c2 x of the parabola is not told from zero; infinite ends where c2 itself is not."""
    # (c1 + 2 c2 x)**2 <= t**2 Var(c1 + 2 c2 x), a quadratic inequality in x.
    v11, v12, v22 = covariance[1, 1], covariance[1, 2], covariance[2, 2]
    square = 4.0 * (c2**2 - t**2 * v22)
    cross, plain = 4.0 * (c1 * c2 - t**2 * v12), c1**2 - t**2 * v11
    root = cross**2 - 4.0 * square * plain
    if square <= 0.0 or root < 0.0:
        return -math.inf, math.inf
    half = math.sqrt(root)
    return (-cross - half) / (2.0 * square), (-cross + half) / (2.0 * square)


# -- the corrected variant ---------------------------------------------------------------------------
class _Block:
    """Least squares of loss = E + p exp(-alpha x) + q exp(beta x), with p and q of each budget and E solved for."""

    def __init__(self, table: _Table, rows: NDArray[np.intp], loss: Array, weights: Array) -> None:
        self.x, self.y, self.root = table.x[rows], loss[rows], np.sqrt(weights[rows])
        labels, self.group = np.unique(table.group[rows], return_inverse=True)
        self.count = labels.size

    def design(self, alpha: float, beta: float) -> Array:
        n = self.x.size
        matrix = np.zeros((n, 1 + 2 * self.count))
        matrix[:, 0] = 1.0
        matrix[np.arange(n), 1 + 2 * self.group] = np.exp(-alpha * self.x)
        matrix[np.arange(n), 2 + 2 * self.group] = np.exp(beta * self.x)
        return matrix

    def solve(self, log_exponents: Array) -> tuple[Array, Array, Array]:
        """Coefficients, weighted residuals and their Jacobian in log alpha and log beta (coefficients following along)."""
        alpha, beta = np.exp(log_exponents)
        design = self.design(alpha, beta) * self.root[:, None]
        q, r = np.linalg.qr(design)
        target = self.y * self.root
        coefficients = np.linalg.lstsq(r, q.T @ target, rcond=1e-15)[0]
        residual = target - design @ coefficients
        left, right = coefficients[1 + 2 * self.group], coefficients[2 + 2 * self.group]
        moved = np.column_stack([-alpha * self.x * np.exp(-alpha * self.x) * left, beta * self.x * np.exp(beta * self.x) * right])
        moved *= self.root[:, None]
        return coefficients, residual, -(moved - q @ (q.T @ moved))


def _draw_shapes(table: _Table, loss: Array, weights: Array, level: float, known: Shape | None) -> _Drawn:
    from scipy.optimize import least_squares

    enough = [b for b in range(table.budgets.size) if not _few(table, b, table.members(b, weights))]
    rows = np.flatnonzero(np.isin(table.group, enough) & (weights > 0))
    free = rows.size - 2 * len(enough) - 3
    if len(enough) < 2 or free < 1:
        raise ValueError(
            f"{rows.size} runs at {len(enough)} budgets of at least three sizes cannot fix the shared shape (E, alpha, beta and "
            "two numbers a budget): give more sizes or budgets, or use method='parabola'"
        )
    block = _Block(table, rows, loss, weights)
    low, high = np.log(_EXPONENTS[0]), np.log(_EXPONENTS[1])
    if known is None:
        along = np.linspace(low, high, 9)[1:-1]
        lattice = np.array([[a, b] for a in along for b in along])
        heights = [float(np.sum(block.solve(at)[1] ** 2)) for at in lattice]
        starts = lattice[np.argsort(heights)[:4]]
    else:
        starts = np.log([[known.alpha, known.beta]])
    runs = []
    for start in starts:
        inside = np.clip(start, low + 1e-9, high - 1e-9)
        runs.append(
            least_squares(
                lambda at: block.solve(at)[1],
                inside,
                jac=lambda at: block.solve(at)[2],
                bounds=([low] * 2, [high] * 2),
                xtol=1e-14,
                ftol=1e-15,
                gtol=1e-15,
            )
        )
    best = min(runs, key=lambda run: float(run.cost))
    coefficients, residual, jacobian = block.solve(best.x)
    alpha, beta = (float(value) for value in np.exp(best.x))
    bounded = tuple(name for name, at in zip(("alpha", "beta"), best.x, strict=True) if at - low < 1e-6 or high - at < 1e-6)
    variance = float(residual @ residual) / free
    covariance = _covariance(block, best.x, coefficients, bounded) * variance
    fitted, valleys, place = np.array(loss), [], 0
    for b, budget in enumerate(table.budgets):
        members = table.members(b, weights)
        if b not in enough:
            valleys.append(_missing(float(budget), members.size, _few(table, b, members)))
            continue
        p, q = float(coefficients[1 + 2 * place]), float(coefficients[2 + 2 * place])
        everyone = table.group == b
        fitted[everyone] = coefficients[0] + p * np.exp(-alpha * table.x[everyone]) + q * np.exp(beta * table.x[everyone])
        columns_of = (1 + 2 * place, 2 + 2 * place)
        place += 1
        if p <= 0.0 or q <= 0.0:
            valleys.append(_missing(float(budget), members.size, "one wall is missing, so that there is no lowest point"))
            continue
        # alpha p exp(-alpha x) = beta q exp(beta x)
        x = math.log(alpha * p / (beta * q)) / (alpha + beta)
        if reason := _outside(table, b, members, x):
            valleys.append(_missing(float(budget), members.size, reason))
            continue
        gradient = np.zeros(coefficients.size + 2)
        gradient[list(columns_of)] = 1.0 / p, -1.0 / q
        gradient[-2:] = 1.0 - alpha * x, -1.0 - beta * x  # in log alpha and log beta
        gradient /= alpha + beta
        error = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
        half = min(_t(level, free) * error, 500.0)
        size = x + table.centre[b]
        lowest = float(coefficients[0]) + p * math.exp(-alpha * x) + q * math.exp(beta * x)
        tokens = table.tokens_at(b, size, members)
        ends = math.exp(size - half), math.exp(size + half)
        valleys.append(Valley(float(budget), math.exp(size), tokens, lowest, *ends, error, members.size))
    slopes = 2.0 * jacobian.T @ residual
    slopes[[name in bounded for name in ("alpha", "beta")]] = 0.0
    same = [run.cost <= best.cost * (1.0 + 1e-9) + 1e-28 for run in runs]
    return _Drawn(
        valleys,
        fitted,
        float(np.sum(weights * (loss - fitted) ** 2)),
        float(np.linalg.norm(slopes)),
        Shape(float(coefficients[0]), alpha, beta),
        bool(best.success),
        bounded,
        len(starts),
        float(np.mean(same)),
    )


def _covariance(block: _Block, log_exponents: Array, coefficients: Array, bounded: tuple[str, ...]) -> Array:
    """Covariance of all coefficients and the two log exponents, for residuals of variance one."""
    alpha, beta = np.exp(log_exponents)
    left, right = coefficients[1 + 2 * block.group], coefficients[2 + 2 * block.group]
    moved = np.column_stack([-alpha * block.x * np.exp(-alpha * block.x) * left, beta * block.x * np.exp(beta * block.x) * right])
    moved[:, [name in bounded for name in ("alpha", "beta")]] = 0.0
    jacobian = np.column_stack([block.design(float(alpha), float(beta)), moved]) * block.root[:, None]
    return np.asarray(np.linalg.pinv(jacobian.T @ jacobian, rcond=1e-14, hermitian=True))


# -- a curve through all points ----------------------------------------------------------------------
_NOISE_DRAWS = 1000


def _draw_akima(table: _Table, loss: Array, weights: Array, level: float, noise: float) -> _Drawn:
    """Akima's curve through log loss against log N; the noise of the losses, drawn anew, gives the spread of the lowest point.

    As Porian et al.: the estimate is the median of the draws, its standard error at least a third of the spacing of the sizes
    (a curve cannot know better where between two runs it turns), and a budget counts if at least half of its draws are
    bracketed.
    """
    from scipy.interpolate import Akima1DInterpolator

    rng = np.random.default_rng(0)
    valleys = []
    for b, budget in enumerate(table.budgets):
        rows = table.members(b, weights)
        draws = rng.standard_normal((_NOISE_DRAWS, rows.size))
        if reason := _few(table, b, rows):
            valleys.append(_missing(float(budget), rows.size, reason))
            continue
        # Of several runs of one size the best counts, as in the paper.
        order = rows[np.lexsort((loss[rows], table.x[rows]))]
        order = order[np.r_[True, np.diff(table.x[order]) > 1e-12]]
        x = table.x[order]
        grid = np.linspace(x[0], x[-1], (x.size - 1) * _FINE)
        noisy = np.maximum(loss[order] + noise * draws[:, : x.size], 1e-6)
        curves = Akima1DInterpolator(x, np.log(np.vstack([loss[order], noisy])), axis=1)(grid)
        lowest = np.argmin(curves, axis=1)
        inside = (lowest > 0) & (lowest < grid.size - 1)
        if not inside[0] or np.mean(inside[1:]) < 0.5:
            share = float(np.mean(inside[1:]))
            valleys.append(
                _missing(float(budget), rows.size, f"not bracketed: {share:.0%} of noisy draws have a lowest point inside")
            )
            continue
        places = grid[lowest[1:][inside[1:]]]
        spacing = float(grid[1] - grid[0]) * _FINE
        error = max(float(np.std(places)), spacing / 3.0) / float(np.mean(inside[1:]))
        size = float(np.median(places)) + table.centre[b]
        tail = (1.0 - level) / 2.0
        low, high = (math.exp(float(np.quantile(places, share)) + table.centre[b]) for share in (tail, 1.0 - tail))
        tokens = table.tokens_at(b, size, order)
        valleys.append(
            Valley(float(budget), math.exp(size), tokens, math.exp(float(curves[0].min())), low, high, error, rows.size)
        )
    return _Drawn(valleys, np.array(loss), 0.0, 0.0)


# -- power laws through the valleys ------------------------------------------------------------------
def _lines(valleys: Any, weighted: bool) -> tuple[Line, Line]:
    budgets, sizes, tokens = (
        np.array([getattr(valley, name) for valley in valleys], dtype=float) for name in ("budget", "N", "D")
    )
    weights = None
    if weighted:
        errors = np.array([np.nan if valley.log_error is None else valley.log_error for valley in valleys])
        if not np.all(errors > 0):
            raise ValueError(
                "weighted=True needs a standard error of N* at every budget: give four sizes or more each, with some scatter"
            )
        weights = 1.0 / errors**2
    return fit_line(budgets, sizes, weights), fit_line(budgets, tokens, weights)


def _theta(N_line: Line, D_line: Line, C0: float) -> Array:
    at = math.log(C0)
    return np.array([N_line.log_at(at), N_line.slope, D_line.log_at(at), D_line.slope])
