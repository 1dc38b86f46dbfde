"""The part of the Cause page along the sparsity axis."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.captions import about
from analysis.cause.options import cause_flags
from analysis.figures.domains import label
from pages.ui.charts import show, style
from pages.ui.job_view import followed, submit

if TYPE_CHECKING:
    from analysis.cause.spec import CauseSpec
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

ACROSS = (0.3, 0.5, 0.7)  # sparsities that a click asks for


def sparsities_section(run: Run, prune: PruneSpec, spec: CauseSpec) -> None:
    """Curves over the sparsities that have been measured; the button that measures more."""
    from analysis.cause.sparsity import sparsity_sentence, stored_at_sparsities
    from analysis.figures.cause_sparsity import borrowed_lines, own_damage_lines

    if prune.block is not None:
        return
    found = stored_at_sparsities(run, prune, spec)
    missing = [sparsity for sparsity in ACROSS if sparsity not in found]
    job = followed("cause")
    is_offered = bool(missing) and (job is None or not job.active)
    if len(found) > 1 or is_offered:
        st.header("At other sparsities", anchor=False)
    if len(found) > 1:
        st.markdown(sparsity_sentence(found, label))
        caption = about(run, prune, every_sparsity=True)
        left, right = st.columns(2, gap="large")
        with left:
            st.subheader("Without a domain's own weights", anchor=False)
            show(own_damage_lines(found, style()), "damage-sparsity", about=caption)
            st.caption(
                "Solid: what its region costs each domain. Dotted: what as many other weights of "
                "the same magnitudes cost it."
                + (" Sharp regions are the same at all." if spec.region == "sharp" else "")
            )
        with right:
            st.subheader("On another domain's mask", anchor=False)
            show(borrowed_lines(found, style()), "borrowed-sparsity", about=caption)
            st.caption("Beyond what its own mask costs each domain; mean over the others' masks.")
    if is_offered:
        _offer_more(run, prune, spec, missing)


def _offer_more(run: Run, prune: PruneSpec, spec: CauseSpec, missing: list[float]) -> None:
    shares = ", ".join(f"{sparsity:.0%}" for sparsity in missing)
    st.caption(f"Not measured at {shares}; each takes as long as this one did.")
    if st.button("Measure at these sparsities too", icon=":material/ssid_chart:"):
        flags = cause_flags(replace(prune, sparsity=missing[0]), spec, missing[1:])
        argv = ["analysis", "cause", "--run", run.id, *flags]
        submit("cause", f"Taking out {spec.region} weights at {shares}", argv)
