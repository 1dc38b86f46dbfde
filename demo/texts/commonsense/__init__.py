"""Questions with four choices, and statements, from hand-written tables of facts and relations.

Documents are statements ("A hammer is used for driving nails. ...") or questions:

    Question: What is a hammer used for?
    Choices: (A) sweeping the floor (B) driving nails (C) taking photos (D) sleeping
    Answer: driving nails.

The answer repeats the words of the choice, without its letter, and ends with a full stop. So the
likelihood of a choice after `Answer:` measures whether the model thinks it true, not whether it can
look up a letter; and no choice is the beginning of another. In train half of the questions come
without the line of choices: the answer has to be known then, not picked.

Held out by meaning: a fact is asked in two directions (for its value, and for its entity), and one
(fact, direction) in six is never asked in train, where the same fact is stated and asked the other
way round; of size comparisons one set of four entities in six.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from demo.texts import streams
from demo.texts.commonsense.wording import Question, passage, question
from demo.texts.tasks import ChoiceTask

STATEMENTS = 0.45  # share of statement passages among the documents of train
UNLISTED = 0.5  # share of the questions of train that are answered without listing choices


def _task(asked: Question, numbers: random.Random) -> ChoiceTask:
    answers = [asked.right, *asked.wrong]
    numbers.shuffle(answers)
    listed = " ".join(f"({letter}) {text}" for letter, text in zip("ABCD", answers, strict=True))
    return ChoiceTask(
        task_id=asked.meaning,
        prompt=f"Question: {asked.text}\nChoices: {listed}\nAnswer:",
        choices=tuple(f" {answer}." for answer in answers),
        label=answers.index(asked.right),
    )


def _make_task(numbers: random.Random, split: str) -> ChoiceTask | None:
    asked = question(numbers)
    if asked is None or asked.held_out != (split == "held-out"):
        return None
    return _task(asked, numbers)


def documents(*, seed: int, split: str) -> Iterator[str]:
    """Stream distinct documents, deterministic for (seed, split); held-out ones are questions."""
    streams.check_split(split)

    def make(numbers: random.Random) -> str | None:
        if split == "train" and numbers.random() < STATEMENTS:
            return f"{passage(numbers)}\n"
        asked = question(numbers)
        if asked is None or asked.held_out != (split == "held-out"):
            return None
        if split == "train" and numbers.random() < UNLISTED:
            return f"Question: {asked.text}\nAnswer: {asked.right}.\n"
        task = _task(asked, numbers)
        return f"{task.prompt}{task.choices[task.label]}\n"

    return streams.distinct(make, text=str, seed=f"commonsense documents {split} {seed}")


def tasks(*, count: int, seed: int = 0, split: str = "held-out") -> list[ChoiceTask]:
    """Give `count` distinct questions; a prompt is exactly how a question document begins."""
    streams.check_split(split)
    stream = streams.distinct(
        lambda numbers: _make_task(numbers, split),
        text=lambda task: task.prompt,
        seed=f"commonsense tasks {split} {seed}",
    )
    return list(itertools.islice(stream, count))
