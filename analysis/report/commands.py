"""The commands that make a run, and a report of it, again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from analysis.cause.options import cause_flags
from analysis.cause.sparsity import stored_at_sparsities
from analysis.evaluation.options import evaluation_flags
from analysis.evaluation.program_sources import HUB
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import TaskSpec
from analysis.evidence.options import evidence_flags
from analysis.report.channels import chosen_pair, read_inputs
from analysis.report.html import Section, code, paragraph
from analysis.report.provenance import model_source
from analysis.report.source import Source
from pruning.commands.calibrate import calibration_flags
from pruning.commands.flags import flags_of
from pruning.commands.options import add_starved, pruning_flags
from pruning.errors import InputError
from pruning.specs import DomainSpec, PruneSpec

OF_SCORES = (
    " The evaluation of OWL was made by python -m analysis scores, which measures all scores and "
    "has no flags for one of them."
)


def reproduction(source: Source) -> Section:
    """The exact commands."""
    run, spec = source.run, source.spec
    choice = ["--run", run.id, *pruning_flags(source.prune)]
    lines = [_calibrate(source), _line("overlap", *choice)]
    if source.tested is not None:
        flags = evidence_flags(source.prune, spec, _others(source.prune, source.at))
        lines.append(_line("evidence", "--run", run.id, *flags))
    lines.append(_line("structure", *choice))
    if run.has_experts:
        lines.append(_line("routing", "--run", run.id))
    pair = chosen_pair(source)
    if read_inputs(run, pair):
        lines.append(_line("channels", "--run", run.id, "--domains", pair.domain_a, pair.domain_b))
    for asked in source.causes:
        at = stored_at_sparsities(run, source.prune, asked)
        flags = cause_flags(source.prune, asked, _others(source.prune, at))
        lines.append(_line("cause", "--run", run.id, *flags))
    measured = [_measuring(run.id, table.spec) for table in source.evaluations]
    lines += [line for line, _ in measured if line]
    lines.append(_line("report", *choice, "--out", f"{run.id}-report.html"))
    private = any(domain.kind == "files" for domain in run.spec.domains) or any(
        each.source not in (TaskSpec.source, "")
        for table in source.evaluations
        for each in table.spec.task_sets
    )
    note = "The id of the run is a hash of the weights and the tokens, so it comes out the same."
    if private:
        note += " Own files are named without their folder: put them where the command says."
    note += "".join(dict.fromkeys(said for _, said in measured))
    return Section(name="How to reproduce it", parts=[code("\n".join(lines)), paragraph(note)])


def _line(command: str, *words: str) -> str:
    return shlex.join(["python", "-m", "analysis", command, *words])


def _others(prune: PruneSpec, at: Iterable[float]) -> list[float]:
    return [sparsity for sparsity in at if sparsity != prune.sparsity]


def _measuring(run: str, spec: EvaluationSpec) -> tuple[str, str]:
    """The command of an evaluation, and what to know of it; "" where there is nothing to say."""
    if _is_of_scores(spec):
        sparsities = map(str, spec.sparsities)
        words = ["--run", run, "--sparsity", *sparsities, "--text", str(spec.text_bytes)]
        words += flags_of(add_starved, {"starved": spec.prune.starved})
        return _line("scores", *words), OF_SCORES
    sets = tuple(replace(each, source=_private(each.source)) for each in spec.task_sets)
    try:
        flags = evaluation_flags(replace(spec, task_sets=sets), ("text", "tasks"))
    except InputError as error:
        return "", f" {error}"
    return _line("evaluate", "--run", run, *flags), ""


def _is_of_scores(spec: EvaluationSpec) -> bool:
    """Whether `scores` makes exactly this evaluation of OWL, with others."""
    plain = PruneSpec(sparsity=spec.sparsities[0], allocation="owl", starved=spec.prune.starved)
    return spec.text_bytes > 0 and spec == EvaluationSpec(
        sparsities=spec.sparsities, prune=plain, text_bytes=spec.text_bytes, yardsticks=False
    )


def _calibrate(source: Source) -> str:
    """One flag of a domain a line; what belongs to a machine is left out."""
    spec = source.run.spec
    model = replace(spec.model, source=model_source(spec.model), device="auto", stream=None)
    flags = calibration_flags(
        replace(spec, model=model, domains=tuple(map(private, spec.domains)), batch_size=None),
        ("num_samples", "seq_len", "groups", "seed"),
    )
    words = [shlex.quote(word) for word in ("python", "-m", "pruning", "calibrate", *flags)]
    breaks = {"--domain", "--num-samples"}
    return " ".join(f"\\\n    {word}" if word in breaks else word for word in words)


def private(domain: DomainSpec) -> DomainSpec:
    """The domain, its own files without their folder."""
    if domain.kind != "files":
        return domain
    return replace(domain, source=_private(domain.source))


def _private(source: str) -> str:
    """What to show of the source of tasks or text: a path's last part, a hub id as it is."""
    return source if source.startswith(HUB) else Path(source).name
