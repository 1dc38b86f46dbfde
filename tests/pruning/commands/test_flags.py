"""Every choice can be written as flags, and the flags are read as the same choice."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields

import pytest
from hypothesis import given, settings

from pruning.commands import calibrate, submodel_choice
from pruning.commands.flags import flags_of, read_flags
from pruning.commands.options import add_pruning, prune_spec_of, pruning_flags
from pruning.errors import InputError
from pruning.specs import CalibrationSpec, ExportSpec, PruneSpec
from tests.pruning.drawn_specs import calibration_specs, export_specs, prune_specs

EACH = settings(deadline=None, max_examples=50)


@EACH
@given(prune_specs())
def test_how_to_prune(spec: PruneSpec) -> None:
    assert prune_spec_of(read_flags(add_pruning, pruning_flags(spec))) == spec


@EACH
@given(export_specs())
def test_what_to_export(spec: ExportSpec) -> None:
    words = submodel_choice.choice_flags(spec)
    parser = argparse.ArgumentParser()
    submodel_choice.add_choice(parser)
    assert submodel_choice.spec_of(parser.parse_args(words), parser) == spec


@EACH
@given(calibration_specs())
def test_what_to_calibrate(spec: CalibrationSpec) -> None:
    words = calibrate.calibration_flags(spec)
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    assert calibrate.spec_of(parser.parse_args(words), parser) == spec


@EACH
@given(prune_specs())
def test_what_is_usual_needs_no_flag(spec: PruneSpec) -> None:
    words = pruning_flags(spec)
    for field in fields(PruneSpec):
        flag = f"--{field.name.replace('_', '-')}"
        assert field.default is not MISSING
        usual = getattr(spec, field.name) == field.default and field.name != "sparsity"
        assert (flag in words) != usual


def test_flags_that_are_always_wanted_and_values_that_no_flag_takes() -> None:
    assert flags_of(add_pruning, {"seed": 0}) == []
    assert flags_of(add_pruning, {"seed": 0}, ("seed",)) == ["--seed", "0"]
    with pytest.raises(KeyError, match="No flag takes colour"):
        flags_of(add_pruning, {"colour": "red"})
    with pytest.raises(InputError, match="invalid choice"):
        read_flags(add_pruning, ["--score", "red"])
