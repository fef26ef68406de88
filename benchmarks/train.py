"""How fast does our training loop go at each size, beside what this machine's matrix product reaches in the same minutes?

Run it from the project's folder with PyTorch installed: ``python -m benchmarks.train`` (two minutes), ``--compile`` to time
``torch.compile`` beside it (a minute more for each size), ``--speed file.csv`` to write the table that `scaling train`
estimates times from (``scaling_helpers/runs/speed.csv``), ``--device cuda``, ``--threads 2``, ``--json`` for machines.

    loop      one step as `scaling train` takes it: text, loss, gradient, clipping, AdamW
    bare      the same loss and gradient alone, in plain PyTorch: what a loop with nothing around it could reach
    peak      the best of a few float32 matrix products
    share     loop over peak, in FLOP/s by 6 N; by the exact count it is higher, by the factor exact/6N

On a processor, seconds are CPU seconds over threads: a busy neighbour makes them longer, but not twofold. The least of a few
repeats counts.

What was tried, at widths 16 to 112 on one AVX-512 core, in GFLOP/s (6 N), before the loop came to be as it is:

====================================================  =================================================================
tried                                                 found
====================================================  =================================================================
``nn.Module`` with a tensor for each layer            5.5 at width 16 and 4 windows; 8.0 with layers stacked in seven tensors
rotary positions by halves, chunk and cat             11.3 at width 24; 12.9 as x cos + roll(x) sin; 16.4 with no rotation at all
softmax(q k) v written out                            9.0 at width 24, 30 at 64, 40 at 112; 12.9, 36 and 57 with
                                                      ``scaled_dot_product_attention``
ReLU or tanh-GELU for GELU                            within 10 per cent either way: the plain one stays
RMSNorm for LayerNorm                                 slower by 5 to 10 per cent: LayerNorm has a fused kernel on processors
windows of 256 tokens for 128                         slower by 5 to 15 per cent, and attention costs twice as much
bfloat16                                              80 against 140 in the bare matrix product here: no
``torch.compile`` of the loss                         11.0 against 11.3 at width 16, less at 32; half a minute each: no
====================================================  =================================================================
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # started as a script, from anywhere
    sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from scaling_helpers.runs.model import Shape, initial, loss_of  # noqa: E402
from scaling_helpers.runs.train import Run, State, learning_rate_at, step_windows  # noqa: E402

WIDTHS = (8, 16, 32, 64, 112)
BATCHES = (1, 2, 8, 32)
#: Sides of the matrix products whose best is the peak.
SIDES = (256, 512, 1024)


@dataclass(frozen=True)
class Speed:
    """One size and batch; FLOP/s by 6 N."""

    width: int
    N: int
    batch: int
    tokens_per_s: float
    loop_gflops: float
    bare_gflops: float
    compiled_gflops: float | None
    exact_over_6n: float
    peak_gflops: float

    @property
    def share(self) -> float:
        return self.loop_gflops / self.peak_gflops


def seconds(work: Callable[[], object], device: str, threads: int, least: float) -> float:
    """Seconds of one call, the least of three repeats of about ``least`` seconds in all."""
    import torch

    clock = time.perf_counter if device.startswith("cuda") else lambda: time.process_time() / threads

    def timed(calls: int) -> float:
        began = clock()
        for _ in range(calls):
            work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return (clock() - began) / calls

    timed(2)
    first = timed(1)
    calls = max(1, int(least / 3 / max(first, 1e-6)))
    return min([first, *(timed(calls) for _ in range(3))])


def peak(device: str, threads: int, least: float) -> float:
    import torch

    best = 0.0
    for side in SIDES:
        a, b = (torch.rand(side, side, device=device) for _ in range(2))
        best = max(best, 2 * side**3 / seconds(lambda a=a, b=b: a @ b, device, threads, least / 4))  # type: ignore[misc]
    return best / 1e9


def measure(width: int, batch: int, device: str, threads: int, least: float, compiled: bool) -> Speed:
    import torch

    shape = Shape(width)
    run = Run(width, 10**7, batch, 0.001, warmup=10**6)
    text = np.random.default_rng(0).integers(32, 127, 11_000_000, dtype=np.uint8)
    state = State(run, device)

    def loop() -> None:
        windows = torch.from_numpy(step_windows(text, run, state.step % run.steps)).to(device)
        state.advance(loss_of(state.weights, windows, shape), learning_rate_at(run, state.step % run.steps))

    weights = {name: weight.requires_grad_() for name, weight in initial(shape, 0, device).items()}
    windows = torch.from_numpy(step_windows(text, run, 0)).to(device)

    def bare(loss: Callable[..., Any] = loss_of) -> None:
        loss(weights, windows, shape).backward()
        for weight in weights.values():
            weight.grad = None

    flop = shape.six_n * batch * shape.context / 1e9
    spent = seconds(loop, device, threads, least)
    fused = torch.compile(loss_of) if compiled else None
    return Speed(
        width, shape.N, batch, batch * shape.context / spent, flop / spent, flop / seconds(bare, device, threads, least),
        flop / seconds(lambda: bare(fused), device, threads, least) if fused else None,  # type: ignore[arg-type]
        shape.flop_per_token / shape.six_n, peak(device, threads, least),
    )  # fmt: skip


def speeds(widths: list[int], batches: list[int], device: str, threads: int, least: float, compiled: bool) -> Iterator[Speed]:
    for width in widths:
        for batch in batches:
            yield measure(width, batch, device, threads, least, compiled)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--least", type=float, default=1.0, help="seconds for each measurement")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--speed", type=Path)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    found = []
    if not asked.json:
        print(f"PyTorch {torch.__version__}, {asked.device}, {asked.threads} thread(s), {platform.machine()}")
        print("width        N  batch  tokens/s   loop   bare  compiled   peak  share  exact/6N")
    for one in speeds(asked.widths, asked.batches, asked.device, asked.threads, asked.least, asked.compile):
        found.append(one)
        fused = f"{one.compiled_gflops:8.1f}" if one.compiled_gflops else "       -"
        if not asked.json:
            print(f"{one.width:5} {one.N:8} {one.batch:6} {one.tokens_per_s:9.0f} {one.loop_gflops:6.1f} {one.bare_gflops:6.1f}"
                  f"  {fused} {one.peak_gflops:6.1f} {one.share:6.1%} {one.exact_over_6n:9.2f}", flush=True)  # fmt: skip
    if asked.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    if asked.speed:
        with asked.speed.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(asdict(found[0])), lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: f"{value:.4g}" if isinstance(value, float) else value for name, value in asdict(one).items()}
                             for one in found)  # fmt: skip


if __name__ == "__main__":
    main()
