"""A little product in the real one's shape: real installer, real agent files, real pip or uv;
only the packages and the engine are small stand-ins, so that a whole installation takes a second.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WORKER = '''
"""Speaks the engine's lines; --mock copies, else a drawn clip is "edited"."""
import hashlib, json, os, pathlib, shutil, sys
import littlething, torch
CACHE = pathlib.Path(os.environ.get("FLOWANCHOR_CACHE") or
                     pathlib.Path.home() / ".cache" / "flowanchor")
BROKEN = {broken!r}
def say(**message):
    print(json.dumps({{"v": 1, **message}}), flush=True)
mock = "--mock" in sys.argv
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "hello":
        say(type="hello", id=message["id"], engine="{version}", protocol=1, pid=1,
            device={{"name": "stand-in"}}, features=[])
    elif message["type"] == "run":
        say(type="heartbeat", rss_mb=1, vram_mb=0)
        if BROKEN == ("mock" if mock else "edit"):
            say(type="error", job="try", seq=0, code="vram", user_message="Not enough memory.",
                hint=[], detail="")
            continue
        if BROKEN == "dies":
            print("Traceback: no such library", file=sys.stderr, flush=True)
            sys.exit(9)
        source, out = message["request"]["source"]["path"], pathlib.Path(message["out"])
        if mock:
            shutil.copyfile(source, out)
        else:
            frames = [source % number for number in range(1, 10)]
            out.write_bytes(b"".join(pathlib.Path(f).read_bytes() for f in frames))
        known = (CACHE / "source").exists()
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "source").write_text("remembered")
        say(type="phase", job="try", seq=0, phase="edit", done=1, total=1)
        say(type="result", job="try", seq=1, path=str(out), frames=9, forwards=16 if known else 32,
            sha256=hashlib.sha256(out.read_bytes()).hexdigest(), seconds={{"edit": 0.64}})
    elif message["type"] == "shutdown":
        break
'''

CLI = '''
"""`flowanchor models`, with folders for models."""
import json, os, pathlib, shutil, sys
root = pathlib.Path(os.environ.get("FLOWANCHOR_MODELS", "") or
                    pathlib.Path.home() / ".local/share/FlowAnchor/models")
if sys.argv[1:] == ["--version"]:
    print("{version}"); sys.exit()
assert sys.argv[1] == "models", sys.argv
command, rest = sys.argv[2], sys.argv[3:]
if command == "list":
    here = {{p.name for p in root.glob("*")}} if root.is_dir() else set()
    print(json.dumps([{{"id": "demo", "here": "yes", "bytes": 1}}] + [
        {{"id": i, "here": "yes" if i in here else "no", "bytes": 0}}
        for i in ("wan2.1-1.3b", "wan2.1-14b")]))
elif command == "get" and "--dry-run" in rest:
    print("{{:>15,}}  bytes of some/where at abc".format(int(os.environ.get("TEST_BYTES", "1234"))))
elif command == "get":
    if os.environ.get("TEST_NO_NETWORK"):
        print("No connection to the download server. (net)"); sys.exit(2)
    (root / rest[0]).mkdir(parents=True, exist_ok=True)
    (root / rest[0] / "w.bin").write_bytes(b"w")
elif command == "verify":
    sys.exit(0 if (root / rest[0]).is_dir() else 2)
elif command == "import":
    shutil.copytree(rest[0], root / (rest[2] if len(rest) > 2 else pathlib.Path(rest[0]).name))
elif command == "remove":
    shutil.rmtree(root / rest[0])
'''

BACKEND = '''
"""A build back end of the standard library."""
import base64, hashlib, pathlib, zipfile
NAME, VERSION = "flowanchor", "{version}"
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    info, record = f"{{NAME}}-{{VERSION}}.dist-info", []
    here = pathlib.Path(".")
    files = {{p.as_posix(): p.read_bytes() for top in ("flowanchor_engine", "plugin", "installer",
             "resolve_bridge") for p in sorted(pathlib.Path(top).rglob("*")) if p.is_file()}}
    files[f"{{info}}/METADATA"] = (
        f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n"
        "Requires-Dist: littlething\\n").encode()
    files[f"{{info}}/WHEEL"] = (
        b"Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{{path}},sha256={{digest}},{{len(data)}}")
        archive.writestr(f"{{info}}/RECORD", "\\n".join([*record, f"{{info}}/RECORD,,"]) + "\\n")
    return name
'''


def write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """Write a pure wheel of these files."""
    info = f"{name}-{version}.dist-info"
    everything = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = []
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, data in everything.items():
            archive.writestr(inner, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inner},sha256={digest},{len(data)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return path


def write_wheels(folder: Path, *, torch_label: str = "cpu") -> Path:
    """Fill a folder with the little product's two packages."""
    folder.mkdir(parents=True, exist_ok=True)
    version = f"2.13.0+{torch_label}" if torch_label else "2.13.0"
    source = f'__version__ = "{version}"\n'.encode()
    write_wheel(folder, "torch", version, {"torch/__init__.py": source})
    qt = {f"PySide6/{name}.py": b"" for name in ("__init__", "QtGui", "QtWidgets")}
    write_wheel(folder, "littlething", "1.0", {"littlething/__init__.py": b"x = 1\n", **qt})
    return folder


def write_checkout(
    folder: Path, wheels: Path, *, version: str = "0.1.0", broken: str = "", extra: str = ""
) -> Path:
    """Write a checkout of the little product.

    `broken`: ``mock``, ``edit`` or ``dies`` for an engine that fails there.
    """
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "flowanchor"\nversion = "{version}"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "backend.py").write_text(BACKEND.format(version=version))
    shutil.copytree(
        ROOT / "installer", folder / "installer", ignore=shutil.ignore_patterns("__pycache__")
    )
    digest = hashlib.sha256((wheels / "littlething-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    for lock in (folder / "installer" / "requirements").glob("*.txt"):
        lock.write_text(f"littlething==1.0 --hash=sha256:{digest}\n")
    texts = {
        "flowanchor_engine/__init__.py": "",
        "flowanchor_engine/extra.py": extra,
        "flowanchor_engine/worker/__init__.py": "",
        "flowanchor_engine/worker/__main__.py": WORKER.format(version=version, broken=broken),
        "flowanchor_engine/cli/__init__.py": "",
        "flowanchor_engine/cli/__main__.py": CLI.format(version=version),
        "plugin/__init__.py": "",
        "plugin/__main__.py": f"print('panel {version}')\n",
        "resolve_bridge/__init__.py": "",
        "resolve_bridge/agent/__init__.py": "",
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    registry = ROOT / "flowanchor_engine" / "models" / "registry.json"
    (folder / "flowanchor_engine" / "models").mkdir()
    shutil.copy(registry, folder / "flowanchor_engine" / "models" / "registry.json")
    for name in ("FlowAnchor.lua", "FlowAnchorTool.lua", "FlowAnchor.setting", "FlowAnchor.fu"):
        shutil.copy(ROOT / "resolve_bridge" / "agent" / name, folder / "resolve_bridge" / "agent")
    return folder


def uv_folder() -> Path:
    """Where this environment's uv is."""
    return Path(sysconfig.get_path("scripts"))


@dataclass
class Desk:
    """A person's computer: a home, a Resolve, a checkout, and where FlowAnchor goes."""

    place: Path
    wheels: Path
    tool: str = "uv"
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        program = self.system / "opt" / "resolve"
        (program / "bin").mkdir(parents=True, exist_ok=True)
        (program / "bin" / "resolve").write_text("")
        (program / "docs").mkdir(exist_ok=True)
        (program / "docs" / "ReadMe.html").write_text("<h1>DaVinci Resolve Studio 21.1.1</h1>")

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def system(self) -> Path:
        return self.place / "system"

    @property
    def folder(self) -> Path:
        return self.home / ".local" / "share" / "FlowAnchor" / "app"

    @property
    def fusion(self) -> Path:
        return self.home / ".local" / "share" / "DaVinciResolve" / "Fusion"

    @property
    def agent(self) -> Path:
        return self.fusion / "Scripts" / "Utility" / "FlowAnchor.lua"

    @property
    def menu(self) -> Path:
        return self.home / ".local" / "share" / "applications" / "flowanchor.desktop"

    def env(self) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if n in {"LANG", "TMPDIR", "SYSTEMROOT"}}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{uv_folder()}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "FLOWANCHOR_SYSTEM_ROOT": str(self.system),
            "UV_CACHE_DIR": str(self.wheels.parent / "uv-cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.more,
        }

    def command(self, checkout: Path, *arguments: str, driver: tuple[str, ...] = ()) -> list[str]:
        start = [sys.executable, *(driver or ("-m", "installer"))]
        if arguments and arguments[0] in {"install", "update", "repair"}:
            more = ("--offline", "--wheels", str(self.wheels), "--tool", self.tool, "--yes")
            arguments = (*arguments, *more)
        return [*start, *arguments]

    def run(
        self, checkout: Path, *arguments: str, driver: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(checkout, *arguments, driver=driver),
            cwd=checkout, env=self.env(), capture_output=True, text=True, timeout=550, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the installed commands."""
        return subprocess.run(
            [str(self.folder / "bin" / name), *arguments],
            cwd=self.home, env=self.env(), capture_output=True, text=True, timeout=550,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def version(self) -> str:
        """What the installed command says, empty if it does not run."""
        done = self.start("flowanchor", "--version") if self.command_there() else None
        return done.stdout.strip() if done is not None and done.returncode == 0 else ""

    def command_there(self) -> bool:
        return (self.folder / "bin" / "flowanchor").exists()

    def findings(self, checkout: Path) -> dict[str, str]:
        """What the quick doctor says: subject to the worst level."""
        done = self.run(checkout, "doctor", "--json", "--quick")
        rows = json.loads(done.stdout)["findings"]
        worst: dict[str, str] = {}
        for row in rows:
            if row["level"] == "bad" or row["subject"] not in worst:
                worst[row["subject"]] = row["level"]
        return worst

    def everything(self) -> dict[str, str]:
        """Every file of the home with its checksum."""
        found = {}
        for path in sorted(self.home.rglob("*")):
            name = path.relative_to(self.home).as_posix()
            if path.is_symlink():
                found[name] = f"-> {os.readlink(path)}"
            elif path.is_file():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def installed(desk: Desk, checkout: Path, *more: str) -> subprocess.CompletedProcess[str]:
    done = desk.run(checkout, "install", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence of a failure: step, reason and way out, and no stack."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    step, _, way_out = done.stderr.strip().partition("\n")
    assert step.startswith(("✗ ", "? "))
    assert way_out.strip()
    return done.stderr
