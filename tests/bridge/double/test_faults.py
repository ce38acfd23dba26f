"""Behaviour 42 and the faults: saving, slowness, death, disks, paths, a project that changes."""

from __future__ import annotations

import threading
import time

import pytest

from tests.doubles.resolve import Double, Faults, ResolveGoneError, clips, difference
from tests.doubles.resolve.clock import Clock


def test_42_an_untitled_project_is_not_saved(tmp_path):
    double = Double("free", "21.1", home=tmp_path)
    manager = double.resolve.GetProjectManager()
    assert manager.GetCurrentProject().GetName() == "Untitled Project"
    assert manager.SaveProject() is False
    double.build("Film")
    assert manager.SaveProject() is True
    double.faults.save_project = "refused"
    assert manager.SaveProject() is False


def test_42_a_call_may_never_come_back_and_blocks_all_others(scene):
    scene.faults.hang.add("SaveProject")
    answers = []
    calls = [
        lambda: answers.append(scene.resolve.GetProjectManager().SaveProject()),
        lambda: answers.append(scene.timeline.GetName()),
    ]
    threads = [threading.Thread(target=call, daemon=True) for call in calls]
    threads[0].start()
    while scene.double.hanging is None:
        time.sleep(0.001)
    threads[1].start()
    threads[1].join(0.1)
    assert answers == []
    scene.double.release()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, answers)) == ["Cut", "True"]


def test_42_slow_calls_hold_up_everything(scene):
    sleeping, woken = threading.Event(), threading.Event()

    class Waiting(Clock):
        def sleep(self, seconds):
            sleeping.set()
            assert woken.wait(60)

    scene.faults.slow["MediaPoolItem.GetClipProperty"] = 0.1
    scene.double.clock = Waiting()
    media = scene.double.proxy(scene.media)
    slow = threading.Thread(target=media.GetClipProperty)
    slow.start()
    assert sleeping.wait(60)
    answers = []
    other = threading.Thread(target=lambda: answers.append(scene.timeline.GetName()))
    other.start()
    other.join(0.1)
    assert answers == []
    woken.set()
    slow.join()
    other.join()
    assert answers == ["Cut"]


def test_a_dialog_may_block_calls_until_a_person_closes_it(make):
    scene = make("free", "20.3", faults={"modal_blocks": True})
    scene.double.modal = "Save changes?"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(scene.timeline.GetName()), daemon=True)
    thread.start()
    thread.join(0.1)
    assert answers == []
    scene.double.dismiss()
    thread.join(60)
    assert answers == ["Cut"]


def test_resolve_dies_in_the_middle_of_a_call_sequence(scene):
    scene.double.on("MediaPool.GetRootFolder", lambda double: double.die())
    with pytest.raises(ResolveGoneError):
        scene.pool.GetRootFolder()
    assert scene.double.scriptapp("Resolve") is None


def test_the_project_may_be_switched_under_a_job(scene):
    scene.double.on("GetTrackCount", lambda double: double.switch_project("Other"), nth=2)
    assert scene.timeline.GetTrackCount("video") == 2
    assert scene.timeline.GetTrackCount("video") is None
    manager = scene.resolve.GetProjectManager()
    assert manager.GetCurrentProject().GetName() == "Other"
    assert manager.LoadProject("Film").GetCurrentTimeline().GetName() == "Cut"
    assert scene.timeline.GetTrackCount("video") == 2


def test_the_item_may_go_under_a_job(scene):
    scene.double.on(
        "TimelineItem.GetName", lambda double: double.delete_item(scene.item), after=True
    )
    assert scene.clip.GetName() == "A001.mov"
    assert scene.clip.GetName() is None


def test_a_full_disk_fails_jobs_stills_comps_and_saves(scene, tmp_path):
    scene.cut.mask(scene.item, "E = EllipseMask { Inputs = { } }", "E")
    scene.faults.disk_full = True
    project = scene.project
    project.SetCurrentRenderFormatAndCodec("mov", "ProRes422HQ")
    project.SetRenderSettings({"TargetDir": str(tmp_path / "o"), "CustomName": "x"})
    job = project.AddRenderJob()
    project.StartRendering([job], False)
    while project.IsRenderingInProgress():
        pass
    status = project.GetRenderJobStatus(job)
    assert status["JobStatus"] == "Failed"
    assert "No space left" in status["Error"]
    assert project.ExportCurrentFrameAsStill(str(tmp_path / "s.png")) is False
    assert scene.clip.ExportFusionComp(str(tmp_path / "c.comp"), 1) is False
    assert scene.resolve.GetProjectManager().SaveProject() is False
    scene.resolve.Fusion().SetPrefs("Global.X", "1")
    scene.resolve.Fusion().SavePrefs()
    assert not scene.double.prefs_path.exists()


def test_a_folder_may_refuse_to_be_written(scene, tmp_path):
    scene.cut.mask(scene.item, "E = EllipseMask { Inputs = { } }", "E")
    scene.faults.read_only = [str(tmp_path / "locked")]
    (tmp_path / "locked").mkdir()
    assert scene.clip.ExportFusionComp(str(tmp_path / "locked" / "c.comp"), 1) is False
    assert scene.clip.ExportFusionComp(str(tmp_path / "c.comp"), 1) is True


@pytest.mark.parametrize("folder", ["with space", "ünïcödé 映画", 'quote\'s "here"'])
def test_paths_of_every_kind_import_and_render(scene, tmp_path, folder):
    path = clips.write_counted(tmp_path / folder / "clip é.mov", 6)
    media = scene.pool.ImportMedia([str(path)])[0]
    assert media.GetClipProperty("File Path") == str(path)
    lua = scene.double.lua_runtime()
    shown = lua.execute("""
      local pool = resolve:GetProjectManager():GetCurrentProject():GetMediaPool()
      local clips = pool:GetRootFolder():GetClipList()
      return clips[#clips]:GetClipProperty("File Path")
    """)
    assert shown == str(path)


@pytest.mark.parametrize("prefix", [r"\\nas\media", r"C:\Film Média"])
def test_shown_paths_may_be_unc_or_have_a_drive(scene, tmp_path, prefix):
    folder = tmp_path / "share"
    clips.write_counted(folder / "day 1" / "a.mov", 6)
    scene.double.files.map(prefix, folder)
    shown = prefix + r"\day 1\a.mov"
    media = scene.pool.ImportMedia([shown])[0]
    assert media.GetClipProperty("File Path") == shown
    assert media.GetClipProperty("File Name") == "a.mov"
    assert media.GetName() == "a.mov"
    scene.project.SetCurrentRenderFormatAndCodec("mov", "ProRes422HQ")
    scene.project.SetRenderSettings({"TargetDir": prefix + r"\out", "CustomName": "r"})
    job = scene.project.AddRenderJob()
    scene.project.StartRendering([job], False)
    while scene.project.IsRenderingInProgress():
        pass
    assert clips.probe(folder / "out" / "r.mov").frames == 34


def test_two_resolves_are_two_worlds(tmp_path):
    first, second = (Double("free", "21.1", home=tmp_path) for _ in range(2))
    first.build("One")
    second.build("Two")
    assert first.pid != second.pid
    assert first.resolve.GetProjectManager().GetCurrentProject().GetName() == "One"
    assert second.resolve.GetProjectManager().GetCurrentProject().GetName() == "Two"
    assert first.prefs_path == second.prefs_path


def test_faults_begin_healthy():
    healthy = Faults()
    assert not healthy.wedged
    assert healthy.die_after is None
    assert healthy.append == "drop"


def test_states_differ_by_exactly_what_was_done(scene, tmp_path):
    before = scene.double.state()
    scene.timeline.GetName()
    assert difference(before, scene.double.state()) == []
    scene.clip.SetClipColor("Orange")
    changes = difference(before, scene.double.state())
    assert len(changes) == 1
    assert changes[0].endswith(f"{scene.item.id}.color: '' -> 'Orange'")
    scene.clip.ClearClipColor()
    path = clips.write_counted(tmp_path / "n.mov", 6)
    scene.pool.ImportMedia([str(path)])
    changes = difference(before, scene.double.state())
    assert len(changes) == 1
    assert ": new {" in changes[0]
    assert ".root.media." in changes[0]


def test_single_doors_may_fail(scene, tmp_path):
    scene.cut.mask(scene.item, "E = EllipseMask { Inputs = { } }", "E")
    scene.faults.export_comp_fails = True
    assert scene.clip.ExportFusionComp(str(tmp_path / "c.comp"), 1) is False
    path = clips.write_counted(tmp_path / "n.mov", 6)
    scene.faults.import_nothing = True
    assert scene.pool.ImportMedia([str(path)]) == []
    scene.faults.prefs_silent = True
    scene.resolve.Fusion().SavePrefs()
    assert not scene.double.prefs_path.exists()
