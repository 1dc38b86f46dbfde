"""The recipe of the demo model at a tiny budget: it learns, reloads, and loses no byte."""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from demo.corpus import load_tokens
from demo.loss_curve import loss_curve, read_log, smoothed
from demo.model_config import ModelSize
from demo.real_text import find_records, group_of, is_held_out
from demo.recipe import TextPlan, make_corpus, make_model, make_tokenizer, sources_of
from demo.scoreboard import load
from demo.source_code import pieces
from demo.texts import DOMAINS, documents
from demo.tokenizer import (
    END_OF_TEXT,
    encode_documents,
    load_tokenizer,
    tokens_per_byte,
    train_tokenizer,
)
from demo.train import Progress, TrainingPlan, batches

TINY = ModelSize(hidden=32, layers=2, intermediate=64, heads=2, key_value_heads=1, positions=128)
PLAN = TrainingPlan(
    tokens=100_000, batch_tokens=1024, short_context=64, context=128, warmup=0.05, decay=0.5
)


def quiet(line: str) -> None:
    """Report nothing."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets: 200 programs that exist in two languages, and some prose."""
    folder = tmp_path_factory.mktemp("data")
    for language, text in (("python", "def f{n}():\n    return {n}\n"), ("java", "int f{n}();\n")):
        lines = [
            json.dumps({"text": text.replace("{n}", str(n)), "licence": "MIT", "problem": n})
            for n in range(200)
        ]
        (folder / f"{language}_pairs.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "general_tales.jsonl").write_text(json.dumps({"text": "Once upon a time."}) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything the recipe makes, at a budget of seconds."""
    out = tmp_path_factory.mktemp("recipe")
    sources = sources_of(TextPlan(data=data, source_code=False), report=quiet)
    make_tokenizer(sources, out, vocabulary=1024, bytes_per_domain=40_000, report=quiet)
    make_corpus(sources, out, tokens=60_000, report=quiet)
    make_model(out, PLAN, size=TINY, report=quiet)
    return out


def test_the_loss_falls_well_below_guessing(made: Path) -> None:
    lines = (made / "training" / "training.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert losses[0] < math.log(1024) + 0.2
    assert losses[-1] < 0.75 * math.log(1024)


def test_the_model_folder_reloads_and_is_bfloat16(made: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(made / "model", local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(made / "model", local_files_only=True)
    assert model.dtype == torch.bfloat16
    assert len(tokenizer) == model.config.vocab_size == 1024
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert tokenizer.eos_token == END_OF_TEXT
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert tokenizer("x").input_ids == load_tokenizer(made / "tokenizer")("x").input_ids
    loaded = load(made / "model")
    with torch.inference_mode():
        logits = loaded.module(input_ids=torch.tensor([[0, 5, 6]])).logits
    assert logits.shape == (1, 3, 1024)
    assert bool(torch.isfinite(logits).all())


def test_training_goes_on_from_its_checkpoint(made: Path, tmp_path: Path) -> None:
    for part in ("tokenizer", "corpus"):
        (tmp_path / part).symlink_to(made / part)
    half = TrainingPlan(
        tokens=20_000, batch_tokens=1024, short_context=64, context=128, warmup=0.05, decay=0.5
    )
    first = make_model(tmp_path, half, size=TINY, report=quiet)
    second = make_model(tmp_path, PLAN, size=TINY, report=quiet)
    assert first.tokens >= 20_000
    assert second.tokens >= 100_000
    steps = [
        json.loads(line)["step"]
        for line in (tmp_path / "training" / "training.jsonl").read_text().splitlines()
    ]
    assert steps == sorted(set(steps))


def test_training_can_begin_with_another_models_weights(made: Path, tmp_path: Path) -> None:
    for part in ("tokenizer", "corpus"):
        (tmp_path / part).symlink_to(made / part)
    still = TrainingPlan(
        tokens=1024, batch_tokens=1024, short_context=64, context=128, matrix_rate=0, vector_rate=0
    )
    make_model(tmp_path, still, start=made / "model", report=quiet)
    before, after = (load_file(out / "model" / "model.safetensors") for out in (made, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_another_models_tokenizer_must_be_the_same(made: Path, tmp_path: Path) -> None:
    texts = iter(["another text", "for another tokenizer"])
    train_tokenizer(texts, vocabulary=300).save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(ValueError, match="has another tokenizer"):
        make_model(tmp_path, PLAN, start=made / "model", report=quiet)


def test_every_domain_round_trips_byte_for_byte(made: Path) -> None:
    tokenizer = load_tokenizer(made / "tokenizer")
    texts = {domain: list(islice(documents(domain, seed=5), 20)) for domain in DOMAINS}
    of_domains = [text for of_domain in texts.values() for text in of_domain]
    for text in [*of_domains, "\t\r\n  naïve œuvre 漢字 \x00 12345", ""]:
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    rates = tokens_per_byte(tokenizer, texts)
    languages = [rates[name] for name in ("python", "java", "cpp", "javascript")]
    assert max(languages) < 2 * min(languages)


def test_a_prompt_of_whole_lines_is_cut_as_in_its_document(made: Path) -> None:
    tokenizer = load_tokenizer(made / "tokenizer")
    for domain in ("python", "java", "cpp", "javascript"):
        document = next(documents(domain, seed=3))
        for end in (i + 1 for i, letter in enumerate(document) if letter == "\n"):
            if document[end : end + 1] != "\n":
                parts = tokenizer(document[:end]).input_ids + tokenizer(document[end:]).input_ids
                assert parts == tokenizer(document).input_ids


def test_numbers_are_cut_into_digits(made: Path) -> None:
    tokenizer = load_tokenizer(made / "tokenizer")
    assert [tokenizer.decode([i]) for i in tokenizer("x = 1234").input_ids][-4:] == [
        " 1",
        "2",
        "3",
        "4",
    ]


def test_documents_in_the_corpus_end_with_the_end_of_text(made: Path) -> None:
    tokenizer = load_tokenizer(made / "tokenizer")
    tokens = load_tokens(made / "corpus")
    record = json.loads((made / "corpus" / "corpus.json").read_text())
    assert tokens[-1] == tokenizer.eos_token_id
    assert int((tokens == tokenizer.eos_token_id).sum()) == sum(
        source["documents"] for source in record["sources"]
    )
    assert len(tokens) == sum(source["tokens"] for source in record["sources"])
    assert {source["domain"] for source in record["sources"]} == {*DOMAINS, "general"}


def test_encoded_documents_end_with_the_end_of_text(made: Path) -> None:
    tokenizer = load_tokenizer(made / "tokenizer")
    (ids,) = encode_documents(tokenizer, ["a"])
    assert ids == [*tokenizer("a").input_ids, tokenizer.eos_token_id]


def test_held_out_records_stay_together_across_languages(data: Path) -> None:
    held_out = {}
    for file in find_records(data):
        if file.name == "pairs":
            records = [record for record in file.records() if is_held_out(record)]
            held_out[file.domain] = {record["problem"] for record in records}
            trained = set(file.texts(held_out=False))
            assert trained.isdisjoint(file.texts(held_out=True))
            assert len(trained) + len(records) == 200
    assert held_out["python"] == held_out["java"]
    assert 2 <= len(held_out["python"]) <= 25


def test_records_of_one_problem_share_a_name() -> None:
    assert group_of({"task_id": "MBPP/17", "text": "a"}) == "problem 17"
    assert group_of({"problem": 17, "task_id": "MBJP/17", "text": "b"}) == "problem 17"
    assert group_of({"doc": "bbc.381790", "text": "c"}) == "doc bbc.381790"
    assert group_of({"text": "d"}) == "text d"


def test_a_folder_without_data_sets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no data set"):
        find_records(tmp_path)


def test_source_files_lose_their_licence_header_and_become_pieces() -> None:
    header = "/*\n * Copyright 2020 Somebody\n */\n"
    body = "    step();\n" * 30
    blocks = [f"int value_{n}() {{\n{body}}}\n" for n in range(20)]
    found = list(pieces(header + "\n".join(blocks)))
    assert len(found) > 1
    assert not any("Copyright" in piece for piece in found)
    assert "\n".join(found) == "\n".join(blocks)


def test_batches_follow_the_stream_and_lengthen() -> None:
    stream = np.arange(5000, dtype=np.uint16)
    progress = Progress()
    stream_of_batches = batches(stream, progress, PLAN)
    inputs, targets = next(stream_of_batches)
    assert inputs.shape == (16, 64)
    assert torch.equal(targets, inputs + 1)
    assert progress.position == 1024
    progress.spent = 0.9
    inputs, _ = next(stream_of_batches)
    assert inputs.shape == (8, 128)
    assert inputs[0, 0] == 1024


def test_the_learning_rate_rises_stays_and_ends_at_zero() -> None:
    factors = [PLAN.rate_factor(spent / 100) for spent in range(101)]
    assert factors[0] < 0.1
    assert factors[20] == 1.0
    assert factors[100] == 0.0
    assert factors[60:] == sorted(factors[60:], reverse=True)


def test_training_needs_a_budget() -> None:
    with pytest.raises(ValueError, match="budget"):
        TrainingPlan()


def test_the_loss_curve_is_drawn_inside_its_frame(tmp_path: Path) -> None:
    log = tmp_path / "training.jsonl"
    log.write_text(
        "\n".join(json.dumps({"tokens": n * 10**6, "loss": 3 / n}) for n in range(1, 5)) + "\n"
    )
    tokens, bits = read_log(log)
    assert tokens == [1.0, 2.0, 3.0, 4.0]
    assert bits[0] == pytest.approx(3 / math.log(2))
    assert smoothed([1.0, 1.0]) == [1.0, 1.0]
    picture = loss_curve(tokens, bits)
    assert picture.count("<polyline") == 2
    points = picture.split('points="')[1].split('"')[0].split()
    assert len(points) == 4
    assert all(0 <= float(p.split(",")[0]) <= 720 for p in points)
