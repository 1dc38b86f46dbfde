"""Sums add up: subsets, unions and mixtures of groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pruning.errors import AtlasError
from pruning.runs.statistics import ChannelStats, contrast, mix
from pruning.specs import WeightKey

KEY = WeightKey(layer=0, name="self_attn.q_proj")


def stats(sums: list[list[float]], tokens: list[int]) -> ChannelStats:
    return ChannelStats(
        sum_sq={KEY: np.array(sums)}, tokens={KEY: np.array(tokens, dtype=np.int64)}
    )


def test_norms_are_the_root_of_the_sum_over_groups() -> None:
    assert stats([[9.0, 1.0], [16.0, 0.0]], [2, 2]).norms()[KEY].tolist() == [5.0, 1.0]


def test_addition_is_group_by_group() -> None:
    both = stats([[1.0], [2.0]], [1, 2]) + stats([[10.0], [20.0]], [3, 4])
    assert both.sum_sq[KEY].tolist() == [[11.0], [22.0]]
    assert both.tokens[KEY].tolist() == [4, 6]


def test_two_halves_make_the_whole() -> None:
    whole = stats([[1.0, 5.0], [2.0, 6.0], [3.0, 7.0]], [1, 1, 1])
    rest = whole.subset([0, 2]).total() + whole.subset([1])
    assert rest.sum_sq[KEY].tolist() == whole.total().sum_sq[KEY].tolist()


def test_different_inputs_or_groups_do_not_add() -> None:
    with pytest.raises(ValueError, match="1 groups cannot be added to 2"):
        stats([[1.0]], [1]) + stats([[1.0], [1.0]], [1, 1])
    other = ChannelStats(
        sum_sq={WeightKey(layer=1, name="x"): np.ones((1, 1))},
        tokens={WeightKey(layer=1, name="x"): np.ones(1, dtype=np.int64)},
    )
    with pytest.raises(ValueError, match="same layer inputs"):
        stats([[1.0]], [1]) + other


def test_a_mixture_counts_every_domain_per_token() -> None:
    much, little = stats([[400.0, 0.0]], [100]), stats([[0.0, 4.0]], [1])
    mixed = mix([(much, 1.0), (little, 3.0)])
    mean = mixed.sum_sq[KEY][0] / mixed.tokens[KEY][0]
    assert np.allclose(mean, [0.25 * 4.0, 0.75 * 4.0])
    assert mixed.tokens[KEY].tolist() == [101]


def test_a_mixture_of_one_is_its_total_exactly() -> None:
    one = stats([[0.1, 0.7], [0.2, 0.9]], [3, 7])
    assert np.array_equal(mix([(one, 0.3)]).sum_sq[KEY], one.total().sum_sq[KEY])


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_weights_must_be_positive(weight: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        mix([(stats([[1.0]], [1]), weight)])


def test_saved_statistics_come_back_equal(tmp_path: Path) -> None:
    original = stats([[0.1, 2.5], [3.0, 1e-300]], [5, 6])
    original.save(tmp_path / "a.safetensors")
    back = ChannelStats.load(tmp_path / "a.safetensors")
    assert np.array_equal(back.sum_sq[KEY], original.sum_sq[KEY])
    assert np.array_equal(back.tokens[KEY], original.tokens[KEY])
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_only_the_sums_that_are_asked_for_are_read(tmp_path: Path) -> None:
    other = WeightKey(layer=1, name="mlp.experts.0.up_proj")
    two = ChannelStats(
        sum_sq={KEY: np.array([[9.0, 1.0]]), other: np.array([[4.0]])},
        tokens={KEY: np.array([2]), other: np.array([4])},
    )
    two.save(tmp_path / "a.safetensors")
    part = ChannelStats.load(tmp_path / "a.safetensors", inputs={KEY})
    assert list(part.norms()) == [KEY]
    assert part.norms()[KEY].tolist() == two.norms()[KEY].tolist()
    assert part.text_tokens == two.text_tokens  # of all inputs, as a mixture weighs by them
    assert two.starved == {other}
    assert not part.starved


def test_damaged_statistics_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(AtlasError, match="calibrate again"):
        ChannelStats.load(tmp_path / "a.safetensors")


def test_contrast_raises_what_the_others_do_not_use() -> None:
    key = WeightKey(layer=0, name="mlp.up_proj")

    def channels(*sums: float, tokens: int = 2) -> ChannelStats:
        return ChannelStats(sum_sq={key: np.array([sums])}, tokens={key: np.array([tokens])})

    own = channels(8.0, 8.0, 8.0, 0.0, 0.0)
    first, second = channels(8.0, 0.0, 24.0, 8.0, 0.0), channels(8.0, 0.0, 24.0, 8.0, 0.0, tokens=2)
    factors = np.array([1.0, 2.0, 0.5, 0.0, 0.0])  # 2 o / (o + e), by hand
    norms = np.sqrt([8.0, 8.0, 8.0, 0.0, 0.0])
    assert np.allclose(contrast(own, [first, second])[key], norms * factors)


def test_contrast_counts_every_domain_per_token() -> None:
    key = WeightKey(layer=0, name="mlp.up_proj")
    own = ChannelStats(sum_sq={key: np.array([[4.0]])}, tokens={key: np.array([4])})
    other = ChannelStats(sum_sq={key: np.array([[100.0]])}, tokens={key: np.array([100])})
    assert contrast(own, [other])[key] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("sums", "tokens"), [([-1.0], [3]), ([np.nan], [3]), ([np.inf], [3]), ([1.0], [-3])]
)
def test_sums_that_cannot_be_are_damage(
    sums: list[float], tokens: list[int], tmp_path: Path
) -> None:
    stats = ChannelStats(sum_sq={KEY: np.array([sums])}, tokens={KEY: np.array(tokens)})
    stats.save(tmp_path / "a.safetensors")
    with pytest.raises(AtlasError, match="numbers of at least 0"):
        ChannelStats.load(tmp_path / "a.safetensors")
