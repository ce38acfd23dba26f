"""Pictures to normalised latents and back, in float32, streaming, frame for frame.

Wan's VAE groups frames 1, 4, 4, ...: latent 0 comes from frame 0, latent j from frames
4j-3..4j. Each group only looks back, through a feature cache, so feeding the groups one by
one gives the whole result while only one group is in work, and the first k groups of a clip
are bit for bit the clip of the first k groups. A clip whose length
is not 4k+1 is continued by its last frame and cut again after decoding; diffusers alone
would drop the odd frames without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, patchify, unpatchify
from torch import Tensor

from flowanchor_engine.errors import (
    ClipShortError,
    GuardError,
    LatentsNonFiniteError,
    RangeError,
    SizeError,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Pictures",
    "Tiling",
    "check_length",
    "decode",
    "encode",
    "latent_frames",
    "padded_frames",
    "tiled",
]

_GROUP = 4  # frames per latent after the first, fixed by the VAE's layers
LEAST_FRAMES = 5  # two latent frames: fewer cannot show motion to the model


class Pictures(Protocol):
    """A clip that gives slices of pictures: an array, a tensor, or a stack that reads lazily."""

    @property
    def shape(self) -> Sequence[int]:
        """(F, H, W, 3)."""

    @property
    def dtype(self) -> Any:
        """A floating-point type."""

    def __getitem__(self, key: slice, /) -> Any:
        """Return pictures `key` as an array or tensor (n, H, W, 3)."""


@dataclass(frozen=True)
class Tiling:
    """Spatial tiles for small cards.

    Tiles change the latents, so these numbers belong in cache keys.

    Attributes
    ----------
    tile_px, stride_px : int
        Side of a tile and distance between tiles, multiples of the VAE's spatial stride.
    """

    tile_px: int = 256
    stride_px: int = 192


def padded_frames(frames: int) -> int:
    """Return the next length of the form 4k+1 that holds `frames` pictures."""
    return 4 * (latent_frames(frames) - 1) + 1


def latent_frames(frames: int) -> int:
    """Return the number of latent frames of `frames` pictures.

    Raises
    ------
    ClipShortError
        There is no picture.
    """
    if frames < 1:
        raise ClipShortError("The shot has no frame to edit.", detail=f"frames={frames}")
    return -(-(frames - 1) // _GROUP) + 1


def check_length(frames: int) -> None:
    """Refuse a shot that is too short to show motion.

    Raises
    ------
    ClipShortError
        Code ``clip_short``.
    """
    if frames < LEAST_FRAMES:
        raise ClipShortError(
            f"At least {LEAST_FRAMES} frames are needed; this shot has {frames}.",
            hint=["set_range"],
        )


@contextmanager
def tiled(vae: Any, tiling: Tiling | None) -> Iterator[None]:
    """Switch the VAE's tiling on or off, and back again afterwards, also on error.

    Raises
    ------
    SizeError
        The tile or its stride is not a multiple of the VAE's stride, or they do not overlap.
    """
    names = ("use_tiling", *(f"tile_sample_{kind}_{side}" for kind in ("min", "stride")
                             for side in ("height", "width")))  # fmt: skip
    before = {name: getattr(vae, name) for name in names}
    unit = int(vae.config.scale_factor_spatial)
    try:
        vae.use_tiling = tiling is not None
        if tiling is not None:
            tile, stride = tiling.tile_px, tiling.stride_px
            if tile % unit or stride % unit or not 0 < stride <= tile:
                raise SizeError(
                    f"Tiles of {tile} px every {stride} px do not fit a VAE with a stride of "
                    f"{unit} px.",
                    detail=f"{tiling}",
                )
            vae.enable_tiling(tile, tile, stride, stride)
        yield
    finally:
        for name, value in before.items():
            setattr(vae, name, value)


@torch.no_grad()
def encode(
    vae: Any,
    frames: Pictures,
    *,
    tiling: Tiling | None = None,
    on_chunk: Callable[[int, int], None] | None = None,
    check: Callable[[], None] | None = None,
) -> Tensor:
    """Encode a clip to normalised latents, the mode of the VAE's posterior.

    Parameters
    ----------
    vae : AutoencoderKLWan
        In float32.
    frames : array, Tensor or lazy stack, shape (F, H, W, 3), float, [-1, 1]
        Read group by group, each picture once. H and W multiples of the VAE's spatial
        stride. Any F >= 1: the clip is continued by its last frame to the next 4k+1.
    tiling : Tiling, optional
        Off by default: tiles change the latents.
    on_chunk : callable, optional
        Called with (latent frames done, all) after every group.
    check : callable, optional
        Called before every group; may raise `Cancelled`.

    Returns
    -------
    Tensor, shape (C, F', H', W'), float32, on the VAE's device
        ``(z - mean) / std`` per channel; F' = ceil((F-1)/4) + 1.

    Raises
    ------
    SizeError, ClipShortError
        The shape does not fit; nothing is cropped silently.
    LatentsNonFiniteError
        The clip or the VAE gave NaN or infinity.
    GuardError
        The VAE is not in float32.
    """
    device = _float32_device(vae)
    count = _check_pictures(vae, frames)
    total = latent_frames(count)

    def group(index: int) -> Tensor:
        start, stop = (0, 1) if index == 0 else (4 * index - 3, 4 * index + 1)
        held = torch.as_tensor(frames[start : min(stop, count)]).to(device, torch.float32)
        missing = stop - start - held.shape[0]  # past the end the last frame is repeated
        part = torch.cat([held, held[-1:].expand(missing, -1, -1, -1)]) if missing else held
        return part.permute(3, 0, 1, 2).unsqueeze(0).contiguous()

    with tiled(vae, tiling):
        if _tiles_apply(vae, frames.shape[1], frames.shape[2]):
            if check is not None:
                check()
            whole = torch.cat([group(index) for index in range(total)], 2)
            posterior = vae.encode(whole).latent_dist.mode()
            if on_chunk is not None:
                on_chunk(total, total)
        else:
            posterior = _posterior(vae, group, total, on_chunk, check)
    mean, std = _statistics(vae, device)
    latents: Tensor = (posterior[0] - mean) * (1.0 / std)
    return _finite(latents, "reading the clip into the model")


def _posterior(
    vae: Any,
    group: Callable[[int], Tensor],
    total: int,
    on_chunk: Callable[[int, int], None] | None,
    check: Callable[[], None] | None,
) -> Tensor:
    cache = _feature_cache(vae.encoder)
    modes = []
    for index in range(total):
        if check is not None:
            check()
        part = group(index)
        if vae.config.patch_size is not None:
            part = patchify(part, patch_size=vae.config.patch_size)
        features = vae.encoder(part, feat_cache=cache, feat_idx=[0])
        # diffusers applies this 1x1x1 convolution once to all groups, where the number of
        # groups may choose another kernel and move the last bit; group by group, no latent
        # depends on how long the clip goes on.
        modes.append(vae.quant_conv(features).chunk(2, 1)[0])
        if on_chunk is not None:
            on_chunk(index + 1, total)
    return torch.cat(modes, 2)


def decode(
    vae: Any,
    latents: Tensor,
    *,
    frames: int,
    tiling: Tiling | None = None,
    check: Callable[[], None] | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Decode latents group by group.

    Parameters
    ----------
    vae : AutoencoderKLWan
        In float32.
    latents : Tensor, shape (C, F', H', W')
        Normalised, as `encode` gives them.
    frames : int
        Pictures of the clip; what was added to reach 4k+1 is cut again.
    tiling : Tiling, optional
        Off by default. With tiles the whole clip is decoded before the first chunk comes.
    check : callable, optional
        Called before every group; may raise `Cancelled`.

    Yields
    ------
    array, shape (n, H, W, 3), float32, [-1, 1]
        On the CPU; 1 picture, then 4 at a time, the last chunk cut: `frames` in all.

    Raises
    ------
    RangeError
        `latents` has another number of frames than `frames` needs.
    SizeError, GuardError, LatentsNonFiniteError
        As in `encode`.
    """
    device = _float32_device(vae)
    if latents.ndim != 4 or latents.shape[0] != vae.config.z_dim:
        raise SizeError(
            f"The VAE decodes {vae.config.z_dim} channels, not a tensor of {tuple(latents.shape)}."
        )
    if latents.shape[1] != latent_frames(frames):
        raise RangeError(
            f"{frames} frames need {latent_frames(frames)} latent frames, not {latents.shape[1]}."
        )
    _finite(latents, "the edit")
    # Not a generator itself, so that wrong input is refused at the call.
    return _decode(vae, latents, frames, tiling, check, device)


def _decode(
    vae: Any,
    latents: Tensor,
    frames: int,
    tiling: Tiling | None,
    check: Callable[[], None] | None,
    device: torch.device,
) -> Iterator[NDArray[np.float32]]:
    done = 0
    for pictures in _groups(vae, latents, tiling, check, device):
        part = pictures[:, :, : frames - done]
        done += part.shape[2]
        yield _finite(part[0].permute(1, 2, 3, 0), "decoding").cpu().numpy()


def _groups(
    vae: Any,
    latents: Tensor,
    tiling: Tiling | None,
    check: Callable[[], None] | None,
    device: torch.device,
) -> Iterator[Tensor]:
    """Yield (1, 3, n, H, W) groups; gradients are off inside each step only."""
    mean, std = _statistics(vae, device)
    with torch.no_grad():
        z = (latents.to(device, torch.float32) / (1.0 / std) + mean).unsqueeze(0)
        stride = int(vae.config.scale_factor_spatial)
        with tiled(vae, tiling):
            whole = None
            if _tiles_apply(vae, z.shape[3] * stride, z.shape[4] * stride):
                if check is not None:
                    check()
                whole = vae.decode(z).sample
    if whole is not None:
        yield whole[:, :, :1]
        for start in range(1, whole.shape[2], _GROUP):
            yield whole[:, :, start : start + _GROUP]
        return
    cache = _feature_cache(vae.decoder)
    for index in range(z.shape[2]):
        if check is not None:
            check()
        with torch.no_grad():
            # diffusers passes `first_chunk` for the first latent only; so do we.
            first = {"first_chunk": True} if index == 0 else {}
            part = vae.post_quant_conv(z[:, :, index : index + 1])
            out = vae.decoder(part, feat_cache=cache, feat_idx=[0], **first)
            if vae.config.patch_size is not None:
                out = unpatchify(out, patch_size=vae.config.patch_size)
            out = torch.clamp(out, min=-1.0, max=1.0)
        yield out  # outside `no_grad`, which would leak into the caller


def _feature_cache(half: torch.nn.Module) -> list[Any]:
    """Return an empty feature cache: one slot per causal convolution."""
    return [None] * sum(isinstance(module, WanCausalConv3d) for module in half.modules())


def _tiles_apply(vae: Any, height_px: int, width_px: int) -> bool:
    large = height_px > vae.tile_sample_min_height or width_px > vae.tile_sample_min_width
    return bool(vae.use_tiling) and large


def _statistics(vae: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    shape = (-1, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean, dtype=torch.float32, device=device).view(shape)
    std = torch.tensor(vae.config.latents_std, dtype=torch.float32, device=device).view(shape)
    return mean, std


def _float32_device(vae: Any) -> torch.device:
    weight = next(vae.parameters())
    if weight.dtype != torch.float32:
        raise GuardError(
            "The VAE must run in float32; half precision blurs the pictures.",
            detail=f"vae dtype {weight.dtype}",
        )
    device: torch.device = weight.device
    return device


def _check_pictures(vae: Any, clip: Pictures) -> int:
    if len(clip.shape) != 4 or clip.shape[-1] != 3 or "float" not in str(clip.dtype):
        raise SizeError(
            "The clip must be float pictures of shape (frames, height, width, 3).",
            detail=f"{tuple(clip.shape)} {clip.dtype}",
        )
    count, height, width = clip.shape[:3]
    unit = int(vae.config.scale_factor_spatial)
    if height < unit or width < unit or height % unit or width % unit:
        raise SizeError(
            f"The model reads pictures whose sides are multiples of {unit}; these are "
            f"{width}x{height}.",
            hint=["change_size"],
        )
    latent_frames(count)
    return count


def _finite(values: Tensor, doing: str) -> Tensor:
    if not torch.isfinite(values).all():
        raise LatentsNonFiniteError(
            f"Numbers became infinite or undefined while {doing}.",
            hint=["report"],
            detail=f"{tuple(values.shape)} {values.dtype}",
        )
    return values
