"""A calibration run: its folder, manifest, tokens and sums."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pruning.checkpoints.headers import fingerprint
from pruning.checkpoints.weights import PrunableWeight, WeightReader
from pruning.domains import DomainOrigin
from pruning.domains.reading import describe_reading
from pruning.domains.token_sample import TokenSample
from pruning.errors import AtlasError, InputError
from pruning.machine.locks import folder_lock
from pruning.machine.storage import atomic_json
from pruning.models.sources import model_folder
from pruning.runs.manifest import Manifest, read_manifest
from pruning.runs.statistics import ChannelStats
from pruning.specs import CalibrationSpec, ModelSpec, WeightKey


class Run:
    """One calibration run on disk. Only small files are read until statistics are asked for."""

    def __init__(self, folder: Path, inputs: Collection[WeightKey] | None = None) -> None:
        """Raises AtlasError where the manifest is missing, damaged or of a newer schema.

        inputs: the layer inputs whose sums `stats` reads, for a look at a few weights of a large
        model; None: all.
        """
        self.folder, self.inputs = folder, inputs
        self.id = folder.name
        self.manifest = read_manifest(folder / "run.json")
        self._understand()

    def _understand(self) -> None:
        """Rebuild what the manifest holds as plain data."""
        try:
            self.spec = CalibrationSpec.from_json(self.manifest.spec)
            self.status = self.manifest.status
            self.domains = tuple(domain.name for domain in self.spec.domains)
            self.weights = tuple(PrunableWeight.from_json(entry) for entry in self.manifest.weights)
        except (InputError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise AtlasError(
                f"{self.folder / 'run.json'} is damaged ({error}); delete the run's folder."
            ) from error

    def __repr__(self) -> str:
        domains = ", ".join(self.domains)
        return f"<Run {self.id}: {self.spec.model.source} on {domains}; {self.status}>"

    @property
    def layers(self) -> tuple[int, ...]:
        """The decoder layers that were calibrated."""
        return tuple(sorted({weight.key.layer for weight in self.weights}))

    @property
    def has_experts(self) -> bool:
        """Whether the model is a mixture of experts, of which some were calibrated."""
        return any(weight.key.expert is not None for weight in self.weights)

    @property
    def projections(self) -> tuple[str, ...]:
        """The projections that were calibrated, in the order of the model."""
        return tuple(dict.fromkeys(weight.key.projection for weight in self.weights))

    def require_done(self) -> None:
        """AtlasError unless calibration has finished."""
        if self.status != "done":
            raise AtlasError(
                f"Run {self.id} is not finished ({self.status}); start the same calibration "
                "again and it goes on where it stopped."
            )

    def check_domain(self, domain: str) -> None:
        """InputError for a domain that this run does not have."""
        if domain not in self.domains:
            raise InputError(
                f"Run {self.id} has no domain {domain!r}; it has {', '.join(self.domains)}."
            )

    def tokens_path(self, domain: str) -> Path:
        """Where a domain's token ids are."""
        return self.folder / "tokens" / f"{domain}.safetensors"

    def stats_path(self, domain: str) -> Path:
        """Where a domain's sums are."""
        return self.folder / "stats" / f"{domain}.safetensors"

    def tokens(self, domain: str) -> TokenSample:
        """The exact calibration tokens of a domain."""
        self.check_domain(domain)
        return TokenSample.load(self.tokens_path(domain))

    def stats(self, domain: str) -> ChannelStats:
        """The calibration statistics of a domain."""
        self.check_domain(domain)
        self.require_done()
        return ChannelStats.load(self.stats_path(domain), self.inputs)

    def origin(self, domain: str) -> DomainOrigin:
        """Where a domain's text came from when it was calibrated."""
        self.check_domain(domain)
        return DomainOrigin.from_json(self.manifest.domains[domain].origin)

    def reading(self, domain: str) -> list[str]:
        """What was read of a domain, what was left out and why, in sentences; older runs have none."""
        self.check_domain(domain)
        reading = self.manifest.domains[domain].reading
        return describe_reading(reading.to_json()) if reading else []

    def model_folder(self) -> Path:
        """The folder of the dense model: where it was named last, else where its weights are known
        to lie (as other runs of the workspace name it, or as this one did before).

        AtlasError if it is in none of these places, or has other weights now.
        """
        folder, problem = self._folder_of(self.spec.model)
        if folder is not None:
            return folder
        for other in self._other_places():
            found, _ = self._folder_of(other)
            if found is not None:
                self.move_to(other)
                return found
        raise AtlasError(problem)

    def move_to(self, model: ModelSpec) -> None:
        """Take note that the model, with the same weights, is at another source from now on."""
        spec = self.manifest.spec
        place = {"source": model.source, "revision": model.revision}
        before = {name: spec["model"].get(name) for name in place}
        if place == before:
            return
        earlier = [each for each in self.manifest.earlier if each not in (place, before)]
        self.write_manifest(
            spec={**spec, "model": {**spec["model"], **place}}, earlier=[*earlier, before]
        )

    def _folder_of(self, model: ModelSpec) -> tuple[Path | None, str]:
        """The folder of a model with this run's weights; or None, and the sentence why not."""
        try:
            folder = model_folder(model)
            if fingerprint(folder) == self.manifest.fingerprint:
                return folder, ""
        except InputError as error:
            return None, (
                f"The model of run {self.id} is gone: {error} If its weights lie elsewhere now, "
                "start the same calibration with that folder: nothing is calculated again."
            )
        return None, (
            f"The model in {folder} is not the one that run {self.id} was calibrated on; "
            "bring that model back, or calibrate again."
        )

    def _other_places(self) -> Iterator[ModelSpec]:
        """Where the same weights may lie: what this run named before, then what others name."""
        for place in reversed(self.manifest.earlier):
            source, revision = place.get("source"), place.get("revision")
            if source:
                yield replace(self.spec.model, source=source, revision=revision)
        for path in sorted(self.folder.parent.glob("[0-9a-f]*/run.json")):
            with contextlib.suppress(AtlasError, InputError):
                other = Run(path.parent) if path.parent != self.folder else self
                if other is not self and other.manifest.fingerprint == self.manifest.fingerprint:
                    model = other.spec.model
                    yield replace(self.spec.model, source=model.source, revision=model.revision)

    def weight_reader(self) -> WeightReader:
        """The dense weights, read one matrix at a time."""
        return WeightReader(self.model_folder(), self.weights)

    def refresh(self) -> None:
        """Read the manifest again, as another process may have written it meanwhile."""
        self.manifest = read_manifest(self.folder / "run.json")
        self._understand()

    def write_manifest(self, **changes: Any) -> None:
        """Change fields of the manifest on disk. changes: plain data."""
        data = {**self.manifest.to_json(), **changes, "updated": time.time()}
        self.manifest = Manifest.from_json(data)
        self._understand()
        atomic_json(self.folder / "run.json", self.manifest.to_json())

    @contextlib.contextmanager
    def lock(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the run for writing; AtlasError at once if another process holds it.

        shared: together with other processes that hold it in the same way.
        """
        with folder_lock(self.folder, f"Run {self.id}", shared=shared):
            yield
