"""Flags that several commands share, and how they become specs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.commands.flags import flags_of
from pruning.errors import InputError
from pruning.specs import (
    ALLOCATIONS,
    COMPARISON_GROUPS,
    SCORES,
    STARVED,
    PruneSpec,
)
from pruning.specs.patterns import pattern_sparsity
from pruning.specs.selection import parse_layers

if TYPE_CHECKING:
    from pruning.runs.workspace import Workspace


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_workspace(parser: argparse.ArgumentParser) -> None:
    """--workspace."""
    parser.add_argument(
        "--workspace",
        metavar="DIR",
        type=Path,
        help="where runs are kept (default: $SUBMODEL_ATLAS_WORKSPACE, else workspace/ beside "
        "app.py, or in your data folder where this was installed by pip)",
    )


def add_selection(parser: argparse.ArgumentParser, verb: str) -> None:
    """--layers and --projections."""
    parser.add_argument(
        "--layers", metavar="0-5,8", help=f"decoder layers to {verb}, from 0 (default: all)"
    )
    parser.add_argument(
        "--projections", metavar="q_proj,...", help=f"projections to {verb} (default: all)"
    )


def add_starved(parser: argparse.ArgumentParser) -> None:
    """--starved."""
    parser.add_argument(
        "--starved",
        choices=STARVED,
        default=STARVED[0],
        help="experts that saw fewer than 32 tokens of the text are pruned by magnitude alone or "
        "left dense (default: magnitude)",
    )


def add_pruning(parser: argparse.ArgumentParser) -> None:
    """What a PruneSpec holds."""
    parser.add_argument(
        "--sparsity", type=float, help="share of the weights to prune, 0 <= sparsity < 1"
    )
    parser.add_argument(
        "--pattern",
        default="unstructured",
        metavar="unstructured|n:m",
        help="n:m keeps n of every m consecutive inputs, e.g. 2:4 or 4:8 (default: unstructured)",
    )
    parser.add_argument("--score", choices=SCORES, default="wanda", help="default: wanda")
    parser.add_argument(
        "--comparison-group",
        choices=COMPARISON_GROUPS,
        default="row",
        help="scores compete within an output row or the whole matrix (default: row)",
    )
    parser.add_argument(
        "--allocation",
        choices=ALLOCATIONS,
        default="uniform",
        help="all layers lose the same share, or by their activation outliers (default: uniform)",
    )
    add_starved(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the random score (default: 0)")
    add_selection(parser, "prune")


def workspace_of(arguments: argparse.Namespace) -> Workspace:
    """The workspace that was named, or the usual one."""
    from pruning.runs.workspace import Workspace

    return Workspace(arguments.workspace)


def layers_of(arguments: argparse.Namespace) -> tuple[int, ...] | None:
    """The layers that were named; None: all."""
    return None if arguments.layers is None else parse_layers(arguments.layers)


def projections_of(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """The projections that were named; None: all."""
    if arguments.projections is None:
        return None
    names = tuple(name.strip() for name in arguments.projections.split(","))
    if not all(names):
        raise InputError("Projections are written like q_proj,k_proj; a name is missing.")
    return names


def prune_spec_of(arguments: argparse.Namespace) -> PruneSpec:
    """The PruneSpec of `add_pruning`'s flags; an n:m pattern implies its sparsity."""
    sparsity = arguments.sparsity
    if sparsity is None:
        sparsity = pattern_sparsity(arguments.pattern)
    if sparsity is None:
        raise InputError(
            "Say how much to prune, e.g. --sparsity 0.5, or choose a pattern such as --pattern 2:4."
        )
    return PruneSpec(
        score=arguments.score,
        sparsity=sparsity,
        pattern=arguments.pattern,
        comparison_group=arguments.comparison_group,
        allocation=arguments.allocation,
        seed=arguments.seed,
        starved=arguments.starved,
        layers=layers_of(arguments),
        projections=projections_of(arguments),
    )


def pruning_flags(prune: PruneSpec) -> list[str]:
    """The flags that `prune_spec_of` makes this PruneSpec of; those at their default left out."""
    return flags_of(add_pruning, pruning_values(prune))


def pruning_values(prune: PruneSpec) -> dict[str, Any]:
    """What `add_pruning`'s flags hold for a PruneSpec, by their destination."""
    return vars(prune) | selection_values(prune.layers, prune.projections)


def selection_values(
    layers: Sequence[int] | None, projections: Sequence[str] | None
) -> dict[str, str | None]:
    """What `add_selection`'s flags hold, by their destination."""
    return {
        "layers": None if layers is None else ",".join(map(str, layers)),
        "projections": None if projections is None else ",".join(projections),
    }


def read_spec(path: Path) -> dict[str, Any]:
    """The JSON object in a spec file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The spec file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"The spec file {path} is not JSON: {error}.") from error
    if not isinstance(data, dict):
        raise InputError(f"The spec file {path} must hold a JSON object.")
    return data


def only_with_spec(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """InputError if a choice was made by flag although a spec file makes all choices."""
    apart = ("spec", "json", "workspace", "out", "form", "share", "command")
    given = [
        f"--{name.replace('_', '-')}"
        for name, value in vars(arguments).items()
        if name not in apart and value != parser.get_default(name)
    ]
    if given:
        raise InputError(f"--spec already makes every choice; leave out {', '.join(given)}.")


def spec_error(path: Path, error: Exception) -> InputError:
    """What is wrong with a spec file whose fields do not fit."""
    if isinstance(error, KeyError):
        return InputError(f"The spec file {path} lacks the field {error}.")
    return InputError(f"The spec file {path} does not fit: {error}")
