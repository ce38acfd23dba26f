"""Single forwards outside any edit, and what they are timed by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.method.columns import SarSettings, TextColumns
from flowanchor_engine.wan.attention import CrossPlan, PromptKeys, install
from flowanchor_engine.wan.footprint import LiveBytes

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.bench.shapes import Subject

__all__ = ["Clock", "Forwards", "one_thread"]


class Clock:
    """Processor time of this process, or the clock after everything queued on a card."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def now(self) -> float:
        """Return seconds; only differences mean something."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            return time.perf_counter()
        return time.process_time()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one processor thread for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Forwards:
    """Forwards of a subject outside any edit, all of the wanted text.

    ``stock`` is diffusers' own over 512 rows, ``bare`` collapsed, ``sar`` refined, ``zero``
    refined by nothing, ``dense`` refined over all 512 columns.
    """

    def __init__(self, subject: Subject) -> None:
        model = subject.editor.model
        self._net = model.transformer
        device, dtype = model.device, self._net.dtype
        target = subject.editor.texts(subject.prompts.wanted)[0]
        chosen = torch.zeros(target.real + 1, dtype=torch.bool)
        chosen[1:3] = True
        columns = TextColumns(target.real, target.pad_count, chosen, target.eos).to(device)
        rows = torch.zeros(subject.tokens, dtype=torch.bool, device=device)
        rows[: subject.tokens // 8] = True
        keys, betas = PromptKeys(), SarSettings(beta1=0.3, beta2=0.3)
        none = SarSettings(beta1=0.0, beta2=0.0)
        self._plans: dict[str, CrossPlan | None] = {
            "bare": CrossPlan(columns=columns, keys=keys),
            "sar": CrossPlan(columns=columns, keys=keys, rows=rows, settings=betas),
            "zero": CrossPlan(columns=columns, keys=keys, rows=rows, settings=none),
            "dense": CrossPlan(
                columns=columns, keys=keys, rows=rows, settings=betas, logits="dense512"
            ),
            "stock": None,
        }
        self._text = target.collapsed()[None].to(device, dtype)
        self._full = target.collapsed(512)[None].to(device, dtype)
        self._z = subject.x_src[None].to(device, dtype)
        self._clock = Clock(device)

    @torch.no_grad()
    def run(self, name: str) -> Tensor:
        """Run one forward."""
        plan = self._plans[name]
        with install(self._net) as context, context.using(None if plan is None else [plan]):
            result: Tensor = self._net(
                hidden_states=self._z,
                timestep=torch.tensor([800.0], device=self._z.device),
                encoder_hidden_states=self._full if plan is None else self._text,
                return_dict=False,
            )[0]
        return result

    def seconds(self, name: str) -> float:
        """Time one forward."""
        begun = self._clock.now()
        self.run(name)
        return float(self._clock.now() - begun)

    def peak_mib(self, name: str) -> float:
        """Return the most that a forward holds beside weights and inputs."""
        with LiveBytes() as live:
            self.run(name)
        return float(live.peak / 2**20)
