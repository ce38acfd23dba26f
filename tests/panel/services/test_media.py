"""Pictures, mattes, words and models: one outcome each, superseding, and a repeat after death."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from pytestqt.qtbot import QtBot

from flowanchor_engine.request import EditRequest, Prompts, SourceSpec
from plugin.services.child import Patience
from plugin.services.launch import Launch, local_engine, local_media
from plugin.services.media import MediaService, Trouble
from plugin.services.proxies import ProxyReader
from tests.panel.services.actors import program
from tests.panel.services.stage import played

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
PATIENCE = Patience(goodbye_ms=2_000, terminate_ms=500)


class Desk:
    """Asks and remembers what came of it."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.folder = folder
        self.done: list[Any] = []
        self.troubles: list[Trouble] = []
        self.services: list[MediaService] = []

    def open(self, launch: Launch) -> MediaService:
        service = MediaService(launch, patience=PATIENCE)
        self.services.append(service)
        return service

    @property
    def clip(self) -> SourceSpec:
        path = self.folder / "clip.bin"
        path.write_bytes(b"pictures")
        return SourceSpec(path=str(path), frames=6)

    def wait(self, count: int = 1, timeout: int = 60_000) -> None:
        self.qtbot.waitUntil(lambda: len(self.done) + len(self.troubles) >= count, timeout=timeout)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(qtbot, tmp_path)
    yield desk
    for service in desk.services:
        service.close()
        service.deleteLater()


def test_a_proxy_opens_fills_and_is_done(desk: Desk) -> None:
    service = desk.open(local_engine(mock="-"))
    assert service.pids == ()  # nothing is started before it is needed
    readers: list[ProxyReader] = []
    counts: list[tuple[str, int, int]] = []
    service.proxy(
        desk.clip,
        desk.folder / "proxy",
        desk.done.append,
        desk.troubles.append,
        on_opened=lambda path, facts: readers.append(ProxyReader(path)),
        on_progress=lambda phase, done, total, left: counts.append((phase, done, total)),
    )
    desk.wait()
    assert desk.troubles == []
    assert readers[0].frames == 6
    assert counts[-1] == ("read", 6, 6)
    assert desk.done[0].path == str(desk.folder / "proxy")
    readers[0].grow(counts[-1][1])
    assert readers[0].frame(5).any()
    assert len(service.pids) == 1


def test_lanes_do_not_wait_for_each_other(desk: Desk) -> None:
    slow = {"proxy": [{"wait_s": 60}], "get_model": [{"wait_s": 60}]}
    service = desk.open(played(desk.folder, slow))
    proxy = service.proxy(desk.clip, desk.folder / "p", desk.done.append, desk.troubles.append)
    model = service.get_model("wan2.1-1.3b", desk.done.append, desk.troubles.append)
    service.words("a red ball", "a blue ball", desk.done.append, desk.troubles.append)
    service.models(desk.done.append, desk.troubles.append)
    desk.wait(2)
    assert desk.troubles == []
    assert [event.type for event in desk.done] == ["words", "models"]
    assert len(service.pids) == 3
    proxy.cancel()
    model.cancel()
    desk.qtbot.waitUntil(lambda: len(service.pids) == 2, timeout=60_000)  # models has gone
    assert len(desk.done) == 2
    assert desk.troubles == []
    assert proxy.over


def test_a_newer_request_takes_the_slot(desk: Desk) -> None:
    acts = [{"play": {"s_per_frame": 0.2}}]
    service = desk.open(played(desk.folder, {"matte": acts}))
    request = EditRequest(source=desk.clip, prompts=Prompts(now="a", wanted="b"))
    asks = [
        service.matte(request, desk.folder / f"m{i}", desk.done.append, desk.troubles.append)
        for i in range(5)
    ]
    desk.wait()
    desk.qtbot.wait(100)
    assert [event.path for event in desk.done] == [str(desk.folder / "m4")]
    assert desk.troubles == []
    assert all(ask.over for ask in asks)


def test_only_the_newest_words_are_answered(desk: Desk) -> None:
    service = desk.open(local_engine(mock="-"))
    answers: list[int] = []
    for number in range(10):
        service.words(
            "a ball",
            "a ball" + "!" * number,
            lambda reply, number=number: answers.append(number),  # type: ignore[misc]
            desk.troubles.append,
        )
    desk.qtbot.waitUntil(lambda: answers != [], timeout=60_000)
    desk.qtbot.wait(200)
    assert answers == [9]


def test_refusals_and_failures_are_told(desk: Desk) -> None:
    failed = {"type": "error", "code": "clip_missing", "user_message": "Gone.", "hint": ["reread"]}
    script = {
        "proxy": [{"event": failed}],
        "words": [{"refuse": {"code": "model_missing", "user_message": "No model."}}],
    }
    service = desk.open(played(desk.folder, script))
    service.proxy(desk.clip, desk.folder / "p", desk.done.append, desk.troubles.append)
    service.words("a", "b", desk.done.append, desk.troubles.append)
    desk.wait(2)
    assert {t.code: t.sentence for t in desk.troubles} == {
        "clip_missing": "Gone.",
        "model_missing": "No model.",
    }


def test_a_death_is_repeated_once_and_then_told(desk: Desk) -> None:
    service = desk.open(played(desk.folder, {"proxy": [{"exit": 1}]}))
    service.proxy(desk.clip, desk.folder / "p", desk.done.append, desk.troubles.append)
    desk.wait()
    assert [trouble.code for trouble in desk.troubles] == ["engine_died"]
    assert service.pids == ()
    service.words("a ball", "a cube", desk.done.append, desk.troubles.append)
    desk.wait(2)
    assert [event.type for event in desk.done] == ["words"]  # other ends are well


@posix
def test_what_was_open_when_an_end_was_killed_is_done_all_the_same(desk: Desk) -> None:
    hold = desk.folder / "hold"
    hold.touch()
    acts = [{"play": {"hold": str(hold)}}]
    service = desk.open(played(desk.folder, {"matte": acts}))
    request = EditRequest(source=desk.clip, prompts=Prompts(now="a", wanted="b"))
    opened: list[str] = []
    service.matte(
        request,
        desk.folder / "m",
        desk.done.append,
        desk.troubles.append,
        on_opened=lambda path, facts: opened.append(path),
    )
    desk.qtbot.waitUntil(lambda: opened != [], timeout=60_000)
    os.kill(service.pids[0], signal.SIGKILL)
    hold.unlink()
    service.words("a ball", "a cube", desk.done.append, desk.troubles.append)
    desk.wait(2)
    assert desk.troubles == []
    assert sorted(event.type for event in desk.done) == ["matte_done", "words"]
    assert len(opened) == 2


@posix
def test_an_import_is_not_repeated_blindly(desk: Desk) -> None:
    service = desk.open(played(desk.folder, {"import_model": [{"wait_s": 60}]}))
    service.import_model("x", desk.folder, desk.done.append, desk.troubles.append)
    desk.qtbot.waitUntil(lambda: service._lanes["models"].child.stage == "ready", timeout=60_000)
    desk.qtbot.wait(50)
    os.kill(service.pids[0], signal.SIGKILL)
    desk.wait()
    assert [trouble.code for trouble in desk.troubles] == ["ram"]


@pytest.mark.parametrize(
    ("launch", "code"),
    [
        (Launch("/nowhere/python"), "engine_missing"),
        (program("os._exit(1)", greet=False), "engine_died"),
        (program("hear(); say({**greeting, 'protocol': 2}); stay()", greet=False), "version"),
    ],
)
def test_an_end_that_cannot_be_used_is_told_at_once(desk: Desk, launch: Launch, code: str) -> None:
    service = desk.open(launch)
    service.words("a", "b", desk.done.append, desk.troubles.append)
    service.models(desk.done.append, desk.troubles.append)
    desk.wait(2)
    assert [trouble.code for trouble in desk.troubles] == [code, code]
    assert service.pids == ()


def test_close_ends_everything_without_a_word(desk: Desk) -> None:
    service = desk.open(played(desk.folder, {"proxy": [{"wait_s": 60}]}))
    service.proxy(desk.clip, desk.folder / "p", desk.done.append, desk.troubles.append)
    service.warm()
    desk.qtbot.waitUntil(
        lambda: all(lane.child.stage == "ready" for lane in service._lanes.values()), timeout=60_000
    )
    pids = service.pids
    assert len(pids) == 2
    service.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert desk.done == desk.troubles == []


def test_what_is_asked_after_the_end_starts_nothing(desk: Desk) -> None:
    """Resolve may answer while the panel's other children are ended."""
    service = desk.open(played(desk.folder, {}))
    service.close()
    service.proxy(desk.clip, desk.folder / "p", desk.done.append, desk.troubles.append)
    service.warm()
    desk.qtbot.wait(100)
    assert service.pids == ()
    assert desk.done == desk.troubles == []


# ---- the real media end


@pytest.mark.slow
def test_a_real_clip_its_matte_words_and_models(
    desk: Desk, film: dict[str, str], film_request: EditRequest
) -> None:
    service = desk.open(local_media())
    found: dict[str, Any] = {}

    def take(event: Any) -> None:
        found[event.type] = event
        desk.done.append(event)

    clip = SourceSpec(path=film["clip"])
    service.proxy(clip, desk.folder / "clip", take, desk.troubles.append)
    service.matte(film_request, desk.folder / "matte", take, desk.troubles.append)
    service.words(film["now"], film["wanted"], take, desk.troubles.append)
    service.models(take, desk.troubles.append)
    desk.wait(4)
    assert desk.troubles == []
    pictures = ProxyReader(found["proxy_done"].path)
    assert pictures.frames == pictures.ready == 9
    assert pictures.facts is not None
    assert pictures.facts.rate == "24000/1001"
    matte = ProxyReader(found["matte_done"].path)
    assert matte.header.channels == 1
    coverage = [float(matte.frame(i).mean()) / 255 for i in range(9)]
    assert np.allclose(coverage, found["matte_done"].coverage, atol=0.02)
    assert any(word.drives for word in found["words"].words)
    assert any(model.id == "demo" and model.installed for model in found["models"].models)

    service.measure(film_request, Path(film["clip"]), take, desk.troubles.append)
    desk.wait(5)
    assert desk.troubles == []
    assert found["measured"].outside == (0.0,) * 9
