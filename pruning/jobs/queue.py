"""The queue: which jobs wait, run and have ended, in one sqlite file that many processes share.

A job is a command line. Its folder `jobs/<id>/` in the workspace holds what the command writes:
`stdout`, `stderr`, `progress.json`, and the `spec.json` it was given, if any.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from pruning.errors import AtlasError, InputError
from pruning.jobs.records import Job, Status, read_error, read_progress

OUTPUTS = ("stdout", "stderr", "progress.json")
KEPT_JOBS = 100  # so many ended jobs are remembered; older ones are deleted
LOCK_PATIENCE = 30.0  # seconds to wait for another process that is writing
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    place INTEGER NOT NULL,      -- order of starting
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    argv TEXT NOT NULL,          -- JSON list: what follows `python`
    status TEXT NOT NULL,
    created REAL NOT NULL,       -- seconds since 1970, as all times here
    started REAL,
    finished REAL,
    pid INTEGER,                 -- of the worker, which leads its own process group
    cancel_asked REAL,
    result TEXT,                 -- JSON
    error TEXT
) STRICT
"""


class HasRoot(Protocol):
    """A workspace, as far as the queue is concerned."""

    @property
    def root(self) -> Path:
        """The workspace folder."""


class JobQueue:
    """First come, first served; safe to use from many threads and processes at once."""

    def __init__(self, workspace: HasRoot) -> None:
        """Opens the workspace's queue; raises AtlasError where the folder cannot be written."""
        self.root = Path(workspace.root)
        self.folder = self.root / "jobs"
        self.database = self.root / "jobs.sqlite"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                self._prepare(connection)
        except OSError as error:
            raise AtlasError(
                f"The workspace {self.root} cannot hold the job queue ({error}); "
                "check that the folder can be written and the disk is not full."
            ) from error

    def submit(
        self, kind: str, title: str, argv: Sequence[str], spec: dict[str, Any] | None = None
    ) -> Job:
        """Put a command line at the end of the queue.

        spec: plain data that the command reads; it is kept as the job's `spec.json`, and
        `--spec <that file>` is added to the command line.
        """
        identifier = secrets.token_hex(6)
        folder = self.folder / identifier
        command = list(argv)
        try:
            folder.mkdir()
            if spec is not None:
                (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
                command += ["--spec", str(folder / "spec.json")]
            with self._connection() as connection:
                connection.execute(
                    "INSERT INTO jobs (id, place, kind, title, argv, status, created) VALUES "
                    "(?, (SELECT COALESCE(MAX(place), 0) + 1 FROM jobs), ?, ?, ?, 'queued', ?)",
                    (identifier, kind, title, json.dumps(command), time.time()),
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._forget_old()
        return self.get(identifier)

    def resubmit(self, identifier: str) -> Job:
        """Put a job that failed, was cancelled or interrupted back at the end of the queue.

        It keeps its id, so that a link to it stays good.
        """
        job = self.get(identifier)
        if job.active or job.status == "done":
            raise InputError(f"The job is {job.status}; it needs no second start.")
        for name in OUTPUTS:
            (job.folder / name).unlink(missing_ok=True)
        with self._connection() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'queued', created = ?, started = NULL, finished = NULL, "
                "pid = NULL, cancel_asked = NULL, result = NULL, error = NULL, "
                "place = (SELECT MAX(place) + 1 FROM jobs) "
                "WHERE id = ? AND status NOT IN ('queued', 'running', 'done')",
                (time.time(), identifier),
            )
        return self.get(identifier)

    def get(self, identifier: str) -> Job:
        """The job with this id; raises InputError if there is none (any more)."""
        with self._connection() as connection:
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (identifier,)).fetchone()
            if row is None:
                raise InputError(f"There is no job {identifier!r}; it may have been deleted.")
            return self._job(row, _places(connection))

    def list(self) -> list[Job]:
        """The running job, the waiting ones in order, then ended ones, latest first."""
        with self._connection() as connection:
            places = _places(connection)
            rows = connection.execute(
                "SELECT * FROM jobs ORDER BY status NOT IN ('queued', 'running'), "
                "status != 'running', finished DESC, place"
            ).fetchall()
        return [self._job(row, places) for row in rows]

    def cancel(self, identifier: str) -> Job:
        """Cancel: at once if it waits, soon if it runs; a job that has ended stays as it is."""
        now = time.time()
        with self._connection() as connection:
            connection.execute(
                "UPDATE jobs SET status = 'cancelled', cancel_asked = ?, finished = ? "
                "WHERE id = ? AND status = 'queued'",
                (now, now, identifier),
            )
            connection.execute(
                "UPDATE jobs SET cancel_asked = COALESCE(cancel_asked, ?) "
                "WHERE id = ? AND status = 'running'",
                (now, identifier),
            )
        return self.get(identifier)

    def delete(self, identifier: str) -> None:
        """Forget an ended job and delete its folder; what it made stays in the workspace."""
        with self._connection() as connection:
            changed = connection.execute(
                "DELETE FROM jobs WHERE id = ? AND status NOT IN ('queued', 'running')",
                (identifier,),
            ).rowcount
        if not changed:
            raise InputError(f"The job is {self.get(identifier).status}; cancel it first.")
        shutil.rmtree(self.folder / identifier, ignore_errors=True)

    # What the supervisor uses.

    def running(self) -> tuple[str, int | None] | None:
        """(id, worker's process id) of the job that is marked as running, if one is."""
        with self._connection() as connection:
            row = connection.execute("SELECT id, pid FROM jobs WHERE status = 'running'").fetchone()
        return (row["id"], row["pid"]) if row else None

    def start_next(self) -> Job | None:
        """Mark the first waiting job as running and return it; None if none waits."""
        with self._connection() as connection:
            row = connection.execute(
                "UPDATE jobs SET status = 'running', started = ? WHERE id = "
                "(SELECT id FROM jobs WHERE status = 'queued' ORDER BY place LIMIT 1) RETURNING id",
                (time.time(),),
            ).fetchone()
        return self.get(row["id"]) if row else None

    def set_worker(self, identifier: str, pid: int) -> None:
        """Note the process id of a running job's worker."""
        with self._connection() as connection:
            connection.execute("UPDATE jobs SET pid = ? WHERE id = ?", (pid, identifier))

    def cancel_wanted(self, identifier: str) -> bool:
        """Whether somebody asked for the job's end, or has even removed it from the database."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT cancel_asked FROM jobs WHERE id = ?", (identifier,)
            ).fetchone()
        return row is None or row["cancel_asked"] is not None

    def finish(
        self,
        identifier: str,
        status: Status,
        *,
        result: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Note how a running job ended."""
        text = None if result is None else json.dumps(result)
        with self._connection() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, result = ?, error = ?, finished = ?, pid = NULL "
                "WHERE id = ? AND status = 'running'",
                (status, text, error, time.time(), identifier),
            )

    # How it is stored.

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for each use; what it changes is committed at the end.

        AtlasError where the database cannot be used.
        """
        try:
            with closing(sqlite3.connect(self.database, timeout=LOCK_PATIENCE)) as connection:
                connection.row_factory = sqlite3.Row
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise AtlasError(
                f"The job queue {self.database} cannot be used ({error}); check that the folder "
                "can be written, the disk is not full and no other program keeps the file locked, "
                "and try again."
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise AtlasError(
                f"The job queue in {self.root} was written by a newer version of this program; "
                "update the program or choose another workspace."
            )
        if version < SCHEMA_VERSION:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _forget_old(self) -> None:
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE status NOT IN ('queued', 'running') "
                "ORDER BY finished DESC LIMIT -1 OFFSET ?",
                (KEPT_JOBS,),
            ).fetchall()
        for row in rows:
            with suppress(InputError):  # another process has just deleted it
                self.delete(row["id"])

    def _job(self, row: sqlite3.Row, places: dict[str, int]) -> Job:
        folder = self.folder / row["id"]
        same = ("id", "kind", "title", "status", "error", "created", "started", "finished")
        return Job(
            **{name: row[name] for name in same},
            cancel_asked=row["cancel_asked"],
            argv=tuple(json.loads(row["argv"])),
            result=json.loads(row["result"]) if row["result"] else None,
            progress=read_progress(folder / "progress.json"),
            error_details=read_error(folder / "progress.json"),
            position=places.get(row["id"]),
            folder=folder,
        )


def _places(connection: sqlite3.Connection) -> dict[str, int]:
    """id -> how many jobs run or wait before it."""
    rows = connection.execute(
        "SELECT id FROM jobs WHERE status IN ('queued', 'running') "
        "ORDER BY status != 'running', place"
    )
    return {row["id"]: ahead for ahead, row in enumerate(rows)}
