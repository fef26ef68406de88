"""What does more computing at the time of the answer buy: more attempts, votes, verifiers, longer thought?

>>> round(pass_at_k(n=10000, c=1, k=100), 6)  # one success in ten thousand attempts
0.01
"""

from .attempts import PassCurve, benchmark_pass_at_k, pass_at_k, pass_at_k_variance, pass_hat_k, pass_probability
from .budgets import (
    BudgetCurve,
    break_even_queries,
    clopper_pearson_interval,
    cost_per_solved,
    lifetime_flop,
    matched_tokens,
    parallel_coverage,
    query_flop,
    rate_interval,
    s1_curves,
    search_compute_for,
    wilson_interval,
)
from .coverage import BetaCoverage, ExponentiatedPower, published_fits
from .fits import BetaFit, ExponentiatedPowerFit, beta_like, fit_beta, fit_exponentiated_power
from .selection import (
    Resampled,
    ScoreModel,
    VoteAccuracy,
    acceptance,
    best_of_n,
    contested_vote,
    difficulty_grid,
    majority_plateau,
    majority_vote,
    over_problems,
    resample_until_accepted,
    selection_efficiency,
    verifier_plateau,
    vote_accuracy,
    vote_plateau,
)

__all__ = [
    "BetaCoverage",
    "BetaFit",
    "BudgetCurve",
    "ExponentiatedPower",
    "ExponentiatedPowerFit",
    "PassCurve",
    "Resampled",
    "ScoreModel",
    "VoteAccuracy",
    "acceptance",
    "benchmark_pass_at_k",
    "best_of_n",
    "beta_like",
    "break_even_queries",
    "clopper_pearson_interval",
    "contested_vote",
    "cost_per_solved",
    "difficulty_grid",
    "fit_beta",
    "fit_exponentiated_power",
    "lifetime_flop",
    "majority_plateau",
    "majority_vote",
    "matched_tokens",
    "over_problems",
    "parallel_coverage",
    "pass_at_k",
    "pass_at_k_variance",
    "pass_hat_k",
    "pass_probability",
    "published_fits",
    "query_flop",
    "rate_interval",
    "resample_until_accepted",
    "s1_curves",
    "search_compute_for",
    "selection_efficiency",
    "verifier_plateau",
    "vote_accuracy",
    "vote_plateau",
    "wilson_interval",
]
