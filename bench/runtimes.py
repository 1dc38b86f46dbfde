"""`python -m bench runtimes`: bytes, quality and tokens a second of GGUF files, in llama.cpp itself.

Every file generates in turn, round after round, so that a machine that is slow now and then slows all
alike; what is told is the ratio to the dense model in bfloat16.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from bench.measuring import add_results, machine, result
from demo.texts import documents
from pruning.commands.console import Answer
from pruning.exports.forms import compress
from pruning.exports.gguf.converting import write_gguf
from pruning.exports.gguf.quantizing import quantizer
from pruning.exports.gguf.quants import QUANTS
from pruning.exports.record import read_record
from pruning.models.sources import DEMO_FOLDER
from pruning.progress import Report

DOCUMENTS = 24
LONGEST = 512  # tokens of a document
WRITTEN = 32
# A 1B model's shape: what a decoder layer of it holds is read from memory for every token.
SHAPE = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 4096,
    "tie_word_embeddings": True,
    "dtype": "bfloat16",
}
NARROW = 5728  # channels of 8192: 30% fewer, in whole blocks of 32


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file: what it is, where it lies, and what was measured of it."""

    name: str
    file: Path
    rates: list[float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `runtimes`."""
    parser.add_argument("--shape", choices=("demo", "1b"), default="demo", help="default: demo")
    parser.add_argument(
        "--export", action="append", default=[], metavar="NAME=DIR", help="a plain export as rows"
    )
    parser.add_argument("--domain", default="python", help="of the held-out text (default: python)")
    parser.add_argument("--rounds", type=int, default=7, help="default: 7")
    parser.add_argument("--threads", type=int, default=2, help="default: 2")
    add_results(parser)
    parser.set_defaults(command=runtimes)


def runtimes(arguments: argparse.Namespace, report: Report) -> Answer:
    """Convert, measure, tell."""
    library = quantizer()
    arguments.machine = machine()
    with TemporaryDirectory() as kept:
        models = _models(arguments, Path(kept))
        rows: list[Row] = []
        for name, folder, quant in models:
            file = Path(kept) / f"{len(rows)}.gguf"
            write_gguf(folder, file, QUANTS[quant], name, report)
            rows.append(Row(name=f"{name} {quant}", file=file, rates=[]))
        _time(library, rows, arguments.rounds, arguments.threads)
        bits: Sequence[float | None] = [None] * len(rows)
        if arguments.shape == "demo":
            bits = [bits_per_byte(library, row.file, arguments.domain) for row in rows]
        lines = _table(rows, bits, arguments) + _stored_small(arguments.export, rows[0], Path(kept))
    exports = "".join(f" --export {each.partition('=')[0]}=DIR" for each in arguments.export)
    command = f"python -m bench runtimes --shape {arguments.shape}{exports}"
    return result(arguments, f"runtimes-{arguments.shape}", command, lines)


def _models(arguments: argparse.Namespace, kept: Path) -> list[tuple[str, Path, str]]:
    """(name, folder, number format) of every row."""
    if arguments.shape == "demo":
        named = [each.partition("=") for each in arguments.export]
        dense = [("dense", DEMO_FOLDER, quant) for quant in ("bf16", "q8_0", "q4_0")]
        return dense + [(n, Path(d), quant) for n, _, d in named for quant in ("bf16", "q4_0")]
    dense_folder = _random_model(kept / "dense", SHAPE["intermediate_size"])
    narrow = _random_model(kept / "narrow", NARROW)
    return [
        ("dense", dense_folder, "bf16"),
        ("dense", dense_folder, "q8_0"),
        ("dense", dense_folder, "q4_0"),
        ("30% of channels out", narrow, "bf16"),
        ("30% of channels out", narrow, "q4_0"),
    ]


def _random_model(folder: Path, width: Any) -> Path:
    """A model of that shape with random weights, and the demo's tokenizer."""
    config = LlamaConfig(**{**SHAPE, "intermediate_size": width, "eos_token_id": 0})
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        LlamaForCausalLM(config).save_pretrained(folder)
    finally:
        torch.set_default_dtype(before)
    AutoTokenizer.from_pretrained(DEMO_FOLDER).save_pretrained(folder)
    return folder


def _time(library: Any, rows: Sequence[Row], rounds: int, threads: int) -> None:
    """Tokens a second of every file, in turns; the first round warms up."""
    opened = [
        library.Llama(str(row.file), n_ctx=256, n_threads=threads, verbose=False) for row in rows
    ]
    prompt = list(range(2, 34))
    for turn in range(rounds + 1):
        for row, model in zip(rows, opened, strict=True):
            tokens = model.generate(prompt, temp=0.0)
            next(tokens)  # reads the prompt
            started = time.perf_counter()
            written = sum(1 for _ in islice(tokens, WRITTEN))
            if turn:
                row.rates.append(written / (time.perf_counter() - started))
    for model in opened:
        model.close()


def bits_per_byte(library: Any, file: Path, domain: str) -> float:
    """Bits that llama.cpp needs for a byte of held-out documents, from their second token on."""
    model = library.Llama(str(file), n_ctx=LONGEST, logits_all=True, verbose=False)
    bits = letters = 0.0
    for text in islice(documents(domain, split="held-out"), DOCUMENTS):
        tokens = model.tokenize(text.encode(), add_bos=True)[:LONGEST]
        model.reset()
        model.eval(tokens)
        logits = model.scores[: len(tokens) - 1].astype(np.float64)  # (T - 1, vocabulary)
        top = logits.max(axis=1)
        total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        chosen = logits[np.arange(len(tokens) - 1), tokens[1:]]
        bits += float((total - chosen).sum()) / math.log(2)
        letters += len(model.detokenize(tokens[1:]))
    model.close()
    return bits / letters


def _table(
    rows: Sequence[Row], bits: Sequence[float | None], arguments: argparse.Namespace
) -> list[str]:
    """One line a file; ratios to the first, which is the dense model in bfloat16."""
    size = rows[0].file.stat().st_size
    lines = [
        f"llama.cpp, {arguments.threads} threads, {WRITTEN} tokens, {arguments.rounds} rounds in turns",
        f"{'':36}{'MB':>9}{'bytes':>8}{'tokens/s':>10}{'speed':>8}{'from - to':>14}"
        + (f"{'bits/byte, ' + arguments.domain:>22}" if bits[0] is not None else ""),
    ]
    for row, of_byte in zip(rows, bits, strict=True):
        ratios = [mine / dense for mine, dense in zip(row.rates, rows[0].rates, strict=True)]
        line = (
            f"{row.name:36}{row.file.stat().st_size / 1e6:>9.2f}"
            f"{row.file.stat().st_size / size:>8.0%}{statistics.median(row.rates):>10.1f}"
            f"{statistics.median(ratios):>7.2f}x{min(ratios):>7.2f} -{max(ratios):>5.2f}"
        )
        lines.append(line + (f"{of_byte:>22.4f}" if of_byte is not None else ""))
    return lines


def _stored_small(exports: Sequence[str], dense: Row, kept: Path) -> list[str]:
    """Bytes of the exports with zeros in the small form, which no program runs as it is."""
    lines: list[str] = []
    for name, _, folder in (each.partition("=") for each in exports):
        if any(each.is_pruned for each in read_record(Path(folder)).tensors.values()):
            small = compress(Path(folder), kept / f"small-{len(lines)}")
            size = sum(path.stat().st_size for path in small.glob("*.safetensors"))
            share = size / dense.file.stat().st_size
            lines.append(f"{name + ', stored small':36}{size / 1e6:>9.2f}{share:>8.0%}")
    return lines
