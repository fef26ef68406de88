"""What does more computing at the time of the answer buy: more attempts, votes, verifiers, longer thought?

>>> round(pass_at_k(n=10000, c=1, k=100), 6)  # one success in ten thousand attempts
0.01
"""

from .attempts import PassCurve, benchmark_pass_at_k, pass_at_k, pass_at_k_variance, pass_hat_k, pass_probability
from .coverage import BetaCoverage, ExponentiatedPower, published_fits
from .fits import BetaFit, ExponentiatedPowerFit, fit_beta, fit_exponentiated_power

__all__ = [
    "BetaCoverage",
    "BetaFit",
    "ExponentiatedPower",
    "ExponentiatedPowerFit",
    "PassCurve",
    "benchmark_pass_at_k",
    "fit_beta",
    "fit_exponentiated_power",
    "pass_at_k",
    "pass_at_k_variance",
    "pass_hat_k",
    "pass_probability",
    "published_fits",
]
