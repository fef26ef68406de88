"""How is an optimum found so that it can be believed? As the root of the exact derivative, with the bracket that proves it.

A minimum is flat: the smallest of many computed losses misses its place by about 1e-8. So a loss is traced along its
budget, differentiated exactly, and the change of the derivative's sign is closed in on. Everything here works on many
budgets at once; budgets, volumes and unique tokens enter as columns of numbers.

Whatever is bought, the tokens that a size leaves affordable are D = (budget - reserved(N)) / price(N), with ``price`` the
cost of training on one token and ``reserved`` what is set aside for use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..quantities import LIMITS
from ..trace import Expr, derivative, evaluate, variable

__all__ = ["Line", "Minimum", "crossing", "least_budget", "lowest", "roots", "trace_line"]

Array = NDArray[np.float64]
Columns = Mapping[str, Array]

#: Half the width in log N of the bracket in which the derivative is shown to change its sign.
HALF_BRACKET = 2e-13
#: Brackets wider than this prove too little.
_WIDEST = 1e-6
#: Sizes that are scanned, as logarithms: from 1 parameter to the largest plausible model, in steps of a fifth.
_SCAN = np.arange(0.0, float(np.log(LIMITS["N"][0])) + 0.2, 0.2)
#: More sizes are scanned this close to the largest that leaves one token, and to a place where the slope may jump.
_EDGE = 10.0 ** -np.arange(2.0, 15.0, 2.0)
_BOTH_SIDES = np.array([-1e-9, 1e-9])
_BLOCK = 64
_BUDGETS = (1e3, 1e40)


@dataclass(frozen=True)
class Line:
    """A loss traced along a budget, as formulas of the variables log_size and budget (and of others, by name).

    ``switches`` pass through zero where a minimum, a maximum or a choice in the loss changes sides: its slope may jump
    there.
    """

    loss: Any
    tokens: Any
    slope: Any
    gain: Any
    switches: tuple[Any, ...] = ()

    def at(self, what: Any, log_size: Array, columns: Columns) -> Array:
        """The value of one of the formulas at given sizes, an array of their shape and the columns'."""
        with np.errstate(all="ignore"):  # far out powers overflow; what is not finite is left out of the search
            found = evaluate(what, {"log_size": log_size, **columns})
        shape = np.broadcast_shapes(np.shape(log_size), *(np.shape(column) for column in columns.values()))
        return np.broadcast_to(np.asarray(found, dtype=float), shape)


@dataclass(frozen=True)
class Minimum:
    """The lowest minimum for each row: ``log_size``, its bracket, the loss, and whether the slope jumps there (a kink)."""

    log_size: Array
    low: Array
    high: Array
    loss: Array
    kink: NDArray[np.bool_]


def trace_line(
    loss: Callable[[Any, Any], Any], price: Callable[[Any], Any], reserved: Callable[[Any], Any] | None = None
) -> Line:
    """Trace ``loss(N, D)`` along D = (budget - reserved(N)) / price(N).

    Raises ValueError for a loss that depends on neither, TraceError for one that cannot be traced.
    """
    N = np.exp(variable("log_size"))
    budget = variable("budget")
    D = (budget if reserved is None else budget - reserved(N)) / price(N)
    traced = loss(N, D)
    if not isinstance(traced, Expr):
        raise ValueError(f"loss(N, D) does not depend on N or D: it gave {traced!r}")
    return Line(traced, D, derivative(traced, "log_size"), derivative(traced, "budget") * budget, tuple(_switches(traced)))


def _switches(expr: Expr) -> list[Expr]:
    """Every difference in a traced formula at whose change of sign another branch of the formula begins."""
    seen: set[int] = set()
    found: dict[tuple[int, ...], Expr] = {}

    def visit(node: Expr) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        compared = node.args[0] if node.op == "if" else node
        if compared.op in ("min", "max", "<", "<=", ">", ">=") and len(compared.args) == 2:
            first, second = compared.args
            found.setdefault((id(first), id(second)), first - second)
        elif node.op == "abs":
            found.setdefault((id(node.args[0]),), node.args[0])
        for arg in node.args:
            visit(arg)

    visit(expr)
    return list(found.values())


def roots(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """A root of ``f`` between each ``low`` and ``high``, to the last digit: Chandrupatla's method, all intervals at once.

    ``f`` maps an array of the same length; it must have different signs (or a zero) at the two ends of each interval.
    At a jump from one sign to the other the place of the jump is found.
    """
    a, b = np.array(high, dtype=float), np.array(low, dtype=float)
    fa, fb = f(a), f(b)
    c, fc = a.copy(), fa.copy()
    share = np.full_like(a, 0.5)
    best = np.where(np.abs(fa) < np.abs(fb), a, b)
    done = (fa == 0) | (fb == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(200):
            if done.all():
                break
            x = np.where(done, best, a + share * (b - a))
            fx = f(x)
            same = np.sign(fx) == np.sign(fa)
            c, fc = np.where(same, a, b), np.where(same, fa, fb)
            b, fb = np.where(same, b, a), np.where(same, fb, fa)
            a, fa = x, fx
            best = np.where(done, best, np.where(np.abs(fa) < np.abs(fb), a, b))
            smallest = 2e-16 * np.maximum(np.abs(best), 1.0) / np.abs(b - a)
            done = done | (smallest > 0.5) | (fx == 0)
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            smooth = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            share = np.clip(np.where(smooth, step, 0.5), smallest, 1 - smallest)
    return best


def lowest(line: Line, columns: Columns, describe: Callable[[int], str]) -> Minimum:
    """The lowest minimum on each row's budget, certified by the signs of the exact derivative on both of its sides.

    All sizes from one parameter up that leave at least one token are scanned for a slope that turns from falling to
    rising, on both sides of every place where the slope may jump. ``describe(row)`` names a budget in an error: ValueError
    where the loss only falls or only rises, is flat at its lowest, or where the budget affords no token.
    """
    total = len(columns["budget"])
    if total > _BLOCK:
        parts = []
        for first in range(0, total, _BLOCK):
            rows = slice(first, first + _BLOCK)
            here = {name: column[rows] for name, column in columns.items()}
            parts.append(lowest(line, here, _offset(describe, first)))
        names = ("log_size", "low", "high", "loss", "kink")
        return Minimum(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    grid = _with_kinks(line, np.broadcast_to(_SCAN, (total, len(_SCAN))), columns)
    upright = {name: column[:, None] for name, column in columns.items()}
    affordable = line.at(line.tokens, grid, upright) >= 1.0
    slopes = np.where(affordable, line.at(line.slope, grid, upright), np.nan)
    row, place = np.nonzero((slopes[:, :-1] < 0) & (slopes[:, 1:] >= 0))
    missing = np.setdiff1d(np.arange(total), row)
    if missing.size:
        raise ValueError(_why_none(slopes[missing[0]], affordable[missing[0]], describe(int(missing[0]))))
    flat = (slopes[row, place + 1] == 0) & (slopes[row, np.minimum(place + 2, grid.shape[1] - 1)] == 0)
    if flat.any():
        size = np.exp(grid[row, place + 1][flat][0])
        raise ValueError(
            f"{describe(int(row[flat][0]))}: at its lowest the loss is flat from N = {size:.3g} on, to the last digit, "
            "so no size is best: take a smaller budget"
        )
    here = {name: column[row] for name, column in columns.items()}
    slope = _formula(line, line.slope, here)
    at = roots(slope, grid[row, place], grid[row, place + 1])
    half = np.full_like(at, HALF_BRACKET)
    while True:
        below, above = slope(at - half), slope(at + half)
        unproven = ~((below <= 0) & (above >= 0))
        if not unproven.any():
            break
        half[unproven] *= 4.0
        if half.max() > _WIDEST:
            worst = int(np.argmax(half))
            size = f"{_WIDEST:g} of N = {np.exp(at[worst]):g}"
            raise ValueError(f"{describe(int(row[worst]))}: the derivative does not change sign within {size}")
    # A smooth slope is eight times as large eight times as far away; one that jumps is the same.
    kink = (slope(at + 8 * half) < 2 * above) | (slope(at - 8 * half) > 2 * below)
    losses = line.at(line.loss, at, here)
    order = np.lexsort((losses, row))
    best = order[np.searchsorted(row[order], np.arange(total))]
    return Minimum(at[best], (at - half)[best], (at + half)[best], losses[best], kink[best])


def _offset(describe: Callable[[int], str], first: int) -> Callable[[int], str]:
    return lambda row: describe(first + row)


def _with_kinks(line: Line, grid: Array, columns: Columns) -> Array:
    """The scanned log sizes of each row, with more of them beside every place where a switch of the loss turns."""
    upright = {name: column[:, None] for name, column in columns.items()}
    # Where little more than one token is left, a loss that was falling may rise steeply within a hair's breadth.
    nodes = [(line.tokens - 1.0, -_EDGE), *((switch, _BOTH_SIDES) for switch in line.switches)]
    for switch, offsets in nodes:
        values = np.sign(line.at(switch, grid, upright))
        row, place = np.nonzero(values[:, :-1] * values[:, 1:] < 0)
        if not row.size:
            continue
        here = {name: column[row] for name, column in columns.items()}
        turns = np.full((len(grid), 1 + np.bincount(row).max()), grid[0, -1])
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        turns[row, rank] = roots(_formula(line, switch, here), grid[row, place], grid[row, place + 1])
        around = (turns[:, :, None] + offsets).reshape(len(grid), -1)
        grid = np.sort(np.hstack([grid, around]), axis=1)
    return grid


def _formula(line: Line, what: Any, columns: Columns) -> Callable[[Array], Array]:
    return lambda log_size: line.at(what, log_size, columns)


def _why_none(slopes: Array, affordable: NDArray[np.bool_], budget: str) -> str:
    if not affordable.any():
        return f"{budget}: that does not pay for one token, whatever the size"
    known = slopes[np.isfinite(slopes)]
    if not known.size:
        return f"{budget}: the derivative of the loss is not finite anywhere on this budget"
    if (known == 0).all():
        return f"{budget}: the loss is the same for every size"
    way = "falls" if known[-1] < 0 else "rises"
    return f"{budget}: the loss only {way} with N between 1 parameter and 1 token, so no optimum lies inside"


def crossing(
    f: Callable[[Array], Array], start: Array, direction: int, inside: Callable[[Array], NDArray[np.bool_]]
) -> tuple[Array, NDArray[np.bool_]]:
    """Where ``f``, negative at ``start``, first rises through zero on the way up (+1) or down (-1) in log N.

    Steps of a tenth; returns the places and whether there was a crossing before ``inside`` failed.
    """
    before = np.array(start, dtype=float)
    after = before.copy()
    found = np.zeros(len(before), dtype=bool)
    searching = np.ones(len(before), dtype=bool)
    while searching.any():
        step = np.where(searching, after + 0.1 * direction, after)
        searching &= inside(step)
        before, after = np.where(searching, after, before), np.where(searching, step, after)
        with np.errstate(all="ignore"):
            crossed = searching & (f(after) >= 0)
        found |= crossed
        searching &= ~crossed
    low, high = np.minimum(before, after), np.maximum(before, after)
    places = np.full(len(before), np.nan)
    if found.all():
        places = roots(f, low, high)
    return places, found


def least_budget(
    line: Line, target: Array, columns: Columns, describe: Callable[[int], str], unit: str = "FLOP"
) -> tuple[Array, Array, Array]:
    """The least budget whose best loss is ``target``, for each row: (budget, and the two that bracket it).

    Newton's method on the best loss as a function of the log budget, whose derivative is that of the loss at the
    optimum with the size held (the envelope theorem), kept inside a bracket. Raises ValueError where no plausible
    budget reaches the target, or where even the smallest passes it.
    """
    low, high = _decade(line, target, columns, describe, unit)
    at = 0.5 * (low + high)

    def excess(log_budget: Array) -> tuple[Array, Array]:
        here = {**columns, "budget": np.exp(log_budget)}
        best = lowest(line, here, describe)
        return best.loss - target, line.at(line.gain, best.log_size, here)

    for _ in range(100):
        above, gain = excess(at)
        low, high = np.where(above > 0, at, low), np.where(above > 0, high, at)
        with np.errstate(all="ignore"):
            # A power law of what is left above the target is straighter in logarithms, but its floor is not known.
            newton = at - above / gain
        new = np.where((newton > low) & (newton < high), newton, 0.5 * (low + high))
        settled = np.abs(new - at) <= 4e-16 * np.maximum(np.abs(at), 1.0)
        at = np.where(above == 0, at, new)
        if (settled | (above == 0)).all():
            break
    half = np.full_like(at, 1e-12)
    while True:
        unproven = ~((excess(at - half)[0] >= 0) & (excess(at + half)[0] <= 0))
        if not unproven.any():
            return np.exp(at), np.exp(at - half), np.exp(at + half)
        half[unproven] *= 10.0
        if half.max() > _WIDEST * 10:
            worst = int(np.argmax(half))
            budget = f"{_WIDEST * 10:g} of {np.exp(at[worst]):g} {unit}"
            raise ValueError(f"{describe(worst)}: the best loss does not pass it within {budget}")


def _decade(
    line: Line, target: Array, columns: Columns, describe: Callable[[int], str], unit: str
) -> tuple[Array, Array]:
    """For each row two log budgets, a factor of ten apart, between which the best loss passes the target."""
    steps = np.arange(np.log10(_BUDGETS[0]), np.log10(_BUDGETS[1]) + 1)
    sizes = _SCAN[::3]
    reached = np.empty((len(target), len(steps)))
    for index, exponent in enumerate(steps):
        here = {name: column[:, None] for name, column in columns.items()}
        here["budget"] = np.full((len(target), 1), 10.0**exponent)
        grid = np.broadcast_to(sizes, (len(target), len(sizes)))
        losses = np.where(line.at(line.tokens, grid, here) >= 1.0, line.at(line.loss, grid, here), np.inf)
        reached[:, index] = np.min(np.where(np.isfinite(losses), losses, np.inf), axis=1)
    good = reached <= target[:, None]
    for row in np.flatnonzero(~good[:, -1]):
        raise ValueError(
            f"{describe(int(row))}: no compute reaches it under this law ({_BUDGETS[1]:g} {unit} give {reached[row, -1]:.6g})"
        )
    for row in np.flatnonzero(good[:, 0]):
        raise ValueError(f"{describe(int(row))}: fewer than {_BUDGETS[0]:g} {unit} reach it, no budget to plan with")
    first = np.argmax(good, axis=1)
    # The scanned losses lie a little above the true minima, so the crossing may be a decade earlier.
    return np.log(10.0) * (steps[np.maximum(first - 2, 0)]), np.log(10.0) * steps[first]
