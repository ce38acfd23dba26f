"""Takes: finished results, each with its recipe, files and place."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from plugin.state.observable import Observable, ObservableList

__all__ = ["Step", "Take", "TakeStore", "Takes", "UnderWay", "recipe_key"]

Step = Literal["place", "undo", "save"]


@dataclass(frozen=True)
class Take:
    """One result.

    Parameters
    ----------
    number : int
        Counts the takes of a shot, from 1; the store gives it and never twice.
    file : str
        The delivered file, and `sha256` of it.
    recipe : str
        File beside it that holds the request.
    delivery : {'patch', 'frame', 'take'}
    placed : str
        Id of the timeline item, '' while it is only in the list.
    placement : dict
        The bridge's record of the placement, to undo it.
    request : dict
        The `EditRequest` as data; `request_hash` its ``key("result")``.
    recipe_key : str
        Equal for takes that differ by their seed alone.
    origin : dict
        What placing needs besides the file, as of `Job.place`, and how its files were marked.
    timings : dict of str to float
        Seconds per phase.
    attention : str
        Folder of the words' maps, '' where none were made.
    proxy : str
        Folder of its 8-bit pictures, '' until made.
    """

    id: str
    job: str
    number: int
    shot_id: str
    file: str
    sha256: str
    request: Mapping[str, Any]
    request_hash: str
    recipe_key: str = ""
    kind: Literal["edit", "test"] = "edit"
    title: str = ""
    recipe: str = ""
    thumbnail: str = ""
    starred: bool = False
    delivery: Literal["patch", "frame", "take"] = "patch"
    placed: str = ""
    placement: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0
    attention: str = ""
    proxy: str = ""
    created: float = 0.0

    @property
    def seed(self) -> int:
        """The seed of its request."""
        return int(self.request.get("seed", 0))

    @property
    def files(self) -> tuple[str, ...]:
        """Everything on disk that belongs to this take alone."""
        every = (self.file, self.recipe, self.thumbnail, self.attention, self.proxy)
        return tuple(dict.fromkeys(path for path in every if path))


@dataclass(frozen=True)
class UnderWay:
    """A take that is being placed, taken off the timeline again, or saved."""

    take: str
    step: Step


def recipe_key(request: Mapping[str, Any]) -> str:
    """Return a hash of a request without its seed and comment."""
    data = {name: value for name, value in request.items() if name not in ("seed", "comment")}
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class TakeStore(Protocol):
    """Where takes are kept."""

    def load_takes(self, shot_id: str | None = None) -> tuple[Take, ...]:
        """Return the takes of a shot, or all, oldest first."""
        ...

    def load_take(self, take_id: str) -> Take | None:
        """Return a take of any shot."""
        ...

    def put_take(self, take: Take) -> None:
        """Write a changed take."""
        ...

    def delete_takes(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Remove takes and return the files and folders that may be deleted now."""
        ...


class Takes:
    """The takes of the shown shot.

    Attributes
    ----------
    all : ObservableList of Take
        Newest first.
    shown : ObservableList of Take
        Those that `find` and `starred_only` leave, grouped by recipe.
    selected : Observable of tuple of str
        Ids of one or two takes; two are compared with each other.
    under_way : Observable of UnderWay or None
        One at a time; its files are in use, so it is not deleted.
    """

    def __init__(self, store: TakeStore) -> None:
        self.all: ObservableList[Take] = ObservableList()
        self.shown: ObservableList[Take] = ObservableList()
        self.find: Observable[str] = Observable("")
        self.starred_only: Observable[bool] = Observable(False)
        self.selected: Observable[tuple[str, ...]] = Observable(())
        self.under_way: Observable[UnderWay | None] = Observable(None)
        self._store = store
        self._shot = ""
        self.find.changed.connect(self._sift)
        self.starred_only.changed.connect(self._sift)

    def show_shot(self, shot_id: str) -> None:
        """Load the takes of another shot ('' for none)."""
        self._shot = shot_id
        self.selected.set(())
        self._set(reversed(self._store.load_takes(shot_id)) if shot_id else ())

    def get(self, take_id: str) -> Take | None:
        """Return a take of this shot by its id."""
        return next((take for take in self.all if take.id == take_id), None)

    def known(self, take_id: str) -> Take | None:
        """Return a take by its id, of whatever shot: another one may be shown by now."""
        return self.get(take_id) or (self._store.load_take(take_id) if take_id else None)

    def with_hash(self, request_hash: str) -> tuple[Take, ...]:
        """Return the takes that equal requests have given, newest first."""
        return tuple(take for take in self.all if take.request_hash == request_hash)

    def groups(self) -> tuple[tuple[str, tuple[Take, ...]], ...]:
        """Return the shown takes by recipe, the group with the newest take first."""
        grouped: dict[str, list[Take]] = {}
        for take in self.shown:
            grouped.setdefault(take.recipe_key, []).append(take)
        return tuple((key, tuple(takes)) for key, takes in grouped.items())

    def added(self, take: Take) -> None:
        """Show a take that a job has just given, and select it."""
        if take.shot_id == self._shot:
            self._set((take, *self.all))
            self.select(take.id)

    def select(self, take_id: str, *, also: bool = False) -> None:
        """Select a take; with `also` it joins the selected one, a third replaces the second."""
        if self.get(take_id) is None:
            return
        now = self.selected.value
        if not also or not now:
            self.selected.set((take_id,))
        elif take_id in now:
            rest = tuple(each for each in now if each != take_id)
            self.selected.set(rest or now)
        else:
            self.selected.set((now[0], take_id))

    def bring(self, take_id: str) -> None:
        """Select a take and let the strip show it, whatever was searched for."""
        if self.get(take_id) is None:
            return
        if all(take.id != take_id for take in self.shown):
            self.find.set("")
            self.starred_only.set(False)
        self.select(take_id)

    def star(self, take_id: str, starred: bool | None = None) -> None:
        """Star a take or not; None turns it over."""
        take = self.get(take_id)
        if take is not None:
            self._write(replace(take, starred=not take.starred if starred is None else starred))

    def placed(self, take_id: str, item_id: str, placement: Mapping[str, Any]) -> None:
        """Note where a take was placed; it is starred, so that clearing keeps it."""
        take = self.known(take_id)
        if take is not None:
            self._write(replace(take, placed=item_id, placement=dict(placement), starred=True))

    def withdrawn(self, take_id: str) -> None:
        """Note that a placement was undone; the take stays."""
        take = self.known(take_id)
        if take is not None:
            self._write(replace(take, placed="", placement={}))

    def note_files(
        self, take_id: str, *, proxy: str | None = None, thumbnail: str | None = None
    ) -> None:
        """Note files that were made of a take later."""
        take = self.get(take_id)
        if take is not None:
            proxy = take.proxy if proxy is None else proxy
            thumbnail = take.thumbnail if thumbnail is None else thumbnail
            self._write(replace(take, proxy=proxy, thumbnail=thumbnail))

    def delete(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Delete takes of this shot, but not the one that is under way.

        Returns
        -------
        tuple of str
            Files and folders to delete then.
        """
        used = self.under_way.value
        gone = [
            take_id
            for take_id in ids
            if self.get(take_id) is not None and (used is None or take_id != used.take)
        ]
        if not gone:
            return ()
        files = self._store.delete_takes(gone)
        self.selected.set(tuple(each for each in self.selected.value if each not in gone))
        self._set(take for take in self.all if take.id not in gone)
        return files

    def clear_unstarred(self) -> tuple[str, ...]:
        """Delete everything of this shot that is neither starred nor placed."""
        return self.delete([t.id for t in self.all if not t.starred and not t.placed])

    # ---- within -----------------------------------------------------------------------------

    def _write(self, take: Take) -> None:
        self._store.put_take(take)
        self._set(take if each.id == take.id else each for each in self.all)

    def _set(self, takes: Iterable[Take]) -> None:
        self.all.set(takes)
        self._sift(None)

    def _sift(self, _: object) -> None:
        words = _plain(self.find.value).split()
        found = [
            take
            for take in self.all
            if (take.starred or not self.starred_only.value)
            and all(word in _haystack(take) for word in words)
        ]
        order: dict[str, int] = {}
        for take in found:
            order.setdefault(take.recipe_key, len(order))
        self.shown.set(sorted(found, key=lambda take: order[take.recipe_key]))


def _haystack(take: Take) -> str:
    prompts = take.request.get("prompts")
    wanted = prompts.get("wanted", "") if isinstance(prompts, Mapping) else ""
    return _plain(f"{take.title} {wanted} t{take.number} {take.seed}")


def _plain(text: str) -> str:
    """Without case and accents, as people search."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
