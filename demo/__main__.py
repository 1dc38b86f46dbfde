"""`python -m demo`: make, evaluate and describe the demo model.

python -m demo reproduce --data DIR --out DIR --minutes 100    everything, from nothing
python -m demo tokenizer | corpus | train                      its steps, one by one
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from demo.card import write_card
from demo.corpus import Source
from demo.evaluate import Score
from demo.pruned import Cell, Plan, as_tables, measure_pruned
from demo.recipe import (
    TextPlan,
    held_out_texts,
    make_corpus,
    make_model,
    make_tokenizer,
    sources_of,
)
from demo.scoreboard import MODEL_FOLDER, as_text, evaluate, load
from demo.tokenizer import load_tokenizer, tokens_per_byte
from demo.train import TrainingPlan
from pruning.runs.workspace import Workspace


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
    _add_evaluation(commands.add_parser("evaluate", help="measure a model on all domains"))
    _add_pruned(commands.add_parser("pruned", help="prune for each domain, measure on all"))
    card = commands.add_parser("card", help="write the model card beside the weights")
    card.add_argument("--out", type=Path, required=True, help="the folder of the training")
    card.add_argument("--scores", type=Path, required=True, help="what evaluate --json printed")
    card.add_argument("--pruned", type=Path, help="what pruned --json printed")
    card.add_argument("--note", action="append", default=[], help="a sentence on this training")
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
    command.add_argument("--weights", type=Path, help="a model folder whose weights to begin with")
    command.add_argument("--device", default="cpu", help="cpu or cuda")
    command.add_argument("--batch-tokens", type=int, default=4096, help="tokens of one step")
    command.add_argument(
        "--compile", action="store_true", help="compile the model (a third faster; needs g++)"
    )


def _add_evaluation(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", type=Path, default=MODEL_FOLDER, help="a model folder")
    command.add_argument("--tasks", type=int, default=100, help="held-out tasks of each domain")
    command.add_argument("--data", type=Path, help="folder of data sets, for bits per byte")
    command.add_argument("--json", action="store_true", help="print the scores as JSON")


def _add_pruned(command: argparse.ArgumentParser) -> None:
    plan = Plan()
    command.add_argument("--model", type=Path, default=MODEL_FOLDER, help="a model folder")
    command.add_argument("--sparsity", type=float, nargs="+", default=plan.sparsities)
    command.add_argument("--seeds", type=int, nargs="+", default=plan.seeds)
    command.add_argument("--samples", type=int, default=plan.samples, help="of each domain")
    command.add_argument("--bytes", type=int, default=8_000, help="held-out text of each domain")
    command.add_argument("--tasks", type=int, default=0, help="held-out tasks of each domain")
    command.add_argument("--workspace", type=Path, help="folder for the calibration runs")
    command.add_argument("--json", action="store_true", help="print every cell as JSON")


def _pruned(arguments: argparse.Namespace) -> None:
    plan = Plan(
        sparsities=tuple(arguments.sparsity),
        seeds=tuple(arguments.seeds),
        samples=arguments.samples,
        tasks=arguments.tasks,
    )
    cells = measure_pruned(
        arguments.model,
        Workspace(arguments.workspace),
        held_out_texts(bytes_each=arguments.bytes),
        plan,
        report=_tell,
    )
    if arguments.json:
        print(json.dumps([asdict(cell) for cell in cells], indent=1))
    else:
        print(as_tables(cells))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _evaluate(arguments: argparse.Namespace) -> None:
    scores = evaluate(
        load(arguments.model), tasks=arguments.tasks, data=arguments.data, report=_tell
    )
    if arguments.json:
        print(json.dumps([asdict(score) for score in scores], indent=1))
    else:
        print(as_text(scores))


def _card(arguments: argparse.Namespace) -> None:
    scores = [Score(**fields) for fields in json.loads(arguments.scores.read_text("utf-8"))]
    cells = json.loads(arguments.pruned.read_text("utf-8")) if arguments.pruned else []
    pruned = [Cell(**fields) for fields in cells]
    folder = arguments.out / "model"
    rates = tokens_per_byte(load_tokenizer(folder), held_out_texts(bytes_each=100_000))
    write_card(folder, arguments.out, scores, rates, pruned=pruned, notes=arguments.note)


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
    make_model(
        arguments.out, plan, seed=arguments.seed, start=arguments.weights, device=arguments.device
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    arguments = parser().parse_args(words)
    try:
        single = {"train": _train, "evaluate": _evaluate, "pruned": _pruned, "card": _card}
        if arguments.command in single:
            single[arguments.command](arguments)
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
