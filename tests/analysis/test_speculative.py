"""A draft changes how fast the dense model answers, never what."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.savings.speculative import Drafting, continued, held_out_prompts, measure
from pruning.errors import InputError
from pruning.models.loading import LoadedModel, load_model
from pruning.specs import ModelSpec
from tests.pruning import zoo

WORK = Drafting(prompts=2, prompt_tokens=12, new_tokens=10, ahead=3)


def loaded(folder: Path) -> LoadedModel:
    return load_model(ModelSpec(source=str(folder), device="cpu"))


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return loaded(zoo.build("llama", tmp_path_factory.mktemp("dense")))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("narrow")
    return loaded(zoo.build("llama", folder, seed=5, intermediate_size=48))


def test_a_copy_is_accepted_whole_and_a_stranger_is_not(
    dense: LoadedModel, other: LoadedModel, tmp_path: Path
) -> None:
    copy = loaded(zoo.build("llama", tmp_path))
    whole = measure(dense, copy, "copy", "python", WORK)
    stranger = measure(dense, other, "stranger", "python", WORK)
    assert (whole.equal, stranger.equal) == (2, 2)
    assert whole.share > 0.75
    assert stranger.share < 0.5
    assert 0 <= stranger.accepted <= stranger.drafted


def test_passes_are_counted(dense: LoadedModel, other: LoadedModel) -> None:
    prompt = held_out_prompts(dense, "math", WORK)[0]
    plain, _, passes, drafts = continued(dense, None, prompt, WORK)
    assert len(prompt) == 12
    assert (passes, drafts) == (len(plain), 0)
    answer, _, passes, drafts = continued(dense, other, prompt, WORK)
    assert answer == plain
    assert passes <= len(plain)
    assert drafts >= passes - 1


def test_what_cannot_draft_is_a_sentence(dense: LoadedModel) -> None:
    with pytest.raises(InputError, match="no built-in domain 'cobol'"):
        held_out_prompts(dense, "cobol", WORK)
    with pytest.raises(InputError, match="at least 1"):
        Drafting(ahead=0)
    with pytest.raises(InputError, match="take shorter prompts"):
        held_out_prompts(dense, "python", Drafting(prompt_tokens=100_000))
