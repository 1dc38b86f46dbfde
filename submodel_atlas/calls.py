"""The five things that are done with a model: calibrate, overlap, evidence, export, verify.

Each takes `report`, a function that is called with a `Progress`. None: a bar where stderr is a
terminal, a line now and then in a notebook, nothing elsewhere.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from rich.console import Console

from analysis.evidence import testing
from analysis.evidence.comparisons import EvidenceSpec
from analysis.overlap.table import overlap_table
from pruning.calibration import calibrating
from pruning.commands.bars import plain_lines, progress_bar
from pruning.errors import InputError
from pruning.exports import verifying, writing
from pruning.progress import Report, ignore
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, ExportSpec, ModelSpec, PruneSpec, SampleSpec
from pruning.specs.narrowing import NarrowSpec
from submodel_atlas.choices import (
    AnyPath,
    Domains,
    Mixture,
    Prune,
    PruneChoice,
    domain_specs,
    layer_numbers,
    mixture_of,
    model_spec,
    names,
    prune_spec,
    run_of,
    sample_spec,
    workspace_of,
)
from submodel_atlas.results import Evidence, Export, Overlap, Verification


def calibrate(
    model: AnyPath | ModelSpec | CalibrationSpec,
    domains: Domains | None = None,
    *,
    samples: int | SampleSpec = 128,
    length: int | None = None,
    groups: int | None = None,
    seed: int | None = None,
    allow_fewer: bool | None = None,
    layers: str | Sequence[int] | None = None,
    projections: str | Sequence[str] | None = None,
    dtype: str | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    workspace: Workspace | AnyPath | None = None,
    report: Report | None = None,
) -> Run:
    """Pass each domain's text through the dense model once; the run holds the sums of squares.

    Args:
        model: "demo", a hub id "org/name[@revision]" or a folder; or a whole `CalibrationSpec`,
            which makes all other choices.
        domains: built-in names, lines such as "mine=./src/*.py", or a dict name -> path or
            "hf:ID[:CONFIG[:SPLIT[:COLUMN]]]".
        samples: sequences of every domain. length: tokens of a sequence (512). groups: of whole
            documents, which the evidence resamples (16).
        workspace: the folder that holds runs; None: SUBMODEL_ATLAS_WORKSPACE, else the usual one.

    Returns:
        The run. The same choice again returns it at once; one that was stopped goes on.

    Raises:
        InputError: a choice that cannot be used. AtlasError: the work failed.
    """
    if isinstance(model, CalibrationSpec):
        if domains is not None:
            raise InputError("A CalibrationSpec already names its domains; leave domains out.")
        spec = model
    else:
        if domains is None:
            raise InputError('Name at least one domain, e.g. ["python", "math"].')
        spec = CalibrationSpec(
            model=model_spec(model, dtype=dtype, device=device),
            domains=domain_specs(domains),
            sample=sample_spec(samples, length, groups, seed=seed, allow_fewer=allow_fewer),
            layers=layer_numbers(layers),
            projections=names(projections),
            batch_size=batch_size,
        )
    with _reporting(report) as told:
        return calibrating.calibrate(spec, workspace_of(workspace), told)


def overlap(
    run: Run | str,
    prune: Prune | None = None,
    *,
    workspace: Workspace | AnyPath | None = None,
    report: Report | None = None,
    **choice: Unpack[PruneChoice],
) -> Overlap:
    """How much the masks of a run's domains share, beside what chance alone would give.

    run: of `calibrate`, or its id. prune: a `PruneSpec`, a sparsity, a pattern such as "2:4" or a
    dict; or its fields by name, as in overlap(run, sparsity=0.5). Raises InputError, AtlasError.
    """
    found, spec = run_of(run, workspace), prune_spec(prune, choice)
    with _reporting(report) as told:
        return Overlap(run=found, prune=spec, table=overlap_table(found, spec, told))


def evidence(
    run: Run | str,
    prune: Prune | None = None,
    *,
    effort: EvidenceSpec | None = None,
    workspace: Workspace | AnyPath | None = None,
    report: Report | None = None,
    **choice: Unpack[PruneChoice],
) -> Evidence:
    """Whether the domains of a run differ by more than two draws of one domain do.

    run, prune, choice: as in `overlap`. effort: how hard to look; None: 200 permutations and
    bootstraps on 12 rows of each matrix. Raises InputError where there are fewer than two domains
    or groups, AtlasError.
    """
    found, spec = run_of(run, workspace), prune_spec(prune, choice)
    effort = effort or EvidenceSpec()
    with _reporting(report) as told:
        pairs = testing.evidence(found, spec, effort, told)
    return Evidence(run=found, prune=spec, effort=effort, pairs=pairs)


def export(
    run: Run | str,
    mixture: Mixture | ExportSpec,
    out: AnyPath,
    prune: Prune | None = None,
    *,
    mode: str = "one-shot",
    combination: str = "mixture",
    repair: str = "none",
    remove: Mapping[str, float] | None = None,
    form: str = "plain",
    workspace: Workspace | AnyPath | None = None,
    report: Report | None = None,
    **choice: Unpack[PruneChoice],
) -> Export:
    """Write a sub-model as a new folder, which transformers loads.

    Args:
        run: of `calibrate`, or its id.
        mixture: the domains it is for: "python,java=0.5", a dict of weights, or a list; or a whole
            `ExportSpec`, which makes all choices but the form.
        out: the folder, which must not be there or be empty.
        prune, choice: as in `overlap`.
        mode: "one-shot" or "sequential". combination: "mixture", "union", "intersection" or
            "removal". repair: "none", "refit", "sparsegpt" or "alps". form: "plain", or
            "sparse-bitmask", which is stored small.
        remove: whole parts, as shares or numbers: {"channels": 0.2}, {"heads": 1}, {"layers": 1}, or
            several. Single weights are pruned besides only where `prune` or a sparsity says so.

    Raises:
        InputError: a choice that cannot be used. AtlasError: the work failed; nothing is left.
    """
    found = run_of(run, workspace)
    if isinstance(mixture, ExportSpec):
        if prune is not None or choice:
            raise InputError("An ExportSpec already says how to prune; leave those choices out.")
        spec = replace(mixture, run=found.id)
    else:
        narrow = None
        if remove is not None:
            narrow = NarrowSpec.from_json(dict(remove))
            if prune is None and not choice:
                prune = PruneSpec(sparsity=0.0)
        spec = ExportSpec(
            run=found.id,
            mixture=mixture_of(mixture),
            prune=prune_spec(prune, choice),
            mode=mode,
            combination=combination,
            repair=repair,
            narrow=narrow,
        )
    with _reporting(report) as told:
        result = writing.export(found, spec, Path(out), told, form)
    return Export(spec=spec, folder=result.folder, plan=result.plan)


def verify(
    folder: AnyPath | Export, base: AnyPath | None = None, *, report: Report | None = None
) -> Verification:
    """Check every claim of an exported folder on its files; `ok` says whether all of them hold.

    base: the dense model's folder, if it has moved. Raises InputError for a folder that was not
    exported by this program.
    """
    with _reporting(report) as told:
        found = verifying.verify(Path(folder), None if base is None else Path(base), told)
    return Verification(folder=Path(found.folder), checks=found.checks)


@contextlib.contextmanager
def _reporting(report: Report | None) -> Iterator[Report]:
    if report is not None:
        yield report
    elif sys.stderr.isatty():
        with progress_bar(Console(stderr=True)) as bar:
            yield bar
    else:
        yield plain_lines(sys.stderr) if "ipykernel" in sys.modules else ignore
