"""How do thousands of fits run side by side, on two cores or on a cluster, and give the same numbers everywhere?

Everything goes through joblib, so that its context decides where the work runs::

    from distributed import Client
    import joblib

    client = Client("tcp://scheduler:8786")                  # the [cluster] extra
    with joblib.parallel_config(backend="dask"):
        boots = bootstrap_many(fits, 4000)

Tasks are cut by what they hold, never by the number of workers, and each task draws from a random stream of its own.
So the numbers are the same on every backend, and a task that a lost worker held can be run again elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .bootstrap import Bootstrap
    from .result import Fit

__all__ = ["bootstrap_many", "map_fits"]

T = TypeVar("T")


def map_fits(function: Callable[..., T], tasks: Iterable[Any], *, n_jobs: int | None = None) -> list[T]:
    """``function`` of every task, in the order of the tasks, by joblib.

    A task is one argument, or a tuple of arguments. ``n_jobs``: workers, -1 for one a core; None takes what
    ``joblib.parallel_config`` says, else one. An error in a task is raised here, and no result is returned.
    Processes and clusters need a ``function`` that can be pickled: one defined in a module.

    >>> map_fits(pow, [(2, 3), (3, 2)])
    [8, 9]
    """
    from joblib import Parallel, delayed

    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0):
        raise ValueError(f"n_jobs = {n_jobs!r}: give a number of workers, -1 for one a core, or None")
    calls = [delayed(function)(*(task if isinstance(task, tuple) else (task,))) for task in tasks]
    return list(Parallel(n_jobs=n_jobs)(calls))


def bootstrap_many(
    fits: Sequence[Fit],
    n: int = 4000,
    *,
    kind: str = "pairs",
    clusters: Sequence[Any] | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> list[Bootstrap]:
    """Bootstrap many fits (data sets, subsets, estimators) at once; a list of Bootstraps in the order of ``fits``.

    Every one equals ``fit.bootstrap(n, kind=kind, seed=seed)`` of its fit alone. ``clusters``: one sequence of labels
    for every fit. Raises what that raises, and ValueError for an empty ``fits`` or too few ``clusters``.

    >>> from scaling_helpers.fitting import fit_growth
    >>> fits = [fit_growth([2018, 2019, 2020, 2021], values) for values in ([1, 2, 5, 8], [1, 3, 8, 30])]
    >>> slow, fast = bootstrap_many(fits, 200, kind="residual")
    >>> slow.interval("growth").high < fast.interval("growth").low
    True
    """
    from .bootstrap import assemble, plan, refit_block

    fits = list(fits)
    if not fits:
        raise ValueError("fits is empty: there is nothing to resample")
    if clusters is not None and len(clusters) != len(fits):
        raise ValueError(f"{len(clusters)} sets of cluster labels for {len(fits)} fits: give one for each")
    plans = [plan(fit, n, kind, clusters[i] if clusters is not None else None, seed) for i, fit in enumerate(fits)]
    tasks = [(one, block) for one in plans for block in range(one.blocks)]
    done = iter(map_fits(refit_block, tasks, n_jobs=n_jobs))
    return [assemble(one, [next(done) for _ in range(one.blocks)]) for one in plans]
