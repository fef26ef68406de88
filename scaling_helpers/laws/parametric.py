"""How does loss fall with size and data together? The parametric law E + A / N**alpha + B / D**beta.

The law of Hoffmann et al. (2022, arXiv:2203.15556, Eq 10) and its published fits. Losses are in
nats per token. Every constant comes from :mod:`scaling_helpers.facts`, where its source stands.

>>> round(BESIROGLU_2024.loss(70e9, 1.4e12), 4)
1.9739
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import facts
from ..quantities import positive, same_shape
from ..trace import Expr
from .constants import check_constants
from .origin import Origin, warn_outside

if TYPE_CHECKING:
    from ..optimum import Allocation

__all__ = [
    "BESIROGLU_2024",
    "HOFFMANN_2022",
    "HOFFMANN_2022_ROUNDED",
    "LAWS",
    "MUENNIGHOFF_2023",
    "SARDANA_2024",
    "ChinchillaLaw",
    "matching_size",
]


@dataclass(frozen=True)
class ChinchillaLaw:
    """L(N, D) = E + A / N**alpha + B / D**beta, the parametric law of Hoffmann et al. (2022), Eq 10.

    E is in nats per token; A and B are what is left of the loss at N = 1 and D = 1; alpha and beta are
    dimensionless. All five must be positive and finite (E may be 0), else ValueError or TypeError.

    >>> law = ChinchillaLaw(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> round(law.loss(70e9, 1.4e12), 4), f"{law.optimal(5.76e23).N:.3g}"
    (1.9739, '7.22e+10')
    """

    E: Any
    A: Any
    B: Any
    alpha: Any
    beta: Any
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "E + A / N**alpha + B / D**beta"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "loss": ("N", "D"),
        "tokens_for_loss": ("N", "loss"),
        "compute_for_loss": ("loss",),
    }

    def __post_init__(self) -> None:
        check_constants(self, "E", "A", "B", "alpha", "beta", zero=("E",))

    def loss(self, N: Any, D: Any) -> Any:
        """Predicted loss in nats per token for ``N`` parameters and ``D`` training tokens.

        Floats, arrays of shapes that broadcast together (the result has the broadcast shape), or tracers.
        Raises TypeError or ValueError naming the argument that is not real, positive and finite. Warns
        (:class:`~scaling_helpers.laws.ExtrapolationWarning`) beyond the runs of a published law.
        """
        N, D = positive("N", N), positive("D", D)
        same_shape(N=N, D=D)
        warn_outside(self, N=N, D=D)
        return self.E + self.A / N**self.alpha + self.B / D**self.beta

    def optimal(self, C: Any) -> Allocation:
        """The N and D of least loss with C = 6 N D, in closed form; see :func:`scaling_helpers.optimum.closed_form`."""
        from ..optimum import closed_form

        best = closed_form(self, C)
        warn_outside(self, N=best.N, D=best.D)
        return best

    def tokens_for_loss(self, N: Any, loss: Any) -> Any:
        """Training tokens after which a model of ``N`` parameters reaches ``loss`` (nats per token): the law solved for D.

        Floats, arrays that broadcast together, or tracers. Raises ValueError where ``loss`` is not above what the
        size alone leaves, E + A / N**alpha, which no amount of text reaches.
        """
        N = positive("N", N)
        floor = self.E + self.A / N**self.alpha
        if not isinstance(loss, Expr) and not isinstance(floor, Expr):
            loss = positive("loss", loss, "nats/token")
            same_shape(N=N, loss=loss)
            if np.any(np.asarray(loss) <= floor):
                worst = float(np.max(floor))
                raise ValueError(
                    f"loss = {float(np.min(loss)):g} nats/token is not above the {worst:g} that this size leaves with "
                    "endless text: make the model larger"
                )
        D = (self.B / (loss - floor)) ** (1.0 / self.beta)
        warn_outside(self, N=N, D=D)
        return D

    def compute_for_loss(self, loss: Any) -> Any:
        """Least training compute in FLOP at which this law reaches ``loss`` (nats per token).

        Raises ValueError where ``loss`` is not above E, which no amount of compute reaches.
        """
        from ..optimum import closed_form, compute_for_loss

        C = compute_for_loss(self, loss)
        best = closed_form(self, C)
        warn_outside(self, N=best.N, D=best.D)
        return C


def matching_size(law: ChinchillaLaw, D: Any) -> Any:
    """The number of parameters for which ``D`` tokens are compute-optimal under ``law``.

    >>> f"{matching_size(BESIROGLU_2024, 1.4e12):.3g}"
    '7.63e+10'
    """
    # alpha A / N**alpha = beta B / D**beta, solved for N.
    return (law.alpha * law.A / (law.beta * law.B)) ** (1.0 / law.alpha) * D ** (law.beta / law.alpha)


def _published(origin: Origin, *, logarithms: bool = False) -> ChinchillaLaw:
    """Build a law from its rows in ``facts/laws.csv``; coefficients may be published as logarithms."""

    def constant(symbol: str) -> float:
        if logarithms and symbol in ("E", "A", "B"):
            return math.exp(facts.get(f"laws/{origin.id}/ln{symbol}").value)
        return facts.get(f"laws/{origin.id}/{symbol}").value

    return ChinchillaLaw(**{symbol: constant(symbol) for symbol in ("E", "A", "B", "alpha", "beta")}, origin=origin)


def _range(quantity: str) -> tuple[float, float]:
    return facts.get(f"results/hoffmann-{quantity}-low").value, facts.get(f"results/hoffmann-{quantity}-high").value


HOFFMANN_2022 = _published(
    Origin(
        "hoffmann-2022",
        "Hoffmann 2022, unrounded",
        "Hoffmann et al. 2022, arXiv:2203.15556, approach 3",
        "Huber loss (1e-3) on log loss, averaged; L-BFGS that stopped early",
        "as in the paper's TeX source",
        _range("size"),
        _range("tokens"),
    )
)
HOFFMANN_2022_ROUNDED = _published(
    Origin(
        "hoffmann-2022-rounded",
        "Hoffmann 2022, as printed",
        "Hoffmann et al. 2022, arXiv:2203.15556, Eq 10",
        "the same fit, rounded for print",
        "two decimals in the exponents: not enough to allocate with",
        _range("size"),
        _range("tokens"),
    )
)
BESIROGLU_2024 = _published(
    Origin(
        "besiroglu-2024",
        "Besiroglu 2024 refit",
        "Besiroglu et al. 2024, arXiv:2404.10102, Table 1",
        "Huber loss (1e-3) on log loss, summed, run to its minimum; 240 digitized runs of Hoffmann et al.",
        "four",
        _range("size"),
        _range("tokens"),
    )
)
MUENNIGHOFF_2023 = _published(
    Origin(
        "muennighoff-2023",
        "Muennighoff 2023, C4",
        "Muennighoff et al. 2023, arXiv:2305.16264, C4 fit",
        "Huber loss on log loss with alpha = beta imposed",
        "seven",
    ),
    logarithms=True,
)

#: Every published law of this form, by id, oldest first.
LAWS: Mapping[str, ChinchillaLaw] = {
    "hoffmann-2022": HOFFMANN_2022,
    "hoffmann-2022-rounded": HOFFMANN_2022_ROUNDED,
    "muennighoff-2023": MUENNIGHOFF_2023,
    "besiroglu-2024": BESIROGLU_2024,
}


def _sardana(row_id: str) -> ChinchillaLaw:
    row = facts.table("sardana_fits")[row_id]
    ratio = facts.get(f"sardana_fits/{row_id}/max_ratio").value
    origin = Origin(
        f"sardana-2024/{row_id}",
        f"Sardana 2024, {row['name']}",
        "Sardana et al. 2024, arXiv:2401.00448, Table 1",
        "the procedure of Hoffmann et al., approach 3",
        "two decimals in the exponents: the four differ by 0.3 nats at 1e9 parameters on 1e12 tokens",
        params_range=(facts.get("results/sardana-size-low").value, facts.get("results/sardana-size-high").value),
        ratio_range=(facts.get("results/sardana-ratio-low").value, ratio),
        notes="show with its digits, or as one of four: rounding moves the loss by more than the fits tell apart",
    )
    return ChinchillaLaw(
        **{s: facts.get(f"sardana_fits/{row_id}/{s}").value for s in ("E", "A", "B", "alpha", "beta")}, origin=origin
    )


#: One law fitted to runs of at most 100, 250, 500 and 10,000 tokens per parameter: "up-to-100" ... "all". Rounded exponents.
SARDANA_2024: Mapping[str, ChinchillaLaw] = {row_id: _sardana(row_id) for row_id in facts.table("sardana_fits")}
