"""How fast does repeated text lose its value? The two decay constants of the data-constrained law, fitted.

Muennighoff et al. (2023, arXiv:2305.16264, Section 3 and App A) fit R_D (repeated tokens) and R_N (excess parameters) with the
other five constants held, by a Huber loss (1e-3) on the log of the loss. :func:`fit_data_constrained` does that, or fits all
seven.

The surface has a long, nearly flat valley: more decay of the one is made up by less of the other. So the objective is first
taken on a fine lattice of both constants, every low point of it is followed down by Newton's method with exact derivatives, and
all minima that are found are listed in ``fit.minima``, not only the best. On the authors' 182 runs the published pair (15.39,
5.31) lies beside the highest of five minima, and the runs do not determine either constant.

>>> import numpy as np
>>> from scaling_helpers.laws import MUENNIGHOFF_2023, DataConstrainedLaw
>>> N, U, epochs = (grid.ravel() for grid in np.meshgrid([1e8, 1e9, 4e9], [1e9, 5e9], [1, 4, 16, 64]))
>>> planted = DataConstrainedLaw(MUENNIGHOFF_2023, R_D=12.0, R_N=6.0)
>>> fit = fit_data_constrained(N, epochs * U, U, planted.loss(N, epochs * U, U), base=MUENNIGHOFF_2023)
>>> round(fit.law.R_D, 6), round(fit.law.R_N, 6)
(12.0, 6.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import ChinchillaLaw, DataConstrainedLaw
from .curves import CurveFit, Form, fit_form
from .inputs import column, columns, point_weights
from .objectives import Huber, Objective
from .power import scan_linear

__all__ = ["DECAY_BOUNDS", "fit_data_constrained"]

Array = NDArray[np.float64]

#: Both constants are sought between these: below, one repetition is already worthless; above, no repetition loses anything.
DECAY_BOUNDS = (1e-2, 1e5)
_LATTICE = 151


def fit_data_constrained(
    N: Any,
    D: Any,
    U: Any,
    loss: Any,
    *,
    base: ChinchillaLaw | None = None,
    objective: Objective | None = None,
    weights: Any = None,
    lattice: int = _LATTICE,
) -> CurveFit:
    """The data-constrained law through runs on repeated text.

    N: (n,) parameters. D: (n,) tokens read. U: (n,) unique tokens among them. loss: (n,) nats per token.
    base: the law for text read once, held as it is (the procedure of the paper; coordinates ``log_R_D``, ``log_R_N``), or None to
    fit its five constants too (coordinates ``log_A``, ``log_B``, ``E``, ``alpha``, ``beta`` before those).
    objective: default Huber(1e-3) on log loss. weights: (n,), non-negative. lattice: points per decay constant, log-spaced.

    ``fit.law`` is a :class:`~scaling_helpers.laws.DataConstrainedLaw`. ``fit.minima`` holds every minimum found, best first.
    A constant at a bound, 0.01 or 1e5, is in ``at_bound``; one that half or double of it would serve as well is in
    ``undetermined``. ValueError: fewer runs than coordinates, no run that repeats (R_D has no meaning then), or columns that are
    not positive and finite; TypeError: a base that is no ChinchillaLaw.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023, MUENNIGHOFF_2023_REPEATED as law
    >>> N, U = np.repeat([1e8, 1e9, 3e9], 5), 1e9
    >>> D = U * np.tile([1.0, 4.0, 16.0, 64.0, 256.0], 3)
    >>> fit = fit_data_constrained(N, D, np.full(15, U), law.loss(N, D, U), base=MUENNIGHOFF_2023)
    >>> bool(abs(fit.law.R_D / law.R_D - 1) < 1e-6)
    True
    """
    N, D, U, loss = column("N", N), column("D", D), column("U", U), column("loss", loss)
    if base is not None and not isinstance(base, ChinchillaLaw):
        raise TypeError(f"base must be a ChinchillaLaw or None, got {base!r}")
    least = 2 if base is not None else 7
    weights = point_weights(weights, columns(least, "the data-constrained law", N=N, D=D, U=U, loss=loss))
    if not np.any((D > U) & (weights > 0)):
        raise ValueError("no run reads more tokens than it has unique ones (D > U): without repetition R_D has no meaning")
    if isinstance(lattice, bool) or not isinstance(lattice, int) or lattice < 3:
        raise ValueError(f"lattice = {lattice!r}: give at least 3 points per constant")
    criterion = objective or Huber(1e-3)
    table = {"N": N, "D": D, "U": U}
    if base is None:
        return fit_form(_JOINT, table, loss, weights, criterion)
    along = np.linspace(*_LOG_BOUNDS, lattice)
    grid = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1)
    return fit_form(_held(base), table, loss, weights, criterion, lattice=grid)


_LOG_BOUNDS = (math.log(DECAY_BOUNDS[0]), math.log(DECAY_BOUNDS[1]))


def _exp(value: Any) -> Any:
    return math.exp(value) if isinstance(value, float) else np.exp(value)


def _predict(law: DataConstrainedLaw, data: Mapping[str, Any]) -> Any:
    return law.loss(data["N"], data["D"], data["U"])


@lru_cache(maxsize=16)
def _held(base: ChinchillaLaw) -> Form:
    """The form with the five constants of ``base`` held; columns keep their units, since the constants have theirs."""
    return Form(
        name="data-constrained law",
        coordinates=("log_R_D", "log_R_N"),
        columns=("N", "D", "U"),
        target="loss",
        law=lambda v: DataConstrainedLaw(base, R_D=_exp(v["log_R_D"]), R_N=_exp(v["log_R_N"])),
        predict=_predict,
        units=lambda logs: (np.eye(2), np.zeros(2)),
        lower=_LOG_BOUNDS[:1] * 2,
        upper=_LOG_BOUNDS[1:] * 2,
        candidates=lambda columns, target, weights: np.log([[15.0, 5.0]]),
        exponents=("log_R_D", "log_R_N"),
        scales=lambda given: dict.fromkeys(given, 0.0),
    )


def _joint_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    matrix = np.eye(7)
    matrix[0, 3], matrix[1, 4] = logs["N"], logs["D"]
    return matrix, np.zeros(7)


def _joint_scales(given: Mapping[str, Array]) -> dict[str, float]:
    tokens = float(np.mean(np.log(given["D"])))  # one unit for all tokens, or D / U would change
    return {"N": float(np.mean(np.log(given["N"]))), "D": tokens, "U": tokens, "loss": 0.0}


def _joint_law(v: Mapping[str, Any]) -> DataConstrainedLaw:
    base = ChinchillaLaw(E=v["E"], A=_exp(v["log_A"]), B=_exp(v["log_B"]), alpha=v["alpha"], beta=v["beta"])
    return DataConstrainedLaw(base, R_D=_exp(v["log_R_D"]), R_N=_exp(v["log_R_N"]))


def _joint_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    """Exponents and R_D from a grid, the three coefficients solved for as if no parameter were in excess."""
    exponents, decays = np.array([0.15, 0.25, 0.35, 0.5, 0.8]), np.array([1.0, 4.0, 16.0, 64.0])
    alpha, beta, R_D = (grid.ravel() for grid in np.meshgrid(exponents, exponents, decays))
    unique = np.minimum(columns["D"], columns["U"])
    repeats = columns["D"] / unique - 1.0
    tokens = unique * (1.0 + R_D[:, None] * -np.expm1(-repeats / R_D[:, None]))
    parts = [np.exp(-alpha[:, None] * np.log(columns["N"])), np.exp(-beta[:, None] * np.log(tokens)), np.ones_like(tokens)]
    A, B, E = (np.maximum(found, 1e-6) for found in scan_linear(parts, target, weights).T)
    rows = [
        np.column_stack([np.log(A), np.log(B), E, alpha, beta, np.log(R_D), np.full_like(A, math.log(R_N))])
        for R_N in (1.0, 5.0, 30.0)
    ]
    return np.concatenate(rows)


_JOINT = Form(
    name="data-constrained law with its base",
    coordinates=("log_A", "log_B", "E", "alpha", "beta", "log_R_D", "log_R_N"),
    columns=("N", "D", "U"),
    target="loss",
    law=_joint_law,
    predict=_predict,
    units=_joint_units,
    lower=(-30.0, -30.0, 0.0, 0.02, 0.02, *_LOG_BOUNDS[:1] * 2),
    upper=(30.0, 30.0, np.inf, 3.0, 3.0, *_LOG_BOUNDS[1:] * 2),
    candidates=_joint_candidates,
    exponents=("alpha", "beta", "log_R_D", "log_R_N"),
    scales=_joint_scales,
)
