"""How large a model, on how many tokens, for a budget of training compute; and how much of a budget was wasted?

Two answers that must agree: the closed form of Hoffmann et al. (2022, arXiv:2203.15556, Eq 4), which exists for the
parametric law where training costs k N per token, and, for any law and any cost that can be traced, the certified optimum
of :mod:`~scaling_helpers.optimum.certified`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import laws
from ..quantities import positive, same_shape
from ..trace import Expr, derivative, evaluate, variable
from .certified import Array, Columns, Line, Minimum, crossing, least_budget, lowest, trace_line

__all__ = [
    "Allocation",
    "Tolerance",
    "closed_form",
    "compute_for_loss",
    "equivalent",
    "equivalent_compute",
    "minimise",
    "optimal",
    "optimal_for_loss",
    "size_tolerance",
    "waste",
]

#: The cost of one token in FLOP as a function of N.
FlopPerToken = Callable[[Any], Any]


@dataclass(frozen=True)
class Allocation:
    """How to spend a budget: ``compute`` FLOP on ``N`` parameters and ``D`` tokens gives ``loss`` nats per token.

    Fields are floats, or arrays of one shape for many budgets. ``certified`` says how we know that it is the optimum:
    "closed form"; "bracket", with the two sizes in ``bracket`` between which the exact derivative of the loss turns from
    falling to rising; or "kink", where it does so by a jump. Where a budget had to be found, ``compute_bracket`` holds
    the two between which the best loss passes the one that was asked for.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> best = BESIROGLU_2024.optimal(5.76e23)
    >>> f"{best.N:.3g}, {best.D:.3g}, {best.loss:.4f}, {best.tokens_per_parameter:.1f}", best.certified
    ('7.22e+10, 1.33e+12, 1.9744, 18.4', 'closed form')
    """

    N: Any
    D: Any
    loss: Any
    compute: Any
    bracket: tuple[Any, Any] | None = None
    certified: Any = "closed form"
    compute_bracket: tuple[Any, Any] | None = None

    @property
    def tokens_per_parameter(self) -> Any:
        """D / N."""
        return self.D / self.N


@dataclass(frozen=True)
class Tolerance:
    """The sizes at which the loss of the optimum ``best`` costs a share ``extra`` more compute than at the best size.

    ``low`` < ``best.N`` < ``high``, in parameters: roots, ``certified`` by "bracket" (the two sides differ in sign).

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> found = size_tolerance(BESIROGLU_2024, 5.76e23, 0.1)
    >>> f"{found.low:.3g} to {found.high:.3g}"
    '4.51e+10 to 1.27e+11'
    """

    low: Any
    high: Any
    extra: Any
    best: Allocation
    certified: str = "bracket"

    @property
    def factors(self) -> tuple[Any, Any]:
        """``low`` and ``high`` as multiples of the best size."""
        return self.low / self.best.N, self.high / self.best.N


def optimal(law: Any, C: Any, flop_per_token: FlopPerToken | None = None) -> Allocation:
    """The compute-optimal allocation of ``C`` FLOP under any law.

    ``law`` has a method ``loss(N, D)`` in nats per token that can be traced (operators and plain NumPy functions).
    ``C`` is a float or an array (the fields of the result then have its shape); for the parametric law also a tracer.
    ``flop_per_token(N)`` is the FLOP that training on one token costs, 6 N unless given, and can be traced too.

    The closed form where there is one (Hoffmann et al. 2022, Eq 4: :class:`~scaling_helpers.laws.ChinchillaLaw` and a
    cost k N), else the certified optimum, see :func:`minimise`. TypeError or ValueError names a budget that is not real,
    positive, finite and plausible, and a budget that has no optimum inside; TraceError what cannot be traced.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> best = optimal(BESIROGLU_2024, 5.76e23)
    >>> f"{best.N:.4g} parameters, {best.tokens_per_parameter:.3g} tokens each, {best.certified}"
    '7.225e+10 parameters, 18.4 tokens each, closed form'
    >>> optimal(BESIROGLU_2024, 5.76e23, lambda N: 6 * N + 1e9).certified
    'bracket'
    """
    per_parameter = _per_parameter(flop_per_token)
    if isinstance(law, laws.ChinchillaLaw) and per_parameter is not None:
        return closed_form(law, C, per_parameter)
    if per_parameter is not None and callable(own := getattr(law, "optimal", None)):
        C = positive("C", C)
        # k N D = C is 6 N D = 6 C / k.
        return replace(own(C * (laws.FLOP_PER_PARAMETER_TOKEN / per_parameter)), compute=C)
    return minimise(_loss_of(law), C, flop_per_token)


def closed_form(law: laws.ChinchillaLaw, C: Any, flop_per_parameter: float = laws.FLOP_PER_PARAMETER_TOKEN) -> Allocation:
    """The compute-optimal allocation under C = k N D, from Lagrange's condition (Hoffmann et al. 2022, Eq 4).

    ``C`` in FLOP: a float, an array (the result's fields have its shape) or a tracer. ``flop_per_parameter`` is k, 6
    unless given. Raises TypeError or ValueError naming a budget that is not real, positive, finite and plausible.

    >>> from scaling_helpers.laws import HOFFMANN_2022
    >>> best = closed_form(HOFFMANN_2022, 5.76e23)
    >>> round(best.N / 1e9, 1), round(best.tokens_per_parameter)
    (40.4, 59)
    """
    C = positive("C", C)
    budget = C / flop_per_parameter  # = N D
    total = law.alpha + law.beta
    scale = (law.alpha * law.A / (law.beta * law.B)) ** (1.0 / total)
    N = scale * budget ** (law.beta / total)
    D = budget / N
    return Allocation(N, D, law.E + law.A / N**law.alpha + law.B / D**law.beta, C)


def minimise(loss: Callable[[Any, Any], Any], C: Any, flop_per_token: FlopPerToken | None = None) -> Allocation:
    """The certified optimum of any traceable ``loss(N, D)`` (nats per token) for budgets of ``C`` FLOP, a float or an array.

    ``flop_per_token(N)`` gives the training FLOP one token costs (6 N unless given); D = C / flop_per_token(N). The exact
    derivative of the traced loss along the budget is scanned for changes of sign from falling to rising over all N that
    leave at least one token, in steps of a fifth in log N; each is closed in on to the last digit and the lowest minimum
    is returned, with a bracket of relative width 4e-13 (wider only where rounding hides the sign).

    Raises ValueError when the loss has no interior minimum, TraceError when it cannot be traced.

    >>> best = minimise(lambda N, D: 1.8 + 480 / N**0.35 + 2000 / D**0.36 + 1e-12 * N / D, 1e22)
    >>> best.bracket[0] < best.N < best.bracket[1], best.certified
    (True, 'bracket')
    """
    C = positive("C", C)
    if isinstance(C, Expr):
        raise TypeError("C is a tracer: only closed forms can be traced; give numbers")
    line = trace_line(loss, flop_per_token or _six)
    columns = {"budget": np.atleast_1d(C).ravel()}
    return _allocation(line, lowest(line, columns, lambda row: f"C = {columns['budget'][row]:g} FLOP"), columns, C)


def compute_for_loss(law: Any, loss: Any, flop_per_token: FlopPerToken | None = None) -> Any:
    """Least training compute in FLOP at which ``law`` reaches ``loss`` nats per token: the frontier inverted.

    A float, an array (the result has its shape) or, for the parametric law, a tracer. ``law`` and ``flop_per_token`` as in
    :func:`optimal`; :func:`optimal_for_loss` gives the allocation too. Raises ValueError for a loss that no compute reaches.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> f"{compute_for_loss(BESIROGLU_2024, 2.0):.3g}"
    '2.47e+23'
    """
    per_parameter = _per_parameter(flop_per_token)
    if isinstance(law, laws.ChinchillaLaw) and per_parameter is not None:
        N, D = _frontier(law, loss)
        return per_parameter * N * D
    if per_parameter is not None and callable(own := getattr(law, "compute_for_loss", None)):
        return own(loss) * (per_parameter / laws.FLOP_PER_PARAMETER_TOKEN)
    return optimal_for_loss(law, loss, flop_per_token).compute


def optimal_for_loss(law: Any, loss: Any, flop_per_token: FlopPerToken | None = None) -> Allocation:
    """The allocation that reaches ``loss`` (nats per token, a float or an array) with the least training compute.

    Closed form where :func:`optimal` has one; else the root of the best loss as a function of the budget, with the two
    budgets that bracket it. Raises ValueError for a loss that no compute reaches, or that fewer than 1,000 FLOP reach.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> best = optimal_for_loss(BESIROGLU_2024, 2.0)
    >>> f"{best.N:.3g} parameters, {best.D:.3g} tokens, {best.compute:.3g} FLOP"
    '4.69e+10 parameters, 8.8e+11 tokens, 2.47e+23 FLOP'
    """
    per_parameter = _per_parameter(flop_per_token)
    if isinstance(law, laws.ChinchillaLaw) and per_parameter is not None:
        N, D = _frontier(law, loss)
        return Allocation(N, D, loss, per_parameter * N * D)
    if per_parameter is not None and callable(getattr(law, "compute_for_loss", None)) and callable(getattr(law, "optimal", None)):
        return replace(optimal(law, compute_for_loss(law, loss, flop_per_token), flop_per_token), loss=loss)
    target = _reachable(law, loss)
    if isinstance(target, Expr):
        raise TypeError("loss is a tracer: only closed forms can be traced; give numbers")
    line = trace_line(_loss_of(law), flop_per_token or _six)
    flat = np.atleast_1d(target).ravel()
    budget, low, high = least_budget(line, flat, {}, lambda row: f"loss = {flat[row]:g} nats/token")
    columns = {"budget": budget}
    found = lowest(line, columns, lambda row: f"C = {budget[row]:g} FLOP")
    return _allocation(line, found, columns, target, compute_bracket=(low, high))


def equivalent(law: Any, N: Any, D: Any, flop_per_token: FlopPerToken | None = None) -> Allocation:
    """The compute-optimal allocation that reaches the same loss as ``N`` parameters on ``D`` tokens.

    Floats or arrays that broadcast together. ``law`` and ``flop_per_token`` as in :func:`optimal`.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> gopher = equivalent(BESIROGLU_2024, 280e9, 300e9)
    >>> f"{gopher.N:.3g} parameters on {gopher.D:.3g} tokens"
    '4.71e+10 parameters on 8.85e+11 tokens'
    """
    return optimal_for_loss(law, _loss_of(law)(N, D), flop_per_token)


def equivalent_compute(law: Any, N: Any, D: Any, flop_per_token: FlopPerToken | None = None) -> Any:
    """The compute in FLOP at which the compute-optimal allocation reaches the loss of ``N`` parameters on ``D`` tokens.

    Floats, arrays or, for the parametric law, tracers; see :func:`equivalent`.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> f"{equivalent_compute(BESIROGLU_2024, 280e9, 300e9):.3g}"
    '2.5e+23'
    """
    return compute_for_loss(law, _loss_of(law)(N, D), flop_per_token)


def waste(law: Any, N: Any, D: Any, flop_per_token: FlopPerToken | None = None) -> Any:
    """The share of its training compute that ``N`` parameters on ``D`` tokens wasted: 0 at the optimum, below 1.

    One less :func:`equivalent_compute` over what was spent, D flop_per_token(N). Floats, arrays or tracers.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> f"{waste(BESIROGLU_2024, 280e9, 300e9):.0%}"
    '50%'
    """
    N, D = positive("N", N), positive("D", D)
    return 1.0 - equivalent_compute(law, N, D, flop_per_token) / ((flop_per_token or _six)(N) * D)


def size_tolerance(law: Any, C: Any, extra: Any = 0.1, flop_per_token: FlopPerToken | None = None) -> Tolerance:
    """How far the size can be from the best one before its loss costs a share ``extra`` more compute (0.1: ten per cent).

    Both sides: at ``low`` and at ``high`` parameters, (1 + extra) C FLOP reach the loss that the optimum reaches with ``C``.
    Floats or arrays that broadcast together. Raises ValueError where ``extra`` is not positive and finite, where there is no
    optimum, or where one side never needs that much more.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> "a tenth more compute: from {:.2f} to {:.2f} times the best size".format(*size_tolerance(BESIROGLU_2024, 1e24).factors)
    'a tenth more compute: from 0.62 to 1.76 times the best size'
    """
    C, extra = positive("C", C), positive("extra", extra)
    same_shape(C=C, extra=extra)
    for end, why in ((np.min(extra), "less than 1e-9 is lost in rounding"), (np.max(extra), "give a share, 0.1 for 10%")):
        if not 1e-9 <= end <= 1e9:
            raise ValueError(f"extra = {end:g}: {why}")
    shape = np.broadcast_shapes(np.shape(C), np.shape(extra))
    C, extra = np.broadcast_to(C, shape)[()], np.broadcast_to(extra, shape)[()]
    best = optimal(law, C, flop_per_token)
    line = trace_line(_loss_of(law), flop_per_token or _six)
    columns = {"budget": np.atleast_1d(C * (1.0 + extra)).ravel()}
    goal, start = np.atleast_1d(best.loss).ravel(), np.log(np.atleast_1d(best.N).ravel())

    def above(log_size: Array) -> Array:
        return line.at(line.loss, log_size, columns) - goal

    def inside(log_size: Array) -> Any:
        return (log_size >= 0) & (line.at(line.tokens, log_size, columns) >= 1.0)

    ends = []
    for direction, word in ((-1, "smaller"), (1, "larger")):
        places, found = crossing(above, start, direction, inside)
        if not found.all():
            row = int(np.flatnonzero(~found)[0])
            budget, share = np.ravel(C)[row], np.ravel(extra)[row]
            raise ValueError(f"C = {budget:g} FLOP: no {word} model needs as much as {share:.3g} C more for the same loss")
        ends.append(_shaped(np.exp(places), shape))
    return Tolerance(ends[0], ends[1], _shaped(np.ravel(extra), shape), best)


# -- what the other modules share ----------------------------------------------------------------------
def _six(N: Any) -> Any:
    return laws.FLOP_PER_PARAMETER_TOKEN * N


def _per_parameter(flop_per_token: FlopPerToken | None, default: float = laws.FLOP_PER_PARAMETER_TOKEN) -> float | None:
    """k, where the cost of a token is k N; None where it is anything else."""
    if flop_per_token is None:
        return default
    if not callable(flop_per_token):
        raise TypeError(f"flop_per_token must be a function of N, got {flop_per_token!r}: write lambda N: 6 * N")
    cost = flop_per_token(variable("N"))
    if not isinstance(cost, Expr):
        return None
    slope = derivative(cost, "N")
    if _varies(slope):
        return None
    k = float(evaluate(slope, {}))
    through_nought = all(float(evaluate(cost, {"N": N})) == k * N for N in (1.0, 2.0))
    return k if through_nought and k > 0 else None


def _varies(expr: Expr) -> bool:
    return expr.op in ("signal", "datum") or any(_varies(arg) for arg in expr.args)


def _loss_of(law: Any) -> Callable[[Any, Any], Any]:
    if isinstance(law, laws.DataConstrainedLaw):
        raise TypeError(
            "the loss of a DataConstrainedLaw depends on the unique tokens U: use data_constrained(law, C, U) or limited(law, U)"
        )
    loss = getattr(law, "loss", None)
    if not callable(loss):
        raise TypeError(f"law must have a method loss(N, D), got {law!r} ({type(law).__name__})")
    takes = dict(getattr(law, "answers", None) or {}).get("loss", ("N", "D"))
    if tuple(takes) != ("N", "D"):
        raise TypeError(f"law must have a method loss(N, D), and that of {type(law).__name__} takes {', '.join(takes)}")
    return loss


def _frontier(law: laws.ChinchillaLaw, loss: Any) -> tuple[Any, Any]:
    """The compute-optimal N and D of the parametric law for a loss; both are the same whatever k in C = k N D.

    At the optimum alpha A / N**alpha = beta B / D**beta, so the reducible loss splits beta : alpha between the
    size term and the data term, and each term can be inverted alone.
    """
    reducible = _reachable(law, loss) - law.E
    total = law.alpha + law.beta
    N = (law.A * total / (law.beta * reducible)) ** (1.0 / law.alpha)
    D = (law.B * total / (law.alpha * reducible)) ** (1.0 / law.beta)
    return N, D


def _reachable(law: Any, loss: Any) -> Any:
    """``loss`` checked: positive, and above the law's E where it has one."""
    if isinstance(loss, Expr):
        return loss
    loss = positive("loss", loss, "nats/token")
    E = getattr(law, "E", None)
    if isinstance(E, (int, float)) and np.any(np.asarray(loss) <= E):
        worst = float(np.min(loss))
        raise ValueError(f"loss = {worst:g} nats/token is not above E = {E:g}: no compute reaches it under this law")
    return loss


def _allocation(
    line: Line, found: Minimum, columns: Columns, like: Any, compute_bracket: tuple[Array, Array] | None = None
) -> Allocation:
    """The minima of all rows as one Allocation whose fields have the shape of ``like``."""
    shape = np.shape(like)
    return Allocation(
        _shaped(np.exp(found.log_size), shape),
        _shaped(line.at(line.tokens, found.log_size, columns), shape),
        _shaped(found.loss, shape),
        _shaped(columns["budget"], shape),
        (_shaped(np.exp(found.low), shape), _shaped(np.exp(found.high), shape)),
        _how(found, shape),
        compute_bracket and (_shaped(compute_bracket[0], shape), _shaped(compute_bracket[1], shape)),
    )


def _how(found: Minimum, shape: tuple[int, ...]) -> Any:
    return np.where(found.kink, "kink", "bracket").reshape(shape) if shape else ("kink" if found.kink[0] else "bracket")


def _shaped(column: Array, shape: tuple[int, ...]) -> Any:
    """A column of results in the shape of what was given: a float for a scalar."""
    return np.reshape(column, shape).copy() if shape else float(column[0])
