"""Where results go: names that nothing has, also after a panel was killed."""

from __future__ import annotations

from pathlib import Path

from plugin.services.deliveries import FileDeliveries
from plugin.services.store import Store
from plugin.state.job_queue import JobQueue


def deliveries(store: Store, queue: JobQueue, folder: Path) -> FileDeliveries:
    return FileDeliveries(
        store,
        lambda job: folder,
        lambda job, number: f"{job.title} - t{number}.mov",
        note=queue.note_place,
    )


def test_a_job_of_a_killed_panel_gets_the_same_file_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "panel.sqlite")
    queue = JobQueue(store)
    job = queue.add({"seed": 1}, "hash", shot_id="shot", title="red jacket")
    started = queue.start(job.id)
    assert started is not None
    out = deliveries(store, queue, tmp_path).out(started)
    out.write_bytes(b"the engine had just renamed it into place")
    store.close()  # and the panel was killed before it noted the take

    store = Store(tmp_path / "panel.sqlite")
    again = JobQueue(store)
    again.restore()
    made = deliveries(store, again, tmp_path)
    waiting = again.get(job.id)
    assert waiting is not None
    assert made.out(waiting) == out
    other = again.add({"seed": 2}, "other", shot_id="shot", title="red jacket")
    assert made.out(other) != out
    store.close()


def test_pictures_of_a_killed_panel_are_neither_mixed_nor_deleted(tmp_path: Path) -> None:
    store = Store(tmp_path / "panel.sqlite")
    queue = JobQueue(store)
    job = queue.add({"seed": 1}, "hash", shot_id="shot", title="red")

    def made() -> FileDeliveries:
        name = "{0.title} - t{1}".format
        return FileDeliveries(store, lambda _: tmp_path, name, note=queue.note_place)

    out = made().out(job)
    assert out.name == "red - t1"
    begun = queue.get(job.id)
    assert begun is not None
    assert made().out(begun) == out, "nothing was written"
    out.mkdir()
    assert made().out(begun) == out, "an empty folder is as good as none"
    (out / "red - t1.000000.png").write_bytes(b"the last that the engine did")
    assert made().out(begun).name == "red - t2"
    assert len(list(out.iterdir())) == 1
    store.close()


def test_a_name_that_a_file_has_is_not_taken(tmp_path: Path) -> None:
    store = Store(tmp_path / "panel.sqlite")
    queue = JobQueue(store)
    job = queue.add({"seed": 1}, "hash", shot_id="shot", title="red")
    (tmp_path / "red - t1.mov").write_bytes(b"somebody's")
    assert deliveries(store, queue, tmp_path).out(job).name == "red - t2.mov"
    store.close()


def test_a_duplicate_gets_a_file_of_its_own(tmp_path: Path) -> None:
    store = Store(tmp_path / "panel.sqlite")
    queue = JobQueue(store)
    made = deliveries(store, queue, tmp_path)
    job = queue.add({"seed": 1}, "hash", shot_id="shot", title="red", place={"range": [0, 9]})
    first = made.out(job)
    first.write_bytes(b"the take of the first one")
    copy = queue.duplicate(job.id, rehash=lambda request: str(request["seed"]))
    assert copy is not None
    assert made.out(copy) != first
    assert queue.get(copy.id).place["range"] == [0, 9]  # type: ignore[union-attr]
    store.close()
