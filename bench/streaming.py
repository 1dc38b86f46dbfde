"""`python -m bench streaming`: a model of a large model's shape, streamed within a memory limit.

Random bfloat16 weights are written to a temporary folder, a file for each layer, calibrated with
`--stream` on the built-in domains, and the Python sub-model exported, one-shot and sequentially. Every
process runs under a hard limit of the kernel on its own memory (RLIMIT_DATA): one that asks for more
ends with an error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from bench.measuring import add_results, machine, result, timed
from bench.overlaps import SHAPES, Shape
from pruning.commands.console import Answer
from pruning.domains.builtin import BUILTIN
from pruning.errors import InputError
from pruning.machine.new_folder import check_space
from pruning.machine.storage import atomic_json
from pruning.models.sources import DEMO_FOLDER
from pruning.progress import Meter, Report

VOCABULARY = 32_000
HEAD = 128  # channels of an attention head, where there are as many
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `streaming`."""
    parser.add_argument("--shape", choices=SHAPES, default="7b", help="default: 7b")
    parser.add_argument(
        "--layers", type=int, metavar="N", help="only so many layers; the rest is extrapolated"
    )
    parser.add_argument("--samples", type=int, default=8, help="of each domain (default: 8)")
    parser.add_argument("--seq-len", type=int, default=256, help="tokens of each (default: 256)")
    parser.add_argument(
        "--dtype",
        choices=("bfloat16", "float32"),
        default="bfloat16",
        help="to compute in; float32 is faster where a processor has no bfloat16 (default: bfloat16)",
    )
    parser.add_argument(
        "--limit", type=float, default=4.0, metavar="GB", help="of memory (default: 4)"
    )
    parser.add_argument(
        "--folder", type=Path, help="where the model and its export go (default: temporary)"
    )
    add_results(parser)
    parser.set_defaults(command=streaming)


def streaming(arguments: argparse.Namespace, report: Report) -> Answer:
    """Write the model, calibrate and export it, and throw all of it away."""
    shape = SHAPES[arguments.shape]
    layers = arguments.layers or shape.layers
    if not 1 <= layers <= shape.layers:
        raise InputError(f"This shape has 1 to {shape.layers} layers.")
    arguments.machine = machine()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = Path(temporary)
        size = write_model(folder / "model", shape, layers, report)
        where = ["--workspace", str(folder / "workspace"), "--json"]
        domains = [flag for domain in BUILTIN for flag in ("--domain", domain)]
        text = ["--num-samples", str(arguments.samples), "--seq-len", str(arguments.seq_len)]
        text += ["--groups", str(min(4, arguments.samples))]
        how = ["--stream", "--dtype", arguments.dtype, "--device", "cpu"]
        with memory_limit(int(arguments.limit * 1e9)):
            model = ["--model", str(folder / "model")]
            calibrated = timed(["pruning", "calibrate", *model, *domains, *text, *how, *where])
            what = ["--run", json.loads(calibrated.output)["run"], "--domain", "python"]
            steps = {"calibrate": calibrated}
            for mode in ("one-shot", "sequential"):
                out = ["--mode", mode, "--sparsity", "0.5", "--out", str(folder / "export")]
                steps[f"export, {mode}"] = timed(["pruning", "export", *what, *out, *where])
                shutil.rmtree(folder / "export")
    tokens = len(BUILTIN) * arguments.samples * arguments.seq_len
    operations = 2 * shape.weights * layers * tokens
    name = f"streaming-{arguments.shape}"
    command = f"python -m bench streaming --shape {arguments.shape}"
    lines = [
        f"{layers} of {shape.layers} layers, {size / 1e9:.1f} GB on disk in bfloat16; "
        f"{len(BUILTIN)} domains x {arguments.samples} x {arguments.seq_len} tokens, "
        f"computed in {arguments.dtype}",
        f"hard limit on each process's own memory: {arguments.limit:g} GB",
        *(f"{step}: {each}" for step, each in steps.items()),
        f"calibrate, start and checks included: {operations / calibrated.wall / 1e9:.1f} GFLOP/s, "
        f"{operations / calibrated.processor / 1e9:.1f} GFLOP a second of processor time",
    ]
    if layers < shape.layers:
        name, command = f"{name}-{layers}-layers", f"{command} --layers {layers}"
        more = shape.layers / layers / 60
        minutes = ", ".join(f"{step} {each.wall * more:.0f} min" for step, each in steps.items())
        lines.append(f"all {shape.layers} layers, if they take as long each: {minutes}")
    if arguments.dtype != "bfloat16":
        command += f" --dtype {arguments.dtype}"
    command += f" --samples {arguments.samples} --seq-len {arguments.seq_len}"
    return result(arguments, name, command, lines)


def write_model(folder: Path, shape: Shape, layers: int, report: Report) -> int:
    """A Llama of random weights that transformers loads; returns its bytes on disk.

    All layers have the same numbers, each under its own names in a file of its own.
    """
    check_space(folder, 2 * (shape.weights * layers * 2 + VOCABULARY * shape.hidden * 4) * 21 // 20)
    folder.mkdir()
    meter = Meter(report, "Writing random weights", layers + 1)
    generator = torch.Generator().manual_seed(0)

    def random(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns, generator=generator).mul_(0.02).bfloat16()

    ends = {"model.embed_tokens.weight": random(VOCABULARY, shape.hidden)}
    ends["lm_head.weight"] = random(VOCABULARY, shape.hidden)
    ends["model.norm.weight"] = torch.ones(shape.hidden, dtype=torch.bfloat16)
    index = dict.fromkeys(ends, "ends.safetensors")
    save_file(ends, folder / "ends.safetensors", {"format": "pt"})
    meter.step()
    layer = {f"self_attn.{name}.weight": random(*shape.matrix(name)) for name in ATTENTION}
    layer |= {f"mlp.{name}.weight": random(*shape.matrix(name)) for name in FEED_FORWARD}
    for norm in ("input_layernorm", "post_attention_layernorm"):
        layer[f"{norm}.weight"] = torch.ones(shape.hidden, dtype=torch.bfloat16)
    for number in range(layers):
        named = {f"model.layers.{number}.{name}": tensor for name, tensor in layer.items()}
        save_file(named, folder / f"layer-{number:02}.safetensors", {"format": "pt"})
        index |= dict.fromkeys(named, f"layer-{number:02}.safetensors")
        meter.step()
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    whole = {"metadata": {"total_size": size}, "weight_map": index}
    atomic_json(folder / "model.safetensors.index.json", whole)
    atomic_json(folder / "config.json", config_of(shape, layers))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEMO_FOLDER / name, folder / name)
    return size


def config_of(shape: Shape, layers: int) -> dict[str, object]:
    """What config.json says of it."""
    heads = max(1, shape.hidden // HEAD)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": VOCABULARY,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": 4096,
    }


@contextlib.contextmanager
def memory_limit(size: int) -> Iterator[None]:
    """Inside, a process that is started cannot have more than `size` bytes of its own."""
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
