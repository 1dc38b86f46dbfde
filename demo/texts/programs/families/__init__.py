"""All families of programs, by what they are about."""

from __future__ import annotations

from demo.texts.programs.families import (
    arranging,
    choices,
    devices,
    gathering,
    letters,
    lists,
    methods,
    numbers,
    objects,
    pipelines,
    searching,
    sentences,
    sorting,
    spelling,
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
    *spelling.FAMILIES,
    *sentences.FAMILIES,
    *sorting.FAMILIES,
    *methods.FAMILIES,
    *lists.FAMILIES,
    *gathering.FAMILIES,
    *devices.FAMILIES,
)
