"""Where does a published law come from, and where may it be trusted?"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLOP_PER_PARAMETER_TOKEN", "Origin"]

#: C = 6 N D: two FLOP (multiply and add) per parameter and token forward, four backward.
FLOP_PER_PARAMETER_TOKEN = 6.0


@dataclass(frozen=True)
class Origin:
    """Where a fitted law comes from and where it may be trusted.

    ``params_range`` and ``tokens_range`` are what the runs covered (None: not stated in our sources).
    """

    id: str
    title: str
    citation: str
    estimator: str
    digits: str
    params_range: tuple[float, float] | None = None
    tokens_range: tuple[float, float] | None = None
