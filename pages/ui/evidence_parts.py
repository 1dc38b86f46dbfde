"""The part of the Overlap page that holds the yardsticks against every layer and projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.captions import about
from analysis.figures.domains import label
from pages.ui.charts import downloads, show, style
from pages.ui.pair_table import NUMBERS
from pages.ui.state import switch

if TYPE_CHECKING:
    from analysis.evidence.yardsticks import PairEvidence
    from analysis.figures.evidence_parts import Kind
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

KINDS: dict[Kind, str] = {"layer": "by layer", "projection": "by projection"}
SHOWN_FIRST = (
    "overlap",
    "ceiling",
    "chance",
    "index",
    "index_low",
    "index_high",
    "p",
    "adjusted_p",
)


def parts_section(
    run: Run, prune: PruneSpec, tested: tuple[PairEvidence, ...], pair: tuple[str, str]
) -> None:
    """Where the chosen pair is distinct, and every pair's yardsticks part by part."""
    from analysis.figures.evidence_parts import index_by_part
    from analysis.figures.sparsity import find_pair

    chosen = find_pair(tested, *pair)
    names = " and ".join(label(name) for name in pair)
    st.subheader(f"Where {names} are distinct", anchor=False)
    for column, kind in zip(st.columns(2, gap="large"), KINDS, strict=True):
        with column:
            chart = index_by_part(chosen, kind, style())
            show(chart, f"distinctness-by-{kind}", about=about(run, prune))
    st.caption(
        "Bars: 95% intervals. A hollow dot: p of 0.05 or more, adjusted for the number of layers "
        "or projections (Benjamini-Hochberg). Point at a dot for all of its yardsticks."
    )
    with st.expander("Every pair, part by part, as a table", icon=":material/table_rows:"):
        _table(run, prune, tested)


def _table(run: Run, prune: PruneSpec, tested: tuple[PairEvidence, ...]) -> None:
    from analysis.figures.evidence_parts import parts_of, parts_table

    chosen = switch("Yardsticks", list(KINDS), "parts", format_func=dict(KINDS).__getitem__)
    kind: Kind = "layer" if chosen == "layer" else "projection"
    columns = parts_table(tested, kind)
    pairs = [
        f"{label(pair.domain_a)} · {label(pair.domain_b)}"
        for pair in tested
        for _ in parts_of(pair, kind)
    ]
    numbers = [*SHOWN_FIRST, *(name for name in list(columns)[3:] if name not in SHOWN_FIRST)]
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(
            name.replace("_", " "),
            help=NUMBERS.get(name, "Standard error that the sample of rows brings."),
            format="%.4f",
            width="small",
        )
        for name in numbers
    }
    shown = {"pair": pairs, **{name: columns[name] for name in (kind, *numbers)}}
    st.dataframe(shown, hide_index=True, column_config=config)
    with st.container(horizontal=True, gap="small"):
        title = f"The yardsticks {KINDS[kind]}."
        downloads(columns, title, f"yardsticks-by-{kind}", about(run, prune))
