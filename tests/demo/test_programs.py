"""The streams of program documents: deterministic, aligned, distinct, split by meaning."""

from __future__ import annotations

import itertools
import keyword
import re

import pytest

from demo.texts.programs import documents, tasks
from demo.texts.programs.families import FAMILIES
from demo.texts.programs.ir import Class
from demo.texts.programs.meaning import HELD_OUT_SHARE, split_of
from demo.texts.programs.operations import LANGUAGES
from demo.texts.programs.printers import printer
from demo.texts.programs.stream import programs

# Words that renaming must leave alone: what a program means hangs on them.
KEPT = {*keyword.kwlist, "true", "false", "null", "this", "self"}
COMMENTS = re.compile(r'"""[\s\S]*?"""|/\*[\s\S]*?\*/|^//.*$', re.MULTILINE)
# Texts and JavaScript's patterns stay; so do functions, methods and fields.
NAMES = re.compile(r"/\[[^/]*/|\"[^\"]*\"|'[^']*'|(?<![.:\w])[A-Za-z_]\w*(?!\w|\(|::)")


def first(language: str, count: int, *, seed: int = 0, split: str = "train") -> list[str]:
    return list(itertools.islice(documents(language, seed=seed, split=split), count))


def renamed(program_name: str, document: str) -> str:
    """Return a document's code with its variables numbered and its whitespace and name gone."""
    names: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        word = match[0]
        if word[0] in "\"'/" or word in KEPT:
            return word
        return names.setdefault(word, f"v{len(names)}")

    code = COMMENTS.sub("", document).replace(program_name, "f")
    return " ".join(NAMES.sub(number, code).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stream_is_the_same_each_time_and_never_repeats(language: str) -> None:
    once = first(language, 2000)
    assert once == first(language, 2000)
    assert len(set(once)) == 2000
    assert once[:100] != first(language, 100, seed=1)


def test_the_four_languages_tell_the_same_meanings_in_the_same_order() -> None:
    streams = [tasks(language, count=50, seed=3) for language in LANGUAGES]
    for same in zip(*streams, strict=True):
        assert len({task.task_id for task in same}) == 1
        assert [task.language for task in same] == list(LANGUAGES)


def test_a_task_is_a_document_cut_in_two() -> None:
    for language in LANGUAGES:
        told = set(first(language, 400, split="held-out"))
        for task in tasks(language, count=50):
            assert task.prompt + task.solution in told
            assert task.tests.count("{program}") == 1
            assert not any(stop in task.solution for stop in task.stop)


def test_tasks_have_distinct_meanings() -> None:
    found = tasks("python", count=300)
    assert len({task.task_id for task in found}) == 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_train_and_held_out_share_no_body_up_to_renaming(language: str) -> None:
    bodies: dict[str, dict[str, str]] = {}
    for split, count in (("train", 8000), ("held-out", 3000)):
        bodies[split] = {}
        for drawn in itertools.islice(programs(seed=0, split=split), count):
            text = "".join(printer(language).program(drawn.program))
            name = printer(language).name(drawn.program.name)
            bodies[split][renamed(name, text)] = text
    assert len(bodies["train"]) > 7000
    shared = bodies["train"].keys() & bodies["held-out"].keys()
    assert [bodies["train"][body] for body in shared] == []


def test_renaming_sees_through_names_only() -> None:
    one = 'def f(xs: list[int]) -> int:\n    """Doc."""\n    return sum(x for x in xs if x > 3)\n'
    two = 'def g(ys: list[int]) -> int:\n    """Other."""\n    return sum(y for y in ys if y > 3)\n'
    assert renamed("f", one) == renamed("g", two)
    assert renamed("f", one) != renamed("g", two.replace("3", "4"))
    assert renamed("f", one) != renamed("g", two.replace("sum", "max"))


def test_about_the_stated_share_of_meanings_is_held_out() -> None:
    family = FAMILIES[0]
    specs = [("above", constant) for constant in range(4000)]
    share = sum(split_of(family, spec) == "held-out" for spec in specs) / len(specs)
    assert abs(share - HELD_OUT_SHARE) < 0.02


def test_the_split_of_a_meaning_never_moves() -> None:
    """Another split would make what an earlier model has seen look unseen."""
    family = next(family for family in FAMILIES if family.name == "numbers")
    held = [
        constant
        for constant in range(60)
        if split_of(family, (("above", constant), ("times", 3), ("sum",))) == "held-out"
    ]
    assert held == [4, 9, 23, 27, 28, 30, 35, 56, 59]


def test_every_family_is_told_in_both_splits() -> None:
    for split in ("train", "held-out"):
        told = {
            drawn.family.name for drawn in itertools.islice(programs(seed=0, split=split), 3000)
        }
        assert told == {family.name for family in FAMILIES}


def test_no_number_of_a_program_is_missing_from_its_documentation() -> None:
    usual = {"0", "1", "2", "10"}  # starts, steps, parity, decimal digits
    letters_of_the_alphabet = {"26"}
    for drawn in itertools.islice(programs(seed=5, split="train"), 6000):
        program = drawn.program
        prompt, body = printer("python").program(program)
        said = set(re.findall(r"\d+", program.doc)) | usual | letters_of_the_alphabet
        if not isinstance(program, Class):
            said |= {str(int(number) + 1) for number in re.findall(r"\d+", program.doc)}  # ranges
            said |= {str(int(number) - 1) for number in re.findall(r"\d+", program.doc)}  # indices
        spelled = {"second": "1", "third": "2", "fourth": "3", "fifth": "4", "sixth": "5"}
        said |= {
            n for word, i in spelled.items() if word in program.doc for n in (i, str(int(i) + 1))
        }
        said |= {"3"} if "cube" in program.doc else set()
        missing = set(re.findall(r"(?<![\w\"'])\d+", body)) - said
        assert not missing, f"{missing} in {prompt}{body}"


def test_documents_are_short() -> None:
    for language in LANGUAGES:
        sizes = [len(text.encode()) for text in first(language, 3000)]
        assert sum(sizes) / len(sizes) < 450
        assert max(sizes) < 1300


def test_what_there_is_not_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="python, java, cpp, javascript"):
        documents("rust", seed=0, split="train")
    with pytest.raises(ValueError, match="'train' and 'held-out'"):
        documents("python", seed=0, split="test")
    with pytest.raises(ValueError, match="'train' and 'held-out'"):
        tasks("python", count=1, split="test")
