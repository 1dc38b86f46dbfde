"""The benchmark of false positives: domains that are made as they say."""

from __future__ import annotations

import numpy as np

from bench.nulls import FINE, GROUPS, Domain, kinds_of


def text(domain: Domain) -> np.ndarray:
    """How much of each small group is in each group."""
    return np.sum(list(domain.members.values()), axis=0)


def test_every_kind_is_made_of_so_many_groups() -> None:
    for name, kind in kinds_of(FINE).items():
        for number, domain in enumerate(kind(np.random.default_rng(0))):
            lengths = text(domain).sum(axis=1)
            assert lengths.shape == (GROUPS,)
            assert np.ptp(lengths) < 1e-9, name
            assert (lengths[0] < 2) == ("a fifth" in name and number == 1)


def test_nulls_of_single_draws_share_no_text() -> None:
    kinds = kinds_of(FINE)
    for name in ("null: equal draws", "null: one with a fifth of the text"):
        first, second = kinds[name](np.random.default_rng(1))
        assert not (text(first).sum(axis=0) * text(second).sum(axis=0)).any()


def test_doses_are_shares_of_the_text() -> None:
    first, second = kinds_of(FINE)["planted: 10% of Java's text in the second"](
        np.random.default_rng(2)
    )
    assert set(first.members) == {"python"}
    parts = {name: of.sum() for name, of in second.members.items()}
    assert abs(parts["java"] / sum(parts.values()) - 0.1) < 1e-9
