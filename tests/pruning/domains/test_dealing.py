"""Dealing documents to groups: balanced, never more than fits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pruning.domains.dealing import Dealer, budgets, largest_filled


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), max_size=40),
    num_samples=st.integers(1, 20),
    groups=st.integers(1, 6),
    usable=st.integers(1, 12),
)
def test_dealing_is_balanced_and_never_overfills(
    lengths: list[int], num_samples: int, groups: int, usable: int
) -> None:
    num_samples = max(num_samples, groups)
    sizes = budgets(num_samples, groups, usable)
    assert sum(sizes) == num_samples * usable
    dealer = Dealer(sizes)
    for length in lengths:
        if dealer.is_full:
            break
        open_groups = [g for g in range(groups) if dealer.used[g] < sizes[g]]
        poorest = min(open_groups, key=lambda g: dealer.used[g])
        before = dealer.used[poorest]
        group, start, taken = dealer.deal(length)
        assert (group, start) == (poorest, before + (before > 0))
        assert 1 <= taken <= length
        assert start + taken <= sizes[group]
    assert all(used <= size for used, size in zip(dealer.used, sizes, strict=True))


def test_the_largest_number_of_samples_that_can_be_filled() -> None:
    assert largest_filled([10, 10, 3], groups=2, usable=4, below=10) == 5
    assert largest_filled([3, 3], groups=2, usable=4, below=10) == 2  # the fourth: a separator
    assert largest_filled([2, 2], groups=2, usable=4, below=10) == 0
    assert largest_filled([1000] * 4, groups=2, usable=4, below=7) == 6
