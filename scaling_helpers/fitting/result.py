"""What every fit says of itself, and the one door through which resampling enters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fit", "Refits", "Status"]

Array = NDArray[np.float64]


class Status(Enum):
    """How a fit ended. Only CONVERGED is a minimum that the data put there."""

    CONVERGED = "converged"
    AT_BOUND = "stopped at a bound: the data do not fix every parameter"
    NOT_CONVERGED = "did not converge"


@dataclass(frozen=True)
class Refits:
    """Many fits of one form to changed data, a row each.

    ``thetas`` (S, p) in the fit's own coordinates, ``objectives`` (S,) sums, ``grad_norms`` (S,), ``converged`` (S,) bool.
    """

    thetas: Array
    objectives: Array
    grad_norms: Array
    converged: NDArray[np.bool_]


@dataclass(frozen=True)
class Fit(ABC):
    """A law fitted to runs. Every kind of fit is a frozen subclass of this.

    law: the fitted law, an object of :mod:`scaling_helpers.laws`.
    theta: (p,) the solver's coordinates, named by ``coordinates``.
    objective: the sum (never the mean) that was minimised, at ``law``.
    grad_norm: Euclidean norm of its gradient in ``theta``.
    status: see :class:`Status`. n_starts: starts run. share_at_best: share of them that reached the best objective.
    at_bound: names of the parameters that ended at a bound.
    estimator: the objective in words, such as "Huber(0.001) on log loss, summed".
    data: column name -> (n,) array, as given (N, D, loss, weights, ...).
    """

    law: Any
    theta: Array
    objective: float
    grad_norm: float
    status: Status
    n_starts: int
    share_at_best: float
    at_bound: tuple[str, ...]
    estimator: str
    data: Mapping[str, Array]

    @property
    @abstractmethod
    def coordinates(self) -> tuple[str, ...]:
        """Names of the entries of ``theta``, such as ("log_A", "log_B", "log_E", "alpha", "beta")."""

    @property
    @abstractmethod
    def predicted(self) -> Array:
        """The fitted loss at every point, (n,), in the units of ``data["loss"]``."""

    @property
    @abstractmethod
    def residuals(self) -> Array:
        """Observed less predicted in the space of the estimator (log loss or loss), (n,)."""

    @abstractmethod
    def law_at(self, theta: Array) -> Any:
        """The law that the coordinates ``theta`` (p,) stand for."""

    @abstractmethod
    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """Fit again, S times in one batch, started at this fit.

        ``weights`` (S, n): non-negative weight of every point in every refit, in place of the fit's own.
        ``targets`` (S, n): losses in place of the observed ones. At least one of the two; S must agree.
        """
