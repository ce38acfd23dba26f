"""The cost bench on a small shape: forms agree on what is dear."""

import pytest
import torch

from flowanchor_engine.bench import sar_cost
from flowanchor_engine.bench.sar_cost import LayerShape, forward_cost, layer_costs

SMALL = LayerShape(heads=4, tokens=6000, head_width=32)


def test_all_forms_compute_the_same_attention():
    shape = LayerShape(heads=2, tokens=60, head_width=16)
    inputs = sar_cost._inputs(shape)
    dense = sar_cost._call("dense", shape, inputs)()
    for form in ("collapsed", "streamed", "one call"):
        assert torch.allclose(sar_cost._call(form, shape, inputs)(), dense, atol=1e-5)
    assert not torch.allclose(sar_cost._call("plain", shape, inputs)(), dense, atol=1e-3)


@pytest.mark.slow
def test_memory_of_a_call_is_seen_and_dense_is_dearer_in_both():
    dense, collapsed = layer_costs(SMALL, runs=2, forms=("dense", "collapsed"))
    # Logits of all 512 columns, refined: at least one buffer of 4·6000·512 floats.
    assert dense.extra_mb > 4 * 6000 * 512 * 4 / 2**20
    assert collapsed.extra_mb < dense.extra_mb / 4
    assert collapsed.seconds < dense.seconds / 4


@pytest.mark.slow
def test_a_whole_forward_is_timed_with_and_without():
    found = forward_cost(layers=1, tokens=(1, 8, 8), runs=1)
    assert found.tokens == 64
    assert min(found.stock, found.collapsed, found.sar) > 0
    assert found.overhead == pytest.approx(found.attention_extra / found.collapsed)
    assert found.overhead_by_difference == pytest.approx(found.sar / found.collapsed - 1)
