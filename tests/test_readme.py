"""What the README and the command-line page say is tried: examples, flags and links."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest

import submodel_atlas
from analysis.__main__ import main as analysis_main
from analysis.__main__ import make_parser as analysis_parser
from pruning.__main__ import main as pruning_main
from pruning.__main__ import make_parser as pruning_parser
from pruning.machine.paths import WORKSPACE_VARIABLE
from pruning.models.sources import DEMO_FOLDER
from pruning.runs.workspace import Workspace
from submodel_atlas.__main__ import main as atlas_main
from submodel_atlas.__main__ import make_parser as atlas_parser
from tests.pruning import zoo

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
COMMAND_LINE = ROOT / "docs" / "COMMAND-LINE.md"
PROGRAMS = {
    "pruning": (pruning_parser, pruning_main),
    "analysis": (analysis_parser, analysis_main),
    "submodel-atlas": (atlas_parser, atlas_main),
}
needs_demo_model = pytest.mark.skipif(
    not (DEMO_FOLDER / "model.safetensors").is_file(), reason="the demo model is not built yet"
)


def blocks(page: Path, language: str) -> list[str]:
    """The page's fenced blocks of one language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def command_lines(block: str) -> list[list[str]]:
    """The commands of a shell block, as words, the first of which names the program."""
    lines = block.replace("\\\n", " ").splitlines()
    starts = ("python -m ", "submodel-atlas ")
    return [shlex.split(line.removeprefix(starts[0])) for line in lines if line.startswith(starts)]


def every_command() -> list[list[str]]:
    return [
        words
        for page in (README, COMMAND_LINE)
        for block in blocks(page, "sh")
        for words in command_lines(block)
    ]


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def own_commands() -> list[tuple[str, str]]:
    """(program, command); of `submodel-atlas` only what the other two do not have."""
    names = [
        (program, name) for program, (make, _) in PROGRAMS.items() for name in subcommands(make())
    ]
    others = {name for program, name in names if program != "submodel-atlas"}
    return [each for each in names if each[0] != "submodel-atlas" or each[1] not in others]


def flags(parser: argparse.ArgumentParser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings} - {"-h", "--help"}


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_line_parses(words: list[str]) -> None:
    PROGRAMS[words[0]][0]().parse_args(words[1:])


def test_there_are_command_lines_of_every_command() -> None:
    shown = {(words[0], words[1]) for words in every_command()}
    assert shown == set(own_commands())


@pytest.mark.parametrize(("program", "command"), own_commands())
def test_every_flag_is_explained_where_its_command_is(program: str, command: str) -> None:
    sections = re.split(r"^## ", COMMAND_LINE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    titles = {title.strip(): section for section in sections for title in section.split("\n")[0].split(",")}  # fmt: skip
    missing = {
        flag
        for flag in flags(subcommands(PROGRAMS[program][0]())[command]) - {"--json"}
        if not re.search(rf"{flag}\b", titles[command])
    }
    assert not missing


def test_no_flag_is_made_up() -> None:
    there = {
        flag
        for make, _ in PROGRAMS.values()
        for parser in subcommands(make()).values()
        for flag in flags(parser)
    }
    written = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", COMMAND_LINE.read_text(encoding="utf-8")))
    assert written - there == {"--help"}


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda page: page.name,
)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if not target.startswith(("https://", "mailto:"))]
    if not DEMO_FOLDER.is_dir():
        local = [target for target in local if "demo/model" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_files_to_touch_are_there() -> None:
    """Of CONTRIBUTING.md's tables and text; a file that is yet to be written has <...> in its name."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = set(re.findall(r"`((?:\w+/)+[\w.]*)`", text))
    assert len(files) > 30
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []
    constants = re.findall(r"\| `([\w/]+\.py)` \| [^|]*?`([A-Z_]+)`", text)
    assert len(constants) > 5
    for name, constant in constants:
        assert re.search(rf"\b{constant}\b", (ROOT / name).read_text(encoding="utf-8")), name


def test_the_python_example_is_the_one_in_the_package() -> None:
    """`test_wheel.py` runs it, from an empty folder."""
    (example,) = blocks(README, "python")
    lines = [line.split("  #")[0] for line in example.splitlines() if line]
    shown = [line.removeprefix("    ") for line in (submodel_atlas.__doc__ or "").splitlines()]
    assert [line for line in lines if line not in shown] == []


@needs_demo_model
def test_the_shell_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "workspace"))
    block = next(block for block in blocks(README, "sh") if "$run" in block)
    for program, *words in command_lines(block):
        runs = [run.id for run in Workspace().runs()]
        argv = [runs[0] if word == "$run" else word for word in words]
        assert PROGRAMS[program][1](argv) == 0
    assert (tmp_path / "exports" / "mixture-2-4" / "submodel.json").is_file()


@pytest.fixture
def own_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model, the texts and the data set that README's second example speaks of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "workspace"))
    model = zoo.build("llama", tmp_path / "my-model", max_position_embeddings=512)
    shutil.copytree(model, tmp_path / "org" / "name")  # a folder wins over a hub id
    texts = [f"{number} the quick fox returns. " * 100 for number in range(400)]
    (tmp_path / "src").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / "src" / f"{number}.py").write_text(text)
    shutil.make_archive("notes", "zip", "src")
    (tmp_path / "chats.jsonl").write_text("\n".join(json.dumps({"answer": t}) for t in texts))
    table = datasets.Dataset.from_dict({"question": texts}).to_iterable_dataset()
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: table)
    facts = SimpleNamespace(sha="0" * 40, card_data=None)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: facts)


def test_the_examples_with_own_models_and_texts_run(own_things: None) -> None:
    (block,) = (block for block in blocks(README, "sh") if "my-model" in block)
    for program, *words in command_lines(block):
        assert PROGRAMS[program][1](words) == 0
    found = {run.domains for run in Workspace().runs()}
    assert found == {("python", "mine"), ("notes", "chat"), ("math",)}
