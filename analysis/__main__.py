"""`python -m analysis`: evidence from calibration runs, without the app."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.commands import overlap
from pruning.console import Parser, run

COMMANDS = {
    "overlap": (overlap, "how much the masks of a run's domains overlap, beside the chance level"),
}


def make_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="python -m analysis", description="Evidence from calibration runs.")
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, (module, purpose) in COMMANDS.items():
        module.add_arguments(
            commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 bad input, 130 cancelled."""
    return run(make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
