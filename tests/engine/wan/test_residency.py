"""Memory plans: chosen by numbers that hold on the real shapes, and really applied."""

from __future__ import annotations

import errno
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from torch._subclasses.fake_tensor import FakeTensorMode

from flowanchor_engine import models, pipeline
from flowanchor_engine.editor import Editor
from flowanchor_engine.errors import Cancelled, GuardError, RamError, VramError
from flowanchor_engine.method import schedule, trajectory
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan import latents, load, residency
from flowanchor_engine.wan.facts import WanFacts
from flowanchor_engine.wan.footprint import RESERVE_BYTES, LiveBytes, elements, footprint
from flowanchor_engine.wan.plan import Budget, Plan, allowed_attention, choose, step_down
from flowanchor_engine.wan.velocity import WanVelocity, asking
from tests.engine.conftest import FilmedShot
from tests.engine.pipeline.test_edit import Listener
from tests.engine.wan.conftest import DEMO, make_bundle, make_model, make_transformer

GB = 10**9
VAE_21 = {"base_dim": 96, "z_dim": 16}
VAE_5B = {
    "base_dim": 160,
    "decoder_base_dim": 256,
    "z_dim": 48,
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
    "latents_mean": [0.0] * 48,
    "latents_std": [1.0] * 48,
}


def published(root: Path, name: str) -> WanFacts:
    """Facts of a published model whose files are headers alone."""
    heads, ffn, layers, count, experts, vae = {
        "1.3B": (12, 8960, 30, 1_418_996_800, ("transformer",), VAE_21),
        "14B": (40, 13824, 40, 14_288_491_584, ("transformer",), VAE_21),
        "A14B": (40, 13824, 40, 14_288_491_584, ("transformer", "transformer_2"), VAE_21),
        "5B": (24, 14336, 30, 4_999_787_712, ("transformer",), VAE_5B),
    }[name]
    sizes = {**dict.fromkeys(experts, count), "vae": 126_892_531, "text_encoder": 5_680_910_336}
    for part, number in sizes.items():
        (root / part).mkdir(parents=True, exist_ok=True)
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        header = json.dumps(
            {"w": {"dtype": "BF16", "shape": [number], "data_offsets": [0, 2 * number]}}
        ).encode()
        (root / part / f"{stem}.safetensors").write_bytes(
            len(header).to_bytes(8, "little") + header
        )
    (root / "vae" / "config.json").write_text(json.dumps(vae))
    small = name == "5B"
    return WanFacts(
        folder=root,
        family="wan2.1-t2v",
        latent_channels=48 if small else 16,
        temporal_stride=4,
        spatial_stride=16 if small else 8,
        patch=2,
        text_width=4096,
        layers=layers,
        heads=heads,
        head_width=128,
        feed_forward=ffn,
        experts=experts,
        boundary_sigma=0.875 if len(experts) == 2 else None,
        expand_timesteps=small,
        shift=5.0,
        rope_max=1024,
        weight_bytes={part: 2 * number for part, number in sizes.items()},
    )


def card(free_gb: float, capability: tuple[int, int] | None = (8, 9), ram_gb: float = 64) -> Budget:
    free = int(free_gb * GB)
    return Budget("cuda", free, free, int(ram_gb * GB), capability)


def chosen(facts: WanFacts, budget: Budget, frames: int = 81, **options: Any) -> Plan:
    return choose(facts, budget, size=(832, 480), frames=frames, **options)


# ---- choosing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "free_gb", "name", "transformer", "text", "vae"),
    [
        ("1.3B", 5.2, "6-8 GB", "group_offload", "cpu", "tiled"),
        ("1.3B", 7.4, "6-8 GB", "resident", "cpu", "tiled"),
        ("1.3B", 11.3, "12 GB", "resident", "cpu", "tiled"),
        ("1.3B", 15.8, "16-24 GB", "resident", "stage", "untiled"),
        ("1.3B", 24.5, "16-24 GB", "resident", "stage", "untiled"),
        ("14B", 11.3, "12 GB", "group_offload", "cpu", "tiled"),
        ("14B", 24.5, "16-24 GB", "group_offload", "stage", "untiled"),
        ("14B", 48.0, "48 GB", "resident", "stage", "untiled"),
        ("14B", 79.0, "80 GB", "resident", "resident", "untiled"),
        ("A14B", 48.0, "48 GB", "group_offload", "stage", "untiled"),
        ("A14B", 78.0, "80 GB", "resident", "stage", "untiled"),
        ("5B", 24.5, "16-24 GB", "resident", "stage", "untiled"),
    ],
)
def test_every_class_of_cards_gets_its_preset(
    tmp_path: Path, model: str, free_gb: float, name: str, transformer: str, text: str, vae: str
) -> None:
    plan = chosen(published(tmp_path, model), card(free_gb, ram_gb=128))
    assert (plan.name, plan.transformer, plan.text, plan.vae) == (name, transformer, text, vae)
    assert plan.fits
    assert plan.precision == "bf16"
    assert not plan.batch


def test_weights_that_fit_nowhere_are_stored_in_8_bits(tmp_path: Path) -> None:
    plan = chosen(published(tmp_path, "14B"), card(24.5, ram_gb=24))
    assert (plan.transformer, plan.vae) == ("layerwise_fp8", "tiled")
    assert "changes pixels" in plan.sentence


def test_nothing_is_refused_on_an_estimate(tmp_path: Path) -> None:
    plan = chosen(published(tmp_path, "14B"), card(2))
    assert not plan.fits
    assert (plan.transformer, plan.text, plan.vae) == ("group_offload", "cpu", "tiled")
    assert "tight" in plan.sentence


def test_other_devices(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    metal = chosen(facts, Budget("mps", 48 * GB, 40 * GB, 40 * GB))
    assert (metal.name, metal.transformer, metal.attention) == ("Metal", "resident", "default")
    assert (metal.vae, metal.precision) == ("untiled", "bf16")
    assert chosen(facts, Budget("mps", 16 * GB, 10 * GB, 10 * GB)).vae == "tiled"
    plain = chosen(facts, Budget("cpu", 64 * GB, 60 * GB, 60 * GB))
    assert (plain.name, plain.precision, plain.text) == ("processor", "fp32", "stage")
    assert chosen(facts, card(11, (7, 5))).precision == "fp16"
    assert chosen(facts, card(11, (7, 5)), precision="fp32").precision == "fp32"


def test_batches_only_where_exactness_is_given_up(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    assert not chosen(facts, card(24), frames=5).batch
    assert chosen(facts, card(24), frames=5, exact=False).batch
    assert not chosen(facts, card(24), frames=41, exact=False).batch  # 17 160 tokens fill a card


def test_a_frugal_plan_needs_less_wherever_something_can_be_spared(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    for gigabytes in (8, 11.5, 22, 46, 78):
        usual, frugal = (chosen(facts, card(gigabytes), frugal=want) for want in (False, True))
        assert (frugal.transformer, frugal.vae, frugal.text) == ("group_offload", "tiled", "cpu")
        assert frugal.need_bytes < usual.need_bytes
        assert not frugal.compiled
        assert step_down(frugal) is None
    processor = Budget("cpu", 64 * GB, 60 * GB, 60 * GB)
    assert chosen(facts, processor).vae == "untiled"
    assert chosen(facts, processor, frugal=True).vae == "tiled"


def test_back_ends_come_from_the_list_of_the_architecture(tmp_path: Path) -> None:
    facts = published(tmp_path, "1.3B")
    assert chosen(facts, card(24)).attention == "native"  # no flash package is installed here
    assert chosen(facts, card(24, (12, 0)), attention="sage").attention == "sage"
    for capability in ((9, 0), (8, 9), (7, 5), None):
        with pytest.raises(GuardError, match="sage"):
            chosen(facts, card(24, capability), attention="sage")
    assert allowed_attention((9, 0))[0] == "_flash_3"
    assert not any(
        "hub" in name for key in ((8, 0), (9, 0), (12, 0)) for name in allowed_attention(key)
    )


def test_only_a_large_resident_hopper_compiles_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    facts = published(tmp_path, "14B")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert chosen(facts, card(79, (9, 0))).compiled
    assert not chosen(facts, card(79, (9, 0)), compiled=False).compiled
    assert not chosen(facts, card(79, (8, 0))).compiled
    assert not chosen(facts, card(24, (9, 0), ram_gb=128), compiled=True).compiled  # it moves


RANK = [
    ("resident", "untiled"),
    ("resident", "tiled"),
    ("group_offload", "untiled"),
    ("group_offload", "tiled"),
    ("layerwise_fp8", "tiled"),
]


@settings(max_examples=60, deadline=None)
@given(
    few=st.integers(1, 90_000),
    more=st.integers(0, 60_000),
    model=st.sampled_from(["1.3B", "14B", "A14B", "5B"]),
    frames=st.sampled_from([5, 41, 81]),
)
def test_more_memory_never_gives_a_lesser_plan(
    tmp_path_factory: pytest.TempPathFactory, few: int, more: int, model: str, frames: int
) -> None:
    facts = published(tmp_path_factory.mktemp("model"), model)
    low = chosen(facts, card(few / 1000, ram_gb=200), frames)
    high = chosen(facts, card((few + more) / 1000, ram_gb=200), frames)
    if low.fits:
        assert high.fits
        assert RANK.index((high.transformer, high.vae)) <= RANK.index((low.transformer, low.vae))
    need = footprint(facts, number_bytes=2, kind="cuda", size=(832, 480), frames=frames)
    if low.text == "resident":
        together = need.transformer + need.text + need.vae + RESERVE_BYTES
        assert together + max(need.work, need.decode) <= low.free_bytes
    below: Plan | None = low
    for _ in range(4):  # the way down ends, and every step needs less
        after = step_down(below)
        if after is None:
            break
        assert after.need_bytes < below.need_bytes
        below = after
    else:
        pytest.fail("no end")


# ---- the arithmetic ------------------------------------------------------------------------


def test_weights_are_counted_as_they_are_loaded(demo: load.WanModel) -> None:
    need = footprint(demo.facts, number_bytes=4, kind="cpu", size=(96, 96), frames=9)
    held = {
        "transformer": demo.transformer.parameters(),
        "vae": demo.vae.parameters(),
    }
    for name, weights in held.items():
        assert getattr(need, name) == sum(w.numel() * w.element_size() for w in weights)
    assert elements(DEMO, "text_encoder") * 4 == need.text


def random_transformer(heads: int, ffn: int, half: bool) -> Any:
    model: Any = WanTransformer3DModel(
        num_attention_heads=heads, attention_head_dim=128, ffn_dim=ffn, num_layers=1
    )
    if half:
        islands = model._keep_in_fp32_modules
        for name, weight in model.named_parameters():
            if not any(part in islands for part in name.split(".")):
                weight.data = weight.data.to(torch.bfloat16)
    return model.eval().requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "half"), [("1.3B", True), ("1.3B", False), ("14B", True)])
def test_a_forward_of_the_real_shape_needs_what_the_table_says(
    tmp_path: Path, model: str, half: bool
) -> None:
    facts = published(tmp_path, model)
    dtype = torch.bfloat16 if half else torch.float32
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        net = random_transformer(facts.heads, facts.feed_forward, half)
        z = torch.randn(1, 16, 11, 60, 104, dtype=dtype)
        text = torch.randn(1, 29, 4096, dtype=dtype)
        with LiveBytes() as live:
            net(z, torch.tensor([800.0]), text, return_dict=False)
    need = footprint(facts, number_bytes=2 if half else 4, kind="cuda", size=(832, 480), frames=41)
    assert live.peak <= need.work < 1.5 * live.peak


@pytest.mark.slow
@pytest.mark.parametrize(("model", "tiled"), [("1.3B", False), ("1.3B", True), ("5B", False)])
def test_decoding_the_real_shape_needs_what_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, tiled: bool
) -> None:
    monkeypatch.setattr(latents, "_finite", lambda values, doing: values)  # no numbers here
    facts, frames = published(tmp_path, model), 9
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        vae: Any = AutoencoderKLWan(**(VAE_5B if model == "5B" else VAE_21))
        vae.eval().requires_grad_(False)
        side = facts.spatial_stride
        z = torch.randn(facts.latent_channels, 3, 480 // side, 832 // side)
        tiling = latents.Tiling() if tiled else None
        with LiveBytes() as live:
            for group in latents._groups(vae, z, tiling, None, torch.device("cpu")):
                del group
    need = footprint(facts, number_bytes=2, kind="cuda", size=(832, 480), frames=frames)
    found = need.decode_tiled if tiled else need.decode
    assert live.peak <= found < 1.5 * live.peak


def test_live_bytes_count_what_is_held_and_not_views_or_inputs() -> None:
    given_ = torch.zeros(1000)
    with LiveBytes() as live:
        view = given_.view(10, 100)
        for _ in range(5):
            made = view + 1  # one at a time, but the next is made before the last one goes
        del made
    assert live.peak == 2 * 4000


# ---- applying ------------------------------------------------------------------------------

ROWS = torch.tensor([0, 1, 0, 0, 0, 1, 1, 0], dtype=torch.bool)


def edit(
    model: load.WanModel,
    same: bool = False,
    check: Callable[[], None] | None = None,
    **changes: Any,
) -> torch.Tensor:
    method = MethodSettings(gamma=0.0, negative_prompt="", steps=3, **changes)
    source, target, negative = make_bundle(9, 1), make_bundle(12, 2), make_bundle(5, 3)
    velocity = WanVelocity(
        model,
        source=source,
        target=source if same else target,
        negative=negative,
        rows=ROWS,
        settings=method,
        columns=(2,),
    )
    x = torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = NoiseField((16, 2, 4, 4), 7, "fresh", 0.5)
    with asking(model, check or (lambda: None)):
        return trajectory.edit(x, velocity, schedule.build(method), noise, method)


def plan_for(**changes: Any) -> Plan:
    base = Plan(
        name="processor",
        kind="cpu",
        precision="fp32",
        transformer="resident",
        text="stage",
        vae="untiled",
        attention="default",
        batch=False,
        compiled=False,
        need_bytes=6 * GB,
        free_bytes=4 * GB,
    )
    return replace(base, **changes)


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put what comes back from disk where memory would hold it.

    Kernels of a processor may round differently on unaligned numbers; a card copies anyway.
    """
    read = safetensors.torch.load_file
    monkeypatch.setattr(
        safetensors.torch,
        "load_file",
        lambda *args, **options: {k: v.clone() for k, v in read(*args, **options).items()},
    )


def offloaded(tmp_path: Path) -> load.WanModel:
    """A model whose waiting blocks are on disk: what is not brought back in time is lost."""
    model = make_model(make_transformer(num_layers=4))
    residency.apply(model, plan_for(transformer="group_offload"), disk=tmp_path / "blocks")
    return model


@pytest.mark.usefixtures("aligned")
def test_offloaded_equals_resident_bit_for_bit(tmp_path: Path) -> None:
    want = edit(make_model(make_transformer(num_layers=4)))
    model = offloaded(tmp_path)
    for weight in model.transformer.blocks.parameters():
        weight.data.fill_(float("nan"))  # a waiting block holds nothing that could be used
    assert torch.equal(edit(model), want)
    assert torch.equal(edit(model), want)


@pytest.mark.usefixtures("aligned")
def test_a_cancelled_forward_leaves_offload_in_order(tmp_path: Path) -> None:
    want = edit(make_model(make_transformer(num_layers=4)))
    model = offloaded(tmp_path)
    for stop_at in (1, 2, 3, 6, 17):
        left = stop_at

        def check() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Cancelled

        with pytest.raises(Cancelled):
            edit(model, check=check)
    assert torch.equal(edit(model), want)


def test_8_bit_storage_is_smaller_and_keeps_equal_prompts_equal() -> None:
    plain = make_model(make_transformer())
    model = make_model(make_transformer())
    before = sum(w.numel() * w.element_size() for w in model.transformer.blocks.parameters())
    residency.apply(model, plan_for(transformer="layerwise_fp8"))
    held = sum(w.numel() * w.element_size() for w in model.transformer.blocks.parameters())
    assert held < 0.3 * before  # from four bytes to one, but for norms and tables
    x = torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    even = {"guidance_source": 3.0, "guidance_target": 3.0, "sar": False}
    assert torch.equal(edit(model, same=True, **even), x)
    found, want = edit(model), edit(plain)
    assert not torch.equal(found, want)
    assert torch.linalg.norm(found - want) < 0.3 * torch.linalg.norm(want)
    with pytest.raises(GuardError, match="loaded again"):
        residency.apply(model, plan_for())


def test_the_fingerprint_tells_what_changes_pixels(vae: Any) -> None:
    model = make_model(make_transformer(), vae=vae)
    plain = model.fingerprint()
    residency.apply(model, plan_for())
    assert model.fingerprint() == plain
    residency.apply(model, plan_for(vae="tiled"))
    assert model.fingerprint() == {**plain, "vae_tiles": "256/192"}
    residency.apply(model, plan_for(transformer="group_offload"))
    assert model.fingerprint() == plain  # moving weights changes no bit
    small = make_model(make_transformer(), vae=vae)
    residency.apply(small, plan_for(transformer="layerwise_fp8"))
    assert small.fingerprint()["quantisation"] != plain["quantisation"]


def test_a_back_end_is_set_on_self_attention_alone(vae: Any) -> None:
    model = make_model(make_transformer(), vae=vae)
    active = _AttentionBackendRegistry.get_active_backend()[0]
    want = edit(model)
    residency.apply(model, plan_for(attention="native"))
    assert {
        block.attn1.processor._attention_backend.value for block in model.transformer.blocks
    } == {"native"}
    assert {block.attn2.processor._attention_backend for block in model.transformer.blocks} == {
        None
    }
    assert _AttentionBackendRegistry.get_active_backend()[0] is active
    assert torch.equal(edit(model), want)
    with pytest.raises(GuardError, match="sage"):
        residency.apply(model, plan_for(attention="sage"))


# ---- when memory runs out ------------------------------------------------------------------


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


@pytest.fixture
def own() -> Editor:
    return pipeline.open_editor(models.spec("demo"))


def _burst(editor: Editor, times: int) -> None:
    """Let the decoder run out of memory so many times."""
    left = times

    def fail(*_: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    editor.model.vae.decoder.conv_out.register_forward_pre_hook(fail)


def test_an_edit_steps_down_says_so_and_is_the_same(
    filmed: FilmedShot, editor: Editor, own: Editor, tmp_path: Path
) -> None:
    want = pipeline.edit(filmed.request(), tmp_path / "want.mp4", editor=editor)
    assert own.plan is not None
    assert (own.plan.name, own.plan.vae) == ("processor", "untiled")
    _burst(own, 1)
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
    _burst(own, 2)
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
