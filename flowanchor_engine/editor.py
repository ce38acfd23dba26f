"""The edit in memory: pictures, a matte and two texts in, an edited latent out.

`Editor` keeps one model warm and joins `method` (the paper) with `wan` (the model). It knows
no files: `pipeline` adds reading and writing, benchmarks use it as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.errors import ClipShortError
from flowanchor_engine.method import maskgrid, noise, schedule, trajectory, windows, words
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.wan import guards, latents
from flowanchor_engine.wan.preview import LatentRGB
from flowanchor_engine.wan.velocity import WanVelocity

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from flowanchor_engine.method.trajectory import StepReport
    from flowanchor_engine.request import MethodSettings, Prompts
    from flowanchor_engine.wan.load import WanModel
    from flowanchor_engine.wan.text import TextBundle

__all__ = ["EditOutcome", "Editor"]

LEAST_FRAMES = 5  # two latent frames: fewer cannot show motion to the model


@dataclass(frozen=True)
class EditOutcome:
    """What an edit of latents returns besides the latent.

    Parameters
    ----------
    latent : Tensor, shape (C, F, H, W), float32
        The edited, normalised latent.
    words : tuple of str
        The words of the wanted text that drove the edit.
    anchored_steps, steps : int
        Executed steps with SAR, and all executed steps.
    forwards, forwards_saved : int
        Transformer forwards run, and forwards answered by sharing or a cache.
    """

    latent: Tensor
    words: tuple[str, ...]
    anchored_steps: int
    steps: int
    forwards: int
    forwards_saved: int


@dataclass
class Editor:
    """One warm model and the text it has already encoded.

    Parameters
    ----------
    model : WanModel
        Loaded and in evaluation mode.
    """

    model: WanModel
    _bundles: dict[str, TextBundle] = field(default_factory=dict)
    _preview: LatentRGB | None = None

    def texts(self, *texts: str) -> list[TextBundle]:
        """Encode texts once each; later calls answer from memory."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._bundles]
        if missing:
            with self.model.text_stage() as stage:
                for text, bundle in zip(missing, stage.encode(missing), strict=True):
                    self._bundles[text] = bundle
        return [self._bundles[text] for text in texts]

    def encode(self, frames: Tensor, report: Reporter | None = None) -> Tensor:
        """Encode pictures to a normalised latent.

        Parameters
        ----------
        frames : Tensor, shape (F, H, W, 3), float32 in [-1, 1]
            Any F >= 5; the model's 4k + 1 rule is met inside by repeating the last frame.

        Raises
        ------
        ClipShortError
            Code ``clip_short`` for fewer than five frames.
        """
        report = report or Silent()
        if frames.shape[0] < LEAST_FRAMES:
            raise ClipShortError(
                f"At least {LEAST_FRAMES} frames are needed; this shot has {frames.shape[0]}.",
                hint=["set_range"],
            )
        return latents.encode(
            self.model.vae,
            frames,
            on_chunk=lambda done, total: report.phase(Phase.ENCODE, done, total),
            check=report.check,
        )

    def decode(
        self, latent: Tensor, frames: int, report: Reporter | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield decoded pictures in chunks, float32 (n, H, W, 3) in [-1, 1], `frames` in all."""
        report = report or Silent()
        done = 0
        for chunk in latents.decode(self.model.vae, latent, frames=frames, check=report.check):
            done += chunk.shape[0]
            report.phase(Phase.DECODE, done, frames)
            yield chunk

    def edit(
        self,
        x_src: Tensor,
        matte: Tensor | None,
        prompts: Prompts,
        settings: MethodSettings,
        *,
        seed: int,
        report: Reporter | None = None,
        window_latents: int | None = None,
        window_overlap: int = 5,
    ) -> EditOutcome:
        """Run Algorithm 1 on a latent.

        Parameters
        ----------
        x_src : Tensor, shape (C, F, H, W)
            The source latent.
        matte : Tensor, shape (frames, H_px, W_px), float32 in [0, 1], or None
            Where the edit may act. None or empty switches SAR off, which is noted.
        prompts : Prompts
            What is shown and what is wanted.
        settings : MethodSettings
            The switches A1-A15.
        seed : int
            Seed of the noise field.

        Raises
        ------
        WordsError, WordsUnchangedError
            No word drives the edit, or a driving word maps to no token.
        LatentsNonFiniteError
            The edit left the range of numbers.
        """
        report = report or Silent()
        targets = words.resolve_targets(
            words.clean(prompts.now),
            prompts.wanted,
            explicit=tuple((span.start, span.stop) for span in prompts.drive),
            target_from=settings.target_from,
        )
        report.phase(Phase.TEXT, 0, 1)
        source, target, negative = self.texts(
            words.clean(prompts.now), targets.text, settings.negative_prompt
        )
        report.phase(Phase.TEXT, 1, 1)
        columns = words.token_columns(targets.spans, target.offsets)

        rows = self._rows(x_src, matte, settings, report)
        if rows is None and settings.sar:
            settings = settings.model_copy(update={"sar": False})
        for module in self.model.transformers():
            guards.check(module)

        plan = schedule.build(settings)
        velocity = WanVelocity(
            self.model,
            source=source,
            target=target,
            negative=negative,
            columns=columns,
            rows=rows,
            settings=settings,
        )
        channels, count, height, width = x_src.shape
        field_ = noise.build(settings, plan, (channels, count, height, width), seed)
        spans = windows.plan_windows(
            count,
            size=window_latents or self.model.facts.window_latents,
            overlap=window_overlap,
        )
        stepper = _Stepper(report, self._latent_rgb())
        report.phase(Phase.EDIT, 0, len(plan.steps))
        with velocity, torch.no_grad():
            latent = trajectory.edit(
                x_src,
                velocity,
                plan,
                field_,
                settings,
                on_step=stepper,
                check=report.check,
                windows=spans,
            )
        return EditOutcome(
            latent=latent,
            words=targets.covered,
            anchored_steps=sum(step.anchored for step in plan.steps) if settings.sar else 0,
            steps=len(plan.steps),
            forwards=velocity.forwards,
            forwards_saved=velocity.saved,
        )

    def _rows(
        self,
        x_src: Tensor,
        matte: Tensor | None,
        settings: MethodSettings,
        report: Reporter,
    ) -> Tensor | None:
        if not settings.sar:
            return None
        if matte is None:
            report.note("matte_none", "No matte: the edit is not anchored to a region.")
            return None
        facts = self.model.facts
        rows = maskgrid.token_rows(
            latents.pad_frames(matte),
            temporal=facts.temporal_stride,
            spatial=facts.spatial_stride,
            patch=facts.patch[1],
            theta=settings.mask_theta,
        )
        if not bool(rows.any()):
            report.note("matte_empty", "The matte is empty: the edit is not anchored to a region.")
            return None
        return rows

    def _latent_rgb(self) -> LatentRGB | None:
        if self._preview is None:
            self._preview = LatentRGB.for_model(self.model)
        return self._preview


class _Stepper:
    """Turns step reports into progress and, at most twice a second, a preview."""

    def __init__(self, report: Reporter, preview: LatentRGB | None) -> None:
        self._report = report
        self._preview = preview
        self._last = 0.0

    def __call__(self, step: StepReport) -> None:
        self._report.phase(Phase.EDIT, step.done, step.total)
        now = time.monotonic()
        if self._preview is None or now - self._last < 0.5:
            return
        self._last = now
        middle = step.z_edit.shape[1] // 2
        picture = self._preview.frame(step.z_edit, middle)
        self._report.preview(step.done, 4 * middle, picture)
