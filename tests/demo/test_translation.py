"""The French of the translation texts, against sentences written by hand."""

from __future__ import annotations

import random
import re

import pytest

from demo.texts import translation
from demo.texts.translation import (
    clauses,
    composed,
    conjugation,
    descriptions,
    lexicon,
    patterns,
    phrases,
    spelling,
)
from demo.texts.translation.clauses import Manner
from demo.texts.translation.lexicon import Adjective, Noun, Verb
from demo.texts.translation.patterns import Clause
from demo.texts.translation.phrases import Phrase

NUMBERS = random.Random(0)


def noun(english: str) -> Noun:
    found = [n for members in lexicon.nouns().values() for n in members if n.english[0] == english]
    return found[0]


def adjective(english: str) -> Adjective:
    return next(a for a in lexicon.adjectives() if a.english == english)


def verb(french: str, frame: str = "object") -> Verb:
    return next(v for v in lexicon.verbs()[frame] if v.french == french)


def phrase(words: str, *, owner: str = "") -> Phrase:
    """`the old house`, `some+ apple`: determiner, adjectives or none, noun; + is the plural."""
    determiner, _, rest = words.partition(" ")
    described = next((a for a in lexicon.adjectives() if rest.startswith(f"{a.english} ")), None)
    if described is not None:
        rest = rest.removeprefix(f"{described.english} ")
    return phrases.noun_phrase(
        noun(rest),
        random.Random(0),
        determiner=determiner.rstrip("+").replace("_", " "),
        is_plural=determiner.endswith("+"),
        owner=owner or "my",
        adjective=described,
        adjective_share=0 if described is None else 1,
    )


def pronoun(english: str) -> Phrase:
    return next(p for p in phrases.PRONOUNS if p.english == english)


def someone(english: str) -> Phrase:
    if english in {p.english for p in phrases.PRONOUNS}:
        return pronoun(english)
    if english in phrases.NAMES["f"] + phrases.NAMES["m"]:
        gender = "f" if english in phrases.NAMES["f"] else "m"
        return Phrase(english=english, french=english, gender=gender, person=2, label="name")
    return phrase(english)


def french(*tokens: str, end: str = ".") -> str:
    return spelling.french(tokens, end)


@pytest.mark.parametrize(
    ("words", "english", "expected"),
    [
        ("the house", "the house", "la maison"),
        ("the apple", "the apple", "la pomme"),
        ("the school", "the school", "l'école"),
        ("the man", "the man", "l'homme"),
        ("the hero", "the hero", "le héros"),
        ("the owl", "the owl", "le hibou"),
        ("the+ owl", "the owls", "les hiboux"),
        ("a orange", "an orange", "une orange"),
        ("a uniform", "a uniform", "un uniforme"),
        ("a university", "a university", "une université"),
        ("some bread", "some bread", "du pain"),
        ("some water", "some water", "de l'eau"),
        ("some meat", "some meat", "de la viande"),
        ("some+ apple", "some apples", "des pommes"),
        ("some+ beautiful flower", "some beautiful flowers", "de belles fleurs"),
        ("some+ red flower", "some red flowers", "des fleurs rouges"),
        ("some+ old tree", "some old trees", "de vieux arbres"),
        ("many+ bird", "many birds", "beaucoup d'oiseaux"),
        ("many+ hero", "many heroes", "beaucoup de héros"),
        ("all_the+ key", "all the keys", "toutes les clés"),
        ("all_the+ horse", "all the horses", "tous les chevaux"),
        ("this child", "this child", "cet enfant"),
        ("this hero", "this hero", "ce héros"),
        ("this hotel", "this hotel", "cet hôtel"),
        ("this car", "this car", "cette voiture"),
        ("these+ cake", "these cakes", "ces gâteaux"),
        ("the beautiful bird", "the beautiful bird", "le bel oiseau"),
        ("the beautiful hero", "the beautiful hero", "le beau héros"),
        ("a old friend", "an old friend", "un vieil ami"),
        ("a new hotel", "a new hotel", "un nouvel hôtel"),
        ("a new car", "a new car", "une nouvelle voiture"),
        ("the+ new hotel", "the new hotels", "les nouveaux hôtels"),
        ("the+ old house", "the old houses", "les vieilles maisons"),
        ("a white dress", "a white dress", "une robe blanche"),
        ("the long skirt", "the long skirt", "la longue jupe"),
        ("the+ fat mouse", "the fat mice", "les grosses souris"),
        ("the generous queen", "the generous queen", "la reine généreuse"),
        ("the light needle", "the light needle", "l'aiguille légère"),
        ("the+ Italian waitress", "the Italian waitresses", "les serveuses italiennes"),
        ("a purple dress", "a purple dress", "une robe violette"),
        ("a cheap jacket", "a cheap jacket", "une veste bon marché"),
    ],
)
def test_noun_phrases(words: str, english: str, expected: str) -> None:
    made = phrase(words)
    assert made.english == english
    assert french(made.french)[:-1] == expected[0].upper() + expected[1:]


@pytest.mark.parametrize(
    ("owner", "words", "expected"),
    [
        ("my", "possessive sister", "Ma sœur"),
        ("my", "possessive friend", "Mon ami"),
        ("my", "possessive school", "Mon école"),
        ("her", "possessive watch", "Sa montre"),
        ("his", "possessive plate", "Son assiette"),
        ("his", "possessive axe", "Sa hache"),
        ("my", "possessive new school", "Ma nouvelle école"),
        ("our", "possessive+ horse", "Nos chevaux"),
        ("their", "possessive+ knife", "Leurs couteaux"),
        ("your", "possessive house", "Votre maison"),
    ],
)
def test_possessives(owner: str, words: str, expected: str) -> None:
    assert french(phrase(words, owner=owner).french)[:-1] == expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (("il", "va", "à", phrases.THE, "marché"), "Il va au marché."),
        (("il", "va", "à", phrases.THE, "hôpital"), "Il va à l'hôpital."),
        (("il", "parle", "à", "les", "enfants"), "Il parle aux enfants."),
        (("il", "vient", phrases.OF, phrases.THE, "cinéma"), "Il vient du cinéma."),
        (("il", "vient", phrases.OF, phrases.THE_F, "école"), "Il vient de l'école."),
        (("il", "rêve", phrases.OF, "les", "îles"), "Il rêve des îles."),
        (("il", "essaie", phrases.OF, "le~|l'", "voir"), "Il essaie de le voir."),
        (("il", "commence", "à", "les~", "lire"), "Il commence à les lire."),
        (("je|j'", "aime", "ce|cet", "*hibou"), "J'aime ce hibou."),
        (("je|j'", "ne|n'", "y", "vais", "pas"), "Je n'y vais pas."),
        (("maman ,", "est-ce", "que|qu'", "elle", "chante"), "Maman, est-ce qu'elle chante."),
        (("jusque|jusqu'", "à", phrases.THE, "lac"), "Jusqu'au lac."),
    ],
)
def test_elision_and_contraction(tokens: tuple[str, ...], expected: str) -> None:
    assert french(*tokens) == expected


def test_french_puts_a_space_before_question_and_exclamation_marks() -> None:
    assert french("elle", "chante", end="?") == "Elle chante ?"
    assert french("chantez", end="!") == "Chantez !"
    assert french("elle", "chante") == "Elle chante."


@pytest.mark.parametrize(
    ("infinitive", "present", "imparfait", "futur", "participle"),
    [
        ("être", "suis es est sommes êtes sont", "étais", "serai", "été"),
        ("avoir", "ai as a avons avez ont", "avais", "aurai", "eu"),
        ("aller", "vais vas va allons allez vont", "allais", "irai", "allé"),
        ("manger", "mange manges mange mangeons mangez mangent", "mangeais", "mangerai", "mangé"),
        ("commencer", "commence commences commence commençons commencez commencent", "commençais", "commencerai", "commencé"),
        ("acheter", "achète achètes achète achetons achetez achètent", "achetais", "achèterai", "acheté"),
        ("appeler", "appelle appelles appelle appelons appelez appellent", "appelais", "appellerai", "appelé"),
        ("jeter", "jette jettes jette jetons jetez jettent", "jetais", "jetterai", "jeté"),
        ("préférer", "préfère préfères préfère préférons préférez préfèrent", "préférais", "préférerai", "préféré"),
        ("espérer", "espère espères espère espérons espérez espèrent", "espérais", "espérerai", "espéré"),
        ("protéger", "protège protèges protège protégeons protégez protègent", "protégeais", "protégerai", "protégé"),
        ("lever", "lève lèves lève levons levez lèvent", "levais", "lèverai", "levé"),
        ("nettoyer", "nettoie nettoies nettoie nettoyons nettoyez nettoient", "nettoyais", "nettoierai", "nettoyé"),
        ("payer", "paie paies paie payons payez paient", "payais", "paierai", "payé"),
        ("envoyer", "envoie envoies envoie envoyons envoyez envoient", "envoyais", "enverrai", "envoyé"),
        ("étudier", "étudie étudies étudie étudions étudiez étudient", "étudiais", "étudierai", "étudié"),
        ("chercher", "cherche cherches cherche cherchons cherchez cherchent", "cherchais", "chercherai", "cherché"),
        ("finir", "finis finis finit finissons finissez finissent", "finissais", "finirai", "fini"),
        ("obéir", "obéis obéis obéit obéissons obéissez obéissent", "obéissais", "obéirai", "obéi"),
        ("vendre", "vends vends vend vendons vendez vendent", "vendais", "vendrai", "vendu"),
        ("prendre", "prends prends prend prenons prenez prennent", "prenais", "prendrai", "pris"),
        ("comprendre", "comprends comprends comprend comprenons comprenez comprennent", "comprenais", "comprendrai", "compris"),
        ("mettre", "mets mets met mettons mettez mettent", "mettais", "mettrai", "mis"),
        ("venir", "viens viens vient venons venez viennent", "venais", "viendrai", "venu"),
        ("partir", "pars pars part partons partez partent", "partais", "partirai", "parti"),
        ("ouvrir", "ouvre ouvres ouvre ouvrons ouvrez ouvrent", "ouvrais", "ouvrirai", "ouvert"),
        ("courir", "cours cours court courons courez courent", "courais", "courrai", "couru"),
        ("faire", "fais fais fait faisons faites font", "faisais", "ferai", "fait"),
        ("dire", "dis dis dit disons dites disent", "disais", "dirai", "dit"),
        ("lire", "lis lis lit lisons lisez lisent", "lisais", "lirai", "lu"),
        ("écrire", "écris écris écrit écrivons écrivez écrivent", "écrivais", "écrirai", "écrit"),
        ("décrire", "décris décris décrit décrivons décrivez décrivent", "décrivais", "décrirai", "décrit"),
        ("sourire", "souris souris sourit sourions souriez sourient", "souriais", "sourirai", "souri"),
        ("voir", "vois vois voit voyons voyez voient", "voyais", "verrai", "vu"),
        ("boire", "bois bois boit buvons buvez boivent", "buvais", "boirai", "bu"),
        ("recevoir", "reçois reçois reçoit recevons recevez reçoivent", "recevais", "recevrai", "reçu"),
        ("pouvoir", "peux peux peut pouvons pouvez peuvent", "pouvais", "pourrai", "pu"),
        ("vouloir", "veux veux veut voulons voulez veulent", "voulais", "voudrai", "voulu"),
        ("devoir", "dois dois doit devons devez doivent", "devais", "devrai", "dû"),
        ("connaître", "connais connais connaît connaissons connaissez connaissent", "connaissais", "connaîtrai", "connu"),
        ("conduire", "conduis conduis conduit conduisons conduisez conduisent", "conduisais", "conduirai", "conduit"),
        ("suivre", "suis suis suit suivons suivez suivent", "suivais", "suivrai", "suivi"),
        ("poursuivre", "poursuis poursuis poursuit poursuivons poursuivez poursuivent", "poursuivais", "poursuivrai", "poursuivi"),
        ("peindre", "peins peins peint peignons peignez peignent", "peignais", "peindrai", "peint"),
        ("coudre", "couds couds coud cousons cousez cousent", "cousais", "coudrai", "cousu"),
        ("entendre", "entends entends entend entendons entendez entendent", "entendais", "entendrai", "entendu"),
        ("servir", "sers sers sert servons servez servent", "servais", "servirai", "servi"),
        ("posséder", "possède possèdes possède possédons possédez possèdent", "possédais", "posséderai", "possédé"),
    ],
)  # fmt: skip
def test_conjugation(
    infinitive: str, present: str, imparfait: str, futur: str, participle: str
) -> None:
    forms = conjugation.forms(infinitive)
    assert " ".join(forms.present) == present
    assert forms.imparfait[0] == imparfait
    assert forms.futur[0] == futur
    assert forms.participle == participle


def test_imparfait_and_futur_in_all_persons() -> None:
    assert conjugation.forms("manger").imparfait == (
        *("mangeais", "mangeais", "mangeait"),
        *("mangions", "mangiez", "mangeaient"),
    )
    assert conjugation.forms("venir").futur == (
        *("viendrai", "viendras", "viendra"),
        *("viendrons", "viendrez", "viendront"),
    )


def test_no_verb_without_a_known_ending() -> None:
    with pytest.raises(ValueError, match="not a French infinitive"):
        conjugation.forms("maison")


def clause_of(
    who: str, what: Verb, tense: str, thing: str = "", polarity: str = "", frequency: str = ""
) -> Clause:
    manner = Manner(tense=tense, polarity=polarity, frequency=frequency)
    clause = Clause(subject=someone(who), verb=what, manner=manner)
    clause.english.append(what.particle)
    if thing:
        said = clauses.object_words(phrase(thing), manner)
        clause.english.append(said[0])
        clause.french.append(said[1])
    return clause


@pytest.mark.parametrize(
    ("clause", "english", "expected"),
    [
        (clause_of("Marie", verb("acheter"), "present", "a hat"), "Marie buys a hat.", "Marie achète un chapeau."),
        (clause_of("Marie", verb("acheter"), "present", "a hat", "not"), "Marie does not buy a hat.", "Marie n'achète pas de chapeau."),
        (clause_of("he", verb("manger"), "present", "some bread", "never"), "He never eats any bread.", "Il ne mange jamais de pain."),
        (clause_of("she", verb("boire"), "present", "some water", "no longer"), "She no longer drinks any water.", "Elle ne boit plus d'eau."),
        (clause_of("I", verb("aimer"), "present", "the cat"), "I love the cat.", "J'aime le chat."),
        (clause_of("I", verb("aimer"), "stative past", "the cat", "not"), "I did not love the cat.", "Je n'aimais pas le chat."),
        (clause_of("we", verb("manger"), "now", "the cake"), "We are eating the cake.", "Nous mangeons le gâteau."),
        (clause_of("they", verb("lire"), "was doing", "this newspaper"), "They were reading this newspaper.", "Ils lisaient ce journal."),
        (clause_of("you", verb("écrire"), "future", "a letter"), "You will write a letter.", "Vous écrirez une lettre."),
        (clause_of("you", verb("ouvrir"), "going to", "the door", "not"), "You are not going to open the door.", "Vous n'allez pas ouvrir la porte."),
        (clause_of("she", verb("voir"), "past", "the island"), "She saw the island.", "Elle a vu l'île."),
        (clause_of("she", verb("voir"), "past", "the island", "not"), "She did not see the island.", "Elle n'a pas vu l'île."),
        (clause_of("she", verb("lire"), "perfect", "the novel"), "She has already read the novel.", "Elle a déjà lu le roman."),
        (clause_of("the+ girl", verb("arriver", "none"), "past"), "The girls arrived.", "Les filles sont arrivées."),
        (clause_of("Marie", verb("partir", "none"), "past"), "Marie left.", "Marie est partie."),
        (clause_of("he", verb("tomber", "none"), "past", "", "not"), "He did not fall.", "Il n'est pas tombé."),
        (clause_of("we", verb("sortir", "none"), "past"), "We went out.", "Nous sommes sortis."),
        (clause_of("the woman", verb("lever", "reflexive"), "past"), "The woman got up.", "La femme s'est levée."),
        (clause_of("I", verb("amuser", "reflexive"), "present", "", "not"), "I do not have fun.", "Je ne m'amuse pas."),
        (clause_of("we", verb("dépêcher", "reflexive"), "present"), "We hurry.", "Nous nous dépêchons."),
        (clause_of("she", verb("habiller", "reflexive"), "going to"), "She is going to get dressed.", "Elle va s'habiller."),
        (clause_of("he", verb("nager", "none"), "used to"), "He used to swim.", "Il nageait."),
        (clause_of("he", verb("nager", "none"), "present", "", "", "often"), "He often swims.", "Il nage souvent."),
        (clause_of("the child", verb("pleurer", "none"), "now"), "The child is crying.", "L'enfant pleure."),
        (clause_of("they", verb("jeter"), "past", "the+ coin"), "They threw away the coins.", "Ils ont jeté les pièces."),
        (clause_of("Paul", verb("avoir"), "present", "a bicycle"), "Paul has a bicycle.", "Paul a un vélo."),
        (clause_of("Paul", verb("avoir"), "present", "a bicycle", "not"), "Paul does not have a bicycle.", "Paul n'a pas de vélo."),
    ],
)  # fmt: skip
def test_clauses(clause: Clause, english: str, expected: str) -> None:
    assert spelling.english(clause.english_words(), ".") == english
    assert spelling.french(clause.french_words(), ".") == expected


@pytest.mark.parametrize(
    ("who", "tense", "polarity", "english", "french_start"),
    [
        ("she", "present", "", "Does she read", "Est-ce qu'elle lit"),
        ("you", "past", "not", "Did you not read", "Est-ce que vous n'avez pas lu"),
        ("the+ child", "now", "", "Are the children reading", "Est-ce que les enfants lisent"),
        ("he", "future", "", "Will he read", "Est-ce qu'il lira"),
        ("they", "going to", "", "Are they going to read", "Est-ce qu'ils vont lire"),
    ],
)
def test_questions(who: str, tense: str, polarity: str, english: str, french_start: str) -> None:
    clause = clause_of(who, verb("lire"), tense, "", polarity)
    assert spelling.english(clause.english_words(inverted=True), "?") == f"{english}?"
    words = ["est-ce", "que|qu'", *clause.french_words()]
    assert spelling.french(words, "?") == f"{french_start} ?"


@pytest.mark.parametrize(
    ("who", "french_verb", "tense", "clitic", "preceding", "polarity", "expected"),
    [
        ("I", "voir", "present", "la~|l'", ("f", False), "", "Je la vois."),
        ("I", "voir", "past", "la~|l'", ("f", False), "", "Je l'ai vue."),
        ("she", "inviter", "past", "les~", ("m", True), "not", "Elle ne les a pas invités."),
        ("he", "prendre", "past", "les~", ("f", True), "", "Il les a prises."),
        ("he", "prendre", "past", "les~", ("m", True), "", "Il les a pris."),
        ("they", "attendre", "future", "me|m'", ("m", False), "", "Ils m'attendront."),
        ("we", "aider", "going to", "le~|l'", ("m", False), "not", "Nous n'allons pas l'aider."),
        ("you", "saluer", "present", "nous", ("m", True), "", "Vous nous saluez."),
    ],
)
def test_object_pronouns_and_the_agreement_of_the_participle(
    who: str,
    french_verb: str,
    tense: str,
    clitic: str,
    preceding: tuple[str, bool],
    polarity: str,
    expected: str,
) -> None:
    subject = someone(who)
    manner = Manner(tense=tense, polarity=polarity)
    words = clauses.french_verb(
        verb(french_verb), subject, manner, clitics=[clitic], preceding=preceding
    )
    assert french(subject.french, *words) == expected


def test_the_participle_does_not_agree_with_an_indirect_pronoun() -> None:
    manner = Manner(tense="past")
    words = clauses.french_verb(verb("téléphoner", "à"), someone("he"), manner, clitics=["lui"])
    assert french("il", *words) == "Il lui a téléphoné."


def sentences(count: int = 6000) -> list[tuple[str, str]]:
    tasks = translation.tasks(count=count, split="train")
    pairs = []
    for task in tasks:
        english = task.prompt.removeprefix("English: ").removesuffix("\nFrench:")
        pairs.append((english, task.reference.strip()))
    return pairs


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    return sentences()


@pytest.mark.parametrize(
    "wrong",
    [
        r"\b(le|la|je|me|se|ne|que|de|ce) [aeiouâàéèêëîïôûùœAEIOU]",  # no elision
        r"\b(à|de) les?\b",  # no contraction
        r"\b(le|la|de|ne|que|ce) h(?!éros|ibou|ache|aricot|uit)",  # a mute h elides
        r"\b([dlnj]|qu)'h(éros|ibou|ache|aricot|uit)",  # an aspirated h does not
        r"\b(beau|nouveau) [aeiouéêâîœ]",
        r"\b(ma|ta|sa) [aeiouéêâîœ]",
        r"[|*~_{}]",  # marks of the grammar
        r"\b(de) (des|du|de)\b",
        r"\b[dlnj]'[bcdfgjklmnpqrstvwxz]",  # elision before a consonant
        r" ,|\.\.|  ",
        r"\b[mts]e (me|te|se|nous|vous)\b",
    ],
)
def test_no_sentence_shows_a_known_mistake(pairs: list[tuple[str, str]], wrong: str) -> None:
    bad = [said for _, said in pairs if re.search(wrong, said)]
    assert not bad, bad[:5]


def test_both_sentences_end_alike(pairs: list[tuple[str, str]]) -> None:
    for english, said in pairs:
        assert english[-1] == said[-1] in ".?!"
        assert (said[-2] == " ") == (said[-1] in "?!")
        assert english[0].isupper()
        assert said[0].isupper()


def test_one_english_sentence_has_one_translation() -> None:
    french_of: dict[str, set[str]] = {}
    for english, said in sentences(20000):
        french_of.setdefault(english, set()).add(said)
    assert all(len(said) == 1 for said in french_of.values())


def test_the_lexicon_is_large_and_its_verbs_conjugate() -> None:
    nouns = {n.french[0] for members in lexicon.nouns().values() for n in members}
    verbs = {v.french for members in lexicon.verbs().values() for v in members}
    assert len(nouns) >= 250
    assert len(verbs) >= 120
    assert len(lexicon.adjectives()) >= 80
    for infinitive in verbs:
        assert len(conjugation.forms(infinitive).present) == 6


def test_every_class_of_objects_has_nouns() -> None:
    for members in lexicon.verbs().values():
        for v in members:
            assert all(lexicon.nouns()[kind] for kind in v.objects), v


def test_every_described_class_has_adjectives() -> None:
    for kind in lexicon.nouns():
        assert lexicon.fitting_adjectives(kind), kind


def test_held_out_patterns_and_pairs_never_occur_in_train() -> None:
    numbers = random.Random(2)
    drawn = [
        make(numbers) for make in (patterns.statement, composed.linked, descriptions.quality)
        for _ in range(1500)
    ]  # fmt: skip
    train = [s for s in drawn if not translation.is_held_out(s)]
    held_out = [s for s in drawn if translation.is_held_out(s)]
    seen_patterns, seen_pairs = {s.pattern for s in train}, {p for s in train for p in s.pairs}
    for sentence in held_out:
        assert sentence.pattern not in seen_patterns or not set(sentence.pairs) <= seen_pairs
    assert 0.1 < len(held_out) / len(drawn) < 0.5


@pytest.mark.parametrize("pattern", translation.PATTERNS, ids=lambda p: p.__name__)
def test_every_pattern_makes_sentences_of_both_splits(pattern: patterns.Pattern) -> None:
    numbers = random.Random(9)
    made = [pattern(numbers) for _ in range(400)]
    assert len({sentence.english for sentence in made}) > 40
    assert {translation.is_held_out(sentence) for sentence in made} == {True, False}
