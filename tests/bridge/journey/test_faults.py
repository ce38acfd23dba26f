"""Faults of the world around: whatever happens, a sentence, a way out, and Resolve as it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge import transaction
from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.placing import RestoreError
from resolve_bridge.errors.render import DiskError
from resolve_bridge.errors.shot import HostChangedError
from resolve_bridge.footage import path_key
from resolve_bridge.placement import Delivery
from resolve_bridge.resolve_host import ResolveHost
from resolve_bridge.transaction import Journal, Transaction
from tests.bridge.host.links import SPEED, Direct, agent_link, direct_link
from tests.bridge.journey.editing import result_of
from tests.bridge.place.scenes import changed
from tests.doubles.resolve import Double, Faults


def scene(tmp: Path, **options: Any) -> tuple[Double, Any, Any]:
    double = Double("free", "20.3", home=tmp / "home", speed=SPEED, **options)
    film = double.build("Film", rate="24", size=(64, 36))
    film.folder("Rushes")
    cut = film.timeline("Cut", start="01:00:00:00", video=2)
    item = cut.put(film.video("A.mov", frames_count=40), at=10, left=5, frames_count=12)
    cut.playhead(12)
    return double, cut, item


@pytest.mark.parametrize("platform", ["windows", "mac", "linux"])
def test_every_platform_makes_the_journey(platform: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, platform=platform)
    before = double.state()
    with agent_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
        link.host.undo(link.host.place(shot, result))
    assert changed(before, double) == []


@pytest.mark.parametrize(
    "faults",
    [
        Faults(page_none=True),
        Faults(stale="raise"),
        Faults(fabricated=True),
        Faults(slow={"ImportMedia": 20.0, "OpenPage": 30.0}),
        Faults(save_project="refused"),
        Faults(reimport="new"),
        Faults(append_short=False),
    ],
    ids=lambda faults: str(faults)[:0] or next(
        k for k, v in vars(faults).items() if v != vars(Faults())[k]
    ),
)  # fmt: skip
def test_oddities_do_not_hinder(faults: Faults, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=faults)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
        placed = link.host.place(shot, result)
        link.host.undo(placed)
        link.host.extract(shot.rendered())
    left = [line for line in changed(before, double) if ".render." not in line]
    assert left == ([] if not faults.page_none else left)
    assert all("page" in line for line in left), left


def test_whatever_happens_inside_the_users_state_comes_back(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    cut.marks(3, 20)
    double.page = "color"
    before = double.state()
    with direct_link(double, tmp_path) as link:
        session = link.host._need_session()
        for _again in range(2):
            with Transaction(session, Journal(tmp_path / "work" / "journal.json")):
                timeline = (
                    double.resolve.GetProjectManager().GetCurrentProject().GetCurrentTimeline()
                )
                timeline.ClearMarkInOut("all")
                timeline.SetMarkInOut(1, 5, "video")
                timeline.SetTrackEnable("video", 2, False)
                timeline.SetTrackLock("video", 1, True)
                timeline.SetCurrentTimecode("01:00:01:00")
                pool = double.resolve.GetProjectManager().GetCurrentProject().GetMediaPool()
                pool.SetCurrentFolder(pool.GetRootFolder())
                double.page = "fusion"
            assert changed(before, double) == []
            assert not (tmp_path / "work" / "journal.json").exists()


def test_a_journal_that_cannot_be_written_stops_before_the_first_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(transaction.os, "fsync", full)
        with pytest.raises(DiskError, match="No space left"):
            link.host.place(shot, result)
    assert changed(before, double) == []
    assert not list((tmp_path / "work").glob("*.tmp"))


def test_a_damaged_journal_is_no_obstacle(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    (work / "journal.json").write_text('{"schema": "flowanchor.Begun.1", "sta')
    with direct_link(double, tmp_path) as link:
        assert link.host.shot().name == "A.mov"
    assert Journal(work / "journal.json").read() is None


def test_what_cannot_be_restored_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)

    def lose(double: Double) -> None:
        double.project.root.folders = [
            folder for folder in double.project.root.folders if folder.name != "Rushes"
        ]

    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
        double.on("MediaPool.ImportMedia", lose)
        with pytest.raises(RestoreError, match="the open bin, which is gone"):
            link.host.place(shot, result)


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    (tmp_path / "blocked").write_text("x")
    with pytest.raises(DiskError):
        ResolveHost(Direct(double), tmp_path / "blocked" / "work")


@pytest.mark.parametrize("after", [5, 15, 25, 40, 60, 80, 120, 160, 200])
def test_resolve_may_die_at_any_call(after: int, tmp_path: Path) -> None:
    """Wherever it dies, the next start finds and clears what was begun."""
    double, _cut, item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
        double.faults.die_after = after
        said: list[BridgeError] = []
        try:
            link.host.place(shot, result)
        except BridgeError as error:
            said.append(error)
        double.faults.die_after = None
        double.dead = False
        assert all(error.user_message.endswith(".") and error.hint for error in said)
    with direct_link(double, tmp_path) as link:
        if said:
            assert changed(before, double) == []
        again = link.host.place(link.host.shot(item_id=item.id), result)
        link.host.undo(again)
    assert changed(before, double) == []


def test_paths_compare_as_their_system_writes_them() -> None:
    assert path_key(r"\\nas\share\a b\take.mov") == path_key("//nas/share/a b/take.mov")
    assert path_key(r"C:\Takes\..\Takes\a.mov") == path_key("C:/Takes/a.mov")
    assert path_key("/a/b.mov") != path_key("/a/B.mov")


def test_the_bridge_stays_light() -> None:
    code = (
        "import sys, resolve_bridge.agent_host, resolve_bridge.studio, resolve_bridge.standalone, "
        "resolve_bridge.matte\n"
        "bad = {'torch', 'PySide6', 'flowanchor_engine', 'plugin', 'installer', 'av', 'pydantic'}\n"
        "print(sorted(bad & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_helper_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); import resolve_bridge.studio_helper\n"
        "print(sorted({'numpy', 'cv2'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"
    assert issubclass(HostChangedError, BridgeError)
