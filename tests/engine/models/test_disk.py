"""Downloads that find too little room."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from flowanchor_engine.errors import DiskError, NetError
from flowanchor_engine.models import ModelEntry, download
from tests.engine.models.conftest import needed_bytes
from tests.engine.models.fake_hub import FakeHub
from tests.engine.models.getting import WEIGHTS, command, not_here, same


def test_too_little_space_is_said_before_anything_is_fetched(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(root.parent)
    need = needed_bytes(source)

    def free(amount: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=amount))

    free(need)
    with pytest.raises(DiskError, match=r"MB free, .* MB needed") as caught:
        download.get(small)
    assert caught.value.code == "disk"
    assert server.asked == []
    # What is there already needs no room again.
    server.faults.cut[WEIGHTS] = [1 << 20] + [0] * 20
    free(2 * need)
    with pytest.raises(NetError):
        download.get(small)
    done = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    assert done > 1 << 20
    server.faults.cut.clear()
    free(int((need - done) * 1.03))
    assert download.get(small).is_dir()


def test_a_disk_that_fills_up_keeps_what_arrived(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, write = [300_000], os.write

    def tight(handle: int, data: Any) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = write(handle, memoryview(data)[: room[0]])
        room[0] -= count
        return count

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", tight)
        with pytest.raises(DiskError, match="is full"):
            download.get(small)
    assert not_here()
    mark = len(server.asked)
    assert same(download.get(small), source)
    assert server.sent_after(mark) == needed_bytes(source) - 300_000


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_file_too_large_for_its_disk_is_said(server: FakeHub, root: Path) -> None:
    limit = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400000, 400000));"
        "from flowanchor_engine.cli.app import main; main()"
    )
    done = command(limit, root).communicate(timeout=240)[0]
    assert "takes no files of this size" in " ".join(done.split())
    assert not_here()
