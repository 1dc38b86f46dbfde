"""`python -m analysis sandbox`: how model-written programs are shut in here, and the consent."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from analysis.execution import Survey, consent, survey, toolchains
from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.errors import InputError
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `sandbox`."""
    consent.add_consent_argument(parser)
    parser.add_argument(
        "--withdraw-consent", action="store_true", help="take the workspace's consent back"
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=sandbox)


def sandbox(arguments: argparse.Namespace, report: Report) -> Answer:
    """Try the mechanisms, ask the compilers, and give, keep or take back the consent."""
    if arguments.allow_execution and arguments.withdraw_consent:
        raise InputError("Give the consent or take it back, not both.")
    root = workspace_of(arguments).root
    if arguments.withdraw_consent:
        consent.withdraw(root)
    if arguments.allow_execution:
        consent.consented_sandbox(root, allow=True)
    found = survey()
    kept = consent.given(root)
    languages = toolchains(found.sandbox) if found.sandbox else {}
    data = {
        "sandbox": found.sandbox.name if found.sandbox else None,
        "guarantees": list(found.sandbox.guarantees) if found.sandbox else [],
        "not_used": [each.trouble for each in found.attempts if each.trouble],
        "languages": {
            name: {"available": each.available, "versions": dict(each.versions)}
            for name, each in languages.items()
        },
        "consent": asdict(kept) if kept else None,
    }
    tools = [each.sentence for each in languages.values()]
    shown = [*_shown(found), *tools, _consent_sentence(kept, found)]
    return Answer(data=data, shown=shown, failure=found.refusal or None)


def _shown(found: Survey) -> list[Any]:
    if found.sandbox is None:
        return ["There is no sandbox, so programs that a model wrote are not run."]
    return [
        f"Programs that a model wrote are shut in by {found.sandbox.name}:",
        *(f"  - {promise}" for promise in found.sandbox.guarantees),
        *(f"Not used: {each.trouble}" for each in found.attempts if each.trouble),
    ]


def _consent_sentence(kept: consent.Consent | None, found: Survey) -> str:
    if kept is None:
        return f"No consent has been given in this workspace ({consent.FLAG})."
    if found.sandbox is not None and kept.mechanism != found.sandbox.kind:
        return f"The consent of {kept.given_at} was for {kept.mechanism}; it is asked for again."
    return f"Consent was given on {kept.given_at}."
