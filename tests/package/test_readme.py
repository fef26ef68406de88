"""What the README promises is so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_code_in_the_readme_runs_and_prints_what_the_book_says(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
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
