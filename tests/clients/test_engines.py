"""Other programs read an export: CTranslate2 runs it, compressed-tensors restores the small form.

On request: `pip install -r requirements-clients.txt`, then `pytest -m slow tests/clients`.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from pruning.calibration.calibrating import calibrate
from pruning.exports.forms import compress
from pruning.exports.writing import export
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ExportSpec, ModelSpec, PruneSpec, SampleSpec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # other programs' warnings are their own
]
PROMPTS = ("def add(first, second):\n", "The sum of 2 and 3 is", "public static int ")
NEW_TOKENS = 32


def needs(module: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is in requirements-clients.txt")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model, pruned by half for Python."""
    folder = tmp_path_factory.mktemp("demo")
    spec = CalibrationSpec(
        model=ModelSpec(source="demo", device="cpu"),
        domains=(DomainSpec(name="python", kind="builtin", source="python"),),
        sample=SampleSpec(num_samples=4, seq_len=64, groups=2),
    )
    run = calibrate(spec, Workspace(folder / "workspace"))
    chosen = ExportSpec(run=run.id, mixture=(("python", 1.0),), prune=PruneSpec(sparsity=0.5))
    return export(run, chosen, folder / "python-50").folder


@needs("ctranslate2")
def test_ctranslate2_gives_the_tokens_of_transformers(exported: Path, tmp_path: Path) -> None:
    import ctranslate2
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(exported)).convert(str(tmp_path / "converted"))
    # The demo model's tokenizer has no begin-of-text token, and CTranslate2 wants a name for one.
    settings: dict[str, Any] = json.loads((tmp_path / "converted" / "config.json").read_text())
    settings["bos_token"] = settings["bos_token"] or settings["eos_token"]
    (tmp_path / "converted" / "config.json").write_text(json.dumps(settings))
    engine = ctranslate2.Generator(str(tmp_path / "converted"), compute_type="float32")

    tokenizer = AutoTokenizer.from_pretrained(exported)
    model = AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32)
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        expected = model.generate(ids, do_sample=False, max_new_tokens=NEW_TOKENS)[0].tolist()
        (answer,) = engine.generate_batch(
            [tokenizer.convert_ids_to_tokens(ids[0].tolist())],
            max_length=NEW_TOKENS,
            sampling_topk=1,
            include_prompt_in_result=False,
            return_end_token=True,
        )
        assert answer.sequences_ids[0] == expected[ids.shape[1] :]


@needs("compressed_tensors")
def test_compressed_tensors_restores_every_bit(exported: Path, tmp_path: Path) -> None:
    sparse = pytest.importorskip(
        "compressed_tensors.compressors.sparse_compressors.sparse_bitmask",
        reason="its releases after 0.14 do not read the layout any more",
    )
    from compressed_tensors.config import BitmaskConfig

    small = compress(exported, tmp_path / "small")
    reader = sparse.BitmaskCompressor(config=BitmaskConfig())
    restored = dict(reader.decompress(str(small / "model.bitmask.safetensors")))
    plain = load_file(exported / "model.safetensors")
    assert restored.keys() == plain.keys()
    for name, tensor in plain.items():
        assert torch.equal(restored[name].view(torch.int16), tensor.view(torch.int16)), name
    dense = sum(t.nbytes for n, t in plain.items() if "_proj" in n)
    stored = load_file(small / "model.bitmask.safetensors")
    parts = ("shape", "bitmask", "compressed", "row_offsets")
    compressed = sum(t.nbytes for n, t in stored.items() if n.rsplit(".", 1)[-1] in parts)
    assert compressed <= 0.57 * dense
