"""Numbers made readable, and the estimate's formula."""

from types import SimpleNamespace

import pytest

from pages.ui import estimate
from pages.ui.words import GLOSSARY, count, duration, explain, listing, size


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (12_345_678, "12.3 M"), (7.2e9, "7.2 B")],
)
def test_counts(number: float, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12 bytes"), (30_000_000, "30 MB"), (1.5e9, "1.5 GB")]
)
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59, "59 s"), (75, "1 min 15 s"), (1200, "20 min"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_listings() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(["a", "b", "c", "d", "e"], 3) == "a, b and 3 more"
    assert listing([]) == ""


def test_every_explanation_is_there() -> None:
    assert explain("Sparsity", "Mask").count("**") == 4
    assert all(text.endswith(".") for text in GLOSSARY.values())


def test_time_is_two_operations_a_weight_and_token() -> None:
    assert estimate.operations(1000, 7) == 14_000
    took = estimate.seconds(10**6, 10**4, "cpu", speed=1e9)
    assert took == pytest.approx(estimate.START_SECONDS + 20)


def test_speed_comes_from_large_finished_runs_of_the_same_device() -> None:
    def finished(tokens: int, seconds: float, device: str = "cpu", status: str = "done") -> object:
        return SimpleNamespace(
            status=status,
            manifest=SimpleNamespace(
                seconds=seconds, domains={"a": SimpleNamespace(tokens=tokens)}
            ),
            spec=SimpleNamespace(model=SimpleNamespace(device=device)),
            weights=[SimpleNamespace(shape=(1000, 1000))],
        )

    large = 10**6  # tokens, and as many weights: 2e12 operations
    runs = [
        finished(large, 100.0),
        finished(large, 50.0),
        finished(large, 200.0),
        finished(10, 90.0),
        finished(large, 2.0, device="cuda"),
        finished(large, 2.0, status="failed"),
    ]
    assert estimate.measured_speed(runs, "cpu") == 2e12 / 100  # type: ignore[arg-type]
    assert estimate.measured_speed(runs[3:4], "cpu") is None  # type: ignore[arg-type]


def test_memory_grows_with_the_batch() -> None:
    one = estimate.memory(10**9, 4096, 2048)
    two = estimate.memory(10**9, 4096, 4096)
    assert two - one == 24 * 4 * 4096 * 2048
