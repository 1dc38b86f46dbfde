"""The person's consent to run model-written programs, kept in the workspace until withdrawn.

`workspace/execution-consent.json` holds when it was given and for which mechanism. Where another
mechanism is found later (bubblewrap was removed, say), the person is asked again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from analysis.execution.detection import require
from analysis.execution.sandbox import Sandbox
from pruning.errors import AtlasError, InputError
from pruning.machine.storage import atomic_json, storage_errors

FILE = "execution-consent.json"
FLAG = "--allow-execution"
QUESTION = (
    "Programs that the model writes are run on this machine, shut in by {name}: {guarantees}. "
    "A fault in the system's kernel could still let a program out."
)


@dataclass(frozen=True, kw_only=True)
class Consent:
    """given_at: ISO 8601, UTC. mechanism: its kind (bubblewrap, namespaces, podman, docker)."""

    given_at: str
    mechanism: str


def question(sandbox: Sandbox) -> str:
    """What a person agrees to, in words."""
    return QUESTION.format(name=sandbox.name, guarantees="; ".join(sandbox.guarantees))


def given(root: Path) -> Consent | None:
    """The consent kept in a workspace; None if there is none. AtlasError for a damaged file."""
    path = root / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Consent(given_at=str(data["given_at"]), mechanism=str(data["mechanism"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AtlasError(f"{path} is damaged; delete it and consent again.") from error


def allowed(root: Path, sandbox: Sandbox) -> bool:
    """Whether the person has consented to programs being run in this kind of sandbox."""
    consent = given(root)
    return consent is not None and consent.mechanism == sandbox.kind


def give(root: Path, sandbox: Sandbox) -> Consent:
    """Keep the person's consent; returns it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    consent = Consent(given_at=now, mechanism=sandbox.kind)
    atomic_json(root / FILE, asdict(consent))
    return consent


def withdraw(root: Path) -> None:
    """Forget the consent; nothing happens where there is none."""
    with storage_errors(root / FILE):
        (root / FILE).unlink(missing_ok=True)


def add_consent_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--allow-execution` to a command that runs model-written programs."""
    parser.add_argument(
        FLAG,
        action="store_true",
        help="consent, once for this workspace, to running model-written programs in the sandbox",
    )


def consented_sandbox(root: Path, *, allow: bool) -> Sandbox:
    """The machine's sandbox, if the person consents or has consented; `allow` is kept.

    Raises AtlasError where there is no sandbox, InputError where there is no consent.
    """
    sandbox = require()
    if allowed(root, sandbox):
        return sandbox
    if not allow:
        raise InputError(
            f"{question(sandbox)} If you agree, give {FLAG} once, or consent in the app."
        )
    give(root, sandbox)
    return sandbox
