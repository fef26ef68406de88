"""Where is the minimum of a summed loss over a formula, for many starts or many resamples at once?

The formula is a law called with tracers, so its first and second derivatives are exact and nothing is typed twice. Rows
(starts or resamples) move together through one batched program: Gauss-Newton on reweighted residuals far from the minimum, full
Newton near it, both damped and kept inside the bounds; a sharp Huber loss is approached through wider ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..trace import Expr, derivative, program, variable
from .result import Refits

__all__ = ["Rho", "Traced", "minimise", "rho_stages"]

Array = NDArray[np.float64]

#: A row has converged when its Newton step would lower the objective by no more than this share of it.
DECREMENT = 1e-15
_MOST_STEPS = 300
_CHUNK = 256


@dataclass(frozen=True)
class Rho:
    """One robust loss: half the square of a residual up to ``width``, ``width`` times its size beyond, all times ``scale``.

    An infinite ``width`` is least squares; ``scale`` = 1 / width and a tiny width is the absolute value.
    """

    width: float
    scale: float = 1.0

    @property
    def absolute(self) -> bool:
        """Whether this stands for the absolute value of the residual."""
        return bool(np.isclose(self.width * self.scale, 1.0) and self.width < 1e-5)

    def terms(self, r: Array) -> tuple[Any, Any, Any, Any]:
        """Loss, slope, curvature, and the curvature of the parabola that lies above (slope over residual)."""
        if np.isinf(self.width):
            return 0.5 * self.scale * r * r, self.scale * r, np.full_like(r, self.scale), np.full_like(r, self.scale)
        size = np.abs(r)
        core = np.minimum(size, self.width)
        loss = self.scale * core * (size - 0.5 * core)
        slope = self.scale * np.copysign(core, r)
        inside = size <= self.width
        above = self.scale * (core / np.maximum(size, 1e-300) + (size == 0.0))
        return loss, slope, self.scale * inside, above


class Traced:
    """A formula of coordinates and columns with its exact gradient and Hessian, as one NumPy program."""

    def __init__(self, formula: Callable[[dict[str, Expr]], Any], coordinates: Sequence[str]) -> None:
        value = formula({name: variable(name) for name in coordinates})
        self.coordinates = tuple(coordinates)
        outputs: dict[str, Any] = {"value": value}
        for i, first in enumerate(coordinates):
            slope = derivative(value, first)
            outputs[f"d{i}"] = slope
            for j in range(i, len(coordinates)):
                outputs[f"d{i}d{j}"] = derivative(slope, coordinates[j])
        self._value = program({"value": value})
        self._all = program(outputs)

    def value(self, theta: Array, columns: dict[str, Array]) -> Array:
        """The formula at coordinates ``theta`` (S, p) and columns (n,) each: (S, n)."""
        n = next(iter(columns.values())).shape[-1]
        with np.errstate(all="ignore"):
            return np.broadcast_to(self._value(self._values(theta, columns))["value"], (theta.shape[0], n))

    def derivatives(self, theta: Array, columns: dict[str, Array]) -> tuple[Array, Array, Array]:
        """Value (S, n), gradient (S, p, n) and Hessian (S, p, p, n)."""
        rows, p = theta.shape
        n = next(iter(columns.values())).shape[-1]
        with np.errstate(all="ignore"):  # an overflow far from the minimum shows as an infinite objective, and is refused there
            out = self._all(self._values(theta, columns))
        gradient, hessian = np.empty((rows, p, n)), np.empty((rows, p, p, n))
        for i in range(p):
            gradient[:, i] = out[f"d{i}"]
            for j in range(i, p):
                hessian[:, i, j] = hessian[:, j, i] = out[f"d{i}d{j}"]
        return np.broadcast_to(out["value"], (rows, n)), gradient, hessian

    def _values(self, theta: Array, columns: dict[str, Array]) -> dict[str, Any]:
        return {name: theta[:, i, None] for i, name in enumerate(self.coordinates)} | columns


def rho_stages(final: Rho) -> list[Rho]:
    """The losses to go through on the way to ``final``, widest first: its minimum is then never far."""
    if np.isinf(final.width):
        return [final]
    widths = [width for width in 10.0 ** np.arange(-1.0, -12.0, -1.0) if width > 2.0 * final.width]
    # Coarser steps are enough once it is settled which residuals are large.
    kept = widths[:3] + widths[3::2]
    return [Rho(width, final.scale * final.width / width) for width in kept] + [final]


def minimise(
    traced: Traced,
    starts: Array,
    columns: dict[str, Array],
    target: Array,
    weights: Array,
    rho: Rho,
    lower: Array,
    upper: Array,
    *,
    tolerance: float = DECREMENT,
    gradual: bool = True,
) -> Refits:
    """The minimum of sum(weights * rho(target - formula)) reached from every row of ``starts`` (S, p), inside the bounds.

    ``target`` and ``weights``: (n,) or (S, n). ``lower`` and ``upper``: (p,) or (S, p). The gradient norm counts only
    directions in which a row is free to move. ``gradual``: come to a sharp loss through wider ones, which steps over its small
    local minima; without it every start goes to the nearest.
    """
    parts = []
    for first in range(0, starts.shape[0], _CHUNK):
        rows = slice(first, first + _CHUNK)
        count, p = starts[rows].shape
        low, high = (np.broadcast_to(bound, (starts.shape[0], p))[rows] for bound in (lower, upper))
        theta = np.clip(starts[rows], low, high)
        own_target = target[rows] if target.ndim == 2 else np.broadcast_to(target, (count, target.shape[0]))
        own_weights = weights[rows] if weights.ndim == 2 else np.broadcast_to(weights, (count, weights.shape[0]))
        for stage in rho_stages(rho) if gradual else [rho]:
            enough = max(tolerance, 1e-5 if stage != rho else 1e-12 if rho.absolute else 0.0)
            part = _descend(traced, theta, columns, own_target, own_weights, stage, low, high, enough=enough)
            theta = part.thetas
        if rho.absolute:
            part = _corner(traced, part, columns, own_target, own_weights, rho, low, high)
            for width in (1e-8, 1e-10):
                left = np.flatnonzero(~part.converged)
                if not left.size:
                    break
                # Fewer than p residuals vanish at these minima: only a sharper loss comes nearer.
                sharper, table = Rho(width, 1.0 / width), (columns, own_target[left], own_weights[left])
                again = _descend(traced, part.thetas[left], *table, sharper, low[left], high[left], enough=1e-12)
                again = _corner(traced, again, *table, sharper, low[left], high[left])
                for name in ("thetas", "objectives", "grad_norms", "converged"):
                    getattr(part, name)[left] = getattr(again, name)
        parts.append(part)
    return Refits(
        thetas=np.concatenate([part.thetas for part in parts]),
        objectives=np.concatenate([part.objectives for part in parts]),
        grad_norms=np.concatenate([part.grad_norms for part in parts]),
        converged=np.concatenate([part.converged for part in parts]),
    )


def _objective(traced: Traced, theta: Array, columns: dict[str, Array], target: Array, weights: Array, rho: Rho) -> Array:
    with np.errstate(all="ignore"):
        total = np.sum(weights * rho.terms(target - traced.value(theta, columns))[0], axis=1)
    return np.where(np.isfinite(total), total, np.inf)


def _slopes(
    traced: Traced, theta: Array, columns: dict[str, Array], target: Array, weights: Array, rho: Rho
) -> tuple[Array, Array, Array]:
    """Gradient (S, p), exact Hessian and the reweighted Gauss-Newton matrix (S, p, p) of the objective."""
    with np.errstate(all="ignore"):
        value, first, second = traced.derivatives(theta, columns)
        _, slope, curvature, above = rho.terms(target - value)
        gradient = -np.einsum("sn,spn->sp", weights * slope, first)
        transposed = first.transpose(0, 2, 1)
        gauss = (first * (weights * above)[:, None]) @ transposed
        exact = (first * (weights * curvature)[:, None]) @ transposed - np.einsum("sn,spqn->spq", weights * slope, second)
    return gradient, exact, gauss


def _descend(
    traced: Traced,
    start: Array,
    columns: dict[str, Array],
    target: Array,
    weights: Array,
    rho: Rho,
    lower: Array,
    upper: Array,
    *,
    enough: float,
) -> Refits:
    """Damped Newton steps from every row of ``start`` (S, p) until none would gain more than ``enough`` of the objective."""
    final = enough < 1e-9
    rows, p = start.shape
    theta, value = start.copy(), _objective(traced, start, columns, target, weights, rho)
    done, norms = np.zeros(rows, dtype=bool), np.full(rows, np.inf)
    damping, newton, close = np.full(rows, 1e-2), np.zeros(rows, dtype=bool), np.zeros(rows, dtype=int)
    live = np.flatnonzero(np.isfinite(value))
    diagonal = np.arange(p)
    for _ in range(_MOST_STEPS):
        if not live.size:
            break
        at = theta[live]
        gradient, exact, gauss = _slopes(traced, at, columns, target[live], weights[live], rho)
        low, high = lower[live], upper[live]
        held: NDArray[np.bool_] = (low == high) | ((at <= low) & (gradient > 0)) | ((at >= high) & (gradient < 0))
        gradient = np.where(held, 0.0, gradient)
        norms[live] = np.linalg.norm(gradient, axis=1)
        matrix = np.where(newton[live, None, None], exact, gauss)
        matrix = np.where(held[:, :, None] | held[:, None, :], 0.0, matrix)
        finite = np.asarray(np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1))
        matrix, gradient = np.where(finite[:, None, None], matrix, 0.0), np.where(finite[:, None], gradient, 0.0)
        size = np.where(finite[:, None], np.where(held, 1.0, gauss[:, diagonal, diagonal]), 1.0)
        size = np.sqrt(np.maximum(size, 1e-14 * size.max(axis=1, keepdims=True) + 1e-300))
        values, vectors = np.linalg.eigh(matrix / size[:, :, None] / size[:, None, :])
        along = np.einsum("spq,sp->sq", vectors, gradient / size)
        bent = np.maximum(np.abs(values), 1e-13)
        decrement = 0.5 * np.sum(along**2 / bent, axis=1)
        step = -np.einsum("spq,sq->sp", vectors, along / (bent + damping[live, None])) / size
        new = np.clip(at + step, low, high)
        reached = _objective(traced, new, columns, target[live], weights[live], rho)
        floor = 1e-30 * rho.scale * np.sum(weights[live] * (1.0 + target[live] ** 2), axis=1)  # rounding
        before, by_newton = value[live], newton[live]
        small: NDArray[np.bool_] = decrement <= enough * before + floor
        # So near that only rounding hides the gain: the Newton step is right though the objective cannot show it.
        near: NDArray[np.bool_] = by_newton & (decrement <= 1e-11 * before + floor) & (reached <= before * (1.0 + 1e-14) + floor)
        better: NDArray[np.bool_] = (reached <= before) | near
        gain = before - reached
        theta[live] = np.where(better[:, None], new, at)
        value[live] = np.where(better, reached, before)
        good = better & (gain >= 0.25 * np.minimum(decrement, np.abs(np.sum(gradient * (new - at), axis=1))))
        damping[live] = np.where(
            good, damping[live] * 0.1, np.where(better, damping[live], np.maximum(damping[live] * 8.0, 1e-6))
        )
        damping[live] = np.where(near, 1e-16, np.maximum(damping[live], 1e-16))
        newton[live] = np.where(by_newton, better | small, (better & (gain <= 0.05 * value[live])) | small)
        close[live] += near
        stuck = ~better & (damping[live] > 1e12)
        settled = (small & by_newton) | (close[live] >= 3) if final else small
        done[live] = finite & (settled | (stuck & (decrement <= 1e-10 * value[live] + floor)))
        live = live[~(settled | stuck | ~finite)]
    if final:
        gradient, _, _ = _slopes(traced, theta, columns, target, weights, rho)
        free = ~((lower == upper) | ((theta <= lower) & (gradient > 0)) | ((theta >= upper) & (gradient < 0)))
        norms = np.linalg.norm(np.where(free, gradient, 0.0), axis=1)
    return Refits(theta, value, norms, done)


def _corner(
    traced: Traced,
    reached: Refits,
    columns: dict[str, Array],
    target: Array,
    weights: Array,
    rho: Rho,
    lower: Array,
    upper: Array,
) -> Refits:
    """Least absolute deviation: from the minimum of the smoothed loss to the corner beside it, where p residuals vanish.

    A corner is taken where it does not raise the sum of absolute residuals. The gradient norm is the distance of zero from the
    subgradients: a residual of zero may stand for any slope between -1 and 1.
    """
    theta = reached.thetas.copy()
    rows = theta.shape[0]
    free = (theta > lower) & (theta < upper)
    norms, certain = np.empty(rows), np.zeros(rows, dtype=bool)

    def total(at: Array) -> Array:
        with np.errstate(all="ignore"):
            sums = np.sum(weights * np.abs(target - traced.value(at, columns)), axis=1)
        return np.where(np.isfinite(sums), sums, np.inf)

    best = total(theta)
    residual = np.where(weights > 0, np.abs(target - traced.value(theta, columns)), np.inf)
    order = np.argsort(residual, axis=1, kind="stable")
    for row in range(rows):
        axes = np.flatnonzero(free[row])
        zeros = order[row, : axes.size]
        at = theta[row : row + 1].copy()
        for _ in range(4):
            value, first, _ = traced.derivatives(at, columns)
            system = first[0][np.ix_(axes, zeros)].T
            if axes.size == 0 or np.linalg.matrix_rank(system) < axes.size:
                break
            at[0, axes] += np.linalg.solve(system, (target[row] - value[0])[zeros])
        at = np.clip(at, lower[row], upper[row])
        sums = total(np.repeat(at, rows, axis=0))[row]
        if sums <= best[row]:
            theta[row], best[row] = at[0], sums
        value, first, _ = traced.derivatives(theta[row : row + 1], columns)
        gap = target[row] - value[0]
        small = np.abs(gap) <= 1e-3 * rho.width + 1e-13 * np.abs(target[row])
        rest = -first[0] @ np.where(small, 0.0, weights[row] * np.sign(gap))
        pull = first[0][axes][:, small] * weights[row][small]
        slopes = np.clip(np.linalg.lstsq(pull, rest[axes], rcond=None)[0], -1.0, 1.0) if pull.size else np.zeros(pull.shape[1])
        norms[row] = np.linalg.norm(rest[axes] - pull @ slopes)
        certain[row] = norms[row] <= 1e-9 * np.linalg.norm(np.abs(first[0][axes]) @ weights[row])
    return Refits(theta, best, norms, certain | (reached.converged & (rho.width < 1e-7)))
