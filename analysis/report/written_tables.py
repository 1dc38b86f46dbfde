"""The report's tables, and the numbers of its figures, as files: CSV, and LaTeX if they are short."""

from __future__ import annotations

from pathlib import Path

from analysis.figures.tables import csv_table, latex_table
from analysis.report.html import LATEX_ROWS, Figure
from analysis.report.sections import sections
from analysis.report.source import Source
from pruning.machine.storage import storage_errors


def write_tables(source: Source, folder: Path) -> list[Path]:
    """Write NAME.csv, and NAME.tex of up to `LATEX_ROWS` rows, for each; returns the paths.

    Raises AtlasError where the folder cannot be written.
    """
    paths = []
    with storage_errors(folder / "table"):
        folder.mkdir(parents=True, exist_ok=True)
        parts = [part for section in sections(source) for part in section.parts]
        for part in parts:
            if isinstance(part, str):
                continue
            columns = part.chart.table if isinstance(part, Figure) else part.columns
            paths.append(folder / f"{part.name}.csv")
            paths[-1].write_bytes(csv_table(columns))
            if len(next(iter(columns.values()))) <= LATEX_ROWS:
                paths.append(folder / f"{part.name}.tex")
                text = latex_table(columns, part.caption, part.name)
                paths[-1].write_text(text, encoding="utf-8")
    return paths
