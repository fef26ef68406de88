"""What may enter the functions on inference: counts, fractions and levels, each refused by name with its value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..trace import Expr

__all__ = ["at_least", "fraction", "level_of", "natural", "negative", "real", "whole"]

Array = NDArray[np.float64]

#: Integers above this are not all held by a double.
_LARGEST = 2**53


def whole(name: str, value: Any) -> Any:
    """``value`` as floats that hold whole numbers from 0 to 2**53, or an error that names it."""
    if isinstance(value, Expr):
        return value
    array = real(name, value, "a whole number")
    _refuse(name, array, ~np.isfinite(array), "it must be finite; leave out problems that have no count")
    _refuse(name, array, array != np.floor(array), "it must be a whole number")
    _refuse(name, array, array < 0, "it must not be negative")
    _refuse(name, array, array > _LARGEST, "counts above 2**53 are not held exactly")
    return array


def fraction(name: str, value: Any) -> Any:
    """``value`` as floats in [0, 1], or an error that names it."""
    if isinstance(value, Expr):
        return value
    array = real(name, value, "a fraction")
    _refuse(name, array, ~((array >= 0) & (array <= 1)), "it must lie in [0, 1]; divide a percentage by 100")
    return array


def at_least(name: str, value: Any, smallest: float) -> Any:
    """``value`` as finite floats not below ``smallest``, or an error that names it."""
    if isinstance(value, Expr):
        return value
    array = real(name, value, "a number")
    _refuse(name, array, ~np.isfinite(array), "it must be finite")
    _refuse(name, array, array < smallest, f"it must be at least {smallest:g}")
    return array


def negative(name: str, value: Any) -> Any:
    """``value`` as finite floats below zero, or an error that names it."""
    if isinstance(value, Expr):
        return value
    array = real(name, value, "a negative number")
    _refuse(name, array, ~(np.isfinite(array) & (array < 0)), "it must be negative and finite")
    return array if array.ndim else float(array)


def natural(name: str, value: Any, smallest: int = 1, largest: int = 2**53) -> int:
    """One whole number between ``smallest`` and ``largest`` as an int, or an error that names it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be one whole number, got {value!r} ({type(value).__name__})")
    if value != value or value in (np.inf, -np.inf) or value != int(value) or not smallest <= value <= largest:
        raise ValueError(f"{name} = {value!r}: it must be a whole number from {smallest:,} to {largest:,}")
    return int(value)


def level_of(level: Any) -> float:
    """The level of an interval, strictly between 0 and 1."""
    if isinstance(level, (bool, np.bool_)) or not isinstance(level, (int, float, np.integer, np.floating)):
        raise TypeError(f"level must be one number, got {level!r} ({type(level).__name__})")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: it must lie between 0 and 1, such as 0.9")
    return float(level)


def real(name: str, value: Any, kind: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be {kind} or an array of one shape, got rows of different length") from None
    if array.dtype == object and array.size and all(type(one) is int for one in array.flat):
        raise ValueError(f"{name} = {max(array.flat, key=abs)}: that is far beyond what a double holds")
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be {kind} or an array of them, got {value!r} ({type(value).__name__})")
    return array.astype(float)


def _refuse(name: str, array: Array, bad: Any, why: str) -> None:
    if np.any(bad):
        first = np.atleast_1d(array)[np.atleast_1d(bad)][0]
        count = f" ({int(np.sum(bad))} of {array.size} values)" if array.ndim else ""
        raise ValueError(f"{name} = {first:.17g}{count}: {why}")
