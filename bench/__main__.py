"""`python -m bench`: how long things take here. Results go to bench/results as text."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench import (
    calibration,
    evidence,
    field,
    gpu,
    masks,
    nulls,
    overlaps,
    pages,
    repair,
    runtimes,
    streaming,
)
from pruning.commands.console import Parser, command_parser, run

COMMANDS = {
    "calibration": (calibration, "ours beside the plain forward pass, torchao and llm-compressor"),
    "evidence": (evidence, "the test of all differences between the demo model's seven domains"),
    "field": (field, "every causal architecture of transformers, as a tiny model: what works"),
    "gpu": (gpu, "a large model's shape on one GPU: forward pass, calibration, masks, overlaps"),
    "masks": (masks, "one matrix's masks against numpy's and torch's bare selection"),
    "nulls": (nulls, "how often the test of evidence errs, by kind of null, and what it finds"),
    "overlaps": (overlaps, "exact overlaps of all domains on a model of a large model's shape"),
    "pages": (pages, "the app's pages on a run of a large model's shape: seconds and bytes sent"),
    "repair": (repair, "what each way of repair costs and gives on the demo model; the ridge"),
    "runtimes": (
        runtimes,
        "bytes, quality and speed of GGUF files in llama.cpp, beside the dense one",
    ),
    "streaming": (streaming, "a model of a large model's shape, streamed within 4 GB of memory"),
}


def make_parser() -> Parser:
    """The parser of all benchmarks."""
    return command_parser("python -m bench", "Benchmarks.", COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 bad input, 130 cancelled."""
    return run(make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
