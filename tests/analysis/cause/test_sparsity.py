"""Cause over the sparsity: what is stored is found, drawn and said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.cause import results
from analysis.cause.results import Cause, cause
from analysis.cause.sparsity import kind, sparsity_sentence, stored_at_sparsities
from analysis.cause.spec import CauseSpec
from analysis.figures.cause_sparsity import borrowed_lines, own_damage_lines
from analysis.figures.look import Look
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.analysis.cause.test_figures import FOUND, rows, style

__all__ = ["style"]  # the fixture: every figure in light and in dark


def weaker(found: Cause) -> Cause:
    """The same, but the first domain's region is not shown to be its own."""
    first, *others = found.domains
    return replace(found, domains=(replace(first, p={**first.p, "domains": 0.2}), *others))


def test_the_hardest_look_at_each_sparsity_is_found(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = PruneSpec(layers=(0,))
    found = {0.2: FOUND, 0.6: weaker(FOUND)}
    monkeypatch.setattr(results, "measure", lambda *_: None)
    monkeypatch.setattr(results, "answer", lambda *_: replace(FOUND, domains=()))
    for at in found:
        cause(tiny_run, replace(part, sparsity=at), CauseSpec(size=500))
    cause(tiny_run, replace(part, sparsity=0.4), CauseSpec(region="sharp"))
    cause(tiny_run, PruneSpec(layers=(1,)), CauseSpec())
    for at, answer in found.items():
        monkeypatch.setattr(results, "answer", lambda *_, answer=answer: answer)
        cause(tiny_run, replace(part, sparsity=at), CauseSpec(size=2000))
    assert stored_at_sparsities(tiny_run, part, CauseSpec(draws=9)) == found
    assert list(stored_at_sparsities(tiny_run, part, CauseSpec(region="sharp"))) == [0.4]
    assert stored_at_sparsities(tiny_run, part, CauseSpec(region="sharp", top=0.1)) == {}
    assert stored_at_sparsities(tiny_run, PruneSpec(pattern="2:4"), CauseSpec()) == {}


def test_a_pattern_is_no_sparsity_among_others(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = PruneSpec(sparsity=0.6, layers=(1,), projections=("q_proj",))
    monkeypatch.setattr(results, "measure", lambda *_: None)
    monkeypatch.setattr(results, "answer", lambda *_: FOUND)
    for prune in (part, replace(part, sparsity=0.5, pattern="2:4")):
        cause(tiny_run, prune, CauseSpec())
    assert stored_at_sparsities(tiny_run, part, CauseSpec()) == {0.6: FOUND}


def test_a_kind_is_what_is_removed() -> None:
    assert kind(CauseSpec(top=0.1, size=500)) == kind(CauseSpec())
    assert kind(CauseSpec(region="sharp", top=0.1)) != kind(CauseSpec(region="sharp"))


def test_whose_regions_are_their_own_is_said_of_every_sparsity() -> None:
    nobody = replace(FOUND, domains=())
    found = {0.7: FOUND, 0.3: nobody, 0.5: weaker(FOUND)}
    assert sparsity_sentence(found, str.title) == (
        "Regions shown to be their domain's own: at 30% none; at 50% Java, Mine; "
        "at 70% Python, Java, Mine."
    )


def test_figures_over_sparsities_draw_their_tables(style: Look) -> None:
    python, *others = FOUND.domains
    louder = replace(python.damage["python"], value=0.75)
    python = replace(python, damage={**python.damage, "python": louder}, weights=7)
    found = {0.7: replace(FOUND, domains=(python, *others)), 0.3: FOUND}
    chart = own_damage_lines(found, style)
    solid, dotted = chart.figure.data[:2]
    assert (list(solid.x), list(solid.y)) == ([0.3, 0.7], [0.5, 0.75])
    assert list(dotted.y) == [0.1875, 0.1875]  # mean of 0.125 and 0.25
    drawn = [row for row in rows(chart) if row["domain"] == "python"]
    assert [(row["sparsity"], row["weights"], row["damage"]) for row in drawn] == [
        ("0.3", "1234", "0.5"),
        ("0.7", "7", "0.75"),
    ]
    chart = borrowed_lines(found, style)
    assert [list(line.y) for line in chart.figure.data] == [[0.5, 0.5]] * 3
    assert {row["rank_correlation"] for row in rows(chart)} == {"0.9"}
