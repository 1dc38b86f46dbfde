"""Exports are read back from disk and every tensor of every file is compared with the base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from pruning.checkpoints.headers import read_header, weight_files
from pruning.exports.planning import plan_export
from pruning.exports.record import SUBMODEL
from pruning.exports.writing import export
from pruning.masks.sequential import prune_sequential
from pruning.masks.surgery import temporary_masks
from pruning.models.loading import load_model
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run, mixture_masks
from tests.pruning.zoo import ARCHITECTURES

MIXTURE = (("code", 1.0), ("prose", 0.5))
TOKENS = torch.arange(12)[None]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a folder, read by the safetensors library."""
    found = {}
    for name in weight_files(folder):
        with safe_open(folder / name, "pt") as file:
            assert file.metadata() == {"format": "pt"}
            found |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return found


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    integers = {2: torch.int16, 4: torch.int32}[a.element_size()]
    return a.dtype == b.dtype and torch.equal(a.view(integers), b.view(integers))


def base_of(run: Run) -> Path:
    return Path(run.spec.model.source)


def spec_of(run: Run, mode: str = "one-shot", **prune: Any) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=MIXTURE, prune=PruneSpec(**prune), mode=mode)


def masks_of(run: Run, spec: ExportSpec) -> dict[str, torch.Tensor]:
    """Tensor name -> kept, in the layout of the file, from the library that draws the pages."""
    return {
        str(weight.tensor): torch.from_numpy(mask.unpack()).T
        if weight.transposed
        else torch.from_numpy(mask.unpack())
        for weight, mask in mixture_masks(run, spec.prune, dict(spec.mixture))
    }


def assert_is_base_with_zeros(out: Path, base: Path, kept: dict[str, torch.Tensor]) -> None:
    """Each tensor of `out` is the base's, bit for bit, with zeros where `kept` is False."""
    assert weight_files(out) == weight_files(base)
    for name in weight_files(out):
        assert read_header(out / name)[0] == read_header(base / name)[0]
    dense, pruned = tensors(base), tensors(out)
    assert kept.keys() <= dense.keys() == pruned.keys()
    for name, tensor in dense.items():
        expected = tensor.masked_fill(~kept[name], 0) if name in kept else tensor
        assert same_bits(pruned[name], expected), name


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_reloads_as_the_masked_base(architecture: str, tmp_path: Path) -> None:
    run = finished_run(architecture, tmp_path)
    spec = spec_of(run)
    result = export(run, spec, tmp_path / "out")

    kept = masks_of(run, spec)
    assert len(kept) == len(run.weights)
    assert_is_base_with_zeros(tmp_path / "out", base_of(run), kept)
    assert result.plan.pruned == sum(int((~mask).sum()) for mask in kept.values())

    loaded = load_model(run.spec.model)
    masks = {w.key: mask for w, mask in mixture_masks(run, spec.prune, dict(MIXTURE))}
    with torch.inference_mode(), temporary_masks(loaded, masks):
        expected = loaded.module(input_ids=TOKENS, use_cache=False).logits
    reloaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out", trust_remote_code=False)
    with torch.inference_mode():
        assert torch.equal(reloaded(input_ids=TOKENS, use_cache=False).logits, expected)


@pytest.mark.parametrize("architecture", ["gpt2", "qwen2"])
def test_shards_and_bfloat16_stay_as_they_are(architecture: str, tmp_path: Path) -> None:
    run = finished_run(architecture, tmp_path, dtype=torch.bfloat16, max_shard_size="40KB")
    spec = spec_of(run, sparsity=0.3)
    export(run, spec, tmp_path / "out")
    assert len(weight_files(tmp_path / "out")) > 2
    assert {tensor.dtype for tensor in tensors(tmp_path / "out").values()} == {torch.bfloat16}
    assert_is_base_with_zeros(tmp_path / "out", base_of(run), masks_of(run, spec))


def test_tied_embeddings_stay_tied(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path, tie_word_embeddings=True)
    spec = spec_of(run)
    export(run, spec, tmp_path / "out")
    assert "lm_head.weight" not in tensors(tmp_path / "out")
    assert_is_base_with_zeros(tmp_path / "out", base_of(run), masks_of(run, spec))


@pytest.mark.parametrize(
    "prune",
    [
        {"sparsity": 0.0},
        {"sparsity": 0.29},
        {"sparsity": 0.99},
        {"sparsity": 0.5, "pattern": "2:4"},
        {"sparsity": 0.5, "pattern": "4:8"},
        {"sparsity": 0.75, "pattern": "1:4"},
        {"sparsity": 0.61, "comparison_group": "matrix"},
        {"score": "magnitude"},
        {"score": "random", "seed": 3},
        {"layers": (1,), "projections": ("q_proj", "mlp.down_proj")},
    ],
    ids=str,
)
def test_the_plan_is_what_is_written(llama: Run, prune: dict[str, Any], tmp_path: Path) -> None:
    spec = spec_of(llama, **prune)
    plan = plan_export(llama, spec)
    result = export(llama, spec, tmp_path / "out")
    assert result.plan == plan
    kept = masks_of(llama, spec)
    assert_is_base_with_zeros(tmp_path / "out", base_of(llama), kept)
    written = tensors(tmp_path / "out")
    assert {weight.tensor for weight in plan.weights} == set(kept)
    for weight in plan.weights:
        assert weight.pruned == int((written[weight.tensor] == 0).sum())  # no zero is in the base
        assert weight.pruned + weight.kept == written[weight.tensor].numel()
    assert plan.parameters == sum(tensor.numel() for tensor in written.values())
    assert plan.pruned == sum(part.pruned for part in plan.layers)
    assert plan.pruned == sum(part.pruned for part in plan.projections)
    assert plan.sparsity == plan.pruned / plan.parameters
    assert plan.bytes == sum((tmp_path / "out" / n).stat().st_size for n in weight_files(tmp_path / "out"))  # fmt: skip


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_sequential_export_is_algorithm_1_on_the_run_s_tokens(
    architecture: str, tmp_path: Path
) -> None:
    run = finished_run(architecture, tmp_path, selection={"layers": (0, 1)})
    spec = spec_of(run, mode="sequential")
    export(run, spec, tmp_path / "out")
    samples = [(run.tokens(name), weight) for name, weight in MIXTURE]
    batch = run.spec.sequences_per_batch
    masks = prune_sequential(load_model(run.spec.model), samples, spec.prune, batch)
    kept = {}
    for weight in run.weights:
        mask = torch.from_numpy(masks[weight.key].unpack())
        kept[str(weight.tensor)] = mask.T if weight.transposed else mask
    assert_is_base_with_zeros(tmp_path / "out", base_of(run), kept)
    one_shot = masks_of(run, spec)
    assert any(not torch.equal(kept[name], one_shot[name]) for name in kept)


def test_sequential_prunes_only_what_was_calibrated(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path, selection={"layers": (1,), "projections": ("o_proj",)})
    result = export(run, spec_of(run, mode="sequential"), tmp_path / "out")
    assert [weight.tensor for weight in result.plan.weights] == [
        "model.layers.1.self_attn.o_proj.weight"
    ]
    zeros = {
        name for name, tensor in tensors(tmp_path / "out").items() if bool((tensor == 0).any())
    }
    assert zeros == {"model.layers.1.self_attn.o_proj.weight"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="here the run's own device is there")
def test_sequential_export_of_a_run_from_a_machine_with_a_gpu(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    export(run, spec_of(run, mode="sequential"), tmp_path / "here")
    elsewhere = run.manifest.spec
    elsewhere["model"]["device"] = "cuda:1"
    run.write_manifest(spec=elsewhere)
    export(Run(run.folder), spec_of(run, mode="sequential"), tmp_path / "there")
    files = [tmp_path / name / "model.safetensors" for name in ("here", "there")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_sequential_without_activations_needs_no_model(
    llama: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.models.loading.load_model", pytest.fail)
    spec = spec_of(llama, mode="sequential", score="magnitude")
    export(llama, spec, tmp_path / "out")
    assert_is_base_with_zeros(tmp_path / "out", base_of(llama), masks_of(llama, spec))


def test_the_folder_holds_what_transformers_needs_and_nothing_else(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    base = base_of(run)
    for name in ("pytorch_model.bin", "LICENSE.txt", "README.md", "chat_template.jinja"):
        (base / name).write_text(f"the base's {name}")
    (base / ".cache").mkdir()
    (base / ".cache" / "config.json").write_text("{}")
    export(run, spec_of(run), tmp_path / "deep" / "out")
    out = tmp_path / "deep" / "out"
    assert {path.name for path in out.iterdir()} == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "LICENSE.txt",
        "README.md",
        SUBMODEL,
    }
    assert (out / "config.json").read_bytes() == (base / "config.json").read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_cache_s_links_become_files(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    base = base_of(run)
    (tmp_path / "blobs").mkdir()
    for number, path in enumerate(sorted(base.iterdir())):
        blob = path.rename(tmp_path / "blobs" / f"{number}")
        path.symlink_to(blob)
    export(run, spec_of(run), tmp_path / "out")
    assert not any(path.is_symlink() for path in (tmp_path / "out").iterdir())
    assert_is_base_with_zeros(tmp_path / "out", base, masks_of(run, spec_of(run)))


def test_the_record_says_how_it_was_made(llama: Run, tmp_path: Path) -> None:
    spec = spec_of(llama, sparsity=0.4)
    abbreviated = ExportSpec(run=llama.id[:4], mixture=spec.mixture, prune=spec.prune)
    result = export(llama, abbreviated, tmp_path / "out")
    record = json.loads((tmp_path / "out" / SUBMODEL).read_text())
    assert record == result.submodel.to_json()
    assert ExportSpec.from_json(record["export"]) == spec
    assert record["run"]["id"] == llama.id
    assert record["base"]["fingerprint"] == llama.manifest.fingerprint
    entry = record["tensors"]["model.layers.0.mlp.down_proj.weight"]
    assert entry["pruned"] == 32 * 32
    assert entry["kept"] == 32 * 48
    assert (entry["layer"], entry["name"]) == (0, "mlp.down_proj")
    assert "pruned" not in record["tensors"]["model.norm.weight"]
    assert {"torch", "transformers", "python"} <= record["versions"].keys()
    assert result.to_json()["path"] == str(tmp_path / "out")
