"""Whether an installed model is still what was installed: sizes, headers, checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowanchor_engine.errors import FlowAnchorError, ModelDamagedError, ModelIncompleteError
from flowanchor_engine.models import registry
from flowanchor_engine.models.manifest import Manifest, models_root, read_manifest
from flowanchor_engine.models.tally import Checksum, Tally, read_through
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.wan.facts import WanFacts, inspect, weight_files
from flowanchor_engine.wan.weights import check_whole

__all__ = ["Fault", "Verified", "faults", "verify"]


@dataclass(frozen=True)
class Fault:
    """One file that is not as it was installed; `size` in bytes is what it should have."""

    name: str
    size: int
    what: str


@dataclass(frozen=True)
class Verified:
    """What was found to be in order.

    Attributes
    ----------
    checksums : bool
        Whether every byte was compared with a checksum, or headers and sizes alone.
    """

    folder: Path
    facts: WanFacts
    files: int
    size: int
    checksums: bool


def faults(
    home: Path, manifest: Manifest, *, quick: bool = False, report: Reporter | None = None
) -> list[Fault]:
    """Return every file that is missing, cut off or changed.

    Parameters
    ----------
    quick : bool
        Look at sizes and safetensors headers alone.
    report : Reporter or None
        Gets bytes read in `Phase.LOAD`, and may stop.

    Raises
    ------
    Cancelled
    """
    tally = Tally(report or Silent(), Phase.LOAD, manifest.size)
    found: list[Fault] = []
    for file in manifest.files:
        path = home / file.name
        before = tally.done
        try:
            size = path.stat().st_size
            if size != file.size:
                found.append(Fault(file.name, file.size, f"{size} bytes of {file.size}"))
                continue
            if path.suffix == ".safetensors":
                check_whole(path)
            if not quick:
                checksum = Checksum(file.size)
                read_through(path, checksum, tally)
                if checksum.sha256 != file.sha256:
                    found.append(Fault(file.name, file.size, f"sha256 is {checksum.sha256}"))
        except FileNotFoundError:
            found.append(Fault(file.name, file.size, "missing"))
        except (OSError, ModelDamagedError) as error:
            detail = error.detail if isinstance(error, FlowAnchorError) else str(error)
            found.append(Fault(file.name, file.size, detail))
        tally.add(file.size - (tally.done - before))
    return found


def verify(
    model: str, *, root: Path | None = None, quick: bool = False, report: Reporter | None = None
) -> Verified:
    """Check a model on this computer.

    Models that FlowAnchor installed are compared with their manifest, byte by byte unless
    `quick`. Of others no checksums are known: their headers, sizes and configuration are
    checked.

    Parameters
    ----------
    model : str
        An id, the name of an imported model, or a folder.

    Raises
    ------
    ModelMissingError
        It is not on this computer.
    ModelDamagedError
        Names the first damaged file and counts the others; `detail` lists all.
    ModelIncompleteError
        A file is missing.
    ModelUnsafeError, ModelUnsupportedError
        The model cannot be used.
    Cancelled
    """
    if not model:
        registry.entry(model)  # says that there is none of that name
    base = models_root() if root is None else root
    home = base / model if Path(model).name == model else Path(model).expanduser()
    manifest = read_manifest(home)
    if manifest is None:
        home = registry.folder(model)
        manifest = read_manifest(home)
    if manifest is None:
        facts = inspect(home)
        paths = [p for part in facts.weight_bytes for p in weight_files(home, part)]
        for path in paths:
            check_whole(path)
        size = sum(path.stat().st_size for path in paths)
        return Verified(home, facts, len(paths), size, checksums=False)
    found = faults(home, manifest, quick=quick, report=report)
    if found:
        raise _error(home, found)
    return Verified(home, inspect(home), len(manifest.files), manifest.size, checksums=not quick)


def _error(home: Path, found: list[Fault]) -> FlowAnchorError:
    first, others = found[0], len(found) - 1
    more = f" and {others} more" if others else ""
    amount = sum(fault.size for fault in found) / 1e9
    detail = "; ".join(f"{fault.name}: {fault.what}" for fault in found)
    if all(fault.what == "missing" for fault in found):
        return ModelIncompleteError(
            f"The model {home.name} is incomplete: {first.name}{more} missing ({amount:.2f} GB).",
            hint=["download_model"],
            detail=detail,
        )
    return ModelDamagedError(
        f"{first.name}{more} of the model {home.name} is damaged ({amount:.2f} GB).",
        hint=["download_model"],
        detail=detail,
    )
