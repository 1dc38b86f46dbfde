"""The GGUF form, read back with the `gguf` library: values, vocabulary, files, refusals."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import sentencepiece
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from pruning.errors import AtlasError, Cancelled, InputError
from pruning.exports.forms import compress, decompress
from pruning.exports.gguf import converting
from pruning.exports.gguf.converting import write_gguf
from pruning.exports.gguf.folders import to_gguf
from pruning.exports.gguf.pretokenizers import sample_texts
from pruning.exports.gguf.quantizing import has_llama_cpp
from pruning.exports.gguf.quants import QUANTS
from pruning.exports.gguf.reading import GgufFile, encoder_of
from pruning.exports.gguf.running import MODELFILE
from pruning.exports.record import SUBMODEL
from pruning.exports.verifying import verify
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning import zoo
from tests.pruning.finished_run import finished_run

EVEN = {"hidden_size": 64, "intermediate_size": 96}  # whole blocks of 32 columns


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("llama")
    return finished_run("llama", folder, dtype=torch.bfloat16, **EVEN)


@pytest.fixture(scope="module")
def plain(llama: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = ExportSpec(run=llama.id, mixture=(("code", 1.0),), prune=PruneSpec())
    return export(llama, spec, tmp_path_factory.mktemp("exports") / "plain").folder


@pytest.fixture(scope="module")
def made(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """quant -> its folder, made once; not to be changed."""
    folder, done = tmp_path_factory.mktemp("made"), dict[str, Path]()

    def make(quant: str) -> Path:
        if quant not in done:
            done[quant] = to_gguf(plain, folder / quant, quant).folder
        return done[quant]

    return make


def file_in(folder: Path) -> GgufFile:
    return GgufFile(folder / json.loads((folder / SUBMODEL).read_text())["gguf"]["file"])


def failed(folder: Path, base: Path | None = None) -> dict[str, str]:
    """The names of the checks that fail, with what they say."""
    return {check.name: check.detail for check in verify(folder, base).checks if not check.ok}


def test_values_are_the_checkpoint_s(plain: Path, made: Callable[[str], Path]) -> None:
    weights = load_file(plain / "model.safetensors")
    file = file_in(made("bf16"))
    up = weights["model.layers.1.mlp.up_proj.weight"].float().numpy()
    assert np.array_equal(file.dequantised("blk.1.ffn_up.weight"), up)
    assert (up == 0).mean() >= 0.5
    norm = weights["model.norm.weight"].float().numpy()
    assert np.array_equal(file.dequantised("output_norm.weight"), norm)
    query = weights["model.layers.0.self_attn.q_proj.weight"].float()  # GGUF pairs rotated halves
    paired = query.view(4, 2, 8, 64).transpose(1, 2).reshape(64, 64)
    assert np.array_equal(file.dequantised("blk.0.attn_q.weight"), paired.numpy())


@pytest.mark.parametrize("quant", [name for name, quant in QUANTS.items() if not quant.program])
def test_every_format_is_verified(quant: str, made: Callable[[str], Path]) -> None:
    report = verify(made(quant))
    assert report.ok, report
    details = {check.name: check.detail for check in report.checks}
    assert "equal those of the export it was made from" in details["Tensors"]
    assert "are the model's own" in details["Tokens"]
    kinds = {entry["type"] for entry in file_in(made(quant)).layout().values()}
    assert quant.upper() in kinds


def test_against_the_base_model_zeros_alone_may_differ(
    llama: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    base = Path(llama.spec.model.source)
    for quant in ("bf16", "q4_0"):
        report = verify(made(quant), base)
        assert report.ok, report
        assert "but for the zeros" in report.checks[-1].detail
    other = zoo.build("llama", tmp_path / "other", seed=7, dtype=torch.bfloat16, **EVEN)
    assert "Tensors" in failed(made("bf16"), other)


def test_smaller_formats_are_smaller(made: Callable[[str], Path]) -> None:
    sizes = [file_in(made(quant)).path.stat().st_size for quant in ("f32", "bf16", "q8_0", "q4_0")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4


def test_the_folder_says_how_to_run_it(made: Callable[[str], Path]) -> None:
    folder = made("q8_0")
    assert sorted(path.name for path in folder.iterdir()) == [
        MODELFILE, "README.md", "q8_0-Q8_0.gguf", SUBMODEL,
    ]  # fmt: skip
    modelfile = (folder / MODELFILE).read_text()
    assert modelfile == (
        'FROM ./q8_0-Q8_0.gguf\nPARAMETER num_ctx 256\nTEMPLATE """{{ .Prompt }}"""\n'
    )
    card = (folder / "README.md").read_text()
    assert "library_name: gguf" in card
    assert 'llama-completion -m q8_0-Q8_0.gguf -n 128 -p "…"' in card
    assert "ollama create q8_0 -f Modelfile" in card
    assert "from_pretrained" not in card


def test_the_small_form_converts_and_gguf_goes_no_further(
    plain: Path, made: Callable[[str], Path], tmp_path: Path
) -> None:
    small = compress(plain, tmp_path / "small")
    folder = to_gguf(small, tmp_path / "bf16", "bf16").folder
    assert file_in(folder).layout() == file_in(made("bf16")).layout()
    with pytest.raises(InputError, match="is gguf already"):
        to_gguf(folder, tmp_path / "again", "bf16")
    with pytest.raises(InputError, match="is gguf and not sparse-bitmask"):
        decompress(folder, tmp_path / "again")


def test_a_changed_file_is_noticed(made: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(made("bf16"), folder)
    path = file_in(folder).path
    data = bytearray(path.read_bytes())
    data[int(GgufFile(path).tensors["blk.0.ffn_up.weight"].data_offset) + 1] ^= 0x40
    path.write_bytes(data)
    found = failed(folder)
    assert "has changed since the export" in found["Files"]
    assert "blk.0.ffn_up.weight has 1 values" in found["Tensors"]
    path.write_bytes(data[: len(data) // 2])
    assert "no whole GGUF file" in failed(folder)["GGUF"]


def test_another_tokenizer_s_file_is_noticed(made: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(made("bf16"), folder)
    record = json.loads((folder / SUBMODEL).read_text())
    record["gguf"]["tokens"]["ids"] = "0" * 64
    (folder / SUBMODEL).write_text(json.dumps(record))
    assert "other tokens by the vocabulary in the file" in failed(folder)["Tokens"]


@pytest.mark.parametrize(
    "architecture", ["llama_gqa", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"]
)
def test_other_architectures(
    architecture: str, tiny_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tiny_folder(architecture)
    target = tmp_path / "model.gguf"
    write_gguf(folder, target, QUANTS["f32"], architecture)
    file = GgufFile(target)
    weights = load_file(folder / "model.safetensors")
    down = weights["model.layers.1.mlp.down_proj.weight"].numpy()
    assert np.array_equal(file.dequantised("blk.1.ffn_down.weight"), down)
    assert file.value("general.architecture") == architecture.removesuffix("_gqa").removesuffix(
        "_text"
    ).replace("mistral", "llama")
    encode, tokenizer = encoder_of(file), AutoTokenizer.from_pretrained(folder)
    assert encode is not None
    wanted = [tokenizer(text).input_ids for text in sample_texts()]
    assert encode(sample_texts()) == wanted


@pytest.mark.parametrize("with_its_file", [True, False])
@pytest.mark.parametrize("architecture", ["gemma", "mistral"])
def test_sentencepiece_vocabularies(architecture: str, with_its_file: bool, tmp_path: Path) -> None:
    folder = zoo.build(architecture, tmp_path / "model")
    pieces = zoo.save_sentencepiece(folder, architecture, keep_its_file=with_its_file)
    target = tmp_path / "model.gguf"
    write_gguf(folder, target, QUANTS["f16"], "x")
    file, tokenizer = GgufFile(target), AutoTokenizer.from_pretrained(folder)
    assert file.value("tokenizer.ggml.model") == "llama"
    encode = encoder_of(file)
    assert encode is not None
    wanted = [tokenizer(text).input_ids for text in sample_texts()]
    assert encode(sample_texts()) == wanted
    model = sentencepiece.SentencePieceProcessor(model_proto=pieces)
    for text in sample_texts()[2:4]:  # the trainer's own program agrees, but for its first space
        assert model.decode(encode([text])[0][1:]).lstrip() == text
    if architecture == "gemma":
        assert encode(sample_texts()) == [[1, *ids] for ids in model.encode(list(sample_texts()))]


def test_what_gguf_has_no_name_for_is_refused(
    tiny_folder: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no name for the architecture OPTForCausalLM"):
        converting.check_convertible(tiny_folder("opt"))
    with pytest.raises(InputError, match="no GGUF format 'q9'"):
        to_gguf(tmp_path, tmp_path / "out", "q9")
    code = tmp_path / "code"
    shutil.copytree(tiny_folder("llama"), code)
    zoo.edit_config(code, auto_map={"AutoConfig": "x.Y"})
    with pytest.raises(InputError, match="asks for code of its own"):
        converting.check_convertible(code)


@pytest.mark.skipif(has_llama_cpp(), reason="llama.cpp is installed here")
def test_llama_cpp_s_own_formats_ask_for_it(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="install llama-cpp-python"):
        to_gguf(plain, tmp_path / "out", "q4_k_m")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), Cancelled()])
def test_a_full_disk_or_a_cancellation_leaves_nothing(
    error: BaseException, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    original = gguf.GGUFWriter.write_tensor_data

    def fails(self: Any, tensor: Any, *arguments: Any) -> None:
        written.append(tensor)
        if len(written) == 5:
            raise error
        original(self, tensor, *arguments)

    monkeypatch.setattr(gguf.GGUFWriter, "write_tensor_data", fails)
    expected = Cancelled if isinstance(error, Cancelled) else AtlasError
    with pytest.raises(expected):
        to_gguf(plain, tmp_path / "out", "q8_0")
    assert len(written) == 5
    assert not list(tmp_path.iterdir())


def test_a_narrower_model_is_smaller(tmp_path: Path) -> None:
    sizes = []
    for width in (96, 64):
        folder = zoo.build("llama", tmp_path / f"{width}", **{**EVEN, "intermediate_size": width})
        write_gguf(folder, tmp_path / f"{width}.gguf", QUANTS["q8_0"], "x")
        sizes.append((tmp_path / f"{width}.gguf").stat().st_size)
    assert sizes[0] - sizes[1] == 2 * 3 * 32 * 64 * 34 // 32  # layers, matrices, channels, columns
