"""What a person chooses, as data: frozen, validated, JSON-able; its hash names the result's folder."""

from pruning.specs.base import Spec, content_hash
from pruning.specs.calibration import CalibrationSpec
from pruning.specs.exports import (
    COMBINATIONS,
    INTERSECTION,
    MIXTURE,
    MODES,
    NONE,
    REMOVAL,
    REPAIRS,
    UNION,
    ExportSpec,
)
from pruning.specs.keys import WeightKey
from pruning.specs.models import DTYPES, ModelSpec
from pruning.specs.narrowing import NarrowSpec
from pruning.specs.prune import (
    ALLOCATIONS,
    COMPARISON_GROUPS,
    SCORES,
    STARVED,
    TEXT_SCORES,
    PruneSpec,
    Score,
)
from pruning.specs.text import TOKENS_PER_BATCH, DomainSpec, SampleSpec

__all__ = [
    "ALLOCATIONS",
    "COMBINATIONS",
    "COMPARISON_GROUPS",
    "DTYPES",
    "INTERSECTION",
    "MIXTURE",
    "MODES",
    "NONE",
    "REMOVAL",
    "REPAIRS",
    "SCORES",
    "STARVED",
    "TEXT_SCORES",
    "TOKENS_PER_BATCH",
    "UNION",
    "CalibrationSpec",
    "DomainSpec",
    "ExportSpec",
    "ModelSpec",
    "NarrowSpec",
    "PruneSpec",
    "SampleSpec",
    "Score",
    "Spec",
    "WeightKey",
    "content_hash",
]
