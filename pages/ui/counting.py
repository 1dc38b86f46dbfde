"""The overlaps of a large model: counted once as a job, and from then on looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.choices import pruning_flags
from pages.ui.job_view import followed, show_job, submit
from pages.ui.words import count

if TYPE_CHECKING:
    from pruning.specs import PruneSpec
    from pruning.workspace import Run


def overlaps_counted(run: Run, prune: PruneSpec) -> bool:
    """Whether the overlaps can be shown now; else offer to count them as a job."""
    from analysis.overlap import is_quick

    job = followed("overlap")
    if job is not None and (job.active or job.status != "done"):
        show_job(job, lambda _: None)
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
            argv = ["analysis", "overlap", "--run", run.id, *pruning_flags(prune)]
            submit("overlap", f"Comparing masks at {prune.sparsity:.0%}", argv)
    return False
