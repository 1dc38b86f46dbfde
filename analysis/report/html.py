"""Pieces of HTML: sections, tables with their downloads, figures that need nothing but this page."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly

from analysis.figures.chart import Chart
from analysis.figures.tables import cell, csv_table, is_number, latex_table

FIGURE_WIDTH = 700  # pixels; as wide as the text, on screen and on A4 paper
LATEX_ROWS = 60  # a longer table is no table for a paper


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its caption and the downloads of its numbers; drawn by the page's script.

    name: of its files, and what links to it.
    """

    chart: Chart
    name: str
    caption: str

    def drawn(self) -> go.Figure:
        """The chart in the report's width and on its white paper."""
        drawn = go.Figure(self.chart.figure)
        return drawn.update_layout(width=FIGURE_WIDTH, paper_bgcolor="white")

    @property
    def html(self) -> str:
        """The figure, its data beside it."""
        drawn = self.drawn()
        data = to_json_plotly(drawn).replace("<", "\\u003c")
        return (
            f'<figure id="figure-{self.name}"><div class="plot" data-name="{self.name}" role="img" '
            f'aria-label="{escape(self.chart.alt)}" style="height:{drawn.layout.height}px"></div>'
            f'<script type="application/json">{data}</script>'
            f"<figcaption>{escape(self.caption, quote=False)} "
            f"{downloads(self.chart.table, self.caption, self.name)}</figcaption></figure>"
        )


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its caption and downloads. columns: name -> values, all of one length.

    name: of its files. Numbers are set to the right.
    """

    columns: Mapping[str, Sequence[Any]]
    name: str
    caption: str

    @property
    def html(self) -> str:
        """The table, below its caption."""
        numeric = [is_number(values) for values in self.columns.values()]

        def row(values: Iterable[str], tag: str) -> str:
            kinds = (" class='number'" if number else "" for number in numeric)
            cells = (f"<{tag}{k}>{v}</{tag}>" for v, k in zip(values, kinds, strict=True))
            return f"<tr>{''.join(cells)}</tr>"

        head = row((escape(column.replace("_", " ")) for column in self.columns), "th")
        body = "".join(
            row((_shown(value) for value in values), "td")
            for values in zip(*self.columns.values(), strict=True)
        )
        return (
            f"<figure class='table'><figcaption>{escape(self.caption, quote=False)} "
            f"{downloads(self.columns, self.caption, self.name)}</figcaption>"
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table></figure>"
        )


@dataclass(frozen=True, kw_only=True)
class Data:
    """A table that is too long to read: its caption and downloads alone, and not on paper."""

    columns: Mapping[str, Sequence[Any]]
    name: str
    caption: str

    @property
    def html(self) -> str:
        """One line."""
        links = downloads(self.columns, self.caption, self.name)
        return f"<p class='download-line'>{escape(self.caption, quote=False)} {links}</p>"


Part = str | Figure | Table | Data


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report. name: its heading. parts: what follows: markup, figures, tables."""

    name: str
    parts: Sequence[Part]

    @property
    def html(self) -> str:
        """The parts, without the heading."""
        return "".join(part if isinstance(part, str) else part.html for part in self.parts)

    @property
    def anchor(self) -> str:
        """What links to it."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def heading(text: str) -> str:
    """A heading inside a section."""
    return f"<h3>{escape(text, quote=False)}</h3>"


def paragraph(text: str, kind: str = "") -> str:
    """Plain text as a paragraph, of a class if one is named."""
    return f"<p{f' class={kind!r}' if kind else ''}>{escape(text, quote=False)}</p>"


def listing(lines: Iterable[str]) -> str:
    """Plain text lines as a list."""
    return f"<ul>{''.join(f'<li>{escape(line, quote=False)}</li>' for line in lines)}</ul>"


def code(text: str) -> str:
    """Commands to copy."""
    return f"<pre><code>{escape(text, quote=False)}</code></pre>"


def downloads(columns: Mapping[str, Sequence[Any]], caption: str, name: str) -> str:
    """Links that carry a table in themselves: as CSV and, if it is short, as LaTeX."""
    links = [_link("CSV", f"{name}.csv", "text/csv", csv_table(columns))]
    if len(next(iter(columns.values()))) <= LATEX_ROWS:
        latex = latex_table(columns, caption, name).encode()
        links.append(_link("LaTeX", f"{name}.tex", "text/x-tex", latex))
    return f"<span class='downloads'>{' '.join(links)}</span>"


def _link(name: str, file: str, kind: str, data: bytes) -> str:
    encoded = base64.b64encode(data).decode()
    return f'<a download="{escape(file)}" href="data:{kind};base64,{encoded}">{name}</a>'


def _shown(value: Any) -> str:
    """As in the LaTeX table, without its escapes."""
    return escape(value) if isinstance(value, str) else cell(value).replace("--", "–")
