"""The `scaling` command: what it answers, where it writes, and how it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scaling_helpers
from scaling_helpers import BESIROGLU_2024, LAWS, facts, numbers
from scaling_helpers.cli import main

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


COMMANDS = ["optimal", "facts"]


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
    unanswered = process("optimal", "--loss", "1.0")
    assert unanswered.returncode == 1 and not unanswered.stdout and "not above" in unanswered.stderr


def test_a_reader_that_stops_reading_is_no_error():
    command = f"{sys.executable} -m scaling_helpers facts results | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("path")


@pytest.mark.parametrize("arguments", [[], ["nonesuch"], ["optimal"], ["optimal", "--flop", "-1"], ["optimal", "--flop", "much"],
                                       ["optimal", "--flop", "1e20", "--loss", "2"], ["optimal", "--flop", "nan"]])  # fmt: skip
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
    sizes = [law.optimal(5.76e23).N for law in LAWS.values()]
    for name, law in LAWS.items():
        (row,) = re.findall(rf"^{name} .*$", shown.out, re.M)
        assert numbers.format(law.optimal(5.76e23).N, "count") in row
    assert numbers.format(max(sizes) / min(sizes), "times") in shown.out


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
