"""The matte's rows: what it is, how to change it, its border, and how it is tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from plugin.locale import number, tr, trn
from plugin.state.empty import matte_empty
from plugin.state.matte import FEATHER_PX, GROW_PX
from plugin.state.observable import Observable, ObservableList
from plugin.theme import icon, metrics
from plugin.ui.actions import Actions, Target
from plugin.ui.base import (
    Button,
    Eliding,
    LabelledSlider,
    ProgressBar,
    Row,
    Section,
    Switch,
    align_columns,
    bind,
    follow,
    listen,
    words,
)
from plugin.ui.matte.drift import DriftStrip
from plugin.ui.notice import Notice

if TYPE_CHECKING:
    from plugin.state.matte import MatteState
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["MatteSection", "matte_line"]


def matte_line(matte: MatteState) -> tuple[str, str]:
    """Return the matte's name with its origin, and how much it covers where that is known."""
    origin = matte.origin.value
    kind = tr(f"matte.origin.{origin}")
    label = matte.label.value
    name = tr("say.matte.named", name=label, kind=kind) if label else kind
    if origin == "drawn":
        name = trn("say.matte.shapes", len(matte.shapes))
    share = matte.mean_coverage
    if share is None:
        return name, ""
    frames = len(matte.coverage.value)
    filled = frames - len(matte.empty_frames.value)
    percent = number(share * 100, 1 if share < 0.1 else 0)
    return name, tr("say.matte.coverage", filled=filled, frames=frames, percent=percent)


class MatteSection(Section):
    """Origin and coverage, Change, grow, feather, smooth, invert; tracking of a drawn matte."""

    def __init__(
        self, model: PanelModel, actions: Actions, desk: Desk, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("matte.title"), tr("tip.matte.title"), parent=parent)
        self._model = model
        self._matte = model.matte
        self._actions = actions
        self._desk = desk
        self.setAccessibleName(tr("matte.title"))
        self._build_top()
        self._build_border()
        self._build_tracking()
        self._join()

    def _build_top(self) -> None:
        self.name = Eliding(role="value")
        self.coverage = words("", "small")
        self.change = Button(tr("matte.change"), tr("tip.matte.change"), role="small")
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.change.setMenu(self.menu)
        self.add_beside(self.change)
        line = QHBoxLayout()
        line.setSpacing(metrics().gap)
        line.addWidget(self.name, 1)
        line.addWidget(self.coverage)
        self.rows.addLayout(line)
        self.notice = Notice(self._actions)
        self.add(self.notice)

    def _build_border(self) -> None:
        pixels = f" {tr('unit.px')}"
        self.grow = LabelledSlider(
            tr("matte.grow"), tr("tip.matte.grow"),
            minimum=-64, maximum=128, reference=GROW_PX, page=8, unit=pixels,
        )  # fmt: skip
        self.feather = LabelledSlider(
            tr("matte.feather"), tr("tip.matte.feather"),
            minimum=0, maximum=128, reference=FEATHER_PX, page=8, unit=pixels,
        )  # fmt: skip
        self.smooth = LabelledSlider(
            tr("matte.smooth"), tr("tip.matte.smooth"),
            minimum=0, maximum=16, reference=0, page=4,
        )  # fmt: skip
        align_columns([slider.parts() for slider in (self.grow, self.feather, self.smooth)])
        self.invert = Switch(tr("matte.invert"), tr("tip.matte.invert"))
        self.track = Switch(tr("matte.track"), tr("tip.matte.track"))
        self.add(self.grow)
        self.add(self.feather)
        self.add(self.smooth)
        self.switches = Row(self.invert, self.track, None)
        self.add(self.switches)

    def _build_tracking(self) -> None:
        self.progress = ProgressBar(tr("matte.progress"))
        self.drift = DriftStrip()
        self.add(self.progress)
        self.add(self.drift)

    def _join(self) -> None:
        matte, viewer = self._matte, self._model.viewer
        bind(matte.grow_px, self.grow)
        bind(matte.feather_px, self.feather)
        bind(matte.invert, self.invert)
        bind(matte.track, self.track)
        self.smooth.value_changed.connect(lambda value: matte.smooth_frames.set(round(value)))
        follow(self, matte.smooth_frames, lambda value: self.smooth.set_value(float(value)))
        self.drift.frame_chosen.connect(viewer.go)
        follow(self, viewer.frame, self.drift.show_frame)
        follow(self, self._desk.matte_progress, self._show_progress)
        watched: tuple[Observable[Any] | ObservableList[Any], ...] = (
            *(matte.origin, matte.label, matte.coverage, matte.drift, matte.empty_frames),
            *(matte.shapes, matte.track, self._model.shot.shot),
        )
        for observable in watched:
            listen(self, observable.changed, lambda _: self._show())
        self._show()

    # ---- showing ---------------------------------------------------------------------------

    def _show(self) -> None:
        matte, shot = self._matte, self._model.shot.shot.value
        name, coverage = matte_line(matte)
        chosen = shot is not None and matte.origin.value != "none"
        self.name.setText(name)
        self.name.setVisible(chosen)
        self.coverage.setText(coverage)
        self.coverage.setVisible(chosen and bool(coverage))
        self.change.setEnabled(shot is not None)
        limits = chosen and matte.origin.value != "whole"
        for widget in (self.grow, self.feather, self.smooth, self.switches):
            widget.setVisible(limits)
        drawn = matte.origin.value == "drawn"
        self.track.setVisible(drawn)
        self.drift.setVisible(drawn and bool(matte.drift.value))
        self.drift.show_drift(matte.drift.value, matte.key_frames())
        state = matte_empty(matte, shot)
        first = matte.empty_frames.value[0] if matte.empty_frames.value else 0
        self.notice.show_state(state, Target(frame=first))

    def _show_progress(self, progress: tuple[int, int]) -> None:
        done, total = progress
        self.progress.setVisible(total > 0)
        said = tr("matte.tracking" if self._matte.track.value else "matte.making")
        self.progress.set_progress(done, total, f"{said} {done}/{total}")

    # ---- menu ------------------------------------------------------------------------------

    def fill_menu(self) -> None:
        """Put into the menu what can be chosen for this shot now."""
        self.menu.clear()
        facts = self._model.shot.facts.value
        for offer in self._desk.matte_offers:
            text = tr("say.matte.named", name=offer.name, kind=tr("matte.origin.fusion"))
            entry = self.menu.addAction(text)
            entry.setObjectName(f"fusion:{offer.name}")
            entry.setEnabled(offer.usable and self._actions.can("fusion_mask"))
            if offer.reason:
                entry.setToolTip(offer.reason)
            target = Target(text=offer.name)
            entry.triggered.connect(
                lambda _=False, target=target: self._actions.run("fusion_mask", target)
            )
        if len(self._desk.matte_offers):
            self.menu.addSeparator()
        entries = (
            ("clip_alpha", facts is not None and facts.alpha),
            ("load_matte", True),
            ("draw_box", True),
            ("draw_lasso", True),
            ("whole_picture", True),
        )
        for name, enabled in entries:
            entry = self.menu.addAction(tr(f"matte.menu.{name}"))
            entry.setObjectName(name)
            entry.setEnabled(enabled)
            entry.triggered.connect(lambda _=False, name=name: self._actions.run(name))
        if self._matte.origin.value == "drawn":
            self.menu.addSeparator()
            entry = self.menu.addAction(tr("matte.menu.erase_last"))
            entry.setObjectName("erase_last")
            entry.triggered.connect(lambda: self._matte.erase(len(self._matte.shapes) - 1))
        if self._matte.origin.value in ("file", "fusion"):
            self.menu.addSeparator()
            for channel in ("auto", "luma", "alpha"):
                entry = self.menu.addAction(tr(f"matte.channel.{channel}"))
                entry.setObjectName(f"channel:{channel}")
                entry.setCheckable(True)
                entry.setChecked(self._matte.channel.value == channel)
                if entry.isChecked():  # the style's own mark is not drawn for every scale
                    entry.setIcon(icon("check"))
                entry.triggered.connect(
                    lambda _=False, channel=channel: self._matte.channel.set(channel)
                )
