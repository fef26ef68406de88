"""What do our own runs say about the laws? The fits behind the data card and the chapters, each in one place.

Everything here starts from the shipped tables of :mod:`scaling_helpers.runs` and ends in a fit with its interval. The
re-enactment of Kaplan et al. (2020, arXiv:2001.08361) against Hoffmann et al. (2022, arXiv:2203.15556) changes what Porian et
al. (2024, arXiv:2406.19146) changed, and counts parameters as Pearce & Song (2024, arXiv:2406.12907) compare it.

>>> family().columns.keys() >= {"N", "D", "C", "loss"}
True
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fitting import ChinchillaFit, EnvelopeFit, Huber, Interval, IsoflopFit, Table, fit_chinchilla, fit_envelope, fit_isoflop
from .laws import FLOP_PER_PARAMETER_TOKEN, MUENNIGHOFF_2023_REPEATED, ChinchillaLaw
from .runs import load_curves, load_runs

__all__ = [
    "HOLDS_FROM",
    "SETTINGS",
    "Reading",
    "Setting",
    "again",
    "counting_alone",
    "curves",
    "equal_compute",
    "family",
    "frontier",
    "law",
    "law_of_means",
    "means",
    "on_the_way",
    "one_start",
    "re_enactment",
    "repeat_constant",
    "repeated",
    "seed_spread",
    "valleys",
    "where",
    "worth",
]

Array = NDArray[np.float64]

#: Smallest budget (FLOP) from which on the law's form holds to within the spread of seeds.
HOLDS_FROM = 1e12
#: Resamples behind an interval.
DRAWS = 1000
#: Budgets on which curves are read when compute is counted anew, for each factor of ten.
PER_DECADE = 2
#: A run that ends this near a budget, in factors of ten, ends at it: runs take whole steps and miss their budgets by up to 3%.
_WHOLE_STEPS = 0.0135


# ---- the families at equal compute ----------------------------------------------------------------------------------


def family(*, smallest: float = 0.0, largest: float = math.inf) -> Table:
    """The IsoFLOP runs with everything at its own best, at budgets from ``smallest`` to ``largest`` FLOP: a row for each seed.

    Columns N and N_non_embedding (parameters), D (tokens), C (the planned budget, FLOP), per_token (training FLOP of a token,
    every matrix product counted), loss (nats per token), config (the same for seeds of one configuration) and seed.

    >>> runs = family()
    >>> bool(np.all(abs(6 * runs["N"] * runs["D"] / runs["C"] - 1) < 0.03))
    True
    """
    rows = load_runs(study="isoflop", status="done")
    rows = where(rows, (rows["budget"] >= smallest * 0.99) & (rows["budget"] <= largest * 1.01))
    named = [f"{size}x{tokens}" for size, tokens in zip(rows["N"], rows["D"], strict=True)]
    return _points(rows, C=rows["budget"], loss=rows["loss"], D=rows["D"], config=np.array(named), seed=rows["seed"])


def means(points: Table) -> Table:
    """One row for each configuration of :func:`family`: the geometric mean of its seeds' losses, and how many there were.

    >>> averaged = means(family())
    >>> len(averaged) < len(family()), int(averaged["seeds"].max())
    (True, 3)
    """
    _names, first, which = np.unique(points["config"], return_index=True, return_inverse=True)
    counts = np.bincount(which)
    loss = np.exp(np.bincount(which, np.log(points["loss"])) / counts)
    columns = {name: column[first] for name, column in points.columns.items() if name not in ("loss", "seed")}
    return Table({**columns, "loss": loss, "seeds": counts})


def frontier() -> Table:
    """The lowest mean loss at each budget of :func:`family`, by rising budget, with its N and D: a measured L(C).

    >>> bool(np.all(np.diff(frontier()["loss"]) < 0))
    True
    """
    points = means(family())
    lowest = [np.flatnonzero(points["C"] == C)[np.argmin(points["loss"][points["C"] == C])] for C in np.unique(points["C"])]
    return where(points, np.array(lowest))


def seed_spread() -> tuple[float, int]:
    """Standard deviation of log loss between seeds of one configuration, pooled, and its degrees of freedom.

    >>> spread, degrees = seed_spread()
    >>> 0 < spread < 0.05, degrees > 20
    (True, True)
    """
    points = family()
    _names, which = np.unique(points["config"], return_inverse=True)
    logs = np.log(points["loss"])
    counts = np.bincount(which)
    off = logs - (np.bincount(which, logs) / counts)[which]
    degrees = int(np.sum(counts - 1))
    return float(np.sqrt(np.sum(off**2) / degrees)), degrees


def law(*, smallest: float = 0.0, largest: float = math.inf) -> ChinchillaFit:
    """E + A / N**alpha + B / D**beta through the runs of :func:`family`, seeds as runs of their own.

    The form does not hold for the smallest budgets: with all of them the residuals are several times the spread of seeds, from
    :data:`HOLDS_FROM` on they are no larger. Resample whole configurations for an interval:
    ``fit.bootstrap(kind="cluster", clusters=family(...)["config"])``.

    >>> spread, _degrees = seed_spread()
    >>> off = [float(np.std(law(smallest=least).residuals)) for least in (0.0, HOLDS_FROM)]
    >>> off[0] > 3 * spread, off[1] < 1.3 * spread
    (True, True)
    """
    points = family(smallest=smallest, largest=largest)
    return fit_chinchilla(points["N"], points["D"], points["loss"])


def valleys(*, smallest: float = 0.0, largest: float = math.inf, method: str = "parabola") -> IsoflopFit:
    """Approach 2: the best size at each budget, from the means over seeds, and the power law through those.

    >>> [valley.reason for valley in valleys().excluded]
    []
    """
    points = means(family(smallest=smallest, largest=largest))
    return fit_isoflop(points["N"], points["D"], points["loss"], budget=points["C"], method=method)


def curves(*, smallest: float = 0.0) -> EnvelopeFit:
    """Approach 1: the lower envelope of the training curves of all runs of :func:`family`, read at its budgets' range.

    A point of a curve is the mean training loss since the point before, so it is smoothed. What lies below the smallest budget
    (or below ``smallest`` FLOP) is left out: there are only runs that have just begun.

    >>> 0 < curves().a < 1
    True
    """
    runs = load_runs(study="isoflop", status="done")
    size = dict(zip(runs["id"], runs["N"], strict=True))
    points = load_curves(id=list(size))
    N = np.array([size[one] for one in points["id"]], float)
    D = points["tokens"].astype(float)
    least = max(smallest, float(runs["budget"].min()))
    inside = 0.97 * least <= FLOP_PER_PARAMETER_TOKEN * N * D
    return fit_envelope(points["id"][inside], N[inside], D[inside], points["train"][inside], per_decade=10)


# ---- Kaplan against Hoffmann, again ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """One way to run or to read the sweep: the ``study`` whose runs are read, the column ``size`` that stands for N, and the
    column ``per_token`` with the training FLOP of a token ("" for 6 times the size).

    >>> SETTINGS["own settings"].study
    'isoflop'
    """

    study: str
    size: str = "N"
    per_token: str = ""


#: What is changed, in words -> how it is run and read.
SETTINGS: Mapping[str, Setting] = {
    "own settings": Setting("isoflop"),
    "attention counted too": Setting("isoflop", per_token="per_token"),
    "embeddings not counted": Setting("isoflop", size="N_non_embedding"),
    "one long schedule": Setting("schedule"),
    "long schedule, long warmup": Setting("warmup"),
    "one rate and batch for all": Setting("untuned"),
    "schedule, warmup, rate, batch": Setting("kaplan"),
    "all, and embeddings not counted": Setting("kaplan", size="N_non_embedding"),
}


@dataclass(frozen=True)
class Reading:
    """What one of :data:`SETTINGS` says: its ``fit`` of the best size at each budget and the 90% ``interval`` of the exponent.

    >>> re_enactment()["own settings"].fit.a == re_enactment()["own settings"].interval.estimate
    True
    """

    name: str
    fit: IsoflopFit
    interval: Interval


def on_the_way(study: str) -> Table:
    """Validation losses of the runs of a study at their stops and at their end, in the columns of :func:`family`.

    C is the budget of the plan that is nearest to 6 N D. Raises ValueError for a study without runs.

    >>> points = on_the_way("schedule")
    >>> len(np.unique(points["C"]))
    5
    """
    runs = load_runs(study=study, status="done")
    if not len(runs):
        raise ValueError(f"study = {study!r} has no finished runs; studies are {', '.join(sorted(set(load_runs()['study'])))}")
    place = {name: number for number, name in enumerate(runs["id"])}
    if np.any(runs["schedule"] > 0):
        points = load_curves(id=list(place))
        points = where(points, np.isfinite(points["valid"]))
        at = np.array([place[one] for one in points["id"]])
        D, loss = points["tokens"], points["valid"]
    else:
        at, D, loss = np.arange(len(runs)), runs["D"], runs["loss"]
    rows = where(runs, at)
    budgets = np.unique(load_runs(study="isoflop")["budget"])
    spent = np.log(FLOP_PER_PARAMETER_TOKEN * rows["N"] * D)
    nearest = budgets[np.argmin(abs(spent[:, None] - np.log(budgets)), axis=1)]
    return _points(rows, C=nearest, loss=loss, D=D, config=rows["id"], seed=rows["seed"])


def equal_compute(points: Table, size: str, per_token: str = "") -> Table:
    """The losses of ``points`` at equal compute when a token's FLOP are counted otherwise: N, D, C, loss.

    ``size``: the column that stands for N. ``per_token``: the column with the FLOP of a token, 6 times ``size`` if empty. Each
    size's losses are joined by straight lines in log tokens and log loss and read at budgets on a grid, beyond its runs by no
    more than the rounding to whole steps.

    >>> anew = equal_compute(means(family()), "N_non_embedding")
    >>> bool(np.allclose(6 * anew["N"] * anew["D"], anew["C"]))
    True
    """
    cost = points[per_token] if per_token else FLOP_PER_PARAMETER_TOKEN * points[size]
    spent = np.log10(cost * points["D"])
    grid = np.arange(math.ceil(spent.min() * PER_DECADE), math.floor(spent.max() * PER_DECADE) + 1) / PER_DECADE
    rows: list[tuple[float, float, float, float]] = []
    for one in np.unique(points[size]):
        mine = points[size] == one
        x, order = spent[mine], np.argsort(spent[mine])
        inside = grid[(grid >= x.min() - _WHOLE_STEPS) & (grid <= x.max() + _WHOLE_STEPS)]
        losses = np.exp(np.interp(inside, x[order], np.log(points["loss"][mine][order])))
        rows += [(float(one), 10**budget / float(cost[mine][0]), 10**budget, float(loss))
                 for budget, loss in zip(inside, losses, strict=True)]  # fmt: skip
    N, D, C, loss = (np.array(column) for column in zip(*rows, strict=True))
    return Table({"N": N, "D": D, "C": C, "loss": loss})


@cache
def re_enactment() -> Mapping[str, Reading]:
    """The exponent of the best size under each of :data:`SETTINGS`, all at the budgets that the re-enactment reaches.

    The best size at a budget is the lowest point of a parabola in log N, as in approach 2; a budget whose lowest point lies at
    the edge of its sizes is left out and stands in ``fit.excluded``. Intervals: residual bootstrap.

    >>> list(re_enactment()) == list(SETTINGS)
    True
    """
    reach = float(on_the_way("kaplan")["C"].max()) * 1.01
    readings = {}
    for name, setting in SETTINGS.items():
        points = means(family()) if setting.study == "isoflop" else on_the_way(setting.study)
        if setting.size != "N" or setting.per_token:
            points = equal_compute(points, setting.size, setting.per_token)
        points = where(points, points["C"] <= reach)
        fit = fit_isoflop(points["N"], points["D"], points["loss"], budget=points["C"])
        readings[name] = Reading(name, fit, fit.bootstrap(DRAWS, kind="residual").interval("a"))
    return readings


# ---- repeated text --------------------------------------------------------------------------------------------------


def repeated(*, once: bool = True) -> Table:
    """The runs on limited text: N, D, U (unique tokens), epochs, loss; with ``once`` also the families, which repeat nothing.

    >>> float(repeated(once=False)["epochs"].max())
    64.0
    """
    rows = load_runs(study=["repetition", "isoflop"] if once else "repetition", status="done")
    U = np.minimum(rows["U"], rows["D"])
    return Table({"N": rows["N"].astype(float), "D": rows["D"].astype(float), "U": U.astype(float),
                  "epochs": rows["D"] / U, "loss": rows["loss"]})  # fmt: skip


def worth(points: Table | None = None) -> Table:
    """What repeated text was worth in new text, measured without any law: N, U, epochs, worth (new tokens per unique token).

    For each size, the losses of runs that repeat nothing say how many new tokens each loss takes, by straight lines in log
    tokens and log loss. A loss above or below all of those has no answer and is NaN. ``points``: a table like
    :func:`repeated`'s, with runs that repeat nothing among them.

    >>> once = worth()
    >>> bool(np.nanmax(once["worth"]) < 64)
    True
    """
    points = repeated() if points is None else points
    new = points["epochs"] <= 1
    again = where(points, ~new & np.isin(points["N"], np.unique(points["N"][new])))
    tokens = np.full(len(again), np.nan)
    for size in np.unique(again["N"]):
        mine = new & (points["N"] == size)
        D, which = np.unique(points["D"][mine], return_inverse=True)
        log_loss = np.bincount(which, np.log(points["loss"][mine])) / np.bincount(which)
        falling = np.minimum.accumulate(log_loss)[::-1]
        rows = again["N"] == size
        tokens[rows] = np.exp(np.interp(np.log(again["loss"][rows]), falling, np.log(D)[::-1], left=np.nan, right=np.nan))
    return Table({name: again[name] for name in ("N", "U", "epochs")} | {"worth": tokens / again["U"]})


def repeat_constant(measured: Table, level: float = 0.9) -> tuple[float, float, float]:
    """R_D of the data-constrained law from :func:`worth` alone: the value of least squares in log worth, and its interval.

    The law is that of Muennighoff et al. (2023, arXiv:2305.16264). Rows without an answer are left out, so that overfitting
    beyond all measured losses counts for nothing. Interval: series of one N and one U drawn anew as wholes. Values are sought
    from 0.5 to 500; an end at either is no end. Raises ValueError for fewer than three rows.

    >>> epochs = np.array([2.0, 4.0, 8.0, 16.0, 32.0])
    >>> planted = MUENNIGHOFF_2023_REPEATED.effective_tokens(epochs * 1e9, 1e9) / 1e9
    >>> runs = Table({"N": np.full(5, 1e4), "U": np.full(5, 1e9), "epochs": epochs, "worth": planted})
    >>> [round(value, 1) for value in repeat_constant(runs)], round(MUENNIGHOFF_2023_REPEATED.R_D, 1)
    ([15.4, 15.4, 15.4], 15.4)
    """
    counted = where(measured, np.isfinite(measured["worth"]) & (measured["epochs"] > 1))
    if len(counted) < 3:
        raise ValueError(f"{len(counted)} runs whose repeats have a worth cannot fix R_D: give at least 3")
    values = np.geomspace(0.5, 500.0, 3001)
    laws = (replace(MUENNIGHOFF_2023_REPEATED, R_D=float(value)) for value in values)
    U = counted["U"].astype(float)
    misses = np.array([np.log(law.effective_tokens(counted["epochs"] * U, U) / U / counted["worth"]) ** 2 for law in laws])
    _pairs, series = np.unique(np.stack([counted["N"], U]), axis=1, return_inverse=True)
    of_series = np.stack([np.bincount(series.ravel(), row) for row in misses])
    many = of_series.shape[1]
    drawn = np.random.default_rng(0).multinomial(many, np.full(many, 1 / many), size=DRAWS)
    ends = np.quantile(values[np.argmin(of_series @ drawn.T, axis=0)], [(1 - level) / 2, (1 + level) / 2])
    return float(values[np.argmin(misses.sum(axis=1))]), float(ends[0]), float(ends[1])


# ---- trained once more ----------------------------------------------------------------------------------------------


def again() -> Table:
    """The families' smallest budget trained a second time, two threads to a run in place of one: N, D, seed, loss, and ``first``.

    All else is the same, the seeds too, and the machine. So what differs is the order in which sums were rounded: ``first`` is
    the loss in the shipped table. Raises ValueError for a run that is not in that table.

    >>> rows = again()
    >>> bool(np.max(abs(np.log(rows["loss"] / rows["first"]))) < 0.1)
    True
    """
    first = {row["id"]: row for row in load_runs(study="isoflop")}
    rows = []
    with (Path(__file__).parent / "runs" / "again.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if row["id"] not in first:
                raise ValueError(f"again.csv: there is no run {row['id']} in runs.csv: train the smallest budget again")
            known = first[row["id"]]
            rows.append((float(known["N"]), float(known["D"]), int(known["seed"]), float(row["loss"]), float(known["loss"])))
    return Table(dict(zip(("N", "D", "seed", "loss", "first"), map(np.array, zip(*rows, strict=True)), strict=True)))


# ---- how a fit is made by hand --------------------------------------------------------------------------------------


def one_start(points: Table, start: Sequence[float]) -> tuple[ChinchillaLaw, float]:
    """Where a general optimiser ends that starts once, at ``start`` = (log A, log B, log E, alpha, beta), and its Huber sum.

    SciPy's L-BFGS-B on the sum of the published fits, slopes by differences: the way to fit that most scripts take. What it
    finds depends on where it starts; :func:`scaling_helpers.fitting.fit_chinchilla` tries many.

    >>> from scaling_helpers.fitting import hoffmann_starts
    >>> points = means(family())
    >>> one_start(points, hoffmann_starts()[0])[1] > law_of_means().objective * 0.999
    True
    """
    from scipy.optimize import minimize

    x, z, log_loss = (np.log(points[name]) for name in ("N", "D", "loss"))

    def objective(theta: Array) -> float:
        a, b, e, alpha, beta = theta
        predicted = np.logaddexp(np.logaddexp(a - alpha * x, b - beta * z), e)
        return float(np.sum(Huber().value(log_loss - predicted)))

    end = minimize(objective, np.asarray(start, float), method="L-BFGS-B")
    A, B, E = np.exp(end.x[:3])
    return ChinchillaLaw(E=float(E), A=float(A), B=float(B), alpha=float(end.x[3]), beta=float(end.x[4])), float(end.fun)


def law_of_means(*, largest: float = math.inf) -> ChinchillaFit:
    """E + A / N**alpha + B / D**beta through the means over seeds, every configuration once.

    >>> len(law_of_means().residuals) == len(means(family()))
    True
    """
    points = means(family(largest=largest))
    return fit_chinchilla(points["N"], points["D"], points["loss"])


# ---- tables ---------------------------------------------------------------------------------------------------------


def where(table: Table, keep: Any) -> Table:
    """The rows of a table that ``keep`` chooses: a mask, or indices.

    >>> len(where(Table({"N": np.arange(3)}), np.array([True, False, True])))
    2
    """
    return Table({name: column[keep] for name, column in table.columns.items()})


def _points(rows: Table, **columns: Any) -> Table:
    sizes = {name: rows[name].astype(float) for name in ("N", "N_non_embedding")}
    per_token = rows["flop_exact"] / rows["D"]
    return Table({**sizes, "per_token": per_token, **{name: np.asarray(column) for name, column in columns.items()}})


# ---- counting alone -------------------------------------------------------------------------------------------------


def counting_alone(law: ChinchillaLaw, *, size: str = "N_non_embedding") -> float:
    """The exponent that our runs would show, read by ``size``, if ``law`` of all weights N and tokens D held exactly.

    The losses of the families are replaced by those of the law and read as :func:`re_enactment` reads them, at the same
    budgets: what is left of a change of the exponent is the counting. Pearce & Song (2024) ask the same of a law on paper.

    >>> from scaling_helpers.laws import ChinchillaLaw
    >>> equal = ChinchillaLaw(E=0.5, A=30.0, B=60.0, alpha=0.35, beta=0.35)
    >>> abs(counting_alone(equal, size="N") - 0.5) < 0.02, counting_alone(equal) > 0.52
    (True, True)
    """
    points = _in_reach()
    exact = Table({**points.columns, "loss": np.asarray(law.loss(points["N"], points["D"]), float)})
    read = equal_compute(exact, size)
    return fit_isoflop(read["N"], read["D"], read["loss"], budget=read["C"]).a


@cache
def _in_reach() -> Table:
    """The families, seeds averaged, at the budgets of the re-enactment."""
    return means(family(largest=float(on_the_way("kaplan")["C"].max())))
