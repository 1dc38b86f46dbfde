"""The queue with tiny commands: order, progress, results, and every way that a job can end."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pruning.errors import AtlasError, InputError
from pruning.jobs import Job, JobQueue, Supervisor, start_supervisor
from pruning.jobs.queue import KEPT_JOBS
from pruning.jobs.supervisor import judge, last_line, read_result
from pruning.progress import Progress
from tests.waiting import alive, until

pytestmark = pytest.mark.process

SLEEP = ("-c", "import time; time.sleep(600)")
QUICK = ("-c", "print('{}')")


@dataclass(frozen=True)
class Folder:
    """As much of a workspace as the queue needs."""

    root: Path


@pytest.fixture
def workspace(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "workspace")


@pytest.fixture
def queue(workspace: Folder) -> JobQueue:
    return JobQueue(workspace)


@pytest.fixture
def supervisor(workspace: Folder) -> Iterator[Supervisor]:
    supervisor = Supervisor(workspace, grace=1.0)
    supervisor.start()
    yield supervisor
    supervisor.stop()


def ended(queue: JobQueue, job: Job) -> Job:
    until(lambda: not queue.get(job.id).active)
    return queue.get(job.id)


def running(queue: JobQueue, job: Job) -> Job:
    until(lambda: queue.get(job.id).status == "running" and (job.folder / "alive").exists())
    return queue.get(job.id)


def python(text: str) -> tuple[str, str]:
    return ("-c", text)


def test_a_job_waits_until_somebody_supervises(queue: JobQueue) -> None:
    job = queue.submit("calibrate", "Calibrate demo", QUICK)
    assert (job.status, job.position, job.progress, job.result) == ("queued", 0, None, None)
    assert queue.get(job.id) == job


def test_result_is_the_json_on_standard_output(queue: JobQueue, supervisor: Supervisor) -> None:
    job = queue.submit("t", "t", python('print(\'{"run": "abc"}\')'))
    done = ended(queue, job)
    assert (done.status, done.result, done.error) == ("done", {"run": "abc"}, None)
    assert done.created <= (done.started or 0) <= (done.finished or 0)
    assert done.position is None


def test_jobs_run_one_at_a_time_in_order(
    queue: JobQueue, workspace: Folder, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    text = (
        "import sys; log = open(sys.argv[1], 'a'); print('in', sys.argv[2], file=log, flush=True);"
        "print('out', sys.argv[2], file=log)"
    )
    jobs = [queue.submit("t", str(i), (*python(text), str(log), str(i))) for i in range(4)]
    assert [queue.get(job.id).position for job in jobs] == [0, 1, 2, 3]
    supervisor = Supervisor(workspace)
    supervisor.start()
    for job in jobs:
        assert ended(queue, job).status == "done"
    supervisor.stop()
    assert log.read_text().split("\n")[:-1] == [
        f"{word} {i}" for i in range(4) for word in ("in", "out")
    ]


def test_progress_written_by_the_command_is_read(queue: JobQueue, supervisor: Supervisor) -> None:
    text = (
        "import json, os, time; f = os.environ['SUBMODEL_ATLAS_PROGRESS'];"
        "json.dump(dict(stage='python', done=3, total=9, detail='layer 1', seconds_left=2.5),"
        " open(f, 'w')); time.sleep(600)"
    )
    job = queue.submit("t", "t", python(text))
    until(lambda: queue.get(job.id).progress is not None)
    assert queue.get(job.id).progress == Progress(
        stage="python", done=3, total=9, detail="layer 1", seconds_left=2.5
    )
    queue.cancel(job.id)


def test_the_worker_is_told_the_workspace_and_nothing_else_new(
    queue: JobQueue, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    names = "('SUBMODEL_ATLAS_WORKSPACE', 'HF_HUB_OFFLINE')"
    text = f"import json, os; print(json.dumps([os.environ.get(n) for n in {names}]))"
    done = ended(queue, queue.submit("t", "t", python(text)))
    assert done.result == {"value": [str(queue.root.resolve()), None]}


def test_spec_travels_as_a_file_of_the_job(queue: JobQueue, supervisor: Supervisor) -> None:
    text = "import sys; print(open(sys.argv[sys.argv.index('--spec') + 1]).read())"
    spec = {"model": {"source": "demo"}, "domains": ["é"]}
    done = ended(queue, queue.submit("t", "t", python(text), spec=spec))
    assert done.result == spec


def test_cancelled_while_it_waits_never_starts(queue: JobQueue, workspace: Folder) -> None:
    first = queue.submit("t", "first", QUICK)
    second = queue.submit("t", "second", QUICK)
    assert queue.cancel(first.id).status == "cancelled"
    assert queue.get(first.id).position is None
    assert queue.get(second.id).position == 0
    supervisor = Supervisor(workspace)
    supervisor.start()
    assert ended(queue, second).status == "done"
    supervisor.stop()
    assert queue.get(first.id).started is None


def test_cancelled_while_it_runs_ends_and_the_next_starts(
    queue: JobQueue, supervisor: Supervisor
) -> None:
    first, second = queue.submit("t", "first", SLEEP), queue.submit("t", "second", QUICK)
    running(queue, first)
    assert queue.get(second.id).position == 1
    asked = queue.cancel(first.id)
    assert asked.cancel_asked is not None
    assert ended(queue, first).status == "cancelled"
    assert ended(queue, second).status == "done"


def test_a_worker_deaf_to_sigterm_is_killed_with_its_children(
    queue: JobQueue, supervisor: Supervisor, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    text = (
        "import os, signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"child = subprocess.Popen([sys.executable, '-c', {deaf!r}]);"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} ready'); child.wait()"
    )
    job = queue.submit("t", "t", python(text))
    until(lambda: pids.exists() and pids.read_text().endswith("ready"))
    queue.cancel(job.id)
    assert ended(queue, job).status == "cancelled"
    for pid in map(int, pids.read_text().split()[:2]):
        until(lambda pid=pid: not alive(pid))  # type: ignore[misc]


def test_a_finished_job_is_not_cancelled_any_more(queue: JobQueue, supervisor: Supervisor) -> None:
    done = ended(queue, queue.submit("t", "t", QUICK))
    assert queue.cancel(done.id) == done


def test_failure_gives_the_last_sentence_of_stderr(queue: JobQueue, supervisor: Supervisor) -> None:
    text = "import sys; print('10 of 20', file=sys.stderr); sys.exit('The disk is full.\\n')"
    failed = ended(queue, queue.submit("t", "t", python(text)))
    assert (failed.status, failed.error) == ("failed", "The disk is full.")


def test_silent_failure_still_says_something(queue: JobQueue, supervisor: Supervisor) -> None:
    failed = ended(queue, queue.submit("t", "t", python("import sys; sys.exit(3)")))
    assert failed.status == "failed"
    assert failed.error is not None
    assert "status 3" in failed.error


def test_a_worker_killed_for_memory_fails_and_the_queue_goes_on(
    queue: JobQueue, supervisor: Supervisor
) -> None:
    text = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    killed, after = queue.submit("t", "t", python(text)), queue.submit("t", "t", QUICK)
    failed = ended(queue, killed)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.startswith("The worker process was killed (signal 9)")
    assert "memory" in failed.error
    assert ended(queue, after).status == "done"


def test_stopping_the_server_interrupts_and_a_resubmitted_job_runs(
    queue: JobQueue, workspace: Folder, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    text = f"import os, time; os.path.exists({str(flag)!r}) or time.sleep(600); print('{{}}')"
    job = queue.submit("t", "t", python(text))
    first = Supervisor(workspace)
    first.start()
    running(queue, job)
    first.stop()
    interrupted = queue.get(job.id)
    assert interrupted.status == "interrupted"
    assert interrupted.error is not None
    flag.touch()
    waiting = queue.submit("t", "waiting", QUICK)
    again = queue.resubmit(job.id)
    assert (again.id, again.status, again.error) == (job.id, "queued", None)
    assert queue.get(job.id).position == 1  # behind the one that waited already
    assert queue.get(waiting.id).position == 0
    second = Supervisor(workspace)
    second.start()
    assert ended(queue, job).status == "done"
    second.stop()


SERVER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from pruning.jobs import start_supervisor
start_supervisor(SimpleNamespace(root=Path(sys.argv[1])))
time.sleep(600)
"""


@contextlib.contextmanager
def other_server(workspace: Folder) -> Iterator[subprocess.Popen[bytes]]:
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(workspace.root)])
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def test_a_job_whose_server_and_worker_were_killed_is_interrupted(
    queue: JobQueue, workspace: Folder
) -> None:
    job = queue.submit("t", "t", SLEEP)
    with other_server(workspace) as server:
        running(queue, job)
        until(lambda: (queue.running() or ("", None))[1] is not None)
        _, pid = queue.running() or ("", None)
        assert pid is not None
        server.kill()
        server.wait()
        os.killpg(pid, signal.SIGKILL)
    supervisor = Supervisor(workspace)
    supervisor.start()
    assert ended(queue, job).status == "interrupted"
    supervisor.stop()


def test_a_worker_that_outlives_its_server_is_watched_to_its_end(
    queue: JobQueue, workspace: Folder, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    text = (
        "import os, time\n"
        f"while not os.path.exists({str(flag)!r}): time.sleep(0.02)\n"
        "print('{\"run\": 1}')"
    )
    job, after = queue.submit("t", "t", python(text)), queue.submit("t", "after", QUICK)
    with other_server(workspace) as server:
        running(queue, job)
        until(lambda: (queue.running() or ("", None))[1] is not None)
        server.kill()
    supervisor = Supervisor(workspace)
    supervisor.start()
    time.sleep(0.5)
    assert queue.get(job.id).status == "running"
    assert queue.get(after.id).status == "queued"
    flag.touch()
    done = ended(queue, job)
    assert (done.status, done.result) == ("done", {"run": 1})
    assert ended(queue, after).status == "done"
    supervisor.stop()


def test_an_outliving_worker_can_be_cancelled(queue: JobQueue, workspace: Folder) -> None:
    job = queue.submit("t", "t", SLEEP)
    with other_server(workspace) as server:
        running(queue, job)
        until(lambda: (queue.running() or ("", None))[1] is not None)
        server.kill()
    supervisor = Supervisor(workspace, grace=1.0)
    supervisor.start()
    queue.cancel(job.id)
    assert ended(queue, job).status == "cancelled"
    supervisor.stop()


def test_only_one_server_supervises_and_the_next_takes_over(
    queue: JobQueue, workspace: Folder
) -> None:
    slow = queue.submit("t", "t", SLEEP)
    second = Supervisor(workspace)
    with other_server(workspace):
        running(queue, slow)
        second.start()
        extra = queue.submit("t", "t", QUICK)
        time.sleep(0.5)
        assert queue.get(extra.id).status == "queued"
        queue.cancel(slow.id)
        assert ended(queue, slow).status == "cancelled"
        assert ended(queue, extra).status == "done"
    last = queue.submit("t", "t", QUICK)
    assert ended(queue, last).status == "done"
    second.stop()


def test_starting_the_supervisor_twice_gives_the_same(workspace: Folder) -> None:
    supervisor = start_supervisor(workspace)
    assert start_supervisor(Folder(workspace.root / ".." / "workspace")) is supervisor
    supervisor.stop()


def test_a_stopped_supervisor_is_followed_by_a_new_one(queue: JobQueue, workspace: Folder) -> None:
    start_supervisor(workspace).stop()
    again = start_supervisor(workspace)
    assert ended(queue, queue.submit("t", "t", QUICK)).status == "done"
    again.stop()


def submit_five(root: Path) -> None:
    queue = JobQueue(Folder(root))
    for _ in range(5):
        queue.submit("t", "t", QUICK)


def test_many_processes_open_and_fill_one_new_queue(workspace: Folder) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=submit_five, args=(workspace.root,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    jobs = JobQueue(workspace).list()
    assert [job.position for job in jobs] == list(range(20))


def test_a_database_locked_for_a_moment_loses_nothing(
    queue: JobQueue, supervisor: Supervisor
) -> None:
    job = queue.submit("t", "t", python("import time; time.sleep(0.3); print('{}')"))
    running(queue, job)
    with contextlib.closing(sqlite3.connect(queue.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(1.0)
        other.execute("COMMIT")
    assert ended(queue, job).status == "done"


def test_a_job_removed_from_the_database_ends_and_the_queue_goes_on(
    queue: JobQueue, supervisor: Supervisor
) -> None:
    removed, after = queue.submit("t", "t", SLEEP), queue.submit("t", "t", QUICK)
    running(queue, removed)
    with contextlib.closing(sqlite3.connect(queue.database)) as connection, connection:
        connection.execute("DELETE FROM jobs WHERE id = ?", (removed.id,))
    assert ended(queue, after).status == "done"


def test_deleting_forgets_the_job_and_its_folder(queue: JobQueue) -> None:
    job = queue.submit("t", "t", QUICK, spec={"a": 1})
    assert job.folder.is_dir()
    with pytest.raises(InputError, match="cancel it first"):
        queue.delete(job.id)
    queue.cancel(job.id)
    queue.delete(job.id)
    assert not job.folder.exists()
    with pytest.raises(InputError, match="There is no job"):
        queue.get(job.id)
    with pytest.raises(InputError, match="There is no job"):
        queue.delete("../../etc")


def test_only_the_last_ended_jobs_are_kept(queue: JobQueue) -> None:
    jobs = [queue.submit("t", str(i), QUICK) for i in range(KEPT_JOBS + 3)]
    for job in jobs:
        queue.cancel(job.id)
    newest = queue.submit("t", "newest", QUICK)
    listed = queue.list()
    assert [job.title for job in listed[:2]] == ["newest", str(KEPT_JOBS + 2)]
    assert len(listed) == KEPT_JOBS + 1
    assert newest.folder.is_dir()
    assert not jobs[0].folder.exists()


def test_old_jobs_that_another_process_forgets_first_trip_nobody(
    queue: JobQueue, workspace: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.jobs.queue.KEPT_JOBS", 0)
    queue.cancel(queue.submit("t", "old", QUICK).id)
    other = JobQueue(workspace)

    def after_the_other(identifier: str) -> None:
        other.delete(identifier)
        JobQueue.delete(queue, identifier)

    monkeypatch.setattr(queue, "delete", after_the_other)
    newest = queue.submit("t", "newest", QUICK)
    assert [job.id for job in queue.list()] == [newest.id]


def test_a_database_that_stays_locked_is_a_sentence(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.jobs.queue.LOCK_PATIENCE", 0.05)
    with contextlib.closing(sqlite3.connect(queue.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(AtlasError, match=r"database is locked.* try again"):
            queue.submit("t", "t", QUICK)
        other.execute("ROLLBACK")
    assert queue.list() == []


def test_a_done_job_is_not_resubmitted(queue: JobQueue, supervisor: Supervisor) -> None:
    done = ended(queue, queue.submit("t", "t", QUICK))
    with pytest.raises(InputError, match="needs no second start"):
        queue.resubmit(done.id)
    assert queue.get(done.id) == done


def test_a_queue_of_a_newer_program_is_refused(queue: JobQueue, workspace: Folder) -> None:
    with contextlib.closing(sqlite3.connect(queue.database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(AtlasError, match="newer version"):
        JobQueue(workspace)


def test_a_workspace_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AtlasError, match="cannot hold the job queue"):
        JobQueue(Folder(tmp_path / "file"))


@pytest.mark.parametrize(
    ("exit_status", "cancelled", "printed", "status"),
    [
        (0, False, True, "done"),
        (0, True, True, "done"),  # it was quicker than the cancellation
        (1, False, False, "failed"),
        (1, True, False, "cancelled"),
        (130, True, False, "cancelled"),
        (130, False, False, "interrupted"),  # SIGTERM from outside: the machine goes down
        (-15, False, False, "interrupted"),
        (-9, True, False, "cancelled"),
        (-9, False, False, "failed"),
        (-11, False, False, "failed"),
        (None, False, True, "done"),
        (None, False, False, "interrupted"),
        (None, True, False, "cancelled"),
    ],
)
def test_how_an_end_is_judged(
    exit_status: int | None, cancelled: bool, printed: bool, status: str
) -> None:
    assert judge(exit_status, cancelled, printed)[0] == status


def test_what_is_read_from_the_output_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert (read_result(file), last_line(file)) == (None, None)
    file.write_text("loading\n" + json.dumps({"a": 1}) + "\n\n")
    assert read_result(file) == {"a": 1}
    file.write_text(json.dumps({"a": 1}, indent=2))
    assert read_result(file) == {"a": 1}
    file.write_bytes(b"one\n\xff two \n \n")
    assert read_result(file) is None
    assert last_line(file) == "\ufffd two"


def test_a_job_that_cannot_be_queued_leaves_nothing(queue: JobQueue) -> None:
    with contextlib.closing(sqlite3.connect(queue.database)) as connection, connection:
        connection.execute("DROP TABLE jobs")
    with pytest.raises(AtlasError, match="cannot be used"):
        queue.submit("test", "A job", ["-c", "pass"], {"a": 1})
    assert not list(queue.folder.iterdir())
