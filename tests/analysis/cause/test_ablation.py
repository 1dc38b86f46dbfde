"""Cause on constructed models: what is planted is found, what is not there is not claimed.

The models know two alphabets of four symbols. After a symbol the next one of its alphabet follows,
four times out of five; for each symbol there are a few channels of the feed-forward layer that only
this symbol drives and that predict its successor. All other channels read everything.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from analysis.__main__ import main
from analysis.cause.findings import QUESTIONS, facts, is_own, quality, verdict
from analysis.cause.measurements import measure
from analysis.cause.results import Cause, cause, stored_cause
from analysis.cause.spec import CauseSpec
from analysis.overlap.table import overlap_table
from pruning.calibration.calibrating import calibrate
from pruning.errors import Cancelled, InputError
from pruning.models import loading as models
from pruning.models.loading import load_model
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, PruneSpec, SampleSpec
from tests.pruning import zoo

ALPHABETS = ("!#$%", "@^&~")
SYMBOLS = "".join(ALPHABETS)
CHANNELS = 4  # of each symbol
PRUNE = PruneSpec(sparsity=0.5)
SPEC = CauseSpec(draws=4, size=2000, bootstraps=300)


@torch.no_grad()
def save_model(folder: Path) -> Path:
    """A one-layer Llama whose feed-forward layer predicts each symbol's successor."""
    model = zoo.new_model("llama", layers=1)
    zoo.save_tokenizer(folder, begin_of_text=True)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    ids = [vocabulary[symbol] for symbol in SYMBOLS]
    layer = model.model.layers[0]
    layer.self_attn.o_proj.weight.mul_(0.02)
    for norm in (layer.input_layernorm, layer.post_attention_layernorm, model.model.norm):
        norm.weight.fill_(1)
    embedding, head = model.model.embed_tokens.weight, model.lm_head.weight
    mlp = layer.mlp
    mlp.down_proj.weight.mul_(0.2)
    head.mul_(0.05)
    planted = CHANNELS * len(SYMBOLS)
    for weight in (mlp.gate_proj.weight, mlp.up_proj.weight):
        weight[:planted] = 0
    for number, token in enumerate(ids):
        embedding[token] = 0
        embedding[token, number] = 1
        rows = slice(CHANNELS * number, CHANNELS * (number + 1))
        mlp.gate_proj.weight[rows, number] = 1
        mlp.up_proj.weight[rows, number] = 1
        follower = number // 4 * 4 + (number + 1) % 4
        mlp.down_proj.weight[8 + follower, rows] = 1
        head[token] = 0
        head[token, 8 + number] = 1.5
    model.save_pretrained(folder)
    return folder


def write_texts(path: Path, alphabets: tuple[str, ...], seed: int, count: int = 200) -> Path:
    numbers = random.Random(seed)
    lines = []
    for _ in range(count):
        alphabet = numbers.choice(alphabets)
        place, text = numbers.randrange(4), ""
        for _ in range(60):
            place = (place + 1) % 4 if numbers.random() < 0.8 else numbers.randrange(4)
            text += alphabet[place]
        lines.append(json.dumps({"text": text}))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def make_run(folder: Path, texts: dict[str, tuple[str, ...]]) -> Run:
    """A run on the feed-forward output matrix, of domains that use some of the alphabets."""
    save_model(folder / "model")
    spec = CalibrationSpec(
        model=ModelSpec(source=str(folder / "model"), device="cpu"),
        domains=tuple(
            DomainSpec(
                name=name,
                kind="files",
                source=str(write_texts(folder / f"{name}.jsonl", alphabets, seed)),
            )
            for seed, (name, alphabets) in enumerate(texts.items())
        ),
        sample=SampleSpec(num_samples=16, seq_len=32, groups=4),
        projections=("down_proj",),
    )
    return calibrate(spec, Workspace(folder / "workspace"))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two domains, each with an alphabet of its own."""
    folder = tmp_path_factory.mktemp("planted")
    return make_run(folder, {"left": ALPHABETS[:1], "right": ALPHABETS[1:]})


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three domains of one kind of text: their masks differ by which documents were read."""
    folder = tmp_path_factory.mktemp("alike")
    return make_run(folder, dict.fromkeys(("one", "two", "three"), ALPHABETS))


@pytest.fixture(scope="module")
def found(planted: Run) -> Cause:
    return cause(planted, PRUNE, SPEC)


def test_what_was_planted_is_found(found: Cause) -> None:
    for row, other in zip(found.domains, ("right", "left"), strict=True):
        own = row.damage[row.domain]
        assert own.low > 1  # a bit per byte and more: the model no longer knows what follows
        assert abs(row.damage[other].value) < 0.05
        assert max(row.matched[row.domain]) < own.low
        assert is_own(row)
        assert all(row.p[question] < 0.05 for question in QUESTIONS)
        assert (
            verdict(row)
            == f"The region is {row.domain}'s own: removing it hurts {row.domain} most."
        )
        told = facts(row, "exclusive")
        assert f"{row.weights:,} weights that its mask alone keeps" in told
        assert f"{own.value:.3f} bits per byte more" in told


def test_borrowed_masks_cost_what_they_miss(found: Cause, planted: Run) -> None:
    distance = 1 - overlap_table(planted, PRUNE).jaccard()[0, 1]
    for row in found.borrowed:
        assert row.distance == pytest.approx(distance)
        assert row.excess.low > 1
    assert found.mantel.correlation is None
    assert "fewer than three domains" in quality(found)


@pytest.mark.parametrize("sparsity", [0.3, 0.6])
def test_what_is_not_there_is_not_claimed(alike: Run, sparsity: float) -> None:
    nothing = cause(alike, PruneSpec(sparsity=sparsity), CauseSpec(draws=3, size=1000))
    for row in nothing.domains:
        assert not is_own(row)
        assert "own: removing" not in verdict(row)
    assert any(row.weights for row in nothing.domains)
    assert nothing.mantel.smallest_p == pytest.approx(1 / 6)
    assert "too few domains" in quality(nothing)


def test_sharp_regions_are_found_too(planted: Run) -> None:
    sharp = CauseSpec(region="sharp", top=0.2, others_top=0.2, draws=4, size=2000)
    for row in cause(planted, PRUNE, sharp).domains:
        assert row.damage[row.domain].low > 1
        assert is_own(row)


def test_the_answers_are_kept(planted: Run, found: Cause, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("it was measured again")

    monkeypatch.setattr(models, "load_model", refuse)
    assert cause(planted, PRUNE, SPEC) == found
    assert stored_cause(planted, PRUNE, CauseSpec(draws=7)) is None
    measured = measure(planted, PRUNE, SPEC)  # every measurement is there, no model is loaded
    assert measured.sizes == {row.domain: row.weights for row in found.domains}
    assert Cause.from_json(json.loads(json.dumps(asdict(found)))) == found


def test_a_cancelled_measurement_goes_on_and_leaves_the_model_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, {"left": ALPHABETS[:1], "right": ALPHABETS[1:]})
    spec = CauseSpec(draws=2, size=1000, bootstraps=100)
    loaded = load_model(run.spec.model)
    before = {key: loaded.matrix(key).clone() for key in loaded.keys}
    monkeypatch.setattr(models, "load_model", lambda spec: loaded)
    seen = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage == "Removing and reading" and progress.done == 7:
            raise Cancelled

    with pytest.raises(Cancelled):
        cause(run, PRUNE, spec, stop)
    for key, matrix in before.items():
        assert torch.equal(loaded.matrix(key), matrix)
    assert len(list((run.folder / "cause" / "measured").iterdir())) == 7
    later: list[Progress] = []
    resumed = cause(run, PRUNE, spec, later.append)
    steps = [each for each in later if each.stage == "Removing and reading"]
    assert steps[0].done == 8
    assert steps[-1].done == steps[-1].total
    for path in (run.folder / "cause").glob("*.json"):
        path.unlink()
    for path in (run.folder / "cause" / "measured").iterdir():
        path.unlink()
    assert cause(run, PRUNE, spec) == resumed


def test_a_run_made_on_a_gpu_opens_without_one(
    planted: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Run(planted.folder)
    elsewhere.spec = replace(planted.spec, model=replace(planted.spec.model, device="cuda:99"))
    asked: list[str] = []
    monkeypatch.setattr(models, "load_model", lambda spec: asked.append(spec.device) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        measure(elsewhere, PRUNE, replace(SPEC, size=1500))
    assert asked == [models.resolve_device("auto")]


def test_bad_choices_are_sentences(planted: Run) -> None:
    with pytest.raises(InputError, match="ignores the text"):
        cause(planted, PruneSpec(score="magnitude"), SPEC)
    with pytest.raises(InputError, match="No weight is exclusive to any domain"):
        cause(planted, PruneSpec(sparsity=0), SPEC)
    with pytest.raises(InputError, match="has not read"):
        cause(planted, PRUNE, CauseSpec(size=10**6))


def test_the_command_says_it_all(
    planted: Run, found: Cause, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["cause", "--run", planted.id, "--workspace", str(planted.folder.parents[1])]
    flags += ["--sparsity", "0.5", "--draws", "4", "--bytes", "2000", "--bootstraps", "300"]
    assert main([*flags, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cause"] == SPEC.to_json()
    assert [row["domain"] for row in told["domains"]] == ["left", "right"]
    assert told["domains"][0]["damage"]["left"]["value"] == found.domains[0].damage["left"].value
    assert told["domains"][1]["sentence"].startswith("The region is right's own")
    assert main(flags) == 0
    out = capsys.readouterr().out
    assert "drawn, same magnitudes" in out
    assert "The region is left's own" in out
    more = ["--more-sparsities", "0.5,0.3"]
    assert main([*flags, *more, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["sparsity"] for each in told["more_sparsities"]] == [0.5, 0.3]
    assert told["more_sparsities"][0]["domains"][0]["weights"] == found.domains[0].weights
    assert main([*flags, *more]) == 0
    assert "domain's own: at 30%" in " ".join(capsys.readouterr().out.split())
    assert main([*flags[:-8], "--pattern", "2:4", *more]) == 2
    assert "has one sparsity" in capsys.readouterr().err
    assert main([*flags, "--region", "sharp", "--top", "2"]) == 2
    assert "share" in capsys.readouterr().err
