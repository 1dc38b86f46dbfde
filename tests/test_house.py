"""The order of the rooms: what comes first in the flow imports nothing of what comes after."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The rooms of pruning/ in the order of the flow; `errors` and `progress` lie below them all.
FLOW = (
    "specs",
    "machine",
    "domains",
    "checkpoints",
    "models",
    "runs",
    "calibration",
    "masks",
    "repair",
    "narrowing",
    "exports",
    "jobs",
    "commands",
)
BELOW = {"errors", "progress"}


def imported(file: Path) -> set[str]:
    """The modules that a file imports anywhere, dotted, with the names taken from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_seen(package: str) -> dict[str, set[str]]:
    """Each room of a package (a folder, or a module at its top) -> the other rooms it imports."""
    seen: dict[str, set[str]] = {}
    for file in (ROOT / package).rglob("*.py"):
        room = file.relative_to(ROOT / package).parts[0].removesuffix(".py")
        parts = [name.split(".") for name in imported(file)]
        others = {part[1] for part in parts if part[0] == package and len(part) > 1}
        seen.setdefault(room, set()).update(others - {room})
    return seen


def test_every_room_of_pruning_has_its_place_in_the_flow() -> None:
    folders = {path.parent.name for path in (ROOT / "pruning").glob("*/__init__.py")}
    assert folders == set(FLOW)


@pytest.mark.parametrize("room", FLOW)
def test_no_room_of_pruning_imports_a_later_one(room: str) -> None:
    earlier = {*FLOW[: FLOW.index(room)], *BELOW}
    assert rooms_seen("pruning")[room] <= earlier


def test_the_rooms_of_analysis_form_no_circle() -> None:
    order = list(TopologicalSorter(rooms_seen("analysis")).static_order())
    assert order.index("figures") < order.index("report") < order.index("commands")


@pytest.mark.process
def test_the_machine_room_imports_no_numpy() -> None:
    """The processor is chosen before numpy is imported, which chooses then."""
    code = "import sys, pruning.machine; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
