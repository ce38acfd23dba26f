"""Network drives, and what a killed engine left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin.services import places

LINUX = r"""
/dev/sda1 / ext4 rw 0 0
//server/films /mnt/my\040films cifs rw 0 0
server:/home /home/anna nfs4 rw 0 0
tmpfs /home/anna/local tmpfs rw 0 0
"""
DARWIN = """
/dev/disk3s1 on / (apfs, sealed, local)
//anna@nas/films on /Volumes/films (smbfs, nodev, nosuid)
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/mnt/my films/takes", "cifs"),
        ("/home/anna", "nfs4"),
        ("/home/anna/local/x", "tmpfs"),
        ("/home/annabel", "ext4"),
    ],
)
def test_the_innermost_mount_counts(folder: str, kind: str) -> None:
    assert places.mount_type(places._linux_table(LINUX), Path(folder)) == kind


def test_the_mac_table() -> None:
    table = places._darwin_table(DARWIN)
    assert places.mount_type(table, Path("/Volumes/films/a")) == "smbfs"
    assert places.mount_type(table, Path("/Users/anna")) == "apfs"
    assert places.mount_type({}, Path("/x")) == ""


def test_this_folder_is_local(tmp_path: Path) -> None:
    assert places.on_network(tmp_path) is False


def test_only_half_written_files_go(tmp_path: Path) -> None:
    stay = ["A - red - t1.mov", "notes.txt", ".hidden", "a.tmp.mov", "partial-1.mov"]
    go = ["take.mov.tmp", ".A - red - t2.partial-4711.mov"]
    for name in [*stay, *go]:
        (tmp_path / name).write_text("x")
    images = tmp_path / ".frames.partial-12"
    images.mkdir()
    (images / "0001.png").write_text("x")
    outside = tmp_path.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (tmp_path / "link.tmp").symlink_to(outside)
    removed = places.remove_leftovers(tmp_path)
    assert sorted(p.name for p in removed) == sorted([*go, images.name, "link.tmp"])
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(stay)
    assert (outside / "precious").exists()
    assert places.remove_leftovers(tmp_path / "nowhere") == ()
