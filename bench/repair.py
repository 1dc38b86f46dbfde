"""`python -m bench repair`: what repair costs and gives on the demo model, and which ridge is best.

Each sub-model is made in this process for the demo model's Python text; its quality is measured on
held-out text of the same domain, on Python's and on math's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.evaluation.held_out import held_out_documents
from analysis.evaluation.likelihood import document_losses
from bench.measuring import add_results, machine, result
from pruning.calibration.calibrating import calibrate
from pruning.commands.console import Answer
from pruning.domains import parse_domain
from pruning.masks.recipe import recipe_of as masks_recipe_of
from pruning.models.loading import LoadedModel, load_model
from pruning.progress import Meter, Report
from pruning.repair.layer_by_layer import repair
from pruning.repair.least_squares import RIDGE
from pruning.repair.made import MadeWeight, temporary_submodel
from pruning.repair.recipe import RepairedRecipe
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import (
    NONE,
    REPAIRS,
    CalibrationSpec,
    ExportSpec,
    ModelSpec,
    PruneSpec,
    SampleSpec,
    WeightKey,
)
from pruning.specs.exports import REFIT

DOMAINS = ("python", "math")
RIDGES = (0.0001, 0.001, RIDGE, 0.1)
TEXT_BYTES = 100_000
PRUNES = (PruneSpec(sparsity=0.5), PruneSpec(sparsity=0.5, pattern="2:4"))
TITLES = f"{'':34}{'seconds':>9}{'processor':>11}{'python':>9}{'math':>9}{'last error':>12}"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A calibrated model, and text that it is measured on, a list of documents a domain."""

    run: Run
    loaded: LoadedModel
    texts: Mapping[str, list[str]]

    def row(self, title: str, spec: ExportSpec, ridge: float = RIDGE) -> str:
        """Make one sub-model, and measure it."""
        started, busy = time.perf_counter(), time.process_time()
        made, error = self._made(spec, ridge)
        seconds, processor = time.perf_counter() - started, time.process_time() - busy
        with temporary_submodel(self.loaded, made):
            bits = [self._bits(domain) for domain in DOMAINS]
        return (
            f"{title:34}{seconds:>7.1f} s{processor:>9.1f} s"
            + "".join(f"{each:>9.4f}" for each in bits)
            + (f"{error:>12.3f}" if error else "")
        )

    def dense(self) -> str:
        """The model as it is."""
        return f"{'dense':34}{'':20}" + "".join(f"{self._bits(each):>9.4f}" for each in DOMAINS)

    def _made(self, spec: ExportSpec, ridge: float) -> tuple[dict[WeightKey, MadeWeight], float]:
        if spec.repair == NONE:
            masks = masks_recipe_of(self.run, spec).masks()
            return {weight.key: MadeWeight(mask=mask) for weight, mask in masks}, 0.0
        recipe = RepairedRecipe(self.run, spec)
        made: dict[WeightKey, MadeWeight] = {}
        solver, size = replace(recipe.solver(), ridge=ridge), self.run.spec.sequences_per_batch
        error = 0.0
        for layer in repair(self.loaded, recipe.samples(), recipe.weights, solver, size):
            made.update(layer.weights)
            error = layer.error
        return made, error

    def _bits(self, domain: str) -> float:
        return document_losses(self.loaded, self.texts[domain]).bits_per_byte


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `repair`."""
    parser.add_argument("--samples", type=int, default=64, help="of each domain (default: 64)")
    parser.add_argument("--seq-len", type=int, default=256, help="tokens of each (default: 256)")
    add_results(parser)
    parser.set_defaults(command=repaired)


def repaired(arguments: argparse.Namespace, report: Report) -> Answer:
    """Make every sub-model of the tables, and write them down."""
    arguments.machine = machine()
    with tempfile.TemporaryDirectory() as folder:
        trial = trial_of(Path(folder), arguments)
        lines = list(rows(trial, report))
    text = f"{arguments.samples} x {arguments.seq_len} tokens of Python"
    lines = [f"demo model, repaired on {text}; bits per byte of held-out text", TITLES, *lines]
    command = f"python -m bench repair --samples {arguments.samples}"
    return result(arguments, "repair-demo", f"{command} --seq-len {arguments.seq_len}", lines)


def trial_of(folder: Path, arguments: argparse.Namespace) -> Trial:
    """Calibrate the demo model, and draw the text to measure on."""
    sample = SampleSpec(
        num_samples=arguments.samples, seq_len=arguments.seq_len, groups=min(8, arguments.samples)
    )
    model = ModelSpec(source="demo", device="cpu")
    domains = tuple(parse_domain(domain) for domain in DOMAINS)
    run = calibrate(CalibrationSpec(model=model, domains=domains, sample=sample), Workspace(folder))
    texts = {domain: held_out_documents(run, domain, size=TEXT_BYTES) for domain in DOMAINS}
    return Trial(run=run, loaded=load_model(run.spec.model), texts=texts)


def rows(trial: Trial, report: Report) -> Iterator[str]:
    """Dense, every way of repair at 50% and 2:4, and a refit with every ridge."""
    meter = Meter(report, "Repairing", len(PRUNES) * len(REPAIRS) + len(RIDGES) - 1)
    base = ExportSpec(run=trial.run.id, mixture=(("python", 1.0),))
    yield trial.dense()
    for prune in PRUNES:
        name = "50%" if prune.block is None else prune.pattern
        for way in REPAIRS:
            yield trial.row(f"{name}, {way}", replace(base, prune=prune, repair=way))
            meter.step(f"{name}, {way}")
    for ridge in RIDGES:
        if ridge != RIDGE:
            spec = replace(base, prune=PRUNES[0], repair=REFIT)
            yield trial.row(f"50%, refit, ridge {ridge:g} of the mean", spec, ridge)
            meter.step(f"ridge {ridge:g}")
