"""Tasks from files, how their answers are read, and what a model is credited with."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.evaluation import task_scores
from analysis.evaluation.choices import choose
from analysis.evaluation.generation import generate, until
from analysis.evaluation.likelihood import beginning, tail_bits
from analysis.evaluation.task_scores import score_tasks
from analysis.evaluation.tasks import (
    TaskSpec,
    built_in,
    load_tasks,
    number_in,
    parse_task_file,
)
from demo.texts.tasks import ChoiceTask, MathTask, TranslationTask
from pruning.domains.encoding import TextEncoder
from pruning.errors import InputError
from pruning.models.loading import LoadedModel, load_model
from pruning.specs import ModelSpec
from tests.pruning import zoo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = zoo.build("llama", tmp_path_factory.mktemp("model"))
    return load_model(ModelSpec(source=str(folder), device="cpu"))


def task_file(folder: Path, *records: Any) -> str:
    path = folder / "tasks.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n\n")
    return str(path)


def test_the_three_kinds_of_files(tmp_path: Path) -> None:
    def load(kind: str, *records: dict[str, Any]) -> list[Any]:
        return load_tasks(parse_task_file(f"{kind}={task_file(tmp_path, *records)}"))

    first, second = load(
        "math",
        {"question": "What is 3 + 4?", "answer": "3 + 4 = 7\n#### 7"},
        {"id": "b", "prompt": "Ask:", "answer": "1,250", "marker": "is"},
    )
    assert (first.task_id, first.prompt) == ("1", "Question: What is 3 + 4?\nAnswer:")
    assert (first.answer, first.marker) == ("7", "")
    assert (second.task_id, second.prompt, second.marker) == ("b", "Ask:", "is")
    [choice] = load("choices", {"prompt": "A", "choices": [" b", " c"], "label": 1})
    assert (choice.choices, choice.label) == ((" b", " c"), 1)
    [pair] = load("translation", {"prompt": "A", "reference": "B"})
    assert pair.reference == "B"


@pytest.mark.parametrize(
    ("kind", "line", "sentence"),
    [
        ("math", {"question": "?", "answer": "none"}, "line 1, has no number"),
        ("math", {"answer": "1"}, "needs the field 'question'"),
        ("choices", {"prompt": "A", "choices": [" b"], "label": 0}, "at least two texts"),
        ("choices", {"prompt": "A", "choices": [" b", " c"], "label": 2}, "index"),
        ("translation", {"prompt": "A"}, "needs the field 'reference'"),
        ("translation", "text", "is not an object"),
    ],
)
def test_a_wrong_line_is_a_sentence(kind: str, line: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        load_tasks(TaskSpec(name="t", kind=kind, source=task_file(tmp_path, line)))


def test_files_and_flags_that_cannot_be_used(tmp_path: Path) -> None:
    for text in ("math", "=x", "luck=x", "math=", "lm-eval=x", "a:luck=x", ":math=x"):
        with pytest.raises(InputError):
            parse_task_file(text)
    with pytest.raises(InputError, match="cannot be read"):
        load_tasks(TaskSpec(name="t", kind="math", source=str(tmp_path / "none.jsonl")))
    with pytest.raises(InputError, match="holds no task"):
        load_tasks(TaskSpec(name="t", kind="math", source=task_file(tmp_path)))
    assert parse_task_file("gsm:math=a/b.jsonl").name == "gsm"
    assert parse_task_file("math=a/b.jsonl").name == "b"
    odd = parse_task_file("seed=1: a:math=x/b:math=c.jsonl")  # as the page names seed=1: a.jsonl
    assert (odd.name, odd.kind, odd.source) == ("seed=1: a", "math", "x/b:math=c.jsonl")


def test_built_in_tasks_are_held_out() -> None:
    for domain in ("math", "commonsense", "translation"):
        tasks = load_tasks(built_in(domain, 5))
        assert len({task.task_id for task in tasks}) >= 4
    with pytest.raises(InputError, match="Built-in tasks are those of"):
        TaskSpec(name="poetry", kind="math", count=3)


@pytest.mark.parametrize(
    ("text", "marker", "number"),
    [
        ("3 + 4 = 7.\nThe answer is 7.", "The answer is", "7"),
        ("The answer is 5. No: The answer is -12.", "The answer is", "-12"),
        ("It costs $1,250.50 in all", "", "1250.5"),
        ("It is 7.", "The answer is", None),
        ("no number", "", None),
    ],
)
def test_the_number_of_an_answer(text: str, marker: str, number: str | None) -> None:
    assert number_in(text, marker) == (None if number is None else Decimal(number))


def test_the_choice_is_the_likeliest_whole_or_per_byte(model: LoadedModel) -> None:
    encoder = TextEncoder.of(model.tokenizer)
    choices = [" the", " the quick brown fox", " return", " a"]
    [found] = choose(model, ["first"], [choices])
    bits = []
    for text in choices:
        head, whole = encoder.encode(["first", "first" + text], 99)
        ids = beginning(encoder) + whole
        bits.append(tail_bits(model, [ids], [len(whole) - len(head)])[0])
    per_byte = [bit / len(text) for bit, text in zip(bits, choices, strict=True)]
    assert found.raw == bits.index(min(bits))
    assert found.normalised == per_byte.index(min(per_byte))
    assert found.raw != found.normalised


def test_completions_do_not_depend_on_their_batch(model: LoadedModel) -> None:
    prompts = ["the", "def add(first, second):\n", "quick fox " * 8, "a"]
    together, alone = (
        generate(model, prompts, max_new_tokens=12, batch_size=size) for size in (4, 1)
    )
    assert together == alone
    assert any(text for (text,) in together)


def greedy_by_hand(model: LoadedModel, prompt: str, tokens: int) -> str:
    encoder = TextEncoder.of(model.tokenizer)
    ids = beginning(encoder) + encoder.encode([prompt], 99)[0]
    start = len(ids)
    for _ in range(tokens):
        with torch.inference_mode():
            ids.append(int(model.module(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == encoder.end_of_text:
            ids.pop()
            break
    return str(model.tokenizer.decode(ids[start:], skip_special_tokens=True))


def test_greedy_is_the_likeliest_token_each_time(model: LoadedModel) -> None:
    [[found]] = generate(model, ["the quick"], max_new_tokens=8)
    assert found == greedy_by_hand(model, "the quick", 8)
    stop = found[2:4]
    [[cut]] = generate(model, ["the quick"], max_new_tokens=8, stop=[stop, "never"])
    assert cut == until(found, [stop])


def test_samples_follow_the_seed(model: LoadedModel) -> None:
    def drawn(seed: int) -> list[list[str]]:
        return generate(
            model, ["the", "a"], max_new_tokens=6, temperature=1.5, samples=3, seed=seed
        )

    before = torch.random.get_rng_state()
    first = drawn(1)
    assert (torch.random.get_rng_state() == before).all()
    assert first == drawn(1) != drawn(2)
    assert [len(texts) for texts in first] == [3, 3]
    assert len(set(first[0])) > 1


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"top_p": 0}, {"samples": 0}, {"max_new_tokens": 4000}]
)
def test_settings_out_of_range(model: LoadedModel, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        generate(model, ["a"], **({"max_new_tokens": 2} | wrong))


def test_a_completion_ends_at_the_first_stop() -> None:
    assert until("    return 1\n\ndef g():", ("\nclass ", "\ndef ")) == "    return 1\n"
    assert until("abc", ("x",)) == "abc"


def test_scores_of_what_is_written(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def writes(*texts: str) -> Callable[..., list[list[str]]]:
        return lambda loaded, prompts, **more: [[text] for text in texts]

    def problem(answer: str) -> MathTask:
        return MathTask(task_id="", prompt="p", solution="", answer=answer, marker="is")

    monkeypatch.setattr(task_scores, "generate", writes(" it is 7.0", " it is 8", " none"))
    found = score_tasks(model, "math", [problem("7"), problem("7"), problem("1")])
    assert found.statistics["exact answer"][:, 0].tolist() == [1, 0, 0]
    assert found.outputs[1] == " it is 8"
    monkeypatch.setattr(task_scores, "generate", writes(" Il chante.\n"))
    pair = TranslationTask(task_id="", prompt="p", reference=" Il chante.")
    found = score_tasks(model, "translation", [pair])
    assert set(found.statistics) == {"chrF", "BLEU"}
    assert found.outputs == ("Il chante.",)
    choice = ChoiceTask(task_id="", prompt="first", choices=(" the", " a"), label=0)
    other = ChoiceTask(task_id="", prompt="first", choices=(" the", " a"), label=1)
    found = score_tasks(model, "choices", [choice, other])
    assert found.statistics["accuracy"][:, 0].sum() == 1
