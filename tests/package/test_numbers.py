"""Numbers look the way the book writes them."""

import numpy as np
import pytest

from scaling_helpers import numbers


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (4.036e10, "count", "40.4B"),
        (70e9, "count", "70B"),
        (1.4e12, "count", "1.4T"),
        (999.6e9, "count", "1T"),
        (1.2345e15, "count", "1.23 × 10¹⁵"),
        (950, "count", "950"),
        (0.0, "count", "0"),
        (5.76e23, "flop", "5.76 × 10²³"),
        (9.999e23, "flop", "1 × 10²⁴"),
        (3.2e-5, "flop", "3.2 × 10⁻⁵"),
        (1.91841, "loss", "1.9184"),
        (1875, "ratio", "1,880"),
        (0.5404, "ratio", "0.54"),
        (58.94, "ratio", "58.9"),
        (0.656, "percent", "66%"),
        (0.0234, "percent", "2.3%"),
        (0.996, "percent", "100%"),
        (2.914, "times", "2.91×"),
        (0.33917084, "plain", "0.339171"),
        (2028.577, "year", "2028.6"),
        (-3.5, "ratio", "-3.5"),
        (None, "count", "—"),
        (np.float64(2.5), "ratio", "2.5"),
    ],
)
def test_formats(value, kind, text):
    assert numbers.format(value, kind) == text


def test_counts_in_words():
    assert [numbers.in_words(v) for v in (4.036e10, 1.4e12, 7e7, 2000, 12)] == [
        "40.4 billion",
        "1.4 trillion",
        "70 million",
        "2 thousand",
        "12",
    ]


@pytest.mark.parametrize(
    ("value", "kind", "error", "says"),
    [
        (1.0, "cuont", ValueError, "unknown kind 'cuont'; known: count"),
        (float("nan"), "loss", ValueError, "not finite"),
        ("1.0", "loss", TypeError, "'1.0'"),
        ([1.0], "loss", TypeError, "one real number"),
        (True, "count", TypeError, "one real number"),
    ],
)
def test_what_is_no_number_is_refused(value, kind, error, says):
    with pytest.raises(error, match=says):
        numbers.format(value, kind)


def test_glue_leaves_a_literal_where_mystnb_looks_for_it(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    numbers.glue("size", np.float64(4.036e10), "words")
    numbers.glue("who", "Gopher", "text")
    assert shown[0][0] == {"application/papermill.record/text/plain": "'40.4 billion'"}
    assert shown[0][1]["metadata"]["scrapbook"] == {"name": "size", "mime_prefix": "application/papermill.record/"}
    assert shown[1][0] == {"application/papermill.record/text/plain": "'Gopher'"}
    with pytest.raises(TypeError, match="glue 'who'.*needs a string"):
        numbers.glue("who", 3, "text")
