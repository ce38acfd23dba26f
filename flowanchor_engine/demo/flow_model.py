"""The embedded transformer: its configuration, a fresh start, attention that trains fast."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor, nn
from torch.nn import functional

TRANSFORMER_CONFIG: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 6,
    "attention_head_dim": 32,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 96,
    "freq_dim": 256,
    "ffn_dim": 768,
    "num_layers": 6,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "rope_max_seq_len": 256,
}


@torch.no_grad()
def new_transformer(*, seed: int = 0) -> Any:
    """Build an untrained transformer whose output is zero."""
    torch.manual_seed(seed)
    model: Any = WanTransformer3DModel(**TRANSFORMER_CONFIG)
    model.proj_out.weight.zero_()
    model.proj_out.bias.zero_()
    return model


class TrainingAttention:
    """The arithmetic of diffusers' Wan attention, arranged for training on a CPU.

    Queries and keys are normalised and multiplied in float32: mixed types keep torch from its
    fused norm, and the backward pass of bfloat16 attention is about four times slower there.
    `bias` is added to the logits of cross-attention.
    """

    def __init__(self) -> None:
        self.bias: Tensor | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Attend; shapes are those of diffusers' `WanAttnProcessor`."""
        states = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = attn.norm_q(attn.to_q(hidden_states).float()).unflatten(2, (attn.heads, -1))
        key = attn.norm_k(attn.to_k(states).float()).unflatten(2, (attn.heads, -1))
        value = attn.to_v(states).unflatten(2, (attn.heads, -1)).float()
        if rotary_emb is not None:
            cos, sin = rotary_emb
            turn = torch.complex(cos[..., 0::2].float(), sin[..., 1::2].float())
            query, key = _rotate(query, turn), _rotate(key, turn)
        with torch.autocast("cpu", enabled=False):
            mixed = functional.scaled_dot_product_attention(
                query.transpose(1, 2),
                key.transpose(1, 2),
                value.transpose(1, 2),
                attn_mask=None if encoder_hidden_states is None else self.bias,
            )
        result: Tensor = attn.to_out[0](mixed.transpose(1, 2).flatten(2))
        return result


def _rotate(x: Any, turn: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turn).flatten(-2)


def use_training_attention(model: Any) -> list[TrainingAttention]:
    """Put `TrainingAttention` into every block; return the cross-attention ones."""
    cross = []
    for block in model.blocks:
        block.attn1.set_processor(TrainingAttention())
        processor = TrainingAttention()
        block.attn2.set_processor(processor)
        cross.append(processor)
    return cross


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether Muon trains this parameter: the matrices inside the blocks."""
    inside = name.startswith("transformer.blocks.") or (
        name.startswith("encoder.encoder.block") and "relative" not in name
    )
    return parameter.ndim == 2 and inside
