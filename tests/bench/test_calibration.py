"""The benchmark of calibration, on a tiny shape and without other programs: what its result says."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from bench import calibration
from bench.__main__ import main
from bench.contenders import trial
from bench.environments import last_line, python_of
from bench.trials import Measured, Outcome, equal_share, of_rounds
from pruning.errors import AtlasError


@pytest.mark.process
def test_a_result_has_a_line_for_each_way(tmp_path: Path) -> None:
    ask = ["calibration", "--shape", "tiny", "--rounds", "1", "--threads", "1"]
    assert main([*ask, "--only-ours", "--results", str(tmp_path)]) == 0
    text = (tmp_path / "calibration-tiny-ours.txt").read_text()
    assert text.startswith(
        "python -m bench calibration --shape tiny --only-ours --threads 1 --rounds 1\n"
    )
    assert "32 x 32 tokens" in text
    for title in ("one-shot", "sequential", "a further domain", "a further sparsity"):
        assert f"ours, {title} " in text
    assert "torchao" not in text


def test_a_program_that_fails_is_said_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Measured(wall=2.0, processor=4.0, memory=2**20, by_wall=1.0, by_processor=1.0)
    ours = Outcome(measured={"forward": forward, "8": forward}, masks={})

    def ran(python: Path, contender: str, **options: object) -> Outcome:
        if contender == "batch_sizes":
            return Outcome(measured={"8": forward}, masks={})
        return ours

    def refused(name: str, *_: object) -> Path:
        raise AtlasError(f"{name} cannot be installed: no matching distribution")

    monkeypatch.setattr(calibration, "run_trial", ran)
    monkeypatch.setattr(calibration, "python_of", refused)
    monkeypatch.setattr(calibration, "write_trial", lambda *_: None)
    assert main(["calibration", "--shape", "tiny", "--results", str(tmp_path)]) == 0
    text = (tmp_path / "calibration-tiny.txt").read_text()
    assert "torchao 0.18.0: torchao cannot be installed: no matching distribution\n" in text
    assert "llm-compressor 0.14.0.1: llm-compressor cannot be installed" in text


def test_a_row_says_what_was_measured() -> None:
    measured = Measured(wall=3.0, processor=5.0, memory=3 * 2**20, by_wall=1.5, by_processor=1.25)
    line = calibration.row("ours", measured, 0.5)
    assert line.split() == [
        "ours",
        "3.00",
        "s",
        "5.00",
        "s",
        "1.50",
        "/",
        "1.25",
        "3",
        "MiB",
        "50.0000%",
    ]


def test_rounds_count_by_their_median() -> None:
    same = {"processor": 1.0, "by_wall": 1.5, "by_processor": 2.0}
    rounds = [{"wall": wall, "memory": 10 * wall, **same} for wall in (9.0, 1.0, 2.0)]
    assert of_rounds(rounds) == Measured(wall=2.0, memory=20.0, **same)


def test_the_clock_of_work_stands_still_while_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "LEAST", 0.05)
    monkeypatch.setattr(trial, "REST", 0.0)
    begun: list[float] = []

    def piece() -> None:
        begun.append(time.monotonic())
        time.sleep(0.1)

    started = time.monotonic()
    with trial.Turns(piece) as turns:
        while len(begun) < 3:
            time.sleep(0.001)
    whole = time.monotonic() - started
    assert turns.count == len(begun) >= 3
    assert 0.1 * turns.count <= turns.forward[0] <= turns.spent[0] < whole
    time.sleep(0.1)
    assert turns.count == len(begun)  # no more after the block


def test_an_interruption_that_comes_at_the_end_of_the_block_is_dropped() -> None:
    """It would set the alarm once more, for a handler that is gone: that ends the process."""
    before = signal.getsignal(signal.SIGALRM)
    turns = trial.Turns(lambda: pytest.fail("interrupted"))
    with turns:
        pass
    turns._turn()  # as Python does for a signal that came just before the block's end
    assert turns.count == 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_equal_bits_are_counted_over_all_matrices() -> None:
    one = {"a": np.array([0b1111_0000], dtype=np.uint8), "b": np.array([1, 2], dtype=np.uint8)}
    other = {"a": np.array([0b1110_0001], dtype=np.uint8), "b": np.array([1, 2], dtype=np.uint8)}
    assert equal_share(one, other) == 1 - 2 / 24
    with pytest.raises(ValueError, match="same matrices"):
        equal_share(one, {"a": one["a"]})


@pytest.mark.process
def test_an_environment_is_made_once(tmp_path: Path) -> None:
    python = python_of("empty", ("pip",), tmp_path)
    assert python.exists()
    made = python.stat().st_mtime_ns
    assert python_of("empty", ("pip",), tmp_path).stat().st_mtime_ns == made


@pytest.mark.process
def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="wrong cannot be installed"):
        python_of("wrong", ("not a requirement!",), tmp_path)
    assert last_line("one\n two \n\n") == "two"
    assert last_line(" \n") == "it said nothing"
