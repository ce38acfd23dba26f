"""Generated shots edited plain and with SAR, held against their exact truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from flowanchor_engine import models
from flowanchor_engine.bench.verdicts import Verdict, judge
from flowanchor_engine.demo.scene_clip import DemoShot, demo_shot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowanchor_engine.editor import Editor
    from flowanchor_engine.progress import Reporter
    from flowanchor_engine.request import MethodSettings

__all__ = ["Shown", "decoded", "edit_shots", "shots"]

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """One shot with both edits, as the model gave them (no pixel was copied back).

    Parameters
    ----------
    shot : DemoShot
    unedited, plain, anchored : ndarray (F, H, W, 3), uint8
        The shot through the VAE and back, and its edits without and with SAR.
    plain_verdict, anchored_verdict : Verdict
    seconds : float
        Both edits together, decoding included.
    """

    shot: DemoShot
    unedited: Frames
    plain: Frames
    anchored: Frames
    plain_verdict: Verdict
    anchored_verdict: Verdict
    seconds: float


def shots(seed: int, count: int, *, size: tuple[int, int]) -> list[DemoShot]:
    """Return colour edits of two-object shots; every second pair has the same shape.

    The seeds are simply counted up from `seed`: nothing is picked by its result.
    """
    return [
        demo_shot(seed + number, objects=2, same_shape=number % 2 == 1, size=size)
        for number in range(count)
    ]


def edit_shots(
    editor: Editor, chosen: list[DemoShot], *, seed: int, report: Reporter
) -> Iterator[Shown]:
    """Edit every shot twice, with and without SAR and otherwise equal numbers."""
    settings = models.recommended(editor.model.model_id)
    for number, shot in enumerate(chosen):
        begun = time.perf_counter()
        with torch.no_grad():
            x_src = editor.encode(shot.frames.astype(np.float32) / 127.5 - 1, report)
        unedited = decoded(editor, x_src, shot)
        plain, anchored = (
            _edit(editor, x_src, shot, settings, sar=sar, seed=seed + number, report=report)
            for sar in (False, True)
        )
        yield Shown(
            shot=shot,
            unedited=unedited,
            plain=plain,
            anchored=anchored,
            plain_verdict=judge(shot, plain, unedited),
            anchored_verdict=judge(shot, anchored, unedited),
            seconds=time.perf_counter() - begun,
        )


def _edit(
    editor: Editor,
    x_src: torch.Tensor,
    shot: DemoShot,
    settings: MethodSettings,
    *,
    sar: bool,
    seed: int,
    report: Reporter,
) -> Frames:
    outcome = editor.edit(
        x_src,
        shot.mask.astype(np.float32),
        shot.prompts,
        settings.model_copy(update={"sar": sar}),
        seed=seed,
        report=report,
    )
    return decoded(editor, outcome.latent, shot)


def decoded(editor: Editor, latent: torch.Tensor, shot: DemoShot) -> Frames:
    """Return a latent of a shot as 8-bit pictures, before compositing."""
    pictures = np.concatenate(list(editor.decode(latent, len(shot.frames))))
    return np.clip(np.rint((pictures + 1) * 127.5), 0, 255).astype(np.uint8)
