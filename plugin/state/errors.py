"""What is offered for each error of engine, bridge and panel, and how it is worded.

Sentences are keys ``error.<code>`` of the locale. Buttons are names of actions with labels
``button.<action>``; a button does what it says and helps with this very error (Draft saves
steps and no memory, so ``vram`` does not offer it).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from flowanchor_engine.errors import FlowAnchorError
from plugin.state.messages import MOST_BUTTONS, Button, Message

__all__ = [
    "ACTIONS_OFFERED",
    "BUTTONS",
    "OriginalError",
    "PanelError",
    "SettingsError",
    "StoreError",
    "StoreNewerError",
    "buttons_of",
    "message_of",
]


class PanelError(FlowAnchorError):
    """Base of the panel's own errors."""

    code = "panel"


class StoreError(PanelError, OSError):
    """The list of jobs and takes cannot be read or written."""

    code = "store"


class StoreNewerError(PanelError):
    """The list of jobs and takes was written by a newer panel."""

    code = "store_newer"


class SettingsError(PanelError, OSError):
    """The settings cannot be kept."""

    code = "settings"


class OriginalError(PanelError, OSError):
    """A file that shots, mattes or other takes are made of would be written over."""

    code = "original"


_AGAIN = ("try_again", "copy_report")

# By code: what helps, most useful first. The first two that the panel can do now are shown.
BUTTONS: Final[Mapping[str, tuple[str, ...]]] = {
    # request and numbers
    "internal": ("try_again", "copy_report"),
    "request": ("fix_request", "copy_report"),
    "range": ("reset_strengths", "copy_report"),
    "size": ("change_size", "reset_strengths"),
    "latents_nonfinite": ("lower_guidance", "full_precision"),
    "pixels_nonfinite": ("reread", "copy_report"),
    "guard": ("reload_model", "copy_report"),
    # clips and mattes
    "clip_missing": ("open_clip", "reread"),
    "clip_unreadable": ("open_clip", "render_in_host"),
    "clip_unsupported": ("render_in_host", "open_clip"),
    "clip_range": ("set_range", "reread"),
    "clip_short": ("reread", "open_clip"),
    "matte_missing": ("load_matte", "reread"),
    "matte_unreadable": ("load_matte", "draw_matte"),
    "matte_mismatch": ("repeat_last", "reread", "load_matte"),
    "matte_empty": ("draw_matte", "invert_matte"),
    "output": ("other_folder", "try_again"),
    "disk": ("open_folder", "clear_takes"),
    # words
    "words": ("edit_wanted", "mark_words"),
    "words_unchanged": ("edit_wanted", "mark_words"),
    # models
    "model_missing": ("download_model", "use_existing_files"),
    "model_incomplete": ("download_model", "use_existing_files"),
    "model_damaged": ("download_model", "verify_model"),
    "model_unsafe": ("download_model", "choose_model"),
    "model_unsupported": ("choose_model",),
    "model_busy": ("try_again", "wait"),
    "model_exists": ("choose_model", "open_folder"),
    "model_foreign": ("open_folder",),
    "net": ("try_again", "use_existing_files"),
    # memory, engine, protocol
    "vram": ("save_memory", "set_range"),
    "vram_busy": ("wait_free", "try_anyway"),
    "ram": ("save_memory", "copy_report"),
    "driver": _AGAIN,
    "engine_died": ("copy_report", "skip_job"),
    "engine_start": _AGAIN,
    "engine_remote": _AGAIN,
    "engine_silent": ("wait", "force_stop"),
    "engine_busy": ("wait", "stop_other_engine"),
    "engine_missing": ("set_up",),
    "host_child": _AGAIN,
    "protocol": _AGAIN,
    "proxy": ("reread", "copy_report"),
    "version": ("update_engine", "copy_report"),
    # the panel's own
    "panel": _AGAIN,
    "panel_missing": ("set_up", "copy_report"),
    "store": ("open_folder", "copy_report"),
    "store_newer": ("update_panel", "copy_report"),
    "settings": ("open_folder", "copy_report"),
    "original": ("other_name",),
    "upkeep": ("copy_report", "details"),
    # Resolve: the link
    "bridge": _AGAIN,
    "host": _AGAIN,
    "no_link": ("show_me", "open_clip"),
    "host_silent": ("try_again", "open_clip"),
    "host_lost": ("place_now", "open_clip"),
    "host_restarted": ("show_me", "try_again"),
    "link_old": ("repair_link", "show_me"),
    "host_dialog": ("try_again",),
    "two_hosts": ("try_again",),
    "studio_missing": ("show_me", "use_menu_link"),
    "studio_crashed": ("use_menu_link", "copy_report"),
    "bridge_protocol": _AGAIN,
    "mailbox": ("open_folder", "other_folder"),
    "call_refused": _AGAIN,
    "stale_object": ("reread",),
    "resolve_old": ("open_clip",),
    # Resolve: the shot
    "no_project": ("look_again", "open_clip"),
    "no_timeline": ("look_again", "open_clip"),
    "no_clip": ("use_playhead", "open_clip"),
    "many_clips": ("use_playhead", "reread"),
    "clip_kind": ("reread", "open_clip"),
    "clip_offline": ("reread", "open_clip"),
    "clip_facts": ("show_how", "open_clip"),
    "host_changed": ("place_new_position", "keep_in_list"),
    "host_trimmed": ("keep_in_list", "reread"),
    "project_changed": ("try_again", "keep_in_list"),
    # Resolve: rendering and mattes
    "render_busy": ("try_again",),
    "render_codec": ("show_how", "copy_report"),
    "render_setup": _AGAIN,
    "render_stalled": ("try_again", "show_how"),
    "render_failed": _AGAIN,
    "render_mismatch": _AGAIN,
    "cancelled": ("try_again",),
    "no_mask": ("open_fusion", "load_matte", "whole_picture"),
    "comp_export": ("load_matte", "whole_picture"),
    "saver": ("load_matte", "whole_picture"),
    "comp_altered": ("open_fusion",),
    "fusion.unreadable": ("try_again", "load_matte"),
    "fusion.syntax": ("export_again", "load_matte"),
    "fusion.request": ("reread", "load_matte"),
    # Resolve: placing
    "result_file": ("retry_job", "reveal_file"),
    "result_pictures": ("retry_job", "reveal_file"),
    "import_refused": ("try_again", "reveal_file"),
    "import_split": ("try_again", "keep_in_list"),
    "import_rate": ("choose_codec", "keep_in_list"),
    "place_unconfirmed": ("try_again", "reveal_file"),
    "track_locked": ("try_again", "keep_in_list"),
    "take_length": ("place_patch", "keep_in_list"),
    "take_kind": ("place_frame", "keep_in_list"),
    "no_recipe": ("reread",),
    "undo_changed": ("show_take", "keep_in_list"),
    "restore": ("copy_report",),
}

# Codes for many cases: here the hint knows more than the table, and comes first.
_BY_CASE: Final = frozenset(
    {
        *("internal", "request", "range", "size", "guard", "output", "words"),
        *("clip_unreadable", "clip_unsupported", "clip_range"),
        *("matte_unreadable", "matte_mismatch", "matte_empty"),
        *("model_missing", "model_incomplete", "model_unsupported", "model_exists"),
        *("bridge", "host", "panel", "fusion.unreadable", "fusion.syntax", "fusion.request"),
    }
)
# Hints of the engine that ask a developer, not an editor; they never become buttons.
_SILENT: Final = frozenset(
    {
        *("change_attention", "disable_cache", "remove_extension", "own_grid", "window_overlap"),
        *("use_windows", "fewer_workers", "other_file", "smaller_shape", "fix_request"),
    }
)
# The same way out under two names.
_SAME: Final = {
    "report": "copy_report",
    "retry": "try_again",
    "choose_matte": "load_matte",
    "choose_file": "open_clip",
    "choose_folder": "other_folder",
    "set_size": "change_size",
    "reexport": "render_in_host",
    "shorten_text": "edit_wanted",
}
_HINTS_ONLY: Final = frozenset(
    {
        *("choose_codec", "copy_model", "lower_skip", "matte_luma", "repair_engine"),
        *("repeat_last", "set_matte_start"),
    }
)
_MESSAGES: Final = frozenset(
    {
        *("details", "resume_queue", "place", "undo_place", "show_take", "show_frame"),
        *("test_at_matte", "start_again", "lower_preserve", "clear_marks", "update_panel"),
        *("whole_shot", "use_recipe", "new_seed"),
    }
)

ACTIONS_OFFERED: Final[frozenset[str]] = frozenset(
    {
        *(name for names in BUTTONS.values() for name in names),
        *_HINTS_ONLY,
        *_MESSAGES,
        *_SILENT,
        *_SAME,
    }
)
"""Every action name that may arrive as a hint or be shown as a button."""


def buttons_of(
    code: str,
    hint: Iterable[str] = (),
    *,
    handled: Collection[str] | Callable[[str], bool] | None = None,
    payload: str = "",
) -> tuple[Button, ...]:
    """Return at most two buttons for an error.

    Parameters
    ----------
    code : str
        Of the error; an unknown one (a newer engine's) offers what its hints say.
    hint : iterable of str
        What the engine or bridge offered, most useful first; it comes before the table where
        a code stands for many cases, and fills it up elsewhere. Unknown names are left out.
    handled : collection of str or callable, optional
        Actions that the panel can do now; the others are left out.
    """

    def can(name: str) -> bool:
        if handled is None:
            return True
        return handled(name) if callable(handled) else name in handled

    known = [_SAME.get(name, name) for name in hint if name in ACTIONS_OFFERED]
    table = BUTTONS.get(code, ())
    both = [*known, *table] if code in _BY_CASE else [*table, *known]
    order = dict.fromkeys(both or _AGAIN)
    names = [name for name in order if name not in _SILENT and can(name)]
    return tuple(Button(name, f"button.{name}", payload) for name in names[:MOST_BUTTONS])


def message_of(
    code: str,
    user_message: str = "",
    hint: Iterable[str] = (),
    detail: str = "",
    *,
    handled: Collection[str] | Callable[[str], bool] | None = None,
    about: str = "",
    values: Mapping[str, Any] | None = None,
) -> Message:
    """Return the message of an error as it arrived from engine, bridge or panel.

    Parameters
    ----------
    values : dict, optional
        The sentence's names and numbers, as the engine told them.
    """
    known = code in BUTTONS
    values = values or {}
    key = f"error.{code}" if known else "error.internal"
    if code == "vram_busy" and values.get("used_mb"):
        key = "say.card.used_by" if values.get("program") else "say.card.used"
    if code in {"vram", "ram"} and {"need_mb", "free_mb"} <= values.keys():
        key = f"say.{code}.needed"
    return Message(
        key=key,
        values=values,
        sentence=user_message,
        tone="error",
        buttons=buttons_of(code, hint, handled=handled, payload=about),
        details="\n".join(part for part in (user_message, f"[{code}]", detail) if part),
        code=code,
        about=about,
    )
