"""The flags that choose a sub-model, and the ExportSpec that they make."""

from __future__ import annotations

import argparse
from pathlib import Path

from pruning.commands.flags import flags_of
from pruning.commands.options import (
    add_pruning,
    only_with_spec,
    prune_spec_of,
    pruning_values,
    read_spec,
    spec_error,
    workspace_of,
)
from pruning.errors import InputError
from pruning.specs import COMBINATIONS, MODES, NONE, REPAIRS, ExportSpec, PruneSpec
from pruning.specs.exports import mixture_text, parse_mixture
from pruning.specs.narrowing import (
    CHOICES,
    USUAL_MULTIPLE,
    NarrowSpec,
    parse_removal,
    removal_text,
)

PRUNING_FLAGS = (
    "sparsity", "pattern", "score", "comparison_group", "allocation", "starved", "seed", "layers",
    "projections",
)  # fmt: skip


def add_choice(parser: argparse.ArgumentParser) -> None:
    """What an ExportSpec holds, by flags or as a file."""
    parser.add_argument("--run", metavar="ID", help="a calibration run's id")
    parser.add_argument(
        "--domain",
        metavar="D[,D2=0.5]",
        action="append",
        default=[],
        help="a domain of the run, or several with weights (1 where none is given)",
    )
    parser.add_argument(
        "--all-but",
        metavar="D[,D2]",
        action="append",
        default=[],
        help="instead of --domain: every domain of the run but these",
    )
    parser.add_argument(
        "--combine",
        choices=COMBINATIONS,
        default="mixture",
        help="one mask for the mixture of the domains; or of their own masks the union, the "
        "intersection, or the whole model without what only they keep (default: mixture)",
    )
    add_pruning(parser)
    parser.add_argument("--mode", choices=MODES, default="one-shot", help="default: one-shot")
    add_repair(parser)
    add_removal(parser)
    parser.add_argument("--spec", metavar="FILE.json", type=Path, help="all choices, as JSON")


def add_repair(parser: argparse.ArgumentParser) -> None:
    """How the weights that stay are fitted again."""
    parser.add_argument(
        "--repair",
        choices=REPAIRS,
        default=NONE,
        help="fit the kept weights again, layer by layer, so that the sub-model answers as the dense "
        "model does: refit keeps the mask, sparsegpt and alps find it anew (default: none)",
    )


def add_removal(parser: argparse.ArgumentParser) -> None:
    """What a NarrowSpec holds."""
    parser.add_argument(
        "--remove",
        metavar="weights|channels=S|heads=S|layers=S[,...]",
        action="append",
        default=[],
        help="single weights become zeros; whole feed-forward channels, key-value groups of heads or "
        "decoder layers are gone, and the model is smaller. S: a share below 1, or a number of "
        "parts. With weights among them these are pruned as well, afterwards (default: weights)",
    )
    parser.add_argument(
        "--choose",
        choices=CHOICES,
        default=CHOICES[0],
        help="channels and heads go one by one, those that others make up for first, or by the "
        f"stored sums (default: {CHOICES[0]})",
    )
    parser.add_argument(
        "--no-refit",
        action="store_true",
        help="with --choose sums: leave what stays of the down- and output projections as it is",
    )
    parser.add_argument(
        "--multiple",
        type=int,
        default=USUAL_MULTIPLE,
        help="as many channels stay as make a multiple of it; what runs models likes 32, 64 or 256 "
        f"(default: {USUAL_MULTIPLE})",
    )


def spec_of(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> ExportSpec:
    """The ExportSpec of the flags, or of the spec file."""
    if arguments.spec is not None:
        only_with_spec(arguments, parser)
        try:
            return ExportSpec.from_json(read_spec(arguments.spec))
        except (KeyError, TypeError, AttributeError) as error:
            raise spec_error(arguments.spec, error) from error
    if not arguments.run:
        raise InputError("Name a run: --run ID; `python -m pruning runs` lists them.")
    narrow, prune = removal_of(arguments, parser)
    return ExportSpec(
        run=arguments.run,
        mixture=_domains(arguments),
        prune=prune,
        mode=arguments.mode,
        combination=arguments.combine,
        repair=arguments.repair,
        narrow=narrow,
    )


def removal_of(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, apart: tuple[str, ...] = ()
) -> tuple[NarrowSpec | None, PruneSpec]:
    """The parts and the single weights that the flags remove.

    apart: pruning flags that mean something else to the command, too.
    """
    named = parse_removal(",".join(arguments.remove)) if arguments.remove else {"weights": None}
    amounts = {part: amount for part, amount in named.items() if amount is not None}
    if not amounts:
        _without(arguments, parser, ("choose", "no_refit", "multiple"), "--remove channels=S")
        return None, prune_spec_of(arguments)
    narrow = NarrowSpec(
        **amounts,
        choice=arguments.choose,
        refit=not arguments.no_refit,
        multiple=arguments.multiple,
    )
    if "weights" in named:
        return narrow, prune_spec_of(arguments)
    pruning = tuple(name for name in PRUNING_FLAGS if name not in apart)
    _without(arguments, parser, pruning, "weights in --remove, e.g. channels=0.2,weights")
    return narrow, PruneSpec(sparsity=0.0)


def _without(
    arguments: argparse.Namespace,
    parser: argparse.ArgumentParser,
    names: tuple[str, ...],
    needed: str,
) -> None:
    """InputError if one of these flags was given, which mean something only with what is needed."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in names
        if getattr(arguments, name) != parser.get_default(name)
    ]
    if given:
        raise InputError(f"{', '.join(given)} means nothing without {needed}.")


def choice_flags(spec: ExportSpec) -> list[str]:
    """The flags that `spec_of` makes this ExportSpec of; those at their default left out."""
    values = vars(spec) | pruning_values(spec.prune)
    values["domain"] = [mixture_text(values.pop("mixture"))]
    values["combine"] = values.pop("combination")
    del values["prune"]
    narrow = values.pop("narrow")
    if narrow is not None:
        weights = bool(spec.prune.sparsity)
        values |= {
            "remove": [removal_text(narrow, weights=weights)],
            "choose": narrow.choice,
            "no_refit": not narrow.refit,
            "multiple": narrow.multiple,
        }
        if not weights:
            values = {name: value for name, value in values.items() if name not in PRUNING_FLAGS}
    return flags_of(add_choice, values)


def _domains(arguments: argparse.Namespace) -> tuple[tuple[str, float], ...]:
    if arguments.domain and arguments.all_but:
        raise InputError("Give --domain or --all-but, not both.")
    if arguments.domain:
        return parse_mixture(",".join(arguments.domain))
    if not arguments.all_but:
        raise InputError("Name a domain of the run, e.g. --domain python or python,java=0.5.")
    from pruning.masks.combinations import other_domains

    run = workspace_of(arguments).run(arguments.run)
    left_out = [name for name, _ in parse_mixture(",".join(arguments.all_but))]
    for name in left_out:
        run.check_domain(name)
    return tuple((name, 1.0) for name in other_domains(run, left_out))
