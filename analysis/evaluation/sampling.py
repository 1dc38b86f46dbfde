"""How programs are sampled for pass@k."""

from __future__ import annotations

from dataclasses import dataclass

from pruning.errors import InputError
from pruning.specs import Spec


@dataclass(frozen=True, kw_only=True)
class Sampling(Spec):
    """`samples` programs of each task, drawn with temperature and top-p.

    temperature 0: one greedy program a task. ks: the k of pass@k (Chen et al. 2021), none larger
    than the number of samples.
    """

    samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    ks: tuple[int, ...] = (1,)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1 or not self.ks or any(not 1 <= k <= self.samples for k in self.ks):
            raise InputError("pass@k needs at least k samples of every task, and k of at least 1.")
        if self.samples > 1 and self.temperature == 0:
            raise InputError(
                "Several samples at temperature 0 are all the same; set a temperature such as 0.8."
            )
        if not 0 < self.top_p <= 1 or self.temperature < 0:
            raise InputError("Sampling needs 0 < top-p <= 1 and a temperature of at least 0.")
