"""What would a sweep of training runs look like if a given law were true? Runs made from a law, to try fits on.

A fit is trusted when it finds the law that made the data. :func:`planted_runs` makes an IsoFLOP sweep (Hoffmann et
al. 2022, arXiv:2203.15556, Section 3.2): at each of several budgets, models of several sizes around the best one,
each trained on the tokens that the budget leaves.

>>> from scaling_helpers.laws import BESIROGLU_2024
>>> runs = planted_runs(BESIROGLU_2024, budgets=[1e19, 1e20], sizes=5, noise=0.01, seed=0)
>>> runs.N.shape, runs.column_names
((10,), ('N', 'D', 'loss', 'run', 'budget'))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..laws import FLOP_PER_PARAMETER_TOKEN
from ..quantities import positive

__all__ = ["PlantedRuns", "planted_runs"]

Array = NDArray[np.float64]

#: Five budgets of the kind that an IsoFLOP sweep covers, in FLOP.
BUDGETS = (1e18, 1e19, 1e20, 1e21, 1e22)


@dataclass(frozen=True)
class PlantedRuns:
    """Runs made from a law, a row each: N parameters, D tokens, loss in nats per token, ``run`` (the number of the
    configuration: seeds of one configuration share it, so it says what a cluster bootstrap must keep together) and
    ``budget`` in FLOP. All of shape (n,).

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, budgets=[1e19, 1e20], sizes=5)
    >>> sorted(runs.columns())
    ['D', 'N', 'budget', 'loss', 'run']
    """

    N: Array
    D: Array
    loss: Array
    run: NDArray[np.int64]
    budget: Array

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in order."""
        return tuple(f.name for f in fields(self))

    def columns(self) -> dict[str, NDArray[Any]]:
        """Column name -> array, as a DataFrame or a CSV writer takes them."""
        return {name: getattr(self, name) for name in self.column_names}


def planted_runs(
    law: Any,
    budgets: ArrayLike = BUDGETS,
    sizes: int | Sequence[float] | Array = 12,
    noise: float = 0.01,
    seed: int = 0,
    *,
    spread: float = 30.0,
    seeds_per_run: int = 1,
    seed_noise: float = 0.0,
) -> PlantedRuns:
    """Runs at given budgets whose losses are those of ``law``, times a random factor.

    law: anything with ``loss(N, D)``; if ``sizes`` is a number also with ``optimal(C).N``.
    budgets: (b,) training FLOP, C = 6 N D. sizes: how many models per budget, spread evenly in log size over
    ``spread`` times below to ``spread`` times above the best size; or the sizes themselves, (s,) parameters, used at
    every budget. noise: standard deviation of log loss between configurations. seeds_per_run: how many times each
    configuration is trained; ``seed_noise`` is the standard deviation of log loss between those. seed: of the random
    numbers; the same seed gives the same runs.

    Returns b * s * seeds_per_run runs. Raises ValueError or TypeError, naming the argument, for anything that is not
    positive and finite (noises may be 0).

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> exact = planted_runs(BESIROGLU_2024, noise=0.0)
    >>> bool((exact.loss == BESIROGLU_2024.loss(exact.N, exact.D)).all())
    True
    >>> planted_runs(BESIROGLU_2024, [1e20], [1e8, 1e9], seeds_per_run=3, seed_noise=0.002).run.tolist()
    [0, 0, 0, 1, 1, 1]
    """
    budget = np.atleast_1d(positive("C", np.asarray(budgets)))
    spread = _at_least("spread", spread, 1.0)
    noise, seed_noise = _at_least("noise", noise, 0.0), _at_least("seed_noise", seed_noise, 0.0)
    repeats = _count("seeds_per_run", seeds_per_run)
    if np.ndim(sizes) == 0:
        best = np.array([law.optimal(float(C)).N for C in budget])
        count = _count("sizes", sizes)
        offsets = np.geomspace(1.0 / spread, spread, count) if count > 1 else np.ones(1)
        N = (best[:, None] * offsets).ravel()
    else:
        given = positive("N", np.asarray(sizes))
        count = given.size
        N = np.tile(given.ravel(), budget.size)
    C = np.repeat(budget, count)
    D = C / (FLOP_PER_PARAMETER_TOKEN * N)
    rng = np.random.default_rng(seed)
    log_factor = noise * rng.standard_normal(N.size)[:, None] + seed_noise * rng.standard_normal((N.size, repeats))
    loss = np.asarray(law.loss(N, D), float)[:, None] * np.exp(log_factor)
    run = np.repeat(np.arange(N.size), repeats)
    return PlantedRuns(N[run], D[run], loss.ravel(), run, C[run])


def _at_least(name: str, value: Any, least: float) -> float:
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be one real number, got {value!r}")
    if not np.isfinite(array) or array < least:
        raise ValueError(f"{name} = {float(array):g}: it must be finite and at least {least:g}")
    return float(array)


def _count(name: str, value: Any) -> int:
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if array < 1:
        raise ValueError(f"{name} = {int(array)}: it must be at least 1")
    return int(array)
