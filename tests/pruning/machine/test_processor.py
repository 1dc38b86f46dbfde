"""numpy is kept off AVX-512 on the one processor where that is slow, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from pruning.machine.processor import AVX512, SWITCH, has_bfloat16, select_fast

ZEN4 = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nflags\t\t: avx2 avx512f\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ZEN4, AVX512),
        (ZEN4.replace(" avx512f", ""), None),
        (ZEN4.replace("25", "26"), None),
        (ZEN4.replace("AuthenticAMD", "GenuineIntel"), None),
        ("", None),
    ],
)
def test_the_switch_is_for_zen_4(
    text: str, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "")  # so that it is put back
    monkeypatch.delenv(SWITCH)
    described = tmp_path / "cpuinfo"
    described.write_text(text)
    select_fast(described)
    assert os.environ.get(SWITCH) == expected


def test_a_person_s_own_setting_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "X86_V3")
    described = tmp_path / "cpuinfo"
    described.write_text(ZEN4)
    select_fast(described)
    assert os.environ[SWITCH] == "X86_V3"


def test_a_system_that_describes_no_processor_is_left_alone(tmp_path: Path) -> None:
    before = os.environ.get(SWITCH)
    select_fast(tmp_path / "none")
    assert os.environ.get(SWITCH) == before


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "bf16"])
def test_bfloat16_is_fast_where_the_processor_has_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = {"avx2": True, "avx512_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert not has_bfloat16("cpu")
    assert has_bfloat16("cuda:1")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able | {name: True})
    assert has_bfloat16("cpu")
