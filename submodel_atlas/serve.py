"""`submodel-atlas serve`: the app, from any folder."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pruning.commands.console import Answer
from pruning.commands.options import add_workspace
from pruning.errors import AtlasError
from pruning.machine.paths import PROJECT_FOLDER, WORKSPACE_VARIABLE, is_checkout, workspace_folder
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`."""
    parser.add_argument("--port", type=int, default=8501, help="default: 8501")
    parser.add_argument(
        "--address",
        default="127.0.0.1",
        help="on which it listens; there are no accounts, so whoever reaches it may use it "
        "(default: 127.0.0.1)",
    )
    add_workspace(parser)
    parser.set_defaults(command=serve, json=False)


def serve(arguments: argparse.Namespace, report: Report) -> Answer:
    """Become the server's process, which runs until it is stopped."""
    app = app_file()
    os.environ[WORKSPACE_VARIABLE] = str(workspace_folder(arguments.workspace))
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *server_arguments(app, arguments)])


def server_arguments(app: Path, arguments: argparse.Namespace) -> list[str]:
    """What Python is started with. Streamlit finds the settings in .streamlit beside the app."""
    where = ["--server.address", arguments.address, "--server.port", str(arguments.port)]
    return ["-m", "streamlit", "run", str(app), *where]


def app_file() -> Path:
    """app.py: at the top of a checkout, else where the installation has put it."""
    app = PROJECT_FOLDER / "app.py" if is_checkout() else INSTALLED
    if not app.is_file():
        raise AtlasError(f"The installation lacks {app}; install Submodel Atlas again.")
    return app


INSTALLED = Path(__file__).resolve().parent / "server" / "app.py"  # see pyproject.toml
