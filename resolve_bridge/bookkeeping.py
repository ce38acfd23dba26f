"""The recipe travels with the clip: in a marker's hidden data, and with the file in the Media Pool.

A placed clip alone is enough to redo or undo it, on another machine or after a restart.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from resolve_bridge import records
from resolve_bridge.errors.placing import NoRecipeError, PlaceUnconfirmedError
from resolve_bridge.find import Open, items_by_track
from resolve_bridge.frames import whole
from resolve_bridge.placement import Delivery, Placement, Recipe, Result

if TYPE_CHECKING:
    from resolve_bridge.call import Ref, Session
    from resolve_bridge.shot import Shot

LABEL = "flowanchor"
MARKER_COLOUR = "Mint"


def custom_data(placement: Placement, recipe: str) -> str:
    """Return the text of a marker's hidden data."""
    stored = {"placement": records.dump(placement), "recipe": recipe}
    return json.dumps({LABEL: stored}, ensure_ascii=True, separators=(",", ":"), sort_keys=True)


def read_custom(text: object) -> Recipe | None:
    """Read a marker's hidden data; None for anybody else's."""
    if not isinstance(text, str) or LABEL not in text:
        return None
    try:
        stored = json.loads(text)[LABEL]
        return Recipe(records.load(Placement, stored["placement"]), str(stored["recipe"]))
    except (ValueError, KeyError, TypeError):
        return None


def recipes_of(session: Session, items: list[Ref]) -> list[tuple[Ref, int, Recipe]]:
    """Return every recipe that some items carry, with the marker's frame."""
    found: list[tuple[Ref, int, Recipe]] = []
    for at in range(0, len(items), 100):
        part = items[at : at + 100]
        batch = session.batch()
        slots = [batch.call(ref, "GetMarkers") for ref in part]
        batch.run()
        for ref, slot in zip(part, slots, strict=True):
            markers = slot.get({})
            for frame, marker in markers.items() if isinstance(markers, dict) else ():
                recipe = read_custom(marker.get("customData") if isinstance(marker, dict) else "")
                where = whole(float(frame))
                if recipe is not None and where is not None:
                    found.append((ref, where, recipe))
    return found


def find_placement(session: Session, opened: Open, shot: Shot, key: str) -> Placement | None:
    """Return the placement of an equal result on this shot, if it still lies there."""
    for ref, frame, recipe in _near(session, opened, shot):
        placement = recipe.placement
        if placement.key == key and placement.source_item == shot.item_id:
            return records.load(
                Placement,
                {**records.dump(placement), "item_id": ref.uid, "marker_frame": frame},
            )
    return None


def _near(session: Session, opened: Open, shot: Shot) -> list[tuple[Ref, int, Recipe]]:
    """Look at the shot itself and at what starts within its span."""
    candidates: list[Ref] = []
    for refs in items_by_track(session, opened):
        for at in range(0, len(refs), 200):
            part = refs[at : at + 200]
            batch = session.batch()
            slots = [batch.call(ref, "GetStart") for ref in part]
            batch.run()
            candidates += [
                ref
                for ref, slot in zip(part, slots, strict=True)
                if (start := whole(slot.get(None))) is not None and shot.start <= start < shot.stop
            ]
    return recipes_of(session, candidates)


def shared(session: Session, opened: Open, placement: Placement) -> Placement:
    """Return a placement that also answers for track, bin and clip it shares with earlier ones.

    Whichever of them is undone last removes what the first one had to make.
    """
    tracks = items_by_track(session, opened)
    found = recipes_of(session, [ref for refs in tracks for ref in refs])
    earlier = [(ref, recipe.placement) for ref, _, recipe in found]
    beside = {ref.uid for ref in tracks[placement.track - 1]}
    own_track = placement.delivery is not Delivery.TAKE
    return dataclasses.replace(
        placement,
        folder_made=placement.folder_made
        or any(e.folder_made and e.folder_id == placement.folder_id for _, e in earlier),
        media_made=placement.media_made
        or any(e.media_made and e.media_id == placement.media_id for _, e in earlier),
        track_made=placement.track_made
        or (own_track and any(e.track_made and ref.uid in beside for ref, e in earlier)),
    )


def recipe_of_item(session: Session, item: Ref) -> Recipe:
    """Return the newest recipe an item carries.

    Raises
    ------
    NoRecipeError
        It carries none.
    """
    found = recipes_of(session, [item])
    if not found:
        raise NoRecipeError
    ref, frame, recipe = found[-1]
    placement = records.load(
        Placement,
        {**records.dump(recipe.placement), "item_id": ref.uid, "marker_frame": frame},
    )
    return Recipe(placement, recipe.recipe)


def write_marker(session: Session, item: Ref, placement: Placement, result: Result) -> int:
    """Put the recipe on a placed item and read it back; return the marker's frame.

    Raises
    ------
    PlaceUnconfirmedError
        No frame takes a marker, or it reads back otherwise.
    """
    custom = custom_data(placement, result.recipe)
    held = session.call(item, "GetMarkers")
    taken = {whole(float(frame)) for frame in held} if isinstance(held, dict) else set()
    length = placement.stop - placement.start
    for frame in range(length):
        if frame in taken:
            continue  # an occupied frame refuses
        session.call(item, "AddMarker", frame, MARKER_COLOUR, "FlowAnchor", result.name, 1, custom)
        now = session.call(item, "GetMarkers")
        ours: Any = now.get(str(frame)) if isinstance(now, dict) else None
        if isinstance(ours, dict) and ours.get("customData") == custom:
            return frame
        if ours is not None:
            session.call(item, "DeleteMarkerAtFrame", frame)
        break
    session.suspect_dialog()
    raise PlaceUnconfirmedError(detail="the recipe's marker")


def write_metadata(session: Session, media: Ref, placement: Placement, result: Result) -> None:
    """Leave the recipe with the file as well, where this Resolve can; say that it is an AI edit."""
    session.call(media, "SetMetadata", "Keywords", "AI edit")
    if session.has("media", "SetThirdPartyMetadata"):
        session.call(media, "SetThirdPartyMetadata", LABEL, custom_data(placement, result.recipe))
