"""What the model card of an export says about whole parts that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pruning.exports.planning import ExportPlan, NarrowPlan
from pruning.specs import NarrowSpec

CHOSEN = {
    "greedy": "one after the other, each time what the others make up for best",
    "sums": "by what the calibration's sums say they contribute",
}


def amount(value: float, what: str) -> str:
    """0.2 -> "20% of the channels"; 2 -> "2 layers"."""
    return f"{value:.3g} {what}" if value >= 1 else f"{value:.3g} of the {what}"


def removed_in_words(narrow: NarrowSpec) -> str:
    """What a person asked for: "0.2 of the channels, 1 layers"."""
    return ", ".join(
        amount(getattr(narrow, part), part)
        for part in ("channels", "heads", "layers")
        if getattr(narrow, part)
    )


def narrowed_summary(base: str, purpose: str, plan: ExportPlan) -> str:
    """The card's first paragraph. purpose: to follow "narrowed", e.g. "for **python**"."""
    narrow = plan.narrow
    assert narrow is not None
    zeros = f" {plan.pruned:,} of them are set to zero." if plan.pruned else ""
    return (
        f"{base}, made narrower {purpose}: {plan.parameters:,} of {narrow.base_parameters:,} "
        f"parameters are left ({1 - plan.parameters / narrow.base_parameters:.1%} are gone), in "
        f"{plan.bytes:,} of {narrow.base_bytes:,} bytes.{zeros} It is an ordinary, smaller model: "
        "`config.json` says its shape. `submodel.json` beside this file records which rows and "
        "columns of the base model were kept, with a SHA-256 of every tensor. The base model's "
        "licence applies.\n"
    )


def narrow_settings(narrow: NarrowSpec) -> dict[str, str]:
    """Rows for the card's table of settings."""
    rows = {"removed": removed_in_words(narrow)}
    if narrow.channels or narrow.heads:
        rows["chosen"] = CHOSEN[narrow.choice]
        rows["projections behind them"] = (
            "refitted to the dense model's output" if narrow.refit else "as in the base model"
        )
    if narrow.layers:
        rows["layers chosen"] = "those that turn the hidden state least"
    if narrow.channels:
        rows["channels left are a multiple of"] = f"{narrow.multiple}"
    return rows


def shape_section(narrow: NarrowPlan) -> str:
    """What config.json says instead of the base's."""
    lines = [
        f"| `{field}` | {_short(old)} | {_short(new)} |"
        for field, (old, new) in _rows(narrow.config)
    ]
    table = "\n".join(lines)
    return f"## Shape\n\n| config.json | base model | here |\n|---|---:|---:|\n{table}\n"


def _rows(config: Mapping[str, tuple[Any, Any]]) -> list[tuple[str, tuple[Any, Any]]]:
    return [(field, pair) for field, pair in config.items() if pair[0] != pair[1]]


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    return "not said" if value is None else f"{value}"
