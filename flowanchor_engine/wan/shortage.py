"""Whether an error means that memory ran out, whoever says so and in whatever words."""

from __future__ import annotations

import errno
from typing import Final

import torch
from safetensors import SafetensorError

from flowanchor_engine.errors import FlowAnchorError

__all__ = ["out_of_memory"]

# cuDNN, cuBLAS and the processor's allocator word a lack of memory in their own ways: without
# room for its workspace no convolution is "found", and no handle of cuBLAS "initialized".
_WORDINGS: Final = (
    "out of memory",
    "cudnn_status_alloc_failed",
    "cudnn_status_internal_error_device_allocation_failed",
    "unable to find a valid cudnn algorithm",
    "unable to find an engine to execute this computation",
    "cublas_status_alloc_failed",
    "cublas_status_not_initialized",
    "cusolver_status_alloc_failed",
    "failed to allocate",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "invalid buffer size",
)


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out; errors that say it already do not."""
    if isinstance(error, FlowAnchorError):
        return False
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    native = isinstance(error, RuntimeError | SafetensorError)
    return native and any(words in text for words in _WORDINGS)
