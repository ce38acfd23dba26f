"""The product's own wheel: holds what it needs, and installs for real."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer import scripts
from installer.models import read_registry
from installer.product import Product, lock_file
from tests.installer.little import Desk

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel by this interpreter's own build back end."""
    env = Path(sys.prefix)
    return Product.at(ROOT).wheel(env, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def archive(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as opened:
        yield opened


def tracked(*patterns: str) -> set[str]:
    """What git knows below these paths."""
    done = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).exists()}


def test_the_wheel_holds_every_file_of_the_product(archive: zipfile.ZipFile) -> None:
    needed = tracked("flowanchor_engine", "resolve_bridge", "plugin", "installer")
    missing = needed - set(archive.namelist())
    assert missing == set()


@pytest.mark.parametrize(
    "needed",
    [
        "flowanchor_engine/demo/weights/transformer/diffusion_pytorch_model.safetensors",
        "flowanchor_engine/demo/weights/vae/diffusion_pytorch_model.safetensors",
        "flowanchor_engine/demo/weights/text_encoder/model.safetensors",
        "flowanchor_engine/demo/weights/tokenizer/tokenizer.json",
        "flowanchor_engine/models/registry.json",
        "resolve_bridge/agent/FlowAnchor.lua",
        "resolve_bridge/agent/FlowAnchorTool.lua",
        "resolve_bridge/agent/FlowAnchor.setting",
        "resolve_bridge/agent/FlowAnchor.fu",
        "plugin/fonts/Inter-Regular.otf",
        "plugin/fonts/OFL.txt",
        "installer/requirements/lock.txt",
        "installer/data/flowanchor.svg",
        *(f"{p}/py.typed" for p in ("flowanchor_engine", "resolve_bridge", "plugin", "installer")),
    ],
)
def test_the_wheel_holds(archive: zipfile.ZipFile, needed: str) -> None:
    assert archive.getinfo(needed).file_size == (ROOT / needed).stat().st_size


def test_the_wheel_holds_languages_and_style(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    assert any(n.startswith("plugin/locale/en/") and n.endswith(".json") for n in names)
    assert any(n.startswith("plugin/locale/de/") and n.endswith(".json") for n in names)
    if list((ROOT / "plugin").rglob("*.qss")):
        assert any(n.endswith(".qss") for n in names)


def test_the_wheel_holds_nothing_else(archive: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in archive.namelist()}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert tops == {
        "flowanchor_engine", "resolve_bridge", "plugin", "installer",
        f"flowanchor-{version}.dist-info",
    }  # fmt: skip
    assert not [n for n in archive.namelist() if n.endswith((".pyc", ".tmp"))]


def test_the_metadata_tells_needs_commands_and_licence(archive: zipfile.ZipFile) -> None:
    info = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA")).rsplit("/")[0]
    metadata = archive.read(f"{info}/METADATA").decode()
    assert "License-Expression: GPL-3.0-or-later" in metadata
    assert "Requires-Python: >=3.11" in metadata
    for extra in ("engine", "panel", "dev"):
        assert f"Provides-Extra: {extra}" in metadata
    commands = archive.read(f"{info}/entry_points.txt").decode()
    for name in ("flowanchor", "flowanchor-engine", "flowanchor-setup"):
        assert f"\n{name} = " in commands
    assert f"{info}/licenses/LICENSE" in archive.namelist()


def test_the_installer_reads_scripts_and_models_from_it(wheel: Path) -> None:
    agent = scripts.read_agent(wheel)
    assert agent["FlowAnchor.lua"] == (ROOT / "resolve_bridge/agent/FlowAnchor.lua").read_text()
    assert {each.id for each in read_registry(wheel)} >= {"demo", "wan2.1-1.3b"}
    assert lock_file(ROOT, glibc=(2, 17)).name == "lock-glibc-2.28.txt"
    assert lock_file(ROOT, glibc=(2, 40)).name == "lock.txt"


@pytest.mark.timeout(1500)
def test_the_product_itself_installs_edits_and_goes(tmp_path: Path) -> None:
    """Gigabytes of real packages: the one proof that the lists and the wheel fit together."""
    reach = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest",
         str(tmp_path / "reach"), "zipp"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if reach.returncode != 0:
        pytest.skip("no package index can be reached")
    desk = Desk(tmp_path / "desk", tmp_path / "none")
    command = [sys.executable, "-m", "installer", "install", "--tool", "pip", "--yes",
               "--model", "none", "--folder", str(desk.folder)]  # fmt: skip
    from os import environ

    env = {**environ, **desk.env(), "PATH": environ["PATH"], "OMP_NUM_THREADS": "1"}
    if "PIP_CONFIG_FILE" not in env:
        env["XDG_CONFIG_HOME"] = str(Path(environ.get("HOME", "/root")) / ".config")
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=1400
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Wiring test" in done.stdout
    assert "One small edit: 9 frames" in done.stdout
    desk.more = {"PATH": environ["PATH"]}
    assert "wan2.1-1.3b" in desk.start("flowanchor", "models", "list").stdout
    seen = desk.start("flowanchor-setup", "doctor")
    assert seen.returncode == 0, seen.stdout
    gone = desk.start("flowanchor-setup", "uninstall", "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert not desk.folder.exists()
    assert not desk.agent.exists()
