"""Makes the lists of exact packages with checksums again; for those who work on the product.

    python3 -m installer lock

needs uv. One list serves every system and Python: what differs carries a marker. It holds what
panel, engine and the describing of farm jobs need, so that every command works. torch and
what it brings on Linux are left out: they depend on the card and come in a step of their own.
The lists name no server, so every mirror can serve them.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from installer.console import StepFailed

__all__ = ["FILES", "relock"]

_CUDA = (
    "cublas", "cuda-cccl", "cuda-cupti", "cuda-nvrtc", "cuda-runtime", "cudnn-cu13", "cufft",
    "cufile", "curand", "cusolver", "cusparse", "cusparselt-cu13", "nccl-cu13", "nvjitlink",
    "nvshmem-cu13", "nvtx",
)  # fmt: skip
_OUTSIDE = (
    "torch", "triton", "cuda-bindings", "cuda-pathfinder", "cuda-toolkit",
    *(f"nvidia-{name}" for name in _CUDA),
)  # fmt: skip
# file -> what is pinned besides
FILES = {
    "lock.txt": (),
    "lock-glibc-2.28.txt": ("pyside6-essentials==6.9.3", "shiboken6==6.9.3"),
}
_HEAD = """\
# Every package of FlowAnchor but torch, with the checksums of all its files.
# Made by: python3 -m installer lock
"""


def relock(root: Path) -> None:
    """Write the lists into the checkout `root`.

    Raises
    ------
    StepFailed
    """
    uv = shutil.which("uv")
    if uv is None:
        raise StepFailed("Lock the packages", "uv is not there", "pip install uv")
    folder = root / "installer" / "requirements"
    folder.mkdir(parents=True, exist_ok=True)
    for name, pinned in FILES.items():
        command = [
            uv, "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11",
            "--extra", "engine", "--extra", "panel", "--extra", "farm", "--generate-hashes",
            "--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links",
            "--quiet", "--constraints", "-",
        ]  # fmt: skip
        for each in _OUTSIDE:
            command += ["--no-emit-package", each]
        done = subprocess.run(
            command, cwd=root, input="\n".join(pinned), capture_output=True, encoding="utf-8",
            check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise StepFailed("Lock the packages", done.stderr.strip()[:400], "Mend pyproject.toml.")
        (folder / name).write_text(_HEAD + done.stdout, encoding="utf-8")
