"""Memory that runs out where a test wants it to."""

from __future__ import annotations

import torch


def run_out(part: torch.nn.Module, times: int) -> None:
    """Let a part of a model run out of memory so many times."""
    left = times

    def fail(*_: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    part.register_forward_pre_hook(fail)
