"""Wan as the velocity that the edit loop asks for.

The loop asks for all branches of a step at once. This side decides what really has to run:
a forward that two branches share runs once (in the first step Z_tar *is* Z_src, so both
unconditional branches are one), stored source velocities are taken from a cache, the rest
runs one by one or as one batch. Guidance stays in the loop; SAR is set for each query alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from flowanchor_engine.errors import RangeError, SizeError, WordsError
from flowanchor_engine.method.columns import SarSettings, TextColumns
from flowanchor_engine.method.trajectory import Branch, Query
from flowanchor_engine.wan import guards
from flowanchor_engine.wan.attention import CrossPlan, PromptKeys, SarContext

if TYPE_CHECKING:
    from flowanchor_engine.method.sar import Reduce
    from flowanchor_engine.method.schedule import Step
    from flowanchor_engine.method.windows import Window
    from flowanchor_engine.request import MethodSettings
    from flowanchor_engine.wan.capture import WordAttention
    from flowanchor_engine.wan.load import WanModel
    from flowanchor_engine.wan.text import TextBundle

__all__ = ["VelocityCache", "WanVelocity", "asking"]

_SOURCE = (Branch.SOURCE_COND, Branch.SOURCE_UNCOND)


class VelocityCache(Protocol):
    """Stored velocities of the source side: they never depend on the edit."""

    def get(self, step: Step, average: int, window: Window, branch: Branch) -> Tensor | None:
        """Return a stored velocity (C, F, H, W) in the model's dtype, or None."""

    def put(
        self, step: Step, average: int, window: Window, branch: Branch, velocity: Tensor
    ) -> None:
        """Store a velocity as the model gave it."""


@dataclass(eq=False)
class _Prompt:
    """One text on the model's device, and its keys in each expert."""

    name: str
    bundle: TextBundle
    text: Tensor  # (1, C, text width)
    columns: TextColumns
    keys: dict[int, PromptKeys] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Job:
    """One forward that has to run, and the queries that it answers."""

    query: Query
    prompt: _Prompt
    anchored: bool
    answers: list[int]


class WanVelocity:
    """Velocities of a Wan model for four branches; implements `method.trajectory.Velocity`.

    Parameters
    ----------
    model : WanModel
    source, target, negative : TextBundle
        What the clip shows, what is wanted, and the text of both unconditional branches.
    rows : Tensor, bool (N,), or None
        Video tokens of the whole clip inside the matte. None or none set: no SAR.
    settings : MethodSettings
        SAR's numbers and switches; guidance is the loop's.
    columns : sequence of int
        Rows of `target` that drive the edit, J; needed for SAR.
    source_columns : sequence of int
        The same in `source`, for ``sar_branches='+source_cond'``.
    batch : bool
        Run a call's forwards as one batch. Worth it for small clips only.
    cache : VelocityCache, optional
    check : callable, optional
        Called before every forward; may raise `Cancelled`.
    capture : WordAttention, optional
        Gathers the attention of the target's conditional forwards of the steps that it wants;
        not of compiled blocks, which would be compiled once more for it.
    reduce, shard : callable and (rank, ranks), optional
        All-reduce of column extremes, and which part of the video tokens this process has.

    Attributes
    ----------
    forwards : int
        Transformer evaluations so far, one per batch row.

    Raises
    ------
    GuardError
        Something on the transformer would make the edit silently wrong.
    WordsError
        SAR is asked for without driving words.
    """

    def __init__(
        self,
        model: WanModel,
        *,
        source: TextBundle,
        target: TextBundle,
        negative: TextBundle,
        rows: Tensor | None,
        settings: MethodSettings,
        columns: Sequence[int] = (),
        source_columns: Sequence[int] = (),
        batch: bool = False,
        cache: VelocityCache | None = None,
        check: Callable[[], None] | None = None,
        capture: WordAttention | None = None,
        reduce: Reduce | None = None,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        for part in model.experts():
            guards.check_transformer(part, device=model.device)
        guards.refuse_wide_numbers(model.device, settings.sar_logits)
        self._model, self._settings = model, settings
        self._batch, self._cache, self._check = batch, cache, check
        self._capture, self._reduce, self._shard = capture, reduce, shard
        active = settings.sar and rows is not None and bool(rows.any())
        self._rows = rows.to(model.device) if active and rows is not None else None
        if active and not columns:
            raise WordsError(
                "No word of the wanted text drives the edit, so it cannot be anchored.",
                hint=["mark_words"],
            )
        if active and settings.sar_branches == "+source_cond" and not source_columns:
            raise WordsError(
                "Anchoring the source as well needs words of the present text.",
                hint=["mark_words"],
            )
        self._sar = SarSettings(
            # As tensors they may change without a new graph.
            beta1=torch.tensor(settings.beta1, device=model.device),
            beta2=torch.tensor(settings.beta2, device=model.device),
            pads=settings.sar_pads,
            eos=settings.sar_eos,
            heads=settings.sar_heads,
        )
        negative_prompt = self._prompt("negative", negative, ())
        self._prompts = {
            Branch.SOURCE_COND: self._prompt("source", source, source_columns),
            Branch.SOURCE_UNCOND: negative_prompt,
            Branch.TARGET_COND: self._prompt("target", target, columns),
            Branch.TARGET_UNCOND: negative_prompt,
        }
        self._contexts = {id(part): SarContext(part) for part in model.experts()}
        if any(context.compiled for context in self._contexts.values()):
            self._capture = None
        self.forwards = 0

    def __call__(self, queries: Sequence[Query]) -> list[Tensor]:
        """Answer the queries of one (step, average, window).

        Parameters
        ----------
        queries : sequence of Query

        Returns
        -------
        list of Tensor
            One (C, F, H, W) per query, in the model's dtype, on its device.
        """
        answers: dict[int, Tensor] = {}
        jobs = []
        for job in self._jobs(queries):
            stored = self._stored(job, queries)
            if stored is None:
                jobs.append(job)
                continue
            answers.update(dict.fromkeys(job.answers, stored))
        for together in [jobs] if self._batch and jobs else [[job] for job in jobs]:
            for job, velocity in zip(together, self._run(together), strict=True):
                answers.update(dict.fromkeys(job.answers, velocity))
                self._store(job, queries, velocity)
        return [answers[index] for index in range(len(queries))]

    # ---- which forwards ----------------------------------------------------------------

    def _jobs(self, queries: Sequence[Query]) -> list[_Job]:
        """One job per different forward; queries of the same tensor and text share it."""
        jobs: dict[tuple[object, ...], _Job] = {}
        for index, query in enumerate(queries):
            prompt = self._prompts[query.branch]
            anchored = query.anchored and self._rows is not None
            key = (id(query.z), prompt.name, anchored, query.step, query.window.start)
            job = jobs.setdefault(key, _Job(query, prompt, anchored, []))
            job.answers.append(index)
        return list(jobs.values())

    def _cached_query(self, job: _Job, queries: Sequence[Query]) -> Query | None:
        """Return the source query that a job answers; anchored ones depend on the matte."""
        if self._cache is None or job.anchored:
            return None
        found = (queries[index] for index in job.answers if queries[index].branch in _SOURCE)
        return next(found, None)

    def _stored(self, job: _Job, queries: Sequence[Query]) -> Tensor | None:
        query = self._cached_query(job, queries)
        if query is None or self._cache is None:
            return None
        stored = self._cache.get(query.step, query.average, query.window, query.branch)
        if stored is not None and stored.shape != query.z.shape:
            raise RangeError(
                "A stored velocity has another size than the clip.",
                detail=f"{tuple(stored.shape)} for {tuple(query.z.shape)}",
            )
        return None if stored is None else stored.to(self._model.device)

    def _store(self, job: _Job, queries: Sequence[Query], velocity: Tensor) -> None:
        query = self._cached_query(job, queries)
        if query is not None and self._cache is not None:
            self._cache.put(query.step, query.average, query.window, query.branch, velocity)

    # ---- one forward -------------------------------------------------------------------

    @torch.no_grad()
    def _run(self, jobs: Sequence[_Job]) -> list[Tensor]:
        if self._check is not None:
            self._check()
        step = jobs[0].query.step
        expert: Any = self._model.expert(step.sigma)
        context = self._contexts[id(expert)]
        dtype, device = expert.dtype, self._model.device
        z = torch.stack([job.query.z for job in jobs]).to(device, dtype)
        self._check_shape(z)
        # One number per row even for TI2V-5B: in an edit all its tokens have the same
        # timestep, and the modulation per token would cost gigabytes.
        timestep = torch.full((len(jobs),), step.timestep, dtype=torch.float32, device=device)
        plans = [self._plan(job, z, id(expert)) for job in jobs]
        text = self._text(jobs, plans, context, dtype)
        with context.installed(), context.using(plans):
            velocity = expert(
                hidden_states=z,
                timestep=timestep,
                encoder_hidden_states=text,
                return_dict=False,
            )[0]
        self.forwards += len(jobs)
        return list(velocity.unbind(0))

    def _text(
        self, jobs: Sequence[_Job], plans: Sequence[CrossPlan], context: SarContext, dtype: Any
    ) -> Tensor:
        texts = [job.prompt.text.to(dtype) for job in jobs]
        if context.compiled:
            for plan, text in zip(plans, texts, strict=True):
                context.warm(plan, text)
            # All keys are known, so the blocks read nothing of the text but its shape.
            return torch.zeros_like(texts[0][:, :1]).expand(len(jobs), -1, -1).contiguous()
        longest = max(text.shape[1] for text in texts)
        guards.refuse_shortened_text(context.transformer, longest)
        padded = [
            torch.nn.functional.pad(text, (0, 0, 0, longest - text.shape[1])) for text in texts
        ]
        return torch.cat(padded)

    def _plan(self, job: _Job, z: Tensor, expert: int) -> CrossPlan:
        patch = self._model.facts.patch
        per_frame = (z.shape[3] // patch) * (z.shape[4] // patch)
        window = job.query.window
        rows = None
        if job.anchored and self._rows is not None:
            if self._rows.numel() % per_frame or self._rows.numel() < window.stop * per_frame:
                raise SizeError(
                    f"The matte has {self._rows.numel()} tokens; the clip has {per_frame} in "
                    "each latent frame.",
                    detail=f"window {window.start}..{window.stop}",
                )
            rows = self._rows[window.start * per_frame : window.stop * per_frame]
            rank, ranks = self._shard
            rows = rows.tensor_split(ranks)[rank]
        capture = self._capture if job.query.branch is Branch.TARGET_COND else None
        if capture is not None and not capture.wants(job.query.step.index, job.query.average):
            capture = None
        return CrossPlan(
            columns=job.prompt.columns,
            keys=job.prompt.keys.setdefault(expert, PromptKeys()),
            rows=rows,
            settings=None if rows is None else self._sar,
            logits=self._settings.sar_logits,
            reduce=self._reduce,
            capture=capture,
            first_token=window.start * per_frame,
        )

    def _prompt(self, name: str, bundle: TextBundle, columns: Sequence[int]) -> _Prompt:
        text = bundle.collapsed().unsqueeze(0).to(self._model.device)
        target = torch.zeros(text.shape[1], dtype=torch.bool)
        for column in columns:
            if not 0 <= column < bundle.real or column == bundle.eos:
                raise WordsError(
                    "Only words can drive the edit, not the end of the text or its padding.",
                    detail=f"column {column} of {bundle.real}, </s> at {bundle.eos}",
                )
            target[column] = True
        roles = TextColumns(bundle.real, bundle.pad_count, target, bundle.eos)
        return _Prompt(name, bundle, text, roles.to(self._model.device))

    def _check_shape(self, z: Tensor) -> None:
        facts = self._model.facts
        _, channels, frames, height, width = z.shape
        if channels != facts.latent_channels:
            raise SizeError(
                f"The model has {facts.latent_channels} latent channels, not {channels}."
            )
        if height % facts.patch or width % facts.patch:
            raise SizeError(
                f"The model needs pictures whose sides are multiples of {facts.token_px} px; "
                f"these are {width * facts.spatial_stride}x{height * facts.spatial_stride}.",
                hint=["change_size"],
            )
        longest = max(frames, height // facts.patch, width // facts.patch)
        if longest > facts.rope_max:
            raise SizeError(
                f"The clip spans {longest} tokens along one axis; the model knows "
                f"{facts.rope_max} positions.",
                hint=["change_size", "use_windows"],
            )


@contextmanager
def asking(model: WanModel, check: Callable[[], None]) -> Iterator[None]:
    """Ask before every transformer block whether to stop: a small part of a step.

    Compiled blocks are asked for once per forward only; a hook would break their graphs.
    """

    def ask(*_: object) -> None:
        check()

    hooks = [
        block.register_forward_pre_hook(ask)
        for expert in model.experts()
        if getattr(expert, "_compiled_call_impl", None) is None
        for block in expert.blocks
        if getattr(block, "_compiled_call_impl", None) is None
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
