"""The embedded text side: a T5 tokenizer over the scenes' words and a tiny UMT5 encoder."""

from __future__ import annotations

import string
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import T5Tokenizer, UMT5Config, UMT5EncoderModel

from flowanchor_engine.demo.captions import VOCABULARY

PAD_TOKENS = 512
"""Length to which Wan pads its text with zeros."""

_SPACE = "▁"
_SUFFIXES = ("s", "ing", "ed")
_TEXT_CONFIG: dict[str, Any] = {
    "d_model": 96,
    "d_kv": 32,
    "d_ff": 192,
    "num_layers": 3,
    "num_heads": 3,
    "dropout_rate": 0.0,
    "feed_forward_proj": "gated-gelu",
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 64,
    "tie_word_embeddings": True,
    "is_encoder_decoder": True,
    "use_cache": False,
}


def new_tokenizer() -> Any:
    """Build the tokenizer: whole words score best, letters catch everything else.

    `T5Tokenizer` of transformers 5 drops a lower-casing normaliser when it is loaded again, so
    every piece has a capitalised twin instead; `tie_twins` gives it the same embedding.
    """
    pieces: dict[str, float] = {"<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0, _SPACE: -8.0}
    for word in VOCABULARY:
        if word not in ",.":
            pieces[_SPACE + word] = -3.0
    pieces[","] = pieces["."] = -3.0
    for letter in string.ascii_lowercase + string.digits + "-'!?;:()\"/":
        pieces.setdefault(letter, -10.0)
    for suffix in _SUFFIXES:
        pieces.setdefault(suffix, -6.0)
    for piece, score in list(pieces.items())[4:]:
        upper = _SPACE + piece[1:].capitalize() if piece[0] == _SPACE else piece.upper()
        pieces.setdefault(upper, score)
    return T5Tokenizer(vocab=list(pieces.items()), extra_ids=0, model_max_length=PAD_TOKENS)


def new_encoder(tokens: int, *, seed: int = 1) -> Any:
    """Build an untrained encoder with an embedding of `tokens` rows."""
    torch.manual_seed(seed)
    return UMT5EncoderModel(UMT5Config(vocab_size=tokens, **_TEXT_CONFIG))


@torch.no_grad()
def tie_twins(tokenizer: Any, encoder: Any) -> None:
    """Copy the embedding of every lower-case piece to its capitalised twin."""
    vocabulary = tokenizer.get_vocab()
    for piece, index in vocabulary.items():
        lower = piece.lower()
        if piece != lower and lower in vocabulary:
            encoder.shared.weight[index] = encoder.shared.weight[vocabulary[lower]]


def encode_captions(
    tokenizer: Any,
    encoder: Any,
    captions: list[str],
    *,
    pads: int = PAD_TOKENS,
) -> tuple[Tensor, Tensor]:
    """Encode captions with one column in place of all zero pads.

    A text of n tokens is followed by `pads` - n zero vectors in Wan. They have one key and one
    value, so a single column whose logit is raised by log(pads - n) gives the same softmax.

    Returns
    -------
    states : Tensor, shape (captions, longest + 1, d)
        The last column is the pad.
    bias : Tensor, shape (captions, 1, 1, longest + 1)
        To be added to the attention logits.
    """
    batch = tokenizer(captions, padding=True, return_tensors="pt")
    real = batch.attention_mask
    states = encoder(input_ids=batch.input_ids, attention_mask=real).last_hidden_state.float()
    states = functional.pad(states * real[..., None], (0, 0, 0, 1))
    bias = torch.zeros(len(captions), 1, 1, states.shape[1])
    bias[:, 0, 0, :-1].masked_fill_(real == 0, -1e4)
    bias[:, 0, 0, -1] = torch.log(pads - real.sum(1).float())
    return states, bias
