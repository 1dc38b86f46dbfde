"""The distinctness index of every pair of domains, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from analysis.evidence.findings import CLEAR
from analysis.evidence.yardsticks import PairEvidence, Yardsticks
from analysis.figures.chart import Chart
from analysis.figures.domains import label
from analysis.figures.look import Look, dress

ROW_HEIGHT, FRAME_HEIGHT = 27, 70  # pixels
YARDSTICKS = (
    "overlap",
    "overlap_se",
    "ceiling",
    "ceiling_se",
    "cross",
    "cross_se",
    "chance",
    "index",
    "index_low",
    "index_high",
    "index_se",
    "unlimited_index",
    "magnitude_a",
    "magnitude_b",
    "p",
    "adjusted_p",
)


def index_chart(pairs: Sequence[PairEvidence], style: Look) -> Chart:
    """One row a pair, the most distinct on top; hollow where adjusted p is not small."""
    ordered = sorted(pairs, key=lambda pair: pair.whole.index)
    names = [f"{label(pair.domain_a)} · {label(pair.domain_b)}" for pair in ordered]
    whole = [pair.whole for pair in ordered]
    clear = [each.adjusted_p < CLEAR for each in whole]
    figure = go.Figure()
    figure.add_scatter(
        x=[each.index for each in whole],
        y=names,
        mode="markers",
        marker={
            "size": 7,
            "color": [style.categories[0] if seen else "rgba(0,0,0,0)" for seen in clear],
            "line": {"color": style.categories[0], "width": 2},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.index_high - each.index for each in whole],
            "arrayminus": [each.index - each.index_low for each in whole],
            "color": style.muted,
            "thickness": 1.5,
            "width": 5,
        },
        text=[f"overlap {each.overlap:.4f}<br>{under_the_pointer(each)}" for each in whole],
        hovertemplate="<b>%{y}</b><br>%{text}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": style.muted, "width": 1, "dash": "dot"})
    dress(figure, style, FRAME_HEIGHT + ROW_HEIGHT * len(ordered))
    figure.update_xaxes(title_text="distinctness index", rangemode="tozero", tickformat=".2~f")
    figure.update_yaxes(showgrid=False)
    most = ordered[-1]
    return Chart(
        figure=figure,
        table=evidence_table(pairs),
        alt=f"The distinctness index of {len(pairs)} pairs of domains; the most distinct are "
        f"{label(most.domain_a)} and {label(most.domain_b)} with {most.whole.index:.2f}.",
    )


def under_the_pointer(row: Yardsticks) -> str:
    """Every yardstick but the overlap itself, as lines of HTML."""
    return (
        f"ceiling: two draws of one domain {row.ceiling:.4f}<br>"
        f"cross: halves of these two {row.cross:.4f}<br>"
        f"chance: independent masks {row.chance:.4f}<br>"
        f"with the mask of magnitudes alone {row.magnitude_a:.4f}, {row.magnitude_b:.4f}<br>"
        f"index {row.index:.3f} (95% {row.index_low:.3f} to {row.index_high:.3f})<br>"
        f"with unlimited text {row.unlimited_index:.3f}<br>"
        f"p = {row.p:.2g}, adjusted {row.adjusted_p:.2g}"
    )


def evidence_table(pairs: Sequence[PairEvidence]) -> dict[str, list[object]]:
    """Every yardstick of every pair, for the whole model: column name -> values."""
    return {
        "domain_a": [pair.domain_a for pair in pairs],
        "domain_b": [pair.domain_b for pair in pairs],
        **{name: [getattr(pair.whole, name) for pair in pairs] for name in YARDSTICKS},
    }
