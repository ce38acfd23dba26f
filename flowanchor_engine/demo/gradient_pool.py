"""Gradients of several micro-batches, each in its own process, over shared parameters.

On a CPU one process per core, met once per step, beats one process with several threads, which
meet in every operation: on a machine that does other work too by a wide margin. The sum runs in
the order of the micro-batches, so any number of processes gives the same gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, multiprocessing, nn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType
    from typing import Self

Backward = Callable[[Any, Any], tuple[float, ...]]
"""``backward(models, batch)`` leaves gradients on the parameters and returns a few numbers."""


def _serve(
    connection: Connection,
    backward: Backward,
    models: Any,
    parameters: list[nn.Parameter],
    gradients: list[Tensor],
) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    while True:
        try:
            batch = connection.recv()
        except EOFError:  # the trainer is gone, by its end or by a kill
            return
        _clear(parameters)
        numbers = backward(models, batch)
        for shared, p in zip(gradients, parameters, strict=True):
            if p.grad is None:
                shared.zero_()
            else:
                shared.copy_(p.grad)
        connection.send(numbers)


def _add(first: Sequence[Tensor], second: Sequence[Tensor]) -> Sequence[Tensor]:
    return torch._foreach_add(tuple(first), tuple(second))


def _clear(parameters: Sequence[nn.Parameter]) -> None:
    for p in parameters:
        p.grad = None


class GradientPool:
    """Runs `backward` for every micro-batch of a step and leaves the mean gradient behind.

    Parameters
    ----------
    backward : callable at module level
        See `Backward`; it runs in this process and in the helpers.
    models : picklable
        Handed to `backward`; holds `parameters`, which move to shared memory.
    processes : int, >= 1
        This one included.
    """

    def __init__(
        self, backward: Backward, models: Any, parameters: list[nn.Parameter], processes: int
    ) -> None:
        self._backward, self._models, self._parameters = backward, models, parameters
        self._helpers: list[tuple[Any, Connection, list[Tensor]]] = []
        if processes > 1:
            torch.set_num_threads(1)
            for p in parameters:
                p.data.share_memory_()  # type: ignore[no-untyped-call]
        context = multiprocessing.get_context("spawn")
        for _ in range(processes - 1):
            ours, theirs = context.Pipe()
            shared: list[Tensor] = [torch.zeros_like(p.data) for p in parameters]
            for gradient in shared:
                gradient.share_memory_()  # type: ignore[no-untyped-call]
            process = context.Process(
                target=_serve, args=(theirs, backward, models, parameters, shared), daemon=True
            )
            process.start()
            theirs.close()
            self._helpers.append((process, ours, shared))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the helpers."""
        for process, connection, _ in self._helpers:
            connection.close()
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()

    @torch.no_grad()
    def mean_gradient(self, batches: Sequence[Any]) -> list[tuple[float, ...]]:
        """Set `grad` of every parameter to the mean over `batches`; return their numbers."""
        total: Sequence[Tensor] = []
        numbers: list[tuple[float, ...]] = []
        width = 1 + len(self._helpers)
        for start in range(0, len(batches), width):
            round_ = batches[start : start + width]
            busy = self._helpers[: len(round_) - 1]
            for (_, connection, _), batch in zip(busy, round_[1:], strict=True):
                connection.send(batch)
            _clear(self._parameters)
            with torch.enable_grad():
                numbers.append(self._backward(self._models, round_[0]))
            own = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
            total = _add(total, own) if total else own
            for _, connection, shared in busy:
                numbers.append(connection.recv())
                total = _add(total, shared)
        for p, gradient in zip(self._parameters, total, strict=True):
            p.grad = gradient / len(batches)
        return numbers
