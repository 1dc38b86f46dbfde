"""Conjugate French verbs: present, imparfait, futur simple and past participle."""

from __future__ import annotations

import functools

IMPARFAIT = ("ais", "ais", "ait", "ions", "iez", "aient")
FUTUR = ("ai", "as", "a", "ons", "ez", "ont")
VOWELS = "aeiouyâàéèêëîïôûùœ"

# infinitive ending: six forms of the present | stem of the imparfait | stem of the futur | participle.
# A tilde stands for what precedes the ending.
IRREGULAR = {
    "être": "suis es est sommes êtes sont|ét|ser|été",
    "avoir": "ai as a avons avez ont|av|aur|eu",
    "aller": "vais vas va allons allez vont|all|ir|allé",
    "faire": "~fais ~fais ~fait ~faisons ~faites ~font|~fais|~fer|~fait",
    "dire": "~dis ~dis ~dit ~disons ~dites ~disent|~dis|~dir|~dit",
    "lire": "~lis ~lis ~lit ~lisons ~lisez ~lisent|~lis|~lir|~lu",
    "rire": "~ris ~ris ~rit ~rions ~riez ~rient|~ri|~rir|~ri",
    "crire": "~cris ~cris ~crit ~crivons ~crivez ~crivent|~criv|~crir|~crit",
    "voir": "~vois ~vois ~voit ~voyons ~voyez ~voient|~voy|~verr|~vu",
    "savoir": "sais sais sait savons savez savent|sav|saur|su",
    "cevoir": "~çois ~çois ~çoit ~cevons ~cevez ~çoivent|~cev|~cevr|~çu",
    "pouvoir": "peux peux peut pouvons pouvez peuvent|pouv|pourr|pu",
    "vouloir": "veux veux veut voulons voulez veulent|voul|voudr|voulu",
    "devoir": "dois dois doit devons devez doivent|dev|devr|dû",
    "connaître": "connais connais connaît connaissons connaissez connaissent|connaiss|connaîtr|connu",
    "prendre": "~prends ~prends ~prend ~prenons ~prenez ~prennent|~pren|~prendr|~pris",
    "mettre": "~mets ~mets ~met ~mettons ~mettez ~mettent|~mett|~mettr|~mis",
    "venir": "~viens ~viens ~vient ~venons ~venez ~viennent|~ven|~viendr|~venu",
    "dormir": "dors dors dort dormons dormez dorment|dorm|dormir|dormi",
    "mentir": "mens mens ment mentons mentez mentent|ment|mentir|menti",
    "partir": "~pars ~pars ~part ~partons ~partez ~partent|~part|~partir|~parti",
    "sortir": "sors sors sort sortons sortez sortent|sort|sortir|sorti",
    "servir": "sers sers sert servons servez servent|serv|servir|servi",
    "courir": "cours cours court courons courez courent|cour|courr|couru",
    "ouvrir": "~ouvre ~ouvres ~ouvre ~ouvrons ~ouvrez ~ouvrent|~ouvr|~ouvrir|~ouvert",
    "offrir": "offre offres offre offrons offrez offrent|offr|offrir|offert",
    "boire": "bois bois boit buvons buvez boivent|buv|boir|bu",
    "croire": "crois crois croit croyons croyez croient|croy|croir|cru",
    "uire": "~uis ~uis ~uit ~uisons ~uisez ~uisent|~uis|~uir|~uit",
    "suivre": "~suis ~suis ~suit ~suivons ~suivez ~suivent|~suiv|~suivr|~suivi",
    "vivre": "vis vis vit vivons vivez vivent|viv|vivr|vécu",
    "eindre": "~eins ~eins ~eint ~eignons ~eignez ~eignent|~eign|~eindr|~eint",
    "coudre": "couds couds coud cousons cousez cousent|cous|coudr|cousu",
    "envoyer": "envoie envoies envoie envoyons envoyez envoient|envoy|enverr|envoyé",
    "jeter": "jette jettes jette jetons jetez jettent|jet|jetter|jeté",
    "appeler": "appelle appelles appelle appelons appelez appellent|appel|appeller|appelé",
}
# these endings are whole infinitives, and never the end of a longer one
WHOLE = frozenset(ending for ending, model in IRREGULAR.items() if "~" not in model)

# the passé composé of these is made with être
ETRE = frozenset(
    ("aller", "venir", "revenir", "arriver", "partir", "sortir", "tomber", "rester", "retourner")
)


class Forms:
    """The forms of one verb. Persons count from 0 (je) to 5 (ils)."""

    def __init__(
        self, present: tuple[str, ...], imparfait: str, futur: str, participle: str
    ) -> None:
        self.present = present
        self.imparfait = tuple(_soften(imparfait, ending) for ending in IMPARFAIT)
        self.futur = tuple(futur + ending for ending in FUTUR)
        self.participle = participle

    def tense(self, name: str) -> tuple[str, ...]:
        """The six forms of `present`, `imparfait` or `futur`."""
        forms: tuple[str, ...] = getattr(self, name)
        return forms


def _soften(stem: str, ending: str) -> str:
    """c and g keep their sound before a and o: commençais, mangeais, mangeons."""
    if ending[0] in "ao" and stem.endswith("c"):
        return f"{stem[:-1]}ç{ending}"
    if ending[0] in "ao" and stem.endswith("g"):
        return f"{stem}e{ending}"
    return stem + ending


def _strong_stem(stem: str) -> str:
    """The stem before a mute e: achet- achèt-, préfér- préfèr-, nettoy- nettoi-."""
    if stem.endswith(("oy", "uy", "ay")):
        return f"{stem[:-1]}i"
    place = len(stem) - 1
    while place > 0 and stem[place] not in VOWELS:
        place -= 1
    consonants = len(stem) - 1 - place
    if stem[place] in "eé" and consonants == 1:
        return f"{stem[:place]}è{stem[place + 1 :]}"
    return stem


def _first_group(infinitive: str) -> Forms:
    stem = infinitive.removesuffix("er")
    strong = _strong_stem(stem)
    endings = ("e", "es", "e", "ons", "ez", "ent")
    present = tuple(
        _soften(stem, ending) if ending in ("ons", "ez") else strong + ending for ending in endings
    )
    # an é of the stem stays in the futur (préférerai); a mute e and a y change there too
    futur = infinitive if "é" in stem[-2:] else f"{strong}er"
    return Forms(present, stem, futur, f"{stem}é")


def _irregular(infinitive: str) -> Forms | None:
    fitting = [
        ending
        for ending in IRREGULAR
        if infinitive == ending or (ending not in WHOLE and infinitive.endswith(ending))
    ]
    if not fitting:
        return None
    ending = max(fitting, key=len)
    model = IRREGULAR[ending].replace("~", infinitive.removesuffix(ending))
    present, imparfait, futur, participle = model.split("|")
    return Forms(tuple(present.split()), imparfait, futur, participle)


@functools.cache
def forms(infinitive: str) -> Forms:
    """Conjugate a verb by its infinitive; raises ValueError for one that no rule fits."""
    irregular = _irregular(infinitive)
    if irregular is not None:
        return irregular
    if infinitive.endswith("er"):
        return _first_group(infinitive)
    stem = infinitive[:-2]
    if infinitive.endswith("ir"):
        present = tuple(stem + e for e in ("is", "is", "it", "issons", "issez", "issent"))
        return Forms(present, f"{stem}iss", infinitive, f"{stem}i")
    if infinitive.endswith("re"):
        present = tuple(stem + e for e in ("s", "s", "", "ons", "ez", "ent"))
        return Forms(present, stem, f"{stem}r", f"{stem}u")
    raise ValueError(
        f"{infinitive!r} is not a French infinitive: it ends in neither er, ir nor re."
    )
