"""Texts, chips, marks per occurrence, and earlier texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.method.words import diff_spans
from flowanchor_engine.protocol import Word, WordsReply
from flowanchor_engine.protocol.proxies import WordMap
from flowanchor_engine.request import Prompts as RequestPrompts
from flowanchor_engine.request import Span
from plugin.state.prompts import HISTORY, Prompts, Question
from plugin.state.word_spans import words_of

NOW = "a man in a grey jacket walks"
WANTED = "a man in a red leather jacket walks"


def reply_of(wanted: str, drive: set[str], *, only: set[str] | None = None) -> WordsReply:
    return WordsReply(
        id=1,
        words=tuple(
            Word(start=a, stop=b, drives=wanted[a:b] in drive, tokens=(wanted[a:b],))
            for a, b in words_of(wanted)
            if only is None or wanted[a:b] in only
        ),
    )


def typed() -> Prompts:
    p = Prompts()
    p.now.set(NOW)
    p.wanted.set(WANTED)
    p.answer(Question(NOW, WANTED), reply_of(WANTED, {"red", "leather"}))
    return p


def states(p: Prompts) -> list[tuple[str, str, bool]]:
    return [(chip.text, chip.state, chip.marked) for chip in p.chips]


def test_the_first_focus_copies_once() -> None:
    p = Prompts()
    p.focus_wanted()
    assert p.wanted.value == ""
    p.now.set("a dog")
    p.focus_wanted()
    assert p.wanted.value == "a dog"
    p.wanted.set("")
    p.focus_wanted()
    assert p.wanted.value == ""
    p.fresh()
    p.focus_wanted()
    assert p.wanted.value == "a dog"


def test_a_written_text_is_never_overwritten_by_the_copy() -> None:
    p = Prompts()
    p.wanted.set("mine")
    p.now.set("a dog")
    p.focus_wanted()
    assert p.wanted.value == "mine"


def test_chips_follow_from_the_reply_with_the_noun_beside_them() -> None:
    p = typed()
    assert states(p) == [
        ("red", "drive", False),
        ("leather", "drive", False),
        ("jacket", "neutral", False),
    ]
    assert p.spans() == ((), ())
    assert p.for_request().drive == ()


def test_a_toggle_marks_and_toggling_back_unmarks() -> None:
    p = typed()
    p.toggle(p.chips[2])
    assert states(p)[2] == ("jacket", "drive", True)
    # The word behind the one that drives now is offered in its turn.
    assert states(p)[3] == ("walks", "neutral", False)
    drive, keep = p.spans()
    assert [WANTED[s.start : s.stop] for s in drive] == ["red", "leather", "jacket"]
    assert keep == ()
    p.toggle(p.chips[2])
    assert p.overrides == {}
    assert p.spans() == ((), ())


def test_keep_is_offered_only_where_it_is_known() -> None:
    p = typed()
    p.keep_offered.set(True)
    p.toggle(p.chips[0])
    p.toggle(p.chips[0])
    assert states(p)[0] == ("red", "keep", True)
    drive, keep = p.spans()
    assert [WANTED[s.start : s.stop] for s in keep] == ["red"]
    assert [WANTED[s.start : s.stop] for s in drive] == ["leather"]
    p.toggle(p.chips[0])
    assert p.overrides == {}


def test_marks_are_per_occurrence() -> None:
    text = "a red car and a red hat"
    p = Prompts()
    p.now.set("a car and a hat")
    p.wanted.set(text)
    p.answer(Question("a car and a hat", text), reply_of(text, {"red"}))
    second = next(chip for chip in p.chips if chip.start == 16)
    p.toggle(second)
    assert [(s.start, s.stop) for s in p.spans()[0]] == [(2, 5)]


def test_a_mark_survives_other_typing_and_goes_with_its_word() -> None:
    p = typed()
    p.mark_at(WANTED.index("walks") + 1)
    p.wanted.set(WANTED.replace("a man", "an old man"))
    assert [p.wanted.value[slice(*s)] for s in p.overrides] == ["walks"]
    p.wanted.set(p.wanted.value.replace("walks", "runs"))
    assert p.overrides == {}


@given(st.text(alphabet="abc red,", max_size=10), st.sampled_from(["jacket", "man", "walks"]))
def test_a_mark_survives_whatever_is_typed_before_it(typing: str, word: str) -> None:
    p = typed()
    p.mark_at(WANTED.index(word))
    p.wanted.set(f"{typing} {WANTED}")
    assert [p.wanted.value[slice(*s)] for s in p.overrides] == [word]


def test_no_driving_word_stops_the_run() -> None:
    p = typed()
    for chip in p.chips.value[:2]:
        p.set_state(chip.span, "neutral")
    assert p.why_not == "check.no_driving"
    assert len(p.questions()) == 1
    p.set_state(p.chips.value[0].span, "drive")
    assert p.why_not == ""


def test_questions_carry_marks_and_late_answers_are_dropped() -> None:
    p = typed()
    assert p.questions() == (Question(NOW, WANTED),)
    p.mark_at(WANTED.index("jacket"))
    plain, marked = p.questions()
    assert [WANTED[a:b] for a, b in marked.drive] == ["red", "leather", "jacket"]
    assert p.verdict.value is None
    p.answer(marked, WordsReply(id=2, notes=("long",)))
    assert p.notes == ("check.words.long",)
    p.wanted.set(WANTED + " home")
    assert not p.notes
    p.answer(plain, WordsReply(id=3, notes=("unchanged",)))
    assert not p.notes


def test_the_reasons_that_stop_a_run() -> None:
    p = Prompts()
    assert p.why_not == "check.wanted_empty"
    p.now.set("a dog")
    p.wanted.set(" a dog ")
    assert p.why_not == "check.words.unchanged"
    p.mark_at(3)
    assert p.why_not == ""
    p.mark_at(3)
    assert p.why_not == "check.words.unchanged"
    p.wanted.set("a [dog]")
    assert p.why_not == ""
    p.answer(p.questions()[0], WordsReply(id=1, code="words"))
    assert p.why_not == "error.words"


def test_what_goes_away_in_the_first_text_is_known_until_it_is_edited() -> None:
    p = typed()
    p.answer(p.questions()[0], WordsReply(id=1, removed=((11, 15),)))
    assert p.removed.value == ((11, 15),)
    p.now.set("another")
    assert not p.removed.value


def test_a_recipe_brings_its_marks_back() -> None:
    p = Prompts()
    p.apply(RequestPrompts(now=NOW, wanted=WANTED, drive=(Span(start=11, stop=14),)))
    p.answer(p.questions()[0], reply_of(WANTED, {"red", "leather"}))
    assert p.for_request() == RequestPrompts(
        now=NOW, wanted=WANTED, drive=(Span(start=11, stop=14),)
    )


texts = st.lists(st.sampled_from(["a", "red", "man", "Hut", "夜", "don't"]), min_size=1, max_size=7)


@given(texts, texts, st.data())
def test_any_marked_recipe_comes_back_whatever_the_engine_reads(
    now: list[str], wanted: list[str], data: st.DataObject
) -> None:
    text = " ".join(wanted)
    words = words_of(text)
    first = data.draw(st.lists(st.sampled_from(words), unique=True, min_size=1))
    drive = [Span(start=a, stop=b) for a, b in sorted(first)]
    if data.draw(st.booleans()):  # one mark over everything, as another panel may write it
        drive = [Span(start=words[0][0], stop=words[-1][1])]
    recipe = RequestPrompts(now=" ".join(now), wanted=text, drive=tuple(drive))
    p = Prompts()
    p.apply(recipe)
    assert p.for_request() == recipe
    spans = diff_spans(" ".join(now), text)
    told = tuple(Word(start=a, stop=b, drives=(a, b) in spans) for a, b in words)
    p.answer(p.questions()[0], WordsReply(id=1, words=told))
    assert p.for_request() == recipe
    assert [chip.span for chip in p.chips] == sorted({chip.span for chip in p.chips})


def test_a_mark_over_several_words_can_be_turned_off() -> None:
    p = typed()
    p.apply(RequestPrompts(now=NOW, wanted=WANTED, drive=(Span(start=11, stop=22),)))
    p.answer(p.questions()[0], reply_of(WANTED, {"red"}))
    assert states(p)[0] == ("red leather", "drive", True)
    p.toggle(p.chips[0])
    assert states(p)[0] == ("red leather", "neutral", True)
    assert p.why_not == "check.no_driving"


def test_one_word_can_be_taken_out_of_a_mark_over_several() -> None:
    p = typed()
    p.apply(RequestPrompts(now=NOW, wanted=WANTED, drive=(Span(start=11, stop=29),)))
    p.answer(p.questions()[0], reply_of(WANTED, {"red"}))
    p.mark_at(WANTED.index("leather") + 1)
    assert [WANTED[slice(*s)] for s in p.drive_spans()] == ["red", "jacket"]
    p.mark_at(WANTED.index("leather") + 1)
    assert [WANTED[slice(*s)] for s in p.drive_spans()] == ["red", "leather", "jacket"]


def test_attention_says_what_acted() -> None:
    p = typed()
    at = WANTED.index
    p.show_attention(
        [
            WordMap(
                text="red",
                start=at("red"),
                stop=at("red") + 3,
                drives=True,
                share=0.6,
                matte_share=0.2,
            ),
            WordMap(text="leather", start=0, stop=7, drives=True, share=0.1, matte_share=0.2),
            WordMap(text="walks", start=0, stop=5, drives=False, share=0.5, matte_share=0.2),
            WordMap(text="gone", start=0, stop=4, drives=False, share=0.5, matte_share=0.2),
        ]
    )
    assert [(chip.text, chip.effect) for chip in p.chips] == [
        ("red", ""),
        ("leather", "little"),
        ("jacket", ""),
        ("walks", "also"),
    ]
    p.wanted.set("x " + WANTED)
    assert [chip.share for chip in p.chips] == [0.6, 0.1, None, 0.5]


def test_the_title_words_take_the_noun_along() -> None:
    p = typed()
    assert [WANTED[slice(*s)] for s in p.title_spans()] == ["red", "leather", "jacket"]
    p.mark_at(WANTED.index("jacket"))
    assert [WANTED[slice(*s)] for s in p.title_spans()] == ["red", "leather", "jacket"]


def test_earlier_texts_and_back_to_the_draft() -> None:
    p = Prompts()
    for text in ("one", "two", "one", "three"):
        p.wanted.set(text)
        p.remember()
    assert p.history.value == ("three", "one", "two")
    p.wanted.set("draft")
    seen = []
    while p.older():
        seen.append(p.wanted.value)
    assert seen == ["three", "one", "two"]
    while p.newer():
        seen.append(p.wanted.value)
    assert seen[3:] == ["one", "three", "draft"]


def test_history_skips_what_stands_there_and_ends_at_fifty() -> None:
    p = Prompts()
    for i in range(60):
        p.wanted.set(f"text {i}")
        p.remember()
    assert len(p.history) == HISTORY
    assert p.older()
    assert p.wanted.value == "text 58"
    assert p.newer()
    assert p.wanted.value == "text 59"


def test_typing_in_an_old_text_starts_a_new_walk() -> None:
    p = Prompts()
    for text in ("one", "two"):
        p.wanted.set(text)
        p.remember()
    p.wanted.set("")
    p.older()
    p.wanted.set("two and more")
    p.older()
    assert p.wanted.value == "two"
    p.newer()
    assert p.wanted.value == "two and more"
