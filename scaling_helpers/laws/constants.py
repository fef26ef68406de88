"""Which numbers may be the constants of a law? One number each, finite, with the sign that its formula needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..quantities import positive
from ..trace import Expr

__all__ = ["check_constants"]


def check_constants(law: Any, *names: str, zero: tuple[str, ...] = (), signed: tuple[str, ...] = ()) -> None:
    """Check the fields ``names`` of a frozen ``law`` and keep them as floats (tracers stay tracers).

    They must be positive; those in ``zero`` may be 0, those in ``signed`` any finite number.
    Raises TypeError for what is not one real number, ValueError for one of the wrong sign or not finite.
    """
    for name in names:
        value = getattr(law, name)
        if not isinstance(value, Expr) and np.ndim(value):
            raise TypeError(f"{name} must be one number, got an array of shape {np.shape(value)}")
        plain = not isinstance(value, (Expr, str, bool))
        if plain and name in signed and np.asarray(value).dtype.kind in "iuf" and value < 0:
            positive(name, -value)
            object.__setattr__(law, name, float(value))
        elif plain and name in (*zero, *signed) and value == 0:
            object.__setattr__(law, name, 0.0)
        else:
            object.__setattr__(law, name, positive(name, value))
