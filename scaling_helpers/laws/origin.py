"""Where does a published law come from, where may it be trusted, and who is told when it is not?

Almost every use of a scaling law extrapolates: Chinchilla itself is larger than any model its law was fitted to. So a
law says so, once and plainly, to whoever calls it with numbers beyond its runs, as an :class:`ExtrapolationWarning`. It
stays silent for formulas being traced, and for calls from within this package, whose figures and explorers say in
their own words where the runs end. A notebook that extrapolates on purpose says so with :func:`extrapolating`, or for
good with ``warnings.simplefilter("ignore", ExtrapolationWarning)``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..trace import Expr

__all__ = ["FLOP_PER_PARAMETER_TOKEN", "PF_DAY", "ExtrapolationWarning", "Origin", "extrapolating", "outside"]

#: C = 6 N D: two FLOP (multiply and add) per parameter and token forward, four backward.
FLOP_PER_PARAMETER_TOKEN = 6.0

#: FLOP in a petaflop/s-day, the unit of compute of Kaplan et al. and Henighan et al.: 10^15 a second for 24 hours.
PF_DAY = 1e15 * 24 * 3600

_PACKAGE = __package__.partition(".")[0]
_ON_PURPOSE: ContextVar[bool] = ContextVar("extrapolating", default=False)


class ExtrapolationWarning(UserWarning):
    """A published law was asked about numbers beyond the runs that it was fitted to."""


@dataclass(frozen=True)
class Origin:
    """Where a fitted law comes from and where it may be trusted.

    ``params_range`` (N), ``tokens_range`` (D), ``compute_range`` (C, FLOP) and ``ratio_range`` (D / N) are what the runs
    covered; None: not stated in our sources, so that nothing is said when it is left. ``conventions`` says how N, D, C
    and the loss are counted, ``notes`` what else a user has to know.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> BESIROGLU_2024.origin.citation, BESIROGLU_2024.origin.digits
    ('Besiroglu et al. 2024, arXiv:2404.10102, Table 1', 'four')
    """

    id: str
    title: str
    citation: str
    estimator: str
    digits: str
    params_range: tuple[float, float] | None = None
    tokens_range: tuple[float, float] | None = None
    compute_range: tuple[float, float] | None = None
    ratio_range: tuple[float, float] | None = None
    conventions: str = "N all parameters, D training tokens, C = 6 N D FLOP, loss in nats per token"
    notes: str = ""

    @property
    def ranges(self) -> Mapping[str, tuple[float, float, str]]:
        """Fitted ranges that are known: symbol -> (low, high, unit)."""
        known = {
            "N": (self.params_range, "parameters"),
            "D": (self.tokens_range, "tokens"),
            "C": (self.compute_range, "FLOP"),
            "D/N": (self.ratio_range, "tokens per parameter"),
        }
        return {symbol: (*bounds, unit) for symbol, (bounds, unit) in known.items() if bounds is not None}


@contextmanager
def extrapolating() -> Iterator[None]:
    """Extrapolate on purpose: within the block no law warns.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> with extrapolating():
    ...     round(BESIROGLU_2024.loss(405e9, 15.6e12), 3)
    1.893
    """
    token = _ON_PURPOSE.set(True)
    try:
        yield
    finally:
        _ON_PURPOSE.reset(token)


def outside(law: Any, **values: Any) -> list[str]:
    """What lies beyond the runs of ``law``: one sentence for every quantity that does, none for a law with no ranges.

    ``values`` are N (parameters), D (tokens), C (FLOP): numbers or arrays. Tracers are passed over.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> outside(BESIROGLU_2024, N=1e9, D=2e10)
    []
    >>> print(*outside(BESIROGLU_2024, N=70e9))
    Besiroglu 2024 refit extrapolates: N = 7e+10 parameters, and its runs had 4.4e+07 to 1.618e+10
    """
    origin: Origin | None = getattr(law, "origin", None)
    if origin is None:
        return []
    ranges = origin.ranges
    if "D/N" in ranges and "N" in values and "D" in values:
        values = {**values, "D/N": None if _traced(values["N"], values["D"]) else np.divide(values["D"], values["N"])}
    said = []
    for symbol, value in values.items():
        if symbol not in ranges or value is None or isinstance(value, Expr) or not np.size(value):
            continue
        low, high, unit = ranges[symbol]
        smallest, largest = float(np.min(value)), float(np.max(value))
        # A last digit of slack: a value that was computed from the range's own end is not beyond it.
        worst = largest if largest > high * (1 + 1e-9) else smallest if smallest < low * (1 - 1e-9) else None
        if worst is not None:
            said.append(f"{origin.title} extrapolates: {symbol} = {worst:.4g} {unit}, and its runs had {low:.4g} to {high:.4g}")
    return said


def _traced(*values: Any) -> bool:
    return any(isinstance(value, Expr) for value in values)


def warn_outside(law: Any, **values: Any) -> None:
    """Warn whoever called the public method that calls this, unless that is the package itself.

    Emits :class:`ExtrapolationWarning`, at the line of the caller, for every quantity that :func:`outside` names.
    """
    if getattr(law, "origin", None) is None or _ON_PURPOSE.get():
        return
    caller = sys._getframe(2).f_globals.get("__name__") or ""
    if caller.partition(".")[0] == _PACKAGE:
        return
    for sentence in outside(law, **values):
        warnings.warn(sentence, ExtrapolationWarning, stacklevel=3)
