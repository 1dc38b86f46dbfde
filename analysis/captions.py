"""What a table or figure was made of, in one line: its model, how it was pruned, its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pruning.specs import PruneSpec
    from pruning.workspace import Run


def model_name(run: Run) -> str:
    """What a person calls the run's model; of a folder its last part, as paths are private."""
    source = run.spec.model.source
    return "the demo model" if source == "demo" else source.rstrip("/").rsplit("/", 1)[-1]


def about_run(run: Run) -> str:
    """The same of what no mask was made for: "Model: gemma. Run: 1f0c."."""
    return f"Model: {model_name(run)}. Run: {run.id}."


def about(run: Run, prune: PruneSpec, *, every_sparsity: bool = False) -> str:
    """One line for captions: "Model: gemma. 50% sparsity; Wanda score within each row. Run: 1f0c.".

    every_sparsity: what is shown is not of the sparsity of `prune`, but over all of them.
    """
    how = f"{prune.sparsity:.1%}".replace(".0%", "%")
    if prune.block is not None:
        how += f" in the pattern {prune.pattern}"
    score = {"wanda": "Wanda"}.get(prune.score, prune.score)
    parts = [] if every_sparsity else [f"{how} sparsity"]
    parts.append(f"{score} score within each {prune.comparison_group}")
    if prune.starved == "dense":
        parts.append("starved experts left dense")
    if prune.layers is not None:
        parts.append(f"layers {', '.join(map(str, prune.layers))}")
    if prune.projections is not None:
        parts.append(", ".join(prune.projections))
    return f"Model: {model_name(run)}. {'; '.join(parts)}. Run: {run.id}."
