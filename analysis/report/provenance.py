"""Where a report's numbers come from, and the commands that make them again."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from pathlib import Path

from analysis.report.html import Section, code, paragraph, table
from analysis.report.source import Source
from pruning.sources import is_hub_id
from pruning.specs import DomainSpec, ModelSpec, PruneSpec

ANALYSIS_LIBRARIES = ("numpy", "scipy", "torch", "plotly")


def provenance(source: Source) -> Section:
    """Model, text and libraries."""
    run = source.run
    model, sample = run.spec.model, run.spec.sample
    weights = sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
    facts = {
        "model": model_source(model),
        "revision": model.revision or "–",
        "fingerprint of the weights": run.manifest["fingerprint"],
        "precision": model.dtype or "–",
        "prunable weights": f"{weights:,} in {len(run.weights)} matrices",
        "text of each domain": f"{sample.num_samples} sequences of {sample.seq_len} tokens, "
        f"{sample.groups} groups, seed {sample.seed}",
        "run": run.id,
        "libraries at calibration": _versions(run.manifest["versions"]),
        "libraries of this report": _versions({name: version(name) for name in ANALYSIS_LIBRARIES}),
    }
    origins = [run.origin(domain) for domain in run.domains]
    entries = [run.manifest["domains"][domain] for domain in run.domains]
    domains: dict[str, list[object]] = {
        "domain": list(run.domains),
        "source": [origin.source for origin in origins],
        "revision": [origin.revision for origin in origins],
        "licence": [origin.licence for origin in origins],
        "documents": [sum(entry["documents"]) for entry in entries],
        "tokens": [entry["tokens"] for entry in entries],
        "hash": [entry["key"] for entry in entries],
    }
    return Section(
        name="Provenance",
        parts=[
            table({"": list(facts), " ": list(facts.values())}, "provenance", "Model and sample."),
            table(domains, "domains", "Texts. The hash covers the weights and the exact tokens."),
        ],
    )


def reproduction(source: Source) -> Section:
    """The exact commands."""
    run, prune, spec = source.run, source.prune, source.spec
    choice = f"--sparsity {prune.sparsity}"
    if prune.block is not None:
        choice += f" --pattern {prune.pattern}"
    if prune.layers is not None:
        choice += f" --layers {','.join(map(str, prune.layers))}"
    if prune.projections is not None:
        choice += f" --projections {','.join(prune.projections)}"
    usual = PruneSpec()
    rest = f" --score {prune.score}" * (prune.score != usual.score)
    if prune.comparison_group != usual.comparison_group:
        rest += f" --comparison-group {prune.comparison_group}"
    lines = [_calibrate(source), f"python -m analysis overlap --run {run.id} {choice}{rest}"]
    if source.tested is not None:
        others = [sparsity for sparsity in source.at if sparsity != prune.sparsity]
        more = f" --more-sparsities {','.join(map(str, others))}" if others else ""
        lines.append(
            f"python -m analysis evidence --run {run.id} {choice} "
            f"--permutations {spec.permutations} --bootstraps {spec.bootstraps} "
            f"--splits {spec.splits} --rows {spec.rows} --seed {spec.seed}{more}"
        )
    lines.append(
        f"python -m analysis report --run {run.id} {choice}{rest} --out {run.id}-report.html"
    )
    private = any(domain.kind == "files" for domain in run.spec.domains)
    note = "The id of the run is a hash of the weights and the tokens, so it comes out the same."
    if private:
        note += " Own files are named without their folder: put them where the command says."
    return Section(name="How to reproduce it", parts=[code("\n".join(lines)), paragraph(note)])


def model_source(model: ModelSpec) -> str:
    """The hub id, "demo", or the folder's name: where it lies is nobody else's business."""
    return model.source if is_hub_id(model.source) else Path(model.source).name


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


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
