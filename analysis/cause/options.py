"""Which weights to take out, and how hard to look, as flags; and a CauseSpec written as such."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from analysis.cause.spec import REGIONS, CauseSpec
from analysis.evidence.options import more_flags, seed_flag
from pruning.commands.flags import flags_of
from pruning.commands.options import pruning_flags
from pruning.specs import PruneSpec


def add_removals(parser: argparse.ArgumentParser) -> None:
    """What a CauseSpec holds, but for the seed, which is that of the masks."""
    usual = CauseSpec()
    parser.add_argument(
        "--region",
        choices=REGIONS,
        default=usual.region,
        help="weights that one mask alone keeps, or that score highest for one domain alone "
        f"(default: {usual.region})",
    )
    for flag, share, what in (
        ("--top", usual.top, "of a sharp region, the highest-scoring share of the domain"),
        (
            "--others-top",
            usual.others_top,
            "of a sharp region, the share of every other domain taken away",
        ),
    ):
        parser.add_argument(flag, type=float, default=share, help=f"{what} (default: {share})")
    for flag, number, what in (
        ("--draws", usual.draws, "random removals of each kind for every domain, at least 2"),
        ("--bytes", usual.size, "of held-out text of every domain"),
        ("--bootstraps", usual.bootstraps, "draws of documents, for the intervals"),
    ):
        parser.add_argument(flag, type=int, default=number, help=f"{what} (default: {number})")


def cause_spec_of(arguments: argparse.Namespace) -> CauseSpec:
    """What `add_removals`'s flags and the seed say."""
    return CauseSpec(
        region=arguments.region,
        top=arguments.top,
        others_top=arguments.others_top,
        draws=arguments.draws,
        size=arguments.bytes,
        bootstraps=arguments.bootstraps,
        seed=arguments.seed,
    )


def cause_flags(prune: PruneSpec, spec: CauseSpec, others: Sequence[float] = ()) -> list[str]:
    """The flags that make `cause` measure this at the sparsity of `prune` and at `others`."""
    values = dict(vars(spec))
    values["bytes"] = values.pop("size")
    seed = values.pop("seed")
    always = ["region", "draws", "bytes", "bootstraps"]
    if spec.region == "sharp":
        always += ["top", "others_top"]
    removals = flags_of(add_removals, values, always)
    return [*pruning_flags(prune), *removals, *seed_flag(prune, seed), *more_flags(others)]
