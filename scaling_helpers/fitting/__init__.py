"""From runs to a law: the best fit, how it was reached, and how sure it is."""

from .allocation import PowerAllocation
from .bootstrap import Bootstrap, Interval, Summary, UncertaintyWarning
from .chinchilla import ChinchillaFit, fit_chinchilla
from .curves import CurveFit
from .diagnostics import ResidualReport, estimator_sweep, influence, residual_report, subset_sweep
from .envelope import EnvelopeFit, EnvelopePoint, fit_envelope
from .growth import ExponentialGrowth, GrowthFit, fit_growth
from .isoflop import IsoflopFit, Valley, fit_isoflop, group_budgets
from .objectives import Huber, LeastAbsolute, LeastSquares, Objective
from .overtraining import fit_error_law, fit_overtraining
from .parallel import bootstrap_many, map_fits
from .planted import PlantedRuns, planted_runs
from .power import fit_broken_power_law, fit_kaplan, fit_power_law, fit_sigmoid
from .profile import Profile, profile
from .repeated import fit_data_constrained
from .result import Fit, Refits, Status
from .rollout import Rollout, horizons, leave_one_out, rollout, scale_groups, scale_of
from .starts import hoffmann_starts
from .table import Table

__all__ = [
    "Bootstrap",
    "ChinchillaFit",
    "CurveFit",
    "EnvelopeFit",
    "EnvelopePoint",
    "ExponentialGrowth",
    "Fit",
    "GrowthFit",
    "Huber",
    "Interval",
    "IsoflopFit",
    "LeastAbsolute",
    "LeastSquares",
    "Objective",
    "PlantedRuns",
    "PowerAllocation",
    "Profile",
    "Refits",
    "ResidualReport",
    "Rollout",
    "Status",
    "Summary",
    "Table",
    "UncertaintyWarning",
    "Valley",
    "bootstrap_many",
    "estimator_sweep",
    "fit_broken_power_law",
    "fit_chinchilla",
    "fit_data_constrained",
    "fit_envelope",
    "fit_error_law",
    "fit_growth",
    "fit_isoflop",
    "fit_kaplan",
    "fit_overtraining",
    "fit_power_law",
    "fit_sigmoid",
    "group_budgets",
    "hoffmann_starts",
    "horizons",
    "influence",
    "leave_one_out",
    "map_fits",
    "planted_runs",
    "profile",
    "residual_report",
    "rollout",
    "scale_groups",
    "scale_of",
    "subset_sweep",
]
