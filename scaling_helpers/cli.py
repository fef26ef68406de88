"""What can be asked from a terminal? ``scaling fit``, ``optimal``, ``passk``, ``facts``, each with ``--help`` and examples.

Answers go to standard output; notes, progress and errors to standard error. Exit codes: 0 answered, 1 the data or the law
cannot answer, 2 the command was wrong. Nothing is written but the files that were asked for, and nothing leaves the machine.

>>> main(["facts", "--path", "models/gpt-3/params"])
models/gpt-3/params = 175B parameters
  parameters of GPT-3
  source: arXiv:2203.15556; Epoch AI (CC BY 4.0), Table 1
  confidence: primary text
0
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import __version__, facts, numbers
from .laws import LAWS
from .sweep import ColumnError, SourceError

__all__ = ["CommandError", "main"]

#: Names and versions the JSON that the commands write; a change that breaks readers changes the number.
SCHEMA = "scaling-helpers/{}/1"


class CommandError(Exception):
    """The command is wrong; the message is for the reader, the exit code 2."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``argv`` without the program's name, None for the process's own.

    >>> main(["facts", "--path", "models/gpt-3/parms"])
    2
    """
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
    except SystemExit as done:  # argparse has said all there is to say
        return int(done.code or 0)
    except (CommandError, SourceError, ColumnError, facts.FactError) as error:
        return _refuse(error, 2)
    except BrokenPipeError:  # `scaling facts | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError) as error:  # what the library says of data and values
        return _refuse(error, 1)
    except KeyboardInterrupt:
        return _refuse("stopped", 130)
    return code


def _refuse(error: object, code: int) -> int:
    print(f"scaling: {error}", file=sys.stderr)
    return code


# ---- the commands and their options ---------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scaling",
        description="Neural scaling laws at the command line: fit runs, allocate compute, estimate pass@k, look up facts.",
        epilog=_examples(
            "scaling fit runs.csv --flop 5.76e23 --report report.svg",
            "scaling optimal --flop 5.76e23",
            "scaling passk results.csv -k 1,10,100",
            "scaling facts models",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"scaling {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _optimal_parser(commands)
    _facts_parser(commands)
    return parser


def _command(commands: Any, name: str, help: str, description: str, *examples: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=_examples(*examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _examples(*commands: str) -> str:
    return "examples:\n" + "\n".join(f"  {command}" for command in commands)


def _optimal_parser(commands: Any) -> None:
    one = _command(
        commands,
        "optimal",
        "how to spend a budget, or reach a loss",
        "The compute-optimal parameters and tokens under C = 6 N D. Without --law, every published law answers: how far they\n"
        "disagree is part of the answer.",
        "scaling optimal --flop 5.76e23",
        "scaling optimal --flop 1e21 1e22 1e23 --law besiroglu-2024",
        "scaling optimal --loss 2.0 --inference-tokens 1e13",
    )
    goal = one.add_mutually_exclusive_group(required=True)
    goal.add_argument("--flop", type=_positive, nargs="+", metavar="C", help="training budgets in FLOP")
    goal.add_argument("--loss", type=_positive, metavar="L", help="a target loss in nats per token, instead of a budget")
    one.add_argument("--law", metavar="LAW", help=f"{', '.join(LAWS)}, or a file that `scaling fit --json` wrote")
    one.add_argument(
        "--inference-tokens",
        type=_positive,
        metavar="V",
        help="tokens that the model will read and write in use: the cheapest model of the same loss, training and use together",
    )
    _output_options(one)
    one.set_defaults(run=_optimal)


def _facts_parser(commands: Any) -> None:
    one = _command(
        commands,
        "facts",
        "published numbers with their sources",
        "Published numbers with source and confidence. Without a table: which tables there are.",
        "scaling facts",
        "scaling facts laws",
        "scaling facts --path models/gpt-3/params",
    )
    one.add_argument("table", nargs="?", help="a table's name")
    one.add_argument("--path", metavar="P", help="one number, such as models/gpt-3/params")
    _output_options(one)
    one.set_defaults(run=_facts)


def _output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the answer as JSON, to a file or to standard output (-)")
    parser.add_argument("--force", action="store_true", help="write over files that exist")
    parser.add_argument("--quiet", action="store_true", help="no table, no notes: errors and what was asked for with --json only")


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write it as 5.76e23") from None
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} must be positive and finite")
    return value


# ---- facts ----------------------------------------------------------------------------------------------------------


def _facts(asked: argparse.Namespace) -> int:
    from .facts.tables import CAPTIONS

    if asked.table and asked.path:
        raise CommandError("give a table or --path, not both")
    path = asked.path or (asked.table if "/" in (asked.table or "") else None)
    if path:
        found = [_fact(path)]
        lines = _fact_in_full(found[0])
    elif asked.table:
        if asked.table not in facts.TABLES:
            known = ", ".join(facts.TABLES)
            raise CommandError(f"no table {asked.table!r}; tables are {known}{_meant(asked.table, facts.TABLES)}")
        found = [facts.get(path) for path in facts.paths(asked.table)]
        lines = _table(("path", "value", "range", "confidence", "source"), [_fact_row(one) for one in found])
    else:
        rows = [(name, f"{len(facts.paths(name))}", CAPTIONS[name]) for name in facts.TABLES]
        return _answer(asked, _table(("table", "numbers", "what it holds"), rows), {name: caption for name, _, caption in rows})
    return _answer(asked, lines, [vars(one) for one in found])


def _fact(path: str) -> facts.Fact:
    try:
        return facts.get(path)
    except facts.FactError as error:
        name = path.partition("/")[0]
        known = facts.paths(name) if name in facts.TABLES else list(facts.TABLES)
        listing = f"scaling facts {name}" if name in facts.TABLES else "scaling facts"
        raise CommandError(f"no fact {path!r}; `{listing}` lists what there is{_meant(path, known)}") from error


def _meant(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""


def _fact_value(value: float, unit: str) -> str:
    kinds = {"parameters": "count", "tokens": "count", "FLOP": "flop", "runs": "count"}
    return numbers.format(value, kinds[unit]) if unit in kinds else f"{value:.10g}"


def _fact_row(one: facts.Fact) -> tuple[str, ...]:
    ends = [] if one.low is None or one.high is None else [one.low, one.high]
    bounds = " to ".join(_fact_value(end, one.unit) for end in ends)
    unit = "" if one.unit == "1" else f" {one.unit}"
    return one.path, _fact_value(one.value, one.unit) + unit, bounds, one.confidence, f"{one.source}, {one.location}"


def _fact_in_full(one: facts.Fact) -> list[str]:
    path, value, bounds, confidence, source = _fact_row(one)
    lines = [f"{path} = {value}", f"  {one.label}"]
    if bounds:
        lines.append(f"  {bounds}: {one.interval}")
    lines += [f"  source: {source}", f"  confidence: {confidence}"]
    return [*lines, f"  note: {one.note}"] if one.note else lines


# ---- optimal --------------------------------------------------------------------------------------------------------


def _optimal(asked: argparse.Namespace) -> int:
    laws = {asked.law: _law(asked.law)} if asked.law else dict(LAWS)
    found: list[dict[str, Any]] = []
    for name, law in laws.items():
        budgets = asked.flop if asked.flop else [law.compute_for_loss(asked.loss)]
        found += [{"law": name, **_allocation(law, budget, asked)} for budget in budgets]
    rows = [_allocation_row(answer) for answer in found]
    head = ("law", "C (FLOP)", "N", "D", "D/N", "loss", *(("with use, FLOP",) if asked.inference_tokens else ()))
    lines = _table(head, rows)
    if len(laws) > 1 and len(rows) == len(laws):
        sizes = [answer["N"] for answer in found]
        apart, least, most = numbers.format(max(sizes) / min(sizes), "times"), _count(min(sizes)), _count(max(sizes))
        lines += [
            "",
            f"The laws disagree by {apart} about the best size: {least} to {most} parameters. Their losses are of different",
            "texts and tokenizers: compare them within a law, not between laws.",
        ]
    return _answer(asked, lines, {"schema": SCHEMA.format("optimal"), "allocations": found})


def _allocation(law: Any, budget: float, asked: argparse.Namespace) -> dict[str, float]:
    best = law.optimal(budget)
    if asked.inference_tokens:
        from .optimum import INFERENCE_FLOP, inference_aware

        best = inference_aware(law, best.loss, asked.inference_tokens)
        total = {"total_flop": best.compute + INFERENCE_FLOP * best.N * asked.inference_tokens}
    else:
        total = {}
    return {
        "compute": float(best.compute),
        "N": float(best.N),
        "D": float(best.D),
        "tokens_per_parameter": float(best.tokens_per_parameter),
        "loss": float(best.loss),
        **total,
    }


def _allocation_row(answer: Mapping[str, Any]) -> tuple[str, ...]:
    row = (
        answer["law"],
        numbers.format(answer["compute"], "flop"),
        _count(answer["N"]),
        _count(answer["D"]),
        numbers.format(answer["tokens_per_parameter"], "ratio"),
        numbers.format(answer["loss"], "loss"),
    )
    return (*row, numbers.format(answer["total_flop"], "flop")) if "total_flop" in answer else row


def _law(name: str) -> Any:
    """A published law by its id, or the fitted law of a file that `scaling fit --json` wrote."""
    if name in LAWS:
        return LAWS[name]
    known = f"laws are {', '.join(LAWS)}, or a file that `scaling fit --json` wrote"
    raise CommandError(f"no law {name!r}; {known}{_meant(name, LAWS)}")


# ---- output ---------------------------------------------------------------------------------------------------------


def _count(value: float) -> str:
    return numbers.format(value, "count")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows under a head, in columns as wide as they need to be; a column of numbers is set to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    right = [all(row[i][:1].isdigit() or row[i] in ("", numbers.MISSING) for row in rows) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(cells, widths, right, strict=True)).rstrip()

    return [line(head), line(["-" * w for w in widths]), *map(line, rows)]


def _answer(asked: argparse.Namespace, lines: Sequence[str], data: Any) -> int:
    """Print the table, and write the JSON where that was asked for."""
    if asked.json == "-":
        print(_json(data))
        return 0
    if asked.json:
        with _output(asked.json, asked.force) as path:
            path.write_text(_json(data) + "\n", encoding="utf-8")
    if not asked.quiet:
        print("\n".join(lines))
    return 0


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def _check_output(name: str, force: bool) -> Path:
    """Refuse a file that could not be written, before the long work and not after it."""
    path = Path(name)
    if path.is_dir():
        raise CommandError(f"cannot write {name}: it is a folder")
    if path.exists() and not force:
        raise CommandError(f"{name} exists; add --force to write over it")
    if not path.parent.is_dir():
        raise CommandError(f"cannot write {name}: there is no folder {path.parent}")
    return path


@contextlib.contextmanager
def _output(name: str, force: bool) -> Iterator[Path]:
    """A path to write to, which becomes ``name`` only when the block ends well: no half file, ever."""
    path = _check_output(name, force)
    temporary = None
    try:
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(made)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise CommandError(f"cannot write {name}: {error.strerror}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
