"""How the sub-model is stored: what each form saves, where it loads, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.state import switch
from pages.ui.words import size
from pruning.exports.gguf.quants import QUANTS, estimated_bytes

if TYPE_CHECKING:
    from pruning.exports.planning import ExportPlan

FORMS = {"plain": "Plain files", "sparse-bitmask": "Small", "gguf": "GGUF"}
FORMATS = tuple(name for name, quant in QUANTS.items() if not quant.program)
USUAL = "q8_0"


@dataclass(frozen=True, kw_only=True)
class Form:
    """The chosen form, and the number format of a GGUF file."""

    form: str
    quant: str | None = None

    @property
    def flags(self) -> list[str]:
        """What the command line is told."""
        return ["--form", self.form, *(["--quant", self.quant] if self.quant else [])]

    def bytes(self, plan: ExportPlan) -> int:
        """The size of the weights; of a GGUF file about."""
        if self.quant is not None:
            return estimated_bytes(plan.prunable, plan.parameters - plan.prunable, self.quant)
        return plan.bytes if self.form == "plain" else plan.compressed_bytes


def choose_form(*, narrow: bool = False) -> Form:
    """The row of forms, and of a GGUF file the number format.

    narrow: whole parts go and no single weights, so that no zeros can be stored small.
    """
    forms = tuple(name for name in FORMS if not (narrow and name == "sparse-bitmask"))
    form = switch("Stored as", forms, "form", format_func=FORMS.__getitem__)
    if form != "gguf":
        return Form(form=form)
    order = (USUAL, *(name for name in FORMATS if name != USUAL))
    quant = switch(
        "Numbers in",
        order,
        "quant",
        help="bf16, f16 and f32 hold the values as they are. q8_0, q5_0 and q4_0 round them, in "
        "blocks of 32 with a scale each.",
    )
    return Form(form=form, quant=quant)


def state_costs(plan: ExportPlan, chosen: Form) -> None:
    """What every form saves, where it loads and what it costs, the chosen one marked."""
    quant = chosen.quant or USUAL
    rounding = "" if QUANTS[quant].is_exact else " Values are rounded."
    rows = {
        "plain": (
            size(plan.bytes),
            "transformers, and what reads its folders",
            "Zeros take as much room and time as other values: nothing is saved.",
        ),
        "sparse-bitmask": (
            size(plan.compressed_bytes),
            "nothing as it is",
            "Made plain again, bit for bit, by `python -m pruning decompress`. Not faster.",
        ),
        "gguf": (
            f"about {size(Form(form='gguf', quant=quant).bytes(plan))} in {quant}",
            "llama.cpp, Ollama, LM Studio",
            f"Size and speed are the number format's; zeros save nothing here.{rounding}",
        ),
    }
    lines = ["| stored as | weights | loads in | |", "|---|---|---|---|"]
    for form, cells in rows.items():
        mark = "**" if form == chosen.form else ""
        lines.append(f"| {mark}{FORMS[form]}{mark} | {' | '.join(cells)} |")
    st.markdown("\n".join(lines))
