"""The graphics cards, and which torch and which models follow from them."""

from __future__ import annotations

import ctypes
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from installer import check, gpu, models, torch_build
from installer.check import Machine
from installer.console import StepFailed
from tests.installer.little import ROOT


class Nvml:
    """NVML as the header describes it: results through pointers, a status as the value."""

    def __init__(self, cards: list[gpu.Card], *, init: int = 0, cuda: int = 13000) -> None:
        self.cards, self.init, self.cuda, self.open = cards, init, cuda, 0

    def nvmlInit_v2(self) -> int:  # noqa: N802
        self.open += self.init == 0
        return self.init

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.open -= 1
        return 0

    def nvmlSystemGetDriverVersion(self, buffer: Any, length: ctypes.c_uint) -> int:  # noqa: N802
        assert length.value == len(buffer)
        buffer.value = b"580.65.06"
        return 0

    def nvmlSystemGetCudaDriverVersion_v2(self, out: Any) -> int:  # noqa: N802
        out._obj.value = self.cuda
        return 0

    def nvmlDeviceGetCount_v2(self, out: Any) -> int:  # noqa: N802
        out._obj.value = len(self.cards)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, out: Any) -> int:  # noqa: N802
        if self.cards[index.value].memory == 0:
            return 15  # the card has fallen off the bus
        out._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetName(self, handle: ctypes.c_void_p, buffer: Any, length: Any) -> int:  # noqa: N802
        del length
        buffer.value = self._card(handle).name.encode()
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: ctypes.c_void_p, out: Any) -> int:  # noqa: N802
        card = self._card(handle)
        out._obj.total, out._obj.free = card.memory, card.free
        return 0

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any, major: Any, minor: Any) -> int:  # noqa: N802
        major._obj.value, minor._obj.value = self._card(handle).capability
        return 0

    def _card(self, handle: ctypes.c_void_p) -> gpu.Card:
        assert handle.value is not None
        return self.cards[handle.value - 1]


def card(name: str, gb: float, capability: tuple[int, int]) -> gpu.Card:
    return gpu.Card(name, int(gb * 2**30), int(gb * 2**30) // 2, capability)


def test_every_card_is_read_and_the_driver_is_left_closed() -> None:
    cards = [card("RTX 4090", 24, (8, 9)), card("lost", 0, (0, 0)), card("GTX 1080", 8, (6, 1))]
    nvml = Nvml(cards)
    driver = gpu.look(nvml)
    assert driver.version == "580.65.06"
    assert driver.cuda == (13, 0)
    assert driver.cards == (cards[0], cards[2])
    assert driver.best == cards[0]
    assert nvml.open == 0


def test_a_driver_that_does_not_answer_is_told_in_words() -> None:
    driver = gpu.look(Nvml([], init=18))
    assert driver.best is None
    assert "restart" in driver.trouble


def machine(
    system: str, *, cuda: tuple[int, int] = (0, 0), cards: Any = (), **more: Any
) -> Machine:
    driver = gpu.Driver(version="580.0" if cards else "", cuda=cuda, cards=tuple(cards))
    architecture = more.pop("architecture", "AMD64" if system == "Windows" else "x86_64")
    return Machine(
        system=system, architecture=architecture, python="3.12.1", driver=driver,
        glibc=(2, 35) if system == "Linux" else (0, 0), memory_gb=32,
        **{"release": "15.1", **more},
    )  # fmt: skip


ADA, PASCAL, KEPLER = card("Ada", 24, (8, 9)), card("Pascal", 8, (6, 1)), card("K", 4, (3, 5))


@pytest.mark.parametrize(
    ("computer", "backend"),
    [
        (machine("Linux"), "cpu"),
        (machine("Windows"), "cpu"),
        (machine("Linux", cuda=(13, 1), cards=[ADA]), "cu130"),
        (machine("Windows", cuda=(13, 0), cards=[ADA]), "cu130"),
        (machine("Linux", cuda=(12, 8), cards=[ADA]), "cu126"),
        (machine("Linux", cuda=(13, 0), cards=[PASCAL]), "cu126"),
        (machine("Linux", cuda=(12, 2), cards=[ADA]), "cpu"),
        (machine("Linux", cuda=(12, 6), cards=[KEPLER]), "cpu"),
        (machine("Darwin", architecture="arm64"), "mps"),
    ],
)
def test_the_build_of_torch_follows_card_and_driver(computer: Machine, backend: str) -> None:
    assert torch_build.choose(computer) == backend
    has_card = computer.driver.best is not None
    assert bool(torch_build.why(computer)) == (has_card and backend == "cpu")


@pytest.mark.parametrize(
    ("version", "system", "fitting"),
    [
        ("2.13.0+cpu", "Linux", {"cpu"}),
        ("2.13.0", "Linux", {"cu130"}),
        ("2.13.0", "Windows", {"cpu"}),
        ("2.13.0", "Darwin", {"mps"}),
        ("2.13.0+cu126", "Windows", {"cu126"}),
        ("2.12.0+cpu", "Linux", set()),
        ("", "Linux", set()),
    ],
)
def test_a_wrong_build_of_torch_is_never_taken_for_the_right_one(
    version: str, system: str, fitting: set[str]
) -> None:
    backends = ("cpu", "cu126", "cu130", "mps")
    assert {b for b in backends if torch_build.fits(version, b, system)} == fitting


@pytest.mark.parametrize(
    ("computer", "words"),
    [
        (dataclasses.replace(machine("Linux"), glibc=(2, 17)), "glibc 2.17"),
        (dataclasses.replace(machine("Linux"), glibc=(0, 0)), "none"),
        (machine("Darwin", architecture="x86_64"), "Intel"),
        (
            dataclasses.replace(machine("Darwin", architecture="arm64"), release="13.6"),
            "macOS 13.6",
        ),
    ],
)
def test_a_computer_without_a_torch_is_refused_with_a_reason(computer: Machine, words: str) -> None:
    with pytest.raises(StepFailed) as caught:
        check.require_supported(computer)
    assert words in caught.value.reason
    assert caught.value.way_out


def registry(tmp_path: Path) -> tuple[models.Model, ...]:
    import zipfile

    wheel = tmp_path / "flowanchor-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        source = ROOT / "flowanchor_engine" / "models" / "registry.json"
        archive.write(source, "flowanchor_engine/models/registry.json")
    return models.read_registry(wheel)


@pytest.mark.parametrize(
    ("gb", "proposed", "offered"),
    [
        (0, "demo", {"demo"}),
        (4, "demo", {"demo"}),
        (7.8, "wan2.1-1.3b", {"demo", "wan2.1-1.3b"}),
        (23.99, "wan2.1-1.3b", {"demo", "wan2.1-1.3b", "wan2.1-14b", "wan2.2-5b"}),
        (80, "wan2.1-1.3b",
         {"demo", "wan2.1-1.3b", "wan2.1-14b", "wan2.2-5b", "wan2.2-a14b"}),
    ],
)  # fmt: skip
def test_what_fits_is_offered_and_only_the_measured_is_proposed(
    tmp_path: Path, gb: float, proposed: str, offered: set[str]
) -> None:
    computer = machine("Linux", cuda=(13, 0), cards=[card("x", gb, (8, 9))] if gb else [])
    known = registry(tmp_path)
    assert models.recommended(known, computer).id == proposed
    assert {each.id for each in models.fitting(known, computer)} == offered
    assert all(each.rough_bytes > 1e9 for each in known if each.downloadable)
