"""The demo model's measures: scores of tasks and texts, and the pruned table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.evaluation.likelihood import document_losses
from analysis.evaluation.mask_sources import masks_of
from demo.__main__ import main
from demo.card import count_parameters, model_card
from demo.evaluate import Score, real_held_out_texts, task_score, text_scores
from demo.model_config import ModelSize, new_model
from demo.pruned import ALL, DENSE, ROWS, Cell, Plan, as_tables, calibration_run, source_of
from demo.recipe import save_model
from demo.scoreboard import as_markdown, as_text, load
from demo.texts import DOMAINS
from demo.tokenizer import train_tokenizer
from pruning.models.loading import LoadedModel
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec

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
def loaded(folder: Path) -> LoadedModel:
    return load(folder)


def test_a_score_counts_its_tasks(loaded: LoadedModel) -> None:
    score = task_score(loaded, "commonsense", count=8)
    assert (score.measure, score.of) == ("4 choices", 8)
    assert score.value * 8 / 100 == pytest.approx(round(score.value * 8 / 100))
    assert task_score(loaded, "translation", count=2).measure == "chrF"


def test_text_is_measured_by_domain(loaded: LoadedModel) -> None:
    texts = {"math": ["a few words", "more"], "general": ["few"]}
    scores = text_scores(loaded, texts, measure="bits per byte, real")
    assert [(score.domain, score.of) for score in scores] == [("math", 2), ("general", 1)]
    assert scores[0].value == document_losses(loaded, texts["math"]).bits_per_byte


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
    rows = {row: masks_of(run, source_of(row), PruneSpec(sparsity=0.5)) for row in ROWS}
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
    run = {
        "plan": {**plan, "compile": False},
        "progress": progress,
        "machine": "a card",
        "device": "cuda",
        "precision": "bfloat16 autocast",
    }
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
    assert "--minutes 10 --device cuda --batch-tokens 4096\n" in text
    assert "Training read it\n2.0 times." in text
    assert "| generated math (generated) | Math | 1.00 M | once | MIT |" in text
    assert "81.2 %" in text
    assert count_parameters(folder) == sum(
        parameter.numel() for parameter in load(folder).module.parameters()
    )


def test_a_missing_model_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(tmp_path / "nothing")]) == 2
    assert "holds no model" in capsys.readouterr().err
