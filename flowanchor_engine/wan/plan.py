"""Where a model lives while it works: the choice of a plan, by arithmetic alone.

`choose` goes down a ladder and takes the first rung that fits; the bytes are those of
`footprint`. What each class of devices gets, by that arithmetic, at 832x480 and 81 pictures:

=========  ============================================  =========  ========  ==============
class      1.3B | 14B                                    text       VAE       self-attention
=========  ============================================  =========  ========  ==============
6-8 GB     resident, below 6 GB free block offload | -   processor  tiled     native
12 GB      resident | block offload                      processor  tiled     native
16-24 GB   resident | block offload                      stage      untiled   flash
48 GB      resident | resident                           stage      untiled   flash
80 GB      resident | resident                           resident   untiled   flash 2 or 3
Metal      resident                                      stage      as fits   native
processor  resident                                      stage      as fits   untouched
=========  ============================================  =========  ========  ==============

Block offload moves one block ahead of the computation, so at 41 pictures the bus is idle
most of the time, and it changes no bit. Storage in 8 bits changes pixels; it is taken only
where the computer cannot hold the weights in its own memory either. Branches run one by one,
because a batch of another size may round differently and a cached edit must equal a cold
one; ``exact=False`` lifts that for small clips.

`residency` measures, applies a plan, and steps down when memory runs out all the same.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _check_attention_backend_requirements,
)

from flowanchor_engine.errors import GuardError
from flowanchor_engine.wan.footprint import RESERVE_BYTES, Footprint, footprint
from flowanchor_engine.wan.guards import SAGE_ARCHITECTURES
from flowanchor_engine.wan.latents import Tiling

if TYPE_CHECKING:
    from flowanchor_engine.wan.facts import WanFacts
    from flowanchor_engine.wan.load import Precision

__all__ = ["Budget", "Plan", "allowed_attention", "choose", "installed", "step_down"]

Transformer = Literal["resident", "group_offload", "layerwise_fp8"]
Text = Literal["cpu", "stage", "resident"]
Vae = Literal["untiled", "tiled"]

_GB: Final = 10**9
_CLASSES: Final = ((72, "80 GB"), (40, "48 GB"), (14, "16-24 GB"), (9.5, "12 GB"), (0, "6-8 GB"))
# Most comfortable first; where the text encoder goes is decided by what is left.
_LADDER: Final[dict[str, tuple[tuple[Transformer, Vae, bool], ...]]] = {
    "cuda": (
        ("resident", "untiled", True),
        ("resident", "untiled", False),
        ("resident", "tiled", False),
        ("group_offload", "untiled", False),
        ("group_offload", "tiled", False),
        ("layerwise_fp8", "tiled", False),
    ),
    "mps": (("resident", "untiled", False), ("resident", "tiled", False)),
    "cpu": (("resident", "untiled", False), ("resident", "tiled", False)),
}
_PLAIN: Final = ("native", "_native_cudnn", "_native_flash", "_native_efficient")
# Back-ends for self-attention by CUDA architecture, best first; none is fetched from afar.
_ATTENTION: Final[dict[tuple[int, int], tuple[str, ...]]] = {
    (8, 0): ("flash", *_PLAIN),
    (8, 6): ("flash", *_PLAIN),
    (8, 9): ("flash", *_PLAIN),
    (9, 0): ("_flash_3", "flash", *_PLAIN),
    (10, 0): _PLAIN,
    (12, 0): ("flash", *_PLAIN),
}
_AUTOMATIC: Final = frozenset({"_flash_3", "flash", "native"})
_SMALL_TOKENS: Final = 4_000  # below it a forward does not fill a card


@dataclass(frozen=True)
class Budget:
    """What a device has now.

    Attributes
    ----------
    kind : {'cuda', 'mps', 'cpu'}
    total_bytes, free_bytes : int
        Of the card; of the computer where there is none.
    ram_free_bytes : int
        Of the computer.
    capability : tuple of int or None
        CUDA architecture; None elsewhere.
    """

    kind: Literal["cuda", "mps", "cpu"]
    total_bytes: int
    free_bytes: int
    ram_free_bytes: int
    capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class Plan:
    """Where everything lives and how it runs.

    Attributes
    ----------
    name : str
        The class of devices, such as '12 GB', 'Metal' or 'processor'.
    precision : {'fp32', 'bf16', 'fp16'}
        Of the computation.
    attention : str
        Back-end of self-attention; 'default' leaves the processors as they are.
    batch, compiled : bool
        Branches of a step in one batch; blocks compiled.
    need_bytes, free_bytes : int
        What the plan needs by arithmetic, reserve included, and what was free.
    costs : tuple of (transformer, vae, bytes)
        What every rung of the ladder would need, the text reader off the card.
    """

    name: str
    kind: Literal["cuda", "mps", "cpu"]
    precision: Literal["fp32", "bf16", "fp16"]
    transformer: Transformer
    text: Text
    vae: Vae
    attention: str
    batch: bool
    compiled: bool
    need_bytes: int
    free_bytes: int
    costs: tuple[tuple[Transformer, Vae, int], ...] = ()

    @property
    def fits(self) -> bool:
        """Whether what was free is enough."""
        return self.need_bytes <= self.free_bytes

    @property
    def tiling(self) -> Tiling | None:
        """The VAE's tiles."""
        return Tiling() if self.vae == "tiled" else None

    @property
    def facts(self) -> dict[str, str | bool]:
        """What a recipe says about the plan; numbers of one moment are left out."""
        hidden = {"need_bytes", "free_bytes", "costs"}
        return {name: value for name, value in asdict(self).items() if name not in hidden}

    @property
    def sentence(self) -> str:
        """The plan in words."""
        homes = {
            "resident": f"the model stays in memory in {self.precision}",
            "group_offload": f"the model comes to the card block by block in {self.precision}",
            "layerwise_fp8": "the model is stored in 8 bits, which changes pixels a little",
        }
        text = {
            "cpu": "texts are read on the processor",
            "stage": "texts are read first and their reader is freed",
            "resident": "the text reader stays in memory",
        }
        vae = {"untiled": "whole pictures", "tiled": "pictures in tiles"}
        tight = "" if self.fits else "; this is tight"
        return (
            f"Memory plan “{self.name}”: {homes[self.transformer]}, {text[self.text]}, "
            f"{vae[self.vae]}; about {self.need_bytes / _GB:.1f} of {self.free_bytes / _GB:.1f} "
            f"free GB{tight}."
        )


# ---- choosing ------------------------------------------------------------------------------


def choose(
    facts: WanFacts,
    budget: Budget,
    *,
    size: tuple[int, int],
    frames: int,
    precision: Precision = "auto",
    attention: str | None = None,
    compiled: bool | None = None,
    exact: bool = True,
    frugal: bool = False,
) -> Plan:
    """Choose the most comfortable plan that fits what is free.

    Parameters
    ----------
    facts : WanFacts
    budget : Budget
    size : (width, height)
        Picture in pixels.
    frames : int
        Pictures of the longest window.
    precision : {'auto', 'fp32', 'bf16', 'fp16'}
        'auto': float32 on a processor, float16 on cards before Ampere, else bfloat16.
    attention : str, optional
        A back-end of the architecture's list instead of the best installed one.
    compiled : bool, optional
        Compile the blocks; left out: on 80 GB cards from Hopper on. Resident models only.
    exact : bool
        Keep cold, cached and continued edits equal bit for bit: no batched branches.
    frugal : bool
        Take the rung that needs least, however much is free: other programs may want the
        memory back, and an estimate may be wrong.

    Returns
    -------
    Plan
        The most frugal one, with `fits` False, if none fits: an estimate refuses nothing.

    Raises
    ------
    GuardError
        `attention` is not on the list of this architecture.
    """
    number = _precision(precision, budget)
    need = footprint(
        facts,
        number_bytes=4 if number == "fp32" else 2,
        kind=budget.kind,
        size=size,
        frames=frames,
    )
    name = {"mps": "Metal", "cpu": "processor"}.get(budget.kind) or next(
        label for least, label in _CLASSES if budget.free_bytes >= least * _GB
    )
    tokens = facts.latent_frames(frames) * (size[0] // facts.token_px) * (size[1] // facts.token_px)
    made = [
        _rung(need, budget, home, vae, keep_text=keep) for home, vae, keep in _LADDER[budget.kind]
    ]
    fitting = [rung for rung in made if rung.bytes <= budget.free_bytes and rung.ram_fits]
    rung = fitting[0] if fitting and not frugal else _most_frugal(made)
    if frugal and budget.kind == "cuda":
        rung = replace(rung, text="cpu", bytes=rung.bare_bytes)
    hopper = budget.capability is not None and budget.capability >= (9, 0) and name == "80 GB"
    wish = hopper and importlib.util.find_spec("triton") is not None
    return Plan(
        name=name,
        kind=budget.kind,
        precision=number,
        transformer=rung.transformer,
        text=rung.text,
        vae=rung.vae,
        attention=_attention(attention, facts, budget, number),
        batch=not (exact or frugal) and budget.kind == "cuda" and tokens <= _SMALL_TOKENS,
        compiled=(wish if compiled is None else compiled)
        and rung.transformer == "resident"
        and not frugal,
        need_bytes=rung.bytes,
        free_bytes=budget.free_bytes,
        costs=tuple(
            (rung.transformer, rung.vae, rung.bare_bytes)
            for rung in made
            if rung.text != "resident"
        ),
    )


@dataclass(frozen=True)
class _Rung:
    transformer: Transformer
    text: Text
    vae: Vae
    bytes: int
    bare_bytes: int  # without the text reader
    ram_fits: bool


def _rung(
    need: Footprint, budget: Budget, home: Transformer, vae: Vae, *, keep_text: bool
) -> _Rung:
    weights = {
        "resident": need.transformer,
        "group_offload": need.transformer_offload,
        "layerwise_fp8": need.transformer_fp8,
    }[home]
    base = weights + need.vae + RESERVE_BYTES
    work = max(need.work, need.decode if vae == "untiled" else need.decode_tiled)
    beside = base + need.text <= budget.free_bytes
    text: Text = "stage" if beside or budget.kind != "cuda" else "cpu"
    if keep_text:
        return _Rung(home, "resident", vae, base + work + need.text, base + work, ram_fits=True)
    # The computer holds what the card does not; a card without own memory needs no second copy.
    ram = need.text if text == "cpu" else 0
    ram += need.transformer + RESERVE_BYTES if home == "group_offload" else 0
    most = max(work, need.text if text == "stage" and beside else 0)
    fits = ram <= budget.ram_free_bytes
    return _Rung(home, text, vae, base + most, base + work, ram_fits=fits)


def _most_frugal(made: list[_Rung]) -> _Rung:
    held = [rung for rung in made if rung.ram_fits] or made
    return min(held, key=lambda rung: (rung.bytes, rung.vae == "untiled"))


def _precision(asked: str, budget: Budget) -> Literal["fp32", "bf16", "fp16"]:
    if asked == "fp32" or (asked == "auto" and budget.kind == "cpu"):
        return "fp32"
    old = budget.capability is not None and budget.capability < (8, 0)
    return "fp16" if asked == "fp16" or (asked == "auto" and old) else "bf16"


def allowed_attention(capability: tuple[int, int] | None) -> tuple[str, ...]:
    """Return the back-ends of self-attention that are sound on an architecture, best first."""
    if capability is None:
        return ("native",)
    sage = ("sage",) if capability in SAGE_ARCHITECTURES else ()
    return _ATTENTION.get(capability, ("native",)) + sage


def _attention(asked: str | None, facts: WanFacts, budget: Budget, precision: str) -> str:
    if asked is None and budget.kind != "cuda":
        return "default"
    allowed = allowed_attention(budget.capability)
    if asked is not None:
        if asked not in allowed:
            raise GuardError(
                f"The attention back-end {asked} is not known to be sound on this device.",
                hint=["change_attention"],
                detail=f"{budget.capability}: {', '.join(allowed)}",
            )
        return asked
    fused = precision != "fp32" and facts.head_width % 8 == 0 and facts.head_width <= 256
    usable = (name for name in allowed if name in _AUTOMATIC and (fused or name == "native"))
    return next(name for name in usable if installed(name))


def installed(name: str) -> bool:
    """Return whether a back-end's package is here; nothing is downloaded."""
    try:
        _check_attention_backend_requirements(AttentionBackendName(name))
    except RuntimeError:
        return False
    return True


def step_down(plan: Plan) -> Plan | None:
    """Return a clearly more frugal plan after memory ran out, or None if there is none.

    First the pictures go into tiles and the text reader leaves the card; then the model
    itself does. A step of less would likely fail again, and there is only one.
    """
    text: Text = "cpu" if plan.kind == "cuda" else "stage"
    home, vae = plan.transformer, plan.vae
    if vae == "untiled":
        vae = "tiled"
    elif plan.kind == "cuda" and home == "resident":
        home = "group_offload"
    else:
        return None
    cost = next((cost for *rung, cost in plan.costs if rung == [home, vae]), plan.need_bytes)
    return replace(
        plan,
        transformer=home,
        vae=vae,
        text=text,
        batch=False,
        compiled=plan.compiled and home == "resident",
        need_bytes=cost,
    )
