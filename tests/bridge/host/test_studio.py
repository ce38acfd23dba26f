"""The helper process: probed, killed, crashed, and never poisoned."""

from __future__ import annotations

import os
import queue
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge.errors.link import HostSilentError, StudioCrashedError, StudioMissingError
from resolve_bridge.studio import (
    Helper,
    StudioHost,
    helper_environment,
    interpreters,
    script_places,
)
from resolve_bridge.transport import process_alive
from tests.bridge.host.links import LONG_S, helper_for, studio_link
from tests.doubles.resolve import Double


def film(edition: str, tmp: Path, **options: Any) -> Double:
    double = Double(edition, "20.3", home=tmp / "home", **options)
    project = double.build("Film", rate="24", size=(64, 36))
    cut = project.timeline("Cut", video=1)
    cut.put(project.video("A.mov", frames_count=20), at=0, frames_count=12)
    return double


@pytest.mark.parametrize(
    ("edition", "options"), [("free", {}), ("studio", {"external_scripting": False})]
)
def test_no_external_scripting_is_said(
    edition: str, options: dict[str, Any], tmp_path: Path
) -> None:
    with (
        helper_for(film(edition, tmp_path, **options), tmp_path) as helper,
        pytest.raises(StudioMissingError) as caught,
    ):
        helper.connect(timeout_s=LONG_S)
    assert "use_menu_link" in caught.value.hint


def test_a_missing_library_is_said(tmp_path: Path) -> None:
    helper = Helper(api=tmp_path, library=tmp_path / "none.so", env={})
    with pytest.raises((StudioCrashedError, StudioMissingError)):
        helper.connect(timeout_s=LONG_S)


CRASH = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"


def test_a_crash_of_the_library_is_survived_and_named(tmp_path: Path) -> None:
    with helper_for(film("studio", tmp_path), tmp_path, module=CRASH) as helper:
        with pytest.raises(StudioCrashedError, match="segmentation fault"):
            helper.connect(timeout_s=LONG_S)
        assert helper.pid is None


def test_the_next_interpreter_is_tried_after_a_crash(tmp_path: Path) -> None:
    bad = tmp_path / "bad-python"
    bad.write_text("#!/bin/sh\nkill -SEGV $$\n")
    bad.chmod(0o755)
    with helper_for(
        film("studio", tmp_path), tmp_path, pythons=[bad, Path(sys.executable)]
    ) as helper:
        assert helper.connect(timeout_s=LONG_S).product == "DaVinci Resolve Studio"


def test_a_hang_kills_the_helper_and_the_next_question_starts_another(tmp_path: Path) -> None:
    double = film("studio", tmp_path)
    with studio_link(double, tmp_path) as link:
        session = link.host._need_session()
        helper = link.host._transport
        assert isinstance(helper, Helper)
        first = helper.pid
        assert first is not None
        double.faults.hang.add("GetCurrentTimeline")
        with pytest.raises(HostSilentError):
            session.call("project", "GetCurrentTimeline", timeout_s=0.5)
        assert not process_alive(first)
        double.release()
        assert link.host.shot().name == "A.mov"
        assert helper.pid not in (None, first)


class Waking(queue.Queue[str | None]):
    """As after a rest of the whole process: the time is over, and only then a line is read."""

    rested = False

    def get(self, block: bool = True, timeout: float | None = None) -> str | None:
        if not self.rested:
            self.rested = True
            self.put('{"id": 1}')
            raise queue.Empty
        return super().get(block, timeout)


def test_an_answer_that_is_still_in_the_pipe_is_not_too_late(tmp_path: Path) -> None:
    helper = Helper(api=tmp_path, library=tmp_path / "none.so", env={})
    helper._answers = Waking()
    assert helper._line(0.0) == {"id": 1}


def test_a_helper_that_dies_in_the_middle_is_named_and_replaced(tmp_path: Path) -> None:
    double = film("studio", tmp_path)
    with studio_link(double, tmp_path) as link:
        helper = link.host._transport
        assert isinstance(helper, Helper)
        pid = helper.pid
        assert pid is not None
        double.on("Project.GetCurrentTimeline", lambda _d: os.kill(pid, signal.SIGKILL))
        with pytest.raises(StudioCrashedError):
            link.host.shot()
        link.host.connect(timeout_s=LONG_S)
        assert link.host.shot().name == "A.mov"


def test_no_helper_outlives_its_host(tmp_path: Path) -> None:
    with studio_link(film("studio", tmp_path), tmp_path) as link:
        helper = link.host._transport
        assert isinstance(helper, Helper)
        pid = helper.pid
        assert pid is not None
    assert not process_alive(pid)


def test_the_environment_is_scrubbed(tmp_path: Path) -> None:
    dirty = {
        "PYTHONHOME": "/bad", "PYTHONPATH": "/bad", "LD_LIBRARY_PATH": "/opt/resolve/libs",
        "PATH": "/usr/bin", "HTTPS_PROXY": "http://proxy",
    }  # fmt: skip
    clean = helper_environment(dirty, tmp_path / "api", tmp_path / "lib")
    assert not {"PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH"} & set(clean)
    assert (clean["PATH"], clean["HTTPS_PROXY"]) == ("/usr/bin", "http://proxy")
    assert clean["RESOLVE_SCRIPT_API"] == str(tmp_path / "api")
    with helper_for(film("studio", tmp_path), tmp_path, env={"PYTHONHOME": "/bad"}) as helper:
        assert helper.connect(timeout_s=LONG_S).channel == "helper"


def test_places_follow_the_system() -> None:
    api, library = script_places({}, "win32")
    assert "Developer" in str(api)
    assert library.name == "fusionscript.dll"
    assert script_places({}, "darwin")[1].name == "fusionscript.so"
    assert script_places({}, "linux")[0] == Path("/opt/resolve/Developer/Scripting")
    told = {"RESOLVE_SCRIPT_API": "/x", "RESOLVE_SCRIPT_LIB": "/y"}
    assert script_places(told, "linux") == (Path("/x"), Path("/y"))
    assert interpreters()[0] == Path(sys.executable)
    assert StudioHost.name == "studio"
