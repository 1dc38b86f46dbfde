"""What every built-in domain promises: determinism, distinctness, splits, errors, task prompts."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import random
from types import ModuleType

import pytest

from demo import texts
from demo.texts import streams

MODULES = {
    "math": "demo.texts.math_problems",
    "commonsense": "demo.texts.commonsense",
    "translation": "demo.texts.translation",
}
SPLITS = ("train", "held-out")


def take(domain: str, count: int, **options: object) -> list[str]:
    return list(itertools.islice(texts.documents(domain, **options), count))  # type: ignore[arg-type]


@pytest.fixture(params=sorted(MODULES))
def domain(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def module(domain: str) -> ModuleType:
    return importlib.import_module(MODULES[domain])


def test_unknown_domain_names_the_domains() -> None:
    with pytest.raises(ValueError, match=r"no built-in domain 'latin'.*translation"):
        texts.documents("latin")


def test_unknown_split_is_refused_before_anything_is_drawn(domain: str, module: ModuleType) -> None:
    with pytest.raises(ValueError, match="no split 'test'"):
        texts.documents(domain, split="test")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no split 'test'"):
        module.documents(seed=0, split="test")
    with pytest.raises(ValueError, match="no split 'test'"):
        module.tasks(count=1, split="test")


@pytest.mark.parametrize("split", SPLITS)
def test_documents_are_the_same_for_the_same_seed(domain: str, split: str) -> None:
    assert take(domain, 300, seed=5, split=split) == take(domain, 300, seed=5, split=split)


def test_seeds_and_splits_give_other_streams(domain: str) -> None:
    first = take(domain, 50, seed=1)
    assert first != take(domain, 50, seed=2)
    assert first != take(domain, 50, seed=1, split="held-out")


@pytest.mark.parametrize("split", SPLITS)
def test_documents_never_repeat_and_end_with_a_newline(domain: str, split: str) -> None:
    documents = take(domain, 3000, split=split)
    assert len(documents) == len(set(documents)) == 3000
    assert all(document.endswith("\n") and document.strip() for document in documents)
    assert not any("  " in document or "{" in document for document in documents)


def test_the_splits_share_no_document(domain: str) -> None:
    assert not set(take(domain, 3000)) & set(take(domain, 3000, split="held-out"))


@pytest.mark.parametrize("split", SPLITS)
def test_tasks_are_distinct_deterministic_and_as_many_as_asked(
    module: ModuleType, split: str
) -> None:
    tasks = module.tasks(count=200, seed=3, split=split)
    assert len({task.prompt for task in tasks}) == 200
    assert tasks == module.tasks(count=200, seed=3, split=split)
    assert tasks[:20] == module.tasks(count=20, seed=3, split=split)
    assert tasks != module.tasks(count=200, seed=4, split=split)
    assert module.tasks(count=0, split=split) == []


def test_a_task_prompt_is_how_a_document_begins(module: ModuleType) -> None:
    openings = {task.prompt.partition(":")[0] for task in module.tasks(count=50)}
    documents = list(itertools.islice(module.documents(seed=0, split="held-out"), 200))
    assert {document.partition(":")[0] for document in documents} == openings
    last_line = {task.prompt.rpartition("\n")[2] for task in module.tasks(count=50)}
    assert len(last_line) == 1
    assert all(f"\n{next(iter(last_line))} " in document for document in documents)


def test_no_meaning_of_a_held_out_task_occurs_in_train(module: ModuleType) -> None:
    held_out = {task.task_id for task in module.tasks(count=1500)}
    train = {task.task_id for task in module.tasks(count=1500, split="train")}
    assert held_out
    assert not held_out & train


@pytest.mark.skipif(
    importlib.util.find_spec("demo.texts.programs") is None, reason="the programs are not there"
)
@pytest.mark.parametrize("language", ["python", "java", "cpp", "javascript"])
def test_programs_keep_the_contract_too(language: str) -> None:
    documents = take(language, 20, seed=1)
    assert documents == take(language, 20, seed=1)
    assert len(set(documents)) == 20


def test_meanings_stay_in_their_split() -> None:
    """Weights were trained on these splits: no change of the code may move a meaning."""
    meanings = [f"meaning {number}" for number in range(40)]
    held_out = [m for m in meanings if streams.is_held_out(m, one_in=6)]
    assert held_out == ["meaning 14", "meaning 16", "meaning 22", "meaning 29"]
    assert all(streams.is_held_out(m, one_in=1) for m in meanings)


def test_about_one_in_so_many_meanings_is_held_out() -> None:
    share = sum(streams.is_held_out(str(number), one_in=8) for number in range(20_000)) / 20_000
    assert abs(share - 1 / 8) < 0.01


def test_a_stream_ends_when_its_meanings_are_used_up() -> None:
    def make(numbers: random.Random) -> str | None:
        drawn = numbers.randrange(10)
        return None if drawn == 3 else str(drawn)

    assert sorted(streams.distinct(make, text=str, seed="few")) == list("012456789")
