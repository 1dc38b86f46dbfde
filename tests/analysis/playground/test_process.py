"""The playground's process: one model, one line of requests; it stops, dies and starts as it must."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.playground.client import REPOSITORY, Generation, Playground
from analysis.playground.engine import Engine
from analysis.playground.records import GenerationSpec, Passage, Sampling, SubModel
from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.pruning.finished_run import finished_run
from tests.waiting import alive, until

pytestmark = pytest.mark.process

CODE = SubModel(mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.6))

# A worker that answers without a model: each request takes until it is stopped or told to end.
PUPPET = """
import json, os, sys
asked = None
for line in sys.stdin:
    message = json.loads(line)
    if "stop" in message:
        if asked["spec"]["prompt"] == "deaf":
            continue
        event = {"passage": 0, "stage": None, "token": None, "ended": "stopped", "rest": "",
                 "prompt_seconds": 0.0, "seconds": 0.0}
        print(json.dumps({"id": asked["id"], "event": event}), flush=True)
        print(json.dumps({"id": asked["id"], "done": True}), flush=True)
        continue
    asked = message
    prompt = message["spec"]["prompt"]
    if prompt == "crash":
        os.kill(os.getpid(), 9)
    if prompt == "exit":
        sys.exit(3)
    if prompt == "refuse":
        print(json.dumps({"id": asked["id"], "failed": "No, thanks."}), flush=True)
    if prompt == "quick":
        print(json.dumps({"id": asked["id"], "done": True}), flush=True)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def puppet(tmp_path: Path) -> Iterator[Callable[..., Playground]]:
    """puppet(...) makes a playground whose process is the script above."""
    made: list[Playground] = []

    def make(**settings: Any) -> Playground:
        made.append(Playground(tmp_path, command=(sys.executable, "-c", PUPPET), **settings))
        return made[-1]

    yield make
    for playground in made:
        playground.close()


def seen(playground: Playground, identifier: str) -> Generation:
    found = playground.view(identifier)
    assert found is not None
    return found


def over(playground: Playground, identifier: str) -> Generation:
    until(lambda: not seen(playground, identifier).active)
    return seen(playground, identifier)


def said(prompt: str) -> GenerationSpec:
    return GenerationSpec(run="0", prompt=prompt)


def test_a_real_process_writes_what_the_library_writes(run: Run) -> None:
    spec = GenerationSpec(
        run=run.id, prompt="def add", submodels=(CODE,), sampling=Sampling(max_tokens=12)
    )
    expected: tuple[Passage, ...] = (Passage(),) * 2
    for event in Engine.of_run(run).generate(run, spec, lambda: False):
        expected = event.add_to(expected)
    playground = Playground(run.folder.parents[1])
    try:
        first = over(playground, playground.submit(spec, "model"))
        assert (first.status, first.failure) == ("done", "")
        assert [passage.text for passage in first.passages] == [p.text for p in expected]
        process = playground.process_id

        endless = replace(spec, prompt="the", sampling=Sampling(temperature=5, max_tokens=250))
        identifier = playground.submit(replace(endless, submodels=()), "model")
        until(lambda: seen(playground, identifier).passages[0].tokens)
        playground.stop(identifier)
        stopped = over(playground, identifier)
        assert stopped.status in ("stopped", "done")  # it may have been quicker
        wrong = replace(spec, submodels=(SubModel(mixture=(("java", 1.0),)),))
        failed = over(playground, playground.submit(wrong, "model"))
        assert failed.status == "failed"
        assert "no domain 'java'" in failed.failure
        assert playground.process_id == process  # one process for all of it
    finally:
        playground.close()


def test_the_process_dies_with_its_parent(tmp_path: Path) -> None:
    """However the parent ends: here by SIGKILL, which leaves it no time to tell."""
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from analysis.playground.client import Playground\n"
        "from analysis.playground.records import GenerationSpec\n"
        "playground = Playground(Path(sys.argv[1]))\n"
        "playground.submit(GenerationSpec(run='0', prompt='a'), 'model')\n"
        "print(playground.process_id, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        process = int(parent.stdout.readline())
        assert alive(process)
        parent.send_signal(signal.SIGKILL)
    until(lambda: not alive(process))


def test_requests_wait_in_line(puppet: Callable[..., Playground]) -> None:
    playground = puppet()
    first, second, third = (playground.submit(said(text), "m") for text in ("slow", "b", "quick"))
    assert seen(playground, first).status == "running"
    assert [seen(playground, each).before for each in (second, third)] == [1, 2]
    playground.stop(second)
    assert seen(playground, second).status == "stopped"
    assert seen(playground, second).passages == (Passage(ended="stopped"),)
    assert seen(playground, third).before == 1
    playground.stop(first)
    assert over(playground, first).status == "stopped"
    assert over(playground, third).status == "done"


def test_too_many_in_line(puppet: Callable[..., Playground]) -> None:
    playground = puppet()
    for _ in range(21):
        playground.submit(said("slow"), "m")
    with pytest.raises(InputError, match="try it again later"):
        playground.submit(said("slow"), "m")


def test_what_does_not_stop_is_ended_with_its_process(puppet: Callable[..., Playground]) -> None:
    playground = puppet(patience=0.05)
    deaf = playground.submit(said("deaf"), "m")
    after = playground.submit(said("quick"), "m")
    process = playground.process_id
    assert process is not None
    playground.stop(deaf)
    assert over(playground, deaf).status == "stopped"
    assert seen(playground, deaf).passages == (Passage(ended="stopped"),)
    assert over(playground, after).status == "done"
    until(lambda: not alive(process))


@pytest.mark.parametrize(("prompt", "words"), [("crash", "memory"), ("exit", "starts anew")])
def test_a_crash_is_a_sentence_and_the_next_request_starts_anew(
    prompt: str, words: str, puppet: Callable[..., Playground]
) -> None:
    playground = puppet()
    broken = playground.submit(said(prompt), "m")
    after = playground.submit(said("quick"), "m")
    failed = over(playground, broken)
    assert failed.status == "failed"
    assert words in failed.failure
    assert over(playground, after).status == "done"


def test_a_refusal_is_passed_on(puppet: Callable[..., Playground]) -> None:
    playground = puppet()
    assert over(playground, playground.submit(said("refuse"), "m")).failure == "No, thanks."


def test_the_process_ends_when_idle_or_for_another_model(
    puppet: Callable[..., Playground],
) -> None:
    playground = puppet(idle_seconds=0.1)
    over(playground, playground.submit(said("quick"), "m"))
    until(lambda: playground.process_id is None)
    other = puppet()
    over(other, other.submit(said("quick"), "first"))
    process = other.process_id
    assert process is not None
    over(other, other.submit(said("quick"), "first"))
    assert other.process_id == process
    over(other, other.submit(said("quick"), "second"))
    assert other.process_id != process
    until(lambda: not alive(process))


def test_a_process_that_cannot_be_started(tmp_path: Path) -> None:
    playground = Playground(tmp_path, command=(str(tmp_path / "nothing"),))
    found = over(playground, playground.submit(said("quick"), "m"))
    assert "cannot be started" in found.failure


def test_closing_ends_everything(puppet: Callable[..., Playground]) -> None:
    playground = puppet()
    first, second = (playground.submit(said("slow"), "m") for _ in range(2))
    process = playground.process_id
    assert process is not None
    playground.close()
    assert {seen(playground, each).status for each in (first, second)} == {"stopped"}
    until(lambda: not alive(process))


def test_old_generations_are_forgotten(puppet: Callable[..., Playground]) -> None:
    playground = puppet()
    known = []
    for _ in range(62):
        known.append(playground.submit(said("quick"), "m"))
        over(playground, known[-1])
    assert playground.view(known[0]) is None
    assert playground.view(known[-1]) is not None
    assert playground.view("unknown") is None
