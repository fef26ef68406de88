"""How does a number look in the book? One set of formats for prose, figures and explorers.

``static/explorer.js`` holds the same formats for the browser; a test compares the two to the character.

>>> format(4.036e10, "count"), format(5.76e23, "flop"), format(1.91841, "loss"), format(0.656, "percent")
('40.4B', '5.76 × 10²³', '1.9184', '66%')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

__all__ = ["KINDS", "MISSING", "format", "glue", "in_words"]

#: What stands where there is no answer.
MISSING = "—"
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
#: From here on a number is written as a power of ten.
_LONGEST = 1e15
_WORDS = {"T": "trillion", "B": "billion", "M": "million", "K": "thousand"}


def _significant(value: float, digits: int) -> Decimal:
    """Round to ``digits`` significant digits, halves away from zero, as JavaScript's toPrecision does."""
    exact = Decimal(value)
    if not exact:
        return Decimal(0)
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_UP)


def _trimmed(number: Decimal, *, thousands: bool = False) -> str:
    text = f"{number:,f}" if thousands else f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _power_of_ten(value: float) -> str:
    rounded = _significant(value, 3)
    exponent = rounded.adjusted()
    return f"{_trimmed(rounded.scaleb(-exponent))} × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def _count(value: float) -> str:
    rounded = float(_significant(value, 3))
    if abs(rounded) >= _LONGEST:
        return _power_of_ten(value)
    for size, suffix in _SUFFIXES:
        if abs(rounded) >= size:
            return _trimmed(_significant(value, 3).scaleb(-Decimal(size).adjusted())) + suffix
    return _trimmed(_significant(value, 3))


def _ratio(value: float) -> str:
    return _trimmed(_significant(value, 3), thousands=True)


def _loss(value: float) -> str:
    if abs(value) >= _LONGEST:
        return _power_of_ten(value)
    return f"{Decimal(value).quantize(Decimal('0.0001'), ROUND_HALF_UP)}"


def _year(value: float) -> str:
    if abs(value) >= _LONGEST:
        return _power_of_ten(value)
    return f"{Decimal(value).quantize(Decimal('0.1'), ROUND_HALF_UP)}"


def _percent(value: float) -> str:
    scaled = value * 100
    if abs(scaled) >= _LONGEST:
        return _power_of_ten(scaled) + "%"
    if abs(scaled) >= 10:
        return f"{Decimal(scaled).quantize(Decimal(1), ROUND_HALF_UP)}%"
    return _trimmed(_significant(scaled, 2)) + "%"


#: Kind of number -> how it is written.
KINDS: Mapping[str, Callable[[float], str]] = {
    "count": _count,
    "flop": _power_of_ten,
    "loss": _loss,
    "ratio": _ratio,
    "percent": _percent,
    "share": lambda value: _trimmed(_significant(value * 100, 3)) + "%",
    "times": lambda value: _ratio(value) + "×",
    "plain": lambda value: _trimmed(_significant(value, 6)),
    "exact": lambda value: _trimmed(_significant(value, 6), thousands=True),
    "year": _year,
}


def format(value: Any, kind: str) -> str:
    """Write ``value`` as ``kind``: count (parameters, tokens), flop, loss, ratio, percent, share, times, plain, exact, year.

    A computed share is a ``percent``; a published one is a ``share``, with the three digits it was published with.
    ``exact`` is ``plain`` with its thousands set apart. None gives a dash.

    Raises ValueError for an unknown kind or a number that is not finite, TypeError for no number.

    >>> format(5.76e23, "flop"), format(70e9, "count"), format(0.4693, "percent"), format(None, "loss")
    ('5.76 × 10²³', '70B', '47%', '—')
    >>> format(0.159, "share"), format(2048, "exact")
    ('15.9%', '2,048')
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    if value is None:
        return MISSING
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iuf":
        raise TypeError(f"format needs one real number, got {value!r}")
    number = float(array) + 0.0  # minus zero is zero
    if not np.isfinite(number * (100.0 if kind in ("percent", "share") else 1.0)):
        raise ValueError(f"cannot write {number} as {kind}: it is not finite")
    return KINDS[kind](number)


def in_words(value: float) -> str:
    """A count for running text: ``in_words(4.036e10)`` is ``'40.4 billion'``.

    >>> in_words(1.33e12)
    '1.33 trillion'
    """
    text = format(value, "count")
    return f"{text[:-1]} {_WORDS[text[-1]]}" if text[-1] in _WORDS else text


def glue(name: str, value: Any, kind: str) -> None:
    """Keep a computed number under ``name`` so that prose can show it: {glue:text}`name`.

    ``kind`` is one of :data:`KINDS`, "words" (a count in words) or "text" (a string as it is). MyST-NB's own glue
    prints the repr of NumPy scalars and needs Sphinx; this writes the same record from plain IPython.

    >>> glue("size", 7.22e10, "word")
    Traceback (most recent call last):
    ...
    ValueError: unknown kind 'word'; known: count, flop, loss, ratio, percent, share, times, plain, exact, year
    """
    if kind == "text":
        if not isinstance(value, str):
            raise TypeError(f"glue {name!r}: kind 'text' needs a string, got {value!r}")
        text = value
    else:
        text = in_words(value) if kind == "words" else format(value, kind)
    from IPython.display import display

    prefix = "application/papermill.record/"
    display(
        # Quoted, since MyST-NB reads the record as a Python literal: bare, "1,880" would print as a tuple.
        {f"{prefix}text/plain": repr(text)},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
    )
