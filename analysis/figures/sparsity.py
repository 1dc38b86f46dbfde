"""Evidence along the sparsity axis: one pair's yardsticks, and the index of every pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from analysis.evidence.yardsticks import PairEvidence, Yardsticks
from analysis.figures.chart import Chart
from analysis.figures.domains import label
from analysis.figures.evidence import YARDSTICKS
from analysis.figures.look import Look, dress

AtSparsities = Mapping[float, Sequence[PairEvidence]]


def find_pair(pairs: Sequence[PairEvidence], a: str, b: str) -> PairEvidence:
    """The evidence of two domains, in either order; LookupError if it is not there."""
    for pair in pairs:
        if {pair.domain_a, pair.domain_b} == {a, b}:
            return pair
    raise LookupError(f"There is no evidence of {a} and {b}.")


def yardstick_lines(found: AtSparsities, pair: tuple[str, str], style: Look) -> Chart:
    """One pair at several sparsities: ceiling, cross and chance; the gap is what is distinct.

    Beside them the overlap with the mask of magnitudes alone, mean of the two domains.
    """
    whole = [find_pair(found[at], *pair).whole for at in sorted(found)]
    figure = go.Figure()
    lines = (
        ("two draws of one domain", [each.ceiling for each in whole], style.categories[0], "solid"),
        ("halves of these two", [each.cross for each in whole], style.categories[1], "solid"),
        (
            "with magnitudes alone",
            [(each.magnitude_a + each.magnitude_b) / 2 for each in whole],
            style.muted,
            "dash",
        ),
        ("by chance", [each.chance for each in whole], style.muted, "dot"),
    )
    for name, values, colour, dash in lines:
        figure.add_scatter(
            x=sorted(found),
            y=values,
            mode="lines+markers" if dash == "solid" else "lines",
            name=name,
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 6},
            hovertemplate=f"{name}, at %{{x:.0%}} sparsity: %{{y:.4f}}<extra></extra>",
        )
    dress(figure, style, height=340)
    figure.update_xaxes(title_text="sparsity", tickformat=".0%")
    figure.update_yaxes(title_text="Jaccard overlap", tickformat=".2f")
    return Chart(
        figure=figure,
        table={"sparsity": sorted(found), **_columns(whole)},
        alt=f"Ceiling, cross-domain overlap and chance level of {label(pair[0])} and "
        f"{label(pair[1])} at {len(found)} sparsities.",
    )


def index_lines(found: AtSparsities, pair: tuple[str, str] | None, style: Look) -> Chart:
    """The distinctness index of every pair at several sparsities; `pair` with its interval."""
    at = sorted(found)
    figure = go.Figure()
    keys = [(each.domain_a, each.domain_b) for each in found[at[0]]]
    keys.sort(key=lambda key: pair is not None and set(key) == set(pair))  # drawn last, on top
    for a, b in keys:
        chosen = pair is not None and {a, b} == set(pair)
        whole = [find_pair(found[sparsity], a, b).whole for sparsity in at]
        figure.add_scatter(
            x=at,
            y=[each.index for each in whole],
            error_y={
                "type": "data",
                "array": [each.index_high - each.index for each in whole],
                "visible": chosen,
                "thickness": 1.5,
                "width": 4,
            },
            mode="lines+markers",
            name=f"{label(a)} · {label(b)}" if chosen else "every other pair",
            showlegend=chosen,
            line={
                "color": style.categories[0] if chosen else style.muted,
                "width": 2.5 if chosen else 1,
            },
            marker={"size": 6 if chosen else 3},
            opacity=1.0 if chosen or pair is None else 0.55,
            hovertemplate=f"<b>{label(a)} · {label(b)}</b><br>at %{{x:.0%}} sparsity<br>"
            "index %{y:.3f}<extra></extra>",
        )
    dress(figure, style, height=340)
    figure.update_xaxes(title_text="sparsity", tickformat=".0%")
    figure.update_yaxes(title_text="distinctness index", rangemode="tozero", tickformat=".2~f")
    rows = [(sparsity, each) for sparsity in at for each in found[sparsity]]
    return Chart(
        figure=figure,
        table={
            "sparsity": [sparsity for sparsity, _ in rows],
            "domain_a": [each.domain_a for _, each in rows],
            "domain_b": [each.domain_b for _, each in rows],
            **_columns([each.whole for _, each in rows]),
        },
        alt=f"The distinctness index of {len(keys)} pairs of domains at {len(at)} sparsities.",
    )


def _columns(whole: Sequence[Yardsticks]) -> dict[str, list[float]]:
    return {name: [getattr(each, name) for each in whole] for name in YARDSTICKS}
