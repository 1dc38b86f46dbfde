"""Regions that come out again: counted weight by weight, and kept."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from analysis.structure import replication as module
from analysis.structure.replication import (
    EXCLUSIVE,
    SHARP,
    Replication,
    can_be_asked,
    replicated,
    replication_sentence,
    replications,
)
from analysis.structure.sharp import SharpSpec
from pruning.masks.making import masks_from_norms
from pruning.masks.norms import norms_of
from pruning.runs.run import Run
from pruning.specs import PruneSpec


def test_counts_are_those_of_masks_taken_apart(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.6)
    found = {each.domain: each for each in replications(tiny_run, prune)}
    halves = []
    for half in (0, 1):
        norms = {}
        for domain in tiny_run.domains:
            stats = tiny_run.stats(domain)
            norms[domain] = norms_of(stats.subset(range(half, stats.groups, 2)))
        masks = [of for _, of in masks_from_norms(tiny_run, prune, norms)]
        halves.append(
            {
                domain: np.array(
                    list(chain.from_iterable(of[domain].unpack().ravel() for of in masks))
                )
                for domain in tiny_run.domains
            }
        )
    for domain in tiny_run.domains:
        only = [
            half[domain]
            & ~np.any([half[other] for other in tiny_run.domains if other != domain], axis=0)
            for half in halves
        ]
        each = found[domain]
        assert each.kept == halves[0][domain].sum()
        assert each.found == only[0].sum()
        assert each.confirmed == (only[0] & only[1]).sum()
        assert each.floor == (halves[0][domain] & ~halves[1][domain]).sum()
        assert 0 < each.by_chance < each.found


def test_it_is_kept_and_read_back(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = replicated(tiny_run, PruneSpec(), SharpSpec())
    assert set(first) == {EXCLUSIVE, SHARP}
    monkeypatch.setattr(module, "masks_from_norms", lambda *_: pytest.fail("counted again"))
    assert replicated(tiny_run, PruneSpec(), SharpSpec(), only_quick=True) == first


def test_a_score_of_other_domains_or_of_no_text_has_none(tiny_run: Run) -> None:
    assert can_be_asked(tiny_run, PruneSpec(score="ria"))
    for score in ("magnitude", "contrastive"):
        assert not can_be_asked(tiny_run, PruneSpec(score=score))
    assert replicated(tiny_run, PruneSpec(score="magnitude"), SharpSpec()) == {}


def test_in_words() -> None:
    rows = (
        Replication(domain="a", kept=1000, found=100, confirmed=60, by_chance=2.0, floor=30),
        Replication(domain="b", kept=1000, found=100, confirmed=20, by_chance=4.0, floor=50),
    )
    said = replication_sentence(rows, EXCLUSIVE, str.upper)
    assert "40% are found again on the other half (3.0% if they lay anywhere)" in said
    assert "most of A's, 60%" in said
    assert "They are 10.0% of what masks of half the text keep" in said
    assert "differ in 4.0%" in said
    none = Replication(domain="a", kept=9, found=0, confirmed=0, by_chance=0.0, floor=0)
    assert "no domain has sharp weights" in replication_sentence((none,), SHARP)
    assert none.row()["confirmed_share"] is None
