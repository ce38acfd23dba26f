"""How long a request would take, from its numbers and what was measured before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowanchor_engine import models
from flowanchor_engine.errors import RangeError
from flowanchor_engine.protocol import Estimated
from flowanchor_engine.worker import device, estimate

if TYPE_CHECKING:
    from flowanchor_engine.request import EditRequest

__all__ = ["bucket_of", "outlook", "window_count"]


def window_count(latent_frames: int, *, size: int, overlap: int) -> int:
    """Return how many overlapping windows a clip needs, as `method.windows` plans them.

    Raises
    ------
    RangeError
        The overlap is no shorter than the window, as the edit itself would say.
    """
    if latent_frames <= size:
        return 1
    if not 1 <= overlap < size:
        raise RangeError(
            f"Windows of {size} latent frames cannot overlap by {overlap}.",
            hint=["window_overlap"],
        )
    return -(-(latent_frames - overlap) // (size - overlap))


def bucket_of(request: EditRequest, latent_frames: int) -> str:
    """Return the name under which this request shares its timings with others."""
    width, height = models.working_size(request.model)
    size = request.working.window_latents or models.window_latents(request.model)
    return estimate.bucket(
        device=device.describe().name,
        model=request.model.id,
        precision=request.model.precision,
        latent_shape=(
            min(latent_frames, size),
            (request.working.height or height) // 8,
            (request.working.width or width) // 8,
        ),
    )


def outlook(command: int, request: EditRequest, timings: estimate.Memory) -> Estimated:
    """Return the answer to an `Estimate` command.

    A request without a frame count is taken to be of the model's own length.

    Raises
    ------
    RangeError
        Its numbers leave nothing to run.
    """
    entry = next((item for item in models.entries() if item.id == request.model.id), None)
    frames = request.source.frames or (entry.frames if entry else 81)
    latents = -(-(frames - 1) // 4) + 1
    size = request.working.window_latents or models.window_latents(request.model)
    windows = window_count(latents, size=size, overlap=request.working.window_overlap)
    cold = estimate.forwards(request, windows=windows)
    warm = estimate.forwards(request, windows=windows, cached=True)
    forecast = timings.forecast(bucket_of(request, latents), cold)
    return Estimated(
        id=command,
        forwards=cold,
        forwards_cached=warm,
        s_per_forward=forecast.s_per_forward,
        total_s=forecast.total_s,
        windows=windows,
    )
