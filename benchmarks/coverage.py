"""Does a 90% interval hold the truth nine times in ten? Many sweeps from a known law, every kind of interval, counted.

    python -m benchmarks.coverage [sets] [--n-jobs 2]       writes benchmarks/results/coverage.csv; 400 sets: 15 minutes

The sweeps are IsoFLOP sweeps of five budgets by eight sizes with 1% noise; one scenario trains each configuration with three
seeds, whose losses share most of their noise. Asked for are exponents, E, the best size at ten times the largest budget, the
loss there, and the loss of one new run at that size (prediction). The table says how often the interval held the truth, the
standard error of that count, and the median width, as the logarithm of the ratio of its ends.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scaling_helpers.fitting import Fit, Huber, LeastSquares, UncertaintyWarning, fit_chinchilla, map_fits, planted_runs, profile
from scaling_helpers.laws import BESIROGLU_2024

RESULT = Path(__file__).parent / "results" / "coverage.csv"
TRUTH = BESIROGLU_2024
LEVEL, DRAWS, NOISE, SEED_NOISE = 0.9, 400, 0.01, 0.003
BUDGETS = (1e18, 1e19, 1e20, 1e21, 1e22)
BEYOND = 10 * BUDGETS[-1]
QUANTITIES: tuple[tuple[str, dict[str, float]], ...] = (
    ("alpha", {}),
    ("beta", {}),
    ("E", {}),
    ("optimal.N", {"C": BEYOND}),
    ("optimal.loss", {"C": BEYOND}),
)
METHODS = ("percentile", "basic", "bca", "expanded")
OBJECTIVES = {"Huber(0.001)": Huber(1e-3), "least squares": LeastSquares()}
#: A profile costs as much as a hundred refits, so it is counted on every second set.
PROFILED = ("alpha", "E", "optimal.N")
Key = tuple[str, str, str, str, str]


def asked(law: Any, quantity: str, at: dict[str, float]) -> float:
    """The answer of a law, without the package's own machinery for asking."""
    first, _, rest = quantity.partition(".")
    value = getattr(law, first)
    value = value(**at) if callable(value) else value
    return float(getattr(value, rest) if rest else value)


def one_set(number: int) -> list[tuple[Key, bool, float]]:
    """Every interval of one simulated sweep: key, whether it held the truth, log width."""
    found: list[tuple[Key, bool, float]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UncertaintyWarning)
        plain = planted_runs(TRUTH, BUDGETS, 8, noise=NOISE, seed=number)
        for name, objective in OBJECTIVES.items():
            fit = fit_chinchilla(plain.N, plain.D, plain.loss, objective=objective)
            for kind in ("pairs", "residual", "wild"):
                found += list(intervals(name, "one seed", kind, fit, number))
            if number % 2 == 0:
                found += list(profiles(name, fit))
        seeds = planted_runs(TRUTH, BUDGETS, 8, noise=NOISE, seed=number, seeds_per_run=3, seed_noise=SEED_NOISE)
        fit = fit_chinchilla(seeds.N, seeds.D, seeds.loss)
        for kind, clusters in (("pairs", None), ("cluster", seeds.run)):
            found += list(intervals("Huber(0.001)", "three seeds", kind, fit, number, clusters))
    return found


def intervals(
    objective: str, runs: str, kind: str, fit: Fit, seed: int, clusters: Any = None
) -> Iterator[tuple[Key, bool, float]]:
    boot = fit.bootstrap(DRAWS, kind=kind, clusters=clusters, seed=seed)
    for quantity, at in QUANTITIES:
        truth = asked(TRUTH, quantity, at)
        for method in METHODS:
            interval = boot.interval(quantity, LEVEL, method, **at)
            width = float(np.log(interval.high / interval.low)) if interval.low > 0 else np.inf
            yield (objective, runs, kind, method, quantity), truth in interval, width
    best = TRUTH.optimal(BEYOND)
    new_run = float(best.loss * np.exp(NOISE * np.random.default_rng([seed, 1]).standard_normal()))
    for way in ("confidence", "prediction"):
        interval = boot.predict(best.N, best.D, level=LEVEL, kind=way)
        width = float(np.log(interval.high / interval.low))
        yield (objective, runs, kind, way, "loss of a new run"), new_run in interval, width


def profiles(objective: str, fit: Fit) -> Iterator[tuple[Key, bool, float]]:
    for quantity, at in QUANTITIES:
        if quantity in PROFILED:
            found = profile(fit, quantity, level=LEVEL, **at)
            held = found.low <= asked(TRUTH, quantity, at) <= found.high
            yield (objective, "one seed", "profile", "robust", quantity), held, float(np.log(found.high / found.low))


def measure(sets: int, n_jobs: int | None = None) -> list[dict[str, Any]]:
    """The table for ``sets`` simulated sweeps, a row for each kind of interval and quantity."""
    counted: dict[Key, list[tuple[bool, float]]] = {}
    for found in map_fits(one_set, range(sets), n_jobs=n_jobs):
        for key, held, width in found:
            counted.setdefault(key, []).append((held, width))
    rows = []
    for key, outcomes in counted.items():
        share = float(np.mean([held for held, _ in outcomes]))
        error = float(np.sqrt(share * (1 - share) / len(outcomes)))
        named = dict(zip(("objective", "runs", "kind", "method", "quantity"), key, strict=True))
        width = float(np.median([width for _, width in outcomes]))
        rows.append(
            {
                **named,
                "level": LEVEL,
                "sets": len(outcomes),
                "coverage": round(share, 4),
                "error": round(error, 4),
                "log_width": round(width, 4),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="?", type=int, default=400)
    parser.add_argument("--n-jobs", type=int, default=None)
    options = parser.parse_args()
    rows = measure(options.sets, options.n_jobs)
    RESULT.parent.mkdir(exist_ok=True)
    with RESULT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*row.values(), sep="\t")


if __name__ == "__main__":
    main()
