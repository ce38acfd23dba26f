"""One edit from file to file: read, encode, edit, decode, composite, write.

The only place where the method, the model and the clip layer meet; it reads like the story
of one edit.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from flowanchor_engine import heat, models
from flowanchor_engine.clip import session
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.clip.sheet import edit_sheet, save_sheet
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import OutputError
from flowanchor_engine.method import words
from flowanchor_engine.preview_map import preview_map
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.recall import EditState, SourceVelocities, latents_key, source_key
from flowanchor_engine.stepper import Shown
from flowanchor_engine.wan import residency
from flowanchor_engine.wan.preview import LatentRGB
from flowanchor_engine.watch import Watch

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import Tensor

    from flowanchor_engine.cache import Store
    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.editor import EditOutcome
    from flowanchor_engine.request import EditRequest, ModelSpec
    from flowanchor_engine.wan.plan import Plan

__all__ = ["RECIPE_SCHEMA", "Result", "edit", "open_editor", "precompute", "write_json"]

RECIPE_SCHEMA = "flowanchor.Recipe.1"


@dataclass(frozen=True)
class Result:
    """What an edit left behind and what it took.

    Parameters
    ----------
    video, recipe, sheet : Path
        The result, its recipe and its before/after contact sheet.
    frames : int
        Pictures in the result: as many as asked.
    rate : Fraction
        Pictures per second.
    words : tuple of str
        The words that drove the edit.
    forwards, forwards_saved : int
        Transformer forwards run and saved.
    seconds : dict of str to float
        Time per phase.
    peak_memory_mb : int
        Peak resident memory of the process, or of the graphics card where one is used.
    notes : tuple of str
        What the person should know about this result.
    attention : Path or None
        Where the words were read (see `heat`); the recipe does not know of it.
    """

    video: Path
    recipe: Path
    sheet: Path
    frames: int
    rate: Fraction
    width: int
    height: int
    words: tuple[str, ...]
    forwards: int
    forwards_saved: int
    seconds: dict[str, float]
    peak_memory_mb: int
    notes: tuple[str, ...]
    attention: Path | None = None


def open_editor(
    model: ModelSpec, *, report: Reporter | None = None, frugal: bool = False
) -> Editor:
    """Load a model.

    Parameters
    ----------
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
    loaded, plan = residency.open_model(
        models.folder(model),
        precision=model.precision,
        model_id=model.id,
        size=models.working_size(model),
        frames=4 * (models.window_latents(model) - 1) + 1,
        frugal=frugal,
        on_bytes=lambda done, total: _loaded(report, done, total),
    )
    report.note("plan", plan.sentence)
    return Editor(loaded, plan)


def _loaded(report: Reporter, done: int, total: int) -> None:
    """Tell of a load in MB (2**20 bytes); a chance to stop."""
    report.check()
    report.phase(Phase.LOAD, done >> 20, max(1, total >> 20))


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
    words.resolve_targets(  # the cheapest way to be wrong comes first
        request.prompts.now,
        request.prompts.wanted,
        explicit=tuple((span.start, span.stop) for span in request.prompts.drive),
        target_from=request.method.target_from,
    )
    with watch.timing(Phase.LOAD):
        opened = editor or open_editor(request.model, report=watch)

    def attempt() -> Result:
        return _edit(request, out, watch, opened, store, resume=resume, attention=attention)

    def lower(plan: Plan) -> None:
        opened.follow(plan)
        watch.note("plan_lowered", f"Memory ran out, so the shot starts again. {plan.sentence}")

    return attempt() if opened.plan is None else residency.within(attempt, opened.plan, lower)


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
    with session.prepare(request, watch, _model_frame(request, editor)) as working:
        x_src = _latents(request, working, editor, watch, store)
        state = None if store is None else EditState.of(store, request, x_src, editor.model)
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
        recipe, sheet = _beside(delivered.video)
        with watch.timing(Phase.WRITE):
            save_sheet(_sheet(request, delivered, outcome), sheet)
            maps = heat.keep(outcome.attention, working, request.prompts.wanted, delivered.video)
    if state is not None:
        state.drop()
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
    _write_recipe(request, result, editor)
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
    editor = editor or open_editor(request.model, report=watch)
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


def _beside(video: Path) -> tuple[Path, Path]:
    """Names of the recipe and of the sheet of a result."""
    return (
        video.with_name(video.stem + ".recipe.json"),
        video.with_name(video.stem + ".sheet.png"),
    )


def _sheet(request: EditRequest, delivered: session.Delivered, outcome: EditOutcome) -> Array:
    method = request.method
    anchored = (
        f"SAR in {outcome.anchored_steps} of {outcome.steps} steps"
        if outcome.anchored_steps
        else f"{outcome.steps} steps without SAR"
    )
    return edit_sheet(
        delivered.sheet,
        title=Path(request.source.path).name,
        now=request.prompts.now,
        wanted=request.prompts.wanted,
        lines=[
            f"model {request.model.id}, {anchored}, guidance "
            f"{method.guidance_source:g}/{method.guidance_target:g}, gamma {method.gamma:g}, "
            f"seed {request.seed}, driven by: {', '.join(outcome.words)}"
        ],
    )


def _write_recipe(request: EditRequest, result: Result, editor: Editor) -> None:
    facts: dict[str, Any] = asdict(result)
    del facts["attention"]
    for name in ("video", "recipe", "sheet"):
        facts[name] = facts[name].name
    facts["rate"] = f"{result.rate.numerator}/{result.rate.denominator}"
    data = {
        "schema": RECIPE_SCHEMA,
        "request": request.dump(),
        "result": facts,
        "engine": {
            **editor.model.fingerprint(),
            "python": platform.python_version(),
            "plan": None if editor.plan is None else editor.plan.facts,
        },
    }
    write_json(result.recipe, data)


def write_json(path: Path, data: object) -> None:
    """Write JSON so that the name only ever holds a whole file.

    Raises
    ------
    OutputError
        Code ``output`` when the folder cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name} cannot be written in {path.parent}.",
            hint=["other_folder"],
            detail=str(error),
        ) from error
