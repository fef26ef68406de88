"""From runs to a law: the best fit, how it was reached, and how sure it is."""

from .growth import ExponentialGrowth, GrowthFit, fit_growth
from .result import Fit, Refits, Status

__all__ = ["ExponentialGrowth", "Fit", "GrowthFit", "Refits", "Status", "fit_growth"]
