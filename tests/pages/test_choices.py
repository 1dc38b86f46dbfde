"""Choices that pages share: one meaning for a name in the address, and one order of what is chosen."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pages
from pages.ui.library import queue
from pruning.runs.run import Run
from tests.pages.conftest import Open, healthy

KEY_AND_DEFAULT = {"number": (1, 2), "slide": (3, 4)}  # places among the arguments


def defaults_of_keys() -> dict[str, set[str]]:
    """Name in the address -> the defaults that pages give it."""
    found = defaultdict(set)
    for path in Path(pages.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                key, default = KEY_AND_DEFAULT.get(node.func.id, (0, 0))
                if key and isinstance(name := node.args[key], ast.Constant):
                    found[name.value].add(ast.unparse(node.args[default]))
    return found


def test_a_number_s_name_has_one_default_whatever_page_asks_for_it() -> None:
    found = defaults_of_keys()
    assert {"samples", "task-samples", "length", "answer-length", "sparsity"} <= set(found)
    assert {name: defaults for name, defaults in found.items() if len(defaults) > 1} == {}


def test_a_number_of_one_page_is_not_another_page_s(run: Run, open_page: Open) -> None:
    app = healthy(open_page("calibrate"))
    assert app.number_input(key="samples").value > 1
    app.switch_page("pages/evaluate.py")
    assert healthy(app.run()).number_input(key="task-samples").value == 1


def test_the_order_of_clicks_does_not_matter(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap"))
    app.multiselect(key="layers").set_value([1, 0])
    app.multiselect(key="projections").set_value(["up_proj", "q_proj"])
    healthy(app.run())
    next(b for b in app.button if b.label == "Test the differences").click()
    healthy(app.run())
    argv = queue().list()[0].argv
    assert argv[argv.index("--layers") + 1] == "0,1"
    assert argv[argv.index("--projections") + 1] == "q_proj,up_proj"
