"""Invariant 23: compiled blocks stay two graphs, one with SAR and one without."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch

from flowanchor_engine.method import schedule, trajectory
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan.velocity import WanVelocity
from tests.engine.wan.conftest import make_bundle, make_model, make_transformer, make_vae

ROWS = torch.tensor([0, 1, 0, 0, 0, 1, 1, 0], dtype=torch.bool)


def edit(model: Any, settings: MethodSettings, lengths: tuple[int, int, int]) -> torch.Tensor:
    source, target, negative = (make_bundle(real, real) for real in lengths)
    velocity = WanVelocity(
        model,
        source=source,
        target=target,
        negative=negative,
        rows=ROWS,
        settings=settings,
        columns=(2,),
    )
    x = torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = NoiseField((16, 2, 4, 4), 7, "fresh", 0.5)
    return trajectory.edit(x, velocity, schedule.build(settings), noise, settings)


class Counter:
    """A back-end that runs the traced graph as it is and counts the graphs."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: Any, _inputs: Any) -> Any:
        self.graphs += 1
        return graph.forward


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("sar_pads", ["real", "all"])
def test_an_edit_traces_two_graphs_over_all_steps_betas_and_prompts(sar_pads: Any) -> None:
    torch._dynamo.reset()
    settings = MethodSettings(gamma=0.0, negative_prompt="", sar_pads=sar_pads)
    want = edit(make_model(make_transformer()), settings, (9, 12, 5))
    model, counter = make_model(make_transformer(), vae=make_vae()), Counter()
    model.transformer.compile_repeated_blocks(fullgraph=True, backend=counter)
    assert model.fingerprint()["compiled"] == "blocks"
    got = edit(model, settings, (9, 12, 5))
    assert counter.graphs == 2
    assert torch.allclose(got, want, atol=1e-4)
    for beta in (0.1, 0.5):
        edit(model, settings.model_copy(update={"beta1": beta, "beta2": beta}), (9, 12, 5))
    assert counter.graphs == 2
    edit(model, settings, (30, 12, 7))  # other prompts of other lengths, the same words driving
    assert counter.graphs == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",  # as inductor sees it: no in-place writes, decomposed
        pytest.param(
            "inductor",
            marks=pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler"),
        ),
    ],
)
def test_compiled_code_gives_the_edit_of_plain_code(backend: str) -> None:
    torch._dynamo.reset()
    settings = MethodSettings(gamma=0.0, negative_prompt="", steps=4)
    want = edit(make_model(make_transformer(num_layers=1)), settings, (9, 12, 5))
    model = make_model(make_transformer(num_layers=1))
    model.transformer.compile_repeated_blocks(fullgraph=True, backend=backend)
    got = edit(model, settings, (9, 12, 5))
    assert torch.allclose(got, want, atol=1e-4)
