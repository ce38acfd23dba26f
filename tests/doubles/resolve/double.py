"""The double itself: one running Resolve of one edition and version."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.doubles.resolve import frames, model, remote, state, versions
from tests.doubles.resolve.app import ResolveApp
from tests.doubles.resolve.clock import Clock
from tests.doubles.resolve.comp import FusionComp
from tests.doubles.resolve.dispatch import CallLog, Handle, Refused
from tests.doubles.resolve.faults import Faults
from tests.doubles.resolve.files import Files
from tests.doubles.resolve.fusion_app import FusionApp, prefs_text
from tests.doubles.resolve.item import TimelineItem
from tests.doubles.resolve.lua_host import LuaHost
from tests.doubles.resolve.making import Making
from tests.doubles.resolve.mediaitem import MediaPoolItem
from tests.doubles.resolve.render_engine import Engine
from tests.doubles.resolve.scene import (
    ProjectBuilder,
    default_settings,
    new_project,
)
from tests.doubles.resolve.timeline import Timeline

_PIDS = itertools.count(4001)


class Double(Making):
    """A stateful Resolve.

    Parameters
    ----------
    edition
        ``free`` or ``studio``.
    version
        One of :data:`tests.doubles.resolve.versions.VERSIONS` (any dotted number works).
    faults
        What is wrong with this Resolve; healthy by default.
    home
        A folder for preferences and everything else this Resolve writes by itself.
    platform
        ``linux``, ``mac`` or ``windows``: what Lua sees, codecs, how paths open.
    locale
        Language of job states: ``en``, ``es``, ``pt``, ``ru``, ``de``.
    speed
        How much faster than the machine's clock time runs inside.
    sandboxed
        Overrides which Lua globals there are (free 21.1 is sandboxed).
    """

    def __init__(
        self,
        edition: str = "free",
        version: str = "21.1",
        faults: Faults | None = None,
        *,
        home: Path | str | None = None,
        platform: str = "linux",
        locale: str = "en",
        speed: float = 1.0,
        external_scripting: bool = True,
        sandboxed: bool | None = None,
    ) -> None:
        if edition not in versions.EDITIONS:
            raise ValueError(f"edition is free or studio, not {edition!r}")
        self.edition = edition
        self.version = versions.Version.parse(version)
        self.faults = faults or Faults()
        if home is None:
            home = tempfile.mkdtemp(prefix="resolve-")
            weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self.home = Path(home)
        self.temp = str(self.home)
        self.platform = platform
        self.locale = locale
        self.external_scripting = external_scripting
        self.sandboxed = (
            sandboxed if sandboxed is not None else edition == "free" and self.version.has("21.1")
        )
        self.clock = Clock(speed)
        self.lock = threading.RLock()
        self.pid = next(_PIDS)
        self.ids = model.Ids()
        self.calls = CallLog()
        self.dead = False
        self.modal: str | None = None
        self.hanging: str | None = None
        self.via = "python"
        self.page = "edit"
        self.files = Files(self)
        self.engine = Engine(self)
        self.prefs: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.hidden_comps: list[model.Comp] = []
        self.invented: set[str] = set()
        self.spawned: list[tuple[str, str]] = []
        self.keyframe_mode = 0
        self.open_comp: tuple[str, int] | None = None
        self.viewer: tuple[str, int, float] | None = None
        self._hooks: list[list[Any]] = []
        self.projects: list[model.Project] = []
        self.manager_folder = ""
        first = new_project(self, "Untitled Project", default_settings("24", (1920, 1080)))
        self.projects.append(first)
        self.current = first.name

    # Ways in ----
    @property
    def product(self) -> str:
        return "DaVinci Resolve Studio" if self.edition == "studio" else "DaVinci Resolve"

    def app(self) -> ResolveApp:
        return ResolveApp(self)

    def fusion_app(self) -> FusionApp:
        return FusionApp(self)

    @property
    def resolve(self) -> remote.PyRemoteObject:
        """What a Python script inside Resolve has as ``resolve``."""
        return remote.PyRemoteObject(self.app())

    def scriptapp(self, name: str) -> remote.PyRemoteObject | None:
        """What an outside Python gets from ``DaVinciResolveScript.scriptapp``: never raises."""
        if name != "Resolve" or self.dead or self.edition == "free" or not self.external_scripting:
            return None
        return self.resolve

    @property
    def menu_python(self) -> remote.PyRemoteObject | None:
        """What a Python script in the Scripts menu has; free 21.1 lists none."""
        return None if self.edition == "free" and self.version.has("21.1") else self.resolve

    def lua_runtime(
        self,
        *,
        door: str = "utility",
        tool: tuple[Handle, str] | None = None,
        environment: dict[str, str] | None = None,
    ) -> LuaHost:
        """Give a new LuaJIT state with the globals of this edition and version.

        ``tool=(comp handle, name)`` is the Scripts/Tool door: the script also gets ``comp`` and
        ``tool``.
        """
        comp = picked = None
        if tool is not None:
            door, comp = "tool", tool[0]
            picked = comp.FindTool(tool[1])  # type: ignore[attr-defined]
        elif not self.sandboxed and self.page == "fusion":
            with contextlib.suppress(Refused):
                comp = self.fusion_app().GetCurrentComp()
        return LuaHost(self, door=door, comp=comp, tool=picked, environment=environment)

    # What a test asks and does ----
    def state(self) -> dict[str, Any]:
        """Everything observable, as plain data."""
        with self.lock:
            return state.dump(self)

    def state_json(self) -> str:
        return json.dumps(self.state(), indent=1, sort_keys=True, default=str)

    @property
    def project(self) -> model.Project:
        return next(p for p in self.projects if p.name == self.current)

    @property
    def timeline(self) -> model.Timeline | None:
        return self.project.timeline

    def build(
        self,
        name: str = "Film",
        *,
        rate: str = "24",
        size: tuple[int, int] = (128, 72),
        **settings: str,
    ) -> ProjectBuilder:
        """Make a project, open it, and give the builder that fills it."""
        project = new_project(self, name, default_settings(rate, size) | settings)
        self.projects.append(project)
        self.current = name
        return ProjectBuilder(self, project)

    def on(
        self, method: str, do: Callable[[Double], Any], *, nth: int = 1, after: bool = False
    ) -> None:
        """Do something at the nth coming call of a method ('MediaPool.ImportMedia')."""
        self._hooks.append([method, nth, after, do])

    def die(self) -> None:
        """The process of Resolve ends."""
        self.dead = True

    def dismiss(self) -> None:
        """A person closes the dialog."""
        self.modal = None

    def release(self, method: str | None = None) -> None:
        """End a hang."""
        if method is None:
            self.faults.hang.clear()
        else:
            self.faults.hang.discard(method)

    def switch_project(self, name: str) -> None:
        """A person opens another project."""
        if all(project.name != name for project in self.projects):
            settings = default_settings("24", (128, 72))
            self.projects.append(new_project(self, name, settings))
        self.current = name

    def delete_item(self, item: model.Item) -> None:
        """A person deletes an item of the timeline."""
        for project in self.projects:
            for timeline in project.timelines:
                for tracks in timeline.tracks.values():
                    for track in tracks:
                        track.items = [other for other in track.items if other is not item]

    @contextmanager
    def unlogged(self) -> Iterator[None]:
        """Ask the API something without leaving lines in ``calls``."""
        count = len(self.calls)
        yield
        del self.calls[count:]

    # Machinery ----
    def count_down(self) -> None:
        if self.faults.die_after is not None:
            self.faults.die_after -= 1
            if self.faults.die_after < 0:
                self.dead = True

    def before(self, qualified: str) -> None:
        self._run_hooks(qualified, after=False)

    def after(self, qualified: str) -> None:
        self._run_hooks(qualified, after=True)

    def _run_hooks(self, qualified: str, *, after: bool) -> None:
        for hook in list(self._hooks):
            method, _, when, do = hook
            if when is after and method in (qualified, qualified.split(".")[1]):
                hook[1] -= 1
                if hook[1] == 0:
                    self._hooks.remove(hook)
                    do(self)

    def tick(self) -> None:
        """Let background work go on a little: a script waits, or asks how a render is doing."""
        with self.lock:
            self.engine.advance()

    def move_playhead(self, timeline: model.Timeline, frame: int) -> None:
        """Put the playhead somewhere; the viewer keeps the old frame for a moment."""
        self.viewer = (timeline.id, self.viewer_frame(timeline), self.clock.now())
        timeline.playhead = frame

    def viewer_frame(self, timeline: model.Timeline) -> int:
        """Frame the viewer shows, which may not be the playhead's yet."""
        if self.viewer is not None and self.viewer[0] == timeline.id:
            _, old, moved = self.viewer
            if self.clock.now() - moved < self.faults.still_lag:
                return old
        return timeline.playhead

    @property
    def prefs_path(self) -> Path:
        """Where this platform keeps Fusion.prefs, under :attr:`home`."""
        brand = Path("Blackmagic Design") / "DaVinci Resolve"
        profile = Path("Profiles") / "Default" / "Fusion.prefs"
        match self.platform:
            case "windows":
                return self.home / "AppData" / "Roaming" / brand / "Support" / "Fusion" / profile
            case "mac":
                return self.home / "Library" / "Application Support" / brand / "Fusion" / profile
        return self.home / ".local" / "share" / "DaVinciResolve" / "Fusion" / profile

    # Handles ----
    def proxy(self, thing: model.Item | model.Timeline | model.Media) -> remote.PyRemoteObject:
        """Give the Python proxy of something of the open project."""
        return remote.PyRemoteObject(self.handle(thing))

    def handle(self, thing: model.Item | model.Timeline | model.Media) -> Handle:
        project = self.project
        if isinstance(thing, model.Media):
            return MediaPoolItem(self, thing, project)
        if isinstance(thing, model.Timeline):
            return Timeline(self, thing, project)
        for timeline in project.timelines:
            if timeline.place(thing) is not None:
                return TimelineItem(self, thing, timeline, project)
        raise ValueError(f"{thing.name} is on no timeline of the open project")

    def comp_handle(self, item: model.Item, index: int = 1) -> FusionComp:
        """Give the live composition of an item, as a Tool script gets it."""
        owner = self.handle(item)
        return FusionComp(self, item.comps[index - 1], item, *owner.context)

    def save_prefs(self) -> None:
        if not self.faults.prefs_silent:
            self.files.write_atomically(self.prefs_path, prefs_text(self.prefs))

    def timecode(self, timeline: model.Timeline, frame: int) -> str:
        return frames.timecode(frame, timeline.rate)
