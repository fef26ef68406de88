"""How are thousands of fits of the parametric law brought to their minima at once?

The law is a sum of three exponentials, exp(a - alpha x) + exp(b - beta z) + exp(e) with x = log N and z = log D, both
less their mean so that level and exponent do not pull on each other. Every derivative of a sum over runs is then a sum
of weights times fixed powers of x and z: one matrix product of (fits x runs) weights with a (runs x powers) table that
never changes. No Jacobian is ever formed, and a batch of fits costs a few dozen passes over its (fits x runs) cells.

:func:`evaluate` gives objective, gradient and Hessian of a batch; :func:`descend` runs a batch to its minima by damped
Newton steps, with Gauss-Newton weights far from a minimum and the exact Hessian close to it. The batch is a pool of
constant size that is refilled as fits finish, so that its buffers stay in the processor's cache; many runs are taken
in slices, so that memory is bounded whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_EXPONENT", "Descent", "Problem", "Rows", "descend", "evaluate", "refine"]

Array = NDArray[np.float64]

#: Cells (fits x runs) in one buffer, 512 KB: small enough for the processor's cache, large enough to drown what a call costs.
CELLS = 65_536
#: Most fits side by side, where runs are few.
MOST_ROWS = 512
#: Exponents are cut here, where exp is neither infinite nor denormal, even squared.
LARGEST_EXPONENT = 300.0
#: Furthest that one step may move the logarithm of a term, anywhere on the data.
LONGEST_STEP = 8.0
#: Below this, a pivot of the scaled Hessian is not positive.
SMALLEST_PIVOT = 1e-13
#: Damping never treats a term as fainter than this share of the strongest: else those that have all but vanished, whose
#: logarithms move freely, would use up the longest step.
FAINTEST = 0.03
#: Runs beyond the Huber width count in the Hessian by this times the damping, at most fully.
LIFT = 1000.0


@dataclass(frozen=True)
class Problem:
    """Runs as the solver wants them: x, z centred logarithms, target log loss (``log``) or loss, weight; all (n,)."""

    x: Array
    z: Array
    target: Array
    weight: Array
    log: bool

    @property
    def n(self) -> int:
        return int(self.x.size)


@dataclass(frozen=True)
class Rows:
    """Weights (S, n) and targets (S, n) of S fits that differ in them; None where all share the problem's own."""

    weights: NDArray[Any] | None = None
    targets: Array | None = None


class _Slice:
    """Some of the runs: their targets and weights, and the tables whose products with weights give all derivatives."""

    def __init__(self, problem: Problem, low: int, high: int) -> None:
        x, z = problem.x[low:high], problem.z[low:high]
        one = np.ones_like(x)
        self.low, self.high, self.width = low, high, high - low
        self.x_line, self.z_line = np.stack([one, -x]), np.stack([one, -z])
        self.x_powers, self.z_powers = np.stack([one, x, x * x], axis=1), np.stack([one, z, z * z], axis=1)
        self.both = np.stack([one, x, z, x * z], axis=1)
        self.target, self.weight = problem.target[low:high], problem.weight[low:high]


class Evaluator:
    """Objective, gradient and Hessian of a batch of at most ``rows`` fits, in buffers that are kept.

    ``delta`` is the Huber width (infinity: half the squares); ``exact`` the true Hessian, else Gauss-Newton's with
    weights psi(r) / r, which is never indefinite. To the true Hessian, runs beyond delta add nothing, so that a step may
    carry many of them across; ``lift`` (m,) gives them that share of their weight psi(r) / r, and shorter steps.
    """

    def __init__(
        self, problem: Problem, delta: float, *, exact: bool, batch: Rows | None = None, rows: int | None = None
    ) -> None:
        self.problem, self.delta, self.exact = problem, delta, exact
        self.batch = batch or Rows()
        most = max(1, min(MOST_ROWS, CELLS // problem.n))
        self.rows = min(most, rows) if rows else most
        width = min(problem.n, max(1, CELLS // self.rows))
        self.slices = [_Slice(problem, low, min(low + width, problem.n)) for low in range(0, problem.n, width)]
        self._buffers = np.empty((10, self.rows * width))
        self._mask = np.empty(self.rows * width, bool)
        self._ends = np.array([problem.x.min(), problem.x.max()]), np.array([problem.z.min(), problem.z.max()])

    def evaluate(self, theta: Array, index: NDArray[np.intp], lift: Array | None = None) -> tuple[Array, Array, Array]:
        """(m,), (5, m), (5, 5, m) at ``theta`` (5, m), whose m fits are those numbered ``index`` of the batch."""
        m = theta.shape[1]
        constant = np.exp(theta[2])
        (x_low, x_high), (z_low, z_high) = self._ends
        furthest = max(
            np.abs(theta[0] - theta[3] * x_low).max(),
            np.abs(theta[0] - theta[3] * x_high).max(),
            np.abs(theta[1] - theta[4] * z_low).max(),
            np.abs(theta[1] - theta[4] * z_high).max(),
        )
        line_a, line_b = np.ascontiguousarray(theta[[0, 3]].T), np.ascontiguousarray(theta[[1, 4]].T)
        sums = _Sums(m)
        for part in self.slices:
            self._add(sums, part, line_a, line_b, constant, index, lift, cut=not furthest < LARGEST_EXPONENT)
        return sums.assemble(constant, exact=self.exact)

    def _add(
        self,
        sums: _Sums,
        part: _Slice,
        line_a: Array,
        line_b: Array,
        constant: Array,
        index: NDArray[np.intp],
        lift: Array | None,
        *,
        cut: bool,
    ) -> None:
        """Add what the runs of one slice contribute. In place: a fresh array per step would cost more than the step."""
        m, log, delta = constant.size, self.problem.log, self.delta
        cells = m * part.width
        term_a, term_b, total, r, psi, c, pull, t0, w, y = (buffer[:cells].reshape(m, part.width) for buffer in self._buffers)
        np.matmul(line_a, part.x_line, out=term_a)
        np.matmul(line_b, part.z_line, out=term_b)
        if cut:
            np.clip(term_a, -LARGEST_EXPONENT, LARGEST_EXPONENT, out=term_a)
            np.clip(term_b, -LARGEST_EXPONENT, LARGEST_EXPONENT, out=term_b)
        np.exp(term_a, out=term_a)
        np.exp(term_b, out=term_b)
        np.add(term_a, term_b, out=total)
        np.add(total, constant[:, None], out=total)
        if self.batch.targets is None:
            y = part.target
        else:
            y[...] = self.batch.targets[index, part.low : part.high]
        if self.batch.weights is None:
            w = part.weight
        else:
            w[...] = self.batch.weights[index, part.low : part.high]
        np.subtract(y, np.log(total, out=r) if log else total, out=r)
        if np.isinf(delta):
            psi = r
        else:
            np.clip(r, -delta, delta, out=psi)
        # pull = weighted psi, c = weight of the products of first derivatives.
        np.multiply(w, psi, out=pull)
        sums.value += np.vecdot(pull, r) - 0.5 * np.vecdot(pull, psi)
        if self.exact:
            if np.isinf(delta):
                np.add(r, 1.0, out=c) if log else c.fill(1.0)
            else:
                mask = self._mask[:cells].reshape(m, part.width)
                np.equal(psi, r, out=mask)
                np.copyto(c, mask)
                if lift is not None:
                    np.maximum(np.abs(r, out=t0), delta, out=t0)
                    np.maximum(c, np.divide(lift[:, None] * delta, t0, out=t0), out=c)
                if log:  # the softmax of the second derivative: p_j [j = k] - p_j p_k
                    np.add(c, psi, out=c)
        elif np.isinf(delta):
            c.fill(1.0)
        else:
            np.abs(r, out=c)
            np.maximum(c, delta, out=c)
            np.divide(delta, c, out=c)
        np.multiply(c, w, out=c)
        if log:
            np.reciprocal(total, out=total)
            np.multiply(pull, total, out=pull)
            np.multiply(c, total, out=c)
            np.multiply(c, total, out=c)
        # From here pull and c stand before the bare terms: d log L / d a = term_a / L.
        sums.pull_e += pull.sum(axis=1)
        sums.ee += c.sum(axis=1)
        sums.pull_a += np.matmul(np.multiply(pull, term_a, out=t0), part.x_powers)
        sums.pull_b += np.matmul(np.multiply(pull, term_b, out=t0), part.z_powers)
        np.multiply(c, term_a, out=t0)
        sums.ae += np.matmul(t0, part.x_powers)
        sums.ab += np.matmul(np.multiply(t0, term_b, out=r), part.both)
        sums.aa += np.matmul(np.multiply(t0, term_a, out=t0), part.x_powers)
        np.multiply(c, term_b, out=t0)
        sums.be += np.matmul(t0, part.z_powers)
        sums.bb += np.matmul(np.multiply(t0, term_b, out=t0), part.z_powers)


class _Sums:
    """Weighted sums of powers of x and z, from which gradient and Hessian are put together."""

    def __init__(self, m: int) -> None:
        self.value, self.pull_e, self.ee = np.zeros(m), np.zeros(m), np.zeros(m)
        self.pull_a, self.pull_b, self.aa, self.bb, self.ae, self.be = np.zeros((6, m, 3))
        self.ab = np.zeros((m, 4))

    def assemble(self, constant: Array, *, exact: bool) -> tuple[Array, Array, Array]:
        m = constant.size
        g, H = np.empty((5, m)), np.empty((5, 5, m))
        g[0], g[1], g[2] = -self.pull_a[:, 0], -self.pull_b[:, 0], -constant * self.pull_e
        g[3], g[4] = self.pull_a[:, 1], self.pull_b[:, 1]
        aa, bb = (self.aa - self.pull_a, self.bb - self.pull_b) if exact else (self.aa, self.bb)
        H[0, 0], H[3, 3], H[0, 3] = aa[:, 0], aa[:, 2], -aa[:, 1]
        H[1, 1], H[4, 4], H[1, 4] = bb[:, 0], bb[:, 2], -bb[:, 1]
        H[0, 1], H[1, 3], H[0, 4], H[3, 4] = self.ab[:, 0], -self.ab[:, 1], -self.ab[:, 2], self.ab[:, 3]
        H[0, 2], H[2, 3] = constant * self.ae[:, 0], -constant * self.ae[:, 1]
        H[1, 2], H[2, 4] = constant * self.be[:, 0], -constant * self.be[:, 1]
        H[2, 2] = constant * (constant * self.ee - self.pull_e) if exact else constant**2 * self.ee
        for i in range(5):
            for j in range(i):
                H[i, j] = H[j, i]
        return self.value, g, H


def evaluate(
    problem: Problem, theta: Array, delta: float, *, exact: bool = True, batch: Rows | None = None
) -> tuple[Array, Array, Array]:
    """Objective (S,), gradient (S, 5) and Hessian (S, 5, 5) at ``theta`` (S, 5), centred coordinates."""
    evaluator = Evaluator(problem, delta, exact=exact, batch=batch, rows=len(theta))
    value, gradient, hessian = np.empty(len(theta)), np.empty((len(theta), 5)), np.empty((len(theta), 5, 5))
    for index in _portions(len(theta), evaluator.rows):
        f, g, H = evaluator.evaluate(np.ascontiguousarray(theta[index].T), index)
        value[index], gradient[index], hessian[index] = f, g.T, H.transpose(2, 0, 1)
    return value, gradient, hessian


def _portions(count: int, size: int) -> Iterator[NDArray[np.intp]]:
    for low in range(0, count, size):
        yield np.arange(low, min(low + size, count))


@dataclass(frozen=True)
class Descent:
    """Where a batch ended: theta (S, 5) centred, value (S,), decrement (S,) by which Newton's model would still lower the
    value, steps (S,) evaluations taken, settled (S,) whether the rule of stopping was met.
    """

    theta: Array
    value: Array
    decrement: Array
    steps: NDArray[np.int64]
    settled: NDArray[np.bool_]


def descend(
    problem: Problem,
    starts: Array,
    delta: float,
    *,
    exact: bool,
    tolerance: float,
    limit: int,
    frozen: NDArray[np.bool_] | None = None,
    batch: Rows | None = None,
) -> Descent:
    """Bring every row of ``starts`` (S, 5) to a minimum of the Huber sum of width ``delta``.

    A row stops once a full step promises less than ``tolerance`` of its value, or after ``limit`` evaluations.
    ``frozen`` (S, 5): coordinates that stay.
    """
    count = len(starts)
    out = Descent(starts.copy(), np.full(count, np.inf), np.full(count, np.inf), np.zeros(count, np.int64), np.zeros(count, bool))
    if not count:
        return out
    evaluator = Evaluator(problem, delta, exact=exact, batch=batch, rows=count)
    spread = np.array([1.0, 1.0, 1.0, np.mean(problem.x**2), np.mean(problem.z**2)])
    x_reach, z_reach = np.abs(problem.x).max(), np.abs(problem.z).max()
    # At this value residuals are rounding errors of the logarithm, and nothing is left to find.
    floor = 0.5 * float(problem.weight.sum()) * (4e-16 * max(1.0, float(np.abs(problem.target).max()))) ** 2

    # The pool: one column per running fit. A fresh fit has value infinity and step 0: its first trial is its start.
    index = np.arange(min(evaluator.rows, count))
    waiting = index.size
    theta = np.ascontiguousarray(starts[index].T)
    f, g, H = np.full(index.size, np.inf), np.zeros((5, index.size)), np.tile(np.eye(5)[:, :, None], index.size)
    damping, growth = np.full(index.size, 1e-3), np.full(index.size, 2.0)
    steps, refused = np.zeros(index.size, np.int64), np.zeros(index.size, np.int64)

    while index.size:
        held = None if frozen is None else frozen[index].T
        step, slope = _newton_step(H, g, damping, spread, held)
        moved = np.maximum(np.abs(step[0]) + np.abs(step[3]) * x_reach, np.abs(step[1]) + np.abs(step[4]) * z_reach)
        t = np.minimum(1.0, LONGEST_STEP / np.maximum(np.maximum(moved, np.abs(step[2])), LONGEST_STEP))
        trial = theta + t * step
        f_trial, g_trial, H_trial = evaluator.evaluate(trial, index, np.minimum(LIFT * damping, 1.0))
        promised = -slope * (t - 0.5 * t * t)
        decrement = -0.5 * slope
        fresh = np.isinf(f)
        gain = np.where(fresh, 1.0, f - f_trial)
        better = fresh | (f_trial < f)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(fresh, 0.5, gain / promised)
        np.nan_to_num(ratio, copy=False, nan=-1.0)
        theta = np.where(better, trial, theta)
        g, H = np.where(better, g_trial, g), np.where(better, H_trial, H)
        # The rule of stopping looks at the value before the step, which is what the promise was made on.
        small = ~fresh & (decrement <= tolerance * f) & (t == 1.0)
        f = np.where(better, f_trial, f)
        steps += 1
        refused = np.where(better, 0, refused + 1)
        done = small & ((damping <= 1e-5) | (decrement <= 1e-6 * tolerance * f))
        damping = np.where(small & ~done, np.minimum(damping, 1e-5), damping)
        settled = done | (f <= floor) | ((refused >= 6) & (decrement <= 1e-11 * f))
        finished = settled | (steps >= limit) | (refused >= 40)
        damping = np.where(
            better,
            np.where(fresh, damping, damping * np.clip(1.0 - (2.0 * ratio - 1.0) ** 3, 0.1, 4.0)),
            np.where(small, damping, damping * growth),
        )
        growth = np.where(better, 2.0, np.minimum(2.0 * growth, 64.0))
        np.clip(damping, 1e-14, 1e12, out=damping)
        if not finished.any():
            continue
        gone = index[finished]
        out.theta[gone], out.value[gone], out.steps[gone] = theta[:, finished].T, f[finished], steps[finished]
        out.decrement[gone], out.settled[gone] = decrement[finished], settled[finished]
        places = np.flatnonzero(finished)
        incoming = np.arange(waiting, min(waiting + places.size, count))
        waiting += incoming.size
        filled, empty = places[: incoming.size], places[incoming.size :]
        index[filled] = incoming
        theta[:, filled] = starts[incoming].T
        f[filled], g[:, filled], H[:, :, filled] = np.inf, 0.0, np.eye(5)[:, :, None]
        damping[filled], growth[filled], steps[filled], refused[filled] = 1e-3, 2.0, 0, 0
        if empty.size:
            keep = np.ones(index.size, bool)
            keep[empty] = False
            index, theta, f, g, H = index[keep], theta[:, keep], f[keep], g[:, keep], H[:, :, keep]
            damping, growth, steps, refused = damping[keep], growth[keep], steps[keep], refused[keep]
    return out


def _newton_step(H: Array, g: Array, damping: Array, spread: Array, held: NDArray[np.bool_] | None) -> tuple[Array, Array]:
    """Damped Newton steps (5, m) and their slopes g . step (m,).

    The Hessian is scaled to a unit diagonal, so that the damping means the same in every coordinate and unit; ``spread``
    (5,) are the units of log-level squared in which the coordinates are compared. Where it
    is not positive definite its eigenvalues are replaced by their sizes: a step away from a saddle, not towards it.
    """
    diagonal = np.abs(np.einsum("iim->im", H))
    diagonal = np.maximum(diagonal, 1e-14 * diagonal.max(axis=0) + 1e-300)
    scale = 1.0 / np.sqrt(diagonal)
    least = FAINTEST * diagonal[:3].max(axis=0) * spread[:, None] * scale**2
    A = np.empty((5, 6, g.shape[1]))
    np.multiply(H, scale[:, None], out=A[:, :5])
    A[:, :5] *= scale
    np.multiply(g, -scale, out=A[:, 5])
    if held is not None:
        A[:, :5][held[:, None] | held[None, :]] = 0.0
        A[:, 5][held] = 0.0
    for i in range(5):
        A[i, i] += damping * (1.0 + least[i])
        if held is not None:
            A[i, i][held[i]] = 1.0
    kept = A.copy()
    positive = np.ones(g.shape[1], bool)
    with np.errstate(all="ignore"):
        for k in range(5):
            positive &= A[k, k] > SMALLEST_PIVOT
            A[k, k + 1 :] /= A[k, k]
            A[k + 1 :, k + 1 :] -= A[k + 1 :, k, None] * A[k, None, k + 1 :]
        for k in range(3, -1, -1):
            A[k, 5] -= np.einsum("jm,jm->m", A[k, k + 1 : 5], A[k + 1 :, 5])
    step = A[:, 5] * scale
    bad = np.flatnonzero(~(positive & np.isfinite(step).all(axis=0)))
    if bad.size:
        values, vectors = np.linalg.eigh(kept[:, :5, bad].transpose(2, 0, 1))
        sizes = np.maximum(np.abs(values), 1e-8)
        along = np.einsum("sji,js->si", vectors, kept[:, 5, bad]) / sizes
        step[:, bad] = np.einsum("sij,sj->is", vectors, along) * scale[:, bad]
    if held is not None:
        step[held] = 0.0
    return step, np.einsum("im,im->m", g, step)


def refine(problem: Problem, theta: Array, delta: float, held: NDArray[np.bool_]) -> Array:
    """``theta`` (S, 5) after a few plain Newton steps, each kept if it shrinks the gradient.

    A value cannot tell parameters apart closer than the square root of its rounding; its gradient can.
    """
    spread = np.ones(5)
    value, gradient, hessian = evaluate(problem, theta, delta)
    for _ in range(3):
        H, g = np.ascontiguousarray(hessian.transpose(1, 2, 0)), np.ascontiguousarray(gradient.T)
        step, _ = _newton_step(H, g, np.zeros(len(theta)), spread, held.T)
        trial = theta + np.where(np.abs(step).max(axis=0) < 1e-3, step, 0.0).T
        value_there, gradient_there, hessian_there = evaluate(problem, trial, delta)
        size, size_there = (np.where(held, 0.0, part) for part in (gradient, gradient_there))
        scale = np.sqrt(np.abs(np.einsum("sii->si", hessian))) + 1e-300
        better = ((size_there / scale) ** 2).sum(axis=1) < ((size / scale) ** 2).sum(axis=1)
        better &= value_there <= value * (1 + 1e-13)
        theta = np.where(better[:, None], trial, theta)
        value = np.where(better, value_there, value)
        gradient = np.where(better[:, None], gradient_there, gradient)
        hessian = np.where(better[:, None, None], hessian_there, hessian)
    return theta
