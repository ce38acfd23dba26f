"""Takes: grouped by recipe, found by their words, never lost by clearing."""

from __future__ import annotations

from typing import Any

from plugin.services.store import Store
from plugin.state.job_queue import Job
from plugin.state.takes import Takes, UnderWay, recipe_key
from tests.panel.store import records


def add(store: Store, seed: int, wanted: str = "a red leather jacket", **more: Any) -> str:
    job = Job(f"job-{seed}-{wanted}", 1.0, "done", records.request(seed, wanted), "h")
    return store.finish_job(job, records.take(job=job.id, seed=seed, wanted=wanted, **more)).id


def shown(store: Store, shot: str = "shot") -> Takes:
    takes = Takes(store)
    takes.show_shot(shot)
    return takes


def test_grouped_by_recipe_without_seed_newest_group_first(store: Store) -> None:
    add(store, 1)
    add(store, 1, "a blue coat")
    add(store, 2)
    add(store, 9, shot="other")
    takes = shown(store)
    assert [[t.seed for t in group] for _, group in takes.groups()] == [[2, 1], [1]]
    assert [t.number for t in takes.all] == [3, 2, 1]
    assert [t.number for t in takes.shown] == [3, 1, 2]


def test_the_recipe_key_ignores_seed_and_comment_alone() -> None:
    data = records.request(1)
    assert recipe_key(data) == recipe_key({**records.request(7), "comment": {"x": 1}})
    assert recipe_key(data) != recipe_key(records.request(1, "else"))


def test_found_by_words_without_case_and_accents(store: Store) -> None:
    add(store, 1, "a Réd jacket")
    add(store, 4217, "a blue coat", title="blue coat")
    takes = shown(store)
    for words, count in (("red", 1), ("BLUE coat", 1), ("4217", 1), ("green", 0), ("t1", 1)):
        takes.find.set(words)
        assert len(takes.shown) == count, words
    takes.find.set("")
    takes.star(takes.all[0].id)
    takes.starred_only.set(True)
    assert [t.starred for t in takes.shown] == [True]


def test_clearing_keeps_stars_and_placed_ones(store: Store) -> None:
    for seed in (1, 2, 3, 4):
        add(store, seed)
    takes = shown(store)
    first, second, third, fourth = (t.id for t in takes.all)
    takes.star(first)
    takes.placed(second, "item-9", {"track": 2})
    takes.select(third)
    kept = takes.get(second)
    assert kept is not None
    assert (kept.starred, kept.placed, kept.placement) == (True, "item-9", {"track": 2})
    files = takes.clear_unstarred()
    assert len(files) == 2
    assert [t.id for t in takes.all] == [first, second]
    assert not takes.selected.value
    assert takes.clear_unstarred() == ()
    again = shown(store)
    assert again.all.value == takes.all.value
    assert takes.get(fourth) is None


def test_undo_keeps_the_take(store: Store) -> None:
    take_id = add(store, 1)
    takes = shown(store)
    takes.placed(take_id, "item", {"a": 1})
    takes.withdrawn(take_id)
    (take,) = shown(store).all
    assert (take.placed, take.placement, take.starred) == ("", {}, True)


def test_one_or_two_are_selected(store: Store) -> None:
    for seed in (1, 2, 3):
        add(store, seed)
    takes = shown(store)
    a, b, c = (t.id for t in takes.all)
    takes.select(a)
    takes.select(b, also=True)
    takes.select(c, also=True)
    assert list(takes.selected.value) == [a, c]
    takes.select(c, also=True)
    takes.select(a, also=True)
    assert list(takes.selected.value) == [a]
    takes.select("nobody")
    assert list(takes.selected.value) == [a]
    takes.delete([a])
    assert not takes.selected.value


def test_a_new_take_of_another_shot_is_not_shown(store: Store) -> None:
    takes = shown(store)
    takes.added(records.take(1, shot="other"))
    assert len(takes.all) == 0
    takes.added(records.take(1))
    assert takes.selected.value == (takes.all[0].id,)
    assert takes.with_hash(takes.all[0].request_hash) == (takes.all[0],)
    assert takes.with_hash("none") == ()
    takes.show_shot("")
    assert len(takes.all) == 0


def test_files_made_later_are_noted(store: Store) -> None:
    take_id = add(store, 1)
    takes = shown(store)
    takes.note_files(take_id, proxy="/cache/p")
    takes.note_files(take_id, thumbnail="/t/1.png")
    (take,) = shown(store).all
    assert (take.proxy, take.thumbnail) == ("/cache/p", "/t/1.png")


def test_a_take_is_placed_while_another_shot_is_looked_at(store: Store) -> None:
    name = add(store, 1)
    takes = shown(store, "other")
    assert takes.get(name) is None
    assert takes.known("") is None
    assert takes.known("nobody") is None
    takes.placed(name, "item-7", {"record": "{}"})
    assert list(takes.all) == [], "it is of another shot"
    takes.show_shot("shot")
    kept = takes.get(name)
    assert kept is not None
    assert (kept.placed, kept.placement, kept.starred) == ("item-7", {"record": "{}"}, True)
    takes.show_shot("other")
    takes.withdrawn(name)
    assert takes.known(name).placed == ""  # type: ignore[union-attr]


def test_what_is_under_way_is_not_deleted(store: Store) -> None:
    first, second = add(store, 1), add(store, 2)
    takes = shown(store)
    takes.under_way.set(UnderWay(first, "place"))
    takes.clear_unstarred()
    assert [take.id for take in takes.all] == [first]
    assert takes.delete([first]) == ()
    takes.under_way.set(None)
    takes.delete([first])
    assert store.load_takes() == ()
    assert second not in [take.id for take in takes.all]
