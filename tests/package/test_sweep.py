"""What is read as training runs, and what is refused, with the value, its row and a remedy."""

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers.sweep import ColumnError, RunsError, SourceError, read_runs

HEADER = "params,tokens,loss"
RUNS = [(1e8, 2e9, 3.1), (2e8, 4e9, 2.9), (4e8, 8e9, 2.7), (1e8, 8e9, 2.95)]


def write(folder: Path, text: str | bytes, name: str = "runs.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def lines(runs=RUNS, header=HEADER, separator=",") -> str:
    return "\n".join([header.replace(",", separator), *(separator.join(map(str, run)) for run in runs)]) + "\n"


def refused(source, error=RunsError, **options) -> str:
    with pytest.raises(error) as caught:
        read_runs(source, **options)
    message = str(caught.value)
    assert "Traceback" not in message and len(message) < 700
    return message


def is_runs(sweep) -> bool:
    return np.array_equal(np.column_stack([sweep.N, sweep.D, sweep.loss]), np.array(RUNS))


@pytest.mark.parametrize(
    "text",
    [
        lines().encode(),
        lines(separator=";").encode(),
        lines(separator="\t").encode(),
        lines().replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + lines().encode(),
        lines().encode("utf-16"),
        lines().replace("\n", "\n\n").encode() + b"\n,,\n",
        lines(header="Model Size,Training Tokens,Final loss").encode(),
        lines(header='"n","D","val-loss"').encode(),
        lines([(f'"{n:.0f}"', f" {d:g} ", loss) for n, d, loss in RUNS]).encode(),
        ("note," + lines().replace("\n", "\nwell; done,", 4)).encode(),
    ],
    ids=["commas", "semicolons", "tabs", "crlf", "bom", "utf-16", "blank", "words", "short", "quoted", "more-columns"],
)
def test_a_csv_is_read_however_it_is_written(tmp_path, text):
    assert is_runs(read_runs(write(tmp_path, text)))


def test_columns_may_be_named(tmp_path):
    path = write(tmp_path, "size,n,seen,other,l\n" + "".join(f"{n},1,{d},9,{x}\n" for n, d, x in RUNS))
    sweep = read_runs(path, n="size", d="seen", loss="l")
    assert is_runs(sweep) and sweep.columns == {"N": "size", "D": "seen", "loss": "l"} and not sweep.notes


def test_guessed_columns_are_said(tmp_path):
    (note,) = read_runs(write(tmp_path, lines())).notes
    assert note == "taking N from 'params', D from 'tokens', loss from 'loss'"


def test_a_validation_loss_goes_before_a_training_loss(tmp_path):
    table = {"N": [1e8, 2e8], "D": [1e9, 1e9], "train_loss": [3.0, 2.9], "val_loss": [3.1, 3.0]}
    assert read_runs(table).columns["loss"] == "val_loss"


def test_tokens_follow_from_compute_where_there_is_no_column_of_them():
    sweep = read_runs({"Model Size": [1e8, 2e8], "Training FLOP": [6e17, 2.4e18], "loss": [3.1, 2.9]})
    np.testing.assert_allclose(sweep.D, [1e9, 2e9], rtol=1e-15)
    assert sweep.compute == pytest.approx([6e17, 2.4e18], rel=1e-15)
    assert any("C / 6N" in note for note in sweep.notes)


def test_weights_and_clusters_are_read(tmp_path):
    path = write(tmp_path, "n,d,loss,w,run\n1e8,1e9,3,1,a\n1e8,2e9,2.9,0,a\n2e8,2e9,2.8,2.5,b\n")
    sweep = read_runs(path, weights="w", cluster="run")
    assert sweep.weights.tolist() == [1, 0, 2.5] and sweep.cluster.tolist() == ["a", "a", "b"]


@pytest.mark.parametrize("name", ["params.parquet", "params.csv"])
def test_parquet_is_known_by_its_content_not_by_its_name(tmp_path, name):
    pyarrow = pytest.importorskip("pyarrow.parquet", reason="pyarrow is in the test extra's lock")
    import pyarrow as arrow

    N, D, loss = map(list, zip(*RUNS, strict=True))
    table = arrow.table({"params": N, "tokens": D, "loss": loss})
    pyarrow.write_table(table, tmp_path / name)
    assert is_runs(read_runs(tmp_path / name))
    assert is_runs(read_runs(table))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = refused(write(tmp_path, b"PAR1 and so on"), SourceError)
    assert "pip install" in message and "CSV" in message


def test_broken_parquet_is_refused(tmp_path):
    assert "cannot be read" in refused(write(tmp_path, b"PAR1" + bytes(range(200))), SourceError)


def test_arrays_integers_and_decimals_are_numbers():
    from decimal import Decimal

    sweep = read_runs({"N": np.array([10**8, 2 * 10**8]), "D": [10**10, 10**11], "loss": [Decimal("3.1"), np.float32(3)]})
    assert sweep.N.tolist() == [1e8, 2e8] and sweep.loss.tolist() == [3.1, 3.0] and sweep.N.dtype == float


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("-2.9", ["line 3", "loss = -2.9", "positive"]),
        ("0", ["line 3", "loss = 0", "positive"]),
        ("nan", ["line 3", "'nan'", "remove"]),
        ("", ["line 3", "empty"]),
        ("inf", ["line 3", "not finite"]),
        ("-", ["line 3", "missing"]),
        ("1e999", ["line 3", "finite"]),
        ('"2,9"', ["line 3", "decimal comma", "write 2.9"]),
        ('"1,234"', ["line 3", "thousands", "write 1234"]),
        ("2.9M", ["line 3", "write 2.9e6"]),
        ("good", ["line 3", "'good'", "right column"]),
        ("1_0", ["line 3", "no number"]),
        ("0x1p3", ["line 3", "no number"]),
        ("٣", ["line 3", "no number"]),
    ],
)
def test_a_bad_cell_is_named_with_its_line_and_a_remedy(tmp_path, cell, words):
    rows = [*RUNS[:1], (2e8, 4e9, cell), *RUNS[2:]]
    message = refused(write(tmp_path, lines(rows)))
    assert all(word in message for word in words), message


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    text = '\nname,n,d,loss\n"two\nlines",1e8,1e9,3\n\nx,1e8,1e9,-3\n'
    assert "line 6" in refused(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["empty"]),
        (b"\n \n\n", ["empty"]),
        (b"n,d,loss\n", ["no runs", "'loss'"]),
        (b"1e8,1e9,3\n2e8,1e9,3\n", ["begins with numbers", "names"]),
        (b"n d loss\n1 2 3\n", ["one column"]),
        (b"n,n,loss\n1,2,3\n", ["two columns named 'n'"]),
        (bytes(range(256)), ["UTF-8"]),
        (b"n,d,loss\n\0\0\0", ["binary"]),
        (b"PK\x03\x04rest", ["Excel"]),
        (b"\x1f\x8brest", ["gzip"]),
        (b'n,d,loss\n1e8,1e9,"3\n', ["no CSV"]),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, words):
    message = refused(write(tmp_path, text), SourceError)
    assert all(word in message for word in words), message


def test_a_line_of_another_length_is_named(tmp_path):
    message = refused(write(tmp_path, "n,d,loss\n1e8,1e9,3\n100,000,000,1e9,3\n"))
    assert "line 3" in message and "5 cells" in message and "thousands" in message


def test_a_missing_file_a_folder_and_a_forbidden_file_are_told_apart(tmp_path, monkeypatch):
    assert "there is no file" in refused(tmp_path / "none.csv", SourceError)
    assert "is a folder" in refused(tmp_path, SourceError)
    assert "cannot be read" in refused("a\0b", SourceError)

    def forbidden(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, lines())
    monkeypatch.setattr(Path, "open", forbidden)
    assert "no permission" in refused(path, SourceError)


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr("scaling_helpers.sweep.LARGEST", 100)
    assert "larger" in refused(write(tmp_path, lines() * 10), SourceError)


def test_standard_input_is_a_dash(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines().encode())))
    sweep = read_runs("-")
    assert is_runs(sweep) and sweep.source == "standard input"


def test_a_missing_column_lists_those_that_are_there(tmp_path):
    path = write(tmp_path, "n,d,perplexity\n1e8,1e9,20\n")
    message = refused(path, ColumnError)
    assert "'perplexity'" in message and "--loss COLUMN" in message
    assert "no column 'nll'" in refused(path, ColumnError, loss="nll")
    assert "tokens" in refused({"n": [1e8], "loss": [3.0]}, ColumnError)


def test_tokens_in_billions_are_refused_with_the_unit_to_give(tmp_path):
    path = write(tmp_path, "n,d,loss\n1e8,2,3.1\n2e8,4,2.9\n")
    message = refused(path)
    assert "--d-unit 1e9" in message and "--d-unit 1" in message
    assert read_runs(path, d_unit=1e9).D.tolist() == [2e9, 4e9]
    assert read_runs(path, d_unit=1).D.tolist() == [2, 4]
    assert "--n-unit 1e9" in refused({"n": [0.1, 7], "d": [1e9, 1e9], "loss": [3, 2]})


@pytest.mark.parametrize("unit", [0, -1, float("nan"), float("inf")])
def test_a_unit_is_positive(unit):
    assert "1e9" in refused({"n": [1e8], "d": [1e9], "loss": [3.0]}, ColumnError, d_unit=unit)


STUDIES = {"study": ["a", "b", "a"], "budget": ["1e12", "1000000000000.0", "1e11"], "N": [1e8, 2e8, 4e8],
           "D": [4e9, 4e9, 4e9], "loss": [3.1, "", 2.9]}  # fmt: skip


def test_only_rows_with_a_value_are_looked_at_and_that_is_said():
    sweep = read_runs(STUDIES, where={"study": "a"})
    assert sweep.N.tolist() == [1e8, 4e8] and sweep.rows == (1, 3)
    assert "2 of 3 rows have study = a" in sweep.notes
    assert read_runs(STUDIES, where={"study": "a", "budget": "1e12"}).rows == (1,)


def test_a_number_is_a_number_however_it_is_written():
    with pytest.raises(RunsError, match="row 2: loss is empty"):
        read_runs(STUDIES, where={"budget": "1.0e12"})


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        ({"study": "c"}, RunsError, "no row has study = c; there are a, b"),
        ({"stud": "a"}, ColumnError, "no column 'stud'; it has"),
    ],
)
def test_a_condition_that_nothing_meets_is_refused(where, error, words):
    with pytest.raises(error, match=words):
        read_runs(STUDIES, where=where)


def test_seeds_of_a_configuration_belong_together():
    runs = {"N": [1e8, 1e8, 2e8, 1e8], "D": [4e9, 4e9, 4e9, 8e9], "loss": [3.1, 3.2, 3.0, 2.9]}
    labels = read_runs(runs, cluster="N,D").cluster
    assert labels[0] == labels[1] and len(set(labels)) == 3
    with pytest.raises(ColumnError, match="no column 'seed'"):
        read_runs(runs, cluster="N, seed")


def test_a_perplexity_a_copy_and_an_odd_ratio_are_noted():
    def notes(**columns):
        return " ".join(read_runs({"n": [1e8, 2e8, 2e8], "d": [1e9, 2e9, 2e9], "loss": [3.0, 2.9, 2.8], **columns}).notes)

    assert "perplexity" in notes(loss=[20.0, 18.0, 17.0]) and "perplexity" not in notes()
    assert "row 3 repeats row 2" in notes(loss=[3.0, 2.9, 2.9]) and "repeats" not in notes()
    assert "tokens per parameter" in notes(d=[1e5, 2e5, 3e5]) and "tokens per parameter" not in notes()


@pytest.mark.parametrize(
    "cell", [None, True, np.bool_(True), "x", [3.0], 1 + 2j, object(), float("nan"), float("-inf"), -1, 10**400, 1e300]
)
def test_a_bad_value_in_a_table_is_refused_with_its_row(cell):
    loss = np.empty(3, dtype=object)
    loss[:] = [3.0, cell, 2.8]
    if cell == 1e300:
        message = refused({"n": [1e8, 1e300, 1e8], "d": [1e9] * 3, "loss": [3.0] * 3})
    else:
        message = refused({"n": [1e8] * 3, "d": [1e9] * 3, "loss": loss})
    assert "row 2" in message


def test_columns_of_different_length_and_things_that_are_no_table_are_refused():
    assert "differ in length" in refused({"n": [1e8], "d": [1e9, 2e9], "loss": [3.0]}, SourceError)
    assert "int" in refused(3, SourceError)
    assert "no runs" in refused({}, SourceError)


def test_weights_must_count_and_clusters_must_have_names():
    runs = {"n": [1e8, 2e8], "d": [1e9, 2e9], "loss": [3.0, 2.9]}
    assert "not be negative" in refused({**runs, "w": [1, -1]}, weights="w")
    assert "every weight" in refused({**runs, "w": [0, 0]}, weights="w")
    assert "row 2: c is empty" in refused({**runs, "c": ["a", ""]}, cluster="c")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_cleanly(tmp_path_factory, content):
    with contextlib.suppress(RunsError):  # and nothing else
        read_runs(write(tmp_path_factory.getbasetemp(), content, "fuzz.csv"))


CELLS = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["", "nan", "1,5", "1e9", "7B", '"1,000"', '"', "3.1", "-0", "1e-300", "∞", "#", "=1+1", "\r"]),
    st.text(max_size=4),
)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6), st.sampled_from(",;\t|"))
def test_any_table_is_read_or_refused_cleanly_and_what_is_read_is_positive(tmp_path_factory, rows, separator):
    text = lines([tuple(row) for row in rows], separator=separator).encode("utf-8", "surrogatepass")
    with contextlib.suppress(RunsError):
        sweep = read_runs(write(tmp_path_factory.getbasetemp(), text, "fuzz.csv"), n_unit=1, d_unit=1)
        assert all(np.all(np.isfinite(column) & (column > 0)) for column in (sweep.N, sweep.D, sweep.loss))
