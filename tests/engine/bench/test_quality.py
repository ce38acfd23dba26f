"""The runner on the embedded model: few steps, small clips, real edits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from flowanchor_engine import models
from flowanchor_engine.bench import quality as module
from flowanchor_engine.bench import report
from flowanchor_engine.bench.cases import Case
from flowanchor_engine.bench.journal import Journal
from flowanchor_engine.bench.quality import Bench, SourceMemory, run_case
from flowanchor_engine.bench.score import composited
from flowanchor_engine.bench.variants import COMPONENTS, REFERENCES, Variant

PLAIN, SAR = COMPONENTS[0], COMPONENTS[3]
CASES = tuple(Case(900 + index, size=(96, 96), frames=5) for index in range(2))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def settings():
    return models.recommended("demo").model_copy(update={"steps": 4, "skip_share": 0.0})


def bench_of(settings, journal=None, **more):
    return Bench(models.folder("demo"), settings, Journal(journal), workers=1, **more)


def test_driving_words_are_the_edited_thing_in_the_wanted_text():
    shot = Case(5, objects=3).shot()
    (span,) = shot.prompts.drive
    assert shot.wanted[span.start : span.stop] == shot.changed_words


@pytest.mark.slow
def test_two_cases_end_to_end_with_sheet_json_and_resume(settings, tmp_path, monkeypatch):
    told = []
    json_path, sheet = tmp_path / "q.json", tmp_path / "q.png"
    study = report.custom_study(CASES, (PLAIN, SAR))
    bench = bench_of(
        settings,
        json_path.with_suffix(".jsonl"),
        pictures=tmp_path / "pictures",
        on_done=lambda done, total: told.append((done, total)),
    )
    rows = report.quality(bench, study, json_path=json_path, sheet_path=sheet)
    assert [row.name for row in rows] == ["unedited", "plain", "SAR", "truth"]
    assert told[-1] == (8, 8)
    by_name = {row.name: row for row in rows}
    assert by_name["unedited"].values["success"].value == 0
    assert by_name["truth"].values["clean"].value == 1
    with Image.open(sheet) as picture:
        assert picture.width > 4 * 3 * 96
    plain, sar = (bench.record(CASES[0], variant) for variant in (PLAIN, SAR))
    assert sar.saved >= plain.saved + 4, "the second variant reuses the source's velocities"
    assert plain.raw["ring_psnr_vae"] != sar.raw["ring_psnr_vae"]
    assert sar.composited["background_psnr"] > sar.raw["background_psnr"]

    # A second run makes nothing; with one line lost it makes that edit alone.
    made = []
    monkeypatch.setattr(
        module, "run_case", lambda task: made.append(len(task.variants)) or run_case(task)
    )
    journal = json_path.with_suffix(".jsonl")
    again = bench_of(settings, journal, pictures=tmp_path / "pictures")
    written = json_path.read_bytes()
    report.quality(again, study, json_path=json_path, sheet_path=sheet)
    assert made == []
    assert json_path.read_bytes() == written
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]))
    report.quality(bench_of(settings, journal), study, json_path=json_path)
    assert made == [1]


@pytest.mark.slow
def test_an_edit_is_the_same_alone_and_after_others(settings):
    digest = SAR.digest(settings)
    task = module._Task(CASES[0], ((SAR, digest),), str(models.folder("demo")), "r", settings, None)
    (alone,) = run_case(task)
    shared = replace(task, variants=((PLAIN, PLAIN.digest(settings)), (SAR, digest)))
    _, after = run_case(shared)
    assert after.saved > alone.saved
    assert after.raw == alone.raw


@pytest.mark.slow
def test_variants_with_other_noise_do_not_share_velocities(settings):
    other = Variant("shared noise", {"sar": True, "gamma": 0.0, "noise": "shared"})
    task = module._Task(
        CASES[0],
        ((PLAIN, "a"), (other, "b")),
        str(models.folder("demo")),
        "r",
        settings,
        None,
    )
    first, second = run_case(task)
    assert second.forwards == first.forwards


def test_an_edit_that_leaves_the_numbers_is_a_failed_case_not_a_failed_run(settings, monkeypatch):
    from flowanchor_engine.editor import Editor
    from flowanchor_engine.errors import LatentsNonFiniteError

    def explode(*_, **__):
        raise LatentsNonFiniteError("The edit left the range of numbers.")

    monkeypatch.setattr(Editor, "edit", explode)
    bench = bench_of(settings)
    bench.run(CASES[:1], (PLAIN,))
    record = bench.record(CASES[0], PLAIN)
    assert record.error == "latents_nonfinite"
    assert record.raw["success"] is False


def test_composites_keep_the_source_beyond_the_border_and_the_edit_inside():
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (9, 96, 96, 3), dtype=np.uint8)
    edited = 255 - source
    matte = np.zeros((9, 96, 96), np.float32)
    matte[2:4, 40:60, 40:60] = 1
    laid = composited(edited, source, matte)
    assert np.array_equal(laid[:, :34], source[:, :34])
    assert np.array_equal(laid[2:4, 42:58, 42:58], edited[2:4, 42:58, 42:58])
    assert np.array_equal(laid[:2], source[:2]), "nothing before the matte"
    assert not np.array_equal(laid[4], source[4]), "the causal VAE's tail fades out"
    assert np.array_equal(laid[8], source[8])


def test_the_border_of_a_composite_is_a_ramp():
    source = np.zeros((5, 256, 256, 3), np.uint8)
    edited = np.full_like(source, 200)
    matte = np.zeros((5, 256, 256), np.float32)
    matte[:, 100:150, 100:150] = 1
    line = composited(edited, source, matte)[0, 125, 140:170, 0].astype(int)
    assert line[0] == 200
    assert line[-1] == 0
    assert ((line > 0) & (line < 200)).any()
    assert (np.diff(line) <= 0).all()


def test_memory_answers_only_what_was_put():
    from flowanchor_engine.method.schedule import build
    from flowanchor_engine.method.trajectory import Branch
    from flowanchor_engine.method.windows import plan_windows
    from flowanchor_engine.request import MethodSettings

    steps = build(MethodSettings(steps=4, skip_share=0)).steps
    (window,) = plan_windows(3)
    memory = SourceMemory()
    value = torch.ones(1)
    memory.put(steps[0], 0, window, Branch.SOURCE_COND, value)
    assert memory.get(steps[0], 0, window, Branch.SOURCE_COND) is value
    assert memory.get(steps[0], 1, window, Branch.SOURCE_COND) is None
    assert memory.get(steps[1], 0, window, Branch.SOURCE_COND) is None
    assert memory.get(steps[0], 0, window, Branch.SOURCE_UNCOND) is None


@pytest.mark.slow
def test_two_processes_give_the_same_records_as_one(settings):
    pooled, single = bench_of(settings), bench_of(settings)
    pooled.workers = 2
    for bench in (pooled, single):
        bench.run(CASES, (*REFERENCES, SAR))
    for case in CASES:
        for variant in (*REFERENCES, SAR):
            mine, theirs = pooled.record(case, variant), single.record(case, variant)
            assert np.allclose(
                [float(v) for v in mine.raw.values() if not isinstance(v, str)],
                [float(v) for v in theirs.raw.values() if not isinstance(v, str)],
                rtol=1e-3,
                equal_nan=True,
            )
            assert mine.forwards == theirs.forwards


@pytest.mark.slow
def test_a_killed_benchmark_leaves_no_worker_behind(tmp_path):
    import os
    import subprocess
    import sys
    import time
    from pathlib import Path

    import psutil

    script = tmp_path / "pool.py"
    script.write_text(
        "import multiprocessing, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from flowanchor_engine.bench.quality import _start_worker\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(\n"
        "        1, multiprocessing.get_context('spawn'), initializer=_start_worker\n"
        "    )\n"
        "    pool.submit(abs, 1).result()\n"
        "    print('ready', flush=True)\n"
        "    pool.submit(time.sleep, 600)\n"
        "    time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 240
    while any(worker.is_running() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(worker.is_running() for worker in workers)
