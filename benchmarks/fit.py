"""How long does a fit of the parametric law take, and how low does it end, beside what one would use otherwise?

Run it from the project's folder: ``python -m benchmarks.fit`` (two minutes), ``--full`` for every start and resample on
the slow side too (an hour and more), ``--runs file.csv`` for a table of your own (columns N, D, loss, or name them with
``--columns params,tokens,loss``), ``--json`` for machines. Each line puts the same work side by side, on one thread.

The other side, written from the papers' description (Hoffmann et al. 2022, Appendix D.3; Besiroglu et al. 2024, Section 3):

    starts      SciPy's L-BFGS-B, default tolerances, gradient by finite differences, on the sum of Huber(1e-3) over
                log loss less logsumexp(a - alpha log N, b - beta log D, e), once from each of the paper's 4,500 starts
    resamples   SciPy's BFGS on the same function of resampled runs, each from the fit to all runs
    PyPI        the package ``chinchilla`` with the same objective and starts, if it is installed:
                pip install -r benchmarks/requirements.txt

The slow side runs a part of its starts or resamples, evenly spread, unless --full; its time is scaled per start. Its
objective is that of the part. Ours always runs all. CPU seconds of the process and its children; wall beside them.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy loads
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # started as a script, from anywhere
    sys.path.insert(0, str(ROOT))

from scaling_helpers.fitting import ChinchillaFit, fit_chinchilla, hoffmann_starts, planted_runs  # noqa: E402
from scaling_helpers.laws import BESIROGLU_2024  # noqa: E402

DELTA = 1e-3
RESAMPLES = 4000
#: What the slow side runs by default: seconds are scaled from these to all.
STARTS_PART, RESAMPLES_PART, PYPI_PART = 45, 40, 27
#: Where the public run tables lie, if they do: two folders up, beside the project.
SHARED = Path(os.environ.get("SCALING_SHARED_DATA", ROOT.parent / "shared" / "data"))
SHARED_TABLES = {"datablations_fit_runs.csv": ("params", "tokens", "loss")}


@dataclass(frozen=True)
class Timed:
    """One side of a line: seconds for ``done`` of ``of`` units of work, and the objective it ended at."""

    what: str
    cpu_s: float
    wall_s: float
    done: int
    of: int
    objective: float

    @property
    def cpu_all_s(self) -> float:
        """CPU seconds for all the work, scaled per unit."""
        return self.cpu_s * self.of / self.done

    @property
    def wall_all_s(self) -> float:
        return self.wall_s * self.of / self.done


@dataclass(frozen=True)
class Line:
    """The same work by us and by another; ``note`` compares the ends."""

    data: str
    work: str
    ours: Timed
    other: Timed
    note: str

    @property
    def cpu_ratio(self) -> float:
        return self.other.cpu_all_s / self.ours.cpu_all_s

    @property
    def wall_ratio(self) -> float:
        return self.other.wall_all_s / self.ours.wall_all_s


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What ``work`` returns, its CPU seconds (with those of child processes) and wall seconds."""

    def cpu() -> float:
        spent = os.times()
        return time.process_time() + spent.children_user + spent.children_system

    before, begin = cpu(), time.perf_counter()
    result = work()
    return result, cpu() - before, time.perf_counter() - begin


def naive_objective(log_N: np.ndarray, log_D: np.ndarray, log_loss: np.ndarray) -> Callable[[np.ndarray], float]:
    """The papers' function of (a, b, e, alpha, beta), as described."""
    from scipy.special import logsumexp

    def total(theta: np.ndarray) -> float:
        a, b, e, alpha, beta = theta
        predicted = logsumexp(np.stack([a - alpha * log_N, b - beta * log_D, np.full_like(log_N, e)]), axis=0)
        size = np.abs(log_loss - predicted)
        return float(np.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA)).sum())

    return total


def spread(count: int, part: int) -> np.ndarray:
    """``part`` of the numbers below ``count``, in a fixed random order of no meaning, so that a part is fair."""
    return np.sort(np.random.default_rng(0).permutation(count)[:part])


def compare_starts(name: str, N: np.ndarray, D: np.ndarray, loss: np.ndarray, *, full: bool) -> Line:
    from scipy.optimize import minimize

    starts = hoffmann_starts()
    ours, cpu, wall = timed(lambda: fit_chinchilla(N, D, loss, delta=DELTA, starts=starts))
    chosen = spread(len(starts), len(starts) if full else STARTS_PART)
    total = naive_objective(np.log(N), np.log(D), np.log(loss))

    def naive() -> list[float]:
        with np.errstate(all="ignore"):
            return [float(minimize(total, start, method="L-BFGS-B").fun) for start in starts[chosen]]

    ends, other_cpu, other_wall = timed(naive)
    near = np.mean(np.array(ends) <= ours.objective * 1.001)
    note = (
        f"reached the best: {ours.share_at_best:.0%} of our starts to one part in a million, "
        f"{near:.0%} of theirs to one in a thousand; theirs ends {min(ends) / ours.objective - 1:.1e} higher"
    )
    return Line(
        name,
        "every start of the published grid",
        Timed("scaling_helpers", cpu, wall, len(starts), len(starts), ours.objective),
        Timed("SciPy L-BFGS-B, finite differences", other_cpu, other_wall, len(chosen), len(starts), min(ends)),
        note,
    )


def compare_resamples(name: str, fit: ChinchillaFit, *, full: bool) -> Line:
    from scipy.optimize import minimize

    n = fit.data["N"].size
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    refits, cpu, wall = timed(lambda: fit.refit(weights=counts))
    chosen = spread(RESAMPLES, RESAMPLES if full else RESAMPLES_PART)

    def naive() -> np.ndarray:
        out = []
        for row in counts[chosen]:
            columns = (np.log(np.repeat(fit.data[column], row)) for column in ("N", "D", "loss"))
            out.append(minimize(naive_objective(*columns), fit.theta, method="BFGS").fun)
        return np.array(out)

    ends, other_cpu, other_wall = timed(naive)
    above = ends / refits.objectives[chosen] - 1
    note = (
        f"theirs higher by more than 1e-9 in {np.mean(above > 1e-9):.0%}, lower in {np.mean(above < -1e-9):.0%} of resamples "
        f"(most {above.max():.1e} higher, {max(-above.min(), 0):.1e} lower); {refits.converged.mean():.1%} of ours certain"
    )
    return Line(
        name,
        "resamples, each from the fit",
        Timed("scaling_helpers", cpu, wall, RESAMPLES, RESAMPLES, float(refits.objectives[chosen].mean())),
        Timed("SciPy BFGS, finite differences", other_cpu, other_wall, len(chosen), RESAMPLES, float(ends.mean())),
        note,
    )


def single(N: np.ndarray, D: np.ndarray, loss: np.ndarray) -> tuple[ChinchillaFit, float, float]:
    """A fit with the default starts: the quickest of nine, since the slower ones are the machine's."""
    runs = [timed(lambda: fit_chinchilla(N, D, loss, delta=DELTA)) for _ in range(9)]
    return min(runs, key=lambda run: run[1])


def compare_answers(line: Line, answer: tuple[ChinchillaFit, float, float]) -> Line:
    """The same answer by the default starts: another strategy than the grid, and said to be."""
    fit, cpu, wall = answer
    note = f"another strategy, not the same starts; ends {fit.objective / line.ours.objective - 1:+.0e} relative to our grid"
    ours = Timed("scaling_helpers, default starts", cpu, wall, 1, 1, fit.objective)
    return Line(
        line.data, "one certain answer", ours, line.other, f"{note}; status {fit.status.name}, gradient {fit.grad_norm:.0e}"
    )


def compare_pypi(name: str, N: np.ndarray, D: np.ndarray, loss: np.ndarray, ours: Timed, *, full: bool) -> Line | None:
    """PyPI ``chinchilla`` on a part of the grid whose axes are those of the paper, thinned; None if not installed."""
    if importlib.util.find_spec("chinchilla") is None:
        return None
    import pandas as pd
    from chinchilla import Chinchilla
    from chinchilla._metrics import log_huber

    levels, exponents = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0], [0.0, 0.5, 1.0, 1.5, 2.0]
    grid = {"e": [-1.0, -0.5, 0.0, 0.5, 1.0], "a": levels, "b": levels, "alpha": exponents, "beta": exponents}
    if not full:
        grid = {"e": [0.0, 0.5, 1.0], "a": levels[1:4], "b": levels[1:4], "alpha": [0.5], "beta": [0.5]}
    starts = int(np.prod([len(axis) for axis in grid.values()]))

    def work() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            model = Chinchilla(folder, param_grid=grid, loss_fn=partial(log_huber, delta=DELTA), log_level=40)
            model.database.df = pd.DataFrame({"C": 6 * N * D, "N": N, "D": D, "loss": loss})
            model.fit()
            return model

    model, cpu, wall = timed(work)
    theta = np.array([np.log(model.A), np.log(model.B), np.log(model.E), model.alpha, model.beta])
    objective = naive_objective(np.log(N), np.log(D), np.log(loss))(theta)
    return Line(
        name,
        "every start of the published grid",
        ours,
        Timed("PyPI chinchilla, its own process pool", cpu, wall, starts, 4500, objective),
        f"its part of the grid is {starts} central starts; ends {objective / ours.objective - 1:.1e} higher",
    )


def compare(name: str, N: np.ndarray, D: np.ndarray, loss: np.ndarray, *, full: bool) -> Iterator[Line]:
    """All lines for one table of runs."""
    answer = single(N, D, loss)
    starts = compare_starts(name, N, D, loss, full=full)
    yield starts
    yield compare_answers(starts, answer)
    yield compare_resamples(name, answer[0], full=full)
    pypi = compare_pypi(name, N, D, loss, starts.ours, full=full)
    if pypi is not None:
        yield pypi


def read_csv(path: Path, columns: tuple[str, str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three columns as floats; raises SystemExit naming those that exist."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not set(columns) <= set(rows[0]):
        raise SystemExit(f"{path} has columns {', '.join(rows[0]) if rows else '(none)'}; name three with --columns")
    N, D, loss = (np.array([float(row[column]) for row in rows]) for column in columns)
    return N, D, loss


def tables(arguments: argparse.Namespace) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """What is fitted: planted runs and the public tables, or the reader's own."""
    if arguments.runs is not None:
        yield arguments.runs.name, read_csv(arguments.runs, tuple(arguments.columns.split(",")))
        return
    runs = planted_runs(BESIROGLU_2024, np.geomspace(6e18, 3e21, 8), 30, noise=0.01, seed=0)
    yield "240 planted runs, 1% noise", (runs.N, runs.D, runs.loss)
    for file, columns in SHARED_TABLES.items():
        if (SHARED / file).exists():
            yield file, read_csv(SHARED / file, columns)
        else:
            print(f"(the public table {file} is not there and is left out)", file=sys.stderr)


def report(line: Line) -> str:
    def side(timed: Timed) -> str:
        part = "" if timed.done == timed.of else f" (measured {timed.done} of {timed.of}, scaled)"
        return (
            f"    {timed.what:<38} {timed.cpu_all_s:10.3f} CPU s {timed.wall_all_s:10.3f} wall s"
            f"   objective {timed.objective:.12g}{part}"
        )

    head = f"{line.data}: {line.work}"
    ratio = f"    ratio {line.cpu_ratio:,.0f} times CPU, {line.wall_ratio:,.0f} times wall; {line.note}"
    return "\n".join([head, side(line.ours), side(line.other), ratio])


def machine() -> str:
    """The machine in words that name no host."""
    import platform

    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"


def write_csv(path: Path, lines: list[Line]) -> None:
    """A row per line: what the book's table of ratios is made from."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["data", "work", "other", "ours_cpu_s", "other_cpu_s", "cpu_ratio", "wall_ratio", "measured", "of",
             "ours_objective", "other_excess", "machine"]
        )  # fmt: skip
        for line in lines:
            other = line.other
            excess = other.objective / line.ours.objective - 1
            numbers = [line.ours.cpu_all_s, other.cpu_all_s, line.cpu_ratio, line.wall_ratio]
            ends = [f"{line.ours.objective:.15g}", f"{excess:.3g}"]
            row = [line.data, line.work, other.what, *(f"{x:.4g}" for x in numbers), other.done, other.of, *ends, machine()]
            writer.writerow(row)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="every start and resample on the slow side too")
    parser.add_argument("--runs", type=Path, help="a CSV of runs")
    parser.add_argument("--columns", default="N,D,loss", help="its columns of parameters, tokens, loss")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--csv", type=Path, help="keep the measurements in this file")
    arguments = parser.parse_args()
    fit_chinchilla(*(getattr(planted_runs(BESIROGLU_2024), column) for column in ("N", "D", "loss")))  # imports, caches
    found = []
    for name, (N, D, loss) in tables(arguments):
        for line in compare(name, N, D, loss, full=arguments.full):
            found.append(line)
            if not arguments.json:
                print(report(line), flush=True)
    if arguments.csv is not None:
        write_csv(arguments.csv, found)
    if arguments.json:
        rows = [{**asdict(line), "cpu_ratio": line.cpu_ratio, "wall_ratio": line.wall_ratio} for line in found]
        print(json.dumps(rows, indent=1))
    if importlib.util.find_spec("chinchilla") is None:
        print("PyPI chinchilla is not installed and was left out: pip install -r benchmarks/requirements.txt", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
