"""What keeps an edit from being made: the first missing thing, by key and with its ways on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.state.empty import EmptyState, engine_empty, matte_empty, shot_empty
from plugin.state.shot import LEAST_FRAMES

if TYPE_CHECKING:
    from plugin.state.recipes import Kind
    from plugin.state.session import PanelModel

__all__ = ["NotReadyError", "obstacle"]


class NotReadyError(ValueError):
    """A request was asked for before there can be one; `key` says why, for the locale."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def obstacle(model: PanelModel, kind: Kind) -> tuple[str, EmptyState | None]:
    """Return the key of what is missing, '' if nothing is, and its ways on where there are any.

    In the order in which a person works: engine, shot, matte, frames, model, numbers, words.
    """
    shot = model.shot.shot.value
    limited = model.viewer.edit_range.value
    states = (
        engine_empty(model.engine.value),
        shot_empty(
            shot,
            model.host.value,
            window_frames=model.window_frames,
            limited=limited[1] - limited[0] if limited else None,
        ),
        matte_empty(model.matte, shot),
    )
    for state in states:
        if state is not None and state.blocking:
            return state.key, state
    found = _of_frames(model, kind) or _of_model(model)
    if found is not None:
        return found.key, found
    skipped, steps = model.strengths.skipped.value
    if skipped >= steps:
        return "check.all_skipped", None
    return model.prompts.why_not, None


def _of_frames(model: PanelModel, kind: Kind) -> EmptyState | None:
    start, stop = model.part(kind)
    if stop - start < LEAST_FRAMES:
        key = "check.test_short" if kind == "test" else "empty.short"
        return EmptyState(key, (), {"least": LEAST_FRAMES, "frames": stop - start})
    if not model.matte.covers((start, stop)):
        frame = model.matte.key_frames()[0] + 1
        actions = ("test_at_matte",) if kind == "test" else ("whole_shot",)
        return EmptyState("check.matte_key_outside", actions, {"frame": frame}, place="matte")
    return None


def _of_model(model: PanelModel) -> EmptyState | None:
    info = model.model
    if info is None or info.installed:
        return None
    actions = ("download_model", "choose_model")
    return EmptyState("check.model_missing", actions, {"model": info.name}, place="engine")
