"""What pruning for one domain does to all: calibrated on d, evaluated on e, over sparsities.

Rows are what a mask was made from: each domain's activations, all domains' together, and as
yardsticks the weights' magnitude alone, and chance. Every row prunes the same share of every
matrix; a seed draws another calibration sample (and another random mask).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from analysis.evaluation.likelihood import document_losses
from analysis.evaluation.mask_sources import MaskSource, masks_of, of_domain
from demo.evaluate import task_score
from demo.texts import DOMAINS
from pruning.calibration.calibrating import calibrate
from pruning.masks.surgery import temporary_masks
from pruning.models.loading import LoadedModel, load_model
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, PruneSpec, SampleSpec

ALL, MAGNITUDE, RANDOM, DENSE = "all domains", "magnitude", "random", "dense"
ROWS = (*DOMAINS, ALL, MAGNITUDE, RANDOM)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One measurement: masks made from `calibrated_on` at a sparsity, tried on a domain."""

    calibrated_on: str  # a row of ROWS, or "dense"
    evaluated_on: str
    sparsity: float
    seed: int
    measure: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure. `tasks` is how many held-out tasks of each domain; 0 for none.

    Calibration reads `samples` sequences of `length` tokens of each domain's train split.
    """

    sparsities: tuple[float, ...] = (0.4, 0.5, 0.6, 0.7, 0.8)
    seeds: tuple[int, ...] = (0, 1, 2)
    samples: int = 64
    length: int = 256
    tasks: int = 0


def calibration_run(folder: Path, workspace: Workspace, plan: Plan, *, seed: int) -> Run:
    """Calibrate the model in `folder` once on all seven built-in domains."""
    domains = tuple(DomainSpec(name=name, kind="builtin", source=name) for name in DOMAINS)
    sample = SampleSpec(num_samples=plan.samples, seq_len=plan.length, groups=8, seed=seed)
    model = ModelSpec(source=str(folder), dtype="float32")
    return calibrate(CalibrationSpec(model=model, domains=domains, sample=sample), workspace)


def source_of(row: str) -> MaskSource:
    """What the masks of a row of the table are made from."""
    if row in DOMAINS:
        return of_domain(row)
    return MaskSource(kind="mixture" if row == ALL else row)  # type: ignore[arg-type]


def _measured(
    loaded: LoadedModel, texts: Mapping[str, Sequence[str]], tasks: int
) -> Iterator[tuple[str, str, float]]:
    for domain, documents in texts.items():
        value = document_losses(loaded, documents).bits_per_byte
        yield domain, "bits per byte", value
        if tasks:
            score = task_score(loaded, domain, count=tasks)
            yield domain, score.measure, score.value


def measure_pruned(
    folder: Path,
    workspace: Workspace,
    texts: Mapping[str, Sequence[str]],
    plan: Plan,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> list[Cell]:
    """Measure every row on every domain at every sparsity; `texts` are held-out texts by domain."""
    cells: list[Cell] = []

    def add(row: str, sparsity: float, seed: int) -> None:
        for domain, measure, value in _measured(loaded, texts, plan.tasks):
            cells.append(
                Cell(
                    calibrated_on=row,
                    evaluated_on=domain,
                    sparsity=sparsity,
                    seed=seed,
                    measure=measure,
                    value=value,
                )
            )

    loaded = load_model(ModelSpec(source=str(folder), dtype="float32", device="cpu"))
    add(DENSE, 0.0, 0)
    for seed in plan.seeds:
        run = calibration_run(folder, workspace, plan, seed=seed)
        for sparsity in plan.sparsities:
            for row in ROWS:
                prune = PruneSpec(sparsity=sparsity, seed=seed)
                with temporary_masks(loaded, masks_of(run, source_of(row), prune)):
                    add(row, sparsity, seed)
            report(f"seed {seed}, {sparsity:.0%} pruned: measured")
    return cells


def as_tables(cells: Sequence[Cell]) -> str:
    """Markdown tables, one a measure group and sparsity: means over seeds, and their spread.

    The spread is the largest difference between two seeds in any cell but those of random masks.
    """
    parts = []
    for bits in (True, False):
        chosen = [cell for cell in cells if (cell.measure == "bits per byte") == bits]
        title = "bits per byte" if bits else "task measure"
        for sparsity in sorted({cell.sparsity for cell in chosen} - {0.0}):
            of_table = [cell for cell in chosen if cell.sparsity in (0.0, sparsity)]
            parts.append(_table(of_table, f"{title}, {sparsity:.0%} of the weights pruned", bits))
    return "\n\n".join(parts)


def _table(cells: Sequence[Cell], title: str, bits: bool) -> str:
    columns = list(dict.fromkeys(cell.evaluated_on for cell in cells))
    lines = [
        "| calibrated on | " + " | ".join(columns) + " |",
        "| --- |" + " --- |" * len(columns),
    ]
    spread = 0.0
    for row in (DENSE, *ROWS):
        texts = []
        for column in columns:
            found = [
                cell.value
                for cell in cells
                if (cell.calibrated_on, cell.evaluated_on) == (row, column)
            ]
            if row != RANDOM:
                spread = max(spread, max(found) - min(found))
            text = f"{fmean(found):.3f}" if bits else f"{fmean(found):.1f}"
            texts.append(f"**{text}**" if row == column else text)
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    digits = 3 if bits else 1
    drawn = "one calibration sample"
    if len({cell.seed for cell in cells}) > 1:
        drawn = f"largest difference between two calibration samples: {spread:.{digits}f}"
    caption = f"{title} ({drawn})"
    return "\n".join([caption, "", *lines])
