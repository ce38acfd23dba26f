"""`flowanchor probe` and `flowanchor matte`: looking before editing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from flowanchor_engine.cli.terminal import TerminalReporter, out
from flowanchor_engine.errors import RequestError
from flowanchor_engine.request import MatteShape, MatteSpec, SourceSpec

__all__ = ["matte", "parse_points", "probe"]


def probe(
    clip: Annotated[Path, typer.Argument(help="The clip to look at.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the facts of CLIP: size, rate, frames, colour, timecode, sound."""
    from flowanchor_engine.clip import reader

    facts = reader.probe(clip)
    if as_json:
        out.print_json(json.dumps(facts.as_json()))
        return
    for label, text in facts.rows():
        out.print(f"[dim]{label:<13}[/] {text}")


def matte(
    clip: Annotated[Path, typer.Argument(help="The clip that the matte belongs to.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="The matte file to write.")],
    box: Annotated[
        list[str] | None,
        typer.Option("--box", help="x0,y0,x1,y1 as shares of the picture (0..1); @N for frame N."),
    ] = None,
    lasso: Annotated[
        list[str] | None, typer.Option("--lasso", help="x0,y0,x1,y1,... likewise; @N for frame N.")
    ] = None,
    track: Annotated[
        bool, typer.Option("--track", help="Carry the shape through the clip by optical flow.")
    ] = False,
    start: Annotated[int, typer.Option(min=0, help="First frame.")] = 0,
    frames: Annotated[int | None, typer.Option(min=1, help="How many frames.")] = None,
    smooth: Annotated[int, typer.Option(min=0, max=16, help="Smooth over frames.")] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="Everything but the shape.")] = False,
) -> None:
    """Draw a matte for CLIP, carry it through the clip, and show it on a contact sheet."""
    from flowanchor_engine.clip.matte_file import make_matte
    from flowanchor_engine.clip.sheet import save_sheet

    shapes = [_shape("box", text) for text in box or ()]
    shapes += [_shape("lasso", text) for text in lasso or ()]
    if not shapes:
        raise RequestError("Draw something: --box x0,y0,x1,y1 or --lasso x0,y0,x1,y1,x2,y2,…")
    spec = MatteSpec(shapes=tuple(shapes), track=track, smooth_frames=smooth, invert=invert)
    source = SourceSpec(path=str(clip), start=start, frames=frames)
    with TerminalReporter() as report:
        made = make_matte(source, spec, output, report)
    sheet = made.path.with_name(made.path.stem + ".sheet.png")
    save_sheet(made.sheet, sheet)
    coverage = made.report.coverage
    out.print(f"[green]✓[/] {made.path}  {len(coverage)} frames")
    out.print(f"  covers {min(coverage):.1%} to {max(coverage):.1%} of the picture")
    for note in made.report.notes:
        out.print(f"  {note}")
    out.print(f"  sheet: {sheet}")


def parse_points(text: str) -> tuple[tuple[tuple[float, float], ...], int]:
    """Read ``x0,y0,x1,y1,…[@frame]``.

    Raises
    ------
    RequestError
        The text is not an even number of shares, or the frame is not a whole number.
    """
    numbers, _, frame = text.partition("@")
    try:
        values = [float(part) for part in numbers.split(",")]
        number = int(frame) if frame else 0
    except ValueError as error:
        raise RequestError(
            f"“{text}” is not a shape: x0,y0,x1,y1 with an optional @frame.", detail=str(error)
        ) from error
    if len(values) % 2:
        raise RequestError(f"“{text}” has an odd number of coordinates.")
    return tuple(zip(values[::2], values[1::2], strict=True)), number


def _shape(kind: str, text: str) -> MatteShape:
    points, frame = parse_points(text)
    try:
        return MatteShape.model_validate({"kind": kind, "points": points, "frame": frame})
    except ValueError as error:
        raise RequestError(f"“{text}” is not a {kind}.", detail=str(error)) from error
