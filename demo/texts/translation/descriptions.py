"""Sentence patterns that describe: to be, comparatives, there is, ages and states."""

from __future__ import annotations

import random
from dataclasses import replace

from demo.texts.translation import adverbials, clauses, english, lexicon, phrases, spelling
from demo.texts.translation.clauses import Manner
from demo.texts.translation.patterns import Sentence
from demo.texts.translation.phrases import OF, Phrase

STATES = {
    "hungry": "faim",
    "thirsty": "soif",
    "cold": "froid",
    "hot": "chaud",
    "afraid": "peur",
    "sleepy": "sommeil",
    "right": "raison",
    "wrong": "tort",
}
DEGREES = {"very": "très", "too": "trop", "a little": "un peu", "really": "vraiment"}
AGES = {"five": "cinq", "eight": "*huit", "ten": "dix", "twelve": "douze", "fifteen": "quinze", "twenty": "vingt", "thirty": "trente", "forty": "quarante", "fifty": "cinquante"}  # fmt: skip
DESCRIBED = ("thing", "clothing", "vehicle", "furniture", "animal", "food", "place", "room", "text")


def _described(numbers: random.Random) -> Phrase:
    """Who or what a description is about, without an adjective of its own."""
    if numbers.random() < 0.45:
        subject = phrases.subject(numbers)
        if subject.label != "pronoun" or subject.english != "you":
            return replace(subject, kind=subject.kind or "person")
    noun = numbers.choice(lexicon.nouns()[numbers.choice(DESCRIBED)])
    is_plural = numbers.random() < 0.35
    determiner = numbers.choice(("the", "possessive", "these" if is_plural else "this"))
    return phrases.noun_phrase(
        noun, numbers, determiner=determiner, is_plural=is_plural, adjective_share=0
    )


def _be(subject: Phrase, tense: str, polarity: str, *, inverted: bool = False) -> list[str]:
    """Subject and form of to be; the past is `was`."""
    forms = {"present": english.BE, "past": english.WAS, "future": ("will",) * 6}[tense]
    finite = forms[subject.person]
    start = [finite, subject.english] if inverted else [subject.english, finite]
    return [*start, polarity, "be" if tense == "future" else ""]


_MANNERS = {"present": "present", "past": "stative past", "future": "future"}


def _etre(subject: Phrase, tense: str, polarity: str, verb: str = "be") -> list[str]:
    manner = Manner(tense=_MANNERS[tense], polarity=polarity)
    return clauses.french_verb(clauses.plain_verb(verb), subject, manner)


def _draw(numbers: random.Random) -> tuple[str, str]:
    tense = numbers.choice(("present", "present", "present", "past", "future"))
    return tense, numbers.choice(("", "", "", "", "not"))


def _made(
    subject: Phrase, in_english: list[str], in_french: list[str], end: str, name: str, *pairs: str
) -> Sentence:
    return Sentence(
        english=spelling.english(in_english, end),
        french=spelling.french(in_french, end),
        pattern=f"{name} | {subject.label}",
        pairs=pairs,
    )


def quality(numbers: random.Random) -> Sentence:
    """These houses are very old. Is the soup hot? - Ces maisons sont très vieilles. ..."""
    subject = _described(numbers)
    adjective = numbers.choice(lexicon.fitting_adjectives(subject.kind))
    tense, polarity = _draw(numbers)
    asked = not polarity and numbers.random() < 0.2
    degree = numbers.choice(tuple(DEGREES)) if numbers.random() < 0.3 and not polarity else ""
    form = adjective.form(subject.gender, is_plural=subject.is_plural)
    in_english = [*_be(subject, tense, polarity, inverted=asked), degree, adjective.english]
    in_french = [subject.french, *_etre(subject, tense, polarity), DEGREES.get(degree, ""), form]
    if asked:
        in_french = ["est-ce", "que|qu'", *in_french]
    name = f"quality {tense} {polarity} {bool(degree)} {asked}"
    pair = f"{adjective.masculine} {subject.noun}" if subject.noun else ""
    return _made(
        subject, in_english, in_french, "?" if asked else ".", name, *([pair] if pair else [])
    )


NEVER_COMPARED = (
    *("good", "bad", "new", "lost", "broken", "cheap", "excellent", "magnificent", "delicious"),
    *("French", "English", "Italian", "Spanish", "German", "Japanese", "American"),
)
COMPARISONS = {"more": "plus", "less": "moins", "as": "aussi"}


def comparison(numbers: random.Random) -> Sentence:
    """My dog is bigger than your cat. - Mon chien est plus grand que votre chat."""
    subject = _described(numbers)
    while subject.english in ("I", "we") or not lexicon.fitting_adjectives(subject.kind):
        subject = _described(numbers)
    kind = subject.kind if subject.noun else "person"
    noun = numbers.choice(lexicon.nouns()[kind])
    other = phrases.noun_phrase(
        noun,
        numbers,
        determiner=numbers.choice(("the", "possessive")),
        is_plural=False,
        adjective_share=0,
    )
    adjective = numbers.choice(lexicon.fitting_adjectives(kind))
    while adjective.english in NEVER_COMPARED:
        adjective = numbers.choice(lexicon.fitting_adjectives(kind))
    tense = numbers.choice(("present", "present", "past"))
    how = numbers.choice(("more", "more", "less", "as"))
    compared = {
        "more": f"{adjective.comparative} than",
        "less": f"less {adjective.english} than",
        "as": f"as {adjective.english} as",
    }[how]
    form = adjective.form(subject.gender, is_plural=subject.is_plural)
    in_english = [*_be(subject, tense, ""), compared, other.english]
    finite = _etre(subject, tense, "")
    in_french = [subject.french, *finite, COMPARISONS[how], form, "que|qu'", other.french]
    pairs = (f"{adjective.masculine} {subject.noun}", f"{adjective.masculine} {noun.french[0]}")
    return _made(subject, in_english, in_french, ".", f"comparison {tense} {how}", *pairs)


THERE = {"present": ("is", "are"), "past": ("was", "were"), "future": ("will be", "will be")}
IL_Y_A = {"present": "a", "past": "avait", "future": "aura"}


def presence(numbers: random.Random) -> Sentence:
    """There are three cats in the garden. - Il y a trois chats dans le jardin."""
    kind = numbers.choice(("person", "animal", "thing", "furniture", "vehicle", "food"))
    noun = numbers.choice(lexicon.nouns()[kind])
    is_plural = numbers.random() < 0.65
    determiner = numbers.choice(("some", "number", "many")) if is_plural else "a"
    thing = phrases.noun_phrase(
        noun, numbers, determiner=determiner, is_plural=is_plural, adjective_share=0.2
    )
    tense, polarity = _draw(numbers)
    asked = not polarity and numbers.random() < 0.2
    place = adverbials.where(numbers, kind)
    said_english, said_french = thing.english, thing.french
    if polarity and thing.negated:
        said_english, said_french = thing.english_negated or thing.english, thing.negated
    is_word, *be = THERE[tense][is_plural].split()
    there = [is_word, "there"] if asked else ["there", is_word]
    in_english = [*there, polarity, *be, said_english, place[0]]
    there_is = [clauses.NE, "y", IL_Y_A[tense], "pas"] if polarity else ["y", IL_Y_A[tense]]
    in_french = ["il", *there_is, said_french, place[1]]
    if asked:
        in_french = ["est-ce", "que|qu'", *in_french]
    subject = replace(thing, label=f"{thing.label} {place[2]}")
    end = "?" if asked else "."
    return _made(subject, in_english, in_french, end, f"presence {tense} {polarity} {asked}")


def location(numbers: random.Random) -> Sentence:
    """The keys are on the table. Where is my hat? - Les clés sont sur la table. ..."""
    subject = _described(numbers)
    while subject.kind in ("place", "room", "nature"):
        subject = _described(numbers)
    tense = numbers.choice(("present", "present", "past"))
    if numbers.random() < 0.25:
        finite = _etre(subject, tense, "")
        in_english = ["where", *_be(subject, tense, "", inverted=True)]
        if subject.label == "pronoun":  # Où est-il ?
            in_french = ["où", f"{finite[0]}-{subject.french.split('|')[0]}"]
        else:  # Où sont les clés ?
            in_french = ["où", *finite, subject.french]
        return _made(subject, in_english, in_french, "?", f"location question {tense}")
    place = adverbials.where(numbers, subject.kind)
    if subject.kind in ("thing", "text", "clothing", "food") and numbers.random() < 0.6:
        noun = next(
            n
            for n in numbers.sample(lexicon.nouns()["furniture"], 16)
            if n.english[0]
            in ("table", "chair", "bed", "desk", "sofa", "armchair", "carpet", "shelf")
        )
        where = phrases.noun_phrase(
            noun,
            numbers,
            determiner=numbers.choice(("the", "possessive")),
            is_plural=False,
            adjective_share=0.15,
        )
        over, sur = numbers.choice((("on", "sur"), ("under", "sous")))
        place = (f"{over} {where.english}", f"{sur} {where.french}", over)
    polarity = numbers.choice(("", "", "", "not"))
    english_words = [*_be(subject, tense, polarity), place[0]]
    french_words = [subject.french, *_etre(subject, tense, polarity), place[1]]
    return _made(
        subject, english_words, french_words, ".", f"location {tense} {polarity} {place[2]}"
    )


def feeling(numbers: random.Random) -> Sentence:
    """The children are hungry. - Les enfants ont faim."""
    subject = phrases.subject(numbers)
    tense, polarity = _draw(numbers)
    state = numbers.choice(tuple(STATES))
    asked = not polarity and numbers.random() < 0.25
    in_english = [*_be(subject, tense, polarity, inverted=asked), state]
    in_french = [subject.french, *_etre(subject, tense, polarity, "have"), STATES[state]]
    if asked:
        in_french = ["est-ce", "que|qu'", *in_french]
    name = f"feeling {tense} {polarity} {asked} {state}"
    return _made(subject, in_english, in_french, "?" if asked else ".", name)


def age(numbers: random.Random) -> Sentence:
    """My brother is twelve years old. - Mon frère a douze ans."""
    subject = phrases.subject(numbers)
    tense = numbers.choice(("present", "present", "past", "future"))
    years = numbers.choice(tuple(AGES))
    in_english = [*_be(subject, tense, ""), years, "years old"]
    in_french = [subject.french, *_etre(subject, tense, "", "have"), AGES[years], "ans"]
    return _made(subject, in_english, in_french, ".", f"age {tense} {years}")


def belonging(numbers: random.Random) -> Sentence:
    """Paul's car is red. - La voiture de Paul est rouge."""
    owner = phrases.name(numbers)
    draw = numbers.random()
    if draw < 0.35:
        noun = numbers.choice(lexicon.nouns()["person"])
        owner = phrases.noun_phrase(
            noun, numbers, determiner="the", is_plural=False, adjective_share=0
        )
    elif draw < 0.65:
        mine = phrases.relative_of(numbers, adjective_share=0)
        owner = owner if mine.is_plural else mine
    kind = numbers.choice(("thing", "clothing", "vehicle", "animal", "family"))
    noun = numbers.choice(lexicon.nouns()[kind])
    bare = phrases.noun_phrase(noun, numbers, determiner="the", is_plural=False, adjective_share=0)
    owned = replace(
        bare,
        english=f"{owner.english}'s {bare.english.removeprefix('the ')}",
        french=f"{bare.french} {OF} {owner.french}",
        label=f"owned by {owner.label}",
    )
    adjective = numbers.choice(lexicon.fitting_adjectives(kind))
    tense, polarity = _draw(numbers)
    in_english = [*_be(owned, tense, polarity), adjective.english]
    form = adjective.form(owned.gender, is_plural=False)
    in_french = [owned.french, *_etre(owned, tense, polarity), form]
    pair = f"{adjective.masculine} {noun.french[0]}"
    return _made(owned, in_english, in_french, ".", f"belonging {tense} {polarity}", pair)
