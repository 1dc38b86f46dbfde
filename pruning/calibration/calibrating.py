"""Calibration: one dense pass over each domain's text, keeping sums (see pruning.runs.statistics).

The work is cut into groups of documents. Each group's sums are written when they are complete,
so a run that was killed at any moment goes on with the next group and ends with the same result.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pruning.calibration.decoder import Decoder, check_layer_by_layer
from pruning.calibration.passages import Batch, Passage, batches_of, fits_memory, pass_through
from pruning.calibration.shares import Share, Unit, Work, note
from pruning.checkpoints.headers import fingerprint, read_json
from pruning.checkpoints.weights import PrunableWeight
from pruning.domains import origin, pin
from pruning.domains.packing import sample_domain
from pruning.domains.reading import Reading
from pruning.domains.token_sample import TokenSample
from pruning.errors import AtlasError, Cancelled, InputError
from pruning.machine.locks import CREATING, turn
from pruning.machine.storage import atomic_json, storage_errors
from pruning.models.architecture import weight_shapes
from pruning.models.loading import LoadedModel, check_token_ids, load_model, load_tokenizer, resolve
from pruning.models.sources import model_folder
from pruning.models.support import skeleton
from pruning.progress import Meter, Progress, Report, ignore
from pruning.runs.manifest import SCHEMA_VERSION, DomainEntry, Manifest, ReadingEntry
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, content_hash
from pruning.specs.selection import select_weights

GROUPS_AT_ONCE = (
    256  # of a streamed model, whose weights are read for all of them; each holds a lock
)
WAITING = "Waiting for the groups that other processes are at work on"
LIBRARIES = ("torch", "transformers", "safetensors", "numpy")


def calibrate(
    spec: CalibrationSpec,
    workspace: Workspace,
    report: Report = ignore,
    share: Share | None = None,
) -> Run:
    """Calibrate a model on every domain of `spec`; returns the run.

    The run's id depends on the model's weights, the precision, the choice of weights and the
    exact tokens, so the same work is never done twice: a finished run is returned at once, an
    unfinished one is resumed, and a domain that another run calibrated alike is copied.

    share: do this part of the groups only, beside other processes that may be at work on the same
    run; it is finished by whichever process finds all groups done. None: do all of it, alone.

    Raises InputError for a choice that cannot be used, AtlasError where the work fails.
    """
    report(Progress(stage="Reading the model", done=0, total=1))
    spec = replace(
        spec,
        model=resolve(spec.model, report),
        domains=tuple(pin(domain) for domain in spec.domains),
    )
    rows = _check_choices(spec)
    samples, readings = _draw_samples(spec, report)
    for name, sample in samples.items():
        check_token_ids(int(sample.input_ids.max(initial=0)), rows, f"The text of {name}")
    run = _open_run(spec, samples, readings, workspace)
    if run.status == "done":
        return run
    with run.lock(shared=share is not None):
        started, work = time.time(), Work(run)
        alone = share is None and not work.folder.exists()  # nothing of it was done before
        try:
            note(run, status="running", error=None)
            alone &= not _copy_known(run, workspace)
            _calibrate_run(work, spec, samples, share or Share(), report)
        except Cancelled:
            note(run, status="cancelled")
            raise
        except Exception as error:
            never_loaded = not run.weights  # so no sum was ever made
            if isinstance(error, InputError) and share is None and never_loaded:
                shutil.rmtree(run.folder, ignore_errors=True)
                raise
            with contextlib.suppress(AtlasError):
                note(run, status="failed", error=str(error))
            raise
        work.finish(**({"seconds": time.time() - started} if alone else {}))
    return run


def _check_choices(spec: CalibrationSpec) -> int:
    """InputError for layers, projections or a length that the model does not have.

    Returns how many token ids the model has embeddings for.
    """
    config = read_json(model_folder(spec.model) / "config.json")
    model, _, layers = skeleton(config)
    select_weights(tuple(weight_shapes(layers)), spec.layers, spec.projections)
    longest = getattr(model.config, "max_position_embeddings", None)
    if isinstance(longest, int) and spec.sample.seq_len > longest:
        raise InputError(
            f"Sequences of {spec.sample.seq_len} tokens are longer than this model's context of "
            f"{longest}; choose a sequence length of at most {longest}."
        )
    return int(model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]


def _draw_samples(
    spec: CalibrationSpec, report: Report
) -> tuple[dict[str, TokenSample], dict[str, Reading]]:
    """Every domain's tokens, and the notes of what was read for them and left out."""
    tokenizer = load_tokenizer(spec.model)
    samples, readings = {}, {domain.name: Reading() for domain in spec.domains}
    for number, domain in enumerate(spec.domains):
        report(
            Progress(
                stage="Reading the texts",
                done=number,
                total=len(spec.domains),
                detail=domain.name,
            )
        )
        samples[domain.name] = sample_domain(
            domain, spec.sample, tokenizer, report, readings[domain.name]
        )
    return samples, readings


def _open_run(
    spec: CalibrationSpec,
    samples: Mapping[str, TokenSample],
    readings: Mapping[str, Reading],
    workspace: Workspace,
) -> Run:
    """The run folder for this work, made with its manifest and tokens if it is not there yet."""
    mark = fingerprint(model_folder(spec.model))
    work = {
        "fingerprint": mark,
        "dtype": spec.model.dtype,
        "layers": spec.layers,
        "projections": spec.projections,
    }
    keys = {
        name: content_hash({**work, "tokens": token_hash(sample)})
        for name, sample in samples.items()
    }
    run_id = content_hash(keys)[:12]
    folder = workspace.runs_folder / run_id
    if (folder / "run.json").exists():
        return _known_run(folder, spec, workspace)
    origins = {domain.name: origin(domain).to_json() for domain in spec.domains}
    with turn(workspace.root / CREATING):  # else two starts at once could undo each other's notes
        if (folder / "run.json").exists():
            return Run(folder)
        with storage_errors(folder / "run.json"):
            for name, sample in samples.items():
                sample.save(folder / "tokens" / f"{name}.safetensors")
        now = time.time()
        manifest = Manifest(
            schema=SCHEMA_VERSION,
            status="running",
            spec=spec.to_json(),
            fingerprint=mark,
            versions={name: version(name) for name in LIBRARIES},
            created=now,
            updated=now,
            weights=(),
            domains={
                name: DomainEntry(
                    key=keys[name],
                    origin=origins[name],
                    reading=ReadingEntry.from_json(readings[name].to_json()),
                    samples=len(sample.input_ids),
                    tokens=int(sample.valid.sum()),
                    documents=tuple(int(count) for count in sample.documents),
                )
                for name, sample in samples.items()
            },
        )
        atomic_json(folder / "run.json", manifest.to_json())
    return Run(folder)


def _known_run(folder: Path, spec: CalibrationSpec, workspace: Workspace) -> Run:
    """A run that is there; its model is where it was named now, and so are the files beside it."""
    run = Run(folder)
    with turn(workspace.root / CREATING):
        run.refresh()
        run.move_to(spec.model)
    return run


def token_hash(sample: TokenSample) -> str:
    """A content hash of the token ids, the counted positions and the groups."""
    arrays = (sample.input_ids, sample.valid, sample.group)
    return content_hash([[str(a.dtype), list(a.shape), _digest(a)] for a in arrays])


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _calibrate_run(
    work: Work,
    spec: CalibrationSpec,
    samples: Mapping[str, TokenSample],
    share: Share,
    report: Report,
) -> None:
    """Sum every group of the share that is not on disk yet.

    spec: the run's, with the device, the batch size and the way to hold the model that were asked
    for this time.
    """
    run = work.run
    units = [u for u in work.share(share) if not run.stats_path(u.domain).exists()]
    if run.weights and not work.left(units):
        return
    report(Progress(stage="Loading the model", done=0, total=1))
    loaded = load_model(spec.model, report)
    check_layer_by_layer(loaded)
    weights = _chosen_weights(loaded, spec)
    ignored = {"ignored": list(loaded.ignored)} if loaded.ignored else {}
    note(run, weights=[weight.to_json() for weight in weights], **ignored)
    layers = len({weight.key.layer for weight in weights})
    meter = Meter(report, "Calibrating", len(units) * layers)
    decoder = Decoder(loaded)
    while left := work.left(units):
        meter.skip((len(units) - len(left)) * layers - meter.done)
        with work.claimed(left, GROUPS_AT_ONCE if loaded.streamed else 1) as mine:
            if mine:
                batches = {
                    unit: batches_of(samples[unit.domain], unit.sequences, spec.sequences_per_batch)
                    for unit in mine
                }
                _sum_up(work, batches, decoder, weights, meter)
            else:
                report(Progress(stage=WAITING, done=meter.done, total=meter.total))
                time.sleep(1)


def _sum_up(
    work: Work,
    batches: Mapping[Unit, Sequence[Batch]],
    decoder: Decoder,
    weights: Sequence[PrunableWeight],
    meter: Meter,
) -> None:
    """One pass of these groups through the model; each group's sums are written when complete."""
    loaded = decoder.loaded
    unit_of = {}
    for unit, of_unit in batches.items():
        file = work.parked_path(unit) if loaded.streamed else None
        unit_of[Passage(decoder, of_unit, str(unit), file)] = unit
    layers = {weight.key.layer for weight in weights}
    meter.skip(sum(layer < passage.layer for passage in unit_of for layer in layers))
    pass_through(
        loaded,
        list(unit_of),
        weights,
        meter,
        hold=fits_memory(loaded, [ids for of_unit in batches.values() for ids, _ in of_unit]),
        done=lambda passage: passage.stats().save(work.path(unit_of[passage])),
    )


def _chosen_weights(loaded: LoadedModel, spec: CalibrationSpec) -> tuple[PrunableWeight, ...]:
    chosen = set(
        select_weights([weight.key for weight in loaded.weights], spec.layers, spec.projections)
    )
    return tuple(weight for weight in loaded.weights if weight.key in chosen)


def _copy_known(run: Run, workspace: Workspace) -> bool:
    """Take the sums of domains that another run has calibrated on the same tokens and weights.

    Returns whether there were any.
    """
    copied = False
    for name, entry in run.manifest.domains.items():
        if run.stats_path(name).exists():
            continue
        for other, other_name in _runs_with(entry.key, run, workspace):
            ChannelStats.load(other.stats_path(other_name)).save(run.stats_path(name))
            copied = True
            if not run.weights:
                note(run, weights=other.manifest.weights)
            break
    return copied


def _runs_with(key: str, run: Run, workspace: Workspace) -> Iterator[tuple[Run, str]]:
    for other in workspace.runs():
        if other.id != run.id and other.weights:
            for name, entry in other.manifest.domains.items():
                if entry.key == key and other.stats_path(name).exists():
                    yield other, name
