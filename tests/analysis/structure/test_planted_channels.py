"""Planted truth: a model whose channels each answer to one symbol, and texts that use some of them.

The tools have to find the channels that one domain alone drives, those and no others, and the
evidence has to be the clearer, the more symbols only one of the two domains uses.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.testing import evidence
from analysis.structure.channels import PairSpec, input_ratios
from analysis.structure.driving import driving_tokens
from pruning.masks.making import run_masks
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.analysis.cause.test_ablation import ALPHABETS, CHANNELS, SYMBOLS, make_run

LEFT, RIGHT = ALPHABETS
DOSES = (0, 1, 2, 4)  # symbols that each domain has for itself
PRUNE = PruneSpec(sparsity=0.5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Run]:
    """Of each dose: the right domain's alphabet has as many symbols that the left one's has not."""
    return {
        dose: make_run(
            tmp_path_factory.mktemp(f"dose-{dose}"),
            {"left": (LEFT,), "right": (LEFT[: 4 - dose] + RIGHT[4 - dose :],)},
        )
        for dose in DOSES
    }


def planted(dose: int) -> tuple[set[int], set[int]]:
    """The channels that the left domain alone drives, and those of the right one."""
    found = []
    for alphabet in ALPHABETS:
        symbols = [SYMBOLS.index(symbol) for symbol in alphabet[4 - dose :]]
        found.append({CHANNELS * number + i for number in symbols for i in range(CHANNELS)})
    return found[0], found[1]


def pair_of(dose: int) -> PairSpec:
    return PairSpec(domain_a="left", domain_b="right", channels=max(CHANNELS * dose, 1))


@pytest.mark.parametrize("dose", DOSES[1:])
def test_the_planted_channels_are_found_and_no_others(dose: int, runs: dict[int, Run]) -> None:
    [channels] = input_ratios(runs[dose], pair_of(dose)).values()
    louder_left = {each.channel for each in channels if each.ratio > 1}
    louder_right = {each.channel for each in channels if each.ratio < 1}
    assert (louder_left, louder_right) == planted(dose)
    assert all(each.low > 1 or each.high < 1 for each in channels)


def test_each_channel_is_driven_by_its_symbol(runs: dict[int, Run]) -> None:
    [channels] = driving_tokens(runs[2], pair_of(2)).values()
    for each in channels:
        symbol = SYMBOLS[each.channel.channel // CHANNELS]
        own, other = each.domains if symbol in LEFT else each.domains[::-1]
        assert own.tokens[0].token.strip() == symbol
        assert own.tokens[0].share > 0.9
        assert all(place.token.strip() == symbol for place in own.occurrences[:2])
        assert symbol not in "".join(token.token for token in other.tokens)


@pytest.mark.parametrize("dose", DOSES[1:])
def test_a_mask_prunes_what_the_other_domain_drives(dose: int, runs: dict[int, Run]) -> None:
    [(_, masks)] = run_masks(runs[dose], PRUNE)
    left, right = (masks[name].unpack() for name in ("left", "right"))
    of_left, of_right = map(sorted, planted(dose))
    assert not (right & ~left)[:, of_left].any()
    assert not (left & ~right)[:, of_right].any()
    assert (left & ~right)[:, of_left].mean() > 0.9
    assert (right & ~left)[:, of_right].mean() > 0.9


def test_evidence_grows_with_the_dose(runs: dict[int, Run]) -> None:
    spec = EvidenceSpec(splits=6, permutations=199, bootstraps=40, rows=0)
    found = [evidence(run, PRUNE, spec)[0].whole for run in runs.values()]
    assert found[0].index_low < 0 < found[0].index_high
    for less, more in pairwise(found):
        assert more.index_low > less.index_high
        assert more.p <= 0.05
