"""The playground of this server on a page: asking, following what is written, stopping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from analysis.playground.client import Generation, Playground
from analysis.playground.records import GenerationSpec
from pages.ui.frame import sentences
from pages.ui.library import workspace_root
from pages.ui.state import keep, kept_choices

if TYPE_CHECKING:
    from pruning.runs.run import Run

POLL_SECONDS = 0.35
ADDRESS = "generation"


@st.cache_resource(max_entries=1, show_spinner=False, on_release=Playground.close)
def _playground(root: str) -> Playground:
    from pathlib import Path

    return Playground(Path(root))


def playground() -> Playground:
    """One for all visitors: they share the process that holds the model."""
    return _playground(str(workspace_root()))


def ask(run: Run, spec: GenerationSpec) -> None:
    """Put a request in line, in place of the one that this visitor follows, and follow it."""
    before = followed()
    if before is not None:
        playground().stop(before.id)
    model = f"{run.manifest.fingerprint}-{run.spec.model.content_hash()}"
    identifier = playground().submit(spec, model)
    keep(ADDRESS, identifier)
    st.query_params[ADDRESS] = identifier
    st.rerun()


def followed() -> Generation | None:
    """The request of the address, else the last one of this session, if it is still known."""
    for identifier in (st.query_params.get(ADDRESS), kept_choices().get(ADDRESS)):
        found = playground().view(identifier) if identifier else None
        if found is not None:
            st.query_params[ADDRESS] = found.id
            return found
    return None


def show(found: Generation, draw: Callable[[Generation], None]) -> None:
    """Draw a request; as long as it is active, again and again, with a button that stops it."""
    if found.active:
        st.fragment(_follow, run_every=POLL_SECONDS)(found.id, draw)
    else:
        draw(found)


def _follow(identifier: str, draw: Callable[[Generation], None]) -> None:
    with sentences():
        found = playground().view(identifier)
        if found is None or not found.active:
            st.rerun()
        with st.container(key="playground-live"):
            left, right = st.columns([5, 1], vertical_alignment="center")
            left.markdown(f":material/progress_activity: {in_words(found)}")
            if right.button(
                "Stop", icon=":material/stop:", key=f"stop-{identifier}", width="stretch",
                disabled=found.stop_asked,
            ):  # fmt: skip
                playground().stop(identifier)
                st.rerun(scope="fragment")
            draw(found)


def in_words(found: Generation) -> str:
    """What an active request is waiting for, or doing."""
    if found.stop_asked:
        return "Stopping."
    if found.status == "waiting":
        one = found.before == 1
        return (
            f"{found.before} {'request is' if one else 'requests are'} answered before yours; "
            "it starts by itself."
        )
    if found.stage in ("starting", "loading the model"):
        return "Loading the model. The next request will find it loaded."
    if found.stage.startswith("making the sub-model"):
        return f"Making the sub-model of passage {found.writing + 1}; it is kept with the run."
    return f"Writing passage {found.writing + 1} of {len(found.passages)}."
