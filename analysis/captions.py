"""What a table or figure was made of, in one line: its model, how it was pruned, its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pruning.specs.words import other_words, score_words, sparsity_words

if TYPE_CHECKING:
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec


def model_name(run: Run, demo: str = "the demo model") -> str:
    """What a person calls the run's model; of a folder its last part, as paths are private.

    demo: what the demo model is called here.
    """
    source = run.spec.model.source
    return demo if source == "demo" else source.rstrip("/").rsplit("/", 1)[-1]


def about_run(run: Run) -> str:
    """The same of what no mask was made for: "Model: gemma. Run: 1f0c."."""
    return f"Model: {model_name(run)}. Run: {run.id}."


def about(run: Run, prune: PruneSpec, *, every_sparsity: bool = False) -> str:
    """One line for captions: "Model: gemma. 50% sparsity; Wanda score within each row. Run: 1f0c.".

    every_sparsity: what is shown is not of the sparsity of `prune`, but over all of them.
    """
    amount = [] if every_sparsity else [sparsity_words(prune)]
    parts = [*amount, score_words(prune), *other_words(prune)]
    return f"Model: {model_name(run)}. {'; '.join(parts)}. Run: {run.id}."
