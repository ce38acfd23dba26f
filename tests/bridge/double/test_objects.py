"""Behaviours 1-9 of the double: proxies, gates, bad arguments, shapes of answers."""

from __future__ import annotations

import pytest

from tests.doubles.resolve import MATRIX, Double, PyRemoteObject, ResolveGoneError, signatures
from tests.doubles.resolve import versions as table
from tests.doubles.resolve.app import MediaStorage, ProjectManager, ResolveApp
from tests.doubles.resolve.comp import FusionComp
from tests.doubles.resolve.comp_tools import Input, Operator, Output
from tests.doubles.resolve.fusion_app import FusionApp
from tests.doubles.resolve.graph import Graph
from tests.doubles.resolve.item import TimelineItem
from tests.doubles.resolve.mediaitem import MediaPoolItem
from tests.doubles.resolve.mediapool import Folder, MediaPool
from tests.doubles.resolve.project import Project
from tests.doubles.resolve.timeline import Timeline

HANDLES = (
    ResolveApp, ProjectManager, MediaStorage, Project, MediaPool, Folder, MediaPoolItem, Timeline,
    TimelineItem, Graph, FusionApp, FusionComp, Operator, Input, Output,
)  # fmt: skip


def written(handle):
    return [name for name in dir(handle) if name[0].isupper()]


@pytest.mark.parametrize("handle", HANDLES, ids=lambda h: h.owner)
def test_every_method_of_the_double_is_one_of_the_vendors_with_its_parameter_count(handle):
    import inspect

    for name in written(handle):
        qualified = f"{handle.owner}.{name}"
        if qualified in table.YOUNGER_THAN_STUB:
            continue
        signature = signatures.table()[handle.owner].get(name)
        assert signature is not None, f"{qualified} is not in the stub"
        parameters = list(inspect.signature(getattr(handle, name)).parameters.values())[1:]
        open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if signature.most is None or open_ended or name == "StartRendering":
            continue
        assert len(parameters) == signature.most, qualified


def test_the_version_table_names_only_methods_of_the_stub_or_younger_ones():
    for name in table.SINCE:
        owner, method = name.split(".")
        known = method == "*" or signatures.known(owner, method)
        assert known or name in table.YOUNGER_THAN_STUB, name
        assert not (known and method != "*" and name in table.YOUNGER_THAN_STUB), name


def test_01_hasattr_is_always_true_and_unknown_reads_none(scene):
    assert hasattr(scene.timeline, "NoSuchThing")
    assert scene.timeline.NoSuchThing is None
    with pytest.raises(TypeError):
        scene.timeline.NoSuchThing()
    assert "Timeline.NoSuchThing" in scene.double.invented


def test_01_fabricated_callables_answer_none(make):
    scene = make(faults={"fabricated": True})
    assert callable(scene.timeline.NoSuchThing)
    assert scene.timeline.NoSuchThing() is None
    assert scene.double.calls.unknown() == ["Timeline has no method NoSuchThing"]


def test_02_dir_lists_methods_without_constants_of_export(scene):
    scene.cut.mask(scene.item, "Ellipse1 = EllipseMask { Inputs = { } }", "Ellipse1")
    assert "GetTrackCount" in dir(scene.timeline)
    assert "GetSelectedClips" in dir(scene.timeline)
    shown = dir(scene.resolve)
    assert scene.resolve.EXPORT_AAF is not None
    assert not [name for name in shown if name.startswith("EXPORT_")]
    tool = scene.clip.GetFusionCompByIndex(1).FindTool("Ellipse1")
    assert "GetInput" in dir(tool)
    assert callable(tool.GetAttrs)
    assert not {"GetAttrs", "SetAttrs"} & set(dir(tool))


def test_03_every_call_gives_a_new_proxy_and_only_ids_are_equal(scene):
    first, second = (scene.timeline.GetItemListInTrack("video", 1)[0] for _ in range(2))
    assert isinstance(first, PyRemoteObject)
    assert first is not second
    assert first != second
    assert first.GetUniqueId() == second.GetUniqueId()


def test_04_a_handle_of_something_deleted_answers_none_and_false(scene):
    scene.double.delete_item(scene.item)
    assert scene.clip.GetName() is None
    assert scene.clip.SetClipColor("Orange") is False
    scene.faults.stale = "raise"
    with pytest.raises(ResolveGoneError):
        scene.clip.GetName()


def test_04_resolve_dies_after_n_calls(scene):
    scene.faults.die_after = 2
    assert scene.timeline.GetName() == "Cut"
    assert scene.timeline.GetStartFrame() == 86400
    with pytest.raises(ResolveGoneError):
        scene.timeline.GetName()
    scene.faults.death = "none"
    assert scene.timeline.GetName() is None


def test_05_scriptapp_is_none_and_never_raises_where_it_cannot_work():
    assert Double("free", "19.1").scriptapp("Resolve") is None
    assert Double("studio", "19.1", external_scripting=False).scriptapp("Resolve") is None
    studio = Double("studio", "19.1")
    assert studio.scriptapp("Resolve").GetProductName() == "DaVinci Resolve Studio"
    studio.die()
    assert studio.scriptapp("Resolve") is None
    assert Double("free", "21.1").menu_python is None
    assert Double("free", "21.0.4").menu_python.GetProductName() == "DaVinci Resolve"


def test_05_a_stale_scripting_process_answers_with_dead_handles(make):
    scene = make()
    scene.faults.dead_handles = True
    resolve = scene.double.scriptapp("Resolve")
    assert resolve is not None
    assert resolve.GetProductName() is None
    assert resolve.GetProjectManager() is None


@pytest.mark.parametrize(("edition", "version"), MATRIX)
def test_06_methods_exist_from_their_version_on(make, edition, version):
    scene = make(edition, version)
    since = {
        "GetIsTrackEnabled": "18.5",
        "GetNodeGraph": "19.0",
        "GetMarkInOut": "19.1",
        "GetSelectedClips": "21.0.4",
        "GetSettings": "21.1",
    }
    for name, first in since.items():
        present = table.Version.parse(version).has(first)
        assert callable(getattr(scene.timeline, name)) is present, name
        assert (name in dir(scene.timeline)) is present
    assert callable(scene.timeline.ApplyGradeFromDRX) is (version == "18.5")
    assert scene.resolve.GetVersion()[:2] == [int(part) for part in version.split(".")[:2]]
    assert scene.resolve.OpenPage("photo") is table.Version.parse(version).has("21.0.4")


def test_06_free_answers_studio_calls_with_false_and_a_dialog_that_stays(make):
    scene = make("free", "20.3")
    assert scene.clip.CreateMagicMask("F") is False
    assert scene.timeline.GetName() is False
    assert scene.timeline.GetTrackCount("video") is False
    scene.double.dismiss()
    assert scene.timeline.GetName() == "Cut"


def test_06_the_ui_manager_is_gone_on_free_from_19_1(make):
    scene = make("free", "19.1")
    assert scene.resolve.Fusion().UIManager is None
    assert scene.double.modal
    assert make("free", "18.5").resolve.Fusion().UIManager is not None
    assert make("studio", "21.1").resolve.Fusion().UIManager is not None


def test_08_bad_arguments_are_silently_refused(scene):
    assert scene.timeline.GetTrackCount("video", 1, 2) is None
    assert scene.timeline.SetTrackName("video", "1", "x") is False
    assert scene.timeline.SetTrackName("video") is False
    assert scene.timeline.GetItemListInTrack("video", 99) is None
    assert scene.project.GetTimelineByIndex(0) is None
    assert scene.timeline.SetTrackName("video", 1.0, "x") is True


def test_08_dicts_keyed_by_constants_refuse_strings(scene):
    clips = [scene.double.proxy(scene.media)] * 2
    resolve = scene.resolve
    assert scene.pool.AutoSyncAudio(clips, {"AUDIO_SYNC_MODE": 1}) is False
    settings = {resolve.AUDIO_SYNC_MODE: resolve.AUDIO_SYNC_TIMECODE}
    assert scene.pool.AutoSyncAudio(clips, settings) is True


def test_09_lists_may_be_none_and_old_methods_count_from_one_in_floats(scene):
    assert scene.timeline.GetItemListInTrack("video", 2) == []
    scene.faults.empty_as_none = True
    assert scene.timeline.GetItemListInTrack("video", 2) is None
    old = scene.timeline.GetItemsInTrack("video", 1)
    assert list(old) == [1.0]
    assert isinstance(next(iter(old)), float)


def test_the_log_holds_every_call_with_its_answer(scene):
    scene.timeline.SetTrackName("video", 1, "A")
    call = scene.double.calls[-1]
    assert (call.name, call.args, call.result) == (
        "Timeline.SetTrackName", ("video", 1, "A"), True,
    )  # fmt: skip
    assert scene.double.calls.unknown() == []
