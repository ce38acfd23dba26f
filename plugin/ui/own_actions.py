"""What the panel does by itself when a button asks: focus, model, files, windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowanchor_engine.request import EditRequest
from plugin.state.jobs import place_of
from plugin.state.messages import Button
from plugin.ui.actions import NOTHING, Target

if TYPE_CHECKING:
    from plugin.state.session import Part
    from plugin.ui.dialogs import Ask
    from plugin.ui.panel import Panel

__all__ = ["OwnActions"]

LOWER_PRESERVE = 40.0
MIDDLE = 50.0


class OwnActions:
    """Functions for every name in `plugin.ui.actions.PANEL`.

    The application may put its own in the place of any of them. The panel's parts are looked
    up when an action runs, so this can come before them and they know at once what is offered.
    """

    def __init__(self, panel: Panel, ask: Ask) -> None:
        self._panel = panel
        self._model = panel.model
        self._actions = panel.commands
        self._desk = panel.desk
        self._ask = ask
        for name, function in {
            **self._texts_and_viewer(),
            **self._matte(),
            **self._numbers(),
            **self._work(),
            **self._opened(),
            "set_up": lambda _: panel.show_first_run(),
        }.items():
            panel.commands.provide_own(name, function)

    # ---- tables ----------------------------------------------------------------------------

    def _texts_and_viewer(self) -> dict[str, Callable[[Target], object]]:
        viewer = self._model.viewer
        return {
            "edit_wanted": lambda target: self._panel.prompts.edit_wanted(target.text),
            "mark_words": lambda _: self._panel.prompts.mark_words(),
            "set_range": lambda _: self._set_range(),
            "limit_range": lambda _: self._model.edit_marked(),
            "whole_shot": lambda _: viewer.limit_edit(None),
            "clear_marks": lambda _: viewer.reset_range(),
            "test_at_matte": lambda _: self._test_at_matte(),
            "show_frame": lambda target: self._panel.viewer.show_frame(target.frame or 0),
        }

    def _matte(self) -> dict[str, Callable[[Target], object]]:
        matte = self._model.matte
        return {
            "draw_matte": lambda _: self._panel.viewer.draw_box(),
            "draw_box": lambda _: self._panel.viewer.draw_box(),
            "draw_lasso": lambda _: self._panel.viewer.draw_lasso(),
            "load_matte": lambda _: self._load_matte(),
            "clip_alpha": lambda _: self._clip_alpha(),
            "whole_picture": lambda _: matte.use_whole(),
            "invert_matte": lambda _: matte.invert.set(not matte.invert.value),
            "matte_luma": lambda _: matte.channel.set("luma"),
            "set_matte_start": lambda _: matte.start.set(0),
        }

    def _numbers(self) -> dict[str, Callable[[Target], object]]:
        model, strengths = self._model, self._model.strengths
        return {
            "fix_request": lambda _: strengths.reset(),
            "reset_strengths": lambda _: strengths.reset(),
            "lower_skip": lambda _: strengths.preserve.set(MIDDLE),
            "lower_preserve": lambda _: strengths.preserve.set(LOWER_PRESERVE),
            "lower_guidance": lambda _: strengths.strength.set(MIDDLE),
            "change_size": lambda _: self._panel.how.expert.open_at("size"),
            "expert": lambda _: self._panel.how.toggle_expert(),
            "lock_seed": lambda _: model.seed_locked.set(not model.seed_locked.value),
            "dice": lambda _: model.dice(),
            "choose_codec": lambda _: model.codec.set("prores4444"),
            "place_patch": lambda target: self._place_as("patch", target),
            "place_frame": lambda target: self._place_as("frame", target),
            "save_memory": self._save_memory,
            "full_precision": self._full_precision,
        }

    def _work(self) -> dict[str, Callable[[Target], object]]:
        queue = self._model.queue
        return {
            "make_edit": lambda _: self._submit("edit"),
            "test": lambda _: self._submit("test"),
            "pause_queue": lambda _: queue.paused.set(not queue.paused.value),
            "resume_queue": lambda _: queue.resume(),
            "start_again": lambda target: queue.retry(target.job or target.text),
            "retry_job": self._retry_take,
            "new_seed": self._new_seed,
            "skip_job": lambda target: self._skip(target.job or target.text),
            "edit_again": self._edit_again,
            "use_settings": lambda target: self._apply(target, "settings"),
            "apply_all": self._apply_all,
            "only_prompt": lambda target: self._apply(target, "prompt"),
            "same_new_seed": self._same_new_seed,
            "keep_in_list": lambda _: self._model.messages.dismiss(),
            "find_takes": lambda _: self._panel.takes.focus_find(),
        }

    def _opened(self) -> dict[str, Callable[[Target], object]]:
        return {
            "open_clip": lambda _: self._open_clip(),
            "other_folder": lambda _: self._other_folder(),
            "use_existing_files": self._existing_files,
            "details": lambda target: self._panel.windows.details(
                target.details or self._last_details()
            ),
            "show_log": lambda target: self._panel.windows.details(
                target.details or self._desk.log()
            ),
            "engine_details": lambda _: self._panel.windows.open("log"),
            "copy_report": lambda _: self._panel.windows.open("report"),
            "settings": lambda _: self._panel.windows.open("settings"),
            "choose_model": lambda _: self._panel.windows.settings("models"),
            "shortcuts": lambda _: self._panel.windows.settings("keys"),
            "help": lambda _: self._panel.windows.help(""),
            "show_how": lambda _: self._panel.windows.help("render"),
            "show_me": lambda _: self._panel.windows.help("link"),
            "use_menu_link": lambda _: self._panel.windows.help("link"),
            "about": lambda _: self._panel.windows.open("about"),
        }

    # ---- viewer and matte ------------------------------------------------------------------

    def _set_range(self) -> None:
        self._panel.viewer.focus_range()
        self._model.messages.say(
            "say.range.how", buttons=(Button("limit_range", "button.limit_range"),)
        )

    def _test_at_matte(self) -> None:
        frames = self._model.matte.key_frames()
        if frames:
            self._model.viewer.centre_range(frames[0])
            self._panel.viewer.show_frame(frames[0])

    def _load_matte(self) -> None:
        path = self._ask.matte(self._desk.settings.value.last_matte_folder)
        if path:
            self._desk.change(last_matte_folder=str(Path(path).parent))
            self._model.matte.use_file(path)

    def _clip_alpha(self) -> None:
        if self._model.shot.shot.value is not None:
            self._model.use_alpha()

    # ---- numbers ---------------------------------------------------------------------------

    def _place_as(self, kind: Literal["patch", "frame"], target: Target) -> None:
        self._model.delivery_kind.set(kind)
        job = self._job_of(target)
        if job:
            self._again(job)

    def _save_memory(self, target: Target) -> None:
        self._model.save_memory.set(True)
        self._desk.change(save_memory=True)
        self._again(self._job_of(target))

    def _full_precision(self, target: Target) -> None:
        self._model.precision.set("fp32")
        self._again(self._job_of(target))

    # ---- work ------------------------------------------------------------------------------

    def _submit(self, kind: Literal["edit", "test"]) -> None:
        model = self._model
        ready = model.can_run.value if kind == "edit" else model.can_test.value
        if ready:
            model.submit(kind)

    def _job_of(self, target: Target) -> str:
        if target.job:
            return target.job
        take = self._model.takes.known(target.take or "")
        return take.job if take is not None else target.text

    def _again(self, job: str) -> None:
        if self._model.queue.retry(job) is not None:
            self._model.messages.dismiss()

    def _retry_take(self, target: Target) -> None:
        queue = self._model.queue
        take = self._model.takes.known(target.take or "")
        job = queue.get(self._job_of(target))
        if job is not None and queue.retry(job.id) is None:
            queue.duplicate(job.id, seed=job.seed)
        elif job is None and take is not None:  # its job was cleared off the list
            queue.add(
                take.request,
                take.request_hash,
                kind=take.kind,
                shot_id=take.shot_id,
                title=take.title,
                place=place_of(take.origin),
            )
        self._model.messages.dismiss()

    def _new_seed(self, target: Target) -> None:
        """Draw another seed for what the panel holds; a kept seed is kept, with its new number."""
        job = self._model.queue.get(target.job or "")
        take = self._model.takes.known(target.take or "")
        asked = job or take
        self._model.messages.dismiss()
        self._model.dice()
        self._submit(asked.kind if asked is not None else "edit")

    def _skip(self, job: str) -> None:
        self._model.queue.remove([job])
        self._model.messages.dismiss()
        self._model.queue.resume()

    def _edit_again(self, target: Target) -> None:
        job = self._model.queue.get(target.job or "")
        if job is not None:
            self._model.apply_request(EditRequest.load(job.request), "all")

    def _apply_all(self, target: Target) -> None:
        if target.take:
            self._apply(target, "all")
        else:
            self._edit_again(target)

    def _apply(self, target: Target, what: Part) -> None:
        take = self._model.takes.get(target.take or "")
        if take is not None:
            self._model.apply_take(take, what)

    def _same_new_seed(self, target: Target) -> None:
        self._apply(target, "settings")
        self._model.seed_locked.set(False)
        self._model.dice()
        self._submit("edit")

    # ---- files and windows -----------------------------------------------------------------

    def _open_clip(self) -> None:
        path = self._ask.clip(self._desk.settings.value.last_clip_folder)
        if path:
            self._desk.change(last_clip_folder=str(Path(path).parent))
            self._actions.run("open_file", Target(path=path))

    def _other_folder(self) -> None:
        folder = self._ask.folder(self._desk.settings.value.takes_folder)
        if folder:
            self._desk.change(takes_folder=folder)
            self._model.messages.say("say.folder.set", tone="done", folder=folder)

    def _existing_files(self, target: Target) -> None:
        folder = self._ask.folder(self._desk.settings.value.models_folder)
        if folder:
            name = target.model or self._model.model_id.value
            self._actions.run("import_model", replace(NOTHING, model=name, path=folder))

    def _last_details(self) -> str:
        current = self._model.messages.current.value
        if current is not None and current.details:
            return current.details
        return next((m.details for m in self._model.messages.history if m.details), "")
