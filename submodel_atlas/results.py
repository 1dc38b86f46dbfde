"""What comes back from the five calls, and how it shows itself.

In a notebook as HTML, without a script and without a request to any server; in a terminal, by
`print` or at the prompt, as a table. `figure()` is the interactive picture of the app.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType

from analysis.commands.evidence import table as evidence_table
from analysis.commands.overlap import matrix
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.findings import cautions, p_sentence, rows_sentence, sentence
from analysis.evidence.yardsticks import PairEvidence
from analysis.overlap.table import OverlapTable
from pruning.commands.export import summary
from pruning.commands.verify import checks_table
from pruning.errors import InputError
from pruning.exports.planning import ExportPlan
from pruning.exports.verifying import Check
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec

if TYPE_CHECKING:
    import plotly.graph_objects as go

WIDTH = 120  # columns of a table that does not go to a terminal


class Result:
    """Shows `parts()`: as HTML in a notebook, as text in a terminal."""

    def parts(self) -> Sequence[RenderableType]:
        """What a person sees, from top to bottom."""
        raise NotImplementedError

    def __rich__(self) -> RenderableType:
        return Group(*self.parts())

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), highlight=False, markup=False, width=WIDTH)
        return self._drawn(console).rstrip("\n")

    def _repr_html_(self) -> str:
        console = Console(
            file=io.StringIO(), highlight=False, markup=False, width=WIDTH, record=True
        )
        self._drawn(console)
        frame = '<pre style="line-height:normal;font-family:Menlo,Consolas,monospace">{code}</pre>'
        return console.export_html(inline_styles=True, code_format=frame)

    def _drawn(self, console: Console) -> str:
        for part in self.parts():
            console.print(part)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()


@dataclass(frozen=True, kw_only=True, repr=False)
class Overlap(Result):
    """How much the masks of a run's domains share.

    table: counts of kept weights in every matrix, with ratios by layer and by projection.
    """

    run: Run
    prune: PruneSpec
    table: OverlapTable

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains, in the order of the matrices."""
        return self.table.domains

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """(D, D): the Jaccard overlap of the kept weights of each two domains."""
        return self.table.jaccard()

    @property
    def chance(self) -> NDArray[np.float64]:
        """(D, D): what independent masks of the same densities would share."""
        return self.table.chance()

    def between(self, a: str, b: str) -> float:
        """The Jaccard overlap of the kept weights of two domains; InputError for another name."""
        for name in (a, b):
            self.run.check_domain(name)
        return float(self.jaccard[self.domains.index(a), self.domains.index(b)])

    def figure(self) -> go.Figure:
        """The heatmap that the app draws, as a Plotly figure."""
        from analysis.figures.look import LIGHT
        from analysis.figures.overlap import overlap_matrix

        return overlap_matrix(self.domains, self.jaccard, self.chance, LIGHT).figure

    def parts(self) -> Sequence[RenderableType]:
        """The matrix, with the chance level of each pair below its overlap."""
        return [f"{self._caption()}, below it by chance", matrix(self.table, kept=True)]

    def _repr_html_(self) -> str:
        from submodel_atlas.heatmap import heatmap

        return heatmap(self.domains, self.jaccard, self.chance, self._caption())

    def _caption(self) -> str:
        return f"Jaccard overlap of the kept weights at {self.prune.sparsity:.0%} sparsity"


@dataclass(frozen=True, kw_only=True, repr=False)
class Evidence(Result):
    """Whether a run's domains differ by more than two draws of one domain do, for every pair."""

    run: Run
    prune: PruneSpec
    effort: EvidenceSpec
    pairs: tuple[PairEvidence, ...]

    def __iter__(self) -> Iterator[PairEvidence]:
        return iter(self.pairs)

    def between(self, a: str, b: str) -> PairEvidence:
        """The yardsticks of two domains, in either order; InputError for another name."""
        for name in (a, b):
            self.run.check_domain(name)
        for pair in self.pairs:
            if {pair.domain_a, pair.domain_b} == {a, b}:
                return pair
        raise InputError(f"Name two different domains, not {a} twice.")

    def figure(self) -> go.Figure:
        """The distinctness index of every pair with its interval, as a Plotly figure."""
        from analysis.figures.evidence import index_chart
        from analysis.figures.look import LIGHT

        return index_chart(self.pairs, LIGHT).figure

    def parts(self) -> Sequence[RenderableType]:
        """The yardsticks of the whole model, and what they say in words."""
        return [
            evidence_table(self.pairs),
            *(sentence(pair) for pair in self.pairs),
            f"{rows_sentence(self.pairs, self.effort.rows)} {p_sentence(self.pairs)}",
            *cautions(self.run),
        ]


@dataclass(frozen=True, kw_only=True, repr=False)
class Export(Result):
    """A finished export; `transformers` loads its `folder`. It can stand where a path is wanted."""

    spec: ExportSpec
    folder: Path
    plan: ExportPlan

    def __fspath__(self) -> str:
        return os.fspath(self.folder)

    def parts(self) -> Sequence[RenderableType]:
        """Where it is, and what was written."""
        return [f"The sub-model is in {self.folder}", summary(self.plan)]


@dataclass(frozen=True, kw_only=True, repr=False)
class Verification(Result):
    """The checks of an exported folder, in the order they were made."""

    folder: Path
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.ok for check in self.checks)

    def parts(self) -> Sequence[RenderableType]:
        """A line for each check."""
        return [checks_table(self.checks)]
