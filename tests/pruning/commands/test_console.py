"""The frame of the command lines: statuses, sentences, signals, progress. No model in sight."""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from pruning.commands.bars import plain_lines, progress_bar, time_left
from pruning.commands.console import QUIET, Answer, Command, Parser, checked, plain, run
from pruning.errors import AtlasError, Cancelled, InputError, TooFewDocumentsError
from pruning.jobs.progress_file import PROGRESS_VARIABLE, ProgressFile
from pruning.jobs.records import read_error, read_progress
from pruning.progress import Progress, Report
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*QUIET, PROGRESS_VARIABLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def parser_of(command: Command) -> Parser:
    parser = Parser(prog="tool")
    parser.add_argument("--number", type=int, default=1)
    parser.set_defaults(command=command, json=True)
    return parser


def failing(error: BaseException) -> Parser:
    def command(arguments: argparse.Namespace, report: Report) -> Answer:
        raise error

    return parser_of(command)


TOO_FEW = TooFewDocumentsError("There is text for 3.", available=3, needed=8)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (InputError("No such\nmodel."), 2, "No such model."),
        (ValueError("Bad number."), 2, "Bad number."),
        (TOO_FEW, 2, "There is text for 3."),
        (AtlasError("The disk is full."), 1, "The disk is full."),
        (PermissionError(13, "Permission denied", "/x"), 1, None),
        (MemoryError(), 1, None),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 1, None),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1, None),
        (Cancelled(), 130, "Cancelled."),
    ],
)
def test_trouble_is_one_sentence_and_a_status(
    error: BaseException, status: int, sentence: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(failing(error), []) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.strip().endswith(".")
    assert sentence is None or err == f"{sentence}\n"


def test_a_mistake_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        run(failing(RuntimeError("shapes do not match")), [])


@pytest.mark.parametrize(
    "argv", [["--number", "x"], ["--unknown"], ["--num", "3"], ["--number"], ["left over"]]
)
def test_bad_arguments_are_one_sentence(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(failing(AssertionError()), argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "tool --help" in err


def test_json_is_all_there_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"matrix": np.array([[1.0, np.nan]]), "path": Path("/x"), "count": np.int64(3), "é": ()}
    answer = Answer(data=data, shown=["for people"])
    assert run(parser_of(lambda arguments, report: answer), []) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"matrix": [[1.0, None]], "path": "/x", "count": 3, "é": []}
    assert err == ""


def test_an_answer_can_be_bad_news(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer(data={"ok": False}, shown=[], failure="Two checks failed.")
    assert run(parser_of(lambda arguments, report: answer), []) == 1
    assert capsys.readouterr() == ('{"ok": false}\n', "Two checks failed.\n")


def test_bad_news_is_noted_in_the_job_s_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "progress.json"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(file))
    answer = Answer(data={"ok": False}, shown=[], failure="Two checks failed.")
    assert run(parser_of(lambda arguments, report: answer), []) == 1
    assert read_error(file) == {"kind": "AtlasError", "message": "Two checks failed."}


def test_brackets_in_a_path_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/data/[bold]/" + "x" * 300
    parser = parser_of(lambda arguments, report: Answer(data=None, shown=[path]))
    parser.set_defaults(json=False)
    run(parser, [])
    assert capsys.readouterr().out == f"{path}\n"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_plain_data_has_no_number_that_json_lacks(value: float) -> None:
    assert plain([value, 0.5, True, None]) == [None, 0.5, True, None]


SLEEPER = """
import signal, sys, time
from pruning.commands.console import Answer, Parser, run
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
def command(arguments, report):
    try:
        print("ready", flush=True)
        time.sleep(600)
    finally:
        print("cleaned up", flush=True)
parser = Parser()
parser.set_defaults(command=command, json=True)
sys.exit(run(parser, []))
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_cancel_and_let_everything_clean_up(
    sleeper: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "ready\n"
    sleeper.send_signal(number)
    out, err = sleeper.communicate(timeout=PATIENCE)
    assert (sleeper.returncode, out, err) == (130, "cleaned up\n", "Cancelled.\n")


def test_a_swallowed_cancellation_comes_back_with_the_next_report() -> None:
    received = False

    def check() -> None:
        if received:
            raise Cancelled

    seen: list[Progress] = []
    report = checked(seen.append, check)
    report(Progress(stage="a", done=0, total=2))
    received = True
    with pytest.raises(Cancelled):
        report(Progress(stage="a", done=1, total=2))
    assert len(seen) == 1


@pytest.mark.process
def test_a_reader_that_has_gone_is_no_traceback() -> None:
    text = (
        "import sys; from pruning.commands.console import *; p = Parser();"
        "p.set_defaults(command=lambda a, r: Answer(data='x' * 10**6, shown=[]), json=True);"
        "sys.exit(run(p, []))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-c", text], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (1, b"")


def test_a_job_notes_progress_and_error_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "progress.json"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(file))
    first = Progress(stage="python", done=1, total=9, detail="layer 0", seconds_left=4.5)

    def command(arguments: argparse.Namespace, report: Report) -> Answer:
        report(first)
        assert read_progress(file) == first
        raise TOO_FEW

    assert run(parser_of(command), []) == 2
    assert read_progress(file) == first
    assert read_error(file) == {
        "kind": "TooFewDocumentsError",
        "message": "There is text for 3.",
        "available": 3,
        "needed": 8,
    }
    assert capsys.readouterr().err == "There is text for 3.\n"
    assert list(tmp_path.iterdir()) == [file]


def set_clock(monkeypatch: pytest.MonkeyPatch, *, step: float) -> None:
    """From now on a report finds the clock so many seconds later than the one before it."""
    ticks = itertools.count(1)
    clock = SimpleNamespace(monotonic=lambda: 100 + step * next(ticks))
    for module in ("pruning.jobs.progress_file", "pruning.commands.bars"):
        monkeypatch.setattr(f"{module}.time", clock)


def test_the_file_is_not_written_at_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, step=1 / 64)
    file = ProgressFile(tmp_path / "progress.json")
    written = []
    for done in range(1000):
        file.write(Progress(stage="a", done=done, total=1000))
        written.append(read_progress(file.path))
    assert written[0] == Progress(stage="a", done=0, total=1000)
    assert len(set(written)) == 77  # no more than five a second: of 64 steps a second every 13th
    last = Progress(stage="a", done=1000, total=1000)
    file.write(last)
    assert read_progress(file.path) == last
    other = Progress(stage="b", done=0, total=5)
    file.write(other)
    assert read_progress(file.path) == other


def test_progress_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    ProgressFile(tmp_path / "missing" / "progress.json").write(Progress(stage="a", done=0, total=1))


def test_a_log_gets_a_line_for_each_stage_and_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, step=1)
    stream = io.StringIO()
    report = plain_lines(stream)
    for done in range(40):
        report(Progress(stage="python", done=done, total=100, detail="layer 1", seconds_left=5))
    report(Progress(stage="java", done=0, total=100))
    assert stream.getvalue() == (
        "python: 0/100 (layer 1, about 5 s left)\n"
        "python: 30/100 (layer 1, about 5 s left)\n"
        "java: 0/100\n"
    )


def test_the_bar_shows_stage_count_and_time_left() -> None:
    stream = io.StringIO()
    with progress_bar(Console(file=stream, force_terminal=True, width=100)) as report:
        report(Progress(stage="[code]", done=30, total=90, detail="[layer 1]", seconds_left=60))
    last = stream.getvalue()
    for part in ("[code]", "30/90", "about 60 s left", "[layer 1]"):
        assert part in last


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.2, "about 0 s left"), (240, "about 4 min left"), (9000, "about 2.5 h left")],
)
def test_time_left_in_words(seconds: float | None, text: str) -> None:
    assert time_left(seconds) == text
