"""`python -m bench overlaps`: exact overlaps on random weights of a large model's shape.

The weights of one layer are made and linked into the folder as every layer's, so that 13 GB need
not be written; each is still read, scored, masked and counted on its own.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from bench.measuring import Timed, add_results, machine, result, timed
from pruning.checkpoints.headers import fingerprint
from pruning.checkpoints.weights import PrunableWeight
from pruning.commands.console import Answer
from pruning.domains import origin
from pruning.domains.builtin import BUILTIN
from pruning.errors import InputError
from pruning.machine.storage import atomic_json
from pruning.progress import Progress, Report
from pruning.runs.manifest import SCHEMA_VERSION
from pruning.runs.statistics import ChannelStats
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec, WeightKey

NAMES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FIRST_READER = {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}
RUN = "be9c4"
TOKENS = 1000  # of each group of documents


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A Llama-like decoder: hidden and feed-forward channels."""

    layers: int
    hidden: int
    inner: int

    def matrix(self, name: str) -> tuple[int, int]:
        """(out, in) of a projection."""
        if name in ("gate_proj", "up_proj"):
            return self.inner, self.hidden
        return (self.hidden, self.inner) if name == "down_proj" else (self.hidden, self.hidden)

    @property
    def weights(self) -> int:
        """Prunable weights of one layer."""
        return sum(rows * columns for rows, columns in map(self.matrix, NAMES))


SHAPES = {
    "7b": Shape(layers=32, hidden=4096, inner=11008),
    "1b": Shape(layers=16, hidden=2048, inner=8192),
    "tiny": Shape(layers=2, hidden=64, inner=160),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `overlaps`."""
    parser.add_argument("--shape", choices=SHAPES, default="7b", help="default: 7b")
    parser.add_argument(
        "--layers", type=int, metavar="N", help="only so many layers; the rest is extrapolated"
    )
    add_results(parser)
    parser.set_defaults(command=overlaps)


def overlaps(arguments: argparse.Namespace, report: Report) -> Answer:
    """Make a run of random numbers in a workspace that is thrown away, and time its overlaps."""
    shape = SHAPES[arguments.shape]
    layers = arguments.layers or shape.layers
    if not 1 <= layers <= shape.layers:
        raise InputError(f"This shape has 1 to {shape.layers} layers.")
    arguments.machine = machine()
    with tempfile.TemporaryDirectory() as folder:
        report(Progress(stage="Making random weights", done=0, total=1))
        make_run(Path(folder), shape, layers)
        where = ["--workspace", folder, "--json"]
        counted = timed(["analysis", "overlap", "--run", RUN, "--sparsity", "0.5", *where])
    command = f"python -m bench overlaps --shape {arguments.shape}"
    if layers < shape.layers:
        command += f" --layers {layers}"
    return result(
        arguments, f"overlaps-{arguments.shape}", command, lines_of(shape, layers, counted)
    )


def lines_of(shape: Shape, layers: int, counted: Timed) -> list[str]:
    """What was counted, how long it took, and what that means for all layers."""
    size = shape.weights * layers
    lines = [
        f"{layers} of {shape.layers} layers, {len(NAMES) * layers} matrices, "
        f"{size / 1e9:.2f} billion weights in bfloat16, {len(BUILTIN)} domains, all pairs, exact",
        "random weights, one layer's linked as every layer's, so the disk is hardly read",
        f"overlap: {counted}",
    ]
    if layers < shape.layers:
        more = shape.layers / layers
        lines.append(
            f"all {shape.layers} layers, if each takes as long: {counted.wall * more:.0f} s, "
            f"{counted.processor * more:.0f} s of processor time"
        )
    return lines


def make_run(folder: Path, shape: Shape, layers: int, groups: int = 1) -> None:
    """A finished run as `calibrate` leaves it, in folder/runs, and its model in folder/model."""
    model = folder / "model"
    write_model(model, shape, layers)
    weights = list(weights_of(shape, layers))
    run = Workspace(folder).runs_folder / RUN
    random = np.random.default_rng(0)
    common = {key: random.lognormal(0, 1, size) for key, size in inputs_of(weights)}
    for name in BUILTIN:
        sums = {key: loud * random.lognormal(0, 0.3, len(loud)) for key, loud in common.items()}
        draws = random.lognormal(0, 0.1, (groups, max(map(len, sums.values()))))
        ChannelStats(
            sum_sq={key: each * draws[:, : len(each)] for key, each in sums.items()},
            tokens={key: np.full(groups, TOKENS) for key in sums},
        ).save(run / "stats" / f"{name}.safetensors")
    spec = CalibrationSpec(
        model=ModelSpec(source=str(model), dtype="bfloat16", device="cpu"),
        domains=tuple(DomainSpec(name=name, kind="builtin", source=name) for name in BUILTIN),
        sample=SampleSpec(num_samples=groups, groups=groups),
    )
    manifest = {
        "schema": SCHEMA_VERSION,
        "status": "done",
        "spec": spec.to_json(),
        "fingerprint": fingerprint(model),
        "created": time.time(),
        "updated": time.time(),
        "weights": [weight.to_json() for weight in weights],
        "versions": {},
        "domains": {domain.name: entry(domain, groups) for domain in spec.domains},
    }
    atomic_json(run / "run.json", manifest)


def entry(domain: DomainSpec, groups: int) -> dict[str, object]:
    """What the manifest says of a domain's text."""
    return {
        "key": domain.content_hash(),
        "origin": origin(domain).to_json(),
        "samples": groups,
        "tokens": groups * TOKENS,
        "documents": [TOKENS // 100] * groups,
    }


def write_model(folder: Path, shape: Shape, layers: int) -> None:
    """One file of random weights, and a link to it for every further layer."""
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: torch.randn(shape.matrix(name), generator=generator).mul_(0.02).bfloat16()
        for name in NAMES
    }
    save_file(tensors, folder / file_of(0))
    for layer in range(1, layers):
        os.link(folder / file_of(0), folder / file_of(layer))
    index = {f"{layer}.{name}": file_of(layer) for layer in range(layers) for name in NAMES}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))


def file_of(layer: int) -> str:
    """The name of a layer's file."""
    return f"layer-{layer:02}.safetensors"


def weights_of(shape: Shape, layers: int) -> Iterator[PrunableWeight]:
    """Every matrix, in order."""
    for layer in range(layers):
        for name in NAMES:
            yield PrunableWeight(
                key=WeightKey(layer=layer, name=name),
                shape=shape.matrix(name),
                input_name=FIRST_READER.get(name, name),
                parameter=f"{layer}.{name}",
                tensor=name,
                file=file_of(layer),
            )


def inputs_of(weights: list[PrunableWeight]) -> Iterator[tuple[WeightKey, int]]:
    """Every distinct input with its number of channels."""
    for weight in weights:
        if weight.key.name not in FIRST_READER:
            yield weight.key, weight.shape[1]
