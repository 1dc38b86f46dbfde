"""`python -m bench pages`: how long the app's pages take on a run of a large model's shape.

The run is made of random numbers (`bench.overlaps`), and what its pages look up is counted by the
commands that the app's own buttons start. Then a visitor without a browser (`bench.visitors`) opens
each page of a server that was just started, and of one that has been up for a while, and changes a
choice there. Evaluate, Cause, Playground and Savings need a model that answers; they are seen as
they are before anything was measured.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import Timed, add_results, machine, result, timed
from bench.overlaps import NAMES, RUN, SHAPES, Shape, make_run
from bench.visitors import Drawn, Server, Visitor, serving
from pruning.commands.console import Answer
from pruning.domains.builtin import BUILTIN
from pruning.errors import InputError
from pruning.progress import Meter, Progress, Report

GROUPS = 16  # of documents, as the app proposes
LIGHT = ("--rows", "2", "--splits", "4", "--permutations", "20", "--bootstraps", "20")
JOBS = {
    "overlap": (),
    "structure": (),
    "evidence": LIGHT,  # a table has the same size however hard it was looked
}
HEADING = f"{'':12}{'server just started':>21}{'opened later':>21}{'another choice':>21}{'sent':>9}"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A page as a link shows it. box: the select box of which the last option is chosen then."""

    name: str
    box: str | None
    query: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """What the page is called in links; the first page has no name."""
        return "" if self.name == "Home" else self.name.lower()


VISITS = (
    Visit(name="Home", box=None),
    Visit(name="Calibrate", box="dtype"),
    Visit(name="Overlap", box="second"),
    Visit(name="Structure", box="second"),
    Visit(name="Masks", box="layer", query=(("projection", "down_proj"),)),
    Visit(name="Evaluate", box="measured-pattern"),
    Visit(name="Cause", box="pattern"),
    Visit(name="Playground", box="pattern1"),
    Visit(name="Export", box="pattern"),
    Visit(name="Savings", box="domain"),
)


@dataclass(frozen=True, kw_only=True)
class Visited:
    """What a page answered: first, of a server just started; later; and after a choice."""

    first: Drawn
    later: Drawn
    choice: Drawn | None

    @property
    def all(self) -> tuple[Drawn, ...]:
        """All of them."""
        return tuple(each for each in (self.first, self.later, self.choice) if each is not None)

    def line(self, name: str) -> str:
        """A row of the table below `HEADING`."""
        times = (self.first, self.later, self.choice)
        cells = [f"{each.wall:.2f} s ({each.processor:.2f})" if each else "-" for each in times]
        size = max(each.size for each in self.all)
        return f"{name:12}" + "".join(f"{cell:>21}" for cell in cells) + f"{size / 1000:>6.0f} kB"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `pages`."""
    parser.add_argument("--shape", choices=SHAPES, default="7b", help="default: 7b")
    parser.add_argument(
        "--page", nargs="+", metavar="NAME", help=f"of {', '.join(each.name for each in VISITS)}"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="a workspace to make the run in, or that has it; default: temporary",
    )
    add_results(parser)
    parser.set_defaults(command=pages)


def pages(arguments: argparse.Namespace, report: Report) -> Answer:
    """Make the run, count what its pages look up, and visit them."""
    asked = {name.lower() for name in arguments.page or [each.name for each in VISITS]}
    visits = [each for each in VISITS if each.name.lower() in asked]
    if len(visits) < len(asked):
        raise InputError(f"The pages are {', '.join(each.name for each in VISITS)}.")
    arguments.machine = machine()
    shape = SHAPES[arguments.shape]
    with workspace(arguments.folder) as folder:
        if not (folder / "runs" / RUN).exists():
            report(Progress(stage="Making random numbers", done=0, total=1))
            make_run(folder, shape, shape.layers, GROUPS)
        jobs = {name: counted(folder, name) for name in JOBS}
        visited = visit_all(folder, visits, report)
    command = f"python -m bench pages --shape {arguments.shape}"
    if len(visits) < len(VISITS):
        command += " --page " + " ".join(each.name for each in visits)
    return result(
        arguments, f"pages-{arguments.shape}", command, lines_of(shape, jobs, visits, visited)
    )


@contextmanager
def workspace(folder: Path | None) -> Iterator[Path]:
    """A folder to keep, or a temporary one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def counted(folder: Path, job: str) -> Timed:
    """What a command of `JOBS` took; it reads what is there already."""
    ask = ["analysis", job, "--run", RUN, "--sparsity", "0.5", *JOBS[job]]
    return timed([*ask, "--workspace", str(folder), "--json"])


def visit_all(folder: Path, visits: Sequence[Visit], report: Report) -> list[Visited]:
    """Every page of a server that has been up for a while, then of one just started for it."""
    meter = Meter(report, "Visiting pages", 2 * len(visits))
    later = []
    with serving(folder) as server:
        server.settle()
        for each in visits:
            later.append(visit(server, each))
            meter.step(each.name)
    found = []
    for each, (opened, choice) in zip(visits, later, strict=True):
        with serving(folder) as server:
            first, _ = visit(server, each, chooses=False)
        found.append(Visited(first=first, later=opened, choice=choice))
        meter.step(f"{each.name}, first")
    return found


def visit(server: Server, what: Visit, chooses: bool = True) -> tuple[Drawn, Drawn | None]:
    """Open a page, and make a choice there."""
    with Visitor(server, what.address, dict(what.query)) as visitor:
        opened = visitor.open()
        chosen = visitor.choose(opened, what.box) if chooses and what.box else None
    return opened, chosen


def lines_of(
    shape: Shape, jobs: dict[str, Timed], visits: Sequence[Visit], visited: Sequence[Visited]
) -> list[str]:
    """What was looked at, what it took to count, and a row for each page."""
    largest = max(drawn.largest for each in visited for drawn in each.all)
    return [
        f"{shape.layers} layers, {len(NAMES) * shape.layers} matrices, "
        f"{shape.weights * shape.layers / 1e9:.2f} billion weights in bfloat16, "
        f"{len(BUILTIN)} domains in {GROUPS} groups; random numbers",
        "counted before at 50% sparsity, or read where it was there already:",
        *(f"  {' '.join((name, *JOBS[name]))}: {job}" for name, job in jobs.items()),
        "",
        "seconds until a page has answered, the server's seconds of processor time, and what is sent",
        HEADING,
        *(each.line(what.name) for what, each in zip(visits, visited, strict=True)),
        "",
        f"the largest single message has {largest / 1000:.0f} kB; connections compress them",
        "later: another visitor's first look, in a server that has been up for a while; then, in the",
        "same session, another pair of domains, another layer, another pattern",
        "just started: imports included, in a server that is still importing what pages may need",
        "Evaluate, Cause, Playground, Savings: as they are before anything was measured",
    ]
