"""Prompts to embeddings, exactly as Wan was trained to read them.

Wan pads every text with zero rows to 512 and never masks them, so the number of pads is
part of the model. A bundle therefore carries the real rows, and the pads as a count.
Two traps are closed here: diffusers' `encode_prompt` pads to 226 unless told otherwise,
and it repairs text with ftfy only where ftfy happens to be installed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import torch
from diffusers.utils.import_utils import is_ftfy_available
from safetensors import SafetensorError
from transformers import AutoTokenizer, UMT5EncoderModel
from transformers.utils import logging as transformers_logging

from flowanchor_engine.errors import (
    GuardError,
    ModelDamagedError,
    ModelUnsupportedError,
    RangeError,
    WordsError,
)
from flowanchor_engine.method.words import clean
from flowanchor_engine.wan.facts import TEXT_ROWS, weight_files
from flowanchor_engine.wan.loading import between_tensors
from flowanchor_engine.wan.shortage import out_of_memory
from flowanchor_engine.wan.weights import check_whole

__all__ = ["TextBundle", "TextMemory", "TextStage"]

# A text encoder above this size is kept in bfloat16 on a CPU (umT5-xxl: 11 instead of 23 GB).
_FP32_BYTES = 2 << 30


@dataclass(frozen=True)
class TextBundle:
    """One encoded prompt.

    Attributes
    ----------
    text : str
        The cleaned text; every offset counts its characters.
    embeds : Tensor, shape (real, text width), float32 or bfloat16
        The real rows, ``</s>`` last, without pads.
    tokens : tuple of str
        One per row, as the tokenizer spells them.
    offsets : tuple of (start, stop)
        Characters of `text` that each row covers, half-open; ``(0, 0)`` for ``</s>``.
    pad_count : int
        Zero rows that follow; ``real + pad_count`` is 512.
    eos : int
        Row of ``</s>``.
    """

    text: str
    embeds: torch.Tensor
    tokens: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    pad_count: int
    eos: int

    @property
    def real(self) -> int:
        """Rows that are words, pieces of words or ``</s>``."""
        return len(self.tokens)

    def collapsed(self, rows: int | None = None) -> torch.Tensor:
        """Return the real rows and one zero row for all pads.

        Parameters
        ----------
        rows : int, optional
            Fill up with zero rows to so many, 512 for the text that Wan itself would see.

        Returns
        -------
        Tensor, shape (rows, text width)
            Default ``real + 1``, or ``real`` if nothing is padded.
        """
        need = self.real + (1 if self.pad_count else 0)
        rows = need if rows is None else rows
        if not need <= rows <= TEXT_ROWS:
            raise RangeError(f"A text of {need} rows cannot be padded to {rows} (at most 512).")
        return torch.cat(
            [self.embeds, self.embeds.new_zeros(rows - self.real, self.embeds.shape[1])]
        )


class TextMemory(Protocol):
    """Encoded texts by text and by where they were encoded."""

    def get(self, text: str, where: str) -> TextBundle | None:
        """Return a stored text exactly as it was encoded, or None."""

    def put(self, text: str, where: str, bundle: TextBundle) -> None:
        """Store an encoded text."""


class TextStage:
    """The text encoder for as long as prompts are encoded; close it to free its memory.

    Use it as a context manager. Nothing is loaded before the first `encode`.

    Parameters
    ----------
    folder : Path
        Model folder with ``tokenizer`` and ``text_encoder``.
    device : torch.device or str
        Where the encoder runs.
    """

    def __init__(self, folder: str | Path, device: torch.device | str = "cpu") -> None:
        if not is_ftfy_available():
            raise GuardError(
                "The package ftfy is missing; without it prompts are read differently.",
                hint=["repair_engine"],
            )
        self._folder = Path(folder)
        self._device = torch.device(device)
        self._tokenizer: Any = None
        self._encoder: Any = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the encoder; the bundles stay usable."""
        self._closed = True
        self._tokenizer = self._encoder = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.no_grad()
    def encode(
        self,
        texts: Sequence[str],
        *,
        max_length: int = TEXT_ROWS,
        check: Callable[[], None] = lambda: None,
    ) -> list[TextBundle]:
        """Encode prompts.

        Only the real tokens go through the encoder: its padding is masked, so the pads
        change nothing but the time (equal to diffusers' result within rounding).

        Parameters
        ----------
        texts : sequence of str
            Raw prompts without brackets; each is cleaned as diffusers does it.
        max_length : int
            Anything but 512 is refused: the pad count is part of the model.

        Returns
        -------
        list of TextBundle
            On the CPU, float32 or the encoder's own half precision.

        Raises
        ------
        RangeError
            `max_length` is not 512.
        WordsError
            A text has more than 512 tokens.
        ModelDamagedError, ModelUnsupportedError
            The encoder or the tokenizer cannot be used.
        """
        if max_length != TEXT_ROWS:
            raise RangeError(
                f"Wan reads texts padded to {TEXT_ROWS} tokens; {max_length} would be another "
                "model.",
                detail=f"max_length={max_length}",
            )
        self._load(check)
        return [self._encode(clean(text)) for text in texts]

    def tokens(self, text: str) -> tuple[str, tuple[str, ...], tuple[tuple[int, int], ...]]:
        """Return the cleaned text, its tokens and their characters, without encoding.

        Raises
        ------
        WordsError
            The text has more than 512 tokens.
        """
        self._load_tokenizer()
        cleaned = clean(text)
        return cleaned, *self._tokens(cleaned)[1:]

    def _tokens(
        self, cleaned: str
    ) -> tuple[list[int], tuple[str, ...], tuple[tuple[int, int], ...]]:
        found = self._tokenizer(cleaned, return_offsets_mapping=True, add_special_tokens=True)
        ids = [int(token) for token in found["input_ids"]]
        if len(ids) > TEXT_ROWS:
            raise WordsError(
                f"The text has {len(ids)} tokens; the model reads at most {TEXT_ROWS}.",
                hint=["shorten_text"],
                detail=cleaned[:200],
            )
        names = tuple(str(name) for name in self._tokenizer.convert_ids_to_tokens(ids))
        offsets = tuple((int(start), int(stop)) for start, stop in found["offset_mapping"])
        return ids, names, offsets

    def _encode(self, cleaned: str) -> TextBundle:
        ids, names, offsets = self._tokens(cleaned)
        batch = torch.tensor([ids], device=self._device)
        rows = self._encoder(batch, torch.ones_like(batch)).last_hidden_state[0]
        if not torch.isfinite(rows).all():
            raise ModelDamagedError(
                "The text encoder returned numbers that are not finite.",
                hint=["download_model"],
                detail=f"{self._folder / 'text_encoder'}: {rows.dtype}",
            )
        return TextBundle(
            text=cleaned,
            embeds=rows.to("cpu").contiguous(),
            tokens=names,
            offsets=offsets,
            pad_count=TEXT_ROWS - len(ids),
            eos=len(ids) - 1,
        )

    def _load_tokenizer(self) -> None:
        if self._closed:
            msg = "this text stage is closed"
            raise RuntimeError(msg)
        if self._tokenizer is not None:
            return
        home = self._folder / "tokenizer"
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(home), local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelDamagedError(
                "The tokenizer of the model cannot be read.",
                hint=["download_model"],
                detail=f"{home}: {error}",
            ) from error
        if not tokenizer.is_fast:
            raise ModelUnsupportedError(
                "The model's tokenizer cannot say which characters a token covers; it needs "
                "tokenizer/tokenizer.json.",
                hint=["download_model"],
                detail=f"{home}: {type(tokenizer).__name__}",
            )
        if tokenizer.eos_token_id is None or tokenizer("a")["input_ids"][-1] != (
            tokenizer.eos_token_id
        ):
            raise ModelUnsupportedError(
                "The model's tokenizer does not end a text with </s>, as Wan expects.",
                hint=["download_model"],
                detail=str(home),
            )
        self._tokenizer = tokenizer

    def _load(self, check: Callable[[], None]) -> None:
        self._load_tokenizer()
        if self._encoder is not None:
            return
        files = weight_files(self._folder, "text_encoder")
        for path in files:
            check_whole(path)
        large = sum(path.stat().st_size for path in files) > _FP32_BYTES
        try:
            with _quiet(), between_tensors(check):
                loaded: Any = UMT5EncoderModel.from_pretrained(
                    str(self._folder),
                    subfolder="text_encoder",
                    dtype=torch.bfloat16 if large else torch.float32,
                    local_files_only=True,
                    use_safetensors=True,
                    output_loading_info=True,
                )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            if out_of_memory(error):
                raise
            raise ModelDamagedError(
                "The text encoder of the model cannot be loaded.",
                hint=["download_model"],
                detail=f"{self._folder / 'text_encoder'}: {error}",
            ) from error
        encoder, info = loaded
        if info["missing_keys"] or info["mismatched_keys"]:
            missing = sorted(info["missing_keys"]) or sorted(map(str, info["mismatched_keys"]))
            raise ModelDamagedError(
                "The weights of the text encoder are incomplete.",
                hint=["download_model"],
                detail=f"{self._folder / 'text_encoder'}: {missing[:20]}",
            )
        self._encoder = encoder.eval().requires_grad_(False).to(self._device)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' bars and loading reports off the terminal; we check the info."""
    before = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        if bars:
            transformers_logging.enable_progress_bar()
