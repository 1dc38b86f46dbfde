"""A choice written as flags: the inverse of what argparse reads."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

from pruning.errors import InputError


class _Recorder(argparse.ArgumentParser):
    """A parser that remembers its arguments, by their destination."""

    def __init__(self) -> None:
        self.actions: dict[str, argparse.Action] = {}
        super().__init__(add_help=False, allow_abbrev=False)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """As argparse does."""
        action = super().add_argument(*names, **settings)
        self.actions[action.dest] = action
        return action

    def error(self, message: str) -> NoReturn:
        """InputError for what the flags do not take."""
        raise InputError(f"{message[:1].upper()}{message[1:].rstrip('.')}.")


def flags_of(
    add: Callable[[argparse.ArgumentParser], None],
    values: Mapping[str, Any],
    always: Collection[str] = (),
) -> list[str]:
    """The flags that let a parser read these values, in the order in which it has them.

    add: gives a parser its flags. values: by destination; those at their default are left out,
    but for the ones in `always`. KeyError for a value that no flag takes.
    """
    parser = _Recorder()
    add(parser)
    if unknown := set(values) - set(parser.actions):
        raise KeyError(f"No flag takes {', '.join(sorted(unknown))}.")
    words: list[str] = []
    for name, action in parser.actions.items():
        if name in values and (name in always or not _is_default(action, values[name])):
            words += _written(action, values[name])
    return words


def read_flags(
    add: Callable[[argparse.ArgumentParser], None], words: Sequence[str]
) -> argparse.Namespace:
    """What the flags that `add` defines say; the inverse of `flags_of`. InputError for others."""
    parser = _Recorder()
    add(parser)
    return parser.parse_args(words)


def _is_default(action: argparse.Action, value: Any) -> bool:
    if isinstance(action.default, list):
        return list(value or ()) == action.default
    return bool(value == action.default)


def _written(action: argparse.Action, value: Any) -> list[str]:
    flag = action.option_strings[0]
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag.removeprefix('--')}"]
    if not isinstance(value, list | tuple):
        return _pair(flag, str(value))
    texts = [str(each) for each in value]
    if action.nargs == "+":
        return [flag, *texts]
    return [word for text in texts for word in _pair(flag, text)]


def _pair(flag: str, text: str) -> list[str]:
    """Two words, but one where the text could be taken for a flag."""
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
