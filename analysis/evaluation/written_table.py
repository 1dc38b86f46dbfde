"""The table of an experiment as text, CSV and LaTeX: dense on top, the best of each column marked."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from analysis.evaluation import published
from analysis.evaluation.measures import measure
from analysis.evaluation.table import EvaluationTable, Result

LATEX_SPECIAL = str.maketrans({letter: f"\\{letter}" for letter in "_%&#$"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A value, its 95% interval if there is one, and whether it is the best of its column."""

    value: float
    interval: tuple[float, float] | None
    best: bool


@dataclass(frozen=True, kw_only=True)
class WrittenTable:
    """Rows are what a mask was calibrated on, dense first; columns what it was measured on.

    headings: (name, measure) of each column. rows: name -> an entry a column, None if empty.
    """

    caption: str
    headings: tuple[tuple[str, str], ...]
    rows: Mapping[str, tuple[Entry | None, ...]]

    @classmethod
    def of(cls, table: EvaluationTable, sparsity: float, caption: str) -> Self:
        """The table of one sparsity, with every measure as a column of its own."""
        results = table.select(sparsity=sparsity)
        headings = tuple(dict.fromkeys((r.column.name, r.measure) for r in results))
        found = {(r.source.title, r.column.name, r.measure): r for r in results}
        titles = dict.fromkeys(result.source.title for result in results)
        return cls(
            caption=caption,
            headings=headings,
            rows={
                title: tuple(_entry(found.get((title, *heading))) for heading in headings)
                for title in titles
            },
        )

    @classmethod
    def published(cls) -> Self:
        """The table of the paper (see `published`)."""
        best = [
            max(values[i] for name, values in published.ROWS.items() if name != "dense")
            for i in range(len(published.COLUMNS))
        ]
        return cls(
            caption=published.CAPTION,
            headings=tuple((name, "") for name in published.COLUMNS),
            rows={
                name: tuple(
                    Entry(value=value, interval=None, best=name != "dense" and value == best[i])
                    for i, value in enumerate(values)
                )
                for name, values in published.ROWS.items()
            },
        )

    def as_text(self) -> str:
        """Aligned columns; * marks the best of each."""
        lines = [["calibrated on", *(_heading(each, " ") for each in self.headings)]]
        lines += [[name, *map(_plain, entries)] for name, entries in self.rows.items()]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        body = [
            "  ".join(
                cell.ljust(width) if number == 0 else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return "\n".join([self.caption, "", body[0], "-" * len(body[0]), *body[1:]]) + "\n"

    def as_csv(self) -> str:
        """One line for each value: calibrated on, measured on, measure, value, interval, best."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("calibrated_on", "measured_on", "measure", "value", "low", "high", "best"))
        for name, entries in self.rows.items():
            for heading, entry in zip(self.headings, entries, strict=True):
                if entry is not None:
                    low, high = entry.interval or ("", "")
                    writer.writerow((name, *heading, entry.value, low, high, entry.best))
        return text.getvalue()

    def as_latex(self) -> str:
        """A booktabs table; the best of each column is bold, intervals are small below."""
        head = " & ".join(_latex(_heading(each, ", ")) for each in self.headings)
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(self.caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(self.headings)}}}",
            r"\toprule",
            rf"calibrated on & {head} \\",
            r"\midrule",
        ]
        for number, (name, entries) in enumerate(self.rows.items()):
            lines.append(" & ".join([_latex(name), *map(_latex_entry, entries)]) + r" \\")
            if number == 0:
                lines.append(r"\midrule")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _entry(result: Result | None) -> Entry | None:
    if result is None:
        return None
    found = result.estimate
    ends = (found.low, found.high) if found.has_interval else None
    return Entry(value=found.value, interval=ends, best=result.best)


def _heading(heading: Sequence[str], between: str) -> str:
    name, what = heading
    if not what:
        return name
    unit = measure(what).unit
    return f"{name}{between}{what}" + (f" {unit}" if unit else "")


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def _plain(entry: Entry | None) -> str:
    if entry is None:
        return ""
    ends = (
        f" [{_number(entry.interval[0])}, {_number(entry.interval[1])}]" if entry.interval else ""
    )
    return f"{'*' if entry.best else ''}{_number(entry.value)}{ends}"


def _latex(text: str) -> str:
    return text.translate(LATEX_SPECIAL)


def _latex_entry(entry: Entry | None) -> str:
    if entry is None:
        return ""
    value = rf"\textbf{{{_number(entry.value)}}}" if entry.best else _number(entry.value)
    if entry.interval is None:
        return value
    low, high = map(_number, entry.interval)
    return rf"{value} {{\scriptsize [{low}, {high}]}}"
