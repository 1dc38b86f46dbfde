"""The table of an evaluation: values with intervals, differences, and the best of each column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING, Any

from analysis.evaluation.mask_sources import DENSE, MaskSource, halves_of, of_domain
from analysis.evaluation.measures import Estimate, Float, Measured, estimate, paired_difference
from analysis.evaluation.paired_tests import CLEAR, adjusted, clear_best, paired_p
from analysis.evaluation.spec import Column, EvaluationSpec
from analysis.evaluation.store import read_cell, read_table, tables

if TYPE_CHECKING:
    from pruning.runs.run import Run

HELD_OUT = (
    "Measured on held-out text: documents that no domain of this run was calibrated on, compared "
    "one by one with the calibration text."
)
LEFT_DENSE = (
    "Experts that saw too few tokens of a mask's text are left dense by it. Magnitude and chance, "
    "which read no text, prune them too, so they prune more weights than the other masks."
)


def remarks(spec: EvaluationSpec) -> str:
    """What to know when reading a table: what it was measured on, and which masks prune more."""
    return f"{HELD_OUT} {LEFT_DENSE}" if spec.prune.starved == "dense" else HELD_OUT


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measure of one mask on one column.

    to_dense, to_own: value minus that of the dense model, and of the column's own domain's mask at
    the same sparsity (for the second of two draws of a domain: of the first), both paired by
    document or task; None where there is nothing to subtract. leads: no other mask of a domain, the
    mixture, magnitude or chance has a better value here. best: it leads, and clearly so: by a test
    against each of them, adjusted over the columns of a measure at one sparsity. lead_p: that
    test's adjusted p, of what leads. own_p: of to_own, paired, adjusted likewise over its cells.
    """

    source: MaskSource
    sparsity: float
    column: Column
    measure: str
    estimate: Estimate
    to_dense: Estimate | None
    to_own: Estimate | None
    leads: bool
    lead_p: float | None
    own_p: float | None

    @property
    def best(self) -> bool:
        """Whether it is clearly the best of its column."""
        return self.lead_p is not None and self.lead_p < CLEAR

    @property
    def is_own(self) -> bool:
        """Whether the mask was calibrated on the domain it is measured on."""
        return self.source.kind == "domain" and self.source.domain == self.column.domain

    def row(self) -> dict[str, Any]:
        """Tidy: plain values for JSON and CSV."""
        return {
            "calibrated_on": self.source.title,
            "measured_on": self.column.name,
            "content": self.column.kind,
            "sparsity": self.sparsity,
            "measure": self.measure,
            **_named("value", self.estimate),
            "units": self.estimate.units,
            **_named("minus_dense", self.to_dense),
            **_named("minus_own", self.to_own),
            "minus_own_adjusted_p": self.own_p,
            "leads": self.leads,
            "leads_adjusted_p": self.lead_p,
            "best": self.best,
        }


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A mask, a column, and what was measured."""

    source: MaskSource
    sparsity: float
    column: Column
    measured: Measured


@dataclass(frozen=True, kw_only=True)
class EvaluationTable:
    """All cells of one evaluation."""

    spec: EvaluationSpec
    created: float
    cells: tuple[Cell, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The texts and sets of tasks, in order."""
        return tuple(dict.fromkeys(cell.column for cell in self.cells))

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures, in order."""
        return tuple(
            dict.fromkeys(name for cell in self.cells for name in cell.measured.statistics)
        )

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """Every measure of every cell, with intervals and differences."""
        return tuple(self._results())

    def select(
        self,
        *,
        measure: str | None = None,
        sparsity: float | None = None,
        kind: str | None = None,
        where: Callable[[Result], bool] = lambda result: True,
    ) -> tuple[Result, ...]:
        """The results of one measure, or at one sparsity (with the dense model's), or both."""
        return tuple(
            result
            for result in self.results
            if (measure is None or result.measure == measure)
            and (sparsity is None or result.sparsity in (0.0, sparsity))
            and (kind is None or result.column.kind == kind)
            and where(result)
        )

    def _results(self) -> Iterator[Result]:
        there = {(cell.source, cell.sparsity, cell.column): cell.measured for cell in self.cells}
        leaders, own_p = self._leaders(), self._own_p(there)
        for cell in self.cells:
            dense = there.get((DENSE, 0.0, cell.column)) if cell.source != DENSE else None
            own = _own(cell, there)
            for name, statistics in cell.measured.statistics.items():
                leader, p = leaders.get((cell.sparsity, cell.column, name), (None, None))
                leads = cell.source == leader
                yield Result(
                    source=cell.source,
                    sparsity=cell.sparsity,
                    column=cell.column,
                    measure=name,
                    estimate=estimate(name, statistics),
                    to_dense=_difference(name, cell.measured, dense),
                    to_own=_difference(name, cell.measured, own),
                    leads=leads,
                    lead_p=p if leads else None,
                    own_p=own_p.get((cell.source, cell.sparsity, cell.column, name)),
                )

    def _leaders(self) -> dict[tuple[float, Column, str], tuple[MaskSource, float]]:
        """The best mask of each column, and p that it is not truly so; not dense, not the draws.

        p is adjusted over the columns of one measure and sparsity.
        """
        found: dict[tuple[float, Column, str], dict[MaskSource, Float]] = {}
        for cell in self.cells:
            if cell.source.kind not in ("dense", "half"):
                for name, statistics in cell.measured.statistics.items():
                    place = (cell.sparsity, cell.column, name)
                    found.setdefault(place, {})[cell.source] = statistics
        best = {place: clear_best(place[2], of_place) for place, of_place in found.items()}
        p_values = adjusted(
            {place: p for place, (_, p) in best.items()}, lambda place: (place[0], place[2])
        )
        return {place: (leader, p_values[place]) for place, (leader, _) in best.items()}

    def _own_p(
        self, there: Mapping[tuple[MaskSource, float, Column], Measured]
    ) -> dict[tuple[MaskSource, float, Column, str], float]:
        """p that a mask does as the column's own, adjusted over a measure's cells at one sparsity."""
        found = {}
        for cell in self.cells:
            own = _own(cell, there)
            for name, statistics in cell.measured.statistics.items():
                if own is not None and name in own.statistics:
                    place = (cell.source, cell.sparsity, cell.column, name)
                    found[place] = paired_p(name, statistics, own.statistics[name])
        return adjusted(found, lambda place: (place[1], place[3]))


def stored_table(run: Run, spec: EvaluationSpec) -> EvaluationTable | None:
    """The table of an evaluation that was made; None if it was not, or not to its end."""
    record = read_table(run, spec.to_json())
    return None if record is None else _table(run, record)


def stored_tables(run: Run) -> list[tuple[EvaluationSpec, float]]:
    """(what was measured, when in seconds since 1970) of every stored table, the newest first."""
    return [
        (EvaluationSpec.from_json(record["spec"]), float(record["created"]))
        for record in tables(run)
    ]


def _table(run: Run, record: dict[str, Any]) -> EvaluationTable:
    return EvaluationTable(
        spec=EvaluationSpec.from_json(record["spec"]),
        created=float(record["created"]),
        cells=tuple(
            Cell(
                source=MaskSource.from_json(cell["source"]),
                sparsity=float(cell["sparsity"]),
                column=Column.from_json(cell["column"]),
                measured=read_cell(run, cell["cell"]),
            )
            for cell in record["cells"]
        ),
    )


def _own(cell: Cell, there: Mapping[tuple[MaskSource, float, Column], Measured]) -> Measured | None:
    """What the column's own mask did there, or the first draw; None where nothing can be compared."""
    reference = _reference(cell)
    return there.get((reference, cell.sparsity, cell.column)) if reference else None


def _reference(cell: Cell) -> MaskSource | None:
    """Whose value a cell's is compared with, beside the dense model's."""
    if not cell.column.domain or cell.source == DENSE:
        return None
    first, second = halves_of(cell.column.domain)
    own = of_domain(cell.column.domain)
    reference = first if cell.source == second else own
    return None if cell.source == reference else reference


def _difference(name: str, measured: Measured, reference: Measured | None) -> Estimate | None:
    if reference is None or name not in reference.statistics:
        return None
    return paired_difference(name, measured.statistics[name], reference.statistics[name])


def _named(prefix: str, found: Estimate | None) -> dict[str, float | None]:
    names = (prefix, f"{prefix}_low", f"{prefix}_high")
    values = (found.value, found.low, found.high) if found else ()
    known = [None if isnan(value) else value for value in values] or [None] * len(names)
    return dict(zip(names, known, strict=True))
