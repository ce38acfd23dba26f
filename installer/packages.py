"""Fetches and installs packages, by uv where there is one, else by the environment's pip.

What the person has told pip (index, wheel folder, certificate, proxy) holds for uv too: uv
does not read pip's configuration, so it is handed over.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from installer import disk
from installer.console import StepFailed
from installer.torch_build import TORCH, fits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from installer.console import Console

__all__ = ["Packages", "clean_env", "interpreter", "pip_settings"]

_NETWORK = "Check the connection or proxy and run the same command again; it continues."
_OFFLINE = "Put the missing wheel into the folder (see `python3 -m installer wheels`)."
_LEAST_UV = (0, 8)  # knows which torch fits a card, and `venv --clear`
_SOURCES = ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX")


def interpreter(env: Path) -> Path:
    """Return the Python of an environment."""
    return env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_env(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment for children, without what a host application puts there."""
    source = os.environ if base is None else base
    banned = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    env = {name: value for name, value in source.items() if name not in banned}
    env["PYTHONUTF8"] = "1"
    return env


@dataclass(frozen=True)
class Packages:
    """A way to fill environments.

    Parameters
    ----------
    console : Console
    uv : Path or None
        The uv program; None for pip.
    wheels : Path or None
        Take everything from this folder and nothing from the network.
    system : str
        As `platform.system` says.
    """

    console: Console
    uv: Path | None = None
    wheels: Path | None = None
    system: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, console: Console, *, wheels: Path | None, system: str, tool: str) -> Packages:
        """Choose between uv and pip: `tool` is ``auto``, ``uv`` or ``pip``.

        Raises
        ------
        StepFailed
            uv was asked for and is not there, or too old.
        """
        found = None if tool == "pip" else shutil.which("uv")
        if tool == "uv" and found is None:
            raise StepFailed("Begin", "uv was asked for but is not there", "Leave out --tool uv.")
        if found is not None and _uv_version(found) < _LEAST_UV:
            old = ".".join(map(str, _LEAST_UV))
            if tool == "uv":
                raise StepFailed("Begin", f"{found} is older than {old}", "Run uv self update.")
            console.say(f"! {found} is older than {old}; using pip instead")
            found = None
        return cls(
            console=console,
            uv=Path(found) if found else None,
            wheels=wheels,
            system=system,
            settings={} if wheels else pip_settings(os.environ),
        )

    @property
    def name(self) -> str:
        """Which tool fills the environments."""
        return "uv" if self.uv else "pip"

    # Environments --------------------------------------------------------------------------

    def make(self, env: Path) -> None:
        """Make an empty environment of this Python.

        Raises
        ------
        StepFailed
        """
        step = "Make the private environment"
        if self.uv is not None:
            self._run(step, [str(self.uv), "venv", "--quiet", "--python", sys.executable, "--clear",
                             "--no-config", str(env)])  # fmt: skip
            return
        self.console.say(f"… {step}")
        try:
            venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(env)
        except OSError as error:
            raise disk.failed(step, error) from error
        except subprocess.CalledProcessError as error:
            raise StepFailed(
                step, f"venv ended with status {error.returncode}", "Reinstall Python."
            ) from error

    def works(self, env: Path) -> bool:
        """Whether the environment's interpreter runs and is of this version."""
        wanted = repr(tuple(sys.version_info[:2]))
        if not interpreter(env).exists():
            return False
        probe = "import sys; print(tuple(sys.version_info[:2]))"
        return self.output(env, ["-c", probe]).strip() == wanted

    def output(self, env: Path, arguments: Sequence[str]) -> str:
        """Return what the environment's interpreter prints, empty if it fails."""
        try:
            done = subprocess.run(
                [str(interpreter(env)), *arguments], env=self._env(), capture_output=True,
                stdin=subprocess.DEVNULL, encoding="utf-8", errors="replace", check=False,
                cwd=env.parent,
            )  # fmt: skip
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    # Packages ------------------------------------------------------------------------------

    def install(
        self, step: str, env: Path, what: Sequence[str], *, cwd: Path | None = None
    ) -> None:
        """Install requirements, files of requirements or wheels as one step.

        Raises
        ------
        StepFailed
        """
        command = [*self._install(env), *self._sources(), *what]
        self._run(step, command, cwd=cwd or env.parent)

    def check(self, env: Path) -> None:
        """Check that every package finds what it needs.

        Raises
        ------
        StepFailed
        """
        if self.uv is not None:
            command = [str(self.uv), "pip", "check", "--no-config", "--python",
                       str(interpreter(env))]  # fmt: skip
        else:
            command = [str(interpreter(env)), "-m", "pip", "check"]
        self._run("Check the packages", command, cwd=env.parent)

    def install_torch(self, env: Path, backend: str) -> None:
        """Install the build of torch for `backend`.

        What the configured sources offer is taken if it is the right build (an offline
        folder, a mirror); else uv is asked, which knows where each build lives.

        Raises
        ------
        StepFailed
        """
        have = self.output(env, ["-c", "import torch; print(torch.__version__)"])
        if have and fits(have, backend, self.system):
            self.console.say(f"✓ torch {have} is there")
            return
        step = f"Install torch ({'processor' if backend == 'cpu' else backend} build)"
        offered = self.offered_torch(env)
        if self.wheels is not None or fits(offered, backend, self.system):
            if offered and not fits(offered, backend, self.system):
                self.console.say(f"! The wheel folder holds torch {offered}, not {backend}")
            self.install(step, env, [TORCH])
            return
        uv = self.uv
        if uv is None:
            self.install("Install uv", env, ["uv"])
            uv = interpreter(env).with_name("uv.exe" if os.name == "nt" else "uv")
        self._run(
            step,
            [str(uv), "pip", "install", "--python", str(interpreter(env)),
             "--torch-backend", "auto" if backend == "mps" else backend, TORCH],
            env_more=self._uv_env(),
        )  # fmt: skip

    def offered_torch(self, env: Path) -> str:
        """Return which torch the configured sources would give, empty if none."""
        dry = [*self._install(env), *self._sources(), "--dry-run", "--no-deps"]
        if self.uv is not None:
            done = self._quiet([*dry, TORCH])
            lines = [line.strip() for line in (done or "").splitlines()]
            found = [line.partition("==")[2] for line in lines if line.startswith("+ torch==")]
            return found[0].split()[0] if found else ""
        done = self._quiet([*dry, "--quiet", "--ignore-installed", "--report", "-", TORCH])
        try:
            items = json.loads(done or "")["install"]
        except (json.JSONDecodeError, KeyError):
            return ""
        return next((str(item["metadata"]["version"]) for item in items), "")

    # Commands ------------------------------------------------------------------------------

    def _install(self, env: Path) -> list[str]:
        if self.uv is not None:
            return [str(self.uv), "pip", "install", "--python", str(interpreter(env))]
        command = [str(interpreter(env)), "-m", "pip", "--disable-pip-version-check", "install"]
        return [*command, "--progress-bar", "raw"] if self._pip_counts(env) else command

    def _pip_counts(self, env: Path) -> bool:
        # Since 24.1 pip can print its progress as numbers, which become one bar of ours.
        version = self.output(env, ["-c", "import pip; print(pip.__version__)"]).split(".")
        return version[0].isdigit() and tuple(int(p) for p in version[:2] if p.isdigit()) >= (24, 1)

    def _sources(self) -> list[str]:
        if self.wheels is not None:
            only = ["--no-index", "--find-links", str(self.wheels)]
            return [*only, "--offline", "--no-config"] if self.uv else only
        if self.uv is None:
            return []  # pip reads its own configuration
        flags = []
        if index := self.settings.get("index-url"):
            flags += ["--default-index", index]
        for extra in self.settings.get("extra-index-url", "").split():
            flags += ["--index", extra]
        if self.settings.get("extra-index-url"):
            flags += ["--index-strategy", "unsafe-best-match"]  # as pip does
        for folder in self.settings.get("find-links", "").splitlines():
            flags += ["--find-links", folder]
        if self.settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
            flags += ["--no-index"]
        return flags

    def _env(self) -> dict[str, str]:
        env = clean_env()
        if self.wheels is not None:
            for name in _SOURCES:
                env.pop(f"PIP_{name}", None)
            env["PIP_CONFIG_FILE"] = os.devnull
        return env

    def _uv_env(self) -> dict[str, str]:
        more = {}
        if cert := self.settings.get("cert"):
            more["SSL_CERT_FILE"] = cert
        if proxy := self.settings.get("proxy"):
            more |= {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy}
        return {name: value for name, value in more.items() if name not in os.environ}

    def _run(
        self,
        step: str,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        env_more: Mapping[str, str] | None = None,
    ) -> None:
        env = {**self._env(), **(self._uv_env() if self.uv else {}), **(env_more or {})}
        way_out = _OFFLINE if self.wheels else _NETWORK
        self.console.run(
            step, command, cwd=cwd or Path.cwd(), env=env, way_out=way_out,
            own_bars=Path(command[0]).stem == "uv",
        )  # fmt: skip

    def _quiet(self, command: Sequence[str]) -> str | None:
        env = {**self._env(), **(self._uv_env() if self.uv else {})}
        try:
            done = subprocess.run(
                list(command), env=env, stdin=subprocess.DEVNULL, capture_output=True,
                encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        except OSError:
            return None
        if done.returncode != 0:
            return None
        return done.stderr if self.uv else done.stdout


def _uv_version(program: str) -> tuple[int, ...]:
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        numbers = done.stdout.split()[1].split(".")[:2]
        return tuple(int(part) for part in numbers)
    except (OSError, IndexError, ValueError, subprocess.TimeoutExpired):
        return (0,)


def pip_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Return what this computer tells pip, from its files and its variables.

    Returns
    -------
    dict
        Keys as in pip's configuration files; several wheel folders are separated by lines,
        several indexes by blanks. Variables win over files, as in pip.
    """
    told = env.get("PIP_CONFIG_FILE", "")
    found: dict[str, str] = {}
    if told != os.devnull:
        for path in [*_config_files(env), *([Path(told)] if told else [])]:
            parser = configparser.RawConfigParser(strict=False)
            try:
                parser.read(path, encoding="utf-8")
            except (configparser.Error, OSError, UnicodeDecodeError):
                continue
            for section in ("global", "install"):
                if parser.has_section(section):
                    found |= {k.replace("_", "-"): v for k, v in parser.items(section)}
    for name in ("index-url", "extra-index-url", "find-links", "no-index", "cert", "proxy"):
        value = env.get(f"PIP_{name.upper().replace('-', '_')}")
        if value:
            found[name] = value
    if "find-links" in found:
        found["find-links"] = "\n".join(found["find-links"].split())
    return found


def _config_files(env: Mapping[str, str]) -> list[Path]:
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    if os.name == "nt":
        shared = [Path(env.get("PROGRAMDATA", r"C:\ProgramData")) / "pip" / "pip.ini"]
        own = [home / "pip" / "pip.ini", Path(env.get("APPDATA", home)) / "pip" / "pip.ini"]
    elif sys.platform == "darwin":
        shared = [Path("/Library/Application Support/pip/pip.conf"), Path("/etc/pip.conf")]
        own = [
            home / ".pip" / "pip.conf",
            home / "Library" / "Application Support" / "pip" / "pip.conf",
            home / ".config" / "pip" / "pip.conf",
        ]
    else:
        told = env.get("XDG_CONFIG_HOME", "")
        config = Path(told) if told.startswith("/") else home / ".config"  # a half path is invalid
        shared = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf")]
        own = [home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    return [*shared, *own]
