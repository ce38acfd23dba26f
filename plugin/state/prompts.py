"""The two texts, the words that drive, and earlier texts.

Which words drive follows from the engine's reading of both texts (`WordsReply`); a person's
marks lie over it, one per occurrence of a word. Marks follow the text as it is edited and vanish
with their word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from flowanchor_engine import request
from plugin.state.observable import Observable, ObservableList, Signal
from plugin.state.recall import HISTORY, Recall
from plugin.state.word_spans import Spanned, changed_words, moved, nouns_behind, word_at, words_of

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Word, WordsReply
    from flowanchor_engine.protocol.proxies import WordMap

__all__ = ["HISTORY", "Chip", "ChipState", "Prompts", "Question", "Recall"]

ChipState = Literal["drive", "neutral", "keep"]
Effect = Literal["", "little", "also"]
_ALSO: Final = 1.5  # a neutral word acts in the matte when it gets half as much again as by chance


@dataclass(frozen=True)
class Chip:
    """One word of the wanted text.

    Parameters
    ----------
    state : {'drive', 'neutral', 'keep'}
    marked : bool
        A person chose the state; otherwise it follows from the texts.
    share, matte_share : float or None
        After a run: the part of the word's attention that fell inside the matte, and the part
        that chance would give.
    effect : {'', 'little', 'also'}
        After a run: driving with little effect, or neutral and acting.
    tokens : tuple of str
        How the text encoder splits it.
    """

    text: str
    start: int
    stop: int
    state: ChipState
    marked: bool = False
    share: float | None = None
    matte_share: float | None = None
    tokens: tuple[str, ...] = ()

    @property
    def span(self) -> Spanned:
        """Characters of the wanted text."""
        return self.start, self.stop

    @property
    def effect(self) -> Effect:
        """What the last run says about this word."""
        if self.share is None or self.matte_share is None:
            return ""
        if self.state == "drive" and self.share < self.matte_share:
            return "little"
        if self.state == "neutral" and self.share > _ALSO * self.matte_share:
            return "also"
        return ""


@dataclass(frozen=True)
class Question:
    """What to ask the engine about the words; fields as of `protocol.Words`."""

    now: str
    wanted: str
    drive: tuple[Spanned, ...] = ()


class Prompts:
    """What the shot shows now, what is wanted, and what drives.

    Attributes
    ----------
    now, wanted : Observable of str
    reply : Observable of WordsReply or None
        How the engine reads the texts without marks.
    verdict : Observable of WordsReply or None
        How it reads them with the marks: the one whose notes and code count.
    chips : ObservableList of Chip
    removed : Observable of tuple of (int, int)
        Characters of `now` that go away, for striking through.
    keep_offered : Observable of bool
        Whether chips know the third state.
    """

    def __init__(self) -> None:
        self.now: Observable[str] = Observable("")
        self.wanted: Observable[str] = Observable("")
        self.reply: Observable[WordsReply | None] = Observable(None)
        self.verdict: Observable[WordsReply | None] = Observable(None)
        self.chips: ObservableList[Chip] = ObservableList()
        self.removed: Observable[tuple[Spanned, ...]] = Observable(())
        self.keep_offered: Observable[bool] = Observable(False)
        self.changed: Signal[None] = Signal()

        self._recall = {"now": Recall(self.now), "wanted": Recall(self.wanted)}
        self._marks: dict[Spanned, ChipState] = {}
        self._words: tuple[Word, ...] = ()
        self._shares: dict[Spanned, tuple[float, float]] = {}
        self._text = ""
        self._copied = False
        self._only_marks = False
        self.wanted.changed.connect(self._edited)
        self.now.changed.connect(self._now_edited)
        self.reply.changed.connect(self._read)
        self.verdict.changed.connect(self._tell)

    # ---- texts ------------------------------------------------------------------------------

    def focus_wanted(self) -> None:
        """Note that the wanted text got the focus: the first time it starts as a copy of `now`."""
        if not self._copied and not self.wanted.value and self.now.value.strip():
            self._copied = True
            self.wanted.set(self.now.value)

    def fresh(self) -> None:
        """Another shot: the copy may be made again once the wanted text is empty."""
        self._copied = False

    @property
    def history(self) -> ObservableList[str]:
        """Earlier wanted texts, newest first."""
        return self._recall["wanted"].entries

    @property
    def now_history(self) -> ObservableList[str]:
        """Earlier texts of what was shown, newest first."""
        return self._recall["now"].entries

    def remember(self) -> None:
        """Put both texts into the history; called when a job is made."""
        self._recall["now"].remember(self.now.value)
        self._recall["wanted"].remember(self.wanted.value)

    def older(self, field: Literal["now", "wanted"] = "wanted") -> bool:
        """Show an earlier text; False if there is none."""
        return self._recall[field].older()

    def newer(self, field: Literal["now", "wanted"] = "wanted") -> bool:
        """Go back towards what was being typed; False if nothing is newer."""
        return self._recall[field].newer()

    # ---- words ------------------------------------------------------------------------------

    @property
    def overrides(self) -> Mapping[Spanned, ChipState]:
        """A person's marks by characters of the wanted text."""
        return dict(self._marks)

    def questions(self) -> tuple[Question, ...]:
        """Return what to ask the engine now: the texts alone and, where marked, with marks."""
        if not self.wanted.value.strip():
            return ()
        plain = Question(self.now.value, self.wanted.value)
        if not self._marks or not (drive := self.drive_spans()):
            return (plain,)
        return plain, Question(self.now.value, self.wanted.value, drive)

    def answer(self, question: Question, reply: WordsReply) -> None:
        """Take the answer to a question; one about texts that are gone is dropped."""
        if (question.now, question.wanted) != (self.now.value, self.wanted.value):
            return
        if not question.drive:
            self.reply.set(reply)
            if not self._marks:
                self.verdict.set(reply)
        elif question.drive == self.drive_spans():
            self.verdict.set(reply)

    def toggle(self, chip: Chip) -> None:
        """Go to the chip's next state: drives, neutral and, where offered, keep."""
        order: tuple[ChipState, ...] = ("drive", "neutral")
        if self.keep_offered.value:
            order = (*order, "keep")
        place = order.index(chip.state) if chip.state in order else 0
        self.set_state(chip.span, order[(place + 1) % len(order)])

    def set_state(self, span: Spanned, state: ChipState) -> None:
        """Mark a word; the state that it has without a mark takes the mark away."""
        self._part(span)
        if state == self._automatic(span):
            self._marks.pop(span, None)
        else:
            self._marks[span] = state
        self._remarked()

    def mark_at(self, index: int) -> None:
        """Let the word at a caret drive, or stop it if it does."""
        span = word_at(self.wanted.value, index)
        if span is not None:
            drives = any(start < span[1] and span[0] < stop for start, stop in self.drive_spans())
            self.set_state(span, "neutral" if drives else "drive")

    def drive_spans(self) -> tuple[Spanned, ...]:
        """Return the driving words; a mark rules over every word that it touches."""
        spans = {
            span
            for word in self._words
            if word.drives and not self._marked(span := (word.start, word.stop))
        }
        return tuple(sorted(spans | {s for s, state in self._marks.items() if state == "drive"}))

    def spans(self) -> tuple[tuple[request.Span, ...], tuple[request.Span, ...]]:
        """Return the spans of a request: driving ones (empty without marks) and kept ones."""
        if not self._marks:
            return (), ()
        drive = tuple(request.Span(start=a, stop=b) for a, b in self.drive_spans())
        keep = sorted(span for span, state in self._marks.items() if state == "keep")
        return drive, tuple(request.Span(start=a, stop=b) for a, b in keep)

    def for_request(self) -> request.Prompts:
        """Return the texts as a request holds them."""
        drive, keep = self.spans()
        return request.Prompts(now=self.now.value, wanted=self.wanted.value, drive=drive, keep=keep)

    def apply(self, prompts: request.Prompts) -> None:
        """Take over the texts and marks of a recipe."""
        self._copied = True
        self.now.set(prompts.now)
        self.wanted.set(prompts.wanted)
        self._marks = {(span.start, span.stop): "drive" for span in prompts.drive}
        self._marks.update({(span.start, span.stop): "keep" for span in prompts.keep})
        # A recipe's driving words are all of them: what the engine finds besides stays neutral.
        self._only_marks = bool(prompts.drive)
        self._hold_to_marks()
        self._remarked()

    def title_spans(self) -> tuple[Spanned, ...]:
        """Return the words that name the edit: driving ones and the noun behind them."""
        wanted = self.wanted.value
        drive = self.drive_spans() or changed_words(self.now.value, wanted)
        return tuple(sorted({*drive, *nouns_behind(wanted, drive)}))

    # ---- after a run ------------------------------------------------------------------------

    def show_attention(self, maps: Iterable[WordMap]) -> None:
        """Take the words' attention of a finished run; words that are gone are left out."""
        self._shares = {}
        spans = words_of(self.wanted.value)
        taken: set[Spanned] = set()
        for each in maps:
            exact = (each.start, each.stop)
            spelled = [s for s in spans if self.wanted.value[slice(*s)] == each.text]
            if exact not in spelled:  # brackets and cleaning move characters, not their order
                rest = [span for span in spelled if span not in taken]
                if not rest:
                    continue
                exact = rest[0]
            taken.add(exact)
            self._shares[exact] = (each.share, each.matte_share)
        self._make_chips()

    # ---- checks -----------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[str, ...]:
        """Keys of warnings that block nothing: ``check.words.<note>``."""
        verdict = self.verdict.value
        found = verdict.notes if verdict is not None else ()
        return tuple(f"check.words.{note}" for note in found)

    @property
    def why_not(self) -> str:
        """Key of what keeps these texts from being run, or ''."""
        wanted = self.wanted.value.strip()
        if not wanted:
            return "check.wanted_empty"
        if self._marks and not self.drive_spans():
            return "check.no_driving"
        if not self._marks and wanted == self.now.value.strip() and "[" not in wanted:
            return "check.words.unchanged"
        verdict = self.verdict.value
        return f"error.{verdict.code}" if verdict is not None and verdict.code else ""

    # ---- within -----------------------------------------------------------------------------

    def _automatic(self, span: Spanned) -> ChipState | None:
        """Return the state of a stretch without its mark; None if its words differ in it."""
        inside = [w.drives for w in self._words if w.start < span[1] and span[0] < w.stop]
        if not any(inside):
            return "neutral"
        return "drive" if all(inside) else None

    def _part(self, span: Spanned) -> None:
        """Cut a mark over several words so that one of them can be marked by itself."""
        for mark in [m for m in self._marks if m != span and m[0] < span[1] and span[0] < m[1]]:
            state = self._marks.pop(mark)
            for start, stop in words_of(self.wanted.value):
                inside = mark[0] < stop and start < mark[1]
                if inside and not (start < span[1] and span[0] < stop):
                    self._marks[(start, stop)] = state

    def _marked(self, span: Spanned) -> bool:
        return any(start < span[1] and span[0] < stop for start, stop in self._marks)

    def _hold_to_marks(self) -> None:
        if self._only_marks and self._words:
            self._only_marks = False
            for word in self._words:
                if word.drives and not self._marked((word.start, word.stop)):
                    self._marks[(word.start, word.stop)] = "neutral"

    def _edited(self, text: str) -> None:
        old, self._text = self._text, text
        marks = moved(old, text, self._marks)
        self._marks = {marks[span]: state for span, state in self._marks.items() if span in marks}
        shares = moved(old, text, self._shares)
        self._shares = {shares[s]: share for s, share in self._shares.items() if s in shares}
        places = moved(old, text, [(word.start, word.stop) for word in self._words])
        self._words = tuple(
            word.model_copy(update=dict(zip(("start", "stop"), place, strict=True)))
            for word in self._words
            if (place := places.get((word.start, word.stop))) is not None
        )
        self.verdict.set(None)
        self._make_chips()
        self.changed.emit(None)

    def _now_edited(self, _: str) -> None:
        self.verdict.set(None)
        self.removed.set(())
        self.changed.emit(None)

    def _read(self, reply: WordsReply | None) -> None:
        length = len(self.wanted.value)
        words = reply.words if reply is not None else ()
        self._words = tuple(w for w in words if 0 <= w.start < w.stop <= length)
        self.removed.set(reply.removed if reply is not None else ())
        self._hold_to_marks()
        self._make_chips()
        self._tell(None)

    def _remarked(self) -> None:
        self.verdict.set(None if self._marks else self.reply.value)
        self._make_chips()
        self.changed.emit(None)

    def _tell(self, _: object) -> None:
        self.changed.emit(None)

    def _follows(self, span: Spanned, drive: Iterable[Spanned]) -> bool:
        text = self.wanted.value
        return any(stop <= span[0] and text[stop : span[0]].strip() == "" for _, stop in drive)

    def _make_chips(self) -> None:
        text = self.wanted.value
        drive = set(self.drive_spans())
        tokens = {(word.start, word.stop): word.tokens for word in self._words}
        shown = drive | set(self._marks)
        shown |= {s for s in self._shares if s in tokens and not self._marked(s)}
        # The noun that driving words belong to stands beside them, ready to be marked.
        beside = {span for span in tokens if self._follows(span, drive)}
        shown |= {span for span in beside if not self._marked(span)}
        chips = []
        for start, stop in sorted(shown):
            span = (start, stop)
            share, by_chance = self._shares.get(span, (None, None))
            mark = self._marks.get(span)
            chips.append(
                Chip(
                    text=text[start:stop],
                    start=start,
                    stop=stop,
                    state=mark or ("drive" if span in drive else "neutral"),
                    marked=mark is not None,
                    share=share,
                    matte_share=by_chance,
                    tokens=tokens.get(span, ()),
                )
            )
        self.chips.set(chips)
