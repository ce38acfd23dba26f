"""Packages that do not arrive: without a network, tampered, missing, on a full disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installer.console import Console, StepFailed
from tests.installer import little
from tests.installer.little import Desk, failed, installed


def test_a_missing_wheel_names_step_reason_and_way_out_and_is_continued(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    desk.wheels = tmp_path / "few"
    shutil.copytree(wheels, desk.wheels)
    torch = next(desk.wheels.glob("torch-*"))
    torch.rename(tmp_path / torch.name)
    done = desk.run(checkout, "install")
    assert done.returncode == 1
    assert "✗ Install torch (processor build):" in done.stderr
    assert "torch" in done.stderr.splitlines()[1].partition(":")[2]
    assert "Put the missing wheel into the folder" in done.stderr
    assert "Full log:" in done.stderr
    assert desk.version() == ""
    assert desk.findings(checkout)["Installation"] == "bad"
    (tmp_path / torch.name).rename(torch)
    assert "Continuing" in installed(desk, checkout).stdout
    assert desk.version() == "0.1.0"


@pytest.mark.slow
def test_without_a_network_it_says_so(desk: Desk, checkout: Path) -> None:
    desk.more = {"UV_OFFLINE": "1"}
    command = desk.command(checkout, "install")
    at = command.index("--offline")
    del command[at : at + 3]
    done = subprocess.run(
        command, cwd=checkout, env=desk.env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "✗ Install the packages:" in done.stderr
    assert "Check the connection or proxy" in done.stderr


def test_a_tampered_package_is_refused(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    desk.wheels = tmp_path / "tampered"
    shutil.copytree(wheels, desk.wheels)
    little.write_wheel(desk.wheels, "littlething", "1.0", {"littlething/__init__.py": b"evil\n"})
    desk.more = {"UV_CACHE_DIR": str(tmp_path / "own-cache")}
    done = desk.run(checkout, "install")
    assert done.returncode == 1
    assert "Install the packages" in done.stderr
    assert "hash" in (desk.folder / "logs" / "install.log").read_text().lower()
    assert desk.version() == ""


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            "error: Request failed after 3 retries in 9.8s\n"
            "  cause: Failed to fetch: https://mirror.example/simple/torch/\n"
            "  cause: tcp connect error\n"
            "  cause: Connection refused (os error 111)",
            "Failed to fetch: https://mirror.example/simple/torch/: "
            "Connection refused (os error 111)",
        ),
        (
            "error: Failed to read `--find-links` directory: /media/usb\n"
            "  cause: No such file or directory (os error 2)",
            "Failed to read `--find-links` directory: /media/usb: "
            "No such file or directory (os error 2)",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot "
            "connect to proxy.', NewConnectionError('<x object at 0x7f>: Failed to establish a "
            "new connection: [Errno 111] Connection refused'))': /simple/torch/\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "Cannot connect to proxy. Connection refused",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by "
            "'NewConnectionError('<x object at 0x7f>: Failed to establish a new connection: "
            "[Errno -3] Temporary failure in name resolution')': /simple/torch/\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "Temporary failure in name resolution",
        ),
        (
            "ERROR: No matching distribution found for torch==2.13.0",
            "ERROR: No matching distribution found for torch==2.13.0",
        ),
    ],
)
def test_the_reason_of_a_failed_download_is_the_networks(
    tmp_path: Path, told: str, reason: str
) -> None:
    console = Console(log=tmp_path / "log")
    command = [sys.executable, "-c", f"print({told!r}); raise SystemExit(1)"]
    with pytest.raises(StepFailed) as caught:
        console.run("Install", command, cwd=tmp_path, env=os.environ, way_out="Try again.")
    assert caught.value.reason.endswith(reason)


@pytest.mark.parametrize(
    "told",
    [
        "error: Failed to extract archive\n  cause: No space left on device (os error 28)",
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "error: failed to write\n  cause: There is not enough space on the disk. (os error 112)",
    ],
)
def test_a_child_that_finds_the_disk_full_asks_for_room(tmp_path: Path, told: str) -> None:
    command = [sys.executable, "-c", f"print({told!r}); raise SystemExit(1)"]
    with pytest.raises(StepFailed) as caught:
        Console(log=tmp_path / "log").run(
            "Install", command, cwd=tmp_path, env=os.environ, way_out="Check the connection."
        )
    assert "Free some space" in caught.value.way_out


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_dead_proxy_is_named_as_the_reason(desk: Desk, checkout: Path, tool: str) -> None:
    desk.tool = tool
    desk.more = {
        "HTTPS_PROXY": "http://127.0.0.1:9", "PIP_INDEX_URL": "https://packages.invalid/simple",
        "UV_HTTP_RETRIES": "0", "PIP_RETRIES": "1",
    }  # fmt: skip
    command = desk.command(checkout, "install")
    at = command.index("--offline")
    del command[at : at + 3]
    done = subprocess.run(
        command, cwd=checkout, env=desk.env(), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    told = failed(done)
    assert "Connection refused" in told
    assert "Check the connection or proxy" in told
    assert desk.version() == ""
