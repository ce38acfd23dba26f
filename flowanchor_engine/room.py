"""Whether the graphics card has room for an edit beside what other programs hold there.

An edit that could run on this card, and only does not fit because of others, is refused before
anything is loaded, with the numbers: Resolve would suffer first, and the edit fail later. A
card that is too small for the edit in any case is not asked about; memory plans and
`VramError` deal with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowanchor_engine import nvml
from flowanchor_engine.errors import VramBusyError

if TYPE_CHECKING:
    from flowanchor_engine.request import EditRequest
    from flowanchor_engine.wan.plan import Budget

__all__ = ["SYSTEM_BYTES", "Card", "busy", "check", "look", "missing"]

SYSTEM_BYTES: Final = 512 << 20
"""What driver and desktop hold on every card: nobody gives it back."""


@dataclass(frozen=True)
class Card:
    """A graphics card now, in bytes.

    Parameters
    ----------
    total, free : int
    own : int
        What this process holds and could use for the edit.
    """

    total: int
    free: int
    own: int = 0

    @property
    def others(self) -> int:
        """What other programs hold."""
        return max(0, self.total - self.free - self.own)


def missing(need: int, card: Card) -> int:
    """Return how many bytes others would have to give back, 0 where that is not the question.

    Parameters
    ----------
    need : int
        Bytes of the most frugal way to make the edit that is fit to be chosen.

    Returns
    -------
    int
        0 if there is room, and also if there would be none on an empty card.
    """
    if need > card.total - SYSTEM_BYTES:
        return 0
    return max(0, need - card.free - card.own)


def look() -> tuple[Card, Budget] | None:
    """Read the card that edits run on; None where there is none with memory of its own."""
    import torch

    from flowanchor_engine.wan import residency

    where = residency.device()
    if where.type != "cuda":
        return None
    budget = residency.measure(where)
    own = torch.cuda.memory_allocated(where)
    return Card(budget.total_bytes, budget.free_bytes, own), budget


def check(request: EditRequest, *, frugal: bool = False) -> None:
    """Refuse an edit that has no room only because of other programs.

    Parameters
    ----------
    frugal : bool
        As of `plan.choose`.

    Raises
    ------
    VramBusyError
        With the numbers in its `values`.
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsupportedError
        The need cannot be told.
    """
    seen = look()
    if seen is None:
        return
    card, budget = seen
    need = _need(request, card, budget, frugal=frugal)
    if missing(need, card):
        raise busy(need, card, *nvml.largest_other(card.others))


def busy(need: int, card: Card, program: str = "", used: int = 0) -> VramBusyError:
    """Return the error that says who holds the card.

    Parameters
    ----------
    need : int
    program : str
        The one that holds most, '' where that is unknown.
    used : int
        Its bytes; those of all others where it is unknown.
    """
    used = used if program else card.others
    values = {"need": need, "free": card.free + card.own, "total": card.total, "used": used}
    numbers: dict[str, str | int] = {f"{name}_mb": size >> 20 for name, size in values.items()}
    return VramBusyError(
        f"{program or 'Another program'} is using {used / 2**30:.1f} GB of this card.",
        hint=["wait_free", "try_anyway"],
        detail=", ".join(f"{name} {size}" for name, size in numbers.items()),
        values={**numbers, "program": program},
    )


def _need(request: EditRequest, card: Card, budget: Budget, *, frugal: bool) -> int:
    """Return what the plan would need that is chosen with everything that can be had."""
    from dataclasses import replace

    from flowanchor_engine import models
    from flowanchor_engine.wan import load
    from flowanchor_engine.wan.plan import choose

    width, height = models.working_size(request.model)
    window = 4 * (models.window_latents(request.model) - 1) + 1
    plan = choose(
        load.inspect(models.folder(request.model)),
        replace(budget, free_bytes=card.free + card.own),
        size=(request.working.width or width, request.working.height or height),
        frames=min(window, request.source.frames or window),
        precision=request.model.precision,
        frugal=frugal,
    )
    return plan.need_bytes
