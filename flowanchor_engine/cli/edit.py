"""`flowanchor edit`: one clip, one matte, two texts."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from flowanchor_engine.cli.terminal import TerminalReporter, out
from flowanchor_engine.errors import RequestError
from flowanchor_engine.request import (
    Delivery,
    EditRequest,
    MatteSpec,
    MethodSettings,
    ModelSpec,
    Prompts,
    SourceSpec,
    Working,
)

__all__ = ["edit", "method_settings"]


def edit(
    clip: Annotated[Path | None, typer.Argument(help="The clip to edit; it is only read.")] = None,
    mask: Annotated[
        Path | None, typer.Option("--mask", "-m", help="Still, video or folder of pictures.")
    ] = None,
    now: Annotated[str | None, typer.Option(help="What the shot shows now.")] = None,
    wanted: Annotated[
        str | None, typer.Option(help=r"What is wanted; \[brackets] mark driving words.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write.")] = None,
    request: Annotated[
        Path | None, typer.Option("--request", help="A request or recipe instead of options.")
    ] = None,
    model: Annotated[str, typer.Option(help="Registry id or model folder.")] = "demo",
    seed: Annotated[int, typer.Option(min=0, help="Same number, same result.")] = 0,
    start: Annotated[int, typer.Option(min=0, help="First frame.")] = 0,
    frames: Annotated[int | None, typer.Option(min=1, help="How many frames.")] = None,
    crop: Annotated[str, typer.Option(help="full, fast or zoom.")] = "full",
    delivery: Annotated[str, typer.Option(help="frame, patch or take.")] = "frame",
    codec: Annotated[
        str, typer.Option(help="auto, prores422hq, prores4444, dnxhr, h264, png16 or exr.")
    ] = "auto",
    grow: Annotated[float, typer.Option(help="Grow the matte, pixels at 1080 lines.")] = 8.0,
    feather: Annotated[float, typer.Option(help="Feather, pixels at 1080 lines.")] = 12.0,
    invert: Annotated[bool, typer.Option("--invert", help="Edit outside the matte.")] = False,
    track: Annotated[
        bool, typer.Option("--track", help="Carry a one-frame matte through the clip.")
    ] = False,
    faithful: Annotated[
        bool, typer.Option("--faithful", help="The paper's numbers, not the model's.")
    ] = False,
    cache: Annotated[
        bool, typer.Option(help="Remember the source side, so that a tweak takes half the time.")
    ] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a killed run from its last finished step.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also where other programs fill the graphics card.")
    ] = False,
    switch: Annotated[
        list[str] | None,
        typer.Option("--set", help="A method switch, e.g. --set beta1=0.2 --set noise=shared."),
    ] = None,
) -> None:
    """Edit CLIP inside the matte and write the result, its recipe and a contact sheet."""
    from flowanchor_engine import models, pipeline, room
    from flowanchor_engine.cache import Store, default_root

    if request is not None:
        if clip or mask or now or wanted:
            raise RequestError("Give either a request file or clip and texts, not both.")
        wish = _from_file(request)
    else:
        if clip is None or now is None or wanted is None:
            raise RequestError(
                "Say which clip, what it shows (--now) and what is wanted (--wanted).",
                hint=["fix_request"],
            )
        spec = models.spec(model)
        base = MethodSettings() if faithful else models.recommended(spec)
        wish = EditRequest.load(
            {
                "schema": "flowanchor.EditRequest.1",
                "source": SourceSpec(path=str(clip), start=start, frames=frames).model_dump(),
                "matte": None
                if mask is None
                else MatteSpec(
                    path=str(mask), grow_px=grow, feather_px=feather, invert=invert, track=track
                ).model_dump(),
                "prompts": Prompts(now=now, wanted=wanted).model_dump(),
                "method": method_settings(base, switch or ()).model_dump(),
                "model": ModelSpec.model_validate(spec.model_dump()).model_dump(),
                "working": {**Working().model_dump(), "crop": crop},
                "delivery": {**Delivery().model_dump(), "kind": delivery, "codec": codec},
                "seed": seed,
            }
        )
    if not anyway:
        room.check(wish)
    target = output or _beside(Path(wish.source.path))
    with TerminalReporter() as report:
        store = Store(default_root()) if cache else None
        result = pipeline.edit(wish, target, report=report, store=store, resume=resume)
    out.print(
        f"[green]✓[/] {result.video}  {result.frames} frames, {result.width}×{result.height}, "
        f"{float(result.rate):g} fps"
    )
    out.print(f"  words that drove it: {', '.join(result.words) or '(none)'}")
    saved = f" ({result.forwards_saved} saved)" if result.forwards_saved else ""
    out.print(f"  {result.forwards} model passes{saved}, {sum(result.seconds.values()):.1f} s")
    out.print(f"  before and after: {result.sheet}")
    out.print(f"  recipe: {result.recipe}")


def method_settings(base: MethodSettings, switches: list[str] | tuple[str, ...]) -> MethodSettings:
    """Apply ``NAME=VALUE`` switches to settings.

    Raises
    ------
    RequestError
        Code ``request`` for an unknown name or a value out of range.
    """
    changes: dict[str, Any] = {}
    for item in switches:
        name, equals, value = item.partition("=")
        if name not in MethodSettings.model_fields or not equals:
            near = difflib.get_close_matches(name, MethodSettings.model_fields, n=1)
            help_ = f" Did you mean “{near[0]}”?" if near else ""
            raise RequestError(f"“{item}” is not a method switch (NAME=VALUE).{help_}")
        changes[name] = value
    try:
        return MethodSettings.model_validate({**base.model_dump(), **changes})
    except ValueError as error:
        raise RequestError(
            f"A method switch is out of range: {', '.join(changes)}.", detail=str(error)
        ) from error


def _from_file(path: Path) -> EditRequest:
    import json

    from flowanchor_engine.record import RECIPE_SCHEMA

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return EditRequest.load_file(path)  # words the same failure
    if isinstance(data, dict) and data.get("schema") == RECIPE_SCHEMA:
        return EditRequest.load(data["request"])
    return EditRequest.load_file(path)


def _beside(clip: Path) -> Path:
    return clip.with_name(f"{clip.stem}_flowanchor.mov")
