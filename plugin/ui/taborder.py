"""Tab goes in reading order, whatever was added when."""

from __future__ import annotations

import itertools
from functools import cmp_to_key

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

__all__ = ["chain_tabs", "reading_order"]


def reading_order(window: QWidget) -> list[QWidget]:
    """Return what Tab can reach in a window, line by line from left to right.

    Two controls stand on one line if their middles lie closer together than a quarter of both
    heights. What scrolls is read as a whole where it stands, also what is out of sight. A part
    that is kept in sight over others counts where it belongs: its dynamic property ``place``
    is the widget that keeps its room.
    """
    found = [
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.window() is window
        and widget.isVisibleTo(window)
        and widget.focusProxy() is None
    ]
    return _sorted(window, found)


def _sorted(page: QWidget, stops: list[QWidget]) -> list[QWidget]:
    """Sort stops by where they stand on a page; those of one scrolled page stay together."""
    scrolled: dict[QScrollArea, list[QWidget]] = {}
    spots: dict[QWidget, tuple[QPoint, int]] = {}
    for stop in stops:
        area = _outer_area(stop, page)
        if area is None:
            spots[stop] = (_spot(stop, page), stop.height())
            continue
        scrolled.setdefault(area, []).append(stop)
        spots[area] = (area.mapTo(page, area.rect().center()), area.height())

    def before(first: QWidget, second: QWidget) -> int:
        (a, high), (b, other) = spots[first], spots[second]
        same_line = abs(a.y() - b.y()) < (high + other) / 4
        return a.x() - b.x() if same_line else a.y() - b.y()

    ordered: list[QWidget] = []
    for widget in sorted(spots, key=cmp_to_key(before)):
        inner = widget.widget() if isinstance(widget, QScrollArea) else None
        if inner is not None and isinstance(widget, QScrollArea):
            ordered += _sorted(inner, scrolled[widget])
        else:
            ordered.append(widget)
    return ordered


def _outer_area(widget: QWidget, page: QWidget) -> QScrollArea | None:
    """Return the outermost scrolled area on a page in which a widget lies."""
    found = None
    each = widget.parentWidget()
    while each is not None and each is not page:
        if isinstance(each, QScrollArea) and each.widget() is not page:
            found = each
        each = each.parentWidget()
    return found


def _spot(widget: QWidget, page: QWidget) -> QPoint:
    """Return the middle of a widget on a page."""
    middle = widget.rect().center()
    each: QWidget | None = widget
    while each is not None and each is not page:
        place = each.property("place")
        if isinstance(place, QWidget):
            return place.mapTo(page, widget.mapTo(each, middle))
        each = each.parentWidget()
    return widget.mapTo(page, middle)


def chain_tabs(window: QWidget) -> None:
    """Let Tab go in reading order from now on."""
    for first, second in itertools.pairwise(reading_order(window)):
        QWidget.setTabOrder(first, second)
