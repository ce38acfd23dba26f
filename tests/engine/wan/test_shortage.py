"""When memory runs out: one step down, said, and the same pixels."""

from __future__ import annotations

import errno
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from flowanchor_engine import pipeline
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import RamError, VramError
from flowanchor_engine.wan import load, residency
from flowanchor_engine.wan.plan import Plan
from tests.engine.conftest import FilmedShot
from tests.engine.listener import Listener
from tests.engine.running_out import run_out
from tests.engine.wan.conftest import DEMO
from tests.engine.wan.plans import GB, plan_for


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory",
        "MPS backend out of memory (MPS allocated: 18 GB)",
        "Invalid buffer size: 24.57 GiB",
    ],
)
def test_all_wordings_of_full_memory_are_known(words: str) -> None:
    assert residency.out_of_memory(RuntimeError(words))
    assert not residency.out_of_memory(ValueError(words))


def test_other_errors_are_not_taken_for_full_memory() -> None:
    assert residency.out_of_memory(MemoryError())
    assert not residency.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not residency.out_of_memory(VramError("out of memory"))
    with pytest.raises(RuntimeError, match="shapes"):
        residency.within(_fail(RuntimeError("shapes")), plan_for(), lambda plan: None)


def _fail(*errors: BaseException) -> Callable[[], str]:
    left = list(errors)

    def run() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return run


def test_one_step_down_and_no_more() -> None:
    full = torch.OutOfMemoryError("CUDA out of memory.")
    on_card = plan_for(kind="cuda", costs=(("resident", "tiled", 3 * GB),))
    taken: list[Plan] = []
    assert residency.within(_fail(full), on_card, taken.append) == "done"
    assert [(plan.transformer, plan.vae, plan.text) for plan in taken] == [
        ("resident", "tiled", "cpu")
    ]
    with pytest.raises(VramError, match=r"3\.0 GB are needed and 4\.0 GB were free"):
        residency.within(_fail(full, full), on_card, taken.append)
    assert len(taken) == 2
    lowest = plan_for(kind="cuda", transformer="group_offload", vae="tiled")
    with pytest.raises(VramError, match=r"6\.0 GB"):
        residency.within(_fail(full), lowest, taken.append)
    with pytest.raises(RamError):
        residency.within(_fail(full, full), plan_for(), lambda plan: None)
    assert len(taken) == 2


def test_what_the_failed_run_held_is_gone_before_the_next() -> None:
    held: list[weakref.ref[torch.Tensor]] = []
    runs = 0

    def run() -> bool:
        nonlocal runs
        runs += 1
        if runs == 2:
            return held[0]() is None
        big = torch.zeros(1000)
        held.append(weakref.ref(big))
        raise RuntimeError("CUDA out of memory")

    assert residency.within(run, plan_for(), lambda plan: None)


def test_an_edit_steps_down_says_so_and_is_the_same(
    filmed: FilmedShot, editor: Editor, own: Editor, tmp_path: Path
) -> None:
    want = pipeline.edit(filmed.request(), tmp_path / "want.mp4", editor=editor)
    assert own.plan is not None
    assert (own.plan.name, own.plan.vae) == ("processor", "untiled")
    run_out(own.model.vae.decoder.conv_out, 1)
    listener = Listener()
    found = pipeline.edit(filmed.request(), tmp_path / "found.mp4", report=listener, editor=own)
    assert listener.notes.count("plan_lowered") == 1
    assert any("Memory ran out" in note for note in found.notes)
    recipe = json.loads(found.recipe.read_text())["engine"]
    assert recipe["plan"]["vae"] == "tiled"
    assert recipe["vae_tiles"] == "256/192"
    # The picture is smaller than a tile, so not even tiles change it.
    assert found.video.read_bytes() == want.video.read_bytes()


def test_an_edit_that_fits_nowhere_ends_with_the_numbers(
    filmed: FilmedShot, own: Editor, tmp_path: Path
) -> None:
    run_out(own.model.vae.decoder.conv_out, 2)
    with pytest.raises(RamError, match=r"GB are needed and .* GB were free") as caught:
        pipeline.edit(filmed.request(), tmp_path / "out.mp4", editor=own)
    assert caught.value.hint[0] == "save_memory"
    assert list(tmp_path.iterdir()) == []


def test_the_plan_of_a_processor_changes_no_bit(own: Editor, filmed: FilmedShot) -> None:
    from flowanchor_engine.request import Prompts

    bare = Editor(load.load(DEMO))
    frames = torch.as_tensor(filmed.shot.frames).float() / 127.5 - 1
    matte = torch.as_tensor(filmed.shot.mask).float()
    prompts = Prompts(now=filmed.shot.now, wanted=filmed.shot.wanted)
    found = []
    for maker in (bare, own):
        x = maker.encode(frames)
        edited = maker.edit(x, matte, prompts, filmed.request().method, seed=3).latent
        found.append((x, edited, next(maker.decode(edited, 9))))
    assert all(
        torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(*found, strict=True)
    )


def test_a_resident_reader_stays_and_goes_with_the_plan(own: Editor) -> None:
    assert own.plan is not None
    own.texts("a red ball")
    assert own._reader is None
    own.plan = replace(own.plan, text="resident")
    (first,) = own.texts("a blue ball")
    reader = own._reader
    assert reader is not None
    own.texts("a green ball")
    assert own._reader is reader
    own.follow(replace(own.plan, text="stage"))
    assert own._reader is None
    with pytest.raises(RuntimeError, match="closed"):
        reader.encode(["a"])
    own._bundles.clear()
    assert torch.equal(own.texts("a blue ball")[0].embeds, first.embeds)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
        SafetensorError("Cannot allocate memory (os error 12)"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_a_load_that_runs_out_of_memory_steps_down_once(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    whole, tries = load.AutoencoderKLWan.from_pretrained, []

    def first_full(*arguments: object, **options: object) -> object:
        tries.append(arguments)
        if len(tries) == 1:
            raise error
        return whole(*arguments, **options)

    monkeypatch.setattr(load.AutoencoderKLWan, "from_pretrained", first_full)
    _, plan = residency.open_model(DEMO, target=torch.device("cpu"), size=(96, 96), frames=9)
    assert len(tries) == 2
    assert plan.vae == "tiled"
