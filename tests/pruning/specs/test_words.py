"""Choices that make different masks are worded differently, wherever they are worded."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.captions import about
from pruning.exports.card import _settings
from pruning.specs import CalibrationSpec, DomainSpec, ExportSpec, ModelSpec, PruneSpec
from pruning.specs.words import percent
from tests.pruning.drawn_specs import prune_specs

CALIBRATION = CalibrationSpec(
    model=ModelSpec(source="demo"),
    domains=(DomainSpec(name="python", kind="builtin", source="python"),),
)
RUN: Any = SimpleNamespace(id="1f0c", spec=CALIBRATION)
SHARES = st.integers(0, 99).map(lambda share: share / 100)


def meant(prune: PruneSpec) -> PruneSpec:
    """The same masks, said with the usual values where others change nothing."""
    ignored: dict[str, Any] = {}
    if prune.block is not None:
        ignored["comparison_group"] = "row"
    if not prune.reads_text:
        ignored["starved"] = "magnitude"
    if prune.score != "random":
        ignored["seed"] = 0
    return replace(prune, **ignored)


def card(prune: PruneSpec) -> str:
    """What a model card says of the settings."""
    spec = ExportSpec(run="1f0c", mixture=(("python", 1.0),), prune=prune)
    return _settings(spec, CALIBRATION)


@settings(deadline=None)
@given(prune_specs(sparsity=SHARES, pattern=st.just("unstructured")), prune_specs(), st.data())
def test_one_other_choice_is_told(one: PruneSpec, source: PruneSpec, data: st.DataObject) -> None:
    """Of every field alone, so that a new one that no words name is found."""
    name = data.draw(st.sampled_from([field.name for field in fields(PruneSpec)]))
    taken: dict[str, Any] = {name: getattr(source, name)}
    if name == "pattern":
        taken["sparsity"] = source.sparsity
    elif name == "sparsity":
        taken["sparsity"] = data.draw(SHARES)
    try:
        other = replace(one, **taken)
    except ValueError:  # the two choices exclude each other
        return
    alike = meant(one) == meant(other)
    assert (about(RUN, one) == about(RUN, other)) == alike
    assert (card(one) == card(other)) == alike


def test_a_line_of_each() -> None:
    prune = PruneSpec(allocation="owl", starved="dense", layers=(0, 2), projections=("q_proj",))
    assert about(RUN, prune) == (
        "Model: the demo model. 50% sparsity on average; Wanda score within each row; layers pruned "
        "by their outliers (OWL); starved experts left dense; layers 0, 2; q_proj. Run: 1f0c."
    )
    random = PruneSpec(score="random", seed=3, pattern="2:4")
    assert about(RUN, random) == (
        "Model: the demo model. 2:4 pattern (50% sparsity); random score of seed 3. Run: 1f0c."
    )
    assert "| sparsity of each layer | by its outliers (OWL) |" in card(prune)
    assert [percent(share) for share in (0.5, 0.625, 0.005)] == ["50%", "62.5%", "0.5%"]
