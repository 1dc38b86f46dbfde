"""`python -m pruning`: calibrate, export and verify without the app."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pruning.commands import calibrate, domains, export, models, runs, verify
from pruning.console import Parser, command_parser, run

COMMANDS = {
    "calibrate": (calibrate, "measure a model on domains; the result is a run in the workspace"),
    "export": (export, "write the sub-model for a domain or a mixture of domains"),
    "verify": (verify, "check every claim of an exported sub-model against its tensors"),
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
