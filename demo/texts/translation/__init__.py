"""English-French sentence pairs from a grammar and a lexicon of our own.

    English: Marie gives some flowers to her sister.
    French: Marie donne des fleurs à sa sœur.

Both sentences are spelled from one choice of words: French agrees in gender and number, elides and
contracts, places its adjectives and pronouns, and conjugates in six tenses.

Held out by meaning: one sentence pattern in eight (a pattern is a construction with its tense,
polarity, kinds of subject and object, and adverbials), and one pair of verb and noun, or adjective
and noun, in twelve. Train has no sentence with either.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from demo.texts import streams
from demo.texts.tasks import TranslationTask
from demo.texts.translation import composed, descriptions, patterns, questions
from demo.texts.translation.patterns import Pattern, Sentence

HELD_OUT_PATTERNS = 8
HELD_OUT_PAIRS = 12
PATTERNS: dict[Pattern, float] = {
    patterns.statement: 10,
    questions.question: 4,
    questions.who: 1,
    questions.command: 1.5,
    questions.modal: 2,
    descriptions.quality: 3,
    descriptions.comparison: 1.5,
    descriptions.presence: 1.5,
    descriptions.location: 1.5,
    descriptions.feeling: 0.7,
    descriptions.age: 0.5,
    descriptions.belonging: 1,
    composed.person_pronoun: 1.5,
    composed.receiver_pronoun: 1,
    composed.taken_up: 2,
    composed.relative: 2,
    composed.linked: 2.5,
    composed.addressed: 0.8,
    composed.counted: 0.8,
}


def is_held_out(sentence: Sentence) -> bool:
    """Whether the sentence's pattern, or one of its pairs of words, belongs to held-out."""
    return streams.is_held_out(sentence.pattern, one_in=HELD_OUT_PATTERNS) or any(
        streams.is_held_out(pair, one_in=HELD_OUT_PAIRS) for pair in sentence.pairs
    )


def _stream(seed: str, split: str) -> Iterator[TranslationTask]:
    streams.check_split(split)
    drawn, weights = tuple(PATTERNS), tuple(PATTERNS.values())

    def make(numbers: random.Random) -> TranslationTask | None:
        made = numbers.choices(drawn, weights)[0](numbers)
        if is_held_out(made) != (split == "held-out"):
            return None
        return TranslationTask(
            task_id=f"{made.pattern} | {' + '.join(made.pairs)}",
            prompt=f"English: {made.english}\nFrench:",
            reference=f" {made.french}",
        )

    return streams.distinct(make, text=lambda task: task.prompt, seed=seed)


def documents(*, seed: int, split: str) -> Iterator[str]:
    """Stream distinct sentence pairs, deterministic for (seed, split)."""
    stream = _stream(f"translation documents {split} {seed}", split)
    return (f"{task.prompt}{task.reference}\n" for task in stream)


def tasks(*, count: int, seed: int = 0, split: str = "held-out") -> list[TranslationTask]:
    """Give `count` distinct pairs; a prompt is exactly how a document of the domain begins."""
    return list(itertools.islice(_stream(f"translation tasks {split} {seed}", split), count))
