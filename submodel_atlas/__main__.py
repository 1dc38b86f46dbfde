"""`submodel-atlas`: the commands of both packages, and the app. Alone it starts the app."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.__main__ import COMMANDS as ANALYSIS
from pruning.__main__ import COMMANDS as PRUNING
from pruning.commands.console import Parser, command_parser, run
from submodel_atlas import serve

SERVE = "serve"
COMMANDS = {SERVE: (serve, "start the app in a browser; so does `submodel-atlas` alone")}
COMMANDS |= PRUNING | ANALYSIS


def make_parser() -> Parser:
    """The parser of all commands."""
    purpose = "Which weights of a language model each domain needs, and its sub-models."
    return command_parser("submodel-atlas", purpose, COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 bad input, 130 cancelled."""
    words = sys.argv[1:] if argv is None else list(argv)
    return run(make_parser(), words or [SERVE])


if __name__ == "__main__":
    sys.exit(main())
