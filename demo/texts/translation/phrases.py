"""Noun phrases, subjects and adverbials in both languages."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from demo.texts.translation import english, lexicon
from demo.texts.translation.lexicon import Adjective, Noun


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


THE = "le|l'"
THE_F = "la|l'"
OF = "de|d'"


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A noun phrase or pronoun: its words, and what verbs and adjectives agree with.

    `person` counts from 0 (je) to 5 (ils). `negated` is the French of an indefinite object after a
    negation (pas de pain); `label` says of what kind the phrase is, `noun` names its noun.
    """

    english: str
    french: str
    gender: str
    person: int
    label: str
    noun: str = ""
    kind: str = ""
    negated: str = ""
    english_negated: str = ""

    @property
    def is_plural(self) -> bool:
        """Whether adjectives and participles that agree with it are plural."""
        return self.person >= 3


PRONOUNS = (
    Phrase(english="I", french="je|j'", gender="m", person=0, label="pronoun"),
    Phrase(english="he", french="il", gender="m", person=2, label="pronoun"),
    Phrase(english="she", french="elle", gender="f", person=2, label="pronoun"),
    Phrase(english="we", french="nous", gender="m", person=3, label="pronoun"),
    Phrase(english="you", french="vous", gender="m", person=4, label="pronoun"),
    Phrase(english="they", french="ils", gender="m", person=5, label="pronoun"),
)
NAMES = {
    "m": _words("Paul Pierre Jean Luc Marc Thomas Nicolas Antoine Louis Olivier Julien Simon"),
    "f": _words("Marie Anne Julie Sophie Claire Alice Camille Louise Emma Jeanne Lucie Inès"),
}
POSSESSIVES = {  # masculine, feminine, plural
    "my": ("mon", "ma|mon", "mes"),
    "your": ("votre", "votre", "vos"),
    "his": ("son", "sa|son", "ses"),
    "her": ("son", "sa|son", "ses"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
OWNER = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
NUMBERS = {
    "two": "deux",
    "three": "trois",
    "four": "quatre",
    "five": "cinq",
    "six": "six",
    "seven": "sept",
    "eight": "*huit",
    "nine": "neuf",
    "ten": "dix",
    "twelve": "douze",
    "twenty": "vingt",
}
SINGULAR_DETERMINERS = ("the", "the", "the", "a", "a", "possessive", "this")
PLURAL_DETERMINERS = (
    *("the", "the", "the", "some", "some", "possessive", "possessive"),
    *("these", "these", "number", "number", "many", "all the"),
)
MASS_DETERMINERS = ("some", "some", "the", "possessive")


def definite(gender: str, *, is_plural: bool) -> str:
    """le, la, l', les"""
    if is_plural:
        return "les"
    return THE if gender == "m" else THE_F


def _group(noun: Noun, adjective: Adjective | None, *, is_plural: bool) -> tuple[str, str]:
    """Noun and adjective, without a determiner, in English and French."""
    in_english, in_french = noun.english[is_plural], noun.french[is_plural]
    if adjective is None:
        return in_english, in_french
    in_english = f"{adjective.english} {in_english}"
    if adjective.is_before:
        return in_english, f"{adjective.form_before(noun.gender, is_plural=is_plural)} {in_french}"
    return in_english, f"{in_french} {adjective.form(noun.gender, is_plural=is_plural)}"


def _determined(
    determiner: str,
    noun: Noun,
    adjective: Adjective | None,
    *,
    is_plural: bool,
    owner: str,
    number: str,
) -> tuple[str, str]:
    """The English and French of a determiner with its group."""
    in_english, in_french = _group(noun, adjective, is_plural=is_plural)
    feminine = noun.gender == "f"
    the = definite(noun.gender, is_plural=is_plural)
    if determiner == "the":
        return f"the {in_english}", f"{the} {in_french}"
    if determiner == "a":
        return english.with_article(in_english), f"{'une' if feminine else 'un'} {in_french}"
    if determiner == "possessive":
        owned = POSSESSIVES[owner][2 if is_plural else int(feminine)]
        return f"{owner} {in_english}", f"{owned} {in_french}"
    if determiner == "this":
        return f"this {in_english}", f"{'cette' if feminine else 'ce|cet'} {in_french}"
    if determiner == "these":
        return f"these {in_english}", f"ces {in_french}"
    if determiner == "number":
        return f"{number} {in_english}", f"{NUMBERS[number]} {in_french}"
    if determiner == "many":
        return f"many {in_english}", f"beaucoup {OF} {in_french}"
    if determiner == "all the":
        return f"all the {in_english}", f"{'toutes' if feminine else 'tous'} les {in_french}"
    if not is_plural:  # some bread
        return f"some {in_english}", f"de {the} {in_french}"
    if adjective is not None and adjective.is_before:  # some beautiful flowers
        return f"some {in_english}", f"{OF} {in_french}"
    return f"some {in_english}", f"des {in_french}"


def noun_phrase(
    noun: Noun,
    numbers: random.Random,
    *,
    determiner: str = "",
    is_plural: bool | None = None,
    owner: str = "",
    adjective: Adjective | None = None,
    adjective_share: float = 0.25,
) -> Phrase:
    """A phrase around a noun; what is not given is drawn."""
    if is_plural is None:
        is_plural = not noun.is_mass and numbers.random() < 0.3
    if not determiner:
        choices = PLURAL_DETERMINERS if is_plural else SINGULAR_DETERMINERS
        determiner = numbers.choice(MASS_DETERMINERS if noun.is_mass else choices)
    fitting = lexicon.fitting_adjectives(noun.kind)
    if fitting and numbers.random() < adjective_share:
        adjective = adjective or numbers.choice(fitting)
    owner = owner or numbers.choice(tuple(POSSESSIVES))
    number = numbers.choice(tuple(NUMBERS))
    in_english, in_french = _determined(
        determiner, noun, adjective, is_plural=is_plural, owner=owner, number=number
    )
    is_indefinite = determiner == "a" or determiner == "some"
    bare_english, bare_french = _group(noun, adjective, is_plural=is_plural)
    label = (
        f"{determiner}{' plural' if is_plural else ''}{'' if adjective is None else ' adjective'}"
    )
    return Phrase(
        english=in_english,
        french=in_french,
        gender=noun.gender,
        person=5 if is_plural else 2,
        label=label,
        noun=noun.french[0],
        kind=noun.kind,
        negated=f"{OF} {bare_french}" if is_indefinite else "",
        english_negated=f"any {bare_english}" if determiner == "some" else "",
    )


def owned_phrase(noun: Noun, owner: Phrase, numbers: random.Random) -> Phrase:
    """my sister's cat, le chat de ma sœur; the owner is singular"""
    owned = noun_phrase(noun, numbers, determiner="the", is_plural=False, adjective_share=0.15)
    return replace(
        owned,
        english=f"{owner.english}'s {owned.english.removeprefix('the ')}",
        french=f"{owned.french} {OF} {owner.french}",
        label="owned",
    )


def name(numbers: random.Random) -> Phrase:
    """A person's name."""
    gender = numbers.choice("mf")
    chosen = numbers.choice(NAMES[gender])
    return Phrase(
        english=chosen, french=chosen, gender=gender, person=2, label="name", kind="person"
    )


SPOUSES = {"wife": ("my", "your", "his"), "husband": ("my", "your", "her")}
ONE_ONLY = ("father", "mother", "wife", "husband")


def relative_of(
    numbers: random.Random, *, owner: str = "", adjective_share: float = 0.05
) -> Phrase:
    """A member of somebody's family, with a possessive that makes sense."""
    noun = numbers.choice(lexicon.nouns()["family"])
    owners = SPOUSES.get(noun.english[0], tuple(POSSESSIVES))
    return noun_phrase(
        noun,
        numbers,
        determiner="possessive",
        is_plural=noun.english[0] not in ONE_ONLY and numbers.random() < 0.2,
        owner=owner if owner in owners else numbers.choice(owners),
        adjective_share=adjective_share,
    )


def person(numbers: random.Random) -> Phrase:
    """Someone: a name, a member of the family or another person."""
    draw = numbers.random()
    if draw < 0.3:
        return name(numbers)
    if draw < 0.6:
        return relative_of(numbers)
    noun = numbers.choice(lexicon.nouns()["person"])
    plural = numbers.random() < 0.25
    kinds = ("the", "the", "some", "these", "number") if plural else ("the", "the", "a", "this")
    return noun_phrase(
        noun, numbers, determiner=numbers.choice(kinds), is_plural=plural, adjective_share=0.2
    )


def subject(numbers: random.Random) -> Phrase:
    """A pronoun or someone."""
    return numbers.choice(PRONOUNS) if numbers.random() < 0.45 else person(numbers)


def thing_of(kinds: tuple[str, ...], numbers: random.Random, owner: Phrase | None = None) -> Phrase:
    """An object out of the classes of nouns, sometimes owned by the subject."""
    kind = numbers.choice(kinds)
    if kind == "family":
        return relative_of(numbers, owner=_own(owner, numbers))
    noun = numbers.choice(lexicon.nouns()[kind])
    return noun_phrase(noun, numbers, owner=_own(owner, numbers))


def _own(owner: Phrase | None, numbers: random.Random) -> str:
    if owner is not None and owner.english in OWNER and numbers.random() < 0.8:
        return OWNER[owner.english]
    return ""
