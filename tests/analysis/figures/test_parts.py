"""The map of owners: every unit once, in its owner's colour, in the figure and in the table."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.figures import parts
from analysis.figures.domains import colours
from analysis.figures.look import LIGHT
from analysis.overlap.owners import Owners
from pruning.specs import WeightKey

FIRST, SECOND = (WeightKey(layer=layer, name="mlp.down_proj") for layer in (0, 1))


def whose() -> Owners:
    kept = {
        FIRST: np.array([[0, 1, 1, 0], [0, 1, 0, 1]], dtype=bool),
        SECOND: np.array([[1, 0, 0], [1, 0, 0]], dtype=bool),
    }
    return Owners(
        of="channels",
        domains=("python", "math"),
        kept=kept,
        shares={key: np.full(each.shape, 0.25) for key, each in kept.items()},
    )


def test_cells_are_sorted_by_owner_and_say_their_number() -> None:
    chart = parts.owners_map(whose(), LIGHT)
    heat = chart.figure.data[0]
    assert heat.y == ("layer 0", "layer 1")
    # names: everybody, python, math, several, nobody
    np.testing.assert_array_equal(heat.z, [[0, 1, 2, 4], [0, 4, 4, np.nan]])
    assert heat.customdata[0, :, 0].tolist() == [1, 2, 3, 0]
    assert heat.customdata[0, 1, 1] == "Python alone"
    shades = dict.fromkeys(shade for _, shade in heat.colorscale)
    own = colours(("python", "math"), LIGHT)
    assert list(shades) == [LIGHT.ink, own["python"], own["math"], LIGHT.grid, LIGHT.paper]
    assert chart.table["python"] == [1, 0]
    assert chart.table["nobody"] == [1, 2]


def test_a_large_model_is_drawn_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CELLS", 4)
    heat = parts.owners_map(whose(), LIGHT).figure.data[0]
    np.testing.assert_array_equal(heat.z, [[0, 2], [0, 4]])
