"""The codec against diffusers' own encode and decode, for both VAEs and every length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from flowanchor_engine.errors import (
    Cancelled,
    ClipShortError,
    GuardError,
    LatentsNonFiniteError,
    RangeError,
    SizeError,
)
from flowanchor_engine.wan import latents
from flowanchor_engine.wan.latents import Tiling
from tests.engine.wan.conftest import make_vae


def clip(frames: int, height: int = 16, width: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(frames, height, width, 3, generator=generator) * 2 - 1


def whole(vae: Any, frames: torch.Tensor) -> torch.Tensor:
    """Encode in one call, as diffusers does it, and normalise."""
    with torch.no_grad():
        z = vae.encode(frames.permute(3, 0, 1, 2)[None]).latent_dist.mode()[0]
    mean = torch.tensor(vae.config.latents_mean).view(-1, 1, 1, 1)
    std = torch.tensor(vae.config.latents_std).view(-1, 1, 1, 1)
    normal: torch.Tensor = (z - mean) * (1 / std)
    return normal


def whole_back(vae: Any, z: torch.Tensor) -> torch.Tensor:
    mean = torch.tensor(vae.config.latents_mean).view(-1, 1, 1, 1)
    std = torch.tensor(vae.config.latents_std).view(-1, 1, 1, 1)
    with torch.no_grad():
        pictures: torch.Tensor = vae.decode((z / (1 / std) + mean)[None]).sample[0]
    return pictures.permute(1, 2, 3, 0)


def joined(vae: Any, z: torch.Tensor, frames: int, **more: Any) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(list(latents.decode(vae, z, frames=frames, **more))))


@pytest.fixture(params=["wan2.1", "ti2v-5b"])
def either(request: pytest.FixtureRequest, vae: Any, vae_5b: Any) -> Any:
    return vae if request.param == "wan2.1" else vae_5b


# ---- streaming ----------------------------------------------------------------------------


def test_streamed_encoding_is_diffusers_encoding(either: Any) -> None:
    pictures = clip(13, 32, 48)
    z = latents.encode(either, pictures)
    stride = either.config.scale_factor_spatial
    assert z.shape == (either.config.z_dim, 4, 32 // stride, 48 // stride)
    # A 1x1x1 convolution over another number of frames may differ in the last bit.
    assert torch.allclose(z, whole(either, pictures), rtol=1e-6, atol=1e-6)


def test_streamed_decoding_is_diffusers_decoding(either: Any) -> None:
    z = whole(either, clip(13, 32, 48))
    chunks = list(latents.decode(either, z, frames=13))
    assert [len(chunk) for chunk in chunks] == [1, 4, 4, 4]
    assert chunks[0].dtype == np.float32
    back = torch.from_numpy(np.concatenate(chunks))
    assert torch.allclose(back, whole_back(either, z), rtol=1e-6, atol=2e-6)


def test_streaming_moves_no_bit_where_the_kernels_agree(vae: Any) -> None:
    pictures = clip(13, 32, 48)
    z = latents.encode(vae, pictures)
    assert torch.equal(z, whole(vae, pictures))
    assert torch.equal(joined(vae, z, 13), whole_back(vae, z))


def test_a_prefix_of_the_clip_gives_a_prefix_of_the_latents(either: Any) -> None:
    pictures = clip(17, 32, 32)
    full = latents.encode(either, pictures)
    for frames in (1, 5, 9, 13):
        assert torch.equal(latents.encode(either, pictures[:frames]), full[:, : (frames + 3) // 4])


def test_a_prefix_of_the_latents_gives_a_prefix_of_the_pictures(either: Any) -> None:
    z = whole(either, clip(17, 32, 32))
    full = joined(either, z, 17)
    for groups in (1, 2, 4):
        frames = 4 * groups - 3
        assert torch.equal(joined(either, z[:, :groups], frames), full[:frames])


def test_a_subclip_is_not_a_slice(vae: Any) -> None:
    """Why the clip is encoded once and its latents are sliced."""
    pictures = clip(17, 32, 32)
    part = latents.encode(vae, pictures[4:])
    full = latents.encode(vae, pictures)[:, 1:]
    assert float((part - full).norm() / full.norm()) > 0.05


def test_half_a_decode_leaves_the_vae_usable(vae: Any) -> None:
    """The feature cache is the call's own: two streams may interleave."""
    a, b = whole(vae, clip(9, 16, 16)), whole(vae, clip(9, 16, 16, seed=1))
    first, second = latents.decode(vae, a, frames=9), latents.decode(vae, b, frames=9)
    next(first)
    next(second)
    rest = np.concatenate(list(first))
    assert torch.equal(torch.from_numpy(rest), joined(vae, a, 9)[1:])
    assert torch.equal(torch.from_numpy(np.concatenate(list(second))), joined(vae, b, 9)[1:])


def test_decoding_leaves_the_callers_gradient_mode_alone(vae: Any) -> None:
    for _ in latents.decode(vae, whole(vae, clip(5)), frames=5):
        assert torch.is_grad_enabled()


# ---- invariant 18 -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long(vae: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A clip of 93 frames, its latents, its decoded pictures."""
    pictures = clip(93, 8, 8)
    z = latents.encode(vae, pictures)
    return pictures, z, joined(vae, z, 93)


@pytest.mark.parametrize("frames", [*range(1, 14), 33, 41, 80, 81, 82, 83, 89, 90])
def test_as_many_frames_come_out_as_went_in(
    vae: Any, long: tuple[torch.Tensor, torch.Tensor, torch.Tensor], frames: int
) -> None:
    pictures, z, decoded = long
    own = latents.encode(vae, pictures[:frames])
    assert own.shape[1] == latents.latent_frames(frames)
    whole_groups = (frames + 3) // 4  # the last group may hold the repeated frame
    assert torch.equal(own[:, :whole_groups], z[:, :whole_groups])
    out = joined(vae, z[:, : own.shape[1]], frames)
    assert torch.equal(out, decoded[:frames])


def test_every_length_has_room_and_no_more() -> None:
    for frames in range(1, 200):
        groups, padded = latents.latent_frames(frames), latents.padded_frames(frames)
        assert padded == 4 * groups - 3 >= frames > padded - 4


@pytest.mark.parametrize("frames", [2, 6, 7, 8])
def test_odd_lengths_go_on_with_their_last_frame(vae: Any, frames: int) -> None:
    pictures = clip(frames)
    longer = torch.cat([pictures, pictures[-1:].repeat(9 - frames, 1, 1, 1)])
    need = latents.padded_frames(frames)
    got = latents.encode(vae, pictures)
    assert torch.equal(got, latents.encode(vae, longer[:need]))
    assert torch.allclose(got, whole(vae, longer[:need]), rtol=1e-6, atol=1e-6)


def test_numpy_pictures_are_taken_as_they_are(vae: Any) -> None:
    pictures = clip(5)
    assert torch.equal(latents.encode(vae, pictures.numpy()), latents.encode(vae, pictures))


# ---- progress, tiles ----------------------------------------------------------------------


def test_progress_counts_latent_frames_and_cancel_is_obeyed(vae: Any) -> None:
    seen: list[tuple[int, int]] = []
    latents.encode(vae, clip(9), on_chunk=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    calls = iter([None, Cancelled()])

    def check() -> None:
        stop = next(calls)
        if stop is not None:
            raise stop

    with pytest.raises(Cancelled):
        latents.encode(vae, clip(9), check=check)


def test_tiles_change_the_latents_and_are_switched_off_again(vae: Any) -> None:
    pictures = clip(5, 64, 64)
    plain = latents.encode(vae, pictures)
    before = (vae.use_tiling, vae.tile_sample_min_height, vae.tile_sample_stride_width)
    tiles = latents.encode(vae, pictures, tiling=Tiling(48, 32))
    assert tiles.shape == plain.shape
    assert float((tiles - plain).abs().max()) > 1e-3
    out = joined(vae, plain, 5, tiling=Tiling(48, 32))
    assert out.shape == (5, 64, 64, 3)
    assert not torch.equal(out, joined(vae, plain, 5))
    assert (vae.use_tiling, vae.tile_sample_min_height, vae.tile_sample_stride_width) == before


def test_a_picture_within_one_tile_is_not_tiled(vae: Any) -> None:
    pictures = clip(5, 32, 32)
    tiles = latents.encode(vae, pictures, tiling=Tiling(48, 32))
    assert torch.equal(tiles, latents.encode(vae, pictures))


# ---- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 20, 16, 3), (5, 16, 4, 3), (5, 16, 16, 4), (5, 16, 16)])
def test_pictures_that_do_not_fit_are_refused(vae: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(SizeError):
        latents.encode(vae, torch.zeros(shape))


def test_the_5b_vae_needs_multiples_of_sixteen(vae_5b: Any) -> None:
    with pytest.raises(SizeError, match="multiples of 16"):
        latents.encode(vae_5b, clip(5, 24, 32))


def test_whole_numbers_are_no_pictures(vae: Any) -> None:
    with pytest.raises(SizeError):
        latents.encode(vae, torch.zeros(5, 16, 16, 3, dtype=torch.uint8))


def test_no_frame_is_refused(vae: Any) -> None:
    with pytest.raises(ClipShortError):
        latents.encode(vae, torch.zeros(0, 16, 16, 3))


def test_undefined_pictures_are_refused(vae: Any) -> None:
    pictures = clip(5)
    pictures[3, 2, 2] = float("nan")
    with pytest.raises(LatentsNonFiniteError):
        latents.encode(vae, pictures)
    with pytest.raises(LatentsNonFiniteError):
        latents.decode(vae, torch.full((16, 2, 2, 2), float("inf")), frames=5)


def test_a_wrong_length_or_depth_is_refused_before_decoding(vae: Any) -> None:
    with pytest.raises(RangeError, match="9 frames need 3"):
        latents.decode(vae, torch.zeros(16, 2, 2, 2), frames=9)
    with pytest.raises(SizeError, match="16 channels"):
        latents.decode(vae, torch.zeros(48, 2, 2, 2), frames=5)


@pytest.mark.parametrize("tiling", [Tiling(60, 32), Tiling(64, 36), Tiling(32, 64), Tiling(64, 0)])
def test_tiles_off_the_vaes_grid_are_refused(vae: Any, tiling: Tiling) -> None:
    with pytest.raises(SizeError):
        latents.encode(vae, clip(5, 64, 64), tiling=tiling)
    assert not vae.use_tiling


def test_a_half_precision_vae_is_refused() -> None:
    half = make_vae().to(torch.bfloat16)
    with pytest.raises(GuardError, match="float32"):
        latents.encode(half, clip(5))


# ---- the embedded VAE ---------------------------------------------------------------------


def test_the_embedded_vae_gives_the_picture_back(demo: Any) -> None:
    across = torch.linspace(-0.8, 0.8, 96)
    pictures = torch.stack(
        [across.expand(96, 96), across.expand(96, 96).T, torch.zeros(96, 96)], -1
    ).expand(9, 96, 96, 3)
    back = joined(demo.vae, latents.encode(demo.vae, pictures), 9)
    assert float((back - pictures).square().mean()) < 0.05
