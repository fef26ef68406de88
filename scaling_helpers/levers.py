"""What does a lever move: the price of a FLOP, the FLOP that are needed, or the law itself?

A better recipe and a sparse architecture do not make arithmetic cheaper. They change what arithmetic buys, and so they can
be written as a change of the constants of the parametric law (Hoffmann et al. 2022, arXiv:2203.15556).

>>> from scaling_helpers.laws import BESIROGLU_2024 as law
>>> better = better_recipe(law, 10)  # needs a tenth of the compute for each loss
>>> round(better.compute_for_loss(law.optimal(1e24).loss) / 1e23, 9)
1.0
"""

from __future__ import annotations

from typing import Any

from .laws import ChinchillaLaw
from .quantities import positive

__all__ = ["all_parameters_count", "better_recipe"]


def better_recipe(law: ChinchillaLaw, gain: Any) -> ChinchillaLaw:
    """The law of a recipe that reaches each loss with 1 / ``gain`` of the compute, optimally split in both.

    Along the frontier the reducible loss is a power C**-gamma with gamma = alpha beta / (alpha + beta), so both
    coefficients are divided by gain**gamma and the best split of a budget stays where it was. That the gain is the same
    at every scale is an assumption. A float or a tracer; ValueError or TypeError for a gain that is not positive.

    >>> from scaling_helpers.laws import BESIROGLU_2024 as law
    >>> ratio = (law.loss(1e10, 2e11) - law.E) / (better_recipe(law, 10).loss(1e10, 2e11) - law.E)
    >>> round(ratio, 2)  # at every size and every number of tokens
    1.51
    """
    gain = positive("gain", gain)
    lower = gain ** (law.alpha * law.beta / (law.alpha + law.beta))
    return ChinchillaLaw(law.E, law.A / lower, law.B / lower, law.alpha, law.beta)


def all_parameters_count(law: ChinchillaLaw, active_share: Any) -> ChinchillaLaw:
    """The law in terms of *active* parameters if a sparse model were as good as a dense one of its total size.

    With N active parameters out of N / ``active_share``, the size term is A (active_share / N)**alpha. The true law of a
    mixture of experts lies between ``law`` (idle parameters are worth nothing) and this one. A float or a tracer;
    ValueError or TypeError for a share that is not positive.

    >>> from scaling_helpers.laws import BESIROGLU_2024 as law
    >>> full = all_parameters_count(law, 0.1)
    >>> round(full.loss(1e9, 2e11) / law.loss(1e10, 2e11), 12)
    1.0
    """
    active_share = positive("active_share", active_share)
    return ChinchillaLaw(law.E, law.A * active_share**law.alpha, law.B, law.alpha, law.beta)
