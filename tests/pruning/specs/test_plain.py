"""What was written as JSON is read again as the same, whatever it is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruning.errors import InputError
from pruning.specs import CalibrationSpec, PruneSpec, Spec
from pruning.specs.plain import Plain
from tests.pruning.drawn_specs import calibration_specs, export_specs, prune_specs


@dataclass(frozen=True, kw_only=True)
class Point:
    x: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drawing(Plain):
    first: Point
    pair: tuple[str, Point]
    by_name: Mapping[str, Point]
    rows: Mapping[str, tuple[float, ...]]
    points: tuple[tuple[Point, ...], ...] = ()
    last: Point | None = None


POINT = Point(x=1.5, names=("a", "b"))


@pytest.mark.parametrize("last", [None, POINT])
def test_what_is_nested_keeps_its_types(last: Point | None) -> None:
    drawing = Drawing(
        first=POINT,
        pair=("a", POINT),
        by_name={"b": POINT},
        rows={"c": (1.0, 2.0)},
        points=((POINT,), ()),
        last=last,
    )
    assert Drawing.from_json(json.loads(json.dumps(asdict(drawing)))) == drawing


def test_a_field_that_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(KeyError, match="domains"):
        CalibrationSpec.from_json({"model": {"source": "demo"}})
    with pytest.raises(InputError, match="ModelSpec has no field colour"):
        CalibrationSpec.from_json({"model": {"colour": "red"}, "domains": []})
    with pytest.raises(TypeError, match="other"):
        Drawing.from_json({"first": {"x": 1}, "pair": [], "by_name": {}, "rows": {}, "other": None})
    assert PruneSpec.from_json({}) == PruneSpec()


@settings(deadline=None, max_examples=60)
@given(st.one_of(prune_specs(), export_specs(), calibration_specs()))
def test_every_spec_is_read_as_it_was_written(spec: Spec) -> None:
    again = type(spec).from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.content_hash() == spec.content_hash()
