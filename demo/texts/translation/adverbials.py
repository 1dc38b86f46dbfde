"""Where and when: adverbials of place and time in both languages."""

from __future__ import annotations

import random

from demo.texts.translation import lexicon
from demo.texts.translation.phrases import OF, noun_phrase

NEARBY = (
    ("in front of", "devant"),
    ("behind", "derrière"),
    ("near", f"près {OF}"),
    ("next to", f"à côté {OF}"),
)


INDOORS = ("kitchen", "bedroom", "bathroom", "living room", "cellar", "garage", "attic")
OUTDOORS = ("street", "park", "village", "garden", "garage")
INSIDE = {"furniture": INDOORS, "vehicle": OUTDOORS}  # other classes may be in any room


def where(numbers: random.Random, kind: str = "") -> tuple[str, str, str]:
    """A place adverbial for somebody or for a class of nouns: English, French, label."""
    if numbers.random() < (0.9 if kind == "furniture" else 0.5):
        rooms = lexicon.nouns()["room"]
        fitting = [
            room for room in rooms if room.english[0] in INSIDE.get(kind, (room.english[0],))
        ]
        noun = numbers.choice(fitting)
        place = noun_phrase(noun, numbers, determiner="the", is_plural=False, adjective_share=0.15)
        return f"in {place.english}", f"dans {place.french}", "in"
    noun = numbers.choice(lexicon.nouns()["place"])
    place = noun_phrase(noun, numbers, determiner="the", is_plural=False, adjective_share=0.1)
    in_english, in_french = numbers.choice(NEARBY)
    return f"{in_english} {place.english}", f"{in_french} {place.french}", in_english


TIMES = {
    "present": (
        ("every day", "tous les jours"),
        ("every morning", "tous les matins"),
        ("every evening", "tous les soirs"),
        ("on Mondays", "le lundi"),
        ("in summer", "en été"),
        ("in winter", "en hiver"),
        ("in the morning", "le matin"),
        ("after work", "après le travail"),
        ("today", "aujourd'hui"),
    ),
    "imparfait": (
        ("every day", "tous les jours"),
        ("in summer", "en été"),
        ("at that time", "à cette époque"),
        ("every Sunday", "tous les dimanches"),
    ),
    "past": (
        ("yesterday", "hier"),
        ("last week", "la semaine dernière"),
        ("last year", "l'année dernière"),
        ("this morning", "ce matin"),
        ("yesterday evening", "hier soir"),
        ("two days ago", "il y a deux jours"),
        ("on Monday", "lundi"),
        ("an hour ago", "il y a une heure"),
        ("last month", "le mois dernier"),
    ),
    "future": (
        ("tomorrow", "demain"),
        ("next week", "la semaine prochaine"),
        ("next year", "l'année prochaine"),
        ("tonight", "ce soir"),
        ("tomorrow morning", "demain matin"),
        ("in two days", "dans deux jours"),
        ("soon", "bientôt"),
        ("on Saturday", "samedi"),
        ("next month", "le mois prochain"),
    ),
    "now": (("now", "maintenant"), ("at the moment", "en ce moment")),
    "was doing": (
        ("at eight o'clock", "à *huit heures"),
        ("at noon", "à midi"),
        ("at that moment", "à ce moment-là"),
    ),
}
