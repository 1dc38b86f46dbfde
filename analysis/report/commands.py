"""The commands that make a run, and a report of it, again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from analysis.cause.sparsity import stored_at_sparsities
from analysis.cause.spec import CauseSpec
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import HARNESS, TaskSpec
from analysis.report.channels import chosen_pair, read_inputs
from analysis.report.html import Section, code, paragraph
from analysis.report.provenance import model_source
from analysis.report.source import Source
from pruning.specs import DomainSpec, PruneSpec

OF_SCORES = (
    " The evaluation of OWL was made by python -m analysis scores, which measures all scores and "
    "has no flags for one of them."
)
OF_A_FILE = (
    " An evaluation of OWL with these choices has no flags; write them in a file for python -m "
    "analysis experiment --spec."
)


def reproduction(source: Source) -> Section:
    """The exact commands."""
    run, spec = source.run, source.spec
    choice = f"--run {run.id} {_pruning(source.prune)}"
    lines = [_calibrate(source), f"python -m analysis overlap {choice}"]
    if source.tested is not None:
        others = [sparsity for sparsity in source.at if sparsity != source.prune.sparsity]
        more = f" --more-sparsities {','.join(map(str, others))}" if others else ""
        lines.append(
            f"python -m analysis evidence {choice} "
            f"--permutations {spec.permutations} --bootstraps {spec.bootstraps} "
            f"--splits {spec.splits} --rows {spec.rows}{_seed(source.prune, spec.seed)}{more}"
        )
    lines.append(f"python -m analysis structure {choice}")
    if run.has_experts:
        lines.append(f"python -m analysis routing --run {run.id}")
    pair = chosen_pair(source)
    if read_inputs(run, pair):
        names = shlex.join((pair.domain_a, pair.domain_b))
        lines.append(f"python -m analysis channels --run {run.id} --domains {names}")
    lines += [_cause(source, choice, asked) for asked in source.causes]
    lines += [line for table in source.evaluations if (line := _measuring(run.id, table.spec))]
    lines.append(f"python -m analysis report {choice} --out {run.id}-report.html")
    private = any(domain.kind == "files" for domain in run.spec.domains) or any(
        each.source not in (TaskSpec.source, "")
        for table in source.evaluations
        for each in table.spec.task_sets
    )
    note = "The id of the run is a hash of the weights and the tokens, so it comes out the same."
    if private:
        note += " Own files are named without their folder: put them where the command says."
    note += "".join(dict.fromkeys(_owl_note(table.spec) for table in source.evaluations))
    return Section(name="How to reproduce it", parts=[code("\n".join(lines)), paragraph(note)])


def _pruning(prune: PruneSpec) -> str:
    """The flags of a choice of masks; those at their defaults are left out."""
    words = [f"--sparsity {prune.sparsity}", *_changed(prune)]
    if prune.allocation != PruneSpec.allocation:
        words.append(f"--allocation {prune.allocation}")
    if prune.seed:
        words.append(f"--seed {prune.seed}")
    return " ".join(words)


def _seed(prune: PruneSpec, seed: int) -> str:
    """The flag of a seed that `_pruning` does not say already."""
    return f" --seed {seed}" if seed != prune.seed else ""


def _changed(prune: PruneSpec) -> list[str]:
    """Flags of what the masks of an evaluation are chosen by, too."""
    words = []
    if prune.block is not None:
        words.append(f"--pattern {prune.pattern}")
    if prune.score != PruneSpec.score:
        words.append(f"--score {prune.score}")
    if prune.comparison_group != PruneSpec.comparison_group:
        words.append(f"--comparison-group {prune.comparison_group}")
    if prune.starved != PruneSpec.starved:
        words.append(f"--starved {prune.starved}")
    if prune.layers is not None:
        words.append(f"--layers {','.join(map(str, prune.layers))}")
    if prune.projections is not None:
        words.append(f"--projections {','.join(prune.projections)}")
    return words


def _cause(source: Source, choice: str, spec: CauseSpec) -> str:
    at = stored_at_sparsities(source.run, source.prune, spec)
    others = [str(sparsity) for sparsity in at if sparsity != source.prune.sparsity]
    words = ["python -m analysis cause", choice, f"--region {spec.region}"]
    if spec.region == "sharp":
        words.append(f"--top {spec.top} --others-top {spec.others_top}")
    words.append(f"--draws {spec.draws} --bytes {spec.size} --bootstraps {spec.bootstraps}")
    words[-1] += _seed(source.prune, spec.seed)
    if others:
        words.append(f"--more-sparsities {','.join(others)}")
    return " ".join(words)


def _measuring(run: str, spec: EvaluationSpec) -> str:
    """The command of an evaluation; "" if there is none, as `evaluate` does not allocate by OWL."""
    if spec.prune.allocation == PruneSpec.allocation:
        return _evaluate(run, spec)
    if not _is_of_scores(spec):
        return ""
    words = [f"python -m analysis scores --run {run}"]
    words.append(f"--sparsity {' '.join(map(str, spec.sparsities))} --text {spec.text_bytes}")
    return " ".join([*words, *_changed(spec.prune)])


def _owl_note(spec: EvaluationSpec) -> str:
    """What to know of the command of an evaluation of OWL, or of its absence; "" for others."""
    if spec.prune.allocation == PruneSpec.allocation:
        return ""
    return OF_SCORES if _is_of_scores(spec) else OF_A_FILE


def _is_of_scores(spec: EvaluationSpec) -> bool:
    """Whether `scores` makes exactly this evaluation of OWL, with others."""
    plain = PruneSpec(sparsity=spec.sparsities[0], allocation="owl", starved=spec.prune.starved)
    return spec.text_bytes > 0 and spec == EvaluationSpec(
        sparsities=spec.sparsities, prune=plain, text_bytes=spec.text_bytes, yardsticks=False
    )


def _evaluate(run: str, spec: EvaluationSpec) -> str:
    words = [f"python -m analysis evaluate --run {run}"]
    if spec.prune.block is None:
        words.append(f"--sparsity {' '.join(map(str, spec.sparsities))}")
    words += [*_changed(spec.prune), f"--text {spec.text_bytes} --tasks {spec.tasks}"]
    words += [f"--seed {spec.sampling.seed}"] if spec.sampling.seed else []
    for each in spec.task_sets:
        if each.kind != HARNESS:
            given = f"{each.name}:{each.kind}={Path(each.source).name}"
            words.append(f"--task-file {shlex.quote(given)}")
    words += _harness([each for each in spec.task_sets if each.kind == HARNESS])
    for flag, names in (("calibrated", spec.calibrated_on), ("measured", spec.measured_on)):
        if names:
            words.append(f"--{flag}-on {shlex.join(names)}")
    if not spec.yardsticks:
        words.append("--no-yardsticks")
    if spec.meteor:
        words.append("--meteor")
    sampling = spec.sampling
    if sampling.samples > 1:
        words.append(f"--samples {sampling.samples}")
        words.append(f"--pass-at {' '.join(map(str, sampling.ks))}")
    if sampling.temperature:
        words.append(f"--temperature {sampling.temperature}")
    if sampling.top_p != Sampling.top_p:
        words.append(f"--top-p {sampling.top_p}")
    return " ".join(words)


def _harness(sets: Sequence[TaskSpec]) -> list[str]:
    """The flags of tasks of lm-evaluation-harness; a folder is named without where it lies."""
    if not sets:
        return []
    words = [f"--lm-eval {shlex.join(each.name for each in sets)}"]
    if sets[0].source:
        words.append(f"--lm-eval-include {shlex.quote(Path(sets[0].source).name)}")
    if sets[0].count is not None:
        words.append(f"--lm-eval-limit {sets[0].count}")
    return words


def _calibrate(source: Source) -> str:
    spec = source.run.spec
    sample = spec.sample
    revision = f"@{spec.model.revision}" if spec.model.revision else ""
    lines = [
        f"python -m pruning calibrate --model {shlex.quote(model_source(spec.model) + revision)}"
    ]
    lines += [f"--domain {shlex.quote(domain_text(domain))}" for domain in spec.domains]
    lines.append(
        f"--num-samples {sample.num_samples} --seq-len {sample.seq_len} "
        f"--groups {sample.groups} --seed {sample.seed}"
    )
    if spec.model.dtype:
        lines[-1] += f" --dtype {spec.model.dtype}"
    if sample.allow_fewer:
        lines[-1] += " --allow-fewer"
    if spec.layers is not None:
        lines[-1] += f" --layers {','.join(map(str, spec.layers))}"
    if spec.projections is not None:
        lines[-1] += f" --projections {','.join(spec.projections)}"
    return " \\\n    ".join(lines)


def domain_text(domain: DomainSpec) -> str:
    """The line that `parse_domain` reads; own files by their name, without their folder."""
    if domain.kind == "builtin":
        return domain.name
    text = domain.column or (domain.template or "").replace("\n", "\\n").replace("\t", "\\t")
    if domain.kind == "files":
        endings = "/" + ",".join(f"*{suffix}" for suffix in domain.suffixes)
        column = f"::{text}" if text else ""
        return f"{domain.name}={Path(domain.source).name}{endings * bool(domain.suffixes)}{column}"
    revision = f"@{domain.revision}" if domain.revision else ""
    parts = f"{domain.config or ''}:{domain.split or ''}:{text}"
    return f"{domain.name}=hf:{domain.source}{revision}:{parts}".rstrip(":")
