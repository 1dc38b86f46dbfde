"""`python -m analysis evaluate`: bits per byte and tasks, of every mask on every domain."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rich.table import Table

from analysis.captions import about_tasks, percent
from analysis.execution import Sandbox, add_consent_argument, consented_sandbox
from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_selection,
    add_starved,
    add_workspace,
    layers_of,
    projections_of,
    workspace_of,
)
from pruning.errors import InputError
from pruning.progress import Report
from pruning.specs import COMPARISON_GROUPS, TEXT_SCORES, PruneSpec
from pruning.specs.patterns import pattern_sparsity

if TYPE_CHECKING:
    from analysis.evaluation.spec import Column, EvaluationSpec
    from analysis.evaluation.table import EvaluationTable, Result
    from pruning.runs.workspace import Workspace

TASK_FILE_HELP = (
    "KIND=PATH or NAME:KIND=PATH, a .jsonl file of tasks; kinds: math, choices, "
    "translation, programs; repeat it for more"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evaluate`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_measuring(parser)
    parser.add_argument(
        "--calibrated-on", metavar="DOMAIN", nargs="+", help="only these domains' own masks"
    )
    parser.add_argument(
        "--measured-on", metavar="DOMAIN", nargs="+", help="only these domains' text and tasks"
    )
    parser.add_argument(
        "--no-yardsticks",
        action="store_true",
        help="leave out the mixture, magnitude and random masks, and two draws of each domain",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=evaluate)


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """How much is pruned, and what is measured."""
    _add_masks(parser)
    parser.add_argument(
        "--text",
        type=int,
        default=20_000,
        metavar="BYTES",
        help="held-out text of each domain; 0 for none (default: 20000)",
    )
    parser.add_argument(
        "--tasks",
        type=int,
        default=0,
        metavar="N",
        help="held-out tasks of each built-in domain (default: 0)",
    )
    parser.add_argument(
        "--task-file", metavar="KIND=PATH", action="append", default=[], help=TASK_FILE_HELP
    )
    parser.add_argument(
        "--lm-eval",
        metavar="TASK",
        nargs="+",
        default=[],
        help="tasks of lm-evaluation-harness, if it is installed",
    )
    parser.add_argument(
        "--lm-eval-include", metavar="DIR", default="", help="a folder of harness tasks of your own"
    )
    parser.add_argument(
        "--lm-eval-limit", metavar="N", type=int, help="samples of each harness task at most"
    )
    parser.add_argument(
        "--samples", type=int, default=1, help="programs written for each task (default: 1)"
    )
    parser.add_argument(
        "--temperature", type=float, default=0.0, help="of sampled programs (default: 0, greedy)"
    )
    parser.add_argument("--top-p", type=float, default=1.0, help="of sampled programs (default: 1)")
    parser.add_argument(
        "--pass-at", type=int, nargs="+", default=[1], metavar="K", help="k of pass@k (default: 1)"
    )
    parser.add_argument(
        "--meteor", action="store_true", help="also METEOR of translations, if nltk is installed"
    )
    add_consent_argument(parser)


def _add_masks(parser: argparse.ArgumentParser) -> None:
    """Which masks are measured."""
    parser.add_argument(
        "--sparsity",
        type=float,
        nargs="+",
        help="shares of the weights to prune, e.g. 0.4 0.5 0.6 (default: 0.5)",
    )
    parser.add_argument(
        "--pattern",
        default="unstructured",
        metavar="unstructured|n:m",
        help="n:m keeps n of every m consecutive inputs, e.g. 2:4 (default: unstructured)",
    )
    parser.add_argument(
        "--score",
        choices=TEXT_SCORES,
        default="wanda",
        help="of the domains' masks (default: wanda)",
    )
    parser.add_argument(
        "--comparison-group",
        choices=COMPARISON_GROUPS,
        default="row",
        help="scores compete within an output row or the whole matrix (default: row)",
    )
    add_starved(parser)
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the random mask and of sampled programs (default: 0)",
    )
    add_selection(parser, "prune")


def evaluate(arguments: argparse.Namespace, report: Report) -> Answer:
    """Measure, or read what was measured before."""
    spec = spec_of(arguments)
    from analysis.evaluation import evaluate as evaluation
    from analysis.evaluation.spec import columns_of

    workspace = workspace_of(arguments)
    run = workspace.run(arguments.run)
    table = evaluation.evaluate(
        run,
        spec,
        device=arguments.device,
        sandbox=sandbox_of(arguments, workspace, columns_of(run, spec)),
        report=report,
    )
    said = remarks_on(table)
    return Answer(
        data={
            "run": run.id,
            "evaluation": spec.to_json(),
            "held_out": said,
            "results": [result.row() for result in table.results],
        },
        shown=[*tables(table), said],
    )


def remarks_on(table: EvaluationTable) -> str:
    """What to know when reading the tables: what was held out, and which masks prune more."""
    from analysis.evaluation.spec import TEXT
    from analysis.evaluation.table import HELD_OUT, LEFT_DENSE

    tasks = [column.tasks for column in table.columns if column.tasks is not None]
    said = [HELD_OUT] if any(column.kind == TEXT for column in table.columns) else []
    if tasks:
        said.append(about_tasks(tasks))
    if table.spec.prune.starved == "dense":
        said.append(LEFT_DENSE)
    return " ".join(said)


def sandbox_of(
    arguments: argparse.Namespace, workspace: Workspace, columns: tuple[Column, ...]
) -> Sandbox | None:
    """Where programs are run; None if none are. Raises as `consented_sandbox` does."""
    if not any(column.is_programs for column in columns):
        return None
    return consented_sandbox(workspace.root, allow=arguments.allow_execution)


def spec_of(arguments: argparse.Namespace) -> EvaluationSpec:
    """The EvaluationSpec of the flags."""
    from analysis.evaluation.sampling import Sampling
    from analysis.evaluation.spec import EvaluationSpec
    from analysis.evaluation.tasks import HARNESS, TaskSpec, parse_task_file

    implied = pattern_sparsity(arguments.pattern)
    if implied is not None and arguments.sparsity not in (None, [implied]):
        raise InputError(
            f"The pattern {arguments.pattern} prunes {implied:g} of the weights; leave out --sparsity."
        )
    sparsities = arguments.sparsity or [0.5 if implied is None else implied]
    return EvaluationSpec(
        sparsities=tuple(dict.fromkeys(sparsities)),
        prune=PruneSpec(
            sparsity=sparsities[0],
            score=arguments.score,
            pattern=arguments.pattern,
            comparison_group=arguments.comparison_group,
            starved=arguments.starved,
            seed=arguments.seed,
            layers=layers_of(arguments),
            projections=projections_of(arguments),
        ),
        text_bytes=arguments.text,
        tasks=arguments.tasks,
        task_sets=(
            *(parse_task_file(text) for text in arguments.task_file),
            *(
                TaskSpec(
                    name=name,
                    kind=HARNESS,
                    source=arguments.lm_eval_include,
                    count=arguments.lm_eval_limit,
                )
                for name in arguments.lm_eval
            ),
        ),
        sampling=Sampling(
            samples=arguments.samples,
            temperature=arguments.temperature,
            top_p=arguments.top_p,
            ks=tuple(arguments.pass_at),
            seed=arguments.seed,
        ),
        calibrated_on=_names(getattr(arguments, "calibrated_on", None)),
        measured_on=_names(getattr(arguments, "measured_on", None)),
        yardsticks=not getattr(arguments, "no_yardsticks", False),
        meteor=arguments.meteor,
    )


def _names(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given else None


def tables(table: EvaluationTable) -> list[Any]:
    """One table for each measure and sparsity, with a heading."""
    parts: list[Any] = []
    for sparsity in table.spec.sparsities:
        for name in table.measures:
            chosen = table.select(measure=name, sparsity=sparsity)
            parts += [f"{name}, {percent(sparsity)} of the weights pruned", _table(chosen)]
    return parts


def _table(results: tuple[Result, ...]) -> Table:
    """Rows are what a mask was calibrated on; * marks the best mask of a column."""
    columns = list(dict.fromkeys(result.column for result in results))
    shown = Table()
    shown.add_column("calibrated on")
    for column in columns:
        shown.add_column(column.name, justify="right")
    for title in dict.fromkeys(result.source.title for result in results):
        cells = {each.column: each for each in results if each.source.title == title}
        shown.add_row(title, *(_cell(cells.get(column)) for column in columns))
    return shown


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    found = result.estimate
    written = f"{'*' if result.best else ''}{number(found.value)}"
    if not found.has_interval:
        return written
    return f"{written}\n{number(found.low)} to {number(found.high)}"


def number(value: float) -> str:
    """Three significant decimals for small values, one for large ones."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
