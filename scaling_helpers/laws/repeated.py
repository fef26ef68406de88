"""What is text worth that a model has read before?

The data-constrained law of Muennighoff et al. (2023, arXiv:2305.16264), and its published constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import facts
from ..quantities import positive, same_shape
from .origin import Origin, warn_outside
from .parametric import MUENNIGHOFF_2023, ChinchillaLaw, matching_size

__all__ = ["MUENNIGHOFF_2023_REPEATED", "DataConstrainedLaw"]


@dataclass(frozen=True)
class DataConstrainedLaw:
    """The law of Muennighoff et al. (2023, arXiv:2305.16264, Section 3 and App A) for text that is read several times.

    Repeated tokens and excess parameters count for less and less: with U unique tokens read D / U times, the law
    ``base`` is applied to D' = U + U R_D (1 - exp(-(D/U - 1) / R_D)), and to N' of the same form with R_N, where
    excess are the parameters beyond those that ``base`` would give to U tokens. ``R_D`` and ``R_N`` are positive.

    >>> law = DataConstrainedLaw(MUENNIGHOFF_2023, R_D=15.4, R_N=5.3)
    >>> round(law.loss(7e9, 100e9, U=25e9), 3), f"{law.effective_tokens(100e9, 25e9):.3g}"
    (2.267, '9.31e+10')
    """

    base: ChinchillaLaw
    R_D: float
    R_N: float
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "E + A / N'**alpha + B / D'**beta, D' = U + U R_D (1 - exp(-(D / U - 1) / R_D)), N' likewise"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "loss": ("N", "D", "U"),
        "effective_tokens": ("D", "U"),
        "effective_params": ("N", "U"),
    }

    def __post_init__(self) -> None:
        for name in ("R_D", "R_N"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))

    def effective_tokens(self, D: Any, U: Any) -> Any:
        """New tokens worth as much as ``D`` tokens drawn from ``U`` unique ones; never more than U (1 + R_D)."""
        D, U = positive("D", D), positive("U", U)
        same_shape(D=D, U=U)
        return _worth(D, U, self.R_D)

    def effective_params(self, N: Any, U: Any) -> Any:
        """Parameters worth as much as ``N`` of them, where only ``U`` unique tokens are to be had."""
        N, U = positive("N", N), positive("U", U)
        same_shape(N=N, U=U)
        return _worth(N, matching_size(self.base, U), self.R_N)

    def loss(self, N: Any, D: Any, U: Any) -> Any:
        """Predicted loss in nats per token for ``N`` parameters and ``D`` tokens read, of which ``U`` are unique.

        Floats, arrays that broadcast together, or tracers; D <= U means no repetition. TypeError or ValueError names
        the argument that is not real, positive and finite.
        """
        N, D, U = positive("N", N), positive("D", D), positive("U", U)
        same_shape(N=N, D=D, U=U)
        warn_outside(self, N=N, D=D)
        unique = np.minimum(D, U)
        return self.base.loss(self.effective_params(N, unique), self.effective_tokens(D, unique))


def _worth(amount: Any, plain: Any, decay: Any) -> Any:
    """What ``amount`` is worth if all beyond ``plain`` loses its value with e-folding constant ``decay``."""
    plain = np.minimum(amount, plain)
    return worth_with_excess(plain, amount / plain - 1.0, decay)


def worth_with_excess(plain: Any, excess: Any, decay: Any) -> Any:
    """What ``plain`` is worth with ``excess`` times as much beside it, whose value decays with e-folding constant ``decay``."""
    return plain + plain * decay * (1.0 - np.exp(-excess / decay))


def _range(name: str) -> float:
    return facts.get(f"results/muennighoff-range/{name}").value


#: The C4 fit with the constants for repeated tokens and excess parameters.
MUENNIGHOFF_2023_REPEATED = DataConstrainedLaw(
    MUENNIGHOFF_2023,
    R_D=facts.get("results/muennighoff-repeated-tokens").value,
    R_N=facts.get("results/muennighoff-excess-params").value,
    origin=Origin(
        "muennighoff-2023/repeated",
        "Muennighoff 2023, repeated text",
        "Muennighoff et al. 2023, arXiv:2305.16264, Section 3 and App A",
        "Huber loss on log loss over 182 runs, with the five constants of the C4 fit held",
        "eight, of which the runs fix hardly one: R_D from 12 to 60 fits as well with R_N to match",
        params_range=(_range("size-low"), _range("size-high")),
        tokens_range=(_range("tokens-low"), _range("tokens-high")),
        notes="R_D and R_N are e-folding constants, in repetitions after the first",
    ),
)
