"""Copies of results: beside the window, whole or not at all, and none left half."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QThread, QTimer
from pytestqt.qtbot import QtBot

from plugin.services.copying import CopyService, is_full
from plugin.services.places import remove_leftovers
from tests.panel.services.trickle import Trickle

LONG = 60_000


class Told:
    """What a copy said at its end."""

    def __init__(self) -> None:
        self.ends: list[OSError | None] = []
        self.threads: list[int] = []

    def done(self) -> None:
        self.ends.append(None)
        self.threads.append(threading.get_ident())

    def failed(self, error: OSError) -> None:
        self.ends.append(error)
        self.threads.append(threading.get_ident())

    @property
    def error(self) -> OSError | None:
        """The one end there was."""
        assert len(self.ends) == 1
        return self.ends[0]


@pytest.fixture
def copies() -> Iterator[CopyService]:
    """A service that is closed after the test."""
    service = CopyService()
    yield service
    service.close()


@pytest.fixture
def copy(copies: CopyService, qtbot: QtBot) -> Callable[..., OSError | None]:
    """Return ``copy(source, target) -> error``: make a copy and wait for its end."""

    def make(source: Path, target: Path, *, over: bool = True) -> OSError | None:
        told = Told()
        copies.copy(source, target, told.done, told.failed, over=over)
        qtbot.waitUntil(lambda: bool(told.ends), timeout=LONG)
        assert not copies.busy
        assert told.threads == [threading.get_ident()], "told where the widgets live"
        return told.error

    return make


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def pictures(folder: Path) -> Path:
    (folder / "maps").mkdir(parents=True)
    for number in range(3):
        (folder / f"take.{number:04d}.exr").write_bytes(os.urandom(1000 + number))
    (folder / "maps" / "words.bin").write_bytes(b"words")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_file_of_several_pieces_is_copied_whole(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    source, target = tmp_path / "take.mov", tmp_path / "sent" / "copy.mov"
    source.write_bytes(os.urandom((1 << 21) + 7))
    target.parent.mkdir()
    assert copy(source, target) is None
    assert target.read_bytes() == source.read_bytes()
    assert names(target.parent) == ["copy.mov"]
    assert target.stat().st_mode == source.stat().st_mode, "others may read it as they may a take"


def test_a_folder_of_pictures_is_copied_whole(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    source, sent = pictures(tmp_path / "take"), tmp_path / "sent"
    sent.mkdir()
    for target in (sent / "new", sent / "empty"):
        if target.name == "empty":
            target.mkdir()
        assert copy(source, target) is None
        assert contents(target) == contents(source)
    assert names(sent) == ["empty", "new"]


def test_a_file_that_is_there_is_replaced_whole(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    source, target = tmp_path / "take.mov", tmp_path / "copy.mov"
    source.write_bytes(b"new")
    target.write_bytes(b"old, and longer than the new one")
    with target.open("rb") as reader:
        assert copy(source, target) is None
        assert reader.read() == b"old, and longer than the new one", "never written into"
    assert target.read_bytes() == b"new"


def test_what_nobody_agreed_to_lose_stays(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    source, folder = tmp_path / "take.mov", pictures(tmp_path / "take")
    source.write_bytes(b"new")
    file, full, empty = tmp_path / "old.mov", tmp_path / "full", tmp_path / "empty"
    file.write_bytes(b"old")
    full.mkdir()
    (full / "mine.txt").write_bytes(b"mine")
    empty.mkdir()
    before = names(tmp_path)
    assert isinstance(copy(source, file, over=False), FileExistsError)
    assert isinstance(copy(folder, file), FileExistsError)
    assert isinstance(copy(folder, full), FileExistsError)
    assert isinstance(copy(source, full), FileExistsError)
    assert isinstance(copy(source, empty), FileExistsError)
    assert file.read_bytes() == b"old"
    assert names(full) == ["mine.txt"]
    assert names(tmp_path) == before


def test_a_take_is_not_copied_onto_itself(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    source, folder = tmp_path / "take.mov", pictures(tmp_path / "take")
    source.write_bytes(b"the only one")
    before = contents(tmp_path)
    (tmp_path / "link.mov").symlink_to(source)
    for one, other in (
        (source, source),
        (source, tmp_path / "take" / ".." / "take.mov"),
        (source, tmp_path / "link.mov"),
        (folder, folder),
        (folder, folder / "copy"),
        (folder, folder / "maps" / "copy"),
    ):
        assert isinstance(copy(one, other), shutil.SameFileError), other
    (tmp_path / "link.mov").unlink()
    assert contents(tmp_path) == before


def test_a_drive_without_room_is_not_filled_up(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    source, target = tmp_path / "take.mov", tmp_path / "copy.mov"
    target.write_bytes(b"old")
    with source.open("wb") as file:  # a hole of as many bytes as are free, and one more
        file.truncate(shutil.disk_usage(tmp_path).free + (1 << 30))
    error = copy(source, target)
    assert error is not None
    assert is_full(error)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["copy.mov", "take.mov"]


@pytest.mark.parametrize(
    ("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_a_full_drive_is_known_by_its_number(number: int, full: bool) -> None:
    assert is_full(OSError(number, os.strerror(number))) is full


def test_a_copy_that_fails_midway_leaves_the_old_one(
    copy: Callable[..., OSError | None], tmp_path: Path
) -> None:
    folder, target = pictures(tmp_path / "take"), tmp_path / "sent"
    (folder / "zz.exr").mkdir()
    (folder / "zz.exr" / "gone.exr").symlink_to(folder / "nowhere")
    target.mkdir()
    assert isinstance(copy(folder, target), FileNotFoundError)
    assert isinstance(copy(tmp_path / "deleted.mov", target / "copy.mov"), FileNotFoundError)
    assert isinstance(copy(folder / "take.0000.exr", tmp_path / "no" / "copy"), FileNotFoundError)
    assert names(target) == []
    assert names(tmp_path) == ["sent", "take"]


def test_what_a_killed_panel_left_goes_with_the_next_copy_or_start(
    copy: Callable[..., OSError | None], copies: CopyService, qtbot: QtBot, tmp_path: Path
) -> None:
    source, sent = tmp_path / "take.mov", tmp_path / "sent"
    source.write_bytes(b"new")
    sent.mkdir()
    with Trickle(tmp_path / "slow.mov") as slow:
        copies.copy(slow.path, sent / "copy.mov", lambda: None, lambda _: None)
        qtbot.waitUntil(lambda: names(sent) != [], timeout=LONG)
        [partial] = names(sent)
        copies.close()
    (sent / partial).write_bytes(b"half")
    assert [path.name for path in remove_leftovers(sent)] == [partial]
    (sent / partial).write_bytes(b"half")
    again, told = CopyService(), Told()
    again.copy(source, sent / "copy.mov", told.done, told.failed)
    qtbot.waitUntil(lambda: bool(told.ends), timeout=LONG)
    again.close()
    assert told.error is None
    assert names(sent) == ["copy.mov"]


def test_the_loop_turns_and_the_old_file_stays_until_the_end(
    copies: CopyService, qtbot: QtBot, tmp_path: Path
) -> None:
    target, told, turns = tmp_path / "copy.mov", Told(), QTimer()
    target.write_bytes(b"old")
    count = 0
    seen: set[bytes] = set()

    def turn() -> None:
        nonlocal count
        count += 1
        seen.add(target.read_bytes()[:3])

    turns.setInterval(5)
    turns.timeout.connect(turn)
    with Trickle(tmp_path / "slow.mov") as slow:
        turns.start()
        copies.copy(slow.path, target, told.done, told.failed)
        assert copies.busy
        with pytest.raises(RuntimeError):
            copies.copy(slow.path, tmp_path / "second.mov", told.done, told.failed)
        qtbot.waitUntil(lambda: slow.written > 2 or bool(told.ends), timeout=LONG)
        assert not told.ends, "it runs while the loop turns"
        qtbot.waitUntil(lambda: count > 20 or bool(told.ends), timeout=LONG)
        assert not told.ends
        assert seen == {b"old"}
        slow.end()
        qtbot.waitUntil(lambda: bool(told.ends), timeout=LONG)
        turns.stop()
    assert told.error is None
    assert target.read_bytes() == slow.sent
    assert names(tmp_path) == ["copy.mov", "slow.mov"]


@pytest.mark.parametrize("begun", [True, False])
def test_closing_stops_the_copy_and_leaves_nothing(
    begun: bool, copies: CopyService, qtbot: QtBot, tmp_path: Path
) -> None:
    sent, told = tmp_path / "sent", Told()
    sent.mkdir()
    (sent / "copy.mov").write_bytes(b"old")
    with Trickle(tmp_path / "slow.mov") as slow:
        copies.copy(slow.path, sent / "copy.mov", told.done, told.failed)
        if begun:
            qtbot.waitUntil(lambda: slow.written > 1 and len(names(sent)) == 2, timeout=LONG)
        copies.close()
        assert not any(thread.isRunning() for thread in copies.findChildren(QThread))
        assert names(sent) == ["copy.mov"]
        assert (sent / "copy.mov").read_bytes() == b"old"
    qtbot.wait(50)
    assert told.ends == [], "nobody is told who has gone"
    copies.copy(sent / "copy.mov", sent / "late.mov", told.done, told.failed)
    assert not copies.busy
    assert names(sent) == ["copy.mov"]
