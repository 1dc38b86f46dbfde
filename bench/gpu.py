"""`python -m bench gpu`: a large model's shape on one GPU, from the forward pass to all overlaps.

Random bfloat16 weights are written to a temporary folder. In one process, the plain forward pass
is timed at several batch sizes, then one domain is calibrated and masked, then eight domains are
calibrated and the masks of all pairs compared, every matrix, exactly.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from analysis.overlap.table import overlap_table
from bench.measuring import add_results, machine, result
from bench.overlaps import SHAPES, Shape
from bench.streaming import VOCABULARY, write_model
from demo.texts import documents
from pruning.calibration.calibrating import calibrate
from pruning.commands.console import Answer
from pruning.domains.builtin import BUILTIN
from pruning.masks.making import run_masks
from pruning.models.loading import load_model, resolve_device
from pruning.progress import Progress, Report
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, PruneSpec, SampleSpec

BATCH_TOKENS = (8_192, 16_384, 32_768)  # of the plain forward pass
DENSE_TFLOPS = {"H100": 989.4, "H200": 989.4}  # NVIDIA's figure, bfloat16 without sparsity, SXM
STAGES = {"Reading": "Reading the texts", "load": "Loading the model"}  # by their first word
HALF = PruneSpec(sparsity=0.5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `gpu`."""
    parser.add_argument("--shape", choices=SHAPES, default="7b", help="default: 7b")
    parser.add_argument("--samples", type=int, default=128, help="of each domain (default: 128)")
    parser.add_argument("--seq-len", type=int, default=2048, help="tokens of each (default: 2048)")
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N; cpu to try it out")
    parser.add_argument("--folder", type=Path, help="where the model goes (default: temporary)")
    add_results(parser)
    parser.set_defaults(command=gpu)


def gpu(arguments: argparse.Namespace, report: Report) -> Answer:
    """Write the model, time everything, and throw all of it away."""
    shape, device = SHAPES[arguments.shape], resolve_device(arguments.device)
    sample = SampleSpec(
        num_samples=arguments.samples,
        seq_len=arguments.seq_len,
        groups=min(16, arguments.samples),
    )
    tokens = sample.num_samples * sample.seq_len
    arguments.machine = f"{card(device)}; {machine()}"
    command = f"python -m bench gpu --shape {arguments.shape}"
    command += f" --samples {sample.num_samples} --seq-len {sample.seq_len}"
    lines: list[str] = []

    def add(*more: str) -> Answer:  # written at once: time on a large machine may be cut short
        lines.extend(more)
        return result(arguments, f"gpu-{arguments.shape}", command, lines)

    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        size = write_model(folder / "model", shape, shape.layers, report)
        add(
            f"{shape.layers} layers, {shape.weights * shape.layers / 1e9:.2f} billion prunable "
            f"weights, {size / 1e9:.1f} GB of random weights in bfloat16; "
            f"{sample.num_samples} x {sample.seq_len} tokens of each domain"
        )
        model = ModelSpec(source=str(folder / "model"), dtype="bfloat16", device=device)
        domains = [DomainSpec(name=d, kind="builtin", source=d) for d in BUILTIN]
        domains.append(mixed_domain(folder / "mixed.jsonl", 8 * tokens))
        report(Progress(stage="Plain forward pass", done=0, total=1))
        forwards = plain_forward(model, sample)
        add(*forward_lines(forwards, operations(shape, tokens, sample.seq_len), device))
        spec = CalibrationSpec(model=model, domains=tuple(domains[:1]), sample=sample)
        one = Calibrated.of(spec, Workspace(folder / "one"), report, masks_of_one)
        alone, fastest = one.stages["Calibrating"], min(f.seconds for f in forwards)
        add(
            f"one domain:    {one.line('masks of all matrices at 50%')}",
            f"calibrating it took {alone / fastest:.2f} times the fastest forward pass",
        )
        spec = CalibrationSpec(model=model, domains=tuple(domains), sample=sample)
        eight = Calibrated.of(spec, Workspace(folder / "eight"), report, overlaps_of_all)
        further = (eight.stages["Calibrating"] - alone) / (len(domains) - 1)
        return add(
            f"eight domains: {eight.line('overlaps of all pairs and matrices at 50%')}",
            f"calibrating each further domain took {further:.1f} s",
        )


def card(device: str) -> str:
    """The name of the device."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"


def mixed_domain(path: Path, size: int) -> DomainSpec:
    """An eighth domain: documents of all built-in ones in turn, `size` bytes or a little more."""
    streams = [documents(name, seed=1, split="train") for name in BUILTIN]
    with path.open("w", encoding="utf-8") as file:
        for stream in itertools.cycle(streams):
            file.write(json.dumps({"text": next(stream)}) + "\n")
            if file.tell() >= size:
                break
    return DomainSpec(name="mixed", kind="files", source=str(path))


@dataclass(frozen=True, kw_only=True)
class Forward:
    """One plain forward pass over a domain's tokens. memory: bytes beside the weights, or None."""

    batch: int
    seconds: float
    memory: int | None


def plain_forward(model: ModelSpec, sample: SampleSpec) -> list[Forward]:
    """The decoder alone, without its output head, at several batch sizes."""
    loaded = load_model(model)
    random = torch.Generator().manual_seed(0)
    shape = (sample.num_samples, sample.seq_len)
    ids = torch.randint(0, VOCABULARY, shape, generator=random).to(loaded.device)
    sizes = [min(len(ids), max(1, tokens // sample.seq_len)) for tokens in BATCH_TOKENS]
    measured = []
    with torch.inference_mode():
        for batch in dict.fromkeys(sizes):
            loaded.module.base_model(input_ids=ids[:batch], use_cache=False)
            with Peak(loaded.device) as peak:
                started = time.monotonic()
                for part in ids.split(batch):
                    loaded.module.base_model(input_ids=part, use_cache=False)
                wait_for(loaded.device)
                seconds = time.monotonic() - started
            measured.append(Forward(batch=batch, seconds=seconds, memory=peak.added))
    return measured


class Peak:
    """While open, watches how many bytes more than before a GPU's tensors take."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.added: int | None = None

    def __enter__(self) -> Peak:
        wait_for(self.device)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self._before = torch.cuda.memory_allocated(self.device)
        return self

    def __exit__(self, *raised: object) -> None:
        if self.device.type == "cuda":
            self.added = torch.cuda.max_memory_allocated(self.device) - self._before


def wait_for(device: torch.device) -> None:
    """Until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def operations(shape: Shape, tokens: int, length: int) -> float:
    """Floating-point operations of the decoder: two a weight and token, and causal attention."""
    return shape.layers * tokens * (2 * shape.weights + 2 * length * shape.hidden)


def forward_lines(forwards: list[Forward], needed: float, device: str) -> list[str]:
    """What each batch size took, and the share of the card's arithmetic that this is."""
    peak = next((rate for name, rate in DENSE_TFLOPS.items() if name in card(device)), None)
    lines = []
    for forward in forwards:
        rate = needed / forward.seconds / 1e12
        line = f"plain forward pass, batch {forward.batch}: {forward.seconds:.2f} s, {rate:.0f} TFLOP/s"
        if peak:
            line += f", {rate / peak:.0%} of the card's {peak:.0f}"
        if forward.memory is not None:
            line += f", {forward.memory / 1e9:.2f} GB beside the weights"
        lines.append(line)
    return lines


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Seconds of each stage of a calibration, and of what followed. memory: peak bytes of a GPU."""

    stages: dict[str, float]
    afterwards: float
    memory: int | None

    @classmethod
    def of(
        cls,
        spec: CalibrationSpec,
        workspace: Workspace,
        report: Report,
        then: Callable[[Run], None],
    ) -> Calibrated:
        """Calibrate and do what follows, from a cold start: the model is not loaded yet."""
        gc.collect()
        stages: defaultdict[str, float] = defaultdict(float)
        before = time.monotonic()
        stage = "Reading the texts"

        def watch(progress: Progress) -> None:
            nonlocal before, stage
            now = time.monotonic()
            stages[stage] += now - before
            stage = STAGES.get(progress.stage.split()[0], progress.stage)
            before = now
            report(progress)

        with Peak(torch.device(spec.model.device)) as peak:
            run = calibrate(spec, workspace, watch)
        stages[stage] += time.monotonic() - before
        started = time.monotonic()
        then(run)
        return cls(stages=stages, afterwards=time.monotonic() - started, memory=peak.added)

    def line(self, afterwards: str) -> str:
        """In words."""
        seconds = ", ".join(f"{name.lower()} {took:.1f} s" for name, took in self.stages.items())
        total = sum(self.stages.values()) + self.afterwards
        said = f"{total:.1f} s = {seconds}, {afterwards} {self.afterwards:.1f} s"
        if self.memory is not None:
            said += f"; at most {self.memory / 1e9:.1f} GB on the card"
        return said


def masks_of_one(run: Run) -> None:
    """Every mask of the run's only domain, none kept."""
    for _ in run_masks(run, HALF):
        pass


def overlaps_of_all(run: Run) -> None:
    """The table of all pairs."""
    overlap_table(run, HALF)
