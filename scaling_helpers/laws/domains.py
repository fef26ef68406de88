"""Do images, video and mathematics follow the same law as text?

Henighan et al. (2020, arXiv:2010.14701, Table 1) fit a power law plus a constant to each of twelve kinds of data: the
loss against size, L_inf + (N_0 / N)**alpha, and against compute, L_inf + (C_0 / C)**alpha. The exponents differ from kind to
kind; the best size grows about as C**0.7 in all of them. They count as Kaplan et al. do: N without embeddings, C in
PF-days in the paper and in FLOP here, losses in nats per token, where a token may be a patch or a code.

>>> image = HENIGHAN_2020["image-8x8"]
>>> round(image.size.loss(1e6), 3), image.size.constant
(3.224, 3.12)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .. import facts
from ..quantities import positive
from .generic import PowerLaw
from .origin import PF_DAY, Origin

__all__ = ["HENIGHAN_2020", "DomainLaws"]


@dataclass(frozen=True)
class DomainLaws:
    """What was fitted for one kind of data. ``compute`` and ``best`` are None where the paper gives none.

    size: L(N). compute: L(C), in FLOP. best: (scale in FLOP, exponent) of N*(C) = (C / scale)**exponent.
    """

    size: PowerLaw
    compute: PowerLaw | None
    best: tuple[float, float] | None
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "L_inf + (x_0 / x)**alpha for x = N and x = C; N* = (C / C_0)**p"

    @property
    def answers(self) -> Mapping[str, tuple[str, ...]]:
        """The methods that compute something, and what they take."""
        return {"best_params": ("C",)} if self.best else {}

    def best_params(self, C: Any) -> Any:
        """Best non-embedding size for ``C`` FLOP: float, array or tracer. Raises ValueError where the paper gives none.

        >>> f"{HENIGHAN_2020['language'].best_params(8.64e19):.2g}"  # Kaplan et al. have 1.3e9 at one PF-day
        '1.3e+09'
        """
        if self.best is None:
            raise ValueError(f"{self.origin.title if self.origin else 'this law'} gives no best size")
        scale, exponent = self.best
        return (positive("C", C) / scale) ** exponent


def _laws(key: str) -> DomainLaws:
    row = facts.table("henighan")[key]

    def number(column: str, empty: float = 0.0) -> float:
        return facts.get(f"henighan/{key}/{column}").value if row[column] else empty

    def origin(part: str) -> Origin:
        return Origin(
            id=f"henighan-2020/{key}{part}",
            title=f"Henighan 2020, {row['name']}",
            citation="Henighan et al. 2020, arXiv:2010.14701, Table 1",
            estimator="power law plus constant; the objective is not stated in our sources",
            digits="two or three",
            conventions="N without embeddings; C in FLOP without embeddings (printed in PF-days); loss in nats per token",
            notes="" if row["Linf_N"] else "no constant was fitted here",
        )

    size = PowerLaw(number("N0"), number("alpha_N"), number("Linf_N"), variable="N", fit=f"{key}, L(N)", origin=origin("/size"))
    compute = (
        PowerLaw(
            number("C0") * PF_DAY,
            number("alpha_C"),
            number("Linf_C"),
            variable="C",
            fit=f"{key}, L(C)",
            origin=origin("/compute"),
        )
        if row["C0"]
        else None
    )
    best = (number("best_C0") * PF_DAY, number("best_exponent")) if row["best_C0"] else None
    return DomainLaws(size, compute, best, origin(""))


#: The laws of each kind of data, by id: "language", "image-8x8", "video-vq", "math" ... (see the table ``henighan`` of facts).
HENIGHAN_2020: Mapping[str, DomainLaws] = {key: _laws(key) for key in facts.table("henighan")}
