"""What the playground writes is what the model would: dense, masked, and the model left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.evaluation.likelihood import beginning
from analysis.playground.decoding import choose, end_ids
from analysis.playground.engine import Engine
from analysis.playground.pieces import PieceStream
from analysis.playground.records import Event, GenerationSpec, Passage, Sampling, SubModel
from pruning.domains.encoding import TextEncoder
from pruning.errors import AtlasError, InputError
from pruning.masks.surgery import temporary_masks
from pruning.models.loading import load_model, resolve_device
from pruning.models.sources import DEMO_FOLDER
from pruning.runs.run import Run
from pruning.specs import ModelSpec, PruneSpec
from tests.pruning import zoo
from tests.pruning.finished_run import finished_run, mixture_masks

CODE = SubModel(mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.6))
BOTH = SubModel(mixture=(("code", 1.0), ("prose", 0.5)), prune=PruneSpec(pattern="2:4"))
PROMPT = "def add(first, second):\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def engine(run: Run) -> Engine:
    return Engine.of_run(run)


def test_a_run_made_on_a_gpu_opens_without_one(run: Run) -> None:
    elsewhere = Run(run.folder)
    elsewhere.spec = replace(run.spec, model=replace(run.spec.model, device="cuda:99"))
    assert Engine.of_run(elsewhere).loaded.spec.device == resolve_device("auto")


def asked(run: Run, **changes: Any) -> GenerationSpec:
    spec = GenerationSpec(
        run=run.id, prompt=PROMPT, submodels=(CODE, BOTH), sampling=Sampling(max_tokens=24)
    )
    return replace(spec, **changes)


def never() -> bool:
    return False


def passages(events: Iterator[Event], count: int = 3) -> tuple[Passage, ...]:
    found: tuple[Passage, ...] = (Passage(),) * count
    for event in events:
        found = event.add_to(found)
    return found


def by_transformers(engine: Engine, prompt: str, length: int) -> list[int]:
    """Greedy tokens of transformers' own generate, cut before the end-of-text token."""
    loaded = engine.loaded
    encoder = TextEncoder.of(loaded.tokenizer)
    ids = beginning(encoder) + loaded.tokenizer(prompt, add_special_tokens=False).input_ids
    tensor = torch.tensor([ids])
    output = loaded.module.generate(
        tensor,
        attention_mask=torch.ones_like(tensor),
        max_new_tokens=length,
        do_sample=False,
        pad_token_id=0,
    )[0, len(ids) :].tolist()
    ends = [place for place, token in enumerate(output) if token in end_ids(loaded)]
    return output[: ends[0]] if ends else output


def ids(passage: Passage) -> list[int]:
    return [token.id for token in passage.tokens]


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "gemma3_text", "gpt_neox"])
def test_greedy_is_what_transformers_generates(architecture: str, tmp_path: Path) -> None:
    folder = zoo.build(architecture, tmp_path / "model")
    engine = Engine(load_model(ModelSpec(source=str(folder), device="cpu")))
    spec = GenerationSpec(run="0", prompt=PROMPT, sampling=Sampling(max_tokens=20))
    (dense,) = passages(engine.generate(None, spec, never), 1)  # type: ignore[arg-type]
    assert ids(dense) == by_transformers(engine, PROMPT, 20)


def test_a_sub_model_writes_what_the_masked_model_generates(run: Run, engine: Engine) -> None:
    before = {key: engine.loaded.matrix(key).clone() for key in engine.loaded.keys}
    dense, *others = passages(engine.generate(run, asked(run), never))
    assert ids(dense) == by_transformers(engine, PROMPT, 24)
    for submodel, passage in zip((CODE, BOTH), others, strict=True):
        masks = mixture_masks(run, submodel.prune, dict(submodel.mixture))
        with temporary_masks(engine.loaded, {weight.key: mask for weight, mask in masks}):
            assert ids(passage) == by_transformers(engine, PROMPT, 24)
        assert passage.text == engine.loaded.tokenizer.decode(ids(passage))
    assert ids(dense) != ids(others[0])
    for key, matrix in before.items():
        assert torch.equal(engine.loaded.matrix(key), matrix)


@pytest.mark.skipif(
    not (DEMO_FOLDER / "model.safetensors").is_file(), reason="the demo model is not built yet"
)
def test_the_demo_model_writes_what_transformers_generates() -> None:
    engine = Engine(load_model(ModelSpec(source="demo", device="cpu")))
    spec = GenerationSpec(run="0", prompt=PROMPT, sampling=Sampling(max_tokens=16))
    (dense,) = passages(engine.generate(None, spec, never), 1)  # type: ignore[arg-type]
    assert ids(dense) == by_transformers(engine, PROMPT, 16)
    assert dense.text == engine.loaded.tokenizer.decode(ids(dense))


def test_probability_and_rank_of_a_step(run: Run, engine: Engine) -> None:
    """Against one forward pass over the whole text, without a cache."""
    (dense,) = passages(engine.generate(run, asked(run, submodels=()), never), 1)
    encoder = TextEncoder.of(engine.loaded.tokenizer)
    prompt = beginning(encoder) + encoder.encode([PROMPT], 99)[0]
    with torch.no_grad():
        logits = engine.loaded.module(torch.tensor([prompt + ids(dense)])).logits[0]
    for step in (0, 7):
        expected = logits[len(prompt) - 1 + step].softmax(0)
        token = dense.tokens[step]
        assert token.probability == pytest.approx(float(expected[token.id]), rel=1e-4)
        assert token.rank == 1
        best = expected.sort(descending=True).values[1:4].tolist()
        assert [share for _, share in token.others] == pytest.approx(best, rel=1e-4)


def test_a_choice_worked_out_by_hand() -> None:
    logits = torch.tensor([0.1, 0.6, 0.3]).log()
    choice = choose(logits, Sampling(), torch.Generator())
    assert (choice.id, choice.rank) == (1, 1)
    assert choice.probability == pytest.approx(0.6)
    assert [token for token, _ in choice.others] == [2, 0]
    assert [share for _, share in choice.others] == pytest.approx([0.3, 0.1])


def frequencies(sampling: Sampling, logits: torch.Tensor, draws: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    drawn = [choose(logits, sampling, generator).id for _ in range(draws)]
    return torch.bincount(torch.tensor(drawn), minlength=len(logits)) / draws


def test_draws_follow_temperature_and_nucleus() -> None:
    shares = torch.tensor([0.1, 0.5, 0.3, 0.1])
    plain = frequencies(Sampling(temperature=1.0), shares.log())
    torch.testing.assert_close(plain, shares, atol=0.03, rtol=0)
    squared = shares**2 / (shares**2).sum()  # temperature 1/2 squares the probabilities
    colder = frequencies(Sampling(temperature=0.5), shares.log())
    torch.testing.assert_close(colder, squared, atol=0.03, rtol=0)
    nucleus = frequencies(Sampling(temperature=1.0, top_p=0.7), shares.log())
    kept = torch.tensor([0, 0.625, 0.375, 0])  # 0.5 does not reach 0.7; 0.5 + 0.3 does
    torch.testing.assert_close(nucleus, kept, atol=0.03, rtol=0)


def test_one_seed_gives_one_text_and_the_same_dice_to_all(run: Run, engine: Engine) -> None:
    sampling = Sampling(temperature=1.0, seed=5, max_tokens=12)
    whole = SubModel(mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.0))
    spec = asked(run, sampling=sampling, submodels=(whole,))
    first, same = passages(engine.generate(run, spec, never), 2)
    assert ids(first) == ids(same)  # nothing is pruned, so nothing differs
    assert any(token.rank > 1 for token in first.tokens)
    other = asked(run, sampling=replace(sampling, seed=6), submodels=())
    assert ids(passages(engine.generate(run, other, never), 1)[0]) != ids(first)


def test_stop_ends_everything_and_restores_the_model(run: Run, engine: Engine) -> None:
    key = engine.loaded.keys[0]
    before = engine.loaded.matrix(key).clone()
    written = 0

    def stop() -> bool:
        return written >= 30  # in the first sub-model

    found: tuple[Passage, ...] = (Passage(),) * 3
    for event in engine.generate(run, asked(run), stop):
        written += event.token is not None
        found = event.add_to(found)
    assert [passage.ended for passage in found] == ["length", "stopped", "stopped"]
    assert [len(passage.tokens) for passage in found] == [24, 6, 0]
    assert torch.equal(engine.loaded.matrix(key), before)


def test_a_generation_that_is_left_restores_the_model(run: Run, engine: Engine) -> None:
    key = engine.loaded.keys[0]
    before = engine.loaded.matrix(key).clone()
    events = engine.generate(run, asked(run), never)
    for event in events:
        if event.passage == 1 and event.token is not None:
            assert not torch.equal(engine.loaded.matrix(key), before)
            break
    events.close()  # type: ignore[attr-defined]
    assert torch.equal(engine.loaded.matrix(key), before)


def test_a_stop_text_ends_a_passage(run: Run, engine: Engine) -> None:
    (free,) = passages(engine.generate(run, asked(run, submodels=()), never), 1)
    third = next(token.text for token in free.tokens[2:] if token.text)
    spec = asked(run, submodels=(), stops=(third,))
    (cut,) = passages(engine.generate(run, spec, never), 1)
    assert cut.ended == "stop text"
    assert third in cut.text
    assert len(cut.tokens) < len(free.tokens)


def test_the_context_is_the_limit(run: Run, engine: Engine) -> None:
    long = "add " * 120
    spec = asked(run, prompt=long, submodels=(), sampling=Sampling(max_tokens=2000))
    (dense,) = passages(engine.generate(run, spec, never), 1)
    encoder = TextEncoder.of(engine.loaded.tokenizer)
    room = 256 - len(beginning(encoder)) - len(encoder.encode([long], 999)[0])
    assert dense.ended in ("context", "end of text")
    assert len(dense.tokens) == room or dense.ended == "end of text"
    with pytest.raises(InputError, match="256 at most"):
        list(engine.generate(run, asked(run, prompt="add " * 300), never))


def test_what_cannot_be_is_a_sentence(run: Run, engine: Engine) -> None:
    unknown = SubModel(mixture=(("java", 1.0),))
    with pytest.raises(InputError, match="no domain 'java'"):
        list(engine.generate(run, asked(run, submodels=(unknown,)), never))


def test_without_memory_for_the_dense_weights_nothing_is_masked(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.playground.engine.free_memory_bytes", lambda: 10)
    with pytest.raises(AtlasError, match="kept aside"):
        list(engine.generate(run, asked(run), never))


@pytest.mark.parametrize("text", ["naïve café", "日本語 and 한국어", "😀🎉 done", "plain"])
def test_pieces_are_whole_characters(text: str, engine: Engine) -> None:
    tokenizer = engine.loaded.tokenizer
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    pieces = PieceStream(tokenizer, tokenizer("a: ").input_ids)
    written = [pieces.push(token) for token in tokens]
    assert "".join(written) == text
    assert not any("\ufffd" in piece for piece in written)
    assert pieces.rest() == ""


def test_bytes_that_are_no_character_are_shown_once_that_is_certain(engine: Engine) -> None:
    tokenizer = engine.loaded.tokenizer
    smile = tokenizer("😀", add_special_tokens=False).input_ids
    assert len(smile) == 4  # one token a byte
    tokens = [*smile[1:] * 3, *smile, smile[0]]
    pieces = PieceStream(tokenizer, [])
    written = [pieces.push(token) for token in tokens]
    assert "".join(written) + pieces.rest() == tokenizer.decode(tokens)
    assert "😀" in written
    assert pieces.rest() == "\ufffd"
