"""Finds the strongest mechanism that holds on this machine, by really trying each in turn."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis.execution.limits import Limits
from analysis.execution.mechanisms import MECHANISMS, Mechanism
from analysis.execution.sandbox import Sandbox, run_program
from analysis.execution.view import INSIDE
from pruning.errors import AtlasError, InputError

PROBE_LIMITS = Limits(seconds=20, processes=12)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One mechanism on trial. trouble: why it is not used, as a sentence; empty if it holds."""

    mechanism: Mechanism
    trouble: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The mechanisms that were tried, strongest first; sandbox: the first that holds, or None."""

    attempts: tuple[Attempt, ...]
    sandbox: Sandbox | None

    @property
    def refusal(self) -> str:
        """Why programs are not run, and what to do; empty if they can be."""
        if self.sandbox is not None:
            return ""
        reasons = " ".join(attempt.trouble for attempt in self.attempts)
        return (
            "Programs that a model wrote are run in a sandbox only, and this machine offers none. "
            "Install bubblewrap (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf install "
            "bubblewrap), or build the container image of docs/EXECUTION.md for Podman or Docker. "
            f"Tried: {reasons}"
        )


@cache
def survey() -> Survey:
    """Try the mechanisms until one holds; the answer is kept as long as this process lives."""
    attempts = []
    for mechanism in MECHANISMS:
        trouble = mechanism.lacking() or attempt(mechanism)
        attempts.append(Attempt(mechanism=mechanism, trouble=trouble))
        if not trouble:
            found = Sandbox(mechanism=mechanism, name=mechanism.name())
            return Survey(attempts=tuple(attempts), sandbox=found)
    return Survey(attempts=tuple(attempts), sandbox=None)


def detect() -> Sandbox | None:
    """The strongest sandbox of this machine; None where none holds (`survey` tells why)."""
    return survey().sandbox


def require() -> Sandbox:
    """The strongest sandbox; AtlasError with what to install where none holds."""
    found = survey()
    if found.sandbox is None:
        raise AtlasError(found.refusal)
    return found.sandbox


def attempt(mechanism: Mechanism) -> str:
    """Run the probe under a mechanism; returns what does not hold as a sentence, or nothing."""
    sandbox = Sandbox(mechanism=mechanism, name=mechanism.name())
    with tempfile.NamedTemporaryFile(prefix="submodel-atlas-probe-") as canary:
        secret_files = [canary.name, str(Path(__file__).resolve()), str(Path.home() / ".bashrc")]
        told = {
            "secret_files": secret_files,
            "environment": [*mechanism.environment(), "LC_CTYPE"],
            "processes": PROBE_LIMITS.processes,
        }
        try:
            outcome = run_program(
                sandbox,
                {"probe.py": (INSIDE / "probe.py").read_text(encoding="utf-8")},
                [["{python}", "-I", "probe.py"]],
                PROBE_LIMITS,
                stdin=json.dumps(told),
            )
        except (AtlasError, InputError) as error:
            return f"{mechanism.name()} does not work here: {error}"
    return _trouble(mechanism, outcome.passed, outcome.stdout, outcome.stderr)


def _trouble(mechanism: Mechanism, passed: bool, stdout: str, stderr: str) -> str:
    if not passed:
        words = " ".join(stderr.split())[-200:] or "it said nothing"
        return f"{mechanism.name()} does not work here: {words}."
    broken: Sequence[str] = [promise for promise, holds in json.loads(stdout).items() if not holds]
    return f"{mechanism.name()} does not keep its promise: {', '.join(broken)}." if broken else ""
