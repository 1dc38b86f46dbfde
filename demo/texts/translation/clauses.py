"""Verbs in their clause: tense, negation, clitic pronouns, agreement of the participle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demo.texts.translation import conjugation, english, lexicon
from demo.texts.translation.lexicon import Verb
from demo.texts.translation.phrases import Phrase

# the tenses by their English names, and the French tense that each of them takes
FRENCH_TENSE = {
    "present": "present",
    "now": "present",
    "used to": "imparfait",
    "was doing": "imparfait",
    "stative past": "imparfait",
    "past": "passé composé",
    "perfect": "passé composé",
    "future": "futur",
    "going to": "aller",
}
NEGATIONS = {"not": "pas", "never": "jamais", "no longer": "plus"}
FREQUENCIES = {
    "often": "souvent",
    "always": "toujours",
    "sometimes": "parfois",
    "rarely": "rarement",
}
REFLEXIVE = ("me|m'", "te|t'", "se|s'", "nous", "vous", "se|s'")
NE = "ne|n'"


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a clause is said: its tense, polarity ("" is affirmative) and adverb of frequency."""

    tense: str
    polarity: str = ""
    frequency: str = ""

    @property
    def label(self) -> str:
        """What tells this manner from others in the meaning of a sentence."""
        return f"{self.tense} {self.polarity} {'frequency' if self.frequency else ''}"


def agree(participle: str, gender: str, *, is_plural: bool) -> str:
    """Add -e and -s to a participle: allé, allée, allés, allées; mis stays in the plural."""
    words = participle + ("e" if gender == "f" else "")
    return f"{words}s" if is_plural and not words.endswith("s") else words


def _english_parts(verb: Verb, manner: Manner, person: int, *, inverted: bool) -> tuple[str, str]:
    """The auxiliary (empty where there is none) and the main verb."""
    tense, do_support = manner.tense, inverted or manner.polarity == "not"
    if tense == "present":
        if do_support:
            return english.DO[person], verb.base
        return "", english.third(verb.base) if person == 2 else verb.base
    if tense in ("past", "stative past"):
        return ("did", verb.base) if do_support else ("", verb.past)
    if tense == "used to":
        return ("did", f"use to {verb.base}") if do_support else ("", f"used to {verb.base}")
    if tense == "now":
        return english.BE[person], english.gerund(verb.base)
    if tense == "was doing":
        return english.WAS[person], english.gerund(verb.base)
    if tense == "perfect":
        return english.HAVE[person], f"already {verb.participle}"
    if tense == "future":
        return "will", verb.base
    return english.BE[person], f"going to {verb.base}"


def english_verb(
    verb: Verb, subject: Phrase, manner: Manner, *, inverted: bool = False, bare: bool = False
) -> list[str]:
    """Subject and verb in English, without the particle; `bare` leaves the subject out."""
    auxiliary, main = _english_parts(verb, manner, subject.person, inverted=inverted)
    said = "" if bare else subject.english
    start = [auxiliary, said] if inverted else [said, auxiliary]
    return [*start, manner.polarity, manner.frequency, main]


def _around(negation: str, clitics: Sequence[str], finite: str, after: Sequence[str]) -> list[str]:
    """ne clitics finite-verb pas the-rest"""
    if not negation:
        return [*clitics, finite, *after]
    return [NE, *clitics, finite, NEGATIONS[negation], *after]


def french_verb(
    verb: Verb,
    subject: Phrase,
    manner: Manner,
    *,
    clitics: Sequence[str] = (),
    preceding: tuple[str, bool] | None = None,
) -> list[str]:
    """The French verb group without its subject.

    `clitics` are the object pronouns; `preceding` is (gender, is plural) of a direct object before
    the verb, with which the participle agrees after avoir.
    """
    forms, person = conjugation.forms(verb.french), subject.person
    frequency = [FREQUENCIES[manner.frequency]] if manner.frequency else []
    pronouns = [*([REFLEXIVE[person]] if verb.frame == "reflexive" else []), *clitics]
    tense = FRENCH_TENSE[manner.tense]
    if tense == "aller":
        going = conjugation.forms("aller").present[person]
        return _around(manner.polarity, [], going, [*frequency, *pronouns, verb.french])
    if tense != "passé composé":
        return _around(manner.polarity, pronouns, forms.tense(tense)[person], frequency)
    auxiliary = conjugation.forms("être" if verb.with_etre else "avoir").present[person]
    participle = forms.participle
    if verb.with_etre:
        participle = agree(participle, subject.gender, is_plural=subject.is_plural)
    elif preceding is not None:
        participle = agree(participle, preceding[0], is_plural=preceding[1])
    already = ["déjà"] if manner.tense == "perfect" else []
    return _around(manner.polarity, pronouns, auxiliary, [*already, *frequency, participle])


def object_words(phrase: Phrase, manner: Manner) -> tuple[str, str]:
    """A direct object in English and French, as the polarity of its clause has it."""
    if not manner.polarity or not phrase.negated:
        return phrase.english, phrase.french
    return phrase.english_negated or phrase.english, phrase.negated


_MODELS = {
    "be": ("be", "was", "been", "être"),
    "have": ("have", "had", "had", "avoir"),
    "can": ("can", "could", "could", "pouvoir"),
    "must": ("must", "had to", "had to", "devoir"),
}


def plain_verb(name: str) -> Verb:
    """One of the auxiliaries as a verb of its own."""
    base, past, participle, french = _MODELS[name]
    return lexicon.Verb(
        base=base,
        particle="",
        past=past,
        participle=participle,
        french=french,
        frame="none",
        objects=(),
        preposition="",
        stative=True,
    )
