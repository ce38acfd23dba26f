"""Behaviours 32-37: formats, settings, the queue, marks, stills. Real files come out."""

from __future__ import annotations

import os
from pathlib import Path

import av
import pytest

from tests.doubles.resolve import clips, difference


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def queue(scene, out, first=4, last=13, **settings):
    assert scene.project.SetCurrentRenderFormatAndCodec("mov", "ProRes422HQ")
    whole = {"TargetDir": str(out), "CustomName": "part", "ExportVideo": True}
    marks = {"MarkIn": 86410 + first, "MarkOut": 86410 + last}
    assert scene.project.SetRenderSettings(whole | marks | settings)
    return scene.project.AddRenderJob()


def finish(scene, job, limit=50):
    assert scene.project.StartRendering([job], False) is True
    seen = []
    for _ in range(limit):
        seen.append(scene.project.GetRenderJobStatus(job))
        if not scene.project.IsRenderingInProgress():
            break
    return [*seen, scene.project.GetRenderJobStatus(job)]


def test_32_setters_take_codec_ids_only(make):
    scene = make("studio", "21.1")
    assert scene.project.GetRenderFormats()["QuickTime"] == "mov"
    assert scene.project.GetRenderCodecs("mov")["Apple ProRes 422 HQ"] == "ProRes422HQ"
    assert scene.project.SetCurrentRenderFormatAndCodec("mov", "Apple ProRes 422 HQ") is False
    assert scene.project.SetCurrentRenderFormatAndCodec("mov", "ProRes422HQ") is True
    assert scene.project.SetCurrentRenderFormatAndCodec("m3u8", "H264") is False
    assert scene.project.GetRenderCodecs("wav") == {}
    assert scene.project.GetRenderCodecs("nothing") == {}


def test_32_descriptions_drift_and_ids_do_not(make):
    old = make("studio", "19.1").project.GetRenderCodecs("mov")
    new = make("studio", "21.1").project.GetRenderCodecs("mov")
    assert old["DNxHR HQ"] == new["Avid DNxHR HQ 12-bit"] == "DNxHRHQ"
    assert "ProRes422HQ" not in old.values()
    mac = make("studio", "19.1", platform="mac").project.GetRenderCodecs("mov")
    assert "ProRes422HQ" in mac.values()


def test_33_settings_lie_over_what_the_user_left(scene, out):
    scene.film.deliver("mp4", "H264", FormatWidth=64, FormatHeight=36)
    finish(scene, queue(scene, out))
    assert clips.probe(out / "part.mov").size == (64, 36)  # the width nobody asked for


def test_33_after_audio_only_there_is_no_picture_though_the_job_says_so(scene, out):
    scene.film.deliver("mp4", "H264", audio_only=True)
    job = queue(scene, out, ExportVideo=True)
    assert scene.project.GetRenderJobList()[-1]["IsExportVideo"] is True
    finish(scene, job)
    with av.open(str(out / "part.mov")) as container:
        assert not container.streams.video
    assert scene.project.LoadRenderPreset("ProRes 422 HQ") is True  # cures it
    finish(scene, queue(scene, out, CustomName="cured"))
    assert clips.probe(out / "cured.mov").frames == 10


def test_33_a_preset_replaces_folder_and_name(scene, out):
    queue(scene, out)
    assert scene.project.SaveAsNewRenderPreset("mine") is True
    assert scene.project.LoadRenderPreset("H.264 Master") is True
    assert scene.project.AddRenderJob() == ""  # no folder any more
    assert scene.project.LoadRenderPreset("mine") is True
    assert scene.project.AddRenderJob() != ""
    assert scene.project.GetCurrentRenderFormatAndCodec()["codec"] == "ProRes422HQ"
    assert scene.project.DeleteRenderPreset("mine") is True
    assert scene.project.DeleteRenderPreset("H.264 Master") is False


def test_33_presets_travel_as_files_and_21_1_wants_a_folder(make, tmp_path, out):
    scene = make("studio", "21.1")
    queue(scene, out)
    scene.project.SaveAsNewRenderPreset("mine")
    assert scene.resolve.ExportRenderPreset("mine", str(tmp_path / "mine.xml")) is False
    assert scene.resolve.ExportRenderPreset("mine", str(tmp_path)) is True
    scene.project.DeleteRenderPreset("mine")
    scene.project.LoadRenderPreset("H.264 Master")
    assert scene.resolve.ImportRenderPreset(str(tmp_path / "mine.xml")) is True
    assert scene.project.GetCurrentRenderFormatAndCodec()["format"] == "mov"  # now current
    assert scene.resolve.ImportRenderPreset(str(tmp_path / "none.xml")) is False


def test_33_what_was_hidden_comes_back_with_a_preset_of_its_own(scene, out):
    scene.film.deliver("mp4", "H264", FormatWidth=64, TargetDir="/user", audio_only=True)
    before = scene.double.state()
    assert scene.project.SaveAsNewRenderPreset("tmp") is True
    queue(scene, out)
    scene.project.LoadRenderPreset("tmp")
    scene.project.DeleteRenderPreset("tmp")
    scene.project.DeleteAllRenderJobs()
    scene.timeline.ClearMarkInOut("all")
    assert difference(before, scene.double.state()) == []


def test_33_some_resolves_want_the_deliver_page_first(scene, out):
    scene.faults.needs_deliver = True
    assert scene.project.SetRenderSettings({"CustomName": "x"}) is False
    assert scene.project.LoadRenderPreset("H.264 Master") is False
    scene.resolve.OpenPage("deliver")
    assert scene.project.LoadRenderPreset("H.264 Master") is True


def test_33_format_and_codec_may_read_unknown(scene):
    assert scene.project.GetCurrentRenderFormatAndCodec() == {
        "format": "unknown", "codec": "unknown",
    }  # fmt: skip


def test_33_render_keys_of_21_0_4_are_refused_before(make):
    assert make("studio", "20.3").project.SetRenderSettings({"AddFrameHandles": 2}) is False
    project = make("studio", "21.0.4").project
    assert project.SetRenderSettings({"AddFrameHandles": 2}) is True
    assert project.SetRenderSettings({"AddFrameHandles": -1}) is False
    assert project.SetRenderSettings({"NoSuchKey": 2}) is False


@pytest.mark.parametrize(("mode", "answer"), [("empty", ""), ("none", None)])
def test_34_a_job_may_not_come_into_being(scene, out, mode, answer):
    scene.faults.add_job = mode
    assert queue(scene, out) == answer


def test_34_free_does_not_queue_more_than_uhd(make, out):
    assert queue(make("free", "21.1"), out, FormatWidth=7680, FormatHeight=4320) == ""
    assert queue(make("studio", "21.1"), out, FormatWidth=7680, FormatHeight=4320) != ""


def test_34_starting_without_ids_starts_foreign_jobs_too(scene, out):
    foreign = scene.film.foreign_job()
    job = queue(scene, out)
    assert scene.project.StartRendering() is True
    while scene.project.IsRenderingInProgress():
        pass
    assert scene.project.GetRenderJobStatus(job)["CompletionPercentage"] == 100
    assert foreign.status == "Complete"
    assert Path(foreign.files[0]).exists()


def test_34_with_ids_foreign_jobs_stay_and_the_call_comes_back_at_once(scene, out):
    foreign = scene.film.foreign_job()
    job = queue(scene, out)
    states = finish(scene, job)
    assert states[0]["JobStatus"] == "Ready"
    assert "Rendering" in {state["JobStatus"] for state in states}
    assert foreign.status == "Ready"
    assert scene.project.DeleteRenderJob(job) is True
    assert scene.project.DeleteRenderJob(job) is False
    assert scene.project.GetRenderJobStatus(job) is None


def test_34_exactly_the_asked_frames_are_rendered_at_the_timelines_rate(scene, out):
    finish(scene, queue(scene, out, 4, 13))
    assert clips.numbers(out / "part.mov") == list(range(9, 19))  # left 5 + 4 .. 13
    facts = clips.probe(out / "part.mov")
    assert (facts.frames, facts.rate, facts.timecode) == (10, 24, "01:00:00:14")


@pytest.mark.parametrize(
    ("locale", "word"), [("es", "Finalizado"), ("pt", "Concluído"), ("ru", "Завершено")]
)
def test_35_states_speak_the_users_language_and_percentages_are_ints(make, out, locale, word):
    scene = make(locale=locale)
    last = finish(scene, queue(scene, out))[-1]
    assert last["JobStatus"] == word
    assert last["CompletionPercentage"] == 100
    assert isinstance(last["CompletionPercentage"], int)
    assert not last.get("Error")


def test_35_an_error_is_in_the_status(scene, out):
    scene.faults.render_error = "GPU memory is full"
    last = finish(scene, queue(scene, out))[-1]
    assert last["JobStatus"] == "Failed"
    assert last["Error"] == "GPU memory is full"


def test_35_complete_may_have_written_nothing(scene, out):
    scene.faults.complete_without_file = True
    assert finish(scene, queue(scene, out))[-1]["JobStatus"] == "Complete"
    assert list(out.rglob("*")) == []


def test_35_a_wedged_engine_never_begins(scene, out):
    scene.faults.wedged = True
    job = queue(scene, out)
    last = finish(scene, job)[-1]
    assert last == {"JobStatus": "Ready for background render", "CompletionPercentage": 0}
    assert scene.project.IsRenderingInProgress() is True
    scene.project.StopRendering()
    assert scene.project.IsRenderingInProgress() is False


def test_35_a_taken_name_gets_a_suffix_and_files_may_nest(scene, out):
    (out / "part.mov").write_bytes(b"mine")
    finish(scene, queue(scene, out))
    assert (out / "part.mov").read_bytes() == b"mine"
    assert clips.probe(out / "part_0.mov").frames == 10
    scene.faults.nested_output = True
    finish(scene, queue(scene, out, CustomName="deep"))
    assert [p.name for p in out.rglob("deep.mov")] == ["deep.mov"]
    assert not (out / "deep.mov").exists()


def test_35_frames_may_be_missing(scene, out):
    scene.faults.render_short = 1
    assert finish(scene, queue(scene, out))[-1]["CompletionPercentage"] == 100
    assert clips.probe(out / "part.mov").frames == 9


def test_35_sequences_are_numbered_by_timeline_frame(scene, out):
    scene.project.SetCurrentRenderFormatAndCodec("tif", "RGB16LZW")
    settings = {"TargetDir": str(out), "CustomName": "f_", "MarkIn": 86412, "MarkOut": 86413}
    scene.project.SetRenderSettings(settings)
    finish(scene, scene.project.AddRenderJob())
    assert sorted(os.listdir(out)) == ["f_00086412.tif", "f_00086413.tif"]
    assert clips.numbers(out / "f_00086412.tif") == [7]


def test_36_marks_are_clobbered(scene, out):
    scene.cut.marks(1, 2, "video")
    queue(scene, out, 4, 13)
    assert scene.timeline.GetMarkInOut()["video"] == {"in": 86414, "out": 86423}


def test_36_the_first_visit_to_deliver_is_slow(make):
    scene = make(faults={"first_deliver": 60.0})
    slept = []
    scene.double.clock.sleep = slept.append
    scene.resolve.OpenPage("deliver")
    assert slept == [60]
    scene.resolve.OpenPage("edit")
    scene.resolve.OpenPage("deliver")
    assert slept == [60], "the second visit takes no time"


def test_36_a_dialog_while_rendering_silences_everything(scene, out):
    scene.faults.modal_mid_render = True
    job = queue(scene, out)
    scene.project.StartRendering([job], False)
    scene.project.GetRenderJobStatus(job)
    scene.project.GetRenderJobStatus(job)
    assert scene.project.GetRenderJobStatus(job) is False
    assert scene.timeline.GetName() is False
    scene.double.dismiss()
    assert scene.project.GetRenderJobStatus(job)["CompletionPercentage"] > 0


def test_36_handles_reach_beyond_the_cut_but_not_beyond_the_media(make, out):
    scene = make("studio", "21.0.4")
    scene.project.SetCurrentRenderMode(0)
    finish(scene, queue(scene, out, 0, 23, AddFrameHandles=8))
    numbers = clips.numbers(next(out.glob("*.mov")))
    assert numbers[0] == 0  # only five frames are left of the in-point
    assert numbers[-1] == 5 + 23 + 8


def test_37_a_still_lags_behind_the_playhead(make, tmp_path):
    scene = make(speed=0.001)  # only what is skipped passes
    scene.cut.playhead(10)
    scene.timeline.SetCurrentTimecode("01:00:00:20")
    assert scene.project.ExportCurrentFrameAsStill(str(tmp_path / "a.png")) is True
    assert clips.numbers(tmp_path / "a.png") == [5]
    scene.double.clock.skip(1.2)
    assert scene.project.ExportCurrentFrameAsStill(str(tmp_path / "b.bmp")) is True
    assert clips.numbers(tmp_path / "b.bmp") == [15]
    assert scene.project.ExportCurrentFrameAsStill(str(tmp_path / "c.xyz")) is False


def test_37_the_thumbnail_is_none_off_the_color_page(scene):
    assert scene.timeline.GetCurrentClipThumbnailImage() is None
    scene.resolve.OpenPage("color")
    found = scene.timeline.GetCurrentClipThumbnailImage()
    assert (found["width"], found["height"]) == (288, 162)


def test_quick_export_blocks_and_renders_the_whole_timeline_as_mov(scene, out):
    status = scene.project.RenderWithQuickExport(
        "H.264", {"TargetDir": str(out), "CustomName": "q.mp4"}
    )
    assert status["JobStatus"] == "Complete"
    assert clips.probe(out / "q.mov").frames == 34
    assert difference({"a": 1}, {"a": 2}) == ["a: 1 -> 2"]
