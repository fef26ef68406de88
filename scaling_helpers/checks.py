"""Is this exercise's answer right, and if not, which mistake was made?

An exercise's check cell calls one of three functions. A right answer prints one line. A wrong one raises an error whose
notebook traceback is that one line, so that a beginner reads a hint and not a stack, while plain Python, nbval and
nbgrader still see a failure.

    expect(1, tokens_for_budget, 6e21, 1e9, want=1e12, mistakes=[Mistake(6e12, "divide by 6 as well")])
    expect_value(2, "ratio", ratio, want=0.797)
    holds(2, "spends the whole budget", abs(6 * N * D / C - 1) < 1e-6, hint="D is what N leaves over: C / (6 N)")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CheckFailed", "Mistake", "NotSolved", "WrongType", "WrongValue", "expect", "expect_value", "holds"]

RTOL = 1e-6


class CheckFailed(Exception):
    """An answer that a check does not accept. In a notebook it shows its message and no traceback."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this method before it formats a stack.
        return [f"✗ {self}"]


class NotSolved(CheckFailed):
    """The answer is still the empty stub."""


class WrongType(CheckFailed):
    """The answer is not a real number, or not as many numbers as were asked for."""


class WrongValue(CheckFailed):
    """The answer is a number, and not the right one."""


@dataclass(frozen=True)
class Mistake:
    """A wrong value that a known mistake gives, and the hint for whoever made it."""

    gives: float | Sequence[float]
    hint: str


def _wanted(want: Any, argument: str) -> np.ndarray:
    """The expected value as floats: an author's slip here must not look like a student's."""
    values = np.asarray(want, dtype=float)
    if not np.all(np.isfinite(values)) or np.any(values == 0):
        raise ValueError(f"{argument} must be finite and not zero, so that a ratio to it has a meaning; got {want!r}")
    return values


def _numbers(task: int | str, what: str, got: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`got` as floats of the wanted shape, or a WrongType that says what it was instead."""
    wanted = "one number" if shape == () else f"{shape[0]} numbers"
    if got is None:
        raise WrongType(f"Task {task}: {what} is None, expected {wanted}. Is there a return line?")
    if got is Ellipsis:
        raise NotSolved(f"Task {task} is not solved yet: {what} is still `...`.")
    try:
        values = np.asarray(got)
    except ValueError as error:
        raise WrongType(f"Task {task}: {what} is {got!r}, expected {wanted}.") from error
    if values.dtype.kind not in "iuf":
        raise WrongType(f"Task {task}: {what} is {got!r} ({type(got).__name__}), expected {wanted}.")
    if values.shape != shape:
        count = "one number" if values.shape == () else f"an array of shape {values.shape}"
        raise WrongType(f"Task {task}: {what} is {count}, expected {wanted}.")
    return values.astype(float)


def _close(values: np.ndarray, wanted: np.ndarray, rtol: float) -> bool:
    return bool(np.all(np.abs(values - wanted) <= rtol * np.abs(wanted)))


def _show(values: np.ndarray) -> str:
    shown = [f"{value:.4g}" for value in values.ravel()]
    return shown[0] if values.shape == () else f"({', '.join(shown)})"


def expect_value(
    task: int | str,
    what: str,
    got: Any,
    *,
    want: float | Sequence[float],
    rtol: float = RTOL,
    mistakes: Sequence[Mistake] = (),
) -> None:
    """Accept `got` if it is within `rtol` of `want`; otherwise raise a CheckFailed that says how far off it is.

    `got` may be any real number, or for several wanted values a tuple, list or array of them. `mistakes` are tried in
    order; the first one whose value was given supplies the hint.
    """
    wanted = _wanted(want, "want")
    values = _numbers(task, what, got, wanted.shape)
    if not np.all(np.isfinite(values)):
        raise WrongValue(f"Task {task}: {what} is {_show(values)}, which is not finite.")
    if _close(values, wanted, rtol):
        print(f"✓ Task {task}: {what} = {_show(values)}")
        return
    ratios = values / wanted
    off = f"that is {_show(ratios)} times the right value" + ("" if wanted.shape == () else "s, in order")
    message = f"Task {task}: {what} is {_show(values)}; {off}."
    for mistake in mistakes:
        if _close(values, _wanted(mistake.gives, "Mistake.gives"), rtol):
            raise WrongValue(f"{message} Hint: {mistake.hint}")
    raise WrongValue(message)


def expect(
    task: int | str,
    function: Callable[..., Any],
    *arguments: Any,
    want: float | Sequence[float],
    rtol: float = RTOL,
    mistakes: Sequence[Mistake] = (),
    what: str | None = None,
) -> None:
    """Call `function` with `arguments` and check what it returns as `expect_value` does.

    A NotImplementedError means that the stub is still there. Any other error is the student's own and keeps its
    traceback, which says where it happened.
    """
    if what is None:
        shown = ", ".join(f"{a:g}" if isinstance(a, (int, float)) else type(a).__name__ for a in arguments)
        what = f"{function.__name__}({shown})"
    try:
        got = function(*arguments)
    except NotImplementedError as error:
        raise NotSolved(
            f"Task {task} is not solved yet: replace the `raise NotImplementedError` line in the cell above, run that "
            "cell, then run this one again."
        ) from error
    expect_value(task, what, got, want=want, rtol=rtol, mistakes=mistakes)


def holds(task: int | str, claim: str, condition: Any, *, hint: str) -> None:
    """Accept if a property of the answer is true: it checks the answer without giving it away."""
    if not isinstance(condition, (bool, np.bool_)):
        raise TypeError(f"condition must be True or False, got {condition!r}")
    if not condition:
        raise WrongValue(f"Task {task}: not so: {claim}. Hint: {hint}")
    print(f"✓ Task {task}: {claim}")
