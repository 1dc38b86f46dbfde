"""Hub data sets without a network: local data in place of the hub, and its errors as sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets.exceptions import DatasetNotFoundError

from pruning.domains import documents, hub
from pruning.errors import AtlasError, InputError
from pruning.specs import DomainSpec

TEXTS = [f"document {number}" for number in range(30)]
LATE = type("ReadTimeout", (Exception,), {"__module__": "httpx2._exceptions"})
TABLE = {"id": list(range(30)), "text": TEXTS, "title": ["t"] * 30}


def spec_of(**choices: Any) -> DomainSpec:
    return DomainSpec(name="mine", kind="hub", source="some/set", **choices)


def drawn(seed: int = 0, **choices: Any) -> list[str]:
    return list(documents(spec_of(**choices), seed))


@pytest.fixture
def hub_gives(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[dict[str, Any]]]:
    """Make `load_dataset` return a value or raise an exception; gives the calls it gets."""

    def give(answer: Any) -> list[dict[str, Any]]:
        calls = []

        def load_dataset(path: str, **choices: Any) -> Any:
            calls.append({"path": path, **choices})
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return calls

    return give


def test_what_is_asked_of_the_hub(hub_gives: Callable[[Any], list[dict[str, Any]]]) -> None:
    calls = hub_gives(datasets.Dataset.from_dict(TABLE))
    drawn(config="main", split="test", revision="abc", streaming=False)
    assert calls == [
        {
            "path": "some/set",
            "name": "main",
            "split": "test",
            "revision": "abc",
            "streaming": False,
        }
    ]


@pytest.mark.parametrize("streaming", [True, False])
def test_each_document_once_in_an_order_of_the_seed(
    hub_gives: Callable[[Any], Any], streaming: bool
) -> None:
    data = datasets.Dataset.from_dict(TABLE)
    hub_gives(data.to_iterable_dataset() if streaming else data)
    orders = [drawn(seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert all(sorted(order) == sorted(TEXTS) for order in orders)
    assert orders[0] != TEXTS


def test_a_stream_that_knows_its_columns_only_from_its_records(
    hub_gives: Callable[[Any], Any],
) -> None:
    records = [{"n": 1, "pair": {"en": "a", "fr": "b"}}, {"n": 2, "pair": {"en": "c", "fr": "d"}}]
    stream = datasets.IterableDataset.from_generator(lambda: iter(records))
    assert stream.features is None
    hub_gives(stream)
    assert sorted(drawn(column="pair.fr")) == ["b", "d"]
    with pytest.raises(InputError, match=r"n \(whole numbers\), pair\.en \(text\)"):
        drawn()


def test_translations_nested_records_and_labels(hub_gives: Callable[[Any], Any]) -> None:
    features = datasets.Features(
        {
            "translation": datasets.Translation(languages=("en", "fr")),
            "answer": {"text": datasets.Value("string")},
            "label": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    row = {"translation": {"en": "a", "fr": "b"}, "answer": {"text": "c"}, "label": 1}
    hub_gives(datasets.Dataset.from_list([row], features=features))
    assert drawn(template="{translation.en} {answer.text}") == ["a c"]
    assert drawn(column="answer.text") == ["c"]
    with pytest.raises(InputError, match=r"translation\.fr \(text\), answer\.text \(text\), label"):
        drawn()
    with pytest.raises(InputError, match=r"'label' of .* does not hold text"):
        drawn(column="label")


def test_without_a_split_train_or_the_only_one(hub_gives: Callable[[Any], Any]) -> None:
    part = {name: datasets.Dataset.from_dict({"text": [name]}) for name in ("train", "test", "dev")}
    hub_gives(datasets.DatasetDict(part))
    assert drawn() == ["train"]
    hub_gives(datasets.DatasetDict(dev=part["dev"]))
    assert drawn() == ["dev"]
    hub_gives(datasets.DatasetDict(dev=part["dev"], test=part["test"]))
    with pytest.raises(InputError, match="choose one of its splits: dev, test"):
        drawn()


@pytest.mark.parametrize("streaming", [True, False])
def test_nothing_but_empty_texts(hub_gives: Callable[[Any], Any], streaming: bool) -> None:
    data = datasets.Dataset.from_dict({"text": ["", " ", None]})
    hub_gives(data.to_iterable_dataset() if streaming else data)
    with pytest.raises(InputError, match="nothing but empty texts"):
        drawn()
    hub_gives(datasets.Dataset.from_dict({"text": []}))
    with pytest.raises(InputError, match="holds no record"):
        drawn()


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            DatasetNotFoundError(
                "Dataset 'some/set' doesn't exist on the Hub or cannot be accessed."
            ),
            InputError,
            r"doesn't exist on the Hub.*Check its id and revision\.",
        ),
        (
            DatasetNotFoundError("Dataset 'some/set' is a gated dataset on the Hub."),
            InputError,
            "is gated: accept its conditions on https://huggingface.co/datasets/some/set",
        ),
        (
            RuntimeError("Dataset scripts are no longer supported, but found set.py"),
            InputError,
            "mine=hf:some/set@refs/convert/parquet",
        ),
        (
            ConnectionError("Couldn't reach 'some/set' on the Hub (OfflineModeIsEnabled)"),
            AtlasError,
            "hub cannot be reached for some/set: check the network",
        ),
        (
            ValueError(
                "Config name is missing.\nPlease pick one among the available configs: "
                "['main', 'socratic']\nExample of usage:\n\t`load_dataset('x', 'main')`"
            ),
            InputError,
            r"needs one of its configs named; they are: main, socratic\.",
        ),
        (
            ValueError("BuilderConfig 'x' not found. Available: ['main', 'socratic']"),
            InputError,
            r"configs named; they are: main, socratic\.",
        ),
        (
            ValueError("Bad split: x. Available splits: ['train', 'test']"),
            InputError,
            r"splits named; they are: train, test\.",
        ),
        (
            ValueError("Unknown split \"x\". Should be one of ['train', 'test']."),
            InputError,
            r"splits named; they are: train, test\.",
        ),
        (
            ValueError("Cannot write aggregated statistics of the split"),
            InputError,
            "cannot be read: ValueError, Cannot write aggregated",
        ),
        (LATE("timed out"), AtlasError, "hub cannot be reached"),
        (OSError("disk quota"), AtlasError, r"cannot be read: OSError, disk quota\."),
    ],
)
def test_errors_of_the_hub_are_sentences(
    hub_gives: Callable[[Any], Any], error: Exception, kind: type[Exception], says: str
) -> None:
    hub_gives(error)
    with pytest.raises(kind, match=says):
        drawn()


def test_an_error_in_the_middle_of_a_stream_is_a_sentence(hub_gives: Callable[[Any], Any]) -> None:
    def broken() -> Any:
        yield {"text": "fine"}
        raise ConnectionError("reset by peer")

    hub_gives(datasets.IterableDataset.from_generator(broken))
    with pytest.raises(AtlasError, match="hub cannot be reached"):
        drawn()


@pytest.mark.parametrize(
    "source", ["/etc", "..", "../x", "a/b/c", "https://x.org/a", "a b", "./a", "json"]
)
def test_an_id_that_could_be_a_path_never_reaches_the_loader(
    hub_gives: Callable[[Any], list[Any]], source: str
) -> None:
    calls = hub_gives(datasets.Dataset.from_dict(TABLE))
    with pytest.raises(InputError, match="is not the whole id of a data set"):
        list(documents(DomainSpec(name="mine", kind="hub", source=source), 0))
    assert not calls


def test_a_local_folder_of_the_same_name_is_not_read_instead(
    hub_gives: Callable[[Any], list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = hub_gives(datasets.Dataset.from_dict(TABLE))
    (tmp_path / "some" / "set").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"also a file or folder here.*mine=PATH"):
        drawn()
    assert not calls


@pytest.fixture
def local_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set in the hub's layout, in a folder that stands for the hub."""
    folder = tmp_path / "set"
    for split in ("train", "test"):
        lines = [json.dumps({"body": f"{split} {i}", "n": i}) for i in range(20)]
        (folder / split).mkdir(parents=True)
        (folder / split / "part.jsonl").write_text("\n".join(lines))
    real = datasets.load_dataset

    def load_dataset(path: str, **choices: Any) -> Any:
        assert path == "some/set"
        return real(str(folder), cache_dir=str(tmp_path / "cache"), **choices)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    datasets.disable_progress_bars()
    return folder


@pytest.mark.parametrize("streaming", [True, False])
def test_the_real_loader_on_a_real_data_set(local_set: Path, streaming: bool) -> None:
    assert sorted(drawn(streaming=streaming)) == sorted(f"train {i}" for i in range(20))
    assert len(drawn(streaming=streaming, split="test")) == 20
    with pytest.raises(InputError, match="splits named; they are: "):
        drawn(streaming=streaming, split="dev")
    with pytest.raises(InputError, match=r"no column 'text'; its columns: .*body"):
        drawn(streaming=streaming, column="text")


def test_a_data_set_with_a_program_is_refused(local_set: Path) -> None:
    (local_set / "set.py").write_text("raise SystemExit('was run')")
    with pytest.raises(InputError, match="programs of others are not run here"):
        drawn()


def test_explain_never_ends_without_a_full_stop() -> None:
    for words in ("", "x", "x."):
        assert str(hub.explain(KeyError(words), spec_of())).endswith(".")


@pytest.mark.parametrize("source", ["org/gated", "gated.x/set"])
def test_a_data_set_is_not_gated_by_its_name(source: str) -> None:
    spec = DomainSpec(name="mine", kind="hub", source=source)
    missing = DatasetNotFoundError(f"Dataset '{source}' doesn't exist on the Hub.")
    assert "Check its id and revision" in str(hub.explain(missing, spec))
    full = OSError(f"no space: /cache/datasets--{source.replace('/', '--')}/blobs")
    assert "cannot be read: OSError" in str(hub.explain(full, spec))
    gated = DatasetNotFoundError(f"Dataset '{source}' is a gated dataset on the Hub.")
    assert "is gated: accept its conditions" in str(hub.explain(gated, spec))
