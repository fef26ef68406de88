"""How is a law asked by name? "alpha", "optimal.N" with C=..., a coordinate of the fit, or any function of the law.

Bootstraps, sweeps and profiles put such questions to thousands of laws, all at once where the formula allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from inspect import Parameter, signature
from typing import Any

import numpy as np

from .result import Array, Fit

__all__ = ["all_at_once", "ask", "named", "or_nan", "parameters"]


def named(quantity: Any, at: Mapping[str, Any]) -> str:
    name = quantity if isinstance(quantity, str) else getattr(quantity, "__name__", "quantity")
    told = ", ".join(f"{key}={value:g}" if np.ndim(value) == 0 and np.isreal(value) else key for key, value in at.items())
    return f"{name}({told})" if told else name


def parameters(law: Any) -> list[str]:
    """The fields of a law that are numbers, with dots into laws inside it."""
    names: list[str] = []
    for one in fields(law) if is_dataclass(law) else ():
        value = getattr(law, one.name)
        if isinstance(value, (int, float, np.floating)) and not isinstance(value, bool):
            names.append(one.name)
        elif is_dataclass(value) and hasattr(value, "loss"):
            names += [f"{one.name}.{inner}" for inner in parameters(value)]
    return names


def _known(thing: Any) -> str:
    names = [name for name in dir(thing) if not name.startswith("_") and name != "origin"]
    return ", ".join(names)


def ask(law: Any, fit: Fit | None, theta: Array | None, quantity: Any, at: Mapping[str, Any]) -> Any:
    """What ``law`` says to ``quantity``: attribute by attribute, calling the first method with ``at``."""
    if callable(quantity):
        if at:
            raise TypeError(f"{', '.join(at)}: a function of a law takes the law alone; close over the rest")
        return quantity(law)
    if not isinstance(quantity, str):
        raise TypeError(f"quantity must be a name such as 'optimal.N' or a function of a law, got {quantity!r}")
    if fit is not None and theta is not None and quantity in fit.coordinates and not hasattr(law, quantity):
        if at:
            raise TypeError(f"{quantity} is a coordinate and takes no arguments, got {', '.join(at)}")
        return theta[fit.coordinates.index(quantity)]
    value, given = law, dict(at)
    for part in quantity.split("."):
        if part.startswith("_") or not hasattr(value, part):
            coordinates = f" and the coordinates {', '.join(fit.coordinates)}" if fit is not None and value is law else ""
            raise ValueError(f"{quantity!r}: {type(value).__name__} has no {part!r}; known are {_known(value)}{coordinates}")
        value = getattr(value, part)
        if callable(value):
            _check_arguments(value, quantity, given)
            value, given = value(**given), {}
    if given:
        raise TypeError(f"{quantity} takes no arguments, got {', '.join(given)}")
    return value


def _check_arguments(method: Callable[..., Any], quantity: str, given: Mapping[str, Any]) -> None:
    parameters = signature(method).parameters.values()
    needed = [one.name for one in parameters if one.default is Parameter.empty and one.kind is Parameter.POSITIONAL_OR_KEYWORD]
    missing = [name for name in needed if name not in given]
    if missing:
        raise TypeError(f"{quantity!r} needs {', '.join(missing)}: pass " + ", ".join(f"{name}=..." for name in missing))
    takes_any = any(one.kind is Parameter.VAR_KEYWORD for one in parameters)
    extra = [name for name in given if name not in [one.name for one in parameters]]
    if extra and not takes_any:
        taken = ", ".join(one.name for one in parameters) or "no arguments"
        raise TypeError(f"{quantity!r} takes {taken}, not {', '.join(extra)}")


def or_nan(law: Any, fit: Fit | None, theta: Array | None, quantity: Any, at: Mapping[str, Any]) -> Any:
    try:
        return ask(law, fit, theta, quantity, at)
    except ValueError:
        return np.nan  # this draw has no answer; the fit's own law had one, so the question was sound


def all_at_once(laws: tuple[Any, ...], quantity: Any, at: Mapping[str, Any], shape: tuple[int, ...]) -> Array | None:
    """The quantity of all laws in one NumPy program, or None where the formula does not take arrays of coefficients.

    A law whose fields are arrays answers for all draws. Some methods refuse arrays or branch on a value, so the answer is
    taken only if it has the right shape and agrees with the laws asked one by one, at a few of them.
    """
    if any(law is None for law in laws):
        return None
    try:
        stacked = _stack(laws, len(shape))
        with np.errstate(all="ignore"):  # a NaN sends every law to be asked alone, where it can say what is wrong
            values = np.asarray(ask(stacked, None, None, quantity, at), dtype=float)
        values = np.broadcast_to(values, (len(laws), *shape)).copy()
    except (TypeError, ValueError, AttributeError):
        return None
    if np.any(np.isnan(values)):
        return None
    for i in {0, len(laws) // 2, len(laws) - 1}:
        if not np.allclose(values[i], or_nan(laws[i], None, None, quantity, at), rtol=1e-12, atol=0.0):
            return None
    return values


def _stack(laws: tuple[Any, ...], depth: int) -> Any:
    """A law of the same class whose numbers are arrays over the draws, shaped to broadcast against ``depth`` axes."""
    first = laws[0]
    if not is_dataclass(first):
        raise TypeError(f"{type(first).__name__} is no dataclass")
    stacked = object.__new__(type(first))
    for one in fields(first):
        value = getattr(first, one.name)
        if isinstance(value, (int, float, np.floating)) and not isinstance(value, bool):
            column = np.array([getattr(law, one.name) for law in laws], dtype=float)
            value = column.reshape(-1, *(1,) * depth)
        elif is_dataclass(value) and hasattr(value, "loss"):
            value = _stack(tuple(getattr(law, one.name) for law in laws), depth)
        object.__setattr__(stacked, one.name, value)
    return stacked
