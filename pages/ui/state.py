"""Choices that live in the address, so that a link shows a colleague the same view.

A widget bound to the address takes its first value from there, else from what was chosen on
another page of this session, else from the default. Defaults that depend on the workspace (the
newest run) are written to the address too, so that the link means the same tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

Option = TypeVar("Option")
KEPT = "kept_choices"


def kept_choices() -> dict[str, Any]:
    """What was chosen in this session, by key; a page's widgets forget when it is left."""
    return st.session_state.setdefault(KEPT, {})


def first_value(
    key: str, default: Any, allowed: Callable[[Any], bool] = lambda value: True
) -> None:
    """Give the widget `key` its value before it is drawn for the first time.

    Where the value is the widget's own default there is nothing to do.
    """
    if key in st.session_state:
        if not allowed(st.session_state[key]):
            st.session_state[key] = default
    elif key not in st.query_params:
        value = kept_choices().get(key, default)
        if value != default and allowed(value):
            st.session_state[key] = value


def keep(key: str, value: Option) -> Option:
    """Remember a widget's value for the other pages."""
    kept_choices()[key] = value
    return value


def choose(
    label: str,
    options: Sequence[Option],
    key: str,
    format_func: Callable[[Any], str] = str,
    **more: Any,
) -> Option:
    """A select box in the address; the first option is the default and stays out of it."""
    free = more.get("accept_new_options", False)
    first_value(key, options[0], lambda value: free or value in options)
    value = st.selectbox(
        label, options, key=key, bind="query-params", format_func=format_func, **more
    )
    return keep(key, options[0] if value is None else value)


def choose_many(
    label: str,
    options: Sequence[Option],
    key: str,
    default: Sequence[Option] = (),
    format_func: Callable[[Any], str] = str,
    **more: Any,
) -> list[Option]:
    """A multiple choice in the address; nothing chosen stays nothing.

    Returns what was chosen in the order of the options, whichever was clicked first, as results are
    found again by the choice.
    """
    first_value(key, list(default), lambda value: set(value) <= set(options))
    value = st.multiselect(
        label,
        options,
        list(default) or None,
        key=key,
        bind="query-params",
        format_func=format_func,
        wrap=True,
        **more,
    )
    return keep(key, [option for option in options if option in value])


def switch(
    label: str,
    options: Sequence[str],
    key: str,
    format_func: Callable[[Any], str] = str,
    **more: Any,
) -> str:
    """A row of buttons of which one is pressed, in the address."""
    first_value(key, options[0], lambda value: value in options)
    value = st.segmented_control(
        label,
        options,
        default=options[0],
        key=key,
        bind="query-params",
        format_func=format_func,
        required=True,
        **more,
    )
    return keep(key, value or options[0])


def slide(
    label: str, low: float, high: float, key: str, default: float, step: float, **more: Any
) -> float:
    """A slider in the address."""
    first_value(key, default, lambda value: low <= value <= high)
    value = st.slider(label, low, high, default, step=step, key=key, bind="query-params", **more)
    return keep(key, value)


def write(label: str, key: str, **more: Any) -> str:
    """A line of text in the address."""
    first_value(key, "")
    return keep(key, st.text_input(label, key=key, bind="query-params", **more).strip())


def number(label: str, key: str, default: int, low: int, high: int, **more: Any) -> int:
    """A whole number in the address."""
    first_value(key, default, lambda value: low <= value <= high)
    value = st.number_input(label, low, high, default, step=1, key=key, bind="query-params", **more)
    return keep(key, int(value))
