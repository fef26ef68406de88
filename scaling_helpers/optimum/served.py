"""How large a model, if its use is paid for as well? Training and inference in one bill (Sardana et al. 2024,
arXiv:2401.00448).

The bill is p f(N) D + q g(N) V: D training tokens at f(N) FLOP each, V tokens of use at g(N), 6 N and 2 N unless given, and
p and q the prices of a FLOP in training and in use, 1 and 1 unless given (then the bill is in FLOP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import laws
from ..quantities import nonnegative, positive, same_shape
from ..trace import Expr, derivative, evaluate, variable
from .allocation import FlopPerToken, _frontier, _how, _loss_of, _per_parameter, _reachable, _shaped, _six, equivalent
from .certified import Array, Line, least_budget, lowest, roots, trace_line

__all__ = ["INFERENCE_FLOP", "ServedAllocation", "break_even", "inference_aware", "inference_aware_within", "suited_volume"]

#: FLOP to push one token through a model, per parameter: the forward pass alone.
INFERENCE_FLOP = 2.0

#: What a FLOP costs in training and in use, in any currency.
Prices = tuple[float, float]
_IN_FLOP: Prices = (1.0, 1.0)


@dataclass(frozen=True)
class ServedAllocation:
    """A model that is trained once and used for ``volume`` tokens: ``N`` parameters, ``D`` training tokens, ``loss`` nats
    per token.

    ``compute`` is the FLOP of training alone, ``inference_compute`` that of use, ``total`` the bill: their sum, or, with
    prices, the sum of what they cost. ``certified`` and ``bracket`` as in :class:`~scaling_helpers.optimum.Allocation`;
    ``total_bracket`` where the bill had to be found. Floats, or arrays of one shape.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> best = inference_aware(BESIROGLU_2024, 2.0, 1e13)
    >>> f"{best.N:.3g}", bool(best.total == best.compute + best.inference_compute)
    ('2e+10', True)
    """

    N: Any
    D: Any
    loss: Any
    compute: Any
    volume: Any
    inference_compute: Any
    total: Any
    bracket: tuple[Any, Any] | None = None
    certified: Any = "closed form"
    total_bracket: tuple[Any, Any] | None = None

    @property
    def tokens_per_parameter(self) -> Any:
        """D / N, training tokens alone."""
        return self.D / self.N


def inference_aware(
    law: Any,
    loss: Any,
    volume: Any,
    flop_per_token: FlopPerToken | None = None,
    inference_flop_per_token: FlopPerToken | None = None,
    prices: Prices = _IN_FLOP,
) -> ServedAllocation:
    """The cheapest model that reaches ``loss`` (nats per token), with ``volume`` tokens of use counted in.

    Sardana et al. (2024), Eq 1: least 6 N D + 2 N V at a fixed loss. ``loss`` and ``volume`` are floats or arrays that
    broadcast together; ``law`` and the two costs per token as in :func:`~scaling_helpers.optimum.optimal`; ``prices`` are
    those of a FLOP in training and in use. With volume 0 it is the compute-optimal model; as the volume grows the size
    falls towards the smallest that can reach the loss.

    For the parametric law with costs k N and c N everything follows from s / d (see :func:`suited_volume`), and the one
    equation left for it is solved to the last digit; for other laws the bill is found at which the best loss is ``loss``.
    Raises ValueError for a loss that nothing reaches, a volume that is negative or not finite, or prices that are not
    positive.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> for volume in (0, 1e12, 1e13):
    ...     best = inference_aware(BESIROGLU_2024, 1.9739, volume)
    ...     print(f"{best.N:.3g} parameters, {best.tokens_per_parameter:.3g} tokens each")
    7.3e+10 parameters, 18.4 tokens each
    5.77e+10 parameters, 30.1 tokens each
    3.45e+10 parameters, 109 tokens each
    """
    volume = nonnegative("volume", volume, "tokens")
    p, q = _checked(prices)
    target = _reachable(law, loss)
    same_shape(loss=target, volume=volume)
    shape = np.broadcast_shapes(np.shape(target), np.shape(volume))
    targets = np.broadcast_to(target, shape).ravel().astype(float)
    volumes = np.broadcast_to(volume, shape).ravel().astype(float)
    k, c = _per_parameter(flop_per_token), _per_parameter(inference_flop_per_token, INFERENCE_FLOP)
    if isinstance(law, laws.ChinchillaLaw) and k is not None and c is not None:
        N, D, small, large = _at_loss(law, targets, volumes, (q * c) / (p * k))
        found = _served(N, D, targets, volumes, flop_per_token, inference_flop_per_token, (p, q))
        proof: dict[str, Any] = {"bracket": (small, large), "certified": np.full(len(N), "bracket", dtype=object)}
    else:
        line = _line(law, flop_per_token, inference_flop_per_token, q / p)
        columns = {"volume": volumes}
        bill, low, high = least_budget(line, targets, columns, lambda row: f"loss = {targets[row]:g} nats/token")
        best = lowest(line, {**columns, "budget": bill}, lambda row: f"total = {bill[row]:g} FLOP")
        N, D = np.exp(best.log_size), line.at(line.tokens, best.log_size, {**columns, "budget": bill})
        found = _served(N, D, targets, volumes, flop_per_token, inference_flop_per_token, (p, q))
        proof = {
            "bracket": (np.exp(best.low), np.exp(best.high)),
            "certified": _how(best, (len(N),)),
            "total_bracket": (low * p, high * p),
        }
    return _result({**found, **proof}, shape)


def inference_aware_within(
    law: Any,
    total: Any,
    volume: Any,
    flop_per_token: FlopPerToken | None = None,
    inference_flop_per_token: FlopPerToken | None = None,
    prices: Prices = _IN_FLOP,
) -> ServedAllocation:
    """The model of least loss whose training and ``volume`` tokens of use together cost ``total``.

    The twin of :func:`inference_aware`, with the same arguments: here the bill is fixed, in FLOP or, with ``prices``, in
    their currency, and the loss is sought. Certified by the exact derivative. Raises ValueError where the bill cannot pay
    for the use of any model and one token of training, or where no optimum lies inside.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> best = inference_aware_within(BESIROGLU_2024, 1e24, 1e13)
    >>> f"{best.N:.3g} parameters, {best.compute / best.total:.0%} of the bill for training, loss {best.loss:.4f}"
    '2.51e+10 parameters, 50% of the bill for training, loss 1.9885'
    """
    volume, total = nonnegative("volume", volume, "tokens"), positive("total", total)
    p, q = _checked(prices)
    same_shape(total=total, volume=volume)
    shape = np.broadcast_shapes(np.shape(total), np.shape(volume))
    columns: dict[str, Array] = {
        "volume": np.broadcast_to(volume, shape).ravel().astype(float),
        "budget": np.broadcast_to(total, shape).ravel() / p,
    }
    line = _line(law, flop_per_token, inference_flop_per_token, q / p)
    bills, volumes = columns["budget"] * p, columns["volume"]
    best = lowest(line, columns, lambda row: f"total = {bills[row]:g} with volume = {volumes[row]:g} tokens of use")
    N, D = np.exp(best.log_size), line.at(line.tokens, best.log_size, columns)
    found = _served(N, D, best.loss, volumes, flop_per_token, inference_flop_per_token, (p, q))
    found["total"] = bills
    return _result({**found, "bracket": (np.exp(best.low), np.exp(best.high)), "certified": _how(best, (len(N),))}, shape)


def suited_volume(
    law: Any,
    N: Any,
    D: Any,
    flop_per_token: FlopPerToken | None = None,
    inference_flop_per_token: FlopPerToken | None = None,
    prices: Prices = _IN_FLOP,
) -> Any:
    """Tokens of use for which ``N`` parameters on ``D`` tokens are the cheapest way to their loss, training included.

    Minimising 6 N D + 2 N V at a fixed loss (Sardana et al. 2024, arXiv:2401.00448) has no closed form for N, but one
    for V: 3 D (s / d - 1), with s = alpha A / N**alpha and d = beta B / D**beta, which are -dL/d log N and -dL/d log D. For
    any other law those are taken from its traced loss. Zero at the compute-optimal shape, negative for models larger
    than that. Floats, arrays or, for the parametric law with costs k N and c N, tracers.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> f"{suited_volume(BESIROGLU_2024, 8e9, 15e12):.2g} tokens"
    '1.9e+14 tokens'
    """
    p, q = _checked(prices)
    k, c = _per_parameter(flop_per_token), _per_parameter(inference_flop_per_token, INFERENCE_FLOP)
    N, D = positive("N", N), positive("D", D)
    if isinstance(law, laws.ChinchillaLaw) and k is not None and c is not None:
        from_size = law.alpha * law.A / N**law.alpha
        from_data = law.beta * law.B / D**law.beta
        return (p * k) / (q * c) * D * (from_size / from_data - 1.0)
    # d bill / d log N along the curve of equal loss, on which d log D / d log N = -s / d, is nought.
    size, tokens = variable("size"), variable("tokens")
    loss = _loss_of(law)(size, tokens)
    train, use = (flop_per_token or _six)(size), (inference_flop_per_token or _two)(size)
    at = {"size": N, "tokens": D}
    from_size = evaluate(derivative(loss, "size"), at) * N
    from_data = evaluate(derivative(loss, "tokens"), at) * D
    return p * D * (evaluate(train, at) * from_size / from_data - _slope(train, at) * N) / (q * _slope(use, at) * N)


def break_even(
    law: Any,
    N: Any,
    D: Any,
    flop_per_token: FlopPerToken | None = None,
    inference_flop_per_token: FlopPerToken | None = None,
    prices: Prices = _IN_FLOP,
) -> Any:
    """Tokens of use after which a small model has earned back its longer training.

    It is compared with the compute-optimal model of the same loss, which trains on less and costs more per token used.
    Exact: both bills are linear in the volume. Negative where ``N`` is larger than that model, which then never pays
    back: check N first. Floats, arrays or, for the parametric law with a cost k N, tracers. Raises ValueError where ``N``
    is that model's size to the last digit.

    >>> from scaling_helpers.laws import BESIROGLU_2024
    >>> f"{break_even(BESIROGLU_2024, 8e9, 15e12):.3g} tokens"
    '1.14e+13 tokens'
    """
    p, q = _checked(prices)
    train, use = flop_per_token or _six, inference_flop_per_token or _two
    best = equivalent(law, N, D, flop_per_token)
    extra = train(N) * D - best.compute
    saved = use(best.N) - use(N)
    if not isinstance(saved, Expr) and np.any(np.asarray(saved) == 0):
        raise ValueError(f"N = {N!r}: that is the size of the compute-optimal model of this loss, there is nothing to pay back")
    return p * extra / (q * saved)


def _two(N: Any) -> Any:
    return INFERENCE_FLOP * N


def _slope(cost: Any, at: dict[str, Any]) -> Any:
    return evaluate(derivative(cost, "size"), at) if isinstance(cost, Expr) else 0.0


def _checked(prices: Prices) -> Prices:
    try:
        p, q = prices
    except (TypeError, ValueError):
        raise TypeError(f"prices must be two numbers, of a FLOP in training and in use, got {prices!r}") from None
    return positive("prices[0]", p), positive("prices[1]", q)


def _line(law: Any, flop_per_token: FlopPerToken | None, inference_flop_per_token: FlopPerToken | None, ratio: float) -> Line:
    """The loss along a bill in FLOP of training: a FLOP of use counts as ``ratio`` of them."""
    use = inference_flop_per_token or _two
    return trace_line(_loss_of(law), flop_per_token or _six, lambda N: ratio * use(N) * variable("volume"))


def _at_loss(law: laws.ChinchillaLaw, loss: Array, volume: Array, ratio: float) -> tuple[Array, Array, Array, Array]:
    """N, D and the sizes that bracket N, for the parametric law and c N V ``ratio`` = (q c) / (p k).

    With the excess r = s / d - 1, the loss gives D and N in closed form, and ratio V = r D(r). In log r that is an equation
    with a slope of at least one; D(0) <= D(r) <= D(0) (1 + r)**(1 / beta) brackets its root.
    """
    reducible = loss - law.E

    def shape(log_excess: Array) -> tuple[Array, Array]:
        excess = np.exp(log_excess)
        from_data = reducible / ((1.0 + excess) / law.alpha + 1.0 / law.beta)
        from_size = (1.0 + excess) * from_data
        return (law.alpha * law.A / from_size) ** (1.0 / law.alpha), (law.beta * law.B / from_data) ** (1.0 / law.beta)

    N, D = _frontier(law, loss)
    small, large = N.copy(), N.copy()
    used = np.flatnonzero(volume > 0)
    if used.size:
        reducible = reducible[used]
        goal = np.log(ratio) + np.log(volume[used])

        def short(log_excess: Array) -> Array:
            return log_excess + np.log(shape(log_excess)[1]) - goal

        high = goal - np.log(D[used])
        low = high - np.log1p(np.exp(high)) / law.beta
        root = roots(short, low - 1e-9, high + 1e-9)
        half = 4e-13 * np.maximum(np.abs(root), 1.0)
        if not ((short(root - half) <= 0) & (short(root + half) >= 0)).all():
            raise ValueError("the excess of the size term over the data term cannot be bracketed: check the law's constants")
        N[used], D[used] = shape(root)
        small[used], large[used] = shape(root + half)[0], shape(root - half)[0]
    return N, D, small, large


def _served(
    N: Array,
    D: Array,
    loss: Array,
    volume: Array,
    flop_per_token: FlopPerToken | None,
    inference_flop_per_token: FlopPerToken | None,
    prices: Prices,
) -> dict[str, Any]:
    compute = (flop_per_token or _six)(N) * D
    inference_compute = (inference_flop_per_token or _two)(N) * volume
    return {
        "N": N, "D": D, "loss": loss, "compute": compute, "volume": volume, "inference_compute": inference_compute,
        "total": prices[0] * compute + prices[1] * inference_compute,
    }  # fmt: skip


def _result(columns: dict[str, Any], shape: tuple[int, ...]) -> ServedAllocation:
    fields: dict[str, Any] = {}
    for name, column in columns.items():
        if isinstance(column, tuple):
            fields[name] = tuple(_shaped(end, shape) for end in column)
        elif name == "certified":
            fields[name] = np.reshape(column, shape) if shape else str(column[0])
        else:
            fields[name] = _shaped(column, shape)
    return ServedAllocation(**fields)
