"""The lexicon: nouns, adjectives and verbs, read once from the text files beside."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from demo.texts.translation import conjugation, english

CLASS_LETTERS = {
    "person": "P",
    "family": "P",
    "animal": "A",
    "food": "F",
    "mass": "D",
    "drink": "D",
    "clothing": "C",
    "vehicle": "V",
    "furniture": "B",
    "text": "X",
    "room": "S",
    "place": "S",
}  # the letter by which adjectives name a class of nouns; every other class is T


@dataclass(frozen=True, kw_only=True)
class Noun:
    """A noun: `french` is (singular, plural), with a star where the h is aspirated."""

    english: tuple[str, str]
    french: tuple[str, str]
    gender: str  # m | f
    kind: str  # person, animal, food, ...

    @property
    def is_mass(self) -> bool:
        """Whether it is not counted: some bread, du pain."""
        return self.kind in ("mass", "drink")


@dataclass(frozen=True, kw_only=True)
class Adjective:
    """An adjective with its five French forms; `masculine` and the prevocalic form may differ."""

    english: str
    comparative: str
    masculine: str
    prevocalic: str
    feminine: str
    masculine_plural: str
    feminine_plural: str
    is_before: bool
    classes: str

    def form(self, gender: str, *, is_plural: bool) -> str:
        """Agree; the masculine singular before a noun is given as `consonant|vowel` form."""
        if gender == "f":
            return self.feminine_plural if is_plural else self.feminine
        return self.masculine_plural if is_plural else self.masculine

    def form_before(self, gender: str, *, is_plural: bool) -> str:
        """The same where the noun follows: beau|bel."""
        if gender == "m" and not is_plural and self.prevocalic != self.masculine:
            return f"{self.masculine}|{self.prevocalic}"
        return self.form(gender, is_plural=is_plural)


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A verb of both languages with the frame that says what follows it."""

    base: str
    particle: str  # what English puts after it: look "at"
    past: str
    participle: str
    french: str
    frame: str
    objects: tuple[str, ...]
    preposition: str
    stative: bool

    @property
    def with_etre(self) -> bool:
        """Whether the passé composé is made with être."""
        return self.frame == "reflexive" or self.french in conjugation.ETRE


def _lines(name: str) -> Iterator[str]:
    text = resources.files("demo.texts.translation").joinpath(name).read_text("utf-8")
    return (line.strip() for line in text.splitlines() if line.strip() and line[0] != "#")


def french_plural(noun: str) -> str:
    """The regular plural: -s, -eaux, -eux, -aux; s, x and z stay."""
    if noun.endswith(("s", "x", "z")):
        return noun
    if noun.endswith(("au", "eu")):
        return f"{noun}x"
    if noun.endswith("al"):
        return f"{noun[:-2]}aux"
    return f"{noun}s"


def _pair(text: str, plural: str | None = None) -> tuple[str, str]:
    singular, _, given = text.partition("/")
    return singular, given or plural or ""


def _noun(entry: str, kind: str) -> Noun:
    in_english, french, gender = (part.strip() for part in entry.split(":"))
    singular, plural = _pair(in_english)
    one, many = _pair(french)
    return Noun(
        english=(singular, plural or english.plural(singular)),
        french=(one, many or french_plural(one)),
        gender=gender,
        kind=kind,
    )


@functools.cache
def nouns() -> dict[str, tuple[Noun, ...]]:
    """The nouns of each class."""
    found: dict[str, list[Noun]] = defaultdict(list)
    kind = ""
    for line in _lines("nouns.txt"):
        if line.startswith("== "):
            kind = line[3:]
        else:
            found[kind] += [_noun(entry, kind) for entry in line.split(";")]
    return {name: tuple(members) for name, members in found.items()}


def feminine(masculine: str) -> str:
    """The regular feminine of an adjective: légère, active, heureuse, italienne, grande."""
    for ending, replaced in (("er", "ère"), ("f", "ve"), ("eux", "euse"), ("ien", "ienne")):
        if masculine.endswith(ending):
            return masculine.removesuffix(ending) + replaced
    return masculine if masculine.endswith("e") else f"{masculine}e"


def _adjective(line: str) -> Adjective:
    name, french, place, classes = (part.strip() for part in line.split(" : "))
    positive, _, comparative = name.partition(">")
    masculine, *given = (form.strip() for form in french.split(","))
    forms = dict(zip(("prevocalic", "f", "mp", "fp"), given, strict=False))
    known = {key: form for key, form in forms.items() if form != "-"}
    fem = known.get("f", feminine(masculine))
    return Adjective(
        english=positive,
        comparative=comparative or f"more {positive}",
        masculine=masculine,
        prevocalic=known.get("prevocalic", masculine),
        feminine=fem,
        masculine_plural=known.get("mp", french_plural(masculine)),
        feminine_plural=known.get("fp", f"{fem}s"),
        is_before=place == "before",
        classes=classes,
    )


@functools.cache
def adjectives() -> tuple[Adjective, ...]:
    """Every adjective."""
    return tuple(_adjective(line) for line in _lines("adjectives.txt"))


@functools.cache
def fitting_adjectives(kind: str) -> tuple[Adjective, ...]:
    """The adjectives that can be said of a class of nouns."""
    letter = CLASS_LETTERS.get(kind, "T")
    if kind in ("nature", "way", "work"):
        return tuple(a for a in adjectives() if a.english in ("beautiful", "magnificent", "small"))
    return tuple(adjective for adjective in adjectives() if letter in adjective.classes)


def _verb(line: str, frame: str) -> Verb:
    in_english, french, *rest = (part.strip() for part in line.split(" : "))
    words, past, participle = in_english.split()
    base, _, particle = words.partition("+")
    marks = rest[0].split() if rest else []
    stative = "stative" in marks
    following = [mark for mark in marks if mark != "stative"]
    has_objects = frame in ("object", "give", "à", "de", "avec")
    preposition = frame if frame in ("à", "de", "avec") else ""
    if frame in ("motion", "to"):
        preposition = " ".join(following).removeprefix("-")
    return Verb(
        base=base,
        particle=particle.replace("+", " "),
        past=past,
        participle=participle,
        french=french,
        frame=frame,
        objects=tuple(following) if has_objects else (),
        preposition=preposition,
        stative=stative,
    )


@functools.cache
def verbs() -> dict[str, tuple[Verb, ...]]:
    """The verbs of each frame."""
    found: dict[str, list[Verb]] = defaultdict(list)
    frame = ""
    for line in _lines("verbs.txt"):
        if line.startswith("== "):
            frame = line[3:]
        else:
            found[frame].append(_verb(line, frame))
    return {name: tuple(members) for name, members in found.items()}
