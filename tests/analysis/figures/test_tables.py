"""Tables to take away: every number of the CSV, every character of the LaTeX."""

from __future__ import annotations

import csv
import io

import pytest

from analysis.figures.tables import cell, csv_table, escape, latex_table


def test_csv_keeps_full_precision() -> None:
    text = csv_table({"name": ["a, b", "c"], "value": [1 / 3, None]}).decode()
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"name": "a, b", "value": repr(1 / 3)},
        {"name": "c", "value": ""},
    ]


def test_latex_by_hand() -> None:
    said = latex_table({"pair_of": ["C & C++", "a_b"], "index": [0.5, None]}, "50% sparsity", "t")
    assert said == (
        "% needs \\usepackage{booktabs}\n"
        "\\begin{table}\n\\centering\n\\caption{50\\% sparsity}\n\\label{tab:t}\n"
        "\\begin{tabular}{lr}\n\\toprule\npair of & index \\\\\n\\midrule\n"
        "C \\& C++ & 0.5000 \\\\\na\\_b & -- \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def test_every_special_character_is_escaped() -> None:
    assert escape("\\ & % $ # _ { } ~ ^ < >") == (
        r"\textbackslash{} \& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{} "
        r"\textless{} \textgreater{}"
    )
    assert escape("␣ ⏎ ⇥ ≥ ≤ −") == (
        r"\textvisiblespace{} $\hookleftarrow$ $\mapsto$ $\geq$ $\leq$ $-$"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00001234, "1.2e-05"), (0.0, "0.0000"), (float("nan"), "--"), (7, "7"), (None, "--")],
)
def test_cells(value: float | None, shown: str) -> None:
    assert cell(value) == shown


def test_a_wide_table_is_scaled_to_the_page() -> None:
    wide = latex_table({f"c{number}": [number] for number in range(9)}, "wide", "w")
    assert r"\resizebox{\textwidth}{!}{%" in wide
    assert "graphicx" in wide.splitlines()[0]
    assert wide.count("{") == wide.count("}")
