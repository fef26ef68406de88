"""What happens to the law when the model is sparse, of low precision, or taught by another model? Forms without constants.

Each form is the one its paper gives; the constants are arguments, because our sources for them are third parties' notes or
none at all, and a constant that cannot be traced has no place here. For the same reason there is no law here for
Farseer (2025, arXiv:2506.10972), Clark et al. (2022, arXiv:2202.01169) or Abnar et al. (2025, arXiv:2501.12370): neither form nor
constants were read at the source. The saturating law for reinforcement learning is
:class:`~scaling_helpers.laws.generic.SigmoidLaw`.

>>> from scaling_helpers.laws import BESIROGLU_2024
>>> law = PrecisionLaw(BESIROGLU_2024, gamma=2.0)
>>> round(float(law.effective_params(1e9, 4.0) / 1e9), 3)
0.865
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..quantities import positive, same_shape
from .constants import check_constants
from .origin import Origin
from .parametric import ChinchillaLaw

__all__ = ["DistillationLaw", "GranularityLaw", "PrecisionLaw"]


@dataclass(frozen=True)
class PrecisionLaw:
    """Training at ``P`` bits counts as fewer parameters: N_eff = N (1 - exp(-P / gamma)) (Kumar et al. 2024, arXiv:2411.04330).

    ``base`` is the law at full precision, ``gamma`` in bits. With ``C_T``, ``g_D``, ``g_N`` and ``g_P`` given, :meth:`harm` adds
    what rounding after training costs: C_T D**g_D / N**g_N exp(-P / g_P), which grows with the tokens seen.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> law = PrecisionLaw(BESIROGLU_2024, gamma=2.0)
    >>> bool(law.loss(1e9, 1e11, P=4.0) > law.loss(1e9, 1e11, P=16.0))
    True
    """

    base: ChinchillaLaw
    gamma: Any
    C_T: Any = 0.0
    g_D: Any = 1.0
    g_N: Any = 1.0
    g_P: Any = 1.0
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "E + A / N_eff**alpha + B / D**beta, N_eff = N (1 - exp(-P / gamma))"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "loss": ("N", "D", "P"),
        "effective_params": ("N", "P"),
        "harm": ("N", "D", "P"),
    }

    def __post_init__(self) -> None:
        check_constants(self, "gamma", "C_T", "g_D", "g_N", "g_P", zero=("C_T",))

    def effective_params(self, N: Any, P: Any) -> Any:
        """Parameters at full precision that are worth ``N`` of them trained at ``P`` bits."""
        N, P = positive("N", N), positive("P", P, "bits")
        same_shape(N=N, P=P)
        return N * (1.0 - np.exp(-P / self.gamma))

    def loss(self, N: Any, D: Any, P: Any) -> Any:
        """Loss in nats per token after training at ``P`` bits: floats, arrays that broadcast together, or tracers."""
        return self.base.loss(self.effective_params(N, P), D)

    def harm(self, N: Any, D: Any, P: Any) -> Any:
        """What rounding the weights to ``P`` bits after training adds to the loss. Zero as long as C_T is."""
        N, D, P = positive("N", N), positive("D", D), positive("P", P, "bits")
        same_shape(N=N, D=D, P=P)
        return self.C_T * D**self.g_D / N**self.g_N * np.exp(-P / self.g_P)


@dataclass(frozen=True)
class GranularityLaw:
    """L(N, D, G) = c + (g / G**gamma + a) / N**alpha + b / D**beta: mixtures of small experts (Krajewski et al. 2024, \
arXiv:2402.07871).

    ``G`` is how many times finer the experts are than a dense feed-forward layer; N and D are as the paper counts them.
    As G grows, the law becomes that of a dense model with coefficient ``a``.

    >>> law = GranularityLaw(a=20.0, b=30.0, c=0.5, g=2.0, alpha=0.1, beta=0.15, gamma=0.6)  # invented constants
    >>> bool(law.loss(1e9, 1e11, G=16.0) < law.loss(1e9, 1e11, G=1.0))
    True
    """

    a: Any
    b: Any
    c: Any
    g: Any
    alpha: Any
    beta: Any
    gamma: Any
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "c + (g / G**gamma + a) / N**alpha + b / D**beta"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": ("N", "D", "G")}

    def __post_init__(self) -> None:
        check_constants(self, "a", "b", "c", "g", "alpha", "beta", "gamma", zero=("c", "g"))

    def loss(self, N: Any, D: Any, G: Any) -> Any:
        """Loss in nats per token at granularity ``G``: floats, arrays that broadcast together, or tracers."""
        N, D, G = positive("N", N), positive("D", D), positive("G", G)
        same_shape(N=N, D=D, G=G)
        return self.c + (self.g / G**self.gamma + self.a) / N**self.alpha + self.b / D**self.beta

    def at(self, G: Any) -> ChinchillaLaw:
        """The law in N and D at one granularity, with its optimum and everything else that form has."""
        return ChinchillaLaw(self.c, self.g / positive("G", G) ** self.gamma + self.a, self.b, self.alpha, self.beta)


@dataclass(frozen=True)
class DistillationLaw:
    """Loss of a student taught by a model of loss L_T (Busbridge et al. 2025, arXiv:2502.08606).

    L_T + L_T**-c0 (1 + (L_T / (L_S d1))**(1 / f1))**(-c1 f1) (A / N**a + B / D**b)**g, where L_S is the loss that
    ``alone``, the law of training without a teacher, gives the student. Their coefficients were not seen, so none stand here.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> invented = dict(A=1e3, B=1e4, a=0.4, b=0.4, g=0.9, c0=1.0, c1=1.0, d1=1.0, f1=0.1)
    >>> law = DistillationLaw(BESIROGLU_2024, **invented)
    >>> law.alone is BESIROGLU_2024
    True
    """

    alone: ChinchillaLaw
    A: Any
    B: Any
    a: Any
    b: Any
    g: Any
    c0: Any
    c1: Any
    d1: Any
    f1: Any
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "L_T + L_T**-c0 (1 + (L_T / (L_S d1))**(1 / f1))**(-c1 f1) (A / N**a + B / D**b)**g"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": ("N", "D", "teacher")}

    def __post_init__(self) -> None:
        check_constants(self, "A", "B", "a", "b", "g", "c0", "c1", "d1", "f1", signed=("c0", "c1"))

    def loss(self, N: Any, D: Any, teacher: Any) -> Any:
        """Loss in nats per token of ``N`` parameters taught on ``D`` tokens by a ``teacher`` of that loss."""
        N, D, teacher = positive("N", N), positive("D", D), positive("teacher", teacher, "nats/token")
        same_shape(N=N, D=D, teacher=teacher)
        ratio = np.log(teacher) - np.log(self.alone.loss(N, D)) - np.log(self.d1)
        # log(1 + exp(z)) without overflow
        z = ratio / self.f1
        bend = np.exp(-self.c1 * self.f1 * (np.maximum(z, 0.0) + np.log(1.0 + np.exp(-np.abs(z)))))
        return teacher + teacher ** (-self.c0) * bend * (self.A / N**self.a + self.B / D**self.b) ** self.g
