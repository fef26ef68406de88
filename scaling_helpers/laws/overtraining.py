"""What is the loss of a model trained on far more tokens than is compute-optimal, and what error does it make on tasks?

Gadre et al. (2024, arXiv:2403.08540) write the loss in compute C and tokens per parameter M = D / N. With C = 6 N D it is the
parametric law of Hoffmann et al. with alpha = beta = 2 eta; :meth:`OvertrainingLaw.chinchilla` converts. A second law turns
loss into error on tasks. They count C as exactly 6 N D, with N all parameters, embeddings included.

>>> law = GADRE_2024["c4"]
>>> round(law.loss(1e9, 2e10), 3), round(law.chinchilla().loss(1e9, 2e10), 3)
(2.74, 2.74)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import facts
from ..quantities import positive, same_shape
from ..trace import Expr
from .constants import check_constants
from .origin import FLOP_PER_PARAMETER_TOKEN, Origin, warn_outside
from .parametric import ChinchillaLaw

if TYPE_CHECKING:
    from ..optimum import Allocation

__all__ = ["GADRE_2024", "GADRE_2024_ERROR", "ErrorLaw", "OvertrainingLaw"]


@dataclass(frozen=True)
class OvertrainingLaw:
    """L(C, M) = E + (a M**eta + b M**-eta) C**-eta, with M = D / N tokens per parameter (Gadre et al. 2024, Section 3).

    At a fixed M the loss above E is a power law in compute whose exponent does not depend on M: over-training moves the
    line, not its slope. ``E`` in nats per token; a, b, eta positive. The loss is least at M = (b / a)**(1 / (2 eta)).
    """

    E: Any
    a: Any
    b: Any
    eta: Any
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "E + (a M**eta + b M**-eta) C**-eta, M = D / N, C = 6 N D"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "loss": ("N", "D"),
        "loss_of_compute": ("C", "M"),
        "tokens_for_loss": ("N", "loss"),
        "compute_for_loss": ("loss",),
    }

    def __post_init__(self) -> None:
        check_constants(self, "E", "a", "b", "eta", zero=("E",))

    def _of(self, C: Any, M: Any) -> Any:
        return self.E + (self.a * M**self.eta + self.b * M ** (-self.eta)) * C ** (-self.eta)

    def loss_of_compute(self, C: Any, M: Any) -> Any:
        """Loss in nats per token for ``C`` FLOP at ``M`` tokens per parameter.

        Floats, arrays that broadcast together, or tracers; TypeError or ValueError names what is not positive and finite.
        """
        C, M = positive("C", C), positive("M", M, "tokens per parameter")
        same_shape(C=C, M=M)
        size = (C / (FLOP_PER_PARAMETER_TOKEN * M)) ** 0.5
        warn_outside(self, N=size, D=M * size)
        return self._of(C, M)

    def loss(self, N: Any, D: Any) -> Any:
        """Loss in nats per token for ``N`` parameters (embeddings included) and ``D`` tokens; arguments as above."""
        N, D = positive("N", N), positive("D", D)
        same_shape(N=N, D=D)
        warn_outside(self, N=N, D=D)
        return self._of(FLOP_PER_PARAMETER_TOKEN * N * D, D / N)

    @property
    def best_ratio(self) -> Any:
        """Tokens per parameter of least loss at equal compute; the same at every budget, since alpha = beta."""
        return (self.b / self.a) ** (0.5 / self.eta)

    def chinchilla(self) -> ChinchillaLaw:
        """The same law as E + A / N**alpha + B / D**beta: alpha = beta = 2 eta, A = a 6**-eta, B = b 6**-eta."""
        six = FLOP_PER_PARAMETER_TOKEN ** (-self.eta)
        return ChinchillaLaw(self.E, self.a * six, self.b * six, 2.0 * self.eta, 2.0 * self.eta, origin=self.origin)

    @staticmethod
    def from_chinchilla(law: ChinchillaLaw) -> OvertrainingLaw:
        """The law of this form that equals ``law``. Raises ValueError unless its alpha and beta are the same.

        >>> from scaling_helpers.laws import MUENNIGHOFF_2023
        >>> round(OvertrainingLaw.from_chinchilla(MUENNIGHOFF_2023).best_ratio, 1)
        19.6
        """
        if law.alpha != law.beta:
            raise ValueError(f"alpha = {law.alpha:g} and beta = {law.beta:g}: this form needs them equal, both 2 eta")
        six = FLOP_PER_PARAMETER_TOKEN ** (law.alpha / 2.0)
        return OvertrainingLaw(law.E, law.A * six, law.B * six, law.alpha / 2.0, origin=law.origin)

    def optimal(self, C: Any) -> Allocation:
        """The N and D of least loss with C = 6 N D, in closed form; see :func:`scaling_helpers.optimum.closed_form`."""
        best = self.chinchilla().optimal(C)
        warn_outside(self, N=best.N, D=best.D)
        return best

    def tokens_for_loss(self, N: Any, loss: Any) -> Any:
        """Tokens after which ``N`` parameters reach ``loss``; ValueError where that size never does."""
        D = self.chinchilla().tokens_for_loss(N, loss)
        warn_outside(self, N=N, D=D)
        return D

    def compute_for_loss(self, loss: Any) -> Any:
        """Least training compute in FLOP at which this law reaches ``loss``; ValueError where that is not above E."""
        return self.chinchilla().compute_for_loss(loss)


@dataclass(frozen=True)
class ErrorLaw:
    """Err(L) = eps - k exp(-gamma L): average top-1 error on tasks against loss (Gadre et al. 2024, Section 3).

    ``eps`` is the error of a model that has learnt nothing; ``k`` and ``gamma`` say how it falls with the loss in nats
    per token. An error below 0 is not cut off: there the law is far beyond its use.

    >>> round(GADRE_2024_ERROR["c4"].error(2.5), 3)
    0.536
    """

    eps: Any
    k: Any
    gamma: Any
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "eps - k exp(-gamma L)"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"error": ("loss",), "loss_for_error": ("error",)}

    def __post_init__(self) -> None:
        check_constants(self, "eps", "k", "gamma")

    def error(self, loss: Any) -> Any:
        """Average error, between 0 and 1, of a model with ``loss`` nats per token: float, array or tracer."""
        value = self.eps - self.k * np.exp(-self.gamma * positive("loss", loss, "nats/token"))
        return value if isinstance(value, Expr) or np.ndim(value) else float(value)

    def loss_for_error(self, error: Any) -> Any:
        """The loss at which the average error is ``error``. Raises ValueError unless that is below eps and above eps - k."""
        if not isinstance(error, Expr):
            error = positive("error", error)
            if np.any(np.asarray(error) >= self.eps) or np.any(np.asarray(error) <= self.eps - self.k):
                raise ValueError(f"error = {error} is not between eps - k = {self.eps - self.k:g} and eps = {self.eps:g}")
        value = np.log(self.k / (self.eps - error)) / self.gamma
        return value if isinstance(value, Expr) or np.ndim(value) else float(value)


def _fact(name: str) -> float:
    return facts.get(f"gadre/{name}").value


_SETS = {"c4": "C4", "redpajama": "RedPajama", "refinedweb": "RefinedWeb"}


def _origin(key: str, what: str, estimator: str, digits: str, notes: str) -> Origin:
    ranged = what == "loss"
    return Origin(
        id=f"gadre-2024/{key}" + ("" if ranged else "/error"),
        title=f"Gadre 2024, {_SETS[key]}" + ("" if ranged else ", error"),
        citation="Gadre et al. 2024, arXiv:2403.08540, Section 3; refit of the authors' runs (mlfoundations/scaling)",
        estimator=estimator,
        digits=digits,
        params_range=(_fact("range/size-low"), _fact("range/size-high")) if ranged else None,
        tokens_range=(_fact("range/tokens-low"), _fact("range/tokens-high")) if ranged else None,
        ratio_range=(_fact("range/ratio-low"), _fact("range/ratio-high")) if ranged else None,
        conventions="N all parameters, embeddings included; C = 6 N D FLOP; loss in nats per token of C4's validation text",
        notes=notes,
    )


#: The over-training law by training text: "c4", "redpajama", "refinedweb".
GADRE_2024: Mapping[str, OvertrainingLaw] = {
    key: OvertrainingLaw(
        **{symbol: _fact(f"{key}/{symbol}") for symbol in ("E", "a", "b", "eta")},
        origin=_origin(
            key,
            "loss",
            "least squares on the loss, at the authors' five small runs",
            "six; the paper prints three",
            "four constants from five runs; the ranges are those of all 104 models, most of them predicted and not fitted",
        ),
    )
    for key in _SETS
}

#: From loss to average error on 17 tasks, by training text.
GADRE_2024_ERROR: Mapping[str, ErrorLaw] = {
    key: ErrorLaw(
        **{symbol: _fact(f"{key}/{symbol}") for symbol in ("eps", "k", "gamma")},
        origin=_origin(
            key,
            "error",
            "least squares on the error",
            "three",
            "the 17 tasks were chosen because small models do better than chance there",
        ),
    )
    for key in _SETS
}
