"""Cause: what is lost when the weights that a domain has for itself are taken out of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.captions import about
from analysis.cause.options import cause_flags
from analysis.figures.domains import label
from pages.ui.cause_sparsities import sparsities_section
from pages.ui.charts import show, style
from pages.ui.choices import choose_parts, choose_pruning, choose_run
from pages.ui.frame import go, title
from pages.ui.job_view import show_followed, submit
from pages.ui.state import choose, number, slide, switch
from pages.ui.words import glossary

if TYPE_CHECKING:
    from analysis.cause.results import Cause
    from analysis.cause.spec import CauseSpec, Region
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

REGION_NAMES: dict[Region, str] = {"exclusive": "it alone keeps", "sharp": "score top for it alone"}
DEMO_BYTES_PER_SECOND = 8_000  # that the demo model reads; `python -m demo pruned`, two cores
UNITS = {"bits": "Bits per byte", "relative": "Percent"}
METHOD = """
**Removed.** For each domain in turn, its region is set to zero in the *dense* model: nothing else is
pruned. An *exclusive* region is what the domain's mask keeps and no other domain's mask does. A
*sharp* region is what scores among the top p of the domain and not among the top q of any other.

**Measured.** Bits per byte on held-out text of every domain, minus those of the dense model.
Intervals are from drawing the documents again, the same ones for every removal.

**Compared, so that "hurts" means something.** Three questions are asked about each region, and all
three must be answered yes, with p below 0.05, before it is called the domain's own:

1. *Does it hurt this domain more than other weights would?* As many weights of the same matrices and of
   the same magnitudes are drawn from outside the region, several times. (An exclusive weight is neither
   among the largest nor among the smallest, so weights drawn from all are shown but do not decide.)
2. *Does it hurt this domain more than it hurts others?* The damage beyond that of the same draws, on
   this domain against on every other.
3. *Does it hurt this domain more than others' regions do?* In every pair of domains, as many weights of
   either region as the smaller one has in each matrix.

The draws' own scatter counts as noise, beside the documents': a region is compared with one more
draw, not with the mean of the draws. Each p is the largest of those that have to be small, and
adjusted for asking about every domain (Benjamini and Hochberg).

**Distance and loss.** Every domain is also run on every other domain's mask at this sparsity. The loss
beyond that on its own mask is compared with the distance of the two masks by Spearman's rank
correlation. Pairs that share a domain are not independent, so the test relabels whole domains (Mantel).
"""


def draw() -> None:
    """The whole page."""
    title(
        "Cause",
        "Masks that differ are one thing, weights that matter another. Take the weights that a "
        "domain has for itself out of the model, and see which domains that hurts.",
    )
    run = choose_run()
    if len(run.domains) < 2:
        st.info("This run has one domain only; calibrate two or more to tell their weights apart.")
        go("pages/calibrate.py", "Go to Calibrate", ":material/straighten:")
        return
    with st.container(border=True):
        prune = choose_pruning(run)
        spec = _choose_spec()
        prune = choose_parts(run, prune)
    if not prune.reads_text:
        st.info(
            "This score ignores the text, so every domain has the same mask and none has weights "
            "of its own. Choose a score that reads the text, such as Wanda.",
            icon=":material/info:",
        )
        return
    known = _found(run, prune, spec)
    if known is not None:
        found, spec = known
        caption = about(run, prune)
        _damage(found, spec, caption)
        _one_domain(found, spec, caption)
        _distance(found, caption)
        sparsities_section(run, prune, spec)
    with st.expander("How this is measured", icon=":material/menu_book:"):
        st.markdown(METHOD)


def _choose_spec() -> CauseSpec:
    from analysis.cause.spec import CauseSpec

    left, middle, right = st.columns([3, 2, 2], gap="medium")
    with left:
        region = switch(
            "Take out the weights that",
            list(REGION_NAMES),
            "region",
            format_func=REGION_NAMES.__getitem__,
            help="Of each domain in turn. The method is explained at the end of the page.",
        )
    share = {}
    for column, key, text in (
        (middle, "top", "Top of the domain"),
        (right, "others_top", "Minus top of others"),
    ):
        with column:
            share[key] = slide(
                text, 0.01, 0.5, key, 0.05, 0.01, format="percent", disabled=region != "sharp"
            )
    with st.expander("How hard to look", icon=":material/search:"):
        one, other = st.columns(2, gap="medium")
        with one:
            size = number("Bytes of held-out text, each domain", "bytes", 10_000, 1000, 1_000_000)
        with other:
            draws = number("Random draws, each domain", "draws", 10, 2, 50)
    if region == "exclusive":
        return CauseSpec(size=size, draws=draws)
    return CauseSpec(
        region="sharp",
        top=round(share["top"], 4),
        others_top=round(share["others_top"], 4),
        size=size,
        draws=draws,
    )


def _found(run: Run, prune: PruneSpec, spec: CauseSpec) -> tuple[Cause, CauseSpec] | None:
    """What is known for these choices, and how hard it was looked.

    Where that is another effort than the chosen one, or nothing is known, the job that finds it, or
    the button that starts it, is shown as well.
    """
    from analysis.cause.results import stored_cause, stored_causes
    from analysis.cause.sparsity import kind

    job = show_followed("cause")
    found = stored_cause(run, prune, spec)
    if found is not None:
        return found, spec
    others = stored_causes(run, prune).items()
    other = next(((cause, asked) for asked, cause in others if kind(asked) == kind(spec)), None)
    if job is None or not job.active:
        _offer(run, prune, spec)
    if other is not None:
        st.caption(
            f"What follows was measured on {other[1].size:,} bytes of every domain, with "
            f"{other[1].draws} random draws."
        )
    return other


def _offer(run: Run, prune: PruneSpec, spec: CauseSpec) -> None:
    from analysis.cause.spec import steps

    readings = sum(len(step.evaluated) for step in steps(run.domains, spec))
    minutes = max(1, round(readings * spec.size / DEMO_BYTES_PER_SECOND / 60))
    st.info(
        f"This takes weights out of the dense model and reads held-out text {readings} times, "
        f"{spec.size:,} bytes each. With the demo model on two cores that is about {minutes} "
        f"{'minute' if minutes == 1 else 'minutes'}; you may cancel at any time, and it goes on "
        "from there when you start it again.",
        icon=":material/hourglass_top:",
    )
    if st.button("Take them out and measure", type="primary", icon=":material/content_cut:"):
        title = f"Taking out {spec.region} weights at {prune.sparsity:.0%}"
        submit("cause", title, ["analysis", "cause", "--run", run.id, *cause_flags(prune, spec)])


def _damage(found: Cause, spec: CauseSpec, caption: str) -> None:
    from analysis.cause.findings import is_own, verdict
    from analysis.figures.cause import damage_matrix

    own = sum(is_own(row) for row in found.domains)
    st.header("What is lost", anchor=False)
    left, right = st.columns([5, 3], gap="large")
    with left:
        unit = switch("Damage in", list(UNITS), "unit", format_func=UNITS.__getitem__)
        chart = damage_matrix(found, style(), relative=unit == "relative")
        show(chart, "damage", about=caption)
        st.caption(
            "Framed: a region on its own domain. The two last rows: as many other weights as the "
            "column's own region has, of the same magnitudes or of any, mean of "
            f"{spec.draws} draws. Compare a framed cell with its column and with its row."
        )
    with right:
        st.subheader("In words", anchor=False)
        st.markdown(
            f"**{own} of {len(found.domains)}** regions are shown to be their domain's own.\n\n"
            + "\n".join(f"- {verdict(row, label)}" for row in found.domains)
        )
        least, most = min(found.documents.values()), max(found.documents.values())
        st.caption(
            f"Read on {least if least == most else f'{least} to {most}'} held-out documents of every "
            "domain. Small damage needs more of them to be told from none: raise the bytes under *How "
            "hard to look*."
        )
        glossary("Ablation", "Bits per byte", "Held-out text", "p-value")


def _one_domain(found: Cause, spec: CauseSpec, caption: str) -> None:
    from analysis.cause.findings import facts
    from analysis.figures.cause import comparison_chart

    st.header("One region, against everything it is compared with", anchor=False)
    chosen = choose("Region of", list(found.dense), "domain", format_func=label, width=280)
    row = next(each for each in found.domains if each.domain == chosen)
    left, right = st.columns([5, 3], gap="large")
    with left:
        show(comparison_chart(row, style()), f"comparison-{chosen}", about=caption)
    with right:
        st.markdown(facts(row, spec.region, label))


def _distance(found: Cause, caption: str) -> None:
    from analysis.cause.findings import quality
    from analysis.figures.cause import distance_scatter

    st.header("Does overlap predict quality?", anchor=False)
    st.markdown(quality(found))
    show(distance_scatter(found.borrowed, style()), "distance-loss", about=caption)
    st.caption(
        "One dot for every ordered pair: a domain (its colour) run on another domain's mask at the "
        "chosen sparsity, against running it on its own; the costliest are named. Point at a dot to "
        "see which it is."
    )


draw()
