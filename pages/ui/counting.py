"""The overlaps of a large model: counted once as a job, and from then on looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.job_view import show_followed, submit
from pages.ui.words import count
from pruning.commands.options import pruning_flags

if TYPE_CHECKING:
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec


def overlaps_counted(run: Run, prune: PruneSpec) -> bool:
    """Whether the overlaps can be shown now; else offer to count them as a job.

    All layers and projections are counted at once, but where OWL shares out what is pruned among
    those that were chosen.
    """
    from analysis.overlap.table import is_quick

    job = show_followed("overlap")
    if is_quick(run, prune):
        return True
    if job is None or not job.active:
        shapes = [weight.shape for weight in run.weights]
        st.info(
            f"{count(sum(rows * columns for rows, columns in shapes))} weights in "
            f"{len(run.domains)} domains are not compared in a moment. Count them once; from then "
            "on this view opens at once.",
            icon=":material/hourglass_top:",
        )
        if st.button("Count the overlaps", type="primary", icon=":material/play_arrow:"):
            if prune.allocation == "uniform":
                prune = replace(prune, layers=None, projections=None)
            argv = ["analysis", "overlap", "--run", run.id, *pruning_flags(prune)]
            submit("overlap", f"Comparing masks at {prune.sparsity:.0%}", argv)
    return False
