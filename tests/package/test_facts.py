"""Every published number has a source, a confidence, a unit and a plausible value, or it does not load."""

import itertools

import pytest

from scaling_helpers import facts
from scaling_helpers.facts import tables
from scaling_helpers.laws import ChinchillaLaw


def test_every_table_loads_and_every_path_answers():
    for name in facts.TABLES:
        found = [facts.get(path) for path in facts.paths(name)]
        assert len(found) >= 5
        assert all(fact.source and fact.location and fact.confidence in facts.CONFIDENCES and fact.label for fact in found)


def test_every_csv_in_the_folder_is_declared():
    on_disk = {path.stem for path in facts._FOLDER.glob("*.csv")}
    assert on_disk == set(facts.TABLES)


def test_a_fact_carries_value_unit_interval_and_provenance():
    alpha = facts.get("laws/besiroglu-2024/alpha")
    assert (alpha.value, alpha.low, alpha.high, alpha.unit) == (0.3478, 0.317, 0.373, "1")
    assert "2404.10102" in alpha.source and alpha.interval
    size = facts.get("models/gpt-3/params")
    assert (size.value, size.unit, size.label) == (1.75e11, "parameters", "parameters of GPT-3")


def test_estimates_are_known_as_estimates():
    assert facts.get("results/gpt3-compute").is_estimate
    assert not facts.get("models/gopher/params").is_estimate


def test_real_models_spend_about_six_flop_a_parameter_and_token():
    for row_id, row in facts.table("models").items():
        if row["flop"]:
            ratio = 6 * float(row["params"]) * float(row["tokens"]) / float(row["flop"])
            assert 0.75 < ratio < 1.1, row_id


def test_table_3_of_hoffmann_holds_together_but_for_its_known_slip():
    off = {
        row_id
        for row_id, row in facts.table("hoffmann_optima").items()
        if not 0.93 < 6 * float(row["params"]) * float(row["tokens"]) / float(row["flop"]) < 1.07
    }
    assert off == {"approach-3/175b"}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("modles/gpt-3/params", "unknown table 'modles'; known: laws"),
        ("models/gpt-33/params", "no row 'gpt-33' in models; rows are gpt-3,"),
        ("models/gpt-3/size", "'size' is no numeric column of models; those are params"),
        ("models/jurassic-1/flop", "gives no flop for 'jurassic-1'"),
        ("laws/besiroglu-2024/gamma", "no row 'besiroglu-2024/gamma'"),
        ("", "unknown table ''"),
    ],
)
def test_an_unknown_path_names_the_part_that_is_unknown(path, says):
    with pytest.raises(facts.FactError, match=says):
        facts.get(path)


HEADER = list(facts.TABLES["laws"][0])
GOOD = {
    "id": "a", "label": "b", "value": "1.5", "low": "1", "high": "2", "interval": "90%", "unit": "nats/token",
    "location": "Table 1", "source": "arXiv:1", "confidence": "primary text", "note": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"value": "1,5"}, "line 2: value '1,5' is not a number"),
        ({"value": "nan"}, "nan nats/token is outside"),
        ({"value": "70e9"}, "70e9 nats/token is outside 0.1 to 20: wrong unit or exponent"),
        ({"unit": "nat"}, "unit 'nat' is none of"),
        ({"low": "1.8", "high": "1.6"}, "low 1.8 is above high 1.6"),
        ({"interval": ""}, "has bounds but does not say what they are"),
        ({"source": ""}, "'a' has no source"),
        ({"location": ""}, "'a' has no source or no location"),
        ({"confidence": "sure"}, "confidence 'sure' is none of"),
        ({"id": ""}, "id '' is empty or repeated"),
    ],
)
def test_a_slip_in_a_table_is_refused_with_its_line(change, says):
    row = {**GOOD, **change}
    with pytest.raises(facts.FactError, match=says):
        facts.check("laws", [HEADER, [row[column] for column in HEADER]])


def test_a_wrong_header_a_short_row_and_a_repeated_id_are_refused():
    cells = [GOOD[column] for column in HEADER]
    assert facts.check("laws", [HEADER, cells])["a"]["value"] == "1.5"
    with pytest.raises(facts.FactError, match="columns are"):
        facts.check("laws", [HEADER[:-1], cells])
    with pytest.raises(facts.FactError, match="10 cells, expected 11"):
        facts.check("laws", [HEADER, cells[:-1]])
    with pytest.raises(facts.FactError, match="id 'a' is empty or repeated"):
        facts.check("laws", [HEADER, cells, cells])


def test_every_table_is_shown_whole_with_headings_source_and_confidence():
    for name in facts.TABLES:
        shown = tables.show(name)
        assert len(shown.rows) == len(facts.table(name))
        assert {len(row) for row in shown.rows} == {len(shown.head)}
        assert {"source", "confidence"} <= set(shown.head)
        page = shown._repr_html_()
        assert page.count('<th scope="row">') == len(shown.rows) and "<caption>" in page and 'role="region"' in page
    assert len(tables.confidences().rows) == len(facts.CONFIDENCES)


def test_what_a_table_shows_is_what_get_answers():
    (row,) = (row for row in tables.show("laws").rows if row[0].startswith("Besiroglu et al. refit: size exponent"))
    assert row[1] == "0.3478" and row[3].startswith("0.317 to 0.373:")
    (gpt3,) = (row for row in tables.show("models").rows if row[0] == "GPT-3")
    assert gpt3[1] == "175B" and "Epoch AI (CC BY 4.0)" in " ".join(gpt3)


def test_a_model_that_was_not_trained_from_scratch_says_so():
    assert "distilled" in facts.get("models/llama-3.2-1b/tokens").note


def test_the_steps_from_kaplan_to_hoffmann_only_go_down_and_lie_in_their_intervals():
    steps = [{c: float(row[c]) for c in ("exponent", "exponent_low", "exponent_high", "size_at_gopher")}
             for row in facts.table("porian_steps").values()]  # fmt: skip
    assert all(step["exponent_low"] <= step["exponent"] <= step["exponent_high"] for step in steps)
    for earlier, later in itertools.pairwise(steps):
        assert later["exponent"] < earlier["exponent"] and later["size_at_gopher"] < earlier["size_at_gopher"]


def test_four_fits_to_one_experiment_differ_by_three_tenths_of_a_nat():
    losses = []
    for row_id in facts.table("sardana_fits"):
        constants = {symbol: facts.get(f"sardana_fits/{row_id}/{symbol}").value for symbol in ("E", "A", "B", "alpha", "beta")}
        losses.append(ChinchillaLaw(**constants).loss(1e9, 1e12))
    assert 0.25 < max(losses) - min(losses) < 0.35
