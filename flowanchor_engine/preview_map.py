"""Which preview map a model has: shipped beside it, else learned once from drawn shots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import torch

from flowanchor_engine.cache import content_key
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scenes import sample_scene
from flowanchor_engine.wan import latents
from flowanchor_engine.wan.preview import FILE_NAME, LatentRGB

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.cache import Store
    from flowanchor_engine.wan.load import WanModel

__all__ = ["learned", "preview_map"]

_FIT_SEED: Final = 70_000_000  # far from the scenes that train, tune and judge
_SIDE_PX, _FRAMES = 96, 5


@torch.no_grad()
def learned(vae: Any, *, clips: int = 8, check: Callable[[], None] | None = None) -> LatentRGB:
    """Learn the map of a VAE from drawn shots of all colours.

    Eight shots of five small frames: a moment on a card, seconds on a processor.

    Parameters
    ----------
    vae : AutoencoderKLWan
        Of any layout, in place on its device.
    clips : int
        Shots to draw.
    check : callable, optional
        Called between groups of frames; may raise `Cancelled`.
    """

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        for index in range(clips):
            scene = sample_scene(_FIT_SEED + index, width=_SIDE_PX, height=_SIDE_PX, frames=_FRAMES)
            frames = torch.from_numpy(render(scene).frames).float() / 127.5 - 1
            yield latents.encode(vae, frames, check=check), frames

    return LatentRGB.of(drawn())


def preview_map(
    model: WanModel, store: Store, *, check: Callable[[], None] | None = None
) -> LatentRGB:
    """Return the map of a model's VAE; what was learned is kept in the store.

    Raises
    ------
    ModelDamagedError
        The map beside the model is not one.
    """
    shipped = model.facts.folder / FILE_NAME
    if shipped.is_file():
        return LatentRGB.load(shipped)
    facts = model.fingerprint()
    key = content_key("preview", *(facts[name] for name in ("model", "revision", "vae_precision")))
    known = store.get("preview", key)
    if known is not None:
        return LatentRGB(known.tensors["weight"], known.tensors["bias"])
    found = learned(model.vae, check=check)
    store.put("preview", key, {"weight": found.weight, "bias": found.bias})
    return found
