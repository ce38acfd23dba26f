"""An editor's computer: a Resolve with a real cut, its agent, and panels that look at it.

The double of Resolve lives in the test's process with the real agent in LuaJIT. Everything of the
product is real: the panel, its host child, the engine with the embedded model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from plugin.app import Application
from plugin.control.folders import Folders
from plugin.control.suite import Launches
from plugin.services.host import host_child
from plugin.ui.actions import Target
from tests.doubles.gate import Gate
from tests.panel.host.world import World

__all__ = [
    "CUT_IN",
    "FIRST",
    "FRAMES",
    "LEFT",
    "POLYGON",
    "Desk",
    "Journey",
    "NoDialogs",
    "private",
    "truth_of",
]

FIRST = Path(__file__).resolve().parents[2] / "plugin" / "data"
FRAMES, LEFT, CUT_IN = 9, 6, 10
_SIZE = (192, 112)


def _keyframe(frame: int, left: int, top: int, right: int, bottom: int) -> str:
    width, height = _SIZE
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    points = ", ".join(
        f"{{ Linear = true, X = {x / width - 0.5:.6f}, Y = {0.5 - y / height:.6f} }}"
        for x, y in corners
    )
    return (
        f"[{frame}] = {{ 0, Flags = {{ Linear = true, LockedY = true }}, Value = Polyline {{ "
        f"Closed = true, Points = {{ {points} }} }} }},"
    )


# A box round the ball of the bundled shot: it moves with it between two keyframes.
POLYGON = f"""
    Polygon1 = PolylineMask {{ Inputs = {{
        MaskWidth = Input {{ Value = {_SIZE[0]} }}, MaskHeight = Input {{ Value = {_SIZE[1]} }},
        PixelAspect = Input {{ Value = {{ 1, 1 }} }},
        UseFrameFormatSettings = Input {{ Value = 1 }},
        ClippingMode = Input {{ Value = FuID {{ "None" }} }},
        Polyline = Input {{ SourceOp = "Polygon1Polyline", Source = "Value" }},
        Polyline2 = Input {{ Value = Polyline {{}}, Disabled = true }},
    }} }},
    Polygon1Polyline = BezierSpline {{ KeyFrames = {{
        {_keyframe(0, 83, 12, 131, 61)}
        {_keyframe(8, 97, 30, 145, 79)}
    }} }},
"""


def private(home: Path) -> dict[str, str]:
    """Variables that keep everything a panel's children write below one folder."""
    return {
        "FLOWANCHOR_CACHE": str(home / "engine-cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_DATA_HOME": str(home / "share"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TORCHINDUCTOR_CACHE_DIR": str(home / "compiled"),
        "FLOWANCHOR_TIMINGS": str(home / "timings.json"),
        "OMP_NUM_THREADS": "1",
    }


def truth_of(name: str = "first_matte.mp4") -> list[NDArray[np.uint8]]:
    """The bundled shot's own matte, one picture a frame."""
    with av.open(str(FIRST / name)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def write_rushes(path: Path, *, handles: int = LEFT) -> Path:
    """Write the bundled shot with handles before and after it, as a camera would leave it."""
    with av.open(str(FIRST / "first.mp4")) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(shown) == FRAMES
    order = [0] * handles + list(range(FRAMES)) + [FRAMES - 1] * handles
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("prores_ks", rate=Fraction(24))
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "yuv422p10le"
        for number in order:
            picture = av.VideoFrame.from_ndarray(shown[number], format="rgb24")
            container.mux(stream.encode(picture.reformat(format="yuv422p10le")))
        container.mux(stream.encode(None))
    return path


class Desk(World):
    """A cut with neighbours, a title, a grade and audio; one clip has a keyframed polygon."""

    def __init__(self, tmp: Path, edition: str, version: str) -> None:
        super().__init__(tmp, edition, version)
        made = self.double.build("Film", rate="24", size=_SIZE)
        made.folder("Rushes")
        rushes = made.file(write_rushes(tmp / "rushes" / "A012_C004.mov"))
        other = made.video("B002.mov", frames_count=40)
        cut = made.timeline("Cut", start="01:00:00:00", video=3)
        cut.put(other, at=0, left=2, frames_count=CUT_IN)
        self.item = cut.put(rushes, at=CUT_IN, left=LEFT, frames_count=FRAMES)
        cut.put(other, at=CUT_IN + FRAMES, left=20, frames_count=10)
        cut.title("Text", at=12, frames_count=4, track=3)
        cut.grade(self.item, (1.2, 1.0, 0.8))
        cut.marker(3, "Blue", "mine")
        cut.mask(self.item, POLYGON)
        cut.select(self.item)
        cut.playhead(CUT_IN + 7)  # not under the title
        self.film, self.cut = made, cut
        self.double.page = "edit"
        self.originals = {path: _sum(path) for path in self.media_files()}
        self.gate = Gate(tmp / "gate", "run")

    def media_files(self) -> list[Path]:
        """Every file that the cut plays."""
        found = (self.double.files.real(media.path) for media in self.double.project.all_media())
        return sorted({path for path in found if path.is_file()})

    def host_arguments(self) -> tuple[str, ...]:
        """What a panel's host child is told, so that it looks at this Resolve and no other."""
        return (
            *("--mailbox", str(self.box)),
            *("--preferences", str(self.double.prefs_path)),
            *("--resolve-name", self.name),
            *("--presence-s", "0.3", "--watch-s", "0.3"),
        )

    def launches(self, folders: Folders) -> Launches:
        """The children of a panel at this desk."""
        usual = Launches.usual(folders)
        host = host_child(folders.host, *self.host_arguments())
        engine = usual.engine.with_variables(**self.gate.variables)
        return Launches(engine, usual.media, host)

    def items(self) -> list[Any]:
        """Everything on the timeline's video tracks."""
        timeline = self.double.timeline
        assert timeline is not None
        return [item for track in timeline.tracks["video"] for item in track.items]

    def untouched(self) -> bool:
        """Whether every original file is what it was, byte for byte."""
        return {path: _sum(path) for path in self.originals} == self.originals


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class NoDialogs:
    """Nobody sits there: a question for a file is a fault, not a test that never ends."""

    def __init__(self, owner: object) -> None: ...

    def _asked(self, start: str) -> str:
        msg = f"the panel asks for a path, from {start!r} on"
        raise AssertionError(msg)

    clip = matte = folder = save = _asked


class Journey:
    """A panel at the desk, with the hands of its editor."""

    def __init__(self, application: Application, desk: Desk, qtbot: Any) -> None:
        self.application = application
        self.suite = application.suite
        self.panel = application.panel
        self.model = application.suite.model
        self.desk = desk
        self._qtbot = qtbot

    def until(self, condition: Callable[[], object], *, seconds: float = 120) -> None:
        """Run the event loop until something is true; else say what the panel says."""

        def told() -> None:
            assert condition(), (self.model.messages.current.value, self.model.why_not.value)

        self._qtbot.waitUntil(told, timeout=int(seconds * 1000))

    def write(self, now: str, wanted: str) -> None:
        """Fill in both texts and wait for the engine's reading of them."""
        self.model.prompts.now.set(now)
        self.model.prompts.wanted.set(wanted)
        self.until(lambda: self.model.prompts.verdict.value is not None)

    def see_the_shot(self) -> None:
        """Wait until shot and matte are there, which nobody asked for."""
        self.until(lambda: self.model.host.value.kind == "ready")
        self.until(lambda: self.model.shot.shot.value is not None)
        self.until(lambda: self.suite.book.ready.value == FRAMES)
        self.until(lambda: self.suite.book.matte.value is not None)

    def prepare(self, now: str, wanted: str) -> None:
        """See the shot, write both texts, choose Draft and hold the seed."""
        self.see_the_shot()
        self.model.strengths.quality.set("draft")
        self.model.seed.set(7)
        self.model.seed_locked.set(True)
        self.write(now, wanted)
        self.until(lambda: self.model.can_run.value)

    def edit(self) -> Any:
        """Press the button and wait for the take."""
        known = {take.id for take in self.model.takes.all}
        self.until(lambda: self.model.can_run.value)
        self.panel.act.edit.click()
        self.until(
            lambda: (
                {take.id for take in self.model.takes.all} - known
                or any(job.state == "failed" for job in self.model.queue.jobs)
            ),
            seconds=240,
        )
        new = [take for take in self.model.takes.all if take.id not in known]
        assert len(new) == 1, self.model.messages.current.value
        return new[0]

    def act(self, name: str, **target: Any) -> None:
        """Do what a button does."""
        self.suite.actions.run(name, Target(**target))

    def place(self, take: Any) -> Any:
        """Place a take and wait; return the take as it is then."""
        self.act("place", take=take.id)
        self.until(lambda: self.model.takes.get(take.id).placed)  # type: ignore[union-attr]
        return self.model.takes.get(take.id)

    def undo(self, take: Any) -> None:
        """Take a take off the timeline and wait."""
        self.act("undo_place", take=take.id)
        self.until(lambda: not self.model.takes.get(take.id).placed)  # type: ignore[union-attr]

    def said(self) -> str:
        """The key of what the panel says."""
        message = self.model.messages.current.value
        return message.key if message is not None else ""
