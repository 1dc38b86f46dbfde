"""Sentence patterns around one verb: objects, places, infinitives, questions, commands."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from demo.texts.translation import adverbials, clauses, lexicon, phrases, spelling
from demo.texts.translation.clauses import Manner
from demo.texts.translation.lexicon import Verb
from demo.texts.translation.phrases import OF, Phrase


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence in both languages, its pattern, and the pairs of verb and noun that it says."""

    english: str
    french: str
    pattern: str
    pairs: tuple[str, ...]


@dataclass(kw_only=True)
class Clause:
    """Subject, verb and what follows, before it is made a statement or a question."""

    subject: Phrase
    verb: Verb
    manner: Manner
    english: list[str] = field(default_factory=list)
    french: list[str] = field(default_factory=list)
    label: str = ""
    pairs: list[str] = field(default_factory=list)

    def english_words(self, *, inverted: bool = False) -> list[str]:
        """The English words of the clause."""
        start = clauses.english_verb(self.verb, self.subject, self.manner, inverted=inverted)
        return [*start, *self.english]

    def french_words(self) -> list[str]:
        """The French words of the clause, in the order of a statement."""
        verb = clauses.french_verb(self.verb, self.subject, self.manner)
        return [self.subject.french, *verb, *self.french]

    def pattern(self, name: str) -> str:
        """The clause's pattern: everything but its words."""
        return f"{name} | {self.subject.label} | {self.manner.label} | {self.label}"


TENSES = ("present", "present", "now", "past", "past", "future", "going to", "was doing", "used to")
STATIVE_TENSES = ("present", "present", "stative past", "future")
ADVERBIALS = {  # which time adverbials go with a tense
    "present": "present",
    "now": "now",
    "past": "past",
    "future": "future",
    "going to": "future",
    "was doing": "was doing",
    "used to": "imparfait",
}


def draw_manner(verb: Verb, numbers: random.Random) -> Manner:
    """A tense that the verb can take, with a polarity and perhaps an adverb."""
    tense = numbers.choice(STATIVE_TENSES if verb.stative else TENSES)
    draw = numbers.random()
    if tense == "past" and draw < 0.1:
        return Manner(tense="perfect")
    if tense in ("was doing", "used to", "now") and draw > 0.85:
        return Manner(tense="was doing" if tense == "used to" else tense, polarity="not")
    if tense in ("was doing", "used to", "now"):
        return Manner(tense=tense)
    if draw < 0.17:
        return Manner(tense=tense, polarity="not")
    if draw < 0.22 and tense in ("present", "past", "future"):
        return Manner(tense=tense, polarity="never")
    if draw < 0.25 and tense == "present":
        return Manner(tense=tense, polarity="no longer")
    if draw < 0.4 and tense == "present" and not verb.stative:
        return Manner(tense=tense, frequency=numbers.choice(tuple(clauses.FREQUENCIES)))
    return Manner(tense=tense)


Pattern = Callable[[random.Random], Sentence]
Adjust = Callable[[Manner], Manner]


def _unchanged(manner: Manner) -> Manner:
    return manner


def _add_pair(clause: Clause, phrase: Phrase) -> None:
    if phrase.noun:
        clause.pairs.append(f"{clause.verb.french} {phrase.noun}")


def add_direct(clause: Clause, numbers: random.Random) -> None:
    """A direct object after the verb."""
    thing = phrases.thing_of(clause.verb.objects, numbers, clause.subject)
    if thing.kind in ("thing", "clothing", "vehicle", "animal") and numbers.random() < 0.12:
        noun = next(n for n in lexicon.nouns()[thing.kind] if n.french[0] == thing.noun)
        owner = phrases.relative_of(numbers, adjective_share=0)
        while owner.is_plural:
            owner = phrases.relative_of(numbers, adjective_share=0)
        thing = phrases.owned_phrase(noun, owner, numbers)
    in_english, in_french = clauses.object_words(thing, clause.manner)
    clause.english += [clause.verb.particle, in_english]
    clause.french.append(in_french)
    clause.label = thing.label
    _add_pair(clause, thing)


def _someone(numbers: random.Random) -> Phrase:
    """A person who is named, and not a pronoun."""
    return phrases.person(numbers)


def _indirect(clause: Clause, numbers: random.Random, preposition: str) -> None:
    """An object after a preposition of the verb's; `de` is followed by no partitive."""
    kind = numbers.choice(clause.verb.objects)
    if kind == "family":
        thing = phrases.relative_of(numbers)
    else:
        determiner = numbers.choice(("the", "the", "possessive", "this"))
        thing = phrases.noun_phrase(
            numbers.choice(lexicon.nouns()[kind]),
            numbers,
            determiner=determiner,
            is_plural=determiner != "this" and numbers.random() < 0.25,
            adjective_share=0.15,
        )
    clause.english += [clause.verb.particle, thing.english]
    clause.french += [OF if preposition == "de" else preposition, thing.french]
    clause.label = thing.label
    _add_pair(clause, thing)


def _motion(clause: Clause, numbers: random.Random) -> None:
    noun = numbers.choice(lexicon.nouns()["place"])
    place = phrases.noun_phrase(
        noun, numbers, determiner="the", is_plural=False, adjective_share=0.1
    )
    preposition = OF if clause.verb.preposition == "de" else clause.verb.preposition
    clause.english += [clause.verb.particle, place.english]
    clause.french += [preposition, place.french]
    clause.label = place.label
    _add_pair(clause, place)


def _infinitive(clause: Clause, numbers: random.Random) -> None:
    """to buy the bread, acheter le pain: the clause's verb governs another"""
    inner = numbers.choice(lexicon.verbs()["object"])
    while inner.stative:
        inner = numbers.choice(lexicon.verbs()["object"])
    thing = phrases.thing_of(inner.objects, numbers, clause.subject)
    preposition = OF if clause.verb.preposition == "de" else clause.verb.preposition
    clause.english += ["to", inner.base, inner.particle, thing.english]
    clause.french += [preposition, inner.french, thing.french]
    clause.label = f"{clause.verb.preposition} {thing.label}"
    if thing.noun:
        clause.pairs.append(f"{inner.french} {thing.noun}")


def add_given(clause: Clause, numbers: random.Random) -> None:
    thing = phrases.thing_of(clause.verb.objects, numbers, clause.subject)
    receiver = _someone(numbers)
    while receiver.label.startswith("some"):
        receiver = _someone(numbers)
    in_english, in_french = clauses.object_words(thing, clause.manner)
    clause.english += [clause.verb.particle, in_english, "to", receiver.english]
    clause.french += [in_french, "à", receiver.french]
    clause.label = f"{thing.label} to {receiver.label}"
    _add_pair(clause, thing)


FRAMES = {
    "object": 10,
    "none": 3,
    "motion": 3,
    "reflexive": 2,
    "give": 3,
    "à": 1.2,
    "de": 0.8,
    "avec": 1.2,
    "to": 2.5,
}


def draw_clause(
    numbers: random.Random,
    *,
    subject: Phrase | None = None,
    adjust: Adjust = _unchanged,
    without: tuple[str, ...] = (),
) -> tuple[str, Clause]:
    """A clause around any frame but some, and the frame; its manner is adjusted before it is said."""
    frames = {frame: weight for frame, weight in FRAMES.items() if frame not in without}
    frame = numbers.choices(tuple(frames), tuple(frames.values()))[0]
    verb = numbers.choice(lexicon.verbs()[frame])
    subject = subject or phrases.subject(numbers)
    clause = Clause(subject=subject, verb=verb, manner=adjust(draw_manner(verb, numbers)))
    if frame == "object":
        add_direct(clause, numbers)
    elif frame == "give":
        add_given(clause, numbers)
    elif frame == "motion":
        _motion(clause, numbers)
    elif frame == "to":
        _infinitive(clause, numbers)
    elif frame in ("à", "de", "avec"):
        _indirect(clause, numbers, frame)
    else:
        clause.english.append(clause.verb.particle)
    return frame, clause


def add_adverbials(frame: str, clause: Clause, numbers: random.Random) -> None:
    """Perhaps a place, perhaps a time."""
    if frame in ("none", "avec") and numbers.random() < 0.5:
        in_english, in_french, label = adverbials.where(numbers)
        clause.english.append(in_english)
        clause.french.append(in_french)
        clause.label += f" {label}"
    key = ADVERBIALS.get(clause.manner.tense, "")
    if clause.manner.polarity in ("never", "no longer") or clause.manner.frequency:
        return
    if key and numbers.random() < 0.4:
        in_english, in_french = numbers.choice(adverbials.TIMES[key])
        clause.english.append(in_english)
        clause.french.append(in_french)
        clause.label += " time"


def sentence(
    name: str, clause: Clause, english: list[str], french: list[str], end: str
) -> Sentence:
    """Spell a clause's words as a sentence that ends with `end`."""
    return Sentence(
        english=spelling.english(english, end),
        french=spelling.french(french, end),
        pattern=clause.pattern(name),
        pairs=tuple(clause.pairs),
    )


def statement(numbers: random.Random) -> Sentence:
    """Marie gives a book to her brother. - Marie donne un livre à son frère."""
    frame, clause = draw_clause(numbers)
    add_adverbials(frame, clause, numbers)
    return sentence(frame, clause, clause.english_words(), clause.french_words(), ".")
