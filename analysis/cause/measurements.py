"""Removing, reading, putting back: every measurement is kept as soon as it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.cause.removals import Regions, kept_masks, region_sizes, run_regions
from analysis.cause.spec import CauseSpec, Removal, Step, steps
from analysis.evaluation.held_out import held_out_documents
from analysis.evaluation.likelihood import document_losses
from pruning.masks.making import selected_weights
from pruning.masks.surgery import temporary_masks
from pruning.progress import Meter, Progress, Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import PruneSpec, content_hash

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Everything that was measured.

    bits[removal, domain]: (documents,), what the changed model needed for each held-out document
    of the domain. bytes[domain]: (documents,), their lengths. sizes: weights of every domain's
    region. total: weights of all matrices together.
    """

    bits: Mapping[tuple[Removal, str], Float]
    bytes: Mapping[str, NDArray[np.int64]]
    sizes: Mapping[str, int]
    total: int


def measure(run: Run, prune: PruneSpec, spec: CauseSpec, report: Report = ignore) -> Measured:
    """Measure every step of `spec` that has not been measured yet; the model is left unchanged.

    Each (removal, domain) is kept with the run by the hash of all it depends on, so a measurement
    that was stopped goes on where it was, and a change of sparsity does not repeat the dense model.
    Raises InputError for choices that do not fit and for domains without further text.
    """
    run.require_done()
    found = run_regions(run, prune, spec, report)
    texts = {}
    for number, domain in enumerate(run.domains):
        report(
            Progress(
                stage="Reading held-out text", done=number, total=len(run.domains), detail=domain
            )
        )
        texts[domain] = held_out_documents(run, domain, size=spec.size)
    plan = list(steps(run.domains, spec))
    store = _Store(run, prune, spec, texts)
    _measure_missing(run, prune, spec, found, store, plan, report)
    read = {
        (step.removal, domain): store.read(step.removal, domain)
        for step in plan
        for domain in step.evaluated
    }
    return Measured(
        bits={of: np.array(entry["bits"]) for of, entry in read.items()},
        bytes={
            domain: np.array(entry["bytes"], dtype=np.int64) for (_, domain), entry in read.items()
        },
        sizes=region_sizes(found),
        total=sum(weight.shape[0] * weight.shape[1] for weight in selected_weights(run, prune)),
    )


def _measure_missing(
    run: Run,
    prune: PruneSpec,
    spec: CauseSpec,
    found: Regions,
    store: _Store,
    plan: Sequence[Step],
    report: Report,
) -> None:
    """One removal after the other, each read by the domains that it has not been read by."""
    # here, as it brings transformers along, and pages only read
    from pruning.models.loading import load_model, on_this_machine

    meter = Meter(report, "Removing and reading", sum(len(step.evaluated) for step in plan))
    loaded: LoadedModel | None = None
    for step in plan:
        missing = [each for each in step.evaluated if not store.at(step.removal, each).is_there()]
        meter.skip(len(step.evaluated) - len(missing))
        if not missing:
            continue
        if loaded is None:
            report(Progress(stage="Loading the model", done=meter.done, total=meter.total))
            run.model_folder()  # refuses a model that has changed since
            loaded = load_model(on_this_machine(run.spec.model))
        kept = kept_masks(step.removal, run, loaded, prune, found, spec.seed)
        with temporary_masks(loaded, kept):
            for domain in missing:
                losses = document_losses(loaded, store.texts[domain])
                store.write(step.removal, domain, losses.bits, losses.bytes)
                meter.step(f"{_words(step.removal)}, read by {domain}")


def _words(removal: Removal) -> str:
    """What a removal is called while it is measured."""
    return {
        "nothing": "the dense model",
        "region": f"without {removal.domain}'s own weights",
        "mask": f"the mask of {removal.domain}",
        "part": f"{removal.domain} against {removal.partner}",
    }.get(removal.kind, f"{removal.kind} weights, draw {removal.draw + 1}")


class _Store:
    """One file for every (removal, domain), named by all it depends on."""

    def __init__(
        self, run: Run, prune: PruneSpec, spec: CauseSpec, texts: Mapping[str, Sequence[str]]
    ) -> None:
        self.texts = texts
        self._folder = run.folder / "cause" / "measured"
        self._prune = prune
        self._spec = spec
        self._text_keys = {domain: content_hash(list(texts[domain])) for domain in texts}

    def at(self, removal: Removal, domain: str) -> Kept:
        """Where this measurement is, or will be."""
        key: dict[str, Any] = {"removal": removal.to_json(), "text": self._text_keys[domain]}
        if removal.kind == "mask":
            key["masks"] = [self._prune.to_json()]
        elif removal.kind != "nothing":
            key["masks"] = [each.to_json() for each in self._spec.of(self._prune)]
            key["region"] = self._spec.region
        if removal.kind in ("random", "matched", "part"):
            key["seed"] = self._spec.seed
        return Kept.of(self._folder, key)

    def read(self, removal: Removal, domain: str) -> dict[str, Any]:
        """bits and bytes of every document."""
        return self.at(removal, domain).read(dict)

    def write(self, removal: Removal, domain: str, bits: Float, sizes: NDArray[np.int64]) -> None:
        """Keep one measurement: bits (documents,) and sizes in bytes (documents,)."""
        self.at(removal, domain).write({"bits": bits.tolist(), "bytes": sizes.tolist()})
