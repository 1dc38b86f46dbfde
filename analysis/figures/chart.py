"""A figure and the table it draws, kept together so that a download equals the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from analysis.tables import csv_table


@dataclass(frozen=True, kw_only=True)
class Chart:
    """figure: what is drawn. table: the same numbers, column name -> values of equal length.

    alt: one sentence for those who cannot see the picture.
    """

    figure: go.Figure
    table: Mapping[str, Sequence[Any]]
    alt: str

    def csv(self) -> bytes:
        """The table as UTF-8 CSV with a header line; floats in full precision."""
        return csv_table(self.table)
