"""How fast the viewer paints: every mode, three sizes, frames never seen and frames held."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from flowanchor_engine.protocol.proxies import (
    FRAMES_FILE,
    HEADER_FILE,
    AttentionHeader,
    ProxyHeader,
    WordMap,
)
from plugin import theme
from plugin.bench.stalls import StallDetector
from plugin.services.proxies import AttentionReader, ProxyReader
from plugin.state.prompts import Chip
from plugin.state.viewer import Mode, ViewerState
from plugin.ui.viewer import Book, Core, Picture, ShotFacts, Viewer, Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST_FPS", "SIZES", "Row", "run", "table"]

SIZES: Final = ((396, 223), (1280, 720), (1920, 1080))
LEAST_FPS: Final = 20.0
WIDTH: Final = 1920
HEIGHT: Final = 1080
_PLAY_S: Final = 3.0
_CASES: Final[tuple[tuple[str, Mode, bool, bool, float], ...]] = (
    # name, mode, matte, words, zoom
    ("before", "before", False, False, 0.0),
    ("after", "after", False, False, 0.0),
    ("after 1:1", "after", False, False, 1.0),
    ("after 4:1", "after", False, False, 4.0),
    ("wipe", "wipe", False, False, 0.0),
    ("side", "side", False, False, 0.0),
    ("difference", "difference", False, False, 0.0),
    ("matte", "after", True, False, 0.0),
    ("words", "after", False, True, 0.0),
    ("wipe matte words", "wipe", True, True, 0.0),
)


@dataclass(frozen=True)
class Row:
    """One case at one size; milliseconds from setting a frame until it is painted."""

    case: str
    width: int
    height: int
    new_ms: float  # median, a frame that was never shown
    new_p95_ms: float
    new_fps: float  # by the mean
    new_own_ms: float  # processor time of the window's thread, mean: what a free machine needs
    held_ms: float  # median, a frame in the cache
    cache_mb: float


def _write(folder: Path, frames: int, kind: str) -> Path:
    folder.mkdir()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    grain = np.random.default_rng(7).integers(0, 24, (HEIGHT, WIDTH, 1)).astype(np.uint8)
    base = np.stack([x * 200 // WIDTH, y * 200 // HEIGHT, (x + y) * 200 // (WIDTH + HEIGHT)], -1)
    picture = base.astype(np.uint8) + grain
    channels = 1 if kind == "matte" else 3
    with (folder / FRAMES_FILE).open("wb") as file:
        for frame in range(frames):
            file.write(_frame(picture, x, y, frame, kind).tobytes())
    header = ProxyHeader(
        width=WIDTH,
        height=HEIGHT,
        channels=1 if channels == 1 else 3,
        stride=WIDTH * channels,
        frames=frames,
        ready=frames,
    )
    (folder / HEADER_FILE).write_text(header.model_dump_json(by_alias=True))
    return folder


def _frame(
    picture: NDArray[np.uint8],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    frame: int,
    kind: str,
) -> NDArray[np.uint8]:
    """Return a frame: grain that moves, a soft disc as the matte, red in it once edited."""
    far = np.hypot(x - 500 - 12 * frame, y - 540)
    cover = np.clip((260 - far) * 255 / 24, 0, 255).astype(np.uint8)
    if kind == "matte":
        return cover
    moved: NDArray[np.uint8] = np.roll(picture, 3 * frame, axis=1)
    if kind == "after":
        moved[cover > 0] = moved[cover > 0] // 2 + np.array([100, 0, 0], np.uint8)
    return moved


def _maps(folder: Path, frames: int) -> Path:
    folder.mkdir()
    count = -(-frames // 4)  # a map stands for four pictures
    maps = np.random.default_rng(3).integers(0, 256, (1, count, 30, 52)).astype(np.uint8)
    (folder / FRAMES_FILE).write_bytes(maps.tobytes())
    header = AttentionHeader(
        width=52,
        height=30,
        frames=count,
        picture_frames=tuple((4 * i, 4 * i + 4) for i in range(count)),
        words=(WordMap(text="red", start=0, stop=3, drives=True, share=0.6, matte_share=0.1),),
    )
    (folder / HEADER_FILE).write_text(header.model_dump_json(by_alias=True))
    return folder


def _open(folder: Path, frames: int) -> tuple[Core, Viewer]:
    core = Core(ViewerState(), Book())
    book, state = core.book, core.state
    state.show_shot(frames)
    book.facts.set(ShotFacts(Fraction(24), "01:00:00:00", WIDTH, HEIGHT))
    book.shot.set(Picture("before", ProxyReader(_write(folder / "before", frames, "before"))))
    after = ProxyReader(_write(folder / "after", frames, "after"))
    book.takes.set({"take": Picture("after", after, "Take 1")})
    book.matte.set(Picture("matte", ProxyReader(_write(folder / "matte", frames, "matte"))))
    book.words.set(Words("words", AttentionReader(_maps(folder / "maps", frames))))
    book.chips.set((Chip("red", 0, 3, "drive"),))
    book.ready.set(frames)
    state.compare.set(("take", None))
    return core, Viewer(core)


def _go(app: QApplication, core: Core, frame: int) -> float:
    """Show a frame and return the milliseconds until all of the viewer is painted."""
    core.prefetch.stop()
    began = time.perf_counter()
    core.state.go(frame)
    app.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    return 1000 * (time.perf_counter() - began)


def _measure(
    app: QApplication, core: Core, viewer: Viewer, case: str, size: tuple[int, int], frames: int
) -> Row:
    # what is made ahead would hide the cost of a frame that is new
    core.prefetch.budget_ms = lambda: 0.0
    core.cache.clear()
    core.numbers.clear()
    _go(app, core, frames - 1)
    own = time.thread_time()
    new = [_go(app, core, frame) for frame in range(frames - 1)]
    own = 1000 * (time.thread_time() - own) / len(new)
    held_mb = core.cache.bytes / 2**20
    held = []
    for frame in range(0, frames - 2, 2):
        _go(app, core, frame)
        _go(app, core, frame + 1)
        held.append(_go(app, core, frame))
    return Row(
        case,
        *size,
        round(statistics.median(new), 2),
        round(sorted(new)[int(0.95 * len(new))], 2),
        round(1000 / statistics.mean(new), 1),
        round(own, 2),
        round(statistics.median(held), 2),
        round(held_mb, 1),
    )


def _play(app: QApplication, core: Core) -> dict[str, Any]:
    """Play for a few seconds in real time and count what was shown and dropped."""
    core.prefetch.budget_ms = lambda: core.player.budget_ms
    core.cache.clear()
    shown: list[int] = []
    connection = core.state.frame.changed.connect(shown.append)
    core.state.go(0)
    shown.clear()
    loop = QEventLoop()
    end = QTimer()
    end.setSingleShot(True)
    end.timeout.connect(loop.quit)
    with StallDetector() as stalls:
        core.player.toggle()
        began = time.perf_counter()
        end.start(round(1000 * _PLAY_S))
        loop.exec()
        seconds = time.perf_counter() - began
        core.state.stop()
    connection.disconnect()
    return {
        "seconds": round(seconds, 2),
        "rate": str(core.book.facts.value.rate),
        "shown": len(shown),
        "dropped": core.player.dropped.value,
        "stalls": stalls.data(),
    }


def run(*, frames: int = 24) -> dict[str, Any]:
    """Measure and return rows, playback and memory as plain data.

    Parameters
    ----------
    frames : int
        Frames of the 1080-line proxies that are written to a temporary folder.
    """
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication([])
    theme.apply(app)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="flowanchor-bench-") as name:
        core, viewer = _open(Path(name), frames)
        viewer.show()
        around = viewer.sizeHint() - viewer.canvas.sizeHint()
        for size in SIZES:
            viewer.resize(size[0], size[1] + around.height())
            app.processEvents()
            for case, mode, matte, words, zoom in _CASES:
                core.state.mode.set(mode)
                core.state.overlay.set(matte)
                core.state.words_overlay.set(0 if words else None)
                core.state.zoom.set(zoom)
                rows.append(_measure(app, core, viewer, case, size, frames))
        core.state.mode.set("wipe")
        core.state.zoom.set(0.0)
        core.state.overlay.set(False)
        core.state.words_overlay.set(None)
        playback = _play(app, core)
        memory = {
            "cache_mb": round(core.cache.bytes / 2**20, 1),
            "cache_limit_mb": round(core.cache.limit_bytes / 2**20, 1),
            "rss_mb": round(psutil.Process().memory_info().rss / 2**20, 1),
        }
        core.close()
        viewer.close()
        viewer.deleteLater()
        app.processEvents()
    return {
        "schema": "flowanchor.BenchViewer.1",
        "proxy": [WIDTH, HEIGHT],
        "frames": frames,
        "platform": app.platformName(),
        "rows": [asdict(row) for row in rows],
        "least_fps": min(row.new_fps for row in rows),
        "least_own_fps": round(1000 / max(row.new_own_ms for row in rows), 1),
        "playback": playback,
        "memory": memory,
    }


def table(data: dict[str, Any]) -> str:
    """Return the measurements as people read them."""
    lines = [
        f"{'case':<18} {'size':>11} {'new ms':>8} {'p95':>8} {'new fps':>8} {'own ms':>8}"
        f" {'held ms':>8} {'cache MB':>9}"
    ]
    for row in data["rows"]:
        size = f"{row['width']}x{row['height']}"
        lines.append(
            f"{row['case']:<18} {size:>11} {row['new_ms']:>8.2f} {row['new_p95_ms']:>8.2f}"
            f" {row['new_fps']:>8.1f} {row['new_own_ms']:>8.2f} {row['held_ms']:>8.2f}"
            f" {row['cache_mb']:>9.1f}"
        )
    play = data["playback"]
    lines += [
        "",
        f"slowest case: {data['least_fps']:.1f} frames/s ({LEAST_FPS:.0f} wanted),"
        f" {data['least_own_fps']:.1f} by its own processor time",
        f"playback at {play['rate']} frames/s for {play['seconds']} s: {play['shown']} shown,"
        f" {play['dropped']} dropped, longest gap {play['stalls']['longest_ms']:.0f} ms,"
        f" {len(play['stalls']['stalls'])} stalls",
        f"cache {data['memory']['cache_mb']:.0f} of at most"
        f" {data['memory']['cache_limit_mb']:.0f} MB, process {data['memory']['rss_mb']:.0f} MB",
    ]
    return "\n".join(lines)
