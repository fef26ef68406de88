"""Many answers were sampled: how often is the one that is handed in right?

Coverage counts a problem as solved if any answer is right. Somebody must still find it. Without a verifier one can vote,
and voting ends at a plateau: with ever more votes the most frequent answer wins for certain, right or wrong (Wang et al. 2022,
arXiv:2203.11171, section 2; Brown et al. 2024, arXiv:2407.21787, section 4). A verifier that errs ends at a plateau too,
its own precision, and a score that a few wrong answers can fool makes best-of-n fall again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..quantities import positive
from ..trace import Expr
from .coverage import BetaCoverage
from .inputs import at_least, fraction, natural

__all__ = [
    "Resampled",
    "ScoreModel",
    "VoteAccuracy",
    "acceptance",
    "best_of_n",
    "contested_vote",
    "difficulty_grid",
    "majority_plateau",
    "majority_vote",
    "over_problems",
    "resample_until_accepted",
    "selection_efficiency",
    "verifier_plateau",
    "vote_accuracy",
    "vote_plateau",
]

Array = NDArray[np.float64]

#: Multiplications that the exact count of votes may take; beyond it votes are drawn.
_EXACT_WORK = 4e8
#: Log odds between which the grid of difficulties lies: nobody draws the ten million samples that tell -16 from never.
_LOG_ODDS = (-16.0, 10.0)


def majority_vote(p: Any, k: int) -> Any:
    """The chance that the right answer wins a vote of ``k`` samples, when all wrong samples agree on one wrong answer.

    That is the hardest case for a vote: P(Binomial(k, p) > k/2), ties broken by a coin, so that an even k does no better
    than k - 1. ``p``: the chance that one sample is right (float, array or tracer), or a
    :class:`~scaling_helpers.inference.BetaCoverage`, for the mean over problems. k: a whole number, at least 1.

    Each further pair of votes adds (2p - 1) C(2m-1, m) (p (1-p))**m, so the sum is exact and needs no special function; over
    Beta(a, b) the mean of each term is a product. The absolute error is below 1e-14.

    >>> [round(float(majority_vote(0.6, k)), 3) for k in (1, 3, 4, 101)]
    [0.6, 0.648, 0.648, 0.979]
    >>> round(float(majority_vote(BetaCoverage(0.6, 0.9), 101)), 3), round(majority_plateau(BetaCoverage(0.6, 0.9)), 3)
    (0.374, 0.374)
    """
    pairs = (natural("k", k, 1, 10**6) - 1) // 2
    total: Any = 0.0
    if isinstance(p, BetaCoverage):
        a, b = p.a, p.b
        size = a + b
        term = a * b / (size * (size + 1.0))
        for m in range(1, pairs + 1):
            total = total + term / (size + 2.0 * m)
            term = term * (2.0 * (2 * m + 1) / (m + 1)) * ((a + m) * (b + m) / ((size + 2.0 * m) * (size + 2.0 * m + 1.0)))
        return p.solvable * (a / size + (a - b) * total)
    p = fraction("p", p)
    both = p * (1.0 - p)
    term = both
    for m in range(1, pairs + 1):
        total = total + term
        term = term * both * (2.0 * (2 * m + 1) / (m + 1))
    value = p + (2.0 * p - 1.0) * total
    return value if isinstance(value, Expr) or np.ndim(value) else float(value)


def contested_vote(p: Any, k: int, agree: float) -> Any:
    """The chance that the right answer wins a vote of ``k`` samples, when only some of the wrong ones agree.

    A sample is right with chance ``p``. Of the wrong ones a share ``agree`` names the same wrong answer, and the others all
    differ, so that no two of them ever make a pair. Most votes win, ties are broken at random. With ``agree`` = 1 this is
    :func:`majority_vote`; with ever more votes the right answer wins where p > agree (1 - p), that is, for p above
    agree / (1 + agree).
    p: a fraction or an array of them; k: a whole number, at least 1. The absolute error is below 1e-12.
    Raises TypeError or ValueError for fractions outside [0, 1] and k below 1.

    Against the rival alone, D votes ahead of it, each further vote adds (p - q) P(D = 0) / 2, where q = agree (1 - p), and
    P(D = 0) after j votes is the mean of (s + 2 sqrt(p q) cos t)**j over a circle, s = 1 - p - q: the sum over j has a
    closed form, and the trapezoidal rule gives the mean exactly. Taken off are the draws in which every answer has one vote.

    >>> [round(contested_vote(0.3, k, agree=0.25), 3) for k in (1, 9, 129)]
    [0.3, 0.675, 0.981]
    >>> round(contested_vote(0.6, 3, agree=1.0), 3)
    0.648
    """
    p, agree = np.asarray(fraction("p", p)), float(fraction("agree", agree))
    k = natural("k", k, 1, 10**6)
    q = agree * (1.0 - p)
    scattered = (1.0 - agree) * (1.0 - p)
    # The trapezoidal rule is exact for k - 1 harmonics, and a peak no narrower than 1/sqrt(k) leaves none higher than a few
    # sqrt(k). Half of an odd number of points is the other half's mirror image.
    half = int(min(k // 2 + 1, 32 + 6 * np.sqrt(k)))
    turn = 2.0 * np.pi * np.arange(half + 1) / (2 * half + 1)
    weight = np.where(turn == 0.0, 1.0, 2.0) / (2 * half + 1)
    swing = scattered[..., None] + 2.0 * np.sqrt(p * q)[..., None] * np.cos(turn)
    left = 1.0 - swing  # the sum of swing**j over j < k is (1 - swing**k) / left
    with np.errstate(divide="ignore", invalid="ignore"):
        ties = np.where(left > 1e-9, (1.0 - swing**k) / left, float(k))
    value = 0.5 * (1.0 - scattered**k) + 0.5 * (p - q) * (ties @ weight)
    # One vote each: the right answer has the k-th part of the chances, and not all of them, or half.
    if k > 1:
        value = value - p * (k - 1.0) * scattered ** (k - 1) - p * q * (k - 1.0) * (0.5 * k - 1.0) * scattered ** (k - 2)
    value = np.clip(value, 0.0, 1.0)
    return value if value.ndim else float(value)


def majority_plateau(p: Any) -> Any:
    """What :func:`majority_vote` ends at for ever more samples: 1 for p > 1/2, 1/2 at 1/2, else 0.

    For a :class:`~scaling_helpers.inference.BetaCoverage`: the share of problems with p > 1/2. ``p`` as there, but no
    tracer in a mixture, since the share is an incomplete Beta function.

    >>> majority_plateau([0.4, 0.5, 0.6]).tolist()
    [0.0, 0.5, 1.0]
    """
    if isinstance(p, BetaCoverage):
        from scipy.special import betainc

        if any(isinstance(value, Expr) for value in (p.a, p.b, p.solvable)):
            raise TypeError("the plateau of a mixture is not traced: compute it in Python, or trace majority_vote for a large k")
        return float(p.solvable * betainc(p.b, p.a, 0.5))
    p = fraction("p", p)
    value = np.where(p > 0.5, 1.0, np.where(p < 0.5, 0.0, 0.5))
    return value if isinstance(value, Expr) or np.ndim(value) else float(value)


@dataclass(frozen=True)
class VoteAccuracy:
    """The chance that the right answer wins a vote.

    ``method`` is "exact" (the multinomial summed out) or "simulated" (votes drawn); then ``standard_error`` is that of the
    draws, else 0.

    >>> vote = vote_accuracy([0.6, 0.4], 3)
    >>> round(vote.value, 3), vote.method
    (0.648, 'exact')
    """

    value: float
    method: str
    standard_error: float


def vote_accuracy(probabilities: Any, k: int, *, weights: Any = None, draws: int | None = None, seed: int = 0) -> VoteAccuracy:
    """The chance that the first of several answers wins a vote of ``k`` samples; ties are broken at random.

    probabilities (m,): the chance of each answer, the right one first; they sum to 1. weights (m,): what one vote for
    each answer counts, such as a verifier's mean score (1 by default). Exact where that takes little work, otherwise simulated
    with 100,000 draws; ``draws`` asks for a simulation. The result says which.

    Exact: the counts are independent Poisson numbers given their sum, so the chance is a product of polynomials, one for
    each answer that may not win, and a tie among t others is shared as the integral of y**t.
    Raises TypeError or ValueError for chances that do not sum to 1, weights that are not positive, other lengths, and k below 1.

    >>> vote_accuracy([0.4, 0.35, 0.25], 25).value.__round__(4)
    0.563
    >>> vote_accuracy([0.4, 0.35, 0.25], 25, weights=[1.0, 1.2, 1.0]).value.__round__(4)
    0.4413
    """
    chances, scale = _answers(probabilities, weights)
    k, m = natural("k", k, 1, 10**7), chances.size
    nodes = (m + 1) // 2
    if draws is None and (k + 1.0) * (m - 1) * nodes * (k / 2.0) ** 2 <= _EXACT_WORK:
        return VoteAccuracy(_exact_vote(chances, scale, k), "exact", 0.0)
    draws = natural("draws", 100_000 if draws is None else draws, 2, 10**8)
    rng = np.random.default_rng(seed)
    wins = np.empty(draws)
    for start in range(0, draws, 10_000):
        votes = rng.multinomial(k, chances, size=min(10_000, draws - start)) * scale
        first = votes[:, :1]
        close = np.isclose(votes, first, rtol=1e-12, atol=0.0)
        lost = np.any((votes > first) & ~close, axis=1)
        wins[start : start + len(votes)] = np.where(lost, 0.0, 1.0 / close.sum(axis=1))
    return VoteAccuracy(float(wins.mean()), "simulated", float(wins.std(ddof=1) / np.sqrt(draws)))


def vote_plateau(probabilities: Any, weights: Any = None) -> float:
    """What :func:`vote_accuracy` ends at for ever more samples: 1 if the right (first) answer is the mode, 0 if not.

    The mode of chance times weight; 1/t where t answers share it.

    >>> vote_plateau([0.4, 0.35, 0.25]), vote_plateau([0.4, 0.35, 0.25], weights=[1.0, 1.2, 1.0])
    (1.0, 0.0)
    """
    chances, scale = _answers(probabilities, weights)
    strength = chances * scale
    close = np.isclose(strength, strength[0], rtol=1e-12, atol=0.0)
    return 0.0 if np.any((strength > strength[0]) & ~close) else 1.0 / float(close.sum())


def _answers(probabilities: Any, weights: Any) -> tuple[Array, Array]:
    chances = np.asarray(fraction("probabilities", probabilities))
    if chances.ndim != 1 or chances.size < 2:
        raise ValueError(f"probabilities must hold two answers or more, the right one first, got shape {chances.shape}")
    if abs(chances.sum() - 1.0) > 1e-9:
        raise ValueError(f"probabilities sum to {chances.sum():.10g}: they must sum to 1; add an answer for the rest")
    scale = np.ones(chances.size) if weights is None else np.asarray(positive("weights", weights))
    if scale.shape != chances.shape:
        raise ValueError(f"weights has shape {scale.shape} for {chances.size} answers; give one each")
    return chances / chances.sum(), scale


def _exact_vote(chances: Array, scale: Array, k: int) -> float:
    from scipy.special import roots_legendre
    from scipy.stats import poisson

    at, mass = roots_legendre((chances.size + 1) // 2)
    shares, mass = (at + 1.0) / 2.0, mass / 2.0  # on [0, 1], exact for every number of ties
    counts = np.arange(k + 1)
    pmf = poisson.pmf(counts, k * chances[:, None])
    total = 0.0
    for r in range(1, k + 1):
        if pmf[0, r] == 0.0:
            continue
        rest = k - r
        for share, weight in zip(shares, mass, strict=True):
            product = np.ones(1)
            for chance, one in zip(pmf[1:], scale[1:], strict=True):
                votes = counts[: rest + 1] * one
                close = np.isclose(votes, r * scale[0], rtol=1e-12, atol=0.0)
                allowed = np.where(close, share, (votes < r * scale[0]) * 1.0)
                factor = chance[: rest + 1] * allowed
                last = int(np.flatnonzero(allowed)[-1]) + 1
                product = np.convolve(product, factor[:last])[: rest + 1]
            if product.size > rest:
                total += pmf[0, r] * weight * product[rest]
    return float(min(total / poisson.pmf(k, k), 1.0))


def best_of_n(p: Any, n: Any, true_positive: Any, false_positive: Any) -> Any:
    """How often an answer is right that a fallible verifier accepted among ``n`` samples.

    Each sample is right with chance ``p``; the verifier accepts right ones with chance ``true_positive`` and wrong ones with
    chance ``false_positive``, independently. One of the accepted samples is handed in, any of all where none was accepted.
    A perfect verifier gives coverage, 1 - (1 - p)**n; one that cannot tell gives p. Floats, arrays or tracers.
    Raises TypeError or ValueError for chances outside [0, 1] and n below 1.

    >>> [round(float(best_of_n(0.1, n, 0.9, 0.05)), 3) for n in (1, 10, 1000)]
    [0.1, 0.513, 0.667]
    >>> round(float(verifier_plateau(0.1, 0.9, 0.05)), 3)
    0.667
    """
    p, right, wrong = fraction("p", p), fraction("true_positive", true_positive), fraction("false_positive", false_positive)
    n = at_least("n", n, 1.0)
    accepted = p * right + (1.0 - p) * wrong
    # Both ends are safe: with nothing accepted the second part is all, with all accepted the first.
    none = np.where(accepted >= 1.0, 0.0, np.exp(n * np.log1p(-np.minimum(accepted, 1.0 - 1e-16))))
    some = np.where(accepted >= 1.0, 1.0, -np.expm1(n * np.log1p(-np.minimum(accepted, 1.0 - 1e-16))))
    precision = p * right / np.where(accepted > 0.0, accepted, 1.0)
    missed = p * (1.0 - right) / np.where(accepted < 1.0, 1.0 - accepted, 1.0)
    return some * precision + none * missed


def verifier_plateau(p: Any, true_positive: Any, false_positive: Any) -> Any:
    """What :func:`best_of_n` ends at for ever more samples: the precision p t / (p t + (1 - p) f) of the verifier.

    With f > 0 it stays below 1, and for hard problems (small p) far below. Nought where nothing is ever accepted and p is nought.
    Floats, arrays or tracers.

    >>> round(float(verifier_plateau(0.1, 0.9, 0.1)), 3)  # one problem in ten solved, one acceptance in ten wrong
    0.5
    """
    p, right, wrong = fraction("p", p), fraction("true_positive", true_positive), fraction("false_positive", false_positive)
    accepted = p * right + (1.0 - p) * wrong
    return np.where(accepted > 0.0, p * right / np.where(accepted > 0.0, accepted, 1.0), p)


@dataclass(frozen=True)
class Resampled:
    """What is handed in when one samples until a verifier accepts: chances of ``right``, ``wrong`` and ``nothing``.

    >>> round(float(resample_until_accepted(0.1, 10, 0.9, 0.05).score(cost=1.0)), 3)
    0.255
    """

    right: Any
    wrong: Any
    nothing: Any

    def score(self, cost: Any) -> Any:
        """Points per problem: 1 for a right answer, -``cost`` for a wrong one, 0 for none. ``cost`` >= 0."""
        return self.right - at_least("cost", cost, 0.0) * self.wrong


def resample_until_accepted(p: Any, n: Any, true_positive: Any, false_positive: Any) -> Resampled:
    """Sample until the verifier accepts, ``n`` times at most; hand in what it accepted, or nothing.

    ``p`` and the two rates as in :func:`best_of_n`, which hands in a guess where nothing was accepted. Of what is accepted
    the share p t / (p t + (1 - p) f) is right, at the first sample as at the last: a further sample finds no
    better answer, it only answers what was still open. Those are the harder problems, where false acceptances are
    most of all acceptances. So the right answers rise to a plateau, and if a wrong answer costs something, the score
    turns and falls (Stroebl et al. 2024, arXiv:2411.17501). Floats, arrays or tracers.
    Raises TypeError or ValueError for chances outside [0, 1] and n below 1.

    >>> law = BetaCoverage(0.37, 1.09)
    >>> [round(over_problems(lambda p: resample_until_accepted(p, n, 0.9, 0.05).score(1.0), law), 3) for n in (1, 8, 1000)]
    [0.191, 0.339, 0.222]
    """
    n = at_least("n", n, 1.0)
    share, accepted = acceptance(p, true_positive, false_positive)
    some = -np.expm1(n * np.log1p(-np.minimum(accepted, 1.0 - 1e-16)))
    return Resampled(some * share, some * (1.0 - share), 1.0 - some)


def acceptance(p: Any, true_positive: Any, false_positive: Any) -> tuple[Any, Any]:
    """What a verifier makes of one sample: the share of the accepted ones that is right, and the chance of acceptance.

    ``p`` and the two rates as in :func:`best_of_n`. Where nothing is ever accepted the share is nought. Floats, arrays or
    tracers; errors as there.

    >>> share, accepted = acceptance(0.1, 0.9, 0.05)
    >>> round(float(share), 3), round(float(accepted), 3)
    (0.667, 0.135)
    """
    p, right, wrong = fraction("p", p), fraction("true_positive", true_positive), fraction("false_positive", false_positive)
    good = p * right
    accepted = good + (1.0 - p) * wrong
    return good / np.where(accepted > 0.0, accepted, 1.0), accepted


@dataclass(frozen=True)
class ScoreModel:
    """Best-of-n by a score: right answers score Normal(``separation``, 1), wrong ones Normal(0, ``spread_wrong``).

    The assumption: scores of samples are independent, and Normal. With equal spreads more samples always help. With
    ``spread_wrong`` > 1 the highest scores of all belong to wrong answers that fool the score, so that accuracy rises,
    turns and falls to nought: over-optimisation, as Gao et al. (2022, arXiv:2210.10760) measured it for reward models.

    >>> model = ScoreModel(separation=1.5, spread_wrong=1.3)
    >>> [round(model.accuracy(0.3, n), 3) for n in (1, 10, 10_000)]
    [0.3, 0.659, 0.635]
    >>> model.best_n(0.3)
    118
    """

    separation: float
    spread_wrong: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "separation", float(at_least("separation", self.separation, 0.0)))
        object.__setattr__(self, "spread_wrong", float(positive("spread_wrong", self.spread_wrong)))
        if not (self.separation <= 20 and 0.05 <= self.spread_wrong <= 20):
            raise ValueError(
                f"separation = {self.separation:g}, spread_wrong = {self.spread_wrong:g}: give up to 20, and from 0.05 to 20"
            )

    @property
    def auc(self) -> float:
        """The chance that a right answer scores above a wrong one."""
        from scipy.special import ndtr

        return float(ndtr(self.separation / np.hypot(1.0, self.spread_wrong)))

    def accuracy(self, p: float, n: int) -> float:
        """The chance that the answer with the highest of ``n`` scores is right, each being right with chance ``p``.

        n p times the integral over the winning score of its density and of the chance that the n - 1 others lie
        below it; the trapezoidal rule on a smooth integrand, exact to about 1e-12.
        """
        from scipy.special import ndtr

        p, n = float(fraction("p", p)), natural("n", n, 1, 10**9)
        x = np.linspace(self.separation - 12.0, self.separation + 12.0, 6001)
        above = p * ndtr(self.separation - x) + (1.0 - p) * ndtr(-x / self.spread_wrong)
        below = p * ndtr(x - self.separation) + (1.0 - p) * ndtr(x / self.spread_wrong)
        # log of the share below: from the side that is small
        with np.errstate(divide="ignore"):
            log_below = np.where(above < 0.5, np.log1p(-np.minimum(above, 0.5)), np.log(below))
        density = np.exp(-0.5 * (x - self.separation) ** 2) / np.sqrt(2.0 * np.pi)
        others = np.exp((n - 1) * np.maximum(log_below, -1e6)) if n > 1 else np.ones_like(x)
        return float(min(n * p * np.sum(density * others) * (x[1] - x[0]), 1.0))

    def best_n(self, p: float, most: int = 100_000) -> int:
        """The number of samples up to ``most`` at which accuracy is highest, to within 2% of the number."""
        tried = np.unique(np.round(np.geomspace(1, natural("most", most, 1, 10**9), 600)).astype(int))
        return int(tried[int(np.argmax([self.accuracy(p, int(n)) for n in tried]))])


def over_problems(accuracy: Callable[[Array], Any], law: BetaCoverage, nodes: int = 200) -> float:
    """The mean of ``accuracy(p)`` over the problems of a Beta mixture, by Gauss-Jacobi quadrature.

    ``accuracy`` takes an array of chances and gives an array, for instance ``lambda p: best_of_n(p, 100, 0.9, 0.05)``.
    Exact for polynomials in p of degree 2 ``nodes`` - 1; the problems with p = 0 count with accuracy(0).

    >>> law = BetaCoverage(0.3, 1.2)
    >>> round(over_problems(lambda p: best_of_n(p, 100, 1.0, 0.0), law), 10) == round(float(law.coverage(100)), 10)
    True
    """
    from scipy.special import roots_jacobi

    x, weights = roots_jacobi(natural("nodes", nodes, 2, 2000), law.b - 1.0, law.a - 1.0)
    p = np.clip((x + 1.0) / 2.0, 0.0, 1.0)
    solvable = float(weights @ np.asarray(accuracy(p)) / weights.sum())
    hopeless = float(np.asarray(accuracy(np.zeros(1)))[0]) if law.solvable < 1.0 else 0.0
    return law.solvable * solvable + (1.0 - law.solvable) * hopeless


def difficulty_grid(law: BetaCoverage, step: float = 0.75) -> tuple[Array, Array]:
    """The problems of a Beta mixture as some tens of kinds: chances p (m,) and the share of the problems of each kind (m,).

    Evenly spaced in the log odds of p, by the trapezoidal rule; those beyond log odds of -16 and 10 are put at p = 0 and 1.
    Where :func:`over_problems` has nodes that depend on the law, these are the same for all laws, so that a table over
    laws needs one set of p. The mean of a smooth accuracy over up to 10,000 samples comes out within about 1e-5
    for a up to 3. Raises TypeError or ValueError for a step that is not in (0, 2].

    >>> law = BetaCoverage(0.37, 1.09)
    >>> p, share = difficulty_grid(law)
    >>> round(float(share.sum()), 4), abs(float(share @ (1 - (1 - p) ** 100) - law.coverage(100))) < 1e-5
    (1.0, True)
    """
    from scipy.special import betainc, betaln, expit

    step = float(positive("step", step))
    if step > 2.0:
        raise ValueError(f"step = {step:g}: it must lie in (0, 2]; 0.75 is the default")
    low, high = _LOG_ODDS
    log_odds = low + (high - low) * np.linspace(0.0, 1.0, int(np.ceil((high - low) / step)) + 1)
    step = float(log_odds[1] - log_odds[0])
    p, q = expit(log_odds), expit(-log_odds)
    density = np.exp(law.a * np.log(p) + law.b * np.log(q) - betaln(law.a, law.b))
    share = density * step
    share[[0, -1]] /= 2.0
    # The trapezoidal rule's first error term lies at its two ends, and with it goes what lies beyond them.
    slope = density * (law.a * q - law.b * p) * step**2 / 12.0
    below, above = betainc(law.a, law.b, p[0]) + slope[0], betainc(law.b, law.a, q[-1]) - slope[-1]
    shares = law.solvable * np.concatenate([[below], share, [above]])
    shares[0] += 1.0 - law.solvable
    return np.concatenate([[0.0], p, [1.0]]), shares


def selection_efficiency(selected: Any, single: Any, coverage: Any) -> Any:
    """Which share of what the samples hold does the selection bring home: (selected - single) / (coverage - single).

    0: no better than one sample; 1: as good as an oracle. Fractions; floats, arrays or tracers.
    Raises TypeError or ValueError for values outside [0, 1], and for coverage that is not above the single accuracy.

    >>> round(selection_efficiency(selected=0.405, single=0.264, coverage=0.829), 3)
    0.25
    """
    selected, single, coverage = fraction("selected", selected), fraction("single", single), fraction("coverage", coverage)
    gap = coverage - single
    if not isinstance(gap, Expr) and np.any(gap <= 0):
        raise ValueError(f"coverage = {np.min(coverage):g} is not above single = {np.max(single):g}: there is nothing to select")
    share = (selected - single) / gap
    return share if isinstance(share, Expr) or np.ndim(share) else float(share)
