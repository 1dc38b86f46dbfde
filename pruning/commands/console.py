"""The frame of every command line: arguments, progress, results, signals, exit statuses.

Results go to stdout, progress to stderr. Exit status 0: done. 2: a choice or file cannot be used.
1: the work failed. 130: cancelled. With status 2 and 1, the last line on stderr is one sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console, RenderableType

from pruning.commands.bars import plain_lines, progress_bar
from pruning.errors import AtlasError, Cancelled, InputError
from pruning.jobs.progress_file import ProgressFile
from pruning.machine.resources import out_of_memory
from pruning.progress import Progress, Report

DONE, FAILED, BAD_INPUT, CANCELLED = 0, 1, 2, 130
PLAIN_WIDTH = 160  # columns of a table that goes to a file or pipe
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "DATASETS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command found out. data: for `--json`. shown: the same for a person's eyes.

    failure: one sentence if what was asked for turned out badly (the exit status is then 1).
    """

    data: Any
    shown: Sequence[RenderableType]
    failure: str | None = None


Command = Callable[[argparse.Namespace, Report], Answer]


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one sentence and takes no abbreviated flags."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | settings)

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        sentence = message[:1].upper() + message[1:].rstrip(".")
        raise InputError(f"{sentence}; `{self.prog} --help` explains the choices.")


def command_parser(program: str, purpose: str, commands: Mapping[str, tuple[Any, str]]) -> Parser:
    """A parser of several commands: name -> (module with `add_arguments`, what it does)."""
    parser = Parser(prog=program, description=purpose)
    subparsers = parser.add_subparsers(metavar="command", required=True)
    for name, (module, what) in commands.items():
        module.add_arguments(
            subparsers.add_parser(name, help=what, description=f"{what.capitalize()}.")
        )
    return parser


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse, run the chosen command, print its answer; returns the exit status.

    The parser's commands set `command` (a `Command`) and `json` (bool) as their defaults.
    """
    quiet_libraries()
    file = ProgressFile.from_environment()
    try:
        arguments = parser.parse_args(argv)
        with cancelled_by_signals() as check, reporting(file) as report:
            answer = arguments.command(arguments, checked(report, check))
        return print_answer(answer, as_json=arguments.json, file=file)
    except Cancelled:
        return complain("Cancelled.", CANCELLED, None, file)
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except AtlasError as error:
        return complain(str(error), FAILED, error, file)
    except ValueError as error:
        return complain(str(error), BAD_INPUT, error, file)
    except OSError as error:
        return complain(f"A file could not be read or written: {error}.", FAILED, error, file)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        sentence = (
            "Memory ran out; choose a smaller model, dtype, sequence length or batch size, "
            "or another device."
        )
        return complain(sentence, FAILED, error, file)


def quiet_libraries() -> None:
    """Keep the libraries' own progress bars, hints and warnings off stderr."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


@contextlib.contextmanager
def cancelled_by_signals() -> Iterator[Callable[[], None]]:
    """Inside, SIGTERM and SIGINT raise Cancelled in the main thread, unless they are ignored.

    Yields a check that raises it again, should some library have swallowed the first. A second
    signal ends the process at once.
    """
    received = False

    def cancel(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = True
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Cancelled

    def check() -> None:
        if received:
            raise Cancelled

    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    before = {each: now for each, now in before.items() if now != signal.SIG_IGN}
    for each in before:
        signal.signal(each, cancel)
    try:
        yield check
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def reporting(file: ProgressFile | None) -> Iterator[Report]:
    """Where progress goes: the job's file, else a bar on a terminal, else sparse lines."""
    if file is not None:
        yield file.write
    elif sys.stderr.isatty():
        with progress_bar(Console(stderr=True)) as report:
            yield report
    else:
        yield plain_lines(sys.stderr)


def checked(report: Report, check: Callable[[], None]) -> Report:
    """A report that notices a cancellation."""

    def report_and_check(progress: Progress) -> None:
        check()
        report(progress)

    return report_and_check


def print_answer(answer: Answer, *, as_json: bool, file: ProgressFile | None) -> int:
    """Write the answer to stdout, and a failure as `complain` does; returns the exit status."""
    if as_json:
        print(json.dumps(plain(answer.data), ensure_ascii=False, allow_nan=False))
    else:
        width = None if sys.stdout.isatty() else PLAIN_WIDTH
        console = Console(width=width, highlight=False, markup=False, emoji=False)
        for part in answer.shown:
            console.print(part, soft_wrap=isinstance(part, str))
    sys.stdout.flush()
    if answer.failure:
        return complain(answer.failure, FAILED, AtlasError(answer.failure), file)
    return DONE


def plain(data: Any) -> Any:
    """The same as JSON can say it: arrays as lists, paths as text, not-a-number as null."""
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    if hasattr(data, "tolist"):  # numpy arrays and scalars
        return plain(data.tolist())
    if isinstance(data, Path):
        return str(data)
    if isinstance(data, float) and not abs(data) < float("inf"):
        return None
    return data


def complain(
    sentence: str, status: int, error: BaseException | None, file: ProgressFile | None
) -> int:
    """Say one sentence on stderr, and note it for the app if this is a job; returns the status."""
    text = " ".join(sentence.split())
    print(text, file=sys.stderr, flush=True)
    if file is not None and error is not None:
        file.write_error(text, error)
    return status
