"""The tables of facts and the relations between them, read once from the text files beside."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass
from importlib import resources

FACT_FILES = ("living.txt", "things.txt", "world.txt")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One entity, one relation, the value that is asked for, and values that are true as well."""

    group: str
    relation: str
    entity: str
    value: str
    also: frozenset[str]
    bare: bool  # the entity takes no article

    @property
    def column(self) -> str:
        """The name of the table's column: what facts can be compared with this one."""
        return f"{self.group}.{self.relation}"

    def allows(self, value: str) -> bool:
        """Whether a value is true of the entity, as far as the tables know."""
        return value == self.value or value in self.also


@dataclass(frozen=True, kw_only=True)
class Relation:
    """How one relation is said, asked in both directions and compared."""

    say: tuple[str, ...]
    ask: tuple[str, ...]
    find: tuple[str, ...]
    most: tuple[str, ...]
    least: tuple[str, ...]
    clashes: frozenset[frozenset[str]]  # pairs of values that may both be true of one entity

    def clash(self, one: str, other: str) -> bool:
        """Whether two values are too close for one to be certainly wrong where the other is right."""
        return frozenset((one, other)) in self.clashes


def _read(name: str) -> list[str]:
    text = resources.files("demo.texts.commonsense").joinpath(name).read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")]


def _fact(group: str, relation: str, entity: str, cell: str) -> Fact:
    value, _, also = cell.partition(" / ")
    return Fact(
        group=group,
        relation=relation,
        entity=entity.removesuffix("*"),
        value=value.strip(),
        also=frozenset(other.strip() for other in also.split(",") if other.strip()),
        bare=entity.endswith("*"),
    )


@functools.cache
def facts() -> tuple[Fact, ...]:
    """Every fact of the tables, in their order."""
    found: list[Fact] = []
    for name in FACT_FILES:
        group, relations = "", [""]
        for line in _read(name):
            if line.startswith("== "):
                group, *relations = _cells(line[3:])
                continue
            entity, *cells = _cells(line)
            if len(cells) != len(relations):
                raise ValueError(f"The row {line!r} of {name} must have {len(relations)} values.")
            pairs = zip(relations, cells, strict=True)
            found += [_fact(group, rel, entity, cell) for rel, cell in pairs if cell != "-"]
    return tuple(found)


def _relation(lines: list[str]) -> Relation:
    wordings: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for line in lines:
        key, _, text = line.partition(": ")
        wordings[key] = tuple(_cells(text))
    clashes = {
        frozenset((one, other))
        for together in wordings["clash"]
        for one in together.split(", ")
        for other in together.split(", ")
        if one != other
    }
    return Relation(
        say=wordings["say"],
        ask=wordings["ask"],
        find=wordings["find"],
        most=wordings["compare"],
        least=wordings["compare least"],
        clashes=frozenset(clashes),
    )


@functools.cache
def _relations() -> tuple[dict[str, Relation], frozenset[str]]:
    blocks: dict[str, list[str]] = {}
    mass, current = frozenset[str](), ""
    for line in _read("relations.txt"):
        if line.startswith("mass: "):
            mass = frozenset(line.removeprefix("mass: ").split(", "))
        elif line.startswith("["):
            current = line.strip("[]")
            blocks[current] = []
        else:
            blocks[current].append(line)
    return {name: _relation(lines) for name, lines in blocks.items()}, mass


def relation(fact: Fact) -> Relation:
    """How the relation of a fact is worded; raises KeyError if the tables have none for it."""
    known, _ = _relations()
    return known[fact.column] if fact.column in known else known[fact.relation]


def with_article(words: str) -> str:
    """`a` or `an` before the words, unless they are a mass noun that takes none."""
    _, mass = _relations()
    if words in mass:
        return words
    vowel = words[0].lower() in "aeiou" and not words.startswith(("uni", "use", "one", "eu"))
    return f"{'an' if vowel or words.startswith('hour') else 'a'} {words}"


def named(fact: Fact) -> str:
    """The entity of a fact as a sentence names it: with its article, if it takes one."""
    return fact.entity if fact.bare else with_article(fact.entity)


@functools.cache
def columns() -> dict[str, tuple[Fact, ...]]:
    """The facts of each column."""
    gathered: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts():
        gathered[fact.column].append(fact)
    return {name: tuple(members) for name, members in gathered.items()}


@functools.cache
def entities() -> dict[tuple[str, str], tuple[Fact, ...]]:
    """The facts about each (group, entity)."""
    gathered: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts():
        gathered[fact.group, fact.entity].append(fact)
    return {name: tuple(members) for name, members in gathered.items()}
