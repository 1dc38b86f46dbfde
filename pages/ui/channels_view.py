"""The part of the Structure page on channels: which are louder in one domain, and on what text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.captions import about_run
from analysis.figures.domains import colours, label
from pages.ui.charts import show, style
from pages.ui.choices import choose_pair
from pages.ui.job_view import show_followed, submit
from pages.ui.state import choose
from pages.ui.tokens_view import occurrences_list, tokens_table
from pages.ui.words import glossary

if TYPE_CHECKING:
    from analysis.structure.channels import LoudChannel, PairSpec
    from analysis.structure.driving import DrivenChannel
    from pruning.runs.run import Run
    from pruning.specs import WeightKey


def channels_section(run: Run) -> None:
    """The loudest differences of a pair of domains, and what drives them if that is known."""
    from analysis.figures.structure_channels import largest_ratios, ratio_bars
    from analysis.structure.channels import input_names, pair_spec
    from analysis.structure.findings import loudest_sentence

    st.header("Channels", anchor=False)
    st.caption(
        "Masks of two domains differ because their text excites other input channels. Here are the "
        "channels whose loudness differs most, from the stored sums; at any sparsity."
    )
    spec = pair_spec(run, *choose_pair(run))
    names = input_names(run)
    ratios = _ratios(run, spec)
    a, b = spec.domain_a, spec.domain_b
    caption = f"{label(a)} and {label(b)}. {about_run(run)}"
    st.markdown(loudest_sentence(ratios, a, b, label))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("The most different channel of every input", anchor=False)
        show(largest_ratios(ratios, names, style()), f"ratios-{a}-{b}", about=caption)
    with right:
        key = _choose_input(run, names)
        st.subheader(f"Layer {key.layer}, input of {names[key]}", anchor=False)
        st.markdown(loudest_sentence({key: ratios[key]}, a, b, label))
        show(ratio_bars(ratios[key], a, b, style()), f"ratios-{a}-{b}-{key}", about=caption)
        glossary("Loudness of a channel", "Input channel", "Group of documents", "Projection")
    _tokens(run, spec, key, f"layer {key.layer}, input of {names[key]}")


def _choose_input(run: Run, names: dict[WeightKey, str]) -> WeightKey:
    left, right = st.columns(2, gap="medium")
    with left:
        layer = choose("Decoder layer", run.layers, "layer", format_func=str)
    there = {name: key for key, name in names.items() if key.layer == layer}
    with right:
        return there[choose("Input of", list(there), "input")]


def _tokens(run: Run, spec: PairSpec, key: WeightKey, where: str) -> None:
    from analysis.structure.driving import stored_driving_tokens

    st.subheader("What drives these channels", anchor=False)
    job = show_followed("channels")
    found = stored_driving_tokens(run, spec, key)
    if found is None and (job is None or not job.active):
        _offer(run, spec, key)
    if found is None:
        return
    if not found:
        st.markdown(f"In {where}, no channel differs between the two.")
        return
    st.caption(
        f"The calibration text read again, in {where}. For each channel, the tokens of the domain "
        "in which it is louder, with their share of its squared activation."
    )
    look = style()
    st.html(tokens_table(found, look))
    each = _choose_channel(found)
    paint = colours([domain.domain for domain in each.domains], look)
    for column, tokens in zip(st.columns(2, gap="large"), each.domains, strict=True):
        with column:
            st.markdown(f"**{label(tokens.domain)}**, strongest first")
            st.html(occurrences_list(tokens, paint[tokens.domain], look))


def _choose_channel(found: tuple[DrivenChannel, ...]) -> DrivenChannel:
    numbers = [str(each.channel.channel) for each in found]
    number = choose("In context: channel", numbers, "channel")
    return found[numbers.index(number)]


def _offer(run: Run, spec: PairSpec, key: WeightKey) -> None:
    from analysis.overlap.table import is_small

    small = is_small(run)
    st.markdown(
        "The sums say how loud a channel is, not on which words. To see them, the model reads both "
        f"domains' calibration text once more{'' if small else f', up to layer {key.layer}'}."
    )
    if st.button("Read the text again", type="primary", icon=":material/manage_search:"):
        argv = ["analysis", "channels", "--run", run.id]
        argv += ["--domains", spec.domain_a, spec.domain_b]
        if not small:  # all layers of a small model take little longer than one
            argv += ["--layers", str(key.layer)]
        names = f"{label(spec.domain_a)} and {label(spec.domain_b)}"
        submit("channels", f"Reading {names} again", argv)


def _ratios(run: Run, spec: PairSpec) -> dict[WeightKey, tuple[LoudChannel, ...]]:
    return _kept_ratios(str(run.folder), run.manifest.updated, json.dumps(spec.to_json()))


@st.cache_resource(max_entries=32, show_spinner=False)
def _kept_ratios(
    folder: str, updated: float, spec: str
) -> dict[WeightKey, tuple[LoudChannel, ...]]:
    from analysis.structure.channels import PairSpec, input_ratios
    from pruning.runs.run import Run

    return input_ratios(Run(Path(folder)), PairSpec.from_json(json.loads(spec)))
