"""A clip's Fusion compositions: written out as text, or one mask of theirs rendered by Fusion."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from resolve_bridge.call import SLOW_S, Ref, Session
from resolve_bridge.errors.masks import CompAlteredError, CompExportError, NoMaskError, SaverError
from resolve_bridge.errors.render import DiskError
from resolve_bridge.frames import whole
from resolve_bridge.host import CompFile

if TYPE_CHECKING:
    from resolve_bridge.probe import Probe

SAVER_S = 600.0
"""Longest render of a mask: one call of Fusion's, which nothing can interrupt."""


def export_comps(session: Session, item: Ref, work: Path) -> tuple[CompFile, ...]:
    """Write out every composition of an item.

    Raises
    ------
    NoMaskError
        It has none.
    CompExportError
        Resolve writes nothing.
    """
    batch = session.batch()
    names_slot = batch.call(item, "GetFusionCompNameList")
    count_slot = batch.call(item, "GetFusionCompCount")
    batch.run()
    names = [str(name) for name in names_slot.get([])]
    count = whole(count_slot.get(0)) or len(names)
    if not count:
        raise NoMaskError
    folder = _folder(work / "comps")
    found: list[CompFile] = []
    for index in range(1, count + 1):
        path = folder / f"comp-{secrets.token_hex(4)}.setting"
        written = session.call(item, "ExportFusionComp", str(path), index, timeout_s=SLOW_S)
        if not path.is_file() or not path.stat().st_size:
            session.suspect_dialog()
            raise CompExportError(detail=f"comp {index}: {written!r}")
        batch = session.batch()
        comp = batch.call(item, "GetFusionCompByIndex", index)
        attrs_slot = batch.call(comp, "GetAttrs")
        batch.run()
        attrs = attrs_slot.get({})
        told = attrs if isinstance(attrs, dict) else {}
        first = whole(told.get("COMPN_RenderStart"))
        last = whole(told.get("COMPN_RenderEnd"))
        name = names[index - 1] if index <= len(names) else f"Composition {index}"
        found.append(CompFile(index, name, path, first, None if last is None else last + 1))
    return tuple(found)


def render_mask(
    session: Session,
    item: Ref,
    comp: int,
    tool: str,
    *,
    frames: tuple[int, int],
    size: tuple[int, int],
    work: Path,
    decode: Probe,
) -> tuple[Path, ...]:
    """Render one mask through a Saver and leave the composition as it was.

    Parameters
    ----------
    comp : int
        Composition, from 1.
    frames : (int, int)
        The comp's own frame numbers, half-open.
    size : (int, int)
        Width and height of the pictures.

    Raises
    ------
    SaverError
        Fusion could not, or not every picture is there.
    CompAlteredError
        The composition reads otherwise than before.
    """
    before = export_comps(session, item, work)[comp - 1].path.read_bytes()
    folder = _folder(work / "mattes")
    prefix = f"matte_{secrets.token_hex(3)}_"
    # Trailing digits of the name would become the frame number; with none Fusion appends it.
    payload = {
        "item": item.handle,
        "comp": comp,
        "tool": tool,
        "path": str(folder / f"{prefix}.png"),
        "first": frames[0],
        "last": frames[1] - 1,
        "width": size[0],
        "height": size[1],
    }
    answer = session.ask("saver", payload, timeout_s=SAVER_S)
    problem = answer.get("problem") if isinstance(answer, dict) else repr(answer)
    after = export_comps(session, item, work)[comp - 1].path.read_bytes()
    if after != before:
        raise CompAlteredError(detail=f"{len(before)} -> {len(after)} bytes")
    if problem:
        session.suspect_dialog()
        raise SaverError(tool=tool, detail=str(problem))
    pictures = _numbered(folder, prefix)
    if len(pictures) != frames[1] - frames[0]:
        raise SaverError(tool=tool, detail=f"{len(pictures)} pictures of {frames}")
    try:
        probed = decode(pictures)
    except (ValueError, OSError) as error:
        raise SaverError(tool=tool, detail=str(error)) from error
    if (probed.width, probed.height) != size:
        raise SaverError(tool=tool, detail=f"{probed.width}x{probed.height}")
    return pictures


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(
            reason=error.strerror or "Nothing can be written",
            folder=str(folder),
            detail=repr(error),
        ) from error
    return folder


def _numbered(folder: Path, prefix: str) -> tuple[Path, ...]:
    """Sort pictures by number; Fusion writes it unpadded or padded as it likes."""
    found: list[tuple[int, Path]] = []
    for path in folder.glob(f"{prefix}*.png"):
        digits = path.stem[len(prefix) :]
        if digits.lstrip("-").isdigit():
            found.append((int(digits), path))
    return tuple(path for _, path in sorted(found))
