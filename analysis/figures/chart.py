"""A figure and the table it draws, kept together so that a download equals the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from analysis.figures.tables import csv_table


@dataclass(frozen=True, kw_only=True)
class Chart:
    """figure: what is drawn. table: the same numbers, column name -> values of equal length.

    alt: one sentence for those who cannot see the picture. least_width: pixels that its text needs;
    on a narrower screen it is scrolled.
    """

    figure: go.Figure
    table: Mapping[str, Sequence[Any]]
    alt: str
    least_width: int = 0

    def csv(self) -> bytes:
        """The table as UTF-8 CSV with a header line; floats in full precision."""
        return csv_table(self.table)
