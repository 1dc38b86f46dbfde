"""The table of what the demo model can do, as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from demo.evaluate import (
    LANGUAGES,
    Score,
    real_held_out_texts,
    task_score,
    text_scores,
)
from demo.recipe import held_out_texts
from demo.texts import DOMAINS
from pruning.models.loading import LoadedModel, load_model
from pruning.specs import ModelSpec

MODEL_FOLDER = Path(__file__).parent / "model"
NAMES = {
    **LANGUAGES,
    "math": "Math",
    "commonsense": "Common sense",
    "translation": "Translation",
    "general": "English prose",
}
TARGETS = {
    **dict.fromkeys(LANGUAGES, 75.0),
    "math": 60.0,
    "commonsense": 75.0,
    "translation": 70.0,
}
GENERATED = "bits per byte, generated"
REAL = "bits per byte, real"


def load(folder: Path) -> LoadedModel:
    """Load a model folder for evaluation in float32; raises ValueError where there is none."""
    if not (folder / "config.json").exists():
        raise ValueError(f"{folder} holds no model; `python -m demo reproduce` makes one.")
    return load_model(ModelSpec(source=str(folder), dtype="float32", device="cpu"))


def evaluate(
    loaded: LoadedModel,
    *,
    tasks: int,
    data: Path | None = None,
    bytes_each: int = 60_000,
    report: Callable[[str], None] = lambda line: None,
) -> list[Score]:
    """Measure a model on all domains: `tasks` held-out tasks each, and bits per byte.

    Real text is measured where `data` names a folder of data sets. `report` hears of every task
    measure as it is known.
    """
    scores = []
    for domain in DOMAINS:
        score = task_score(loaded, domain, count=tasks)
        report(f"{NAMES[domain]}: {score.measure} {score.value:.1f}")
        scores.append(score)
    scores += text_scores(loaded, held_out_texts(bytes_each=bytes_each), measure=GENERATED)
    if data is not None:
        scores += text_scores(loaded, real_held_out_texts(data), measure=REAL)
    return scores


def rows(scores: Sequence[Score]) -> list[tuple[str, str, str, str, str, str]]:
    """One row a domain: name, task measure, value, at least, bits per byte generated and real."""
    table = []
    for domain, name in NAMES.items():
        of_domain = {score.measure: score for score in scores if score.domain == domain}
        if not of_domain:
            continue
        bits = [
            f"{of_domain[measure].value:.3f}" if measure in of_domain else "–"
            for measure in (GENERATED, REAL)
        ]
        task = next((s for s in of_domain.values() if s.measure not in (GENERATED, REAL)), None)
        if task is None:
            table.append((name, "–", "–", "–", bits[0], bits[1]))
            continue
        unit = "" if task.measure == "chrF" else " %"
        value, target = f"{task.value:.1f}{unit}", f"{TARGETS[domain]:.0f}{unit}"
        measure = f"{task.measure}, {task.of} tasks"
        table.append((name, measure, value, target, bits[0], bits[1]))
    return table


HEADINGS = (
    "domain",
    "measure",
    "value",
    "target",
    "bits per byte, generated text",
    "bits per byte, real text",
)


def as_text(scores: Sequence[Score]) -> str:
    """The table with aligned columns, for a terminal."""
    lines = [HEADINGS, *rows(scores)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(scores: Sequence[Score]) -> str:
    """The table in Markdown, for the model card."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(scores)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
