"""The frame around every page: navigation, style, what the machine is doing, and error sentences."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.machine import machine_status
from pages.ui.warm import wait_for
from pruning.errors import AtlasError
from pruning.machine.paths import PROJECT_FOLDER

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

ASSETS = Path(__file__).resolve().parent.parent / "assets"
logger = logging.getLogger(__name__)

# What the theme cannot say: how wide lines may get, and quieter chrome.
STYLE = """
<style>
.stMainBlockContainer {max-width: 1240px; padding-top: 3.2rem; padding-bottom: 5rem;}
.stMainBlockContainer p, .stMainBlockContainer li {max-width: 46rem;}
.stMainBlockContainer [data-testid="stCaptionContainer"] p {max-width: 64rem;}
.stMainBlockContainer [data-testid="stAlertContainer"] p {max-width: none;}
h1 {letter-spacing: -0.015em; padding-bottom: .35rem !important;}
h2 {padding-top: 1.4rem !important;}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums;}
[data-testid="stMetricLabel"] p {font-size: .82rem;}
.atlas-lead {font-size: 1.12rem; line-height: 1.55; max-width: 44rem; opacity: .86; margin: 0 0 .6rem;}
.atlas-step {font-size: .78rem; letter-spacing: .09em; text-transform: uppercase; opacity: .62; margin: 0;}
[data-testid="stSidebarUserContent"] [data-testid="stVerticalBlock"] {gap: .35rem;}
[data-testid="stSidebarUserContent"] .atlas-step {margin: .9rem 0 .1rem .5rem;}
.stMainBlockContainer [data-testid="stPageLink"] a {padding-left: 0; margin-left: 0;}
[class*="st-key-go-"] a {border: 1px solid BORDER;
  border-radius: 6px; padding: .38rem .8rem !important; width: fit-content;}
[class*="st-key-go-first-"] a {background: ACCENT; border-color: transparent;}
[class*="st-key-go-first-"] a :is(p, span) {color: PAPER !important;}
@media (max-width: 640px) {
  .stMainBlockContainer {padding: 3.4rem 1rem 4rem;}
  .atlas-lead {font-size: 1.02rem;}
  h1 {font-size: 1.75rem !important;}
}
</style>
"""


FIRST = "Home"  # the page that needs no library of its own

# Icons stand beside the links and not in `st.Page`: there, Streamlit would fetch each page's icon
# for the browser's tab from a server on the internet.
SECTIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "": (("pages/home.py", FIRST, ":material/explore:"),),
    "Make": (("pages/calibrate.py", "Calibrate", ":material/straighten:"),),
    "Look": (
        ("pages/overlap.py", "Overlap", ":material/join_inner:"),
        ("pages/structure.py", "Structure", ":material/account_tree:"),
        ("pages/masks.py", "Masks", ":material/grid_on:"),
    ),
    "Test": (
        ("pages/evaluate.py", "Evaluate", ":material/science:"),
        ("pages/cause.py", "Cause", ":material/content_cut:"),
    ),
    "Try": (("pages/playground.py", "Playground", ":material/edit_note:"),),
    "Take away": (
        ("pages/export.py", "Export", ":material/ios_share:"),
        ("pages/savings.py", "Savings", ":material/savings:"),
    ),
}


# Of .streamlit/config.toml, which the browser does not tell to the page's own style.
COLOURS = {
    "ACCENT": ("#0b6e75", "#1d868b"),
    "PAPER": ("#ffffff", "#ffffff"),
    "BORDER": ("#dcd8cb", "#324047"),
}


def pages() -> list[Page]:
    """Every page; addresses are the files' names."""
    entries = [entry for section in SECTIONS.values() for entry in section]
    return [
        st.Page(PROJECT_FOLDER / path, title=name, default=number == 0)
        for number, (path, name, _) in enumerate(entries)
    ]


def draw(page: Page) -> None:
    """Draw the frame, and the page inside it."""
    st.set_page_config(
        page_title=f"{page.title} · Submodel Atlas",
        page_icon=str(ASSETS / "mark.svg"),
        layout="wide",
    )
    st.logo(str(ASSETS / "wordmark.svg"), size="large", icon_image=str(ASSETS / "mark.svg"))
    dark = st.context.theme.type == "dark"
    style = STYLE
    for name, (light_colour, dark_colour) in COLOURS.items():
        style = style.replace(name, dark_colour if dark else light_colour)
    st.html(style)
    with st.sidebar:
        for section, entries in SECTIONS.items():
            if section:
                st.html(f'<p class="atlas-step">{section}</p>')
            for path, name, icon in entries:
                st.page_link(PROJECT_FOLDER / path, label=name, icon=icon, width="stretch")
        st.divider()
        machine_status(page.title)
    with sentences():
        if page.title != FIRST:
            wait_for("pages")
        page.run()


@contextmanager
def sentences() -> Iterator[None]:
    """Show whatever goes wrong inside as one sentence that says what to do, never a traceback."""
    try:
        yield
    except (ValueError, AtlasError) as error:
        logger.info("shown to the visitor: %s", error)
        st.error(str(error), icon=":material/error:")
    except OSError as error:
        logger.exception("a file could not be used")
        reason = error.strerror or str(error)
        st.error(
            f"A file could not be read or written ({reason}): {error.filename or 'unknown'}. "
            "Check the disk's free space and the folder's permissions, then reload the page.",
            icon=":material/error:",
        )
    except MemoryError:
        logger.exception("out of memory")
        st.error(
            "This machine has too little memory for that; choose fewer layers or a smaller model.",
            icon=":material/error:",
        )
    except Exception as error:
        logger.exception("unexpected error on a page")
        st.error(
            f"Something unexpected happened ({type(error).__name__}). Reload the page; if it "
            "happens again, the server's log says where.",
            icon=":material/error:",
        )


def go(page: str, label: str, icon: str, *, first: bool = False, **query: str) -> None:
    """A link to another page that looks like a button; first: the one thing to do here.

    A link and not a button with `st.switch_page`, which refuses to leave a page whose address
    holds a widget's choice.
    """
    name = re.sub(r"[^a-z]+", "-", f"{label} {page}".lower())
    key = f"go-{'first-' if first else ''}{name}-{'-'.join(query.values())}"
    with st.container(key=key, width="content"):
        st.page_link(PROJECT_FOLDER / page, label=label, icon=icon, query_params=query or None)


def title(name: str, lead: str) -> None:
    """A page's heading: what it is called and what it is for."""
    st.title(name, anchor=False)
    st.html(f'<p class="atlas-lead">{lead}</p>')
