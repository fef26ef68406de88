"""A 90% interval should hold the truth nine times in ten: counted on simulated sweeps, and the committed count checked."""

import csv
from pathlib import Path

import numpy as np
import pytest

from scaling_helpers.fitting import LeastSquares, fit_chinchilla, planted_runs
from scaling_helpers.laws import BESIROGLU_2024

RESULT = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "coverage.csv"


def rows():
    with RESULT.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def key(row):
    return tuple(row[name] for name in ("objective", "runs", "kind", "method", "quantity"))


def test_the_residual_bootstrap_holds_the_truth_about_nine_times_in_ten():
    inside = {"alpha": 0, "optimal.N": 0}
    for seed in range(40):
        runs = planted_runs(BESIROGLU_2024, (1e18, 1e19, 1e20, 1e21, 1e22), 8, noise=0.01, seed=10_000 + seed)
        boot = fit_chinchilla(runs.N, runs.D, runs.loss, objective=LeastSquares()).bootstrap(120, kind="residual", seed=seed)
        inside["alpha"] += BESIROGLU_2024.alpha in boot.interval("alpha")
        inside["optimal.N"] += BESIROGLU_2024.optimal(1e23).N in boot.interval("optimal.N", C=1e23)
    # Of 40 sets 36 are expected, with a standard deviation of 1.9.
    assert all(30 <= count <= 40 for count in inside.values()), inside


def test_every_kind_of_bootstrap_has_a_method_that_covers_on_the_committed_count():
    """The recommended intervals of the appendix: 85 to 95% over 400 sets, for every quantity."""
    recommended = {
        ("Huber(0.001)", "residual", "percentile"),
        ("Huber(0.001)", "wild", "percentile"),
        ("Huber(0.001)", "pairs", "bca"),
        ("least squares", "residual", "percentile"),
        ("least squares", "wild", "percentile"),
        ("least squares", "pairs", "percentile"),
    }
    single = [row for row in rows() if row["runs"] == "one seed"]
    found = [row for row in single if (row["objective"], row["kind"], row["method"]) in recommended]
    assert len(found) == len(recommended) * 5
    for row in found:
        assert int(row["sets"]) == 400 and float(row["level"]) == 0.9
        assert 0.85 <= float(row["coverage"]) <= 0.95, row


def test_a_prediction_interval_covers_new_runs_and_a_confidence_interval_does_not():
    new = [row for row in rows() if row["quantity"] == "loss of a new run" and row["runs"] == "one seed"]
    for row in new:
        covered = float(row["coverage"])
        assert (0.85 <= covered <= 0.97) if row["method"] == "prediction" else covered < 0.85, row


def test_seeds_of_one_configuration_are_no_independent_runs():
    three = {key(row)[2:]: float(row["coverage"]) for row in rows() if row["runs"] == "three seeds"}
    for quantity in ("alpha", "beta", "E", "optimal.N"):
        assert three["pairs", "percentile", quantity] < 0.85
        assert three["cluster", "percentile", quantity] > three["pairs", "percentile", quantity] + 0.1


@pytest.mark.long
def test_the_committed_count_can_be_made_again():
    from benchmarks.coverage import measure

    committed = {key(row): row for row in rows()}
    again = measure(40)
    assert {key(row) for row in again} == set(committed)
    for row in again:
        expected, sets = float(committed[key(row)]["coverage"]), row["sets"]
        error = np.sqrt(max(expected * (1 - expected), 0.01) / sets)
        assert abs(row["coverage"] - expected) < 4.5 * error, row
