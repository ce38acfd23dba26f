"""The user's state around a job: read, put back in reverse, and read back.

Only identities are kept, never handles, so that restoring works after a helper was killed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from resolve_bridge.allowed import MAX_STEPS
from resolve_bridge.call import MISSING, SLOW_S, Ref, Session
from resolve_bridge.errors.placing import RestoreError
from resolve_bridge.find import Open, open_timeline
from resolve_bridge.frames import whole
from resolve_bridge.withdraw import folder_by_id, show_page

BASE_PRESETS = ("ProRes 422 HQ", "ProRes Master", "H.264 Master", "H.265 Master")
"""Presets of Resolve's own that render picture: they clear what the Deliver page hides."""

_WITHOUT_TIMECODE = ("media", "fusion", "photo")
_TOLD = {
    "TargetDir": "TargetDir",
    "FormatWidth": "FormatWidth",
    "FormatHeight": "FormatHeight",
    "IsExportVideo": "ExportVideo",
    "IsExportAudio": "ExportAudio",
}
"""What a render job tells of the hidden settings, and the setting it came from."""


@dataclass(frozen=True, slots=True)
class TrackState:
    """One video track, by position."""

    name: str
    enabled: bool
    locked: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """In and out of one kind, absolute frames, both inclusive as Resolve keeps them."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RenderState:
    """The Deliver page: what can be read, and a preset that holds what cannot.

    Where presets cannot be deleted (before 19.1) none is made; `shown` then holds what a job made
    for the purpose, and deleted at once, said about the settings.
    """

    format: str
    codec: str
    mode: int | None
    preset: str
    shown: dict[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """What the user sees and would miss."""

    project_id: str
    timeline_id: str
    page: str
    timecode: str
    marks: tuple[Mark, ...] | None
    tracks: tuple[TrackState, ...]
    folder_id: str
    render: RenderState | None


def capture(session: Session, opened: Open) -> State:
    """Read the user's state; changes nothing but, where the playhead cannot be read, the page."""
    page = session.call("resolve", "GetCurrentPage")
    shown = page if isinstance(page, str) else ""
    timecode = session.call("timeline", "GetCurrentTimecode")
    if not isinstance(timecode, str) or not timecode:
        if shown in _WITHOUT_TIMECODE:
            show_page(session, "edit")
        timecode = session.call("timeline", "GetCurrentTimecode")
    batch = session.batch()
    marks = batch.call("timeline", "GetMarkInOut")
    folder = batch.call("pool", "GetCurrentFolder")
    tracks = _ask_tracks(session, opened.video_tracks, batch_size=60)
    batch.run()
    held = folder.get(None)
    return State(
        project_id=opened.project.uid,
        timeline_id=opened.timeline.uid,
        page=shown,
        timecode=timecode if isinstance(timecode, str) else "",
        marks=_marks(marks.value),
        tracks=tracks,
        folder_id=held.uid if isinstance(held, Ref) else "",
        render=None,
    )


def capture_render(session: Session) -> RenderState:
    """Read the Deliver page; its hidden rest is held in a preset of ours."""
    batch = session.batch()
    now = batch.call("project", "GetCurrentRenderFormatAndCodec")
    mode = batch.call("project", "GetCurrentRenderMode")
    batch.run()
    preset, shown = "", dict[str, str]()
    if session.has("project", "DeleteRenderPreset"):  # else it could never be removed again
        name = f"FlowAnchor restore {secrets.token_hex(4)}"
        if on_deliver(session, "SaveAsNewRenderPreset", name):
            preset = name
    else:
        shown = _shown_by_a_job(session)
    found = now.get({})
    return RenderState(
        format=str(found.get("format", "")),
        codec=str(found.get("codec", "")),
        mode=whole(mode.get(None)),
        preset=preset,
        shown=shown,
    )


def on_deliver(session: Session, method: str, *args: object) -> bool:
    """Call what changes the Deliver page's settings; some Resolves obey only while it is open.

    The page comes back with the rest of the state; as opening it can take long, it waits for a no.
    """
    if session.call("project", method, *args, timeout_s=SLOW_S) is True:
        return True
    if session.call("resolve", "GetCurrentPage") == "deliver":
        return False
    show_page(session, "deliver")
    return session.call("project", method, *args, timeout_s=SLOW_S) is True


def _shown_by_a_job(session: Session) -> dict[str, str]:
    job = session.call("project", "AddRenderJob")
    if not isinstance(job, str) or not job:
        return {}
    jobs = session.call("project", "GetRenderJobList")
    session.call("project", "DeleteRenderJob", job)
    for each in jobs if isinstance(jobs, list) else []:
        if isinstance(each, dict) and each.get("JobId") == job:
            return {key: str(each[key]) for key in _TOLD if key in each}
    return {}


def job_ids(jobs: object) -> list[str]:
    """Return the ids of a render job list."""
    listed = jobs if isinstance(jobs, list) else []
    return [str(job["JobId"]) for job in listed if isinstance(job, dict) and job.get("JobId")]


def restore(
    session: Session, state: State, *, timelines: tuple[str, ...] = (), jobs: tuple[str, ...] = ()
) -> None:
    """Put everything back in reverse and read it back.

    Raises
    ------
    RestoreError
        Naming what could not be put back.
    """
    problems: list[str] = []
    opened = open_timeline(session)
    if opened.project.uid != state.project_id:
        raise RestoreError(what="another project is open", detail=opened.ref.project_name)
    _drop_jobs(session, jobs, problems)
    if state.render is not None:  # while a helper timeline is open: settings write marks
        _restore_render(session, state.render, problems)
    opened = _back_to_timeline(session, opened, state, problems)
    _drop_timelines(session, timelines, problems)
    if opened.timeline.uid == state.timeline_id:
        _restore_tracks(session, state, problems)
        _restore_marks(session, state, problems)
    _restore_folder(session, state, problems)
    _restore_view(session, state, problems, same=opened.timeline.uid == state.timeline_id)
    if problems:
        session.suspect_dialog()
        raise RestoreError(what=", ".join(problems))


# Reading ----------------------------------------------------------------------------------------


def _ask_tracks(session: Session, count: int, *, batch_size: int) -> tuple[TrackState, ...]:
    found: list[TrackState] = []
    for at in range(1, count + 1, batch_size):
        batch = session.batch()
        slots = [
            (
                batch.call("timeline", "GetTrackName", "video", index),
                batch.call("timeline", "GetIsTrackEnabled", "video", index),
                batch.call("timeline", "GetIsTrackLocked", "video", index),
            )
            for index in range(at, min(at + batch_size, count + 1))
        ]
        batch.run()
        found += [
            TrackState(str(name.get("")), bool(on.get(False)), bool(locked.get(False)))
            for name, on, locked in slots
        ]
    return tuple(found)


def _marks(value: object) -> tuple[Mark, ...] | None:
    """None where this Resolve cannot say."""
    if value is MISSING or not isinstance(value, dict):
        return None
    found: list[Mark] = []
    for kind, span in sorted(value.items()):
        first = whole(span.get("in")) if isinstance(span, dict) else None
        last = whole(span.get("out")) if isinstance(span, dict) else None
        if first is not None and last is not None:
            found.append(Mark(kind, first, last))
    return tuple(found)


# Putting back -----------------------------------------------------------------------------------


def _drop_jobs(session: Session, jobs: tuple[str, ...], problems: list[str]) -> None:
    if not jobs:
        return
    listed = set(job_ids(session.call("project", "GetRenderJobList")))
    for job in jobs:
        if job not in listed:
            continue
        status = session.call("project", "GetRenderJobStatus", job)
        done = isinstance(status, dict) and status.get("CompletionPercentage") == 100
        if not done and session.call("project", "IsRenderingInProgress") is True:
            session.call("project", "StopRendering")
        session.call("project", "DeleteRenderJob", job)
    left = set(job_ids(session.call("project", "GetRenderJobList")))
    if left & set(jobs):
        problems.append("a render job")


def _back_to_timeline(session: Session, opened: Open, state: State, problems: list[str]) -> Open:
    if opened.timeline.uid == state.timeline_id:
        return opened
    wanted = timeline_by_id(session, state.timeline_id)
    if wanted is None:
        problems.append("the timeline, which is gone")
        return opened
    session.call("project", "SetCurrentTimeline", wanted, timeout_s=SLOW_S)
    opened = open_timeline(session)
    if opened.timeline.uid != state.timeline_id:
        problems.append("the open timeline")
    return opened


def timeline_by_id(session: Session, timeline_id: str) -> Ref | None:
    """Find a timeline of the project by its unique id, the newest first."""
    last = whole(session.call("project", "GetTimelineCount")) or 0
    while last > 0:
        batch = session.batch()
        slots = [
            batch.call("project", "GetTimelineByIndex", index)
            for index in range(last, max(last - MAX_STEPS, 0), -1)
        ]
        batch.run()
        for slot in slots:
            ref = slot.get(None)
            if isinstance(ref, Ref) and ref.uid == timeline_id:
                return ref
        last -= len(slots)
    return None


def _drop_timelines(session: Session, timelines: tuple[str, ...], problems: list[str]) -> None:
    for timeline_id in timelines:
        ref = timeline_by_id(session, timeline_id)
        if ref is None:
            continue
        session.call("pool", "DeleteTimelines", [ref], timeout_s=SLOW_S)
        if timeline_by_id(session, timeline_id) is not None:
            problems.append("a helper timeline")


def _restore_tracks(session: Session, state: State, problems: list[str]) -> None:
    if whole(session.call("timeline", "GetTrackCount", "video")) != len(state.tracks):
        return  # a track of ours was inserted: positions moved, and nothing was switched here
    now = _ask_tracks(session, len(state.tracks), batch_size=60)
    wrong = [
        (index, was)
        for index, (was, is_now) in enumerate(zip(state.tracks, now, strict=True), start=1)
        if was.name == is_now.name
        and (was.enabled != is_now.enabled or was.locked != is_now.locked)
    ]
    for index, was in wrong:
        session.call("timeline", "SetTrackEnable", "video", index, was.enabled)
        session.call("timeline", "SetTrackLock", "video", index, was.locked)
    if not wrong:
        return
    now = _ask_tracks(session, len(state.tracks), batch_size=60)
    if any(
        was.name == is_now.name and (was.enabled, was.locked) != (is_now.enabled, is_now.locked)
        for was, is_now in zip(state.tracks, now, strict=True)
    ):
        problems.append("the track switches")


def _restore_marks(session: Session, state: State, problems: list[str]) -> None:
    if state.marks is None:
        return
    now = _marks(session.call("timeline", "GetMarkInOut"))
    if now == state.marks:
        return
    session.call("timeline", "ClearMarkInOut", "all")
    for mark in state.marks:
        session.call("timeline", "SetMarkInOut", mark.first, mark.last, mark.kind)
    if _marks(session.call("timeline", "GetMarkInOut")) != state.marks:
        problems.append("the in and out marks")


def _restore_folder(session: Session, state: State, problems: list[str]) -> None:
    held = session.call("pool", "GetCurrentFolder")
    if not state.folder_id or (isinstance(held, Ref) and held.uid == state.folder_id):
        return
    wanted = folder_by_id(session, state.folder_id)
    if wanted is None:
        problems.append("the open bin, which is gone")
        return
    session.call("pool", "SetCurrentFolder", wanted)
    held = session.call("pool", "GetCurrentFolder")
    if not isinstance(held, Ref) or held.uid != state.folder_id:
        problems.append("the open bin")


def _restore_render(session: Session, was: RenderState, problems: list[str]) -> None:
    if was.preset:
        if not on_deliver(session, "LoadRenderPreset", was.preset):
            problems.append("the render settings")
        session.call("project", "DeleteRenderPreset", was.preset)
        presets = session.call("project", "GetRenderPresetList")
        if isinstance(presets, list) and was.preset in [preset_name(each) for each in presets]:
            problems.append("a helper preset")
    else:
        _restore_shown(session, was.shown)
    if was.mode is not None:
        session.call("project", "SetCurrentRenderMode", was.mode)
    if was.format and was.format.lower() != "unknown":
        session.call("project", "SetCurrentRenderFormatAndCodec", was.format, was.codec)
        now = session.call("project", "GetCurrentRenderFormatAndCodec")
        if isinstance(now, dict) and (now.get("format"), now.get("codec")) != (
            was.format,
            was.codec,
        ):
            problems.append("the render format")


def _restore_shown(session: Session, shown: dict[str, str]) -> None:
    presets = session.call("project", "GetRenderPresetList")
    names = [preset_name(each) for each in presets] if isinstance(presets, list) else []
    for base in BASE_PRESETS:
        if base in names:
            on_deliver(session, "LoadRenderPreset", base)
            break
    settings: dict[str, object] = {}
    for key, setting in _TOLD.items():
        if key not in shown:
            continue
        value = shown[key]
        settings[setting] = value == "True" if key.startswith("Is") else whole(value) or value
    if settings:
        on_deliver(session, "SetRenderSettings", settings)


def preset_name(entry: object) -> str:
    """Return the name of an entry of a preset list, which is a string or a table."""
    if isinstance(entry, dict):
        return str(entry.get("PresetName") or entry.get("Name") or "")
    return str(entry)


def _restore_view(session: Session, state: State, problems: list[str], *, same: bool) -> None:
    now = session.call("resolve", "GetCurrentPage")
    if same and state.timecode:
        if now in _WITHOUT_TIMECODE:
            show_page(session, "edit")
            now = "edit"
        if session.call("timeline", "GetCurrentTimecode") != state.timecode:
            session.call("timeline", "SetCurrentTimecode", state.timecode)
            if session.call("timeline", "GetCurrentTimecode") != state.timecode:
                problems.append("the playhead")
    if state.page and isinstance(now, str) and now != state.page:
        show_page(session, state.page)
        # Some pages take the playhead along; where it can be read, it is read once more.
        if same and state.timecode and state.page not in _WITHOUT_TIMECODE:
            shown = session.call("timeline", "GetCurrentTimecode")
            if isinstance(shown, str) and shown != state.timecode:
                session.call("timeline", "SetCurrentTimecode", state.timecode)
