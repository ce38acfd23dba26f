"""Fills a folder from which another computer can install without a network."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from installer import torch_build
from installer.console import StepFailed
from installer.packages import Packages, clean_env, interpreter

if TYPE_CHECKING:
    from installer.check import Machine
    from installer.console import Console

__all__ = ["collect", "unpacked_bytes"]

_BUILD_TOOLS = ("setuptools>=77", "wheel")  # a package without a wheel is built where it is used


def collect(folder: Path, *, lock: Path, backend: str, machine: Machine, console: Console) -> None:
    """Download every package of this system's list, and torch for `backend`.

    Parameters
    ----------
    folder : Path
        Gets the wheels; what is there already is not downloaded again.

    Raises
    ------
    StepFailed
        Also where the package index holds no such build of torch; the rest is there then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="flowanchor-wheels-") as place:
        env = Path(place) / "env"
        pip = Packages(console=console, system=machine.system)
        pip.make(env)

        def download(step: str, *what: str) -> None:
            console.run(
                step,
                [str(interpreter(env)), "-m", "pip", "--disable-pip-version-check", "download",
                 "--dest", str(folder), *what],
                cwd=folder, env=clean_env(),
                way_out="Check the connection and run the same command again; it continues.",
            )  # fmt: skip

        download("Download the packages", "--no-deps", "--require-hashes", "-r", str(lock))
        download("Download the build tools", *_BUILD_TOOLS)
        version = torch_build.TORCH.partition("==")[2]
        names = [path.name.split("-")[1] for path in folder.glob(f"torch-{version}*.whl")]
        if any(torch_build.fits(name, backend, machine.system) for name in names):
            return
        step = f"Download torch ({backend})"
        offered = pip.offered_torch(env)
        if not torch_build.fits(offered, backend, machine.system):
            raise StepFailed(
                step,
                f"your package index has {offered or 'no torch'}, not the {backend} build",
                f"Put torch {version} ({backend}) for Python {sys.version_info[0]}."
                f"{sys.version_info[1]} from pytorch.org into {folder}; the rest is there.",
            )
        download(step, torch_build.TORCH)


def unpacked_bytes(folder: Path) -> int:
    """Return how large everything in a folder of wheels is once it is installed.

    A damaged wheel counts as nothing: the package tool names it when it comes to it.
    """
    total = 0
    for path in folder.glob("*.whl"):
        try:
            with zipfile.ZipFile(path) as archive:
                total += sum(each.file_size for each in archive.infolist())
        except (OSError, zipfile.BadZipFile):
            continue
    return total
