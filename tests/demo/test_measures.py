"""The demo model's measures: completions, likelihoods, scores and the pruned table."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from demo.__main__ import main
from demo.card import count_parameters, model_card
from demo.evaluate import Score, Subject, answer_in, choices_right, real_held_out_texts
from demo.generation import complete, until
from demo.likelihood import bits_per_byte, choose, token_log_likelihoods
from demo.model_config import ModelSize, new_model
from demo.pruned import ALL, DENSE, ROWS, Cell, Plan, as_tables, calibration_run, masks_of
from demo.recipe import save_model
from demo.scoreboard import as_markdown, as_text, load_subject
from demo.texts import DOMAINS
from demo.tokenizer import train_tokenizer
from pruning.workspace import Workspace

TINY = ModelSize(hidden=32, layers=2, intermediate=64, heads=2, key_value_heads=1, positions=256)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model with its tokenizer."""
    tokenizer = train_tokenizer(["a few words, a few more words"] * 3, vocabulary=300)
    model = new_model(
        TINY,
        vocabulary=300,
        end_of_text=int(tokenizer.eos_token_id),
        padding=int(tokenizer.pad_token_id),
        seed=1,
    )
    place = tmp_path_factory.mktemp("model")
    save_model(model, tokenizer, place)
    return place


@pytest.fixture(scope="module")
def subject(folder: Path) -> Subject:
    return load_subject(folder)


@pytest.fixture
def uniform(folder: Path) -> Subject:
    """A model that finds every token equally likely."""
    subject = load_subject(folder)
    with torch.no_grad():
        for parameter in subject.model.parameters():
            parameter.zero_()
    return subject


def test_completions_do_not_depend_on_their_batch(subject: Subject) -> None:
    prompts = ["a", "a few words and more of them", "words", "few, few, few"]
    together = complete(subject.model, subject.tokenizer, prompts, longest=12, batch=4)
    alone = complete(subject.model, subject.tokenizer, prompts, longest=12, batch=1)
    assert together == alone
    assert any(together)


def test_a_completion_ends_at_the_first_stop() -> None:
    assert until("    return 1\n\ndef g():", ("\nclass ", "\ndef ")) == "    return 1\n"
    assert until("abc", ("x",)) == "abc"
    assert until("a#b\nc", ("\n", "#")) == "a"


def test_a_uniform_model_needs_the_bits_of_its_vocabulary(uniform: Subject) -> None:
    texts = ["a few words", "œuvre"]
    tokens = sum(len(uniform.tokenizer(text).input_ids) for text in texts)
    size = sum(len(text.encode()) for text in texts)
    found = bits_per_byte(uniform.model, uniform.tokenizer, texts)
    assert found == pytest.approx(tokens * math.log2(300) / size, rel=1e-5)


def test_long_texts_are_read_in_pieces(uniform: Subject) -> None:
    text = "a few words, " * 30
    short = bits_per_byte(uniform.model, uniform.tokenizer, [text], context=7)
    whole = bits_per_byte(uniform.model, uniform.tokenizer, [text], context=200)
    assert short == pytest.approx(whole, rel=1e-5)


def test_likelihoods_do_not_depend_on_their_batch(subject: Subject) -> None:
    sequences = [[0, 5, 9, 7], [0, 8], [0, 5, 9, 7, 30, 31, 32]]
    together = token_log_likelihoods(subject.model, sequences)
    alone = token_log_likelihoods(subject.model, sequences, batch_tokens=1)
    for one, other, sequence in zip(together, alone, sequences, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
        assert len(one) == len(sequence) - 1
    assert together[0][:2] == pytest.approx(together[2][:2], abs=1e-5)


def test_the_choice_is_the_likeliest_continuation(subject: Subject) -> None:
    choices = [" few", " more", " words", ","]
    chosen = choose(subject.model, subject.tokenizer, ["a", "words"], [choices, choices])
    for index, prompt in zip(chosen, ["a", "words"], strict=True):
        head = [subject.tokenizer.eos_token_id, *subject.tokenizer(prompt).input_ids]
        totals = []
        for text in choices:
            tail = subject.tokenizer(text).input_ids
            (values,) = token_log_likelihoods(subject.model, [head + tail])
            totals.append(sum(values[-len(tail) :]))
        assert index == totals.index(max(totals))


def test_no_text_has_no_bits_per_byte(subject: Subject) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        bits_per_byte(subject.model, subject.tokenizer, [])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" 3 + 4 = 7.\nThe answer is 7.", "7"),
        ("The answer is 5. No: The answer is -12.", "-12"),
        ("The answer is 1,250 apples.", "1250"),
        ("The answer is 2.5.", "2.5"),
        ("It is 7.", ""),
        ("The answer is unknown.", ""),
    ],
)
def test_the_answer_is_the_number_after_the_last_marker(text: str, answer: str) -> None:
    assert answer_in(text, "The answer is") == answer


def test_a_score_counts_its_tasks(subject: Subject) -> None:
    score = choices_right(subject, count=8)
    assert score.of == 8
    assert score.value * 8 / 100 == pytest.approx(round(score.value * 8 / 100))


def test_only_held_out_records_are_measured(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"number {n}", "licence": "MIT"}) for n in range(300)]
    (tmp_path / "general_numbers.jsonl").write_text("\n".join(lines) + "\n")
    texts = real_held_out_texts(tmp_path)
    assert set(texts) == {"general"}
    assert 3 <= len(texts["general"]) <= 40
    assert len(real_held_out_texts(tmp_path, bytes_each=15)["general"]) == 2


SCORES = (
    Score(domain="python", measure="pass@1", value=81.25, of=100),
    Score(domain="python", measure="bits per byte, generated", value=0.25, of=9),
    Score(domain="general", measure="bits per byte, real", value=2.5, of=9),
)


def test_the_table_holds_what_was_measured() -> None:
    lines = as_text(SCORES).splitlines()
    assert len(lines) == 3
    assert "81.2 %" in lines[1]
    assert "75 %" in lines[1]
    assert "0.250" in lines[1]
    assert lines[2].startswith("English prose")
    assert as_markdown(SCORES).count("\n") == 3


def test_masks_keep_the_same_share_of_every_matrix(folder: Path, tmp_path: Path) -> None:
    plan = Plan(seeds=(0,), samples=8, length=32)
    run = calibration_run(folder, Workspace(tmp_path), plan, seed=0)
    rows = {row: masks_of(run, row, sparsity=0.5, seed=0) for row in ROWS}
    sizes = {len(masks) for masks in rows.values()}
    assert sizes == {2 * 7}
    for masks in rows.values():
        for mask in masks.values():
            kept = mask.unpack()
            assert kept.sum() == kept.size // 2
    key = next(iter(rows[ALL]))
    assert (rows["random"][key].unpack() != rows["magnitude"][key].unpack()).any()


def test_the_pruned_table_tells_means_and_spread() -> None:
    def cell(row: str, domain: str, seed: int, value: float) -> Cell:
        return Cell(
            calibrated_on=row,
            evaluated_on=domain,
            sparsity=0.0 if row == DENSE else 0.5,
            seed=seed,
            measure="bits per byte",
            value=value,
        )

    cells = [cell(DENSE, domain, 0, 1.0) for domain in DOMAINS]
    for row in ROWS:
        for domain in DOMAINS:
            other = 9.0 if row == "random" else 2.5
            cells += [cell(row, domain, 0, 2.0), cell(row, domain, 1, other)]
    text = as_tables(cells)
    assert (
        "50% of the weights pruned (largest difference between two calibration samples: 0.500)"
        in text
    )
    assert text.count("**2.250**") == len(DOMAINS)
    assert len(text.splitlines()) == 2 + 2 + 1 + len(ROWS)


def test_the_card_tells_of_model_training_and_text(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "corpus").mkdir()
    progress = {"tokens": 2_000_000, "step": 500, "seconds": 600.0}
    plan = {"batch_tokens": 4096, "short_context": 256, "context": 512, "decay": 0.5}
    run = {"plan": plan, "progress": progress, "machine": "two cores"}
    source = {
        "name": "generated math",
        "kind": "generated",
        "domain": "math",
        "tokens": 10**6,
        "readings": 1.0,
        "licences": ["MIT"],
    }
    (tmp_path / "training" / "run.json").write_text(json.dumps(run))
    (tmp_path / "corpus" / "corpus.json").write_text(json.dumps({"sources": [source]}))
    text = model_card(folder, tmp_path, SCORES, {"math": 0.3}, notes=["A note on it."])
    assert "A note on it." in text
    assert "2.0 million tokens in 500 steps" in text
    assert "| generated math (generated) | Math | 1.00 M | once | MIT |" in text
    assert "81.2 %" in text
    assert count_parameters(folder) == sum(
        parameter.numel() for parameter in load_subject(folder).model.parameters()
    )


def test_a_missing_model_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(tmp_path / "nothing")]) == 2
    assert "holds no model" in capsys.readouterr().err
