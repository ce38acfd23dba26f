"""A result on its way into the Media Pool: our bin, import, frame rate.

What `ImportMedia` answers is no proof, and a clip that it answers with may have been there before,
in a bin of the user's: then it is used and never removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolve_bridge.call import SLOW_S, Ref, Session
from resolve_bridge.errors.link import CallRefusedError
from resolve_bridge.errors.placing import ImportRateError, ImportRefusedError, ImportSplitError
from resolve_bridge.footage import Footage, path_key
from resolve_bridge.frames import rate_of, spelled, whole
from resolve_bridge.withdraw import FOLDER_NAME, Added

if TYPE_CHECKING:
    from fractions import Fraction

    from resolve_bridge.placement import Result
    from resolve_bridge.transaction import Transaction

__all__ = ["Pooled", "pooled"]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A result in the Media Pool.

    Parameters
    ----------
    media : Ref
        Its clip.
    folder_id : str
        Our bin.
    made, folder_made : bool
        Whether clip and bin are new, so that undo removes them.
    """

    media: Ref
    folder_id: str
    made: bool
    folder_made: bool


def pooled(tx: Transaction, result: Result, footage: Footage) -> Pooled:
    """Find or import a result, with the number of frames and the rate that it must have.

    Raises
    ------
    ImportRefusedError
        Resolve does not take it, or sees another number of frames.
    ImportSplitError
        The pictures became one clip each.
    ImportRateError
        The pictures play at another rate and it cannot be set.
    """
    session = tx.session
    folder, folder_made = _bin(tx)
    known = _in_folder(session, folder, footage.label)
    if known is not None:
        media, made = known, False
    else:
        session.must("pool", "SetCurrentFolder", folder)
        tx.added(Added("import", folder.uid, extra=footage.label))  # its answer may never come
        media = _imported(tx, folder, footage)
        made = any(ref.uid == media.uid for ref in _clips(session, folder))
    frames = whole(session.call(media, "GetClipProperty", "Frames"))
    if frames is not None and frames != result.frames:
        raise ImportRefusedError(
            name=footage.path.name, detail=f"{frames} frames, not {result.frames}"
        )
    if footage.pictures:
        _conform(session, media, result.rate, name=footage.path.name, made=made)
    return Pooled(media, folder.uid, made, folder_made)


def _bin(tx: Transaction) -> tuple[Ref, bool]:
    session = tx.session
    batch = session.batch()
    root_slot = batch.call("pool", "GetRootFolder")
    folders = batch.call(root_slot, "GetSubFolderList")
    names = batch.call(folders, "GetName")
    batch.run()
    root = root_slot.get(None)
    if not isinstance(root, Ref):
        session.suspect_dialog()
        raise CallRefusedError(what="the Media Pool")
    for ref, name in zip(folders.get([]), names.get([]), strict=False):
        if name == FOLDER_NAME and isinstance(ref, Ref):
            return ref, False
    tx.added(Added("folder", "", extra=FOLDER_NAME))
    made = session.must("pool", "AddSubFolder", root, FOLDER_NAME)
    if not isinstance(made, Ref):
        raise CallRefusedError(what="add a bin")
    return made, True


def _imported(tx: Transaction, folder: Ref, footage: Footage) -> Ref:
    session = tx.session
    before = {ref.uid for ref in _clips(session, folder)}
    answer: object = None
    for items in footage.ways:
        answer = session.call("pool", "ImportMedia", items, timeout_s=SLOW_S)
        fresh = [ref for ref in _clips(session, folder) if ref.uid not in before]
        for ref in fresh:  # whatever path it shows
            tx.added(Added("media", ref.uid, extra=folder.uid))
        refs = [ref for ref in answer if isinstance(ref, Ref)] if isinstance(answer, list) else []
        found = _of_path(session, [*fresh, *refs], footage.label)
        if found is not None:
            return found
        if len(fresh) == 1:
            return fresh[0]
        if fresh:
            raise ImportSplitError(name=footage.path.name, detail=f"{len(fresh)} clips")
    # It may lie in a bin of the user's, where importing it once more gives nothing.
    elsewhere = _anywhere(session, footage.label)
    if elsewhere is not None:
        return elsewhere
    session.suspect_dialog()
    raise ImportRefusedError(name=footage.path.name, detail=f"{answer!r}")


def _conform(session: Session, media: Ref, rate: Fraction, *, name: str, made: bool) -> None:
    """Let pictures play at the rate they were made for: Resolve gives them the project's."""
    told = session.call(media, "GetClipProperty", "FPS")
    if _is(told, rate):
        return
    if made:  # what was there before may be in use elsewhere, at the rate it has
        for text in spelled(rate):
            session.call(media, "SetClipProperty", "FPS", text)
            told = session.call(media, "GetClipProperty", "FPS")
            if _is(told, rate):
                return
        session.suspect_dialog()
    raise ImportRateError(name=name, found=str(told or "?"), needed=spelled(rate)[0])


def _is(told: object, rate: Fraction) -> bool:
    found = rate_of(str(told))
    return found is not None and found[0] == rate


# Finding --------------------------------------------------------------------------------------


def _clips(session: Session, folder: Ref) -> list[Ref]:
    clips = session.call(folder, "GetClipList")
    return [ref for ref in clips if isinstance(ref, Ref)] if isinstance(clips, list) else []


def _listed(session: Session, folder: Ref) -> list[tuple[Ref, str]]:
    batch = session.batch()
    clips = batch.call(folder, "GetClipList")
    paths = batch.call(clips, "GetClipProperty", "File Path")
    batch.run()
    return [
        (ref, str(shown))
        for ref, shown in zip(clips.get([]), paths.get([]), strict=False)
        if isinstance(ref, Ref)
    ]


def _in_folder(session: Session, folder: Ref, label: str) -> Ref | None:
    for ref, shown in _listed(session, folder):
        if path_key(shown) == path_key(label):
            return ref
    return None


def _of_path(session: Session, refs: list[Ref], label: str) -> Ref | None:
    for ref in refs:
        if path_key(str(session.call(ref, "GetClipProperty", "File Path"))) == path_key(label):
            return ref
    return None


def _anywhere(session: Session, label: str) -> Ref | None:
    root = session.call("pool", "GetRootFolder")
    level = [root] if isinstance(root, Ref) else []
    while level:
        deeper: list[Ref] = []
        for folder in level:
            found = _in_folder(session, folder, label)
            if found is not None:
                return found
            inner = session.call(folder, "GetSubFolderList")
            deeper += [ref for ref in inner if isinstance(ref, Ref)] if inner else []
        level = deeper
    return None
