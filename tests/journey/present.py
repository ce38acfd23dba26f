"""A local wheel folder of the packages that are here already.

Each installed package becomes a wheel of its own name, version and needs, but without files; one
of them adds this environment's packages to the path. So the installer really resolves, installs
and checks everything with the real package tool and checksums, and nothing is fetched or copied.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import sysconfig
import zipfile
from email.message import Message
from pathlib import Path

__all__ = ["write_present"]

_OURS = frozenset({"flowanchor", "pip", "uv"})
_KEPT = ("Requires-Dist", "Provides-Extra", "Requires-Python")


def write_present(folder: Path) -> list[str]:
    """Fill a folder; return the lines of a list of exact packages with checksums."""
    folder.mkdir(parents=True)
    lines, seen = [], set(_OURS)
    for package in importlib.metadata.distributions():
        name = str(package.metadata["Name"]).lower().replace("_", "-").replace(".", "-")
        if name in seen:
            continue
        seen.add(name)
        files = {}
        if told := package.read_text("entry_points.txt"):
            info = f"{name.replace('-', '_')}-{package.version}.dist-info"
            files[f"{info}/entry_points.txt"] = told.encode()  # how a build tool finds its parts
        if name == "numpy":
            files["flowanchor_present.pth"] = sysconfig.get_path("purelib").encode() + b"\n"
        wheel = _write(folder, name.replace("-", "_"), package.version, package.metadata, files)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name}=={package.version} --hash=sha256:{digest}")
    return lines


def _write(folder: Path, name: str, version: str, told: Message, files: dict[str, bytes]) -> Path:
    info = f"{name}-{version}.dist-info"
    needs = [f"{key}: {value}" for key in _KEPT for value in told.get_all(key) or ()]
    metadata = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *needs])
    everything = {
        **files,
        f"{info}/METADATA": metadata.encode() + b"\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(path, "w") as archive:
        for inner, data in everything.items():
            archive.writestr(inner, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inner},sha256={digest},{len(data)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return path
