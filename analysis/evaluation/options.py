"""What to measure, as flags; and an EvaluationSpec written as such."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pruning.commands.flags import flags_of, read_flags
from pruning.commands.options import (
    add_selection,
    add_starved,
    layers_of,
    projections_of,
    selection_values,
)
from pruning.errors import InputError
from pruning.specs import COMPARISON_GROUPS, NONE, REPAIRS, TEXT_SCORES, PruneSpec
from pruning.specs.narrowing import PARTS
from pruning.specs.patterns import pattern_sparsity

if TYPE_CHECKING:
    from analysis.evaluation.spec import EvaluationSpec

TASK_FILE_HELP = (
    "KIND=PATH or NAME:KIND=PATH, a .jsonl file of tasks; kinds: math, choices, "
    "translation, programs; repeat it for more"
)


NO_FLAGS = (
    "An evaluation with these choices has no flags; write them in a file for python -m analysis "
    "experiment --spec."
)


def add_evaluation(parser: argparse.ArgumentParser) -> None:
    """What an EvaluationSpec holds."""
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
    parser.add_argument(
        "--repair",
        choices=REPAIRS,
        default=NONE,
        help="of the domains' and the mixture's sub-models: fit the kept weights again, layer by "
        "layer (default: none)",
    )
    parser.add_argument(
        "--remove",
        choices=("weights", *PARTS),
        default="weights",
        help="what sparsities are shares of: single weights, or every layer's channels or heads, or "
        "the layers (default: weights)",
    )
    add_starved(parser)
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the random mask and of sampled programs (default: 0)",
    )
    add_selection(parser, "prune")


def evaluation_spec_of(arguments: argparse.Namespace) -> EvaluationSpec:
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
        repair=arguments.repair,
        remove=arguments.remove,
    )


def _names(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given else None


def evaluation_flags(spec: EvaluationSpec, always: Collection[str] = ()) -> list[str]:
    """The flags that `evaluation_spec_of` makes this EvaluationSpec of.

    Those at their default are left out, but for the destinations in `always`. InputError where no
    flags say it: OWL, two seeds, a part of a file of tasks.
    """
    from analysis.evaluation.tasks import HARNESS

    harness = [each for each in spec.task_sets if each.kind == HARNESS]
    files = [each for each in spec.task_sets if each.kind != HARNESS]
    values: dict[str, Any] = vars(spec) | vars(spec.prune) | vars(spec.sampling)
    for name in ("sparsities", "prune", "task_sets", "sampling", "allocation"):
        del values[name]
    values |= selection_values(spec.prune.layers, spec.prune.projections)
    values["sparsity"] = spec.sparsities
    values["text"] = values.pop("text_bytes")
    values["pass_at"] = values.pop("ks")
    values["no_yardsticks"] = not values.pop("yardsticks")
    values["task_file"] = [f"{each.name}:{each.kind}={each.source}" for each in files]
    values["lm_eval"] = [each.name for each in harness]
    for each in harness[:1]:
        values |= {"lm_eval_include": each.source, "lm_eval_limit": each.count}
    flags = flags_of(add_evaluation, values, always)
    if _plain(evaluation_spec_of(read_flags(add_evaluation, flags))) != _plain(spec):
        raise InputError(NO_FLAGS)
    return flags


def _plain(spec: EvaluationSpec) -> EvaluationSpec:
    """The same, but for the sparsity of `prune`, which says nothing."""
    return replace(spec, prune=spec.at(spec.sparsities[0]))
