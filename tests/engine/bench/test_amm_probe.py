"""The probe sees where a map is large."""

import pytest
import torch

from flowanchor_engine.bench.amm_probe import MapReading, markdown, reading_of
from flowanchor_engine.bench.stats import Interval


@pytest.fixture
def inside():
    where = torch.zeros(3, 8, 8, dtype=torch.bool)
    where[:, 2:5, 2:5] = True
    return where


def test_a_direction_inside_alone_is_found_by_abs_and_rms(inside):
    delta = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * inside
    for name in ("abs", "rms"):
        high, low, correlation = reading_of(delta, inside, name)
        assert high > 0.3
        assert low == pytest.approx(0, abs=1e-6)
        assert correlation > 0.9


def test_the_signed_map_takes_a_negative_direction_for_its_opposite(inside):
    delta = torch.zeros(16, 3, 8, 8)
    delta[:, inside] = -1.0
    high, low, correlation = reading_of(delta, inside, "signed")
    assert (high, low) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))
    assert correlation == pytest.approx(-1, abs=1e-5)
    assert reading_of(-delta, inside, "signed")[0] == pytest.approx(1, abs=1e-5)
    assert reading_of(delta, inside, "rms")[0] == pytest.approx(1, abs=1e-5)


def test_the_section_names_every_map():
    number = Interval(0.5, 0.4, 0.6, 12)
    text = markdown([MapReading("signed", number, number, number)], 12)
    assert "| signed | 0.50 [0.40, 0.60] |" in text
