"""What may enter a fit: columns of one length, real, finite, enough of them and not all the same.

Everything refused is named with its value and the remedy, before any work is done.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..quantities import positive

__all__ = ["column", "columns", "label_column", "point_weights", "replacements"]

Array = NDArray[np.float64]


def column(name: str, values: Any, *, sign: str = "positive") -> Array:
    """One column of a run table as a (n,) array of floats.

    ``sign`` is "positive" or "any". TypeError: text, booleans, complex numbers, ragged lists. ValueError: not
    one-dimensional, NaN, infinite, or (for "positive") zero or negative.

    >>> column("D", [2e9, 4e9]).tolist()
    [2000000000.0, 4000000000.0]
    """
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise TypeError(f"{name} must be a column of real numbers: {error}") from None
    if array.dtype == object and array.size and all(isinstance(item, int) and not isinstance(item, bool) for item in array.flat):
        array = array.astype(float)  # integers beyond 64 bits, such as FLOP counts
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be one column, shape (n,), got shape {array.shape}; give a list or a one-dimensional array"
        )
    if sign == "positive":
        return np.asarray(positive(name, array), dtype=float)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a column of real numbers, got {array.dtype} values such as {array[:1].tolist()!r}")
    array = array.astype(float)
    if not np.all(np.isfinite(array)):
        bad = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"{name}[{bad}] = {array[bad]}: it must be finite; drop the rows without a value")
    return array


def columns(least: int, what: str, **given: Array) -> int:
    """The common length of checked columns, or ValueError where they differ or are shorter than ``least``.

    ``what`` names what is being fitted, for the message.
    """
    lengths = {name: array.shape[0] for name, array in given.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(
            f"columns differ in length: {', '.join(f'{name} {n}' for name, n in lengths.items())}; give one value per run"
        )
    n = next(iter(lengths.values()))
    if n < least:
        raise ValueError(f"{n} point{'s' if n != 1 else ''} cannot fix {what}: give at least {least}")
    return n


def point_weights(values: Any, n: int) -> Array:
    """Weights of ``n`` points, (n,); ones where None is given. ValueError: negative, all zero, or of another length."""
    if values is None:
        return np.ones(n)
    weights = column("weights", values, sign="any")
    if weights.shape != (n,):
        raise ValueError(f"weights has {weights.shape[0]} entries for {n} points; give one per point")
    if np.any(weights < 0):
        raise ValueError(f"weights holds {weights.min():g}: a weight must not be negative; use 0 to leave a point out")
    if not np.any(weights > 0):
        raise ValueError("weights are all zero: nothing is left to fit")
    return weights


def label_column(name: str, values: Any, n: int) -> NDArray[Any]:
    """Labels (text or numbers) of ``n`` points, such as the run that each belongs to. ValueError for another shape or NaN."""
    labels = np.asarray(values)
    if labels.shape != (n,):
        raise ValueError(f"{name} must be one label per point, shape ({n},), got shape {labels.shape}")
    if labels.dtype.kind == "f" and np.any(np.isnan(labels)):
        raise ValueError(f"{name} holds NaN: every point needs a label")
    return labels


def replacements(
    weights: Array, targets: Array, new_weights: Any, new_targets: Any, *, positive: bool = True
) -> tuple[Array, Array]:
    """Weights and targets of a refit, both (S, n), checked; what is not given is the fit's own, (n,)."""
    if new_weights is None and new_targets is None:
        raise ValueError("refit needs weights, targets or both, each of shape (S, n)")
    n = targets.shape[0]
    for name, values in (("weights", new_weights), ("targets", new_targets)):
        if values is not None and (np.ndim(values) != 2 or np.shape(values)[1] != n):
            raise ValueError(f"{name} must have shape (S, {n}), got {np.shape(values)}")
    if new_weights is not None and new_targets is not None and len(new_weights) != len(new_targets):
        raise ValueError(f"weights has {len(new_weights)} rows and targets {len(new_targets)}; they must agree")
    rows = len(new_targets) if new_weights is None else len(new_weights)
    chosen_weights = np.asarray(weights if new_weights is None else new_weights, dtype=float)
    chosen_targets = np.asarray(targets if new_targets is None else new_targets, dtype=float)
    if not np.all(np.isfinite(chosen_weights)) or np.any(chosen_weights < 0):
        raise ValueError("weights must be finite and not negative")
    if not np.all(chosen_weights.reshape(-1, n).sum(axis=1) > 0):
        raise ValueError("every row of weights must hold a positive weight")
    if not np.all(np.isfinite(chosen_targets)) or (positive and np.any(chosen_targets <= 0)):
        raise ValueError(f"targets must be finite{' and positive' if positive else ''}")
    return np.broadcast_to(chosen_weights, (rows, n)), np.broadcast_to(chosen_targets, (rows, n))
