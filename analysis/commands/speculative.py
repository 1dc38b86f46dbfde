"""`python -m analysis speculative`: sub-models as drafts of the dense model, measured by domain."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `speculative`."""
    parser.add_argument("--model", default="demo", help="the dense model (default: demo)")
    parser.add_argument(
        "--draft",
        metavar="DIR",
        type=Path,
        action="append",
        required=True,
        help="an exported folder, plain; several may be given",
    )
    parser.add_argument(
        "--domain", action="append", required=True, help="a built-in domain; several may be given"
    )
    for flag, value, what in (
        ("--prompts", 8, "held-out texts a domain"),
        ("--prompt-tokens", 48, "tokens of each that are read"),
        ("--new-tokens", 64, "tokens written after them"),
        ("--ahead", 4, "tokens drafted before the dense model reads them"),
    ):
        parser.add_argument(flag, type=int, default=value, help=f"{what} (default: {value})")
    add_json(parser)
    parser.set_defaults(command=speculative)


def speculative(arguments: argparse.Namespace, report: Report) -> Answer:
    """Every draft on every domain."""
    from analysis.savings.speculative import Drafting, measure
    from pruning.models.loading import load_model
    from pruning.specs import ModelSpec

    work = Drafting(
        prompts=arguments.prompts,
        prompt_tokens=arguments.prompt_tokens,
        new_tokens=arguments.new_tokens,
        ahead=arguments.ahead,
    )
    dense = load_model(ModelSpec(source=arguments.model), report)
    found = []
    for folder in arguments.draft:
        draft = load_model(ModelSpec(source=str(folder)), report)
        found += [
            measure(dense, draft, folder.name, domain, work, report)
            for domain in dict.fromkeys(arguments.domain)
        ]
    table = Table()
    for heading in ("draft", "domain", "accepted", "speed beside plain", "equal answers"):
        table.add_column(heading, justify="left" if heading in ("draft", "domain") else "right")
    for each in found:
        table.add_row(
            each.draft,
            each.domain,
            f"{each.share:.1%} of {each.drafted:,}",
            f"{each.speed:.2f} x",
            f"{each.equal} of {each.prompts}",
        )
    rows = [{**asdict(each), "share": each.share, "speed": each.speed} for each in found]
    return Answer(data={"work": asdict(work), "drafts": rows}, shown=[table])
