"""Is this exercise's answer right, and if not, which mistake was made?

A check cell keeps a `Score` and gives it one item after another. Each item prints one line: what is right, or what is
wrong, by how much, and, if the mistake is one that is known, what to look at. A wrong item costs its own points only.

    score = Score("1a", points=2)
    score.expect(1, tokens_for_budget, 6e21, 1e9, want=1e12, mistakes=[Mistake(6e12, "divide by 6 as well")])
    score.holds(1, "spends the whole budget", lambda: isclose(6 * N * D, C), hint="D is what N leaves over")
    score.result()    # the points as a plain float: the cell's value, which nbgrader reads as partial credit

No item right is an error whose notebook traceback is those lines and nothing else, so that a beginner reads hints and not
a stack, while plain Python, nbval and nbgrader still see a failure. `expect`, `expect_value` and `holds` do one such check
outside a score.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CheckFailed", "Mistake", "NotSolved", "Score", "WrongType", "WrongValue", "expect", "expect_value", "holds"]

RTOL = 1e-6
STUB = (
    "not solved yet: replace the `raise NotImplementedError` line in the cell above, run that cell, then run this one again."
)


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
    """A wrong value that a known mistake gives, and the hint for whoever made it.

    >>> Mistake(6e12, "divide by 6 as well").hint
    'divide by 6 as well'
    """

    gives: float | Sequence[float]
    hint: str


def _wanted(want: Any, argument: str) -> np.ndarray:
    """The expected value as floats: an author's slip here must not look like a student's."""
    values = np.asarray(want, dtype=float)
    if not np.all(np.isfinite(values)) or np.any(values == 0):
        raise ValueError(f"{argument} must be finite and not zero, so that a ratio to it has a meaning; got {want!r}")
    return values


def _numbers(what: str, got: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`got` as floats of the wanted shape, or a WrongType that says what it was instead."""
    wanted = "one number" if shape == () else f"{shape[0]} numbers"
    _refuse_empty(what, got, wanted)
    try:
        values = np.asarray(got)
        if values.dtype == object and all(isinstance(number, Real) for number in values.ravel()):
            values = values.astype(float)  # whole numbers above 2**63, fractions
    except (ValueError, OverflowError) as error:
        raise WrongType(f"{what} is {got!r}, expected {wanted}.") from error
    if values.dtype.kind not in "iuf":
        raise WrongType(f"{what} is {got!r} ({type(got).__name__}), expected {wanted}.")
    if values.shape != shape:
        count = "one number" if values.shape == () else f"an array of shape {values.shape}"
        raise WrongType(f"{what} is {count}, expected {wanted}.")
    return values.astype(float)


def _refuse_empty(what: str, got: Any, wanted: str) -> None:
    if got is None:
        raise WrongType(f"{what} is None, expected {wanted}. Is there a return line?")
    if got is Ellipsis:
        raise NotSolved(f"not solved yet: {what} is still `...`.")


def _close(values: np.ndarray, wanted: np.ndarray, rtol: float) -> bool:
    return bool(np.all(np.abs(values - wanted) <= rtol * np.abs(wanted)))


def _show(values: np.ndarray) -> str:
    shown = [f"{value:.4g}" for value in values.ravel()]
    return shown[0] if values.shape == () else f"({', '.join(shown)})"


def _check_value(
    what: str, got: Any, want: float | Sequence[float], rtol: float, mistakes: Sequence[Mistake], tell_ratio: bool = True
) -> str:
    """The line that says what is right, or a CheckFailed."""
    wanted = _wanted(want, "want")
    known = [(_wanted(mistake.gives, "Mistake.gives"), mistake.hint) for mistake in mistakes]
    values = _numbers(what, got, wanted.shape)
    if not np.all(np.isfinite(values)):
        raise WrongValue(f"{what} is {_show(values)}, which is not finite.")
    if _close(values, wanted, rtol):
        return f"{what} = {_show(values)}"
    message = f"{what} is {_show(values)}"
    if tell_ratio:
        message += f"; that is {_show(values / wanted)} times the right value" + ("" if wanted.shape == () else "s, in order")
    for gives, hint in known:
        if _close(values, gives, rtol):
            raise WrongValue(f"{message}. Hint: {hint}")
    if not tell_ratio:
        raise WrongValue(f"{message}, and that is not it.")
    slip = _slip(values, wanted, rtol)
    raise WrongValue(f"{message}. Hint: {slip}" if slip else f"{message}.")


#: Slips that any task can meet, by the ratio to the right value.
_SLIPS = {
    -1.0: "the size is right and the sign is turned over",
    100.0: "a share of one is asked for, not a percentage",
    0.01: "this looks divided by a hundred: is one of the shares taken for a percentage?",
    60.0: "sixty is minutes for hours, or seconds for minutes",
    1 / 24: "a twenty-fourth is days for hours",
    24.0: "twenty-four is hours for days",
    1e3: "a thousand is a unit: thousands, millions or billions",
    1e-3: "a thousandth is a unit: thousands, millions or billions",
    1e6: "a million is a unit: millions, billions or trillions",
    1e-6: "a millionth is a unit: millions, billions or trillions",
    1e9: "a billion is a unit: plain numbers or billions",
    1e-9: "a billionth is a unit: plain numbers or billions",
}


def _slip(values: np.ndarray, wanted: np.ndarray, rtol: float) -> str | None:
    """A slip that needs no knowledge of the task: sign, percentage, unit, upside down, another order."""
    for ratio, hint in _SLIPS.items():
        if _close(values, ratio * wanted, rtol):
            return hint
    if np.all(values) and _close(1 / values, wanted, rtol):
        return "upside down: this is one over the right value"
    if wanted.size > 1 and _close(np.sort(values), np.sort(wanted), rtol):
        return "the right numbers in another order"
    return None


def _check_call(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    want: float | Sequence[float],
    rtol: float,
    mistakes: Sequence[Mistake],
    what: str,
) -> str:
    try:
        got = function(*arguments)
    except NotImplementedError as error:
        raise NotSolved(STUB) from error
    return _check_value(what, got, want, rtol, mistakes)


def _named(function: Callable[..., Any], arguments: Sequence[Any]) -> str:
    if not callable(function):
        raise NotSolved(STUB) if function is Ellipsis else WrongType(f"{function!r} is no function.")
    shown = ", ".join(f"{a:g}" if isinstance(a, (int, float)) else type(a).__name__ for a in arguments)
    return f"{function.__name__}({shown})"


def _check_names(what: str, got: Any, want: Collection[str], hint: str, among: Collection[str] = ()) -> str:
    wanted, expected = set(want), "a list of names"
    _refuse_empty(what, got, expected)
    if isinstance(got, (str, bytes)) or not np.iterable(got):
        raise WrongType(f"{what} is {got!r} ({type(got).__name__}), expected {expected}.")
    given = {str(name) for name in got}
    if given == wanted:
        return f"{what} names {', '.join(sorted(given)) or 'nothing'}"
    if among and (unknown := given - set(among)):
        listed = ", ".join(map(repr, sorted(among)))
        raise WrongValue(f"{what}: {min(unknown)!r} is none of the names of this task. Hint: they are {listed}")
    # How many, not which: the search is the exercise.
    if not given:
        raise WrongValue(f"{what} names nothing, and {len(wanted)} missing. Hint: {hint}")
    count = f"{len(given & wanted)} of the {len(given)} named belong there, {len(wanted - given)} missing"
    raise WrongValue(f"{what}: {count}. Hint: {hint}")


def _check_claim(claim: str, condition: Any, hint: str) -> str:
    if not isinstance(condition, (bool, np.bool_)):
        raise TypeError(f"condition must be True or False, got {condition!r}")
    if not condition:
        raise WrongValue(f"not so: {claim}. Hint: {hint}")
    return claim


def _alone(task: int | str, check: Callable[[], str]) -> None:
    """One check outside a score: a line, or an error that names the task."""
    try:
        line = check()
    except NotSolved as failure:
        raise NotSolved(f"Task {task} is {failure}") from failure
    except CheckFailed as failure:
        raise type(failure)(f"Task {task}: {failure}") from failure
    print(f"✓ Task {task}: {line}")


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
    order; the first one whose value was given supplies the hint. If none was, a slip that any task can meet may be
    recognised: the sign, a percentage, a unit, a fraction upside down, the right numbers in another order.

    >>> expect_value("1a", "tokens", 1e12, want=1e12)
    ✓ Task 1a: tokens = 1e+12
    """
    _alone(task, lambda: _check_value(what, got, want, rtol, mistakes))


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

    >>> def tokens_for_budget(C, N):
    ...     return C / (6 * N)
    >>> expect("1a", tokens_for_budget, 6e21, 1e9, want=1e12)
    ✓ Task 1a: tokens_for_budget(6e+21, 1e+09) = 1e+12
    """
    _alone(task, lambda: _check_call(function, arguments, want, rtol, mistakes, what or _named(function, arguments)))


def holds(task: int | str, claim: str, condition: Any, *, hint: str) -> None:
    """Accept if a property of the answer is true: it checks the answer without giving it away.

    >>> holds("1a", "spends the whole budget", 6 * 1e9 * 1e12 == 6e21, hint="D is what N leaves over")
    ✓ Task 1a: spends the whole budget
    """
    _alone(task, lambda: _check_claim(claim, condition, hint))


class Score:
    """The points of one task, item by item; every method takes the item's points first.

    An error in the student's code costs the item in which it happens. `points` is what the task is worth with the hidden
    tests; a notebook without them says that some points are given later.

    >>> score = Score("1a", points=2)
    >>> score.value(1, "tokens", 6e12, want=1e12, mistakes=[Mistake(6e12, "divide by 6 as well")])
    >>> score.value(1, "size", 1e9, want=1e9)
    >>> score.result()
    ✗ Task 1a: 1 of 2 points
      ✗ 0 of 1: tokens is 6e+12; that is 6 times the right value. Hint: divide by 6 as well
      ✓ 1 of 1: size = 1e+09
    1.0
    """

    def __init__(self, task: int | str, *, points: float) -> None:
        if points <= 0:
            raise ValueError(f"points must be above 0, got {points!r}")
        self.task, self.points = task, points
        self.earned = self.offered = 0.0
        self.lines: list[str] = []
        self.unsolved: list[NotSolved] = []

    def expect(
        self,
        points: float,
        function: Callable[..., Any],
        *arguments: Any,
        want: float | Sequence[float],
        rtol: float = RTOL,
        mistakes: Sequence[Mistake] = (),
        what: str | None = None,
    ) -> None:
        """What `function` returns for `arguments`; see :func:`expect`."""
        self._item(
            points, lambda: _check_call(function, arguments, want, rtol, mistakes, what or _named(function, arguments))
        )

    def value(
        self,
        points: float,
        what: str,
        got: Any,
        *,
        want: float | Sequence[float],
        rtol: float = RTOL,
        mistakes: Sequence[Mistake] = (),
        tell_ratio: bool = True,
    ) -> None:
        """A number or several; see :func:`expect_value`. `tell_ratio=False` where the ratio would be the answer."""
        self._item(points, lambda: _check_value(what, got, want, rtol, mistakes, tell_ratio))

    def names(
        self, points: float, what: str, got: Any, *, want: Collection[str], hint: str, among: Collection[str] = ()
    ) -> None:
        """A list, tuple or set of names, in any order. A wrong one is told how many are right, not which.

        `among` holds all the names that the task knows; whoever writes another is told so.
        """
        self._item(points, lambda: _check_names(what, got() if callable(got) else got, want, hint, among))

    def holds(self, points: float, claim: str, condition: Callable[[], Any], *, hint: str) -> None:
        """A property of the answer. `condition` is called, so that an error in it costs this item only."""
        self._item(points, lambda: _check_claim(claim, condition(), hint))

    def _item(self, points: float, check: Callable[[], str]) -> None:
        self.offered += points
        if self.offered > self.points + 1e-9:
            raise ValueError(f"task {self.task}: the items are worth {self.offered:g}, more than the {self.points:g} declared")
        try:
            line = check()
        except (NotSolved, NotImplementedError) as failure:
            self.unsolved.append(failure if isinstance(failure, NotSolved) else NotSolved(STUB))
            line = str(self.unsolved[-1])
        except CheckFailed as failure:
            line = str(failure)
        except Exception as error:  # noqa: BLE001 - whatever the student's code raised, the next item still counts
            line = _own_error(error)
        else:
            self.earned += points
            self.lines.append(f"  ✓ {points:g} of {points:g}: {line}")
            return
        self.lines.append(f"  ✗ 0 of {points:g}: {line}")

    def result(self) -> float:
        """Print the items and return the points; raise if there are none, so that every runner sees a failure."""
        if self.unsolved and len(self.unsolved) == len(self.lines):
            raise NotSolved(f"Task {self.task} is {self.unsolved[0]}")
        head = f"Task {self.task}: {self.earned:g} of {self.offered:g} points"
        later = self.points - self.offered
        if later > 1e-9:
            head += f", {later:g} more when the notebook is graded"
        report = "\n".join([head, *self.lines])
        if self.earned == 0:
            raise WrongValue(report)
        print(f"{'✓' if self.earned == self.offered else '✗'} {report}")
        return float(self.earned)


def _own_error(error: Exception) -> str:
    """What the student's code raised, and at which of its lines."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_library(f.filename)]
    place = f" at `{frames[-1].line}`" if frames and frames[-1].line else ""
    return f"stopped{place} with {type(error).__name__}: {error}"


def _is_library(filename: str) -> bool:
    path = Path(filename)
    return path == Path(__file__) or "site-packages" in path.parts or path.parent == Path(traceback.__file__).parent
