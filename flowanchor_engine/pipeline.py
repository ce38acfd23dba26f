"""One edit from file to file: read, encode, edit, decode, composite, write.

The only place where the method, the model and the clip layer meet; it reads like the story
of one edit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from flowanchor_engine import heat, models, record
from flowanchor_engine.clip import session
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.editor import Editor
from flowanchor_engine.method import words
from flowanchor_engine.preview_map import preview_map
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.recall import EditState, SourceVelocities, Texts, latents_key, source_key
from flowanchor_engine.record import Result
from flowanchor_engine.stepper import Shown
from flowanchor_engine.wan import latents, residency
from flowanchor_engine.wan.preview import LatentRGB
from flowanchor_engine.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from flowanchor_engine.cache import Store
    from flowanchor_engine.editor import EditOutcome
    from flowanchor_engine.request import EditRequest, ModelSpec, Working
    from flowanchor_engine.wan.plan import Plan

__all__ = ["Result", "edit", "foresee", "open_editor", "precompute"]

_Outcome = TypeVar("_Outcome")


def open_editor(
    model: ModelSpec,
    *,
    working: Working | None = None,
    report: Reporter | None = None,
    frugal: bool = False,
) -> Editor:
    """Load a model.

    Parameters
    ----------
    working : Working, optional
        What the model will see; memory is planned for it where it is more than the model's own.
    report : Reporter, optional
    frugal : bool
        Use as little memory as can be, at the cost of time.

    Raises
    ------
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsafeError
        The folder does not hold a loadable model.
    VramError, RamError
        The model does not fit into memory.
    """
    report = report or Silent()
    width, height, window = models.extent(model, working)
    loaded, plan = residency.open_model(
        models.folder(model),
        precision=model.precision,
        model_id=model.id,
        size=(width, height),
        frames=4 * (window - 1) + 1,
        frugal=frugal,
        on_bytes=lambda done, total: _loaded(report, done, total),
        on_lower=lambda below: _lowered(report, "the model is loaded again", below),
    )
    report.note("plan", plan.sentence)
    return Editor(loaded, plan)


def _loaded(report: Reporter, done: int, total: int) -> None:
    """Tell of a load in MB (2**20 bytes); a chance to stop."""
    report.check()
    report.phase(Phase.LOAD, done >> 20, max(1, total >> 20))


def _lowered(report: Reporter, what: str, plan: Plan) -> None:
    report.note("plan_lowered", f"Memory ran out, so {what}. {plan.sentence}")


def edit(
    request: EditRequest,
    out: Path,
    *,
    report: Reporter | None = None,
    editor: Editor | None = None,
    store: Store | None = None,
    resume: bool = False,
    attention: bool = False,
) -> Result:
    """Edit a clip as requested and write the result, its recipe and its sheet.

    Parameters
    ----------
    request : EditRequest
        Everything that decides the pixels.
    out : Path
        The file (or, for picture sequences, the folder) to write. The recipe and the sheet
        go beside it.
    report : Reporter, optional
        Hears of progress and can stop the job.
    editor : Editor, optional
        A warm model that fits `request.model`; loaded when absent.
    store : Store, optional
        Where latents, source velocities and the last finished step are remembered; without
        it everything is computed.
    resume : bool
        Continue from the last finished step of a killed run of the same request.
    attention : bool
        Keep where the words were read beside the result (see `heat`); changes nothing else.

    Raises
    ------
    FlowAnchorError
        One of the catalogue; nothing is left under the final names.
        Code ``vram`` or ``ram``: memory ran out again after one step down.
    Cancelled
        The reporter asked to stop; nothing is decoded or written afterwards.
    """
    watch = Watch(report or Silent())
    foresee(request, out)
    with watch.timing(Phase.LOAD):
        opened = editor or open_editor(request.model, working=request.working, report=watch)

    def attempt() -> Result:
        return _edit(request, out, watch, opened, store, resume=resume, attention=attention)

    return _stepping_down(attempt, opened, watch)


def _stepping_down(run: Callable[[], _Outcome], editor: Editor, report: Reporter) -> _Outcome:
    """Run; where memory runs out, follow a more frugal plan once, and say so."""

    def lower(plan: Plan) -> None:
        editor.follow(plan)
        _lowered(report, "the shot starts again", plan)

    return run() if editor.plan is None else residency.within(run, editor.plan, lower)


def foresee(request: EditRequest, out: Path) -> None:
    """Tell what is wrong with words, clip or result before a model is loaded for them.

    Raises
    ------
    FlowAnchorError
        Of words, clip and result, as `edit`.
    """
    words.resolve_targets(
        request.prompts.now,
        request.prompts.wanted,
        explicit=tuple((span.start, span.stop) for span in request.prompts.drive),
        target_from=request.method.target_from,
    )
    latents.check_length(session.foresee(request, out))


def _edit(
    request: EditRequest,
    out: Path,
    watch: Watch,
    editor: Editor,
    store: Store | None,
    *,
    resume: bool,
    attention: bool,
) -> Result:
    residency.forget_peak()
    editor.memory = None if store is None else Texts(store, editor.model)
    with session.prepare(request, watch, _model_frame(request, editor)) as working:
        x_src = _latents(request, working, editor, watch, store)
        state = None
        if store is not None:
            matte = "" if working.mattes is None else working.mattes.digest
            state = EditState.of(store, request, x_src, editor.model, matte=matte)
        begin = state.load() if state is not None and resume else None
        with watch.timing(Phase.EDIT):
            outcome = _run(
                *(request, working, x_src, editor, watch, store),
                begin=begin,
                state=state,
                attention=attention,
            )
        watch.check()
        with watch.timing(Phase.DECODE), torch.no_grad():
            edited = editor.decode(outcome.latent, working.count, watch)
            delivered = session.deliver(working, edited, request, out, watch)
        with record.whole(delivered.video):
            result = _tell(request, working, delivered, outcome, editor, watch)
    if state is not None:
        state.drop()
    return result


def _tell(
    request: EditRequest,
    working: session.Working,
    delivered: session.Delivered,
    outcome: EditOutcome,
    editor: Editor,
    watch: Watch,
) -> Result:
    """Write what goes beside the pictures."""
    recipe, sheet = record.beside(delivered.video)
    with watch.timing(Phase.WRITE):
        record.draw_sheet(sheet, request, delivered, outcome)
        maps = heat.keep(outcome.attention, working, request.prompts.wanted, delivered.video)
    width, height = delivered.size
    result = Result(
        video=delivered.video,
        recipe=recipe,
        sheet=sheet,
        frames=delivered.frames,
        rate=delivered.rate,
        width=width,
        height=height,
        words=outcome.words,
        forwards=outcome.forwards,
        forwards_saved=outcome.forwards_saved,
        seconds=watch.seconds,
        peak_memory_mb=residency.peak_memory_mb(),
        notes=tuple(watch.notes),
        attention=maps,
    )
    record.write_recipe(request, result, editor)
    return result


def precompute(
    request: EditRequest,
    *,
    store: Store,
    report: Reporter | None = None,
    editor: Editor | None = None,
) -> EditOutcome:
    """Run the source side of an edit into the store while the person still types.

    Only the present text is needed. A later `edit` of the same shot finds latents and
    source velocities and runs the target's forwards alone.

    Raises
    ------
    FlowAnchorError, Cancelled
        As `edit`; what was stored stays useful.
    """
    watch = Watch(report or Silent())
    opened = editor or open_editor(request.model, working=request.working, report=watch)
    return _stepping_down(lambda: _precompute(request, watch, opened, store), opened, watch)


def _precompute(request: EditRequest, watch: Watch, editor: Editor, store: Store) -> EditOutcome:
    editor.memory = Texts(store, editor.model)
    with session.prepare(request, watch, _model_frame(request, editor)) as working:
        x_src = _latents(request, working, editor, watch, store)
        now = words.brackets(request.prompts.now)[0]
        cache = _source_cache(request, x_src, editor, store, now, watch)
        return editor.warm_source(
            x_src,
            now,
            request.method,
            seed=request.seed,
            cache=cache,
            report=watch,
            **_window(request),
        )


def _latents(
    request: EditRequest,
    working: session.Working,
    editor: Editor,
    watch: Watch,
    store: Store | None,
) -> Tensor:
    """Encode the clip, or take its latents from the store."""
    key = None
    if store is not None:
        key = latents_key(request, working.geometry, editor.model)
        known = None if key is None else store.get("latents", key)
        if known is not None:
            return known.tensors["latents"].to(editor.model.device)
    with watch.timing(Phase.ENCODE), torch.no_grad():
        x_src = editor.encode(working.frames, watch)
    if store is not None and key is not None:
        store.put("latents", key, {"latents": x_src})
    return x_src


def _run(
    request: EditRequest,
    working: session.Working,
    x_src: Tensor,
    editor: Editor,
    watch: Watch,
    store: Store | None,
    *,
    begin: tuple[int, Tensor] | None,
    state: EditState | None,
    attention: bool,
) -> EditOutcome:
    cache = None
    if store is not None:
        now = words.brackets(request.prompts.now)[0]
        cache = _source_cache(request, x_src, editor, store, now, watch)
    euler = request.method.solver == "euler"  # the other solver remembers earlier steps
    return editor.edit(
        x_src,
        working.matte,
        request.prompts,
        request.method,
        seed=request.seed,
        report=watch,
        cache=cache,
        preview=_preview(x_src, working, editor, store, watch),
        shown=Shown(working.count, working.share),
        begin=begin if euler else None,
        on_state=state.save if state is not None and euler else None,
        attention=attention,
        **_window(request),
    )


def _preview(
    x_src: Tensor, working: session.Working, editor: Editor, store: Store | None, watch: Watch
) -> LatentRGB:
    if store is None:  # nowhere to keep what would have to be learned
        return LatentRGB.of([(x_src, working.frames)])
    known = preview_map(editor.model, store, check=watch.check)
    return known.bent(x_src, working.frames)


def _source_cache(
    request: EditRequest, x_src: Tensor, editor: Editor, store: Store, now: str, report: Reporter
) -> SourceVelocities:
    source, negative = editor.texts(now, request.method.negative_prompt, report=report)
    key = source_key(request, x_src, editor.model, now=source, negative=negative)
    return SourceVelocities(store, key)


def _window(request: EditRequest) -> dict[str, int]:
    return {
        "window_latents": request.working.window_latents or models.window_latents(request.model),
        "window_overlap": request.working.window_overlap,
    }


def _model_frame(request: EditRequest, editor: Editor) -> ModelFrame:
    width, height = models.working_size(request.model)
    return ModelFrame(width, height, editor.model.facts.token_px)
