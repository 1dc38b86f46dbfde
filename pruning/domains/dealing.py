"""Dealing documents to groups, so that each group is a random set of whole documents."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def budgets(num_samples: int, groups: int, usable: int) -> list[int]:
    """Positions that each group can hold: `usable` a sample; the first groups get one sample more."""
    each, more = divmod(num_samples, groups)
    return [(each + (group < more)) * usable for group in range(groups)]


class Dealer:
    """Gives each document to the group that holds least so far (the lower number, if equal).

    A group is full when no further token fits: with one position left there is room for a
    separator, but for no token after it.
    """

    def __init__(self, budgets: Sequence[int]) -> None:
        self.budgets = list(budgets)
        self.used = [0] * len(self.budgets)  # positions, separators included
        self.documents = [0] * len(self.budgets)
        self._open = [(0, group) for group in range(len(self.budgets))]

    @property
    def is_full(self) -> bool:
        """Whether every group is."""
        return not self._open

    @property
    def missing(self) -> int:
        """Positions still to be filled in all groups together."""
        return sum(self.budgets) - sum(self.used)

    def is_open(self, group: int) -> bool:
        """Whether a group still takes documents."""
        return (self.used[group], group) in self._open

    def deal(self, length: int, group: int | None = None) -> tuple[int, int, int]:
        """Place a document of `length` >= 1 tokens, in an open `group` if one is named.

        Returns its group, the position of its first token there, and how many of its tokens are
        used: all that fit. Raises IndexError when all groups are full.
        """
        if group is None:
            used, group = heapq.heappop(self._open)
        else:
            used = self.used[group]
            self._open.remove((used, group))
            heapq.heapify(self._open)
        start = used + (used > 0)  # one position for the separator
        taken = min(length, self.budgets[group] - start)
        end = start + taken
        self.documents[group] += 1
        if self.budgets[group] - end <= 1:
            end = self.budgets[group]
        else:
            heapq.heappush(self._open, (end, group))
        self.used[group] = end
        return group, start, taken


def largest_filled(lengths: Sequence[int], groups: int, usable: int, below: int) -> int:
    """The largest number of samples under `below` that documents of these lengths fill; 0 if none."""

    def fills(num_samples: int) -> bool:
        dealer = Dealer(budgets(num_samples, groups, usable))
        for length in lengths:
            if dealer.is_full:
                return True
            dealer.deal(length)
        return dealer.is_full

    low, high = groups - 1, below - 1  # low is known to be filled, or the number for "none"
    while low < high:
        middle = (low + high + 1) // 2
        if fills(middle):
            low = middle
        else:
            high = middle - 1
    return low if low >= groups else 0
