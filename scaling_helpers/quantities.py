"""What may enter a law: real, positive, finite numbers of a plausible size. One check for all of them.

Everything refused here is named together with its value and what to do, because a silent NaN three cells
later teaches nobody anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .trace import Expr

#: Largest plausible value, by symbol; beyond it an exponent or a unit has slipped.
LIMITS = {"N": (1e30, "parameters"), "D": (1e30, "tokens"), "C": (1e40, "FLOP"), "volume": (1e30, "tokens")}
#: Below this a compute budget is a logarithm or a count of PF-days, not a number of FLOP.
SMALLEST_COMPUTE = 1e3


def positive(name: str, value: Any, unit: str = "") -> Any:
    """Return ``value`` as a float, an array of floats or a tracer, or raise.

    TypeError: strings, booleans, complex numbers, objects. ValueError: NaN, infinite, zero, negative, or beyond
    :data:`LIMITS`. Both name the argument and the value.
    """
    if isinstance(value, Expr):
        return value
    if type(value) is int:  # NumPy has no dtype for integers of more than 64 bits
        value = float(value) if abs(value) < 10**300 else np.inf if value > 0 else -np.inf
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number or an array of them, got {value!r} ({type(value).__name__})")
    array = array.astype(float)  # integers of 32 bits (Windows, WebAssembly) would overflow in a product
    limit, known_unit = LIMITS.get(name, (np.inf, unit))
    unit = unit or known_unit
    _refuse(array, ~np.isfinite(array), name, unit, "it must be finite")
    _refuse(array, array <= 0, name, unit, "it must be positive")
    _refuse(array, array > limit, name, unit, f"that is beyond {limit:g}: check its unit and exponent")
    if name == "C":
        _refuse(array, array < SMALLEST_COMPUTE, name, unit, "give FLOP, not a logarithm and not PF-days (8.64e19 FLOP each)")
    return array if array.ndim else float(array)


def nonnegative(name: str, value: Any, unit: str = "") -> Any:
    """As :func:`positive`, but zero is allowed too, and tracers are not."""
    if isinstance(value, Expr):
        raise TypeError(f"{name} is a tracer: give a number")
    array = np.asarray(value)
    if array.dtype.kind in "iuf":
        _refuse(array.astype(float), array < 0, name, unit, "it must not be negative")
        array = array.astype(float)
        positive(name, np.where(array == 0, 1.0, array), unit)
        return array if array.ndim else float(array)
    return positive(name, value, unit)


def same_shape(**values: Any) -> None:
    """Raise ValueError naming the arguments whose array shapes do not broadcast together."""
    shapes = {name: np.shape(value) for name, value in values.items() if not isinstance(value, Expr)}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"shapes do not fit together: {listed}; give one shape, or scalars") from None


def _refuse(array: np.ndarray, bad: np.ndarray, name: str, unit: str, why: str) -> None:
    if np.any(bad):
        first = np.atleast_1d(array)[np.atleast_1d(bad)][0]
        count = f" ({int(np.sum(bad))} of {array.size} values)" if array.ndim else ""
        raise ValueError(f"{name} = {first:g} {unit}".rstrip() + f"{count}: {why}")
