"""The `scaling` command: what it answers, where it writes, and how it refuses."""

import csv
import io
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import scaling_helpers
from scaling_helpers import BESIROGLU_2024, LAWS, costs, facts, numbers, optimum
from scaling_helpers.cli import main
from scaling_helpers.fitting import LeastSquares, fit_chinchilla, fit_envelope, fit_isoflop, planted_runs
from scaling_helpers.inference import pass_at_k
from scaling_helpers.laws import MUENNIGHOFF_2023_REPEATED, catalogue
from scaling_helpers.report import law_of

ROOT = Path(__file__).parents[2]


class Ran:
    """What one command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def scaling(capsys):
    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(code, captured.out, captured.err)

    return run


def process(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "scaling_helpers", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, **options)


# ---- help, usage, exit codes ----------------------------------------------------------------------------------------


COMMANDS = ["fit", "optimal", "passk", "facts"]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_has_examples_that_parse(scaling, command):
    asked = scaling(*command, "--help")
    assert asked.code == 0 and not asked.err
    examples = re.findall(r"^  scaling (.*)$", asked.out.partition("examples:")[2], re.M)
    assert examples
    for example in examples:
        assert example.split()[0] in asked.out


def test_help_loads_neither_scipy_nor_matplotlib():
    code = "import sys; from scaling_helpers.cli import main; main(['--help']); main(['facts']); print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in printed.splitlines()[-1].split()}
    assert "numpy" in loaded and not loaded & {"scipy", "matplotlib", "altair", "narwhals", "pyarrow", "IPython"}


def test_the_module_runs_as_a_program_with_its_exit_codes():
    version = process("--version")
    assert (version.returncode, version.stdout.strip()) == (0, f"scaling {scaling_helpers.__version__}")
    wrong = process("facts", "nonesuch")
    assert wrong.returncode == 2 and not wrong.stdout and wrong.stderr.startswith("scaling: no table 'nonesuch'")
    unanswered = process("optimal", "--loss", "1.0", "--law", "besiroglu-2024")
    assert unanswered.returncode == 1 and not unanswered.stdout and "not above" in unanswered.stderr


def test_a_reader_that_stops_reading_is_no_error():
    command = f"{sys.executable} -m scaling_helpers facts results | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("path")


@pytest.mark.parametrize("arguments", [[], ["nonesuch"], ["optimal"], ["optimal", "--flop", "-1"], ["optimal", "--flop", "much"],
                                       ["optimal", "--flop", "1e20", "--loss", "2"], ["optimal", "--flop", "nan"],
                                       ["optimal", "--flo", "1e20"], ["fit"], ["fit", "a.csv", "--level", "1.5"],
                                       ["fit", "a.csv", "--bootstrap", "-1"], ["passk", "a.csv", "-k", "0"],
                                       ["passk", "a.csv", "-k", "one"]])  # fmt: skip
def test_a_wrong_command_says_how_it_is_used(scaling, arguments):
    ran = scaling(*arguments)
    assert ran.code == 2 and ran.err.startswith("usage: scaling") and not ran.out


# ---- facts ----------------------------------------------------------------------------------------------------------


def test_facts_lists_every_table_and_a_table_every_number(scaling):
    listed = scaling("facts").out
    assert all(re.search(rf"^{name} ", listed, re.M) for name in facts.TABLES)
    for name in facts.TABLES:
        shown = scaling("facts", name).out.splitlines()[2:]
        assert [line.split()[0] for line in shown] == facts.paths(name)


@pytest.mark.parametrize("arguments", [("--path", "models/gpt-3/params"), ("models/gpt-3/params",)])
def test_one_fact_comes_with_source_and_confidence(scaling, arguments):
    fact = facts.get("models/gpt-3/params")
    shown = scaling("facts", *arguments)
    assert shown.code == 0
    assert all(word in shown.out for word in (numbers.format(fact.value, "count"), fact.source, fact.confidence))
    assert scaling("facts", *arguments, "--json", "-").json == [vars(fact)]


def test_a_slip_in_a_name_is_met_with_the_nearest(scaling):
    assert "'laws'" in scaling("facts", "law").err
    wrong = scaling("facts", "--path", "models/gpt-3/parms")
    assert wrong.code == 2 and "'models/gpt-3/params'" in wrong.err and "scaling facts models" in wrong.err
    assert "'besiroglu-2024'" in scaling("optimal", "--flop", "1e20", "--law", "besiroglu-2023").err


# ---- optimal --------------------------------------------------------------------------------------------------------


def test_without_a_law_every_law_answers_and_their_spread_is_the_message(scaling):
    shown = scaling("optimal", "--flop", "5.76e23")
    assert shown.code == 0
    for name, law in LAWS.items():
        (row,) = re.findall(rf"^{name} .*$", shown.out, re.M)
        assert numbers.format(law.optimal(5.76e23).N, "count") in row
    sizes = [optimum.optimal(law, 5.76e23).N for law in catalogue().values() if law.answers.get("loss") == ("N", "D")]
    assert len(sizes) > len(LAWS) and numbers.format(max(sizes) / min(sizes), "times") in shown.out


def test_laws_that_leave_out_embeddings_are_named_beside_those_that_do_not(scaling):
    for budgets in (["5.76e23"], ["1e21", "1e23"]):
        shown = scaling("optimal", "--flop", *budgets).out
        (said,) = re.findall(r"N leaves out embeddings in ([\w, /-]+) and is all parameters in the others", shown)
        assert said == "kaplan-2020"
    assert "embeddings" not in scaling("optimal", "--flop", "1e21", "--law", "kaplan-2020").out
    answers = scaling("optimal", "--flop", "1e21", "--json", "-").json["allocations"]
    counts = {answer["law"]: answer["conventions"] for answer in answers}
    assert counts["kaplan-2020"].startswith("N without embeddings") and counts["hoffmann-2022"].startswith("N all parameters")


def test_one_law_answers_each_budget_in_full_precision(scaling):
    answers = scaling("optimal", "--flop", "1e21", "5.76e23", "--law", "besiroglu-2024", "--json", "-").json["allocations"]
    assert [answer["compute"] for answer in answers] == [1e21, 5.76e23]
    best = BESIROGLU_2024.optimal(5.76e23)
    assert (answers[1]["N"], answers[1]["D"], answers[1]["loss"]) == (best.N, best.D, best.loss)


def test_a_target_loss_names_the_budget_it_takes(scaling):
    (answer,) = scaling("optimal", "--loss", "2.0", "--law", "besiroglu-2024", "--json", "-").json["allocations"]
    assert answer["compute"] == pytest.approx(BESIROGLU_2024.compute_for_loss(2.0), rel=1e-12)
    assert answer["loss"] == pytest.approx(2.0, rel=1e-12)


def test_use_makes_the_best_model_smaller_at_the_same_loss(scaling):
    def best(*more):
        arguments = ("optimal", "--flop", "5.76e23", "--law", "besiroglu-2024", *more, "--json", "-")
        return scaling(*arguments).json["allocations"][0]

    plain, used = best(), best("--inference-tokens", "1e13")
    assert used["N"] < plain["N"] and used["D"] > plain["D"] and used["loss"] == pytest.approx(plain["loss"], rel=1e-12)
    assert used["total_flop"] == pytest.approx(6 * used["N"] * used["D"] + 2 * used["N"] * 1e13, rel=1e-9)
    assert used["total_flop"] < 6 * plain["N"] * plain["D"] + 2 * plain["N"] * 1e13


def test_text_that_must_be_read_again_asks_the_law_that_knows_it(scaling):
    (answer,) = scaling("optimal", "--flop", "1e22", "--unique-tokens", "25e9", "--json", "-").json["allocations"]
    best = optimum.data_constrained(MUENNIGHOFF_2023_REPEATED, 1e22, 25e9)
    assert (answer["N"], answer["epochs"]) == (best.N, best.epochs)
    refused = scaling("optimal", "--flop", "1e22", "--unique-tokens", "25e9", "--law", "besiroglu-2024")
    assert refused.code == 2 and "repeated text" in refused.err and "muennighoff" in refused.err


def test_a_law_that_cannot_reach_a_loss_is_left_out_and_said(scaling):
    some = scaling("optimal", "--loss", "1.9")
    assert some.code == 0 and "muennighoff-2023" in some.out
    few = scaling("optimal", "--loss", "1.75")
    assert few.code == 0 and "hoffmann-2022 " in few.out
    assert "besiroglu-2024 does not answer" in few.err and "besiroglu" not in few.out
    assert scaling("optimal", "--loss", "1e-9").code == 1


def test_a_device_turns_compute_into_hours_and_dollars(scaling):
    asked = ("optimal", "--flop", "1e24", "--law", "besiroglu-2024", "--json", "-", "--hardware", "h100")
    (answer,) = scaling(*asked, "--utilisation", "0.4", "--price", "2").json["allocations"]
    cost = costs.training_cost(1e24, costs.device("h100"), utilisation=0.4, usd_per_hour=2.0)
    assert (answer["device_hours"], answer["usd"]) == (cost.device_hours, cost.usd)
    quoted = scaling(*asked, "--utilisation", "0.4")
    assert quoted.json["allocations"][0]["usd"] == pytest.approx(cost.device_hours * costs.rent("h100").value)
    assert "quotes" in quoted.err
    for wrong, word in (
        (asked, "--utilisation"),
        (("optimal", "--flop", "1e24", "--price", "2"), "--hardware"),
        ((*asked[:-1], "abacus", "--utilisation", "0.4"), "abacus"),
        ((*asked[:-1], "gtx-580", "--utilisation", "0.4"), "--price"),
    ):
        refused = scaling(*wrong)
        assert refused.code == 2 and word in refused.err, wrong


NO_LAW = '{"schema": "scaling-helpers/fit/1", "law": {"E": 1, "A": -1, "B": 1, "alpha": 1, "beta": 1}}'


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "other"}', '{"schema": "scaling-helpers/fit/1"}', NO_LAW])
def test_a_file_that_holds_no_law_is_refused(scaling, tmp_path, content):
    path = tmp_path / "fit.json"
    path.write_text(content)
    refused = scaling("optimal", "--flop", "1e20", "--law", path)
    assert refused.code == 2 and str(path) in refused.err


# ---- fit ------------------------------------------------------------------------------------------------------------


RUNS = planted_runs(BESIROGLU_2024, budgets=[1e19, 1e20, 1e21], sizes=8, noise=0.01, seed=3)


def write_runs(path: Path, header=("params", "tokens", "loss"), runs=RUNS, **more) -> Path:
    rows = zip(runs.N, runs.D, runs.loss, *more.values(), strict=True)
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([[*header, *more], *rows])
    return path


@pytest.fixture
def runs(tmp_path) -> Path:
    return write_runs(tmp_path / "runs.csv")


def test_a_fit_is_the_library_s_fit_with_its_intervals(scaling, runs):
    found = scaling("fit", runs, "--flop", "5.76e23", "--bootstrap", "200", "--json", "-").json
    fit = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss)
    boot = fit.bootstrap(200)
    assert found["law"] == {"form": "chinchilla", **{name: getattr(fit.law, name) for name in ("E", "A", "B", "alpha", "beta")}}
    for name, ends in found["parameters"].items():
        interval = boot.interval(name)
        assert ends == {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    (best,) = found["recommendations"]
    interval = boot.interval("optimal.N", C=5.76e23)
    assert (best["N"]["estimate"], best["N"]["low"], best["N"]["high"]) == (interval.estimate, interval.low, interval.high)
    assert best["beyond"] == pytest.approx(576)
    assert found["fit"]["status"] == "CONVERGED" and found["fit"]["objective"] == fit.objective


def test_a_fit_is_printed_with_what_one_needs_to_judge_it(scaling, runs):
    shown = scaling("fit", runs, "--bootstrap", "50", "--flop", "1e25")
    judged = ("24 runs", "converged", "starts reached it", "alpha", "90% interval", "best N", "50 pairs resamples", "Residuals")
    for word in judged:
        assert word in shown.out, word
    assert "taking N from 'params'" in shown.err
    assert "largest budget" in shown.out  # ten thousand times beyond the runs


def test_without_budgets_the_largest_and_beyond_are_answered(scaling, runs):
    found = scaling("fit", runs, "--bootstrap", "0", "--json", "-").json
    assert [round(one["beyond"], 9) for one in found["recommendations"]] == [1, 10, 100]
    assert found["bootstrap"] is None and found["parameters"]["E"]["low"] is None


def test_the_json_of_a_fit_is_a_law_again(scaling, runs, tmp_path):
    target = tmp_path / "fit.json"
    assert scaling("fit", runs, "--bootstrap", "0", "--json", target, "--quiet").code == 0
    fit = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss)
    assert law_of(target) == fit.law
    (answer,) = scaling("optimal", "--flop", "1e23", "--law", target, "--json", "-").json["allocations"]
    assert answer["N"] == fit.law.optimal(1e23).N


SCHEMA = {
    "schema": str, "law": dict, "parameters": dict, "exponent": dict, "recommendations": list, "fit": dict, "bootstrap": dict,
    "data": dict, "predicted": list, "residuals": list, "residual_space": str, "warnings": list, "source": dict,
}  # fmt: skip


def test_the_json_has_the_documented_shape(scaling, runs):
    found = scaling("fit", runs, "--bootstrap", "20", "--json", "-").json
    assert {name: type(value) for name, value in found.items()} == SCHEMA
    documented = scaling_helpers.report.FitReport.to_json.__doc__
    keys = {*SCHEMA, *found["fit"], *found["bootstrap"], *found["law"], *found["recommendations"][0], *found["exponent"]}
    assert not [name for name in keys - {"source"} if not re.search(rf"\b{name}\b", documented)]
    assert len(found["predicted"]) == len(found["residuals"]) == len(found["data"]["N"]) == 24
    assert found["source"]["rows"] == list(range(2, 26))
    assert found["data"]["loss"] == RUNS.loss.tolist()


def test_the_options_of_the_fit_reach_it(scaling, tmp_path):
    path = write_runs(tmp_path / "runs.csv", ("a", "b", "c"), weight=np.arange(24) % 2 + 1, seed=np.arange(24) // 3)
    named = ("fit", path, "--n", "a", "--d", "b", "--loss", "c", "--json", "-")
    squares = scaling(*named, "--objective", "squares", "--weights", "weight", "--bootstrap", "0").json
    expected = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss, weights=np.arange(24) % 2 + 1, objective=LeastSquares())
    assert squares["law"]["alpha"] == expected.law.alpha and squares["fit"]["estimator"] == expected.estimator
    wide = scaling(*named, "--delta", "0.01", "--bootstrap", "0").json
    assert "0.01" in wide["fit"]["estimator"]
    clustered = scaling(*named, "--cluster", "seed", "--bootstrap", "30", "--seed", "5").json
    assert (clustered["bootstrap"]["kind"], clustered["bootstrap"]["seed"]) == ("cluster", 5)
    assert any("8 clusters" in note for note in [scaling(*named, "--cluster", "seed", "--bootstrap", "10").err])


def test_units_scale_what_is_read(scaling, tmp_path):
    text = "n,d,loss\n" + "".join(f"{n / 1e6},{d / 1e9},{loss}\n" for n, d, loss in zip(RUNS.N, RUNS.D, RUNS.loss, strict=True))
    path = tmp_path / "units.csv"
    path.write_text(text)
    refused = scaling("fit", path)
    assert refused.code == 1 and "--d-unit 1e9" in refused.err
    found = scaling("fit", path, "--n-unit", "1e6", "--d-unit", "1e9", "--bootstrap", "0", "--json", "-").json
    assert found["law"]["alpha"] == pytest.approx(fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss).law.alpha, rel=1e-6)


def test_runs_come_from_standard_input_too(runs):
    done = process("fit", "-", "--bootstrap", "0", "--json", "-", input=runs.read_text())
    assert done.returncode == 0 and json.loads(done.stdout)["source"]["name"] == "standard input"


ONE = planted_runs(BESIROGLU_2024, budgets=[1e20], sizes=8)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (lambda: "n,d,loss\n1e8,1e9,3\n2e8,1e9,-3\n", 1, ["line 3", "loss = -3", "positive"]),
        (lambda: "n,d,nll\n1e8,1e9,3\n", 2, ["'nll'", "--loss COLUMN"]),
        (lambda: "n,d,loss\n1e8,1e9,3\n2e8,2e9,2.9\n4e8,4e9,2.8\n", 1, ["five"]),
        (lambda: "n,d,loss\n" + "".join(f"{n},{d},3\n" for n, d in zip(ONE.N, ONE.D, strict=True)), 1, ["one budget", "another"]),
        (lambda: "n,d,loss\n" + "".join(f"1e8,{d}e9,{4 - d / 10}\n" for d in range(1, 9)), 1, ["one size N", "vary"]),
        (lambda: "n,d,loss\n" + "".join(f"{d}e8,1e9,{4 - d / 10}\n" for d in range(1, 9)), 1, ["one amount of text"]),
        (lambda: "", 2, ["empty"]),
    ],
    ids=["negative", "column", "few", "one-budget", "one-size", "one-text", "empty"],
)
def test_runs_that_cannot_answer_are_refused_in_a_line_or_two(scaling, tmp_path, text, code, words):
    path = tmp_path / "bad.csv"
    path.write_text(text())
    ran = scaling("fit", path, "--bootstrap", "0", "--quiet")
    assert ran.code == code and not ran.out, ran.err
    assert len(ran.err.splitlines()) <= 2 and all(word in ran.err for word in words), ran.err


@pytest.mark.parametrize(("last", "said"), [(1.1, True), (1.9, True), (2.1, False), (10.0, False)])
def test_what_is_one_budget_in_effect_converges_with_a_warning(scaling, tmp_path, last, said):
    near = planted_runs(BESIROGLU_2024, budgets=[1e20, last * 1e20], sizes=8, noise=0.0)
    ran = scaling("fit", write_runs(tmp_path / "near.csv", runs=near), "--bootstrap", "0", "--json", "-")
    assert ran.code == 0 and ran.json["fit"]["status"] == "CONVERGED" and ran.json["fit"]["condition"] > 1e2
    warned = [sentence for sentence in ran.json["warnings"] if "one budget" in sentence]
    assert bool(warned) == said
    if said:
        assert f"condition {ran.json['fit']['condition']:.1e}" in warned[0] and "Take neither exponents" in warned[0]
        assert "Note: All runs spend about one budget" in scaling("fit", tmp_path / "near.csv", "--bootstrap", "0").out


# ---- fit, approaches 1 and 2 ----------------------------------------------------------------------------------------


VALLEYS = planted_runs(BESIROGLU_2024, budgets=[1e19, 1e20, 1e21], sizes=8, noise=0.003, seed=3, spread=12.0)
SIZES, TOKENS = (grid.ravel() for grid in np.meshgrid(np.geomspace(4e7, 8e9, 8), np.geomspace(2e8, 1e12, 15)))
PLANTED_A = BESIROGLU_2024.beta / (BESIROGLU_2024.alpha + BESIROGLU_2024.beta)


@pytest.fixture
def valleys(tmp_path) -> Path:
    return write_runs(tmp_path / "valleys.csv", runs=VALLEYS, planned=VALLEYS.budget)


@pytest.fixture
def curves(tmp_path) -> Path:
    path = tmp_path / "curves.csv"
    rows = zip(SIZES, TOKENS, BESIROGLU_2024.loss(SIZES, TOKENS), [f"run-{size:.3g}" for size in SIZES], strict=True)
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([("params", "tokens", "loss", "name"), *rows])
    return path


def test_approach_2_is_the_library_s_with_valleys_exponents_and_intervals(scaling, valleys):
    asked = ("fit", valleys, "--approach", "2", "--flop", "1e22", "--json", "-")
    found = scaling(*asked, "--bootstrap", "30", "--budget", "planned").json
    fit = fit_isoflop(VALLEYS.N, VALLEYS.D, VALLEYS.loss, budget=VALLEYS.budget, method="shape")
    boot = fit.bootstrap(30)
    assert [(one["compute"], one["N"], one["low"], one["high"]) for one in found["budgets"]] == [
        (valley.budget, valley.N, valley.low, valley.high) for valley in fit.valleys
    ]
    for name in ("a", "b"):
        interval = boot.interval(name)
        assert found["exponents"][name] == {"estimate": getattr(fit, name), "low": interval.low, "high": interval.high}
    (best,) = found["recommendations"]
    assert best["N"]["estimate"] == fit.law.best_params(1e22) and best["beyond"] == pytest.approx(10)
    assert best["tokens_per_parameter"]["estimate"] == pytest.approx(best["D"]["estimate"] / best["N"]["estimate"])
    grouped = scaling(*asked, "--bootstrap", "0").json  # budgets from 6 N D
    assert grouped["exponents"]["a"]["estimate"] == pytest.approx(fit.a, rel=1e-9) and grouped["bootstrap"] is None


@pytest.mark.parametrize(("method", "more"), [("parabola", ()), ("akima", ("--noise", "0.01"))])
def test_each_way_to_draw_a_valley_is_the_library_s(scaling, valleys, method, more):
    found = scaling("fit", valleys, "--approach", "2", "--method", method, *more, "--bootstrap", "0", "--json", "-").json
    fit = fit_isoflop(VALLEYS.N, VALLEYS.D, VALLEYS.loss, method=method, noise=0.01 if more else None)
    assert found["method"] == method and found["exponents"]["a"]["estimate"] == fit.a
    assert any("parabola" in sentence for sentence in found["warnings"]) == (method == "parabola")


def test_a_budget_without_a_lowest_point_is_shown_with_its_reason(scaling, tmp_path):
    keep = (VALLEYS.budget > 1e19) | (np.median(VALLEYS.N[VALLEYS.budget == 1e19]) / 2 > VALLEYS.N)
    path = tmp_path / "half.csv"
    path.write_text("n,d,loss\n" + "".join(f"{VALLEYS.N[i]},{VALLEYS.D[i]},{VALLEYS.loss[i]}\n" for i in np.flatnonzero(keep)))
    asked = ("fit", path, "--approach", "2", "--method", "parabola", "--bootstrap", "0")
    found = scaling(*asked, "--json", "-").json
    reasons = [one["reason"] for one in found["budgets"]]
    assert "above the largest size" in reasons[0] and reasons[1:] == ["", ""] and found["budgets"][0]["N"] is None
    shown = scaling(*asked, "--report", tmp_path / "half.svg").out
    assert reasons[0] in shown and "1 of 3 budgets are left out" in shown
    assert "FLOP (left out)" in (tmp_path / "half.svg").read_text()


def test_approach_1_takes_curves_by_their_run_and_names_who_carries_the_envelope(scaling, curves):
    found = scaling("fit", curves, "--approach", "1", "--run", "name", "--bootstrap", "20", "--json", "-").json
    fit = fit_envelope(SIZES, SIZES, TOKENS, BESIROGLU_2024.loss(SIZES, TOKENS))
    assert (found["exponents"]["a"]["estimate"], found["method"]) == (pytest.approx(fit.a, rel=1e-9), "envelope")
    assert found["exponents"]["a"]["estimate"] == pytest.approx(PLANTED_A, abs=0.03)  # eight sizes are a coarse staircase
    assert found["bootstrap"]["kind"] == "cluster", "rows of one curve are resampled together"
    assert found["budgets"][0]["run"] == "run-4e+07" and "smallest size" in found["budgets"][0]["reason"]
    assert "largest size" in found["budgets"][-1]["reason"] and found["budgets"][-1]["N"] == pytest.approx(8e9)
    shown = scaling("fit", curves, "--approach", "1", "--run", "name", "--bootstrap", "0").out
    for word in ("120 rows, approach 1", "from (FLOP)", "left out: carried by the smallest size", "8 runs carry the envelope"):
        assert word in shown, word


def test_the_json_of_an_allocation_has_the_documented_shape_and_is_no_law_of_loss(scaling, valleys, tmp_path):
    target = tmp_path / "allocation.json"
    assert scaling("fit", valleys, "--approach", "2", "--bootstrap", "10", "--json", target, "--quiet").code == 0
    found = json.loads(target.read_text())
    documented = scaling_helpers.allocation_report.AllocationReport.to_json.__doc__
    inner = (found["fit"], found["bootstrap"], found["law"], found["budgets"][0], found["recommendations"][0])
    keys = {*found}.union(*inner)
    assert not [name for name in keys - {"source"} if not re.search(rf"\b{name}\b", documented)]
    refused = scaling("optimal", "--flop", "1e22", "--law", target)
    assert refused.code == 2 and "approach 3" in refused.err


@pytest.mark.parametrize("approach", ["1", "2"])
def test_the_figure_of_an_allocation_has_runs_lowest_points_and_the_line(scaling, valleys, curves, tmp_path, approach):
    source = (curves, "--run", "name") if approach == "1" else (valleys,)
    for name in ("one.svg", "two.svg"):
        asked = ("fit", *source, "--approach", approach, "--bootstrap", "10", "--report", tmp_path / name, "--quiet")
        assert scaling(*asked).code == 0
    text = (tmp_path / "one.svg").read_bytes()
    assert text == (tmp_path / "two.svg").read_bytes()
    root = ElementTree.fromstring(text)
    words = " ".join(element.text or "" for element in root.iter() if element.tag.endswith(("text", "title")))
    for word in ("Two panels", "Best size", "power law", "90% interval", "budgets asked for", "Loss (nats per token)"):
        assert word in words, word
    assert len(list(root.iter("{http://www.w3.org/2000/svg}use"))) >= 24


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--method", "shape"), 2, ["--method goes with --approach 2"]),
        (("--approach", "2", "--run", "name"), 2, ["--run goes with --approach 1"]),
        (("--approach", "1", "--delta", "0.01"), 2, ["--delta goes with --approach 3"]),
        (("--approach", "2", "--method", "akima"), 2, ["--noise"]),
        (("--approach", "2", "--noise", "0.1"), 2, ["akima"]),
        (("--approach", "2", "--budget", "nonesuch"), 2, ["no column 'nonesuch'", "'planned'"]),
        (("--approach", "1", "--run", "loss", "--c", "nonesuch"), 2, ["nonesuch"]),
        (("--approach", "2", "--n", "params", "--budget", "params"), 1, ["budgets", "sizes"]),
    ],
)
def test_what_an_approach_cannot_use_is_refused(scaling, valleys, arguments, code, words):
    ran = scaling("fit", valleys, *arguments, "--bootstrap", "0", "--quiet")
    assert ran.code == code and not ran.out and len(ran.err.splitlines()) <= 2, ran.err
    assert all(word in ran.err for word in words), ran.err


@pytest.mark.parametrize("approach", ["1", "2"])
def test_one_budget_is_refused_by_every_approach(scaling, tmp_path, approach):
    path = write_runs(tmp_path / "one.csv", runs=ONE)
    ran = scaling("fit", path, "--approach", approach, "--quiet")
    assert ran.code == 1 and not ran.out and "one budget" in ran.err and "another" in ran.err


def test_wrong_outputs_are_refused_before_the_work(scaling, runs, tmp_path, monkeypatch):
    def never(*_args, **_options):
        raise AssertionError("the runs were read")

    monkeypatch.setattr("scaling_helpers.cli.read_runs", never)
    for target, word in ((tmp_path / "report.pdf", ".svg"), (runs, "--force"), (tmp_path / "no" / "report.svg", "no folder")):
        refused = scaling("fit", runs, "--report", target)
        assert refused.code == 2 and word in refused.err


def test_the_report_is_a_picture_with_words_that_is_the_same_twice(scaling, runs, tmp_path):
    texts = []
    for name in ("one.svg", "two.svg"):
        assert scaling("fit", runs, "--bootstrap", "50", "--flop", "1e23", "--report", tmp_path / name, "--quiet").code == 0
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]
    root = ElementTree.fromstring(texts[0])
    words = " ".join(element.text or "" for element in root.iter() if element.tag.endswith(("text", "title")))
    for word in ("Runs and fit", "Best size", "Residuals", "Model size N (parameters)", "90% interval", "budgets asked for"):
        assert word in words, word
    assert root.get("role") == "img" and root.find("{http://www.w3.org/2000/svg}title").text.startswith("Three panels")
    points = list(root.iter("{http://www.w3.org/2000/svg}use"))
    assert len(points) >= 3 * 24, "each run in each panel"
    text = texts[0].decode()
    assert "var(--" not in text and "href=\"http" not in text and str(tmp_path) not in text


def test_a_png_report_is_a_png(scaling, runs, tmp_path):
    assert scaling("fit", runs, "--bootstrap", "0", "--report", tmp_path / "r.png", "--quiet").code == 0
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_progress_shows_on_a_terminal_only(scaling, runs, monkeypatch, capsys):
    assert "\r" not in scaling("fit", runs, "--bootstrap", "1100").err

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["fit", str(runs), "--bootstrap", "1100"]) == 0
    assert "bootstrap [" in terminal.getvalue() and "100%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")
    quiet = Terminal()
    monkeypatch.setattr(sys, "stderr", quiet)
    assert main(["fit", str(runs), "--bootstrap", "10", "--quiet"]) == 0 and quiet.getvalue() == ""


def test_stopping_leaves_no_file_and_its_own_exit_code(scaling, runs, tmp_path, monkeypatch):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("scaling_helpers.report.FitReport.svg", stop)
    before = set(tmp_path.iterdir())
    ran = scaling("fit", runs, "--bootstrap", "0", "--report", tmp_path / "r.svg", "--json", tmp_path / "r.json")
    assert ran.code == 130 and set(tmp_path.iterdir()) == before


# ---- passk ----------------------------------------------------------------------------------------------------------


def test_pass_at_k_from_counts_and_from_single_attempts_agree(scaling, tmp_path):
    solved = {"a": 0, "b": 1, "c": 7}
    counts = tmp_path / "counts.csv"
    counts.write_text("problem,n,c\n" + "".join(f"{name},10,{c}\n" for name, c in solved.items()))
    single = tmp_path / "single.csv"
    single.write_text("task_id,passed\n" + "".join(f"{name},{i < c}\n" for name, c in solved.items() for i in range(10)))
    answers = [scaling("passk", path, "-k", "1,5,10", "--json", "-").json for path in (counts, single)]
    assert answers[0] == answers[1]
    for row in answers[0]["values"]:
        # Of all ways to pick k of the ten attempts, the share with a success in it.
        share = [np.mean([min(pick) < c for pick in itertools.combinations(range(10), row["k"])]) for c in solved.values()]
        assert row["estimate"] == pytest.approx(np.mean(share), abs=1e-12)
        assert row["low"] <= row["estimate"] <= row["high"]
    shown = scaling("passk", counts, "-k", "1")
    assert "pass@1" in shown.out and "3 problems, 10 attempts each, 1 never solved" in shown.out


def test_pass_hat_k_is_never_above_pass_at_k(scaling, tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("problem,n,c\na,10,9\nb,12,4\n")
    hat = scaling("passk", path, "-k", "3", "--hat", "--json", "-").json
    assert hat["kind"] == "pass^k" and hat["values"][0]["estimate"] < np.mean(pass_at_k([10, 12], [9, 4], 3))
    assert "10 to 12 attempts" in scaling("passk", path, "-k", "3").out


@pytest.mark.parametrize(
    ("text", "k", "code", "words"),
    [
        ("problem,n,c\na,10,3\nb,8,1\n", 9, 1, ["k = 9", "'b'", "n = 8"]),
        ("problem,n,c\na,10,3\n", 1, 1, ["one problem"]),
        ("problem,n,c\na,3,10\nb,3,1\n", 1, 1, ["line 2", "swapped"]),
        ("problem,n,c\na,10,1.5\nb,10,1\n", 1, 1, ["line 2", "no count"]),
        ("problem,n,c\na,10,-1\nb,10,1\n", 1, 1, ["line 2", "no count"]),
        ("problem,n,c\na,0,0\nb,10,1\n", 1, 1, ["line 2", "no attempts"]),
        ("problem,n,c\na,10,1\na,10,1\n", 1, 1, ["several rows"]),
        ("problem,correct\na,maybe\nb,1\n", 1, 1, ["line 2", "'maybe'", "1 or 0"]),
        ("problem,correct\n,1\nb,1\n", 1, 1, ["line 2", "empty"]),
        ("a,b\n1,2\n", 1, 2, ["'a', 'b'", "n and c"]),
    ],
)
def test_attempts_that_cannot_be_are_refused(scaling, tmp_path, text, k, code, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    ran = scaling("passk", path, "-k", k)
    assert ran.code == code and all(word in ran.err for word in words), ran.err


# ---- what is written ------------------------------------------------------------------------------------------------

def test_a_file_is_written_once_and_replaced_only_by_force(scaling, tmp_path):
    target = tmp_path / "answer.json"
    assert scaling("optimal", "--flop", "1e20", "--json", target).code == 0
    first = target.read_text()
    refused = scaling("optimal", "--flop", "1e21", "--json", target)
    assert refused.code == 2 and "--force" in refused.err and target.read_text() == first
    assert scaling("optimal", "--flop", "1e21", "--json", target, "--force").code == 0
    assert json.loads(target.read_text())["allocations"][0]["compute"] == 1e21
    assert [path.name for path in tmp_path.iterdir()] == ["answer.json"]


def test_a_place_that_cannot_be_written_is_refused(scaling, tmp_path):
    for target in (tmp_path, tmp_path / "none" / "answer.json"):
        refused = scaling("optimal", "--flop", "1e20", "--json", target)
        assert refused.code == 2 and "cannot write" in refused.err


def test_a_failure_leaves_no_half_file(scaling, tmp_path, monkeypatch):
    def fail(self, *_args, **_options):
        self.write_bytes(b'{"half')
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    refused = scaling("optimal", "--flop", "1e20", "--json", tmp_path / "answer.json")
    assert refused.code == 2 and "No space" in refused.err and not refused.out
    assert list(tmp_path.iterdir()) == []


def test_quiet_prints_nothing_but_what_was_asked_for(scaling, tmp_path):
    ran = scaling("optimal", "--flop", "1e20", "--quiet", "--json", tmp_path / "a.json")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
