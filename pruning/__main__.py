"""`python -m pruning`: calibrate, export and verify without the app."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pruning.commands import (
    archive,
    calibrate,
    compress,
    convert,
    decompress,
    domains,
    export,
    merge,
    models,
    plan,
    push,
    runs,
    verify,
)
from pruning.commands.console import Parser, command_parser, run

COMMANDS = {
    "calibrate": (calibrate, "measure a model on domains; the result is a run in the workspace"),
    "merge": (merge, "bring together what several workspaces hold of the same runs"),
    "export": (export, "write the sub-model for a domain or a mixture of domains"),
    "verify": (verify, "check every claim of an exported sub-model against its tensors"),
    "plan": (plan, "say what an export would hold and weigh, before it is made"),
    "compress": (compress, "store an exported sub-model small, as bit masks and kept values"),
    "decompress": (decompress, "make a compressed sub-model plain again, for transformers"),
    "convert": (convert, "make one GGUF file of an exported sub-model, for llama.cpp and Ollama"),
    "archive": (archive, "pack an exported sub-model as one .zip file"),
    "push": (push, "upload an exported sub-model to the Hugging Face hub"),
    "runs": (runs, "list the calibration runs"),
    "models": (models, "list the models on this machine"),
    "domains": (domains, "list the built-in domains"),
}


def make_parser() -> Parser:
    """The parser of all commands."""
    return command_parser("python -m pruning", "From a model and domains to sub-models.", COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 bad input, 130 cancelled."""
    return run(make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
