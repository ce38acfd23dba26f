"""One shot from its job file to its result in place: what a farm's task does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flowanchor_engine.errors import Cancelled, FlowAnchorError
from flowanchor_engine.farm import engine
from flowanchor_engine.farm.exits import Exit, exit_of
from flowanchor_engine.farm.finish import Place
from flowanchor_engine.farm.path_mapping import PathRules, read_rules
from flowanchor_engine.farm.shot import Shot, read_shot

if TYPE_CHECKING:
    from flowanchor_engine.farm.engine import Stop
    from flowanchor_engine.farm.voice import Voice

__all__ = ["run"]

_AGAIN_S: Final = 5.0


def run(
    job: Path,
    out: Path,
    *,
    voice: Voice,
    stop: Stop,
    rules: Path | None = None,
    anew: bool = False,
    memory: str = "auto",
    wait_s: int = 60,
    mock: str | None = None,
) -> Exit:
    """Edit a shot, unless its result is there already.

    Parameters
    ----------
    job, out : Path
        The job file and the result, as the submitting machine calls them.
    rules : Path, optional
        File of OpenJD's path mapping rules.
    anew : bool
        Edit also where the result is there.
    memory : {'auto', 'low'}
        'low' needs as little graphics memory as can be, and longer.
    wait_s : int
        How long to wait for an engine or a card that others use.
    mock : str, optional
        A script to play instead of a model.

    Returns
    -------
    Exit
        What happened; it has been said by `voice`.
    """
    try:
        mapped = PathRules() if rules is None else read_rules(rules)
        shot = read_shot(job, out, mapped)
        _run(shot, voice, stop, anew=anew, memory=memory, wait_s=wait_s, mock=mock)
    except Cancelled:
        voice.status("Stopped; nothing was written, and the next run goes on from here.")
        return Exit.CANCELLED
    except FlowAnchorError as error:
        code = _code(error)
        for line in error.detail.splitlines()[-40:]:
            voice.say(f"  {line}")
        voice.fail(f"{error.user_message} ({code})")
        return exit_of(code)
    return Exit.DONE


def _run(
    shot: Shot,
    voice: Voice,
    stop: Stop,
    *,
    anew: bool,
    memory: str,
    wait_s: int,
    mock: str | None,
) -> None:
    with Place(shot) as place:
        if not place.guarded:
            voice.say("This folder has no locks: start every shot only once at a time.")
        voice.say(f"{shot.name}: {shot.request.source.path}")
        there = place.finished()
        if there is not None and not anew:
            voice.say(f"{there} is finished already; nothing is done.")
            voice.done()
            return
        until = time.monotonic() + wait_s
        while True:
            stop.check()
            place.begin()
            try:
                event = engine.edit(
                    shot, place.target, voice=voice, stop=stop, memory=memory, mock=mock
                )
                break
            except engine.ToldError as error:
                left = until - time.monotonic()
                if exit_of(error.told) is not Exit.BUSY or left <= 0:
                    raise
                voice.status(f"{error.user_message} Waiting.")
                stop.wait(min(_AGAIN_S, left))
        result = place.finish(Path(event["path"]), event["frames"])
    seconds = sum(event["seconds"].values())
    voice.status(f"{result.name}: {event['frames']} frames in {seconds:.0f} s")
    voice.say(f"{result}, {event['forwards']} model passes, {event.get('forwards_saved', 0)} saved")
    voice.done()


def _code(error: FlowAnchorError) -> str:
    return error.told if isinstance(error, engine.ToldError) else error.code
