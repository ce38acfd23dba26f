"""Builders: a project, a timeline and what lies on it, one line each.

Positions (``at``) and lengths (``frames``) are timeline frames counted from the timeline's
start, ``left`` is the first source frame. Media are real files under the double's home.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.doubles.resolve import clips, comp_text, frames, imports, model, render_presets, source

if TYPE_CHECKING:
    from tests.doubles.resolve.double import Double


def default_settings(rate: str, size: tuple[int, int]) -> dict[str, str]:
    """Project settings, all of them strings."""
    return {
        "timelineFrameRate": rate.removesuffix(" DF"),
        "timelineDropFrameTimecode": "1" if frames.is_drop(rate) else "0",
        "timelineResolutionWidth": str(size[0]),
        "timelineResolutionHeight": str(size[1]),
        "timelinePixelAspectRatio": "square",
        "timelineInputResMismatchBehavior": "scaleToFit",
        "colorScienceMode": "davinciYRGB",
        "colorSpaceTimeline": "Rec.709 Gamma 2.4",
        "colorSpaceOutput": "Rec.709 Gamma 2.4",
        "videoDataLevelsRetainSubblockAndSuperWhiteData": "0",
        "fusionDefaultStartFrame": "0",
        "fusionLegacyFrameCount": "0",
    }


def new_project(double: Double, name: str, settings: dict[str, str]) -> model.Project:
    """Give an empty project with the Deliver page as a fresh Resolve has it."""
    root = model.Folder(double.ids.new(), "Master")
    project = model.Project(double.ids.new(), name, root, root, settings)
    presets = {key: dict(value) for key, value in render_presets.BUILT_IN.items()}
    project.render = model.Render(presets=presets, settings={"TargetDir": "", "CustomName": ""})
    return project


class ProjectBuilder:
    """Fills one project."""

    def __init__(self, double: Double, project: model.Project) -> None:
        self.double = double
        self.project = project
        self.media_dir = double.home / "media" / project.name

    # Media ----
    def video(
        self,
        name: str = "A001_C001.mov",
        *,
        frames_count: int = 48,
        rate: str | None = None,
        size: tuple[int, int] | None = None,
        codec: str = "png",
        alpha: bool = False,
        channels: int = 0,
        timecode: str = "",
        first: int = 0,
        upright: bool = False,
        start: int = 0,
    ) -> model.Media:
        """Write a clip whose pictures carry their numbers, and put it into the current folder.

        ``upright``: stored lying, shown standing, as phones do. ``start``: the 'Start' property.
        """
        width, height = size or self._size()
        stored = (height, width) if upright else (width, height)
        path = clips.write_counted(
            self.media_dir / name,
            frames_count,
            size=stored,
            rate=frames.exact(rate or self._rate()),
            codec=codec,
            first=first,
            alpha=alpha,
            timecode=timecode,
            channels=channels,
        )
        media = self._imported(path)
        media.size, media.first = (width, height), start
        return media

    def file(self, path: Path) -> model.Media:
        """Put an existing file into the current folder."""
        return self._imported(path)

    def still(self, name: str = "still.png", *, size: tuple[int, int] | None = None) -> model.Media:
        path = self.media_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        clips.write_still(path, clips.counted(7, size or self._size()))
        return self._imported(path)

    def sequence(
        self, stem: str = "plate_", *, frames_count: int = 24, first: int = 1, ext: str = "png"
    ) -> model.Media:
        """Write numbered stills, imported as one item ``stem[0001-0024].png``."""
        self.media_dir.mkdir(parents=True, exist_ok=True)
        paths = []
        for index in range(frames_count):
            path = self.media_dir / f"{stem}{first + index:04d}.{ext}"
            clips.write_still(path, clips.counted(index, self._size()))
            paths.append(self.double.files.shown(path))
        return self._pooled(imports.read_all(self.double, paths)[0])

    def offline(self, name: str = "lost.mov", **options: Any) -> model.Media:
        """A clip whose file has gone, while 'Online Status' still says Online."""
        media = self.video(name, **options)
        self.double.files.real(media.path).unlink()
        return media

    def compound(self, name: str = "Compound Clip 1", *parts: model.Media) -> model.Media:
        """A compound clip of clips one after the other."""
        return self._made(name, "compound", parts or (self.video(f"{name} part.mov"),))

    def multicam(self, name: str = "Multicam 1", *angles: model.Media) -> model.Media:
        return self._made(name, "multicam", (angles or (self.video(f"{name} angle.mov"),))[:1])

    def fusion_clip(self, name: str = "Fusion Clip 1", *parts: model.Media) -> model.Media:
        return self._made(name, "fusion", parts or (self.video(f"{name} part.mov"),))

    def nested(self, timeline: TimelineBuilder) -> model.Media:
        """The Media Pool's item of a timeline, to be put on another."""
        target = timeline.timeline
        media = next(m for m in self.project.all_media() if m.inner is target)
        media.frames = target.end() - target.start
        return media

    def folder(self, name: str, *, enter: bool = True) -> model.Folder:
        made = model.Folder(self.double.ids.new(), name)
        self.project.folder.folders.append(made)
        if enter:
            self.project.folder = made
        return made

    def _size(self) -> tuple[int, int]:
        settings = self.project.settings
        keys = ("timelineResolutionWidth", "timelineResolutionHeight")
        return int(settings[keys[0]]), int(settings[keys[1]])

    def _rate(self) -> str:
        drop = self.project.settings["timelineDropFrameTimecode"] == "1"
        return self.project.settings["timelineFrameRate"] + (" DF" if drop else "")

    def _imported(self, path: Path) -> model.Media:
        media = imports.read(self.double, self.double.files.shown(path))
        if media is None:
            raise ValueError(f"{path} does not decode")
        return self._pooled(media)

    def _pooled(self, media: model.Media) -> model.Media:
        self.project.folder.media.append(media)
        return media

    def _made(self, name: str, kind: str, parts: tuple[model.Media, ...]) -> model.Media:
        inner = model.Timeline(
            self.double.ids.new(), name, self._rate(), 0, self._size(), empty_tracks(1, 0)
        )
        builder = TimelineBuilder(self, inner)
        at = 0
        for part in parts:
            at += int(builder.put(part, at=at).duration)
        media = model.Media(
            self.double.ids.new(), self.double.ids.new(), name, kind, "", at, self._rate(),
            self._size(), inner=inner,
        )  # fmt: skip
        return self._pooled(media)

    # Timelines ----
    def timeline(
        self,
        name: str = "Timeline 1",
        *,
        start: str | int | None = None,
        rate: str | None = None,
        video: int = 1,
        audio: int = 1,
    ) -> TimelineBuilder:
        """Make a timeline and open it; it starts at one hour unless told otherwise."""
        timeline = self.double.new_timeline(
            self.project, name, start=start, rate=rate, video=video, audio=audio
        )
        self.project.current = timeline.id
        return TimelineBuilder(self, timeline)

    # Deliver ----
    def deliver(self, extension: str = "mp4", codec: str = "H264", **settings: Any) -> None:
        """What the user left on the Deliver page; ``audio_only=True`` sticks unseen."""
        render = self.project.render
        render.format, render.codec = extension, codec
        render.audio_only = bool(settings.pop("audio_only", False))
        render.mode = settings.pop("mode", render.mode)
        render.settings |= settings

    def foreign_job(self, name: str = "user export", folder: Path | None = None) -> model.Job:
        """A job the user queued and did not start."""
        timeline = self.project.timeline
        if timeline is None:
            raise ValueError("a job needs a timeline")
        settings = {
            "TargetDir": str(folder or self.double.home / "user exports"),
            "CustomName": name,
            "MarkIn": timeline.start,
            "MarkOut": timeline.end() - 1,
            "_audio_only": False,
        }
        job = model.Job(
            self.double.ids.new(), timeline.id, settings, "mp4", "H264", 1, foreign=True
        )
        self.project.render.jobs.append(job)
        return job


class TimelineBuilder:
    """Fills one timeline."""

    def __init__(self, project: ProjectBuilder, timeline: model.Timeline) -> None:
        self.project = project
        self.double = project.double
        self.timeline = timeline

    def put(
        self,
        media: model.Media,
        *,
        at: int | Fraction = 0,
        frames_count: int | Fraction | None = None,
        left: int | None = None,
        track: int = 1,
        speed: int | Fraction = 1,
        ramp: bool = False,
        source_unknown: bool = False,
        enabled: bool = True,
        linked_audio: bool = False,
        name: str | None = None,
        **props: Any,
    ) -> model.Item:
        """Put a clip on a video track. ``speed`` may be negative: reversed."""
        rate = self.timeline.rate
        item = self.double.make_item("clip", name or media.name, Fraction(0), Fraction(1), media)
        item.speed, item.ramp, item.enabled = Fraction(speed), ramp, enabled
        item.source_unknown = source_unknown
        default_left = media.frames - 1 if item.speed < 0 else 0
        item.left = Fraction(default_left if left is None else left)
        if frames_count is None:
            whole = media.frames if item.speed < 0 else media.frames - item.left
            step = source.ratio(item, rate) * abs(item.speed)
            frames_count = 120 if media.kind == "still" else Fraction(int(whole / step))
        item.duration = Fraction(frames_count)
        item.start = Fraction(self.timeline.start) + Fraction(at)
        item.props = props
        if media.kind == "multicam" and name is None:
            item.name = f"{media.name} - Angle 1"
        self._track("video", track).items.append(item)
        if linked_audio:
            self.timeline.links += 1
            item.link = self.timeline.links
            sound = self.double.make_item("clip", media.name, item.start, item.duration, media)
            sound.left, sound.link = item.left, item.link
            self._track("audio", 1).items.append(sound)
        return item

    def title(self, name: str = "Text", *, at: int, frames_count: int = 24, track: int = 1,
              fusion: bool = False) -> model.Item:  # fmt: skip
        """A title; a Fusion title has a comp with a tool called Template."""
        item = self._bare("fusion_title" if fusion else "title", name, at, frames_count, track)
        if fusion:
            text = comp_text.full_comp(
                '\t\tTemplate = TextPlus { Inputs = { StyledText = Input { Value = "Text" } } }',
                self.double.comp_span(item),
                through="Template",
            )
            self.comp(item, text, name="Title")
        return item

    def generator(
        self, name: str = "Solid Color", *, at: int, frames_count: int = 24, track: int = 1
    ) -> model.Item:
        return self._bare("generator", name, at, frames_count, track)

    def adjustment(self, *, at: int, frames_count: int = 24, track: int = 2) -> model.Item:
        return self._bare("adjustment", "Adjustment Clip", at, frames_count, track)

    def fusion_composition(self, *, at: int, frames_count: int = 24, track: int = 1) -> model.Item:
        return self._bare("fusion_comp", "Fusion Composition", at, frames_count, track)

    def transition(self, cut: model.Item, *, frames_count: int = 8) -> model.Item:
        """A cross dissolve over the end of an item."""
        at = int(cut.end) - self.timeline.start - frames_count // 2
        place = self.timeline.place(cut)
        return self._bare("transition", "Cross Dissolve", at, frames_count, (place or ("", 1))[1])

    def subtitle(self, text: str = "Hello", *, at: int, frames_count: int = 24) -> model.Item:
        item = self.double.make_item(
            "subtitle", text, Fraction(self.timeline.start + at), Fraction(frames_count)
        )
        self._track("subtitle", 1).items.append(item)
        return item

    def _bare(self, kind: str, name: str, at: int, length: int, track: int) -> model.Item:
        start = Fraction(self.timeline.start + at)
        item = self.double.make_item(kind, name, start, Fraction(length))
        self._track("video", track).items.append(item)
        return item

    def _track(self, kind: str, number: int) -> model.Track:
        tracks = self.timeline.tracks[kind]
        while len(tracks) < number:
            tracks.append(model.Track(f"{kind.capitalize()} {len(tracks) + 1}"))
        return tracks[number - 1]

    # Fusion and grade ----
    def comp(
        self,
        item: model.Item,
        text: str,
        *,
        name: str | None = None,
        painters: dict[str, Any] | None = None,
    ) -> model.Comp:
        """Give an item a composition by its whole text.

        ``painters``: tool name -> ``(frame, width, height) -> (height, width) float array``, the
        picture of a tool the double cannot evaluate (trackers, paint, wand) for Saver renders.
        """
        made = model.Comp(name or f"Composition {len(item.comps) + 1}", comp_text.parse(text))
        made.painters = painters or {}
        item.comps.append(made)
        return made

    def mask(
        self,
        item: model.Item,
        tools: str,
        mask: str = "Polygon1",
        *,
        painters: dict[str, Any] | None = None,
    ) -> model.Comp:
        """Give an item a comp with mask tools (their text) limiting one effect."""
        text = comp_text.masked_comp(
            tools, mask, self.double.comp_span(item), version=str(self.double.version)
        )
        return self.comp(item, text, painters=painters)

    def grade(self, item: model.Item, *gains: tuple[float, float, float]) -> None:
        item.versions[item.version] = [model.Node(gain=gain) for gain in gains]

    # The user's state ----------------------------------------------------------------------------
    def select(self, *items: model.Item) -> None:
        self.timeline.selection = [item.id for item in items]

    def playhead(self, at: int) -> None:
        self.timeline.playhead = self.timeline.start + at

    def marks(self, first: int, last: int, *kinds: str) -> None:
        for kind in kinds or ("video",):
            self.timeline.marks[kind] = {
                "in": self.timeline.start + first,
                "out": self.timeline.start + last,
            }

    def marker(self, at: int, color: str = "Blue", name: str = "", **fields: Any) -> None:
        self.timeline.markers[at] = model.Marker(color, name, **fields)

    def disable_track(self, number: int, kind: str = "video") -> None:
        self._track(kind, number).enabled = False

    def lock_track(self, number: int, kind: str = "video") -> None:
        self._track(kind, number).locked = True


def empty_tracks(video: int, audio: int) -> dict[str, list[model.Track]]:
    return {
        "video": [model.Track(f"Video {n}") for n in range(1, video + 1)],
        "audio": [model.Track(f"Audio {n}", subtype="stereo") for n in range(1, audio + 1)],
        "subtitle": [],
    }
