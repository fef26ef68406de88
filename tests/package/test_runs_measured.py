"""The tables of our own runs: what is wrong with one stops its loading, with the line and the column."""

import csv
import math
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from scaling_helpers.runs import load_curves, load_runs
from scaling_helpers.runs.measured import SCHEMA, MeasuredError, export
from scaling_helpers.runs.records import Journal, JournalError, replace_atomically


def run(number, **changes):
    row = {
        "id": f"{number:012x}", "study": "isoflop", "budget": 1e10, "status": "done", "width": 16, "layers": 2, "heads": 1,
        "context": 128, "N": 10320, "N_embedding": 4096, "N_non_embedding": 6224, "D": 128 * 8 * 10, "U": 5120, "epochs": 2.0,
        "steps": 10, "batch": 8, "flop": 6.0 * 10320 * 10240, "flop_exact": 7e8, "loss": 2.0 + number / 7, "loss_se": 0.01,
        "bits_per_byte": (2.0 + number / 7) / math.log(2), "lr": 0.01, "warmup": 512, "schedule": 0, "beta1": 0.9, "beta2": 0.99,
        "decay": 0.1, "clip": 1.0, "seed": 0, "corpus": "0" * 12, "seconds": 1.5, "flop_per_s": 4e8, "threads": 1,
        "device": "cpu", "machine": "x", "python": "3.11", "torch": "2", "package": "0",
        "curve": [{"tokens": 1024, "train": 5.0, "lr": 0.001}, {"tokens": 10240, "train": 2.1, "lr": 0.0, "valid": 2.2}],
    }  # fmt: skip
    return {**row, **changes}


@pytest.fixture
def tables(tmp_path):
    journal = Journal(tmp_path)
    for number in (2, 1):
        journal.append(run(number))
    journal.append(run(3, status="diverged", loss=None, loss_se=None, bits_per_byte=None, study="tuning", curve=[]))
    assert export(tmp_path, tmp_path / "out") == (3, 4)
    return tmp_path / "out"


def test_what_was_written_is_what_is_read(tables):
    runs = load_runs(tables / "runs.csv")
    assert list(runs.columns) == list(SCHEMA["runs"])
    assert runs["loss"][:2].tolist() == [2.0 + 1 / 7, 2.0 + 2 / 7]  # sorted, to the last bit
    assert math.isnan(runs["loss"][2]) and runs["status"][2] == "diverged"
    assert load_runs(tables / "runs.csv", study="isoflop", status=["done"])["id"].tolist() == [f"{n:012x}" for n in (1, 2)]
    curves = load_curves(tables / "curves.csv", id=f"{1:012x}")
    assert curves["valid"][1] == 2.2 and np.isnan(curves["valid"][0])


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("loss", "two", "line 2: loss = 'two' is no number"),
        ("loss", "", "line 2: loss = nan is empty, but the run is done"),
        ("loss", "-1", "line 2: loss = -1 lies outside"),
        ("loss", "5.6", "line 2: loss = 5.6 is that of guessing"),
        ("N", "10320.5", "line 2: N = '10320.5' is no whole number"),
        ("N", "10321", "line 2: N = 10321 must be N_embedding"),
        ("D", "10241", "line 2: D = 10241 must be steps x batch x context"),
        ("flop", "1e9", "line 2: flop = 1000000000.0 must be 6 N D"),
        ("epochs", "3", "line 2: epochs = 3.0 must be D / U"),
        ("bits_per_byte", "2.0", "line 2: bits_per_byte = 2.0 must be loss / log 2"),
        ("status", "fine", "line 2: status = fine must be done or diverged"),
        ("device", "", "line 2: device is empty"),
        ("id", f"{2:012x}", "line 3: id: 000000000002 stands in line 2 too"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_line_and_column(tables, column, cell, said):
    rows = list(csv.reader((tables / "runs.csv").open()))
    rows[1][rows[0].index(column)] = cell
    with (tables / "runs.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows(rows)
    with pytest.raises(MeasuredError) as caught:
        load_runs(tables / "runs.csv")
    assert said in str(caught.value)


def test_a_table_without_its_columns_rows_or_file_is_refused(tables):
    path = tables / "runs.csv"
    header, *rest = path.read_text().splitlines()
    for text, said in {
        "\n".join([header.replace("loss,", "los,"), *rest]): "columns absent: ['loss'], unknown: ['los']",
        "\n".join([header, rest[0] + ",1"]): "cells for ",
        header: "has no rows",
    }.items():
        path.write_text(text + "\n")
        with pytest.raises(MeasuredError) as caught:
            load_runs(path)
        assert said in str(caught.value)
    with pytest.raises(MeasuredError, match="there is no none.csv"):
        load_runs(tables / "none.csv")


# ---- the journal ----------------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_cut_off_and_its_run_counts_as_not_done(tmp_path):
    journal = Journal(tmp_path)
    journal.append(run(1))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + whole[: len(whole) // 2])
    assert [row["id"] for row in journal.read()] == [f"{1:012x}"]
    assert journal.append(run(2))
    assert [row["id"] for row in journal.read()] == [f"{1:012x}", f"{2:012x}"]
    journal.path.write_bytes(b"torn")
    assert journal.read() == [] and journal.append(run(1)) and journal.path.read_bytes() == whole


def test_a_run_is_counted_once_also_where_two_journals_were_laid_together(tmp_path):
    journal = Journal(tmp_path)
    assert journal.append(run(1)) and not journal.append(run(1, loss=9.0))
    journal.path.write_bytes(journal.path.read_bytes() * 2)
    (row,) = journal.read()
    assert row["loss"] == run(1)["loss"]


def test_a_line_that_is_no_run_is_named(tmp_path):
    journal = Journal(tmp_path)
    journal.append(run(1))
    journal.path.write_bytes(b"hello\n" + journal.path.read_bytes())
    with pytest.raises(JournalError, match="line 1: not a run"):
        journal.read()


def test_many_processes_append_without_losing_or_tearing_a_line(tmp_path):
    code = (
        "import sys; from scaling_helpers.runs.records import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for i in range(25):\n"
        "    journal.append({'id': f'{sys.argv[2]}-{i}', 'pad': 'x' * 5000})\n"
        "    journal.append({'id': f'all-{i}'})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    ids = [row["id"] for row in Journal(tmp_path).read()]
    assert sorted(ids) == sorted([f"{n}-{i}" for n in range(2) for i in range(25)] + [f"all-{i}" for i in range(25)])
    assert len(ids) == Journal(tmp_path).path.read_bytes().count(b"\n")


def test_a_writer_killed_at_any_moment_leaves_whole_lines(tmp_path):
    code = (
        "import itertools, sys; from scaling_helpers.runs.records import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for i in itertools.count(): journal.append({'id': f'{sys.argv[2]}-{i}', 'pad': 'x' * 20000}); print(i, flush=True)\n"
    )
    said = []
    for attempt in range(2):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(attempt)], stdout=subprocess.PIPE, text=True)
        said += [(attempt, int(writer.stdout.readline())) for _ in range(3 + attempt)]
        time.sleep(0.003 * attempt)
        writer.kill()
        said += [(attempt, int(line)) for line in writer.stdout.read().splitlines() if line]
        writer.wait()
        writer.stdout.close()
    ids = {row["id"] for row in Journal(tmp_path).read()}
    assert {f"{attempt}-{i}" for attempt, i in said} <= ids, "a row that was acknowledged is gone"
    assert len(ids) <= len(said) + 3, "a row that nobody wrote"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")

    def failing():
        with replace_atomically(path) as part:
            part.write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        failing()
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x"]
    with replace_atomically(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
