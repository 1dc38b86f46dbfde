"""How large a foreign configuration's model may be before it is built, even without its weights.

On the "meta" device numbers cost nothing, but every module and every entry of a list of layers is an
object in memory: ten million layers take a machine down.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from pruning.errors import InputError

MOST = {"layer": 2_000, "block": 1_000_000, "expert": 10_000, "head": 100_000, "stage": 2_000}
MOST_EXPERTS = 200_000  # in all layers together
MOST_MODULES = 100_000
MOST_NUMBER = 2**53  # of any entry; what is larger overflows somewhere
SMALLER = "Models of that size are not supported; check config.json, or choose another model."


def check_counts(config: Any, name: str = "") -> None:
    """Raise InputError if an entry of config.json counts more layers or experts than any model has.

    config: the parsed file, or a part of it called `name`.
    """
    if isinstance(config, dict):
        for inner, value in config.items():
            check_counts(value, str(inner))
        _check_product(config)
    elif isinstance(config, list):
        if len(config) > MOST["expert"]:
            raise InputError(f"config.json has {len(config):,} entries in {name}. {SMALLER}")
        for value in config:
            check_counts(value, name)
    elif isinstance(config, int | float) and not isinstance(config, bool):
        bounds = [most for word, most in MOST.items() if word in name.lower()]
        most = min(bounds, default=MOST_NUMBER)
        finite = config == config and abs(config) != float("inf")
        if finite and config > most and (isinstance(config, int) or bounds):
            raise InputError(
                f"config.json states {name} of {config:,}, more than {most:,}. {SMALLER}"
            )


def _check_product(config: dict[str, Any]) -> None:
    counts = {
        word: max((v for n, v in config.items() if word in n.lower() and type(v) is int), default=1)
        for word in ("layer", "expert")
    }
    if counts["layer"] * counts["expert"] > MOST_EXPERTS:
        raise InputError(
            f"config.json states {counts['layer']:,} layers with {counts['expert']:,} experts each, "
            f"more than {MOST_EXPERTS:,} in all. {SMALLER}"
        )


@contextlib.contextmanager
def at_most_modules(most: int = MOST_MODULES) -> Iterator[None]:
    """Inside, a model is given up with InputError once it has more modules than that."""
    count = 0

    def counted(_: nn.Module, name: str, module: nn.Module | None) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise InputError(f"config.json describes more than {most:,} modules. {SMALLER}")

    handle = register_module_module_registration_hook(counted)
    try:
        yield
    finally:
        handle.remove()
