"""One run of our own: the model is what it is counted as, it learns, and a kill at any moment changes nothing but the time."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from runs_text import tiny

from scaling_helpers.runs.measured import export, load_curves, load_runs
from scaling_helpers.runs.model import Shape, attend, forward, initial, loss_of
from scaling_helpers.runs.plan import Planned
from scaling_helpers.runs.records import Journal, exclusively
from scaling_helpers.runs.sweep import carry_out, remaining
from scaling_helpers.runs.train import Run, evaluate, learning_rate_at, train, validation_windows, window_order

if os.environ.get("CI") == "true":
    import torch  # on a server the training is tested or the tests fail
else:
    torch = pytest.importorskip("torch", reason="the [train] extra is not installed")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return folder, tiny(folder)


def small(corpus, **changes):
    settings = {"width": 16, "tokens": 40 * 512, "batch": 4, "lr": 0.02, "warmup": 2048, "corpus": corpus.digest}
    return Run(**{**settings, **changes})


def same(row, other):
    """Two rows but for how long they took."""
    timed = ("seconds", "flop_per_s")
    return {k: v for k, v in row.items() if k not in timed} == {k: v for k, v in other.items() if k not in timed}


# ---- the model ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [8, 24, 48])
def test_the_weights_are_as_many_as_are_counted(width):
    shape = Shape(width)
    weights = initial(shape, seed=0)
    assert sum(weight.numel() for weight in weights.values()) == shape.N
    assert weights["embedding"].numel() == shape.parameters.embedding


def test_the_exact_flop_are_those_that_pytorch_counts_but_for_the_causal_half():
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    shape = Shape(32)
    weights = {name: weight.requires_grad_() for name, weight in initial(shape, seed=0).items()}
    windows = torch.randint(0, 256, (2, 129))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        loss_of(weights, windows, shape).backward()
    full = shape.transformer.forward("exact", context=2 * shape.context - 1)  # every token sees all of the window
    assert counted.get_total_flops() == 3 * full.total * 2 * shape.context


def test_a_token_sees_nothing_that_comes_after_it():
    shape = Shape(16, context=12)
    weights = initial(shape, seed=1)
    tokens = torch.randint(0, 256, (1, 12))
    changed = tokens.clone()
    changed[0, 7] = (changed[0, 7] + 1) % 256
    moved = (forward(weights, tokens, shape)[0] - forward(weights, changed, shape)[0]).abs().amax(-1)[0]
    assert moved[:7].max() == 0 and moved[7:].min() > 0


def test_attention_is_the_textbook_sum_with_positions_as_rotations():
    torch.manual_seed(0)
    heads, width, time_ = 2, 8, 5
    x, qkv, out = torch.randn(1, time_, width), torch.randn(3 * width, width), torch.randn(width, width)
    q, k, v = (x[0] @ qkv.T).view(time_, 3, heads, 4).permute(1, 2, 0, 3).double()

    def rotate(y):
        turned = torch.view_as_complex(torch.stack((y[..., :2], y[..., 2:]), -1))
        angles = torch.arange(time_).double()[:, None] * torch.tensor([1.0, 0.01]).double()
        return torch.view_as_real(turned * torch.polar(torch.ones_like(angles), angles)).transpose(-1, -2).flatten(-2)

    scores = rotate(q) @ rotate(k).transpose(-1, -2) / 2 + torch.full((time_, time_), -math.inf).triu(1)
    expected = (scores.softmax(-1) @ v).transpose(0, 1).reshape(time_, width) @ out.T.double()
    assert torch.allclose(attend(x, qkv, out, heads)[0][0].double(), expected, atol=1e-4)


def test_reading_token_by_token_gives_the_logits_of_reading_at_once():
    shape = Shape(32, context=10)
    weights = initial(shape, seed=2)
    tokens = torch.randint(0, 256, (3, 10))
    at_once, _ = forward(weights, tokens, shape)
    logits, past = forward(weights, tokens[:, :4], shape)
    for t in range(4, 10):
        assert torch.allclose(logits[:, -1], at_once[:, t - 1], atol=1e-5)
        logits, past = forward(weights, tokens[:, t : t + 1], shape, past)


def test_at_the_start_the_model_guesses():
    shape = Shape(32)
    windows = torch.randint(0, 256, (8, 129))
    assert loss_of(initial(shape, seed=0), windows, shape).item() == pytest.approx(math.log(256), abs=0.6)


# ---- text, schedule, validation -------------------------------------------------------------------------------------


def test_the_rate_rises_over_the_warmup_and_falls_to_zero_over_the_schedule():
    run = Run(width=16, tokens=51_200, batch=4, lr=0.01, warmup=5120)
    rates = [learning_rate_at(run, step) for step in range(run.steps)]
    assert max(rates) == rates[9] == 0.01 and rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-4 * run.lr * 10
    longer = Run(width=16, tokens=51_200, batch=4, lr=0.01, warmup=5120, schedule=512_000)
    assert learning_rate_at(longer, 99) > 0.009
    never = Run(width=16, tokens=51_200, batch=4, lr=0.01, warmup=512_000)
    assert learning_rate_at(never, 99) == pytest.approx(0.001)


def test_a_run_reads_no_window_twice_unless_its_text_is_limited():
    order = window_order(1000, 3, 1000, 0)
    assert sorted(order) == list(range(1000)) and list(order) != sorted(order)
    few = [window_order(1000, 3, 50, epoch) for epoch in range(3)]
    assert set(few[0]) == set(few[1]) == set(few[2]) == set(order[:50]) and list(few[1]) != list(few[2])


def test_the_validation_error_is_that_of_means_over_files(place):
    _, corpus = place
    windows, files = validation_windows(corpus, 128)
    assert len(windows) == len(files) and windows.shape[1] == 129
    shape = Shape(16)
    weights = initial(shape, seed=0)
    mean, error = evaluate(weights, corpus, shape)
    losses = np.array([loss_of(weights, torch.from_numpy(windows[i : i + 1]), shape).item() for i in range(len(windows))])
    assert mean == pytest.approx(losses.mean(), rel=1e-5)
    of_file = [np.sum(losses[files == file] - losses.mean()) for file in np.unique(files)]
    count = len(of_file)
    assert error == pytest.approx(math.sqrt(np.sum(np.square(of_file)) * count / (count - 1)) / len(losses), rel=1e-3)


# ---- a run ----------------------------------------------------------------------------------------------------------


def test_a_run_learns_and_its_row_says_what_was_done(place, tmp_path):
    _, corpus = place
    run = small(corpus, stops=(512 * 20, 512 * 40))
    row = train(run, tmp_path, corpus, labels={"study": "isoflop", "budget": run.flop})
    assert row["status"] == "done" and row["loss"] < 3.5 < math.log(256)
    assert row["bits_per_byte"] == row["loss"] / math.log(2) and row["U"] == corpus.unique_tokens
    assert [point["tokens"] for point in row["curve"] if "valid" in point] == [512 * 20, 512 * 40]
    assert row["curve"][-1]["valid"] == row["loss"]
    assert not list((tmp_path / "checkpoints").iterdir())
    assert export(tmp_path, tmp_path / "out")[0] == 1
    assert load_runs(tmp_path / "out" / "runs.csv")["loss"][0] == row["loss"]
    assert load_curves(tmp_path / "out" / "curves.csv")["tokens"][-1] == run.D
    assert train(run, tmp_path, corpus) == row, "a run that is done is not run again"


def test_a_rerun_lands_within_the_spread_of_seeds(place, tmp_path):
    _, corpus = place
    losses = [train(small(corpus, seed=seed), tmp_path / "a", corpus)["loss"] for seed in range(3)]
    again = train(small(corpus, seed=0), tmp_path / "b", corpus)["loss"]
    assert again == losses[0] or abs(again - losses[0]) < np.std(losses)  # to the bit on one machine
    assert 0 < np.std(losses) < 0.2


def test_a_run_that_diverges_is_a_row(place, tmp_path):
    _, corpus = place
    wild = small(corpus, lr=9.0, clip=1e6, decay=0.0, warmup=0, schedule=10**9)
    row = train(wild, tmp_path, corpus, labels={"study": "tuning", "budget": 0.0})
    assert row["status"] == "diverged" and len(Journal(tmp_path).read()) == 1
    export(tmp_path, tmp_path / "out")
    assert load_runs(tmp_path / "out" / "runs.csv")["status"].tolist() == ["diverged"]


def test_text_read_many_times_teaches_the_text_and_not_the_language(place, tmp_path):
    _, corpus = place
    row = train(small(corpus, unique=1024, tokens=120 * 512), tmp_path, corpus)
    assert row["U"] == 1024 and row["epochs"] == 60
    assert row["curve"][-1]["train"] < row["loss"] - 0.5


def test_other_text_than_planned_is_refused(place, tmp_path):
    _, corpus = place
    with pytest.raises(ValueError, match="is planned on text"):
        train(Run(width=16, tokens=5120, batch=4, lr=0.01), tmp_path, corpus)
    with pytest.raises(ValueError, match="are wanted once"):
        train(small(corpus, tokens=10**7), tmp_path, corpus)


def test_a_run_that_another_process_is_at_is_left_to_it(place, tmp_path):
    _, corpus = place
    run = small(corpus)
    (tmp_path / "checkpoints").mkdir()
    with exclusively(tmp_path / "checkpoints" / f"{run.id}.lock"):
        assert train(run, tmp_path, corpus) is None
    assert Journal(tmp_path).read() == []


# ---- kills ----------------------------------------------------------------------------------------------------------

SWEEP = """
import sys, json
from scaling_helpers.runs.plan import Planned
from scaling_helpers.runs.sweep import carry_out
from scaling_helpers.runs.train import Run
text, folder, jobs, plans = sys.argv[1:]
planned = [Planned(Run(**{**one, "stops": tuple(one["stops"])}), "isoflop", 0.0) for one in json.loads(plans)]
carry_out(planned, folder, text=text, jobs=int(jobs), interval=0.0)
"""


def sweep(place, folder, planned, jobs=1):
    from dataclasses import asdict

    plans = json.dumps([asdict(one.run) for one in planned])
    command = [sys.executable, "-c", SWEEP, str(place[0] / "text"), str(folder), str(jobs), plans]
    return subprocess.Popen(command, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def wait_for(condition, process, seconds=120):
    until = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


def kill_and_resume(place, tmp_path, kills, jobs):
    _, corpus = place
    planned = [Planned(small(corpus, seed=seed, tokens=80 * 512, stops=(40 * 512,)), "isoflop", 0.0) for seed in range(3)]
    reference = {}
    for one in planned:
        row = train(one.run, tmp_path / "whole", corpus, labels={"study": "isoflop", "budget": 0.0})
        reference[row["id"]] = row
    folder = tmp_path / "killed"
    saved = lambda: list((folder / "checkpoints").glob("*.pt")) if folder.exists() else []  # noqa: E731
    rows = []
    for kill in range(kills):
        process = sweep(place, folder, planned, jobs)
        before = {path: path.stat().st_mtime_ns for path in saved()}
        wait_for(lambda before=before: any(p.exists() and p.stat().st_mtime_ns != before.get(p) for p in saved()), process)
        time.sleep(0.05 * kill)
        process.kill() if jobs == 1 else os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = [row["id"] for row in Journal(folder).read()]
        assert set(rows) <= set(done), "a finished run is gone"
        rows = done
    assert saved() or len(rows) == len(planned), "nothing was killed in the middle of its work"
    carry_out(planned, folder, text=place[0] / "text")
    ended = Journal(folder).read()
    assert len(ended) == len(planned) == len({row["id"] for row in ended})
    assert all(same(row, reference[row["id"]]) for row in ended), "a resumed run is not the run that was never stopped"
    assert remaining(planned, folder) == [] and not saved()


def test_a_sweep_killed_in_the_middle_of_a_run_goes_on_to_the_same_numbers(place, tmp_path):
    kill_and_resume(place, tmp_path, kills=1, jobs=1)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot kill a group of processes at once")
def test_a_sweep_of_two_workers_killed_many_times_loses_and_doubles_nothing(place, tmp_path):
    kill_and_resume(place, tmp_path, kills=6, jobs=2)


def test_two_sweeps_on_one_folder_share_the_work(place, tmp_path):
    _, corpus = place
    planned = [Planned(small(corpus, seed=seed), "isoflop", 0.0) for seed in range(3)]
    other = sweep(place, tmp_path, planned[::-1])
    carry_out(planned, tmp_path, text=place[0] / "text")
    assert other.wait(120) == 0
    ids = [json.loads(line)["id"] for line in Journal(tmp_path).path.read_text().splitlines()]
    assert sorted(ids) == sorted(one.run.id for one in planned)
