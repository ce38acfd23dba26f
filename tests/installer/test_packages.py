"""Where packages come from, and the lists that name them."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from installer import torch_build
from installer.console import Console
from installer.packages import Packages, pip_settings
from tests.installer.little import ROOT


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
    assert links == ["/a", "/b"]
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
    for line in [*project["dependencies"], *extras["engine"], *extras["panel"], *extras["farm"]]:
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
