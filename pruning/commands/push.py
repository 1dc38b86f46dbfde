"""`python -m pruning push`: upload an exported sub-model to the hub, on request only."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.errors import InputError
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `push`."""
    parser.add_argument(
        "--export",
        metavar="NAME",
        required=True,
        help="an export of the workspace, or an exported folder's path",
    )
    parser.add_argument(
        "--repo", metavar="USER/NAME", required=True, help="the new repository on the hub"
    )
    parser.add_argument("--private", action="store_true", help="only you can see it there")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be uploaded, and upload nothing"
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=push)


def push(arguments: argparse.Namespace, report: Report) -> Answer:
    """List what goes, and unless it is a dry run, upload it."""
    from pruning.exports.publishing import plan_upload, upload

    folder = _folder(arguments)
    plan = plan_upload(folder, arguments.repo, private=arguments.private)
    table = Table()
    table.add_column("file")
    table.add_column("bytes", justify="right")
    for name, size in plan.files.items():
        table.add_row(name, f"{size:,}")
    total = f"{len(plan.files)} files, {plan.bytes / 1e6:,.1f} MB"
    if arguments.dry_run:
        return Answer(
            data={**plan.to_json(), "uploaded": False},
            shown=[table, f"Nothing was uploaded. {arguments.repo} would get {total}."],
        )
    address = upload(folder, arguments.repo, private=arguments.private, report=report)
    return Answer(
        data={**plan.to_json(), "uploaded": True, "commit": address},
        shown=[table, f"{arguments.repo} has {total}: {address}"],
    )


def _folder(arguments: argparse.Namespace) -> Path:
    named = workspace_of(arguments).exports_folder / arguments.export
    for folder in (named, Path(arguments.export)):
        if folder.is_dir():
            return folder.resolve()
    raise InputError(
        f"There is no export {arguments.export}; look on the Export page, or give a folder's path."
    )
