"""An upload to the hub: what goes, what stays here, and every refusal as a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError

from pruning.__main__ import main
from pruning.errors import AtlasError, InputError
from pruning.exports import publishing as publish
from pruning.exports.publishing import plan_upload, upload
from pruning.exports.record import SUBMODEL
from pruning.exports.writing import export
from pruning.specs import ExportSpec
from tests.pruning.finished_run import finished_run

REPOSITORY = "somebody/python-50"


class _Refused:
    """What the hub's client reads of an answer with an error."""

    def __init__(self, status: int) -> None:
        self.status_code, self.headers, self.request, self.text = status, {}, None, ""


class Hub:
    """The hub's side of an upload: what was asked of it, and what it answers."""

    def __init__(self) -> None:
        self.made: list[tuple[str, bool]] = []
        self.files = [".gitattributes"]
        self.commits: list[dict[str, bytes]] = []
        self.refusal: int | None = None
        self.trouble: Exception | None = None

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> None:
        if self.refusal:
            raise HfHubHTTPError("no", response=_Refused(self.refusal))  # type: ignore[arg-type]
        self.made.append((repository, private))

    def list_repo_files(self, repository: str) -> list[str]:
        return self.files

    def create_commit(self, repository: str, operations: Any, commit_message: str) -> Any:
        if self.trouble:
            raise self.trouble
        contents = {}
        for operation in operations:
            with operation.as_file() as file:
                contents[operation.path_in_repo] = file.read()
        self.commits.append(contents)
        return type("Commit", (), {"commit_url": f"https://hub.invalid/{repository}/commit/1"})()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr(publish, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")
    return hub


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("private-home")
    run = finished_run("llama", root)
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),))
    return export(run, spec, root / "workspace" / "exports" / "python-50").folder


def test_everything_goes_in_one_commit_without_this_machine_s_paths(folder: Path, hub: Hub) -> None:
    address = upload(folder, REPOSITORY, private=True)
    assert address == f"https://hub.invalid/{REPOSITORY}/commit/1"
    assert hub.made == [(REPOSITORY, True)]
    (contents,) = hub.commits
    assert contents.keys() == {path.name for path in folder.iterdir()}
    assert contents["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    for name in (SUBMODEL, "README.md"):
        assert b"private-home" not in contents[name]
    record = json.loads(contents[SUBMODEL])
    assert record["base"]["source"] == "base"
    assert {domain["source"] for domain in record["run"]["spec"]["domains"]} == {"code", "prose"}
    assert record["tensors"] == json.loads((folder / SUBMODEL).read_text())["tensors"]
    assert f'from_pretrained("{REPOSITORY}")' in contents["README.md"].decode()


def test_the_plan_is_what_is_uploaded(folder: Path, hub: Hub) -> None:
    plan = plan_upload(folder, REPOSITORY)
    assert hub.commits == []
    upload(folder, REPOSITORY)
    assert plan.files == {name: len(content) for name, content in hub.commits[0].items()}
    assert plan.bytes == sum(plan.files.values())


def test_nothing_is_overwritten(folder: Path, hub: Hub) -> None:
    hub.files = [".gitattributes", "model.safetensors"]
    with pytest.raises(InputError, match="holds 2 files already, and nothing is overwritten"):
        upload(folder, REPOSITORY)
    assert hub.commits == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "does not accept the token"),
        (403, "may not write to somebody/python-50"),
        (404, "status 404.* try again later"),
        (500, "status 500"),
    ],
)
def test_a_refusal_is_a_sentence(folder: Path, hub: Hub, status: int, message: str) -> None:
    hub.refusal = status
    with pytest.raises(InputError, match=message):
        upload(folder, REPOSITORY)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (ConnectionError("gone"), "cannot be reached for the upload .* and try again"),
        (OSError("unreadable"), "upload to somebody/python-50 failed .unreadable.*try again"),
    ],
)
def test_trouble_on_the_way_speaks_of_the_upload(
    folder: Path, hub: Hub, trouble: Exception, message: str
) -> None:
    hub.trouble = trouble
    with pytest.raises((InputError, AtlasError), match=message) as caught:
        upload(folder, REPOSITORY)
    assert "local" not in str(caught.value)
    assert "download" not in str(caught.value)


def test_nothing_hidden_is_uploaded(folder: Path, hub: Hub, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / ".hidden" / "copied"))
    for name in (".git/config", ".idea/x", "sub/.cache/y", ".lock"):
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name).write_text("mine")
    upload(copied, REPOSITORY)
    assert hub.commits[0].keys() == {path.name for path in folder.iterdir()}


def test_a_file_that_cannot_go_is_noticed_before_the_repository_is_made(
    folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, content: Any) -> None:
        raise ValueError("Invalid `path_in_repo`")

    monkeypatch.setattr(publish, "CommitOperationAdd", refuse)
    with pytest.raises(ValueError, match="Invalid"):
        upload(folder, REPOSITORY)
    assert hub.made == []


def test_without_a_login_nothing_is_asked(
    folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(InputError, match="hf auth login"):
        upload(folder, REPOSITORY)
    assert hub.made == []


@pytest.mark.parametrize("name", ["python-50", "a/b/c", "/a", "a/", "a b/c", "../a/b"])
def test_a_repository_is_written_user_and_name(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="write user/name"):
        plan_upload(folder, name)


def test_a_dry_run_on_the_command_line_uploads_nothing(
    folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = str(folder.parent.parent)
    flags = ["--export", folder.name, "--repo", REPOSITORY, "--workspace", workspace, "--json"]
    assert main(["push", *flags, "--dry-run"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["uploaded"] is False
    assert answer["files"] == plan_upload(folder, REPOSITORY).files
    assert hub.made == []
    assert main(["push", *flags]) == 0
    assert json.loads(capsys.readouterr().out)["commit"].endswith("/commit/1")
    assert len(hub.commits) == 1
    assert main(["push", "--export", "gone", "--repo", REPOSITORY, "--workspace", workspace]) == 2
    assert "There is no export gone" in capsys.readouterr().err
