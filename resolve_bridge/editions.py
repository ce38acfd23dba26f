"""Editions and versions of Resolve: what exists where (section 13 of the Resolve reference)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resolve_bridge.allowed import METHODS
from resolve_bridge.errors.link import VersionError

MINIMUM = (18, 5)

SINCE: dict[tuple[str, str], tuple[int, ...]] = {
    ("item", "GetSourceStartFrame"): (19, 0),
    ("item", "GetSourceEndFrame"): (19, 0),
    ("item", "GetTrackTypeAndIndex"): (19, 0),
    ("item", "GetLinkedItems"): (19, 0),
    ("media", "GetThirdPartyMetadata"): (19, 0),
    ("media", "SetThirdPartyMetadata"): (19, 0),
    ("media", "SetMarkInOut"): (19, 1),
    ("media", "ClearMarkInOut"): (19, 1),
    ("timeline", "GetMarkInOut"): (19, 1),
    ("timeline", "SetMarkInOut"): (19, 1),
    ("timeline", "ClearMarkInOut"): (19, 1),
    ("timeline", "GetMediaPoolItem"): (19, 1),
    ("project", "DeleteRenderPreset"): (19, 1),
    ("item", "SetName"): (20, 2),
    ("timeline", "GetSelectedClips"): (21, 0, 4),
    ("media", "GetTimeline"): (21, 0, 4),
    ("item", "GetType"): (21, 1),
    ("item", "GetSpeed"): (21, 1),
    ("resolve", "IsStudio"): (21, 1),
}
"""First version of each method that is younger than the minimum."""


@dataclass(frozen=True, slots=True)
class Edition:
    """One running Resolve.

    Parameters
    ----------
    product : str
        What Resolve calls itself.
    version : tuple of int
        Major, minor, patch, build.
    """

    product: str
    version: tuple[int, ...]

    @property
    def studio(self) -> bool:
        """Whether this is the paid edition."""
        return self.product.strip().lower().endswith("studio")

    @property
    def text(self) -> str:
        """The version as a person writes it."""
        return ".".join(str(part) for part in self.version[:3])

    def at_least(self, *version: int) -> bool:
        """Whether this Resolve is of that version or younger."""
        return self.version[: len(version)] >= version

    def has(self, kind: str, method: str) -> bool:
        """Whether this version has the method, by the table; `callable()` has the last word."""
        return method in METHODS.get(kind, {}) and self.at_least(
            *SINCE.get((kind, method), MINIMUM)
        )

    @staticmethod
    def read(product: str, version: Sequence[int | str]) -> Edition:
        """Return the edition that a `hello` describes.

        Raises
        ------
        VersionError
            Older than 18.5, or not a version at all.
        """
        numbers: list[int] = []
        for part in version[:4]:
            if not isinstance(part, int) or isinstance(part, bool):
                break
            numbers.append(part)
        found = Edition(product, tuple(numbers))
        if not found.at_least(*MINIMUM):
            raise VersionError(found=found.text or "of an unknown version")
        return found
