"""Overlap: how much the weights that two domains keep have in common, against chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.captions import about
from analysis.figures.domains import label
from analysis.figures.overlap import (
    chance_matrix,
    layer_by_projection,
    layer_lines,
    overlap_matrix,
    sparsity_lines,
)
from pages.ui.charts import downloads, show, style
from pages.ui.choices import choose_pair, choose_parts, choose_pruning, choose_run, choose_sets
from pages.ui.counting import overlaps_counted
from pages.ui.evidence_view import evidence_section, hint, known
from pages.ui.frame import go, title
from pages.ui.library import overlap
from pages.ui.pair_table import pair_columns, pair_table
from pages.ui.parts_view import (
    choose_of,
    counted_parts,
    owners_section,
    parts_evidence,
    tested_parts,
)
from pages.ui.report import report_section
from pages.ui.words import glossary
from pruning.specs import PruneSpec

if TYPE_CHECKING:
    from analysis.evidence.yardsticks import PairEvidence
    from analysis.overlap.owners import Owners
    from analysis.overlap.table import OverlapTable
    from pruning.runs.run import Run


WHY = {
    "weights": "Weights that are large everywhere push all real overlaps far above it.",
    "channels": "Channels compete within their layer, by the energy that each sends on.",
    "heads": "With few heads in a layer, one that changes places is much of the overlap.",
    "layers": "Layers compete with each other, by the energy that each adds to the hidden states.",
}


def draw() -> None:
    """The whole page."""
    title(
        "Overlap",
        "Do two domains need the same weights? Each cell is the Jaccard overlap of two domains' "
        "masks: of the weights that either one keeps, the share that both keep.",
    )
    run = choose_run()
    with st.container(border=True):
        of = choose_of()
        prune = choose_pruning(run)
        kept = choose_sets()
        part = choose_parts(run, prune)
    whose = None
    if of == "weights":
        if not overlaps_counted(run, part):
            return
        with st.spinner("Comparing the masks of all domains"):
            table = overlap(run, part)
    else:
        with st.spinner(f"Comparing the {of} of all domains"):
            counted = counted_parts(run, part, of)
        if counted is None:
            return
        table, whose = counted
    what = "kept" if kept else "pruned"
    jaccard, chance = table.jaccard(kept=kept), table.chance(kept=kept)
    if len(run.domains) < 2:
        st.info("This run has one domain only; calibrate two or more to compare them.")
        go("pages/calibrate.py", "Go to Calibrate", ":material/straighten:")
        return
    if whose is not None:
        _whole_parts(run, part, table, whose, kept)
        return
    found = known(run, part)
    tested = found[1] if found else None
    caption = about(run, part)
    _matrix(run.domains, jaccard, chance, what, part, tested, caption)
    st.header("One pair, layer by layer", anchor=False)
    first, second = choose_pair(run)
    depth, shared, by_chance = zip(*table.per_layer(first, second, kept=kept), strict=True)
    look = style()
    pair = f"{label(first)} and {label(second)}. {caption}"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Along the depth of the model", anchor=False)
        chart = layer_lines(depth, shared, by_chance, look, what)
        show(chart, f"layers-{first}-{second}-{what}", about=pair)
    with right:
        st.subheader("In every weight matrix", anchor=False)
        chart = layer_by_projection(
            *table.layer_by_projection(first, second, kept=kept), look, what
        )
        show(chart, f"matrices-{first}-{second}-{what}", about=pair)
    _across_sparsities(run, replace(prune, layers=None, projections=None), (first, second), kept)
    evidence_section(run, part, (first, second), found)
    report_section(run, part, tested is not None)


def _whole_parts(
    run: Run, prune: PruneSpec, table: OverlapTable, whose: Owners, kept: bool
) -> None:
    """The same page of channels, heads or layers."""
    what = "kept" if kept else "pruned"
    tested, caption = tested_parts(run, prune, whose.of), about(run, prune)
    jaccard, chance = table.jaccard(kept=kept), table.chance(kept=kept)
    _matrix(run.domains, jaccard, chance, what, prune, tested, caption, whose.of)
    owners_section(run, prune, whose)
    st.header("One pair", anchor=False)
    pair = choose_pair(run)
    if whose.of != "layers":
        depth, shared, by_chance = zip(*table.per_layer(*pair, kept=kept), strict=True)
        st.subheader("Along the depth of the model", anchor=False)
        chart = layer_lines(depth, shared, by_chance, style(), what, whose.of)
        names = " and ".join(map(label, pair))
        show(chart, f"{whose.of}-{'-'.join(pair)}-{what}", about=f"{names}. {caption}")
    parts_evidence(run, prune, whose.of, pair, tested)


def _across_sparsities(run: Run, prune: PruneSpec, pair: tuple[str, str], kept: bool) -> None:
    """The pair's overlap from 10% to 90%: of a large model, at those that have been counted."""
    from analysis.overlap.table import is_quick

    if prune.block is not None:
        return
    specs = [replace(prune, sparsity=percent / 100) for percent in range(10, 100, 10)]
    specs = [spec for spec in specs if is_quick(run, spec)]
    if len(specs) < 2:
        return
    a, b = (run.domains.index(name) for name in pair)
    shared, by_chance = [], []
    for spec in specs:
        table = overlap(run, spec)
        shared.append(float(table.jaccard(kept=kept)[a, b]))
        by_chance.append(float(table.chance(kept=kept)[a, b]))
    st.subheader("At other sparsities", anchor=False)
    st.caption(
        "In the whole model. The more is pruned, the more domains can differ, and the lower the "
        "chance level lies."
        if kept
        else "In the whole model. The more is pruned, the more pruned weights domains share by "
        "chance alone."
    )
    what = "kept" if kept else "pruned"
    chart = sparsity_lines([spec.sparsity for spec in specs], shared, by_chance, style(), what)
    names = " and ".join(label(name) for name in pair)
    show(
        chart,
        f"sparsities-{'-'.join(pair)}-{what}",
        about=f"{names}. {about(run, prune, every_sparsity=True)}",
    )


def _matrix(
    domains: tuple[str, ...],
    jaccard: np.ndarray,
    chance: np.ndarray,
    what: str,
    prune: PruneSpec,
    tested: tuple[PairEvidence, ...] | None,
    caption: str,
    of: str = "weights",
) -> None:
    look = style()
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader(f"Overlap of {what} {of}", anchor=False)
        chart = overlap_matrix(domains, jaccard, chance, look, what, tested, hint(prune), of)
        show(chart, f"overlap-{of}-{what}" if of != "weights" else f"overlap-{what}", about=caption)
    with right:
        st.subheader("In words", anchor=False)
        st.markdown(_findings(domains, jaccard, chance, f"{what} {of}"))
        st.caption(
            f"The **chance level** is what two unrelated masks of the same {prune.sparsity:.0%} "
            f"sparsity would share. {WHY[of]}"
        )
        glossary(
            *(["Whole parts"] if of != "weights" else []),
            "Jaccard overlap",
            "Chance level",
            "Kept and pruned",
            "Wanda score",
            "Sparsity",
        )
        pairs = ~np.eye(len(domains), dtype=bool)
        if np.ptp(chance[pairs]) > 5e-4:
            st.subheader("Chance level", anchor=False)
            show(chance_matrix(domains, chance, look), f"chance-{what}", about=caption)
    with st.expander("Every pair as a table", icon=":material/table_rows:"):
        columns = pair_columns(domains, jaccard, chance, tested)
        pair_table(columns)
        if tested is None:
            st.caption(hint(prune).capitalize() + ".")
        elif what == "pruned":
            st.caption("Overlap and chance are of pruned weights, the rest of kept ones.")
        with st.container(horizontal=True, gap="small"):
            downloads(columns, "Overlap of every pair of domains.", f"pairs-{what}", caption)


def _findings(domains: tuple[str, ...], jaccard: np.ndarray, chance: np.ndarray, what: str) -> str:
    """The most and the least alike pair, in a sentence each."""
    rows, columns = np.triu_indices(len(domains), 1)
    values = jaccard[rows, columns]
    if not np.isfinite(values).all():
        return f"There are no {what} at this sparsity, so there is nothing to compare."

    def pair(index: int) -> str:
        return f"**{label(domains[rows[index]])}** and **{label(domains[columns[index]])}**"

    most, least = int(values.argmax()), int(values.argmin())
    lines = [f"Most alike: {pair(most)}, {values[most]:.1%} of {what} shared."]
    if len(values) > 1:
        lines.append(f"Least alike: {pair(least)}, {values[least]:.1%} shared.")
    levels = chance[rows, columns]
    lines.append(
        f"Chance level: {levels[0]:.1%} for every pair."
        if np.ptp(levels) < 5e-4
        else f"Chance level: {levels.min():.1%} to {levels.max():.1%}, depending on the pair."
    )
    return "\n\n".join(lines)


draw()
