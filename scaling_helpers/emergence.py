"""When does a smooth loss look like a sudden skill? One loss per token, and the scores that can be made of it.

The simplest reading, that of Schaeffer et al. (2023, arXiv:2304.15004): a token of the answer is right with chance
p = exp(-loss), each by itself. Everything else follows by arithmetic. The loss is that of the answer's tokens, not of
text at large, and real errors are not independent; both are assumptions, and the chapter on debates says what they hide.

>>> task = task_law(half=1e22, exponent=0.17)  # a token is right half the time at 1e22 FLOP
>>> round(float(token_accuracy(task.loss(1e24))), 3), round(float(exact_match(task.loss(1e24), 10)), 3)
(0.728, 0.042)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .inference.budgets import wilson_bounds
from .laws import PowerLaw
from .quantities import positive

__all__ = [
    "MOST_FORGIVEN",
    "brier",
    "chance_of_zero",
    "exact_match",
    "passes",
    "score_interval",
    "take_off_loss",
    "task_law",
    "token_accuracy",
]

#: The most wrong tokens that :func:`passes` can forgive.
MOST_FORGIVEN = 8


def task_law(half: Any, exponent: Any) -> PowerLaw:
    """A task's loss per token as a pure power of compute: log 2, a coin's toss, at ``half`` FLOP. Floats or tracers.

    >>> float(task_law(1e22, 0.17).loss(1e22)) == math.log(2)
    True
    """
    half, exponent = positive("half", half), positive("exponent", exponent)
    return PowerLaw(scale=half * math.log(2.0) ** (1.0 / exponent), exponent=exponent)


def token_accuracy(loss: Any) -> Any:
    """Chance that one token is right, exp(-loss), for a loss in nats per token. Floats, arrays or tracers.

    >>> round(float(token_accuracy(0.1)), 3)
    0.905
    """
    return np.exp(-positive("loss", loss))


def exact_match(loss: Any, length: Any) -> Any:
    """Chance that all ``length`` tokens of an answer are right: exp(-loss length). Floats, arrays or tracers.

    >>> round(float(exact_match(0.1, 10)), 3)
    0.368
    """
    return np.exp(-positive("loss", loss) * positive("length", length))


def passes(loss: Any, length: Any, forgiven: Any) -> Any:
    """Chance that at most ``forgiven`` of ``length`` tokens are wrong: a score with a threshold.

    ``forgiven`` is a whole number from 0 (then it is :func:`exact_match`) to :data:`MOST_FORGIVEN`; the last token is never
    forgiven, so that one must be right at least. Floats, arrays or tracers.

    >>> round(float(passes(0.1, 10, 0)), 3), round(float(passes(0.1, 10, 2)), 3)
    (0.368, 0.938)
    """
    loss, length = positive("loss", loss), positive("length", length)
    wrong = -np.expm1(-loss)
    ways: Any = 1.0
    total = exact_match(loss, length)
    for errors in range(1, MOST_FORGIVEN + 1):
        ways = ways * (length - (errors - 1.0)) / errors  # nought beyond the length
        right = np.maximum(length - errors, 0.0)
        total = total + np.where((forgiven >= errors) & (length > errors), ways * wrong**errors * np.exp(-loss * right), 0.0)
    return np.minimum(total, 1.0)


def brier(loss: Any) -> Any:
    """Brier's penalty (1 - p)**2 for the chance p given to the right token; 0 is best. Floats, arrays or tracers.

    >>> round(float(brier(0.1)), 4)
    0.0091
    """
    return np.expm1(-positive("loss", loss)) ** 2


def chance_of_zero(score: Any, items: Any) -> Any:
    """Chance that none of ``items`` answers is right, where each is with chance ``score``. Floats, arrays or tracers.

    >>> round(float(chance_of_zero(0.01, 100)), 3)
    0.366
    """
    return (1.0 - score) ** positive("items", items)


def take_off_loss(length: Any, items: Any) -> Any:
    """The loss at which one of ``items`` answers of ``length`` tokens is right on average: log(items) / length.

    With a larger loss the measured score is most likely nought. Floats, arrays or tracers; ``items`` above 1.

    >>> round(float(take_off_loss(10, 100)), 3)
    0.461
    """
    return np.log(positive("items", items)) / positive("length", length)


def score_interval(score: Any, items: Any, z: float = 1.6448536269514722) -> tuple[Any, Any]:
    """Wilson's interval around a share ``score`` of ``items``: the true scores that such a measurement leaves open.

    The default ``z`` gives 90%. Floats, arrays or tracers.

    >>> [round(float(end), 3) for end in score_interval(0.0, 100)]
    [0.0, 0.026]
    """
    return wilson_bounds(score, positive("items", items), z)
