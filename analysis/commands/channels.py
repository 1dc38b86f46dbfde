"""`python -m analysis channels`: the channels that tell two domains apart, and what drives them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_selection,
    add_workspace,
    layers_of,
    projections_of,
    workspace_of,
)
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.structure.channels import PairSpec
    from analysis.structure.driving import DrivenChannel
    from pruning.specs import WeightKey

SHOWN_TOKENS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `channels`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    parser.add_argument(
        "--domains", nargs=2, required=True, metavar=("A", "B"), help="two domains of the run"
    )
    parser.add_argument(
        "--channels",
        type=int,
        default=5,
        help="of every layer input, that are louder in A, and as many in B (default: 5)",
    )
    add_selection(parser, "look at")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=channels)


def channels(arguments: argparse.Namespace, report: Report) -> Answer:
    """Read the text again for what is not known yet."""
    layers, projections = layers_of(arguments), projections_of(arguments)
    from analysis.structure.channels import pair_spec
    from analysis.structure.driving import driving_tokens

    run = workspace_of(arguments).run(arguments.run)
    first, second = arguments.domains
    spec = pair_spec(run, first, second, arguments.channels)
    found = driving_tokens(run, spec, layers, projections, report)
    return Answer(
        data={
            "run": run.id,
            "pair": spec.to_json(),
            "inputs": [input_data(key, driven) for key, driven in found.items()],
        },
        shown=[table(spec, found)],
    )


def input_data(key: WeightKey, driven: tuple[DrivenChannel, ...]) -> dict[str, Any]:
    """One layer input's channels as plain data."""
    return {
        "layer": key.layer,
        "input_of": key.name,
        "channels": [asdict(each) for each in driven],
    }


def table(spec: PairSpec, found: dict[WeightKey, tuple[DrivenChannel, ...]]) -> Table:
    """Each channel with the tokens that drive it where it is louder."""
    from analysis.structure.driving import visible

    shown = Table()
    for heading in ("layer", "input of", "channel", "times as loud", "on", "most of it comes from"):
        right = heading in ("layer", "channel", "times as loud")
        shown.add_column(heading, justify="right" if right else "left")
    for key, driven in found.items():
        for each in driven:
            ratio = each.channel.ratio
            louder = each.domains[0 if ratio > 1 else 1]
            tokens = louder.tokens[:SHOWN_TOKENS]
            shown.add_row(
                str(key.layer),
                key.name,
                str(each.channel.channel),
                f"{max(ratio, 1 / ratio):.2f}",
                louder.domain,
                "  ".join(f"{visible(each.token)} {each.share:.0%}" for each in tokens),
            )
    return shown
