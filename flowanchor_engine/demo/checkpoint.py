"""Training state that survives a kill at any moment, without a pickle.

One safetensors file holds weights, their running average, the optimiser's tensors and the
state of both random generators; its header carries the plain numbers as JSON. It is written to a
temporary name, fsynced and renamed, so the file under the final name is always whole.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from flowanchor_engine.demo.optim import MuonAdam

SCHEMA = "flowanchor.DemoCheckpoint.1"


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name, fsync, rename, fsync the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, data: Any) -> None:
    """Write indented JSON atomically."""
    write_atomic(path, (json.dumps(data, indent=1, sort_keys=True) + "\n").encode())


@dataclass
class Trainee:
    """What a training stage changes step by step.

    Attributes
    ----------
    parameters : mapping of names to parameters
    average : mapping of the same names to the exponential moving average
    step : int
        Finished optimiser steps.
    seconds : float
        Time spent training so far, over all runs.
    """

    parameters: dict[str, nn.Parameter]
    average: dict[str, Tensor]
    optimiser: MuonAdam
    rng: np.random.Generator
    step: int = 0
    seconds: float = 0.0

    @torch.no_grad()
    def track_average(self, limit: float, warm: int) -> None:
        """Move the average towards the weights; the share kept is step / (step + warm)."""
        keep = min(limit, self.step / (self.step + warm))
        torch._foreach_lerp_(
            list(self.average.values()), [p.detach() for p in self.parameters.values()], 1 - keep
        )

    @torch.no_grad()
    def adopt_average(self) -> None:
        """Replace the weights by their average: the result of the stage."""
        for name, p in self.parameters.items():
            p.copy_(self.average[name])

    def save(self, path: Path, *, facts: Mapping[str, Any]) -> None:
        """Write everything needed to go on as if nothing had happened."""
        tensors: dict[str, Tensor] = {"torch_rng": torch.get_rng_state()}
        names = {id(p): name for name, p in self.parameters.items()}
        for name, p in self.parameters.items():
            tensors[f"weight/{name}"] = p.detach().contiguous()
            tensors[f"average/{name}"] = self.average[name].contiguous()
        for owner, state in self.optimiser.state.items():
            for key, value in state.items():
                tensors[f"optimiser/{key}/{names[id(owner)]}"] = value.contiguous()
        head = {
            "schema": SCHEMA,
            "step": self.step,
            "seconds": self.seconds,
            "numpy_rng": self.rng.bit_generator.state,
            "updates": [group["updates"] for group in self.optimiser.param_groups],
            "facts": dict(facts),
        }
        write_atomic(path, save(tensors, metadata={"head": json.dumps(head)}))

    @torch.no_grad()
    def load(self, path: Path, *, facts: Mapping[str, Any]) -> None:
        """Take up a saved state.

        Raises
        ------
        ValueError
            If the file belongs to another plan: `facts` differ from those it was saved with.
        """
        with safe_open(path, framework="pt") as file:
            head = json.loads(file.metadata()["head"])
            if head["schema"] != SCHEMA or head["facts"] != json.loads(json.dumps(dict(facts))):
                raise ValueError(
                    f"{path.name} was saved by a different plan; use another output folder"
                )
            torch.set_rng_state(file.get_tensor("torch_rng"))
            for name, p in self.parameters.items():
                p.copy_(file.get_tensor(f"weight/{name}"))
                self.average[name].copy_(file.get_tensor(f"average/{name}"))
            by_name = dict(self.parameters)
            for key in file.keys():  # noqa: SIM118 - not a mapping
                part, _, rest = key.partition("/")
                if part == "optimiser":
                    kind, _, name = rest.partition("/")
                    owner = by_name[name]
                    self.optimiser.state[owner][kind] = file.get_tensor(key).reshape(owner.shape)
        for group, updates in zip(self.optimiser.param_groups, head["updates"], strict=True):
            group["updates"] = updates
        self.rng.bit_generator.state = head["numpy_rng"]
        self.step, self.seconds = head["step"], head["seconds"]
