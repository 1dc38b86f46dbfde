"""Bits per document, and text that calibration has not read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.evaluation import held_out, likelihood
from analysis.evaluation.held_out import CalibrationText, held_out_documents
from analysis.evaluation.likelihood import beginning, document_losses, windows
from pruning.calibration.calibrating import calibrate
from pruning.domains.encoding import TextEncoder
from pruning.errors import InputError
from pruning.models.loading import LoadedModel, load_model, load_tokenizer
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec
from tests.pruning import zoo

TEXTS = ["the fox\n", "def add(first):", "œuvre", "the quick dog " * 60]


@pytest.fixture(scope="module", params=["llama", "gemma3_text"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = zoo.build(request.param, tmp_path_factory.mktemp("model"))
    return load_model(ModelSpec(source=str(folder), device="cpu"))


@contextmanager
def silenced(model: LoadedModel) -> Iterator[None]:
    """Inside, every token is equally likely."""
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    with torch.no_grad():
        for parameter in model.module.parameters():
            parameter.zero_()
    try:
        yield
    finally:
        model.module.load_state_dict(before)


def by_hand(model: LoadedModel, text: str) -> float:
    """Bits of a text that fits into the context, token by token."""
    encoder = TextEncoder.of(model.tokenizer)
    start = beginning(encoder)
    ids = start + encoder.encode([text], 10_000)[0]
    with torch.inference_mode():
        logits = model.module(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return -sum(float(logits[i - 1, ids[i]]) for i in range(len(start), len(ids))) / math.log(2)


def test_bits_are_those_of_every_token_in_turn(model: LoadedModel) -> None:
    losses = document_losses(model, TEXTS[:3])
    assert losses.bits == pytest.approx([by_hand(model, text) for text in TEXTS[:3]], rel=1e-5)
    assert losses.bytes.tolist() == [8, 15, 6]


def test_a_uniform_model_needs_the_bits_of_its_vocabulary(model: LoadedModel) -> None:
    rows = model.module.get_output_embeddings().weight.shape[0]
    with silenced(model):
        losses = document_losses(model, TEXTS)
    assert losses.bits == pytest.approx(losses.tokens * math.log2(rows), rel=1e-5)
    assert losses.perplexity == pytest.approx(rows, rel=1e-4)
    share = losses.tokens.sum() / losses.bytes.sum()
    assert losses.bits_per_byte == pytest.approx(share * math.log2(rows), rel=1e-5)


def test_bits_do_not_depend_on_the_batch(model: LoadedModel) -> None:
    together, alone = (document_losses(model, TEXTS, batch_size=size).bits for size in (4, 1))
    assert together == pytest.approx(alone, rel=1e-5)


def test_windows_predict_every_token_once_from_the_one_before(model: LoadedModel) -> None:
    encoder = TextEncoder.of(model.tokenizer)
    ids = list(range(10, 33))
    found = windows(ids, encoder, 8)
    assert max(len(window) for window, _ in found) == 8
    predicted = [token for window, count in found for token in window[-count:]]
    assert predicted == ids
    for window, count in found[1:]:
        assert window[-count - 1] == window[-count] - 1
        assert window[: -count - 1] == list(encoder.prefix)
    assert found[0][0][: len(beginning(encoder))] == beginning(encoder)
    assert windows([], encoder, 8) == []


def test_long_documents_are_read_in_windows(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = document_losses(model, TEXTS)
    monkeypatch.setattr(likelihood, "LONGEST_CONTEXT", 16)
    cut = document_losses(model, TEXTS)
    assert cut.tokens.tolist() == whole.tokens.tolist()
    assert cut.bits[0] == pytest.approx(whole.bits[0], rel=1e-5)
    assert cut.bits[3] != pytest.approx(whole.bits[3], rel=1e-5)


def test_no_text_is_a_sentence(model: LoadedModel) -> None:
    for texts in ([], [""]):
        with pytest.raises(InputError, match="at least one"):
            document_losses(model, texts)


def written(folder: Path, name: str, texts: list[str]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    return path


@pytest.fixture
def make_run(tmp_path: Path, tiny_folder: Callable[..., Path]) -> Callable[..., Run]:
    """make_run(name=texts, ...): a run on files of these texts."""

    def make(**texts: list[str]) -> Run:
        domains = tuple(
            DomainSpec(name=name, kind="files", source=str(written(tmp_path, name, of_name)))
            for name, of_name in texts.items()
        )
        spec = CalibrationSpec(
            model=ModelSpec(source=str(tiny_folder("llama")), device="cpu"),
            domains=domains,
            sample=SampleSpec(num_samples=4, seq_len=32, groups=2),
        )
        return calibrate(spec, Workspace(tmp_path / "workspace"))

    return make


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Callable[..., Path]:
    return lambda architecture: zoo.build(architecture, tmp_path / "model")


def calibrated_texts(run: Run) -> str:
    """All that the run has read, decoded."""
    tokenizer = load_tokenizer(run.spec.model)
    parts = []
    for name in run.domains:
        sample = run.tokens(name)
        parts += [tokenizer.decode(row) for row in sample.input_ids]
    return "".join(parts)


def test_held_out_documents_were_not_calibrated_on(make_run: Callable[..., Run]) -> None:
    texts = [f"On day {n} the dog slept.\n" for n in range(60)]
    run = make_run(prose=texts)
    found = held_out_documents(run, "prose", size=300)
    read = calibrated_texts(run)
    assert 300 <= sum(len(text.encode()) for text in found) < 340
    assert len(set(found)) == len(found)
    assert all(text in texts and text.strip() not in read for text in found)
    assert held_out_documents(run, "prose", size=300) == found


def test_duplicates_of_calibration_text_do_not_leak(make_run: Callable[..., Run]) -> None:
    originals = [f"On day {n} the dog slept and slept.\n" for n in range(40)]
    again = [text.replace(" ", "  ") for text in originals]
    run = make_run(prose=originals + originals + again, other=[*originals[::-1], "more " * 40])
    words = " ".join(calibrated_texts(run).split())
    for text in held_out_documents(run, "prose", size=500):
        assert " ".join(text.split()) not in words


def test_text_of_another_domain_does_not_leak(make_run: Callable[..., Run]) -> None:
    shared = [f"On day {n} the dog slept and slept.\n" for n in range(40)]
    run = make_run(prose=shared, same=shared[::-1])
    read = calibrated_texts(run)
    for name in run.domains:
        found = held_out_documents(run, name, size=400)
        assert all(text.strip() not in read for text in found)


def test_a_file_that_was_reordered_since_does_not_leak(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    texts = [f"On day {n} the dog slept and slept.\n" for n in range(60)]
    run = make_run(prose=texts)
    written(tmp_path, "prose", texts[::-1])
    read = calibrated_texts(run)
    whole = [text for text in texts if text.strip() in read]
    assert whole
    assert not set(held_out_documents(run, "prose", size=400)) & set(whole)


def test_too_little_text_is_said_with_what_there_is(make_run: Callable[..., Run]) -> None:
    run = make_run(prose=[f"On day {n} the dog slept.\n" for n in range(12)])
    with pytest.raises(InputError, match=r"has \d+ bytes in \d+ documents"):
        held_out_documents(run, "prose", size=5000)
    with pytest.raises(InputError, match="at least 10 bytes"):
        held_out_documents(run, "prose", size=5)
    with pytest.raises(InputError, match="no domain 'none'"):
        held_out_documents(run, "none", size=100)


def test_letters_that_utf_8_cannot_write_are_replaced(make_run: Callable[..., Run]) -> None:
    run = make_run(prose=[f"On day {n} the dog\ud800 slept.\n" for n in range(60)])
    found = held_out_documents(run, "prose", size=300)
    assert sum(len(text.encode()) for text in found) >= 300
    assert all("the dog\ufffd slept" in text for text in found)


def test_no_document_is_most_of_the_text(make_run: Callable[..., Run]) -> None:
    run = make_run(prose=[f"{n}é" * 200 for n in range(40)])
    found = held_out_documents(run, "prose", size=1000)
    assert len(found) >= 10
    assert max(len(text.encode()) for text in found) <= 100


def test_built_in_domains_use_their_held_out_split(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(math=["A sum.\n"] * 1 + [f"{n} + 1 = {n + 1}.\n" for n in range(60)])
    built_in = DomainSpec(name="math", kind="builtin", source="math")
    monkeypatch.setattr(run, "spec", replace(run.spec, domains=(built_in,)))
    found = held_out_documents(run, "math", size=2000)
    stream = held_out.texts.documents("math", seed=held_out.SEED, split="held-out")
    assert found == [text[: len(kept)] for text, kept in zip(stream, found, strict=False)]


def test_a_common_beginning_is_not_taken_for_a_document(make_run: Callable[..., Run]) -> None:
    header = "Licensed to everybody under the terms that follow below. " * 6
    prose = [f"{header}{'abcdefghijklmnopqrstuvwxyz'[n % 26] * 9} {n}. " * 2 for n in range(60)]
    run = make_run(prose=prose)
    sample = run.tokens("prose")
    assert sample.drawn is not None
    assert len(sample.drawn.digest) == sample.documents.sum() < len(prose)
    assert len(held_out_documents(run, "prose", size=3000)) == 10  # each of them cut to a tenth


def test_a_document_is_known_whole_or_by_its_beginning() -> None:
    known = CalibrationText(whole=frozenset({(1, 2, 3)}), cut=(tuple(range(20)),))
    assert known.holds([1, 2, 3])
    assert known.holds(list(range(25)))
    assert not known.holds([1, 2])
    assert not known.holds([1, 2, 3, 4])
    assert known.longest == 3
    assert not known.holds(np.arange(10).tolist())
