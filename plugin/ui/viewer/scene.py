"""Painting one moment of the viewer: which pictures, where, and what lies over them.

`paint` needs no widget: it paints a core's state into a viewport of device pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPolygonF

from plugin.locale import tr
from plugin.theme import metrics, theme
from plugin.ui.viewer.annotations import Annotations
from plugin.ui.viewer.core import Core, Pane
from plugin.ui.viewer.difference import difference_picture
from plugin.ui.viewer.frames import image_of
from plugin.ui.viewer.geometry import Box, View
from plugin.ui.viewer.overlays import TINT_SHARE, matte_at, matte_overlay, words_overlay
from plugin.ui.viewer.paint import Brush
from plugin.ui.viewer.pictures import Picture
from plugin.ui.viewer.tools import Stroke
from plugin.ui.viewer.views import views_of, wipe_of
from plugin.ui.viewer.wipe import Wipe

__all__ = ["SURROUND", "Scene"]

SURROUND = QColor(18, 18, 18)  # neutral, so that it colours no judgement
_SHARP_FROM = 2.0  # from this zoom on every picture pixel is a square


@dataclass
class Scene:
    """One painting; `focused` draws the ring, `stroke` the shape that is being drawn."""

    core: Core
    painter: QPainter
    viewport: Box
    unit: float
    focused: bool = False
    stroke: Stroke | None = None

    def paint(self) -> None:
        """Paint everything."""
        painter, core = self.painter, self.core
        box = self.viewport
        painter.fillRect(box.x, box.y, box.width, box.height, SURROUND)
        self.brush = Brush(painter, self.unit)
        if core.book.shot.value is None:
            self.brush.message(tr("say.viewer.no_shot"), box)
        else:
            views = views_of(core, box)
            self._pictures(views)
            for view in views:
                self._overlays(view)
            self._rough(views[-1])
            annotations = Annotations(core, self.brush)
            annotations.write(views)
            annotations.draw(views[0], self.stroke)
        if self.focused:
            self._ring()

    # ---- pictures --------------------------------------------------------------------------

    def _pictures(self, views: tuple[View, ...]) -> None:
        core = self.core
        first, second = core.pair
        view = views[0]
        match core.mode:
            case "before":
                self._pane(core.original, view)
            case "after":
                self._pane(second, view)
            case "side":
                self._pane(first, view)
                self._pane(second, views[1])
            case "wipe":
                self._wiped(first, second, view)
            case "difference":
                self._difference(first, second, view)

    def _pane(self, pane: Pane, view: View) -> None:
        """Paint one picture, or the sentence that says why there is none."""
        picture = pane.picture
        if picture is None:  # nothing but a rough picture so far: the shot lies under it
            picture = self.core.book.shot.value
        frame = self.core.state.frame.value
        if picture is None:
            return
        if pane.role == "before" and not self.core.book.shown(frame):
            self.brush.message(
                tr("say.viewer.reading", frame=frame + 1, frames=self.core.frames), view.viewport
            )
        elif picture.index(frame) is None:
            header = picture.frames.header
            self.brush.message(
                tr(
                    "say.viewer.not_in_take",
                    first=picture.first + 1,
                    last=picture.first + header.frames,
                ),
                view.viewport,
            )
        else:
            self._blit(picture, frame, view)

    def _blit(self, picture: Picture, frame: int, view: View) -> None:
        """Paint a picture into the view's rectangle, whatever its own size is."""
        target, visible = view.target, view.visible
        if visible.empty:
            return
        width, height = picture.size
        painter = self.painter
        if target.width <= width and target.height <= height:
            image = self.core.cache.picture(picture, frame, (target.width, target.height))
            if image is not None:
                self._copy(image, target, visible)
            return
        image = self.core.cache.picture(picture, frame)
        if image is None:
            return
        painter.save()
        painter.setClipRect(
            visible.x, visible.y, visible.width, visible.height, Qt.ClipOperation.IntersectClip
        )
        across, down = target.width / width, target.height / height
        whole = across == down == int(across)
        sharp = whole or (view.zoom >= _SHARP_FROM)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not sharp)
        # only the pixels that are seen are handed to the painter
        left = max(0, int((visible.x - target.x) / across) - 1)
        top = max(0, int((visible.y - target.y) / down) - 1)
        right = min(width, int((visible.right - target.x) / across) + 2)
        bottom = min(height, int((visible.bottom - target.y) / down) + 2)
        painter.drawImage(
            QRectF(
                target.x + left * across,
                target.y + top * down,
                (right - left) * across,
                (bottom - top) * down,
            ),
            image,
            QRectF(left, top, right - left, bottom - top),
        )
        painter.restore()

    def _copy(self, image: QImage, target: Box, visible: Box) -> None:
        self.painter.drawImage(
            visible.x,
            visible.y,
            image,
            visible.x - target.x,
            visible.y - target.y,
            visible.width,
            visible.height,
        )

    def _wiped(self, first: Pane, second: Pane, view: View) -> None:
        wipe = wipe_of(self.core, view)
        visible, target = view.visible, view.target
        part = wipe.second()
        painter = self.painter
        painter.save()
        everything = QPainterPath()
        everything.addRect(QRectF(visible.x, visible.y, visible.width, visible.height))
        second_path = QPainterPath()
        if part:
            second_path.addPolygon(QPolygonF([QPointF(x, y) for x, y in part]))
        self._clip(wipe, first_side=True, view=view, path=everything.subtracted(second_path))
        self._pane(first, view)
        painter.restore()
        painter.save()
        self._clip(wipe, first_side=False, view=view, path=second_path)
        self._pane(second, view)
        painter.restore()
        if not target.empty:
            self.brush.wipe(wipe, visible)

    def _clip(self, wipe: Wipe, *, first_side: bool, view: View, path: QPainterPath) -> None:
        """Clip to one side of the wipe; by whole pixels where the line allows it."""
        box = view.viewport
        edge = round(wipe.offset)
        if wipe.angle == 0:
            left, right = (box.x, edge) if first_side else (edge, box.right)
            self.painter.setClipRect(left, box.y, max(0, right - left), box.height)
        elif wipe.angle == 90:
            top, bottom = (box.y, edge) if first_side else (edge, box.bottom)
            self.painter.setClipRect(box.x, top, box.width, max(0, bottom - top))
        else:
            self.painter.setClipPath(path)

    def _difference(self, first: Pane, second: Pane, view: View) -> None:
        core = self.core
        frame = core.state.frame.value
        one, two = first.picture, second.picture
        if one is None or two is None or not core.book.shown(frame):
            self._pane(first, view)
            return
        if two.index(frame) is None or one.index(frame) is None:
            self._pane(second if two.index(frame) is None else first, view)
            return
        target, visible = view.target, view.visible
        smaller = target.width < one.size[0] or target.height < one.size[1]
        size = (
            (min(target.width, one.size[0]), min(target.height, one.size[1])) if smaller else None
        )
        gain = core.state.gain.value
        key = ("difference", one.key, two.key, frame - one.first, frame - two.first, gain, size)
        image = core.cache.get(key, lambda: self._difference_image(one, two, gain, size))
        painter = self.painter
        painter.save()
        painter.setClipRect(visible.x, visible.y, visible.width, visible.height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        if (image.width(), image.height()) == (target.width, target.height):
            self._copy(image, target, visible)
        else:
            painter.drawImage(QRectF(target.x, target.y, target.width, target.height), image)
        painter.restore()

    def _difference_image(
        self, one: Picture, two: Picture, gain: float, size: tuple[int, int] | None
    ) -> QImage:
        changed = self.core.numbers.changed(one, two, self.core.state.frame.value)
        if changed is None:
            return QImage()
        return image_of(difference_picture(changed, gain=gain, size=size))

    # ---- over the pictures -----------------------------------------------------------------

    def _overlays(self, view: View) -> None:
        core, visible = self.core, view.visible
        frame = core.state.frame.value
        if visible.empty or not core.book.shown(frame):
            return
        word, words = core.word, core.book.words.value
        if word is not None and words is not None:
            number_ = words.at(frame)
            key = ("words", words.key, word, number_, view)
            if number_ is not None:
                heat = core.cache.get(
                    key, lambda: words_overlay(words, word, frame, view) or QImage()
                )
                self.painter.drawImage(visible.x, visible.y, heat)
        matte = core.book.matte.value
        if core.state.overlay.value and matte is not None:
            cover = matte.pixels(frame)
            if cover is not None:
                thick = max(1, round(self.unit))
                # a tint would colour what the difference shows
                share = 0.0 if core.mode == "difference" else TINT_SHARE
                name = ("matte", matte.key, frame - matte.first, view, thick, share)
                tint = core.cache.get(
                    name, lambda: matte_overlay(cover, view, line_px=thick, tint=share)
                )
                self.painter.drawImage(visible.x, visible.y, tint)

    def _rough(self, view: View) -> None:
        """Show the running job's rough picture through the matte, in its dashed frame."""
        core, preview = self.core, self.core.state.preview.value
        rough = core.rough
        if preview is None or rough is None or core.mode == "before":
            return
        frame = core.state.frame.value
        if not preview.shows(frame) or core.mode == "difference":
            return
        visible, target = view.visible, _part(view.target, preview.share)
        if visible.empty:
            return
        matte = core.book.matte.value
        cover = None if matte is None else matte.pixels(frame)
        name = None if matte is None else matte.key
        image = core.cache.get(
            ("rough", preview.path, name, frame, view),
            lambda: _rough_image(
                rough, None if cover is None else matte_at(cover, view), view, target
            ),
        )
        painter = self.painter
        painter.save()
        if core.mode == "wipe":
            wipe = wipe_of(core, view)
            path = QPainterPath()
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in wipe.second()]))
            self._clip(wipe, first_side=False, view=view, path=path)
        painter.drawImage(visible.x, visible.y, image)
        painter.restore()
        if core.mode == "wipe":
            self.brush.wipe(wipe_of(core, view), visible)
        self.brush.dashed(target.crossed(view.viewport), theme().accent)

    def _ring(self) -> None:
        box, width = self.viewport, max(1, round(metrics().focus_width * self.unit))
        colour = QColor(theme().focus)
        fill: Callable[..., None] = self.painter.fillRect
        fill(box.x, box.y, box.width, width, colour)
        fill(box.x, box.bottom - width, box.width, width, colour)
        fill(box.x, box.y, width, box.height, colour)
        fill(box.right - width, box.y, width, box.height, colour)


def _part(box: Box, share: tuple[float, float, float, float]) -> Box:
    """Return a share of a box in whole pixels."""
    left, top, right, bottom = share
    x, y = round(box.x + left * box.width), round(box.y + top * box.height)
    wide, high = round((right - left) * box.width), round((bottom - top) * box.height)
    return Box(x, y, wide, high)


def _rough_image(rough: QImage, cover: np.ndarray | None, view: View, target: Box) -> QImage:
    visible = view.visible
    image = QImage(visible.width, visible.height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(
        QRectF(target.x - visible.x, target.y - visible.y, target.width, target.height), rough
    )
    if cover is not None:
        mask = image_of(cover)
        mask.reinterpretAsFormat(QImage.Format.Format_Alpha8)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        painter.drawImage(0, 0, mask)
    painter.end()
    return image
