"""The route `render`: just this clip, through Resolve's render queue, and nothing left behind.

Everything happens on a duplicate of the timeline, so the user's own marks, switches and clips are
never touched; the transaction deletes it and puts the Deliver page back.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resolve_bridge.call import SLOW_S, Ref, Session
from resolve_bridge.errors.link import CallRefusedError
from resolve_bridge.errors.render import (
    RenderBusyError,
    RenderFailedError,
    RenderMismatchError,
    RenderSetupError,
    RenderStalledError,
)
from resolve_bridge.errors.shot import HostChangedError
from resolve_bridge.extract import Extract, Look, Report, fresh_folder, picture_box, silent
from resolve_bridge.find import Open, items_by_track, open_timeline
from resolve_bridge.frames import whole
from resolve_bridge.probe import MOVIES, PICTURES, Probe, probe
from resolve_bridge.render_codecs import choose_codec
from resolve_bridge.shot import Route, Shot
from resolve_bridge.state import BASE_PRESETS, job_ids, on_deliver, preset_name

if TYPE_CHECKING:
    from resolve_bridge.transaction import Transaction

START_S = 60.0
"""A healthy job starts in under ten seconds; a wedged engine never does."""

STALL_S = 180.0
"""Longest time without progress once it runs."""

SETTLE_S = 2.0
"""How long a job may go on being told unfinished after the queue has come to rest."""

POLL_S = 0.2
_UHD = (3840, 2160)

NEUTRAL: dict[str, int | float | bool] = {
    "Pan": 0.0,
    "Tilt": 0.0,
    "ZoomX": 1.0,
    "ZoomY": 1.0,
    "RotationAngle": 0.0,
    "AnchorPointX": 0.0,
    "AnchorPointY": 0.0,
    "Pitch": 0.0,
    "Yaw": 0.0,
    "FlipX": False,
    "FlipY": False,
    "CropLeft": 0.0,
    "CropRight": 0.0,
    "CropTop": 0.0,
    "CropBottom": 0.0,
    "CropSoftness": 0.0,
    "Distortion": 0.0,
    "Opacity": 100.0,
    "CompositeMode": 0,
}
"""A clip as it comes."""

_SCALING = {1: "crop", 2: "fit", 3: "fill", 4: "stretch"}
_PROJECT_SCALING = {
    "scaleToFit": "fit",
    "scaleToCrop": "fill",
    "stretch": "stretch",
    "centerCrop": "crop",
}


def render_shot(
    tx: Transaction,
    shot: Shot,
    parent: Path,
    *,
    report: Report = silent,
    check: Callable[[], None] = lambda: None,
    decode: Probe = probe,
    start_s: float = START_S,
    stall_s: float = STALL_S,
) -> Extract:
    """Render the shot's frames into a fresh folder.

    Parameters
    ----------
    tx : Transaction
        Opened with ``render=True``.
    parent : Path
        Where the fresh folder is made.
    report : callable
        Told the progress, in percent of the render.
    check : callable
        Called between polls; may raise to cancel.
    decode : callable
        Counts the frames of the outcome by decoding it.
    start_s, stall_s : float
        Deadlines for starting and for standing still, seconds.

    Raises
    ------
    RenderBusyError, RenderCodecError, RenderSetupError, RenderStalledError, RenderFailedError,
    RenderMismatchError, HostChangedError, DiskError
    """
    session = tx.session
    if session.call("project", "IsRenderingInProgress") is True:
        raise RenderBusyError
    report("duplicate", 0, 1)
    item = _duplicate(tx, shot)
    transform, box_scaling = _neutralise(session, item, shot)
    size = _output_size(session, shot, transform)
    box = None
    if shot.media is not None and transform is Look.COPY and _square(shot.media.pixel_aspect):
        box = picture_box((shot.media.width, shot.media.height), size, box_scaling)
    folder = fresh_folder(
        parent, f"render-{secrets.token_hex(3)}", need_bytes=size[0] * size[1] * shot.frames * 2
    )
    job = _queue(tx, shot, folder, size)
    _run(session, job, report, check, start_s, stall_s)
    report("check", 0, 1)
    files = _outcome(folder)
    try:
        found = decode(files)
    except (ValueError, OSError) as error:
        raise RenderFailedError(detail=str(error)) from error
    if found.frames != shot.frames:
        raise RenderMismatchError(
            found=f"{found.frames} frames", needed=str(shot.frames), detail=str(files[0])
        )
    if (found.width, found.height) != size:
        raise RenderMismatchError(
            found=f"{found.width}x{found.height} pixels",
            needed=f"{size[0]}x{size[1]}",
            detail=str(files[0]),
        )
    report("check", 1, 1)
    return Extract(
        route=Route.RENDER,
        path=_label(files),
        first=0,
        count=shot.frames,
        rate=shot.timeline.rate,
        width=size[0],
        height=size[1],
        box=box,
        grade=Look.BAKED,
        transform=transform,
        temporary=str(folder),
        notes=shot.notes,
    )


# The duplicate ----------------------------------------------------------------------------------


def _duplicate(tx: Transaction, shot: Shot) -> Ref:
    """Make a timeline of our own current, alone with the clip; return the clip's twin."""
    session = tx.session
    name = f"FlowAnchor {secrets.token_hex(4)}"
    twin = session.must(tx.opened.timeline, "DuplicateTimeline", name, timeout_s=SLOW_S)
    if not isinstance(twin, Ref):
        raise CallRefusedError(what="duplicate timeline")
    tx.made_timeline(twin.uid)
    current = session.call("project", "GetCurrentTimeline")
    if not isinstance(current, Ref) or current.uid != twin.uid:
        session.must("project", "SetCurrentTimeline", twin, timeout_s=SLOW_S)
    tx.edit_page()
    opened = open_timeline(session)
    if opened.timeline.uid != twin.uid:
        raise CallRefusedError(what="set current timeline")
    item = _twin_item(session, opened, shot)
    _solo(session, opened, shot)
    if not shot.enabled:
        session.must(item, "SetClipEnabled", True)
    return item


def _twin_item(session: Session, opened: Open, shot: Shot) -> Ref:
    tracks = items_by_track(session, opened)
    if shot.track <= len(tracks):
        batch = session.batch()
        slots = [
            (ref, batch.call(ref, "GetStart"), batch.call(ref, "GetEnd"))
            for ref in tracks[shot.track - 1]
        ]
        batch.run()
        for ref, start, stop in slots:
            if (whole(start.get(None)), whole(stop.get(None))) == (shot.start, shot.stop):
                return ref
    raise HostChangedError(detail="the clip is not on the duplicate")


def _solo(session: Session, opened: Open, shot: Shot) -> None:
    """Show only the clip's track; a clip without media stands on what lies under it."""
    wanted = {
        index: index == shot.track or (shot.media is None and index < shot.track)
        for index in range(1, opened.video_tracks + 1)
    }
    for kind in ("video", "subtitle"):
        count = opened.video_tracks
        if kind == "subtitle":
            count = whole(session.call("timeline", "GetTrackCount", kind)) or 0
        for index in range(1, count + 1):
            want = wanted[index] if kind == "video" else False
            is_on = session.call("timeline", "GetIsTrackEnabled", kind, index)
            # A clip without media keeps what the user shows under it.
            if want and shot.media is None and index != shot.track:
                continue
            if is_on is not want:
                session.call("timeline", "SetTrackEnable", kind, index, want)
                if session.call("timeline", "GetIsTrackEnabled", kind, index) is not want:
                    session.suspect_dialog()
                    raise CallRefusedError(what=f"switch track {index}")


def _neutralise(session: Session, item: Ref, shot: Shot) -> tuple[Look, str]:
    """Take the clip's transform off the twin, so that a mask in source space fits."""
    if shot.media is None:
        return Look.BAKED, ""
    held = session.call(item, "GetProperty")
    if not isinstance(held, dict):
        return Look.BAKED, ""
    for key, value in NEUTRAL.items():
        if key in held and held[key] != value:
            session.call(item, "SetProperty", key, value)
    now = session.call(item, "GetProperty")
    if not isinstance(now, dict) or any(
        key in now and now[key] != value for key, value in NEUTRAL.items()
    ):
        return Look.BAKED, ""
    chosen = whole(now.get("Scaling"))
    scaling = _SCALING.get(chosen or 0, "")
    if not scaling:
        project = session.call("timeline", "GetSetting", "timelineInputResMismatchBehavior")
        scaling = _PROJECT_SCALING.get(str(project), "fit" if project in (None, "") else "")
    return Look.COPY, scaling


def _square(aspect: str) -> bool:
    return aspect.strip().lower() in ("", "square", "1", "1.0")


def _output_size(session: Session, shot: Shot, transform: Look) -> tuple[int, int]:
    """Return the source's own size where it fits the timeline's shape, else the timeline's."""
    timeline = shot.timeline.width, shot.timeline.height
    media = shot.media
    if media is None or transform is Look.BAKED or not (media.width and media.height):
        return timeline
    same = Fraction(media.width, media.height) == Fraction(*timeline)
    even = media.width % 2 == 0 and media.height % 2 == 0
    fits = session.edition.studio or (media.width <= _UHD[0] and media.height <= _UHD[1])
    return (media.width, media.height) if same and even and fits else timeline


# The queue --------------------------------------------------------------------------------------


def _queue(tx: Transaction, shot: Shot, folder: Path, size: tuple[int, int]) -> str:
    session = tx.session
    listed = session.call("project", "GetRenderPresetList")
    names = [preset_name(each) for each in listed] if isinstance(listed, list) else []
    base = next((name for name in BASE_PRESETS if name in names), None)
    if base is not None:
        on_deliver(session, "LoadRenderPreset", base)
    session.must("project", "SetCurrentRenderMode", 1)
    choose_codec(session)
    settings: dict[str, Any] = {
        "SelectAllFrames": False,
        "MarkIn": shot.start,
        "MarkOut": shot.stop - 1,
        "TargetDir": str(folder),
        "CustomName": "flowanchor",
        "ExportVideo": True,
        "ExportAudio": False,
        "FormatWidth": size[0],
        "FormatHeight": size[1],
    }
    if not on_deliver(session, "SetRenderSettings", settings):
        session.suspect_dialog()
        raise RenderSetupError(what="range and size", detail=str(settings))
    before = set(job_ids(session.call("project", "GetRenderJobList")))
    job = session.call("project", "AddRenderJob")
    jobs = session.call("project", "GetRenderJobList")
    if not isinstance(job, str) or not job:
        for extra in set(job_ids(jobs)) - before:
            tx.made_job(extra)
        session.suspect_dialog()
        raise RenderSetupError(what="the render job", detail=repr(job))
    tx.made_job(job)
    for each in jobs if isinstance(jobs, list) else []:
        if isinstance(each, dict) and each.get("JobId") == job:
            _check_job(each, shot, size)
    return job


def _check_job(job: dict[str, Any], shot: Shot, size: tuple[int, int]) -> None:
    """Compare what the queue says it will do; a key it does not tell is not compared."""
    wanted: dict[str, object] = {
        "MarkIn": shot.start,
        "MarkOut": shot.stop - 1,
        "FormatWidth": size[0],
        "FormatHeight": size[1],
        "IsExportVideo": True,
    }
    wrong = [key for key, value in wanted.items() if key in job and not _told(job[key], value)]
    if wrong:
        raise RenderSetupError(what=", ".join(wrong), detail=str(job))


def _told(shown: object, wanted: object) -> bool:
    """Whether a queue shows a value, which may be a number as text or as a float."""
    return shown == wanted or (whole(shown) == wanted and not isinstance(wanted, bool))


def _run(
    session: Session,
    job: str,
    report: Report,
    check: Callable[[], None],
    start_s: float,
    stall_s: float,
) -> None:
    if session.call("project", "StartRendering", [job], False, timeout_s=SLOW_S) is not True:
        session.suspect_dialog()
        raise RenderSetupError(what="starting", detail=job)
    begun = moved = time.monotonic()
    idle: float | None = None  # since when nothing has been rendered any more
    running, best = False, 0
    while True:
        check()
        batch = session.batch()
        status_slot = batch.call("project", "GetRenderJobStatus", job)
        busy_slot = batch.call("project", "IsRenderingInProgress")
        batch.run(timeout_s=SLOW_S)
        status, busy = status_slot.get(None), busy_slot.get(False) is True
        if not isinstance(status, dict):
            session.suspect_dialog()
            raise RenderFailedError(detail=f"status {status!r}")
        percent = whole(status.get("CompletionPercentage")) or 0
        # The state's word is in the user's language: never read it.
        if status.get("Error"):
            raise RenderFailedError(detail=str(status["Error"]))
        if percent > best or (busy and not running):
            best, moved, running = percent, time.monotonic(), True
            report("render", percent, 100)
        if percent >= 100 and not busy:
            return
        now = time.monotonic()
        # The job may have ended between the two answers, and the first of them is old then.
        if busy or not running:
            idle = None
        elif idle is None:
            idle = now
        elif now - idle > SETTLE_S:
            raise RenderFailedError(detail=f"stopped at {percent} %: {status}")
        if not running and now - begun > start_s:
            raise RenderStalledError(seconds=round(now - begun), detail=str(status))
        if running and now - moved > stall_s:
            raise RenderStalledError(seconds=round(now - moved), detail=str(status))
        time.sleep(POLL_S)


def _outcome(folder: Path) -> list[Path]:
    """Find what was written: 'Complete' is no proof, and names and folders are Resolve's own."""
    suffixes = MOVIES | PICTURES
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in suffixes)
    if not files:
        raise RenderFailedError(detail=f"nothing in {folder}")
    return files


def _label(files: list[Path]) -> str:
    if len(files) == 1 and files[0].suffix.lower() in MOVIES:
        return str(files[0])
    first, last = files[0].stem, files[-1].stem
    same = 0
    while same < len(first) and not first[same:].isdigit():
        same += 1
    head = files[0].with_name(first[:same])
    return f"{head}[{first[same:]}-{last[same:]}]{files[0].suffix}"
