"""Which of a model's weights are meant: layers and projections as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pruning.errors import InputError
from pruning.specs.keys import WeightKey


def parse_layers(text: str) -> tuple[int, ...]:
    """ "0-5,8" -> (0, 1, 2, 3, 4, 5, 8)."""
    layers: set[int] = set()
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise InputError(f"Layers are written like 0-5,8; {part!r} is not understood.")
        layers.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(layers))


def select_weights(
    keys: Sequence[WeightKey],
    layers: Sequence[int] | None,
    projections: Sequence[str] | None,
) -> tuple[WeightKey, ...]:
    """The keys in the chosen layers and projections (last part of the name, or the whole name).

    A layer or projection that matches nothing raises InputError and says what there is.
    """
    there = sorted({key.layer for key in keys})
    missing = sorted(set(layers or ()) - set(there))
    if missing:
        raise InputError(
            f"There is no layer {', '.join(map(str, missing))}; "
            f"there are layers {there[0]} to {there[-1]}."
        )
    names = {key.projection for key in keys} | {key.name for key in keys}
    unknown = sorted(set(projections or ()) - names)
    if unknown:
        raise InputError(
            f"There is no projection {', '.join(unknown)}; "
            f"there are {', '.join(sorted({key.projection for key in keys}))}."
        )
    chosen = tuple(
        key
        for key in keys
        if (layers is None or key.layer in layers)
        and (projections is None or {key.projection, key.name} & set(projections))
    )
    if not chosen:
        raise InputError("The chosen layers and projections have no weight in common.")
    return chosen


def check_selection(layers: tuple[int, ...] | None, projections: tuple[str, ...] | None) -> None:
    """Raises InputError for a choice of layers or projections that can select nothing."""
    if layers is not None and (not layers or any(layer < 0 for layer in layers)):
        raise InputError("Choose at least one decoder layer; layers are numbered from 0.")
    if projections is not None and not projections:
        raise InputError("Choose at least one projection.")
