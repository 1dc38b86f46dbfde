"""Where a domain's text comes from and under which licence, for manifests and model cards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pruning.domains.hub import explain
from pruning.specs import DomainSpec, Spec

NOT_STATED = "not stated"


@dataclass(frozen=True, kw_only=True)
class DomainOrigin(Spec):
    """One domain in words. revision: the commit of a hub data set; licence: as its owner states."""

    name: str
    source: str
    revision: str | None
    licence: str


def origin(spec: DomainSpec) -> DomainOrigin:
    """Say where the text of `spec` comes from; asks the hub only for a hub data set.

    A person's own files are named without their folder, which is nobody else's business. Raises
    InputError or AtlasError when the hub does not know the data set or cannot be reached.
    """
    if spec.kind == "builtin":
        return DomainOrigin(
            name=spec.name,
            source=f"built-in domain {spec.source}, written by this project's generators",
            revision=None,
            licence="MIT",
        )
    if spec.kind == "files":
        source = f"own files ({Path(spec.source).name})"
        return DomainOrigin(name=spec.name, source=source, revision=None, licence=NOT_STATED)
    commit, licence = _hub_facts(spec)
    chosen = ", ".join(part for part in (spec.config, spec.split) if part)
    source = f"data set {spec.source}" + (f" ({chosen})" if chosen else "")
    return DomainOrigin(name=spec.name, source=source, revision=commit, licence=licence)


def pin(spec: DomainSpec) -> DomainSpec:
    """The same domain with the hub's present commit as its revision, so that it cannot change.

    Built-in domains, files, and a hub data set whose revision already is a commit come back as
    they are, and nothing is asked. Raises like `origin`.
    """
    revision = spec.revision or ""
    is_commit = len(revision) == 40 and set(revision) <= set("0123456789abcdef")
    if spec.kind != "hub" or is_commit:
        return spec
    return replace(spec, revision=_hub_facts(spec)[0])


def _hub_facts(spec: DomainSpec) -> tuple[str | None, str]:
    """(commit, licence) of a hub data set."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(spec.source, revision=spec.revision)
    except Exception as error:
        raise explain(error, spec) from error
    stated = getattr(info.card_data, "license", None) or NOT_STATED
    return info.sha, stated if isinstance(stated, str) else ", ".join(stated)
