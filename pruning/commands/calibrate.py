"""`python -m pruning calibrate`: one dense pass a domain, kept as a run in the workspace."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.commands.console import Answer
from pruning.commands.flags import flags_of
from pruning.commands.options import (
    add_json,
    add_selection,
    add_workspace,
    layers_of,
    only_with_spec,
    projections_of,
    read_spec,
    selection_values,
    spec_error,
    workspace_of,
)
from pruning.errors import InputError, TooFewDocumentsError
from pruning.progress import Report
from pruning.specs import DTYPES, CalibrationSpec, ModelSpec, SampleSpec

if TYPE_CHECKING:
    from pruning.runs.run import Run

DOMAIN_HELP = (
    "a built-in name (see `python -m pruning domains`), name=PATH, or "
    "name=hf:ID[:CONFIG[:SPLIT[:COLUMN]]]; repeat it for more domains"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `calibrate`."""
    add_choice(parser)
    parser.add_argument(
        "--share",
        metavar="K/N",
        help="do the K-th of N shares of the groups, beside other processes; 1/1: whatever no "
        "other process is at work on",
    )
    parser.add_argument("--spec", metavar="FILE.json", type=Path, help="all choices, as JSON")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=lambda arguments, report: calibrate(arguments, parser, report))


def add_choice(parser: argparse.ArgumentParser) -> None:
    """What a CalibrationSpec holds."""
    add_model_and_text(parser)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the choice of documents (default: 0)"
    )
    parser.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        help="read one decoder layer at a time from disk (default: if the model does not fit "
        "into memory)",
    )
    add_selection(parser, "calibrate")


def add_model_and_text(parser: argparse.ArgumentParser) -> None:
    """Which model, on which device, and which texts, how much of each."""
    usual = SampleSpec()
    parser.add_argument(
        "--model", metavar="M", help="demo, a hub id (org/name or org/name@revision) or a folder"
    )
    parser.add_argument("--revision", help="the hub model's branch, tag or commit")
    parser.add_argument("--domain", metavar="D", action="append", default=[], help=DOMAIN_HELP)
    for flag, value, what in (
        ("--num-samples", usual.num_samples, "sequences of every domain"),
        ("--seq-len", usual.seq_len, "tokens of a sequence"),
        ("--groups", usual.groups, "groups of documents that statistics are kept for"),
    ):
        parser.add_argument(flag, type=int, default=value, help=f"{what} (default: {value})")
    parser.add_argument(
        "--allow-fewer", action="store_true", help="go on if a domain has too little text"
    )
    parser.add_argument(
        "--dtype", choices=DTYPES, help="default: float32 on a CPU, the model's own on a GPU"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--batch-size", type=int, metavar="N", help="default: what is sensible")


def calibrate(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report
) -> Answer:
    """Calibrate, or go on with a run that was stopped."""
    spec = spec_of(arguments, parser)
    try:
        run = run_of(spec, arguments, report)
    except TooFewDocumentsError as error:
        if not error.available:  # fewer would be none
            raise
        sentence = f"{str(error).rstrip('.')} (on the command line: --allow-fewer)."
        raise TooFewDocumentsError(
            sentence, available=error.available, needed=error.needed
        ) from error
    return answer_of(run, arguments)


def run_of(spec: CalibrationSpec, arguments: argparse.Namespace, report: Report) -> Run:
    """The run: calibrated alone, as one share of several, or by the processes of a torchrun."""
    from pruning.calibration import calibrating as calibration
    from pruning.calibration import processes
    from pruning.calibration.shares import Share

    workspace = workspace_of(arguments)
    share = Share.parse(arguments.share) if arguments.share else None
    if not processes.launched_together():
        return calibration.calibrate(spec, workspace, report, share)
    if share is not None:
        raise InputError("torchrun gives each process its share; leave out --share.")
    return processes.calibrate_together(spec, workspace, report)


def answer_of(run: Run, arguments: argparse.Namespace) -> Answer:
    """Where the run is, and what is still missing; of several processes, the first one answers."""
    from pruning.calibration.processes import is_first
    from pruning.calibration.shares import Work
    from pruning.masks.starved import count_experts, starved_sentence
    from pruning.models.reading import ignored_sentence

    if not is_first():
        arguments.json = False
        return Answer(data=None, shown=[])
    work = Work(run)
    missing = len(work.left(work.units))
    said = f"Run {run.id} is in {run.folder}"
    if missing:
        said = (
            f"Share {arguments.share} of run {run.id} is done; {missing} of "
            f"{len(work.units)} groups are left to other shares ({run.folder})"
        )
    data: dict[str, Any] = {
        "run": run.id,
        "path": str(run.folder),
        "status": run.status,
        "missing": missing,
    }
    texts = {name: run.reading(name) for name in run.domains}
    data["reading"] = {name: sentences for name, sentences in texts.items() if sentences}
    notes = [f"{name}: {' '.join(sentences)}" for name, sentences in data["reading"].items()]
    if run.manifest.ignored:
        data["ignored"] = list(run.manifest.ignored)
        notes.append(f"{ignored_sentence(run.manifest.ignored)}.")
    if not missing and run.has_experts:
        starved = {name: run.stats(name).starved for name in run.domains}
        data["starved"] = {name: sorted(map(str, keys)) for name, keys in starved.items()}
        sentence = starved_sentence({name: count_experts(keys) for name, keys in starved.items()})
        return Answer(data=data, shown=[*notes, said, *([sentence] if sentence else [])])
    return Answer(data=data, shown=[*notes, said])


def spec_of(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> CalibrationSpec:
    """The CalibrationSpec of the flags, or of the spec file."""
    if arguments.spec is not None:
        only_with_spec(arguments, parser)
        try:
            return CalibrationSpec.from_json(read_spec(arguments.spec))
        except (KeyError, TypeError, AttributeError) as error:
            raise spec_error(arguments.spec, error) from error
    if not arguments.model:
        raise InputError("Name a model: --model demo, a hub id such as org/name, or a folder.")
    if not arguments.domain:
        raise InputError("Name at least one domain, e.g. --domain python.")
    from pruning.domains import parse_domain

    source, revision = model_and_revision(arguments.model, arguments.revision)
    return CalibrationSpec(
        model=ModelSpec(
            source=source,
            revision=revision,
            dtype=arguments.dtype,
            device=arguments.device,
            stream=arguments.stream,
        ),
        domains=tuple(parse_domain(text) for text in arguments.domain),
        sample=SampleSpec(
            num_samples=arguments.num_samples,
            seq_len=arguments.seq_len,
            groups=arguments.groups,
            seed=arguments.seed,
            allow_fewer=arguments.allow_fewer,
        ),
        layers=layers_of(arguments),
        projections=projections_of(arguments),
        batch_size=arguments.batch_size,
    )


def calibration_flags(spec: CalibrationSpec, always: Collection[str] = ()) -> list[str]:
    """The flags that `spec_of` makes this CalibrationSpec of; those at their default left out.

    always: destinations of flags that are written in any case.
    """
    from pruning.domains.parse import domain_line

    values = vars(spec) | selection_values(spec.layers, spec.projections)
    for part in ("model", "sample"):
        values |= vars(values.pop(part))
    values["model"] = values.pop("source")
    values["domain"] = [domain_line(domain) for domain in values.pop("domains")]
    return flags_of(add_choice, values, always)


def model_and_revision(model: str, revision: str | None) -> tuple[str, str | None]:
    """The source and revision of `--model` and `--revision`."""
    from pruning.models.sources import parse_model

    source, named = parse_model(model)
    if revision and named and revision != named:
        raise InputError(f"Two revisions are given, {named} and {revision}; leave one out.")
    return source, revision or named
