"""Where the documents of a run's groups come from, as far as calibration kept it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evidence.design import Origins

if TYPE_CHECKING:
    from pruning.runs.run import Run


def origins(run: Run) -> dict[str, Origins]:
    """Domain -> the sources and problems of each of its groups; domains of neither are left out."""
    return {}
