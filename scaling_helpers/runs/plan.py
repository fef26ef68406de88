"""Which runs make the book's sweep, what do they cost, and how was each setting chosen?

==============  ======================================================================================================
``isoflop``     every budget of :data:`BUDGETS`, every size of :func:`widths_at` it, three seeds up to :data:`SEEDED`
``tuning``      a grid of learning rates at four sizes: where :func:`tuned_rate` comes from
``schedule``    own settings, but one cosine for each size, longer than all its budgets; losses are read on the way
``warmup``      the same with a warmup of as many tokens for every size
``untuned``     own schedule and warmup, one learning rate and one batch for every size
``kaplan``      all three at once
``repetition``  U unique tokens read up to 64 times
==============  ======================================================================================================

A budget C is spent as 6 N D with N all weights; rows carry the exact FLOP too. Counting without embeddings is no run of its
own: it is another column of the same rows.

>>> planned = plan(["isoflop"], [1e10])
>>> planned[0].study, planned[0].budget
('isoflop', 10000000000.0)
>>> all(abs(one.run.flop / one.budget - 1) < 0.02 for one in planned)
True
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..laws import FLOP_PER_PARAMETER_TOKEN
from .model import Shape
from .train import VALIDATION_WINDOWS, Run

__all__ = [
    "BUDGETS", "LARGEST_OWN", "SEEDED", "STUDIES", "WIDTHS", "Planned", "batch_for", "expected_seconds", "plan", "speeds",
    "tuned_rate", "widths_at",
]  # fmt: skip

#: Training FLOP of the IsoFLOP families: half a decade apart, over three decades.
BUDGETS = (1e10, 10**10.5, 1e11, 10**11.5, 1e12, 10**12.5, 1e13)
#: The family of models.
WIDTHS = (8, 12, 16, 20, 24, 32, 40, 48, 64, 72, 80, 96, 112, 128, 160)
#: Budgets up to this have three seeds, the others one.
SEEDED = 1.1e11
#: Sizes from this fraction of the pilot's best size to this multiple.
REACH = 8.0
#: The pilot's best size at 1e11 FLOP, and how it grows with the budget.
PILOT_N, PILOT_C, PILOT_EXPONENT = 25e3, 1e11, 0.5
#: Largest budget of the ablations.
LARGEST_OWN = 1e12
#: Length of a long schedule, in multiples of the largest budget at which its run is read: no run is read at its end.
BEYOND = 10**0.5
#: Tokens of warmup where it is the same for every size.
LONG_WARMUP = 2_000_000
#: Share of a run's tokens over which the learning rate rises, otherwise.
WARMUP_SHARE = 0.05
#: Learning rate and windows in a step, where they are the same for every size.
UNTUNED_RATE, UNTUNED_BATCH = 0.004, 16
#: The tuned learning rate: its value for one window in a step and a model of RATE_N weights, and how it falls with N.
RATE, RATE_N, RATE_EXPONENT = 0.005, 33e3, -0.4
#: The same before it was tuned: the middle of the grid of the tuning runs.
PILOT_RATE, PILOT_RATE_EXPONENT = 0.006, -0.5
#: Unique tokens and the epochs over them, by width.
REPEATED: Mapping[int, Mapping[int, Sequence[int]]] = {
    16: {65_536: (1, 2, 4, 8, 16, 32, 64), 262_144: (1, 2, 4, 8, 16, 32), 1_048_576: (1, 2, 4, 8)},
    32: {65_536: (1, 2, 4, 8, 16, 32, 64), 262_144: (1, 2, 4, 8, 16, 32), 1_048_576: (1, 2, 4, 8)},
    64: {65_536: (1, 2, 4, 8, 16, 32, 64), 262_144: (1, 2, 4, 8), 1_048_576: (1, 2)},
}
#: The grid of the tuning runs: (width, FLOP), and the multiples of the pilot's rate that are tried.
TUNED = ((16, 10**10.5), (32, 1e11), (64, 10**11.5), (96, 1e12), (32, 1e12))
RATES = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Planned:
    """A run, the study it was planned for and its budget in FLOP (0 where the study has none).

    >>> Planned(own(16, 1e10), "isoflop", 1e10).run.steps > 100
    True
    """

    run: Run
    study: str
    budget: float


def batch_for(tokens: float, context: int = 128) -> int:
    """Windows in a step for a run of ``tokens``: a quarter of their root in tokens, and one window at least.

    So there are sixteen times as many steps as tokens in one. Short runs lose more by few steps than by noisy ones; longer runs
    end lower, where larger batches cost less (McCandlish et al. 2018, arXiv:1812.06162).

    >>> batch_for(160_000), batch_for(1e7), batch_for(1e8)
    (1, 6, 20)
    """
    return max(1, round(0.25 * math.sqrt(tokens) / context))


def tuned_rate(N: float, batch: int, *, at_one: float = RATE, exponent: float = RATE_EXPONENT) -> float:
    """Largest learning rate for ``N`` weights and ``batch`` windows of 128 tokens: a power law in both, from the tuning runs.

    ``at_one``: its value for one window and RATE_N weights; ``exponent``: of N. The root of the batch is the usual rule for
    Adam's family (Malladi et al. 2022, arXiv:2205.10287).

    >>> tuned_rate(1e4, 4) > tuned_rate(1e6, 4)
    True
    """
    return float(f"{at_one * batch**0.5 * (N / RATE_N) ** exponent:.3g}")


def widths_at(budget: float) -> tuple[int, ...]:
    """Sizes of the family that bracket the best one at ``budget`` FLOP.

    >>> len(widths_at(1e10)) >= 7, len(widths_at(1e13)) >= 7
    (True, True)
    """
    middle = PILOT_N * (budget / PILOT_C) ** PILOT_EXPONENT
    return tuple(width for width in WIDTHS if middle / REACH <= Shape(width).N <= middle * REACH)


def own(width: int, budget: float, *, seed: int = 0, lr: float | None = None) -> Run:
    """The run of a size with a budget, everything at its own best: batch, rate (unless ``lr`` is given), warmup, schedule."""
    shape = Shape(width)
    wanted = budget / shape.six_n
    batch = batch_for(wanted)
    per_step = batch * shape.context
    tokens = max(1, round(wanted / per_step)) * per_step
    return Run(
        width=width, tokens=tokens, batch=batch, lr=tuned_rate(shape.N, batch) if lr is None else lr,
        warmup=int(WARMUP_SHARE * tokens), seed=seed,
    )  # fmt: skip


# ---- the studies ----------------------------------------------------------------------------------------------------


def _isoflop(budgets: Sequence[float]) -> Iterator[Planned]:
    for budget in budgets:
        for width in widths_at(budget):
            for seed in range(3 if budget <= SEEDED else 1):
                yield Planned(own(width, budget, seed=seed), "isoflop", budget)


def _tuning(budgets: Sequence[float]) -> Iterator[Planned]:
    for width, budget in TUNED:
        middle = tuned_rate(Shape(width).N, own(width, budget).batch, at_one=PILOT_RATE, exponent=PILOT_RATE_EXPONENT)
        for rate in RATES:
            yield Planned(own(width, budget, lr=float(f"{rate * middle:.3g}")), "tuning", budget)


def _small(budgets: Sequence[float]) -> list[float]:
    return [budget for budget in budgets if budget <= LARGEST_OWN * 1.01]


def _one_schedule(study: str, *, warmup: int | None, untuned: bool) -> Callable[[Sequence[float]], Iterator[Planned]]:
    """One run of each size, read at all its budgets while its schedule is still under way."""

    def planned(budgets: Sequence[float]) -> Iterator[Planned]:
        small = _small(budgets)
        for width in sorted({width for budget in small for width in widths_at(budget)}):
            mine = [budget for budget in small if width in widths_at(budget)]
            longest = own(width, max(mine))
            batch = UNTUNED_BATCH if untuned else longest.batch
            per_step = batch * longest.context
            stops = tuple(max(1, round(budget / longest.shape.six_n / per_step)) * per_step for budget in mine)
            run = Run(
                width=width, tokens=max(stops), batch=batch, lr=UNTUNED_RATE if untuned else longest.lr,
                warmup=longest.warmup if warmup is None else warmup, schedule=round(BEYOND * max(stops)),
                stops=tuple(sorted(set(stops))),
            )  # fmt: skip
            yield Planned(run, study, max(mine))

    return planned


def _untuned(budgets: Sequence[float]) -> Iterator[Planned]:
    for budget in _small(budgets):
        for width in widths_at(budget):
            per_step = UNTUNED_BATCH * Shape(width).context
            tokens = max(1, round(budget / Shape(width).six_n / per_step)) * per_step
            run = Run(width=width, tokens=tokens, batch=UNTUNED_BATCH, lr=UNTUNED_RATE, warmup=int(WARMUP_SHARE * tokens))
            yield Planned(run, "untuned", budget)


def _repetition(budgets: Sequence[float]) -> Iterator[Planned]:
    for width, limits in REPEATED.items():
        for unique, epochs in limits.items():
            for times in epochs:
                tokens = unique * times
                batch = batch_for(tokens)
                rate = tuned_rate(Shape(width).N, batch)
                run = Run(width=width, tokens=tokens, batch=batch, lr=rate, warmup=int(WARMUP_SHARE * tokens), unique=unique)
                yield Planned(run, "repetition", 0.0)


#: Study -> the runs that it plans for some budgets.
STUDIES: Mapping[str, Callable[[Sequence[float]], Iterable[Planned]]] = {
    "isoflop": _isoflop,
    "tuning": _tuning,
    "schedule": _one_schedule("schedule", warmup=None, untuned=False),
    "warmup": _one_schedule("warmup", warmup=LONG_WARMUP, untuned=False),
    "untuned": _untuned,
    "kaplan": _one_schedule("kaplan", warmup=LONG_WARMUP, untuned=True),
    "repetition": _repetition,
}


def plan(studies: Sequence[str] = tuple(STUDIES), budgets: Sequence[float] = BUDGETS) -> list[Planned]:
    """The runs of ``studies`` at ``budgets``, each once: a run that two studies share belongs to the first.

    Raises ValueError for an unknown study.

    >>> len(plan()) >= 150
    True
    """
    found: dict[str, Planned] = {}
    for study in studies:
        if study not in STUDIES:
            raise ValueError(f"unknown study {study!r}; studies are {', '.join(STUDIES)}")
        for one in STUDIES[study](budgets):
            found.setdefault(one.run.id, one)
    return list(found.values())


# ---- what it costs --------------------------------------------------------------------------------------------------


@cache
def speeds() -> tuple[Mapping[str, float], ...]:
    """What ``python -m benchmarks.train`` measured on our machine: a row for each width and batch, FLOP/s by 6 N.

    >>> {"width", "batch", "tokens_per_s", "loop_gflops", "peak_gflops"} <= set(speeds()[0])
    True
    """
    with Path(__file__).with_name("speed.csv").open(encoding="utf-8", newline="") as handle:
        return tuple({name: float(cell) for name, cell in row.items() if cell} for row in csv.DictReader(handle))


def tokens_per_second(width: int, batch: int) -> float:
    """Tokens that one core trains on in a second, between the measurements of :func:`speeds`: linear in logarithms.

    >>> tokens_per_second(16, 8) > tokens_per_second(64, 8)
    True
    """
    rows = np.log(np.array([[row[name] for name in ("width", "batch", "tokens_per_s")] for row in speeds()]))
    widths, batches = np.unique(rows[:, 0]), np.unique(rows[:, 1])
    grid = np.array([[rows[(rows[:, 0] == w) & (rows[:, 1] == b), 2].mean() for b in batches] for w in widths])
    by_width = [float(np.interp(math.log(batch), batches, line)) for line in grid]
    return math.exp(float(np.interp(math.log(width), widths, by_width)))


def expected_seconds(run: Run) -> float:
    """Seconds of one quiet core of the machine of ``speed.csv``: training, and validation at the stops and the end.

    >>> expected_seconds(own(16, 1e10)) < expected_seconds(own(16, 1e11))
    True
    """
    speed = tokens_per_second(run.width, run.batch)
    validation = VALIDATION_WINDOWS * run.context / (3 * tokens_per_second(run.width, 64)) * (1 + len(run.stops))
    return run.D / speed + validation + 0.5


def total_flop(planned: Iterable[Planned]) -> float:
    """6 N D of all runs."""
    return sum(one.run.flop for one in planned)


def tokens_needed(planned: Iterable[Planned]) -> int:
    """Unique tokens that the longest run without repetition reads."""
    return max((one.run.D for one in planned if not one.run.unique), default=0)


def tokens_at(budget: float, width: int) -> float:
    """D = C / 6 N."""
    return budget / (FLOP_PER_PARAMETER_TOKEN * Shape(width).N)
