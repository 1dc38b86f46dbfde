"""Tables to take away: CSV for programs, LaTeX with booktabs for papers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDE = 8  # columns; a wider table is scaled to the width of the text
ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "␣": r"\textvisiblespace{}",
    "⏎": r"$\hookleftarrow$",
    "⇥": r"$\mapsto$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "−": r"$-$",
}


def escape(text: str) -> str:
    """The text as LaTeX prints it: `a_b` -> `a\\_b`."""
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows that have the same keys as column name -> values; no rows have no columns."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def csv_table(table: Mapping[str, Sequence[Any]]) -> bytes:
    """Column name -> values as UTF-8 CSV with a header line; floats in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue().encode()


def latex_table(table: Mapping[str, Sequence[Any]], caption: str, label: str) -> str:
    """A `table` environment that needs the packages booktabs and, if wide, graphicx.

    table: column name -> values of equal length; numbers are set to the right, with 4 decimals.
    caption, label: plain text; the label becomes `tab:label`.
    """
    columns = list(table)
    sides = "".join("r" if is_number(values) else "l" for values in table.values())
    rows = zip(*table.values(), strict=True)
    body = [
        rf"\begin{{tabular}}{{{sides}}}",
        r"\toprule",
        _line(escape(name.replace("_", " ")) for name in columns),
        r"\midrule",
        *(_line(cell(value) for value in row) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if len(columns) > WIDE:
        body = [r"\resizebox{\textwidth}{!}{%", *body, "}"]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}"
            + (r" and \usepackage{graphicx}" if len(columns) > WIDE else ""),
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            rf"\label{{tab:{label}}}",
            *body,
            r"\end{table}",
            "",
        ]
    )


def cell(value: Any) -> str:
    """One value: text escaped, a number with 4 decimals, two dashes where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "--"
    if isinstance(value, float):
        small = 0 < abs(value) < 0.0001
        return f"{value:.1e}" if small else f"{value:.4f}"
    return escape(str(value))


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def is_number(values: Sequence[Any]) -> bool:
    """Whether a column holds numbers, which are set to the right; None counts as either."""
    there = [value for value in values if value is not None]
    return bool(there) and all(isinstance(value, int | float) for value in there)
