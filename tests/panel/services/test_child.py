"""One child: its handshake, its lines, its silence and every way it can end."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from flowanchor_engine import protocol
from plugin.locale import tr
from plugin.services.child import Child, Patience
from plugin.services.death import CODES, diagnose
from plugin.services.launch import Launch, local_engine
from plugin.services.logfile import LogFile
from plugin.services.scratch import sweep
from plugin.state.errors import message_of
from tests.panel.services.actors import Ear, mock, program, signal_of

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
QUICK = Patience(handshake_ms=60_000, silence_ms=60_000, goodbye_ms=300, terminate_ms=300)


def begin(qtbot: QtBot, launch: Launch, **given: object) -> tuple[Child, Ear]:
    child = Child(launch, patience=given.pop("patience", QUICK), **given)  # type: ignore[arg-type]
    ear = Ear(child)
    child.start()
    qtbot.waitUntil(lambda: bool(ear.greetings or ear.deaths), timeout=60_000)
    assert ear.greetings, ear.deaths
    return child, ear


def finish(qtbot: QtBot, child: Child, timeout: int = 60_000) -> None:
    if child.alive:
        with qtbot.waitSignal(signal_of(child, "ended"), timeout=timeout):
            child.stop()


def wait_end(qtbot: QtBot, child: Child, ear: Ear, timeout: int = 60_000) -> None:
    qtbot.waitUntil(lambda: bool(ear.deaths), timeout=timeout)
    assert not child.alive
    assert child.stage == "off"
    assert len(ear.deaths) == 1


# ---- a proper life


def test_a_conversation_with_the_mock_engine(qtbot: QtBot, tmp_path: Path) -> None:
    kind = Patience(goodbye_ms=60_000)
    child, ear = begin(qtbot, local_engine(mock="-"), version="9.9", patience=kind)
    assert child.stage == "ready"
    assert ear.greetings[0].engine == "mock"
    assert ear.greetings[0].pid == child.pid
    clip, out = tmp_path / "clip", tmp_path / "out"
    clip.write_bytes(b"pictures")
    request = {"source": {"path": str(clip), "frames": 9}}
    run = protocol.Run(id=child.number(), job="a", request=request, out=str(out))
    assert child.send(run)
    qtbot.waitUntil(lambda: any(protocol.is_terminal(e) for e in ear.events), timeout=60_000)
    assert out.read_bytes() == b"pictures"
    assert [e.seq for e in ear.events if hasattr(e, "seq")] == list(range(len(ear.events) - 1))
    qtbot.waitUntil(lambda: bool(ear.beats), timeout=60_000)
    finish(qtbot, child, timeout=60_000)
    death = ear.deaths[0]
    assert (death.cause, death.code, death.status, death.wanted) == ("asked", "", 0, True)
    assert ear.order[0] == "greeted"
    assert ear.order[-1] == "ended"


def test_a_child_can_live_twice(qtbot: QtBot) -> None:
    child, ear = begin(qtbot, program("stay()"))
    finish(qtbot, child)
    with qtbot.waitSignal(signal_of(child, "greeted"), timeout=60_000):
        child.start()
    with pytest.raises(RuntimeError, match="already"):
        child.start()
    finish(qtbot, child)
    assert [death.cause for death in ear.deaths] == ["asked", "asked"]


def test_nothing_is_sent_to_a_child_that_is_not_ready(qtbot: QtBot) -> None:
    child = Child(program("stay()"), patience=QUICK)
    assert not child.send(protocol.Status(id=1))
    with qtbot.waitSignal(signal_of(child, "greeted"), timeout=60_000):
        child.start()
        assert not child.send(protocol.Status(id=1))
    assert child.send(protocol.Status(id=2))
    finish(qtbot, child)
    assert not child.send(protocol.Status(id=3))


def test_the_child_sees_the_cleaned_environment(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/resolve/modules")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    body = "sys.stderr.write(' '.join(str(os.environ.get(n)) for n in"
    body += (
        "('PYTHONPATH','HTTPS_PROXY','PYTHONUTF8','EXTRA')) + '\\n'); sys.stderr.flush(); stay()"
    )
    child, _ = begin(qtbot, program(body).with_variables(EXTRA="yes"))
    qtbot.waitUntil(lambda: bool(child.last_lines), timeout=60_000)
    assert child.last_lines == ("None http://proxy:3128 1 yes",)
    finish(qtbot, child)


# ---- strange lines


def test_garbage_is_reported_and_the_conversation_goes_on(qtbot: QtBot) -> None:
    body = """
say("garbage"); say("[1]"); say({"type": "from_the_future", "v": 1}); os.write(1, b"\\xff\\xfe\\n")
say("x" * (1 << 21)); say('{"v":1,"type":"phase"}')
say({"v": 1, "type": "accepted", "id": 5, "unknown_field": [1, 2]})
stay()
"""
    child, ear = begin(qtbot, program(body))
    qtbot.waitUntil(lambda: bool(ear.events), timeout=60_000)
    assert ear.events == [protocol.Accepted(id=5)]
    assert len(ear.errors) == 6
    assert {error.code for error in ear.errors} == {"protocol"}
    assert any("too long" in error.user_message for error in ear.errors)
    assert "from_the_future" in " ".join(child.last_lines)
    finish(qtbot, child)


def test_lines_in_pieces_are_put_together(qtbot: QtBot) -> None:
    body = """
for byte in json.dumps({"v": 1, "type": "accepted", "id": 6}).encode() + b"\\n":
    os.write(1, bytes([byte])); time.sleep(0.001)
stay()
"""
    child, ear = begin(qtbot, program(body))
    qtbot.waitUntil(lambda: bool(ear.events), timeout=60_000)
    assert ear.events == [protocol.Accepted(id=6)]
    assert ear.errors == []
    finish(qtbot, child)


def test_half_a_line_at_the_end_is_an_error(qtbot: QtBot) -> None:
    child, ear = begin(qtbot, program("os.write(1, b'{\"v\":1,'); os._exit(0)"))
    wait_end(qtbot, child, ear)
    assert "broke off" in ear.errors[-1].user_message


def test_the_last_forty_lines_of_the_log_are_kept(qtbot: QtBot, tmp_path: Path) -> None:
    body = "sys.stderr.write(''.join(f'line {i} grün\\r\\n' for i in range(100)) + 'half'); "
    body += "sys.stderr.flush(); os._exit(1)"
    log = LogFile(tmp_path / "logs" / "engine.log")
    child, ear = begin(qtbot, program(body), log=log)
    wait_end(qtbot, child, ear)
    kept = ear.deaths[0].last_lines
    assert len(kept) == 40
    assert kept[0] == "line 61 grün"
    assert kept[-1] == "half"
    written = log.path.read_text(encoding="utf-8").splitlines()
    assert len(written) == 101


def test_the_log_file_is_of_bounded_size(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "engine.log", limit_bytes=1000)
    for number in range(1000):
        log.write(f"line {number}")
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    assert all(file.stat().st_size <= 1000 for file in files)
    assert "line 999" in log.path.read_text()


# ---- handshakes that fail


def test_no_greeting_in_time(qtbot: QtBot) -> None:
    patience = Patience(handshake_ms=300, goodbye_ms=200, terminate_ms=200)
    child = Child(program("time.sleep(60)", greet=False), patience=patience)
    ear = Ear(child)
    child.start()
    wait_end(qtbot, child, ear)
    assert (ear.deaths[0].cause, ear.deaths[0].code) == ("mute", "engine_start")
    assert ear.greetings == []


@pytest.mark.parametrize(
    "body",
    [
        "hear(); say({**greeting, 'protocol': 2}); stay()",
        "hear(); say({**greeting, 'v': 2, 'protocol': 2}); stay()",
        "hear(); say({'v': 1, 'type': 'refused', 'code': 'version', 'user_message': 'N'}); stay()",
    ],
)
def test_another_protocol_is_a_mismatch(qtbot: QtBot, body: str) -> None:
    child = Child(program(body, greet=False), patience=QUICK)
    ear = Ear(child)
    child.start()
    wait_end(qtbot, child, ear)
    assert (ear.deaths[0].cause, ear.deaths[0].code) == ("mismatch", "version")
    assert ear.deaths[0].detail
    assert ear.greetings == []


def test_a_program_that_is_not_there(qtbot: QtBot) -> None:
    child = Child(Launch("/nowhere/python"), patience=QUICK)
    ear = Ear(child)
    child.start()
    wait_end(qtbot, child, ear)
    death = ear.deaths[0]
    assert (death.cause, death.code, death.status) == ("missing", "engine_missing", None)


def test_a_python_without_the_engine(qtbot: QtBot, tmp_path: Path) -> None:
    child = Child(Launch(sys.executable, ("-S", "-m", "flowanchor_engine.worker"), folder=tmp_path))
    ear = Ear(child)
    child.start()
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].code == "engine_missing"


def test_a_second_engine_on_the_device_says_so(qtbot: QtBot) -> None:
    body = """
say({"v": 1, "type": "refused", "id": None, "code": "engine_busy", "user_message": "Taken."})
os._exit(3)
"""
    child = Child(program(body, greet=False), patience=QUICK)
    ear = Ear(child)
    child.start()
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].code == "engine_busy"
    assert ear.deaths[0].detail == "Taken."


# ---- silence


def test_silence_is_asked_about_and_never_punished(qtbot: QtBot) -> None:
    patience = Patience(silence_ms=300, goodbye_ms=300, terminate_ms=300)
    body = """
sys.stdin.readline()
say({'v':1,'type':'heartbeat','rss_mb':1})
sys.stdin.readline()
"""
    child, ear = begin(qtbot, program(body), patience=patience)
    said: list[bool] = []  # at the very signals: it may fall silent again before anybody looks
    child.fell_silent.connect(lambda: said.append(child.silent))
    child.spoke_again.connect(lambda: said.append(child.silent))
    qtbot.waitUntil(lambda: ear.silences >= 1, timeout=60_000)
    assert child.silent
    assert child.alive
    child.send(protocol.Status(id=child.number()))
    qtbot.waitUntil(lambda: ear.returns >= 1, timeout=60_000)
    assert said[:2] == [True, False]
    assert ear.deaths == []
    finish(qtbot, child)


# ---- ends


def test_a_stubborn_child_is_killed_in_the_end(qtbot: QtBot) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    child, ear = begin(qtbot, program(body))
    finish(qtbot, child)
    assert ear.deaths[0].cause == "asked"


def test_force_stop_kills_at_once(qtbot: QtBot) -> None:
    child, ear = begin(qtbot, program("while True: time.sleep(1)"))
    pid = child.pid
    child.force_stop()
    wait_end(qtbot, child, ear)
    assert (ear.deaths[0].cause, ear.deaths[0].wanted) == ("forced", True)
    assert not psutil.pid_exists(pid)


def test_a_stop_that_takes_too_long_can_be_forced(qtbot: QtBot) -> None:
    patience = Patience(goodbye_ms=60_000)
    child, ear = begin(qtbot, program("while True: time.sleep(1)"), patience=patience)
    child.stop()
    child.force_stop()
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].cause == "forced"


def test_close_leaves_no_process_when_it_returns(qtbot: QtBot) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    child, ear = begin(qtbot, program(body))
    pid = child.pid
    child.close(wait_ms=100)
    assert not psutil.pid_exists(pid)
    assert len(ear.deaths) == 1
    child.close()


def test_close_before_the_handshake(qtbot: QtBot) -> None:
    child = Child(program("stay()", greet=False))
    ear = Ear(child)
    child.start()
    child.close()
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].cause == "asked"


def test_a_deleted_owner_takes_its_child_along(qtbot: QtBot) -> None:
    child, ear = begin(qtbot, program("stay()"))
    pid = child.pid
    ear.deleteLater()
    child.close()
    child.deleteLater()
    qtbot.waitUntil(lambda: not psutil.pid_exists(pid), timeout=60_000)


@posix
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "ram"),
        ("os._exit(137)", "ram"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "driver"),
        ("os._exit(1)", "engine_died"),
        ("os._exit(0)", "engine_died"),
        ("os._exit(3)", "engine_busy"),
        ("raise MemoryError", "ram"),
        ("raise RuntimeError('CUDA error: unspecified launch failure')", "driver"),
    ],
)
def test_every_death_has_its_code(qtbot: QtBot, how: str, code: str) -> None:
    child, ear = begin(qtbot, program(how))
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].cause == "died"
    assert ear.deaths[0].code == code
    assert not ear.deaths[0].wanted


@pytest.mark.parametrize(
    ("status", "lines", "code"),
    [
        (-1073741819, (), "driver"),  # 0xC0000005 as Qt hands it over
        (0xC0000005, (), "driver"),
        (-1073741801, (), "ram"),  # 0xC0000017: no memory
        (2, ("worker: error: unrecognized arguments: --media",), "version"),
        (1, ("ModuleNotFoundError: No module named 'flowanchor_engine'",), "engine_missing"),
        (127, ("bash: flowanchor-engine: command not found",), "engine_missing"),
        (255, (), "engine_died"),
        (1, ("RuntimeError: something new",), "engine_died"),
        (-6, ("terminate called after throwing an instance of 'std::bad_alloc'",), "ram"),
    ],
)
def test_the_crash_table(status: int, lines: tuple[str, ...], code: str) -> None:
    assert diagnose(status, lines) == code
    assert code in CODES


def test_every_code_has_a_sentence_and_a_way_out() -> None:
    for code in CODES:
        message = message_of(code)
        assert message.key == f"error.{code}"
        assert tr(message.key)
        assert message.buttons


def test_a_failure_of_ssh_is_no_failure_of_the_engine() -> None:
    assert diagnose(255, ("ssh: connect to host x: Connection refused",), remote=True) == (
        "engine_remote"
    )


@posix
def test_the_engine_dies_with_a_killed_panel(tmp_path: Path) -> None:
    """A panel that is killed leaves no engine: the end of stdin is the engine's end."""
    import subprocess

    code = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtCore import QCoreApplication
from plugin.services.child import Child
from plugin.services.launch import local_engine
app = QCoreApplication([])
child = Child(local_engine(mock="-"))
child.greeted.connect(lambda reply: print(child.pid, flush=True))
child.ended.connect(app.quit)
child.start()
app.exec()
"""
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE) as panel:
        assert panel.stdout is not None
        engine = int(panel.stdout.readline() or 0)
        assert engine
        assert psutil.pid_exists(engine)
        panel.send_signal(signal.SIGKILL)
        panel.wait(timeout=20)
    deadline = time.monotonic() + 60
    while psutil.pid_exists(engine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(engine)
    (left,) = Path(tempfile.gettempdir()).glob("flowanchor-panel-*")
    assert sweep() == (left,)  # as the next panel does at its start
    assert not left.exists()


def test_a_childs_temporary_files_go_with_it(qtbot: QtBot) -> None:
    body = "import tempfile; tempfile.mkdtemp(); tempfile.mkstemp(); say(dict(v=1, type='accepted',"
    body += " id=len(os.listdir(tempfile.gettempdir())))); time.sleep(60)"
    child, ear = begin(qtbot, program(body))
    qtbot.waitUntil(lambda: bool(ear.events), timeout=60_000)
    assert ear.events[0].id == 2
    (folder,) = Path(tempfile.gettempdir()).iterdir()
    assert sweep() == ()  # its panel is alive
    child.force_stop()
    wait_end(qtbot, child, ear)
    assert not folder.exists()


def test_a_mock_that_dies_between_lines(qtbot: QtBot, tmp_path: Path) -> None:
    script = [{"event": {"type": "phase", "phase": "load", "done": 0, "total": 1}}, {"exit": 137}]
    child, ear = begin(qtbot, mock(tmp_path, script))
    child.send(protocol.Run(id=child.number(), job="a", request={}, out="o"))
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].code == "ram"
    assert ear.events[-1].phase == "load"


# ---- whatever goes wrong beside it


def test_an_end_is_told_although_its_log_cannot_be_closed(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "log")

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log._handler, "close", full)
    child = Child(program("while True: time.sleep(1)"), log=log, patience=QUICK)
    ear = Ear(child)
    child.start()
    qtbot.waitUntil(lambda: bool(ear.greetings), timeout=60_000)
    child.force_stop()
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].cause == "forced"


@pytest.mark.qt_no_exception_capture
def test_an_end_is_told_although_its_last_words_upset_someone(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, ear = begin(qtbot, program("while True: time.sleep(1)"))
    said: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: said.append(error))

    def upset() -> None:
        raise ValueError("not now")

    monkeypatch.setattr(child, "_on_log", upset)
    child.force_stop()
    wait_end(qtbot, child, ear)
    assert ear.deaths[0].cause == "forced"
    assert not child.alive
