"""From a fresh clone to an empty folder again: install, edit, place, update, undo, uninstall."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.gate import Gate
from tests.installer import little
from tests.journey.desk import FIRST, FRAMES, Desk
from tests.journey.hands import DRIVER, STEP, PanelProcess, surroundings
from tests.journey.present import write_present

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SAID = json.loads((FIRST / "first.json").read_text())


def clone(folder: Path, lock: list[str], *, version: str = "") -> Path:
    """A fresh copy of the product whose lists of packages are those of the wheel folder."""
    if (ROOT / ".git").exists():
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(folder)], check=True)
    else:
        ignored = shutil.ignore_patterns(".*", "__pycache__", "tests")
        shutil.copytree(ROOT, folder, ignore=ignored)
    for path in (folder / "installer" / "requirements").glob("*.txt"):
        path.write_text("\n".join(lock) + "\n")
    if version:
        facts = folder / "pyproject.toml"
        text = re.sub(
            r'^version = "[^"]+"$', f'version = "{version}"', facts.read_text(), flags=re.M
        )
        facts.write_text(text)
    return folder


class Resolve(Desk):
    """A Resolve whose menu holds what the installer put there."""

    agent: Path

    def click_installed(self) -> None:
        lua = self.double.lua_runtime()
        lua.start(self.agent)
        self.agents.append(lua)


@pytest.fixture(params=[("free", "21.1"), ("studio", "21.1"), ("studio", "18.5")], ids="-".join)
def resolve(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Resolve]:
    made = Resolve(tmp_path / "computer", *request.param)
    yield made
    made.close()


def started(computer: little.Desk, gate: Gate, text: str = "") -> tuple[list[str], dict[str, str]]:
    """The installed panel command with the driver for its module, and its surroundings."""
    launcher = computer.folder / "bin" / "flowanchor-panel"
    driven = launcher.read_text().replace("-m plugin", f"'{DRIVER}'")
    assert str(DRIVER) in driven
    command = ["sh", "-c", driven, str(launcher), "--language", "en", *([text] if text else [])]
    return command, surroundings(computer.home, gate)


def saved(take: list[str]) -> int:
    """Passes through the model that the source cache made unnecessary."""
    (recipe,) = Path(take[1]).parent.glob(f"{Path(take[1]).stem}.recipe.json")
    return int(json.loads(recipe.read_text())["result"]["forwards_saved"])


def test_install_edit_place_update_undo_uninstall(resolve: Resolve, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    lock = write_present(wheels)
    compiled = tmp_path / "computer" / "home" / ".cache" / "compiled"
    more = {"TORCHINDUCTOR_CACHE_DIR": str(compiled), "OMP_NUM_THREADS": "1"}
    computer = little.Desk(tmp_path / "computer", wheels, more=more)
    assert computer.home == resolve.double.home
    resolve.agent = computer.agent
    before, files = resolve.double.state(), computer.everything()

    # Install into an empty folder from a fresh clone and a wheel folder.
    done = computer.run(clone(tmp_path / "clone", lock), "install")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Try one small edit" in done.stdout or "per model pass" in done.stdout
    assert computer.agent.is_file()

    # The menu entry in Resolve links to the panel that was installed.
    resolve.open_resolve()
    resolve.click_installed()
    command, env = started(computer, resolve.gate)
    with PanelProcess(command, env, tmp_path) as panel:
        now = panel.see_the_shot(FRAMES)
        assert now["matte"] == "Polygon1"
        assert Path(now["source"]).is_relative_to(computer.folder), "this very installation"
        panel.do("write", **SAID)
        patch = panel.edit("patch")
        panel.do("where", value=70)
        frame = panel.edit("frame")
        panel.do("where", value=30)
        take = panel.edit("take")
        made = [patch[0], frame[0], take[0]]
        assert saved(frame) > 0
        assert saved(take) > 0
        placed = [panel.place(each) for each in made]
        assert {item.id for item in resolve.items()} >= set(placed[:2])
        panel.do("where", value=90)
        resolve.gate.hold("edit", done=STEP)
        panel.press_edit()
        panel.until(lambda now: now["done"] >= STEP)
        panel.kill()
    resolve.gate.let_go()

    # A newer version; what was placed with the old one is undone with the new one.
    done = computer.run(clone(tmp_path / "newer", lock, version="9.0.0"), "update")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((computer.folder / "versions").iterdir())) == 1
    assert 'local VERSION = "9.0.0"' in computer.agent.read_text()
    resolve.click_installed()
    with PanelProcess(*started(computer, resolve.gate), tmp_path) as panel:
        now = panel.see_the_shot(FRAMES)
        assert now["paused"]
        assert [take[2] for take in now["takes"] if take[0] == patch[0]] == [placed[0]]
        panel.do("act", name="resume_queue")
        now = panel.until(lambda now: len(now["takes"]) == 4, seconds=240)
        for each in reversed(made):
            panel.undo(each)
        assert panel.close() == 0
    assert resolve.changed(before) == []
    assert resolve.untouched()

    # Leaving: nothing of the product stays, nothing of the person goes.
    done = computer.run(tmp_path / "newer", "uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not computer.folder.exists(), sorted(computer.folder.rglob("*"))
    assert not computer.agent.exists()
    assert not computer.menu.exists()
    resolve.close()  # else it may be saving its preferences while they are looked at
    for take in now["takes"]:
        assert Path(take[1]).is_file(), "takes are the person's"
    after = computer.everything()
    assert {name for name in files if after.get(name) != files[name]} <= {
        name for name in files if name.endswith("Fusion.prefs")
    }
    kept = (".local/share/FlowAnchor/", ".cache/", ".local/state/", "Videos/", ".config/")
    own = [name for name in after.keys() - files.keys() if not name.startswith(kept)]
    assert all("Fusion.prefs" in name or "/FlowAnchor/" in name for name in own), own
