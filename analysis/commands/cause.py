"""`python -m analysis cause`: does removing a domain's own weights hurt that domain most?"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from statistics import fmean
from typing import TYPE_CHECKING

from rich.table import Table

from analysis.cause.options import add_removals, cause_spec_of
from analysis.evidence.options import add_more_sparsities, sparsities_of
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
    add_removals(parser)
    add_more_sparsities(parser, "measure the same")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=cause)


def cause(arguments: argparse.Namespace, report: Report) -> Answer:
    """Remove, read, put back; or read what was found before."""
    prune = prune_spec_of(arguments)
    from analysis.cause.findings import facts, quality, verdict
    from analysis.cause.results import cause as find
    from analysis.cause.sparsity import sparsity_sentence

    spec = cause_spec_of(arguments)
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
