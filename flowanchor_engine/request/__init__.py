"""`EditRequest`: everything that decides pixels, as one frozen value.

Equal requests give equal pixels on one machine and build, so history, retry, re-apply and
cache keys are this object. It holds numbers, never slider positions: `Sliders` turns
positions into numbers and rides along in `comment`. `parts` are what it is made of, `edit` is
the whole. No torch here.
"""

from flowanchor_engine.request.edit import SCHEMA, EditRequest, upgrade
from flowanchor_engine.request.parts import (
    WAN_NEGATIVE_PROMPT,
    Delivery,
    MatteShape,
    MatteSpec,
    MethodSettings,
    ModelSpec,
    Prompts,
    SourceSpec,
    Span,
    Working,
    skipped_steps,
)
from flowanchor_engine.request.sliders import Sliders

__all__ = [
    "SCHEMA",
    "WAN_NEGATIVE_PROMPT",
    "Delivery",
    "EditRequest",
    "MatteShape",
    "MatteSpec",
    "MethodSettings",
    "ModelSpec",
    "Prompts",
    "Sliders",
    "SourceSpec",
    "Span",
    "Working",
    "skipped_steps",
    "upgrade",
]
