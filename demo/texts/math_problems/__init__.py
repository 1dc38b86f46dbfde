"""Word problems with worked steps and a final answer.

A problem is a small expression tree over named schemes (buying, sharing, speed, fractions of,
percentages, rates, comparisons, perimeter and area, time, money, ages, averages); the sentences of
the question and the worked steps both follow from it. A document:

    Question: Mia has 3 boxes with 12 pencils in each. She gives 6 pencils to Leo. How many ...?
    Answer: Mia has 3 * 12 = 36 pencils.
    Mia then has 36 - 6 = 30 pencils left.
    The answer is 30.

Held out by meaning: one composition of three or more schemes in eight, and, of every other
composition, one tuple of numbers in eight. Train has neither.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from demo.texts import streams
from demo.texts.math_problems.story import MARKER, Story, compose
from demo.texts.tasks import MathTask


def _task(made: Story) -> MathTask:
    steps = "\n".join(made.steps)
    return MathTask(
        task_id=made.meaning,
        prompt=f"Question: {made.question}\nAnswer:",
        solution=f" {steps}\n{MARKER} {made.answer}.",
        answer=str(made.answer),
        marker=MARKER,
    )


def _stream(seed: str, split: str) -> Iterator[MathTask]:
    streams.check_split(split)
    wanted = split == "held-out"

    def make(numbers: random.Random) -> MathTask | None:
        made = compose(numbers)
        return _task(made) if made is not None and made.held_out == wanted else None

    return streams.distinct(make, text=lambda task: task.prompt, seed=seed)


def documents(*, seed: int, split: str) -> Iterator[str]:
    """Stream distinct word problems with their solutions, deterministic for (seed, split)."""
    stream = _stream(f"math documents {split} {seed}", split)
    return (f"{task.prompt}{task.solution}\n" for task in stream)


def tasks(*, count: int, seed: int = 0, split: str = "held-out") -> list[MathTask]:
    """Give `count` distinct problems; a prompt is exactly how a document of the domain begins."""
    return list(itertools.islice(_stream(f"math tasks {split} {seed}", split), count))
