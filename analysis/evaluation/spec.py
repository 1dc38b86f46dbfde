"""What to measure of a run: which masks, at which sparsities, on which texts and tasks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from analysis.evaluation.mask_sources import DENSE, MaskSource, halves_of, sources_of
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.tasks import OF_DOMAIN, PROGRAMS, TRANSLATION, TaskSpec, built_in
from pruning.errors import InputError
from pruning.specs import NONE, REPAIRS, TEXT_SCORES, PruneSpec, Spec
from pruning.specs.exports import ALPS, SPARSEGPT
from pruning.specs.narrowing import PARTS

if TYPE_CHECKING:
    from pruning.runs.run import Run

TEXT, TASKS = "text", "tasks"
WEIGHTS = "weights"


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec(Spec):
    """prune: all but the sparsity, which is replaced by `sparsities`.

    text_bytes: held-out text of each domain for bits per byte; 0: none. tasks: held-out tasks of
    each built-in domain; 0: none. task_sets: further sets of tasks. sampling: how programs are
    written. calibrated_on: domains whose own masks are measured; measured_on: domains whose text
    and tasks they are measured on; None: all of the run's. yardsticks: also measure the mixture,
    magnitude and random masks, and two draws of each domain; with the contrastive score neither the
    mixture nor the draws. meteor: also METEOR of translations. repair: of the sub-models of domains
    and of the mixture, as in an ExportSpec. remove: what sparsities are shares of: single weights, or
    of each layer's feed-forward channels, of its heads, or of the layers.
    """

    sparsities: tuple[float, ...] = (0.5,)
    prune: PruneSpec = field(default_factory=PruneSpec)
    text_bytes: int = 20_000
    tasks: int = 0
    task_sets: tuple[TaskSpec, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    calibrated_on: tuple[str, ...] | None = None
    measured_on: tuple[str, ...] | None = None
    yardsticks: bool = True
    meteor: bool = False
    repair: str = NONE
    remove: str = WEIGHTS

    def __post_init__(self) -> None:
        if not self.sparsities:
            raise InputError("Name at least one sparsity, e.g. 0.5.")
        if any(not 0 < sparsity < 1 for sparsity in self.sparsities):
            raise InputError("Sparsities lie between 0 and 1; the dense model is always measured.")
        if self.text_bytes < 0 or self.tasks < 0:
            raise InputError("The amounts of text and of tasks cannot be negative.")
        if not self.text_bytes and not self.tasks and not self.task_sets:
            raise InputError("Choose held-out text or tasks to measure on.")
        names = [each.name for each in self.task_sets]
        if len(set(names)) < len(names):
            raise InputError("Two sets of tasks have one name; give each its own, NAME:KIND=PATH.")
        if self.calibrated_on == () or self.measured_on == ():
            raise InputError("Choose at least one domain.")
        if not self.prune.reads_text:
            raise InputError(
                f"The score of the domains' masks is one of {', '.join(TEXT_SCORES)}; magnitude "
                "and random masks are measured beside them."
            )
        self._check_submodels()
        for sparsity in self.sparsities:  # a pattern has a sparsity of its own
            self.at(sparsity)

    def _check_submodels(self) -> None:
        if self.repair not in REPAIRS:
            raise InputError(f"The repair {self.repair!r} is not one of {', '.join(REPAIRS)}.")
        if self.remove not in (WEIGHTS, *PARTS):
            raise InputError(f"What is removed is one of {', '.join((WEIGHTS, *PARTS))}.")
        if self.remove != WEIGHTS and self.repair != NONE:
            raise InputError(
                "Where whole parts are removed, what is left is refitted anyway; leave out the repair."
            )
        if self.remove != WEIGHTS and self.prune.block is not None:
            raise InputError("A pattern n:m is of single weights; choose sparsities instead.")
        if self.repair in (SPARSEGPT, ALPS) and self.prune.score != "wanda":
            raise InputError(
                f"{self.repair} finds masks without a score; leave the score at wanda, or choose refit."
            )

    @property
    def is_plain(self) -> bool:
        """Whether masks are all that is put on the model."""
        return self.repair == NONE and self.remove == WEIGHTS

    @property
    def is_contrastive(self) -> bool:
        """Whether a domain's score also depends on the other domains."""
        return self.prune.score == "contrastive"

    def at(self, sparsity: float) -> PruneSpec:
        """How weights are pruned at one sparsity."""
        return replace(self.prune, sparsity=sparsity)

    def to_json(self) -> dict[str, Any]:
        """Plain data; what results made before do not know is left out where it is the usual."""
        data = super().to_json()
        for name, usual in (("meteor", False), ("repair", NONE), ("remove", WEIGHTS)):
            if data[name] == usual:
                del data[name]
        return data


@dataclass(frozen=True, kw_only=True)
class Column(Spec):
    """What masks are measured on: the held-out text of a domain, or a set of tasks.

    domain: the domain whose own mask belongs to it, "" if the run has none.
    """

    kind: str
    name: str
    domain: str
    tasks: TaskSpec | None = None
    text_bytes: int = 0

    @property
    def is_programs(self) -> bool:
        """Whether programs that the model writes are run to measure it."""
        return self.tasks is not None and self.tasks.kind == PROGRAMS

    @property
    def is_translation(self) -> bool:
        """Whether translations are compared with right ones."""
        return self.tasks is not None and self.tasks.kind == TRANSLATION


def rows_of(run: Run, spec: EvaluationSpec) -> tuple[MaskSource, ...]:
    """The masks that every column is measured with, the dense model first."""
    for domain in spec.calibrated_on or ():
        run.check_domain(domain)
    left_out = () if spec.yardsticks else ("mixture", "magnitude", "random")
    if spec.is_contrastive:
        left_out = (*left_out, "mixture")  # of all domains: there is none left to compare with
    if spec.remove != WEIGHTS:
        left_out = (*left_out, "magnitude", "random")  # which are of single weights
    rows = sources_of(run, spec.calibrated_on)
    return tuple(source for source in rows if source.kind not in left_out)


def columns_of(run: Run, spec: EvaluationSpec) -> tuple[Column, ...]:
    """The texts, then the built-in tasks, then the further sets.

    A set belongs to the domain it names, else to that of its own name. InputError for an unknown
    domain, two columns of tasks with one name, or METEOR without translations.
    """
    for domain in spec.measured_on or ():
        run.check_domain(domain)
    chosen = spec.measured_on or run.domains
    sources = {each.name: each.source for each in run.spec.domains if each.kind == "builtin"}
    texts = [
        Column(kind=TEXT, name=name, domain=name, text_bytes=spec.text_bytes)
        for name in chosen
        if spec.text_bytes
    ]
    inside = [
        Column(kind=TASKS, name=name, domain=name, tasks=built_in(sources[name], spec.tasks))
        for name in chosen
        if spec.tasks and sources.get(name) in OF_DOMAIN
    ]
    files = [
        Column(
            kind=TASKS,
            name=each.name,
            domain=next((own for own in (each.domain, each.name) if own in run.domains), ""),
            tasks=each,
        )
        for each in spec.task_sets
    ]
    twice = {column.name for column in inside} & {column.name for column in files}
    if twice:
        raise InputError(
            f"Built-in tasks are in the column {', '.join(sorted(twice))} already; name the file's "
            "column otherwise, NAME:KIND=PATH."
        )
    if spec.meteor and not any(column.is_translation for column in (*inside, *files)):
        raise InputError(
            "METEOR is a measure of translations, and none are among the tasks; add a file, "
            "translation=PATH, or tasks of the built-in domain 'translation', or leave METEOR out."
        )
    return (*texts, *inside, *files)


def measured_with(run: Run, spec: EvaluationSpec, source: MaskSource) -> tuple[Column, ...]:
    """The columns that a mask is measured on: all of them; for a draw of a domain, its own."""
    columns = columns_of(run, spec)
    if source.kind != "half":
        return columns
    return tuple(column for column in columns if column.domain == source.domain)


def all_sources(run: Run, spec: EvaluationSpec) -> tuple[MaskSource, ...]:
    """The rows, and the two draws of each measured domain where the run's groups allow it."""
    rows = rows_of(run, spec)
    if not (spec.yardsticks and spec.is_plain) or spec.is_contrastive or run.spec.sample.groups < 2:
        return rows
    domains = dict.fromkeys(column.domain for column in columns_of(run, spec) if column.domain)
    return (*rows, *(half for domain in domains for half in halves_of(domain)))


def settings_of(
    run: Run, spec: EvaluationSpec
) -> list[tuple[MaskSource, float, tuple[Column, ...]]]:
    """Every (mask's source, sparsity, columns) to measure: the dense model once, then the rest."""
    pruned = [
        (source, sparsity, measured_with(run, spec, source))
        for sparsity in spec.sparsities
        for source in all_sources(run, spec)
        if source != DENSE
    ]
    return [(DENSE, 0.0, columns_of(run, spec)), *pruned]
