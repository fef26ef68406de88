"""From runs to a law: the best fit, how it was reached, and how sure it is."""

from .bootstrap import Bootstrap, Interval, Summary, UncertaintyWarning
from .growth import ExponentialGrowth, GrowthFit, fit_growth
from .parallel import bootstrap_many, map_fits
from .result import Fit, Refits, Status

__all__ = [
    "Bootstrap",
    "ExponentialGrowth",
    "Fit",
    "GrowthFit",
    "Interval",
    "Refits",
    "Status",
    "Summary",
    "UncertaintyWarning",
    "bootstrap_many",
    "fit_growth",
    "map_fits",
]
