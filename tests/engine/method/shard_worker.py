"""One rank of the sharded-attention test; a module of its own so that spawn can import it."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor
from torch import distributed as dist

from flowanchor_engine.method.attend import attend_sar
from flowanchor_engine.method.columns import SarSettings, TextColumns


def reduce_gloo(tensor: Tensor, kind: str) -> Tensor:
    result = tensor.contiguous().clone()
    dist.all_reduce(result, dist.ReduceOp.MAX if kind == "max" else dist.ReduceOp.MIN)
    return result


def run_shard(
    rank: int, ranks: int, folder: str, real: int, pad_count: int, beta1: float, beta2: float
) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=ranks
    )
    data = torch.load(Path(folder) / "case.pt")
    columns = TextColumns(real, pad_count, data["target"], eos=real - 1)
    settings = SarSettings(beta1, beta2)
    queries, rows = data["q"].chunk(ranks, 2)[rank], data["rows"].chunk(ranks)[rank]
    given = (queries, data["k"], data["v"], rows, columns, settings)
    torch.save(
        {"talking": attend_sar(*given, reduce=reduce_gloo), "alone": attend_sar(*given)},
        Path(folder) / f"out{rank}.pt",
    )
    dist.destroy_process_group()
