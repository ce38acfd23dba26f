"""What is carried to a computer without a network: folders of wheels and of models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from installer import wheels as carrying
from tests.installer import little
from tests.installer.little import Desk, failed, installed


@pytest.mark.slow
def test_a_folder_of_wheels_is_filled_and_is_enough(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    source = tmp_path / "index"
    shutil.copytree(wheels, source)
    for name, version in (("setuptools", "99.0"), ("wheel", "9.0")):
        little.write_wheel(source, name, version, {f"{name}/__init__.py": b""})
    desk.more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(source)}
    filled = tmp_path / "carried"
    done = desk.run(checkout, "wheels", str(filled), "--backend", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {p.name.split("-")[0] for p in filled.iterdir()} == {
        "torch", "littlething", "setuptools", "wheel",
    }  # fmt: skip
    desk.wheels, desk.more = filled, {}
    installed(desk, checkout)
    # The wrong build is refused, not taken silently.
    desk.more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(source)}
    done = desk.run(checkout, "wheels", str(tmp_path / "other"), "--backend", "cu130")
    assert done.returncode == 1
    assert "not the cu130 build" in done.stderr


@pytest.mark.parametrize("option", ["--wheels", "--import-models"])
def test_a_folder_that_is_not_there_is_said_before_anything_is_made(
    desk: Desk, checkout: Path, option: str
) -> None:
    desk.wheels = desk.place / "nothing" if option == "--wheels" else desk.wheels
    more = () if option == "--wheels" else (option, str(desk.place / "nothing"))
    assert "nothing is no folder" in failed(desk.run(checkout, "install", *more))
    assert not desk.folder.exists()


def test_carried_wheels_count_as_what_they_unpack_to(tmp_path: Path) -> None:
    little.write_wheel(tmp_path, "big", "1.0", {"big.bin": bytes(1_000_000)})
    (tmp_path / "torn-1.0-py3-none-any.whl").write_bytes(b"PK")
    assert 1_000_000 < carrying.unpacked_bytes(tmp_path) < 1_002_000
