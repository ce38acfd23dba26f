"""Jobs, takes and earlier texts in one SQLite file that survives a kill at any instant.

Written by the panel alone, under `plugin.services.lock`. Every method is one transaction and,
but for a running job's phase, on the disk when it returns. Its schema's number lives in the
file; an older file is upgraded step by step in one transaction, after a copy of it was put aside.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from plugin.services import places
from plugin.services.store_schema import APPLICATION_ID, UPGRADES
from plugin.state.errors import StoreError, StoreNewerError
from plugin.state.job_queue import Job
from plugin.state.takes import Take

__all__ = ["Store"]

_log = logging.getLogger(__name__)

_JSON: Final = frozenset(
    {"request", "hint", "last_lines", "place", "placement", "origin", "timings"}
)
_TUPLES: Final = frozenset({"hint", "last_lines"})
# What only the running panel knows.
_FLEETING: Final = frozenset({"done", "total", "eta_s", "stopping", "values", "anyway"})
_JOB_COLUMNS: Final = tuple(f.name for f in fields(Job) if f.name not in _FLEETING)
_TAKE_COLUMNS: Final = tuple(f.name for f in fields(Take))
_HISTORY: Final = 50


class Store:
    """The panel's lists on disk.

    Parameters
    ----------
    path : Path
        The SQLite file; its folder is made.
    upgrades : mapping, optional
        For tests of later versions.

    Attributes
    ----------
    on_network : bool
        The file lies on a network drive, where lists may get lost.

    Raises
    ------
    StoreNewerError
        Code ``store_newer``: a younger panel wrote the file; it is left as it is.
    StoreError
        Code ``store``: no SQLite file, a damaged one, or a folder that cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        upgrades: Mapping[int, Callable[[sqlite3.Connection], None]] = UPGRADES,
    ) -> None:
        self.path = path
        self._upgrades = upgrades
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Locks of network drives cannot be trusted.
            self.on_network = places.on_network(path.parent)
            if self.on_network:
                _log.warning("%s lies on a network drive; SQLite may lose data there", path.parent)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        try:
            with _told(path):
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._connection.close()

    # ---- jobs (plugin.state.job_queue.JobStore) ---------------------------------------------

    def put_jobs(self, jobs: Sequence[Job], *, lightly: bool = False) -> None:
        """Write new or changed jobs, all or none; `lightly` does not wait for the disk."""
        with self._transaction(lightly=lightly) as connection:
            for job in jobs:
                _put(connection, "jobs", _JOB_COLUMNS, job)

    def delete_jobs(self, ids: Sequence[str]) -> None:
        """Forget jobs; takes made by them stay."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM jobs WHERE id = ?", [(each,) for each in ids])

    def load_jobs(self) -> tuple[Job, ...]:
        """Return all jobs in their order."""
        rows = self._read(f"SELECT {', '.join(_JOB_COLUMNS)} FROM jobs ORDER BY order_key, id")
        return tuple(Job(**_values(_JOB_COLUMNS, row)) for row in rows)

    def finish_job(self, job: Job, take: Take) -> Take:
        """End a job and add its take in one transaction.

        The take's file is in place before this is called. Called again for a job that has its
        take already (the answer to a crash), it changes nothing and returns that take.

        Returns
        -------
        Take
            With its number: one more than any take of this shot ever had.
        """
        with self._transaction() as connection:
            known = connection.execute(
                f"SELECT {', '.join(_TAKE_COLUMNS)} FROM takes WHERE id = ?", (take.id,)
            ).fetchone()
            if known is not None:
                return Take(**_values(_TAKE_COLUMNS, known))
            number = self._give_number(connection, take.shot_id, take.number)
            kept = replace(take, number=number)
            _put(connection, "jobs", _JOB_COLUMNS, job)
            _put(connection, "takes", _TAKE_COLUMNS, kept)
        return kept

    # ---- takes (plugin.state.takes.TakeStore) -----------------------------------------------

    def next_number(self, shot_id: str) -> int:
        """Reserve the number of a shot's next take, for its file name; no other gets it."""
        with self._transaction() as connection:
            return self._give_number(connection, shot_id, 0)

    def load_takes(self, shot_id: str | None = None) -> tuple[Take, ...]:
        """Return the takes of a shot, or all, oldest first."""
        query = f"SELECT {', '.join(_TAKE_COLUMNS)} FROM takes"
        if shot_id is None:
            rows = self._read(f"{query} ORDER BY created, shot_id, number")
        else:
            rows = self._read(f"{query} WHERE shot_id = ? ORDER BY number", (shot_id,))
        return tuple(Take(**_values(_TAKE_COLUMNS, row)) for row in rows)

    def load_take(self, take_id: str) -> Take | None:
        """Return a take of any shot; None: there is no such take any more."""
        query = f"SELECT {', '.join(_TAKE_COLUMNS)} FROM takes WHERE id = ?"
        rows = self._read(query, (take_id,))
        return Take(**_values(_TAKE_COLUMNS, rows[0])) if rows else None

    def put_take(self, take: Take) -> None:
        """Write a take that changed; one that was deleted stays so."""
        with self._transaction() as connection:
            columns = [name for name in _TAKE_COLUMNS if name != "id"]
            sets = ", ".join(f"{name} = ?" for name in columns)
            values = [_plain(name, getattr(take, name)) for name in columns]
            connection.execute(f"UPDATE takes SET {sets} WHERE id = ?", [*values, take.id])

    def delete_takes(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Remove takes.

        Returns
        -------
        tuple of str
            Files and folders that belonged to them and to no other take: delete these now.
        """
        with self._transaction() as connection:
            marks = ", ".join("?" * len(ids))
            rows = connection.execute(
                f"SELECT {', '.join(_TAKE_COLUMNS)} FROM takes WHERE id IN ({marks})", list(ids)
            ).fetchall()
            gone = [Take(**_values(_TAKE_COLUMNS, row)) for row in rows]
            connection.execute(f"DELETE FROM takes WHERE id IN ({marks})", list(ids))
            files = dict.fromkeys(path for take in gone for path in take.files)
            owned = "file = ?1 OR recipe = ?1 OR thumbnail = ?1 OR attention = ?1 OR proxy = ?1"
            return tuple(
                path
                for path in files
                if connection.execute(f"SELECT 1 FROM takes WHERE {owned}", (path,)).fetchone()
                is None
            )

    # ---- earlier texts ----------------------------------------------------------------------

    def remember_texts(self, now: str, wanted: str) -> None:
        """Put two texts on top of the history; only the newest fifty of each are kept."""
        with self._transaction() as connection:
            for field, text in (("now", now.strip()), ("wanted", wanted.strip())):
                if not text:
                    continue
                connection.execute(
                    "INSERT INTO texts (field, text, used) "
                    "VALUES (?1, ?2, (SELECT coalesce(max(used), 0) + 1 FROM texts)) "
                    "ON CONFLICT (field, text) DO UPDATE SET used = excluded.used",
                    (field, text),
                )
                connection.execute(
                    "DELETE FROM texts WHERE field = ?1 AND text NOT IN "
                    "(SELECT text FROM texts WHERE field = ?1 ORDER BY used DESC LIMIT ?2)",
                    (field, _HISTORY),
                )

    def texts(self, field: str) -> tuple[str, ...]:
        """Return earlier texts of ``now`` or ``wanted``, newest first."""
        rows = self._read("SELECT text FROM texts WHERE field = ? ORDER BY used DESC", (field,))
        return tuple(str(row[0]) for row in rows)

    # ---- within -----------------------------------------------------------------------------

    def _give_number(self, connection: sqlite3.Connection, shot_id: str, wished: int) -> int:
        """Return a number that no take of the shot has; a reserved one is taken as it is."""
        (last,) = connection.execute(
            "SELECT coalesce((SELECT last FROM numbers WHERE shot_id = ?1), 0)", (shot_id,)
        ).fetchone()
        if 0 < wished <= last:
            used = connection.execute(
                "SELECT 1 FROM takes WHERE shot_id = ? AND number = ?", (shot_id, wished)
            ).fetchone()
            if used is None:
                return wished
        number = max(int(last) + 1, wished)
        connection.execute(
            "INSERT INTO numbers (shot_id, last) VALUES (?1, ?2) "
            "ON CONFLICT (shot_id) DO UPDATE SET last = ?2",
            (shot_id, number),
        )
        return number

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _told(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, *, lightly: bool = False) -> Iterator[sqlite3.Connection]:
        """Do all or nothing; `lightly` survives a kill, but perhaps no power cut."""
        with _told(self.path):
            connection = self._connection
            if lightly:
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            finally:
                if lightly:
                    connection.execute("PRAGMA synchronous = FULL")

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if application not in (0, APPLICATION_ID) or (tables and application != APPLICATION_ID):
            raise StoreError(
                f"{self.path} is not FlowAnchor's list of jobs and takes.",
                hint=["open_folder"],
                detail=f"application id {application:#x}, {tables} tables",
            )
        target = len(self._upgrades)
        if version > target:
            raise StoreNewerError(
                "The list of jobs and takes was written by a newer FlowAnchor.",
                hint=["update_panel"],
                detail=f"{self.path} has version {version}, this panel knows {target}",
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a finished take survives a power cut
        if version == target:
            return
        if version > 0:
            self._put_copy_aside(version)
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in range(version, target):
                self._upgrades[step](connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {target}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _put_copy_aside(self, version: int) -> None:
        """Keep the older file: an upgrade that turns out wrong loses nothing."""
        aside = self.path.with_name(f"{self.path.stem}.version-{version}{self.path.suffix}")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        temporary = aside.with_name(aside.name + ".tmp")
        shutil.copyfile(self.path, temporary)
        temporary.replace(aside)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"The list of jobs and takes in {path.parent} cannot be used.",
            hint=["open_folder", "copy_report"],
            detail=f"{type(error).__name__}: {error}",
        ) from error


def _put(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], record: Job | Take
) -> None:
    marks = ", ".join("?" * len(columns))
    sets = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "id")
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "
        f"ON CONFLICT (id) DO UPDATE SET {sets}",
        [_plain(name, getattr(record, name)) for name in columns],
    )


def _plain(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return int(value) if isinstance(value, bool) else value


def _values(columns: tuple[str, ...], row: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in zip(columns, row, strict=True):
        if name in _JSON:
            data = json.loads(value)
            found[name] = tuple(data) if name in _TUPLES else data
        else:
            found[name] = bool(value) if name == "starred" else value
    return found
