"""`python -m analysis cause`: does removing a domain's own weights hurt that domain most?"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

from analysis.commands.evidence import sparsities_of
from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_pruning,
    add_workspace,
    prune_spec_of,
    workspace_of,
)
from pruning.errors import InputError
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.cause.results import Cause


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `cause`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_pruning(parser)
    parser.add_argument(
        "--region",
        choices=("exclusive", "sharp"),
        default="exclusive",
        help="weights that one mask alone keeps, or that score highest for one domain alone "
        "(default: exclusive)",
    )
    for flag, share, what in (
        ("--top", 0.05, "of a sharp region, the highest-scoring share of the domain"),
        ("--others-top", 0.05, "of a sharp region, the share of every other domain taken away"),
    ):
        parser.add_argument(flag, type=float, default=share, help=f"{what} (default: {share})")
    for flag, number, what in (
        ("--draws", 5, "random removals of each kind for every domain, at least 2"),
        ("--bytes", 10_000, "of held-out text of every domain"),
        ("--bootstraps", 1000, "draws of documents, for the intervals"),
    ):
        parser.add_argument(flag, type=int, default=number, help=f"{what} (default: {number})")
    parser.add_argument(
        "--more-sparsities",
        metavar="0.3,0.7,...",
        help="measure the same at these sparsities too, for curves over sparsity",
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=cause)


def cause(arguments: argparse.Namespace, report: Report) -> Answer:
    """Remove, read, put back; or read what was found before."""
    prune = prune_spec_of(arguments)
    from analysis.cause.findings import facts, quality, verdict
    from analysis.cause.results import cause as find
    from analysis.cause.sparsity import sparsity_sentence
    from analysis.cause.spec import CauseSpec

    spec = CauseSpec(
        region=arguments.region,
        top=arguments.top,
        others_top=arguments.others_top,
        draws=arguments.draws,
        size=arguments.bytes,
        bootstraps=arguments.bootstraps,
        seed=arguments.seed,
    )
    others = sparsities_of(arguments)
    if others and prune.block is not None:
        raise InputError(f"The pattern {prune.pattern} has one sparsity; drop --more-sparsities.")
    run = workspace_of(arguments).run(arguments.run)
    found = find(run, prune, spec, report)
    at = {other: find(run, replace(prune, sparsity=other), spec, report) for other in others} | {
        prune.sparsity: found
    }
    sentences = [f"{verdict(row)} {facts(row, spec.region)}" for row in found.domains]
    domains = [
        {**asdict(row), "sentence": sentence}
        for row, sentence in zip(found.domains, sentences, strict=True)
    ]
    return Answer(
        data={
            "run": run.id,
            "prune": prune.to_json(),
            "cause": spec.to_json(),
            **asdict(found),
            "domains": domains,
            "quality": quality(found),
            "more_sparsities": [
                {"sparsity": other, **asdict(at[other]), "quality": quality(at[other])}
                for other in others
            ],
        },
        shown=[
            "More bits per byte than the dense model needs, without the weights of",
            table(found),
            *sentences,
            quality(found),
            *(
                part
                for other in others
                for part in (f"At {other:.0%} sparsity", table(at[other]), quality(at[other]))
            ),
            *([sparsity_sentence(at)] if others else []),
        ],
    )


def table(found: Cause) -> Table:
    """Region removed by evaluated domain, and the drawn weights that stand for each region."""
    shown = Table()
    shown.add_column("")
    for row in found.domains:
        shown.add_column(row.domain, justify="right")
    for row in found.domains:
        shown.add_row(row.domain, *(f"{each.value:.4f}" for each in row.damage.values()))
    matched = (fmean(row.matched[row.domain]) for row in found.domains)
    shown.add_row("drawn, same magnitudes", *(f"{value:.4f}" for value in matched))
    shown.add_row("drawn from all", *(f"{fmean(row.random):.4f}" for row in found.domains))
    return shown
