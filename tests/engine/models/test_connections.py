"""Connections that break and servers that refuse: waited out, continued or said."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowanchor_engine import models
from flowanchor_engine.errors import FlowAnchorError, ModelMissingError, NetError
from flowanchor_engine.models import ModelEntry, download, hub
from tests.engine.models.conftest import SMALL, Listener
from tests.engine.models.fake_hub import FakeHub
from tests.engine.models.getting import WEIGHTS, not_here, same


def test_a_cut_connection_is_continued_where_it_was_cut(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.cut[WEIGHTS] = [10_000, 20_000, 1]
    assert same(download.get(small), source)
    starts = [item.start for item in server.asked if item.name == WEIGHTS]
    assert starts == [0, 10_000, 30_000, 30_001]
    assert server.sent(WEIGHTS) == (source / WEIGHTS).stat().st_size


@pytest.mark.parametrize("ranges", ["ignored", "refused"])
def test_a_server_without_ranges_is_begun_anew(
    ranges: str, server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.cut[WEIGHTS] = [50_000]
    server.faults.ranges = ranges
    heard = Listener()
    assert same(download.get(small, report=heard), source)
    assert heard.heard[-1][1] == heard.heard[-1][2]


def test_a_server_that_never_gets_further_is_given_up(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.cut[WEIGHTS] = [1000] * 100
    server.faults.ranges = "ignored"
    with pytest.raises(NetError, match="what was downloaded is kept"):
        download.get(small)
    assert len([item for item in server.asked if item.name == WEIGHTS]) <= 6
    assert not_here()


def test_busy_answers_are_waited_out(server: FakeHub, root: Path, small: ModelEntry) -> None:
    server.faults.statuses = [503, 429, 500]
    assert download.get(small).is_dir()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, NetError, "needs an account"),
        (403, NetError, "needs an account"),
        (404, ModelMissingError, "has no Wan-AI"),
        (418, NetError, "answered 418"),
    ],
)
def test_refusals_are_worded_at_once(
    status: int,
    kind: type[FlowAnchorError],
    words: str,
    server: FakeHub,
    root: Path,
    small: ModelEntry,
) -> None:
    server.faults.statuses = [status]
    with pytest.raises(kind, match=words):
        download.get(small)
    assert len(server.headers) == 1


def test_nobody_answering_is_one_sentence(
    server: FakeHub, root: Path, small: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(NetError, match="No connection to the download server") as caught:
        download.get(small)
    assert caught.value.code == "net"
    assert "use_existing_files" in caught.value.hint


def test_an_unknown_revision_is_said(server: FakeHub, root: Path, small: ModelEntry) -> None:
    with pytest.raises(ModelMissingError, match="at v9"):
        download.get(small, revision="v9")


def test_offline_asks_nobody_and_keeps_working(
    server: FakeHub, root: Path, small: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NetError, match="offline mode") as caught:
        download.get(small)
    assert caught.value.hint == ("use_existing_files",)
    assert not server.headers
    monkeypatch.delenv("HF_HUB_OFFLINE")
    home = download.get(small)
    server.forget()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert download.get(small) == home == models.folder(SMALL)
    assert not server.headers


def test_patience_grows_and_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_FIRST_PAUSE_S", 0.01)
    patience = hub.Patience(Listener())
    seen = []
    for _ in range(4):
        seen.append(patience.timeout_s)
        patience.failed(hub.AgainError("x"))
    assert seen == [2, 4, 8, 16]
    patience.renew()
    assert patience.timeout_s == 2
