"""Which of several cards is asked about, and that each has one engine."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowanchor_engine import nvml
from flowanchor_engine.worker import device

GB = 1 << 30
UUIDS = ("GPU-aaaa-1", "GPU-aabb-2", "MIG-cccc")


class Cards:
    """The driver of a machine with two equal cards, and an instance cut from one of them."""

    def nvmlInit_v2(self) -> int:  # noqa: N802 - the library's own names
        return 0

    def nvmlShutdown(self) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetCount_v2(self, out: Any) -> int:  # noqa: N802
        out._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, out: Any) -> int:  # noqa: N802
        if index >= 2:
            return 2
        out._obj.value = index + 1
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, out: Any) -> int:  # noqa: N802
        out._obj.value = UUIDS.index(uuid.decode()) + 1
        return 0

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, length: ctypes.c_uint) -> int:  # noqa: N802
        assert length.value == len(text)
        text.value = UUIDS[handle.value - 1].encode()
        return 0

    def nvmlDeviceGetName(self, handle: Any, text: Any, length: ctypes.c_uint) -> int:  # noqa: N802
        text.value = b"NVIDIA RTX 4090"
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, out: Any) -> int:  # noqa: N802
        out._obj.total, out._obj.free = 24 * GB, handle.value * GB
        return 0

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any, major: Any, minor: Any) -> int:  # noqa: N802
        major._obj.value, minor._obj.value = 8, 9
        return 0


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(nvml, "_library", Cards)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    device.describe.cache_clear()
    yield
    device.describe.cache_clear()


@pytest.mark.parametrize(
    ("visible", "free"),
    [
        (None, 1), ("0", 1), ("1", 2), ("1,0", 2), (" 1 , 0", 2), ("GPU-aabb-2", 2),
        ("GPU-aab", 2), ("GPU-aa", 1), ("MIG-cccc", 3),
        ("", None), ("-1", None), ("NoDevFiles", None), ("7", None), ("GPU-zz", None),
    ],
)  # fmt: skip
def test_the_first_visible_card_is_the_one(
    cards: None, monkeypatch: pytest.MonkeyPatch, visible: str | None, free: int | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert nvml.free_bytes() == (None if free is None else free * GB)
    assert device.describe().kind == ("cpu" if free is None else "cuda")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lock is this account's own")
def test_equal_cards_have_an_engine_each_and_one_card_has_one_by_any_name(
    cards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    first = device.lock()
    for same in ("0", "GPU-aaaa", "0,1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", same)
        with pytest.raises(device.EngineBusyError):
            device.lock()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    second = device.lock()
    first.release()
    second.release()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lock is this account's own")
def test_a_processor_has_one_engine_whatever_is_said_of_cards(
    cards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvml, "_library", lambda: None)
    held = device.lock()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(device.EngineBusyError):
        device.lock()
    held.release()
