"""What only a graphics card can tell, in the order of the method's acceptance list.

Random weights of the 1.3B's shape serve every item that asks for times, memory or laws that
hold for all weights. Items about real attention, real velocities or pictures need trained
weights and are listed as skipped, each with its reason, as is whatever this computer lacks.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from flowanchor_engine.bench.forwards import Forwards
from flowanchor_engine.bench.shapes import TINY, WAN_1B3, Subject, random_subject, random_vae
from flowanchor_engine.cache import Store
from flowanchor_engine.clip.atomic import write_text
from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.method import noise, schedule, trajectory
from flowanchor_engine.recall import SourceVelocities
from flowanchor_engine.wan import residency
from flowanchor_engine.wan.attention import install
from flowanchor_engine.wan.plan import Plan, allowed_attention, installed
from flowanchor_engine.wan.velocity import WanVelocity

__all__ = ["Finding", "GpuBench", "run"]

_NEEDS_WEIGHTS: Final = (
    ("2", "pad logits against words, per layer"),
    ("3", "correlation of G and |dV|, sign inside mattes"),
    ("4", "25 against 12 steps, fresh against annealed noise"),
    ("5", "tau as sigma against index"),
    ("6", "SageAttention's error of dV"),
)
_BACKENDS: Final = (
    *("native", "_native_cudnn", "_native_flash", "_native_efficient"),
    *("flash", "_flash_3", "sage"),
)


@dataclass(frozen=True)
class Finding:
    """One line of the list.

    Attributes
    ----------
    item : str
        Number in the acceptance list.
    what : str
    figure : str
        The numbers; empty when skipped.
    met : bool or None
        Whether the law holds; None where nothing is judged.
    skipped : str
        Why it could not run.
    """

    item: str
    what: str
    figure: str = ""
    met: bool | None = None
    skipped: str = ""


@dataclass(frozen=True)
class _Size:
    shape: dict[str, int]
    grid: tuple[int, int, int]
    layers: int
    steps: int
    vae_channels: int
    frames: int
    picture: tuple[int, int]


_REAL: Final = _Size(WAN_1B3, (11, 30, 52), 30, 25, 96, 41, (832, 480))
_SMALL: Final = _Size(TINY, (2, 4, 4), 2, 4, 8, 5, (64, 64))


class GpuBench:
    """Runs the list.

    Parameters
    ----------
    tiny : bool
        A tiny model on any device: proves the code, says nothing about a card.
    """

    def __init__(self, *, tiny: bool = False) -> None:
        self.tiny = tiny
        self.device = residency.device()
        self.size = _SMALL if tiny else _REAL
        self.half = torch.bfloat16 if self.device.type == "cuda" else torch.float32

    def findings(self) -> Iterator[Finding]:
        """Yield every line as soon as it is known."""
        if self.device.type != "cuda" and not self.tiny:
            reason = "no CUDA card on this computer (--tiny runs the code on any)"
            for item, what in (
                ("1", "one forward per back-end"),
                *_NEEDS_WEIGHTS,
                ("7", "VAE in three precisions"),
                ("8", "invariants 1, 2, 7, 14, 15, 24; peak memory"),
            ):
                yield Finding(item, what, skipped=reason)
            return
        yield from self._forwards()
        for item, what in _NEEDS_WEIGHTS:
            yield Finding(item, what, skipped="needs trained weights and real clips")
        yield from self._vae()
        yield from self._invariants()

    # ---- 1: forwards

    def _subject(self, steps: int | None = None, layers: int | None = None) -> Subject:
        size = self.size
        return random_subject(
            layers=layers or size.layers,
            grid=size.grid,
            steps=steps or size.steps,
            shape=size.shape,
            device=self.device,
            dtype=self.half,
        )

    def _forwards(self) -> Iterator[Finding]:
        subject = self._subject()
        net, forwards = subject.editor.model.transformer, Forwards(subject)
        reference: torch.Tensor | None = None
        for name in _BACKENDS:
            reason = self._lacks(name)
            if reason:
                yield Finding("1", f"forward, {name}", skipped=reason)
                continue
            for block in net.blocks:
                block.attn1.set_attention_backend(name)
            try:
                result, seconds = self._timed(lambda: forwards.run("stock"))
            except (RuntimeError, ValueError) as error:
                yield Finding("1", f"forward, {name}", skipped=str(error).splitlines()[0][:120])
                continue
            reference = result if reference is None else reference
            apart = (result - reference).float().norm() / reference.float().norm()
            yield Finding(
                "1",
                f"forward, {name}",
                f"{1000 * seconds:.1f} ms, {self._tflops(subject, seconds):.1f} TFLOPS, "
                f"{apart:.1e} from native",
            )
        for block in net.blocks:
            block.attn1.set_attention_backend("native")
        yield self._compiled(subject)

    def _lacks(self, name: str) -> str:
        capability = None
        if self.device.type == "cuda" and not torch.version.hip:
            capability = torch.cuda.get_device_capability(self.device)
        if name not in allowed_attention(capability):
            return f"not on the list of this device ({capability or self.device.type})"
        return "" if installed(name) else "its package is not installed"

    def _compiled(self, subject: Subject) -> Finding:
        what = "forward, native, blocks compiled"
        if self.device.type == "cuda" and importlib.util.find_spec("triton") is None:
            return Finding("1", what, skipped="triton is not installed")
        if self.device.type != "cuda" or shutil.which("cc") is None:
            return Finding("1", what, skipped="compiling is measured on a card only")
        forwards = Forwards(subject)
        subject.editor.model.transformer.compile_repeated_blocks(fullgraph=True)
        begun = time.perf_counter()
        forwards.run("stock")
        torch.cuda.synchronize()
        warm = time.perf_counter() - begun
        _, seconds = self._timed(lambda: forwards.run("stock"))
        return Finding("1", what, f"{1000 * seconds:.1f} ms, first {warm:.0f} s")

    def _timed(self, call: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
        """Return a warm call's result and its best time of three."""
        result, best = call(), float("inf")
        for _ in range(3):
            self._wait()
            begun = time.perf_counter()
            result = call()
            self._wait()
            best = min(best, time.perf_counter() - begun)
        return result, best

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _tflops(self, subject: Subject, seconds: float) -> float:
        facts, tokens = subject.editor.model.facts, subject.tokens
        width = facts.width
        per_layer = 2 * tokens * (6 * width**2 + 2 * width * facts.feed_forward)
        return facts.layers * (per_layer + 4 * tokens**2 * width) / seconds / 1e12

    # ---- 7: the VAE

    def _vae(self) -> Iterator[Finding]:
        size = self.size
        vae = random_vae(size.vae_channels, self.device)
        width, height = size.picture
        maker = torch.Generator().manual_seed(3)
        x = torch.randn(1, 3, size.frames, height, width, generator=maker).to(self.device)
        truth: tuple[torch.Tensor, torch.Tensor] | None = None
        for name in ("fp32", "TF32", "bf16"):
            if name == "TF32" and self.device.type != "cuda":
                yield Finding("7", "VAE, TF32", skipped="TF32 exists on CUDA cards only")
                continue
            dtype = torch.bfloat16 if name == "bf16" else torch.float32
            torch.nn.Module.to(vae, dtype)  # diffusers warns of islands that this VAE has not
            with _tf32(name == "TF32"), torch.no_grad():
                given = x.to(dtype)
                z, encode_s = self._timed(partial(_encode, vae, given))
                latent = z if truth is None else truth[0].to(dtype)
                y, decode_s = self._timed(partial(_decode, vae, latent))
            truth = truth or (z, y)
            apart = [_apart(a, b) for a, b in zip((z, y), truth, strict=True)]
            yield Finding(
                "7",
                f"VAE, {name}",
                f"encode {encode_s:.2f} s, decode {decode_s:.2f} s, "
                f"error {apart[0]:.1e} and {apart[1]:.1e}",
            )

    # ---- 8: invariants and memory

    def _invariants(self) -> Iterator[Finding]:
        subject = self._subject()
        yield from self._processor(subject)
        yield self._identical(subject)
        yield from self._counts_and_cache(subject)
        yield self._offload()

    def _processor(self, subject: Subject) -> Iterator[Finding]:
        forwards = Forwards(subject)
        stock = forwards.run("stock")
        with install(subject.editor.model.transformer):
            same = torch.equal(forwards.run("stock"), stock)
        yield Finding("8.1", "no plan = stock processor", _yes(same), same)
        dense, plain, still = (forwards.run(kind) for kind in ("dense", "bare", "zero"))
        # Rounding of the precision at hand: 1e-6 in float32, about 4e-3 in bfloat16.
        limit = 1e-5 if self.half is torch.float32 else 2e-2
        apart = _apart(still, plain)
        yield Finding("8.1", "b1 = b2 = 0 = no SAR", f"{apart:.1e}", apart <= limit)
        collapsed = _apart(plain, stock)
        yield Finding("8.7", "collapsed = 512 columns", f"{collapsed:.1e}", collapsed <= limit)
        sar = _apart(forwards.run("sar"), dense)
        yield Finding("8.7", "the same under SAR", f"{sar:.1e}", sar <= limit)

    def _identical(self, subject: Subject) -> Finding:
        settings = subject.settings.model_copy(
            update={"sar": False, "guidance_source": 5.0, "guidance_target": 5.0, "steps": 4}
        )
        now, negative = subject.editor.texts(subject.prompts.now, settings.negative_prompt)
        velocity = WanVelocity(
            subject.editor.model,
            source=now,
            target=now,
            negative=negative,
            rows=None,
            settings=settings,
        )
        plan = schedule.build(settings)
        channels, frames, height, width = subject.x_src.shape
        field = noise.build(settings, plan, (channels, frames, height, width), 5)
        with torch.no_grad():
            result = trajectory.edit(subject.x_src, velocity, plan, field, settings)
        met = torch.equal(result, subject.x_src)
        return Finding("8.2", "equal prompts leave the clip", _yes(met), met)

    def _counts_and_cache(self, subject: Subject) -> Iterator[Finding]:
        settings = subject.settings.model_copy(update={"skip_share": 0.08})
        subject = replace(subject, settings=settings)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        with tempfile.TemporaryDirectory(prefix="flowanchor-bench-") as folder:
            cold, cold_s = self._edit(subject, None)
            self._edit(subject, SourceVelocities(Store(Path(folder)), "gpu"))
            # A new store on the same folder: as after a restart.
            warm, warm_s = self._edit(subject, SourceVelocities(Store(Path(folder)), "gpu"))
        steps = cold.steps
        met = (cold.forwards, warm.forwards) == (4 * steps - 1, 2 * steps - 1)
        yield Finding(
            "8.14", f"forwards of {steps} steps", f"{cold.forwards} and {warm.forwards}", met
        )
        same = torch.equal(cold.latent, warm.latent)
        yield Finding("8.15", "cached = cold, also after a restart", _yes(same), same)
        yield Finding("8", "edit and re-edit", f"{cold_s:.1f} and {warm_s:.1f} s")
        if self.device.type != "cuda":
            yield Finding("8", "peak memory", skipped="no card")
            return
        peak = torch.cuda.max_memory_allocated(self.device) / 2**30
        small = None if self.tiny else peak <= 12
        yield Finding("8", "peak memory of the edit, without VAE", f"{peak:.2f} GiB", small)

    def _edit(self, subject: Subject, cache: SourceVelocities | None) -> tuple[Any, float]:
        self._wait()
        begun = time.perf_counter()
        outcome = subject.editor.edit(
            subject.x_src, subject.matte, subject.prompts, subject.settings, seed=5, cache=cache
        )
        self._wait()
        return outcome, time.perf_counter() - begun

    def _offload(self) -> Finding:
        """Compare two short edits, resident and with blocks that come and go."""
        what = "offloaded = resident"
        subject = self._subject(steps=3)
        want, _ = self._edit(subject, None)
        plan = Plan(
            name=what,
            kind="cuda" if self.device.type == "cuda" else "cpu",
            precision="bf16" if self.half is torch.bfloat16 else "fp32",
            transformer="group_offload",
            text="cpu",
            vae="untiled",
            attention="default",
            batch=False,
            compiled=False,
            need_bytes=0,
            free_bytes=0,
        )
        try:
            residency.apply(subject.editor.model, plan)
        except (FlowAnchorError, RuntimeError) as error:
            return Finding("8.24", what, skipped=str(error))
        found, _ = self._edit(subject, None)
        met = torch.equal(found.latent, want.latent)
        return Finding("8.24", what, _yes(met), met)


def _encode(vae: Any, pictures: torch.Tensor) -> torch.Tensor:
    z: torch.Tensor = vae.encode(pictures).latent_dist.mode()
    return z


def _decode(vae: Any, latent: torch.Tensor) -> torch.Tensor:
    y: torch.Tensor = vae.decode(latent).sample
    return y


def _apart(found: torch.Tensor, want: torch.Tensor) -> float:
    return float((found.float() - want.float()).norm() / want.float().norm())


def _yes(met: bool) -> str:
    return "bit for bit" if met else "differs"


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def run(
    *,
    tiny: bool = False,
    json_path: Path | None = None,
    on_line: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Run the list; write it as JSON where asked."""
    bench = GpuBench(tiny=tiny)
    found = []
    for finding in bench.findings():
        found.append(finding)
        on_line(finding)
    if json_path is not None:
        name = bench.device.type
        if name == "cuda":
            name = torch.cuda.get_device_name(bench.device)
        data = {
            "schema": "flowanchor.GpuBench.1",
            "device": name,
            "torch": str(torch.__version__),
            "tiny": tiny,
            "findings": [asdict(finding) for finding in found],
        }
        write_text(json_path, json.dumps(data, indent=1) + "\n")
    return found
