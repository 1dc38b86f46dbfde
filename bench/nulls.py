"""`python -m bench nulls`: how often the test of evidence errs, by kind of null, and what it finds.

The demo model is calibrated once in many small groups of documents. Domains are then made from these
stored sums, two draws of one text at a time, some of them drawn as they should not be; the test is
asked whether they differ. Beside it stands what shuffling the groups as they are would say.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.comparisons import Comparison, EvidenceSpec, join
from analysis.evidence.design import UNKNOWN, Origins, design
from analysis.evidence.resampling import SampledRows, sample_rows
from analysis.evidence.yardsticks import yardsticks
from bench.measuring import add_results, machine, result, timed
from demo.texts import documents
from pruning.commands.console import Answer
from pruning.progress import Meter, Report
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec

Float = NDArray[np.float64]
FINE, LENGTH = 256, 128  # small groups of a text, and tokens in each
GROUPS = 16  # of each domain that is made
SHARED = 0.7  # of a record's tokens that come from its source
DOSES = (0.02, 0.05, 0.1, 0.2)  # of the other text mixed in
CLEAR = 0.05


@dataclass(frozen=True, kw_only=True)
class Domain:
    """How a domain is put together: members (groups, FINE) of the small groups of each text."""

    members: Mapping[str, Float]
    origins: Origins = UNKNOWN


Pair = tuple[Domain, Domain]
Kind = Callable[[np.random.Generator], Pair]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `nulls`."""
    parser.add_argument("--draws", type=int, default=100, help="of each kind (default: 100)")
    parser.add_argument("--fine", type=int, default=FINE, help=argparse.SUPPRESS)
    add_results(parser)
    parser.set_defaults(command=nulls)


def nulls(arguments: argparse.Namespace, report: Report) -> Answer:
    """Calibrate in a workspace that is thrown away, then ask again and again."""
    arguments.machine = machine()
    with tempfile.TemporaryDirectory() as folder:
        run = _calibrated(Path(folder), arguments.fine)
        started = time.monotonic()
        bench = Bench(run)
        kinds = kinds_of(arguments.fine)
        meter = Meter(report, "Testing", arguments.draws * len(kinds))
        lines = []
        for number, (name, kind) in enumerate(kinds.items()):
            found = []
            for draw in range(arguments.draws):
                found.append(bench.ask(kind, np.random.default_rng([number, draw])))
                meter.step(name)
            lines.append(_line(name, np.array(found)))
        seconds = time.monotonic() - started
    header = f"{'':58}{'as now':>9}{'groups as they are':>21}"
    text = [
        f"demo model, layers 0 and 1, Python and Java in {arguments.fine} groups of {LENGTH} tokens each; domains of "
        f"{GROUPS} groups made from these, {arguments.draws} pairs of each kind",
        f"how many have p <= {CLEAR:g} (50% sparsity, 99 permutations, 2 rows of each matrix)",
        "",
        header,
        *lines,
        "",
        f"{seconds:.0f} s after calibration",
    ]
    return result(arguments, "nulls", "python -m bench nulls", text)


def _calibrated(folder: Path, fine: int) -> Run:
    """Python, Java, and the beginnings of Python's documents, each in `fine` groups."""
    beginnings = folder / "beginnings.jsonl"
    with beginnings.open("w", encoding="utf-8") as file:
        for document, _ in zip(documents("python"), range(8 * fine), strict=False):
            file.write(json.dumps({"text": document[: len(document) // 5]}) + "\n")
    domains = ("python", "java", f"beginnings={beginnings}::text")
    text = ["--num-samples", str(fine), "--seq-len", str(LENGTH), "--groups", str(fine)]
    text += ["--layers", "0-1"]  # text leaves the model there, so that calibration takes minutes
    asked = ["--model", "demo", *text, "--workspace", str(folder), "--json"]
    asked += [word for name in domains for word in ("--domain", name)]
    done = timed(["pruning", "calibrate", *asked])
    return Workspace(folder).run(json.loads(done.output)["run"])


def _line(name: str, found: NDArray[np.bool_]) -> str:
    now, before = found.sum(axis=0)
    return f"{name:58}{now:>4} of {len(found):<3}{before:>12} of {len(found)}"


class Bench:
    """The stored sums of one run, and the rows that masks are made of."""

    def __init__(self, run: Run) -> None:
        self._stats = {domain: run.stats(domain) for domain in run.domains}
        self._rows: list[SampledRows] = list(sample_rows(run, run.weights, 2, 0))

    def ask(self, kind: Kind, random: np.random.Generator) -> tuple[bool, bool]:
        """Whether the test says that a pair differs, and whether it would with plain groups."""
        first, second = kind(random)
        stats = {"a": self._made(first), "b": self._made(second)}
        spec = EvidenceSpec(
            splits=1, permutations=99, bootstraps=2, seed=int(random.integers(1 << 30))
        )
        comparison = Comparison(stats, spec, {"a": first.origins, "b": second.origins})
        now = self._p(comparison)
        groups = np.ones(GROUPS)
        comparison.designs[0, 1] = design(groups, groups, spec.permutations, random)
        return now <= CLEAR, self._p(comparison) <= CLEAR

    def _made(self, domain: Domain) -> ChannelStats:
        """The sums of a domain that is put together."""
        parts = [
            (members, self._stats[name].sum_sq, self._stats[name].tokens)
            for name, members in domain.members.items()
        ]
        return ChannelStats(
            sum_sq={
                key: np.sum([members @ sums[key] for members, sums, _ in parts], axis=0)
                for key in parts[0][1]
            },
            tokens={
                key: np.rint(
                    np.sum([members @ tokens[key] for members, _, tokens in parts], axis=0)
                ).astype(np.int64)
                for key in parts[0][2]
            },
        )

    def _p(self, comparison: Comparison) -> float:
        counts = join([comparison.count(rows, PruneSpec()) for rows in self._rows])
        parts = np.full(len(self._rows), "whole model")
        return yardsticks(parts, counts, 0, 0, 1)[0].p


def kinds_of(fine: int) -> dict[str, Kind]:
    """Name -> how a pair of domains is made: nulls first, then planted differences."""
    return {
        "null: equal draws": lambda r: equal(r, fine),
        "null: one with a fifth of the text": lambda r: unequal(r, fine),
        "null: each document 4 times, dealt singly": lambda r: repeated(r, fine, 4),
        "null: each document 8 times, dealt singly": lambda r: repeated(r, fine, 8),
        "null: 5 sources a domain, records dealt singly": lambda r: clustered(r, fine, 5),
        "null: 16 sources a domain, each in one group": lambda r: clustered(r, fine, GROUPS),
        "null: the same problems in both": lambda r: blocked(r, fine),
        "whole documents, and beginnings of documents": lambda r: equal(r, fine, "beginnings"),
        **{
            f"planted: {dose:.0%} of Java's text in the second": partial(
                mixed, fine=fine, dose=dose
            )
            for dose in DOSES
        },
        **{
            f"planted: {dose:.0%} of Java's text, the same problems": partial(
                blocked, fine=fine, dose=dose
            )
            for dose in DOSES
        },
    }


def equal(random: np.random.Generator, fine: int, other: str = "python") -> Pair:
    """Two draws of equally many documents."""
    drawn = iter(random.permutation(fine))
    first, second = _groups(drawn, fine, 4), _groups(drawn, fine, 4)
    return Domain(members={"python": first}), Domain(members={other: second})


def unequal(random: np.random.Generator, fine: int) -> Pair:
    """Two draws, one of a fifth of the other's text."""
    drawn = iter(random.permutation(fine))
    first, second = _groups(drawn, fine, 5), _groups(drawn, fine, 1)
    return Domain(members={"python": first}), Domain(members={"python": second})


def repeated(random: np.random.Generator, fine: int, times: int) -> Pair:
    """Two draws of documents that come several times, in any groups."""
    order = random.permutation(fine)
    sides = []
    for _ in range(2):
        slots = 8 * GROUPS
        distinct, order = order[: slots // times], order[slots // times :]
        dealt = random.permutation(np.repeat(distinct, times)).reshape(GROUPS, -1)
        members = np.stack([np.bincount(group, minlength=fine) for group in dealt]).astype(float)
        clusters = tuple(frozenset(group.tolist()) for group in dealt)
        sides.append(Domain(members={"python": members}, origins=Origins(clusters=clusters)))
    return sides[0], sides[1]


def clustered(random: np.random.Generator, fine: int, sources: int) -> Pair:
    """Records that share most of their text's character with their source.

    As many sources as groups are dealt whole; fewer are cut into records, dealt singly.
    """
    order = random.permutation(fine)
    sides = []
    for _ in range(2):
        chosen, order = order[:sources], order[sources:]
        own, order = order[: 6 * GROUPS].reshape(GROUPS, 6), order[6 * GROUPS :]
        members = np.zeros((GROUPS, fine))
        clusters = []
        for group in range(GROUPS):
            whole = sources == GROUPS
            of = np.full(6, chosen[group]) if whole else random.choice(chosen, 6)
            np.add.at(members[group], of, SHARED)
            members[group, own[group]] += 1 - SHARED
            clusters.append(frozenset(of.tolist()))
        origins = Origins(clusters=tuple(clusters))
        sides.append(Domain(members={"python": members}, origins=origins))
    return sides[0], sides[1]


def blocked(random: np.random.Generator, fine: int, dose: float = 0.0) -> Pair:
    """Both domains treat the same problems, a group of one those of the same group of the other."""
    drawn = iter(random.permutation(fine))
    shared = SHARED * _groups(drawn, fine, 4)
    problems = Origins(problems=tuple(frozenset({group}) for group in range(GROUPS)))
    first, second = (shared + (1 - SHARED) * _groups(drawn, fine, 4) for _ in range(2))
    other = dose * _groups(drawn, fine, 4)
    members = {"python": (1 - dose) * second, "java": other} if dose else {"python": second}
    return (
        Domain(members={"python": first}, origins=problems),
        Domain(members=members, origins=problems),
    )


def mixed(random: np.random.Generator, fine: int, dose: float) -> Pair:
    """Two equal draws, with some of another text in the second."""
    first, second = equal(random, fine)
    other = dose * _groups(iter(random.permutation(fine)), fine, 4)
    members = {"python": (1 - dose) * second.members["python"], "java": other}
    return first, Domain(members=members)


def _groups(drawn: Iterator[np.int64], fine: int, each: int) -> Float:
    """The next small groups, `each` of them in every group: (GROUPS, fine)."""
    members = np.zeros((GROUPS, fine))
    for group in range(GROUPS):
        for _ in range(each):
            members[group, next(drawn)] = 1
    return members
