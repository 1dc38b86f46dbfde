"""What a server imports after its start: pages wait for it, and only as long as it takes."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import warm
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def nothing_started(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stages of the test's own; what the collector has set aside is given back."""
    monkeypatch.setattr(warm, "_stages", {})
    yield
    gc.unfreeze()


def waiting_page() -> None:
    import streamlit as st

    from pages.ui.warm import wait_for

    wait_for("models")
    st.markdown("drawn")


def test_where_nothing_is_imported_nobody_waits() -> None:
    assert AppTest.from_function(waiting_page).run(timeout=PATIENCE).markdown[0].value == "drawn"


def test_a_page_waits_for_what_it_needs_and_has_it_begin_at_once() -> None:
    warm._stages["pages"] = warm.Stage(("json",), pause=0.0)
    warm._stages["models"] = warm.Stage(("csv",), pause=1000.0)
    thread = threading.Thread(target=warm._import, daemon=True)
    thread.start()
    assert warm._stages["pages"].ready.wait(PATIENCE)
    assert not warm._stages["models"].ready.is_set()
    assert AppTest.from_function(waiting_page).run(timeout=PATIENCE).markdown[0].value == "drawn"
    thread.join(PATIENCE)
    assert gc.isenabled()


def test_a_library_that_cannot_be_imported_leaves_no_page_waiting() -> None:
    warm._stages["pages"] = warm.Stage(("there_is_no_such_library",), pause=0.0)
    warm._stages["models"] = warm.Stage(("csv",), pause=1000.0)
    with pytest.raises(ModuleNotFoundError):
        warm._import()
    assert all(stage.ready.is_set() for stage in warm._stages.values())
    assert gc.isenabled()
