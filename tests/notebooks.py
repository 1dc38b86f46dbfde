"""Notebooks run as a kernel would run them, in a process of its own, without Jupyter.

`python -m tests.notebooks FILE.ipynb` runs a notebook in an empty folder and writes its outputs.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def outputs_of(notebook: dict[str, Any], folder: Path) -> list[list[dict[str, Any]]]:
    """The outputs of every code cell, in order. folder: where it runs, with a workspace inside.

    Raises CalledProcessError where a cell fails; its traceback is on stderr.
    """
    sources = ["".join(cell["source"]) for cell in code_cells(notebook)]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SUBMODEL_ATLAS_WORKSPACE": str(folder / "workspace"),
        "HF_HUB_OFFLINE": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.notebooks", "--cells"],
        input=json.dumps(sources),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[list[dict[str, Any]]] = json.loads(ended.stdout.splitlines()[-1])
    return found


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that hold code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cells(sources: list[str]) -> list[list[dict[str, Any]]]:
    """Run the cells one after the other in one namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [_run(source, number, names) for number, source in enumerate(sources, start=1)]


def _run(source: str, number: int, names: dict[str, Any]) -> list[dict[str, Any]]:
    """What a cell prints, and the value of its last line if that is an expression."""
    tree = ast.parse(source, f"cell {number}")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            expression = compile(ast.Expression(last.value), f"cell {number}", "eval")
            value = eval(expression, names)  # noqa: S307
    found: list[dict[str, Any]] = []
    if printed.getvalue():
        found.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
        )
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data = {"text/html": _lines(value._repr_html_()), **data}
        found.append(
            {
                "data": data,
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return found


def _lines(text: str) -> list[str]:
    """As notebooks keep text."""
    return text.splitlines(keepends=True)


def write_outputs(file: Path) -> None:
    """Run a notebook and keep what it shows in the file."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    with TemporaryDirectory() as folder:
        found = outputs_of(notebook, Path(folder))
    for number, (cell, outputs) in enumerate(
        zip(code_cells(notebook), found, strict=True), start=1
    ):
        cell |= {"execution_count": number, "outputs": outputs}
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--cells"]:
        print(json.dumps(run_cells(json.load(sys.stdin))))
    else:
        write_outputs(Path(sys.argv[1]))
