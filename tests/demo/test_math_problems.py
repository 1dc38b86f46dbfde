"""The word problems: every equation true, every answer the last step's, the splits by meaning."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from demo.texts import math_problems
from demo.texts.math_problems import drills, moves, schemes, story, words
from demo.texts.math_problems.moves import Drawn
from demo.texts.tasks import MathTask

EQUATION = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


@pytest.fixture(scope="module")
def problems() -> list[MathTask]:
    return math_problems.tasks(count=4000, split="train") + math_problems.tasks(count=1000)


@pytest.fixture(scope="module")
def train() -> list[MathTask]:
    return math_problems.tasks(count=12_000, split="train")


def true_equations(text: str) -> list[tuple[int, str, int, int]]:
    """The equations of a text, after checking every one."""
    found = []
    for left, sign, right, result in EQUATION.findall(text):
        a, b, c = int(left), int(right), int(result)
        assert {"+": a + b, "-": a - b, "*": a * b}.get(sign, c) == c, text
        assert sign != "/" or b * c == a, text
        found.append((a, sign, b, c))
    return found


def test_every_equation_is_true(problems: list[MathTask]) -> None:
    count = sum(len(true_equations(problem.solution)) for problem in problems)
    assert count > 2 * len(problems)


def test_drills_are_true_equations_of_numbers_that_problems_use() -> None:
    documents = list(itertools.islice(drills.drills(seed=0), 500))
    equations = [equation for document in documents for equation in true_equations(document)]
    assert len(equations) == drills.LENGTH * len(documents)
    assert len(set(documents)) == len(documents)
    numbers = {number for a, _, b, c in equations for number in (a, b, c)}
    assert (min(numbers), max(numbers)) == (1, drills.LARGEST)
    assert {sign for _, sign, _, _ in equations} == set("+-*/")
    assert documents == list(itertools.islice(drills.drills(seed=0), 500))


def test_drills_cover_the_numbers_of_the_problems(problems: list[MathTask]) -> None:
    worked = [equation for problem in problems for equation in true_equations(problem.solution)]
    inside = [max(a, b, c) <= drills.LARGEST for a, _, b, c in worked]
    assert sum(inside) == len(worked)


def test_the_answer_is_the_result_of_the_last_step(problems: list[MathTask]) -> None:
    for problem in problems:
        assert EQUATION.findall(problem.solution)[-1][3] == problem.answer
        assert problem.solution.endswith(f"\n{problem.marker} {problem.answer}.")
        assert problem.marker == "The answer is"


def test_one_calculation_a_sentence(problems: list[MathTask]) -> None:
    for problem in problems:
        *steps, last = problem.solution.strip().split("\n")
        assert steps
        assert all(len(EQUATION.findall(step)) == 1 and step.endswith(".") for step in steps)
        assert last.startswith(problem.marker)


def test_the_question_states_the_numbers_of_its_meaning(problems: list[MathTask]) -> None:
    in_words = {"2": ("half", "twice"), "3": ("third", "three times"), "4": ("quarter", "four"), "5": ("fifth",), "10": ("tenth",)}  # fmt: skip
    for problem in problems:
        numbers = problem.task_id.rpartition(" | ")[2].split()
        for number in numbers:
            said = (number, *in_words.get(number, ()))
            assert any(text in problem.prompt.lower() for text in said), (number, problem.prompt)


def test_numbers_stay_small(problems: list[MathTask]) -> None:
    for problem in problems:
        assert all(int(n) <= moves.LARGEST for n in re.findall(r"\d+", problem.solution))
        assert int(problem.answer) >= 2


def test_train_and_held_out_share_no_number_tuple_and_no_held_out_composition(
    train: list[MathTask],
) -> None:
    held_out = math_problems.tasks(count=2000)
    assert not {task.task_id for task in train} & {task.task_id for task in held_out}
    compositions = {task.task_id.partition(" | ")[0] for task in train}
    unseen = [t for t in held_out if t.task_id.partition(" | ")[0] not in compositions]
    assert 0.1 < len(unseen) / len(held_out) < 0.9  # unseen compositions, and unseen numbers
    # of two moves only the numbers are split; few of them are too rare for the sample of train
    pairs = [t for t in unseen if t.task_id.partition(" | ")[0].count(" > ") < 2]
    assert len(pairs) < 0.03 * len(unseen)


def test_compositions_are_many(train: list[MathTask]) -> None:
    compositions = {task.task_id.partition(" | ")[0] for task in train}
    assert len(compositions) > 1500


def test_every_scheme_is_told_and_every_kind_goes_on_or_ends(train: list[MathTask]) -> None:
    told: set[str] = set()
    for task in train:
        told |= set(task.task_id.partition(" | ")[0].split(" > "))
    assert {move.name for move in schemes.load()} <= told


def test_scheme_names_are_unique_and_their_templates_fill() -> None:
    loaded = schemes.load()
    assert len({move.name for move in loaded}) == len(loaded) > 80
    cast = words.cast(random.Random(0)) | {
        "b": "2", "d": "3", "eq": "x", "eq2": "y", "eq3": "z",
        "fraction": "half", "Fraction": "Half", "percent": "50%", "times": "twice",
    }  # fmt: skip
    for move in loaded:
        for template in (*move.sentences, *move.questions, *sum(move.steps, ())):
            assert "{" not in template.format_map(cast)


def drawn(draw: moves.Draw, before: int, tries: int = 200) -> list[Drawn]:
    numbers = random.Random(1)
    return [made for made in (draw(numbers, before) for _ in range(tries)) if made is not None]


def test_division_leaves_no_remainder_and_fails_on_primes() -> None:
    assert not drawn(moves.divide(), 23)
    assert {made.equations[0] for made in drawn(moves.divide(), 12)} == {
        "12 / 2 = 6",
        "12 / 3 = 4",
        "12 / 4 = 3",
        "12 / 6 = 2",
    }


def test_parts_and_percentages_are_exact() -> None:
    assert {(m.mentioned[0], m.result) for m in drawn(moves.percent(rest=True), 40)} == {
        (50, 20),
        (25, 30),
        (20, 32),
        (10, 36),
    }
    assert {dict(m.words)["fraction"] for m in drawn(moves.part(rest=False), 9)} == {"a third"}


def test_nothing_is_taken_from_nothing() -> None:
    assert not drawn(moves.subtract(), 3)
    assert all(made.result >= 2 for made in drawn(moves.subtract(), 9))
    assert not drawn(moves.add(), moves.LARGEST)
    assert not drawn(moves.spend, 5)


def test_the_perimeter_adds_the_sides_and_doubles() -> None:
    for made in drawn(moves.perimeter, 0):
        length, width = made.mentioned
        assert length > width
        assert made.result == 2 * (length + width)


def test_the_other_person_in_each_way() -> None:
    assert {m.mentioned[0]: m.result for m in drawn(moves.other_has("times"), 10)} == {
        2: 30,
        3: 40,
        4: 50,
    }
    assert all(m.result == 20 + m.mentioned[0] for m in drawn(moves.other_has("more"), 10))
    assert all(m.result == 20 - m.mentioned[0] for m in drawn(moves.other_has("fewer"), 10))


def test_stories_without_a_calculation_are_no_problems() -> None:
    numbers = random.Random(4)
    made = [told for told in (story.compose(numbers) for _ in range(3000)) if told is not None]
    assert all(told.steps and told.question.endswith("?") for told in made)
