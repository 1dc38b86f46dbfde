"""What a report is written from: a run and what has been found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.captions import about
from analysis.cause.results import Cause, stored_causes
from analysis.cause.spec import CauseSpec
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.table import EvaluationTable, stored_table, stored_tables
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.learning_curve import LearningCurve, learning_curves, stored_learning_curves
from analysis.evidence.resampling import refusal
from analysis.evidence.testing import best_evidence, evidence, stored_at_sparsities, stored_evidence
from analysis.evidence.yardsticks import PairEvidence
from analysis.overlap.table import OverlapTable, overlap_table
from analysis.structure.routing import RoutingTable, routing_table
from pruning.errors import InputError
from pruning.progress import Report, ignore
from pruning.runs.run import Run
from pruning.specs import PruneSpec


@dataclass(frozen=True, kw_only=True)
class Source:
    """A run, a choice of masks, and what is known of them.

    spec: how hard the evidence was looked for. tested, curves: None where nobody asked or where the
    choice cannot be tested. at: evidence by sparsity, `tested` at that of `prune`. causes: by what
    was asked, at most one of each kind of region. evaluations: the newest table with text and the
    newest with tasks, which may be one. routing: None for a model without experts.
    """

    run: Run
    prune: PruneSpec
    spec: EvidenceSpec
    table: OverlapTable
    tested: tuple[PairEvidence, ...] | None
    curves: tuple[LearningCurve, ...] | None
    at: Mapping[float, tuple[PairEvidence, ...]]
    causes: Mapping[CauseSpec, Cause]
    evaluations: tuple[EvaluationTable, ...]
    routing: RoutingTable | None

    @property
    def caption(self) -> str:
        """What every table and figure was made of, in one line."""
        return about(self.run, self.prune)

    @property
    def extremes(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The most and the least alike pair of domains, by the overlap of kept weights."""
        jaccard = self.table.jaccard()
        domains = self.table.domains
        pairs = [(a, b) for a in range(len(domains)) for b in range(a + 1, len(domains))]
        order = sorted(pairs, key=lambda pair: jaccard[pair])
        return tuple((domains[a], domains[b]) for a, b in (order[-1], order[0]))  # type: ignore[return-value]


def gather(
    run: Run,
    prune: PruneSpec,
    spec: EvidenceSpec | None = None,
    report: Report = ignore,
    *,
    compute: bool,
) -> Source:
    """Read what is stored with the run; with `compute`, find what is missing first.

    spec: how hard to look for evidence; None takes the best that is stored. Overlaps are always
    there afterwards. Raises InputError for a run of fewer than two domains.
    """
    if len(run.domains) < 2:
        raise InputError("A report compares domains; this run has one. Calibrate two or more.")
    testable = refusal(prune) is None
    table = overlap_table(run, prune, report)
    if spec is None:
        best = best_evidence(run, prune) if testable else None
        spec = best[0] if best else EvidenceSpec()
    if testable and compute and run.spec.sample.groups > 1:
        evidence(run, prune, spec, report)
        learning_curves(run, prune, spec, report)
    tested = stored_evidence(run, prune, spec) if testable else None
    return Source(
        run=run,
        prune=prune,
        spec=spec,
        table=table,
        tested=tested,
        curves=stored_learning_curves(run, prune, spec) if testable else None,
        at=_at_sparsities(run, prune, tested) if testable else {},
        causes=stored_causes(run, prune),
        evaluations=_evaluations(run, prune),
        routing=routing_table(run) if run.has_experts else None,
    )


def _at_sparsities(
    run: Run, prune: PruneSpec, tested: tuple[PairEvidence, ...] | None
) -> dict[float, tuple[PairEvidence, ...]]:
    """The best evidence at other sparsities, and at this one what the report shows elsewhere."""
    at = stored_at_sparsities(run, prune)
    if tested is not None and prune.block is None:
        at[prune.sparsity] = tested
    return at


def _evaluations(run: Run, prune: PruneSpec) -> tuple[EvaluationTable, ...]:
    """The stored tables of these masks that a report shows."""
    there = [spec for spec, _ in stored_tables(run) if _is_of(spec, prune)]
    texts = [spec for spec in there if spec.text_bytes]
    tasks = [spec for spec in there if spec.tasks or spec.task_sets]
    tables = (stored_table(run, spec) for spec in there if spec in (*texts[:1], *tasks[:1]))
    return tuple(table for table in tables if table is not None)


def _is_of(spec: EvaluationSpec, prune: PruneSpec) -> bool:
    """Whether these masks are among those that were measured."""
    return prune.sparsity in spec.sparsities and spec.at(prune.sparsity) == prune
