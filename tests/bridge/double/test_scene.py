"""The builders: every kind of item the product meets, and what Resolve would say of it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tests.doubles.resolve import Double, clips


@pytest.fixture
def film(tmp_path):
    return Double("studio", "21.1", home=tmp_path).build("Film")


def shown(cut, at):
    timeline = cut.timeline
    return cut.double.engine.picture(cut.project.project, timeline, timeline.start + at)


def kind(cut, item):
    media = cut.double.proxy(item).GetMediaPoolItem()
    return media.GetClipProperty("Type") if media else None


def test_kinds_and_their_types(film):
    cut = film.timeline(video=2)
    inner = film.timeline("Inner")
    inner.put(film.video("in.mov", frames_count=30))
    assert kind(cut, cut.put(film.video("a.mov", channels=2), at=0)) == "Video + Audio"
    assert kind(cut, cut.put(film.video("b.mov"), at=100)) == "Video"
    assert kind(cut, cut.put(film.still(), at=200)) == "Still"
    assert kind(cut, cut.put(film.sequence(), at=400)) == "Video"
    compound = cut.put(film.compound(), at=500)
    assert kind(cut, compound) == "Compound"
    assert cut.double.proxy(compound).GetMediaPoolItem().GetTimeline() is None
    nested = cut.put(film.nested(inner), at=600)
    assert kind(cut, nested) == "Timeline"
    assert cut.double.proxy(nested).GetMediaPoolItem().GetTimeline().GetName() == "Inner"
    angle = cut.put(film.multicam("Cam"), at=700)
    assert kind(cut, angle) == "Multicam"
    assert angle.name == "Cam - Angle 1"
    assert kind(cut, cut.put(film.fusion_clip(), at=800)) == "Fusion"
    assert kind(cut, cut.adjustment(at=0)) is None
    assert kind(cut, cut.generator(at=900)) is None
    lost = film.offline()
    assert not os.path.exists(lost.path)
    assert cut.double.proxy(lost).GetClipProperty("Online Status") == "Online"  # unreliable


def test_pictures_follow_the_source_frames(film):
    cut = film.timeline(video=2)
    media = film.video("a.mov", frames_count=48)
    cut.put(media, at=0, left=10, frames_count=10)
    cut.put(media, at=20, left=40, frames_count=10, speed=-2)
    cut.put(film.video("b.mov", rate="48", frames_count=48), at=40, left=4, frames_count=10)
    cut.put(media, at=60, left=0, frames_count=10, ramp=True, speed=3)
    assert [clips.number_of(shown(cut, at)) for at in (0, 9)] == [10, 19]
    assert [clips.number_of(shown(cut, at)) for at in (20, 25)] == [40, 30]
    assert [clips.number_of(shown(cut, at)) for at in (40, 45)] == [4, 14]
    steps = np.diff([clips.number_of(shown(cut, 60 + at)) for at in range(10)])
    assert steps[0] < steps[-1]


@pytest.mark.parametrize("make", ["compound", "multicam", "fusion_clip"])
def test_made_clips_show_what_is_inside(film, make):
    cut = film.timeline()
    media = film.video("inner.mov", frames_count=30, first=100)
    cut.put(getattr(film, make)("Made", media), at=0, left=3, frames_count=10)
    assert clips.number_of(shown(cut, 5)) == 108


def test_a_nested_timeline_shows_what_is_inside(film):
    inner = film.timeline("Inner")
    inner.put(film.video("inner.mov", frames_count=30, first=100), at=2)
    cut = film.timeline("Outer")
    cut.put(film.nested(inner), at=0, left=4, frames_count=10)
    assert clips.number_of(shown(cut, 1)) == 103


def test_disabled_items_and_tracks_do_not_show(film):
    cut = film.timeline(video=2)
    media = film.video("a.mov")
    cut.put(media, at=0, left=1, frames_count=10)
    top = cut.put(media, at=0, left=30, frames_count=10, track=2)
    assert clips.number_of(shown(cut, 0)) == 30
    top.enabled = False
    assert clips.number_of(shown(cut, 0)) == 1
    top.enabled = True
    cut.disable_track(2)
    assert clips.number_of(shown(cut, 0)) == 1


def test_grade_transform_and_opacity_show(film):
    cut = film.timeline(video=2)
    media = film.video("a.mov")
    item = cut.put(media, at=0, frames_count=10)
    plain = shown(cut, 0)
    cut.grade(item, (0.5, 1.0, 1.0))
    assert np.allclose(shown(cut, 0)[..., 0], plain[..., 0] * 0.5, atol=0.01)
    proxy = cut.double.proxy(item)
    proxy.GetNodeGraph().SetNodeEnabled(1, False)
    assert np.array_equal(shown(cut, 0), plain)
    proxy.SetProperty("FlipX", True)
    assert np.allclose(shown(cut, 0)[40, ::-1], plain[40], atol=0.02)
    proxy.SetProperty("FlipX", False)
    proxy.SetProperty("Pan", 10.0)
    assert np.allclose(shown(cut, 0)[40, 10:], plain[40, :-10], atol=0.02)
    proxy.SetProperty("Pan", 0.0)
    proxy.SetProperty("Opacity", 50.0)
    assert np.allclose(shown(cut, 0)[..., :3], plain[..., :3] / 2, atol=0.01)


def test_grades_are_copied_and_versions_kept(film):
    cut = film.timeline(video=2)
    media = film.video("a.mov")
    item, other = cut.put(media, at=0), cut.put(media, at=0, track=2)
    cut.grade(item, (0.5, 1.0, 1.0), (1.0, 0.5, 1.0))
    source, target = cut.double.proxy(item), cut.double.proxy(other)
    assert source.CopyGrades([target]) is True
    assert target.GetNodeGraph().GetNumNodes() == 2
    assert source.AddVersion("__x", 0) is True
    assert source.GetNodeGraph().ResetAllGrades() is True
    assert source.DeleteVersionByName("__x", 0) is False  # the current one
    assert source.LoadVersionByName("Version 1", 0) is True
    assert source.DeleteVersionByName("__x", 0) is True
    assert source.GetNodeGraph().GetNumNodes() == 2


def test_a_phone_clip_is_stored_lying_and_shown_standing(film):
    media = film.video("phone.mov", size=(36, 64), upright=True)
    proxy = film.double.proxy(media)
    assert proxy.GetClipProperty("Resolution") == "36x64"
    assert clips.probe(film.double.files.real(media.path)).size == (64, 36)


def test_an_alpha_clip_lets_what_is_below_through(film):
    cut = film.timeline(video=2)
    cut.put(film.video("a.mov"), at=0)
    over = film.video("over.mov", codec="ProRes4444", alpha=True)
    cut.put(over, at=0, track=2)
    assert cut.double.proxy(over).GetClipProperty("Alpha mode") == "Straight"
    picture = shown(cut, 0)
    assert picture[..., 3].min() == 1.0


def test_drop_frame_media_and_timelines(film):
    media = film.video("df.mov", rate="29.97", timecode="01:00:00;00", frames_count=30)
    assert film.double.proxy(media).GetClipProperty("Start TC") == "01:00:00;00"
    assert film.double.proxy(media).GetClipProperty("FPS") == "29.97"
    cut = film.timeline("DF", rate="29.97 DF", start="01:00:00;00")
    assert cut.timeline.start == 107892


@pytest.mark.parametrize("codec", ["png", "ProRes422HQ", "ProRes4444", "H264"])
def test_numbers_survive_every_codec(tmp_path, codec):
    path = tmp_path / ("c.mp4" if codec == "H264" else "c.mov")
    clips.write_counted(path, 20, codec=codec, first=1000)
    assert clips.numbers(path) == list(range(1000, 1020))


@pytest.mark.parametrize("ext", ["png", "tif", "jpg", "bmp", "dpx", "exr"])
def test_stills_of_every_kind_are_read_back(tmp_path, ext):
    clips.write_still(tmp_path / f"s.{ext}", clips.counted(77, (128, 72)))
    facts = clips.probe(tmp_path / f"s.{ext}")
    assert (facts.still, facts.size) == (True, (128, 72))
    assert clips.numbers(tmp_path / f"s.{ext}") == [77]
