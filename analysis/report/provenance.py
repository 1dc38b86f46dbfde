"""Where a report's numbers come from: the model, the texts, the libraries."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from analysis.report.html import Section, Table
from analysis.report.source import Source
from pruning.models.sources import is_hub_id
from pruning.specs import ModelSpec

ANALYSIS_LIBRARIES = ("numpy", "scipy", "torch", "plotly")


def provenance(source: Source) -> Section:
    """Model, text and libraries."""
    run = source.run
    model, sample = run.spec.model, run.spec.sample
    weights = sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
    facts = {
        "model": model_source(model),
        "revision": model.revision or "–",
        "fingerprint of the weights": run.manifest.fingerprint,
        "precision": model.dtype or "–",
        "prunable weights": f"{weights:,} in {len(run.weights)} matrices",
        "text of each domain": f"{sample.num_samples} sequences of {sample.seq_len} tokens, "
        f"{sample.groups} groups, seed {sample.seed}",
        "run": run.id,
        "libraries at calibration": _versions(run.manifest.versions),
        "libraries of this report": _versions({name: version(name) for name in ANALYSIS_LIBRARIES}),
    }
    origins = [run.origin(domain) for domain in run.domains]
    entries = [run.manifest.domains[domain] for domain in run.domains]
    domains: dict[str, list[object]] = {
        "domain": list(run.domains),
        "source": [origin.source for origin in origins],
        "revision": [origin.revision for origin in origins],
        "licence": [origin.licence for origin in origins],
        "documents": [sum(entry.documents) for entry in entries],
        "tokens": [entry.tokens for entry in entries],
        "hash": [entry.key for entry in entries],
    }
    readings = [(name, said) for name in run.domains for said in run.reading(name)]
    read: dict[str, list[object]] = {
        "domain": [name for name, _ in readings],
        "what was read": [said for _, said in readings],
    }
    notes = Table(columns=read, name="reading", caption="What was read, left out, and why.")
    return Section(
        name="Provenance",
        parts=[
            Table(
                columns={"property": list(facts), "value": list(facts.values())},
                name="provenance",
                caption="Model and sample.",
            ),
            Table(
                columns=domains,
                name="domains",
                caption="Texts. The hash covers the weights and the exact tokens.",
            ),
            *([notes] if readings else []),
        ],
    )


def model_source(model: ModelSpec) -> str:
    """The hub id, "demo", or the folder's name: where it lies is nobody else's business."""
    return model.source if is_hub_id(model.source) else Path(model.source).name


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
