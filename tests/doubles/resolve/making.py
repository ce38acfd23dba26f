"""Making items, timelines and compound clips: for the builders and for the API alike."""

from __future__ import annotations

from fractions import Fraction

from tests.doubles.resolve import frames, model
from tests.doubles.resolve.scene import empty_tracks


class Making:
    """The half of the double that makes things."""

    ids: model.Ids
    project: model.Project

    def make_item(
        self,
        kind: str,
        name: str,
        start: Fraction,
        duration: Fraction,
        media: model.Media | None = None,
    ) -> model.Item:
        return model.Item(self.ids.new(), kind, name, start, duration, media)

    def new_timeline(
        self,
        project: model.Project,
        name: str,
        *,
        start: str | int | None = None,
        rate: str | None = None,
        video: int = 1,
        audio: int = 1,
    ) -> model.Timeline:
        """Add a timeline and its Media Pool item to a project."""
        settings = project.settings
        drop = " DF" if settings["timelineDropFrameTimecode"] == "1" else ""
        rate = rate or settings["timelineFrameRate"] + drop
        size = (
            int(settings["timelineResolutionWidth"]),
            int(settings["timelineResolutionHeight"]),
        )
        first = start if isinstance(start, int) else frames.parse(start or "01:00:00:00", rate)
        if first is None:
            raise ValueError(f"{start} is not a timecode")
        tracks = empty_tracks(video, audio)
        timeline = model.Timeline(self.ids.new(), name, rate, first, size, tracks, first)
        timeline.settings = {"useCustomSettings": "0", "timelineFrameRate": rate.split(" ")[0]}
        project.timelines.append(timeline)
        self.pool_timeline(project, timeline)
        return timeline

    def pool_timeline(self, project: model.Project, timeline: model.Timeline) -> None:
        """Show a timeline in the Media Pool."""
        media = model.Media(self.ids.new(), self.ids.new(), timeline.name, "timeline")
        media.inner, media.rate, media.size = timeline, timeline.rate, timeline.size
        media.start = timeline.start
        media.frames = timeline.end() - timeline.start
        project.folder.media.append(media)

    def compound_media(
        self,
        project: model.Project,
        timeline: model.Timeline,
        name: str,
        items: list[model.Item],
        start: Fraction,
        end: Fraction,
    ) -> model.Media:
        """Wrap items into a compound clip of the Media Pool."""
        tracks = empty_tracks(1, 0)
        inner = model.Timeline(self.ids.new(), name, timeline.rate, 0, timeline.size, tracks)
        for item in items:
            place = timeline.place(item)
            item.start -= start
            if place is not None and place[0] == "video":
                while len(tracks["video"]) < place[1]:
                    tracks["video"].append(model.Track(f"Video {len(tracks['video']) + 1}"))
                tracks["video"][place[1] - 1].items.append(item)
        media = model.Media(
            self.ids.new(), self.ids.new(), name, "compound", frames=int(end - start),
            rate=timeline.rate, size=timeline.size, inner=inner,
        )  # fmt: skip
        project.folder.media.append(media)
        return media

    def comp_span(self, item: model.Item) -> tuple[int, int]:
        """First and last frame of an item's comp clock: modern, or the legacy frame count."""
        settings = self.project.settings
        first = int(settings["fusionDefaultStartFrame"])
        if settings["fusionLegacyFrameCount"] == "1":
            first = int(item.left)
        return first, first + int(item.duration) - 1

    def item_at_playhead(self, timeline: model.Timeline) -> model.Item | None:
        for track in reversed(timeline.tracks["video"]):
            for item in track.items:
                if item.start <= timeline.playhead < item.end and item.kind != "transition":
                    return item
        return None
