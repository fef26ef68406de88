"""What does each paper say the loss will be, and where may it be trusted?

One module per form:

* :mod:`~scaling_helpers.laws.parametric`: the law of Hoffmann et al. (2022) and its published fits;
* :mod:`~scaling_helpers.laws.kaplan`: the laws of Kaplan et al. (2020), each with constants of its own;
* :mod:`~scaling_helpers.laws.repeated`: text that is read several times;
* :mod:`~scaling_helpers.laws.overtraining`: Gadre et al. (2024) in compute and tokens per parameter, and error from loss;
* :mod:`~scaling_helpers.laws.domains`: images, video and mathematics (Henighan et al. 2020);
* :mod:`~scaling_helpers.laws.extended`: precision, fine-grained experts, distillation, as forms without constants;
* :mod:`~scaling_helpers.laws.generic`: power laws with and without a constant, shifted, broken, and sigmoids.

Losses are in nats per token, N is parameters, D tokens, C FLOP. Every constant comes from :mod:`scaling_helpers.facts`,
where its source stands, and every published law has an ``origin``: citation, estimator, digits, fitted ranges, units. A
call beyond those ranges warns (:class:`ExtrapolationWarning`), unless it is made within :func:`extrapolating`.
Methods take floats, arrays, and tracers; amounts below about 1e-290 overflow to an infinite loss. :func:`catalogue`
lists every published law.

>>> round(BESIROGLU_2024.loss(70e9, 1.4e12), 4)
1.9739
"""

from __future__ import annotations

from .domains import HENIGHAN_2020, DomainLaws
from .extended import DistillationLaw, GranularityLaw, PrecisionLaw
from .generic import BrokenPowerLaw, PowerLaw, ShiftedPowerLaw, SigmoidLaw
from .kaplan import (
    KAPLAN_2020,
    KAPLAN_2020_ALLOCATION,
    KAPLAN_2020_BATCH,
    KAPLAN_2020_COMPUTE,
    KAPLAN_2020_COMPUTE_NAIVE,
    KAPLAN_2020_DATA,
    KAPLAN_2020_FRONTIER,
    KAPLAN_2020_SIZE,
    KAPLAN_2020_STEPS,
    CriticalBatch,
    KaplanAllocation,
    KaplanFrontier,
    KaplanLaw,
    StepsLaw,
)
from .origin import FLOP_PER_PARAMETER_TOKEN, PF_DAY, ExtrapolationWarning, Origin, extrapolating, outside
from .overtraining import GADRE_2024, GADRE_2024_ERROR, ErrorLaw, OvertrainingLaw
from .parametric import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    HOFFMANN_2022_ROUNDED,
    LAWS,
    MUENNIGHOFF_2023,
    SARDANA_2024,
    ChinchillaLaw,
    matching_size,
)
from .registry import catalogue
from .repeated import MUENNIGHOFF_2023_REPEATED, DataConstrainedLaw

__all__ = [
    "BESIROGLU_2024",
    "FLOP_PER_PARAMETER_TOKEN",
    "GADRE_2024",
    "GADRE_2024_ERROR",
    "HENIGHAN_2020",
    "HOFFMANN_2022",
    "HOFFMANN_2022_ROUNDED",
    "KAPLAN_2020",
    "KAPLAN_2020_ALLOCATION",
    "KAPLAN_2020_BATCH",
    "KAPLAN_2020_COMPUTE",
    "KAPLAN_2020_COMPUTE_NAIVE",
    "KAPLAN_2020_DATA",
    "KAPLAN_2020_FRONTIER",
    "KAPLAN_2020_SIZE",
    "KAPLAN_2020_STEPS",
    "LAWS",
    "MUENNIGHOFF_2023",
    "MUENNIGHOFF_2023_REPEATED",
    "PF_DAY",
    "SARDANA_2024",
    "BrokenPowerLaw",
    "ChinchillaLaw",
    "CriticalBatch",
    "DataConstrainedLaw",
    "DistillationLaw",
    "DomainLaws",
    "ErrorLaw",
    "ExtrapolationWarning",
    "GranularityLaw",
    "KaplanAllocation",
    "KaplanFrontier",
    "KaplanLaw",
    "Origin",
    "OvertrainingLaw",
    "PowerLaw",
    "PrecisionLaw",
    "ShiftedPowerLaw",
    "SigmoidLaw",
    "StepsLaw",
    "catalogue",
    "extrapolating",
    "matching_size",
    "outside",
]
