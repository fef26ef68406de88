"""From runs to a law: the best fit, how it was reached, and how sure it is."""

from .bootstrap import Bootstrap, Interval, Summary, UncertaintyWarning
from .curves import CurveFit
from .growth import ExponentialGrowth, GrowthFit, fit_growth
from .objectives import Huber, LeastAbsolute, LeastSquares, Objective
from .parallel import bootstrap_many, map_fits
from .planted import PlantedRuns, planted_runs
from .power import fit_broken_power_law, fit_kaplan, fit_power_law, fit_sigmoid
from .result import Fit, Refits, Status

__all__ = [
    "Bootstrap",
    "CurveFit",
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
    "fit_broken_power_law",
    "fit_growth",
    "fit_kaplan",
    "fit_power_law",
    "fit_sigmoid",
    "map_fits",
    "planted_runs",
]
