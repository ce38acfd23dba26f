"""What is written on the picture: labels, numbers, legend, and shapes while a matte is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from plugin.locale import number, tr
from plugin.theme import theme
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.geometry import Box, View
from plugin.ui.viewer.numbers import line
from plugin.ui.viewer.paint import Brush
from plugin.ui.viewer.tools import Stroke
from plugin.ui.viewer.views import wipe_of

__all__ = ["Annotations"]


@dataclass(frozen=True)
class Annotations:
    """Writes on one painting."""

    core: Core
    brush: Brush

    def write(self, views: tuple[View, ...]) -> None:
        """Write labels, numbers, zoom and legend."""
        core, brush = self.core, self.brush
        first, second = core.pair
        view = views[0]
        area = view.visible
        if area.empty:
            return
        match core.mode:
            case "before":
                brush.tag(core.original.label, area, "top-left")
            case "after":
                brush.tag(second.label, area, "top-left")
            case "side":
                brush.tag(first.label, area, "top-left")
                brush.tag(second.label, views[1].visible, "top-left")
            case "wipe":
                self._wipe_labels(first.label, second.label, view)
            case "difference":
                brush.tag(tr("viewer.label.difference"), area, "top-left")
                self._numbers(area)
        self._rough_words(views[-1])
        if core.state.zoom.value > 0:
            brush.tag(self._zoom_text(view), views[-1].viewport, "bottom-right")
        self._legend(area)

    def _wipe_labels(self, first: str, second: str, view: View) -> None:
        """Label both sides; a side too narrow for its label has none."""
        wipe, area = wipe_of(self.core, view), view.visible
        edge = round(wipe.offset)
        if wipe.angle % 180 == 0:
            one = Box(area.x, area.y, edge - area.x, area.height).crossed(area)
            two = Box(edge, area.y, area.right - edge, area.height).crossed(area)
            self.brush.tag(first, one, "top-left")
            self.brush.tag(second, two, "top-right")
        elif wipe.angle % 180 == 90:
            one = Box(area.x, area.y, area.width, edge - area.y).crossed(area)
            two = Box(area.x, edge, area.width, area.bottom - edge).crossed(area)
            self.brush.tag(first, one, "top-left")
            self.brush.tag(second, two, "bottom-left")
        else:
            self.brush.tag(first, area, "top-left")
            self.brush.tag(second, area, "bottom-right")

    def _rough_words(self, view: View) -> None:
        core, preview = self.core, self.core.state.preview.value
        if preview is None or core.rough is None or core.mode in ("before", "difference"):
            return
        text = tr("viewer.rough", step=preview.step, total=preview.total)
        if not preview.shows(core.state.frame.value):
            text = tr("viewer.rough_at", frame=preview.frame + 1, text=text)
        row = 1 if core.mode == "wipe" else 0  # below the label of the wipe's second side
        self.brush.tag(text, view.visible, "top-right", colour=theme().accent_text, row=row)

    def _zoom_text(self, view: View) -> str:
        percent = number(100 * view.scale)
        facts = self.core.book.facts.value
        if facts.width and facts.width != view.picture[0]:
            return tr(
                "viewer.zoom_proxy",
                percent=percent,
                width=view.picture[0],
                height=view.picture[1],
            )
        return tr("viewer.zoom", percent=percent)

    def _numbers(self, area: Box) -> None:
        reading = self.core.reading()
        if reading is None:
            return
        told = reading.change
        touched = told.outside is not None and told.outside_max > 0
        self.brush.tag(line(reading), area, "bottom-left", colour=theme().warn if touched else None)

    def _legend(self, area: Box) -> None:
        core, words = self.core, self.core.book.words.value
        word = core.word
        if word is None or words is None or core.mode == "difference":
            return
        self.brush.legend(
            area,
            word=words.maps.header.words[word].text,
            low=tr("viewer.heat.low"),
            high=tr("viewer.heat.high"),
            note=tr("viewer.heat.note"),
        )

    # ---- drawing a matte -------------------------------------------------------------------

    def draw(self, view: View, stroke: Stroke | None) -> None:
        """Draw the shapes of this frame, the one under the hand, and say what to do."""
        core = self.core
        tool = core.tool.value
        frame = core.state.frame.value
        if tool is None:
            return
        for shape in core.book.shapes.value:
            if shape.frame == frame:
                self._outline(list(shape.points), box=shape.kind == "box", view=view)
        if stroke is not None and len(stroke.points) > 1:
            self._outline(stroke.points, box=tool == "box", view=view)
        hint = "say.viewer.draw_box" if tool == "box" else "say.viewer.draw_lasso"
        self.brush.tag(tr(hint), view.viewport, "bottom")

    def _outline(self, points: list[tuple[float, float]], *, box: bool, view: View) -> None:
        if box:
            (left, top), (right, bottom) = points
            points = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.brush.double([view.to_device(u, v) for u, v in points], closed=True)
