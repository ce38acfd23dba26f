"""A memory plan made real: measured, applied, and stepped down once when memory runs out.

Block offload and 8-bit storage are diffusers' own hooks; self-attention gets its back-end
layer by layer, because setting it on a whole model sets it for the whole process and may
fetch kernels from the network. Plans of cross-attention keep their keys on the computing
device, so no hook ever has to move them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import psutil
import torch
from safetensors import SafetensorError

from flowanchor_engine.errors import FlowAnchorError, GuardError, RamError, VramError
from flowanchor_engine.wan import load
from flowanchor_engine.wan.plan import Budget, Plan, allowed_attention, choose, step_down
from flowanchor_engine.wan.shortage import out_of_memory

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Budget",
    "Plan",
    "apply",
    "choose",
    "device",
    "forget_peak",
    "free",
    "measure",
    "open_model",
    "out_of_memory",
    "peak_memory_mb",
    "step_down",
    "within",
]

Result = TypeVar("Result")

# ---- measuring -----------------------------------------------------------------------------


def device() -> torch.device:
    """Return the device that this computer edits on."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def measure(target: torch.device | str) -> Budget:
    """Measure what a device has free, this process's own unused cache counted as free."""
    where = torch.device(target)
    memory = psutil.virtual_memory()
    if where.type == "cuda":
        free, total = torch.cuda.mem_get_info(where)
        idle = torch.cuda.memory_reserved(where) - torch.cuda.memory_allocated(where)
        # AMD's numbers look like NVIDIA's and mean something else.
        known = None if torch.version.hip else torch.cuda.get_device_capability(where)
        return Budget("cuda", total, free + idle, memory.available, known)
    if where.type == "mps":
        total = torch.mps.recommended_max_memory()
        free = min(total - torch.mps.driver_allocated_memory(), memory.available)
        return Budget("mps", total, free, memory.available)
    return Budget("cpu", memory.total, memory.available, memory.available)


def forget_peak() -> None:
    """Let the card's peak begin anew, so that a large edit says nothing about a later one."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb() -> int:
    """Return the peak of the card's memory since `forget_peak`.

    Where there is no card, the peak of the process's memory since it began.
    """
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated() // 2**20)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset // 2**20)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes, Linux KiB
    return int(most // 2**20 if sys.platform == "darwin" else most // 2**10)


# ---- applying ------------------------------------------------------------------------------


def apply(model: load.WanModel, plan: Plan, *, disk: Path | None = None) -> None:
    """Bring a loaded model into the state that a plan describes.

    May be called again with a more frugal plan; hooks of 8-bit storage cannot be undone, so
    a way back needs a new load.

    Parameters
    ----------
    model : WanModel
        On the computing device or, before block offload, on the processor.
    plan : Plan
    disk : Path, optional
        With block offload, keep the waiting blocks in this folder, not in memory.

    Raises
    ------
    GuardError
        The back-end is not sound on this device, or 8-bit storage should be undone.
    """
    for expert in model.experts():
        _settle(expert, model.device, plan, disk)
        _set_attention(expert, plan, model.device)
        if plan.compiled and not _compiled(expert):
            expert.compile_repeated_blocks(fullgraph=True)
    model.quantisation = "fp8_e4m3_storage" if plan.transformer == "layerwise_fp8" else "none"
    tiling = plan.tiling
    model.notes.pop("vae_tiles", None)
    if tiling is not None:
        model.notes["vae_tiles"] = f"{tiling.tile_px}/{tiling.stride_px}"
    free()


def _settle(expert: Any, target: torch.device, plan: Plan, disk: Path | None) -> None:
    hooks = _hooks(expert)
    if "layerwise_casting" in hooks and plan.transformer != "layerwise_fp8":
        raise GuardError(
            "A model stored in 8 bits cannot be brought back; it has to be loaded again.",
            hint=["reload_model"],
        )
    if plan.transformer == "resident":
        if "group_offloading" in hooks:
            raise GuardError(
                "A model that is moved block by block has to be loaded again to stay on the card.",
                hint=["reload_model"],
            )
        expert.to(target)
    elif plan.transformer == "layerwise_fp8":
        if "layerwise_casting" not in hooks:
            expert.enable_layerwise_casting(
                storage_dtype=torch.float8_e4m3fn, compute_dtype=expert.dtype
            )
        expert.to(target)
    elif "group_offloading" not in hooks:
        expert.to("cpu")
        stream = target.type == "cuda"
        expert.enable_group_offload(
            onload_device=target,
            offload_device=torch.device("cpu"),
            offload_type="block_level",
            num_blocks_per_group=1,
            use_stream=stream,
            non_blocking=stream,
            offload_to_disk_path=None if disk is None else str(disk),
        )


def _hooks(expert: Any) -> set[str]:
    found = (getattr(module, "_diffusers_hook", None) for module in expert.modules())
    return {name for registry in found if registry is not None for name in registry.hooks}


def _set_attention(expert: Any, plan: Plan, target: torch.device) -> None:
    if plan.attention == "default":
        return
    budget_kind = target.type
    capability = None
    if budget_kind == "cuda" and not torch.version.hip:
        capability = torch.cuda.get_device_capability(target)
    if plan.attention not in allowed_attention(capability):
        raise GuardError(
            f"The attention back-end {plan.attention} is not known to be sound on this device.",
            hint=["change_attention"],
            detail=f"{budget_kind} {capability}",
        )
    for block in expert.blocks:
        block.attn1.set_attention_backend(plan.attention)


def _compiled(expert: Any) -> bool:
    return any(getattr(block, "_compiled_call_impl", None) is not None for block in expert.blocks)


def open_model(
    folder: str | Path,
    *,
    target: torch.device | None = None,
    precision: load.Precision = "auto",
    model_id: str | None = None,
    size: tuple[int, int],
    frames: int,
    frugal: bool = False,
    on_bytes: Callable[[int, int], None] = lambda done, total: None,
    on_lower: Callable[[Plan], None] = lambda plan: None,
) -> tuple[load.WanModel, Plan]:
    """Choose a plan for a model folder, load the model and apply the plan.

    Parameters
    ----------
    target : torch.device, optional
        The best one of this computer if left out.
    size, frames
        Picture (width, height) and pictures of the longest window.
    frugal : bool
        Use as little memory as can be, at the cost of time.
    on_bytes : callable, optional
        As of `load.load`.
    on_lower : callable, optional
        Hears of the plan that is taken when memory runs out during the load.

    Raises
    ------
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsafeError, \
ModelUnsupportedError
        As `load.load`.
    VramError, RamError
        The model does not fit even after a step down.
    """
    where = device() if target is None else target
    facts = load.inspect(folder)
    plan = choose(
        facts, measure(where), size=size, frames=frames, precision=precision, frugal=frugal
    )

    def attempt() -> load.WanModel:
        model = load.load(
            folder,
            precision=plan.precision,
            device=where,
            model_id=model_id,
            transformer_device=None if plan.transformer == "resident" else "cpu",
            on_bytes=on_bytes,
        )
        apply(model, plan)
        return model

    def lower(below: Plan) -> None:
        nonlocal plan
        plan = below
        on_lower(below)

    return within(attempt, plan, lower), plan


# ---- when memory runs out ------------------------------------------------------------------


def within(run: Callable[[], Result], plan: Plan, lower: Callable[[Plan], None]) -> Result:
    """Run; if memory runs out, step down once and run again.

    Parameters
    ----------
    run : callable
        Leaves nothing half done when it fails.
    plan : Plan
        The plan in force.
    lower : callable
        Called with the lower plan; puts it in force and says so.

    Raises
    ------
    VramError, RamError
        There is no lower plan, or the lower one failed too. Says how much was needed and
        free.
    """
    try:
        return run()
    except (RuntimeError, MemoryError, OSError, SafetensorError) as error:
        below = step_down(plan)
        if not out_of_memory(error):
            raise
        if below is None:
            raise _failure(plan, error) from error
    # Not inside the handler: the error would keep the frames of the run and all their tensors.
    free()
    try:
        lower(below)
        return run()
    except (RuntimeError, MemoryError, OSError, SafetensorError) as error:
        if not out_of_memory(error):
            raise
        raise _failure(below, error) from error


def _failure(plan: Plan, error: BaseException) -> FlowAnchorError:
    numbers = (
        f"about {plan.need_bytes / 10**9:.1f} GB are needed and {plan.free_bytes / 10**9:.1f} GB "
        "were free when the model was loaded"
    )
    detail = f"{plan}: {error!r}"
    values = {"need_mb": plan.need_bytes >> 20, "free_mb": plan.free_bytes >> 20}
    if plan.kind == "cpu":
        return RamError(
            f"The computer's memory does not hold this shot: {numbers}.",
            hint=["save_memory", "set_range"],
            detail=detail,
            values=values,
        )
    return VramError(
        f"The graphics memory does not hold this shot: {numbers}.",
        hint=["save_memory", "set_range"],
        detail=detail,
        values=values,
    )


def free() -> None:
    """Give what is not used any more back to the system, so that other programs can have it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
