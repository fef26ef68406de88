"""Where should a fit of the parametric law start, so that it ends at the lowest of all minima?

Two answers. :func:`hoffmann_starts` is the published one, a grid of five dimensions. :func:`profile_starts` looks first:
for given exponents the law is linear in E, A and B, so least squares over a grid of exponents costs one matrix product,
and shows where the valleys are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .newton import Problem

__all__ = ["hoffmann_starts", "profile_starts"]

Array = NDArray[np.float64]

#: Exponents of the profile grid: from nearly none to steeper than any published, and one so steep that its term is a step.
GRID = np.append(np.geomspace(0.02, 6.0, 30), 20.0)
#: (runs x starts) that the default strategy spends on its descents.
EFFORT = 12_000
FEWEST, MOST = 48, 400


def hoffmann_starts() -> Array:
    """The 4,500 starts of Hoffmann et al. (2022, arXiv:2203.15556, Appendix D.3), for ``fit_chinchilla(starts=...)``.

    Returns (4500, 5) in the order of ``fit.coordinates``: log A, log B, log E, alpha, beta. The paper lists its grid as
    alpha, beta in {0, 0.5, ..., 2}, e in {-1, -0.5, ..., 1} and a, b in {0, 5, ..., 25}, with a, b, e the logarithms of
    A, B, E.

    >>> starts = hoffmann_starts()
    >>> starts.shape, starts[0].tolist(), starts[-1].tolist()
    ((4500, 5), [0.0, 0.0, -1.0, 0.0, 0.0], [25.0, 25.0, 1.0, 2.0, 2.0])
    """
    levels, exponents = np.arange(0.0, 30.0, 5.0), np.arange(0.0, 2.5, 0.5)
    grid = np.meshgrid(levels, levels, np.arange(-1.0, 1.5, 0.5), exponents, exponents, indexing="ij")
    return np.stack([axis.ravel() for axis in grid], axis=1)


def profile_starts(problem: Problem, rows: int | None = None) -> Array:
    """Starts (S, 5) in centred coordinates: valleys of the least-squares profile over the exponents, and a lattice.

    At each cell of the grid E, A, B >= 0 minimise the weighted squares of the relative error (log space) or of the error
    (loss space). Kept are the local minima of that surface and a coarse lattice of other cells, best first.
    """
    if rows is None:
        rows = int(np.clip(EFFORT // problem.n, FEWEST, MOST))
    value, constant, most_a, most_b = _profile(problem)
    alpha, beta = np.meshgrid(GRID, GRID, indexing="ij")
    padded = np.pad(value, 1, constant_values=np.inf)
    size = GRID.size
    shifted = [padded[1 + i : size + 1 + i, 1 + j : size + 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    valley = (value <= np.minimum.reduce(shifted)).ravel()
    step = max(1, round(np.sqrt(size**2 / max(rows / 2, 1))))
    on_lattice = np.zeros((size, size), bool)
    on_lattice[step // 2 :: step, step // 2 :: step] = True
    # Valleys, then the lattice, then the best of the rest.
    order = np.lexsort((value.ravel(), -(2 * valley + on_lattice.ravel())))[:rows]
    loss = np.exp(problem.target) if problem.log else problem.target
    faint = 1e-3 * float(loss.min())
    log_a, log_b, log_e = (np.log(np.maximum(most.ravel()[order], faint)) for most in (most_a, most_b, constant))
    alpha, beta = alpha.ravel()[order], beta.ravel()[order]
    # Terms are known where they are greatest; levels are at the mean.
    return np.stack([log_a + alpha * problem.x.min(), log_b + beta * problem.z.min(), log_e, alpha, beta], axis=1)


def _profile(problem: Problem) -> tuple[Array, Array, Array, Array]:
    """Least squares for E, A, B >= 0 at every cell of the grid: the squares left, E, and the largest value of either term."""
    size = GRID.size
    gram_a, gram_b = np.zeros((size, 4)), np.zeros((size, 4))  # with itself, the constant, the target
    gram_ab = np.zeros((size, size))
    of_y = np.zeros(3)  # constant with itself, constant with the target, target with itself
    # Terms are 1 at the run where they are greatest, so that no power overflows.
    x, z = problem.x - problem.x.min(), problem.z - problem.z.min()
    for low in range(0, problem.n, 8192):
        part = slice(low, low + 8192)
        loss = np.exp(problem.target[part]) if problem.log else problem.target[part]
        scale = np.sqrt(problem.weight[part])
        if problem.log:
            scale = scale / loss
        y = scale * loss
        a, b = np.exp(-np.outer(GRID, x[part])) * scale, np.exp(-np.outer(GRID, z[part])) * scale
        gram_a[:, :3] += np.stack([np.vecdot(a, a), a @ scale, a @ y], axis=1)
        gram_b[:, :3] += np.stack([np.vecdot(b, b), b @ scale, b @ y], axis=1)
        gram_ab += a @ b.T
        of_y += [scale @ scale, scale @ y, y @ y]
    shape = (size, size)
    M = np.empty((*shape, 3, 3))
    M[..., 0, 0], M[..., 1, 1], M[..., 2, 2] = of_y[0], gram_a[:, None, 0], gram_b[None, :, 0]
    M[..., 0, 1] = M[..., 1, 0] = gram_a[:, None, 1]
    M[..., 0, 2] = M[..., 2, 0] = gram_b[None, :, 1]
    M[..., 1, 2] = M[..., 2, 1] = gram_ab
    v = np.empty((*shape, 3))
    v[..., 0], v[..., 1], v[..., 2] = of_y[1], gram_a[:, None, 2], gram_b[None, :, 2]
    unit = 1.0 / np.sqrt(np.einsum("...ii->...i", M))
    M, v = M * unit[..., None] * unit[..., None, :], v * unit
    best, kept = np.full(shape, np.inf), np.zeros((*shape, 3))
    # Non-negative least squares with three unknowns: the best of the seven supports whose solution is non-negative.
    for support in ([0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]):
        inner = M[..., support, :][..., support] + 1e-12 * np.eye(len(support))
        solved = np.linalg.solve(inner, v[..., support, None])[..., 0]
        left = np.where((solved >= 0).all(axis=-1), of_y[2] - np.einsum("...i,...i", solved, v[..., support]), np.inf)
        better = left < best
        best = np.where(better, left, best)
        full = np.zeros_like(kept)
        full[..., support] = solved
        kept = np.where(better[..., None], full, kept)
    kept = kept * unit
    return best, kept[..., 0], kept[..., 1], kept[..., 2]
