"""From runs to a law: the best fit, how it was reached, and how sure it is."""

from .bootstrap import Bootstrap, Interval, Summary, UncertaintyWarning
from .growth import ExponentialGrowth, GrowthFit, fit_growth
from .objectives import Huber, LeastAbsolute, LeastSquares, Objective
from .parallel import bootstrap_many, map_fits
from .planted import PlantedRuns, planted_runs
from .result import Fit, Refits, Status

__all__ = [
    "Bootstrap",
    "ExponentialGrowth",
    "Fit",
    "GrowthFit",
    "Huber",
    "Interval",
    "LeastAbsolute",
    "LeastSquares",
    "Objective",
    "PlantedRuns",
    "Refits",
    "Status",
    "Summary",
    "UncertaintyWarning",
    "bootstrap_many",
    "fit_growth",
    "map_fits",
    "planted_runs",
]
