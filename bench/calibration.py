"""`python -m bench calibration`: ours beside the plain forward pass, torchao and llm-compressor.

Every contender is a process of its own (bench/contenders) and gets the same weights, tokens and
threads. Its work is interrupted for pieces of the plain forward pass (`bench.contenders.trial`), so
that a machine that is slow now and then slows both alike.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from bench.contenders.trial import TOKENS
from bench.environments import default_cache, python_of
from bench.measuring import add_results, machine, result
from bench.trials import Measured, equal_share, run_trial
from pruning.commands.console import Answer
from pruning.domains import parse_domain
from pruning.domains.packing import sample_domain
from pruning.errors import AtlasError
from pruning.machine.processor import has_bfloat16
from pruning.models.loading import load_tokenizer
from pruning.models.sources import DEMO_FOLDER
from pruning.progress import Progress, Report
from pruning.specs import ModelSpec, SampleSpec

VOCABULARY = 4096  # the demo tokenizer's, which is put beside the weights
HEAD = 64  # channels of an attention head
OTHERS = {
    "torchao": ("torchao_wanda", ("torchao==0.18.0", f"transformers=={version('transformers')}")),
    "llm-compressor": ("llmcompressor_wanda", ("llmcompressor==0.14.0.1",)),
}
TITLES = f"{'':36}{'wall':>9}{'processor':>11}{'x forward':>16}{'added':>10}{'bits as ours':>14}"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A Llama of random weights, or, with no layers, the demo model; and how much text."""

    hidden: int = 0
    inner: int = 0
    layers: int = 0
    sequences: int
    positions: int

    def __str__(self) -> str:
        model = (
            f"Llama of random weights, hidden size {self.hidden}, intermediate {self.inner}, "
            f"{self.layers} layers"
            if self.layers
            else "demo model and its Python text"
        )
        return f"{model}; {self.sequences} x {self.positions} tokens"


SHAPES = {
    "hidden-512": Shape(hidden=512, inner=1408, layers=8, sequences=128, positions=256),
    "hidden-1024": Shape(hidden=1024, inner=2816, layers=12, sequences=64, positions=256),
    "tiny": Shape(hidden=64, inner=160, layers=2, sequences=32, positions=32),
    "demo": Shape(sequences=16, positions=128),
}
USUAL = ("hidden-512", "hidden-1024")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `calibration`."""
    parser.add_argument(
        "--shape",
        choices=SHAPES,
        nargs="+",
        default=USUAL,
        help=f"default: {' '.join(USUAL)}",
    )
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (default: 3)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="default: one a processor"
    )
    parser.add_argument(
        "--only-ours", action="store_true", help="without other programs, which are downloaded"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=default_cache(),
        metavar="DIR",
        help="where the other programs are installed (default: %(default)s)",
    )
    parser.add_argument(
        "--bfloat16", action="store_true", help="instead, ours in bfloat16 beside float32"
    )
    add_results(parser)
    parser.set_defaults(command=calibration)


def calibration(arguments: argparse.Namespace, report: Report) -> Answer:
    """Make each shape in a folder that is thrown away, and let all contenders work on it.

    The result is written after each shape.
    """
    arguments.machine = machine()
    name, command = name_and_command(arguments)
    lines: list[str] = []
    for number, shape in enumerate(arguments.shape):
        report(Progress(stage="Measuring", done=number, total=len(arguments.shape), detail=shape))
        with tempfile.TemporaryDirectory() as folder:
            write_trial(Path(folder), SHAPES[shape])
            measure = precisions if arguments.bfloat16 else compared
            threads = f"threads: {arguments.threads}, medians of {arguments.rounds}"
            lines += ["", f"{SHAPES[shape]}; {threads}", *measure(arguments, Path(folder))]
        answer = result(arguments, name, command, lines[1:])
    return answer


def name_and_command(arguments: argparse.Namespace) -> tuple[str, str]:
    """Of the result's file, and what a person types for the same."""
    name, command = "calibration", "python -m bench calibration"
    if arguments.bfloat16:
        name, command = f"{name}-bfloat16", f"{command} --bfloat16"
    if tuple(arguments.shape) != USUAL:
        command += f" --shape {' '.join(arguments.shape)}"
        if not arguments.bfloat16:
            name += f"-{'-'.join(arguments.shape)}"
    if arguments.only_ours:
        name, command = f"{name}-ours", f"{command} --only-ours"
    return name, f"{command} --threads {arguments.threads} --rounds {arguments.rounds}"


def compared(arguments: argparse.Namespace, folder: Path) -> Iterator[str]:
    """The table of all contenders."""
    here = Path(sys.executable)
    common = {"folder": folder, "threads": arguments.threads, "rounds": arguments.rounds}
    tried = run_trial(here, "batch_sizes", batch_size=1, **common).measured
    best = min(tried, key=lambda size: tried[size].by_processor)
    yield "plain forward pass of 16 sequences, by batch size: " + ", ".join(
        f"{size}: {each.wall:.2f} s ({each.processor:.2f} s)" for size, each in tried.items()
    )
    yield TITLES
    common["batch_size"] = int(best)
    ours = run_trial(here, "ours", **common)
    yield row(f"plain forward pass, batch size {best}", ours.measured["forward"])
    for name, each in ours.measured.items():
        if name != "forward":
            yield row(f"ours, {name}", each)
    for title, (contender, requirements) in {} if arguments.only_ours else OTHERS.items():
        release = requirements[0].partition("==")[2]
        try:
            needed = (f"torch=={version('torch').partition('+')[0]}", *requirements)
            python = python_of(title, needed, arguments.cache)
            theirs = run_trial(python, contender, **common)
        except AtlasError as error:
            yield f"{title} {release}: {error}"
            continue
        for name, masks in theirs.masks.items():
            same = equal_share(masks, ours.masks[name])
            yield row(f"{title} {release}, {name}", theirs.measured[name], same)


def row(title: str, measured: Measured, same: float | None = None) -> str:
    """One line of the table."""
    ratios = f"{measured.by_wall:.2f} / {measured.by_processor:.2f}"
    return (
        f"{title:36}{measured.wall:>7.2f} s{measured.processor:>9.2f} s{ratios:>16}"
        f"{measured.memory / 2**20:>6.0f} MiB" + ("" if same is None else f"{same:>14.4%}")
    ).rstrip()


def precisions(arguments: argparse.Namespace, folder: Path) -> Iterator[str]:
    """What bfloat16 costs, and what it changes."""
    found = run_trial(
        Path(sys.executable),
        "precision",
        folder=folder,
        batch_size=1,
        threads=arguments.threads,
        rounds=arguments.rounds,
    )
    able = has_bfloat16("cpu")
    yield f"this processor {'has' if able else 'emulates'} bfloat16 arithmetic"
    for dtype, each in found.measured.items():
        yield f"calibrated in {dtype}: {each.wall:.2f} s ({each.processor:.2f} s of processor time)"
    changed = 1 - equal_share(found.masks["float32"], found.masks["bfloat16"])
    yield f"mask bits that bfloat16 changes, at 50%: {changed:.4%}"


def write_trial(folder: Path, shape: Shape) -> None:
    """A model that transformers loads, its tokenizer, and the tokens of two domains."""
    if not shape.layers:
        shutil.copytree(DEMO_FOLDER, folder, dirs_exist_ok=True)
        save_file(demo_tokens(shape), folder / TOKENS)
        return
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEMO_FOLDER / name, folder / name)
    torch.manual_seed(0)
    heads = max(1, shape.hidden // HEAD)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    size = (shape.sequences, shape.positions)
    tokens = {name: torch.randint(3, VOCABULARY, size) for name in ("one", "other")}
    save_file(tokens, folder / TOKENS)


def demo_tokens(shape: Shape) -> dict[str, Tensor]:
    """The tokens of two built-in domains."""
    sample = SampleSpec(num_samples=shape.sequences, seq_len=shape.positions, groups=4)
    tokenizer = load_tokenizer(ModelSpec(source="demo"))
    return {
        name: torch.from_numpy(
            sample_domain(parse_domain(name), sample, tokenizer).input_ids.astype("int64")
        )
        for name in ("python", "java")
    }
