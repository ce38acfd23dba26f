"""A child that works on the lists without end, to be killed at any instant.

``crasher.py FOLDER SEED``: before every step it writes what the lists should be afterwards to its
journal, and after it that it is done. What it expects comes from the same queue on a plain store
in memory.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from plugin.services.store import Store
from plugin.state.job_queue import Job, JobQueue
from plugin.state.takes import Take
from tests.panel.store import records


class MemoryStore:
    """A dictionary."""

    def __init__(self, jobs: Sequence[Job], takes: Sequence[Take]) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.takes = {take.id: take for take in takes}

    def put_jobs(self, jobs: Sequence[Job], *, lightly: bool = False) -> None:
        self.jobs.update({job.id: job for job in jobs})

    def delete_jobs(self, ids: Sequence[str]) -> None:
        for each in ids:
            self.jobs.pop(each, None)

    def load_jobs(self) -> tuple[Job, ...]:
        return tuple(sorted(self.jobs.values(), key=lambda job: job.order_key))

    def finish_job(self, job: Job, take: Take) -> Take:
        self.jobs[job.id] = job
        self.takes[take.id] = take
        return take

    def delete_takes(self, ids: Sequence[str]) -> None:
        for each in ids:
            self.takes.pop(each, None)


def snapshot(jobs: Sequence[Job], takes: Sequence[Take]) -> dict[str, list[object]]:
    """What must survive: order, states, attempts, takes and their stars."""
    ordered = sorted(jobs, key=lambda job: job.order_key)
    found: dict[str, list[object]] = {
        "jobs": list[object]([j.id, j.state, j.attempts, j.phase, j.seed] for j in ordered),
        "takes": list[object](sorted([t.id, t.file, t.starred] for t in takes)),
    }
    return found


def main(folder: Path, seed: int) -> None:
    random_ = random.Random(seed)
    journal = os.open(folder / f"journal-{seed}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(kind: str, data: object) -> None:
        os.write(journal, (json.dumps([kind, data]) + "\n").encode())

    store = Store(folder / "panel.sqlite")
    memory = MemoryStore(store.load_jobs(), store.load_takes())
    serials = itertools.count()
    names = [iter(lambda: f"{seed}-{next(serials)}", None) for _ in range(1)]
    pending: list[str] = []

    def fresh() -> str:
        # Both queues get the same id: the first asks, the second finds it.
        if pending:
            return pending.pop()
        name = next(names[0])
        pending.append(name)
        return name

    expected = JobQueue(memory, now=lambda: 1.0, new_id=fresh)
    real = JobQueue(store, now=lambda: 1.0, new_id=fresh)

    def both(step: Callable[[JobQueue], object]) -> None:
        step(expected)
        write("before", snapshot(tuple(expected.jobs), tuple(memory.takes.values())))
        step(real)
        write("after", None)

    write("start", snapshot(memory.load_jobs(), tuple(memory.takes.values())))
    both(lambda queue: queue.restore())
    both(lambda queue: queue.resume())
    for count in itertools.count():
        ids = [job.id for job in real.jobs]
        running = real.running
        choice = random_.random()
        if len(ids) < 4 or choice < 0.2:
            data, key = records.request(count), f"hash-{count}"
            both(lambda queue, data=data, key=key: queue.add(data, key))  # type: ignore[misc]
        elif choice < 0.4:
            one, other = random_.choice(ids), random_.choice(ids)
            both(lambda queue, o=one, b=other: queue.move_before(o, b))  # type: ignore[misc]
        elif choice < 0.5:
            one = random_.choice(ids)
            both(lambda queue, o=one: queue.retry(o))  # type: ignore[misc]
        elif choice < 0.55:
            one = random_.choice(ids)
            if one != (running.id if running else ""):
                both(lambda queue, o=one: queue.cancel(o))  # type: ignore[misc]
        elif len(ids) > 30:
            both(lambda queue: queue.clear_finished())
        elif running is None:
            nxt = real.next_waiting()
            if nxt is not None:
                both(lambda queue, o=nxt.id: queue.start(o))  # type: ignore[misc]
        elif choice < 0.75:
            file = folder / "takes" / f"take-{seed}-{count}.mov"
            temporary = file.with_name(file.name + ".tmp")
            temporary.write_bytes(b"picture" * 100)
            temporary.replace(file)
            take = records.take(
                0, job=running.id, seed=count, id=f"take-{seed}-{count}", file=str(file)
            )
            both(lambda queue, o=running.id, t=take: queue.finish(o, t))  # type: ignore[misc]
        elif choice < 0.8:
            both(lambda queue, o=running.id: queue.engine_died(o, "dead"))  # type: ignore[misc]
        elif choice < 0.85:
            both(lambda queue, o=running.id: queue.fail(o, "vram"))  # type: ignore[misc]
        elif choice < 0.9 and memory.takes:
            starred = random_.choice(sorted(memory.takes))
            kept = next(take for take in store.load_takes() if take.id == starred)
            memory.takes[starred] = replace(memory.takes[starred], starred=not kept.starred)
            write("before", snapshot(tuple(expected.jobs), tuple(memory.takes.values())))
            store.put_take(replace(kept, starred=not kept.starred))
            write("after", None)
        elif choice < 0.93 and memory.takes:
            gone = random_.choice(sorted(memory.takes))
            memory.delete_takes([gone])
            write("before", snapshot(tuple(expected.jobs), tuple(memory.takes.values())))
            files = store.delete_takes([gone])
            write("after", None)
            for name in files:
                Path(name).unlink(missing_ok=True)
        else:
            phase = random_.choice(["edit", "decode", "write"])
            both(lambda queue, o=running.id, p=phase: queue.progress(o, p, 1, 2))  # type: ignore[misc]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
