"""What is worth saying before a run: warnings that never block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugin.state.curves import Strengths
    from plugin.state.matte import MatteState
    from plugin.state.prompts import Prompts

__all__ = ["Check", "checks"]

_BUTTONS = {
    "check.bold_faithful": ("lower_preserve",),
    "check.words.unchanged": ("edit_wanted",),
    "check.words.nothing_shared": ("edit_wanted",),
    "check.words.long": ("edit_wanted",),
}


@dataclass(frozen=True)
class Check:
    """One warning: sentence key, values, and actions that settle it."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[str, ...] = ()


def checks(prompts: Prompts, strengths: Strengths, matte: MatteState) -> tuple[Check, ...]:
    """Return all warnings, the weightiest first."""
    notes = prompts.notes if prompts.wanted.value.strip() else ()
    little = [chip.text for chip in prompts.chips if chip.effect == "little"]
    also = [chip.text for chip in prompts.chips if chip.effect == "also"]
    keyed: list[tuple[str, dict[str, Any]]] = [(key, {}) for key in notes]
    keyed += strengths.warnings.value
    if matte.drifted:
        keyed.append(("check.matte_drift", {"frame": matte.drifted[0] + 1}))
    keyed += [("check.word_little", {"word": word}) for word in little]
    keyed += [("check.word_also", {"word": word}) for word in also]
    return tuple(Check(key, values, _BUTTONS.get(key, ())) for key, values in keyed)
