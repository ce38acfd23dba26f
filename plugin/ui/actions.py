"""What buttons do: every action by its name, and who does it.

A button of a message, an empty state, an error or a menu carries the *name* of an action.
`Actions` is the one place where names become functions: the panel provides those that only
move the window or the model (`PANEL`), the application those that reach engine, host or disk
(`SERVICE`). A name outside of both tables is a mistake of the program, refused where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from plugin.state.observable import Signal

__all__ = ["ACTIONS", "NOTHING", "PANEL", "SERVICE", "Actions", "Target", "UnknownActionError"]


@dataclass(frozen=True)
class Target:
    """What a button speaks of; fields that do not apply are None or empty.

    `code` is that of the error, `path` a file or folder that the person chose, `text` what
    was typed or named, `frame` counts the shot's pictures.
    """

    code: str = ""
    job: str | None = None
    take: str | None = None
    model: str | None = None
    path: str | None = None
    frame: int | None = None
    text: str = ""
    details: str = ""


NOTHING: Final = Target()
Function = Callable[[Target], object]

# What the panel does by itself, on its own widgets and on the model.
PANEL: Final[Mapping[str, str]] = {
    # texts
    "edit_wanted": "Put the caret into the wanted text, on the word that is named",
    "mark_words": "Put the keyboard on the first word chip",
    # range and viewer
    "set_range": "Put the keyboard on the range of the viewer and say how to use it",
    "limit_range": "Let the edit be made of the marked range only",
    "whole_shot": "Let the edit be made of the whole shot again",
    "clear_marks": "Put the marks back around the middle",
    "test_at_matte": "Put the marks around the frame on which the matte was drawn",
    "show_frame": "Show a frame in the viewer",
    # matte
    "draw_matte": "Draw a box in the viewer",
    "draw_box": "Draw a box in the viewer",
    "draw_lasso": "Draw an outline in the viewer",
    "load_matte": "Choose a matte file",
    "clip_alpha": "Take the clip's own alpha as the matte",
    "whole_picture": "Let the edit happen everywhere",
    "invert_matte": "Turn the matte inside out",
    "matte_luma": "Read the brightness of the matte file, not its alpha",
    "set_matte_start": "Let the matte begin with its first frame",
    # numbers
    "fix_request": "Put all numbers back to the model's reference",
    "reset_strengths": "Put all numbers back to the model's reference",
    "lower_skip": "Set Preserve back to its middle",
    "lower_preserve": "Set Preserve to 40",
    "lower_guidance": "Set How strongly back to its middle",
    "change_size": "Open the expert numbers",
    "expert": "Open or close the expert numbers",
    "lock_seed": "Keep the seed, or draw a new one for every run",
    "dice": "Draw another seed",
    "choose_codec": "Take a codec that keeps alpha",
    "place_patch": "Place as a patch",
    "place_frame": "Place as a frame",
    "save_memory": "Let the engine hold less in memory, slower, and try the job again",
    "full_precision": "Let the model compute in full precision and try the job again",
    # work
    "make_edit": "Put an edit of the shot into the queue",
    "test": "Put a test of a few frames into the queue",
    "pause_queue": "Finish the running job, then wait; or go on",
    "resume_queue": "Let the queue go on",
    "start_again": "Put a failed or stopped job back into the queue",
    "retry_job": "Make a take once more, as it was made",
    "new_seed": "Draw another seed and put that edit or test into the queue",
    "skip_job": "Leave a failed job and go on",
    "edit_again": "Take over everything of a job",
    # takes
    "use_settings": "Take over the settings of a take",
    "same_new_seed": "Make the edit of a take again with another seed",
    "apply_all": "Take over everything of a take or a job",
    "only_prompt": "Take over the texts of a take",
    "keep_in_list": "Leave the take where it is",
    "find_takes": "Put the keyboard into the search field of the takes",
    # files that the person chooses
    "open_clip": "Choose a clip file",
    "other_folder": "Choose another folder for takes",
    "use_existing_files": "Choose a folder that holds the model",
    # windows
    "details": "Show the full text of the message",
    "show_log": "Show the last lines of a job, or the log",
    "engine_details": "Show the engine's state and log",
    "copy_report": "Open the report window",
    "settings": "Open the settings",
    "choose_model": "Open the settings at the models",
    "shortcuts": "Open the list of keys",
    "help": "Open the help page",
    "show_how": "Open the help page at rendering in place",
    "show_me": "Open the help page at the link to Resolve",
    "use_menu_link": "Open the help page at the link to Resolve",
    "about": "Open versions and licences",
    "set_up": "Open the first run page",
}

# What reaches engine, host or disk; the application provides each.
SERVICE: Final[Mapping[str, str]] = {
    # the shot and its host
    "open_file": "Work on the clip file `path`",
    "reread": "Read shot and matte again",
    "look_again": "Look for Resolve",
    "try_again": "Do again what `code` stopped; with `job`, that job",
    "use_playhead": "Take the clip under the playhead",
    "open_fusion": "Show the Fusion page in Resolve",
    "fusion_mask": "Take the Fusion mask called `text`",
    "repair_link": "Write the link's script into Resolve's folder again",
    "render_in_host": "Let Resolve render the shot to a file",
    "export_again": "Read the Fusion composition again",
    "repeat_last": "Repeat the last frame of a short matte",
    # work
    "stop_job": "Stop the running job `job`",
    "force_stop": "End the engine process and start a new one",
    "wait": "Wait for what is busy, then start",
    "wait_free": "Let a job begin as soon as the graphics card has room for it",
    "try_anyway": "Try a job again, whatever other programs hold of the card",
    # takes
    "place": "Place take `take` on the timeline, or save it where there is none",
    "place_now": "Place the take, now that Resolve is there",
    "place_new_position": "Place the take where the shot is now",
    "other_name": "Ask under which other name take `take` is saved",
    "undo_place": "Take take `take` off the timeline",
    "use_recipe": "Open the shot of the placed clip that is shown, as its edit was made",
    "show_take": "Show take `take` in Resolve",
    "reveal_file": "Show a take's file in the file manager",
    "open_folder": "Show a folder in the file manager",
    "delete_take": "Delete take `take` and its files",
    "clear_takes": "Delete the takes of this shot that carry no star",
    # engine and models
    "restart_engine": "Start the engine again",
    "stop_other_engine": "Ask the other engine to end",
    "release_memory": "Free the memory of an idle engine",
    "reload_model": "Load the model anew and try the job again",
    "update_engine": "Bring engine and panel to one version",
    "repair_engine": "Install the engine's parts again",
    "update_panel": "Bring the panel to the newest version",
    "download_model": "Download `model`, by default the chosen one, or go on with it",
    "pause_model": "Stop the download of `model`; it goes on later",
    "verify_model": "Check every file of `model`",
    "import_model": "Take `model` from the folder `path`",
    "copy_model": "Copy the files of `model` instead of linking them",
    "remove_model": "Delete `model`",
    "check_system": "Look at Resolve, card, memory and disk",
    "test_wiring": "Run the wiring test",
    "try_shot": "Edit the bundled shot",
    "describe": "Let the caption model write what the shot shows",
}

ACTIONS: Final[Mapping[str, str]] = {**PANEL, **SERVICE}


class UnknownActionError(LookupError):
    """A name that stands in neither table, or that nobody provides."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no action {name!r}.")
        self.name = name


class Actions:
    """Functions by name; `ran` tells of every action, after it ran."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._own: dict[str, Function] = {}
        self.ran: Signal[tuple[str, Target]] = Signal()

    def provide(self, name: str, function: Function) -> None:
        """Let `function(target)` do the action; it goes before what the panel does by itself.

        Provide before the panel is built: what nobody does is not offered.

        Raises
        ------
        UnknownActionError
            The name stands in neither table.
        """
        if name not in ACTIONS:
            raise UnknownActionError(name)
        self._functions[name] = function

    def provide_own(self, name: str, function: Function) -> None:
        """Let the panel do the action unless the application does."""
        if name not in ACTIONS:
            raise UnknownActionError(name)
        self._own[name] = function

    def can(self, name: str) -> bool:
        """Return whether someone does the action; controls of others stay hidden."""
        return name in self._functions or name in self._own

    def run(self, name: str, target: Target = NOTHING) -> None:
        """Do an action.

        Raises
        ------
        UnknownActionError
            The name stands in no table, or nobody provides it.
        """
        function = self._functions.get(name) or self._own.get(name)
        if function is None:
            raise UnknownActionError(name)
        function(target)
        self.ran.emit((name, target))

    def missing(self) -> tuple[str, ...]:
        """Return the names that nobody provides yet."""
        return tuple(sorted(name for name in ACTIONS if not self.can(name)))
