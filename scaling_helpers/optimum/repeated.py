"""How large a model, and how many epochs, where only so much text is to be had?

The optimum under the law of Muennighoff et al. (2023, arXiv:2305.16264). Its authors search 500 points for it; here it is
the root of the exact derivative. The loss has a kink where the text is read exactly once (D = U) by a model larger than
the text can fill, and a kink can be the lowest point: then the derivative is shown to be negative on one side and
positive on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .. import laws
from ..laws.repeated import worth_with_excess
from ..quantities import positive, same_shape
from ..trace import Expr, derivative, evaluate, substitute, variable
from .allocation import Allocation, FlopPerToken, _how, _shaped, _six, optimal
from .certified import Array, Line, Minimum, least_budget, lowest, trace_line

__all__ = [
    "LimitedLaw",
    "RepeatedAllocation",
    "best_epochs",
    "data_constrained",
    "data_constrained_for_loss",
    "limited",
    "loss_floor",
    "text_needed",
    "useful_compute",
]


@dataclass(frozen=True)
class RepeatedAllocation:
    """``compute`` FLOP on ``N`` parameters that read ``D`` tokens, drawn from ``unique`` ones: ``loss`` nats per token.

    ``certified``, ``bracket`` and ``compute_bracket`` as in :class:`~scaling_helpers.optimum.Allocation`.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> best = data_constrained(MUENNIGHOFF_2023_REPEATED, 1e22, 25e9)
    >>> round(best.epochs, 2), round(best.tokens_per_parameter, 1)
    (9.49, 33.8)
    """

    N: Any
    D: Any
    loss: Any
    compute: Any
    unique: Any
    bracket: tuple[Any, Any]
    certified: Any
    compute_bracket: tuple[Any, Any] | None = None

    @property
    def epochs(self) -> Any:
        """D / U, how often the text is read: below 1 where some of it is left over."""
        return self.D / self.unique

    @property
    def tokens_per_parameter(self) -> Any:
        """D / N, repeated tokens included."""
        return self.D / self.N


@dataclass(frozen=True)
class LimitedLaw:
    """A data-constrained law with its unique tokens fixed: a ``loss(N, D)`` for every function that takes a law."""

    law: laws.DataConstrainedLaw
    unique: float

    def loss(self, N: Any, D: Any) -> Any:
        """Predicted loss in nats per token for ``N`` parameters and ``D`` tokens read; see the law's own ``loss``.

        >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
        >>> round(limited(MUENNIGHOFF_2023_REPEATED, 25e9).loss(6.34e9, 242e9), 5)
        2.22564
        """
        return self.law.loss(N, D, self.unique)


def limited(law: laws.DataConstrainedLaw, U: float) -> LimitedLaw:
    """``law`` with ``U`` unique tokens, so that waste, tolerance, use and the rest can be asked of it too.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> from scaling_helpers.optimum import inference_aware
    >>> best = inference_aware(limited(MUENNIGHOFF_2023_REPEATED, 25e9), 2.3, 1e12)
    >>> f"{best.N:.3g} parameters, {best.D / 25e9:.1f} epochs"
    '1.97e+09 parameters, 10.1 epochs'
    """
    U = positive("U", U, "tokens")
    if np.ndim(U):
        raise ValueError(f"U must be one number of tokens, got an array of shape {np.shape(U)}")
    return LimitedLaw(_repeated(law), U)


def data_constrained(
    law: laws.DataConstrainedLaw, C: Any, U: Any, flop_per_token: FlopPerToken | None = None
) -> RepeatedAllocation:
    """The best size and number of epochs for ``C`` FLOP where ``U`` unique tokens are to be had.

    Floats or arrays that broadcast together. ``flop_per_token`` as in :func:`~scaling_helpers.optimum.optimal`. Where the
    text suffices this is the unconstrained optimum of ``law.base``, with less than one epoch. Certified by the exact
    derivative, at a kink by its two one-sided values. TypeError or ValueError names a bad argument; ValueError also where
    there is so much compute that the loss is flat to the last digit (see :func:`useful_compute`).

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> best = data_constrained(MUENNIGHOFF_2023_REPEATED, 1e22, 25e9)
    >>> f"{best.N:.6g} parameters, {best.epochs:.5f} epochs, loss {best.loss:.10f}, {best.certified}"
    '7.02616e+09 parameters, 9.48835 epochs, loss 2.2221292749, bracket'
    """
    C, U = positive("C", C), positive("U", U, "tokens")
    same_shape(C=C, U=U)
    shape = np.broadcast_shapes(np.shape(C), np.shape(U))
    columns = {"budget": np.broadcast_to(C, shape).ravel(), "unique": np.broadcast_to(U, shape).ravel()}
    line = _line(law, flop_per_token)
    return _result(line, lowest(line, columns, _described(columns)), columns, shape)


def best_epochs(law: laws.DataConstrainedLaw, C: Any, U: Any, steps: int = 5) -> Any:
    """How often to read ``U`` unique tokens with ``C`` = 6 N D FLOP: as :func:`data_constrained`, in few steps that trace.

    Let c be the budget in units of what one reading by the size that suits U costs. Up to c = 1 the text suffices and the
    answer is the unconstrained one. Beyond, e epochs leave c / e times that size, and the two are balanced where the worth of
    a token and that of a parameter have fallen alike. Falls of exp(-(e - 1) / R_D) and exp(-(c / e - 1) / R_N) alone would
    give a quadratic equation in e, exact at c = 1 and in the limit of large c; Newton's method on the logarithms of the exact
    derivatives takes it from there. Five ``steps`` leave less than 1e-12. Floats or tracers, also as constants of the law.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> round(best_epochs(MUENNIGHOFF_2023_REPEATED, 1e22, 25e9), 5)
    9.48835
    """
    law, C, U = _repeated(law), positive("C", C), positive("U", U, "tokens")
    fits = laws.matching_size(law.base, U)
    budget = C / (laws.FLOP_PER_PARAMETER_TOKEN * fits * U)
    beyond = np.maximum(budget, 1.0)
    ratio = law.R_D / law.R_N
    half = 0.5 * (1.0 - ratio)
    log_epochs = np.log(half + np.sqrt(half * half + ratio * beyond))
    step = _newton_step(law.base)
    constants = {"budget": beyond, "unique": U, "R_D": law.R_D, "R_N": law.R_N}
    traced = any(isinstance(one, Expr) for one in constants.values())
    for _ in range(steps):
        values = {"log_epochs": log_epochs, **constants}
        log_epochs = substitute(step, values) if traced else evaluate(step, values)
    enough = law.base.optimal(C).D / U
    return np.where(budget > 1.0, np.exp(log_epochs), enough) if traced else float(np.exp(log_epochs) if budget > 1.0 else enough)


@cache
def _newton_step(base: laws.ChinchillaLaw) -> Expr:
    """One step of Newton's method in log epochs: on log of what size loses less log of what epochs gain."""
    unique, at = variable("unique"), variable("log_epochs")
    sizes, epochs = variable("budget") * np.exp(-variable("of_size")), np.exp(variable("of_text"))
    N = worth_with_excess(laws.matching_size(base, unique), sizes - 1.0, variable("R_N"))
    loss = base.loss(N, worth_with_excess(unique, epochs - 1.0, variable("R_D")))
    gap: Any = np.log(derivative(loss, "of_size")) - np.log(-derivative(loss, "of_text"))
    gap = substitute(gap, {"of_size": at, "of_text": at})
    return at - gap / derivative(gap, "log_epochs")


def data_constrained_for_loss(
    law: laws.DataConstrainedLaw, loss: Any, U: Any, flop_per_token: FlopPerToken | None = None
) -> RepeatedAllocation:
    """The cheapest training that reaches ``loss`` (nats per token) on ``U`` unique tokens. Floats or arrays that
    broadcast together.

    Raises ValueError for a loss that is not above :func:`loss_floor`, which no amount of compute reaches on that text.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> f"{data_constrained_for_loss(MUENNIGHOFF_2023_REPEATED, 2.3, 25e9).compute:.3g} FLOP"
    '2.2e+21 FLOP'
    """
    loss, U = positive("loss", loss, "nats/token"), positive("U", U, "tokens")
    same_shape(loss=loss, U=U)
    shape = np.broadcast_shapes(np.shape(loss), np.shape(U))
    target, columns = np.broadcast_to(loss, shape).ravel(), {"unique": np.broadcast_to(U, shape).ravel()}
    floor = np.ravel(loss_floor(law, columns["unique"]))
    for row in np.flatnonzero(target <= floor):
        raise ValueError(
            f"loss = {target[row]:g} nats/token is not above {floor[row]:.6g}, what U = {columns['unique'][row]:g} unique "
            "tokens leave however often they are read: find more text"
        )
    line = _line(law, flop_per_token)
    budget, low, high = least_budget(line, target, columns, lambda row: f"loss = {target[row]:.6g} nats/token")
    columns["budget"] = budget
    return _result(line, lowest(line, columns, _described(columns)), columns, shape, (low, high))


def loss_floor(law: laws.DataConstrainedLaw, U: Any) -> Any:
    """The loss in nats per token that ``U`` unique tokens (a float or an array) leave, whatever the compute.

    Endlessly repeated text is worth U (1 + R_D) tokens, and a model of any size (1 + R_N) times the one that suits U.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> round(loss_floor(MUENNIGHOFF_2023_REPEATED, 25e9), 4)
    2.1559
    """
    U = positive("U", U, "tokens")
    base = _repeated(law).base
    return base.loss(laws.matching_size(base, U) * (1.0 + law.R_N), U * (1.0 + law.R_D))


def useful_compute(
    law: laws.DataConstrainedLaw, U: Any, within: float = 0.01, flop_per_token: FlopPerToken | None = None
) -> RepeatedAllocation:
    """The compute beyond which all further compute together lowers the loss by less than ``within`` nats per token.

    On ``U`` unique tokens (a float or an array) the loss cannot fall below :func:`loss_floor`; this is the cheapest
    training that comes ``within`` of it. Raises ValueError where ``within`` is not positive or too small to be resolved.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> last = useful_compute(MUENNIGHOFF_2023_REPEATED, 25e9)
    >>> f"{last.compute:.3g} FLOP: {last.N:.3g} parameters, {last.epochs:.0f} epochs"
    '8.76e+22 FLOP: 1.78e+10 parameters, 33 epochs'
    """
    within = positive("within", within, "nats/token")
    if np.ndim(within) or within < 1e-12:
        raise ValueError(f"within = {within!r} nats/token: give one number of at least 1e-12, less is lost in rounding")
    return data_constrained_for_loss(law, loss_floor(law, U) + within, U, flop_per_token)


def text_needed(law: laws.DataConstrainedLaw, C: Any, flop_per_token: FlopPerToken | None = None) -> Allocation:
    """How much unique text ``C`` FLOP (a float or an array) need, so that none has to be read twice.

    The unconstrained optimum of ``law.base``: its D is the answer, its loss what more text than that cannot lower.

    >>> from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED
    >>> f"{text_needed(MUENNIGHOFF_2023_REPEATED, 1e22).D:.3g} tokens"
    '1.81e+11 tokens'
    """
    return optimal(_repeated(law).base, C, flop_per_token)


def _repeated(law: Any) -> laws.DataConstrainedLaw:
    if not isinstance(law, laws.DataConstrainedLaw):
        raise TypeError(f"law must be a DataConstrainedLaw, got {type(law).__name__}: only it says what repeated text is worth")
    return law


def _described(columns: dict[str, Array]) -> Callable[[int], str]:
    return lambda row: f"C = {columns['budget'][row]:g} FLOP on U = {columns['unique'][row]:g} unique tokens"


def _line(law: Any, flop_per_token: FlopPerToken | None) -> Line:
    repeated = _repeated(law)
    return trace_line(lambda N, D: repeated.loss(N, D, variable("unique")), flop_per_token or _six)


def _result(
    line: Line,
    found: Minimum,
    columns: dict[str, Array],
    shape: tuple[int, ...],
    compute_bracket: tuple[Array, Array] | None = None,
) -> RepeatedAllocation:
    return RepeatedAllocation(
        _shaped(np.exp(found.log_size), shape),
        _shaped(line.at(line.tokens, found.log_size, columns), shape),
        _shaped(found.loss, shape),
        _shaped(columns["budget"], shape),
        _shaped(columns["unique"], shape),
        (_shaped(np.exp(found.low), shape), _shaped(np.exp(found.high), shape)),
        _how(found, shape),
        compute_bracket and (_shaped(compute_bracket[0], shape), _shaped(compute_bracket[1], shape)),
    )
