"""What the viewer shows: one frame of a timeline, composed from real media."""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.doubles.resolve import clips, model, source

if TYPE_CHECKING:
    from tests.doubles.resolve.clips import Picture
    from tests.doubles.resolve.double import Double


def frame(
    double: Double, timeline: model.Timeline, number: int, only: model.Item | None = None
) -> Picture:
    """Compose enabled tracks from bottom to top; RGBA, straight alpha."""
    width, height = timeline.size
    canvas = np.zeros((height, width, 4), np.float32)  # premultiplied
    for track in timeline.tracks["video"]:
        for item in track.items:
            inside = item.start <= number < item.end
            if only is not None:
                if item is only:
                    _over(canvas, _placed(double, timeline, item, number))
            elif track.enabled and item.enabled and inside:
                if item.kind == "adjustment":
                    canvas[..., :3] = _graded(canvas, item)[..., :3]
                elif item.kind not in ("transition", "subtitle"):
                    _over(canvas, _placed(double, timeline, item, number))
    alpha = canvas[..., 3:]
    straight = np.divide(
        canvas[..., :3], alpha, out=np.zeros_like(canvas[..., :3]), where=alpha > 0
    )
    return np.concatenate([straight, alpha], axis=2)


def _over(canvas: Picture, top: Picture) -> None:
    alpha = top[..., 3:]
    canvas[..., :3] = top[..., :3] * alpha + canvas[..., :3] * (1 - alpha)
    canvas[..., 3:] = alpha + canvas[..., 3:] * (1 - alpha)


def source_picture(
    double: Double, timeline: model.Timeline, item: model.Item, number: int
) -> Picture:
    """The item's own picture at its own size, ungraded and untransformed."""
    media = item.media
    if media is None:
        return _painted(item, timeline.size)
    index = source.shown(item, timeline.rate, number)
    if media.inner is not None:
        return frame(double, media.inner, media.inner.start + index)
    path = media.files[min(index, len(media.files) - 1)] if media.files else media.path
    real = double.files.real(path)
    if not media.online or not real.is_file():
        width, height = media.size if media.size[0] else timeline.size
        return np.broadcast_to(
            np.array([0.8, 0.0, 0.0, 1.0], np.float32), (height, width, 4)
        ).copy()
    picture = clips.picture(real, 0 if len(media.files) > 1 else index)
    if picture.shape[1::-1] == media.size[::-1] and media.size[0] != media.size[1]:
        picture = np.ascontiguousarray(np.rot90(picture))  # a phone held upright
    return picture


def _composed(double: Double, timeline: model.Timeline, item: model.Item, number: int) -> Picture:
    """The item through its active composition, where the double can evaluate that."""
    from tests.doubles.resolve import mask_paint

    if item.comps and item.kind == "clip":
        comp = item.comps[item.active_comp]
        size = item.media.size if item.media is not None and item.media.size[0] else timeline.size
        along = comp.document.span()[0] + number - int(item.start)
        wanted = mask_paint.Wanted(double, comp, item, timeline, along, size)
        with contextlib.suppress(ValueError):
            if mask_paint.rooted(comp):
                return mask_paint.output(wanted, "MediaOut1")
    return source_picture(double, timeline, item, number)


def _painted(item: model.Item, size: tuple[int, int]) -> Picture:
    width, height = size
    out = np.zeros((height, width, 4), np.float32)
    tone = (zlib.crc32(item.name.encode()) % 200 + 28) / 255
    if item.kind in ("title", "fusion_title"):
        text = np.zeros((height, width), np.uint8)
        at, scale = (width // 10, height // 2), width / 200
        cv2.putText(text, item.name, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1)
        out[...] = 1.0
        out[..., 3] = text / 255
    else:
        out[...] = (tone, 1 - tone, tone / 2, 1.0)
    return out


def _graded(picture: Picture, item: model.Item) -> Picture:
    out = picture.copy()
    for node in item.nodes:
        if node.enabled:
            out[..., :3] = np.clip(out[..., :3] * np.array(node.gain, np.float32), 0, 1)
    return out


def _placed(double: Double, timeline: model.Timeline, item: model.Item, number: int) -> Picture:
    """The item with its Fusion comp, graded and put into the timeline's frame."""
    picture = _graded(_composed(double, timeline, item, number), item)
    props = item.props
    picture = _cropped(picture, props)
    width, height = timeline.size
    own_height, own_width = picture.shape[:2]
    fit = min(width / own_width, height / own_height)
    zoom_x = props.get("ZoomX", 1.0) * (-1 if props.get("FlipX") else 1)
    zoom_y = props.get("ZoomY", 1.0) * (-1 if props.get("FlipY") else 1)
    angle = np.deg2rad(props.get("RotationAngle", 0.0))
    pan, tilt = props.get("Pan", 0.0), props.get("Tilt", 0.0)
    plain = (zoom_x, zoom_y, angle, pan, tilt) == (1, 1, 0, 0, 0)
    if not (plain and (own_width, own_height) == (width, height)):
        cos, sin = np.cos(angle), np.sin(angle)
        linear = np.array([[cos, sin], [-sin, cos]]) @ np.diag([fit * zoom_x, fit * zoom_y])
        centre = np.array([(own_width - 1) / 2, (own_height - 1) / 2])
        target = np.array([(width - 1) / 2 + pan, (height - 1) / 2 - tilt])
        matrix = np.column_stack([linear, target - linear @ centre])
        picture = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR)
    picture[..., 3] *= props.get("Opacity", 100.0) / 100
    return picture


def _cropped(picture: Picture, props: dict[str, float]) -> Picture:
    height, width = picture.shape[:2]
    left, right = int(props.get("CropLeft", 0)), int(props.get("CropRight", 0))
    top, bottom = int(props.get("CropTop", 0)), int(props.get("CropBottom", 0))
    if left or right or top or bottom:
        keep = np.zeros((height, width), np.float32)
        keep[top : height - bottom, left : width - right] = 1
        picture = picture.copy()
        picture[..., 3] *= keep
    return picture
