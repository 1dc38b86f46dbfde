"""Sentence patterns of more than one clause, and those around object pronouns."""

from __future__ import annotations

import random
from dataclasses import replace

from demo.texts.translation import clauses, lexicon, patterns, phrases, spelling
from demo.texts.translation.clauses import Manner
from demo.texts.translation.lexicon import Verb
from demo.texts.translation.patterns import Clause, Sentence
from demo.texts.translation.phrases import OF, Phrase

SEPARABLE = ("away", "on")  # particles that follow a pronoun: throws it away
TENSES = ("present", "past", "past", "future", "going to")
# English, French direct object, gender, plural, and the subject with which it cannot go
DIRECT = (
    ("me", "me|m'", "m", False, "I"),
    ("him", "le~|l'", "m", False, ""),
    ("her", "la~|l'", "f", False, ""),
    ("us", "nous", "m", True, "we"),
    ("you", "vous", "m", True, "you"),
    ("them", "les~", "m", True, ""),
)
INDIRECT = {"me": "me|m'", "him": "lui", "her": "lui", "us": "nous", "you": "vous", "them": "leur"}
SELF = {"me": "I we", "us": "we I", "you": "you"}


def _verb_of(kinds: tuple[str, ...], numbers: random.Random) -> Verb:
    """A verb that takes an object of one of the classes, and is not stative."""
    fitting = [
        verb
        for verb in lexicon.verbs()["object"]
        if not verb.stative and any(kind in verb.objects for kind in kinds)
    ]
    return numbers.choice(fitting)


def _with_pronoun(verb: Verb, pronoun: str) -> list[str]:
    """The English pronoun with the particle where it belongs: looks for it, throws it away."""
    if verb.particle in SEPARABLE:
        return [pronoun, verb.particle]
    return [verb.particle, pronoun]


def person_pronoun(numbers: random.Random) -> Sentence:
    """Marie has invited us. He phones her. - Marie nous a invités. Il lui téléphone."""
    subject = phrases.subject(numbers)
    pronoun, french, gender, is_plural, _ = numbers.choice(DIRECT)
    while subject.english in SELF.get(pronoun, ""):
        pronoun, french, gender, is_plural, _ = numbers.choice(DIRECT)
    tense = numbers.choice(TENSES)
    manner = Manner(tense=tense, polarity=numbers.choice(("", "", "", "not")))
    indirect = numbers.random() < 0.35
    agreement: tuple[str, bool] | None = (gender, is_plural)
    if indirect:
        verbs = [v for v in lexicon.verbs()["à"] if v.french != "penser"]
        verb, french, agreement = numbers.choice(verbs), INDIRECT[pronoun], None
    else:
        verb = _verb_of(("person", "family"), numbers)
    clause = Clause(subject=subject, verb=verb, manner=manner, label=f"{pronoun} {indirect}")
    in_english = [*clause.english_words(), *_with_pronoun(verb, pronoun)]
    finite = clauses.french_verb(verb, subject, manner, clitics=[french], preceding=agreement)
    in_french = [subject.french, *finite]
    clause.pairs.append(f"{verb.french} {pronoun}")
    return patterns.sentence("person pronoun", clause, in_english, in_french, ".")


def receiver_pronoun(numbers: random.Random) -> Sentence:
    """She gives him a book. - Elle lui donne un livre."""
    subject = phrases.subject(numbers)
    pronoun = numbers.choice(tuple(INDIRECT))
    while subject.english in SELF.get(pronoun, ""):
        pronoun = numbers.choice(tuple(INDIRECT))
    verb = numbers.choice(lexicon.verbs()["give"])
    while verb.french in ("expliquer", "décrire", "rendre"):
        verb = numbers.choice(lexicon.verbs()["give"])
    manner = Manner(tense=numbers.choice(TENSES), polarity=numbers.choice(("", "", "", "not")))
    thing = phrases.thing_of(verb.objects, numbers, subject)
    said_english, said_french = clauses.object_words(thing, manner)
    clause = Clause(subject=subject, verb=verb, manner=manner, label=f"{pronoun} {thing.label}")
    clause.pairs.append(f"{verb.french} {thing.noun}")
    finite = clauses.french_verb(verb, subject, manner, clitics=[INDIRECT[pronoun]])
    in_english = [*clause.english_words(), pronoun, said_english]
    in_french = [subject.french, *finite, said_french]
    return patterns.sentence("receiver pronoun", clause, in_english, in_french, ".")


def taken_up(numbers: random.Random) -> Sentence:
    """Marie buys the apples and eats them. - Marie achète les pommes et les mange."""
    subject = phrases.subject(numbers)
    first = numbers.choice([v for v in lexicon.verbs()["object"] if not v.stative])
    kind = numbers.choice(first.objects)
    second = _verb_of((kind,), numbers)
    if "quitter" in (first.french, second.french) or kind in ("mass", "drink", "family"):
        return taken_up(numbers)
    if second.french == first.french:
        return taken_up(numbers)
    noun = numbers.choice(lexicon.nouns()[kind])
    is_plural = numbers.random() < 0.4
    determiner = "the" if is_plural else numbers.choice(("the", "a"))
    thing = phrases.noun_phrase(
        noun, numbers, determiner=determiner, is_plural=is_plural, adjective_share=0.15
    )
    manner = Manner(tense=numbers.choice(("present", "past", "future")))
    pronoun = "them" if is_plural else "it"
    if kind == "person" and not is_plural:
        pronoun = "him" if noun.gender == "m" else "her"
    clitic = "les~" if is_plural else ("le~|l'" if noun.gender == "m" else "la~|l'")
    agreement = (noun.gender, is_plural)
    clause = Clause(subject=subject, verb=first, manner=manner, label=thing.label)
    clause.pairs += [f"{first.french} {noun.french[0]}", f"{second.french} {noun.french[0]}"]
    again = clauses.english_verb(second, subject, manner, bare=True)
    then = clauses.french_verb(second, subject, manner, clitics=[clitic], preceding=agreement)
    start = [*clause.english_words(), first.particle, thing.english]
    in_english = [*start, "and", *again, *_with_pronoun(second, pronoun)]
    in_french = [*clause.french_words(), thing.french, "et", *then]
    return patterns.sentence("taken up", clause, in_english, in_french, ".")


def _which_subject(numbers: random.Random) -> tuple[Phrase, list[str], str]:
    """the man who sings, l'homme qui chante"""
    noun = numbers.choice(lexicon.nouns()["person"])
    is_plural = numbers.random() < 0.3
    head = phrases.noun_phrase(
        noun, numbers, determiner="the", is_plural=is_plural, adjective_share=0.1
    )
    who = replace(head, english="who", french="qui")
    _, clause = patterns.draw_clause(
        numbers, subject=who, adjust=lambda m: Manner(tense=m.tense), without=("to",)
    )
    related = replace(
        head,
        english=" ".join([head.english, *clause.english_words()]),
        french=" ".join([head.french, *clause.french_words()]),
    )
    return related, clause.pairs, f"who {clause.manner.label}"


def _which_object(numbers: random.Random) -> tuple[Phrase, list[str], str]:
    """the apples that I have bought, les pommes que j'ai achetées"""
    verb = numbers.choice(lexicon.verbs()["object"])
    noun = numbers.choice(lexicon.nouns()[numbers.choice(verb.objects)])
    if noun.kind == "family":
        return _which_object(numbers)
    is_plural = not noun.is_mass and numbers.random() < 0.4
    head = phrases.noun_phrase(
        noun, numbers, determiner="the", is_plural=is_plural, adjective_share=0.1
    )
    subject = phrases.subject(numbers)
    manner = Manner(
        tense="present" if verb.stative else numbers.choice(("present", "past", "past"))
    )
    finite = clauses.french_verb(verb, subject, manner, preceding=(noun.gender, is_plural))
    said = clauses.english_verb(verb, subject, manner)
    related = replace(
        head,
        english=" ".join([head.english, "that", *said, verb.particle]),
        french=" ".join([head.french, "que|qu'", subject.french, *finite]),
    )
    return related, [f"{verb.french} {noun.french[0]}"], f"that {manner.label} {subject.label}"


def relative(numbers: random.Random) -> Sentence:
    """The book that I read is interesting. The man who sings is my neighbour's brother."""
    draw = _which_subject if numbers.random() < 0.5 else _which_object
    head, pairs, label = draw(numbers)
    if draw is _which_subject or numbers.random() < 0.6:
        fitting = lexicon.fitting_adjectives(head.kind)
        adjective = numbers.choice(fitting)
        form = adjective.form(head.gender, is_plural=head.is_plural)
        be = "are" if head.is_plural else "is"
        finite = clauses.french_verb(clauses.plain_verb("be"), head, Manner(tense="present"))
        english, french = [head.english, be, adjective.english], [head.french, *finite, form]
        name = f"relative quality {label}"
    else:
        asks = numbers.random() < 0.5
        start = "do you see" if asks else ("here are" if head.is_plural else "here is")
        english = [start, head.english]
        french = ["est-ce que vous voyez" if asks else "voici", head.french]
        name = f"relative {start} {label}"
    end = "?" if name.startswith("relative do") else "."
    return Sentence(
        english=spelling.english(english, end),
        french=spelling.french(french, end),
        pattern=f"{name} | {head.label}",
        pairs=tuple(pairs),
    )


LINKS = {
    "because": ("parce", "que|qu'"),
    "when": ("quand",),
    "and": ("et",),
    "but": ("mais",),
    "while": ("pendant", "que|qu'"),
}


def _linked_tenses(link: str, numbers: random.Random) -> tuple[str, str]:
    if link == "while":
        return numbers.choice((("past", "was doing"), ("was doing", "was doing")))
    if link == "when":
        return numbers.choice((("was doing", "past"), ("present", "present")))
    tense = numbers.choice(("present", "past", "future"))
    return tense, tense


def linked(numbers: random.Random) -> Sentence:
    """She was sleeping when I arrived. - Elle dormait quand je suis arrivé."""
    link = numbers.choice(tuple(LINKS))
    tenses = _linked_tenses(link, numbers)
    negative = link in ("because", "but") and numbers.random() < 0.3
    said: list[Clause] = []
    for number, tense in enumerate(tenses):
        manner = Manner(tense=tense, polarity="not" if negative and number == 1 else "")
        clause = _simple_clause(manner, numbers)
        said.append(clause)
    first, second = said
    english = [*first.english_words(), ", but" if link == "but" else link, *second.english_words()]
    link_french = ["," if link == "but" else "", *LINKS[link]]
    french = [*first.french_words(), *link_french, *second.french_words()]
    return Sentence(
        english=spelling.english(english, "."),
        french=spelling.french(french, "."),
        pattern=f"{first.pattern(link)} | {second.pattern('')}",
        pairs=(*first.pairs, *second.pairs),
    )


def _simple_clause(manner: Manner, numbers: random.Random) -> Clause:
    """A clause in the given manner, around a verb that is not stative."""
    while True:
        _, clause = patterns.draw_clause(numbers, adjust=lambda _: manner, without=("to", "give"))
        if not clause.verb.stative:
            return clause


TU = Phrase(english="you", french="tu", gender="m", person=1, label="tu")
ADDRESSED = {"Mum": "Maman", "Dad": "Papa", "Grandma": "Mamie", "Grandpa": "Papi"}


def addressed(numbers: random.Random) -> Sentence:
    """Mum, do you see the cat? - Maman, est-ce que tu vois le chat ?"""
    if numbers.random() < 0.5:
        called, french = numbers.choice(tuple(ADDRESSED.items()))
    else:
        called = french = phrases.name(numbers).english
    verb = numbers.choice(lexicon.verbs()["object"])
    while "family" in verb.objects:
        verb = numbers.choice(lexicon.verbs()["object"])
    noun = numbers.choice(lexicon.nouns()[numbers.choice(verb.objects)])
    determiner = "some" if noun.is_mass else numbers.choice(("the", "this", "a"))
    thing = phrases.noun_phrase(noun, numbers, determiner=determiner, is_plural=False)
    tense = numbers.choice(("present", "stative past") if verb.stative else TENSES)
    clause = Clause(subject=TU, verb=verb, manner=Manner(tense=tense), label=thing.label)
    clause.english += [verb.particle, thing.english]
    clause.french.append(thing.french)
    clause.pairs.append(f"{verb.french} {thing.noun}")
    english = [f"{called} ,", *clause.english_words(inverted=True)]
    in_french = [f"{french} ,", "est-ce", "que|qu'", *clause.french_words()]
    return patterns.sentence("addressed", clause, english, in_french, "?")


def counted(numbers: random.Random) -> Sentence:
    """How many books did you buy? - Combien de livres est-ce que vous avez achetés ?"""
    verb = numbers.choice(lexicon.verbs()["object"])
    countable = [kind for kind in verb.objects if kind not in ("mass", "drink", "family")]
    if not countable:
        return counted(numbers)
    noun = numbers.choice(lexicon.nouns()[numbers.choice(countable)])
    subject = phrases.subject(numbers)
    tense = numbers.choice(("present", "stative past") if verb.stative else ("past", "future"))
    clause = Clause(subject=subject, verb=verb, manner=Manner(tense=tense), label="how many")
    clause.pairs.append(f"{verb.french} {noun.french[0]}")
    finite = clauses.french_verb(verb, subject, clause.manner, preceding=(noun.gender, True))
    english = ["how many", noun.english[1], *clause.english_words(inverted=True), verb.particle]
    how_many = ["combien", OF, noun.french[1], "est-ce", "que|qu'"]
    return patterns.sentence("counted", clause, english, [*how_many, subject.french, *finite], "?")
