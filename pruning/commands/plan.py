"""`python -m pruning plan`: what an export would hold and weigh, before it is made."""

from __future__ import annotations

import argparse

from pruning.commands.console import Answer
from pruning.commands.export import summary
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.commands.submodel_choice import add_choice, spec_of
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `plan`."""
    add_choice(parser)
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=lambda arguments, report: plan(arguments, parser, report))


def plan(arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report) -> Answer:
    """Count the sub-model; a set operation's counts are kept with the run."""
    spec = spec_of(arguments, parser)
    from pruning.exports.planning import plan_export

    run = workspace_of(arguments).run(spec.run)
    run.require_done()
    found = plan_export(run, spec, report=report)
    return Answer(data={"run": run.id, **found.to_json()}, shown=[summary(found)])
