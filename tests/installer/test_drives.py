"""Folders that are no place for an installation, and the room that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer import drives


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


def test_a_fifth_is_kept_free() -> None:
    assert drives.needed_bytes(100, 50) == 180
