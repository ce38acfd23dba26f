"""The edit in memory: pictures, a matte and two texts in, an edited latent out.

`Editor` keeps one model warm and joins `method` (the paper) with `wan` (the model). It knows
no files: `pipeline` adds reading and writing, benchmarks use it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.method import maskgrid, noise, schedule, trajectory, windows, words
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.stepper import Shown, Stepper
from flowanchor_engine.wan import latents, residency, words_maps
from flowanchor_engine.wan.velocity import WanVelocity, asking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from flowanchor_engine.method.trajectory import Query
    from flowanchor_engine.request import MethodSettings, Prompts
    from flowanchor_engine.wan.latents import Pictures
    from flowanchor_engine.wan.load import WanModel
    from flowanchor_engine.wan.plan import Plan
    from flowanchor_engine.wan.preview import LatentRGB
    from flowanchor_engine.wan.text import TextBundle, TextMemory, TextStage
    from flowanchor_engine.wan.velocity import VelocityCache
    from flowanchor_engine.wan.words_maps import WordMaps

__all__ = ["EditOutcome", "Editor"]


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
    attention : WordMaps or None
        Where the words of the wanted text were read, if it was gathered.
    """

    latent: Tensor
    words: tuple[str, ...]
    anchored_steps: int
    steps: int
    forwards: int
    forwards_saved: int
    attention: WordMaps | None = None


@dataclass
class Editor:
    """One warm model and the text it has already encoded.

    Parameters
    ----------
    model : WanModel
        Loaded and in evaluation mode.
    plan : Plan, optional
        The memory plan that is in force on the model; everything resident without one.
    memory : TextMemory, optional
        Where encoded texts outlive this editor.
    """

    model: WanModel
    plan: Plan | None = None
    memory: TextMemory | None = None
    _bundles: dict[str, TextBundle] = field(default_factory=dict)
    _reader: TextStage | None = None

    def follow(self, plan: Plan) -> None:
        """Put a more frugal memory plan in force."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        residency.apply(self.model, plan)
        self.plan = plan

    def texts(self, *texts: str, report: Reporter | None = None) -> list[TextBundle]:
        """Encode texts once each; later calls answer from memory."""
        home = self.plan.text if self.plan is not None else "stage"
        where = "cpu" if home == "cpu" else str(self.model.device)
        if self.memory is not None:
            for text in set(texts) - set(self._bundles):
                if (known := self.memory.get(text, where)) is not None:
                    self._bundles[text] = known
        missing = [text for text in dict.fromkeys(texts) if text not in self._bundles]
        if missing:
            report = report or Silent()
            report.phase(Phase.TEXT, 0, len(missing))
            stage = self._reader or self.model.text_stage("cpu" if home == "cpu" else None)
            self._reader = stage if home == "resident" else None
            try:
                made = stage.encode(missing, check=report.check)
            finally:
                if self._reader is None:
                    stage.close()
            for text, bundle in zip(missing, made, strict=True):
                self._bundles[text] = bundle
                if self.memory is not None:
                    self.memory.put(text, where, bundle)
            report.phase(Phase.TEXT, len(missing), len(missing))
        return [self._bundles[text] for text in texts]

    def encode(self, frames: Pictures, report: Reporter | None = None) -> Tensor:
        """Encode pictures to a normalised latent.

        Parameters
        ----------
        frames : array-like of shape (F, H, W, 3), float32 in [-1, 1]
            Read group by group, so a lazy stack of pictures is never held whole. Any F >= 5;
            the model's 4k + 1 rule is met inside by repeating the last frame.

        Raises
        ------
        ClipShortError
            Code ``clip_short`` for fewer than five frames.
        """
        report = report or Silent()
        latents.check_length(frames.shape[0])
        return latents.encode(
            self.model.vae,
            frames,
            tiling=None if self.plan is None else self.plan.tiling,
            on_chunk=lambda done, total: report.phase(Phase.ENCODE, done, total),
            check=report.check,
        )

    def decode(
        self, latent: Tensor, frames: int, report: Reporter | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield decoded pictures in chunks, float32 (n, H, W, 3) in [-1, 1], `frames` in all."""
        report = report or Silent()
        done = 0
        tiling = None if self.plan is None else self.plan.tiling
        for chunk in latents.decode(
            self.model.vae, latent, frames=frames, tiling=tiling, check=report.check
        ):
            done += chunk.shape[0]
            report.phase(Phase.DECODE, done, frames)
            yield chunk

    def edit(
        self,
        x_src: Tensor,
        matte: Pictures | None,
        prompts: Prompts,
        settings: MethodSettings,
        *,
        seed: int,
        report: Reporter | None = None,
        cache: VelocityCache | None = None,
        preview: LatentRGB | None = None,
        shown: Shown | None = None,
        window_latents: int = 21,
        window_overlap: int = 5,
        begin: tuple[int, Tensor] | None = None,
        on_state: Callable[[int, Tensor], None] | None = None,
        attention: bool = False,
    ) -> EditOutcome:
        """Run Algorithm 1 on a latent.

        Parameters
        ----------
        x_src : Tensor, shape (C, F, H, W)
            The source latent.
        matte : array-like of shape (frames, H_px, W_px), float32 in [0, 1], or None
            Where the edit may act. None or empty switches SAR off, which is noted.
        prompts : Prompts
            What is shown and what is wanted.
        settings : MethodSettings
            The switches A1-A15.
        seed : int
            Seed of the noise field.
        cache : VelocityCache, optional
            Stored velocities of the source side.
        preview : LatentRGB, optional
            Maps the growing edit to pictures for the reporter.
        shown : Shown, optional
            What those are pictures of.
        window_latents, window_overlap : int
            Longer clips are edited in windows, see `method.windows`.
        begin : (int, Tensor), optional
            Continue after so many executed steps from that edited latent.
        on_state : callable, optional
            Called with both after every step, so that a killed run can be continued.
        attention : bool
            Gather where the words are read; changes nothing else.

        Raises
        ------
        WordsError, WordsUnchangedError
            No word drives the edit, or a driving word maps to no token.
        LatentsNonFiniteError
            The edit left the range of numbers.
        """
        report = report or Silent()
        targets = words.resolve_targets(
            prompts.now,
            prompts.wanted,
            explicit=tuple((span.start, span.stop) for span in prompts.drive),
            target_from=settings.target_from,
        )
        source, target, negative = self.texts(
            targets.now, targets.text, settings.negative_prompt, report=report
        )
        columns = words.token_columns(targets.spans, target.offsets, text=targets.text)

        rows = self._rows(x_src, matte, settings, report)
        if rows is None and settings.sar:
            settings = settings.model_copy(update={"sar": False})
        plan = schedule.build(settings)
        patch = self.model.facts.patch
        grid = (x_src.shape[1], x_src.shape[2] // patch, x_src.shape[3] // patch)
        heard = None
        if attention:
            left = plan.steps[begin[0] if begin else 0 :]
            heard = words_maps.listener(grid, target, left, self.model.device)
        velocity = WanVelocity(
            self.model,
            source=source,
            target=target,
            negative=negative,
            columns=columns,
            source_columns=self._source_columns(targets, source, settings),
            rows=rows,
            settings=settings,
            batch=self.plan is not None and self.plan.batch,
            cache=cache,
            check=report.check,
            capture=heard,
        )
        asked = 0

        def counted(queries: Sequence[Query]) -> list[Tensor]:
            nonlocal asked
            asked += len(queries)
            return velocity(queries)

        channels, count, height, width = x_src.shape
        field_ = noise.build(settings, plan, (channels, count, height, width), seed)
        spans = windows.plan_windows(count, size=window_latents, overlap=window_overlap)
        stepper = Stepper(report, preview, on_state, shown)
        report.phase(Phase.EDIT, begin[0] if begin else 0, len(plan.steps))
        with torch.no_grad(), asking(self.model, report.check):
            latent = trajectory.edit(
                x_src,
                counted,
                plan,
                field_,
                settings,
                on_step=stepper,
                check=report.check,
                windows=spans,
                begin=begin,
            )
        seen = None
        if heard is not None:
            if rows is None and matte is not None:
                rows = self._token_rows(matte, settings.mask_theta)
            seen = words_maps.maps(heard, targets, target.offsets, grid, rows)
        return EditOutcome(
            latent=latent,
            words=targets.covered,
            anchored_steps=sum(step.anchored for step in plan.steps) if settings.sar else 0,
            steps=len(plan.steps),
            forwards=velocity.forwards,
            forwards_saved=asked - velocity.forwards,
            attention=seen,
        )

    def warm_source(
        self,
        x_src: Tensor,
        now: str,
        settings: MethodSettings,
        *,
        seed: int,
        cache: VelocityCache,
        report: Reporter | None = None,
        window_latents: int = 21,
        window_overlap: int = 5,
    ) -> EditOutcome:
        """Run the source branches of an edit into a cache; the latent comes back unchanged.

        Parameters
        ----------
        now : str
            What the shot shows, cleaned, without brackets.
        cache : VelocityCache
            Receives the velocities; those that it has are not computed again.

        Other parameters are those of `edit`.
        """
        report = report or Silent()
        source, negative = self.texts(now, settings.negative_prompt, report=report)
        plan = schedule.build(settings)
        velocity = WanVelocity(
            self.model,
            source=source,
            target=source,
            negative=negative,
            rows=None,
            settings=settings,
            cache=cache,
            check=report.check,
        )
        channels, count, height, width = x_src.shape
        field_ = noise.build(settings, plan, (channels, count, height, width), seed)
        spans = windows.plan_windows(count, size=window_latents, overlap=window_overlap)
        asked = 0
        report.phase(Phase.EDIT, 0, len(plan.steps))
        with torch.no_grad(), asking(self.model, report.check):
            for done, step in enumerate(plan.steps, 1):
                for queries in trajectory.source_queries(x_src, step, field_, settings, spans):
                    report.check()
                    asked += len(queries)
                    velocity(queries)
                report.phase(Phase.EDIT, done, len(plan.steps))
        return EditOutcome(
            latent=x_src,
            words=(),
            anchored_steps=0,
            steps=len(plan.steps),
            forwards=velocity.forwards,
            forwards_saved=asked - velocity.forwards,
        )

    def _rows(
        self,
        x_src: Tensor,
        matte: Pictures | None,
        settings: MethodSettings,
        report: Reporter,
    ) -> Tensor | None:
        if not settings.sar:
            return None
        if matte is None:
            report.note("matte_none", "No matte: the edit is not anchored to a region.")
            return None
        rows = self._token_rows(matte, settings.mask_theta)
        if not bool(rows.any()):
            report.note("matte_empty", "The matte is empty: the edit is not anchored to a region.")
            return None
        return rows

    def _token_rows(self, matte: Pictures, theta: float) -> Tensor:
        """Lay the matte on the token grid, one latent frame at a time."""
        facts = self.model.facts
        count = matte.shape[0]

        def group(index: int) -> Tensor:
            # The grid opens with a single picture; later groups bring theirs behind a copy.
            numbers = [0] if index == 0 else [4 * index - 3, *range(4 * index - 3, 4 * index + 1)]
            numbers = [min(number, count - 1) for number in numbers]
            part = torch.cat([torch.as_tensor(matte[n : n + 1]) for n in numbers])
            rows = maskgrid.token_rows(
                part,
                temporal=facts.temporal_stride,
                spatial=facts.spatial_stride,
                patch=facts.patch,
                theta=theta,
            )
            return rows[-(rows.numel() // (1 if index == 0 else 2)) :]

        return torch.cat([group(index) for index in range(latents.latent_frames(count))])

    @staticmethod
    def _source_columns(
        targets: words.Targets, source: TextBundle, settings: MethodSettings
    ) -> tuple[int, ...]:
        """Columns of the present text that the wanted words replace (A14, '+source_cond')."""
        if settings.sar_branches != "+source_cond":
            return ()
        spans = words.diff_spans(targets.text, targets.now)
        return words.token_columns(spans, source.offsets, text=targets.now)
