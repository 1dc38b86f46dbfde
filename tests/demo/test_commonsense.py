"""The common-sense questions: the tables are well formed, wrong choices are wrong, splits hold."""

from __future__ import annotations

import random

import pytest

from demo.texts import commonsense
from demo.texts.commonsense import facts, wording
from demo.texts.commonsense.facts import Fact
from demo.texts.tasks import ChoiceTask


@pytest.fixture(scope="module")
def questions() -> list[ChoiceTask]:
    return commonsense.tasks(count=4000, split="train") + commonsense.tasks(count=2000)


def fact(entity: str, relation: str, group: str | None = None) -> Fact:
    found = [f for f in facts.facts() if f.entity == entity and f.relation == relation]
    return next(f for f in found if group in (None, f.group))


def test_the_tables_are_large() -> None:
    assert len(facts.facts()) >= 2500
    assert len({f.entity for f in facts.facts()}) >= 400
    assert len(facts.columns()) >= 50


def test_no_entity_has_two_rows_for_one_relation() -> None:
    keys = [(f.group, f.relation, f.entity) for f in facts.facts()]
    assert len(keys) == len(set(keys))


def test_every_relation_is_worded_and_every_wording_is_used() -> None:
    for f in facts.facts():
        relation = facts.relation(f)
        assert relation.say
        assert relation.most and relation.least if wording.is_compared(f) else relation.ask
    known, _ = facts._relations()
    used = {f.column for f in facts.facts()} | {f.relation for f in facts.facts()}
    assert set(known) <= used


def test_the_values_named_in_clashes_exist() -> None:
    known, _ = facts._relations()
    for name, relation in known.items():
        matching = [f for f in facts.facts() if name in (f.column, f.relation)]
        values = {f.value for f in matching} | {v for f in matching for v in f.also}
        unknown = {value for pair in relation.clashes for value in pair} - values
        assert len(unknown) <= 8, (name, unknown)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dog", "a dog"),
        ("owl", "an owl"),
        ("unicycle", "a unicycle"),
        ("umbrella", "an umbrella"),
        ("university", "a university"),
        ("T-shirt", "a T-shirt"),
        ("footwear", "footwear"),
        ("Easter Bunny", "an Easter Bunny"),
    ],
)
def test_articles(words: str, expected: str) -> None:
    assert facts.with_article(words) == expected


def test_a_fact_is_said_and_asked_in_both_directions() -> None:
    sound = fact("dog", "sound")
    numbers = random.Random(0)
    said = {wording.statement(sound, numbers) for _ in range(50)}
    assert said == {"A dog can bark.", "To bark is what a dog does."}
    asked = {q.text for q in (wording._asked(sound, numbers) for _ in range(200)) if q}
    assert "What sound does a dog make?" in asked
    assert "Which of these animals can bark?" in asked


def test_also_true_values_are_never_wrong_choices() -> None:
    assert "swim" not in wording.wrong_values(fact("dog", "movement"))
    assert "kit" not in wording.wrong_values(fact("fox", "baby"))
    assert "penguin" not in wording.wrong_entities(fact("salmon", "movement"))
    assert "green" not in wording.wrong_values(fact("apple", "colour"))


def test_close_values_are_never_wrong_choices() -> None:
    assert "wool" not in wording.wrong_values(fact("dog", "covering"))
    assert "cave" not in wording.wrong_values(fact("bear", "habitat"))


def test_an_entity_is_no_wrong_choice_where_the_value_is_true_of_it() -> None:
    for f in facts.facts():
        if not wording.is_compared(f):
            for other in facts.columns()[f.column]:
                if other.allows(f.value):
                    assert other.entity not in wording.wrong_entities(f)


def test_four_distinct_choices_with_the_right_one_at_the_label(questions: list[ChoiceTask]) -> None:
    for task in questions:
        assert len(set(task.choices)) == 4
        assert 0 <= task.label < 4
        assert all(c.startswith(" ") and c.endswith(".") for c in task.choices)
        assert task.prompt.endswith("\nAnswer:")
        for letter, choice in zip("ABCD", task.choices, strict=True):
            assert f"({letter}) {choice.strip()[:-1]}" in task.prompt


def test_no_choice_is_the_beginning_of_another(questions: list[ChoiceTask]) -> None:
    for task in questions:
        for one in task.choices:
            assert not any(other != one and other.startswith(one) for other in task.choices)


def test_the_right_choice_is_everywhere_equally_often(questions: list[ChoiceTask]) -> None:
    counts = [sum(task.label == place for task in questions) for place in range(4)]
    assert min(counts) > 0.22 * len(questions)


def test_right_choices_are_what_the_tables_say(questions: list[ChoiceTask]) -> None:
    for task in questions:
        parts = task.task_id.split(" | ")
        if parts[-1] in ("largest", "smallest"):
            continue
        column, entity, value, direction = parts
        right = task.choices[task.label].strip()[:-1]
        assert right == (value if direction == "ask" else entity)
        by_name = {f.entity: f for f in facts.columns()[column]}
        for place, choice in enumerate(task.choices):
            said = choice.strip()[:-1]
            if place != task.label:
                wrong = (by_name[entity], said) if direction == "ask" else (by_name[said], value)
                assert not wrong[0].allows(wrong[1]), task


def test_comparisons_are_clear(questions: list[ChoiceTask]) -> None:
    compared = [t for t in questions if t.task_id.endswith(("largest", "smallest"))]
    assert compared
    for task in compared:
        column, _, extreme = task.task_id.split(" | ")
        sizes = {f.entity: int(f.value) for f in facts.columns()[column]}
        sign = 1 if extreme == "largest" else -1
        values = [sign * sizes[choice.strip()[:-1]] for choice in task.choices]
        right = values.pop(task.label)
        assert right >= max(values) + wording.CLEARLY


def test_a_held_out_question_is_stated_and_asked_the_other_way_in_train() -> None:
    for f in facts.facts():
        held_out = [wording._direction_is_held_out(f, d) for d in ("ask", "find")]
        assert held_out != [True, True]
    directions = [
        wording._direction_is_held_out(f, d) for f in facts.facts() for d in ("ask", "find")
    ]
    assert 0.1 < sum(directions) / len(directions) < 0.25


def test_held_out_documents_are_questions_and_train_has_statements() -> None:
    held_out = [next(commonsense.documents(seed=s, split="held-out")) for s in range(30)]
    assert all(document.startswith("Question: ") for document in held_out)
    assert all("\nChoices: (A) " in document for document in held_out)
    stream = commonsense.documents(seed=0, split="train")
    documents = [next(stream) for _ in range(1000)]
    questions = [document for document in documents if document.startswith("Question: ")]
    assert 0.35 < 1 - len(questions) / len(documents) < 0.55
    listed = sum("\nChoices: (A) " in document for document in questions)
    assert 0.4 < listed / len(questions) < 0.6
