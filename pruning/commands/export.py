"""`python -m pruning export`: the sub-model for a domain or mixture, as a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_workspace,
    workspace_of,
)
from pruning.commands.submodel_choice import add_choice, spec_of
from pruning.progress import Report

if TYPE_CHECKING:
    from pruning.exports.planning import ExportPlan, NarrowPlan
    from pruning.runs.run import Run
    from pruning.specs import ExportSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `export`."""
    add_choice(parser)
    parser.add_argument(
        "--form",
        choices=("plain", "sparse-bitmask", "gguf"),
        default="plain",
        help="plain, which transformers loads; stored small; or one file for llama.cpp, Ollama and "
        "LM Studio (default: plain)",
    )
    add_quant(parser)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the new folder to write"
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=lambda arguments, report: export(arguments, parser, report))


def export(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report
) -> Answer:
    """Write the sub-model."""
    spec = spec_of(arguments, parser)
    from pruning.exports import writing as library

    run = workspace_of(arguments).run(spec.run)
    if arguments.form == "gguf":
        return _gguf(run, spec, arguments, report)
    result = library.export(run, spec, arguments.out, report, arguments.form)
    return Answer(
        data=result.to_json(), shown=[f"The sub-model is in {result.folder}", summary(result.plan)]
    )


def _gguf(run: Run, spec: ExportSpec, arguments: argparse.Namespace, report: Report) -> Answer:
    """Write the sub-model as a GGUF file, by way of a plain folder that is not kept."""
    from pruning.exports.gguf.exporting import export_gguf
    from pruning.exports.gguf.folders import chats
    from pruning.exports.gguf.running import run_lines

    result, plan = export_gguf(run, spec, arguments.out, arguments.quant, report)
    lines = run_lines(result.folder.name, result.file, chats(run.model_folder()))
    return Answer(
        data={"path": str(result.folder), "file": result.file, "bytes": result.bytes},
        shown=[
            f"The sub-model is in {result.folder / result.file}: {result.bytes / 1e6:,.1f} MB.",
            summary(plan),
            "Run it there:",
            *lines,
        ],
    )


def add_quant(parser: argparse.ArgumentParser) -> None:
    """--quant, the number format of a GGUF file."""
    parser.add_argument(
        "--quant",
        metavar="FORMAT",
        default="q8_0",
        help="of a GGUF file: f32, f16, bf16, q8_0, q5_0 or q4_0; with llama-cpp-python installed "
        "q6_k, q5_k_m, q4_k_m or q3_k_m, too (default: q8_0)",
    )


def summary(plan: ExportPlan) -> Table:
    """What is or will be written, for a person."""
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_row("parameters", f"{plan.parameters:,}")
    if plan.narrow is not None:
        _add_narrow(table, plan.narrow)
        table.add_row("size of the weight files", f"{plan.bytes / 1e6:,.2f} MB")
    if not plan.weights:
        return table
    table.add_row("kept", f"{plan.kept:,}")
    table.add_row("pruned", f"{plan.pruned:,}")
    table.add_row("sparsity of the whole model", f"{plan.sparsity:.2%}")
    table.add_row("sparsity of the chosen weights", f"{plan.prunable_sparsity:.2%}")
    if plan.left_dense:
        table.add_row("matrices of starved experts, left dense", f"{len(plan.left_dense):,}")
    if plan.narrow is None:
        table.add_row("size of the plain weight files", f"{plan.bytes / 1e6:,.1f} MB")
    table.add_row("the same as sparse-bitmask", f"{plan.compressed_bytes / 1e6:,.1f} MB")
    return table


def _add_narrow(table: Table, narrow: NarrowPlan) -> None:
    table.add_row("parameters of the base model", f"{narrow.base_parameters:,}")
    for field, (before, after) in narrow.config.items():
        if before != after and not isinstance(after, list):
            table.add_row(field, f"{after} (was {before})")
    table.add_row("size of the base's weight files", f"{narrow.base_bytes / 1e6:,.2f} MB")
