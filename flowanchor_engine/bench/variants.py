"""How the cases are edited: named sets of method switches over a model's recommended numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from flowanchor_engine.errors import RequestError
from flowanchor_engine.request import MethodSettings

__all__ = ["AMM_GAMMA", "COMPONENTS", "REFERENCES", "SOURCE_FIELDS", "Variant", "variant_set"]

AMM_GAMMA: Final = 1.0
"""Gamma of the variants that show AMM: the published value."""

SOURCE_FIELDS: Final = (
    "steps",
    "shift",
    "int_timesteps",
    "negative_prompt",
    "source_level",
    "noise",
    "noise_rho",
    "noise_averages",
)
"""Switches on which the source's velocities depend; all others may share them."""


@dataclass(frozen=True)
class Variant:
    """A row of a table.

    Attributes
    ----------
    name : str
        Shown in tables and plots; unique inside a study.
    changes : mapping
        Switches that differ from the model's recommended numbers.
    shows : {'edit', 'unedited', 'truth'}
        An edit; or the source or the truth after the VAE's round trip alone, the floor and
        the ceiling of every score.
    faithful : bool
        Start from the published numbers instead of the recommended ones.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    shows: Literal["edit", "unedited", "truth"] = "edit"
    faithful: bool = False

    def settings(self, recommended: MethodSettings) -> MethodSettings:
        """Return the full set of switches.

        Raises
        ------
        RequestError
            Code ``request`` for an unknown switch or a value out of range.
        """
        base = MethodSettings() if self.faithful else recommended
        try:
            return MethodSettings.model_validate({**base.model_dump(), **self.changes})
        except ValueError as error:
            raise RequestError(
                f"The variant “{self.name}” sets a switch that the method does not have.",
                detail=str(error),
            ) from error

    def digest(self, recommended: MethodSettings) -> str:
        """Return a short hash of what this variant does to the pixels; names do not count."""
        if self.shows != "edit":
            return self.shows
        data = json.dumps(self.settings(recommended).model_dump(), sort_keys=True)
        return hashlib.sha256(data.encode()).hexdigest()[:16]


REFERENCES: Final = (Variant("unedited", shows="unedited"), Variant("truth", shows="truth"))

_PLAIN: Final = {"sar": False, "gamma": 0.0}

COMPONENTS: Final = (
    Variant("plain", _PLAIN),
    Variant("TTM only", {"sar": True, "beta2": 0.0, "gamma": 0.0}),
    Variant("STM only", {"sar": True, "beta1": 0.0, "gamma": 0.0}),
    Variant("SAR", {"sar": True, "gamma": 0.0}),
    Variant("AMM signed", {"sar": False, "gamma": AMM_GAMMA, "amm_map": "signed"}),
    Variant("AMM abs", {"sar": False, "gamma": AMM_GAMMA, "amm_map": "abs"}),
    Variant("AMM rms", {"sar": False, "gamma": AMM_GAMMA, "amm_map": "rms"}),
    Variant("full signed", {"sar": True, "gamma": AMM_GAMMA, "amm_map": "signed"}),
    Variant("full abs", {"sar": True, "gamma": AMM_GAMMA, "amm_map": "abs"}),
    Variant("full rms", {"sar": True, "gamma": AMM_GAMMA, "amm_map": "rms"}),
)
"""The parts of the method alone and together (the paper's Table 2 in kind)."""

_SETS: Final[dict[str, tuple[Variant, ...]]] = {
    "main": (COMPONENTS[0], COMPONENTS[3], COMPONENTS[7]),
    "components": COMPONENTS,
    "recommended": (COMPONENTS[0], Variant("recommended")),
    "faithful": (
        Variant("faithful plain", _PLAIN, faithful=True),
        Variant("faithful SAR", {"gamma": 0.0}, faithful=True),
        Variant("faithful full", faithful=True),
    ),
}


def variant_set(name: str) -> tuple[Variant, ...]:
    """Return a named set of variants.

    Raises
    ------
    RequestError
        Code ``request`` for a name that is not known.
    """
    if name not in _SETS:
        raise RequestError(f"“{name}” is not a set of variants: {', '.join(_SETS)}.")
    return _SETS[name]
