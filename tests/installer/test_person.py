"""Root by sudo at somebody's desk: what it installs that person could not use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from installer import check, computer, person
from installer.places import Places
from tests.installer.little import Desk, installed

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be asked by sudo")


@pytest.mark.parametrize(
    ("env", "whose"),
    [
        ({}, ""),
        ({"SUDO_USER": "anna"}, "anna"),
        ({"SUDO_USER": "root"}, ""),
        ({"DOAS_USER": "anna"}, "anna"),
    ],
)
def test_whoever_called_sudo_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], whose: str
) -> None:
    places = Places("linux", {"HOME": str(tmp_path), **env})
    monkeypatch.setattr(Path, "owner", lambda self: "root")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert person.somebody_elses(places) == whose
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert person.somebody_elses(places) == ""


@AS_ROOT
def test_a_home_of_another_user_is_meant(tmp_path: Path) -> None:
    places = Places("linux", {"HOME": str(tmp_path)})
    assert person.somebody_elses(places) == ""
    os.chown(tmp_path, 1, 1)
    assert person.somebody_elses(places) == tmp_path.owner()
    os.chown(tmp_path, 54_321, 1)  # a number without a name
    assert person.somebody_elses(places) == ""
    assert person.somebody_elses(Places("linux", {"HOME": str(tmp_path / "none")})) == ""


@AS_ROOT
def test_root_by_sudo_is_told_before_anything_is_made(desk: Desk, checkout: Path) -> None:
    assert "runs as root" not in desk.run(checkout, "check").stdout
    desk.more = {"SUDO_USER": "anna"}
    assert "Run the installer as anna, without sudo." in desk.run(checkout, "check").stdout
    told = installed(desk, checkout).stdout
    assert "run it as anna, without sudo" in told
    assert told.index("without sudo") < told.index("Make the private environment")


@pytest.mark.parametrize(
    ("all_users", "way_out"), [(False, "given to you"), (True, "Without --all-users")]
)
def test_scripts_that_cannot_be_put_anywhere_are_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_users: bool, way_out: str
) -> None:
    program = tmp_path / "opt" / "resolve"
    (program / "bin").mkdir(parents=True)
    (program / "bin" / "resolve").write_text("")
    places = Places("linux", {"HOME": str(tmp_path), "FLOWANCHOR_SYSTEM_ROOT": str(tmp_path)})
    nobody = tmp_path if not all_users else program

    def may(path: Path, mode: int, real: object = os.access) -> bool:
        return path != nobody and real(path, mode)  # type: ignore[operator]

    def scripts() -> computer.Finding:
        return list(computer._resolve(places, all_users=all_users))[-1]

    assert scripts().level == "ok"
    monkeypatch.setattr(os, "access", may)
    assert scripts().level == "bad"
    assert way_out in scripts().action


def test_a_folder_of_somebody_else_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "share" / "FlowAnchor"
    locked.mkdir(parents=True)

    def may(path: Path, mode: int, real: object = os.access) -> bool:
        return path != locked and real(path, mode)  # type: ignore[operator]

    places = Places("linux", {"HOME": str(tmp_path)})

    def folders() -> dict[str, computer.Finding]:
        found = computer._folders(check.look(tmp_path), places, locked / "app", tmp_path / "models")
        return {each.subject: each for each in found}

    assert folders()["Program folder"].level == "ok"
    monkeypatch.setattr(os, "access", may)
    assert folders()["Program folder"].text == f"{locked} cannot be written by this user"
    assert folders()["Models folder"].level == "ok"
