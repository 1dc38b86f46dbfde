"""Ways to score and allocate beside each other: every domain's mask on every domain's text.

Wanda, RIA, OWL (Wanda's scores, each layer its own sparsity) and the contrastive score are measured
from the same sums on the same held-out documents, each as an evaluation of its own, whose cells are
stored with the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.mask_sources import DENSE
from analysis.evaluation.measures import BITS_PER_BYTE, Estimate, paired_difference
from analysis.evaluation.paired_tests import CLEAR, adjusted, clear_best, paired_p
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.table import Cell, EvaluationTable
from pruning.progress import Report, ignore
from pruning.runs.run import Run
from pruning.specs import PruneSpec

Where = tuple[float, str, str]  # sparsity, calibrated on, measured on

WAYS: Mapping[str, Mapping[str, Any]] = {
    "wanda": {},
    "ria": {"score": "ria"},
    "owl": {"allocation": "owl"},
    "contrastive": {"score": "contrastive"},
}


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """Bits per byte of one mask on one text. to_wanda: minus Wanda's, paired by document.

    way: one of WAYS. p: of that difference, adjusted over all masks, texts and ways at this sparsity
    (Holm); 1 for Wanda itself. best: clearly better than every other way for this domain's mask on
    this text, adjusted over masks and texts.
    """

    way: str
    calibrated_on: str
    measured_on: str
    sparsity: float
    value: float
    to_wanda: Estimate
    p: float
    best: bool

    @property
    def is_own(self) -> bool:
        """Whether the mask was calibrated on the domain it is measured on."""
        return self.calibrated_on == self.measured_on

    def row(self) -> dict[str, Any]:
        """Tidy: plain values."""
        return {
            "score": self.way,
            "calibrated_on": self.calibrated_on,
            "measured_on": self.measured_on,
            "sparsity": self.sparsity,
            "bits_per_byte": self.value,
            "minus_wanda": self.to_wanda.value,
            "minus_wanda_low": self.to_wanda.low,
            "minus_wanda_high": self.to_wanda.high,
            "minus_wanda_adjusted_p": self.p,
            "best": self.best,
        }


@dataclass(frozen=True, kw_only=True)
class ScoreComparison:
    """dense: text -> bits per byte of the dense model. results: of every mask on every text."""

    dense: Mapping[str, float]
    results: tuple[ScoreResult, ...]

    def mean(self, way: str, sparsity: float, *, own: bool) -> float:
        """Mean bits per byte of the masks on their own domains' text, or on all the others'."""
        return self._mean(way, sparsity, own, lambda result: result.value)

    def mean_to_wanda(self, way: str, sparsity: float, *, own: bool) -> float:
        """Mean of the differences from Wanda, likewise."""
        return self._mean(way, sparsity, own, lambda result: result.to_wanda.value)

    def clear(self, way: str, sparsity: float, *, own: bool) -> tuple[int, int, int]:
        """(better, worse, all): texts on which the difference is clear, adjusted for their number."""
        found = self._of(way, sparsity, own)
        clear = [each.to_wanda.value for each in found if each.p < CLEAR]
        return sum(value < 0 for value in clear), sum(value > 0 for value in clear), len(found)

    def _of(self, way: str, sparsity: float, own: bool) -> list[ScoreResult]:
        return [
            result
            for result in self.results
            if (result.way, result.sparsity, result.is_own) == (way, sparsity, own)
        ]

    def _mean(
        self, way: str, sparsity: float, own: bool, value: Callable[[ScoreResult], float]
    ) -> float:
        return float(np.mean([value(result) for result in self._of(way, sparsity, own)]))


def compare_scores(
    run: Run,
    sparsities: tuple[float, ...],
    *,
    text_bytes: int,
    starved: str = "magnitude",
    device: str = "auto",
    report: Report = ignore,
) -> ScoreComparison:
    """Measure what is not measured yet. Raises as `evaluate`, and InputError for a lone domain.

    starved: see `PruneSpec`.
    """
    tables = {}
    for way, changes in WAYS.items():
        spec = EvaluationSpec(
            sparsities=sparsities,
            prune=replace(PruneSpec(sparsity=sparsities[0], starved=starved), **changes),
            text_bytes=text_bytes,
            yardsticks=False,
        )
        tables[way] = evaluate(run, spec, device=device, report=report)
    return comparison_of(tables)


def comparison_of(tables: Mapping[str, EvaluationTable]) -> ScoreComparison:
    """What the ways' evaluations say of each other. tables: way -> its evaluation."""
    cells = {
        way: {_place(cell): cell for cell in table.cells if cell.source != DENSE}
        for way, table in tables.items()
    }
    best, p = _best(cells), _to_wanda(cells)
    results = tuple(
        ScoreResult(
            way=way,
            calibrated_on=calibrated_on,
            measured_on=measured_on,
            sparsity=sparsity,
            value=_value(cell),
            to_wanda=paired_difference(
                BITS_PER_BYTE, _statistics(cell), _statistics(cells["wanda"][place])
            ),
            p=p.get((way, place), 1.0),
            best=best.get(place) == way,
        )
        for way, of_way in cells.items()
        for place, cell in of_way.items()
        for sparsity, calibrated_on, measured_on in [place]
    )
    dense = [cell for cell in tables["wanda"].cells if cell.source == DENSE]
    return ScoreComparison(
        dense={cell.column.name: _value(cell) for cell in dense}, results=results
    )


def _best(cells: Mapping[str, Mapping[Where, Cell]]) -> dict[Where, str]:
    """The clearly best way of each mask and text, where there is one."""
    found = {
        place: clear_best(BITS_PER_BYTE, {way: _statistics(of[place]) for way, of in cells.items()})
        for place in cells["wanda"]
    }
    p = adjusted({place: p for place, (_, p) in found.items()}, lambda place: place[0])
    return {place: way for place, (way, _) in found.items() if p[place] < CLEAR}


def _to_wanda(cells: Mapping[str, Mapping[Where, Cell]]) -> dict[tuple[str, Where], float]:
    """p of every way's difference from Wanda, adjusted over all at one sparsity."""
    found = {
        (way, place): paired_p(BITS_PER_BYTE, _statistics(cell), _statistics(cells["wanda"][place]))
        for way, of_way in cells.items()
        if way != "wanda"
        for place, cell in of_way.items()
    }
    return adjusted(found, lambda key: key[1][0])


def _place(cell: Cell) -> tuple[float, str, str]:
    return cell.sparsity, cell.source.domain, cell.column.name


def _statistics(cell: Cell) -> Any:
    return cell.measured.statistics[BITS_PER_BYTE]


def _value(cell: Cell) -> float:
    bits, size = _statistics(cell).sum(axis=0)
    return float(bits / size)
