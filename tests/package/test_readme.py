"""What the README promises is so."""

import csv
import re
import shlex
from pathlib import Path

import pytest

from scaling_helpers import BESIROGLU_2024
from scaling_helpers.cli import main
from scaling_helpers.fitting import planted_runs

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_code_in_the_readme_runs_and_prints_what_the_book_says(capsys):
    code = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == [
        "7.22e+10 parameters, 1.33e+12 tokens, 1.9744 nats per token",
        "Gopher's size wastes 47% of its compute",
        "the first fit puts the optimum at 4.04e+10 parameters",
    ]


def test_every_file_and_command_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"`?make ([a-z-]+)", README):
        assert re.search(rf"^{command}:", makefile, re.M), f"make {command}"
    for name in re.findall(r"`([\w./-]+\.(?:py|md|yml|cff)|\w+/)`", README):
        places = (ROOT / name, ROOT / "scaling_helpers" / name)
        assert any(place.exists() for place in places), name
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files that the README's commands name, in the folder where they run."""
    monkeypatch.chdir(tmp_path)
    runs = planted_runs(BESIROGLU_2024, noise=0.01, seed=0)
    with open("runs.csv", "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("params", "tokens", "loss"), *zip(runs.N, runs.D, runs.loss, strict=True)])
    (tmp_path / "results.csv").write_text("problem,n,c\na,100,3\nb,100,0\nc,100,50\n", encoding="utf-8")


def test_the_commands_in_the_readme_run(files, capsys):
    commands = re.findall(r"^scaling (.*)$", README, re.M)
    assert len(commands) == 5
    for command in commands:
        assert main(shlex.split(command, comments=True)) == 0, capsys.readouterr().err
        assert capsys.readouterr().out
    assert Path("report.svg").read_text(encoding="utf-8").count("<svg") == 1


def test_the_fit_in_the_readme_runs_and_says_what_the_command_says(files, capsys):
    code = re.findall(r"```python\n(.*?)```", README, re.S)[1]
    exec(code, {})
    first, report = capsys.readouterr().out.split("\n", 1)
    assert first.startswith("converged optimal.N") and "90% confidence interval" in first
    assert main(["fit", "runs.csv", "--flop", "5.76e23"]) == 0
    assert capsys.readouterr().out == report
