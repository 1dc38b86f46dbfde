"""Home: what this is, the path through it, and what the workspace holds."""

from __future__ import annotations

import streamlit as st

from pages.ui.choices import run_summary
from pages.ui.frame import go, title
from pages.ui.library import finished_runs, workspace
from pages.ui.words import GLOSSARY, size
from pruning.machine.paths import PROJECT_FOLDER

STEPS = (
    ("Calibrate", "pages/calibrate.py", ":material/straighten:",
     "Read text of each domain with the unchanged model and note how loud every input channel is."),
    ("Overlap", "pages/overlap.py", ":material/join_inner:",
     "See how much the weights that two domains need have in common, and what chance alone would give."),
    ("Masks", "pages/masks.py", ":material/grid_on:",
     "Look into a weight matrix: where each domain keeps its weights, down to a single one."),
    ("Export", "pages/export.py", ":material/ios_share:",
     "Take a domain's sub-model with you, as a folder that transformers loads."),
)  # fmt: skip


def draw() -> None:
    """The whole page."""
    title(
        "An atlas of a language model",
        "Choose domains, see which weights of a language model each one needs, "
        "and walk away with the sub-model.",
    )
    for number, (column, step) in enumerate(zip(st.columns(4, gap="small"), STEPS, strict=True), 1):
        name, page, icon, what = step
        with column.container(border=True, height="stretch"):
            st.html(f'<p class="atlas-step">Step {number}</p>')
            st.page_link(PROJECT_FOLDER / page, label=f"**{name}**", icon=icon)
            st.caption(what)
    _workspace()
    _background()


def _workspace() -> None:
    st.header("Your workspace", anchor=False)
    finished = finished_runs()
    if not finished:
        st.markdown(
            "Nothing has been calibrated yet. The **demo model** is built in, with texts of seven "
            "domains; it needs no network and takes a few minutes."
        )
        icon = ":material/arrow_forward:"
        go("pages/calibrate.py", "Calibrate the demo model", icon, first=True)
        return
    latest = finished[0]
    with st.container(border=True):
        st.markdown("##### Latest run")
        st.caption(run_summary(latest))
        with st.container(horizontal=True):
            go("pages/overlap.py", "Open its overlaps", STEPS[1][2], first=True, run=latest.id)
            go("pages/masks.py", "Open its masks", STEPS[2][2], run=latest.id)
            go("pages/export.py", "Export from it", STEPS[3][2], run=latest.id)
    columns = st.columns(3, gap="small")
    columns[0].metric("Calibration runs", len(finished), border=True)
    columns[1].metric("Exported sub-models", len(workspace().exports()), border=True)
    columns[2].metric("Space used", size(_bytes()), border=True)


def _bytes() -> int:
    root = workspace().root
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _background() -> None:
    st.header("How to read the maps", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            "**Every weight gets a score in every domain.** "
            "A weight matters to a domain if it is large *and* the channel it reads is loud on "
            "that domain's text. Keep the best half of each row, and you have the domain's mask."
        )
        st.markdown(
            "**One reading is enough.** Calibration only adds up squares. Any other sparsity, "
            "pattern, score or mixture of domains is arithmetic on those sums, so the controls "
            "answer at once."
        )
    with right:
        st.markdown(
            "**An overlap means little by itself.** Two masks at 50% sparsity that have nothing "
            "to do with each other still share a third. The chance level is therefore shown "
            "beside every overlap."
        )
        with st.popover("All words explained", icon=":material/menu_book:"):
            for term, meaning in GLOSSARY.items():
                st.markdown(f"**{term}** \n{meaning}")


draw()
