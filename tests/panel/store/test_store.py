"""What is kept: takes with their jobs, numbers, upgrades, and files that are not ours."""

from __future__ import annotations

import sqlite3
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from plugin.services.store import Store
from plugin.services.store_schema import SCHEMA_VERSION, UPGRADES
from plugin.state.errors import StoreError, StoreNewerError
from plugin.state.job_queue import Job, JobQueue
from plugin.state.takes import Take, Takes
from tests.panel.store import records

VERSION_1 = Path(__file__).parent / "data" / "version1.sql"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lists" / "panel.sqlite"


@pytest.fixture
def kept(path: Path) -> Any:
    store = Store(path)
    yield store
    store.close()


def full_job() -> Job:
    return Job(
        id="j",
        order_key=1.5,
        state="failed",
        request=records.request(),
        request_hash="hash",
        kind="test",
        shot_id="shot",
        title="rötes „Leder“ 夜",
        attempts=2,
        phase="edit",
        estimate_s=12.5,
        note="say.queue.was_interrupted",
        code="vram",
        sentence="Too big.",
        hint=("save_memory", "set_range"),
        detail="d\n'\"",
        last_lines=("one", "two"),
        created=1.0,
        started=2.0,
        ended=3.0,
        place={"range": [0, 9], "shot": "{}"},
    )


def test_every_field_comes_back(kept: Store) -> None:
    job = full_job()
    kept.put_jobs([job])
    assert kept.load_jobs() == (job,)
    done = replace(job, state="done")
    take = records.take(
        job="j",
        recipe="/takes/a.json",
        thumbnail="/takes/a.png",
        starred=True,
        delivery="take",
        placed="item",
        placement={"track": 2, "notes": ["grade"]},
        timings={"edit": 12.5},
        frames=81,
        attention="/takes/a",
        proxy="/cache/a",
        created=4.0,
        kind="test",
    )
    assert {f.name for f in fields(Take)} == set(vars(take))
    given = kept.finish_job(done, take)
    assert given == replace(take, number=1)
    assert kept.load_takes("shot") == (given,)
    assert kept.load_takes("other") == ()
    assert kept.load_jobs() == (done,)


def test_job_and_take_end_together_or_not_at_all(kept: Store) -> None:
    job = full_job()
    kept.put_jobs([job])
    wrong = replace(records.take(job="j"), delivery="fax")  # type: ignore[arg-type]
    with pytest.raises(StoreError) as caught:
        kept.finish_job(replace(job, state="done"), wrong)
    assert caught.value.code == "store"
    assert kept.load_jobs() == (job,)
    assert kept.load_takes() == ()
    assert kept.finish_job(replace(job, state="done"), records.take(job="j")).number == 1


def test_a_take_is_added_once(kept: Store) -> None:
    first = kept.finish_job(full_job(), records.take(job="j"))
    assert kept.finish_job(full_job(), records.take(job="j")) == first
    assert len(kept.load_takes()) == 1


def test_numbers_are_never_given_twice(kept: Store) -> None:
    assert [kept.next_number("shot") for _ in range(2)] == [1, 2]
    second = kept.finish_job(full_job(), records.take(2, seed=2))
    third = kept.finish_job(full_job(), records.take(0, seed=3))
    first = kept.finish_job(full_job(), records.take(1, seed=1))
    again = kept.finish_job(full_job(), records.take(2, seed=4))
    assert [t.number for t in (second, third, first, again)] == [2, 3, 1, 4]
    kept.delete_takes([again.id])
    assert kept.next_number("shot") == 5
    assert kept.next_number("other") == 1


def test_deleting_returns_what_nobody_else_uses(kept: Store) -> None:
    one = kept.finish_job(
        full_job(), records.take(seed=1, thumbnail="/t/a.png", proxy="/cache/shared")
    )
    two = kept.finish_job(full_job(), records.take(seed=2, proxy="/cache/shared"))
    assert kept.delete_takes([one.id]) == (one.file, "/t/a.png")
    assert kept.delete_takes([one.id]) == ()
    assert kept.delete_takes([two.id]) == (two.file, "/cache/shared")


def test_a_deleted_take_is_not_written_back(kept: Store) -> None:
    take = kept.finish_job(full_job(), records.take())
    kept.delete_takes([take.id])
    kept.put_take(replace(take, starred=True))
    assert kept.load_takes() == ()


def test_forgetting_jobs_keeps_takes(kept: Store) -> None:
    kept.put_jobs([full_job()])
    kept.finish_job(replace(full_job(), state="done"), records.take(job="j"))
    kept.delete_jobs(["j"])
    assert (kept.load_jobs(), len(kept.load_takes())) == ((), 1)


def test_earlier_texts_newest_first_fifty_of_each(kept: Store) -> None:
    for i in range(60):
        kept.remember_texts(f"now {i}", f"wanted {i}")
    kept.remember_texts(" now 20 ", "")
    assert kept.texts("now")[:2] == ("now 20", "now 59")
    assert (len(kept.texts("now")), len(kept.texts("wanted"))) == (50, 50)
    assert kept.texts("wanted")[0] == "wanted 59"


def test_tables_are_strict_and_the_file_is_ours(path: Path, kept: Store) -> None:
    kept.put_jobs([full_job()])
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert {
        strict
        for name, strict in other.execute("SELECT name, strict FROM pragma_table_list")
        if not name.startswith("sqlite_")
    } == {1}
    with pytest.raises(sqlite3.IntegrityError):
        other.execute("UPDATE jobs SET attempts = 'many'")
    other.close()


# ---- opening --------------------------------------------------------------------------------


def test_a_newer_file_is_refused_and_left_as_it_is(path: Path) -> None:
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreNewerError) as caught:
        Store(path)
    assert caught.value.code == "store_newer"
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, only some text" * 50, b"SQLite"])
def test_a_file_that_is_no_database_is_told_and_kept(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Store(path)
    assert caught.value.code == "store"
    assert path.read_bytes() == content


def test_someone_elses_database_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE pigeons (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError):
        Store(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "lists").write_text("a file")
    with pytest.raises(StoreError):
        Store(tmp_path / "lists" / "panel.sqlite")


# ---- versions -------------------------------------------------------------------------------


def example(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()


def test_the_stored_example_of_version_1_reads(path: Path) -> None:
    example(path)
    store = Store(path)
    queue = JobQueue(store)
    assert queue.restore() == 2
    assert [(job.title, job.state, job.attempts) for job in queue.jobs] == [
        ("red leather jacket", "waiting", 1),
        ("rote Jacke", "waiting", 0),
        ("blue sky", "failed", 1),
    ]
    takes = Takes(store)
    takes.show_shot("4711-item")
    assert [(take.number, take.starred, take.seed) for take in takes.all] == [
        (2, False, 4218),
        (1, True, 4217),
    ]
    assert takes.all[1].placement["track"] == 2
    assert store.texts("wanted") == ("a red leather jacket",)
    assert store.next_number("4711-item") == 3
    store.close()


def test_version_1_is_what_the_first_upgrade_makes(path: Path) -> None:
    """The example stands for files out there: version 1 never changes any more."""
    example(path)
    fresh = path.with_name("fresh.sqlite")
    Store(fresh, upgrades={0: UPGRADES[0]}).close()

    def schema(file: Path) -> list[tuple[str, str]]:
        connection = sqlite3.connect(file)
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL")
        found = sorted((name, " ".join(sql.split())) for name, sql in rows)
        connection.close()
        return found

    assert schema(fresh) == schema(path)


def add_mood(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE takes ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")


def test_an_upgrade_keeps_everything_and_a_copy(path: Path) -> None:
    example(path)
    store = Store(path, upgrades={0: UPGRADES[0], 1: add_mood})
    assert len(store.load_takes()) == 2
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("SELECT DISTINCT mood FROM takes").fetchall() == [("calm",)]
    connection.close()
    Store(path.with_name("panel.version-1.sqlite")).close()  # the copy is whole


def test_a_failed_upgrade_changes_nothing(path: Path) -> None:
    example(path)

    def breaks(connection: sqlite3.Connection) -> None:
        add_mood(connection)
        connection.execute("DELETE FROM takes")
        connection.execute("SELECT * FROM nowhere")

    with pytest.raises(StoreError):
        Store(path, upgrades={0: UPGRADES[0], 1: breaks})
    store = Store(path)
    assert len(store.load_takes()) == 2
    store.close()


def test_only_a_light_write_does_not_wait_for_the_disk(kept: Store) -> None:
    def level() -> int:
        return int(kept._connection.execute("PRAGMA synchronous").fetchone()[0])

    assert level() == 2
    kept.put_jobs([full_job()], lightly=True)
    assert level() == 2
    with pytest.raises(StoreError):
        kept.put_jobs([replace(full_job(), state="lost")], lightly=True)  # type: ignore[arg-type]
    assert (level(), kept.load_jobs()) == (2, (full_job(),))


def test_where_a_file_goes_is_kept_with_its_job(kept: Store) -> None:
    queue = JobQueue(kept)
    job = queue.add(records.request(), "hash", place={"range": [0, 9]})
    queue.note_place(job.id, number=3)
    queue.start(job.id)
    again = JobQueue(kept)
    again.restore()
    assert again.jobs[0].place == {"range": [0, 9], "number": 3}
