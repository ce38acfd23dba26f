"""How a recipe is called above its takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin.locale import number, tr

if TYPE_CHECKING:
    from plugin.state.takes import Take

__all__ = ["recipe_line"]


def recipe_line(take: Take) -> tuple[str, str]:
    """Return what was wanted, and the slider positions and quality that the recipe notes.

    A recipe keeps numbers; where it was made without sliders the steps stand in their place.
    """
    prompts: dict[str, Any] = take.request.get("prompts", {})
    comment: dict[str, Any] = take.request.get("comment", {})
    wanted = take.title or str(prompts.get("wanted", ""))
    positions = [comment.get(name) for name in ("where", "strength", "preserve")]
    sliders = comment.get("sliders")
    if isinstance(sliders, dict):
        positions = [sliders.get(name) for name in ("where", "strength", "preserve")]
    if all(isinstance(item, int | float) for item in positions):
        numbers = "/".join(number(float(item)) for item in positions if item is not None)
        quality = comment.get("quality")
        if quality in ("draft", "standard", "fine"):
            return wanted, f"{numbers}  {tr(f'quality.{quality}')}"
        return wanted, numbers
    steps = take.request.get("method", {}).get("steps", 0)
    return wanted, tr("take.steps", n=steps)
