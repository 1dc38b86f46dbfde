"""What a person writes, as plain values, turned into the specs of `pruning`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, cast

from pruning.domains import parse_domain
from pruning.errors import InputError
from pruning.models.sources import parse_model
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import DomainSpec, ModelSpec, PruneSpec, SampleSpec
from pruning.specs.exports import parse_mixture
from pruning.specs.patterns import pattern_sparsity
from pruning.specs.selection import parse_layers

AnyPath = str | os.PathLike[str]
Domains = str | DomainSpec | Sequence[str | DomainSpec] | Mapping[str, AnyPath]
Mixture = str | Sequence[str] | Mapping[str, float]
Prune = PruneSpec | float | str | Mapping[str, Any]


class PruneChoice(TypedDict, total=False):
    """The fields of `PruneSpec` as keywords; a pattern n:m implies its sparsity.

    layers may be written "0-5,8", and projections "q_proj,k_proj".
    """

    score: str
    sparsity: float
    pattern: str
    comparison_group: str
    allocation: str
    seed: int
    layers: str | Sequence[int] | None
    projections: str | Sequence[str] | None
    starved: str


def model_spec(model: AnyPath | ModelSpec, **choice: Any) -> ModelSpec:
    """ "demo", "org/name@revision" or a folder; choice: other fields of the spec, None if unsaid."""
    said = {name: value for name, value in choice.items() if value is not None}
    if isinstance(model, ModelSpec):
        return replace(model, **said)
    source, revision = parse_model(os.fspath(model))
    return ModelSpec(**{"source": source, "revision": revision, **said})


def domain_specs(domains: Domains) -> tuple[DomainSpec, ...]:
    """One domain or several; texts as `parse_domain` reads them, or name -> path or "hf:..."."""
    if isinstance(domains, str | DomainSpec):
        domains = [domains]
    if isinstance(domains, Mapping):
        domains = [f"{name}={os.fspath(source)}" for name, source in domains.items()]
    return tuple(each if isinstance(each, DomainSpec) else parse_domain(each) for each in domains)


def sample_spec(
    samples: int | SampleSpec, length: int | None, groups: int | None, **choice: Any
) -> SampleSpec:
    """samples: of every domain. length: tokens of each. groups None: 16, or fewer if few samples."""
    said = {"seq_len": length, "groups": groups, **choice}
    said = {name: value for name, value in said.items() if value is not None}
    if isinstance(samples, SampleSpec):
        return replace(samples, **said)
    usual = min(SampleSpec().groups, max(samples, 1))
    return SampleSpec(**{"num_samples": samples, "groups": usual, **said})


def prune_spec(prune: Prune | None, choice: PruneChoice) -> PruneSpec:
    """A spec, a sparsity, a pattern or a dict of fields; and, or instead, fields by name.

    Raises InputError for a field that there is not, or where nothing says how much to prune.
    """
    said = {**_plain(prune), **choice}
    unknown = set(said) - set(PruneChoice.__annotations__)
    if unknown:
        raise InputError(f"PruneSpec has no field {', '.join(sorted(unknown))}.")
    if said.get("sparsity") is None:
        said["sparsity"] = pattern_sparsity(said.get("pattern", "unstructured"))
    if said["sparsity"] is None:
        raise InputError(
            "Say how much to prune, e.g. sparsity=0.5, or choose a pattern such as pattern='2:4'."
        )
    said["layers"] = layer_numbers(said.get("layers"))
    said["projections"] = names(said.get("projections"))
    return PruneSpec(**cast(Any, said))


def _plain(prune: Prune | None) -> dict[str, Any]:
    if prune is None:
        return {}
    if isinstance(prune, PruneSpec):
        return {name: getattr(prune, name) for name in PruneChoice.__annotations__}
    if isinstance(prune, str):
        return {"pattern": prune}
    return dict(prune) if isinstance(prune, Mapping) else {"sparsity": prune}


def layer_numbers(layers: str | Sequence[int] | None) -> tuple[int, ...] | None:
    """Decoder layers, from 0; None: all."""
    if isinstance(layers, str):
        return parse_layers(layers)
    return None if layers is None else tuple(layers)


def names(chosen: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names in a list, or in one text with commas; None: all."""
    if isinstance(chosen, str):
        chosen = [name.strip() for name in chosen.split(",")]
    return None if chosen is None else tuple(chosen)


def mixture_of(mixture: Mixture) -> tuple[tuple[str, float], ...]:
    """ "python,java=0.5", {"python": 1, "java": 0.5}, or a list of names that count alike."""
    if isinstance(mixture, str):
        return parse_mixture(mixture)
    if isinstance(mixture, Mapping):
        return tuple((name, float(weight)) for name, weight in mixture.items())
    return tuple((name, 1.0) for name in mixture)


def workspace_of(workspace: Workspace | AnyPath | None) -> Workspace:
    """The workspace, or that in a folder; None: the usual one."""
    if isinstance(workspace, Workspace):
        return workspace
    return Workspace(None if workspace is None else Path(workspace))


def run_of(run: Run | str, workspace: Workspace | AnyPath | None) -> Run:
    """The run, or the one in the workspace with this id or the beginning of it."""
    return run if isinstance(run, Run) else workspace_of(workspace).run(run)
