"""How a recipe is called above its takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin.locale import number, tr
from plugin.state.curves import QUALITIES, steps_of

if TYPE_CHECKING:
    from flowanchor_engine.request import MethodSettings
    from plugin.state.takes import Take

__all__ = ["recipe_line"]


def recipe_line(take: Take, reference: MethodSettings) -> tuple[str, str]:
    """Return what was wanted, and the slider positions and quality that the recipe notes.

    A recipe keeps numbers: its steps have a name where they are those of a quality of the
    model, whose numbers at 50/50/50 are `reference`.
    """
    prompts: dict[str, Any] = take.request.get("prompts", {})
    comment: dict[str, Any] = take.request.get("comment", {})
    wanted = take.title or str(prompts.get("wanted", ""))
    steps = int(take.request.get("method", {}).get("steps", 0))
    named = (quality for quality in QUALITIES if steps_of(quality, reference) == steps)
    found = next(named, None)
    said = tr(f"how.quality.{found}") if found is not None else tr("take.steps", n=steps)
    positions = comment.get("sliders")
    if not isinstance(positions, dict):
        return wanted, said
    values = [positions.get(name) for name in ("where", "strength", "preserve")]
    if not all(isinstance(value, int | float) for value in values):
        return wanted, said
    numbers = "/".join(number(float(value or 0)) for value in values)
    return wanted, f"{numbers}   {said}"
