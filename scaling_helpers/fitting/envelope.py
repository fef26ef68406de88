"""Which run is best at each amount of compute? Approach 1 of Hoffmann et al. (2022, arXiv:2203.15556, Section 3.1).

Loss against compute of all runs, laid over each other: at each of many log-spaced budgets the lowest curve has the best size
and the best number of tokens, and power laws go through those. The curves may be whole training curves (several rows a run)
or final points (one row a run).

Known weaknesses, all of them visible in the result:

* N* takes only sizes that were trained, so it is a staircase; ``carriers`` says which runs carry the envelope. Where few do, the
  exponents rest on few numbers. Neighbouring budgets carried by one run are no independent points: for an interval resample
  whole runs (``fit.bootstrap(kind="cluster", clusters=fit.data["run"])``), do not count bins.
* Below the budget that suits the smallest size, that size carries the envelope whatever is best, and the largest at the top.
  Such budgets are ``censored``: listed, but left out of the power laws.
* On a whole curve, the loss before the learning rate has come down is higher than that of a run planned to end there. So long
  runs look bad early on, and the envelope favours small, finished ones.
* Of final points, an envelope sees one budget a run: with few runs a bin, the lowest of a bin is as much luck as size. 300
  final points, scattered at random about a planted law without noise, gave a = 0.429 +- 0.018 where 0.469 was
  planted; whole curves of 60 sizes came within 0.0002.

>>> from scaling_helpers.laws import ChinchillaLaw
>>> law = ChinchillaLaw(E=1.7, A=400.0, B=1100.0, alpha=0.34, beta=0.3)  # plants a = 0.3 / 0.64 = 0.469
>>> N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(3e7, 3e10, 40), np.geomspace(1e8, 1e13, 100)))
>>> fit = fit_envelope(N, N, D, law.loss(N, D))  # the size names the run
>>> round(fit.a, 2), len(fit.carriers)
(0.47, 40)
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
from .inputs import column, columns, label_column, point_weights, replacements
from .objectives import LeastSquares
from .result import Fit, Refits, Status

__all__ = ["EnvelopeFit", "EnvelopePoint", "fit_envelope"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EnvelopePoint:
    """The envelope at one budget: ``compute`` FLOP, the run that is lowest there, its N, D and loss.

    ``censored``: the run has the smallest or the largest size that was trained, so that N* may lie beyond.

    >>> N, D = np.repeat([1e8, 3e8, 1e9, 3e9], 20), np.tile(np.geomspace(1e8, 1e12, 20), 4)
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> fit = fit_envelope(N, N, D, BESIROGLU_2024.loss(N, D))
    >>> point = fit.points[0]
    >>> point.N, point.censored
    (100000000.0, True)
    """

    compute: float
    run: Any
    N: float
    D: float
    loss: float
    censored: bool


@dataclass(frozen=True)
class EnvelopeFit(Fit):
    """The lower envelope of loss over compute, and the power laws N* = N0 (C / C0)**a and D* = D0 (C / C0)**b along it.

    ``law`` is a :class:`~scaling_helpers.fitting.allocation.PowerAllocation`, coordinates ``log_N0``, ``a``, ``log_D0``,
    ``b`` at C0, the geometric mean of the budgets that count. ``points``: the whole envelope by rising compute. ``N_line``,
    ``D_line``: the lines on log axes; their standard errors take bins for independent and are too small. ``per_decade``:
    budgets a decade. The objective is the sum of squared residuals of log N* about its line.

    >>> N, D = np.repeat([1e8, 3e8, 1e9, 3e9], 20), np.tile(np.geomspace(1e8, 1e12, 20), 4)
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> fit = fit_envelope(N, N, D, BESIROGLU_2024.loss(N, D))
    >>> len(fit.carriers), 0.3 < fit.a < 0.7
    (4, True)
    """

    points: tuple[EnvelopePoint, ...]
    N_line: Line
    D_line: Line
    per_decade: int
    names: tuple[Any, ...]

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
    def carriers(self) -> tuple[Any, ...]:
        """The runs that are lowest somewhere, by rising compute of their first budget."""
        return tuple(dict.fromkeys(point.run for point in self.points))

    @property
    def predicted(self) -> Array:
        """The envelope's loss at each row's compute, (n,), flat beyond its ends."""
        budgets = np.log([point.compute for point in self.points])
        heights = np.log([point.loss for point in self.points])
        return np.exp(np.interp(np.log(self.data["compute"]), budgets, heights))

    @property
    def residuals(self) -> Array:
        """Loss less the envelope's, (n,): how much worse than the best a row is. No error, since the best is one of the rows."""
        return self.data["loss"] - self.predicted

    @property
    def space(self) -> str:
        """Residuals are of the loss."""
        return "loss"

    @property
    def criterion(self) -> LeastSquares:
        """What the lines minimise: squares, of log N* and log D*."""
        return LeastSquares("log")

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the law is asked for: compute."""
        return ("compute",)

    def law_at(self, theta: Array) -> PowerAllocation:
        """The allocation with coordinates ``theta``."""
        return PowerAllocation(self.law.C0, math.exp(theta[0]), float(theta[1]), math.exp(theta[2]), float(theta[3]))

    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """The envelope of the rows that have weight (how much makes no difference), for each row of ``weights`` and ``targets``.

        A resample whose envelope has fewer than two free budgets keeps this fit's coordinates and is not called converged.
        """
        weights, targets = replacements(self.data["weights"], self.data["loss"], weights, targets)
        thetas = np.repeat(self.theta[None], len(weights), axis=0)
        objectives, norms, converged = np.zeros(len(weights)), np.zeros(len(weights)), np.zeros(len(weights), dtype=bool)
        run, N, D, compute = (self.data[name] for name in ("run", "N", "D", "compute"))
        for row, (w, y) in enumerate(zip(weights, targets, strict=True)):
            points = _envelope(run, N, D, compute, y, w, self.per_decade)
            free = [point for point in points if not point.censored]
            if len({point.compute for point in free}) >= 2:
                lines = _lines(free)
                thetas[row] = _theta(*lines, self.law.C0)
                objectives[row], converged[row] = _objective(lines[0], free), True
        return Refits(thetas, objectives, norms, converged)


def fit_envelope(
    run: Any,
    N: Any,
    D: Any,
    loss: Any,
    *,
    flop_per_token: Callable[[Any], Any] | None = None,
    per_decade: int = 20,
    weights: Any = None,
) -> EnvelopeFit:
    """The lower envelope of runs and the power laws along it.

    run: (n,) labels, one for all rows of a training run (numbers or text). N: (n,) parameters, the same in all rows of a run.
    D: (n,) tokens seen so far. loss: (n,) nats per token; smooth it first, since the lowest of noisy values is too low.
    Compute is flop_per_token(N) D, 6 N D unless given. per_decade: budgets a decade of compute. weights: rows of weight 0 are
    left out.

    A run with several rows counts at every budget that it covers, by interpolation of log loss in log compute; one with a
    single row at the budget whose bin it falls in. A budget whose lowest loss is not below that of all smaller budgets is
    dropped: more compute did no good there.

    ValueError where a run has several sizes, or where fewer than two budgets remain that neither the smallest nor the largest
    size carries; and for columns that are not positive and finite. The status is UNDETERMINED where fewer than three sizes
    carry the rest.

    >>> N, D = np.repeat([1e8, 3e8, 1e9, 3e9], 20), np.tile(np.geomspace(1e8, 1e12, 20), 4)
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> fit = fit_envelope(N, N, D, BESIROGLU_2024.loss(N, D))
    >>> bool(fit.law.best_params(1e22) > fit.law.best_params(1e21))
    True
    """
    N, D, loss = column("N", N), column("D", D), column("loss", loss)
    n = columns(2, "an envelope", N=N, D=D, loss=loss)
    labels = label_column("run", run, n)
    weights = point_weights(weights, n)
    if isinstance(per_decade, bool) or not isinstance(per_decade, int) or per_decade < 1:
        raise ValueError(f"per_decade = {per_decade!r}: give a whole number of budgets per decade, such as 20")
    names, codes = np.unique(labels, return_inverse=True)
    for code, name in enumerate(names):
        sizes = np.unique(N[codes == code])
        if sizes.size > 1:
            raise ValueError(f"run {name!r} has {sizes.size} sizes, {sizes[0]:.4g} to {sizes[-1]:.4g}: one run has one N")
    compute = np.asarray(flop_per_token(N) if flop_per_token else FLOP_PER_PARAMETER_TOKEN * N, dtype=float) * D
    column("C", compute)
    points = _envelope(codes.astype(float), N, D, compute, loss, weights, per_decade)
    free = [point for point in points if not point.censored]
    if len({point.compute for point in free}) < 2:
        raise ValueError(
            f"the envelope has {len(free)} budgets that neither the smallest nor the largest size carries, and a power law takes "
            "two: train more sizes, or give whole curves"
        )
    lines = _lines(free)
    C0 = float(np.exp(np.mean([math.log(point.compute) for point in free])))
    theta = _theta(*lines, C0)
    named = tuple(EnvelopePoint(p.compute, _plain(names[int(p.run)]), p.N, p.D, p.loss, p.censored) for p in points)
    return EnvelopeFit(
        law=PowerAllocation(C0, math.exp(theta[0]), float(theta[1]), math.exp(theta[2]), float(theta[3])),
        theta=theta,
        objective=_objective(lines[0], free),
        grad_norm=0.0,
        status=Status.CONVERGED if len({point.N for point in free}) >= 3 else Status.UNDETERMINED,
        n_starts=1,
        share_at_best=1.0,
        at_bound=(),
        estimator="lower envelope, then least squares on log N* and log D*, summed",
        data={"run": codes.astype(float), "N": N, "D": D, "compute": compute, "loss": loss, "weights": weights},
        points=named,
        N_line=lines[0],
        D_line=lines[1],
        per_decade=per_decade,
        names=tuple(_plain(name) for name in names),
    )


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _envelope(
    run: Array, N: Array, D: Array, compute: Array, loss: Array, weights: Array, per_decade: int
) -> list[EnvelopePoint]:
    """The lowest run at each budget 10**(k / per_decade), those that gain nothing over smaller budgets dropped."""
    used = weights > 0
    run, N, D, log_c, loss = run[used], N[used], D[used], np.log10(compute[used]), loss[used]
    first, last = math.floor(log_c.min() * per_decade), math.ceil(log_c.max() * per_decade)
    steps = np.arange(first, last + 1)
    height, carrier, tokens = np.full(steps.size, np.inf), np.full(steps.size, -1), np.zeros(steps.size)
    spent = 10.0 ** (steps / per_decade)
    sizes = {}
    for code in np.unique(run):
        rows = np.flatnonzero(run == code)
        rows = rows[np.argsort(log_c[rows], kind="stable")]
        sizes[int(code)] = float(N[rows[0]])
        if rows.size == 1:
            (row,) = rows
            k = round(float(log_c[row]) * per_decade) - first
            here, height_here, tokens_here = np.array([k]), loss[row : row + 1], D[row : row + 1]
            if height_here[0] < height[k]:
                spent[k] = 10.0 ** log_c[row]  # the run's own compute, not its bin's
        else:
            low, high = log_c[rows[0]] * per_decade - 1e-9, log_c[rows[-1]] * per_decade + 1e-9
            here = np.flatnonzero((steps >= low) & (steps <= high))
            at = steps[here] / per_decade
            height_here = np.exp(np.interp(at, log_c[rows], np.log(loss[rows])))
            tokens_here = np.exp(np.interp(at, log_c[rows], np.log(D[rows])))
            spent[here[height_here < height[here]]] = 10.0 ** at[height_here < height[here]]
        lower = height_here < height[here]
        height[here[lower]], tokens[here[lower]], carrier[here[lower]] = height_here[lower], tokens_here[lower], int(code)
    extremes = (min(sizes.values()), max(sizes.values()))
    points, lowest = [], np.inf
    for k in range(steps.size):
        if height[k] < lowest:
            lowest = float(height[k])
            size = sizes[int(carrier[k])]
            points.append(EnvelopePoint(float(spent[k]), int(carrier[k]), size, float(tokens[k]), lowest, size in extremes))
    return points


def _lines(points: list[EnvelopePoint]) -> tuple[Line, Line]:
    budgets = np.array([point.compute for point in points])
    return tuple(fit_line(budgets, np.array([getattr(point, name) for point in points])) for name in ("N", "D"))  # type: ignore[return-value]


def _theta(N_line: Line, D_line: Line, C0: float) -> Array:
    at = math.log(C0)
    return np.array([N_line.log_at(at), N_line.slope, D_line.log_at(at), D_line.slope])


def _objective(line: Line, points: list[EnvelopePoint]) -> float:
    return float(sum((math.log(point.N) - line.log_at(math.log(point.compute))) ** 2 for point in points))
