"""`python -m analysis generate`: what the page shows, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.playground.engine import Engine
from analysis.playground.records import GenerationSpec, Passage, Sampling, SubModel
from pruning.commands.console import QUIET
from pruning.runs.run import Run
from pruning.specs import NarrowSpec, PruneSpec
from tests.pruning.finished_run import finished_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("tiny"))


def flags(run: Run, *more: str) -> list[str]:
    return ["generate", "--run", run.id, "--workspace", str(run.folder.parents[1]), *more]


def test_the_passages_are_the_librarys(run: Run, capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("def add")
    asked = ["--submodel", "code", "--submodel", "code,prose=0.5", "--sparsity", "0.6"]
    asked += ["--max-tokens", "9", "--prompt-file", str(tmp_path / "prompt.txt")]
    assert main(flags(run, *asked, "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    spec = GenerationSpec(
        run=run.id,
        prompt="def add",
        submodels=tuple(
            SubModel(mixture=mixture, prune=PruneSpec(sparsity=0.6))
            for mixture in ((("code", 1.0),), (("code", 1.0), ("prose", 0.5)))
        ),
        sampling=Sampling(max_tokens=9),
    )
    expected: tuple[Passage, ...] = (Passage(),) * 3
    for event in Engine.of_run(run).generate(run, spec, lambda: False):
        expected = event.add_to(expected)
    assert [each["text"] for each in data["passages"]] == [each.text for each in expected]
    assert [each["submodel"] is None for each in data["passages"]] == [True, False, False]
    first = data["passages"][1]["tokens"][0]
    assert first["probability"] == pytest.approx(expected[1].tokens[0].probability)

    assert main(flags(run, *asked)) == 0
    out = capsys.readouterr().out
    assert "--- dense: " in out
    assert "--- code + prose=0.5, 60% pruned (wanda): " in out


@pytest.mark.parametrize(
    ("more", "expected", "name"),
    [
        (
            ("--sparsity", "0.6", "--repair", "refit"),
            SubModel(mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.6), repair="refit"),
            "code, 60% pruned (wanda), repaired (refit)",
        ),
        (
            ("--remove", "channels=0.5", "--multiple", "4", "--seed", "3"),
            SubModel(
                mixture=(("code", 1.0),),
                prune=PruneSpec(sparsity=0.0),
                narrow=NarrowSpec(channels=0.5, multiple=4),
            ),
            "code, without channels=0.5",
        ),
    ],
)
def test_repaired_and_narrowed(
    more: tuple[str, ...], expected: SubModel, name: str, run: Run, capsys: Capture
) -> None:
    asked = ["--submodel", "code", "--prompt", "def add", "--max-tokens", "3", *more]
    assert main(flags(run, *asked, "--json")) == 0
    dense, passage = json.loads(capsys.readouterr().out)["passages"]
    assert SubModel.from_json(passage["submodel"]) == expected
    assert (dense["name"], passage["name"]) == ("dense", name)
    assert len(passage["tokens"]) == 3


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "--prompt"),
        (("--prompt", "a", "--prompt-file", "b"), "--prompt"),
        (("--prompt", "a", "--submodel", "code"), "--sparsity"),
        (("--prompt", "a", "--submodel", "java", "--sparsity", "0.5"), "java"),
        (("--prompt", "a", "--submodel", "code", "--remove", "biases"), "biases"),
        (
            ("--prompt", "a", "--submodel", "code", "--remove", "heads=1", "--sparsity", "0.5"),
            "weights in --remove",
        ),
        (("--prompt", "a", "--temperature", "-1"), "temperature"),
        (("--prompt", " "), "prompt"),
    ],
)
def test_bad_input_is_one_sentence(
    more: tuple[str, ...], words: str, run: Run, capsys: Capture
) -> None:
    assert main(flags(run, *more)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]
