"""`python -m pruning convert`: an exported sub-model as one file for llama.cpp and Ollama."""

from __future__ import annotations

import argparse
from pathlib import Path

from pruning.commands.console import Answer
from pruning.commands.export import add_quant
from pruning.commands.options import add_json
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `convert`."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="an export, plain or small")
    parser.add_argument("--to", choices=("gguf",), default="gguf", help="default: gguf")
    add_quant(parser)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the new folder to write"
    )
    add_json(parser)
    parser.set_defaults(command=convert)


def convert(arguments: argparse.Namespace, report: Report) -> Answer:
    """Write the folder again in the GGUF form."""
    from pruning.exports.gguf.folders import chats, to_gguf
    from pruning.exports.gguf.running import run_lines

    result = to_gguf(arguments.folder, arguments.out, arguments.quant, report)
    lines = run_lines(result.folder.name, result.file, chats(arguments.folder))
    return Answer(
        data={"path": str(result.folder), "file": result.file, "bytes": result.bytes},
        shown=[
            f"{result.folder / result.file} holds {result.bytes / 1e6:,.1f} MB. Run it there:",
            *lines,
        ],
    )
