"""`python -m analysis generate`: a prompt continued by the dense model and by sub-models of a run."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.playground.records import (
    GenerationSpec,
    Passage,
    Sampling,
    SubModel,
    parting,
)
from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_pruning, add_workspace, workspace_of
from pruning.commands.submodel_choice import add_removal, add_repair, removal_of
from pruning.errors import InputError
from pruning.progress import Progress, Report
from pruning.specs import NONE
from pruning.specs.narrowing import removal_text

if TYPE_CHECKING:
    from pruning.runs.run import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `generate`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    parser.add_argument("--prompt", metavar="TEXT", help="the text to continue")
    parser.add_argument(
        "--prompt-file", metavar="FILE", type=Path, help="a file with the text to continue"
    )
    parser.add_argument(
        "--submodel",
        metavar="D[,D2=0.5]",
        action="append",
        default=[],
        help="a domain of the run, or several with weights; repeat it for up to three sub-models",
    )
    add_pruning(parser)
    add_repair(parser)
    add_removal(parser)
    parser.add_argument(
        "--temperature", type=float, default=0.0, help="0 takes the likeliest token (default: 0)"
    )
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="draw from the likeliest tokens that have this "
        "probability together (default: 1)",
    )  # fmt: skip
    parser.add_argument("--max-tokens", type=int, default=160, help="default: 160")
    parser.add_argument(
        "--stop", metavar="TEXT", action="append", default=[], help="a text that ends the answer"
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=lambda arguments, report: generate(arguments, parser, report))


def generate(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report
) -> Answer:
    """Write the dense model's passage, then each sub-model's."""
    spec = spec_of(arguments, parser)
    from analysis.playground.engine import Engine

    run = workspace_of(arguments).run(spec.run)
    run.require_done()
    names = ["dense", *(name_of(submodel) for submodel in spec.submodels)]
    passages: tuple[Passage, ...] = (Passage(),) * len(names)
    for event in Engine.of_run(run, report).generate(run, spec, lambda: False):
        passages = event.add_to(passages)
        stage = event.stage or f"{len(passages[event.passage].tokens)} tokens"
        report(
            Progress(stage=names[event.passage], done=event.passage, total=len(names), detail=stage)
        )
    return Answer(
        data=answer_data(run, spec, names, passages), shown=answer_text(names, spec, passages)
    )


def spec_of(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> GenerationSpec:
    """The GenerationSpec of the flags."""
    from pruning.specs.exports import parse_mixture

    if (arguments.prompt is None) == (arguments.prompt_file is None):
        raise InputError("Give the text to continue with --prompt or in a file, --prompt-file.")
    prompt = arguments.prompt
    if prompt is None:
        try:
            prompt = arguments.prompt_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{arguments.prompt_file} cannot be read: {error}.") from error
    submodels: tuple[SubModel, ...] = ()
    if arguments.submodel:
        narrow, prune = removal_of(arguments, parser, apart=("seed",))
        submodels = tuple(
            SubModel(
                mixture=parse_mixture(text), prune=prune, repair=arguments.repair, narrow=narrow
            )
            for text in arguments.submodel
        )
    return GenerationSpec(
        run=arguments.run,
        prompt=prompt,
        submodels=submodels,
        sampling=Sampling(
            temperature=arguments.temperature,
            top_p=arguments.top_p,
            seed=arguments.seed,
            max_tokens=arguments.max_tokens,
        ),
        stops=tuple(arguments.stop),
    )


def name_of(submodel: SubModel) -> str:
    """ "python + java=0.5, 50% pruned (wanda)", "python, without channels=0.2"."""
    parts = [name if weight == 1 else f"{name}={weight:g}" for name, weight in submodel.mixture]
    name = " + ".join(parts)
    if submodel.narrow is not None:
        return f"{name}, without {removal_text(submodel.narrow, weights=False)}"
    prune = submodel.prune
    amount = f"{prune.sparsity:.0%} pruned" if prune.block is None else prune.pattern
    repaired = "" if submodel.repair == NONE else f", repaired ({submodel.repair})"
    return f"{name}, {amount} ({prune.score}){repaired}"


def answer_data(
    run: Run, spec: GenerationSpec, names: list[str], passages: tuple[Passage, ...]
) -> dict[str, Any]:
    """The request and, for each passage, its text, tokens, speed and where it parts from dense."""
    return {
        "run": run.id,
        "prompt": spec.prompt,
        "sampling": spec.sampling.to_json(),
        "passages": [
            {
                "name": name,
                "submodel": None if number == 0 else spec.submodels[number - 1].to_json(),
                "text": passage.text,
                "ended": passage.ended,
                "parts_from_dense_at": parting(passages[0], passage),
                "prompt_seconds": passage.prompt_seconds,
                "seconds": passage.seconds,
                "tokens_per_second": passage.tokens_per_second,
                "tokens": [asdict(token) for token in passage.tokens],
            }
            for number, (name, passage) in enumerate(zip(names, passages, strict=True))
        ],
    }


def answer_text(names: list[str], spec: GenerationSpec, passages: tuple[Passage, ...]) -> list[str]:
    """Each passage under a line that tells its length, speed and parting."""
    shown = []
    for number, (name, passage) in enumerate(zip(names, passages, strict=True)):
        rate = passage.tokens_per_second
        facts = [f"{len(passage.tokens)} tokens", f"ended: {passage.ended}"]
        facts += [f"{rate:.1f} tokens/s"] if rate is not None else []
        if number:
            place = parting(passages[0], passage)
            facts.append(
                "the same as dense" if place is None else f"parts from dense after {place} tokens"
            )
        shown.append(f"--- {name}: {', '.join(facts)}")
        shown.append(passage.text)
    return shown
