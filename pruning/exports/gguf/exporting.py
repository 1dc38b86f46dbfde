"""A domain's sub-model straight to the GGUF form, by way of a plain export that is not kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pruning.exports.gguf.folders import GgufResult, check_quant, temporary_folder, written_from
from pruning.exports.writing import export
from pruning.machine.new_folder import check_is_new
from pruning.progress import Report, ignore

if TYPE_CHECKING:
    from pruning.exports.planning import ExportPlan
    from pruning.runs.run import Run
    from pruning.specs import ExportSpec


def export_gguf(
    run: Run, spec: ExportSpec, out: Path, quant: str, report: Report = ignore
) -> tuple[GgufResult, ExportPlan]:
    """Write the sub-model that `spec` describes to the new folder `out`, as one GGUF file.

    Raises as `export`, and InputError before any work where llama.cpp has no name for the
    architecture, or the format needs llama.cpp itself.
    """
    out = out.expanduser().resolve()
    check_is_new(out)
    check_quant(run.model_folder(), quant)
    with temporary_folder(out) as kept:
        plain = export(run, spec, Path(kept) / out.name, report)
        return written_from(plain.folder, out, quant, report), plain.plan
