"""Tables, tests and files from records whose outcome is known; no model runs."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowanchor_engine.bench import plots, report, tables
from flowanchor_engine.bench.cases import colour_cases
from flowanchor_engine.bench.journal import Journal, Record
from flowanchor_engine.bench.quality import Bench
from flowanchor_engine.bench.studies import Arm, Sizes, Study, all_studies
from flowanchor_engine.bench.tables import COLUMNS
from flowanchor_engine.bench.variants import COMPONENTS, REFERENCES, Variant, variant_set
from flowanchor_engine.clip.atomic import write_text
from flowanchor_engine.errors import OutputError, RequestError
from flowanchor_engine.request import MethodSettings

PLAIN, SAR = COMPONENTS[0], COMPONENTS[3]


def scores(clean, psnr=30.0, leak=False):
    numbers = dict.fromkeys((name for name, column in COLUMNS.items() if not column.share), psnr)
    return {
        **numbers,
        "success": clean or leak,
        "strict": clean,
        "leak": leak,
        "clean": clean,
        "nearest": "red",
    }


class Known(Bench):
    """A bench whose weights are known by name."""

    @property
    def revision(self):
        return "weights"


@pytest.fixture
def bench():
    return Known(Path("model"), MethodSettings(), Journal(None), workers=1)


def fill(bench, cases, variant, cleans, psnr=30.0, error=""):
    for index, (case, clean) in enumerate(zip(cases, cleans, strict=True)):
        raw = scores(clean, psnr + index)
        digest = variant.digest(bench.recommended)
        bench.journal.append(
            Record("weights", case.key, digest, raw, scores(clean, 50.0), 1.5, 10, 5, error)
        )


@pytest.fixture
def study(bench):
    cases = colour_cases(10)
    fill(bench, cases, PLAIN, [True, False] * 5)
    fill(bench, cases, SAR, [True] * 9 + [False], psnr=32.0)
    arms = tuple(Arm(variant.name, variant, cases) for variant in (PLAIN, SAR))
    return Study("s", "Title", "Question.", arms, "plain", pictured=0)


def test_rows_hold_intervals_and_the_paired_test_by_hand(bench, study):
    plain, sar = tables.rows(bench, study)
    assert plain.against is None
    assert (plain.values["clean"].value, sar.values["clean"].value) == (0.5, 0.9)
    assert sar.values["clean"].low == pytest.approx(0.5958, abs=1e-4)
    # Clean with SAR only: cases 1, 3, 5, 7; with plain only: none; both miss case 9.
    assert (sar.against.only_this, sar.against.only_reference) == (4, 0)
    assert sar.against.p == pytest.approx(2 / 16)
    assert sar.against.psnr.value == pytest.approx(2)
    assert (sar.against.psnr.low, sar.against.psnr.high) == (2, 2)


def test_composited_rows_are_the_other_side(bench, study):
    raw, laid = (tables.rows(bench, study, side=side)[0] for side in ("raw", "composited"))
    assert raw.values["ring_psnr_vae"].value == pytest.approx(34.5)
    assert laid.values["ring_psnr_vae"].value == 50


def test_markdown_has_a_cell_for_every_head_and_shows_what_was_measured(bench, study):
    text = tables.markdown(study, tables.rows(bench, study))
    lines = text.splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "0.90 [0.60, 0.98]" in lines[3]
    assert "4 / 0 (0.12)" in lines[3]


def test_a_broken_off_edit_counts_as_not_done_and_is_told(bench):
    cases = colour_cases(2)
    fill(bench, cases[:1], PLAIN, [True])
    failed = {"success": False, "strict": False, "leak": False, "clean": False}
    bench.journal.append(
        Record(
            "weights", cases[1].key, PLAIN.digest(bench.recommended), failed, failed, 1, 1, 0, "x"
        )
    )
    study = Study("s", "T", "Q", (Arm("plain", PLAIN, cases),), "plain")
    (row,) = tables.rows(bench, study)
    assert row.errors == 1
    assert row.values["clean"].value == 0.5
    assert row.values["ring_psnr_vae"].count == 1
    assert "2 (1 broke off)" in tables.markdown(study, [row])


def test_a_missing_edit_is_named(bench, study):
    with pytest.raises(KeyError, match="was not edited as “plain”"):
        bench.record(colour_cases(1, seed=77)[0], PLAIN)


def test_records_are_told_apart_by_switches_not_by_names(bench):
    base = bench.recommended
    assert Variant("a", {"beta1": 0.1}).digest(base) == Variant("b", {"beta1": 0.1}).digest(base)
    assert Variant("a", {"beta1": 0.1}).digest(base) != Variant("a", {"beta1": 0.2}).digest(base)
    assert Variant("a", faithful=True).digest(base) == Variant("a").digest(MethodSettings())
    other = MethodSettings(guidance_source=1)
    assert Variant("a").digest(base) != Variant("a").digest(other)
    assert Variant("a", faithful=True).digest(base) == Variant("a", faithful=True).digest(other)


def test_an_unknown_switch_or_set_is_refused(bench):
    with pytest.raises(RequestError, match="does not have"):
        Variant("x", {"betta": 1}).settings(bench.recommended)
    with pytest.raises(RequestError, match="not a set of variants"):
        variant_set("everything")
    with pytest.raises(RequestError, match="at least one case"):
        report.custom_study((), variant_set("main"))


def test_journal_goes_on_after_a_stop_and_drops_the_line_it_died_in(tmp_path):
    path = tmp_path / "new" / "records.jsonl"
    first = Journal(path)
    cases = colour_cases(3)
    for case in cases:
        raw = {**scores(True), "iou": math.nan}
        first.append(Record("weights", case.key, "d", raw, scores(True), 1.5, 10, 5))
    text = path.read_text()
    path.write_text(text[:-20])
    again = Journal(path)
    assert len(again) == 2
    kept = again.get("weights", cases[0].key, "d")
    assert math.isnan(kept.raw["iou"])
    assert kept.raw["clean"] is True
    assert again.get("weights", cases[2].key, "d") is None
    again.append(Record("weights", cases[2].key, "d", scores(True), scores(True), 1, 1, 1))
    assert len(Journal(path)) == 3
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_journal_of_something_else_is_refused(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"schema": "other"}\nnot json\n')
    with pytest.raises(OutputError, match=r"Line 2 of records\.jsonl"):
        Journal(path)
    folder = tmp_path / "folder.jsonl"
    folder.mkdir()
    with pytest.raises(OutputError, match="cannot be kept"):
        Journal(folder)


def test_every_study_compares_with_an_arm_that_it_has_and_shows_known_columns():
    studies = all_studies(Sizes(cases=24), MethodSettings())
    assert len({study.key for study in studies}) == len(studies)
    for study in studies:
        for group in study.groups:
            members = [arm for arm in study.arms if arm.group == group]
            assert study.reference in [arm.name for arm in members]
            assert len({arm.cases for arm in members}) == 1
            assert len({arm.name for arm in members}) == len(members)
        assert set(study.columns) <= set(COLUMNS)
        for arm in study.arms:
            arm.variant.settings(MethodSettings())


@pytest.mark.slow
def test_the_whole_report_is_written_from_finished_edits(bench, tmp_path):
    sizes = Sizes(cases=6, probed=0)
    rng = np.random.default_rng(0)
    pictures = tmp_path / "pictures"
    bench.pictures = pictures
    for study in all_studies(sizes, bench.recommended):
        for arm in study.arms:
            fill(bench, arm.cases, arm.variant, (rng.random(len(arm.cases)) < 0.7).tolist())
            for case in arm.cases[: study.pictured]:
                file = bench.picture(case, arm.variant)
                file.parent.mkdir(parents=True, exist_ok=True)
                width, height = case.size
                Image.new("RGB", (3 * width, height), (200, 30, 30)).save(file)
    path = report.report(bench, tmp_path / "docs", sizes)
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+\.(?:png|jpg))\)", text):
        with Image.open(path.parent / link) as picture:
            assert picture.width > 300
    assert "SAR against plain: clean" in text
    assert "nan" not in text
    assert "—" not in text
    data = json.loads((path.parent / "quality" / "quality.json").read_text())
    assert data["schema"] == "flowanchor.QualityReport.1"
    assert len(data["studies"]) == len(all_studies(sizes, bench.recommended))
    before = {file: file.read_bytes() for file in sorted(path.parent.rglob("*")) if file.is_file()}
    report.report(bench, tmp_path / "docs", sizes)
    after = {file: file.read_bytes() for file in sorted(path.parent.rglob("*")) if file.is_file()}
    assert before == after, "equal numbers give equal files"


def test_a_report_that_cannot_be_written_leaves_nothing_half_done(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("here")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(blocked / "quality.md", "text")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_variant_keeps_its_colour_in_all_plots():
    assert plots.colour_of("SAR") != plots.colour_of("plain")
    assert plots.colour_of("SAR") == plots.colour_of("SAR")
    assert REFERENCES[0].name == "unedited"
