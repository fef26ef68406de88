"""Given a compute budget, how large a model, on how many tokens?

Two answers that must agree: the closed form of Hoffmann et al. (2022, Eq 4) for the parametric law, and, for
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

__all__ = ["Allocation", "closed_form", "compute_for_loss", "minimise"]

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
