"""Given a compute budget, how large a model, on how many tokens? And if the model will be used a great deal?

Two answers to the first that must agree: the closed form of Hoffmann et al. (2022, Eq 4) for the parametric law, and, for
any loss that can be traced, a numerical optimum that is the *root of the exact derivative*, with the interval
that brackets it. (The smallest of many computed losses misses N* by about 1e-8: a minimum is flat.)

>>> best = closed_form(laws.HOFFMANN_2022, 5.76e23)
>>> round(best.N / 1e9, 1), round(best.tokens_per_parameter)
(40.4, 59)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import laws
from .quantities import positive
from .trace import Expr, derivative, evaluate, variable

__all__ = ["Allocation", "break_even", "closed_form", "compute_for_loss", "inference_aware", "minimise", "suited_volume"]

#: FLOP to push one token through a model, per parameter: the forward pass alone.
INFERENCE_FLOP = 2.0

#: The certified optimum is bracketed to this relative width in N.
BRACKET_WIDTH = 4e-13
_GRID = 257


@dataclass(frozen=True)
class Allocation:
    """How to spend a budget: ``compute`` FLOP on ``N`` parameters and ``D`` tokens gives ``loss`` nats per token.

    ``bracket`` holds the two sizes between which the derivative of the loss changes sign (certified optima only).
    """

    N: Any
    D: Any
    loss: Any
    compute: Any
    bracket: tuple[float, float] | None = None

    @property
    def tokens_per_parameter(self) -> Any:
        """D / N."""
        return self.D / self.N


def closed_form(law: laws.ChinchillaLaw, C: Any) -> Allocation:
    """The compute-optimal allocation under C = 6 N D, from Lagrange's condition (Hoffmann et al. 2022, Eq 4).

    ``C`` in FLOP: a float, an array (the result's fields have its shape) or a tracer.
    Raises TypeError or ValueError naming a budget that is not real, positive, finite and plausible.
    """
    C = positive("C", C)
    budget = C / laws.FLOP_PER_PARAMETER_TOKEN  # = N D
    total = law.alpha + law.beta
    scale = (law.alpha * law.A / (law.beta * law.B)) ** (1.0 / total)
    N = scale * budget ** (law.beta / total)
    D = budget / N
    return Allocation(N, D, law.E + law.A / N**law.alpha + law.B / D**law.beta, C)


def compute_for_loss(law: laws.ChinchillaLaw, loss: Any) -> Any:
    """Least training compute in FLOP at which ``law`` reaches ``loss`` nats per token (inverse of the frontier).

    At the optimum alpha A / N**alpha = beta B / D**beta, so the reducible loss splits beta : alpha between the
    size term and the data term, and each term can be inverted alone. Raises ValueError for a loss not above E.
    """
    if not isinstance(loss, Expr):
        loss = positive("loss", loss, "nats/token")
        if not isinstance(law.E, Expr) and np.any(np.asarray(loss) <= law.E):
            worst = float(np.min(loss))
            raise ValueError(f"loss = {worst:g} nats/token is not above E = {law.E:g}: no compute reaches it under this law")
    reducible = loss - law.E
    total = law.alpha + law.beta
    N = (law.A * total / (law.beta * reducible)) ** (1.0 / law.alpha)
    D = (law.B * total / (law.alpha * reducible)) ** (1.0 / law.beta)
    return laws.FLOP_PER_PARAMETER_TOKEN * N * D


def break_even(law: laws.ChinchillaLaw, N: Any, D: Any) -> Any:
    """Inference tokens after which a small model has earned back its longer training.

    It is compared with the compute-optimal model of the same loss, which trains on less and costs more per token
    served (2 N FLOP). Negative or without meaning where ``N`` is no smaller than that model: check N first.
    Floats, arrays or tracers.
    """
    reached = law.loss(N, D)
    enough = law.compute_for_loss(reached)
    extra = laws.FLOP_PER_PARAMETER_TOKEN * N * D - enough
    return extra / (INFERENCE_FLOP * (law.optimal(enough).N - N))


def suited_volume(law: laws.ChinchillaLaw, N: Any, D: Any) -> Any:
    """Inference tokens for which N parameters on D tokens are the cheapest way to their loss, training included.

    Minimising 6 N D + 2 N V at a fixed loss (Sardana et al. 2024, arXiv:2401.00448) has no closed form for N, but one
    for V: 3 D (s / d - 1), with s = alpha A / N**alpha and d = beta B / D**beta. Zero at the compute-optimal shape,
    negative for models larger than that. Floats, arrays or tracers.
    """
    from_size = law.alpha * law.A / N**law.alpha
    from_data = law.beta * law.B / D**law.beta
    return laws.FLOP_PER_PARAMETER_TOKEN / INFERENCE_FLOP * D * (from_size / from_data - 1.0)


def inference_aware(law: laws.ChinchillaLaw, loss: float, volume: float) -> Allocation:
    """The cheapest model that reaches ``loss`` (nats per token), with ``volume`` tokens of inference counted in.

    ``compute`` of the result is that of training alone. The root of :func:`suited_volume` along the curve of equal
    loss, between the compute-optimal size and the smallest size that can reach the loss; the root is unique, since
    both s / d and D grow as N shrinks. Raises ValueError for a loss that is not above E or a volume that is negative.
    """
    from scipy.optimize import brentq

    best = closed_form(law, compute_for_loss(law, loss))
    if not volume >= 0:
        raise ValueError(f"volume = {volume:g} tokens: it must not be negative")
    if volume == 0:
        return best
    smallest = (law.A / (loss - law.E)) ** (1.0 / law.alpha)

    def surplus(log_size: float) -> float:
        N = float(np.exp(log_size))
        return float(np.log(suited_volume(law, N, law.tokens_for_loss(N, loss)) / volume))

    # Just inside both ends, where the volume that suits is nought and infinite.
    low, high = np.log(smallest), np.log(best.N)
    root = brentq(surplus, low + 1e-9 * (high - low), high - 1e-12 * (high - low), xtol=1e-14, rtol=1e-14)
    N = float(np.exp(root))
    D = law.tokens_for_loss(N, loss)
    return Allocation(N, D, loss, laws.FLOP_PER_PARAMETER_TOKEN * N * D)


def minimise(
    loss: Callable[[Any, Any], Any],
    C: float,
    flop_per_token: Callable[[Any], Any] = lambda N: laws.FLOP_PER_PARAMETER_TOKEN * N,
) -> Allocation:
    """The certified optimum of any traceable ``loss(N, D)`` (nats per token) for a budget of ``C`` FLOP.

    ``flop_per_token(N)`` gives the training FLOP one token costs; D = C / flop_per_token(N). The exact derivative
    of the traced loss along the budget is scanned for changes of sign from falling to rising over all N that leave
    at least one token; each is closed to a relative width of 4e-13 and the lowest minimum is returned.

    Raises ValueError when the loss has no interior minimum, TraceError when it cannot be traced.
    """
    from scipy.optimize import brentq

    C = positive("C", C)
    if np.ndim(C):
        raise ValueError(f"C must be one budget, got an array of shape {np.shape(C)}; call minimise once for each")
    x = variable("log_size")
    N = np.exp(x)
    D = C / flop_per_token(N)
    traced = loss(N, D)
    if not isinstance(traced, Expr):
        raise ValueError(f"loss(N, D) does not depend on N or D: it gave {traced!r}")
    slope = derivative(traced, "log_size")

    def value(node: Any, at: float) -> float:
        return float(evaluate(node, {"log_size": at}))

    upper = brentq(lambda at: np.log(value(D, at)), -50.0, 50.0 + np.log(C))  # where one token is left
    grid = np.linspace(0.0, upper, _GRID)
    slopes = np.array([value(slope, at) for at in grid])
    falls_then_rises = np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))
    if not falls_then_rises.size:
        way = "falls" if slopes[-1] < 0 else "rises"
        raise ValueError(f"C = {C:g} FLOP: the loss only {way} with N between 1 parameter and 1 token, so no optimum lies inside")
    roots = [brentq(lambda at: value(slope, at), grid[i], grid[i + 1], xtol=1e-15, rtol=1e-15) for i in falls_then_rises]
    best = min(roots, key=lambda at: value(traced, at))
    low, high = best - BRACKET_WIDTH / 2, best + BRACKET_WIDTH / 2
    if not value(slope, low) <= 0 <= value(slope, high):
        raise ValueError(f"C = {C:g} FLOP: the derivative does not change sign within {BRACKET_WIDTH:g} of N = {np.exp(best):g}")
    return Allocation(float(np.exp(best)), value(D, best), value(traced, best), C, (float(np.exp(low)), float(np.exp(high))))
