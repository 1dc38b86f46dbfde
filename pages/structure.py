"""Structure: which domains belong together, which weights are whose, and which channels tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.captions import about
from analysis.figures.domains import label
from pages.ui.channels_view import channels_section
from pages.ui.charts import show, style
from pages.ui.choices import choose_parts, choose_pruning, choose_run
from pages.ui.frame import go, title
from pages.ui.job_view import followed, show_followed, submit
from pages.ui.library import overlap
from pages.ui.routing_view import routing_section
from pages.ui.state import choose, slide, switch
from pages.ui.words import count, glossary
from pruning.commands.options import pruning_flags

if TYPE_CHECKING:
    from analysis.structure.families import Families
    from analysis.structure.regions import RegionCounts
    from analysis.structure.sharp import SharpSpec
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

LARGEST = 20  # regions in the UpSet plot, unless another number is chosen


def draw() -> None:
    """The whole page."""
    title(
        "Structure",
        "Which domains belong together, which weights all of them share and which are one's own, "
        "and which channels of the model tell two domains apart.",
    )
    run = choose_run()
    if len(run.domains) < 2:
        st.info("This run has one domain only; calibrate two or more to compare them.")
        go("pages/calibrate.py", "Go to Calibrate", ":material/straighten:")
        return
    with st.container(border=True):
        part = choose_parts(run, choose_pruning(run))
    if _counted(run, part):
        found = _families(run, part)
        _regions(run, part, found)
        _sharp(run, part)
    routing_section(run)
    channels_section(run)


def _counted(run: Run, part: PruneSpec) -> bool:
    """Whether families and regions can be shown now; else offer to count them as a job."""
    from analysis.overlap.table import is_quick as overlap_is_quick
    from analysis.structure.regions import is_quick, refusal

    job = show_followed("structure")
    has_regions = refusal(len(run.domains)) is None
    if overlap_is_quick(run, part) and (not has_regions or is_quick(run, part)):
        return True
    if job is None or not job.active:
        size = sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
        st.info(
            f"{count(size)} weights in {len(run.domains)} domains are not compared in a moment. "
            "Count them once; from then on this view opens at once.",
            icon=":material/hourglass_top:",
        )
        start = "Count the regions" if has_regions else "Compare the domains"
        if st.button(start, type="primary", icon=":material/play_arrow:"):
            _submit(run, part, [])
    return False


def _submit(run: Run, part: PruneSpec, more: list[str]) -> None:
    argv = ["analysis", "structure", "--run", run.id, *pruning_flags(part)]
    submit("structure", f"Comparing domains at {part.sparsity:.0%}", argv + more)


def _families(run: Run, part: PruneSpec) -> Families:
    from analysis.figures.structure_families import domain_map, domain_tree
    from analysis.structure.families import families
    from analysis.structure.findings import families_sentence, trust_sentence

    with st.spinner("Comparing the masks of all domains"):
        found = families(run.domains, overlap(run, part).jaccard())
    st.header("Families of domains", anchor=False)
    st.markdown(families_sentence(found, label))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Family tree", anchor=False)
        show(domain_tree(found, style()), "family-tree", about=about(run, part))
    with right:
        st.subheader("Map", anchor=False)
        show(domain_map(found, style()), "domain-map", about=about(run, part))
    st.caption(trust_sentence(found))
    glossary("Family tree", "Map of domains", "Jaccard overlap")
    return found


def _regions(run: Run, part: PruneSpec, found: Families) -> None:
    from analysis.figures.structure_regions import domain_shares, kept_by_number, upset
    from analysis.structure.findings import (
        core_sentence,
        exclusive_sentence,
        largest_region_sentence,
        number_sentence,
    )
    from analysis.structure.regions import refusal, region_counts
    from analysis.structure.replication import EXCLUSIVE
    from analysis.structure.sharp import SharpSpec

    st.header("Regions", anchor=False)
    reason = refusal(len(run.domains))
    if reason is not None:  # the rest of the page needs no regions
        st.info(reason)
        return
    caption = about(run, part)
    with st.spinner("Counting the weights that exactly the same domains keep"):
        regions = region_counts(run, part)
    st.markdown(core_sentence(regions))
    st.subheader("Who keeps what", anchor=False)
    st.markdown(largest_region_sentence(regions, label))
    left, right = st.columns(2, gap="large")
    with left:
        most = min(2 ** len(run.domains) - 1, 60)
        shown = most
        if most > 3:
            shown = int(slide("Largest regions", 3, most, "regions", min(LARGEST, most), 1))
    with right:
        core = switch(
            "Core",
            ("without", "with"),
            "core",
            format_func=lambda name: f"{name} the core",
            help="What every domain keeps is so much more than any other region that beside it the "
            "others can hardly be seen.",
        )
    chart = upset(regions, found.order, style(), shown, with_core=core == "with")
    show(chart, "region-sizes", about=caption)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("By how many a weight is kept", anchor=False)
        st.markdown(number_sentence(regions))
        show(kept_by_number(regions, style()), "kept-by-number", about=caption)
    with right:
        st.subheader("Kept by one alone", anchor=False)
        st.markdown(exclusive_sentence(regions, label))
        own, chance = (
            {
                name: regions.share(
                    regions.exclusive(name), regions.kept_by(name), expected=expected
                )
                for name in found.order
            }
            for expected in (False, True)
        )
        meaning = "of what the domain keeps, no other keeps"
        chart = domain_shares(own, chance, style(), "exclusive_share", meaning)
        show(chart, "exclusive-shares", about=caption)
    _again(run, part, SharpSpec(), EXCLUSIVE)
    glossary("Region", "Core", "Exclusive weights", "Chance level")
    _across_sparsities(run, part, found)
    _region_places(regions, caption)


def _across_sparsities(run: Run, part: PruneSpec, found: Families) -> None:
    from analysis.figures.structure_sparsity import core_lines, exclusive_lines
    from analysis.structure.findings import sparsity_sentence
    from analysis.structure.sparsity import has_curves, region_curves

    if not has_curves(run, part):
        return
    st.subheader("At other sparsities", anchor=False)
    with st.spinner("Ranking the weights of every domain, once for all sparsities"):
        curves = region_curves(run, part)
    st.markdown(sparsity_sentence(curves))
    left, right = st.columns(2, gap="large")
    with left:
        show(core_lines(curves, style()), "core-sparsities")
    with right:
        chart = exclusive_lines(curves, found.order, style())
        show(chart, "exclusive-sparsities")


def _region_places(regions: RegionCounts, caption: str) -> None:
    """Where in the network the core, or one domain's exclusive weights, sit."""
    from analysis.figures.overlap import layer_heatmap
    from analysis.structure.findings import extremes_sentence

    st.subheader("Where they sit", anchor=False)
    chosen = choose(
        "Show the weights that are kept by",
        ("every domain", *regions.domains),
        "places",
        format_func=lambda name: name if name == "every domain" else f"{label(name)} alone",
    )
    if chosen == "every domain":
        part, whole = regions.core, regions.kept_by_any
        meaning = "of what any domain keeps"
    else:
        part, whole = regions.exclusive(chosen), regions.kept_by(chosen)
        meaning = f"of what {label(chosen)} keeps"
    layers, projections, cells = regions.layer_by_projection(part, whole)
    chance = regions.layer_by_projection(part, whole, expected=True)[2]
    st.markdown(extremes_sentence(layers, projections, cells))
    left, right = st.columns([2, 1], gap="large")
    name = chosen.replace(" ", "-")
    with left:
        chart = layer_heatmap(layers, projections, cells, style(), "share", meaning, ".1%")
        show(chart, f"places-{name}", about=caption)
    with right:
        st.metric(f"Share, {meaning}", f"{regions.share(part, whole):.2%}", border=True)
        level = regions.share(part, whole, expected=True)
        st.metric("Of independent masks", f"{level:.2%}", border=True)
        if np.nanmax(chance) - np.nanmin(chance) < 5e-4:
            st.caption("Independent masks of these densities would have this share everywhere.")
            return
        st.caption("Independent masks of the same densities, in every matrix:")
        chart = layer_heatmap(layers, projections, chance, style(), "share", meaning, ".1%")
        show(chart, f"places-{name}-chance", about=caption)


def _sharp(run: Run, part: PruneSpec) -> None:
    from analysis.figures.overlap import layer_heatmap
    from analysis.figures.structure_regions import domain_shares
    from analysis.structure.findings import extremes_sentence, sharp_sentence
    from analysis.structure.replication import SHARP
    from analysis.structure.sharp import SharpSpec, is_quick, sharp_regions

    st.header("Sharp regions", anchor=False)
    st.caption(
        "Not what a domain keeps, but what it ranks on top and no other domain does. This does not "
        "depend on the sparsity above."
    )
    if not part.reads_text:
        st.info("This score ignores the text, so no domain ranks anything higher than another.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        top = slide("The domain's own top", 0.01, 0.3, "top", 0.05, 0.01, format="percent")
    with right:
        others = slide("and in no other's top", 0.01, 0.5, "others", 0.05, 0.01, format="percent")
    spec = SharpSpec(top=round(top, 2), others_top=round(others, 2))
    if not is_quick(run, part, spec):
        _offer_sharp(run, part, spec)
        return
    with st.spinner("Finding the weights that one domain alone ranks on top"):
        sharp = sharp_regions(run, part, spec)
    st.markdown(sharp_sentence(sharp, spec, label))
    _again(run, part, spec, SHARP)
    caption = f"Top {spec.top:.0%} against the others' {spec.others_top:.0%}. {about(run, part)}"
    left, right = st.columns([2, 3], gap="large")
    with left:
        own, chance = (
            {name: sharp.share_of_top(name, expected=expected) for name in run.domains}
            for expected in (False, True)
        )
        meaning = "of the domain's top, in no other's"
        chart = domain_shares(own, chance, style(), "sharp_share", meaning)
        show(chart, "sharp-sizes", about=caption)
    with right:
        chosen = choose("Where in the network", run.domains, "sharp", format_func=label)
        layers, projections, cells = sharp.layer_by_projection(chosen)
        st.markdown(extremes_sentence(layers, projections, cells))
        meaning = f"of {label(chosen)}'s top, sharp"
        chart = layer_heatmap(layers, projections, cells, style(), "sharp_share", meaning, ".1%")
        show(chart, f"sharp-{chosen}", about=caption)
    glossary("Sharp region", "Wanda score", "Comparison group")


def _again(run: Run, part: PruneSpec, spec: SharpSpec, what: str) -> None:
    """Whether a kind of region comes out again on the other half of the text, if that is quick."""
    from analysis.structure.replication import replicated, replication_sentence

    with st.spinner("Seeking the regions again on the other half of the text"):
        found = replicated(run, part, spec, only_quick=True).get(what)
    if found is None:
        return
    st.markdown(replication_sentence(found, what, label))
    with st.expander("Found again, domain by domain", icon=":material/repeat:"):
        shares = ("found_share", "confirmed_share", "by_chance_share", "floor_share")
        st.dataframe(
            [{**each.row(), "domain": label(each.domain)} for each in found],
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(name.replace("_", " "), format="percent")
                for name in shares
            },
        )


def _offer_sharp(run: Run, part: PruneSpec, spec: SharpSpec) -> None:
    job = followed("structure")
    busy = job is not None and job.active
    if not busy and st.button("Find the sharp regions", icon=":material/play_arrow:"):
        _submit(run, part, ["--top", str(spec.top), "--others-top", str(spec.others_top)])


draw()
