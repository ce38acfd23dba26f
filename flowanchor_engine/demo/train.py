"""Train the embedded model with one command.

``python -m flowanchor_engine.demo.train --out DIR`` runs every stage from nothing;
``--init PIPELINE --plan refine`` goes on from given weights. A run that was killed goes on where
its last checkpoint was when the same command is given again.
"""

from __future__ import annotations

import datetime
import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from diffusers import AutoencoderKLWan
from rich.console import Console

from flowanchor_engine.demo.assemble import assemble, load_average, load_models, new_models
from flowanchor_engine.demo.checkpoint import write_json
from flowanchor_engine.demo.flow_stage import train_flow
from flowanchor_engine.demo.journal import Journal, draw_curves
from flowanchor_engine.demo.latents import cache_latents, latent_statistics, load_latents
from flowanchor_engine.demo.plans import PLANS, Plan
from flowanchor_engine.demo.vae_stage import held_out_psnr, train_vae

STAGES = ("vae", "latents", "flow", "decoder", "assemble")

app = typer.Typer(add_completion=False)


class Run:
    """One output folder and what its stages leave there.

    ``vae/final`` (diffusers layout), ``latents`` (shards, statistics), ``flow`` (checkpoint),
    ``decoder/final`` (the same VAE with a better decoder), ``pipeline`` (the result),
    ``log.jsonl`` and ``curves``.
    """

    def __init__(self, out: Path, plan: Plan, init: Path | None, processes: int) -> None:
        self.out, self.plan, self.init, self.processes = out, plan, init, processes
        self.journal = Journal(out / "log.jsonl")

    @property
    def vae_folder(self) -> Path:
        """The VAE of this run, or that of `init` if this run trained none."""
        own = self.out / "vae" / "final"
        if own.is_dir() or self.init is None:
            return own
        return self.init / "vae"

    def vae(self) -> None:
        """Train the VAE, or refine that of `init`, and measure it on unseen clips."""
        start = None
        if self.init is not None:
            start = AutoencoderKLWan.from_pretrained(self.init / "vae", dtype=torch.float32)
        folder = self.out / "vae"
        vae = train_vae(self.plan.vae, folder, self.journal, start=start, processes=self.processes)
        self._keep(vae, folder)

    def decoder(self, deadline: float | None) -> None:
        """Train the decoder further; the latents, and so the transformer, see none of it."""
        start = AutoencoderKLWan.from_pretrained(self.vae_folder, dtype=torch.float32)
        folder = self.out / "decoder"
        vae = train_vae(
            self.plan.decoder,
            folder,
            self.journal,
            start=start,
            deadline=deadline,
            processes=self.processes,
        )
        self._keep(vae, folder)

    def _keep(self, vae: Any, folder: Path) -> None:
        values = held_out_psnr(vae, self.plan.held_out_clips)
        self.journal.write(
            f"held_out_{folder.name}",
            mean_db=round(sum(values) / len(values), 2),
            lowest_db=round(min(values), 2),
            highest_db=round(max(values), 2),
        )
        part = folder / "final.part"
        shutil.rmtree(part, ignore_errors=True)
        vae.save_pretrained(part, safe_serialization=True)
        shutil.rmtree(folder / "final", ignore_errors=True)
        part.rename(folder / "final")

    def latents(self) -> None:
        """Encode the scenes; from nothing also measure the statistics of the latents."""
        folder = self.out / "latents"
        cache_latents(self.plan.latents, self.vae_folder, folder, self.journal)
        if self.init is None:
            mean, deviation = latent_statistics(load_latents(self.plan.latents, folder)[0])
        else:  # the transformer that goes on learning knows the statistics it was born with
            config = AutoencoderKLWan.load_config(self.init / "vae")
            mean, deviation = config["latents_mean"], config["latents_std"]
        write_json(folder / "statistics.json", {"mean": mean, "deviation": deviation})

    def flow(self, deadline: float | None) -> None:
        """Train transformer and text encoder."""
        train_flow(
            self.plan.flow,
            new_models() if self.init is None else load_models(self.init),
            self.plan.latents.buckets,
            load_latents(self.plan.latents, self.out / "latents"),
            self._statistics(),
            self.out / "flow",
            self.journal,
            deadline=deadline,
            processes=self.processes,
            facts={"latents": asdict(self.plan.latents), "warm_start": self.init is not None},
        )

    def assemble(self) -> None:
        """Write the pipeline folder and the curves."""
        models = new_models() if self.init is None else load_models(self.init)
        step = load_average(models, self.out / "flow" / "checkpoint.safetensors")
        better = self.out / "decoder" / "final"
        vae = AutoencoderKLWan.from_pretrained(
            better if better.is_dir() else self.vae_folder, dtype=torch.float32
        )
        facts = assemble(
            models,
            vae,
            self._statistics(),
            self.out / "pipeline",
            preview_clips=self.plan.preview_clips,
        )
        self.journal.write("assemble", flow_step=step, **facts)
        draw_curves(self.journal, self.out / "curves")

    def _statistics(self) -> tuple[list[float], list[float]]:
        text = (self.out / "latents" / "statistics.json").read_text(encoding="utf-8")
        values = json.loads(text)
        return values["mean"], values["deviation"]


def parse_until(text: str, now: datetime.datetime) -> float:
    """Return the next moment at which the clock shows HH:MM, in seconds since the epoch."""
    clock = datetime.datetime.strptime(text, "%H:%M").time()
    moment = datetime.datetime.combine(now.date(), clock, now.tzinfo)
    if moment <= now:
        moment += datetime.timedelta(days=1)
    return moment.timestamp()


def _deadline(minutes: float | None) -> float | None:
    return None if minutes is None else time.time() + 60 * minutes


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder of the run; give it again to go on.")],
    init: Annotated[
        Path | None, typer.Option(help="Pipeline folder to start from instead of nothing.")
    ] = None,
    plan: Annotated[str, typer.Option(help="full, refine or smoke.")] = "full",
    stages: Annotated[str, typer.Option(help="Stages to run, in order.")] = ",".join(STAGES),
    until: Annotated[
        str | None, typer.Option(help="End the flow stage at HH:MM; not repeatable to the step.")
    ] = None,
    flow_minutes: Annotated[
        float | None, typer.Option(help="The same as a duration, counted from the stage's start.")
    ] = None,
    decoder_minutes: Annotated[
        float | None, typer.Option(help="End the decoder stage after that time.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves torch's choice.")] = 0,
    processes: Annotated[int, typer.Option(help="Processes that share the gradients.")] = 2,
) -> None:
    """Train the embedded model from nothing, or further from given weights."""
    chosen = [s.strip() for s in stages.split(",")]
    unknown = [s for s in chosen if s not in STAGES]
    if unknown or plan not in PLANS:
        raise typer.BadParameter(f"stages are {', '.join(STAGES)}; plans are {', '.join(PLANS)}")
    if until is not None and flow_minutes is not None:
        raise typer.BadParameter("give --until or --flow-minutes, not both")
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # tiny averages would otherwise slow every step down
    console = Console(stderr=True)
    run = Run(out, PLANS[plan], init, processes)
    for stage in STAGES:
        if stage not in chosen:
            continue
        console.log(f"stage {stage}, log in {run.journal.path}")
        if stage == "vae":
            run.vae()
        elif stage == "latents":
            run.latents()
        elif stage == "flow":
            now = datetime.datetime.now().astimezone()
            run.flow(parse_until(until, now) if until else _deadline(flow_minutes))
        elif stage == "decoder":
            run.decoder(_deadline(decoder_minutes))
        else:
            run.assemble()
    console.log(f"done: {out}")


if __name__ == "__main__":
    app()
