"""`python -m analysis scores`: RIA, OWL and the contrastive score beside Wanda, on every domain."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_starved, add_workspace, workspace_of
from pruning.progress import Report
from pruning.specs.words import percent

if TYPE_CHECKING:
    from analysis.evaluation.score_comparison import ScoreComparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `scores`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    parser.add_argument(
        "--sparsity",
        type=float,
        nargs="+",
        default=[0.5, 0.6, 0.7],
        help="shares of the weights to prune (default: 0.5 0.6 0.7)",
    )
    parser.add_argument(
        "--text",
        type=int,
        default=20_000,
        metavar="BYTES",
        help="held-out text of each domain (default: 20000)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_starved(parser)
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=scores)


def scores(arguments: argparse.Namespace, report: Report) -> Answer:
    """Measure, or read what was measured before."""
    from analysis.evaluation.score_comparison import compare_scores

    run = workspace_of(arguments).run(arguments.run)
    sparsities = tuple(dict.fromkeys(arguments.sparsity))
    found = compare_scores(
        run,
        sparsities,
        text_bytes=arguments.text,
        starved=arguments.starved,
        device=arguments.device,
        report=report,
    )
    parts: list[Any] = []
    for sparsity in sparsities:
        parts += [
            f"bits per byte, {percent(sparsity)} of the weights pruned",
            every_mask(found, sparsity),
        ]
    return Answer(
        data={
            "run": run.id,
            "dense": found.dense,
            "results": [result.row() for result in found.results],
        },
        shown=[*parts, "means over the domains, and the difference from wanda", summary(found)],
    )


def every_mask(found: ScoreComparison, sparsity: float) -> Table:
    """Rows are a mask's domain and score, columns the texts; * marks the clearly best score."""
    table = Table("calibrated on", "score")
    for name in found.dense:
        table.add_column(name, justify="right")
    table.add_row("dense", "", *(f"{value:.3f}" for value in found.dense.values()))
    here = [result for result in found.results if result.sparsity == sparsity]
    for domain in dict.fromkeys(result.calibrated_on for result in here):
        table.add_section()
        for way in dict.fromkeys(result.way for result in here):
            cells = [
                f"{'*' if result.best else ''}{result.value:.3f}"
                for result in here
                if (result.way, result.calibrated_on) == (way, domain)
            ]
            table.add_row(domain, way, *cells)
    return table


def summary(found: ScoreComparison) -> Table:
    """One row for each sparsity and score: on the masks' own domains' text, and on the others'."""
    table = Table("pruned", "score")
    for title in ("own text", "minus wanda", "better, worse, of", "others", "minus wanda"):
        table.add_column(title, justify="right")
    table.add_column("better, worse, of", justify="right")
    for sparsity in dict.fromkeys(result.sparsity for result in found.results):
        table.add_section()
        for way in dict.fromkeys(result.way for result in found.results):
            cells = []
            for own in (True, False):
                better, worse, all_texts = found.clear(way, sparsity, own=own)
                cells += [
                    f"{found.mean(way, sparsity, own=own):.3f}",
                    f"{found.mean_to_wanda(way, sparsity, own=own):+.3f}",
                    f"{better}, {worse}, {all_texts}",
                ]
            table.add_row(percent(sparsity), way, *cells)
    return table
