"""The same numbers on a Dask cluster as on one core, also when a worker dies."""

import os
import threading
import time

import joblib
import numpy as np
import pytest
from straight_line import planted

from scaling_helpers.fitting import bootstrap_many, fit_chinchilla, map_fits, planted_runs
from scaling_helpers.laws import BESIROGLU_2024


def data_sets(count):
    for seed in range(count):
        runs = planted_runs(BESIROGLU_2024, (1e18, 1e19, 1e20), 8, noise=0.01, seed=seed)
        yield fit_chinchilla(runs.N, runs.D, runs.loss)


def slow_exponent(seed, pause):
    """A fit that takes a while, so that a worker can die during it; also says which process did it."""
    time.sleep(pause)
    return float(planted(seed=seed).theta[1]), os.getpid()


@pytest.mark.long
def test_a_dask_cluster_that_loses_a_worker_gives_the_numbers_of_one_core():
    distributed = pytest.importorskip("distributed", reason="the [cluster] extra is not installed")
    fits = list(data_sets(6))
    alone = bootstrap_many(fits, 1200, seed=3)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = client.run(os.getpid)
        assert len(pids) == 2
        with joblib.parallel_config(backend="dask"):
            spread = bootstrap_many(fits, 1200, seed=3)
            victim = next(iter(pids.values()))
            # Each task sleeps for 0.3 s: forty of them on two workers last six seconds, and the worker dies in the third.
            killer = threading.Timer(2.0, os.kill, (victim, 9))
            killer.start()
            survived = map_fits(slow_exponent, [(seed, 0.3) for seed in range(40)])
            killer.join()
            after = bootstrap_many(fits, 1200, seed=3)
    for boots in (spread, after):
        assert all(np.array_equal(one.draws, other.draws) for one, other in zip(boots, alone, strict=True))
    assert [exponent for exponent, _ in survived] == [slow_exponent(seed, 0.0)[0] for seed in range(40)]
    where = {pid for _, pid in survived}
    assert where - set(pids.values()), "no worker took the place of the one that was killed"
    assert os.getpid() not in where


def test_two_processes_give_the_numbers_of_one():
    fits = list(data_sets(2))
    alone = bootstrap_many(fits, 700, kind="wild", seed=3)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        spread = bootstrap_many(fits, 700, kind="wild", seed=3)
    assert all(np.array_equal(one.draws, other.draws) for one, other in zip(spread, alone, strict=True))
