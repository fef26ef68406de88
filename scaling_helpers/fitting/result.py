"""What every fit says of itself, and the one door through which resampling enters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .bootstrap import Bootstrap

__all__ = ["Fit", "Refits", "Status"]

Array = NDArray[np.float64]


class Status(Enum):
    """How a fit ended. Only CONVERGED is a minimum that the data put there.

    >>> from scaling_helpers.fitting import fit_chinchilla, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, noise=0.01, seed=0)
    >>> fit = fit_chinchilla(runs.N, runs.D, runs.loss)
    >>> fit.status, fit.status.value
    (<Status.CONVERGED: 'converged'>, 'converged')
    """

    CONVERGED = "converged"
    AT_BOUND = "stopped at a bound: the data do not fix every parameter"
    NOT_IDENTIFIED = "at a minimum that other parameters share: the data do not tell them apart"
    UNDETERMINED = "a minimum, but so flat that the data do not fix every parameter"
    NOT_CONVERGED = "did not converge"


@dataclass(frozen=True)
class Refits:
    """Many fits of one form to changed data, a row each.

    ``thetas`` (S, p) in the fit's own coordinates, ``objectives`` (S,) sums, ``grad_norms`` (S,), ``converged`` (S,) bool.

    >>> from scaling_helpers.fitting import fit_chinchilla, planted_runs
    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> runs = planted_runs(BESIROGLU_2024, noise=0.01, seed=0)
    >>> fit = fit_chinchilla(runs.N, runs.D, runs.loss)
    >>> again = fit.refit(weights=np.ones((3, 60)))
    >>> again.thetas.shape, again.converged.all()
    ((3, 5), np.True_)
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

    # -- what a fit need not say itself, and may say better -----------------------------------------
    @property
    def outcome(self) -> str:
        """What is predicted: the column of ``data`` and the method of the law of that name, "loss" for most fits."""
        return "loss" if "loss" in self.data else "value"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of ``data`` that the law's method takes, in its order: ("N", "D"), ("N", "D", "U"), ("C",) ..."""
        return tuple(name for name in signature(getattr(self.law, self.outcome)).parameters if name in self.data)

    @property
    def weights(self) -> Array:
        """The weight of every point, (n,): as given, else 1."""
        return np.asarray(self.data.get("weights", np.ones(len(self.data[self.outcome]))), dtype=float)

    def predicted_by(self, law: Any) -> Array:
        """What another law of the same form says of the runs of this fit, (n,)."""
        return np.asarray(getattr(law, self.outcome)(*(self.data[name] for name in self.inputs)), dtype=float)

    @property
    def space(self) -> str:
        """Where residuals are taken: "log" (differences of log loss) or "loss"."""
        observed, predicted, residuals = self.data[self.outcome], self.predicted, self.residuals
        off = {"log": np.log(observed) - np.log(predicted) - residuals, "loss": observed - predicted - residuals}
        return min(off, key=lambda space: float(np.sum(np.abs(off[space]))))

    @property
    def criterion(self) -> Any:
        """What was minimised, as an object of :mod:`scaling_helpers.fitting.objectives`: Huber(...), LeastSquares(...) ...

        Profiles need it. NotImplementedError where this kind of fit does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it minimised (`criterion`), so it has no profile")

    def fixed(self, name: str, value: float) -> Fit:
        """This fit made again with the coordinate ``name`` held at ``value``, started at this fit.

        NotImplementedError where this kind of fit has no solver of its own for that; profiles then use a general one.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot hold a coordinate ({name} = {value:g})")

    def under(self, criterion: Any) -> Fit:
        """The same law fitted to the same points by another criterion, such as ``Huber(0.01)`` or ``LeastSquares("log")``.

        Sweeps over the estimator need it. NotImplementedError where this kind of fit knows one criterion only.
        """
        raise NotImplementedError(f"{type(self).__name__} fits by one criterion only, so it cannot use {criterion}")

    def bootstrap(
        self,
        n: int = 4000,
        *,
        kind: str = "pairs",
        clusters: Any = None,
        seed: int = 0,
        n_jobs: int | None = None,
    ) -> Bootstrap:
        """How much would this fit change with other runs of the same kind? ``n`` resamples, each fitted again.

        See :func:`scaling_helpers.fitting.bootstrap.bootstrap`, where the kinds, the errors and an example stand.
        """
        from .bootstrap import bootstrap

        return bootstrap(self, n, kind=kind, clusters=clusters, seed=seed, n_jobs=n_jobs)
