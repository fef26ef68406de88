"""How is a plan carried out, on two cores or on a cluster, so that it may be stopped at any moment and gone on with?

Each run of the plan is one task for joblib, longest first. A worker takes the lock of its run, goes on from its checkpoint
if there is one, and appends its row. So the journal and the checkpoints are all the state there is: starting the same command
again goes on, and two machines that share a folder share the work.

>>> from .plan import plan
>>> summary(plan(["isoflop"], [1e10]), [])[0][:3]
('isoflop', '1e+10', 21)
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .corpus import Corpus, build, download, open_corpus
from .plan import Planned, expected_seconds, total_flop
from .records import Journal
from .train import INTERVAL, train

__all__ = ["Progress", "carry_out", "remaining", "summary"]

#: Seconds between looks at runs that another process is at.
POLL = 2.0


class Progress:
    """How far a plan is: runs, and the seconds that are left, judged by how the runs so far compared with what was expected.

    >>> one = Progress(expected=[10.0, 30.0], jobs=1)
    >>> one.finished(10.0, spent=20.0)
    >>> one.seconds_left
    60.0
    """

    def __init__(self, expected: Sequence[float], jobs: int) -> None:
        self.runs, self.jobs = len(expected), jobs
        self.left, self.done_expected, self.done_spent, self.done = float(sum(expected)), 0.0, 0.0, 0

    def finished(self, expected: float, spent: float) -> None:
        """A run that was expected to take ``expected`` seconds took ``spent``."""
        self.left -= expected
        self.done_expected += expected
        self.done_spent += spent
        self.done += 1

    @property
    def seconds_left(self) -> float:
        """Seconds until the last run ends, if the rest goes as the first part did."""
        pace = self.done_spent / self.done_expected if self.done_expected else 1.0
        return max(0.0, self.left) * pace / self.jobs


def prepare(folder: str | Path) -> Corpus:
    """The text in ``folder``: opened, or downloaded and built first (200 MB to fetch, a minute of work)."""
    folder = Path(folder)
    if not (folder / "text" / "corpus.json").exists():
        download(folder / "wheels")
        build(folder / "wheels", folder / "text")
    return open_corpus(folder / "text")


def remaining(planned: Sequence[Planned], folder: str | Path) -> list[Planned]:
    """The runs of the plan that the journal in ``folder`` does not have, longest first.

    >>> from .plan import plan
    >>> planned = plan(["isoflop"], [1e10])
    >>> len(remaining(planned, "nowhere")) == len(planned)
    True
    """
    done = {row["id"] for row in Journal(folder).read()}
    return sorted((one for one in planned if one.run.id not in done), key=lambda one: -expected_seconds(one.run))


def carry_out(
    planned: Sequence[Planned],
    folder: str | Path,
    *,
    text: str | Path | None = None,
    jobs: int = 1,
    threads: int = 1,
    device: str = "cpu",
    interval: float = INTERVAL,
    report: Callable[[Planned, dict[str, Any] | None, Progress], None] | None = None,
) -> int:
    """Train every run of the plan that is not done, ``jobs`` at a time; return how many rows were added.

    ``text``: folder of the corpus (``folder / "text"``). ``report`` hears of each run as it ends: the plan, its row and the
    progress. The row is None if another process is at the run; it is asked for again later. An error in a run is raised once
    the others of its moment are done; what was finished is kept. joblib's ``parallel_config`` may send the runs to a cluster
    whose workers share ``folder``.

    >>> carry_out([], "nowhere")
    0
    """
    from joblib import Parallel, delayed

    added, elsewhere = 0, True
    while elsewhere:
        left = remaining(planned, folder)
        elsewhere = False
        progress = Progress([expected_seconds(one.run) for one in left], jobs)
        calls = (delayed(_one)(number, one, Path(folder), text, device, threads, interval) for number, one in enumerate(left))
        workers = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A worker stopped", category=UserWarning)  # it has grown, and is replaced
            results: Iterator[Any] = workers(calls)
            for number, row, spent in results:
                progress.finished(expected_seconds(left[number].run), spent)
                added += row is not None
                elsewhere |= row is None
                if report:
                    report(left[number], row, progress)
        if elsewhere:
            time.sleep(POLL)  # until the other process has its row, or has died and its lock is free
    return added


def _one(
    number: int, one: Planned, folder: Path, text: str | Path | None, device: str, threads: int, interval: float
) -> tuple[int, dict[str, Any] | None, float]:
    began = time.perf_counter()
    labels = {"study": one.study, "budget": one.budget}
    row = train(one.run, folder, text, labels=labels, device=device, threads=threads, interval=interval)
    return number, row, time.perf_counter() - began


def summary(planned: Sequence[Planned], done: Sequence[str]) -> list[tuple[str, str, int, int, str, str]]:
    """A line for each study and budget: runs, how many of them are done, FLOP and core-seconds of the rest.

    >>> from .plan import plan
    >>> planned = plan(["isoflop"], [1e10])
    >>> summary(planned, [one.run.id for one in planned])[0]
    ('isoflop', '1e+10', 21, 21, '0', '0 s')
    """
    lines = []
    for study, budget in dict.fromkeys((one.study, one.budget) for one in planned):
        mine = [one for one in planned if (one.study, one.budget) == (study, budget)]
        rest = [one for one in mine if one.run.id not in done]
        seconds = sum(expected_seconds(one.run) for one in rest)
        left = f"{total_flop(rest):.2g}", duration(seconds)
        lines.append((study, f"{budget:.3g}" if budget else "-", len(mine), len(mine) - len(rest), *left))
    return lines


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(12), duration(754), duration(9000)
    ('12 s', '13 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
