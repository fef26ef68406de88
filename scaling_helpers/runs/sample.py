"""How often is a model right when it may try ten thousand times? Train on :mod:`~scaling_helpers.runs.task`, then sample.

Ten thousand samples of one problem share most of what they write. :func:`sample` keeps one row for all samples that have
written the same so far, with their number, and draws how many go on with which token (a multinomial). The counts that come
out are distributed exactly as those of samples drawn one by one, for the price of the different answers.

>>> counts = Tally({"12;": 7, "13;": 2, "1": 1}, tokens=30)
>>> counts.n
10
"""

from __future__ import annotations

import csv
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .measured import SCHEMA, load_samples
from .model import Shape, forward, loss_of
from .records import Journal, exclusively, replace_atomically
from .task import ALPHABET, CONTEXT, Problem, decode, encode, examples, is_right, problems
from .train import Run, State, learning_rate_at

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SOLVERS", "STUDY", "Batch", "Tally", "study"]

#: Largest number of rows that are computed at once.
ROWS = 4096
#: Wrong answers whose counts are kept.
KEPT_WRONG = 8
#: Solved problems in a training step.
EXAMPLES = 64
#: Widths of the models of the study.
SOLVERS = (24, 48, 64)
#: Training steps of each.
STEPS = 8000
#: Problems of each number of terms.
OF_EACH = 40
_SAMPLING_STREAM = 3


@dataclass(frozen=True)
class Batch:
    """One part of the study: ``n`` samples of each problem from the model of ``width`` at ``temperature``.

    >>> Batch(48, "a", 5, 1.0, 10_000).id
    'w48-a5-t1-n10000'
    """

    width: int
    scratchpad: str
    terms: int
    temperature: float
    n: int

    @property
    def id(self) -> str:
        """Its name in the journal."""
        return f"w{self.width}-{self.scratchpad}{self.terms}-t{self.temperature:g}-n{self.n}"


def _study() -> tuple[Batch, ...]:
    parts = [Batch(48, "a", terms, 1.0, 10_000) for terms in range(2, 9)]
    parts += [Batch(48, "a", terms, temperature, 1000) for terms in range(2, 9) for temperature in (0.5, 0.7, 1.3)]
    parts += [Batch(width, "a", terms, 1.0, 1000) for width in SOLVERS if width != 48 for terms in range(2, 9)]
    parts += [Batch(width, pad, terms, 1.0, 1000) for width in SOLVERS for pad in "bc" for terms in range(2, 9)]
    return tuple(parts)


#: The whole sampling study.
STUDY = _study()


@dataclass(frozen=True)
class Tally:
    """What samples of one problem wrote: answer -> how many, and ``tokens`` written in all."""

    answers: Mapping[str, int]
    tokens: int

    @property
    def n(self) -> int:
        """Samples."""
        return sum(self.answers.values())

    def row(self, problem: Problem) -> dict[str, Any]:
        """Counts for ``samples.csv``. Answers that end in one sum are one answer, whatever was written on the way.

        >>> Tally({"12;": 7, "5,12;": 1, "13;": 2}, tokens=30).row(Problem((5, 7)))
        {'n': 10, 'c': 8, 'wrong': '2', 'distinct': 2, 'tokens': 30}
        """
        right = sum(count for answer, count in self.answers.items() if is_right(problem, answer))
        results: Counter[str] = Counter()
        for answer, count in self.answers.items():
            results[answer.rpartition(",")[2]] += count
        wrong = sorted((count for answer, count in results.items() if not is_right(problem, answer)), reverse=True)
        kept = " ".join(str(count) for count in wrong[:KEPT_WRONG])
        return {"n": self.n, "c": right, "wrong": kept, "distinct": len(results), "tokens": self.tokens}


def sample(
    weights: dict[str, Tensor], shape: Shape, asked: Sequence[Problem], n: int, temperature: float, seed: int
) -> list[Tally]:
    """``n`` answers to each problem, all of which have as many terms; one tally for each.

    An answer ends with its semicolon, or where the window is full. Temperature 0 is not a temperature: raises ValueError for
    what is not positive and finite, and for problems of different lengths.
    """
    import torch

    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature = {temperature}: it must be positive and finite")
    prompts = [encode(problem.prompt) for problem in asked]
    if len({len(prompt) for prompt in prompts}) != 1:
        raise ValueError(f"the problems have {sorted({len(one.terms) for one in asked})} terms: ask those of one number together")
    device = str(weights["embedding"].device)
    draw = np.random.default_rng([seed, _SAMPLING_STREAM])
    end, room = ALPHABET.index(";"), CONTEXT + 1 - len(prompts[0])
    answers: list[Counter[str]] = [Counter() for _ in asked]
    written = [0] * len(asked)
    with torch.no_grad():
        logits, past = forward(weights, torch.tensor(prompts, device=device), shape)
        # A pile of work: for each row its problem, its number of samples and its text; the logits and the past that go on.
        pile = [(np.arange(len(asked)), np.full(len(asked), n), np.zeros((len(asked), 0), np.int64), logits[:, -1], past)]
        while pile:
            problem, count, text, logits, past = pile.pop()
            chances = (logits.double() / temperature).softmax(-1).cpu().numpy()
            drawn = draw.multinomial(count, chances / chances.sum(-1, keepdims=True))
            parent, token = np.nonzero(drawn)
            count, problem = drawn[parent, token], problem[parent]
            text = np.concatenate((text[parent], token[:, None]), 1)
            np.add.at(written_now := np.zeros(len(asked), np.int64), problem, count)
            written = [before + int(now) for before, now in zip(written, written_now, strict=True)]
            ended = (token == end) | (text.shape[1] == room)
            for row in np.flatnonzero(ended):
                answers[problem[row]][decode(text[row])] += int(count[row])
            going = np.flatnonzero(~ended)
            for at in range(0, len(going), ROWS):
                rows = going[at : at + ROWS]
                chosen = torch.from_numpy(parent[rows]).to(device)
                mine = [(k[chosen], v[chosen]) for k, v in past]
                logits_, past_ = forward(weights, torch.from_numpy(token[rows])[:, None].to(device), shape, mine)
                pile.append((problem[rows], count[rows], text[rows], logits_[:, -1], past_))
    return [Tally(dict(one), tokens) for one, tokens in zip(answers, written, strict=True)]


# ---- the models that are sampled ------------------------------------------------------------------------------------


def solver_shape(width: int) -> Shape:
    """The model of a width for this alphabet and window.

    >>> solver_shape(48).N
    84096
    """
    return Shape(width, context=CONTEXT, vocab=len(ALPHABET))


def train_solver(width: int, folder: str | Path, *, steps: int = STEPS, device: str = "cpu", threads: int = 1,
                 interval: float = 30.0, seed: int = 0) -> dict[str, Tensor]:  # fmt: skip
    """The weights of the solver of ``width``: read from ``folder / "solvers"``, or trained first, on from its checkpoint."""
    import torch

    torch.set_num_threads(threads)
    place = Path(folder) / "solvers"
    place.mkdir(parents=True, exist_ok=True)
    shape = solver_shape(width)
    name = f"w{width}-s{seed}-{steps}"
    final, checkpoint = place / f"{name}.pt", place / f"{name}.part.pt"
    with exclusively(place / f"{name}.lock"):
        if final.exists():
            return torch.load(final, map_location=device, weights_only=True)
        per_step = EXAMPLES * CONTEXT
        rate = float(f"{0.02 * (shape.N / 33e3) ** -0.5:.3g}")
        run = Run(width, steps * per_step, EXAMPLES, rate, warmup=steps * per_step // 20, seed=seed, context=CONTEXT)
        state = State(run, device, shape)
        if checkpoint.exists():
            state.load(checkpoint)
        saved = time.perf_counter()
        while state.step < steps:
            windows, scored = (torch.from_numpy(part).to(device) for part in examples(EXAMPLES, seed, state.step))
            state.advance(loss_of(state.weights, windows, shape, scored=scored), learning_rate_at(run, state.step))
            if time.perf_counter() - saved >= interval:
                state.save(checkpoint)
                saved = time.perf_counter()
        with replace_atomically(final) as part:
            torch.save({name: weight.detach() for name, weight in state.weights.items()}, part)
        checkpoint.unlink(missing_ok=True)
    return torch.load(final, map_location=device, weights_only=True)


def study(
    folder: str | Path, parts: Sequence[Batch] = STUDY, *, of_each: int = OF_EACH, steps: int = STEPS, device: str = "cpu",
    jobs: int = 1, threads: int = 1, seed: int = 0, report: Callable[[Batch, float], None] | None = None,
) -> int:  # fmt: skip
    """Sample every part that the journal in ``folder / "samples"`` does not have; return how many were added.

    ``of_each``: problems of each number of terms. ``steps``: training steps of each model; models are trained first, the largest
    first, then parts are sampled, ``jobs`` at a time. A part is one line of the journal and a model has checkpoints, so a study
    that is killed goes on where it was. ``report`` hears of each part with its seconds.

    >>> study("nowhere", [])
    0
    """
    from joblib import Parallel, delayed

    folder = Path(folder)
    done = {row["id"] for row in Journal(folder / "samples").read()}
    left = [part for part in parts if part.id not in done]
    how = {"steps": steps, "device": device, "threads": threads, "seed": seed}
    widths = sorted({part.width for part in left}, reverse=True)
    Parallel(n_jobs=jobs, batch_size=1)(delayed(_ready)(width, folder, how) for width in widths)
    workers = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
    added = 0
    for number, new, seconds in workers(delayed(_sampled)(at, part, folder, of_each, how) for at, part in enumerate(left)):
        added += new
        if report:
            report(left[number], seconds)
    return added


def _ready(width: int, folder: Path, how: Mapping[str, Any]) -> None:
    train_solver(width, folder, **how)


def _sampled(number: int, part: Batch, folder: Path, of_each: int, how: Mapping[str, Any]) -> tuple[int, bool, float]:
    weights = train_solver(part.width, folder, **how)
    began = time.perf_counter()
    seed, shape = how["seed"], solver_shape(part.width)
    asked = problems(part.terms, of_each, scratchpad=part.scratchpad)
    tallies = sample(weights, shape, asked, part.n, part.temperature, seed)
    same = {"model": f"w{part.width}-s{seed}-{how['steps']}", "N": shape.N, "task": f"sums-{part.scratchpad}",
            "difficulty": part.terms, "temperature": part.temperature, "seed": seed}  # fmt: skip
    rows = [{**same, "problem": one.prompt, **tally.row(one)} for one, tally in zip(asked, tallies, strict=True)]
    seconds = time.perf_counter() - began
    return number, Journal(folder / "samples").append({"id": part.id, "rows": rows, "seconds": round(seconds, 3)}), seconds


def export_samples(folder: str | Path, into: str | Path) -> int:
    """Write ``samples.csv`` in ``into`` from the journal in ``folder / "samples"``, read it back, and return its rows.

    Where a model was asked a problem twice at one temperature, the part with more samples is kept.
    """
    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in Journal(Path(folder) / "samples").read():
        for row in part["rows"]:
            key = tuple(row[name] for name in ("model", "task", "difficulty", "temperature", "problem"))
            if key not in best or best[key]["n"] < row["n"]:
                best[key] = row
    into = Path(into)
    into.mkdir(parents=True, exist_ok=True)
    with replace_atomically(into / "samples.csv") as path, path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(SCHEMA["samples"]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(best[key] for key in sorted(best))
    return len(load_samples(into / "samples.csv"))
