"""Proxy folders are read without a copy, and half-written ones are refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine.protocol.proxies import AttentionHeader, ProxyHeader, WordMap
from plugin.services.proxies import AttentionReader, ProxyError, ProxyReader


def write(folder: Path, frames: np.ndarray, pad: int = 0, **changes: object) -> Path:
    """Write a proxy of frames (n, h, w[, 3]); `pad` bytes behind every row."""
    folder.mkdir(parents=True, exist_ok=True)
    count, height, width = frames.shape[:3]
    channels = 3 if frames.ndim == 4 else 1
    header = ProxyHeader.model_validate(
        {
            "width": width,
            "height": height,
            "channels": channels,
            "frames": count,
            "stride": width * channels + pad,
            "ready": count,
        }
    ).model_copy(update=changes)
    rows = frames.reshape(count, height, width * channels)
    rows = np.pad(rows, ((0, 0), (0, 0), (0, pad)), constant_values=99)
    (folder / "frames.raw").write_bytes(rows.tobytes())
    (folder / "proxy.json").write_text(header.model_dump_json(by_alias=True))
    return folder


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 7)),
    channels=st.sampled_from([1, 3]),
    pad=st.integers(0, 8),
    seed=st.integers(0, 99),
)
def test_frames_come_back_as_they_were_written(
    tmp_path: Path, shape: tuple[int, int, int], channels: int, pad: int, seed: int
) -> None:
    full = (*shape, 3) if channels == 3 else shape
    frames = np.random.default_rng(seed).integers(0, 256, full).astype(np.uint8)
    reader = ProxyReader(write(tmp_path / "p", frames, pad))
    assert reader.size == (shape[2], shape[1])
    assert reader.frames == reader.ready == shape[0]
    for number in range(shape[0]):
        assert np.array_equal(reader.frame(number), frames[number])
        rows = np.frombuffer(reader.rows(number), np.uint8).reshape(shape[1], -1)
        assert rows.shape[1] == reader.header.stride
        assert np.array_equal(rows[:, : shape[2] * channels].reshape(frames[number].shape), (
            frames[number]
        ))  # fmt: skip


def test_a_frame_is_a_view_and_cannot_be_written(tmp_path: Path) -> None:
    frames = np.zeros((3, 4, 5, 3), np.uint8)
    reader = ProxyReader(write(tmp_path / "p", frames, 1))
    view = reader.frame(2)
    assert not view.flags.owndata
    assert not view.flags.writeable
    assert view.strides == (16, 3, 1)
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 1
    # What a writer adds is seen without opening anew.
    with (tmp_path / "p" / "frames.raw").open("r+b") as file:
        file.seek(2 * 16 * 4)
        file.write(b"\x07")
    assert view[0, 0, 0] == 7


@pytest.mark.parametrize("number", [-1, 3, 99])
def test_frames_that_are_not_there(tmp_path: Path, number: int) -> None:
    reader = ProxyReader(write(tmp_path / "p", np.zeros((3, 4, 5), np.uint8)))
    with pytest.raises(IndexError):
        reader.frame(number)
    with pytest.raises(IndexError):
        reader.rows(number)


def test_ready_grows_and_never_shrinks(tmp_path: Path) -> None:
    reader = ProxyReader(write(tmp_path / "p", np.zeros((5, 2, 2), np.uint8), ready=0))
    seen = []
    for told in (2, 1, 4, 99):
        reader.grow(told)
        seen.append(reader.ready)
    assert seen == [2, 2, 4, 5]


def test_an_open_reader_outlives_its_folder(tmp_path: Path) -> None:
    old = write(tmp_path / "p", np.full((2, 3, 4), 5, np.uint8))
    reader = ProxyReader(old)
    old.replace(tmp_path / "gone")
    write(tmp_path / "p", np.full((2, 3, 4), 9, np.uint8))
    for path in (tmp_path / "gone").iterdir():
        path.unlink()
    assert reader.frame(1)[0, 0] == 5
    assert ProxyReader(old).frame(1)[0, 0] == 9


def spoil(name: str) -> Callable[[Path], object]:
    def cut(folder: Path) -> None:
        path = folder / "frames.raw"
        path.write_bytes(path.read_bytes()[:-1])

    def edit(old: str, new: str) -> Callable[[Path], object]:
        def change(folder: Path) -> None:
            path = folder / "proxy.json"
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))

        return change

    return {
        "no header": lambda folder: (folder / "proxy.json").unlink(),
        "no frames": lambda folder: (folder / "frames.raw").unlink(),
        "empty frames": lambda folder: (folder / "frames.raw").write_bytes(b""),
        "cut": cut,
        "longer": lambda folder: (folder / "frames.raw").write_bytes(b"x" * 10_000),
        "no json": lambda folder: (folder / "proxy.json").write_text("{"),
        "not utf-8": lambda folder: (folder / "proxy.json").write_bytes(b"\xff"),
        "other schema": edit("flowanchor.Proxy.1", "flowanchor.Proxy.2"),
        "no width": edit('"width":5', '"width":0'),
        "narrow stride": edit('"stride":5', '"stride":4'),
        "too many ready": edit('"ready":3', '"ready":4'),
        "many channels": edit('"channels":1', '"channels":2'),
        "negative": edit('"frames":3', '"frames":-3'),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        *("no header", "no frames", "empty frames", "cut", "longer", "no json", "not utf-8"),
        *("other schema", "no width", "narrow stride", "too many ready", "many channels"),
        "negative",
    ],
)
def test_what_is_no_proxy_is_refused(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "p", np.zeros((3, 4, 5), np.uint8))
    spoil(name)(folder)
    with pytest.raises(ProxyError) as caught:
        ProxyReader(folder)
    assert caught.value.code == "proxy"
    assert caught.value.detail


def attention(folder: Path, maps: np.ndarray, **changes: object) -> Path:
    folder.mkdir()
    count, frames, height, width = maps.shape
    words = tuple(
        WordMap(text=f"w{i}", start=i, stop=i + 1, drives=True, share=0.5, matte_share=0.1)
        for i in range(count)
    )
    spans = tuple((0, 1) if i == 0 else (4 * i - 3, 4 * i + 1) for i in range(frames))
    header = AttentionHeader(
        width=width, height=height, frames=frames, picture_frames=spans, words=words
    ).model_copy(update=changes)
    (folder / "frames.raw").write_bytes(maps.tobytes())
    (folder / "proxy.json").write_text(header.model_dump_json(by_alias=True))
    return folder


def test_maps_of_words_by_number(tmp_path: Path) -> None:
    maps = np.arange(2 * 3 * 2 * 4, dtype=np.uint8).reshape(2, 3, 2, 4)
    reader = AttentionReader(attention(tmp_path / "a", maps))
    for word in (0, 1):
        for number in (0, 1, 2):
            assert np.array_equal(reader.map(word, number), maps[word, number])
    assert [word.text for word in reader.words] == ["w0", "w1"]
    for word, number in ((-1, 0), (2, 0), (0, -1), (0, 3)):
        with pytest.raises(IndexError):
            reader.map(word, number)


@pytest.mark.parametrize(
    "changes", [{"frames": 4}, {"picture_frames": ((0, 0),) * 3}, {"words": ()}, {"width": 5}]
)
def test_what_are_no_maps_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = attention(tmp_path / "a", np.zeros((2, 3, 2, 4), np.uint8), **changes)
    with pytest.raises(ProxyError):
        AttentionReader(folder)
    with pytest.raises(ProxyError):
        ProxyReader(folder)


def test_the_reader_needs_no_qt() -> None:
    code = "import plugin.services.proxies, sys; sys.exit('PySide6' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
