"""Intervals and tests against values worked out by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.bench.stats import (
    bootstrap_mean,
    holm,
    mcnemar_exact,
    paired_difference,
    wilson,
)


def test_wilson_matches_the_closed_form_by_hand():
    # 8 of 10, z = 1.959964: middle (0.8 + .192073) / 1.384146, half by the same scale.
    found = wilson(8, 10)
    assert found.value == 0.8
    assert found.low == pytest.approx(0.490162, abs=1e-6)
    assert found.high == pytest.approx(0.943318, abs=1e-6)


def test_wilson_of_none_and_all_touches_the_end_but_not_the_other():
    none, everything = wilson(0, 20), wilson(20, 20)
    assert none.low == 0
    assert none.high == pytest.approx(0.161125, abs=1e-6)  # z² / (n + z²)
    assert everything.high == 1
    assert everything.low == pytest.approx(1 - 0.161125, abs=1e-6)


def test_wilson_without_cases_is_nan_and_impossible_counts_are_refused():
    assert math.isnan(wilson(0, 0).value)
    with pytest.raises(ValueError, match="cannot be"):
        wilson(3, 2)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(pair):
    hits, count = pair
    found, mirrored = wilson(hits, count), wilson(count - hits, count)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


def test_mcnemar_matches_binomial_tails_by_hand():
    assert mcnemar_exact(0, 5) == pytest.approx(2 / 32)
    assert mcnemar_exact(1, 9) == pytest.approx(2 * (1 + 10) / 1024)
    assert mcnemar_exact(27, 0) == pytest.approx(2 / 2**27)
    assert mcnemar_exact(4, 4) == 1
    assert mcnemar_exact(0, 0) == 1


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_symmetric_and_equals_the_sum_over_all_as_unlikely_splits(a, b):
    total = a + b
    weights = [Fraction(math.comb(total, k), 2**total) for k in range(total + 1)]
    exact = sum(w for w in weights if w <= weights[a])
    assert mcnemar_exact(a, b) == mcnemar_exact(b, a) == pytest.approx(float(exact))


def test_bootstrap_of_equal_values_has_no_width_and_drops_what_is_not_finite():
    found = bootstrap_mean([3.0, 3.0, math.nan, 3.0, math.inf])
    assert (found.value, found.low, found.high, found.count) == (3, 3, 3, 3)
    assert bootstrap_mean([]).count == 0


def test_bootstrap_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = bootstrap_mean(values.tolist())
    half = 1.959964 * values.std() / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_pairing_removes_what_both_share():
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 50, 60)
    second = shared + rng.normal(0, 0.1, 60)
    first = shared + 1 + rng.normal(0, 0.1, 60)
    found = paired_difference(first.tolist(), second.tolist())
    assert 0.9 < found.low < 1 < found.high < 1.1
    lone = bootstrap_mean(first.tolist())
    assert lone.high - lone.low > 10  # unpaired, the difference would drown


def test_pairs_with_a_missing_side_are_left_out_and_lengths_must_agree():
    found = paired_difference([1.0, math.nan, 3.0], [0.0, 5.0, 2.0])
    assert (found.value, found.count) == (1, 2)
    with pytest.raises(ValueError, match="equal lengths"):
        paired_difference([1.0], [1.0, 2.0])


def test_resampling_repeats_number_for_number():
    values = [1.0, 4.0, 2.0, 8.0]
    assert bootstrap_mean(values) == bootstrap_mean(values)


def test_holm_matches_the_step_down_rule_by_hand():
    # sorted .01 .03 .04: 3·.01 = .03, 2·.03 = .06, then max(.06, .04) = .06
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
