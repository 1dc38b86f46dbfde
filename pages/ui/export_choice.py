"""Which domains a sub-model is for, how several of them become one, and how it is repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from pages.ui.estimate import START_SECONDS, guessed_speed, measured_speed
from pages.ui.library import finished_runs
from pages.ui.state import choose, choose_many, first_value, keep, switch
from pages.ui.words import count, duration, explain, listing
from pruning.errors import InputError

if TYPE_CHECKING:
    from pruning.runs.run import Run
    from pruning.specs import ExportSpec, PruneSpec

# What a person chooses -> in words. "others" is the union of all domains that were not named.
KEEPS = {
    "mixture": "Mixture",
    "union": "What any of them needs",
    "intersection": "What all of them need",
    "others": "All but these",
    "removal": "All without what only these need",
}
MEANINGS = {
    "mixture": "The domains' sums are added with the weights that you give them, and one mask of "
    "the chosen sparsity is made.",
    "union": "Every weight that the mask of {any} keeps. It prunes less than each mask by itself.",
    "intersection": "Only weights that the masks of {all} all keep. It prunes more than each mask "
    "by itself.",
    "others": "Every weight that the mask of {others} keeps: the union of the other domains.",
    "removal": "Nothing is pruned but the weights that the mask of {any} keeps and the mask of no "
    "other domain of this run does. It prunes little, and shows what is lost with them.",
}


REPAIRS = {
    "none": "None",
    "refit": "Refit the kept weights",
    "alps": "ALPS",
    "sparsegpt": "SparseGPT",
}


def choose_repair(combination: str, prune: PruneSpec) -> str:
    """How the sub-model is repaired, of what its choices allow."""
    possible = ["none"]
    if combination != "removal":
        possible.append("refit")
    if combination == "mixture" and prune.score == "wanda":
        possible += ["alps", "sparsegpt"]
    return switch(
        "Repair",
        possible,
        "repair",
        format_func=REPAIRS.__getitem__,
        help=explain("Repair"),
    )


def repair_cost(run: Run, spec: ExportSpec) -> str | None:
    """How long the repair will take, in words; None without one."""
    from pruning.repair.cost import operations
    from pruning.repair.recipe import made_of, recipe_of

    if spec.repair == "none":
        return None
    if made_of(run, spec) is not None:
        return "This sub-model was repaired before and is kept with the run: building it is quick."
    tokens = sum(run.manifest.domains[name].tokens for name in spec.domains)
    device = str(run.spec.model.device)
    speed = measured_speed(finished_runs(), device) or guessed_speed(device)
    work = operations(recipe_of(run, spec).weights, tokens, spec.repair)
    return (
        f"The repair takes about {duration(START_SECONDS + work / speed)} on this machine, reading "
        f"{count(tokens)} tokens layer by layer, and is then kept with the run. An estimate, from "
        "the weights' shapes and the speed of earlier calibrations."
    )


def choose_domains(run: Run) -> tuple[dict[str, float], str]:
    """Domain -> weight, and the combination that an ExportSpec names."""
    left, right = st.columns(2, gap="medium")
    with left:
        names = choose_many(
            "Domains",
            run.domains,
            "for",
            default=run.domains[:1],
            format_func=label,
            help="The sub-model is made of these domains' masks, as chosen beside.",
        )
    with right:
        keeps = choose("Keep", _possible(run, names), "keep", format_func=KEEPS.__getitem__)
    if not names:
        raise InputError("Choose at least one domain that the sub-model is for.")
    others = [name for name in run.domains if name not in names]
    either = [label(name) for name in names]
    if len(names) > 1 or keeps != "mixture":
        st.caption(
            MEANINGS[keeps].format(
                any=" or ".join(either),
                all=listing(either, 8),
                others=" or ".join(label(name) for name in others),
            )
        )
    if keeps == "mixture":
        return _weights(names), keeps
    if keeps == "others":  # of one other domain, the union is its mask
        return dict.fromkeys(others, 1.0), "union" if len(others) > 1 else "mixture"
    return dict.fromkeys(names, 1.0), keeps


def _possible(run: Run, names: list[str]) -> list[str]:
    """What these domains can be combined to: sets need two of them, or others that stay."""
    possible = ["mixture"]
    if len(names) > 1:
        possible += ["union", "intersection"]
    if 0 < len(names) < len(run.domains):
        possible += ["others", "removal"]
    return possible


def _weights(names: list[str]) -> dict[str, float]:
    if len(names) == 1:
        return {names[0]: 1.0}
    mixture = {}
    for start in range(0, len(names), 4):
        for column, name in zip(st.columns(4), names[start : start + 4], strict=False):
            key = f"weight-{name}"
            first_value(key, 1.0)
            with column:
                value = st.number_input(
                    f"Weight of {label(name)}",
                    0.01,
                    100.0,
                    1.0,
                    step=0.25,
                    key=key,
                    bind="query-params",
                )
            mixture[name] = float(keep(key, value))
    return mixture
