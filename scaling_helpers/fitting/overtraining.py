"""How does loss grow better with over-training, and error on tasks with loss? The two fits of Gadre et al.

Gadre et al. (2024, arXiv:2403.08540, Section 3) fit L(C, M) = E + (a M**eta + b M**-eta) C**-eta, M = D / N, to five small
runs, and Err(L) = eps - k exp(-gamma L) to the errors of a few; both by least squares from many starts. Four constants from
five runs leave one degree of freedom: the minimum is sharp as a number and says little, which ``fit.undetermined`` may tell.

>>> import numpy as np
>>> from scaling_helpers.laws import GADRE_2024
>>> N = np.array([1e7, 8e7, 1.5e8, 4e8, 1e7])
>>> D = np.array([20, 20, 20, 20, 320]) * N
>>> fit = fit_overtraining(N, D, GADRE_2024["c4"].loss(N, D))
>>> abs(fit.law.eta / GADRE_2024["c4"].eta - 1) < 1e-6, abs(fit.law.E / GADRE_2024["c4"].E - 1) < 1e-6
(True, True)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import ErrorLaw, OvertrainingLaw
from .curves import CurveFit, Form, fit_form
from .inputs import column, columns, point_weights
from .objectives import LeastSquares, Objective
from .power import scan_linear

__all__ = ["fit_error_law", "fit_overtraining"]

Array = NDArray[np.float64]


def fit_overtraining(N: Any, D: Any, loss: Any, *, objective: Objective | None = None, weights: Any = None) -> CurveFit:
    """Gadre's over-training law through runs.

    N: (n,) parameters, embeddings included. D: (n,) tokens. loss: (n,) nats per token. ``fit.law`` is an
    :class:`~scaling_helpers.laws.OvertrainingLaw`; coordinates ``E`` (0 or more), ``log_a``, ``log_b``, ``eta`` (0.01 to 1).
    objective: default least squares of the loss, as in the paper. weights: (n,), non-negative.

    At least four runs, of two sizes and two token counts, and not all of one D / N, which could not tell a from b. ValueError or
    TypeError names what is wrong.

    >>> from scaling_helpers.laws import GADRE_2024
    >>> law = next(iter(GADRE_2024.values()))
    >>> N, D = np.repeat([1e8, 4e8, 1.6e9], 3), np.tile([1e10, 5e10, 2e11], 3)
    >>> fit = fit_overtraining(N, D, law.loss(N, D))
    >>> round(float(fit.law.eta / law.eta), 4)
    1.0
    """
    N, D, loss = column("N", N), column("D", D), column("loss", loss)
    weights = point_weights(weights, columns(4, "the over-training law", N=N, D=D, loss=loss))
    used = weights > 0
    if np.unique(N[used]).size < 2 or np.unique(D[used]).size < 2:
        raise ValueError("runs of one size, or of one number of tokens, cannot fix the over-training law: vary both N and D")
    if np.ptp(np.log(D[used] / N[used])) < 1e-6:
        raise ValueError(f"all runs have D / N = {D[0] / N[0]:.4g}: at one ratio a and b cannot be told apart; vary it")
    return fit_form(_OVERTRAINING, {"N": N, "D": D}, loss, weights, objective or LeastSquares("loss"))


def fit_error_law(loss: Any, error: Any, *, objective: Objective | None = None, weights: Any = None) -> CurveFit:
    """Average error on tasks against loss, Err(L) = eps - k exp(-gamma L).

    loss: (n,) nats per token. error: (n,), between 0 and 1. ``fit.law`` is an :class:`~scaling_helpers.laws.ErrorLaw`;
    coordinates ``eps`` (at most 2), ``log_k``, ``gamma`` (0.01 to 20 per nat). objective: default least squares of the error. At
    least three points of three different losses, else ValueError, as for errors outside 0 to 1.

    >>> loss = [2.4, 2.8, 3.2, 3.6, 4.2, 5.0]
    >>> law = ErrorLaw(eps=0.85, k=2.08, gamma=0.756)
    >>> fit = fit_error_law(loss, [law.error(one) for one in loss])
    >>> round(fit.law.eps, 6), round(fit.law.k, 5), round(fit.law.gamma, 6)
    (0.85, 2.08, 0.756)
    """
    loss, error = column("loss", loss), column("error", error)
    weights = point_weights(weights, columns(3, "the error law", loss=loss, error=error))
    if np.any(error > 1.0):
        raise ValueError(f"error = {error.max():g}: an average error lies between 0 and 1; give fractions, not percent")
    different = np.unique(loss[weights > 0]).size
    if different < 3:
        raise ValueError(f"loss takes {different} different values: three constants need at least 3")
    return fit_form(_ERROR, {"loss": loss}, error, weights, objective or LeastSquares("loss"))


def _exp(value: Any) -> Any:
    return math.exp(value) if isinstance(value, float) else np.exp(value)


def _overtraining_units(logs: Mapping[str, float]) -> tuple[Array, Array]:
    # The law is E + a 6**-eta N**(-2 eta) + b 6**-eta D**(-2 eta).
    matrix = np.eye(4)
    matrix[1, 3], matrix[2, 3] = 2.0 * logs["N"], 2.0 * logs["D"]
    return matrix, np.zeros(4)


def _overtraining_scales(given: Mapping[str, Array]) -> dict[str, float]:
    return {"N": float(np.mean(np.log(given["N"]))), "D": float(np.mean(np.log(given["D"]))), "loss": 0.0}


def _overtraining_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    eta = np.geomspace(*_ETA, 48)
    parts = [(6.0**-eta)[:, None] * np.exp(-2.0 * eta[:, None] * np.log(columns[name])) for name in ("N", "D")]
    a, b, E = scan_linear([*parts, np.ones_like(parts[0])], target, weights).T
    return np.column_stack([E, np.log(np.maximum(a, 1e-8)), np.log(np.maximum(b, 1e-8)), eta])


_ETA = (0.01, 1.0)
_OVERTRAINING = Form(
    name="over-training law",
    coordinates=("E", "log_a", "log_b", "eta"),
    columns=("N", "D"),
    target="loss",
    law=lambda v: OvertrainingLaw(E=v["E"], a=_exp(v["log_a"]), b=_exp(v["log_b"]), eta=v["eta"]),
    predict=lambda law, data: law.loss(data["N"], data["D"]),
    units=_overtraining_units,
    lower=(0.0, -20.0, -20.0, _ETA[0]),
    upper=(np.inf, 20.0, 20.0, _ETA[1]),
    candidates=_overtraining_candidates,
    exponents=("eta",),
    scales=_overtraining_scales,
)


def _error_candidates(columns: Mapping[str, Array], target: Array, weights: Array) -> Array:
    gamma = np.geomspace(*_GAMMA, 64)
    least = columns["loss"].min()
    share = np.exp(-gamma[:, None] * (columns["loss"] - least))
    # eps - k exp(-gamma L) = eps (1 - share) + (error at the least loss) share
    eps, floor = scan_linear([1.0 - share, share], target, weights).T
    log_k = np.log(np.maximum(eps - floor, 1e-6)) + gamma * least
    return np.column_stack([eps, log_k, gamma])


_GAMMA = (0.01, 20.0)
_ERROR = Form(
    name="error law",
    coordinates=("eps", "log_k", "gamma"),
    columns=("loss",),
    target="error",
    law=lambda v: ErrorLaw(eps=v["eps"], k=_exp(v["log_k"]), gamma=v["gamma"]),
    predict=lambda law, data: law.error(data["loss"]),
    units=lambda logs: (np.eye(3), np.zeros(3)),
    lower=(1e-6, -20.0, _GAMMA[0]),
    upper=(2.0, 200.0, _GAMMA[1]),
    candidates=_error_candidates,
    exponents=("gamma",),
    scales=lambda given: dict.fromkeys(given, 0.0),
)
