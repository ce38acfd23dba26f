"""Models that the installer fetches, finds again and only removes when asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.installer.little import Desk, installed


@pytest.mark.slow
def test_a_model_is_fetched_verified_and_only_removed_when_asked(
    desk: Desk, checkout: Path
) -> None:
    models = desk.home / ".local" / "share" / "FlowAnchor" / "models"
    done = installed(desk, checkout, "--model", "wan2.1-1.3b")
    assert "Download wan2.1-1.3b: 1.2 kB" in done.stdout
    assert (models / "wan2.1-1.3b" / "w.bin").exists()
    done = desk.run(checkout, "uninstall", "--yes")
    assert "the models stay" in done.stdout
    assert (models / "wan2.1-1.3b").exists()
    installed(desk, checkout)
    done = desk.run(checkout, "uninstall", "--yes", "--models")
    assert done.returncode == 0, done.stderr
    assert not (models / "wan2.1-1.3b").exists()


@pytest.mark.slow
def test_a_failed_download_leaves_the_product_installed_and_is_continued(
    desk: Desk, checkout: Path
) -> None:
    desk.more = {"TEST_NO_NETWORK": "1"}
    done = desk.run(checkout, "install", "--model", "wan2.1-1.3b")
    assert done.returncode == 1
    assert "✗ Download wan2.1-1.3b" in done.stderr
    assert "continues the download" in done.stderr
    assert desk.version() == "0.1.0"
    assert "bad" not in desk.findings(checkout).values()
    desk.more = {}
    installed(desk, checkout, "--model", "wan2.1-1.3b")


@pytest.mark.slow
def test_a_model_that_does_not_fit_the_disk_is_refused_before_the_download(
    desk: Desk, checkout: Path
) -> None:
    desk.more = {"TEST_BYTES": str(10**15)}
    done = desk.run(checkout, "install", "--model", "wan2.1-1.3b")
    assert done.returncode == 1
    assert "--models-folder" in done.stderr
    assert not (desk.home / ".local" / "share" / "FlowAnchor" / "models").exists()


@pytest.mark.slow
def test_models_on_another_drive_are_found_by_every_command(desk: Desk, checkout: Path) -> None:
    drive = desk.place / "drive d"
    installed(desk, checkout, "--model", "wan2.1-1.3b", "--models-folder", str(drive))
    assert (drive / "wan2.1-1.3b").is_dir()
    listed = json.loads(desk.start("flowanchor", "models", "list", "--json").stdout)
    assert {row["id"]: row["here"] for row in listed}["wan2.1-1.3b"] == "yes"
    assert desk.run(checkout, "repair").returncode == 0
    assert desk.run(checkout, "uninstall", "--yes", "--models").returncode == 0
    assert not (drive / "wan2.1-1.3b").exists()


def test_an_unknown_model_names_the_known(desk: Desk, checkout: Path) -> None:
    done = desk.run(checkout, "install", "--model", "wan9")
    assert done.returncode == 1
    assert "wan2.1-1.3b" in done.stderr
