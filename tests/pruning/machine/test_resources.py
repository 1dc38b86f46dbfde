"""Free memory and disk, as the kernel and a container's limit tell them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pruning.machine import resources
from pruning.machine.resources import free_disk_bytes, free_gpu_bytes, free_memory_bytes, gigabytes


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, use, statistics = (tmp_path / name for name in ("max", "current", "stat"))
    monkeypatch.setattr(
        resources, "_CGROUPS", ((str(limit), str(use), str(statistics), "inactive_file"),)
    )
    whole = free_memory_bytes()
    assert whole > 0
    limit.write_text("max\n")
    use.write_text("900\n")
    statistics.write_text("anon 700\ninactive_file 150\n")
    assert free_memory_bytes() > 1000
    limit.write_text("1000\n")
    assert free_memory_bytes() == 1000 - 900 + 150
    use.write_text("5000\n")
    assert free_memory_bytes() == 0


def test_disk_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    there = free_disk_bytes(tmp_path)
    assert there > 0
    assert abs(free_disk_bytes(tmp_path / "a" / "b") - there) < 1e9


def test_no_gpu_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert free_gpu_bytes() is None


def test_sizes_for_people() -> None:
    assert gigabytes(14_483_000_000) == "14.5 GB"
    assert gigabytes(1_250_000) == "1.2 MB"
