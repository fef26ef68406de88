"""What does a fit cost as runs, starts and resamples grow, in time and in memory?

Run it from the project's folder: ``python -m benchmarks.scaling`` (a minute; ``--csv file`` keeps the measurements, and
``benchmarks/results/scaling.csv`` is what the book's figure is drawn from). Planted runs, the default objective, one
thread. CPU seconds are the least of a few repeats; peak memory is what Python's tracemalloc sees NumPy allocate, taken
in a run of its own, without the runs themselves.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy loads
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # started as a script, from anywhere
    sys.path.insert(0, str(ROOT))

from benchmarks.fit import machine, timed  # noqa: E402
from scaling_helpers.fitting import fit_chinchilla, hoffmann_starts, planted_runs  # noqa: E402
from scaling_helpers.laws import BESIROGLU_2024  # noqa: E402

POINTS = (100, 1_000, 10_000, 100_000, 1_000_000)
STARTS = (10, 100, 1_000, 4_500)
RESAMPLES = (10, 100, 1_000, 4_000)
#: Runs where starts or resamples vary.
RUNS = 240


@dataclass(frozen=True)
class Cost:
    """One measurement: what varied, how much of it, and what that took."""

    varied: str
    amount: int
    runs: int
    cpu_s: float
    peak_mb: float
    machine: str


def data(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``n`` planted runs: N, D, loss."""
    runs = planted_runs(BESIROGLU_2024, np.geomspace(6e18, 3e21, 10), max(1, n // 10), noise=0.01, seed=0)
    return runs.N, runs.D, runs.loss


def measure(varied: str, amount: int, runs: int, work: Callable[[], object]) -> Cost:
    first = timed(work)[1]
    repeats = 5 if first < 0.2 else 2 if first < 3 else 0
    seconds = min([first, *(timed(work)[1] for _ in range(repeats))])
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Cost(varied, amount, runs, seconds, peak / 1e6, machine())


def costs() -> Iterator[Cost]:
    """Every measurement, one after the other."""
    for n in POINTS:
        columns = data(n)
        yield measure("runs", n, n, lambda columns=columns: fit_chinchilla(*columns))  # type: ignore[misc]
    columns = data(RUNS)
    starts = hoffmann_starts()
    order = np.random.default_rng(0).permutation(len(starts))
    for count in STARTS:
        some = starts[order[:count]]
        yield measure("starts", count, RUNS, lambda some=some: fit_chinchilla(*columns, starts=some))  # type: ignore[misc]
    fit = fit_chinchilla(*columns)
    for count in RESAMPLES:
        rows = np.random.default_rng(0).multinomial(RUNS, np.full(RUNS, 1 / RUNS), size=count)
        yield measure("resamples", count, RUNS, lambda rows=rows: fit.refit(weights=rows))  # type: ignore[misc]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--csv", type=Path, help="keep the measurements in this file")
    arguments = parser.parse_args()
    fit_chinchilla(*data(RUNS))  # imports and caches
    found = []
    for cost in costs():
        found.append(cost)
        print(f"{cost.amount:>9,} {cost.varied:<10} {cost.cpu_s:9.4f} CPU s  {cost.peak_mb:8.1f} MB at most", flush=True)
    if arguments.csv is not None:
        with arguments.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Cost)], lineterminator="\n")
            writer.writeheader()
            for cost in found:
                writer.writerow({**asdict(cost), "cpu_s": f"{cost.cpu_s:.4g}", "peak_mb": f"{cost.peak_mb:.4g}"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
