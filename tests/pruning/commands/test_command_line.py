"""`python -m pruning` on a tiny model: results, refusals, and that nothing is half-written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pruning.__main__ import COMMANDS, main
from pruning.commands.console import QUIET
from pruning.jobs import JobQueue, Supervisor, supervisor
from pruning.machine.paths import WORKSPACE_VARIABLE
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run
from tests.waiting import until

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def root(run: Run) -> Path:
    """The folder with base/, texts/ and workspace/."""
    return run.folder.parents[2]


def ask(capsys: Capture, *argv: object) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a command."""
    capsys.readouterr()
    status = main([str(part) for part in argv])
    out, err = capsys.readouterr()
    return status, out, err


def ask_json(capsys: Capture, *argv: object) -> Any:
    status, out, err = ask(capsys, *argv, "--json")
    assert status == 0, err
    return json.loads(out)


def calibrate_flags(root: Path) -> list[object]:
    texts = root / "texts"
    domains = [
        part for name in ("code", "prose") for part in ("--domain", f"{name}={texts / name}")
    ]
    sample = ["--num-samples", 8, "--seq-len", 24, "--groups", 4, "--batch-size", 4]
    where = ["--device", "cpu", "--workspace", root / "workspace"]
    return ["calibrate", "--model", root / "base", *domains, *sample, *where]


def test_the_flags_mean_what_the_library_means(run: Run, root: Path, capsys: Capture) -> None:
    """The same choices by flag find the run that the library made, and do no work again."""
    answer = ask_json(capsys, *calibrate_flags(root))
    assert answer.pop("reading")["code"] == ["Read: 24 files of text, 24 documents."]
    assert answer == {"run": run.id, "path": str(run.folder), "status": "done", "missing": 0}


def test_a_spec_file_means_the_same(run: Run, root: Path, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(run.spec.to_json()))
    where = ("--workspace", root / "workspace")
    assert ask_json(capsys, "calibrate", "--spec", file, *where)["run"] == run.id
    status, _, err = ask(capsys, "calibrate", "--spec", file, "--seed", 3, "--layers", "0", *where)
    assert (status, err) == (
        2,
        "--spec already makes every choice; leave out --seed, --layers.\n",
    )


def test_other_choices_reach_the_run(root: Path, capsys: Capture) -> None:
    flags = calibrate_flags(root)
    options = ["--layers", "1", "--projections", "q_proj,up_proj", "--seed", 7]
    answer = ask_json(capsys, *flags, *options)
    run = Workspace(root / "workspace").run(answer["run"])
    assert (run.layers, run.projections, run.spec.sample.seed) == ((1,), ("q_proj", "up_proj"), 7)


def test_too_little_text_names_the_way_on(root: Path, tmp_path: Path, capsys: Capture) -> None:
    flags = [*calibrate_flags(root), "--num-samples", 5000, "--workspace", tmp_path]
    status, out, err = ask(capsys, *flags)
    assert (status, out) == (2, "")
    assert "5000" in err
    assert "--allow-fewer" in err.splitlines()[-1]
    assert Workspace(tmp_path).runs() == []


def test_runs_are_listed(run: Run, root: Path, capsys: Capture) -> None:
    listed = ask_json(capsys, "runs", "--workspace", root / "workspace")
    found = next(entry for entry in listed if entry["run"] == run.id)
    assert found["spec"] == run.spec.to_json()
    assert (found["status"], found["domains"], found["layers"]) == (
        "done",
        ["code", "prose"],
        [0, 1],
    )
    _, out, _ = ask(capsys, "runs", "--workspace", root / "workspace")
    assert run.id in out


def test_a_run_that_cannot_be_read_is_named(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "runs" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"schema": 99}))
    status, out, err = ask(capsys, "runs", "--workspace", tmp_path, "--json")
    assert (status, json.loads(out)) == (0, [])
    assert "0123456789ab was written by a newer version" in err


def test_an_empty_workspace_says_so(tmp_path: Path, capsys: Capture) -> None:
    assert ask_json(capsys, "runs", "--workspace", tmp_path) == []
    _, out, _ = ask(capsys, "runs", "--workspace", tmp_path)
    assert "no runs" in out


def test_domains_and_models_are_listed(capsys: Capture) -> None:
    names = [entry["domain"] for entry in ask_json(capsys, "domains")]
    assert names == [
        "python", "java", "cpp", "javascript", "math", "commonsense", "translation",
    ]  # fmt: skip
    _, out, _ = ask(capsys, "domains")
    assert all(name in out for name in names)
    for model in ask_json(capsys, "models"):
        assert set(model) >= {"source", "title", "where"}


def test_export_then_verify_then_damage(
    run: Run, root: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "exported"
    flags = ["export", "--run", run.id, "--workspace", root / "workspace", "--out", out]
    answer = ask_json(capsys, *flags, "--domain", "code,prose=0.5", "--sparsity", 0.5)
    assert answer["path"] == str(out)
    assert answer["kept"] + answer["pruned"] == answer["parameters"]
    record = json.loads((out / "submodel.json").read_text())
    expected = ExportSpec(run=run.id, mixture=(("code", 1.0), ("prose", 0.5)))
    assert record["export"] == expected.to_json()
    assert ask_json(capsys, "verify", out)["ok"] is True

    before = sorted(tmp_path.iterdir())
    status, printed, err = ask(capsys, *flags, "--domain", "prose", "--sparsity", 0.5)
    assert (status, printed) == (2, "")
    assert "not empty" in err
    assert sorted(tmp_path.iterdir()) == before

    weights = bytearray((out / "model.safetensors").read_bytes())
    weights[-3] ^= 1
    (out / "model.safetensors").write_bytes(weights)
    status, printed, err = ask(capsys, "verify", out, "--json")
    assert status == 1
    assert json.loads(printed)["ok"] is False
    assert err.splitlines()[-1].startswith(f"{out} is not what it says: ")


def test_domains_may_be_repeated_and_a_pattern_implies_its_sparsity(
    run: Run, root: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "exported"
    flags = ["export", "--run", run.id, "--workspace", root / "workspace", "--out", out]
    choices = ["--pattern", "2:8", "--score", "magnitude", "--comparison-group", "matrix"]
    parts = ["--layers", "0", "--projections", "q_proj", "--mode", "sequential"]
    ask_json(capsys, *flags, *choices, *parts, "--domain", "code", "--domain", "prose=0.25")
    assert (
        json.loads((out / "submodel.json").read_text())["export"]
        == ExportSpec(
            run=run.id,
            mixture=(("code", 1.0), ("prose", 0.25)),
            prune=PruneSpec(
                score="magnitude",
                sparsity=0.75,
                pattern="2:8",
                comparison_group="matrix",
                layers=(0,),
                projections=("q_proj",),
            ),
            mode="sequential",
        ).to_json()
    )


CALIBRATE = ("calibrate", "--model", "demo", "--domain", "python")
EXPORT = ("export", "--run", "RUN", "--domain", "code", "--out", "OUT")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "command"),
        (("prune",), "calibrate"),
        (("calibrate",), "--model"),
        (("calibrate", "--model", "demo"), "--domain"),
        ((*CALIBRATE, "--seq-len", "x"), "--seq-len"),
        ((*CALIBRATE, "--seq-len", "1"), "seq_len"),
        ((*CALIBRATE, "--groups", "400"), "groups"),
        ((*CALIBRATE, "--dtype", "int8"), "--dtype"),
        ((*CALIBRATE, "--device", "tpu"), "tpu"),
        ((*CALIBRATE, "--layers", "5-2"), "5-2"),
        ((*CALIBRATE, "--projections", "q_proj,"), "q_proj"),
        ((*CALIBRATE, "--batch-size", "0"), "batch size"),
        (("calibrate", "--model", "demo", "--domain", "cobol"), "cobol"),
        (("calibrate", "--model", "./no/model", "--domain", "python"), "no/model"),
        (
            ("calibrate", "--model", "a/b@c", "--revision", "d", "--domain", "python"),
            "Two revisions",
        ),
        (("calibrate", "--spec", "no-such.json"), "no-such.json"),
        (EXPORT, "--sparsity 0.5"),
        ((*EXPORT, "--sparsity", "1"), "Sparsity"),
        ((*EXPORT, "--sparsity", "half"), "--sparsity"),
        ((*EXPORT, "--pattern", "2-4"), "2-4"),
        ((*EXPORT, "--pattern", "4:2"), "4:2"),
        ((*EXPORT, "--pattern", "3:7"), "3:7"),
        ((*EXPORT, "--pattern", "2:4", "--sparsity", "0.6"), "2:4"),
        ((*EXPORT, "--sparsity", "0.5", "--score", "luck"), "luck"),
        ((*EXPORT, "--sparsity", "0.5", "--layers", "99"), "99"),
        ((*EXPORT, "--sparsity", "0.5", "--projections", "conv"), "conv"),
        ((*EXPORT, "--sparsity", "0.5", "--mode", "twice"), "--mode"),
        ((*EXPORT, "--sparsity", "0.5", "--domain", "rust"), "rust"),
        ((*EXPORT, "--sparsity", "0.5", "--domain", "prose=much"), "prose=much"),
        ((*EXPORT, "--sparsity", "0.5", "--domain", "prose=0"), "prose"),
        ((*EXPORT, "--sparsity", "0.5", "--run", "abcdef"), "abcdef"),
        ((*EXPORT, "--sparsity", "0.5", "--run", "../../etc"), "etc"),
        (("export", "--run", "RUN", "--domain", "code", "--sparsity", "0.5"), "--out"),
        (("verify", "no-such-folder"), "no-such-folder"),
    ],
)
def test_bad_input_is_one_sentence(
    argv: tuple[str, ...], words: str, run: Run, root: Path, tmp_path: Path, capsys: Capture
) -> None:
    known = {"RUN": run.id, "OUT": str(tmp_path / "out" / "model")}
    given = [known.get(part, part) for part in argv]
    if argv and argv[0] in ("calibrate", "export"):
        given += ["--workspace", str(root / "workspace")]
    status, out, err = ask(capsys, *given)
    assert (status, out) == (2, ""), err
    sentence = err.splitlines()[-1]
    assert words in sentence
    assert sentence.endswith(".")
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"model": {"source": "demo"}}',
        '{"model": [], "domains": [], "sample": {}}',
        '{"model": {"source": "demo"}, "domains": [], "sample": {}}',
        '{"model": {"source": "demo"}, "domains": [{}], "sample": {}}',
        '{"model": {"source": "demo", "size": 3}, "domains": [], "sample": {}}',
    ],
)
def test_a_bad_spec_file_is_one_sentence(content: str, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "spec.json"
    file.write_text(content)
    for command in (["calibrate"], ["export", "--out", tmp_path / "out"]):
        status, out, err = ask(capsys, *command, "--spec", file, "--workspace", tmp_path / "w")
        assert (status, out, err.count("\n")) == (2, "", 1)


def test_a_workspace_that_is_a_file_is_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("")
    status, out, err = ask(capsys, "runs", "--workspace", tmp_path / "file")
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.process
def test_help_costs_no_heavy_import() -> None:
    text = (
        "import sys, pruning.__main__, analysis.__main__, pruning.jobs;"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'streamlit'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0


def test_the_worker_finds_the_workspace_where_the_library_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert supervisor.WORKSPACE_VARIABLE == WORKSPACE_VARIABLE == "SUBMODEL_ATLAS_WORKSPACE"
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "elsewhere"))
    assert Workspace().root == (tmp_path / "elsewhere").resolve()


@pytest.mark.process
def test_a_job_calibrates_in_a_process_of_its_own(run: Run, root: Path, tmp_path: Path) -> None:
    """What the app does: a spec, the command, the queue; and back come progress and run id."""
    queue = JobQueue(Workspace(tmp_path / "workspace"))
    supervisor = Supervisor(Workspace(tmp_path / "workspace"))
    supervisor.start()
    job = queue.submit(
        "calibrate", "t", ("-m", "pruning", "calibrate", "--json"), run.spec.to_json()
    )
    try:
        until(lambda: not queue.get(job.id).active)
    finally:
        supervisor.stop()
    done = queue.get(job.id)
    assert (done.status, done.error) == ("done", None)
    result = dict(done.result)
    assert set(result.pop("reading")) == {"code", "prose"}
    assert result == {
        "run": run.id,
        "path": str(tmp_path / "workspace" / "runs" / run.id),
        "status": "done",
        "missing": 0,
    }
    assert done.progress is not None
    assert done.progress.done == done.progress.total
    assert (job.folder / "stderr").read_text() == ""
