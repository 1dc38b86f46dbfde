"""The streams of documents, and the tasks: the same meanings in the same order in each language."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from demo.texts.programs.families import FAMILIES
from demo.texts.programs.harness import steps_of, test_program
from demo.texts.programs.ir import Program
from demo.texts.programs.meaning import Family, Spec, split_of
from demo.texts.programs.printers import printer
from demo.texts.tasks import ProgramTask

SPLITS = ("train", "held-out")
# A family that gives nothing new this many times in a row has been told: it leaves the stream.
PATIENCE = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A program drawn from the stream, with its meaning."""

    family: Family
    spec: Spec
    program: Program


def programs(*, seed: int, split: str) -> Iterator[Drawn]:
    """Stream programs of one split; no documentation sentence comes twice.

    Raises ValueError for an unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; there are 'train' and 'held-out'.")
    rng = random.Random(f"programs {seed} {split}")
    told: set[int] = set()
    pool = list(FAMILIES)
    while pool:
        family = rng.choices(pool, [f.weight for f in pool])[0]
        drawn = _new(family, rng, split, told)
        if drawn is None:
            pool.remove(family)
        else:
            yield drawn


def _new(family: Family, rng: random.Random, split: str, told: set[int]) -> Drawn | None:
    """Draw a program of the family that has not been told yet; None if there seems to be none."""
    for _ in range(PATIENCE):
        spec = family.sample(rng)
        if split_of(family, spec) != split:
            continue
        program = family.build(spec, rng)
        mark = hash((program.name, program.doc))
        if mark not in told:
            told.add(mark)
            return Drawn(family=family, spec=spec, program=program)
    return None


def documents(language: str, *, seed: int, split: str) -> Iterator[str]:
    """Stream the documents of a language (python | java | cpp | javascript), no text twice.

    For one seed and split the four languages tell the same meanings in the same order. Raises
    ValueError for an unknown language or split.
    """
    printed = printer(language)
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; there are 'train' and 'held-out'.")
    return ("".join(printed.program(drawn.program)) for drawn in programs(seed=seed, split=split))


# What begins after the end of a document of the language.
STOPS = {
    "python": ("\ndef ", "\nclass ", "\n#", "\nif ", "\nprint"),
    "java": ("\n/**", "\npublic ", "\nclass "),
    "cpp": ("\n//", "\n#", "\nint ", "\nstd::", "\nbool ", "\nclass "),
    "javascript": ("\n/**", "\n//", "\nfunction ", "\nconst ", "\nclass "),
}


def tasks(
    language: str, *, count: int, seed: int = 0, split: str = "held-out"
) -> list[ProgramTask]:
    """Return `count` tasks, each of another meaning; equal meanings across the languages.

    Raises ValueError for an unknown language or split, or if there are not so many meanings.
    """
    printed = printer(language)
    found: dict[str, ProgramTask] = {}
    for drawn in programs(seed=seed, split=split):
        if len(found) == count:
            break
        task_id = f"{drawn.family.name}: {drawn.spec!r}"
        if task_id in found:
            continue
        prompt, solution = printed.program(drawn.program)
        steps = steps_of(drawn.program, drawn.spec, task_id)
        found[task_id] = ProgramTask(
            task_id=task_id,
            language=language,
            prompt=prompt,
            solution=solution,
            tests=test_program(language, drawn.program, steps),
            stop=STOPS[language],
        )
    if len(found) < count:
        raise ValueError(f"There are only {len(found)} meanings; ask for fewer than {count} tasks.")
    return list(found.values())
