"""What the tests of downloads share: a program that downloads, and what arrived."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flowanchor_engine import models
from flowanchor_engine.errors import ModelMissingError
from flowanchor_engine.models.manifest import MANIFEST
from tests.engine.models.conftest import SMALL

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
REPOSITORY = Path(__file__).parents[3]


def names(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}


def same(home: Path, source: Path) -> bool:
    listed = names(home) - {MANIFEST}
    return all((home / name).read_bytes() == (source / name).read_bytes() for name in listed)


def not_here(model: str = SMALL) -> bool:
    try:
        models.folder(model)
    except ModelMissingError:
        return True
    return False


def command(start: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", start, "models", "get", SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


MAIN = "from flowanchor_engine.cli.app import main; main()"
