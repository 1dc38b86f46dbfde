"""Tiny models, loaded once for all tests of this package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pruning.models.loading import LoadedModel, load_model
from pruning.runs.run import Run
from pruning.specs import ModelSpec
from tests.pruning import zoo
from tests.pruning.finished_run import finished_run


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """architecture -> the folder of a tiny model, built once. Tests must not change it."""
    made: dict[tuple[str, int], Path] = {}

    def folder(architecture: str, layers: int = 2) -> Path:
        if (architecture, layers) not in made:
            target = tmp_path_factory.mktemp(architecture)
            made[architecture, layers] = zoo.build(architecture, target, layers=layers)
        return made[architecture, layers]

    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Callable[..., Path]) -> Callable[..., LoadedModel]:
    """architecture -> a tiny model in memory. Tests must leave it as it was."""
    made: dict[tuple[str, int], LoadedModel] = {}

    def model(architecture: str, layers: int = 2) -> LoadedModel:
        if (architecture, layers) not in made:
            spec = ModelSpec(source=str(tiny_folder(architecture, layers)), device="cpu")
            made[architecture, layers] = load_model(spec)
        return made[architecture, layers]

    return model


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """architecture -> a finished run; not to be changed."""
    made: dict[str, Run] = {}

    def run(architecture: str) -> Run:
        if architecture not in made:
            made[architecture] = finished_run(architecture, tmp_path_factory.mktemp(architecture))
        return made[architecture]

    return run
