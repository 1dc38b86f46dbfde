"""Running the programs that the models wrote: shut in, with consent, against the task's tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from analysis.playground.records import until
from pages.ui.library import workspace_root

if TYPE_CHECKING:
    from analysis.execution import Outcome, Sandbox
    from analysis.playground.client import Generation
    from analysis.playground.prompts import Prompt
    from pages.ui.playground_view import Column

SIGNS = {
    "passed": ":green[:material/check_circle:]",
    "failed": ":red[:material/cancel:]",
}


def programs_section(found: Generation, task: Prompt, columns: Sequence[Column]) -> None:
    """The button that runs every passage as a program, and how each one ended."""
    from analysis.execution import survey

    outcomes: dict[str, list[Outcome]] = st.session_state.setdefault("playground-outcomes", {})
    if found.id not in outcomes:
        asked = st.button("Run the programs", icon=":material/play_circle:", key="run-programs")
        if asked:
            st.session_state["playground-run"] = found.id
        if st.session_state.get("playground-run") != found.id:
            st.caption("Runs each passage against the task's own tests, shut in a sandbox.")
            return
        with st.spinner("Looking for a sandbox"):
            tried = survey()
        if tried.sandbox is None:
            st.info(tried.refusal, icon=":material/shield_lock:")
            return
        if not _consented(tried.sandbox):
            return
        outcomes[found.id] = _run(tried.sandbox, found, task)
        st.rerun()
    _table(outcomes[found.id], columns)


def _consented(sandbox: Sandbox) -> bool:
    """Whether the person agreed, now or before."""
    from analysis.execution import allowed, give, question

    if allowed(workspace_root(), sandbox):
        return True
    with st.container(border=True):
        st.markdown(f":material/shield_lock: {question(sandbox)}")
        if st.button("I agree: run them", type="primary", key="consent"):
            give(workspace_root(), sandbox)
            return True
    return False


def _run(sandbox: Sandbox, found: Generation, task: Prompt) -> list[Outcome]:
    from analysis.execution import Limits, require_language, run_tested

    require_language(sandbox, task.domain)
    outcomes = []
    with st.spinner("Running the programs"), _one_visitor_at_a_time():
        for passage in found.passages:
            program = task.text + until(passage.text, task.stops)
            text = (task.tests or "").replace("{program}", program)
            outcomes.append(run_tested(sandbox, task.domain, text, Limits()))
    return outcomes


@st.cache_resource(show_spinner=False)
def _one_visitor_at_a_time() -> threading.Lock:
    return threading.Lock()


def _table(outcomes: Sequence[Outcome], columns: Sequence[Column]) -> None:
    st.markdown("##### The task's tests")
    for column, outcome in zip(columns, outcomes, strict=True):
        sign = SIGNS["passed" if outcome.passed else "failed"]
        st.markdown(f"{sign} **{column.name}** {column.detail}: {outcome.sentence}")
        if outcome.stderr and not outcome.passed:
            with st.expander("What it said"):
                st.code(outcome.stderr[-3000:], language=None)
