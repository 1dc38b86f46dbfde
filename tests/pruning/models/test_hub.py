"""Hub models: parsed, described, downloaded, found in the cache, and refused with a sentence.

The hub is one on this machine that answers as the real one does; nothing leaves the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants

from pruning.errors import InputError
from pruning.models import hub, sources
from pruning.models.inspection import inspect_model, list_models
from pruning.models.loading import load_model, resolve
from pruning.models.sources import model_folder
from pruning.progress import Progress
from pruning.specs import ModelSpec
from tests.pruning import zoo
from tests.pruning.fake_hub import COMMIT, GATED, FakeHub, running

NAME = "org/tiny"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # whatever the shell says
    huggingface_hub.close_session()  # the next one is opened as the constant says now
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield folder
    huggingface_hub.close_session()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with running() as fake:
        monkeypatch.setattr(constants, "ENDPOINT", fake.url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            fake.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        fake.models[NAME] = zoo.build("llama", tmp_path / "served", dtype=torch.bfloat16)
        fake.models[GATED] = fake.models[NAME]
        yield fake


def disconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo", ("demo", None)),
        ("org/name", ("org/name", None)),
        ("gpt2", ("gpt2", None)),
        (" org/name@v1.0 ", ("org/name", "v1.0")),
        ("org/name@refs/pr/3", ("org/name", "refs/pr/3")),
        ("./folder@home", ("./folder@home", None)),
        ("/abs/folder@home", ("/abs/folder@home", None)),
        ("a/b/c@d", ("a/b/c@d", None)),
    ],
)
def test_models_are_parsed(text: str, expected: tuple[str, str | None]) -> None:
    assert sources.parse_model(text) == expected


def test_an_existing_folder_wins_over_a_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "name@v1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert sources.parse_model("org/name@v1") == ("org/name@v1", None)
    assert not sources.is_hub_id("org")
    with pytest.raises(InputError, match="ends in '@'"):
        sources.parse_model("org/other@")


def test_a_model_is_known_before_its_weights_are_downloaded(server: FakeHub, cache: Path) -> None:
    report = inspect_model(NAME)
    served = server.models[NAME]
    assert report.revision == COMMIT
    assert report.folder is None
    assert (report.architecture, report.num_layers) == ("LlamaForCausalLM", 2)
    assert report.checkpoint_bytes == (served / "model.safetensors").stat().st_size
    assert report.download_bytes == sum(path.stat().st_size for path in served.iterdir())
    assert report.checkpoint_dtype == "bfloat16"
    assert report.memory_bytes("float32") == 2 * report.memory_bytes("bfloat16") > 0
    assert report.problems == ()
    assert not list(cache.rglob("model.safetensors"))


def test_sizes_come_from_the_description_where_it_has_them(server: FakeHub) -> None:
    server.parameters[NAME] = {"BF16": 7_000_000_000}
    report = inspect_model(NAME)
    assert report.parameters == 7_000_000_000
    assert report.memory_bytes("bfloat16") == 14_000_000_000
    assert not any(path.endswith(".safetensors") for path in server.requests)


def test_a_download_reports_its_bytes_and_loads(server: FakeHub) -> None:
    seen: list[Progress] = []
    spec = resolve(ModelSpec(source=NAME), seen.append)
    assert spec.revision == COMMIT
    downloads = [step for step in seen if step.stage == "download"]
    served = server.models[NAME]
    assert downloads[-1].done == downloads[-1].total
    assert downloads[-1].total == sum(  # config.json was there: it is looked at first
        path.stat().st_size for path in served.iterdir() if path.name != "config.json"
    )
    assert {step.detail for step in downloads} == {NAME}
    asked = len(server.requests)
    loaded = load_model(spec)
    assert loaded.spec == spec
    assert len(server.requests) == asked  # a commit that is cached needs no network
    assert [model["source"] for model in list_models() if model["source"] != "demo"] == [NAME]


def test_pickles_and_subfolders_are_never_downloaded(server: FakeHub) -> None:
    (server.models[NAME] / "pytorch_model.bin").write_bytes(b"x")
    folder = model_folder(resolve(ModelSpec(source=NAME)))
    assert not (folder / "pytorch_model.bin").exists()
    (server.models[NAME] / "model.safetensors").unlink()
    report = inspect_model(GATED)
    assert "is gated" in report.problems[0]
    with pytest.raises(InputError, match="pickled files only"):
        hub.checkpoint_files(hub.describe(NAME, None))


def test_a_cached_model_is_used_without_a_network(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(ModelSpec(source=NAME))
    disconnect(monkeypatch)
    assert resolve(ModelSpec(source=NAME)).revision == COMMIT
    report = inspect_model(NAME)
    assert report.folder == model_folder(ModelSpec(source=NAME, revision=COMMIT))
    assert (report.revision, report.download_bytes) == (COMMIT, 0)


def test_a_download_that_broke_off_is_completed(server: FakeHub) -> None:
    zoo.build("llama", server.models[NAME], max_shard_size="40KB")
    (server.models[NAME] / "model.safetensors").unlink(missing_ok=True)
    folder = model_folder(resolve(ModelSpec(source=NAME)))
    shard = sorted(folder.glob("model-*.safetensors"))[1]
    shard.resolve().unlink()
    shard.unlink()
    assert hub.snapshot_folder(NAME, COMMIT) is None
    assert model_folder(resolve(ModelSpec(source=NAME))) == folder
    assert shard.is_file()


def test_a_gated_model_is_described_and_refused(server: FakeHub) -> None:
    report = inspect_model(GATED)
    assert report.gated
    assert report.architecture == "LlamaForCausalLM"
    assert report.checkpoint_bytes
    assert len(report.problems) == 1
    assert "org/gated is gated: accept its licence" in report.problems[0]
    with pytest.raises(InputError, match="is gated"):
        resolve(ModelSpec(source=GATED))


def test_unknown_models_and_revisions(server: FakeHub) -> None:
    for ask in (lambda: inspect_model("org/none"), lambda: resolve(ModelSpec(source="org/none"))):
        with pytest.raises(InputError, match="no model org/none on the hub, or it is private"):
            ask()
    with pytest.raises(InputError, match="org/tiny has no revision 'v9'"):
        inspect_model(NAME, "v9")


def test_without_a_network_or_a_cache(cache: Path) -> None:
    for ask in (lambda: inspect_model(NAME), lambda: resolve(ModelSpec(source=NAME))):
        with pytest.raises(InputError, match="Cannot reach the hub, and org/tiny is not in the"):
            ask()
    assert [model for model in list_models() if model["source"] != "demo"] == []


def test_offline_mode_asks_nobody(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        inspect_model(NAME)
    assert server.requests == []


def test_a_disk_too_small_for_the_download_is_a_problem(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.models.inspection.free_disk_bytes", lambda _: 1000)
    monkeypatch.setattr("pruning.models.hub.free_disk_bytes", lambda _: 1000)
    report = inspect_model(NAME)
    assert "The download needs 0." in report.problems[0]
    with pytest.raises(InputError, match="The download needs"):
        resolve(ModelSpec(source=NAME))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"]}, "mixture-of-experts"),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "BertForMaskedLM"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_its_download(
    server: FakeHub, cache: Path, config: dict[str, object], words: str
) -> None:
    (server.models[NAME] / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=words):
        resolve(ModelSpec(source=NAME))
    assert not list(cache.rglob("*.safetensors"))
