"""The embedded VAE: its configuration, a start that trains on a CPU, encode and decode.

diffusers' model classes are opaque to the type checker; here and in the stages they are `Any`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, WanResample
from torch import Tensor, nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT_CHANNELS = 16
VAE_CONFIG: dict[str, Any] = {
    "base_dim": 16,
    "z_dim": LATENT_CHANNELS,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 1,
}


def new_vae() -> Any:
    """Build an untrained VAE with the start of `_start_as_image_model`."""
    vae = AutoencoderKLWan(**VAE_CONFIG)
    _start_as_image_model(vae)
    return vae


def channels_last(vae: Any) -> Any:
    """Lay convolution weights out channels last: about twice as fast on a CPU."""
    for module in vae.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
    return vae


def channels_last_clip(x: Tensor) -> Tensor:
    """Lay a batch of clips out like the convolutions; a trip between processes loses that."""
    return x.contiguous(memory_format=torch.channels_last_3d)


def to_tensor(clips: NDArray[np.uint8]) -> Tensor:
    """(n, F, H, W, 3) uint8 to (n, 3, F, H, W) float in [-1, 1], channels last."""
    x = torch.from_numpy(np.ascontiguousarray(clips.transpose(0, 4, 1, 2, 3)))
    return channels_last_clip(x.float() / 127.5 - 1)


def to_frames(x: Tensor) -> NDArray[np.uint8]:
    """(n, 3, F, H, W) in [-1, 1] to (n, F, H, W, 3) uint8."""
    y = ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(y.numpy().transpose(0, 2, 3, 4, 1))


def decode_unclamped(vae: Any, z: Tensor) -> Tensor:
    """Decode without the final clamp of diffusers, which stops gradients of bright pixels."""
    vae.clear_cache()
    x = vae.post_quant_conv(z)
    pieces = []
    for index in range(z.shape[2]):
        vae._conv_idx = [0]
        first = {"first_chunk": True} if index == 0 else {}
        pieces.append(
            vae.decoder(
                x[:, :, index : index + 1],
                feat_cache=vae._feat_map,
                feat_idx=vae._conv_idx,
                **first,
            )
        )
    vae.clear_cache()
    return torch.cat(pieces, 2)


@torch.no_grad()
def _start_as_image_model(vae: Any) -> None:
    """Let only the newest temporal tap of causal convolutions be non-zero.

    Resamplers begin as mean pooling and nearest neighbour. From diffusers' default start the
    same training stalls near 16 dB.
    """
    z = vae.config.z_dim
    vae.quant_conv.weight[z:].mul_(0.1)
    vae.quant_conv.bias[z:].fill_(-5.0)  # nearly deterministic from the first step
    convolutions: list[Any] = [m for m in vae.modules() if isinstance(m, WanCausalConv3d)]
    for module in convolutions:
        if module.kernel_size[0] == 3 and module.stride[0] == 1:
            tap = module.weight[:, :, 0]
            flat = torch.empty(tap.shape[0], tap.numel() // tap.shape[0])
            nn.init.orthogonal_(flat)
            weight = torch.zeros_like(module.weight)
            weight[:, :, -1] = flat.reshape(tap.shape)
            module.weight.copy_(weight)
            module.bias.zero_()
    for module in vae.modules():  # after the convolutions, some of which belong to resamplers
        if isinstance(module, WanResample):
            _start_resample(module)


def _start_resample(module: Any) -> None:
    convolution = module.resample[1]
    convolution.weight.zero_()
    convolution.bias.zero_()
    outputs, inputs = convolution.weight.shape[:2]
    if module.mode.startswith("down"):
        for i in range(outputs):
            convolution.weight[i, i, 0:2, 0:2] = 0.25
    else:
        for i in range(outputs):
            convolution.weight[i, i, 1, 1] = 0.7
            if inputs > outputs:
                convolution.weight[i, (i + outputs) % inputs, 1, 1] += 0.7
    convolution.weight.add_(torch.randn_like(convolution.weight) * 0.02)
    if not module.mode.endswith("3d"):
        return
    time = module.time_conv.weight
    time.zero_()
    module.time_conv.bias.zero_()
    if module.mode == "downsample3d":
        for i in range(time.shape[0]):
            time[i, i, 1:] = 0.5
    else:
        half = time.shape[1]
        for i in range(half):
            time[i, i, 2] = 1
            time[half + i, i, 2] = 1
    time.add_(torch.randn_like(time) * 0.02)
