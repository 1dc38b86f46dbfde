"""How hard to look for evidence, as flags; and an EvidenceSpec written as such."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pruning.commands.flags import flags_of
from pruning.commands.options import pruning_flags
from pruning.errors import InputError

if TYPE_CHECKING:
    from analysis.evidence.comparisons import EvidenceSpec
    from pruning.specs import PruneSpec

EFFORT = (
    ("--permutations", "of the groups' labels, for the p-values"),
    ("--bootstraps", "draws of groups with replacement, for the interval of the index"),
    ("--splits", "random halvings of every domain's groups, for the ceiling"),
    ("--rows", "rows of each matrix, drawn by the seed; 0 for all, which is exact"),
)
USUAL = {"permutations": 200, "bootstraps": 200, "splits": 16, "rows": 12}


def add_effort(parser: argparse.ArgumentParser) -> None:
    """The flags that say how hard to look; None where one is left out."""
    for flag, what in EFFORT:
        parser.add_argument(flag, type=int, help=f"{what} (default: {USUAL[flag[2:]]})")


def add_more_sparsities(parser: argparse.ArgumentParser, what: str) -> None:
    """--more-sparsities. what: is done at each of them."""
    parser.add_argument(
        "--more-sparsities",
        metavar="0.3,0.7,...",
        help=f"{what} at these sparsities too, for curves over sparsity",
    )


def effort_of(arguments: argparse.Namespace) -> EvidenceSpec:
    """What `add_effort`'s flags and the seed say."""
    from analysis.evidence.comparisons import EvidenceSpec

    chosen = {name: getattr(arguments, name) for name in USUAL}
    asked = {name: value for name, value in chosen.items() if value is not None}
    return EvidenceSpec(**{**USUAL, **asked}, seed=arguments.seed)


def sparsities_of(arguments: argparse.Namespace) -> list[float]:
    """The sparsities of `--more-sparsities`; each is checked where its PruneSpec is made."""
    if arguments.more_sparsities is None:
        return []
    try:
        return [float(part) for part in arguments.more_sparsities.split(",")]
    except ValueError:
        raise InputError(
            f"--more-sparsities is written like 0.1,0.3; {arguments.more_sparsities!r} is not."
        ) from None


def evidence_flags(
    prune: PruneSpec, spec: EvidenceSpec | None = None, others: Sequence[float] = ()
) -> list[str]:
    """The flags that make `evidence` look for this at the sparsity of `prune` and at `others`.

    spec None: as hard as is usual.
    """
    if spec is None:
        return [*pruning_flags(prune), *more_flags(others)]
    effort = flags_of(add_effort, {name: getattr(spec, name) for name in USUAL})
    return [*pruning_flags(prune), *effort, *seed_flag(prune, spec.seed), *more_flags(others)]


def more_flags(sparsities: Sequence[float]) -> list[str]:
    """`add_more_sparsities`'s flag; none for no further sparsity."""
    return ["--more-sparsities", ",".join(map(str, sparsities))] if sparsities else []


def seed_flag(prune: PruneSpec, seed: int) -> list[str]:
    """The flag of a seed that `pruning_flags` does not say already."""
    return ["--seed", str(seed)] if seed != prune.seed else []
