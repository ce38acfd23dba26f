"""The route `render`: exactly the clip, decoded and counted, and Resolve as it was."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge import render, render_codecs
from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.link import ModalError
from resolve_bridge.errors.render import (
    CancelledError,
    DiskError,
    RenderBusyError,
    RenderCodecError,
    RenderFailedError,
    RenderMismatchError,
    RenderSetupError,
    RenderStalledError,
)
from resolve_bridge.errors.shot import HostChangedError
from resolve_bridge.extract import Look, picture_box
from resolve_bridge.kinds import sequence_files
from resolve_bridge.shot import ItemKind, Note, Retime, Route
from tests.bridge.host.links import Link, agent_link, direct_link, roads, studio_link
from tests.doubles.resolve import Double, Faults, clips, difference

SIZE = (256, 144)


def retimed(edition: str, version: str, tmp: Path, **options: Any) -> Double:
    """A reversed clip between neighbours, with everything set that a render could disturb."""
    double = Double(
        edition, version, home=tmp / "home", speed=options.pop("speed", 25.0), **options
    )
    film = double.build("Film", rate="24", size=SIZE)
    film.folder("Rushes")
    first = film.video("A001.mov", frames_count=60)
    second = film.video("A002.mov", frames_count=60)
    cut = film.timeline("Cut", start="01:00:00:00", video=3)
    cut.put(second, at=0, left=2, frames_count=40, track=2)
    cut.put(second, at=0, frames_count=8)
    item = cut.put(first, at=10, left=30, frames_count=12, speed=-1)
    item.props.update({"ZoomX": 2.5, "ZoomY": 2.5, "Pan": 40.0, "Opacity": 30.0, "CropTop": 60.0})
    cut.title("Text", at=0, frames_count=40, track=3)
    cut.disable_track(3)
    cut.lock_track(3)
    cut.marks(2, 30)
    cut.playhead(14)
    film.deliver("mp4", "H264", TargetDir="/user/renders", FormatWidth=320, FormatHeight=180)
    film.foreign_job()
    double.page = "color"
    return double


def the_item(double: Double) -> Any:
    assert double.timeline is not None
    return next(i for i in double.timeline.tracks["video"][0].items if i.speed == -1)


def changed(before: dict[str, Any], double: Double) -> list[str]:
    """What differs, less the agent's scratch and the name of the preset loaded last."""
    return [
        line
        for line in difference(before, double.state())
        if not line.startswith(("prefs", "data")) and ".render.preset:" not in line
    ]


def next_user_job(double: Double) -> dict[str, Any]:
    """What the user's next render would be: on 18.5 the hidden settings show nowhere else."""
    project = double.resolve.GetProjectManager().GetCurrentProject()
    job = project.AddRenderJob()
    shown = next(each for each in project.GetRenderJobList() if each["JobId"] == job)
    project.DeleteRenderJob(job)
    return {k: v for k, v in shown.items() if k not in ("JobId", "RenderJobName")}


@pytest.mark.parametrize(("road", "edition", "version"), roads())
def test_a_reversed_clip_is_rendered_and_all_is_as_before(
    road: str, edition: str, version: str, tmp_path: Path
) -> None:
    double = retimed(edition, version, tmp_path)
    hidden = next_user_job(double)
    before = double.state()
    with (agent_link if road == "agent" else studio_link)(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        if version == "18.5":  # nothing tells there: the person is asked, and says yes
            assert (shot.retime, Note.RETIME_ASK in shot.notes) == (Retime.UNKNOWN, True)
            shot = shot.rendered()
        assert shot.route is Route.RENDER
        assert shot.retime in (Retime.REVERSED, Retime.CHANGED)
        seen: list[tuple[str, int, int]] = []
        extract = link.host.extract(shot, report=lambda *step: seen.append(step))
    files = sequence_files(extract.path) or (Path(extract.path),)
    assert clips.numbers(files[0]) == list(range(30, 18, -1)), "exactly these frames, reversed"
    assert (extract.first, extract.count, extract.rate) == (0, 12, 24)
    assert (extract.width, extract.height, extract.box) == (*SIZE, (0, 0, *SIZE))
    assert (extract.grade, extract.transform) == (Look.BAKED, Look.COPY)
    assert {"duplicate", "check"} <= {phase for phase, _, _ in seen}
    left = changed(before, double)
    if double.version.has("19.1"):
        assert left == []
    else:
        assert all(".render.settings" in line for line in left), left
    assert next_user_job(double) == hidden
    assert double.calls.unknown() == []
    starts = double.calls.of("Project.StartRendering")
    assert [len(call.args[0]) for call in starts] == [1], "foreign jobs are never started"
    assert all(job.status == "Ready" for job in double.project.render.jobs)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "POLL_S", 0.02)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    """Little patience, for renders that are not meant to end well."""
    limits = {"start_s": 1.0, "stall_s": 1.5}
    monkeypatch.setattr(
        render.render_shot, "__kwdefaults__", {**render.render_shot.__kwdefaults__, **limits}
    )


FAULTS: list[tuple[str, Faults, type[BridgeError]]] = [
    ("wedged", Faults(wedged=True), RenderStalledError),
    ("error", Faults(render_error="GPU memory is full"), RenderFailedError),
    ("no file", Faults(complete_without_file=True), RenderFailedError),
    ("short", Faults(render_short=1), RenderMismatchError),
    ("job ''", Faults(add_job="empty"), RenderSetupError),
    ("job None", Faults(add_job="none"), RenderSetupError),
]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("faults", "error"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_failed_render_says_so_and_leaves_nothing(
    faults: Faults, error: type[BridgeError], tmp_path: Path
) -> None:
    double = retimed("free", "20.3", tmp_path, faults=faults, locale="de")
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        with pytest.raises(error) as caught:
            link.host.extract(shot)
    assert caught.value.hint
    assert faults.render_error in caught.value.detail
    assert changed(before, double) == []


class Later:
    """Time in which three seconds pass between two looks at the queue."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _seconds: float) -> None:
        self.now += 3.0


def test_a_render_that_ends_between_two_answers_has_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its percentage is of before, and the queue has come to rest since."""
    double = retimed("free", "20.3", tmp_path)
    monkeypatch.setattr(render, "time", Later())

    def pause(double: Double) -> None:  # one frame takes long
        double.faults.wedged = True
        double.on("Project.GetRenderJobStatus", end, after=True)

    def end(double: Double) -> None:
        double.faults.wedged = False
        while double.engine.busy:
            double.tick()

    double.on("Project.GetRenderJobStatus", pause, after=True)
    with direct_link(double, tmp_path) as link:
        extract = link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert extract.count == 12


def test_a_render_that_stops_half_way_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = retimed("free", "20.3", tmp_path)
    monkeypatch.setattr(render, "time", Later())
    double.on("Project.IsRenderingInProgress", lambda d: d.engine.cancel(), nth=3)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        with pytest.raises(RenderFailedError) as caught:
            link.host.extract(shot)
    assert "stopped at" in caught.value.detail


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("locale", ["es", "pt", "ru", "de"])
def test_completion_does_not_depend_on_the_language(locale: str, tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path, locale=locale)
    with direct_link(double, tmp_path) as link:
        extract = link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert clips.numbers(Path(extract.path))[0] == 30


@pytest.mark.usefixtures("quick")
def test_nested_outputs_are_found(tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path, faults=Faults(nested_output=True))
    with direct_link(double, tmp_path) as link:
        extract = link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert len(clips.numbers(Path(extract.path))) == 12


@pytest.mark.usefixtures("quick")
def test_an_unknown_format_is_no_obstacle(tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path, faults=Faults(format_unknown=True))
    with direct_link(double, tmp_path) as link:
        extract = link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert extract.count == 12


@pytest.mark.usefixtures("quick")
def test_audio_only_presets_do_not_leak_in(tmp_path: Path) -> None:
    double = retimed("free", "20.3", tmp_path)
    project = double.resolve.GetProjectManager().GetCurrentProject()
    assert project.LoadRenderPreset("Audio Only")
    before = double.state()
    with direct_link(double, tmp_path) as link:
        extract = link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert clips.numbers(Path(extract.path))[0] == 30
    assert [line for line in changed(before, double) if "audio_only" in line] == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("version", ["18.5", "20.3", "21.1"])
def test_a_resolve_that_wants_its_deliver_page_open_gets_it(version: str, tmp_path: Path) -> None:
    double = retimed("free", version, tmp_path, faults=Faults(needs_deliver=True))
    hidden = next_user_job(double)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        extract = link.host.extract(shot.rendered())
    assert clips.numbers(Path(extract.path))[0] == 30
    assert double.page == "color"
    assert next_user_job(double) == hidden
    assert [line for line in changed(before, double) if ".render.settings" not in line] == []


@pytest.mark.usefixtures("quick")
def test_deliver_is_not_opened_where_nothing_asks_for_it(tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path)
    with direct_link(double, tmp_path) as link:
        link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert "deliver" not in [call.args[0] for call in double.calls.of("Resolve.OpenPage")]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("ours", ["first", "last"])
def test_a_project_of_many_timelines_is_put_back_as_well(ours: str, tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path)
    others = [double.new_timeline(double.project, f"Reel {n}") for n in range(410)]
    for made in others:  # the maker has put them at the end
        if made not in double.project.timelines:
            double.project.timelines.append(made)
    if ours == "last":
        double.project.timelines.append(double.project.timelines.pop(0))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert changed(before, double) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("numbers", ["str", "float"])
def test_numbers_of_a_job_may_be_told_in_any_form(numbers: str, tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path, faults=Faults(job_numbers=numbers))
    with direct_link(double, tmp_path) as link:
        extract = link.host.extract(link.host.shot(item_id=the_item(double).id))
    assert extract.count == 12


@pytest.mark.usefixtures("quick")
def test_a_dialog_in_the_middle_is_named_and_survived(tmp_path: Path) -> None:
    double = retimed("free", "20.3", tmp_path, faults=Faults(modal_mid_render=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        with pytest.raises(ModalError):
            link.host.extract(shot)
        assert changed(before, double) != []  # nothing can be put back under a dialog
        double.dismiss()
        double.faults.modal_mid_render = False
        assert link.host.connect().recovered, "the journal remembers"
    assert changed(before, double) == []


@pytest.mark.usefixtures("quick")
def test_resolve_dying_mid_render_is_put_right_at_the_next_start(tmp_path: Path) -> None:
    double = retimed("free", "20.3", tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        double.on("Project.StartRendering", lambda d: d.die())
        with pytest.raises(BridgeError):
            link.host.extract(shot)
    double.dead = False
    with direct_link(double, tmp_path):
        assert changed(before, double) == []


@pytest.mark.usefixtures("quick")
def test_cancelling_stops_the_render(tmp_path: Path) -> None:
    double = retimed("free", "20.3", tmp_path)
    before = double.state()
    calls = iter(range(100))

    def check() -> None:
        if next(calls) > 1:
            raise CancelledError

    double.faults.wedged = True
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        with pytest.raises(CancelledError):
            link.host.extract(shot, check=check)
    assert changed(before, double) == []


def test_the_users_own_render_is_left_alone(tmp_path: Path) -> None:
    double = retimed("free", "20.3", tmp_path, faults=Faults(wedged=True))
    project = double.resolve.GetProjectManager().GetCurrentProject()
    assert project.StartRendering()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        with pytest.raises(RenderBusyError):
            link.host.extract(shot)
    assert double.calls.of("Project.StopRendering") == []


def test_a_moved_clip_is_not_rendered(tmp_path: Path) -> None:
    double = retimed("free", "20.3", tmp_path)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        the_item(double).start += 1
        with pytest.raises(HostChangedError):
            link.host.extract(shot)
    assert double.calls.of("Timeline.DuplicateTimeline") == []


def test_no_codec_of_ours_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double = retimed("free", "20.3", tmp_path)
    before = double.state()
    monkeypatch.setattr(render_codecs, "CODECS", (("mov", ("NoSuchCodec",)),))
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        with pytest.raises(RenderCodecError):
            link.host.extract(shot)
    assert changed(before, double) == []


def test_a_full_disk_is_said_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = retimed("free", "20.3", tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        usage = type("Usage", (), {"free": 100})
        monkeypatch.setattr("resolve_bridge.extract.shutil.disk_usage", lambda _path: usage)
        with pytest.raises(DiskError, match=r"0\.0 GB free"):
            link.host.extract(shot)
    assert changed(before, double) == []
    assert double.calls.of("Project.AddRenderJob") == []


# Kinds ------------------------------------------------------------------------------------------


def kind_scene(tmp: Path, kind: str) -> tuple[Double, Any]:
    double = Double("studio", "21.1", home=tmp / "home", speed=25.0)
    film = double.build("Film", rate="24", size=SIZE)
    first = film.video("A001.mov", frames_count=60)
    inner = film.timeline("Inner", video=1)
    inner.put(first, at=0, left=7, frames_count=40)
    cut = film.timeline("Cut", start="01:00:00:00", video=3)
    cut.put(first, at=0, frames_count=40)
    match kind:
        case "compound":
            item = cut.put(film.compound("C1", first), at=4, left=3, frames_count=10, track=2)
        case "nested":
            item = cut.put(film.nested(inner), at=4, left=3, frames_count=10, track=2)
        case "multicam":
            item = cut.put(film.multicam("M1", first), at=4, left=3, frames_count=10, track=2)
        case "fusion_clip":
            item = cut.put(film.fusion_clip("F1", first), at=4, left=3, frames_count=10, track=2)
        case "title":
            item = cut.title("Text", at=4, frames_count=10, track=2)
        case "generator":
            item = cut.generator(at=4, frames_count=10, track=2)
        case "adjustment":
            item = cut.adjustment(at=4, frames_count=10, track=2)
        case _:
            item = cut.fusion_composition(at=4, frames_count=10, track=2)
            double.proxy(item).AddFusionComp()
    return double, item


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("compound", ItemKind.COMPOUND),
        ("nested", ItemKind.NESTED),
        ("multicam", ItemKind.MULTICAM),
        ("fusion_clip", ItemKind.OTHER_MEDIA),
        ("title", ItemKind.GENERATED),
        ("generator", ItemKind.GENERATED),
        ("adjustment", ItemKind.GENERATED),
        ("fusion_composition", ItemKind.COMPOSITION),
    ],
)
def test_what_has_no_file_is_rendered(kind: str, found: ItemKind, tmp_path: Path) -> None:
    double, item = kind_scene(tmp_path, kind)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=item.id)
        assert (shot.kind, shot.route) == (found, Route.RENDER)
        extract = link.host.extract(shot)
    assert extract.count == 10
    assert changed(before, double) == []
    if found in (ItemKind.GENERATED, ItemKind.COMPOSITION):
        assert Note.WHOLE_PICTURE in shot.notes
        assert extract.box is None
        assert extract.transform is Look.BAKED


def test_boxes_follow_the_scaling() -> None:
    assert picture_box((200, 100), (100, 100), "fit") == (0, 25, 100, 50)
    assert picture_box((200, 100), (100, 100), "fill") == (-50, 0, 200, 100)
    assert picture_box((200, 100), (100, 100), "stretch") == (0, 0, 100, 100)
    assert picture_box((200, 100), (100, 100), "crop") == (-50, 0, 200, 100)
    assert picture_box((200, 100), (100, 100), "no such word") is None
    assert picture_box((0, 0), (100, 100), "fit") is None


def test_two_threads_take_turns(tmp_path: Path) -> None:
    double = retimed("free", "21.1", tmp_path)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot(item_id=the_item(double).id)
        looks: list[str] = []
        watcher = threading.Thread(target=lambda: looks.append(link.host.watch().timeline_id))
        done: list[Link] = []

        def report(phase: str, _done: int, _total: int) -> None:
            if phase == "duplicate":
                watcher.start()

        link.host.extract(shot, report=report)
        done.append(link)
        watcher.join(60)
    assert looks == [shot.timeline.timeline_id], "never the helper timeline"
