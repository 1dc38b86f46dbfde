"""The Export page: the preview is the library's plan, and what was built can be downloaded."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.ui import downloads
from pages.ui.export_choice import KEEPS
from pages.ui.library import queue
from pages.ui.words import count
from pruning.export import export
from pruning.export_plan import plan_export
from pruning.export_spec import ExportSpec
from pruning.specs import PruneSpec
from pruning.workspace import Run
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
    next(b for b in app.button if b.label == "Build the sub-model").click()
    healthy(app.run())
    job = queue().list()[0]
    spec = ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert spec.mixture == (("code", 1.0), ("prose", 0.5))
    assert (spec.prune.pattern, spec.prune.sparsity, spec.mode) == ("2:4", 0.5, "sequential")
    assert spec.prune.layers == (1,)
    out = Path(job.argv[job.argv.index("--out") + 1])
    assert out.parent == empty / "exports"


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
    monkeypatch.setattr("pruning.combinations.SECONDS_WORTH", 0)
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
