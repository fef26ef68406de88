"""The benchmarks of fits compare like with like, and what the book shows of them is there."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fit as benchmark
from benchmarks import scaling
from scaling_helpers.fitting import fit_chinchilla, planted_runs
from scaling_helpers.laws import BESIROGLU_2024

RESULTS = Path(benchmark.__file__).parent / "results"


@pytest.fixture(scope="module")
def runs():
    return planted_runs(BESIROGLU_2024, sizes=8, noise=0.01, seed=0)


def test_both_sides_minimise_the_same_function(runs):
    fit = fit_chinchilla(runs.N, runs.D, runs.loss)
    naive = benchmark.naive_objective(np.log(runs.N), np.log(runs.D), np.log(runs.loss))
    assert naive(fit.theta) == pytest.approx(fit.objective, rel=1e-11)


def test_a_part_of_the_slow_side_is_scaled_to_the_whole_and_said_to_be(runs, monkeypatch):
    monkeypatch.setattr(benchmark, "STARTS_PART", 2)
    monkeypatch.setattr(benchmark, "RESAMPLES_PART", 2)
    monkeypatch.setattr(benchmark, "RESAMPLES", 20)
    monkeypatch.setattr(benchmark, "hoffmann_starts", lambda: np.array([[5.0, 5.0, 0.5, 0.5, 0.5]] * 20))
    starts, answer, resamples = list(benchmark.compare("planted", runs.N, runs.D, runs.loss, full=False))[:3]
    assert starts.other.cpu_all_s == pytest.approx(10 * starts.other.cpu_s)
    assert starts.cpu_ratio == pytest.approx(starts.other.cpu_all_s / starts.ours.cpu_s)
    assert "measured 2 of 20, scaled" in benchmark.report(starts)
    assert starts.ours.objective <= starts.other.objective * (1 + 1e-12)
    assert resamples.ours.objective <= resamples.other.objective * (1 + 1e-12)
    assert "not the same starts" in answer.note


def test_a_table_of_ones_own_is_read_or_its_columns_are_named(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("params,tokens,loss\n1e9,2e10,2.5\n", encoding="utf-8")
    assert [column.tolist() for column in benchmark.read_csv(path, ("params", "tokens", "loss"))] == [[1e9], [2e10], [2.5]]
    with pytest.raises(SystemExit, match="params, tokens, loss"):
        benchmark.read_csv(path, ("N", "D", "loss"))


def test_peak_memory_is_that_of_the_work():
    cost = scaling.measure("runs", 1, 1, lambda: np.ones(1_000_000).sum())
    assert 8.0 <= cost.peak_mb < 9.0 and cost.cpu_s > 0


def test_the_kept_measurements_hold_what_the_book_shows_and_name_no_host():
    with (RESULTS / "scaling.csv").open(encoding="utf-8") as file:
        costs = list(csv.DictReader(file))
    amounts = {name: [int(row["amount"]) for row in costs if row["varied"] == name] for name in ("runs", "starts", "resamples")}
    assert amounts == {"runs": list(scaling.POINTS), "starts": list(scaling.STARTS), "resamples": list(scaling.RESAMPLES)}
    with (RESULTS / "fit.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {row["other"].split()[0] for row in lines} == {"SciPy", "PyPI"}
    assert all(float(row["other_excess"]) > -1e-12 for row in lines)
    assert {row["machine"].split(",")[0] for row in costs + lines} == {"2 cores x86_64"}
