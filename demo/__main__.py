"""`python -m demo`: make, evaluate and describe the demo model.

python -m demo reproduce --data DIR --out DIR --minutes 100    everything, from nothing
python -m demo tokenizer | corpus | train                      its steps, one by one
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.corpus import Source
from demo.recipe import TextPlan, make_corpus, make_model, make_tokenizer, sources_of
from demo.train import TrainingPlan


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="python -m demo", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(dest="command", required=True)
    for name, text in (
        ("tokenizer", "train the tokenizer"),
        ("corpus", "collect and encode the training text"),
        ("train", "train the model, or go on where training stopped"),
        ("reproduce", "all three steps"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--out", type=Path, required=True, help="folder for everything made")
        command.add_argument("--seed", type=int, default=0)
        if name != "train":
            _add_text(command)
        if name in ("corpus", "reproduce"):
            command.add_argument(
                "--corpus-tokens", type=int, default=24_000_000, help="tokens of training text"
            )
        if name in ("train", "reproduce"):
            _add_training(command)
    return top


def _add_text(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, help="folder of data sets (<domain>_<set>.jsonl)")
    command.add_argument(
        "--node-modules", type=Path, action="append", default=[], help="a folder of npm packages"
    )
    command.add_argument(
        "--no-source-code", action="store_true", help="do not search this machine for source code"
    )


def _add_training(command: argparse.ArgumentParser) -> None:
    command.add_argument("--minutes", type=float, help="budget of training time")
    command.add_argument("--tokens", type=int, help="budget of training tokens")
    command.add_argument("--device", default="cpu", help="cpu or cuda")
    command.add_argument("--batch-tokens", type=int, default=4096, help="tokens of one step")
    command.add_argument(
        "--compile", action="store_true", help="compile the model (a third faster; needs g++)"
    )


def _sources(arguments: argparse.Namespace) -> list[Source]:
    return sources_of(
        TextPlan(
            data=arguments.data,
            node_modules=tuple(arguments.node_modules),
            source_code=not arguments.no_source_code,
            seed=arguments.seed,
        )
    )


def _train(arguments: argparse.Namespace) -> None:
    plan = TrainingPlan(
        minutes=arguments.minutes,
        tokens=arguments.tokens,
        batch_tokens=arguments.batch_tokens,
        compile=arguments.compile,
    )
    make_model(arguments.out, plan, seed=arguments.seed, device=arguments.device)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    arguments = parser().parse_args(words)
    try:
        if arguments.command == "train":
            _train(arguments)
            return 0
        sources = _sources(arguments)
        if arguments.command in ("tokenizer", "reproduce"):
            make_tokenizer(sources, arguments.out)
        if arguments.command in ("corpus", "reproduce"):
            make_corpus(sources, arguments.out, tokens=arguments.corpus_tokens, seed=arguments.seed)
        if arguments.command == "reproduce":
            _train(arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
