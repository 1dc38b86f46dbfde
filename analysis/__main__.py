"""`python -m analysis`: evidence from calibration runs, without the app."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analysis.commands import (
    cause,
    channels,
    evaluate,
    evidence,
    experiment,
    generate,
    overlap,
    report,
    routing,
    sandbox,
    savings,
    scores,
    speculative,
    structure,
)
from pruning.commands.console import Parser, command_parser, run

COMMANDS = {
    "overlap": (overlap, "how much the masks of a run's domains overlap, beside the chance level"),
    "evidence": (evidence, "whether domains differ by more than two draws of one domain do"),
    "structure": (structure, "the domains' family tree, and which of them keep which weights"),
    "routing": (routing, "which experts each domain's tokens are sent to, in mixtures of experts"),
    "evaluate": (evaluate, "bits per byte and tasks, of every domain's mask on every domain"),
    "scores": (scores, "RIA, OWL and the contrastive score beside Wanda, on every domain's text"),
    "experiment": (experiment, "calibrate on several sets, measure on tasks, write the table"),
    "cause": (cause, "what is lost without the weights that a domain has for itself"),
    "channels": (channels, "the channels that tell two domains apart, and what drives them"),
    "generate": (generate, "a prompt continued by the dense model and by sub-models"),
    "savings": (savings, "what a sub-model saves on this machine: disk, memory, speed, measured"),
    "speculative": (
        speculative,
        "sub-models as drafts of the dense model: tokens accepted, and speed",
    ),
    "report": (report, "everything that is known of a run, as one page that works offline"),
    "sandbox": (
        sandbox,
        "how programs that a model wrote are shut in, and your consent to run them",
    ),
}


def make_parser() -> Parser:
    """The parser of all commands."""
    return command_parser("python -m analysis", "Evidence from calibration runs.", COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 bad input, 130 cancelled."""
    return run(make_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
