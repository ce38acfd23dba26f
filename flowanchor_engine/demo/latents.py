"""Stage two: render scenes and their counterfactuals, encode them once, keep the latents.

Clips come in pairs, a scene and the same scene with one attribute changed, so that stage three
can show the transformer both under one noise. The cache is a folder of shards; a shard that is
there is whole, so an interrupted run goes on with the missing ones.
"""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from flowanchor_engine.demo.checkpoint import write_atomic
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scenes import (
    EDIT_KINDS,
    EditKind,
    Scene,
    random_counterfactual,
    sample_scene,
    scene_from_dict,
)
from flowanchor_engine.demo.vae_model import channels_last, to_tensor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from flowanchor_engine.demo.journal import Journal

TRAIN_SEED = 20_000_000
_SEEDS_PER_BUCKET = 1_000_000
_KIND_SHARES = {"colour": 0.30, "material": 0.25, "shape": 0.30, "background": 0.15}


@dataclass(frozen=True)
class Bucket:
    """Clips of one size: how many pairs to cache, and the share of training steps they get."""

    width: int
    height: int
    frames: int
    pairs: int
    share: float

    @property
    def tokens(self) -> int:
        """Latent tokens of one clip after the 2 by 2 patches."""
        return (1 + self.frames // 4) * (self.width // 16) * (self.height // 16)


@dataclass(frozen=True)
class LatentsPlan:
    """Buckets of the cache and pairs per shard file."""

    buckets: tuple[Bucket, ...]
    pairs_per_shard: int = 32


@dataclass(frozen=True)
class _Job:
    vae: Path
    path: Path
    bucket: int
    size: Bucket
    start: int
    stop: int


def shard_jobs(plan: LatentsPlan, vae: Path, folder: Path) -> list[_Job]:
    """List every shard; buckets take turns in proportion, so any prefix is a fair mix."""
    jobs = []
    for index, bucket in enumerate(plan.buckets):
        for start in range(0, bucket.pairs, plan.pairs_per_shard):
            stop = min(bucket.pairs, start + plan.pairs_per_shard)
            path = folder / f"{index:02d}-{start:05d}.safetensors"
            jobs.append(_Job(vae, path, index, bucket, start, stop))
    return sorted(jobs, key=lambda job: (job.stop / job.size.pairs, job.bucket))


def cache_latents(plan: LatentsPlan, vae: Path, folder: Path, journal: Journal) -> None:
    """Write the shards of `plan` that are missing in `folder`, encoded with the VAE at `vae`."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = folder / "plan.json"
    wanted = json.loads(json.dumps(asdict(plan)))
    if facts.is_file() and json.loads(facts.read_text(encoding="utf-8")) != wanted:
        raise ValueError(f"{folder.name} holds latents of another plan; use another output folder")
    write_atomic(facts, (json.dumps(wanted) + "\n").encode())
    jobs = [job for job in shard_jobs(plan, vae, folder) if not job.path.is_file()]
    done = 0
    for clips in _each(jobs):
        done += clips
        journal.write("latents", clips=done)


def _each(jobs: list[_Job]) -> Iterator[int]:
    if len(jobs) < 4:
        yield from map(_encode_shard, jobs)
        return
    # Two single-threaded encoders are faster than one with two threads.
    with ProcessPoolExecutor(
        2, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread
    ) as pool:
        yield from pool.map(_encode_shard, jobs)


def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def training_pair(bucket: int, size: Bucket, index: int) -> tuple[Scene, Scene]:
    """Return scene number `index` of a bucket and its counterfactual."""
    seed = TRAIN_SEED + _SEEDS_PER_BUCKET * bucket + index
    scene = sample_scene(seed, width=size.width, height=size.height, frames=size.frames)
    rng = np.random.default_rng([seed, 1])
    kind: EditKind = EDIT_KINDS[
        int(rng.choice(len(EDIT_KINDS), p=[_KIND_SHARES[k] for k in EDIT_KINDS]))
    ]
    return scene, random_counterfactual(scene, kind, rng)[0]


_loaded: dict[Path, Any] = {}


def _vae(path: Path) -> Any:
    """Load once per worker process, not once per shard."""
    if path not in _loaded:
        vae = AutoencoderKLWan.from_pretrained(path, dtype=torch.float32)
        _loaded[path] = channels_last(vae).eval().requires_grad_(False)
    return _loaded[path]


@torch.no_grad()
def _encode_shard(job: _Job) -> int:
    vae = _vae(job.vae)
    scenes: list[Scene] = []
    latents, coverage = [], []
    per_batch = 2 if job.size.frames <= 17 else 1
    members = [
        scene
        for index in range(job.start, job.stop)
        for scene in training_pair(job.bucket, job.size, index)
    ]
    for start in range(0, len(members), per_batch):
        batch = members[start : start + per_batch]
        drawn = [render(scene) for scene in batch]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            posterior = vae.encode(to_tensor(np.stack([d.frames for d in drawn]))).latent_dist
        latents.append(posterior.mode().half())
        coverage += [latent_coverage(d.coverage.sum(0)) for d in drawn]
        scenes += batch
    tensors = {
        "latents": torch.cat(latents).contiguous(),
        "coverage": (torch.stack(coverage) * 255).round().byte(),
    }
    text = json.dumps([scene.to_dict() for scene in scenes])
    write_atomic(job.path, save(tensors, metadata={"scenes": text}))
    return len(scenes)


def latent_coverage(coverage: NDArray[np.float32]) -> Tensor:
    """Share of every latent cell that objects cover: (F, H, W) to (1 + F // 4, H / 8, W / 8)."""
    x = torch.from_numpy(np.ascontiguousarray(coverage))[None, None].clamp(0, 1)
    x = torch.cat([x[:, :, :1].expand(-1, -1, 3, -1, -1), x], 2)  # the first frame stands alone
    return functional.avg_pool3d(x, (4, 8, 8))[0, 0]


@dataclass(frozen=True)
class CachedClips:
    """The clips of one bucket; clips 2 k and 2 k + 1 are a pair.

    Attributes
    ----------
    latents : float16 Tensor, shape (clips, 16, f, h, w), as the VAE gives them
    coverage : uint8 Tensor, shape (clips, f, h, w), 255 where objects cover a cell
    scenes : list of Scene
    """

    latents: Tensor
    coverage: Tensor
    scenes: list[Scene]


def load_latents(plan: LatentsPlan, folder: Path) -> list[CachedClips]:
    """Read the cache, one entry per bucket of `plan`, in the order of the scenes' numbers."""
    found = []
    for index in range(len(plan.buckets)):
        latents, coverage, scenes = [], [], []
        for path in sorted(folder.glob(f"{index:02d}-*.safetensors")):
            with safe_open(path, framework="pt") as file:
                latents.append(file.get_tensor("latents"))
                coverage.append(file.get_tensor("coverage"))
                scenes += [scene_from_dict(d) for d in json.loads(file.metadata()["scenes"])]
        if not scenes:
            raise ValueError(f"no latents of bucket {index} in {folder.name}")
        found.append(CachedClips(torch.cat(latents), torch.cat(coverage), scenes))
    return found


def latent_statistics(clips: CachedClips) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of every channel, as Wan's VAE configuration keeps them."""
    values = clips.latents.float()
    return values.mean((0, 2, 3, 4)).tolist(), values.std((0, 2, 3, 4)).tolist()
