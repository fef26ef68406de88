"""Which law L(N, D) = E + A / N**alpha + B / D**beta describes these runs best?

:func:`fit_chinchilla` minimises the sum of an objective over runs, by default Huber's with width 1e-3 on log loss, as
Hoffmann et al. (2022, arXiv:2203.15556, Section 3.3) do, and runs it to its minimum, as they did not (Besiroglu et al.
2024, arXiv:2404.10102). All starts go through one batched Newton solver (:mod:`scaling_helpers.fitting.newton`).

>>> from scaling_helpers.fitting import planted_runs
>>> from scaling_helpers.laws import BESIROGLU_2024
>>> runs = planted_runs(BESIROGLU_2024, noise=0.01, seed=0)
>>> fit = fit_chinchilla(runs.N, runs.D, runs.loss)
>>> fit.status.name, fit.estimator
('CONVERGED', 'Huber(0.001) on log loss, summed')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..laws import ChinchillaLaw
from ..quantities import positive
from .absolute import sharpen
from .newton import LARGEST_EXPONENT, Descent, Problem, Rows, descend, evaluate, refine
from .objectives import Huber, LeastAbsolute, LeastSquares, Objective
from .result import Fit, Refits, Status
from .starts import profile_starts

__all__ = ["ChinchillaFit", "fit_chinchilla"]

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Known = Huber | LeastSquares | LeastAbsolute

COORDINATES = ("log_A", "log_B", "log_E", "alpha", "beta")
#: A term this far below the loss, in logarithms, is no term: at its bound of 0.
VANISHED = -40.0
#: Exponent given to a term that has vanished; any other would do.
IDLE_EXPONENT = 0.5
#: Largest exponent, beyond which a term only tells the smallest runs from all others.
STEEPEST = 20.0
#: Two ends are the same minimum if their values differ by less than this share.
SAME = 1e-6
#: Condition of the scaled information matrix from which parameters are called undetermined, and from which it is said.
SINGULAR, LOOSE = 1e13, 1e7
#: Runs whose compute spans less than this factor are one budget for what they can show of growth.
ONE_BUDGET = 2.0


@dataclass(frozen=True)
class ChinchillaFit(Fit):
    """A fitted :class:`~scaling_helpers.laws.ChinchillaLaw`; theta is (log A, log B, log E, alpha, beta).

    condition: largest over smallest eigenvalue of the information matrix in unit-free, centred coordinates. Near 1 the
    data tell all parameters apart; 1e7 leaves them tangled, 1e13 undetermined.
    warnings: what to know before trusting the fit, in sentences; empty if nothing.
    objective_function: the objective, for refits.
    """

    condition: float
    warnings: tuple[str, ...]
    objective_function: Known = field(repr=False)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """("log_A", "log_B", "log_E", "alpha", "beta"), natural logarithms."""
        return COORDINATES

    @property
    def predicted(self) -> Array:
        """Fitted loss at every run, (n,), nats per token."""
        return np.asarray(self.law.loss(self.data["N"], self.data["D"]), float)

    @property
    def residuals(self) -> Array:
        """Observed less predicted, of the log loss or of the loss, as the estimator says; (n,)."""
        if self.objective_function.space == "log":
            return np.log(self.data["loss"] / self.predicted)
        return self.data["loss"] - self.predicted

    @property
    def criterion(self) -> Known:
        """The objective that was minimised."""
        return self.objective_function

    def under(self, criterion: Any) -> ChinchillaFit:
        """The same runs fitted by another objective, from starts of its own."""
        data = self.data
        return fit_chinchilla(data["N"], data["D"], data["loss"], weights=data["weights"], objective=criterion)

    def law_at(self, theta: Array) -> ChinchillaLaw:
        """The law of coordinates ``theta`` (5,). A log E at its bound gives E = 0."""
        return _law(np.asarray(theta, float), _vanished(self.data["loss"]))

    def refit(self, weights: ArrayLike | None = None, targets: ArrayLike | None = None) -> Refits:
        """Fit again, S times in one batch, each started at this fit.

        weights: (S, n) non-negative, in place of the fit's own; a resample is the count of each run. Whole-number types
        such as uint16 save memory. targets: (S, n) positive losses in place of the observed ones.
        Raises ValueError for wrong shapes, negative or missing values, and rows without weight.

        >>> from scaling_helpers.fitting import planted_runs
        >>> from scaling_helpers.laws import BESIROGLU_2024
        >>> runs = planted_runs(BESIROGLU_2024, noise=0.01, seed=0)
        >>> fit = fit_chinchilla(runs.N, runs.D, runs.loss)
        >>> counts = np.random.default_rng(0).multinomial(60, np.full(60, 1 / 60), size=100)
        >>> again = fit.refit(weights=counts)
        >>> again.thetas.shape, bool(again.converged.all())
        ((100, 5), True)
        """
        batch, factor = _batch(self, weights, targets)
        runs = _Runs.of(self.data, self.objective_function, every=True)
        if batch.targets is not None:
            scaled = batch.targets / runs.unit
            batch = Rows(batch.weights, np.log(scaled) if runs.problem.log else scaled)
        count = len(batch.weights) if batch.weights is not None else len(batch.targets)  # type: ignore[arg-type]
        start = np.tile(runs.centred(self.theta[None]), (count, 1))
        ends = _minimise(runs, start, batch=batch, plan=_warm)
        factor *= runs.factor
        return Refits(runs.uncentred(ends.theta), ends.value * factor, ends.grad_norm * factor, ends.settled)


def fit_chinchilla(
    N: ArrayLike,
    D: ArrayLike,
    loss: ArrayLike,
    delta: float = 1e-3,
    starts: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    objective: Objective | None = None,
) -> ChinchillaFit:
    """The parametric law of least summed objective over n runs.

    N: (n,) parameters. D: (n,) training tokens. loss: (n,) final loss, nats per token. weights: (n,) non-negative, how
    often each run counts. delta: width of the Huber objective on log loss; ``objective`` (a
    :class:`~scaling_helpers.fitting.Huber`, ``LeastSquares`` or ``LeastAbsolute``) takes its place.
    starts: None looks for the valleys first (:func:`~scaling_helpers.fitting.starts.profile_starts`); an (S, 5) array of
    (log A, log B, log E, alpha, beta) runs exactly these, each to its stop, such as
    :func:`~scaling_helpers.fitting.hoffmann_starts`.

    A, B and E are at least 0 and alpha and beta positive. A fit that would go beyond ends there, with status AT_BOUND and
    the name in ``at_bound``. Raises ValueError or TypeError, naming the argument, for values that are not positive and
    finite, for lengths that differ, and for fewer than five different (N, D).

    >>> from scaling_helpers.fitting import LeastSquares, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, noise=0.0)
    >>> fit = fit_chinchilla(runs.N, runs.D, runs.loss, objective=LeastSquares())
    >>> bool(abs(fit.law.alpha - BESIROGLU_2024.alpha) < 1e-9)
    True
    """
    if objective is None:
        objective = Huber(delta)
    if not isinstance(objective, (Huber, LeastSquares, LeastAbsolute)):
        raise TypeError(f"objective must be a Huber, LeastSquares or LeastAbsolute, got {objective!r}")
    data = _checked_runs(N, D, loss, weights)
    runs = _Runs.of(data, objective)
    if starts is None:
        some = runs.thinned()
        ends = _minimise(some, _race(some, profile_starts(some.problem)), plan=_finals)
    else:
        ends = _minimise(runs, runs.centred(_checked_starts(starts)))
    # Those that came close are taken to the bottom; the others are at their own stop.
    near = np.argsort(ends.value, kind="stable")[: 16 if runs.problem.n <= MANY else 4]
    near = near[ends.value[near] <= ends.value[near[0]] * 1.05 + ends.floor]
    final = _minimise(runs, ends.theta[near], frozen=ends.frozen[near], plan=_polish, refined=True)
    if isinstance(objective, LeastAbsolute):
        _sharpened(runs, final)
    chosen = int(np.argmin(final.value))
    best = float(ends.value[near[0]]) if starts is None else float(final.value[chosen])
    share = float(np.mean(ends.value <= best * (1 + SAME) + ends.floor))
    return _result(runs, data, objective, final, chosen, len(ends.value), share)


@dataclass(frozen=True)
class _Runs:
    """Runs in the solver's coordinates, and the way there and back.

    log N and log D are less their means, losses are divided by their geometric mean ``unit``; ``objective`` is the same
    objective in those units, and values in them times ``factor`` are those in nats.
    """

    problem: Problem
    objective: Known
    factor: float
    shift: Array
    unit: float
    vanished: float
    steepest: tuple[float, float]

    @classmethod
    def of(cls, data: Mapping[str, Array], objective: Known, *, every: bool = False) -> _Runs:
        """Runs of positive weight, or ``every`` run, since another set of weights may use it."""
        N, D, loss, weights = (data[name] for name in ("N", "D", "loss", "weights"))
        w = weights / weights.max()
        used = np.ones(w.size, bool) if every else w > 0
        x, z, level = np.log(N), np.log(D), np.log(loss)
        x_mean, z_mean, level_mean = (float(v @ w / w.sum()) for v in (x, z, level))
        level -= level_mean
        log = objective.space == "log"
        unit, factor = float(np.exp(level_mean)), 1.0
        if not log:
            factor = unit if isinstance(objective, LeastAbsolute) else unit**2
            if isinstance(objective, Huber):
                objective = replace(objective, delta=objective.delta / unit)
        problem = Problem(x[used] - x_mean, z[used] - z_mean, (level if log else np.exp(level))[used], w[used], log)
        # A must be a float in the units given, so that exponents end sooner where N is beyond all reason.
        steepest = tuple(float(min(STEEPEST, 650.0 / max(np.abs(v).max(), 1.0))) for v in (x, z))
        shift = np.array([x_mean, z_mean, level_mean])
        return cls(problem, objective, factor, shift, unit, float(level.min()) + VANISHED, (steepest[0], steepest[1]))

    def centred(self, theta: Array) -> Array:
        """(S, 5) from the fit's coordinates to the solver's."""
        out = np.array(theta, float)
        out[:, :2] -= out[:, 3:] * self.shift[:2]
        out[:, :3] -= self.shift[2]
        return out

    def uncentred(self, theta: Array) -> Array:
        """(S, 5) from the solver's coordinates to the fit's."""
        out = np.array(theta, float)
        out[:, :2] += out[:, 3:] * self.shift[:2]
        out[:, :3] += self.shift[2]
        return out

    def thinned(self) -> _Runs:
        """Every so-many-th of very many runs, in order of N, D and loss: enough to see the valleys."""
        p = self.problem
        if p.n <= MANY:
            return self
        order = np.lexsort((p.target, p.z, p.x))[:: -(-p.n // MANY)]
        return replace(self, problem=Problem(p.x[order], p.z[order], p.target[order], p.weight[order], p.log))


def _vanished(loss: Array) -> float:
    return float(np.log(np.min(loss))) + VANISHED


@dataclass
class _Ends:
    """Where starts ended; ``value`` in units of the objective, weights scaled to at most 1."""

    theta: Array
    value: Array
    grad_norm: Array
    settled: Bools
    frozen: Bools
    floor: float


@dataclass(frozen=True)
class _Phase:
    """One descent of the whole batch: Huber width, exact Hessian or Gauss-Newton's, when a row stops."""

    delta: float
    exact: bool
    tolerance: float
    limit: int


#: Of more runs than this, some are enough to find the valleys.
MANY = 4000
#: Starts that a race takes to the end, at least.
FINALISTS = 24
#: A row of a multi-start stops at this share of its value, one that is to be the answer at that.
STOP, CERTAIN = 1e-9, 1e-15


#: Widths at which absolute values are rounded off, as powers of ten: where Newton begins, for a stop, and for certainty.
ROUNDING = (-3, -6, -9)


def _widen(objective: Known) -> list[float]:
    """From wide to narrow: a wide Huber is nearly least squares, whose valleys are broad; each leads into the next."""
    if isinstance(objective, LeastSquares):
        return [np.inf]
    least = objective.delta if isinstance(objective, Huber) else 10.0 ** ROUNDING[0]
    return [width for width in (0.1, 0.01) if width > 1.5 * least]


def _narrow(objective: Known, tolerance: float, limit: int, powers: tuple[int, int]) -> list[_Phase]:
    """The exact objective, or for absolute values ever less rounding; ``powers`` are the first and last width of that."""
    if isinstance(objective, LeastSquares):
        return [_Phase(np.inf, True, tolerance, limit)]
    first, last = powers
    if isinstance(objective, Huber):
        wider = [_Phase(10.0**k, True, STOP, limit) for k in range(first, last, -1) if 10.0**k > 5 * objective.delta]
        return [*wider, _Phase(objective.delta, True, tolerance, limit)]
    return [_Phase(10.0**k, True, STOP if k > last else tolerance, limit) for k in range(first, last - 1, -1)]


def _full(objective: Known) -> list[_Phase]:
    """Every start to its stop, wherever it began."""
    rough = [_Phase(width, False, 1e-2, 30) for width in _widen(objective)]
    return [*rough, *_narrow(objective, STOP, 100, (ROUNDING[0], ROUNDING[1]))]


def _finals(objective: Known) -> list[_Phase]:
    """Starts that a race has brought near."""
    return _narrow(objective, STOP, 40, (ROUNDING[0], ROUNDING[1]))


def _polish(objective: Known) -> list[_Phase]:
    """To the bottom, from a stop."""
    return _narrow(objective, CERTAIN, 500, (ROUNDING[1], ROUNDING[2]))


def _warm(objective: Known) -> list[_Phase]:
    """To the bottom, from the minimum of like data."""
    rough = [_Phase(objective.delta, False, 1e-2, 4)] if isinstance(objective, Huber) else []
    return [*rough, *_narrow(objective, CERTAIN, 500, (ROUNDING[0], ROUNDING[2]))]


def _race(runs: _Runs, starts: Array) -> Array:
    """A few steps for every start at each width, then only the better half goes on."""
    theta = starts
    for width, steps in zip(_widen(runs.objective), (10, 6), strict=False):
        ends = descend(runs.problem, theta, width, exact=False, tolerance=1e-2, limit=steps)
        # Absolute values have many minima close together, and a race by squares cannot tell which is least.
        share = 1 if isinstance(runs.objective, LeastAbsolute) else 2
        keep = np.argsort(ends.value, kind="stable")[: max(FINALISTS, len(theta) // share, 6000 // runs.problem.n)]
        theta = ends.theta[np.sort(keep)]
    return theta


def _minimise(
    runs: _Runs,
    starts: Array,
    *,
    batch: Rows | None = None,
    frozen: Bools | None = None,
    plan: Callable[[Known], list[_Phase]] = _full,
    refined: bool = False,
) -> _Ends:
    """Run every start to its stop, then take those that left the law's domain, or lost a term, to the bound."""
    phases = plan(runs.objective)
    held = np.zeros(starts.shape, bool) if frozen is None else frozen.copy()

    def run(theta: Array, held: Bools, phases: list[_Phase], rows: NDArray[np.intp]) -> Descent:
        part = _rows_of(batch, rows)
        for phase in phases:
            ends = descend(
                runs.problem, theta, phase.delta, exact=phase.exact, tolerance=phase.tolerance, limit=phase.limit,
                frozen=held if held.any() else None, batch=part,
            )  # fmt: skip
            theta = ends.theta
        return ends

    every = np.arange(len(starts))
    ends = run(starts, held, phases, every)
    theta, value, settled = ends.theta, ends.value, ends.settled
    last = phases[-1]
    exact = [phase for phase in phases if phase.exact]
    for _ in range(4):
        moved, proposal, hold, must = _to_bounds(runs, theta, value, held, alone=batch is not None)
        if not moved.size:
            break
        again = run(proposal, hold, exact, moved)
        take = must | (again.value <= value[moved])
        won = moved[take]
        theta[won], value[won], settled[won] = again.theta[take], again.value[take], again.settled[take]
        held[won] = hold[take]
        if not take.any():
            break
    if refined:
        theta = refine(runs.problem, theta, last.delta, held)
    return _finished(runs, theta, held, settled, last.delta, batch)


def _rows_of(batch: Rows | None, rows: NDArray[np.intp]) -> Rows | None:
    if batch is None:
        return None
    count = len(batch.weights) if batch.weights is not None else len(batch.targets)  # type: ignore[arg-type]
    if rows.size == count:
        return batch
    return Rows(None if batch.weights is None else batch.weights[rows], None if batch.targets is None else batch.targets[rows])


def _to_bounds(
    runs: _Runs, theta: Array, value: Array, held: Bools, *, alone: bool
) -> tuple[NDArray[np.intp], Array, Bools, Bools]:
    """Rows to try at a bound: their numbers, where to start, what to hold, and whether there is no other choice.

    An exponent that is not positive makes its term grow with N or D: the law forbids it, and the best that is left is
    without the term. A term that has all but vanished is tried without it. ``alone``: each row is a fit of its own;
    otherwise only rows that could still be the best matter.
    """
    p = runs.problem
    ends = ((float(p.x.min()), float(p.x.max())), (float(p.z.min()), float(p.z.max())))
    outside = np.zeros((2, len(theta)), bool)
    steep = np.zeros((2, len(theta)), bool)
    faint = np.zeros((3, len(theta)), bool)
    least = runs.vanished - VANISHED
    for k in (0, 1):
        exponent, free = theta[:, 3 + k], ~held[:, k]
        outside[k] = free & ~(exponent > 1e-9)
        steep[k] = ~held[:, 3 + k] & (exponent > 0.99 * runs.steepest[k])
        largest = theta[:, k] - np.minimum(exponent * ends[k][0], exponent * ends[k][1])
        faint[k] = free & (largest < least - 6.0)
    faint[2] = ~held[:, 2] & (theta[:, 2] < least - 3.0)
    must = outside[0] | outside[1] | steep[0] | steep[1]
    wanted = must | faint.any(axis=0)
    if not alone and wanted.any():
        inside = value[~must]
        wanted &= value <= (inside.min() if inside.size else np.inf) * (1 + SAME)
    moved = np.flatnonzero(wanted)
    proposal, hold = theta[moved].copy(), held[moved].copy()
    for k in (0, 1):
        gone = (outside[k] | faint[k])[moved]
        # What the term was on average goes to E, where it can.
        grown = np.logaddexp(proposal[:, 2], np.minimum(proposal[:, k], least))
        proposal[:, 2] = np.where(gone & outside[k][moved] & ~hold[:, 2], grown, proposal[:, 2])
        proposal[gone, 3 + k] = IDLE_EXPONENT
        proposal[gone, k] = runs.vanished + IDLE_EXPONENT * ends[k][0]
        hold[gone, k] = hold[gone, 3 + k] = True
        cut = steep[k][moved] & ~gone
        proposal[cut, k] += (runs.steepest[k] - proposal[cut, 3 + k]) * ends[k][0]
        proposal[cut, 3 + k] = runs.steepest[k]
        hold[cut, 3 + k] = True
    gone = faint[2][moved] & ~must[moved]
    proposal[gone, 2] = runs.vanished
    hold[gone, 2] = True
    return moved, proposal, hold, must[moved]


def _finished(runs: _Runs, theta: Array, held: Bools, settled: Bools, delta: float, batch: Rows | None) -> _Ends:
    """Values of the objective, not of its rounding, and gradients in the fit's coordinates, at bounds only along them."""
    objective = runs.objective
    value, gradient, _ = evaluate(runs.problem, theta, delta, batch=batch)
    scale = 1.0
    if isinstance(objective, LeastSquares):
        scale = 2.0
    elif isinstance(objective, LeastAbsolute):
        scale = 1.0 / delta
        value = _absolute(runs.problem, theta, batch) * delta
    gradient = np.where(held, 0.0, gradient)
    gradient[:, 3] -= np.where(held[:, 3], 0.0, runs.shift[0] * gradient[:, 0])
    gradient[:, 4] -= np.where(held[:, 4], 0.0, runs.shift[1] * gradient[:, 1])
    p = runs.problem
    rounding = 4e-16 * max(1.0, float(np.abs(p.target).max()))
    floor = float(p.weight.sum()) * float(objective.value([rounding])[0]) * 10.0
    return _Ends(theta, value * scale, np.sqrt((gradient**2).sum(axis=1)) * scale, settled, held, floor)


def _sharpened(runs: _Runs, ends: _Ends) -> None:
    """Take minima of the rounded sum to those of the sum itself, with its smallest subgradient for a gradient."""
    p = runs.problem
    for i in range(len(ends.theta)):
        ends.theta[i], ends.value[i], slope = sharpen(p, ends.theta[i], ends.frozen[i], 10.0 ** ROUNDING[2])
        slope[3] -= runs.shift[0] * slope[0] * (not ends.frozen[i, 3])
        slope[4] -= runs.shift[1] * slope[1] * (not ends.frozen[i, 4])
        ends.grad_norm[i] = float(np.linalg.norm(slope))
        ends.settled[i] |= bool(ends.grad_norm[i] <= 1e-6 * p.weight.sum())


def _absolute(problem: Problem, theta: Array, batch: Rows | None) -> Array:
    """Weighted sums of absolute residuals (S,), a slice of the batch at a time."""
    out = np.empty(len(theta))
    size = max(1, 2_000_000 // problem.n)
    for low in range(0, len(theta), size):
        part = slice(low, low + size)
        a, b, e, alpha, beta = (column[:, None] for column in theta[part].T)
        predicted = np.exp(a - alpha * problem.x) + np.exp(b - beta * problem.z) + np.exp(e)
        if problem.log:
            predicted = np.log(predicted)
        target = problem.target if batch is None or batch.targets is None else batch.targets[part]
        weight = problem.weight if batch is None or batch.weights is None else batch.weights[part]
        out[part] = (weight * np.abs(target - predicted)).sum(axis=1)
    return out


def _law(theta: Array, vanished: float) -> ChinchillaLaw:
    a, b, e, alpha, beta = (float(value) for value in theta)
    E = 0.0 if e <= vanished + 1e-6 else float(np.exp(e))
    # A descent that did not settle may stand where A or B is no float any more.
    return ChinchillaLaw(E=E, A=np.exp(min(a, 700.0)), B=np.exp(min(b, 700.0)), alpha=alpha, beta=beta)


def _result(
    runs: _Runs,
    data: Mapping[str, Array],
    objective: Known,
    ends: _Ends,
    chosen: int,
    n_starts: int,
    share: float,
) -> ChinchillaFit:
    """The fit with what is to be said of it."""
    held = ends.frozen[chosen]
    theta = runs.uncentred(ends.theta[chosen : chosen + 1])[0]
    factor = float(data["weights"].max()) * runs.factor
    condition = _condition(runs, ends.theta[chosen], held)
    at_bound = _names_at_bound(held)
    warnings = _warnings(runs, condition, at_bound)
    if _line(runs)[0]:  # the design leaves the law open, wherever on the valley's floor a descent ended
        status = Status.NOT_IDENTIFIED
    elif not ends.settled[chosen]:
        status = Status.NOT_CONVERGED
    elif at_bound:
        status = Status.AT_BOUND
    elif condition > SINGULAR:
        status = Status.NOT_IDENTIFIED
    else:
        status = Status.CONVERGED
    fit = ChinchillaFit(
        law=_law(theta, _vanished(data["loss"])),
        theta=theta,
        objective=float(ends.value[chosen]) * factor,
        grad_norm=float(ends.grad_norm[chosen]) * factor,
        status=status,
        n_starts=n_starts,
        share_at_best=share,
        at_bound=at_bound,
        estimator=objective.name,
        data=data,
        condition=condition,
        warnings=warnings,
        objective_function=objective,
    )
    if objective.space == "log" and np.abs(fit.residuals).max() > LARGEST_EXPONENT / 2:  # so far out the solver cuts terms off
        return replace(fit, objective=float(data["weights"] @ objective.value(fit.residuals)))
    return fit


def _names_at_bound(held: Bools) -> tuple[str, ...]:
    names = [name for name, at in zip(("A", "B", "E"), held[:3], strict=True) if at]
    # An exponent held by itself is at its largest; with its term gone it means nothing.
    names += [name for name, k in (("alpha", 0), ("beta", 1)) if held[3 + k] and not held[k]]
    return tuple(names)


def _condition(runs: _Runs, theta: Array, held: Bools) -> float:
    _, _, information = evaluate(runs.problem, theta[None], np.inf, exact=False)
    free = np.flatnonzero(~held)
    inner = information[0][np.ix_(free, free)]
    size = np.sqrt(np.diag(inner))
    if not (size > 0).all():
        return float("inf")
    values = np.linalg.eigvalsh(inner / np.outer(size, size))
    return float(values[-1] / max(values[0], 1e-17 * values[-1]))


def _line(runs: _Runs) -> tuple[str, str]:
    """What the runs leave open whatever their losses, if they lie on one line of (log N, log D): why, and what follows."""
    p = runs.problem
    _, axes = np.linalg.eigh(np.cov(p.x, p.z, aweights=p.weight))
    dx, dz = axes[:, 1]
    along, across = dx * p.x + dz * p.z, dx * p.z - dz * p.x
    if p.weight @ across**2 > 1e-18 * (p.weight @ along**2):
        return "", ""
    if abs(dx) < 1e-7:
        return "all runs have one N", "E and A / N**alpha are only known together: vary N"
    if abs(dz) < 1e-7:
        return "all runs have one D", "E and B / D**beta are only known together: vary D"
    if dx * dz > 0:
        why = "D is the same power of N in all runs" if abs(dx - dz) > 1e-7 else "all runs have one D / N"
        return why, "the two terms can trade places: vary D at fixed N"
    return "", ""


def _warnings(runs: _Runs, condition: float, at_bound: tuple[str, ...]) -> tuple[str, ...]:
    said = []
    why, follows = _line(runs)
    if why:
        said.append(f"{why}, so that {follows}.")
    meaning = {
        "A": "no size shortfall is visible (A = 0), so that alpha means nothing",
        "B": "no data shortfall is visible (B = 0), so that beta means nothing",
        "E": "the data ask for no irreducible loss (E = 0)",
        "alpha": f"alpha ended at its largest, {runs.steepest[0]:g}: only the smallest models differ",
        "beta": f"beta ended at its largest, {runs.steepest[1]:g}: only the shortest runs differ",
    }
    said += [f"At a bound: {meaning[name]}." for name in at_bound]
    compute = runs.problem.x + runs.problem.z
    if (span := float(np.ptp(compute))) < np.log(ONE_BUDGET) and not why:
        said.append(
            f"All runs spend about one budget (largest {np.exp(span):.3g} times the smallest; condition {condition:.1e}): only "
            "the walls of one valley tell E and the two terms apart, and nothing shows how the best size grows. Take neither "
            "exponents nor other budgets from this fit; add runs at a budget ten times as large or as small."
        )
    if condition > LOOSE and not why:
        said.append(
            f"The parameters are hard to tell apart (condition {condition:.1e}): trust predictions near the runs rather than "
            "single parameters, and look at intervals."
        )
    return tuple(said)


def _checked_runs(N: ArrayLike, D: ArrayLike, loss: ArrayLike, weights: ArrayLike | None) -> dict[str, Array]:
    data: dict[str, Array] = {}
    for name, value, unit in (("N", N, ""), ("D", D, ""), ("loss", loss, "nats/token")):
        array = np.asarray(positive(name, _plain(value), unit))
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}: give one value per run, shape (n,)")
        data[name] = array
    n = data["N"].size
    data["weights"] = np.ones(n) if weights is None else _checked_weights("weights", weights)
    sizes = {name: array.size for name, array in data.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"lengths differ: {listed}; give one value per run in each")
    used = data["weights"] > 0
    different = len(np.unique(np.stack([data["N"][used], data["D"][used]]), axis=1).T)
    if different < 5:
        raise ValueError(
            f"{n} runs with {different} different (N, D) of positive weight: five parameters need at least five; "
            "add runs, or fit a law with fewer parameters"
        )
    return data


def _plain(value: Any) -> Any:
    """Whole numbers beyond 64 bits come as objects; floats hold them."""
    array = np.asarray(value)
    if array.dtype.kind == "O" and array.size and all(type(item) in (int, float) for item in array.ravel()):
        return array.astype(float)
    return array


def _checked_weights(name: str, weights: ArrayLike) -> Array:
    array = np.asarray(weights)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be real numbers, got {array.dtype}")
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        raise ValueError(f"{name} = {array[bad].ravel()[0]:g} ({int(bad.sum())} values): weights are finite and at least 0")
    if not (array > 0).any(axis=-1).all():
        raise ValueError(f"{name}: no run has a positive weight")
    return array.astype(float) if array.ndim == 1 else array


def _checked_starts(starts: ArrayLike) -> Array:
    array = np.asarray(starts)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"starts must be real numbers, got {array.dtype}")
    array = np.atleast_2d(array.astype(float))
    if array.ndim != 2 or array.shape[1] != 5 or not len(array):
        raise ValueError(f"starts has shape {array.shape}: give (S, 5), columns log A, log B, log E, alpha, beta")
    if not np.isfinite(array).all():
        raise ValueError(f"starts: row {int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])} is not finite")
    return array


def _batch(fit: ChinchillaFit, weights: ArrayLike | None, targets: ArrayLike | None) -> tuple[Rows, Array]:
    """Rows for the solver, weights scaled where they are extreme, and the factor that undoes the scaling."""
    if weights is None and targets is None:
        raise ValueError("refit needs weights, targets or both")
    n = fit.data["N"].size
    w = None if weights is None else _checked_weights("weights", weights)
    y = None if targets is None else np.asarray(positive("targets", np.asarray(targets), "nats/token"))
    for name, array in (("weights", w), ("targets", y)):
        if array is not None and (array.ndim != 2 or array.shape[1] != n or not len(array)):
            raise ValueError(f"{name} has shape {array.shape}: give (S, {n}), a row per refit and a column per run")
    if w is not None and y is not None and len(w) != len(y):
        raise ValueError(f"{len(w)} rows of weights and {len(y)} of targets: give as many of each")
    if w is None:
        return Rows(None, y), np.full(len(y), fit.data["weights"].max())  # type: ignore[arg-type]
    largest = w.max(axis=1).astype(float)
    extreme = (largest < 1e-6) | (largest > 1e6)
    if extreme.any():
        w = w / np.where(extreme, largest, 1.0)[:, None]
    return Rows(w, y), np.where(extreme, largest, 1.0)
