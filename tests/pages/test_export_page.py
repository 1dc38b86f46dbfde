"""The Export page: the preview is the library's plan, and what was built can be downloaded."""

import argparse
import errno
import json
import shlex
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.ui import downloads
from pages.ui.export_choice import KEEPS
from pages.ui.export_form import FORMS
from pages.ui.library import queue
from pages.ui.words import count, size
from pruning.commands.export import add_arguments
from pruning.commands.submodel_choice import spec_of as choice_of
from pruning.errors import AtlasError
from pruning.exports.gguf.exporting import export_gguf
from pruning.exports.planning import plan_export
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import ExportSpec, NarrowSpec, PruneSpec
from tests.pages.conftest import Open, healthy


def spec_of(run: Run, **prune: object) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec(**prune))  # type: ignore[arg-type]


def test_the_preview_is_the_plan(run: Run, open_page: Open) -> None:
    app = healthy(open_page("export", sparsity="0.7", projections="up_proj"))
    plan = plan_export(run, spec_of(run, sparsity=0.7, projections=("up_proj",)))
    assert app.metric[0].value == count(plan.kept)
    assert app.metric[1].value == f"{plan.prunable_sparsity:.1%}"
    assert app.metric[2].value == f"{plan.sparsity:.1%}"


def test_what_was_chosen_is_what_is_queued(run: Run, empty: Path, open_page: Open) -> None:
    link: dict[str, str | list[str]] = {
        "for": ["code", "prose"],
        "weight-prose": "0.5",
        "pattern": "2:4",
        "mode": "sequential",
        "layers": "1",
    }
    app = healthy(open_page("export", **link))
    said = next(code.value for code in app.code if "pruning export" in code.value)
    next(b for b in app.button if b.label == "Build the sub-model").click()
    healthy(app.run())
    job = queue().list()[0]
    spec = ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert spec.mixture == (("code", 1.0), ("prose", 0.5))
    assert (spec.prune.pattern, spec.prune.sparsity, spec.mode) == ("2:4", 0.5, "sequential")
    assert spec.prune.layers == (1,)
    out = Path(job.argv[job.argv.index("--out") + 1])
    assert out.parent == empty / "exports"
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert choice_of(parser.parse_args(shlex.split(said)[4:]), parser) == spec


def test_a_repair_says_what_it_costs_before_it_starts(
    run: Run, empty: Path, open_page: Open
) -> None:
    app = healthy(open_page("export", repair="ALPS"))
    assert any("The repair takes about" in caption.value for caption in app.caption)
    next(b for b in app.button if b.label == "Build the sub-model").click()
    healthy(app.run())
    job = queue().list()[0]
    spec = ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert spec.repair == "alps"
    assert job.argv[job.argv.index("--out") + 1].endswith("-alps")
    plain = healthy(open_page("export", repair="None"))
    assert not any("The repair takes" in caption.value for caption in plain.caption)


def test_whole_parts_are_planned_and_queued(run: Run, open_page: Open) -> None:
    link = {"remove": "Channels", "remove-channels": "0.3", "multiple": "8"}
    app = healthy(open_page("export", **link))
    narrow = NarrowSpec(channels=0.3, multiple=8)
    spec = ExportSpec(
        run=run.id, mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.0), narrow=narrow
    )
    plan = plan_export(run, spec)
    assert plan.narrow is not None
    assert app.metric[0].value == count(plan.parameters)
    assert app.metric[1].value == size(plan.bytes)
    assert f"{plan.bytes:,} bytes" in app.metric[1].help
    assert (app.metric[2].label, app.metric[2].value) == ("intermediate_size", "56")
    said = next(code.value for code in app.code if "pruning export" in code.value)
    next(b for b in app.button if b.label == "Build the sub-model").click()
    healthy(app.run())
    job = queue().list()[0]
    assert ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text())) == spec
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert choice_of(parser.parse_args(shlex.split(said)[4:]), parser) == spec
    assert Path(job.argv[job.argv.index("--out") + 1]).name == "base-code-channels-0.3"


def test_more_than_there_is_is_a_sentence(run: Run, open_page: Open) -> None:
    app = open_page("export", **{"remove": "Heads", "remove-heads": "64"})
    assert "would leave none" in app.error[0].value


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b"])
def test_a_bad_name_is_a_sentence(run: Run, open_page: Open, name: str) -> None:
    app = open_page("export")
    app.text_input(key="name-base-code-50").set_value(name)
    next(b for b in app.button if b.label == "Build the sub-model").click()
    app.run()
    assert "A name has" in app.error[0].value
    assert queue().list() == []


def test_no_domain_is_a_sentence(run: Run, open_page: Open) -> None:
    app = open_page("export")
    app.multiselect(key="for").set_value([]).run()
    assert "at least one domain" in app.error[0].value


@pytest.fixture
def exported(run: Run, empty: Path) -> Path:
    return export(run, spec_of(run), empty / "exports" / "mine").folder


@pytest.fixture
def client() -> TestClient:
    route = Route(downloads.PATH + "{token}", downloads.download)
    return TestClient(Starlette(routes=[route]))


def test_an_export_is_listed_and_can_be_deleted(exported: Path, open_page: Open) -> None:
    app = healthy(open_page("export"))
    assert "**mine**" in [text.value for text in app.markdown]
    app.button(key="delete-mine").click()
    healthy(app.run())
    assert not exported.exists()


def test_exports_stay_listed_when_their_run_is_deleted(
    exported: Path, run: Run, empty: Path, open_page: Open
) -> None:
    Workspace(empty).delete_run(run.id)
    app = healthy(open_page("export"))
    assert "**mine**" in [text.value for text in app.markdown]
    assert "nothing to look at yet" in app.info[0].value


def test_exports_stay_listed_beside_a_choice_that_cannot_be_made(
    exported: Path, open_page: Open
) -> None:
    app = open_page("export")
    app.multiselect(key="for").set_value([]).run()
    assert "at least one domain" in app.error[0].value
    assert "**mine**" in [text.value for text in app.markdown]
    app = open_page("export", mode="sequential", allocation="By outliers (OWL)")
    assert len(app.error) == 1
    assert "**mine**" in [text.value for text in app.markdown]


@pytest.mark.parametrize("text", ["[]", '{"export": {"mixture": [["code"]]}}'])
def test_a_foreign_export_hides_no_other(
    exported: Path, empty: Path, open_page: Open, text: str
) -> None:
    foreign = empty / "exports" / "foreign"
    foreign.mkdir()
    (foreign / "submodel.json").write_text(text)
    app = open_page("export")
    assert not app.exception
    assert "**mine**" in [text.value for text in app.markdown]
    (error,) = app.error
    assert "foreign/submodel.json is damaged" in error.value


def test_a_failed_verification_is_never_green(exported: Path, open_page: Open) -> None:
    job = queue().submit("verify", "Verifying mine", ["-m", "pruning", "verify", str(exported)])
    queue().start_next()
    check = {"name": "Zeros", "ok": False, "detail": "Too few."}
    queue().finish(job.id, "done", result={"ok": False, "checks": [check]})
    app = healthy(open_page("export"))
    shown = [text.value for text in app.markdown]
    assert any(":red[" in text and "0 of 1 checks passed" in text for text in shown)
    assert not any("Verified" in text for text in shown)


def test_the_download_is_the_folder(exported: Path, client: TestClient) -> None:
    answer = client.get(downloads.link("mine"), headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "identity"
    assert "mine.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        there = {path.relative_to(exported).as_posix() for path in exported.rglob("*")}
        assert {name.removeprefix("mine/") for name in packed.namelist()} == there
        weights = (exported / "model.safetensors").read_bytes()
        assert packed.read("mine/model.safetensors") == weights


def test_an_interrupted_download_goes_on(exported: Path, client: TestClient) -> None:
    whole = client.get(downloads.link("mine")).content
    rest = client.get(downloads.link("mine"), headers={"Range": "bytes=1000-"})
    assert rest.status_code == 206
    assert rest.content == whole[1000:]


def test_only_signed_links_work(
    exported: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get(downloads.PATH + "mine").status_code == 403
    assert client.get(downloads.link("mine") + "x").status_code == 403
    assert client.get(downloads.link("../runs")).status_code == 404
    assert client.get(downloads.link("gone")).status_code == 404
    monkeypatch.setattr(downloads, "VALID_SECONDS", -1)
    assert client.get(downloads.link("mine")).status_code == 410


def test_the_key_is_private_and_stays(exported: Path, empty: Path) -> None:
    assert downloads.link("mine").startswith(downloads.PATH)
    key = empty / "download.key"
    before = key.read_text()
    downloads.link("mine")
    assert key.read_text() == before
    assert key.stat().st_mode & 0o077 == 0
    assert [path for path in empty.iterdir() if path.name.startswith(".download")] == []


def test_an_empty_key_forges_no_link(exported: Path, empty: Path, client: TestClient) -> None:
    (empty / "download.key").touch()
    forged = URLSafeTimedSerializer("", salt="download").dumps("mine")
    assert client.get(downloads.PATH + forged).status_code == 403
    assert len((empty / "download.key").read_text()) == 64
    assert client.get(downloads.link("mine")).status_code == 200


def test_a_disk_that_is_full_leaves_no_key(
    exported: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pages.ui.downloads.os.fsync", full)
        with pytest.raises(AtlasError, match="The disk is full"):
            downloads.link("mine")
    assert [path.name for path in empty.iterdir() if "download" in path.name] == []


def test_the_key_of_a_server_that_was_quicker_is_used(
    exported: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beaten(source: str, target: Path) -> None:
        target.write_text("theirs")
        raise FileExistsError

    monkeypatch.setattr("pages.ui.downloads.os.link", beaten)
    downloads.link("mine")
    assert (empty / "download.key").read_text() == "theirs"


@pytest.mark.parametrize(
    ("keep", "domains", "combination"),
    [
        ("union", ["code", "prose"], "union"),
        ("intersection", ["code", "prose"], "intersection"),
        ("removal", ["prose"], "removal"),
        ("others", ["prose"], "mixture"),  # of two domains one is left
    ],
)
def test_a_combination_is_previewed_and_queued(
    run: Run, open_page: Open, keep: str, domains: list[str], combination: str
) -> None:
    app = healthy(open_page("export", **{"for": domains, "keep": KEEPS[keep], "form": "Small"}))
    named = domains if keep != "others" else ["code"]
    spec = ExportSpec(
        run=run.id, mixture=tuple((name, 1.0) for name in named), combination=combination
    )
    plan = plan_export(run, spec)
    assert app.metric[0].value == count(plan.kept)
    assert app.metric[1].value == f"{plan.prunable_sparsity:.1%}"
    next(b for b in app.button if b.label == "Build the sub-model").click()
    healthy(app.run())
    job = queue().list()[0]
    assert ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text())) == spec
    assert job.argv[job.argv.index("--form") + 1] == "sparse-bitmask"


def test_a_large_model_s_combination_is_counted_as_a_job(
    run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 0)
    app = healthy(open_page("export", **{"for": ["code", "prose"], "keep": KEEPS["union"]}))
    next(b for b in app.button if b.label == "Count the weights").click()
    healthy(app.run())
    assert queue().list()[0].kind == "plan"


def test_a_large_download_is_packed_by_a_job(
    exported: Path, client: TestClient, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pages.ui.downloads", "pages.ui.exports"):
        monkeypatch.setattr(f"{module}.PACKED_AT_ONCE", 1000)
    assert client.get(downloads.link("mine")).status_code == 409
    app = healthy(open_page("export"))
    app.button(key="pack-mine").click()
    healthy(app.run())
    (job,) = queue().list()
    archive = Path(job.argv[job.argv.index("--out") + 1])
    assert (job.kind, archive) == ("archive", downloads.archive_path(exported))
    downloads.packed(exported)
    assert client.get(downloads.link("mine")).status_code == 200
    assert not [b for b in open_page("export").button if b.key == "pack-mine"]


def test_publishing_asks_twice(
    exported: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    app = healthy(open_page("export"))
    assert any("push --export mine --repo user/mine --dry-run" in c.value for c in app.code)
    assert not [b for b in app.button if b.key == "push-mine"]
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_secret")
    app.text_input(key="repository-mine").set_value("somebody/mine").run()
    assert app.button(key="push-mine").disabled
    app.checkbox(key="sure-mine").check().run()
    app.button(key="push-mine").click()
    healthy(app.run())
    (job,) = queue().list()
    assert job.kind == "push"
    assert "--private" in job.argv
    assert "hf_secret" not in " ".join(job.argv)


@pytest.mark.parametrize("kind", ["verify", "archive", "push"])
def test_work_on_an_export_can_be_cancelled(
    exported: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("pages.ui.exports.PACKED_AT_ONCE", 1000)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    job = queue().submit(kind, f"A long {kind}", ["-m", "pruning", kind, str(exported)])
    queue().start_next()
    app = healthy(open_page("export"))
    assert any("Being " in text.value for text in app.caption)
    assert app.button(key="verify-mine").disabled is (kind == "verify")
    app.button(key=f"cancel-{job.id}").click()
    healthy(app.run())
    assert queue().get(job.id).cancel_asked is not None
    assert any("Cancelling" in text.value for text in app.caption)
    queue().finish(job.id, "cancelled")
    healthy(app.run())
    assert not [b for b in app.button if b.key == f"cancel-{job.id}"]
    assert not app.button(key="verify-mine").disabled


@pytest.mark.parametrize(("form", "share"), [("plain", 1.0), ("sparse-bitmask", 0.6)])
def test_the_headline_is_the_chosen_form_s_size(
    run: Run, open_page: Open, form: str, share: float
) -> None:
    app = healthy(open_page("export", form=FORMS[form]))
    plan = plan_export(run, spec_of(run))
    expected = plan.bytes if form == "plain" else plan.compressed_bytes
    assert app.metric[3].value == size(expected)
    assert expected <= share * plan.bytes or form != "plain"
    table = next(text.value for text in app.markdown if "loads in" in text.value)
    assert "llama.cpp, Ollama, LM Studio" in table


def test_a_gguf_file_is_queued_and_shown(run: Run, empty: Path, open_page: Open) -> None:
    app = healthy(open_page("export", form="GGUF", quant="q4_0"))
    next(b for b in app.button if b.label == "Build the sub-model").click()
    healthy(app.run())
    argv = queue().list()[0].argv
    at = argv.index("--form")
    assert argv[at : at + 4] == ("--form", "gguf", "--quant", "q4_0")
    export_gguf(run, spec_of(run), empty / "exports" / "mine", "bf16")
    app = healthy(open_page("export"))
    assert any("GGUF in bf16" in text.value for text in app.caption)
    lines = next(code.value for code in app.code if "ollama" in code.value)
    assert "llama-completion -m mine-BF16.gguf" in lines
