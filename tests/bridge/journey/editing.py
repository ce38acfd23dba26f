"""The step between extract and place, behind one call.

`edit_with_the_model` is the real engine on the embedded model; `negate_box` is a plain file
edit for tests that are about something else and need a quick one.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from flowanchor_engine import models, pipeline
from flowanchor_engine.cache import Store
from flowanchor_engine.editor import Editor
from flowanchor_engine.request import Delivery as DeliverySpec
from flowanchor_engine.request import (
    EditRequest,
    MatteShape,
    MatteSpec,
    Prompts,
    SourceSpec,
)
from resolve_bridge.kinds import sequence_files
from resolve_bridge.placement import Delivery, Result
from tests.doubles.resolve import clips

if TYPE_CHECKING:
    from resolve_bridge.extract import Extract

Pixels = NDArray[np.uint8]


class Edit(Protocol):
    """What an engine does for the bridge: as many frames out as in."""

    def __call__(self, extract: Extract, out: Path, delivery: Delivery, seed: int) -> Path: ...


def frames_of(extract: Extract) -> Iterator[Pixels]:
    """Decode the asked range, RGBA."""
    files = sequence_files(extract.path) or (Path(extract.path),)
    number = 0
    for path in files:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if extract.first <= number < extract.first + extract.count:
                    yield frame.to_ndarray(format="rgba")
                number += 1


def negate_box(extract: Extract, out: Path, delivery: Delivery, seed: int) -> Path:
    """Negate a box in the middle; a patch is transparent outside it."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"take-{seed}.mov"
    with av.open(str(target), "w") as container:
        stream = container.add_stream("prores_ks", rate=Fraction(extract.rate))
        stream.width, stream.height = extract.width, extract.height
        stream.pix_fmt = "yuva444p10le"
        stream.options = {"profile": "4444"}
        for pixels in frames_of(extract):
            height, width = pixels.shape[:2]
            edited = pixels.copy()
            rows = slice(height // 4, 3 * height // 4)
            columns = slice(width // 4, 3 * width // 4)
            edited[rows, columns, :3] = 255 - edited[rows, columns, :3] // (1 + seed % 3)
            if delivery is Delivery.PATCH:
                edited[..., 3] = 0
                edited[rows, columns, 3] = 255
            picture = av.VideoFrame.from_ndarray(edited, format="rgba")
            container.mux(stream.encode(picture.reformat(format="yuva444p10le")))
        container.mux(stream.encode(None))
    return target


def negate_to_pictures(ending: str, *, first: int = 0) -> Edit:
    """Return an edit like `negate_box` that delivers a folder of numbered pictures."""

    def edit(extract: Extract, out: Path, delivery: Delivery, seed: int) -> Path:
        target = out / f"take-{seed}"
        target.mkdir(parents=True, exist_ok=True)
        for number, pixels in enumerate(frames_of(extract), start=first):
            height, width = pixels.shape[:2]
            box = (slice(height // 4, 3 * height // 4), slice(width // 4, 3 * width // 4))
            edited = pixels.astype(np.float32) / 255
            edited[(*box, slice(3))] = 1 - edited[(*box, slice(3))] / (1 + seed % 3)
            if delivery is Delivery.PATCH:
                edited[..., 3] = 0
                edited[(*box, 3)] = 1
            clips.write_still(target / f"take-{seed}.{number:06d}.{ending}", edited)
        return target

    return edit


@functools.cache
def _engine() -> Editor:
    return pipeline.open_editor(models.spec("demo"))


def edit_with_the_model(extract: Extract, out: Path, delivery: Delivery, seed: int) -> Path:
    """Edit the middle of the picture with the embedded model, in few steps."""
    method = models.recommended("demo").model_copy(update={"steps": 3, "gamma": seed / 10})
    request = EditRequest(
        source=SourceSpec(path=extract.path, start=extract.first, frames=extract.count),
        matte=MatteSpec(
            shapes=(MatteShape(kind="box", points=((0.3, 0.3), (0.7, 0.7))),),
            grow_px=16,
            feather_px=16,
        ),
        prompts=Prompts(now="a red ball", wanted="a blue ball"),
        method=method,
        delivery=DeliverySpec(kind=str(delivery)),  # type: ignore[arg-type]
        seed=7,
    )
    store = Store(out / "cache")
    target = out / f"take-{seed}.mov"
    result = pipeline.edit(request, target, editor=_engine(), store=store)
    assert result.frames == extract.count
    return result.video


def result_of(
    extract: Extract, out: Path, delivery: Delivery, *, seed: int = 1, edit: Edit = negate_box
) -> Result:
    """Edit and describe the outcome for placing."""
    path = edit(extract, out, delivery, seed)
    recipe = f'{{"schema":"flowanchor.EditRequest.1","seed":{seed},"delivery":"{delivery}"}}'
    key = hashlib.sha256(f"{extract.path} {extract.first} {recipe}".encode()).hexdigest()
    return Result(
        path=str(path),
        frames=extract.count,
        rate=extract.rate,
        delivery=delivery,
        key=key,
        name=f"A001 - red jacket - t{seed}",
        recipe=recipe,
        grade=extract.grade,
        transform=extract.transform,
    )
