"""`python -m bench evidence`: the whole table of evidence for the demo model's seven domains."""

from __future__ import annotations

import argparse
import json
import tempfile

from bench.measuring import add_results, machine, result, timed
from pruning.commands.console import Answer
from pruning.domains.builtin import BUILTIN
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evidence`."""
    add_results(parser)
    parser.set_defaults(command=evidence)


def evidence(arguments: argparse.Namespace, report: Report) -> Answer:
    """Calibrate in a workspace that is thrown away, then time the test."""
    arguments.machine = machine()
    with tempfile.TemporaryDirectory() as workspace:
        text = ["--num-samples", "64", "--seq-len", "256", "--groups", "16"]
        domains = [word for name in BUILTIN for word in ("--domain", name)]
        where = ["--workspace", workspace, "--json"]
        calibrated = timed(["pruning", "calibrate", "--model", "demo", *domains, *text, *where])
        run = json.loads(calibrated.output)["run"]
        ask = ["--run", run, "--sparsity", "0.5", "--permutations", "200", "--bootstraps", "200"]
        tested = timed(["analysis", "evidence", *ask, *where])
    lines = [
        f"demo model, {len(BUILTIN)} domains, 64 sequences of 256 tokens each, 16 groups",
        f"calibrate: {calibrated}",
        f"evidence, 200 permutations, 200 bootstrap draws, 16 halvings, learning curves: {tested}",
    ]
    return result(arguments, "evidence", "python -m bench evidence", lines)
