"""From runs to a law: the best fit, how it was reached, and how sure it is."""

from .result import Fit, Refits, Status

__all__ = ["Fit", "Refits", "Status"]
