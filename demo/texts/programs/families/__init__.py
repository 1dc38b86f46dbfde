"""All families of programs, by what they are about."""

from __future__ import annotations

from demo.texts.programs.families import (
    arranging,
    choices,
    letters,
    numbers,
    objects,
    pipelines,
    searching,
    tables,
    words,
)
from demo.texts.programs.meaning import Family

FAMILIES: tuple[Family, ...] = (
    *pipelines.FAMILIES,
    *letters.FAMILIES,
    *words.FAMILIES,
    *arranging.FAMILIES,
    *numbers.FAMILIES,
    *searching.FAMILIES,
    *choices.FAMILIES,
    *tables.FAMILIES,
    *objects.FAMILIES,
)
