"""What the installer sees of a computer, and what it chooses from that."""

from __future__ import annotations

import ctypes
import dataclasses
import io
import os
import plistlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import lupa.luajit21 as lupa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from installer import (
    check,
    doctor,
    drives,
    gpu,
    launchers,
    libraries,
    memory,
    models,
    resolve,
    scripts,
    torch_build,
)
from installer.check import Machine
from installer.console import Console, StepFailed, bar, size
from installer.launchers import windows_shortcut
from installer.packages import Packages, pip_settings
from installer.places import PRODUCT, Places
from resolve_bridge.agent import places as bridge_places

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "resolve_bridge" / "agent"


# Graphics ---------------------------------------------------------------------------------


class Nvml:
    """NVML as the header describes it: results through pointers, a status as the value."""

    def __init__(self, cards: list[gpu.Card], *, init: int = 0, cuda: int = 13000) -> None:
        self.cards, self.init, self.cuda, self.open = cards, init, cuda, 0

    def nvmlInit_v2(self) -> int:  # noqa: N802
        self.open += self.init == 0
        return self.init

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.open -= 1
        return 0

    def nvmlSystemGetDriverVersion(self, buffer: Any, length: ctypes.c_uint) -> int:  # noqa: N802
        assert length.value == len(buffer)
        buffer.value = b"580.65.06"
        return 0

    def nvmlSystemGetCudaDriverVersion_v2(self, out: Any) -> int:  # noqa: N802
        out._obj.value = self.cuda
        return 0

    def nvmlDeviceGetCount_v2(self, out: Any) -> int:  # noqa: N802
        out._obj.value = len(self.cards)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, out: Any) -> int:  # noqa: N802
        if self.cards[index.value].memory == 0:
            return 15  # the card has fallen off the bus
        out._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetName(self, handle: ctypes.c_void_p, buffer: Any, length: Any) -> int:  # noqa: N802
        del length
        buffer.value = self._card(handle).name.encode()
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: ctypes.c_void_p, out: Any) -> int:  # noqa: N802
        card = self._card(handle)
        out._obj.total, out._obj.free = card.memory, card.free
        return 0

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any, major: Any, minor: Any) -> int:  # noqa: N802
        major._obj.value, minor._obj.value = self._card(handle).capability
        return 0

    def _card(self, handle: ctypes.c_void_p) -> gpu.Card:
        assert handle.value is not None
        return self.cards[handle.value - 1]


def card(name: str, gb: float, capability: tuple[int, int]) -> gpu.Card:
    return gpu.Card(name, int(gb * 2**30), int(gb * 2**30) // 2, capability)


def test_every_card_is_read_and_the_driver_is_left_closed() -> None:
    cards = [card("RTX 4090", 24, (8, 9)), card("lost", 0, (0, 0)), card("GTX 1080", 8, (6, 1))]
    nvml = Nvml(cards)
    driver = gpu.look(nvml)
    assert driver.version == "580.65.06"
    assert driver.cuda == (13, 0)
    assert driver.cards == (cards[0], cards[2])
    assert driver.best == cards[0]
    assert nvml.open == 0


def test_a_driver_that_does_not_answer_is_told_in_words() -> None:
    driver = gpu.look(Nvml([], init=18))
    assert driver.best is None
    assert "restart" in driver.trouble


def machine(
    system: str, *, cuda: tuple[int, int] = (0, 0), cards: Any = (), **more: Any
) -> Machine:
    driver = gpu.Driver(version="580.0" if cards else "", cuda=cuda, cards=tuple(cards))
    architecture = more.pop("architecture", "AMD64" if system == "Windows" else "x86_64")
    return Machine(
        system=system, architecture=architecture, python="3.12.1", driver=driver,
        glibc=(2, 35) if system == "Linux" else (0, 0), memory_gb=32,
        **{"release": "15.1", **more},
    )  # fmt: skip


ADA, PASCAL, KEPLER = card("Ada", 24, (8, 9)), card("Pascal", 8, (6, 1)), card("K", 4, (3, 5))


@pytest.mark.parametrize(
    ("computer", "backend"),
    [
        (machine("Linux"), "cpu"),
        (machine("Windows"), "cpu"),
        (machine("Linux", cuda=(13, 1), cards=[ADA]), "cu130"),
        (machine("Windows", cuda=(13, 0), cards=[ADA]), "cu130"),
        (machine("Linux", cuda=(12, 8), cards=[ADA]), "cu126"),
        (machine("Linux", cuda=(13, 0), cards=[PASCAL]), "cu126"),
        (machine("Linux", cuda=(12, 2), cards=[ADA]), "cpu"),
        (machine("Linux", cuda=(12, 6), cards=[KEPLER]), "cpu"),
        (machine("Darwin", architecture="arm64"), "mps"),
    ],
)
def test_the_build_of_torch_follows_card_and_driver(computer: Machine, backend: str) -> None:
    assert torch_build.choose(computer) == backend
    has_card = computer.driver.best is not None
    assert bool(torch_build.why(computer)) == (has_card and backend == "cpu")


@pytest.mark.parametrize(
    ("version", "system", "fitting"),
    [
        ("2.13.0+cpu", "Linux", {"cpu"}),
        ("2.13.0", "Linux", {"cu130"}),
        ("2.13.0", "Windows", {"cpu"}),
        ("2.13.0", "Darwin", {"mps"}),
        ("2.13.0+cu126", "Windows", {"cu126"}),
        ("2.12.0+cpu", "Linux", set()),
        ("", "Linux", set()),
    ],
)
def test_a_wrong_build_of_torch_is_never_taken_for_the_right_one(
    version: str, system: str, fitting: set[str]
) -> None:
    backends = ("cpu", "cu126", "cu130", "mps")
    assert {b for b in backends if torch_build.fits(version, b, system)} == fitting


@pytest.mark.parametrize(
    ("computer", "words"),
    [
        (dataclasses.replace(machine("Linux"), glibc=(2, 17)), "glibc 2.17"),
        (dataclasses.replace(machine("Linux"), glibc=(0, 0)), "none"),
        (machine("Darwin", architecture="x86_64"), "Intel"),
        (
            dataclasses.replace(machine("Darwin", architecture="arm64"), release="13.6"),
            "macOS 13.6",
        ),
    ],
)
def test_a_computer_without_a_torch_is_refused_with_a_reason(computer: Machine, words: str) -> None:
    with pytest.raises(StepFailed) as caught:
        check.require_supported(computer)
    assert words in caught.value.reason
    assert caught.value.way_out


# Models -----------------------------------------------------------------------------------


def registry(tmp_path: Path) -> tuple[models.Model, ...]:
    import zipfile

    wheel = tmp_path / "flowanchor-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        source = ROOT / "flowanchor_engine" / "models" / "registry.json"
        archive.write(source, "flowanchor_engine/models/registry.json")
    return models.read_registry(wheel)


@pytest.mark.parametrize(
    ("gb", "proposed", "offered"),
    [
        (0, "demo", {"demo"}),
        (4, "demo", {"demo"}),
        (7.8, "wan2.1-1.3b", {"demo", "wan2.1-1.3b"}),
        (23.99, "wan2.1-1.3b", {"demo", "wan2.1-1.3b", "wan2.1-14b", "wan2.2-5b"}),
        (80, "wan2.1-1.3b",
         {"demo", "wan2.1-1.3b", "wan2.1-14b", "wan2.2-5b", "wan2.2-a14b"}),
    ],
)  # fmt: skip
def test_what_fits_is_offered_and_only_the_measured_is_proposed(
    tmp_path: Path, gb: float, proposed: str, offered: set[str]
) -> None:
    computer = machine("Linux", cuda=(13, 0), cards=[card("x", gb, (8, 9))] if gb else [])
    known = registry(tmp_path)
    assert models.recommended(known, computer).id == proposed
    assert {each.id for each in models.fitting(known, computer)} == offered
    assert all(each.rough_bytes > 1e9 for each in known if each.downloadable)


# Folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "service"),
    [
        ("/Users/a/Library/Mobile Documents/com~apple~CloudDocs/FlowAnchor", "iCloud Drive"),
        ("/Users/a/Library/CloudStorage/GoogleDrive-a/FlowAnchor", "a cloud drive"),
        ("/home/a/Dropbox (Work)/x", "Dropbox"),
        ("/home/a/Nextcloud/x", "Nextcloud"),
        ("/c/Users/a/OneDrive - Studio/x", "OneDrive"),
        ("/home/a/onedriver/x", None),
        ("/home/a/films/dropboxes/x", None),
    ],
)
def test_synchronised_folders_are_known_by_name(folder: str, service: str | None) -> None:
    assert drives.sync_service(Path(folder), {}) == service


def test_a_moved_onedrive_is_known_by_its_variable(tmp_path: Path) -> None:
    env = {"OneDrive": str(tmp_path / "wolke")}
    assert drives.sync_service(tmp_path / "wolke" / "FlowAnchor", env) == "OneDrive"
    assert drives.sync_service(tmp_path / "anders", env) is None


def test_the_deepest_mount_decides_what_is_network(tmp_path: Path) -> None:
    mounts = [("/", "ext4"), (str(tmp_path), "nfs4"), (str(tmp_path / "disk"), "xfs")]
    (tmp_path / "disk").mkdir()
    assert drives.is_network(tmp_path / "not yet there", mounts)
    assert not drives.is_network(tmp_path / "disk" / "x", mounts)
    assert not drives.is_network(Path("/"), mounts)


def test_the_memory_that_is_free_is_told_apart_from_all_of_it() -> None:
    assert 0 < memory.available_bytes() <= memory.total_bytes()
    told = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               100.\n"
        "Pages active:                            9000.\n"
        "Pages inactive:                            20.\n"
        "Pages speculative:                          3.\n"
        '"Translation faults":                  123456.\n'
    )
    assert memory.from_vm_stat(told) == 123 * 16384
    assert memory.from_vm_stat("") == 0


@pytest.mark.parametrize(
    ("total", "spare", "level"),
    [(32, 20, "ok"), (32, 1, "warn"), (6, 4, "warn"), (3, 2, "bad"), (32, 0, "ok")],
)
def test_too_little_free_memory_is_told(
    tmp_path: Path, total: float, spare: float, level: str
) -> None:
    machine = Machine("Linux", "x86_64", "3.12", memory_gb=total, spare_gb=spare, glibc=(2, 36))
    places = Places("linux", {"HOME": str(tmp_path)})
    found = doctor.computer(machine, places, folder=tmp_path, models=tmp_path, display=False)
    (row,) = (each for each in found if each.subject == "Memory")
    assert row.level == level
    assert bool(row.action) == (level != "ok")


@pytest.mark.parametrize(
    ("python", "level"), [("3.11.0", "ok"), ("3.13.9", "ok"), ("3.14.0", "warn"), ("4.0.0", "warn")]
)
def test_a_python_that_nobody_tried_is_told(tmp_path: Path, python: str, level: str) -> None:
    machine = Machine("Linux", "x86_64", python, memory_gb=32, glibc=(2, 36))
    places = Places("linux", {"HOME": str(tmp_path)})
    found = doctor.computer(machine, places, folder=tmp_path, models=tmp_path, display=False)
    (row,) = (each for each in found if each.subject == "Python")
    assert row.level == level


def test_the_newest_python_is_the_one_that_the_package_names() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (\d+)\.(\d+)"', text)
    assert max((int(a), int(b)) for a, b in named) == check._NEWEST_TRIED


def test_a_fifth_is_kept_free() -> None:
    assert drives.needed_bytes(100, 50) == 180


@pytest.mark.parametrize(
    ("manager", "text"),
    [
        ("apt-get", "sudo apt-get install -y libegl1 libxcb-cursor0"),
        ("dnf", "sudo dnf install -y mesa-libEGL xcb-util-cursor"),
        ("pacman", "sudo pacman -S --needed libglvnd xcb-util-cursor"),
    ],
)
def test_missing_libraries_are_named_with_one_command(manager: str, text: str) -> None:
    gone = {"libEGL.so.1", "libxcb-cursor.so.0"}
    found = libraries.missing(display=True, loads=lambda name: name not in gone, platform="linux")
    assert set(found) == gone
    assert libraries.command(found, manager=manager) == text
    without = libraries.missing(display=False, loads=lambda n: n not in gone, platform="linux")
    assert without == ("libEGL.so.1",)
    assert libraries.missing(display=True, loads=lambda _: False, platform="win32") == ()


# pip's settings ---------------------------------------------------------------------------


def test_what_pip_was_told_holds_for_uv_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror.example/simple\nfind-links = /a\n /b\n"
        "cert = /certs/x.pem\n[install]\nproxy = http://proxy.example:3128\n"
    )
    found = pip_settings({"HOME": str(home), "PIP_EXTRA_INDEX_URL": "https://one/ https://two/"})
    uv = Packages(console=Console(tmp_path / "log"), uv=Path("/uv"), settings=found)
    flags = uv._sources()
    assert flags[flags.index("--default-index") + 1] == "https://mirror.example/simple"
    assert [flags[i + 1] for i, f in enumerate(flags) if f == "--index"] == [
        "https://one/", "https://two/",
    ]  # fmt: skip
    links = [flags[i + 1] for i, f in enumerate(flags) if f == "--find-links"]
    assert links[:2] == ["/a", "/b"] or "/a" in links
    assert found["cert"] == "/certs/x.pem"
    assert found["proxy"] == "http://proxy.example:3128"


def test_variables_win_and_a_null_file_silences_the_files(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".pip").mkdir(parents=True)
    (home / ".pip" / "pip.conf").write_text("[global]\nindex-url = https://file/\n")
    assert pip_settings({"HOME": str(home), "PIP_INDEX_URL": "https://var/"})["index-url"] == (
        "https://var/"
    )
    quiet = pip_settings({"HOME": str(home), "PIP_CONFIG_FILE": os.devnull})
    assert "index-url" not in quiet


# Resolve ----------------------------------------------------------------------------------


def windows(tmp_path: Path, user: str = "anna") -> Places:
    home = tmp_path / "Users" / user
    env = {
        "USERPROFILE": str(home),
        "USERNAME": user,
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
        "PROGRAMDATA": str(tmp_path / "ProgramData"),
        "PROGRAMFILES": str(tmp_path / "Program Files"),
    }
    return Places("win32", env)


def mac(tmp_path: Path) -> Places:
    env = {"HOME": str(tmp_path / "home"), "FLOWANCHOR_SYSTEM_ROOT": str(tmp_path / "root")}
    return Places("darwin", env)


def test_windows_scripts_go_into_roaming_once(tmp_path: Path) -> None:
    places = windows(tmp_path)
    assert resolve.trees(places) == ()
    program = tmp_path / "Program Files" / PRODUCT
    program.mkdir(parents=True)
    (program / "Resolve.exe").write_bytes(b"MZ")
    (tree,) = resolve.trees(places)
    support = places.roaming / "Blackmagic Design" / "DaVinci Resolve" / "Support"
    assert tree.fusion == support / "Fusion"
    assert "Roaming/Roaming" not in tree.fusion.as_posix()
    (shared,) = resolve.trees(places, all_users=True)
    assert shared.fusion == tmp_path / "ProgramData" / PRODUCT / "Fusion"


def test_the_app_store_edition_gets_its_own_mailbox_and_both_script_folders(tmp_path: Path) -> None:
    places = mac(tmp_path)
    data = places.home / "Library" / "Containers" / "com.blackmagic-design.DaVinciResolveLite"
    (data / "Data").mkdir(parents=True)
    found = resolve.trees(places)
    inside = data / "Data" / "Library" / "Application Support"
    assert [t.fusion for t in found] == [inside / PRODUCT / "Fusion", inside / "Fusion"]
    assert {t.mailbox for t in found} == {inside / "FlowAnchor" / "mailbox"}
    agent = {n: (AGENT / n).read_text() for n in scripts._FILES}
    wanted = scripts.wanted(found, agent, version="9.8", panel=Path("/x/panel"))
    names = [each.path.relative_to(inside).as_posix() for each in wanted]
    assert "Fusion/Scripts/Utility/FlowAnchor.lua" in names
    assert not any(n.startswith(("Fusion/Config", "Fusion/Templates")) for n in names)
    boxes = bridge_places.mailbox_folders(places.env, "darwin")
    assert {t.mailbox for t in found} < set(boxes)


def test_both_mac_editions_beside_each_other_get_scripts(tmp_path: Path) -> None:
    places = mac(tmp_path)
    (places.home / "Library" / "Application Support" / PRODUCT).mkdir(parents=True)
    (places.home / "Library/Containers/com.blackmagic-design.DaVinciResolve/Data").mkdir(
        parents=True
    )
    kinds = [tree.kind for tree in resolve.trees(places)]
    assert kinds == ["user", "app store", "app store scripts"]


def test_version_and_edition_are_read_where_the_files_tell(tmp_path: Path) -> None:
    places = mac(tmp_path)
    app = tmp_path / "root" / "Applications" / "DaVinci Resolve" / "DaVinci Resolve.app"
    (app / "Contents").mkdir(parents=True)
    (app / "Contents" / "Info.plist").write_bytes(
        plistlib.dumps({"CFBundleShortVersionString": "21.1.1", "CFBundleName": "Resolve"})
    )
    assert resolve.find(places).version == "21.1.1"
    linux = Places("linux", places.env)
    opt = tmp_path / "root" / "opt" / "resolve"
    (opt / "bin").mkdir(parents=True)
    (opt / "bin" / "resolve").touch()
    found = resolve.find(linux)
    assert found.program == opt
    assert found.version == ""
    assert "shows when it is connected" in found.describe()
    (opt / "docs").mkdir()
    (opt / "docs" / "ReadMe.html").write_text("<b>DaVinci Resolve Studio</b>&nbsp;18.1.4")
    assert resolve.find(linux).describe() == "DaVinci Resolve Studio 18.1.4"
    (old,) = tuple(doctor._resolve(linux))
    assert old.level == "bad"
    assert "18.5" in old.action


@pytest.mark.parametrize("user", ["anna", "Jörg", "花子"])
def test_the_mailbox_is_where_the_panel_looks(tmp_path: Path, user: str) -> None:
    for places in (
        windows(tmp_path, user),
        mac(tmp_path),
        Places("linux", {"HOME": f"/home/{user}"}),
        Places("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "/data"}),
        Places("linux", {"HOME": "/home/a", "FLOWANCHOR_MAILBOX": "/box"}),
    ):
        assert places.mailbox == bridge_places.mailbox_folders(places.env, places.platform)[0]


paths = st.text(
    st.characters(blacklist_characters="\n\r\0", blacklist_categories=["Cs"]), min_size=1
).map(lambda text: Path("/" + text))


@given(mailbox=paths, panel=paths)
def test_the_stamped_agent_is_the_bridges_and_reads_back_in_lua(mailbox: Path, panel: Path) -> None:
    text = (AGENT / "FlowAnchor.lua").read_text(encoding="utf-8")
    if any(f"{path}]==]".index("]==]") != len(str(path)) for path in (mailbox, panel)):
        with pytest.raises(StepFailed):
            scripts.stamp(text, version="1.2.3", mailbox=mailbox, panel=panel)
        return
    stamped = scripts.stamp(text, version="1.2.3", mailbox=mailbox, panel=panel)
    theirs = bridge_places.stamped(text, mailbox=mailbox, panel=panel)
    versions = re.compile('local VERSION = "[^"]*"')
    assert stamped == versions.sub('local VERSION = "1.2.3"', theirs, count=1)
    lua = lupa.LuaRuntime()
    heads = [
        n for n in stamped.split("\n") if n.startswith(("local MAIL", "local PAN", "local VER"))
    ]
    assert len(heads) == 3
    read = lua.execute("\n".join(heads) + "\nreturn {VERSION, MAILBOX, PANEL}")
    assert [read[1], read[2], read[3]] == ["1.2.3", str(mailbox), str(panel)]
    lua.eval("function(text) assert(loadstring(text)) end")(stamped)


def test_the_scripts_never_go_where_fusion_starts_things(tmp_path: Path) -> None:
    agent = {n: (AGENT / n).read_text() for n in scripts._FILES}
    for kind in ("user", "app store", "app store scripts", "custom"):
        tree = resolve.Tree(tmp_path, kind, tmp_path / "box")
        for each in scripts.wanted([tree], agent, version="1", panel=Path("/p")):
            parts = each.path.relative_to(tmp_path).parts
            assert parts[:2] in {
                ("Scripts", "Utility"), ("Scripts", "Tool"), ("Templates", "Edit"),
                ("Config", "FlowAnchor.fu"),
            }  # fmt: skip
            assert each.path.suffix != ".scriptlib"


# Menus ------------------------------------------------------------------------------------


def test_the_mac_application_starts_the_panel(tmp_path: Path) -> None:
    places = mac(tmp_path)
    folder = tmp_path / "it's here"
    files = {f.path: f for f in launchers.menu_files(folder, places, version="1.2")}
    facts = plistlib.loads(files[places.menu_entry / "Contents" / "Info.plist"].data)
    start = files[places.menu_entry / "Contents" / "MacOS" / facts["CFBundleExecutable"]]
    assert start.executable
    panel = launchers.panel_command(folder, "darwin")
    panel.parent.mkdir(parents=True)
    panel.write_text('#!/bin/sh\necho "panel $1"\n')
    panel.chmod(0o755)
    script = tmp_path / "start"
    script.write_bytes(start.data)
    shown = subprocess.run(["sh", str(script), "a b"], capture_output=True, text=True, check=True)
    assert shown.stdout == "panel a b\n"


def test_windows_commands_read_the_pointer_and_open_no_console(tmp_path: Path) -> None:
    texts = {p.name: t for p, t in launchers.commands(tmp_path, models=None, platform="win32")}
    panel, engine = texts["flowanchor-panel.cmd"], texts["flowanchor-engine.cmd"]
    assert "pythonw.exe" in panel
    assert 'start ""' in panel
    assert "pythonw" not in engine
    for text in texts.values():
        assert "set PYTHONHOME=\r\n" in text
        assert 'set /p version=<"%here%\\current"' in text
        assert all(line.endswith("\r") for line in text.split("\n")[:-1])


def test_the_windows_setup_runs_nothing_that_it_may_have_to_delete(tmp_path: Path) -> None:
    texts = {p.name: t for p, t in launchers.commands(tmp_path, models=None, platform="win32")}
    setup = texts["flowanchor-setup.cmd"]
    # A running python.exe of the version cannot be deleted there, and counts as the product in use.
    assert "env\\Scripts" not in setup
    assert 'if /i "%%a"=="home" set "base=%%b"' in setup
    last = setup.rstrip().splitlines()[-1]
    assert last == '"%base%\\python.exe" -m installer %* & exit /b'


def test_windows_commands_read_a_models_folder_of_any_letters(tmp_path: Path) -> None:
    for name, page in (("models", False), ("Büro 100%", True)):
        found = launchers.commands(tmp_path, models=Path(name), platform="win32")
        for path, text in found:
            before = text.partition(f'set "FLOWANCHOR_MODELS={name.replace("%", "%%")}"')[0]
            assert before != text
            assert "chcp 65001" in before or not page, path


def test_a_windows_shortcut_goes_through_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = windows(tmp_path)
    made = tmp_path / "x" / "FlowAnchor.lnk"
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        with pytest.raises(StepFailed) as caught:
            windows_shortcut(tmp_path, places, made)
        assert "flowanchor-panel.cmd" in caught.value.way_out
    program = tmp_path / "program.py"
    program.write_text(
        "import base64, re, sys\n"
        "script = base64.b64decode(sys.argv[-1]).decode('utf-16-le')\n"
        'path = re.search(r"CreateShortcut\\(\'(.*?)\'\\)", script)[1].replace("\'\'", "\'")\n'
        "open(path, 'w').write(script)\n"
    )
    shell = tmp_path / "powershell"
    shell.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{program}' \"$@\"\n")
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    windows_shortcut(tmp_path / "it's", places, made)
    assert "it''s/bin/flowanchor-panel.cmd'" in made.read_text()


# Words ------------------------------------------------------------------------------------


def test_a_bar_shows_bytes_speed_and_time() -> None:
    text = bar(250_000_000, 1_000_000_000, 10.0)
    assert text == "█████░░░░░░░░░░░░░░░ 250.0 MB of 1.0 GB, 25.0 MB/s, 0:30 left"


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.floats(0, 1e6))
def test_a_bar_never_breaks(done: int, total: int, seconds: float) -> None:
    assert len(bar(done, total, seconds).split(" ")[0]) == 20
    assert size(done)


def test_pips_numbers_become_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    program = (
        "print('  Downloading torch-2.13.0-cp312-linux.whl (2.0 GB)', flush=True)\n"
        "for n in (0, 500, 1000): print(f'Progress {n}000000 of 2000000000', flush=True)\n"
        "print('Installing collected packages: torch', flush=True)\n"
    )
    Console(tmp_path / "log").run(
        "Install torch", [sys.executable, "-c", program], cwd=tmp_path, env=os.environ, way_out=""
    )
    shown = terminal.getvalue()
    assert "torch ██████████░░░░░░░░░░ 1.0 GB of 2.0 GB" in shown
    assert "Installing collected packages" in shown
    assert "Progress 500" not in (tmp_path / "log").read_text()  # numbers do not fill the log


# Locks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lock.txt", "lock-glibc-2.28.txt"])
def test_the_lists_of_packages_fulfil_the_products_needs(name: str) -> None:
    text = (ROOT / "installer" / "requirements" / name).read_text()
    assert "://" not in text
    assert "index" not in text
    locked: dict[str, list[Requirement]] = {}
    for block in re.split(r"\n(?=\S)", text):
        head = block.split(" \\")[0].strip()
        if head.startswith("#") and "==" not in head:
            continue
        requirement = Requirement(head.splitlines()[-1])
        locked.setdefault(requirement.name.lower().replace("_", "-"), []).append(requirement)
        assert "--hash=sha256:" in block, head
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["engine"], *extras["panel"]]:
        need = Requirement(line)
        key = need.name.lower().replace("_", "-")
        if key == "torch":
            assert Requirement(torch_build.TORCH).specifier.contains("2.13.0")
            assert need.specifier.contains("2.13.0")
            continue
        for python in ("3.11", "3.12", "3.13"):
            env = {"python_version": python, "python_full_version": f"{python}.0"}
            if need.marker is not None and not need.marker.evaluate(env):
                continue
            fitting = [
                each for each in locked[key] if each.marker is None or each.marker.evaluate(env)
            ]
            assert fitting, (key, python)
            for each in fitting:
                version = next(iter(each.specifier)).version
                assert need.specifier.contains(version), (line, version)
    assert not set(locked) & {"torch", "triton", "torchvision", "opencv-python"}
    assert not any(key.startswith("nvidia-") for key in locked)
