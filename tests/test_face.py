"""The face `submodel_atlas`: its names, what it takes, how its results show themselves."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import submodel_atlas as atlas
from analysis.__main__ import COMMANDS as ANALYSIS
from pruning import errors
from pruning.__main__ import COMMANDS as PRUNING
from pruning.domains import parse_domain
from pruning.errors import AtlasError, Cancelled, InputError
from pruning.machine import paths
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, ExportSpec, ModelSpec, PruneSpec, SampleSpec
from submodel_atlas import choices, serve
from submodel_atlas.__main__ import COMMANDS, main, make_parser
from tests.pruning.finished_run import finished_run

HEAVY = "{'numpy', 'torch', 'transformers', 'datasets', 'pandas', 'plotly', 'streamlit'}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny model calibrated on "code" and "prose", four groups of each."""
    return finished_run("llama", tmp_path_factory.mktemp("face"))


def test_the_public_names() -> None:
    assert atlas.__all__ == [
        "AtlasError", "CalibrationSpec", "Cancelled", "DomainSpec", "Evidence", "EvidenceSpec",
        "Export", "ExportSpec", "InputError", "ModelSpec", "Overlap", "Progress", "PruneSpec",
        "Run", "SampleSpec", "TooFewDocumentsError", "UnreachableError", "Verification",
        "Workspace", "calibrate", "evidence", "export", "overlap", "verify",
    ]  # fmt: skip
    assert dir(atlas) == atlas.__all__ == sorted(atlas._HOMES)
    for name in atlas.__all__:
        assert getattr(atlas, name).__name__ == name
        assert getattr(atlas, name).__module__.startswith(atlas._HOMES[name])
        assert getattr(atlas, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'prune'"):
        atlas.prune  # noqa: B018


@pytest.mark.process
@pytest.mark.parametrize(
    "code", ["import submodel_atlas", "import submodel_atlas.__main__ as m; m.make_parser()"]
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str) -> None:
    text = f"{code}; import sys; sys.exit(', '.join({HEAVY} & set(sys.modules)) or None)"
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0


def test_the_tree_of_exceptions_is_the_one_that_is_drawn() -> None:
    import pruning.domains.archives
    import pruning.domains.choosing
    import pruning.machine.schema
    import pruning.models.hub_errors  # noqa: F401

    def tree(kind: type[BaseException], depth: int) -> list[tuple[int, str]]:
        below = sorted(kind.__subclasses__(), key=lambda each: each.__name__)
        below = [each for each in below if each.__module__.startswith("pruning.")]
        return [(depth, kind.__name__)] + [row for each in below for row in tree(each, depth + 1)]

    drawn = re.findall(r"^( *)x? ?(\w+)$", errors.__doc__ or "", re.MULTILINE)
    drawn = [(len(spaces) // 2, name) for spaces, name in drawn]
    start = drawn.index((2, "ValueError"))
    expected: list[tuple[int, str]] = []
    for base, kind in ((ValueError, InputError), (RuntimeError, AtlasError)):
        expected += [(2, base.__name__), *tree(kind, 3)]
    assert drawn[start:] == [*expected, (2, "BaseException"), *tree(Cancelled, 3)]


@pytest.mark.parametrize(
    ("prune", "choice", "expected"),
    [
        (None, {"sparsity": 0.6}, PruneSpec(sparsity=0.6)),
        (0.6, {}, PruneSpec(sparsity=0.6)),
        ("2:4", {}, PruneSpec(sparsity=0.5, pattern="2:4")),
        (None, {"pattern": "1:4"}, PruneSpec(sparsity=0.75, pattern="1:4")),
        ({"sparsity": 0.3, "score": "ria"}, {}, PruneSpec(sparsity=0.3, score="ria")),
        (PruneSpec(sparsity=0.3), {}, PruneSpec(sparsity=0.3)),
        (PruneSpec(sparsity=0.3, seed=4), {"sparsity": 0.4}, PruneSpec(sparsity=0.4, seed=4)),
        (0.5, {"layers": "0-1,3"}, PruneSpec(layers=(0, 1, 3))),
        (0.5, {"layers": range(2)}, PruneSpec(layers=(0, 1))),
        (0.5, {"projections": "q_proj, k_proj"}, PruneSpec(projections=("q_proj", "k_proj"))),
        (0.5, {"projections": ["q_proj"]}, PruneSpec(projections=("q_proj",))),
    ],
)
def test_a_pruning_is_said_in_many_ways(prune: Any, choice: Any, expected: PruneSpec) -> None:
    assert choices.prune_spec(prune, choice) == expected


@pytest.mark.parametrize(
    ("prune", "choice", "words"),
    [
        (None, {}, "Say how much to prune, e.g. sparsity=0.5"),
        (0.5, {"sparcity": 0.5}, "PruneSpec has no field sparcity"),
        (1.5, {}, r"Sparsity 1.5 is outside 0 <= sparsity < 1"),
        ("2:4", {"sparsity": 0.6}, "set the sparsity to 0.5"),
        (0.5, {"layers": []}, "at least one decoder layer"),
    ],
)
def test_a_pruning_that_cannot_be_is_one_sentence(prune: Any, choice: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        choices.prune_spec(prune, choice)


@pytest.mark.parametrize(
    ("domains", "lines"),
    [
        ("python", ["python"]),
        (["python", "mine=texts/*.py"], ["python", "mine=texts/*.py"]),
        (parse_domain("python"), ["python"]),
        ([parse_domain("math"), "java"], ["math", "java"]),
        ({"mine": Path("texts"), "gsm": "hf:openai/gsm8k:main"}, ["mine=texts", "gsm=hf:openai/gsm8k:main"]),
    ],
)  # fmt: skip
def test_domains_are_said_in_many_ways(domains: Any, lines: list[str]) -> None:
    assert choices.domain_specs(domains) == tuple(parse_domain(line) for line in lines)


def test_models_and_samples_are_said_in_plain_values() -> None:
    named = choices.model_spec("org/name@v1", dtype="bfloat16", device=None)
    assert named == ModelSpec(source="org/name", revision="v1", dtype="bfloat16")
    assert choices.model_spec(Path("folder")) == ModelSpec(source="folder")
    assert choices.model_spec(ModelSpec(source="demo"), device="cpu").device == "cpu"
    usual = SampleSpec()
    assert choices.sample_spec(usual.num_samples, None, None) == usual
    few = choices.sample_spec(4, 64, None, seed=3)
    assert few == SampleSpec(num_samples=4, seq_len=64, groups=4, seed=3)
    assert choices.sample_spec(few, None, 2).groups == 2
    with pytest.raises(InputError, match="num_samples must be a whole number"):
        choices.sample_spec(0, None, None)


@pytest.mark.parametrize(
    ("mixture", "expected"),
    [
        ("code,prose=0.5", (("code", 1.0), ("prose", 0.5))),
        ({"code": 1, "prose": 0.5}, (("code", 1.0), ("prose", 0.5))),
        (["prose", "code"], (("prose", 1.0), ("code", 1.0))),
    ],
)
def test_mixtures_are_said_in_many_ways(mixture: Any, expected: Any) -> None:
    assert choices.mixture_of(mixture) == expected


def test_calibrate_takes_plain_values_and_specs_alike(run: Run) -> None:
    workspace = run.folder.parent.parent
    model, texts = run.spec.model.source, [domain.source for domain in run.spec.domains]
    plain = atlas.calibrate(
        model,
        dict(zip(run.domains, texts, strict=True)),
        samples=8,
        length=24,
        groups=4,
        device="cpu",
        workspace=workspace,
    )
    assert repr(plain) == f"<Run {run.id}: {model} on code, prose; done>"
    assert plain.id == run.id == atlas.calibrate(run.spec, workspace=Workspace(workspace)).id
    with pytest.raises(InputError, match="Name at least one domain"):
        atlas.calibrate("demo")
    with pytest.raises(InputError, match="already names its domains"):
        atlas.calibrate(CalibrationSpec(model=run.spec.model, domains=run.spec.domains), "python")


def test_an_overlap_shows_itself(run: Run) -> None:
    workspace = run.folder.parent.parent
    steps: list[atlas.Progress] = []
    found = atlas.overlap(run.id[:6], sparsity=0.5, workspace=workspace, report=steps.append)
    assert {step.stage for step in steps} == {"Comparing masks"}
    between = found.between("prose", "code")
    table = found.table
    shared, union = table.both[0, 1].sum(), (table.kept.sum(axis=0) - table.both[0, 1]).sum()
    assert between == shared / union == found.jaccard[0, 1]
    shown, html = repr(found), found._repr_html_()
    for text in (shown, html):
        assert f"{between:.3f}" in text
        assert f"{found.chance[0, 1]:.3f}" in text
        assert "\x1b" not in text
    assert "http" not in html
    assert "<script" not in html
    assert html.count("<td") == 4
    console = Console(file=io.StringIO(), width=80)
    console.print(found)
    assert isinstance(console.file, io.StringIO)
    assert f"{between:.3f}" in console.file.getvalue()
    heat = found.figure().data[0]
    assert np.allclose(np.asarray(heat.z)[0, 1], between)
    with pytest.raises(InputError, match="has no domain 'java'"):
        found.between("java", "code")


def test_names_in_html_are_text(run: Run) -> None:
    from submodel_atlas.heatmap import heatmap

    one = np.ones((2, 2))
    html = heatmap(["a<b", "c"], one, one, "R&D")
    assert "a&lt;b" in html
    assert "R&amp;D" in html
    assert html.count("1.000<br>") == 2  # not the diagonal
    assert heatmap(["a", "b"], one * np.nan, one, "").count("chance") == 0


def test_evidence_shows_itself(run: Run) -> None:
    effort = atlas.EvidenceSpec(permutations=20, bootstraps=10, splits=2, rows=4)
    found = atlas.evidence(run, 0.5, effort=effort)
    (pair,) = found
    assert pair == found.between("prose", "code")
    assert pair.whole.overlap == atlas.overlap(run, 0.5).between("code", "prose")
    assert f"{pair.whole.index:.3f}" in repr(found)
    assert "<pre" in found._repr_html_()
    assert found.figure().data[0].x == (pair.whole.index,)
    with pytest.raises(InputError, match="two different domains"):
        found.between("code", "code")


def test_an_export_is_a_path_and_verifies(run: Run, tmp_path: Path) -> None:
    out = atlas.export(run, {"code": 1.0}, tmp_path / "plain", sparsity=0.5)
    assert os.fspath(out) == str(tmp_path / "plain")
    assert str(out.folder) in repr(out)
    assert f"{out.plan.pruned:,}" in repr(out)
    found = atlas.verify(out)
    assert found.ok
    assert repr(found).count(" ok ") == len(found.checks)
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.5))
    assert out.spec == spec
    same = atlas.export(run, spec, tmp_path / "same")
    weights = "model.safetensors"
    assert (same.folder / weights).read_bytes() == (out.folder / weights).read_bytes()
    (out.folder / "config.json").write_text("{}")
    damaged = atlas.verify(str(out.folder))
    assert not damaged.ok
    assert "FAILED" in repr(damaged)
    with pytest.raises(InputError, match="leave those choices out"):
        atlas.export(run, spec, tmp_path / "other", sparsity=0.6)
    both = atlas.export(run, ["code", "prose"], tmp_path / "both", "2:4", combination="union")
    assert both.spec.combination == "union"


def test_an_export_may_be_repaired_or_lose_whole_parts(run: Run, tmp_path: Path) -> None:
    repaired = atlas.export(run, "code", tmp_path / "repaired", sparsity=0.5, repair="refit")
    assert repaired.spec.repair == "refit"
    assert atlas.verify(repaired).ok
    remove = {"channels": 0.25, "multiple": 4}
    narrowed = atlas.export(run, "code", tmp_path / "narrowed", remove=remove)
    assert narrowed.spec.prune.sparsity == 0
    assert atlas.verify(narrowed).ok
    plain, smaller = (
        sum(file.stat().st_size for file in each.folder.glob("*.safetensors"))
        for each in (repaired, narrowed)
    )
    assert smaller < plain
    with pytest.raises(InputError, match="has no field wings"):
        atlas.export(run, "code", tmp_path / "other", remove={"wings": 2})


def test_the_command_has_the_commands_of_both_packages() -> None:
    assert not set(PRUNING) & set(ANALYSIS)
    assert set(COMMANDS) == {"serve"} | set(PRUNING) | set(ANALYSIS)
    make_parser().parse_args(["runs", "--json"])


def test_the_command_alone_starts_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def become(program: str, words: list[str]) -> None:
        started.append(words)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setattr(serve, "workspace_folder", lambda chosen: chosen or tmp_path)
    monkeypatch.setenv(paths.WORKSPACE_VARIABLE, "before")
    with pytest.raises(SystemExit):
        main([])
    assert os.environ[paths.WORKSPACE_VARIABLE] == str(tmp_path)
    words = ["--port", "8600", "--address", "0.0.0.0", "--workspace", str(tmp_path / "w")]
    with pytest.raises(SystemExit):
        main(["serve", *words])
    assert os.environ[paths.WORKSPACE_VARIABLE] == str(tmp_path / "w")
    app = str(paths.PROJECT_FOLDER / "app.py")
    assert [words[1:5] for words in started] == [["-m", "streamlit", "run", app]] * 2
    assert [words[-1] for words in started] == ["8501", "8600"]
    assert "0.0.0.0" in started[1]


def test_where_the_workspace_is_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(paths.WORKSPACE_VARIABLE, raising=False)
    assert paths.is_checkout()
    assert paths.workspace_folder() == paths.PROJECT_FOLDER / "workspace"
    monkeypatch.setattr(paths, "PROJECT_FOLDER", tmp_path / "site-packages")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not paths.is_checkout()
    usual = paths.workspace_folder()
    assert usual.is_relative_to(tmp_path)
    assert usual.parts[-2:] == ("submodel-atlas", "workspace")
    monkeypatch.setenv(paths.WORKSPACE_VARIABLE, str(tmp_path / "named"))
    assert paths.workspace_folder() == tmp_path / "named"
