"""Where exactly is a sum of absolute residuals least, and is it?

Such a sum has a kink wherever a residual is 0, and its minimum sits on kinks: as many runs as parameters, or nearly, are
met exactly. A rounded sum (Huber with a tiny width) finds out which. :func:`sharpen` then solves for those residuals
to be 0 and the rest to be stationary, and certifies the result: at a minimum, and only there, the slopes of the other
runs can be balanced by the runs on the kink pulling with at most their weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .newton import Problem

__all__ = ["sharpen"]

Array = NDArray[np.float64]

#: More runs than this on kinks are duplicates or data without noise, where there is nothing to sharpen.
MOST_ON_KINK = 40


def sharpen(problem: Problem, theta: Array, held: NDArray[np.bool_], width: float) -> tuple[Array, float, Array]:
    """From the minimum ``theta`` (5,) of the sum rounded to ``width``: theta, the sum, and its smallest subgradient (5,).

    The subgradient is that of least length in units of each parameter's own pull; coordinates ``held`` do not move.
    """
    free = np.flatnonzero(~held)
    before = _total(problem, theta)
    tried = [(before, np.inf, theta, np.zeros(5))]
    for reach in (3.0, 100.0, 10_000.0):  # where the rounded minimum is flat, it leaves kinks further off
        on_kink = np.flatnonzero(np.abs(_residuals(problem, theta)) <= reach * width)
        if on_kink.size > MOST_ON_KINK:
            break
        point = _met(problem, theta, free, on_kink) if on_kink.size else theta
        slope = _smallest_subgradient(problem, point, free, on_kink)
        total = _total(problem, point)
        if total <= before * (1 + 1e-13):
            tried.append((total, float(np.linalg.norm(slope)), point, slope))
    least = min(total for total, *_ in tried)
    total, size, point, slope = min((one for one in tried if one[0] <= least * (1 + 1e-13)), key=lambda one: one[1])
    if not np.isfinite(size):
        slope = _smallest_subgradient(problem, point, free, np.flatnonzero(np.abs(_residuals(problem, point)) <= 3.0 * width))
    return point, total, slope


def _total(problem: Problem, theta: Array) -> float:
    return float((problem.weight * np.abs(_residuals(problem, theta))).sum())


def _met(problem: Problem, theta: Array, free: NDArray[np.intp], on_kink: NDArray[np.intp]) -> Array:
    """The point near ``theta`` where the runs on the kink are met exactly, or ``theta`` if there is none."""
    point = theta
    for _ in range(8):
        before, point = point, _step(problem, point, free, on_kink)
        if not np.abs(point - before).max() < 0.1:  # nor NaN: the rounding did not find the kinks
            return theta
    return point


def _terms(problem: Problem, theta: Array) -> tuple[Array, Array]:
    """Derivatives of the prediction by its three terms' logarithms (3, n), and what multiplies them in theta (5, n)."""
    terms = np.stack(
        [
            np.exp(theta[0] - theta[3] * problem.x),
            np.exp(theta[1] - theta[4] * problem.z),
            np.full(problem.n, np.exp(theta[2])),
        ]
    )
    if problem.log:
        terms /= terms.sum(axis=0)
    one = np.ones(problem.n)
    return terms, np.stack([one, one, one, -problem.x, -problem.z])


#: Which term each coordinate belongs to.
TERM = np.array([0, 1, 2, 0, 1])


def _residuals(problem: Problem, theta: Array) -> Array:
    predicted = np.exp(theta[0] - theta[3] * problem.x) + np.exp(theta[1] - theta[4] * problem.z) + np.exp(theta[2])
    return problem.target - (np.log(predicted) if problem.log else predicted)


def _step(problem: Problem, theta: Array, free: NDArray[np.intp], on_kink: NDArray[np.intp]) -> Array:
    """One Newton step for: residuals on the kink 0, and the slopes of all runs in balance."""
    terms, factor = _terms(problem, theta)
    jacobian = (terms[TERM] * factor)[free]
    residual = _residuals(problem, theta)
    pull = problem.weight * np.sign(residual)
    pull[on_kink] = 0.0
    inner = jacobian[:, on_kink]
    pull[on_kink] = np.linalg.lstsq(inner, -(jacobian @ pull), rcond=None)[0]
    # Curvature of the prediction: terms in loss space, a softmax in log space.
    same = TERM[free][:, None] == TERM[free]
    weighted = factor[free] * terms[TERM[free]] * pull
    hessian = -np.where(same, weighted @ factor[free].T, 0.0)
    if problem.log:
        hessian += (jacobian * pull) @ jacobian.T
    size = np.sqrt(np.maximum((problem.weight * jacobian**2).sum(axis=1), 1e-300))
    k = on_kink.size
    system = np.zeros((free.size + k, free.size + k))
    system[: free.size, : free.size] = hessian / np.outer(size, size)
    system[: free.size, free.size :] = inner / size[:, None]
    system[free.size :, : free.size] = (inner / size[:, None]).T
    right = np.concatenate([(jacobian @ pull) / size, residual[on_kink]])
    moved = theta.copy()
    moved[free] += np.linalg.lstsq(system, right, rcond=1e-13)[0][: free.size] / size
    return moved


def _smallest_subgradient(problem: Problem, theta: Array, free: NDArray[np.intp], on_kink: NDArray[np.intp]) -> Array:
    from scipy.optimize import lsq_linear

    terms, factor = _terms(problem, theta)
    jacobian = (terms[TERM] * factor)[free]
    pull = problem.weight * np.sign(_residuals(problem, theta))
    pull[on_kink] = 0.0
    slope = -(jacobian @ pull)
    if on_kink.size:
        size = np.maximum(np.abs(jacobian) @ problem.weight, 1e-300)
        bound = problem.weight[on_kink]
        found = lsq_linear(jacobian[:, on_kink] / size[:, None], slope / size, (-bound, bound), method="bvls", tol=1e-14)
        slope = slope - jacobian[:, on_kink] @ found.x
    out = np.zeros(5)
    out[free] = slope
    return out
