"""Where a preview map comes from, and that it shows colours which only the edit brings in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional

from flowanchor_engine.cache import Store
from flowanchor_engine.demo.scene_clip import demo_shot
from flowanchor_engine.errors import Cancelled, ModelDamagedError
from flowanchor_engine.preview_map import learned, preview_map
from flowanchor_engine.wan import latents
from flowanchor_engine.wan.preview import FILE_NAME, LatentRGB


@pytest.fixture
def homeless(demo: Any, tmp_path: Path) -> Any:
    """The embedded model as if no map lay beside it."""
    return replace(demo, facts=replace(demo.facts, folder=tmp_path / "model"))


def error_inside(found: LatentRGB, z: torch.Tensor, truth: torch.Tensor, inside: Any) -> float:
    """Root mean square error of a map's second picture where the shot was edited."""
    small = functional.avg_pool2d(truth[1:].mean(0).movedim(-1, 0), 8).movedim(0, -1)
    cells = functional.avg_pool2d(torch.from_numpy(inside[1:]).float(), 8).amin(0) > 0.5
    shown = torch.from_numpy(found.frame(z, 1)).float() / 127.5 - 1
    return float((shown - small)[cells].pow(2).mean().sqrt())


def test_the_clip_alone_cannot_know_a_new_colour(demo: Any) -> None:
    shipped = LatentRGB.load(demo.facts.folder / FILE_NAME)
    alone, bent, general = [], [], []
    for seed in range(3_100_000, 3_100_006):
        shot = demo_shot(seed, size=(96, 96), frames=5)
        source, truth = (
            torch.from_numpy(frames).float() / 127.5 - 1
            for frames in (shot.frames, shot.truth_frames)
        )
        z, wanted = (latents.encode(demo.vae, frames) for frames in (source, truth))
        asked = (wanted, truth, shot.mask)
        alone.append(error_inside(LatentRGB.of([(z, source)]), *asked))
        bent.append(error_inside(shipped.bent(z, source), *asked))
        general.append(error_inside(shipped, *asked))
    assert sum(bent) < 0.6 * sum(alone)
    assert sum(bent) < 1.15 * sum(general)


def test_the_clip_bends_the_map_towards_its_own_colours(demo: Any) -> None:
    shipped = LatentRGB.load(demo.facts.folder / FILE_NAME)
    shot = demo_shot(3_100_023, size=(96, 96), frames=5)
    source = torch.from_numpy(shot.frames).float() / 127.5 - 1
    z = latents.encode(demo.vae, source)
    everywhere = (z, source, shot.mask | True)
    assert error_inside(shipped.bent(z, source), *everywhere) < 0.9 * error_inside(
        shipped, *everywhere
    )


def test_the_shipped_map_is_used_and_a_broken_one_is_named(demo: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    found = preview_map(demo, store)
    assert torch.equal(found.weight, LatentRGB.load(demo.facts.folder / FILE_NAME).weight)
    assert store.size_bytes() == 0
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / FILE_NAME).write_text("{}")
    with pytest.raises(ModelDamagedError):
        preview_map(replace(demo, facts=replace(demo.facts, folder=folder)), store)


def test_a_map_is_learned_once_for_each_vae(homeless: Any, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    found = preview_map(homeless, store)
    again = preview_map(replace(homeless, vae=SimpleNamespace(dtype=homeless.vae.dtype)), store)
    assert torch.equal(found.weight, again.weight)
    assert torch.equal(found.bias, again.bias)
    with pytest.raises(AttributeError):  # another one has to be looked at
        preview_map(
            replace(homeless, revision="other", vae=SimpleNamespace(dtype=homeless.vae.dtype)),
            store,
        )


def test_learning_obeys_a_stop(homeless: Any, tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    store = Store(tmp_path / "store")
    with pytest.raises(Cancelled):
        preview_map(homeless, store, check=stop)
    assert store.size_bytes() == 0


def test_a_vae_of_the_larger_layout_gets_its_map(vae_5b: Any) -> None:
    found = learned(vae_5b, clips=1)
    assert found.weight.shape == (3, 48)
    assert bool(found.weight.isfinite().all())
