"""Sentence patterns that ask, command, allow and oblige."""

from __future__ import annotations

import random

from demo.texts.translation import clauses, conjugation, lexicon, patterns, phrases
from demo.texts.translation.clauses import Manner
from demo.texts.translation.patterns import Clause, Sentence
from demo.texts.translation.phrases import Phrase


def _askable(manner: Manner) -> Manner:
    """What a question with yes or no for an answer may be: neither `never` nor `already`."""
    tense = {"used to": "was doing", "perfect": "past"}.get(manner.tense, manner.tense)
    return Manner(tense=tense, polarity="not" if manner.polarity == "not" else "")


def _affirmative(manner: Manner) -> Manner:
    return Manner(tense=_askable(manner).tense)


ASKED = {"why": "pourquoi", "when": "quand", "where": "où", "how": "comment"}


def question(numbers: random.Random) -> Sentence:
    """Does she sing? Why does she sing? - Est-ce qu'elle chante ? Pourquoi est-ce qu'elle ..."""
    asked = numbers.choice(("", "", "", *ASKED))
    adjust = _affirmative if asked in ("when", "where", "how") else _askable
    without = ("motion", "to") if asked in ("where", "how") else ()
    frame, clause = patterns.draw_clause(numbers, adjust=adjust, without=without)
    if clause.verb.stative and asked in ("when", "where", "how"):
        return question(numbers)
    if not asked:
        patterns.add_adverbials(frame, clause, numbers)
    in_english = [asked, *clause.english_words(inverted=True)]
    in_french = [ASKED.get(asked, ""), "est-ce", "que|qu'", *clause.french_words()]
    return patterns.sentence(f"{frame} question {asked}", clause, in_english, in_french, "?")


def who(numbers: random.Random) -> Sentence:
    """Who sings? - Qui chante ?"""
    asked = Phrase(english="who", french="qui", gender="m", person=2, label="who")
    frame, clause = patterns.draw_clause(numbers, subject=asked, adjust=_affirmative)
    patterns.add_adverbials(frame, clause, numbers)
    return patterns.sentence(frame, clause, clause.english_words(), clause.french_words(), "?")


UNCOMMANDED = ("perdre", "trouver", "entendre", "recevoir", "voir", "rencontrer", "oublier")


def command(numbers: random.Random) -> Sentence:
    """Open the door! - Ouvrez la porte !  Let's open the door! - Ouvrons la porte !"""
    frame = numbers.choice(("object", "object", "give"))
    verb = numbers.choice(lexicon.verbs()[frame])
    while verb.stative or verb.french in UNCOMMANDED:
        verb = numbers.choice(lexicon.verbs()[frame])
    negative, together = numbers.random() < 0.25, numbers.random() < 0.25
    manner = Manner(tense="present", polarity="not" if negative else "")
    you = phrases.PRONOUNS[3 if together else 4]
    clause = Clause(subject=you, verb=verb, manner=manner)
    (patterns.add_direct if frame == "object" else patterns.add_given)(clause, numbers)
    finite = conjugation.forms(verb.french).present[3 if together else 4]
    start = ("let's" + (" not" if negative else "")) if together else ("do not" if negative else "")
    in_french = [clauses.NE, finite, "pas"] if negative else [finite]
    in_english = [start, verb.base, *clause.english]
    return patterns.sentence(
        f"{frame} command", clause, in_english, [*in_french, *clause.french], "!"
    )


def modal(numbers: random.Random) -> Sentence:
    """She can swim. You must not open the door. - Elle peut nager. ..."""
    name, negative = numbers.choice(("can", "must")), numbers.random() < 0.25
    manner = Manner(tense="present", polarity="not" if negative else "")
    frame, clause = patterns.draw_clause(numbers, adjust=lambda _: manner, without=("to",))
    inner = clause.verb
    clause.verb = clauses.plain_verb(name)
    clitics = [clauses.REFLEXIVE[clause.subject.person]] if frame == "reflexive" else []
    finite = clauses.french_verb(clause.verb, clause.subject, manner)
    said = {"can": "cannot" if negative else "can", "must": "must not" if negative else "must"}[
        name
    ]
    in_english = [clause.subject.english, said, inner.base, *clause.english]
    in_french = [clause.subject.french, *finite, *clitics, inner.french, *clause.french]
    clause.label += f" {name}"
    return patterns.sentence(f"{frame} modal", clause, in_english, in_french, ".")
