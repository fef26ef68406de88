"""What does each paper say the loss will be, for a model of N parameters trained on D tokens?

One module per form: :mod:`~scaling_helpers.laws.parametric` has the law of Hoffmann et al. (2022) and its published fits,
:mod:`~scaling_helpers.laws.repeated` the law for text that is read several times. Losses are in nats per token. Every
constant comes from :mod:`scaling_helpers.facts`, where its source stands.

>>> round(BESIROGLU_2024.loss(70e9, 1.4e12), 4)
1.9739
"""

from __future__ import annotations

from .origin import FLOP_PER_PARAMETER_TOKEN, Origin
from .parametric import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    HOFFMANN_2022_ROUNDED,
    LAWS,
    MUENNIGHOFF_2023,
    ChinchillaLaw,
    matching_size,
)
from .repeated import MUENNIGHOFF_2023_REPEATED, DataConstrainedLaw

__all__ = [
    "BESIROGLU_2024",
    "FLOP_PER_PARAMETER_TOKEN",
    "HOFFMANN_2022",
    "HOFFMANN_2022_ROUNDED",
    "LAWS",
    "MUENNIGHOFF_2023",
    "MUENNIGHOFF_2023_REPEATED",
    "ChinchillaLaw",
    "DataConstrainedLaw",
    "Origin",
    "matching_size",
]
