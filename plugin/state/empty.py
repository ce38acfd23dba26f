"""Which empty state applies: what is missing before anything can be made, and the way on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from plugin.state.shot import LEAST_FRAMES, ShotView, window_count

if TYPE_CHECKING:
    from plugin.state.links import EngineState, HostState
    from plugin.state.matte import MatteState

__all__ = ["EmptyState", "engine_empty", "host_empty", "matte_empty", "shot_empty", "takes_empty"]

Place = Literal["shot", "matte", "takes", "engine", "host"]


@dataclass(frozen=True)
class EmptyState:
    """One sentence and its ways on.

    Parameters
    ----------
    key : str
        Of the sentence, ``empty.*``.
    actions : tuple of str
        Offered ones, labels ``button.*``.
    blocking : bool
        Nothing can be made before it is settled.
    """

    key: str
    actions: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    place: Place = "shot"
    blocking: bool = True


_HOST: Mapping[str, EmptyState] = {
    "closed": EmptyState("empty.host_closed", ("look_again", "open_clip"), place="host"),
    "no_link": EmptyState("empty.host_no_link", ("show_me", "open_clip"), place="host"),
    "silent": EmptyState("empty.host_silent", ("try_again", "open_clip"), place="host"),
    "restarted": EmptyState("empty.host_restarted", ("show_me", "open_clip"), place="host"),
    "old": EmptyState("empty.host_old", ("repair_link", "show_me"), place="host"),
}


def host_empty(host: HostState, shot: ShotView | None) -> EmptyState | None:
    """Return what to say about Resolve while no shot of it is there."""
    if shot is not None:
        return None
    return _HOST.get(host.kind)


def shot_empty(
    shot: ShotView | None, host: HostState, *, window_frames: int = 81, limited: int | None = None
) -> EmptyState | None:
    """Return what to say about the shot.

    Parameters
    ----------
    window_frames : int
        Pictures that the model sees at once.
    limited : int, optional
        Frames of the set range, where one is set.
    """
    if shot is None:
        if (lost := host_empty(host, None)) is not None:
            return lost
        if host.ready:
            return EmptyState("empty.no_clip", ("use_playhead", "open_clip"))
        return EmptyState("empty.no_file", ("open_clip",))
    if shot.kind != "clip":
        return EmptyState("empty.clip_kind", ("show_how", "open_clip"))
    if not shot.path:  # its file is not what the timeline shows: retimed, nested, raw
        return EmptyState("empty.needs_render", ("render_in_host",))
    frames = shot.frames if limited is None else limited
    if frames < LEAST_FRAMES:
        actions = ("whole_shot",) if limited is not None and shot.frames >= LEAST_FRAMES else ()
        return EmptyState("empty.short", actions, {"least": LEAST_FRAMES, "frames": frames})
    if shot.retimed:
        return EmptyState("empty.retimed", blocking=False)
    if (windows := window_count(frames, window_frames)) > 1:
        values = {"frames": frames, "windows": windows}
        return EmptyState("empty.long", ("set_range",), values, blocking=False)
    return None


def matte_empty(matte: MatteState, shot: ShotView | None) -> EmptyState | None:
    """Return what to say about the matte."""
    if shot is None:
        return None
    if matte.origin.value == "none":
        if shot.how == "file":
            return EmptyState(
                "empty.no_matte_file", ("load_matte", "draw_matte", "whole_picture"), place="matte"
            )
        return EmptyState(
            "empty.no_matte_host", ("open_fusion", "load_matte", "whole_picture"), place="matte"
        )
    empty, frames = len(matte.empty_frames.value), len(matte.coverage.value)
    values = {"empty": empty, "frames": frames}
    match matte.problem:
        case "empty":
            return EmptyState("empty.matte_empty", ("draw_matte", "load_matte"), place="matte")
        case "partly_empty":
            return EmptyState(
                "empty.matte_partly", ("show_frame",), values, place="matte", blocking=False
            )
        case "full":
            if matte.origin.value != "whole":
                return EmptyState(
                    "empty.matte_full", ("show_frame",), place="matte", blocking=False
                )
    return None


def takes_empty(count: int, *, searching: bool = False) -> EmptyState | None:
    """Return what stands where takes would be."""
    if count:
        return None
    key = "empty.no_takes_found" if searching else "empty.no_takes"
    return EmptyState(key, place="takes", blocking=False)


def engine_empty(engine: EngineState) -> EmptyState | None:
    """Return what to say while there is no engine."""
    if engine.phase == "no_engine":
        return EmptyState("empty.no_engine", ("set_up",), place="engine")
    if engine.phase == "mismatch":
        return EmptyState("empty.engine_mismatch", ("update_engine",), place="engine")
    return None
