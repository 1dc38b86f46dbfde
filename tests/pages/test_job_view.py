"""Jobs on pages: whoever comes back finds them, can cancel them, and starts no second one unawares."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.ui.library import queue
from pages.ui.machine import PAGE_OF_KIND
from pruning.jobs.queue import Job
from pruning.runs.run import Run
from tests.pages.conftest import REPOSITORY, Open, healthy

STARTS = {
    "evidence": "Test the differences",
    "evaluate": "Start measuring",
    "cause": "Take them out and measure",
    "savings": "Measure it",
}


def waiting(kind: str) -> Job:
    return queue().submit(kind, f"A long {kind}", ["-m", "pruning", kind])


def running(kind: str) -> Job:
    job = waiting(kind)
    queue().start_next()
    return job


def page_of(kind: str) -> str:
    return Path(PAGE_OF_KIND[kind]).stem


def test_every_kind_of_job_has_its_page() -> None:
    sources = [path.read_text() for path in (REPOSITORY / "pages").rglob("*.py")]
    submitted = {kind for text in sources for kind in re.findall(r'submit\(\s*"(\w+)"', text)}
    assert submitted == set(PAGE_OF_KIND)


@pytest.mark.parametrize("kind", PAGE_OF_KIND)
def test_the_sidebar_leads_to_the_running_job(kind: str, empty: Path, open_page: Open) -> None:
    job = running(kind)
    app = healthy(open_page("home"))
    [link] = [each for each in app.sidebar.page_link if each.label == "Show it"]
    assert (link.proto.page, link.proto.query_string) == (page_of(kind), f"job={job.id}")


@pytest.mark.parametrize("kind", ["evidence", "evaluate", "cause", "savings", "plan"])
def test_who_comes_back_finds_the_running_job_and_can_cancel_it(
    kind: str, run: Run, open_page: Open
) -> None:
    job = running(kind)
    app = healthy(open_page(page_of(kind)))
    assert f"**{job.title}**" in [text.value for text in app.markdown]
    assert app.query_params["job"] == job.id
    start = [button for button in app.button if button.label == STARTS.get(kind)]
    assert all(button.disabled for button in start)
    app.button(key=f"cancel-{job.id}").click()
    healthy(app.run())
    assert queue().get(job.id).cancel_asked is not None
    assert any("Cancelling" in text.value for text in app.caption)


@pytest.mark.parametrize("kind", STARTS)
def test_a_hidden_job_goes_on_and_another_can_be_started(
    kind: str, run: Run, open_page: Open
) -> None:
    job = running(kind)
    app = healthy(open_page(page_of(kind)))
    app.button(key=f"hide-job-{job.id}").click()
    healthy(app.run())
    assert "job" not in app.query_params
    assert queue().get(job.id).status == "running"
    assert queue().get(job.id).cancel_asked is None
    [start] = [button for button in app.button if button.label == STARTS[kind]]
    assert not start.disabled


def test_two_jobs_of_a_page_both_stay_in_its_address(run: Run, open_page: Open) -> None:
    jobs = [waiting(kind) for kind in ("structure", "channels")]
    app = healthy(open_page("structure"))
    assert set(app.query_params["job"]) == {job.id for job in jobs}
    for job in jobs:
        queue().cancel(job.id)  # from now on only the address leads to them
    again = healthy(open_page("structure", job=app.query_params["job"]))
    words = "\n".join(text.value for text in again.markdown)
    assert all(f"**{job.title}** was cancelled" in words for job in jobs)
    again.button(key=f"close-{jobs[0].id}").click()
    healthy(again.run())
    assert again.query_params["job"] == jobs[1].id


def test_a_job_that_was_deleted_leaves_the_address(run: Run, open_page: Open) -> None:
    job = running("evaluate")
    app = healthy(open_page("evaluate", job="0123456789ab"))
    assert app.query_params["job"] == job.id
