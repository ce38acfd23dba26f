"""What the attention refinement costs: dense against collapsed, and on a whole forward.

Time is processor time on one thread, the best of several runs, so that other programs on the
machine hardly count. Memory is the growth of a fresh child's peak resident size over what it
held before the call, less the result, so that torch's own allocations are seen.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final, Literal

import psutil
import torch
from diffusers import WanTransformer3DModel

from flowanchor_engine.errors import RamError
from flowanchor_engine.method.attend import (
    attend,
    attend_sar,
    attend_sar_dense,
    attend_sar_sdpa,
    attend_sar_streamed,
)
from flowanchor_engine.method.columns import SarSettings, TextColumns
from flowanchor_engine.wan.attention import CrossPlan, PromptKeys, install

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FORMS", "WAN_1B3", "Cost", "ForwardCost", "LayerShape", "forward_cost", "layer_costs"]

Form = Literal["dense", "collapsed", "streamed", "one call", "plain"]
FORMS: Final[tuple[Form, ...]] = ("dense", "collapsed", "streamed", "one call", "plain")

_SETTINGS: Final = SarSettings(beta1=0.3, beta2=0.3)
_TEXT_ROWS: Final = 512


@dataclass(frozen=True)
class LayerShape:
    """Shape of one cross-attention and its text."""

    heads: int
    tokens: int
    head_width: int
    real: int = 28
    targets: int = 3

    @property
    def columns(self) -> TextColumns:
        """Roles of the collapsed columns: a few targets among the real ones, pads last."""
        target = torch.zeros(self.real + 1, dtype=torch.bool)
        target[2 : 2 + self.targets] = True
        return TextColumns(self.real, _TEXT_ROWS - self.real, target, eos=self.real - 1)


WAN_1B3: Final = LayerShape(heads=12, tokens=17_160, head_width=128)
"""Wan2.1-1.3B at 832x480 and 41 frames with a text of 28 tokens."""


@dataclass(frozen=True)
class Cost:
    """What one form of one layer takes.

    Attributes
    ----------
    seconds : float
        Processor time of one core, the best of the runs.
    extra_mb : float
        Memory that a call needs beside its inputs and its result, MiB.
    """

    form: str
    seconds: float
    extra_mb: float


@dataclass(frozen=True)
class ForwardCost:
    """SAR's share of a whole conditional forward.

    Attributes
    ----------
    collapsed, sar : float
        Processor seconds of a forward with collapsed pads, without and with SAR.
    stock : float
        The same of diffusers' own forward over 512 text rows.
    attention_extra : float
        What SAR adds to one layer's attention at this length, measured on the attention alone.
    """

    layers: int
    tokens: int
    stock: float
    collapsed: float
    sar: float
    attention_extra: float

    @property
    def overhead(self) -> float:
        """Extra time of SAR over the same forward without it, as a share.

        From the attention alone: the difference of two long forwards would mostly be noise.
        """
        return self.layers * self.attention_extra / self.collapsed

    @property
    def overhead_by_difference(self) -> float:
        """The same from the difference of whole forwards, for comparison."""
        return self.sar / self.collapsed - 1


def layer_costs(
    shape: LayerShape = WAN_1B3, *, runs: int = 3, forms: tuple[Form, ...] = FORMS
) -> list[Cost]:
    """Measure the forms of one cross-attention layer on this machine.

    Parameters
    ----------
    shape : LayerShape
    runs : int
        The best of so many counts; the dense form runs at most twice.
    forms : tuple
        ``plain`` is the collapsed attention without SAR.

    Raises
    ------
    RamError
        A child was stopped, most likely for want of memory.
    """
    inputs = _inputs(shape)
    made = []
    with _one_thread(), torch.no_grad():
        for form in forms:
            call = _call(form, shape, inputs)
            seconds = min(_timed(call) for _ in range(min(runs, 2) if form == "dense" else runs))
            made.append(Cost(form, seconds, _extra_mb(form, shape)))
    return made


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _timed(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def _inputs(shape: LayerShape) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    maker = torch.Generator().manual_seed(7)
    width = shape.columns.width
    q = torch.randn(1, shape.heads, shape.tokens, shape.head_width, generator=maker)
    k = torch.randn(1, shape.heads, width, shape.head_width, generator=maker)
    v = torch.randn(1, shape.heads, width, shape.head_width, generator=maker)
    rows = torch.zeros(shape.tokens, dtype=torch.bool)
    rows[: shape.tokens // 8] = True
    return q, k, v, rows


def _call(
    form: str, shape: LayerShape, inputs: tuple[Tensor, Tensor, Tensor, Tensor]
) -> Callable[[], Tensor]:
    q, k, v, rows = inputs
    columns = shape.columns
    if form == "plain":
        return lambda: attend(q, k, v, columns)
    if form == "dense":
        return lambda: attend_sar_dense(q, k, v, rows, columns, _SETTINGS)
    if form == "streamed":
        return lambda: attend_sar_streamed(q, k, v, rows, columns, _SETTINGS)
    if form == "one call":
        return lambda: attend_sar_sdpa(q, k, v, rows, columns, _SETTINGS)
    return lambda: attend_sar(q, k, v, rows, columns, _SETTINGS)


def _extra_mb(form: str, shape: LayerShape) -> float:
    """Measure a call's memory in a fresh process, where no earlier peak hides it."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_measure_peak, args=(theirs, form, shape), daemon=True)
    child.start()
    theirs.close()
    try:
        return float(mine.recv())
    except EOFError as error:
        raise RamError(
            f"Measuring the {form} attention needs more memory than this computer has free.",
            hint=["smaller_shape"],
            detail=f"exit code {child.exitcode}",
        ) from error
    finally:
        child.join()
        mine.close()


def _measure_peak(answer: Connection, form: str, shape: LayerShape) -> None:
    torch.set_num_threads(1)
    inputs = _inputs(shape)
    small = LayerShape(shape.heads, 256, shape.head_width, shape.real, shape.targets)
    with torch.no_grad():
        _call(form, small, _inputs(small))()  # kernels' own workspaces are not the method's
        before = psutil.Process().memory_info().rss
        peak = _Peak()
        result = _call(form, shape, inputs)()
        high = peak.stop()
    answer.send((high - before - result.nbytes) / 2**20)
    answer.close()


class _Peak:
    """Highest resident size from now on, by the system's own mark where it can be reset."""

    def __init__(self) -> None:
        self._reset = self._clear_mark()
        self._sampler = None if self._reset else _Sampler()

    @staticmethod
    def _clear_mark() -> bool:
        try:
            with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        except OSError:
            return False
        return True

    def stop(self) -> int:
        """Return the peak in bytes."""
        if self._sampler is not None:
            return self._sampler.stop()
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
        return int(psutil.Process().memory_info().rss)


class _Sampler:
    """Watches the resident size from a thread: torch releases the interpreter while it works."""

    def __init__(self) -> None:
        import threading

        self._process = psutil.Process()
        self._high = int(self._process.memory_info().rss)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.0005):
            self._high = max(self._high, self._process.memory_info().rss)

    def stop(self) -> int:
        self._end.set()
        self._thread.join()
        return max(self._high, int(self._process.memory_info().rss))


def forward_cost(
    *, layers: int = 1, tokens: tuple[int, int, int] = (1, 30, 52), runs: int = 3
) -> ForwardCost:
    """Measure SAR inside whole forwards of a random transformer of the 1.3B's width.

    Parameters
    ----------
    layers : int
        Of 30; the cost per layer does not depend on it.
    tokens : (frames, rows, columns)
        11, 30, 52 is 41 frames at 832x480. Fewer frames make self-attention cheaper and so
        SAR's share larger: an upper bound.
    runs : int
        Interleaved; the best of each counts.
    """
    torch.manual_seed(7)
    model: Any = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=12,
        attention_head_dim=128,
        in_channels=16,
        out_channels=16,
        text_dim=4096,
        freq_dim=256,
        ffn_dim=8960,
        num_layers=layers,
    )
    model.eval().requires_grad_(False)
    shape = LayerShape(12, tokens[0] * tokens[1] * tokens[2], 128)
    columns = shape.columns
    z = torch.randn(1, 16, tokens[0], 2 * tokens[1], 2 * tokens[2])
    full = torch.zeros(1, _TEXT_ROWS, 4096)
    full[:, : shape.real] = torch.randn(1, shape.real, 4096)
    rows = torch.zeros(shape.tokens, dtype=torch.bool)
    rows[: shape.tokens // 8] = True
    keys = PromptKeys()
    plain, sar = (
        CrossPlan(columns=columns, keys=keys),
        CrossPlan(columns=columns, keys=keys, rows=rows, settings=_SETTINGS),
    )
    found: dict[str, float] = {}
    with torch.no_grad(), _one_thread(), install(model) as context:

        def forward(plan: CrossPlan | None) -> Tensor:
            text = full if plan is None else full[:, : columns.width]
            with context.using(None if plan is None else [plan]):
                result: Tensor = model(
                    hidden_states=z,
                    timestep=torch.tensor([800.0]),
                    encoder_hidden_states=text,
                    return_dict=False,
                )[0]
            return result

        plans = {"stock": None, "collapsed": plain, "sar": sar}
        context.warm(plain, full[:, : columns.width])  # keys are kept through an edit
        for _ in range(runs):
            for name, plan in plans.items():
                passed = _timed(lambda plan=plan: forward(plan))  # type: ignore[misc]
                found[name] = min(found.get(name, passed), passed)
        inputs = _inputs(shape)
        with_sar, without = (_call(form, shape, inputs) for form in ("collapsed", "plain"))
        times = [(_timed(with_sar), _timed(without)) for _ in range(max(5, runs))]
        extra = min(a for a, _ in times) - min(b for _, b in times)
    return ForwardCost(
        layers, shape.tokens, found["stock"], found["collapsed"], found["sar"], max(0.0, extra)
    )
