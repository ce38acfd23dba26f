"""One edited clip in one flat table row: verdicts and weight-free metrics together."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np

from flowanchor_engine.bench import metrics
from flowanchor_engine.bench.verdicts import judge, mean_colour
from flowanchor_engine.clip.composite import Border
from flowanchor_engine.clip.crop import Geometry
from flowanchor_engine.clip.matte import Mattes
from flowanchor_engine.request import MatteSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.bench.metrics import Frames, Mask
    from flowanchor_engine.demo.scene_clip import DemoShot

__all__ = ["FAILED", "RING_PX", "Score", "composited", "score"]

Score = dict[str, float | bool | str]

RING_PX: Final = 6
"""Width of the border around the edited area that ring-excluded scores leave out."""

FAILED: Final[Score] = {"success": False, "strict": False, "leak": False, "clean": False}
"""What a run that ended in an error scores: it did not do what was asked."""


def score(shot: DemoShot, edited: Frames, unedited: Frames, matte: NDArray[np.float32]) -> Score:
    """Return all numbers about one edited clip.

    Parameters
    ----------
    shot : DemoShot
        The case. Regions are those of the truth, whatever matte the edit was given, so that
        damage inside a loose matte counts.
    edited : uint8 array, shape (F, H, W, 3)
    unedited : uint8 array, shape (F, H, W, 3)
        What no edit would show (see `verdicts.judge`); the VAE's own loss is not blamed on
        the edit where a score says ``_vae``.
    matte : float32 array, shape (F, H, W)
        The matte that the edit was given, for the change before its first frame.

    Returns
    -------
    dict
        ``background_*_published`` are taken on pictures multiplied by 1 - mask, as papers do;
        ``background_*`` on the pixels outside alone; ``ring_*`` leave out a border of
        `RING_PX`; ``psnr_truth`` is the whole clip against the rendered truth.
    """
    outside = ~shot.mask
    far = ~metrics.grown(shot.mask, RING_PX)
    black, black_source = (
        metrics.masked_out(edited, shot.mask),
        metrics.masked_out(shot.frames, shot.mask),
    )
    verdict = asdict(judge(shot, edited, unedited))
    return {
        **verdict,
        "psnr_truth": metrics.psnr_db(edited, shot.truth_frames),
        "background_psnr_published": metrics.psnr_db(black, black_source),
        "background_ssim_published": metrics.ssim(black, black_source),
        "background_mse_published": metrics.mse(black, black_source),
        "background_psnr": metrics.psnr_db(edited, shot.frames, outside),
        "background_ssim": metrics.ssim(edited, shot.frames, outside),
        "background_mse": metrics.mse(edited, shot.frames, outside),
        "ring_psnr": metrics.psnr_db(edited, shot.frames, far),
        "ring_psnr_vae": metrics.psnr_db(edited, unedited, far),
        "locality": metrics.locality(edited, unedited, shot.mask),
        "colour_difference": metrics.colour_difference(edited, shot.frames, far),
        "colour_shift": metrics.colour_shift(edited, shot.frames, far),
        "flicker_outside": metrics.flicker(edited, shot.frames, outside),
        "flicker_inside": _pulsing(edited, shot.truth_mask),
        "warping_error": metrics.warping_error(edited, shot.frames),
        "warping_error_outside": metrics.warping_error(edited, shot.frames, outside),
        "sharpness": metrics.sharpness_ratio(edited, shot.truth_frames),
        "sharpness_outside": metrics.sharpness_ratio(edited, shot.frames, far),
        "before_matte": metrics.before_mask(edited, unedited, matte > 0),
    }


def _pulsing(frames: Frames, mask: Mask) -> float:
    """Mean step of the object's mean colour from frame to frame, RGB code values."""
    present = mask.any((1, 2))
    colours = [mean_colour(frames[i : i + 1], mask[i : i + 1]) for i in np.flatnonzero(present)]
    if len(colours) < 2:
        return math.nan
    return float(np.linalg.norm(np.diff(np.stack(colours), axis=0), axis=1).mean())


def composited(edited: Frames, source: Frames, matte: NDArray[np.float32]) -> Frames:
    """Return the edit laid over the source with the product's own border.

    The matte is grown and feathered by the defaults of a request and fades forward in time as
    in a delivered clip; where the border's alpha is 0 the source's code values stay exactly.
    """
    count, height, width = matte.shape
    whole = Geometry("full", width, height, width, height, (0.0,) * count, (0.0,) * count)
    drawn = MatteSpec.model_fields
    border = Border(
        Mattes.of((np.rint(frame * 255).astype(np.uint8) for frame in matte), width, height),
        whole,
        width=width,
        height=height,
        grow_px=drawn["grow_px"].default,
        feather_px=drawn["feather_px"].default,
    )
    result = source.copy()
    for index in range(count):
        alpha = border.at(index)
        if alpha is None:
            continue
        rows = slice(alpha.y, alpha.y + alpha.values.shape[0])
        columns = slice(alpha.x, alpha.x + alpha.values.shape[1])
        under = source[index, rows, columns].astype(np.float32)
        over = edited[index, rows, columns].astype(np.float32)
        mixed = under + alpha.values[..., None] * (over - under)
        result[index, rows, columns] = np.rint(mixed).astype(np.uint8)
    return result
