"""`python -m pruning decompress`: a compressed sub-model plain again, for transformers."""

from __future__ import annotations

import argparse
from pathlib import Path

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `decompress`."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="a compressed export")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the new folder to write"
    )
    add_json(parser)
    parser.set_defaults(command=decompress)


def decompress(arguments: argparse.Namespace, report: Report) -> Answer:
    """Write the folder again in the plain form."""
    from pruning.exports import forms as folders

    out = folders.decompress(arguments.folder, arguments.out, report)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Answer(
        data={"path": str(out), "bytes": size}, shown=[f"{out} holds {size / 1e6:,.1f} MB."]
    )
