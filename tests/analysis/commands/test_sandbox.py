"""`python -m analysis sandbox`: the mechanism, the compilers and the consent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.execution import consent, survey
from analysis.execution import detection as detection_module
from pruning.commands.console import QUIET
from tests.analysis.sandboxed import sandbox_or_skip

pytestmark = pytest.mark.program

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def call(workspace: Path, *flags: str) -> int:
    return main(["sandbox", "--workspace", str(workspace), *flags])


def test_consent_is_given_kept_and_taken_back(tmp_path: Path, capsys: Capture) -> None:
    sandbox = sandbox_or_skip()
    assert call(tmp_path, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["sandbox"], data["consent"]) == (sandbox.name, None)
    assert data["languages"]["python"]["available"] is True
    assert call(tmp_path, "--allow-execution") == 0
    shown = capsys.readouterr().out
    assert sandbox.guarantees[0] in shown
    assert "Consent was given on" in shown
    assert consent.allowed(tmp_path, sandbox)
    assert call(tmp_path, "--withdraw-consent") == 0
    assert "No consent has been given" in capsys.readouterr().out
    assert consent.given(tmp_path) is None


def test_both_at_once_make_no_sense(tmp_path: Path, capsys: Capture) -> None:
    assert call(tmp_path, "--allow-execution", "--withdraw-consent") == 2
    assert "not both" in capsys.readouterr().err


def test_without_a_sandbox_the_command_fails_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(detection_module, "MECHANISMS", ())
    survey.cache_clear()
    try:
        assert call(tmp_path) == 1
        assert call(tmp_path, "--allow-execution") == 1
    finally:
        survey.cache_clear()
    printed = capsys.readouterr()
    assert "There is no sandbox" in printed.out
    assert printed.err.count("apt install bubblewrap") == 2
    assert consent.given(tmp_path) is None
