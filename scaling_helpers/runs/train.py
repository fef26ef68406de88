"""What does one run do, and what is kept of it? From a ``Run`` to one row, whatever happens in between.

AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), a linear warmup, a cosine that reaches zero at the end of the schedule,
clipped gradients. The text is cut into windows of ``context`` tokens, drawn in an order that depends on the seed alone; a run
without a limit on unique tokens reads each window once.

A run is resumed from its last checkpoint and then ends with the same numbers as one that was never stopped: the order of the
text is a function of seed and step, nothing else is random after the start, and the checkpoint holds the weights, the
moments of the optimiser and the curve so far.

>>> run = Run(width=16, tokens=131_072, batch=8, lr=0.01)
>>> run.steps, run.D, run.shape.N
(128, 131072, 10320)
>>> run.id == Run(width=16, tokens=131_072, batch=8, lr=0.01, seed=1).id
False
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..laws import FLOP_PER_PARAMETER_TOKEN
from .corpus import DIGEST, Corpus, CorpusError, open_corpus
from .model import Shape, initial, loss_of
from .records import Journal, exclusively, replace_atomically

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Run", "learning_rate_at", "step_windows", "validation_windows", "window_order"]

#: Validation windows, spread evenly over the validation text.
VALIDATION_WINDOWS = 2048
#: Points of a thinned loss curve, spaced evenly in the logarithm of the steps.
CURVE_POINTS = 64
#: Seconds between checkpoints: what a kill can lose.
INTERVAL = 30.0
#: Windows evaluated at a time.
EVALUATED_AT_ONCE = 128


@dataclass(frozen=True)
class Run:
    """One training run: everything that its result depends on.

    width, context: of the model. tokens: to train on, rounded down to whole steps. batch: windows in a step.
    lr: the largest learning rate. warmup: tokens over which it rises. schedule: tokens at which the cosine would reach zero;
    0 for the run's own length. unique: tokens of text that the run may see, over and over; 0 for all there is.
    seed: of weights and order of text. beta1, beta2, decay, clip: of AdamW and of the gradient's norm.
    stops: tokens at which the validation loss is measured on the way. corpus: digest of the text.

    Raises ValueError for values that cannot be.

    >>> Run(width=16, tokens=100, batch=8, lr=0.01)
    Traceback (most recent call last):
    ...
    ValueError: tokens = 100: one step takes 8 windows of 128 tokens; give at least 1024
    """

    width: int
    tokens: int
    batch: int
    lr: float
    warmup: int = 0
    schedule: int = 0
    unique: int = 0
    seed: int = 0
    context: int = 128
    beta1: float = 0.9
    beta2: float = 0.99
    decay: float = 0.1
    clip: float = 1.0
    stops: tuple[int, ...] = ()
    corpus: str = DIGEST

    def __post_init__(self) -> None:
        for name in ("tokens", "batch", "warmup", "schedule", "unique", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < (name in ("tokens", "batch")):
                raise ValueError(f"{name} = {value!r}: it must be a whole number{' above zero' * (name in ('tokens', 'batch'))}")
        if not self.lr > 0 or not math.isfinite(self.lr):
            raise ValueError(f"lr = {self.lr!r}: it must be positive and finite")
        least = self.batch * self.shape.context
        if self.tokens < least:
            raise ValueError(
                f"tokens = {self.tokens}: one step takes {self.batch} windows of {self.context} tokens; give at least {least}"
            )
        if self.unique and self.unique < self.context:
            raise ValueError(f"unique = {self.unique} is less than one window of {self.context} tokens")

    @property
    def shape(self) -> Shape:
        """The model."""
        return Shape(self.width, self.context)

    @property
    def steps(self) -> int:
        """Steps of the optimiser."""
        return self.tokens // (self.batch * self.context)

    @property
    def D(self) -> int:
        """Tokens that are trained on."""
        return self.steps * self.batch * self.context

    @property
    def flop(self) -> float:
        """6 N D."""
        return FLOP_PER_PARAMETER_TOKEN * self.shape.N * self.D

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name the run: the same for the same settings, on every machine."""
        settings = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:12]


def learning_rate_at(run: Run, step: int) -> float:
    """Learning rate of a step, counted from 0.

    >>> run = Run(width=16, tokens=102_400, batch=8, lr=0.01, warmup=10_240)
    >>> [round(learning_rate_at(run, step), 5) for step in (0, 9, 10, 55, 99)]
    [0.001, 0.01, 0.01, 0.005, 0.0]
    """
    per_step = run.batch * run.context
    warm = run.warmup / per_step
    if step < warm:
        return run.lr * min(1.0, (step + 1) / warm)
    total = max(run.schedule, run.D) / per_step
    return run.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1.0, total - warm))))


# ---- text -----------------------------------------------------------------------------------------------------------


@cache
def window_order(windows: int, seed: int, unique: int, epoch: int) -> NDArray[np.int64]:
    """The order in which an epoch reads its windows: ``unique`` of all ``windows``, the same ones in every epoch.

    >>> first, second = (window_order(100, 0, 10, epoch) for epoch in (0, 1))
    >>> set(first) == set(second), list(first) == list(second)
    (True, False)
    """
    chosen = np.random.default_rng([seed, 0]).permutation(windows)[:unique]
    return chosen if epoch == 0 else np.random.default_rng([seed, epoch]).permutation(chosen)


def step_windows(text: NDArray[np.uint8], run: Run, step: int) -> NDArray[np.int64]:
    """Windows of text (bytes) that a step of ``run`` reads, (batch, context + 1). Raises CorpusError if there is too little.

    >>> text, run = np.arange(17, dtype=np.uint8), Run(width=16, context=4, tokens=16, batch=2, lr=0.01)
    >>> sorted(np.concatenate([step_windows(text, run, step)[:, 0] for step in (0, 1)]).tolist())
    [0, 4, 8, 12]
    """
    available = (len(text) - 1) // run.context
    if available * run.context < run.D and not run.unique:
        raise CorpusError(f"{run.D} tokens are wanted once, but the text has {len(text)}: set a limit, unique, to repeat it")
    unique = min(run.unique // run.context, available) if run.unique else available
    at = np.arange(step * run.batch, (step + 1) * run.batch)
    chosen = np.empty(run.batch, np.int64)
    for epoch in np.unique(at // unique):
        of_epoch = at // unique == epoch
        chosen[of_epoch] = window_order(available, run.seed, unique, int(epoch))[at[of_epoch] % unique]
    return text[chosen[:, None] * run.context + np.arange(run.context + 1)].astype(np.int64)


def validation_windows(corpus: Corpus, context: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The fixed validation set: windows (n, context + 1), none over another, and the file that each comes from, (n,).

    >>> nothing = np.zeros(0, np.uint8)
    >>> text = Corpus(nothing, np.arange(100, dtype=np.uint8), np.array([0, 60]), "", {}, {})
    >>> windows, files = validation_windows(text, 9)
    >>> windows.shape, sorted(set(files.tolist()))
    ((11, 10), [1, 2])
    """
    last = len(corpus.valid) - context - 1
    if last < 0:
        raise CorpusError(f"the validation text has {len(corpus.valid)} bytes, less than one window: build a larger corpus")
    starts = np.linspace(0, last, min(VALIDATION_WINDOWS, last // context + 1)).astype(np.int64)
    windows = corpus.valid[starts[:, None] + np.arange(context + 1)].astype(np.int64)
    return windows, np.searchsorted(corpus.valid_files, starts, side="right")


def evaluate(weights: dict[str, Tensor], corpus: Corpus, shape: Shape, device: str = "cpu") -> tuple[float, float]:
    """Loss on the validation set in nats per token, and its standard error over files.

    Windows of one file are alike, so the file is the unit of the error. It says how well the set stands for the text it was
    drawn from. Two models judged on this same set differ by far less noise than that.
    """
    import torch

    windows, files = validation_windows(corpus, shape.context)
    with torch.no_grad():
        parts = [
            loss_of(weights, torch.from_numpy(windows[at : at + EVALUATED_AT_ONCE]).to(device), shape, "none").mean(1)
            for at in range(0, len(windows), EVALUATED_AT_ONCE)
        ]
    losses = torch.cat(parts).double().cpu().numpy()
    mean = float(losses.mean())
    of_file = np.bincount(files, losses - mean)
    count = len(np.unique(files))
    return mean, float(np.sqrt(np.sum(of_file**2) * count / max(1, count - 1)) / len(losses))


# ---- training -------------------------------------------------------------------------------------------------------


class State:
    """A run at one moment: what a checkpoint holds. ``shape``: of the model, if it is not that of the run."""

    def __init__(self, run: Run, device: str, shape: Shape | None = None) -> None:
        import torch

        self.run, self.device = run, device
        self.weights = {name: weight.requires_grad_() for name, weight in initial(shape or run.shape, run.seed, device).items()}
        matrices = [weight for weight in self.weights.values() if weight.ndim > 1 and weight is not self.weights["gains"]]
        gains = [self.weights["gains"], self.weights["last_gain"]]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": run.decay}, {"params": gains, "weight_decay": 0.0}],
            lr=run.lr, betas=(run.beta1, run.beta2), fused=True,
        )  # fmt: skip
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []
        self.summed, self.since = torch.zeros((), device=device), 0

    def advance(self, loss: Tensor, rate: float) -> None:
        """One step down the gradient of ``loss``, at the learning rate ``rate``."""
        import torch

        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.run.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.summed += loss.detach()
        self.step += 1
        self.since += 1

    def save(self, path: Path) -> None:
        import torch

        kept = {name: getattr(self, name) for name in ("step", "seconds", "curve", "summed", "since")}
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        with replace_atomically(path) as part:
            torch.save({**kept, "weights": weights, "optimiser": self.optimiser.state_dict()}, part)

    def load(self, path: Path) -> None:
        import torch

        kept = torch.load(path, map_location=self.device, weights_only=True)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(kept["weights"][name])
        self.optimiser.load_state_dict(kept["optimiser"])
        for name in ("step", "seconds", "curve", "summed", "since"):
            setattr(self, name, kept[name])


def train(
    run: Run,
    folder: str | Path,
    corpus: Corpus | str | Path | None = None,
    *,
    labels: dict[str, Any] | None = None,
    device: str = "cpu",
    threads: int = 1,
    interval: float = INTERVAL,
    keep: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any] | None:
    """Train ``run`` and append its row to the journal in ``folder``; return the row.

    A run that the journal has is not run again: its row is returned. One that another process is at gives None. A checkpoint
    that an earlier process left is gone on from. ``labels`` (study, budget) go into the row. ``interval``: seconds
    between checkpoints. ``keep``: keep the final weights, as ``<id>.pt`` in ``folder / "weights"``. ``progress`` is called
    with the steps done, now and then.

    A loss that is not finite, or at the end is above that of guessing, ends the run with the status "diverged": that is a
    result and becomes a row like any other.
    """
    folder = Path(folder)
    journal = Journal(folder)
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoints" / f"{run.id}.pt"
    with exclusively(checkpoint.with_suffix(".lock"), wait=False) as ours:
        if not ours:
            return None
        done = next((row for row in journal.read() if row["id"] == run.id), None)
        if done is None:
            text = corpus if isinstance(corpus, Corpus) else open_corpus(corpus or folder / "text")
            if text.digest != run.corpus:
                raise CorpusError(f"run {run.id} is planned on text {run.corpus}, but this is {text.digest}: build the text anew")
            done = _train(run, text, checkpoint, labels or {}, device, threads, interval, keep, progress)
            journal.append(done)
        checkpoint.unlink(missing_ok=True)
    checkpoint.with_suffix(".lock").unlink(missing_ok=True)
    return done


def _train(
    run: Run, corpus: Corpus, checkpoint: Path, labels: dict[str, Any], device: str, threads: int, interval: float, keep: bool,
    progress: Callable[[int], None] | None,
) -> dict[str, Any]:  # fmt: skip
    import torch

    torch.set_num_threads(threads)
    state = State(run, device)
    if checkpoint.exists():
        state.load(checkpoint)
    logged = set(np.unique(np.geomspace(1, run.steps, CURVE_POINTS).round().astype(int)).tolist())
    stops = {stop // (run.batch * run.context) for stop in run.stops}
    status = "done"
    began = saved = time.perf_counter()
    while state.step < run.steps and status == "done":
        windows = torch.from_numpy(step_windows(corpus.train, run, state.step)).to(device, non_blocking=True)
        state.advance(loss_of(state.weights, windows, run.shape), learning_rate_at(run, state.step))
        if state.step in logged or state.step in stops:
            mean = state.summed.item() / state.since
            if not math.isfinite(mean):
                status = "diverged"
                break
            point = {"tokens": state.step * run.batch * run.context, "train": mean, "lr": learning_rate_at(run, state.step - 1)}
            if state.step in stops:
                before = time.perf_counter()
                point["valid"], point["valid_se"] = evaluate(state.weights, corpus, run.shape, device)
                began += time.perf_counter() - before  # time in validation is no time in training
            state.curve.append(point)
            state.summed.zero_()
            state.since = 0
        now = time.perf_counter()
        if now - saved >= interval and state.step < run.steps:
            state.seconds += now - began
            state.save(checkpoint)
            if progress:
                progress(state.step)
            began = saved = time.perf_counter()
    state.seconds += time.perf_counter() - began
    loss_value, error = (math.nan, math.nan) if status == "diverged" else evaluate(state.weights, corpus, run.shape, device)
    if not loss_value < math.log(run.shape.vocab):
        status = "diverged"
    if keep:
        (checkpoint.parent.parent / "weights").mkdir(exist_ok=True)
        with replace_atomically(checkpoint.parent.parent / "weights" / checkpoint.name) as part:
            torch.save({name: weight.detach().cpu() for name, weight in state.weights.items()}, part)
    return _row(run, corpus, state, labels, status, loss_value, error, threads)


def _row(
    run: Run, corpus: Corpus, state: State, labels: dict[str, Any], status: str, loss: float, error: float, threads: int
) -> dict[str, Any]:
    import torch

    from .. import __version__

    count = run.shape.parameters
    D = state.step * run.batch * run.context
    unique = min(run.unique // run.context * run.context or corpus.unique_tokens, corpus.unique_tokens)
    flop = FLOP_PER_PARAMETER_TOKEN * count.total * D
    finite = math.isfinite(loss)
    return {
        "id": run.id,
        **labels,
        **{field.name: getattr(run, field.name) for field in fields(run) if field.name != "stops"},
        "status": status,
        "layers": run.shape.layers,
        "heads": run.shape.heads,
        "N": count.total,
        "N_embedding": count.embedding + count.head,
        "N_non_embedding": count.non_embedding,
        "D": D,
        "U": unique,
        "epochs": D / unique,
        "steps": state.step,
        "flop": flop,
        "flop_exact": run.shape.flop_per_token * D,
        "loss": loss if finite else None,
        "loss_se": error if finite else None,
        "bits_per_byte": loss / math.log(2) if finite else None,
        "seconds": round(state.seconds, 3),
        "flop_per_s": flop / state.seconds if state.seconds else None,
        "threads": threads,
        "device": _device_name(state.device),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "package": __version__,
        "curve": state.curve,
    }


def _device_name(device: str) -> str:
    import torch

    return str(torch.cuda.get_device_name(device)) if device.startswith("cuda") else device
