"""What the mock does by itself: small real files for every command, all made up."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine import protocol
from flowanchor_engine.errors import ClipMissingError
from flowanchor_engine.progress import Phase, Rough, stands_for
from flowanchor_engine.protocol.proxies import (
    FRAMES_FILE,
    HEADER_FILE,
    AttentionHeader,
    ProxyHeader,
    WordMap,
)
from flowanchor_engine.request import EditRequest

if TYPE_CHECKING:
    from flowanchor_engine.method.words import Targets
    from flowanchor_engine.worker.job import Job

__all__ = ["Stage", "hold"]

_WIDTH: Final = 320
_HEIGHT: Final = 180
_FRAMES: Final = 24
_MODEL_BYTES: Final = 48 << 20


class Stage:
    """Everything that is made up, and what is remembered of it: which models are 'here'."""

    def __init__(self) -> None:
        self._here = {"demo"}
        self._free_mb: list[int] = []

    # ---- jobs

    def play(self, job: Job, numbers: dict[str, Any]) -> None:
        """Do what a job asks, made up."""
        match job.command:
            case protocol.Run():
                self.result(job, {})
            case protocol.Precompute():
                _count(job, Phase.EDIT, 5, 0.02)
                job.end(protocol.Precomputed, forwards=10)
            case protocol.Proxy() as command:
                self._proxy(job, command, numbers)
            case protocol.Matte() as command:
                self._matte(job, command, numbers)
            case protocol.Measure() as command:
                frames = int(numbers.get("frames") or _frames(command.request.get("source", {})))
                _count(job, Phase.READ, frames, 0.002)
                job.end(
                    protocol.Measured,
                    inside=(14.2,) * frames,
                    outside=(0.0,) * frames,
                    inside_max=(126,) * frames,
                    outside_max=(0,) * frames,
                )
            case protocol.GetModel() as command:
                steps = 40
                for done in range(steps + 1):
                    job.check()
                    job.phase(Phase.DOWNLOAD, done * _MODEL_BYTES // steps, _MODEL_BYTES)
                    job.pause(float(numbers.get("s_per_step", 0.02)))
                self._model(job, command.model, here=True)
            case protocol.VerifyModel() as command:
                _count(job, Phase.LOAD, 10, 0.02, each=_MODEL_BYTES // 10)
                self._model(job, command.model, here=True)
            case protocol.ImportModel() as command:
                _count(job, Phase.WRITE, 10, 0.02, each=_MODEL_BYTES // 10)
                self._model(job, command.model, here=True)
            case protocol.RemoveModel() as command:
                self._model(job, command.model, here=False)

    def _model(self, job: Job, name: str, *, here: bool) -> None:
        (self._here.add if here else self._here.discard)(name)
        job.end(
            protocol.ModelDone,
            model=name,
            folder=f"/mock/models/{name}" if here else "",
            size_bytes=_MODEL_BYTES,
        )

    def _proxy(self, job: Job, command: protocol.Proxy, numbers: dict[str, Any]) -> None:
        from flowanchor_engine.worker import mock_pictures
        from flowanchor_engine.worker.media.folder import ProxyWriter, stride_of

        width, height = _size(command.max_height, numbers)
        frames = int(numbers.get("frames") or _frames(command.clip))
        facts = _facts(command.clip, frames)
        header = ProxyHeader(
            width=width,
            height=height,
            channels=3,
            stride=stride_of(width, 3),
            frames=frames,
            facts=facts,
        )
        path = Path(command.out)
        edited = command.over is not None or _recipe_of(Path(facts.path)).is_file()
        with ProxyWriter(path, header, job) as writer:
            job.tell(protocol.ProxyOpened, path=command.out, facts=facts)
            for number in range(frames):
                writer.put(mock_pictures.picture(number, frames, width, height, edited=edited))
                _between(job, numbers)
        job.end(protocol.ProxyDone, path=command.out, facts=facts)

    def _matte(self, job: Job, command: protocol.Matte, numbers: dict[str, Any]) -> None:
        from flowanchor_engine.worker import mock_pictures
        from flowanchor_engine.worker.media.folder import ProxyWriter, stride_of

        width, height = _size(command.max_height, numbers)
        source = command.request.get("source", {})
        matte = command.request.get("matte") or {}
        frames = int(numbers.get("frames") or _frames(source))
        facts = _facts(source, frames)
        header = ProxyHeader(
            width=width,
            height=height,
            channels=1,
            stride=stride_of(width, 1),
            frames=frames,
            facts=facts,
        )
        coverage = []
        with ProxyWriter(Path(command.out), header, job) as writer:
            job.tell(protocol.ProxyOpened, path=command.out, facts=facts)
            for number in range(frames):
                grey = mock_pictures.disc(
                    number,
                    frames,
                    width,
                    height,
                    grow_px=float(matte.get("grow_px", 8)) * height / 1080,
                    feather_px=float(matte.get("feather_px", 12)) * height / 1080,
                )
                grey = 255 - grey if matte.get("invert") else grey
                writer.put(grey)
                coverage.append(round(float(grey.mean()) / 255, 6))
                _between(job, numbers)
        drift = tuple(number / (2 * frames) for number in range(frames))
        job.end(
            protocol.MatteDone,
            path=command.out,
            coverage=tuple(coverage),
            drift=drift if matte.get("track") else (),
        )

    def preview(self, job: Job, asked: dict[str, Any]) -> None:
        """Show a generated picture of the frame that is asked for, or watched, or the middle."""
        from flowanchor_engine.worker import mock_pictures

        command = job.command
        assert isinstance(command, protocol.Run)
        frames = _frames(command.request.get("source", {}))
        wish = asked.get("frame", job.watched())
        frame, _, start, stop = stands_for(frames // 2 if wish is None else int(wish), frames)
        picture = mock_pictures.picture(frame, frames, 104, 60, edited=True)
        rough = Rough(int(asked.get("step", 1)), frame, start, stop, picture)
        job.show(rough, mock_pictures.png(picture))

    def busy(self, job: Job, card: dict[str, Any]) -> None:
        """Fail for want of graphics memory, unless there is enough or the job wants no check."""
        from flowanchor_engine.room import Card, busy

        if not self._free_mb:
            self._free_mb = [int(each) for each in card["free_mb"]]
        need, total = int(card["need_mb"]), int(card["total_mb"])
        command, free = job.command, self._free_mb[0]
        if (isinstance(command, protocol.Run) and command.anyway) or free >= need:
            return
        program = str(card.get("program", ""))
        raise busy(need << 20, Card(total << 20, free << 20), program, (total - free) << 20)

    def free_mb(self) -> int | None:
        """Return what the script's card has free, and go on in its list."""
        if len(self._free_mb) > 1:
            self._free_mb.pop(0)
        return self._free_mb[0] if self._free_mb else None

    def result(self, job: Job, fields: dict[str, Any]) -> None:
        """Write the source file as the result, with a recipe and a sheet, and announce it."""
        command = job.command
        assert isinstance(command, protocol.Run)
        source = command.request.get("source", {})
        clip, out = Path(str(source.get("path", ""))), Path(command.out)
        if not clip.is_file():
            raise ClipMissingError(f"There is no clip at {clip}.", hint=["choose_file"])
        from flowanchor_engine.worker import mock_pictures

        out = out if out.suffix else out.with_suffix(clip.suffix)
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = out.with_name(out.name + ".tmp")
        shutil.copyfile(clip, temporary)
        temporary.replace(out)
        recipe = _recipe_of(out)
        recipe.write_text(_json({"schema": "flowanchor.Recipe.1", "request": command.request}))
        sheet = out.with_name(out.stem + ".sheet.png")
        sheet.write_bytes(mock_pictures.png(mock_pictures.picture(0, 2, 320, 180, edited=True)))
        frames = _frames(source)
        event = {
            "type": "result",
            "path": str(out),
            "recipe": str(recipe),
            "sheet": str(sheet),
            "frames": frames,
            "width": _WIDTH,
            "height": _HEIGHT,
            "rate": str(source.get("rate") or "24/1"),
            "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
            "words": _driving(command.request),
            "forwards": 92,
            "seconds": {"edit": 0.5},
            "attention": _attention(command.request, out, frames),
        }
        job.tell_as_is({**event, **fields})

    # ---- questions

    def reply(
        self, command: protocol.Words | protocol.Models | protocol.Estimate
    ) -> protocol.WordsReply | protocol.ModelsReply | protocol.Estimated:
        """Answer a question: words by the real rules, models and times made up."""
        match command:
            case protocol.Words():
                from flowanchor_engine.worker.media import wording

                return wording.reply(command)
            case protocol.Models():
                return self._models(command)
            case protocol.Estimate():
                from flowanchor_engine.worker import estimate

                request = EditRequest.load(command.request)
                cold = estimate.forwards(request)
                return protocol.Estimated(
                    id=command.id,
                    forwards=cold,
                    forwards_cached=estimate.forwards(request, cached=True),
                    s_per_forward=0.01,
                    total_s=0.01 * cold,
                )

    def _models(self, command: protocol.Models) -> protocol.ModelsReply:
        from flowanchor_engine import models

        told = [
            protocol.ModelInfo(
                id=entry.id,
                name=entry.name,
                family=entry.family,
                good_for=entry.about,
                licence=entry.licence,
                size_bytes=_MODEL_BYTES,
                installed=entry.id in self._here,
                folder=f"/mock/models/{entry.id}" if entry.id in self._here else "",
                vram_mb=round(min(card.least_gb for card in entry.memory) * 1024),
                width=entry.width,
                height=entry.height,
                window_frames=entry.frames_max,
                method=entry.settings().model_dump(mode="json"),
            )
            for entry in models.entries()
        ]
        return protocol.ModelsReply(
            id=command.id, models=tuple(told), free_bytes=500 << 30, folder="/mock/models"
        )


def _count(job: Job, phase: Phase, total: int, each_s: float, *, each: int = 1) -> None:
    for done in range(total + 1):
        job.check()
        job.phase(phase, done * each, total * each)
        job.pause(each_s)


def _between(job: Job, numbers: dict[str, Any]) -> None:
    """Take the time a picture is said to take, and stay while the file named `hold` is there."""
    job.pause(float(numbers.get("s_per_frame", 0)))
    hold(job, numbers.get("hold"))


def hold(job: Job, file: object) -> None:
    """Stay for as long as there is a file of that name."""
    while file and Path(str(file)).exists():
        job.check()
        job.pause(0.01)


def _size(max_height: int, numbers: dict[str, Any]) -> tuple[int, int]:
    width, height = int(numbers.get("width", _WIDTH)), int(numbers.get("height", _HEIGHT))
    shown = min(height, max_height) // 2 * 2
    return max(2, width * shown // height // 2 * 2), shown


def _frames(source: dict[str, Any]) -> int:
    return int(source.get("frames") or _FRAMES)


def _facts(source: dict[str, Any], frames: int) -> protocol.ClipFacts:
    return protocol.ClipFacts(
        path=str(source.get("path", "")),
        start=int(source.get("start") or 0),
        frames=frames,
        width=_WIDTH,
        height=_HEIGHT,
        rate=str(source.get("rate") or "24/1"),
        timecode="01:00:00:00",
        tags="Rec.709 limited",
        codec="mock",
    )


def _recipe_of(video: Path) -> Path:
    return video.with_name(video.stem + ".recipe.json")


def _json(data: object) -> str:
    import json

    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _driving(request: dict[str, Any]) -> list[str]:
    """Return the words that would drive; none where an edit would refuse the texts."""
    found = _targets(request)
    return [] if found is None else [found.text[start:stop] for start, stop in found.spans]


def _targets(request: dict[str, Any]) -> Targets | None:
    from flowanchor_engine.errors import WordsError
    from flowanchor_engine.method import words

    prompts = request.get("prompts") or {}
    marks = tuple((mark["start"], mark["stop"]) for mark in prompts.get("drive", ()))
    try:
        return words.resolve_targets(
            prompts.get("now", ""), prompts.get("wanted", ""), explicit=marks
        )
    except WordsError:
        return None


def _attention(request: dict[str, Any], out: Path, frames: int) -> str:
    """Write maps as an edit would: driving words are read in the disc, others all over."""
    found = _targets(request)
    if found is None:
        return ""
    from flowanchor_engine.method import words
    from flowanchor_engine.worker import mock_pictures

    wide, tall, count = 20, 12, -(-(frames - 1) // 4) + 1
    wanted = request["prompts"]["wanted"]
    pieces = words.pieces(found.text, found.spans)
    places = words.typed_spans(words.follow(wanted)[1], [span for span, _ in pieces])
    told, maps = [], b""
    for (span, drives), place in zip(pieces, places, strict=True):
        if place is None:
            continue
        told.append(
            WordMap(
                text=found.text[span[0] : span[1]],
                start=place[0],
                stop=place[1],
                drives=drives,
                share=0.62 if drives else 0.12,
                matte_share=0.1,
            )
        )
        maps += mock_pictures.heat(count, wide, tall, inside=drives)
    header = AttentionHeader(
        width=wide,
        height=tall,
        frames=count,
        picture_frames=tuple(
            (max(0, 4 * number - 3), min(4 * number + 1, frames)) for number in range(count)
        ),
        words=tuple(told),
    )
    folder = out.with_name(out.stem + ".attention")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / FRAMES_FILE).write_bytes(maps)
    (folder / HEADER_FILE).write_text(header.model_dump_json(by_alias=True) + "\n")
    return str(folder)
