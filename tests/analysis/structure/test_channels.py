"""Loud channels by hand, and the tokens that drive them against the sums of the calibration."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.figures.look import LIGHT
from analysis.figures.structure_channels import largest_ratios, ratio_bars
from analysis.structure import driving as module
from analysis.structure.activations import channel_values
from analysis.structure.channels import (
    LoudChannel,
    PairSpec,
    input_names,
    input_ratios,
    loud_channels,
    pair_spec,
)
from analysis.structure.driving import (
    driving_tokens,
    stored_driving_tokens,
    visible,
    wanted_inputs,
)
from analysis.structure.findings import loudest_sentence
from pruning.calibration.passages import batches_of
from pruning.errors import AtlasError, Cancelled, InputError
from pruning.models import loading as models
from pruning.models.loading import load_model
from pruning.progress import Meter, Progress, ignore
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import WeightKey
from tests.pruning.finished_run import finished_run

Q0 = WeightKey(layer=0, name="self_attn.q_proj")


def stats(mean_squares: list[float], tokens: tuple[int, ...] = (100, 100)) -> ChannelStats:
    count = np.array(tokens)
    return ChannelStats(sum_sq={Q0: np.array(mean_squares) * count[:, None]}, tokens={Q0: count})


def test_ratios_by_hand_are_per_token() -> None:
    first = stats([4.0, 1.0, 1.0, 9.0], tokens=(100, 300))
    second = stats([1.0, 1.0, 4.0, 1.0], tokens=(10, 10))
    found = loud_channels(first, second, Q0, 5)
    assert [(each.channel, each.ratio) for each in found] == [(3, 3.0), (0, 2.0), (2, 0.5)]
    assert (found[0].rms_a, found[0].rms_b) == (3.0, 1.0)
    assert all(each.low == each.ratio == each.high for each in found)  # groups agree exactly
    assert [each.channel for each in loud_channels(first, second, Q0, 1)] == [3, 2]


def test_quiet_channels_are_left_out_and_silence_has_a_finite_ratio() -> None:
    first = stats([1.0, 1.0, 1.0, 1e-6, 0.0])
    second = stats([1.0, 1.0, 0.0, 1e-9, 0.0])
    [only] = loud_channels(first, second, Q0, 5)
    assert only.channel == 2
    assert only.ratio == pytest.approx(1000)
    assert loud_channels(stats([0.0, 0.0]), stats([0.0, 0.0]), Q0, 5) == ()
    assert loud_channels(stats([1.0, 2.0]), stats([1.0, 2.0]), Q0, 5) == ()


def test_the_interval_covers_the_true_ratio() -> None:
    random = np.random.default_rng(0)
    covered, draws, groups = 0, 400, 16
    truth = np.array([2.0, 1.0])  # the second channel is there to be typical
    for _ in range(draws):
        tokens = np.full(groups, 100)
        noisy = [
            ChannelStats(
                sum_sq={Q0: scale**2 * 100 * random.gamma(20, 1 / 20, (groups, 2))},
                tokens={Q0: tokens},
            )
            for scale in (truth, np.ones(2))
        ]
        found = {each.channel: each for each in loud_channels(*noisy, Q0, 2)}
        covered += found[0].low <= 2.0 <= found[0].high
    assert 0.90 <= covered / draws <= 0.98


def test_the_pair_is_named_in_the_runs_order(tiny_run: Run) -> None:
    first, second = tiny_run.domains[0], tiny_run.domains[2]
    assert pair_spec(tiny_run, second, first) == PairSpec(domain_a=first, domain_b=second)
    with pytest.raises(InputError, match="named twice"):
        pair_spec(tiny_run, first, first)
    with pytest.raises(InputError, match="no domain 'poems'"):
        pair_spec(tiny_run, first, "poems")
    with pytest.raises(InputError, match="at least 1"):
        pair_spec(tiny_run, first, second, 0)


def test_every_input_of_a_run_is_looked_at(tiny_run: Run) -> None:
    spec = pair_spec(tiny_run, "code", "prose", 3)
    found = input_ratios(tiny_run, spec)
    assert set(found) == {weight.input_key for weight in tiny_run.weights}
    names = {key.name: name for key, name in input_names(tiny_run).items()}
    assert names == {
        "self_attn.q_proj": "q, k, v",
        "self_attn.o_proj": "o",
        "mlp.gate_proj": "gate, up",
        "mlp.down_proj": "down",
    }
    totals = [tiny_run.stats(name).total() for name in ("code", "prose")]
    for key, channels in found.items():
        one, other = (np.sqrt(t.sum_sq[key][0] / t.tokens[key]) for t in totals)
        for each in channels:
            assert each.ratio == pytest.approx(one[each.channel] / other[each.channel])
            assert each.low < each.ratio < each.high


def test_an_expert_that_one_domain_starves_is_not_compared(tmp_path: Path) -> None:
    run = finished_run("qwen3_moe", tmp_path)
    starved = {name: run.stats(name).starved for name in run.domains}
    assert starved["code"] - starved["prose"]
    found = input_ratios(run, pair_spec(run, "code", "prose"))
    assert set(found) == {weight.input_key for weight in run.weights}
    neither = set(found) - starved["code"] - starved["prose"]
    assert {key for key, channels in found.items() if channels} == neither
    assert largest_ratios(found, input_names(run), LIGHT).table["largest_ratio"]


def test_inputs_of_equal_projections_keep_apart(tmp_path: Path) -> None:
    run = finished_run("gpt2", tmp_path)
    names = {key.name: name for key, name in input_names(run).items()}
    assert names["attn.c_attn"] == "c_attn"
    assert names["attn.c_proj"] == "attn.c_proj"
    assert names["mlp.c_proj"] == "mlp.c_proj"


def test_the_values_read_again_add_up_to_the_stored_sums(tiny_run: Run) -> None:
    loaded = load_model(tiny_run.spec.model)
    sample = tiny_run.tokens("sums")
    weights = [w for w in tiny_run.weights if w.key.projection in ("k_proj", "down_proj")]
    channels = {weight.input_key: (5, 0) for weight in weights}
    texts = {"sums": batches_of(sample, range(sample.num_samples), 3)}
    values = channel_values(loaded, texts, weights, channels, Meter(ignore, "test", 2))["sums"]
    sums = tiny_run.stats("sums").total().sum_sq
    assert len(values) == 4
    for key, read in values.items():
        assert read.shape == (sample.valid.sum(), 2)
        squares = (read.astype(np.float64) ** 2).sum(axis=0)
        np.testing.assert_allclose(squares, sums[key][0, [5, 0]], rtol=1e-5)
    assert not any(module._forward_pre_hooks for module in loaded.module.modules())


@pytest.fixture(scope="module")
def driven(tiny_run: Run) -> tuple[PairSpec, dict]:
    spec = pair_spec(tiny_run, "code", "prose", 2)
    return spec, driving_tokens(tiny_run, spec)


def test_shares_and_activations_belong_to_the_text(tiny_run: Run, driven: tuple) -> None:
    spec, found = driven
    texts = dict.fromkeys(
        ("code", "prose"),
        "def f(x): return x + On day the dog slept and fox did not. 0123456789,=\n()",
    )
    for key, channels in found.items():
        assert tuple(each.channel for each in channels) == (input_ratios(tiny_run, spec)[key])
        for each in channels:
            assert [domain.domain for domain in each.domains] == ["code", "prose"]
            for domain, rms in zip(each.domains, (each.channel.rms_a, each.channel.rms_b), strict=True):  # fmt: skip
                shares = [token.share for token in domain.tokens]
                assert shares == sorted(shares, reverse=True)
                assert 0 < sum(shares) <= 1 + 1e-9
                strongest = [abs(place.activation) for place in domain.occurrences]
                assert strongest == sorted(strongest, reverse=True)
                assert strongest[0] >= rms
                names = [place.token for place in domain.occurrences]
                assert max(names.count(name) for name in names) <= 2
                for place in domain.occurrences:
                    assert "<|" not in place.before + place.after  # no other document
                    assert set(place.token) <= set(texts[domain.domain])


def test_what_is_known_is_not_read_again(
    tiny_run: Run, driven: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, found = driven
    monkeypatch.setattr(models, "load_model", pytest.fail)
    assert driving_tokens(tiny_run, spec, [1], ["k_proj"]) == {
        key: found[key] for key in wanted_inputs(tiny_run, [1], ["q_proj"])
    }
    assert stored_driving_tokens(tiny_run, replace(spec, channels=3), Q0) is None


def test_where_nothing_differs_nothing_is_read(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = pair_spec(tiny_run, "code", "prose", 4)
    monkeypatch.setattr(models, "load_model", pytest.fail)
    monkeypatch.setattr(module, "input_ratios", lambda *_: {Q0: ()})
    assert driving_tokens(tiny_run, spec, [0], ["q_proj"]) == {Q0: ()}


def test_a_model_that_changed_is_refused(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tiny_run.manifest.model_copy(update={"fingerprint": "another"})
    monkeypatch.setattr(tiny_run, "manifest", other)
    with pytest.raises(AtlasError, match="not the one that run"):
        driving_tokens(tiny_run, pair_spec(tiny_run, "code", "sums"), [0])


def test_cancelling_leaves_nothing_behind(tiny_run: Run) -> None:
    spec = pair_spec(tiny_run, "prose", "sums")

    def cancel(progress: Progress) -> None:
        if progress.stage == "Reading the text again":
            raise Cancelled

    with pytest.raises(Cancelled):
        driving_tokens(tiny_run, spec, [0], report=cancel)
    assert stored_driving_tokens(tiny_run, spec, Q0) is None


def test_a_channel_planted_in_one_domain_is_found_with_its_token() -> None:
    """A channel that one token id alone excites, in a hand-made column of values."""
    ids = np.array([[5, 7, 5, 9], [7, 7, 5, 9]], dtype=np.int32)
    valid = np.array([[True, True, True, False], [True, True, True, True]])
    sample = module.TokenSample(
        input_ids=ids,
        valid=valid,
        group=np.zeros(2, dtype=np.int32),
        documents=np.array([2]),
    )

    class Tokenizer:
        def decode(self, ids: list[int], **_: bool) -> str:
            return "".join(f"<{n}>" for n in ids)

    class Loaded:
        tokenizer = Tokenizer()

    values = np.array([0, 3, 0, -4, 1, 0, 0], dtype=np.float32)  # of the seven valid positions
    found = module._driving(values, "math", sample, Loaded())  # type: ignore[arg-type]
    assert [(each.token, each.count, each.share) for each in found.tokens] == [("<7>", 3, 1.0)]
    places = [(p.before, p.token, p.after, p.activation) for p in found.occurrences]
    assert places == [("", "<7>", "<7><5><9>", -4.0), ("<5>", "<7>", "<5>", 3.0)]


def test_one_can_see_white_space() -> None:
    seen = {
        " the": "␣the",
        "\n": "⏎",
        "a b": "a b",
        "\t": "⇥",
        "  ": "␣␣",
        "       x": "␣×7x",
        "": "",
    }
    assert {text: visible(text) for text in seen} == seen


CHANNELS = (
    LoudChannel(channel=4, rms_a=4, rms_b=1, ratio=4.0, low=2.0, high=8.0),
    LoudChannel(channel=1, rms_a=1, rms_b=8, ratio=0.125, low=0.1, high=0.2),
)


def test_figures_draw_their_tables_and_the_sentence_the_largest() -> None:
    chart = ratio_bars(CHANNELS, "python", "math", LIGHT)
    assert chart.table["ratio"] == [4.0, 0.125]
    assert list(chart.figure.data[0].x) == [2.0, -3.0]
    assert list(chart.figure.data[0].error_x.array) == [1.0, math.log2(0.2 / 0.125)]
    overview = largest_ratios({Q0: CHANNELS}, {Q0: "q, k, v"}, LIGHT)
    assert overview.table == {"layer": [0], "projection": ["q, k, v"], "largest_ratio": [8.0]}
    assert ratio_bars((), "python", "math", LIGHT).table["channel"] == []
    text = loudest_sentence({Q0: CHANNELS}, "python", "math", str.title)
    assert "Channel 1 of the input of self_attn.q_proj in layer 0" in text
    assert "8.0 times as loud on Math as on Python (95% interval 5.0 to 10.0)" in text
    assert "No channel is known to differ" in loudest_sentence({Q0: ()}, "python", "math")
