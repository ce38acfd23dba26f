"""Mock data for the gallery: a store in memory, and models filled as if a person had worked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtGui import QImage

from flowanchor_engine.protocol import ClipFacts, Estimated, MatteDone, ModelInfo, Word, WordsReply
from flowanchor_engine.protocol.proxies import AttentionHeader, ProxyHeader, WordMap
from plugin.gallery.scene import FRAMES, Scene
from plugin.state.links import EngineState, HostState
from plugin.state.session import PanelModel
from plugin.state.shot import ShotView
from plugin.state.takes import Take
from plugin.ui.viewer import Book, Picture, ShotFacts, Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from plugin.state.job_queue import Job

__all__ = [
    "MODELS",
    "NOW",
    "WANTED",
    "MemoryStore",
    "SceneFrames",
    "fill_book",
    "make_model",
    "ready_engine",
    "ready_host",
]

SCENE: Final = Scene(960, 540)
NOW: Final = "a man in a grey jacket walks across a wet street"
WANTED: Final = "a man in a red leather jacket walks across a wet street"
CLIP: Final = "A012_C004_0812.mov"
GRID: Final = (52, 30)  # token cells of the words' maps

MODELS: Final = (
    ModelInfo(
        id="demo",
        name="FlowAnchor demo",
        family="demo",
        good_for="Knows eight colours, six shapes and four materials in small synthetic scenes; "
        "shows the method on any computer.",
        licence="GPL-3.0-or-later",
        size_bytes=14_000_000,
        installed=True,
        width=128,
        height=128,
        window_frames=33,
    ),
    ModelInfo(
        id="wan2.1-1.3b",
        name="Wan2.1 T2V 1.3B",
        family="wan2.1",
        good_for="The model of the paper; its numbers are the defaults.",
        licence="Apache-2.0",
        size_bytes=28_500_000_000,
        installed=True,
        vram_mb=6 * 1024,
        width=832,
        height=480,
    ),
    ModelInfo(
        id="wan2.1-14b",
        name="Wan2.1 T2V 14B",
        family="wan2.1",
        good_for="Larger and slower; edited with the numbers of the 1.3B until measured.",
        licence="Apache-2.0",
        size_bytes=80_000_000_000,
        vram_mb=16 * 1024,
        width=832,
        height=480,
    ),
)


class MemoryStore:
    """Keeps jobs and takes while the program runs, with the laws of the real store."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.takes: dict[str, Take] = {}

    def put_jobs(self, jobs: Sequence[Job], *, lightly: bool = False) -> None:
        """Write new or changed jobs."""
        self.jobs.update({job.id: job for job in jobs})

    def delete_jobs(self, ids: Sequence[str]) -> None:
        """Forget jobs."""
        for name in ids:
            self.jobs.pop(name, None)

    def load_jobs(self) -> tuple[Job, ...]:
        """Return all jobs in their order."""
        return tuple(sorted(self.jobs.values(), key=lambda job: job.order_key))

    def finish_job(self, job: Job, take: Take) -> Take:
        """End a job and add its take."""
        numbers = [each.number for each in self.takes.values() if each.shot_id == take.shot_id]
        kept = replace(take, number=max(numbers, default=0) + 1)
        self.put_jobs([job])
        self.takes[kept.id] = kept
        return kept

    def load_takes(self, shot_id: str | None = None) -> tuple[Take, ...]:
        """Return the takes of a shot, or all, oldest first."""
        every = self.takes.values()
        return tuple(take for take in every if shot_id in (None, take.shot_id))

    def load_take(self, take_id: str) -> Take | None:
        """Return a take of any shot."""
        return self.takes.get(take_id)

    def put_take(self, take: Take) -> None:
        """Write a changed take."""
        self.takes[take.id] = take

    def delete_takes(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Remove takes; nothing here has files of its own."""
        for name in ids:
            self.takes.pop(name, None)
        return ()


class SceneFrames:
    """Frames of the generated shot where the viewer expects a proxy; drawn when asked for."""

    def __init__(self, kind: str, scene: Scene = SCENE, frames: int = FRAMES) -> None:
        self._kind = kind
        self._scene = scene
        channels = 1 if kind == "matte" else 3
        self.header = ProxyHeader(
            width=scene.width,
            height=scene.height,
            channels=channels,
            stride=scene.width * channels,
            frames=frames,
            ready=frames,
        )

    def frame(self, index: int, /) -> NDArray[np.uint8]:
        """Return a frame."""
        return _frame(self._kind, self._scene, index)


@lru_cache(maxsize=24)
def _frame(kind: str, scene: Scene, index: int) -> NDArray[np.uint8]:
    if kind == "matte":
        return np.asarray(np.rint(scene.matte(index) * 255), np.uint8)
    picture = scene.after(index) if kind == "after" else scene.before(index)
    if kind == "other":  # a second version, to compare takes with each other
        edited = scene.after(index)
        return np.ascontiguousarray(edited[..., [2, 1, 0]] // 2 + edited // 2)
    return np.asarray(picture, np.uint8)


class SceneMaps:
    """Attention of the wanted words over the generated shot."""

    def __init__(self) -> None:
        words = []
        for text, drives, share in (
            ("red", True, 0.62),
            ("leather", True, 0.55),
            ("jacket", False, 0.41),
        ):
            start = WANTED.index(text)
            words.append(
                WordMap(
                    text=text,
                    start=start,
                    stop=start + len(text),
                    drives=drives,
                    share=share,
                    matte_share=0.06,
                )
            )
        covers = tuple((4 * i, min(FRAMES, 4 * i + 4)) for i in range(21))
        self.header = AttentionHeader(
            width=GRID[0], height=GRID[1], frames=21, picture_frames=covers, words=tuple(words)
        )

    def map(self, word: int, index: int, /) -> NDArray[np.uint8]:
        """Return one word's map, 255 at its strongest cell."""
        small = Scene(GRID[0] * 4, GRID[1] * 4)
        heat = small.attention(4 * index, word)
        cells = heat.reshape(GRID[1], 4, GRID[0], 4).mean((1, 3))
        return np.asarray(np.rint(cells / cells.max() * 255), np.uint8)


def facts() -> ClipFacts:
    """Return what the clip's file would say."""
    return ClipFacts(
        path=f"/media/{CLIP}",
        start=0,
        frames=FRAMES,
        width=1920,
        height=1080,
        rate="24/1",
        timecode="01:02:11:04",
        tags="Rec.709",
        codec="prores",
    )


def shot(**changes: Any) -> ShotView:
    """Return the shot as the timeline would show it."""
    view = ShotView(
        id="item-1",
        name=CLIP,
        path=f"/media/{CLIP}",
        start=0,
        frames=FRAMES,
        rate=Fraction(24),
        width=1920,
        height=1080,
        timecode_in="01:02:11:04",
        timecode_out="01:02:14:13",
        track="V1",
        tags="Rec.709",
    )
    return replace(view, **changes)


def ready_engine(**changes: Any) -> EngineState:
    """Return an engine that waits for work."""
    state = EngineState(
        phase="ready",
        device="RTX 4090",
        memory_used_mb=11_470,
        memory_total_mb=24_564,
        features=("preview.latent_rgb", "windows"),
    )
    return replace(state, **changes)


def ready_host() -> HostState:
    """Return Resolve with its link."""
    return HostState("ready", "Resolve Studio", "21.1", studio=True)


def words_reply() -> WordsReply:
    """Return how the engine would read the texts."""
    words = []
    at = 0
    for text in WANTED.split():
        start = WANTED.index(text, at)
        at = start + len(text)
        drives = text in ("red", "leather")
        tokens = ("▁lea", "ther") if text == "leather" else (f"▁{text}",)
        words.append(Word(start=start, stop=at, drives=drives, tokens=tokens))
    grey = NOW.index("grey")
    return WordsReply(
        id=1, words=tuple(words), removed=((grey, grey + 4),), origin="diff", token_count=13
    )


def make_model(
    store: MemoryStore | None = None,
    *,
    with_shot: bool = True,
    with_matte: bool = True,
    with_words: bool = True,
) -> PanelModel:
    """Return a model as after opening a shot, choosing its matte and writing the texts."""
    seeds = itertools.count(4217)  # one number for all would ask for the same edit twice
    model = PanelModel(
        store or MemoryStore(), now=lambda: 1_760_000_000.0, random_seed=seeds.__next__
    )
    model.engine.set(ready_engine())
    model.host.set(ready_host())
    model.models.set(MODELS)
    model.model_id.set("wan2.1-1.3b")
    if not with_shot:
        return model
    model.open_shot(shot())
    model.shot.facts.set(facts())
    model.shot.ready.set(FRAMES)
    if with_matte:
        fill_matte(model)
    if with_words:
        model.prompts.now.set(NOW)
        model.prompts.wanted.set(WANTED)
        for question in model.prompts.questions():
            model.prompts.answer(question, words_reply())
    model.estimate.set(
        Estimated(id=1, forwards=92, forwards_cached=46, s_per_forward=4.1, total_s=400.0)
    )
    return model


def fill_matte(model: PanelModel) -> None:
    """Take the Fusion mask of the shot, measured."""
    model.matte.use_file("/cache/matte.png", "Polygon1", origin="fusion", channel="luma")
    shares = tuple(0.061 + 0.004 * float(np.sin(i / 9)) for i in range(FRAMES))
    model.matte.take(MatteDone(job="m", seq=1, path="/cache/matte", coverage=shares))


def fill_book(book: Book, *, takes: Mapping[str, str] | None = None) -> None:
    """Let the viewer show the generated shot, its matte, its takes and the words' maps."""
    book.facts.set(ShotFacts(Fraction(24), "01:02:11:04", 1920, 1080))
    book.shot.set(Picture("shot", SceneFrames("before")))
    book.ready.set(FRAMES)
    book.matte.set(Picture("matte", SceneFrames("matte")))
    pictures = {
        name: Picture(name, SceneFrames(kind), name=name.replace("take-", "t"))
        for name, kind in (takes or {}).items()
    }
    book.takes.set(pictures)
    book.words.set(Words("maps", SceneMaps()))


def write_picture(pixels: NDArray[np.uint8], path: Path) -> str:
    """Write pixels as a PNG file and return its path."""
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    image.copy().save(str(path))
    return str(path)


def add_takes(model: PanelModel, folder: Path, count: int = 3, *, test: bool = False) -> list[str]:
    """Give the shot takes with thumbnails; the second one is starred and placed."""
    request = model.request().dump()
    names = []
    small = Scene(192, 108)
    for i in range(count):
        name = f"take-{i + 1}"
        kind = "after" if i % 2 == 0 else "other"
        picture = _frame(kind, small, 30 + 8 * i)
        take = Take(
            id=name,
            job=f"job-{i}",
            number=i + 1,
            shot_id="item-1",
            file=f"/media/FlowAnchor/{name}.mov",
            sha256="",
            request={**request, "seed": 4217 + i},
            request_hash=str(i),
            recipe_key="a" if i < 2 else "b",
            title="red leather jacket" if i < 2 else "dark red leather jacket",
            thumbnail=write_picture(picture, folder / f"{name}.png"),
            starred=i == 1,
            placed="item-9" if i == 1 else "",
            frames=FRAMES,
            proxy=str(folder),
        )
        model.takes._store.put_take(take)
        names.append(name)
    if test:
        take = replace(
            model.takes._store.load_takes()[0],
            id="take-test",
            number=count + 1,
            kind="test",
            recipe_key="c",
            starred=False,
            placed="",
        )
        model.takes._store.put_take(take)
    model.takes.show_shot("item-1")
    return names
