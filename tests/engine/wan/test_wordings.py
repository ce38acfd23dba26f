"""A library without room for its workspace does not always speak of memory."""

from __future__ import annotations

import pytest

from flowanchor_engine.wan.shortage import out_of_memory


@pytest.mark.parametrize(
    "words",
    [
        "Unable to find a valid cuDNN algorithm to run convolution",
        "GET was unable to find an engine to execute this computation",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    ],
)
def test_what_means_that_memory_ran_out(words: str) -> None:
    assert out_of_memory(RuntimeError(words))


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: no kernel image is available for execution on the device",
        "cuDNN error: CUDNN_STATUS_BAD_PARAM",
    ],
)
def test_what_does_not(words: str) -> None:
    assert not out_of_memory(RuntimeError(words))
