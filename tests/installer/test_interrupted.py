"""Killed or out of space at any point, the next command ends whole or back where it was.

The slow tests strike at points drawn anew in every run; with ``FLOWANCHOR_EVERY_POINT=1`` at
every single change on disk, which takes an hour or two.
"""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.installer import little

DRIVER = str(Path(__file__).with_name("interrupted.py"))
_numbers = itertools.count()


class Bench:
    """Copies of a computer in a known state, struck at chosen points."""

    def __init__(self, place: Path, wheels: Path) -> None:
        self.place = place
        self.wheels = wheels
        self.old = little.write_checkout(place / "old", wheels)
        self.new = little.write_checkout(place / "new", wheels, version="0.2.0")

    def desk(self) -> little.Desk:
        """A computer on which the person has a script of the same name."""
        desk = little.Desk(self.place / f"desk {next(_numbers)} ü", self.wheels)
        desk.agent.parent.mkdir(parents=True)
        desk.agent.write_text("-- mine")
        return desk

    def installed(self) -> little.Desk:
        desk = self.desk()
        done = desk.run(self.old, "install")
        assert done.returncode == 0, done.stderr
        return desk

    def strike(
        self, desk: little.Desk, checkout: Path, mode: str, number: int, *command: str
    ) -> int:
        counter = str(desk.place / "count")
        done = desk.run(checkout, *command, driver=(DRIVER, mode, str(number), counter))
        if mode == "full" and done.returncode != 0:  # a sentence, not a stack
            assert "✗" in done.stderr, done.stderr
            assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    @functools.cache  # noqa: B019 - lives as long as the session's bench
    def points(self, name: str) -> int:
        """How many changes an operation makes."""
        desk = self.desk() if name == "install" else self.installed()
        checkout, command = self.operation(name)
        assert self.strike(desk, checkout, "count", 0, *command) == 0
        count = int((desk.place / "count").read_text())
        shutil.rmtree(desk.place)
        return count

    def operation(self, name: str) -> tuple[Path, tuple[str, ...]]:
        return {
            "install": (self.old, ("install",)),
            "update": (self.new, ("update",)),
            "uninstall": (self.old, ("uninstall", "--yes")),
        }[name]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[Bench]:
    place = tmp_path_factory.mktemp("interrupted")
    yield Bench(place, wheels)
    shutil.rmtree(place)


def whole(desk: little.Desk, checkout: Path, version: str) -> None:
    assert desk.version() == version
    assert desk.start("flowanchor-panel").stdout == f"panel {version}\n"
    assert f'local VERSION = "{version}"' in desk.agent.read_text()
    assert not (desk.folder / "journal.json").exists()
    assert len(list((desk.folder / "versions").iterdir())) == 1
    findings = desk.findings(checkout)
    assert "bad" not in findings.values(), findings


def gone(desk: little.Desk) -> None:
    """Nothing is left but the person's script and the folders it was in."""
    assert desk.agent.read_text() == "-- mine"
    kept = {desk.agent, *desk.agent.parents}
    left = {
        path for path in desk.home.rglob("*") if path not in kept and path != desk.folder.parent
    }
    assert left <= {desk.folder}, left


def check_install(bench: Bench, mode: str, number: int) -> None:
    desk = bench.desk()
    status = bench.strike(desk, bench.old, mode, number, "install")
    if mode == "kill":
        assert status == -signal.SIGKILL
    # Nothing half-installed is taken for installed: the command runs whole or not at all.
    assert desk.version() in {"", "0.1.0"}
    if status != 0 and desk.folder.exists() and not desk.version():
        findings = desk.findings(bench.old)
        assert findings.get("Engine") != "ok" or "bad" in findings.values()
    if number % 3 == 0 and desk.folder.exists():
        done = desk.run(bench.old, "uninstall", "--yes")
        if done.returncode == 0:
            gone(desk)
        else:  # nothing had begun yet
            assert "is not installed" in done.stderr
            assert desk.agent.read_text() == "-- mine"
    done = desk.run(bench.old, "install")
    assert done.returncode == 0, done.stdout + done.stderr
    whole(desk, bench.old, "0.1.0")
    assert desk.run(bench.old, "uninstall", "--yes").returncode == 0
    gone(desk)
    shutil.rmtree(desk.place)


def check_update(bench: Bench, mode: str, number: int) -> None:
    desk = bench.installed()
    status = bench.strike(desk, bench.new, mode, number, "update")
    # At every single moment one of the two works.
    assert desk.version() in {"0.1.0", "0.2.0"}
    if mode == "full" and status != 0 and not (desk.folder / "journal.json").exists():
        assert desk.version() == "0.1.0"  # rolled back, unless even that found no space
    if number % 3 == 0:  # the person gives up on the new one
        assert desk.run(bench.old, "install").returncode == 0
        whole(desk, bench.old, "0.1.0")
    done = desk.run(bench.new, "update")
    assert done.returncode == 0, done.stdout + done.stderr
    whole(desk, bench.new, "0.2.0")
    assert desk.run(bench.new, "uninstall", "--yes").returncode == 0
    gone(desk)
    shutil.rmtree(desk.place)


def check_uninstall(bench: Bench, mode: str, number: int) -> None:
    desk = bench.installed()
    bench.strike(desk, bench.old, mode, number, "uninstall", "--yes")
    assert desk.version() in {"", "0.1.0"}
    if desk.version():  # not begun: still whole
        assert desk.findings(bench.old)["Engine"] == "ok"
    if number % 2:  # installing again finishes the removal first
        assert desk.run(bench.old, "install").returncode == 0
        whole(desk, bench.old, "0.1.0")
    if desk.folder.exists():
        done = desk.run(bench.old, "uninstall", "--yes")
        assert done.returncode == 0 or "is not installed" in done.stderr
    gone(desk)
    shutil.rmtree(desk.place)


CHECKS = {"install": check_install, "update": check_update, "uninstall": check_uninstall}
QUICK = settings(
    max_examples=4,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "full"])
@pytest.mark.parametrize("operation", CHECKS)
@QUICK
@given(data=st.data())
def test_struck_anywhere_it_ends_whole_or_as_before(
    bench: Bench, operation: str, mode: str, data: st.DataObject
) -> None:
    number = data.draw(st.integers(1, bench.points(operation)), label="point")
    CHECKS[operation](bench, mode, number)


@pytest.mark.slow
def test_a_full_disk_can_be_emptied_by_uninstalling(bench: Bench) -> None:
    desk = bench.installed()
    assert bench.strike(desk, bench.old, "tight", 1, "uninstall", "--yes") == 0
    gone(desk)
    shutil.rmtree(desk.place)


@pytest.mark.slow
@pytest.mark.skipif("FLOWANCHOR_EVERY_POINT" not in os.environ, reason="takes an hour or two")
@pytest.mark.timeout(9000)
@pytest.mark.parametrize("mode", ["kill", "full"])
@pytest.mark.parametrize("operation", CHECKS)
def test_struck_at_every_point(bench: Bench, operation: str, mode: str) -> None:
    for number in range(1, bench.points(operation) + 1):
        CHECKS[operation](bench, mode, number)
