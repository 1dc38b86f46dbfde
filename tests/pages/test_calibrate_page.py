"""The Calibrate page: choices become a spec in the queue, and the job is shown as it is."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.domain_choice import check_name, column_or_template, save_uploads
from pages.ui.library import queue
from pruning.errors import InputError
from pruning.jobs.queue import Job
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec
from tests.pages.conftest import Open, healthy


@pytest.fixture
def choices(calibrated: Path) -> dict[str, str]:
    """A link with everything chosen."""
    return {
        "from": "Folder",
        "folder": str(calibrated / "base"),
        "texts": "Python",
        "samples": "8",
        "length": "24",
        "groups": "4",
        "seed": "3",
    }


def start(app: AppTest) -> Job:
    """Press the button; the job that came of it."""
    next(b for b in app.button if b.label == "Start calibration").click()
    healthy(app.run())
    return queue().list()[0]


def test_what_was_chosen_is_what_is_queued(
    empty: Path, open_page: Open, choices: dict[str, str], calibrated: Path
) -> None:
    app = healthy(open_page("calibrate", **choices))
    job = start(app)
    assert job.argv[:3] == ("-m", "pruning", "calibrate")
    spec = CalibrationSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert spec.model.source == str(calibrated / "base")
    assert [domain.source for domain in spec.domains] == ["python"]
    sample = spec.sample
    assert (sample.num_samples, sample.seq_len, sample.groups, sample.seed) == (8, 24, 4, 3)
    assert spec.layers is None
    assert job.id in app.query_params["job"]


def test_a_reload_finds_the_job_again(
    empty: Path, open_page: Open, choices: dict[str, str]
) -> None:
    job = start(open_page("calibrate", **choices))
    again = healthy(open_page("calibrate", job=job.id, **choices))
    assert f"**{job.title}**" in [text.value for text in again.markdown]
    next(b for b in again.button if b.label == "Cancel").click()
    again.run()
    assert queue().get(job.id).status == "cancelled"


def test_a_second_visitor_waits_in_line(
    empty: Path, open_page: Open, choices: dict[str, str]
) -> None:
    first = start(open_page("calibrate", **choices))
    queue().start_next()
    visitor = healthy(open_page("calibrate", **choices))
    shown = [text.value for text in visitor.sidebar.caption]
    assert any(first.title in text for text in shown)
    next(b for b in visitor.button if b.label == "Hide").click()
    healthy(visitor.run())
    next(b for b in visitor.button if b.label == "Start calibration").click()
    healthy(visitor.run())
    assert any("1 job is before this one" in text.value for text in visitor.caption)


def test_too_little_text_offers_to_go_on(
    empty: Path, open_page: Open, choices: dict[str, str]
) -> None:
    job = start(open_page("calibrate", **choices))
    queue().start_next()
    error = {"kind": "TooFewDocumentsError", "message": "Few.", "available": 3, "needed": 8}
    (job.folder / "progress.json").write_text(
        json.dumps({"stage": "s", "done": 0, "total": 1, "detail": "", "seconds_left": None, "error": error})
    )  # fmt: skip
    queue().finish(job.id, "failed", error="Few.")
    app = open_page("calibrate", job=job.id, **choices)
    assert app.error[0].value == "Few."
    next(b for b in app.button if b.label == "Go on with fewer").click()
    healthy(app.run())
    again = next(other for other in queue().list() if other.id != job.id)
    assert json.loads((again.folder / "spec.json").read_text())["sample"]["allow_fewer"] is True


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"from": "Folder", "folder": "/no/such/place"}, "There is no model folder"),
        ({"own": "{nonsense"}, "cannot be read"),
        ({"own": '{"name":"a b","kind":"files","source":"x"}'}, "cannot be read"),
    ],
)
def test_bad_input_is_a_sentence(
    empty: Path, open_page: Open, link: dict[str, str], sentence: str
) -> None:
    app = open_page("calibrate", **link)
    assert not app.exception
    assert any(sentence in error.value for error in app.error)


def test_own_domains_live_in_the_address(
    empty: Path, open_page: Open, choices: dict[str, str]
) -> None:
    own = '{"name":"mine","kind":"files","source":"/data/texts","suffixes":[".py"]}'
    app = healthy(open_page("calibrate", own=own, **choices))
    job = start(app)
    spec = CalibrationSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert [domain.name for domain in spec.domains] == ["python", "mine"]
    assert spec.domains[1].suffixes == (".py",)


def add(app: AppTest, form: int, **fields: str) -> AppTest:
    """Fill a form for a domain of one's own and send it; form 0: hub data set, 1: files."""
    for key, value in fields.items():
        app.text_input(key=key.replace("_", "-")).set_value(value)
    [b for b in app.button if b.label == "Add"][form].click()
    return app.run()


def test_a_hub_data_set_is_added(empty: Path, open_page: Open) -> None:
    app = open_page("calibrate")
    add(app, 0, hub_name="g", hub_id="openai/gsm8k", hub_config="main", hub_text="{q}\\n{a}")
    text = str(app.query_params["own"])
    domain = DomainSpec.from_json(json.loads(text))
    assert (domain.name, domain.source, domain.config) == ("g", "openai/gsm8k", "main")
    assert (domain.template, domain.column) == ("{q}\n{a}", None)
    app.button(key="drop-g").click()
    app.run()
    assert "own" not in app.query_params


@pytest.mark.parametrize(
    ("form", "fields", "sentence"),
    [
        (0, {"hub_name": "g"}, "Name the data set"),
        (0, {"hub_name": "python", "hub_id": "a/b"}, "python already"),
        (0, {"hub_name": "a b", "hub_id": "a/b"}, "domain name 'a b'"),
        (1, {"files_name": "mine"}, "Upload files, or give a path"),
        (1, {"files_name": "", "files_path": "/data"}, "domain name ''"),
    ],
)
def test_a_bad_domain_is_a_sentence_and_the_page_stays(
    empty: Path, open_page: Open, form: int, fields: dict[str, str], sentence: str
) -> None:
    app = add(open_page("calibrate"), form, **fields)
    assert not app.exception
    assert any(sentence in error.value for error in app.error)
    assert any(button.label == "Start calibration" for button in app.button)


def test_a_run_is_deleted_after_asking(run: Run, empty: Path, open_page: Open) -> None:
    app = open_page("calibrate")
    app.button(key=f"delete-{run.id}").click()
    app.run()
    assert Workspace(empty).runs() == []


class Upload:
    """As much of an uploaded file as is used."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data

    def getbuffer(self) -> memoryview:
        return memoryview(self.data)


def test_uploads_stay_inside_a_private_folder(empty: Path) -> None:
    names = ["a.txt", "../../evil.txt", "dir\\b.txt", "a.txt", "..", ""]
    folder = save_uploads([Upload(name, name.encode()) for name in names])
    assert folder.parent == empty / "uploads"
    assert folder.stat().st_mode & 0o077 == 0
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted(["a.txt", "evil.txt", "b.txt", "3-a.txt", "file-4", "file-5"])
    assert (folder / "3-a.txt").read_bytes() == b"a.txt"


def test_one_upload_is_given_as_the_file_itself(empty: Path) -> None:
    path = save_uploads([Upload("../a.zip", b"PK")])
    assert path.name == "a.zip"
    assert path.parent.parent == empty / "uploads"
    assert path.read_bytes() == b"PK"


def test_an_archive_beside_other_files_is_refused_and_nothing_is_kept(empty: Path) -> None:
    with pytest.raises(InputError, match=r"b\.ZIP is an archive.*upload one \.zip alone"):
        save_uploads([Upload("a.txt", b"a"), Upload("b.ZIP", b"PK")])
    assert not (empty / "uploads").exists()


def test_an_uploaded_archive_becomes_a_domain(empty: Path, open_page: Open) -> None:
    app = open_page("calibrate")
    app.file_uploader(key="files-upload").upload("a.zip", b"PK")
    add(app, 1, files_name="mine", files_suffixes="py, .pyi")
    domain = DomainSpec.from_json(json.loads(str(app.query_params["own"])))
    assert Path(domain.source).read_bytes() == b"PK"
    assert (Path(domain.source).name, domain.suffixes) == ("a.zip", (".py", ".pyi"))


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "domain name ''"), ("python", "python already")]
)
def test_uploads_under_a_bad_name_are_not_kept(
    empty: Path, open_page: Open, name: str, sentence: str
) -> None:
    app = open_page("calibrate")
    app.file_uploader(key="files-upload").upload("a.txt", b"a")
    add(app, 1, files_name=name)
    assert any(sentence in error.value for error in app.error)
    assert not (empty / "uploads").exists()


def test_braces_make_a_template() -> None:
    assert column_or_template(" text ") == ("text", None)
    assert column_or_template("") == (None, None)
    assert column_or_template("{a}\\n{b}") == (None, "{a}\n{b}")


def test_a_second_domain_of_the_same_name_is_refused() -> None:
    with pytest.raises(InputError, match="python already"):
        check_name("python", [])
