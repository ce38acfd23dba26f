"""Training: one command from nothing to a loadable pipeline; a kill changes nothing."""

import datetime
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from flowanchor_engine.demo import train
from flowanchor_engine.demo.assemble import MAX_BYTES, load_models
from flowanchor_engine.demo.checkpoint import Trainee, write_atomic
from flowanchor_engine.demo.flow_model import new_transformer, use_training_attention
from flowanchor_engine.demo.flow_stage import _batch_source
from flowanchor_engine.demo.journal import Journal, draw_curves
from flowanchor_engine.demo.latents import (
    CachedClips,
    latent_coverage,
    latent_statistics,
    shard_jobs,
    training_pair,
)
from flowanchor_engine.demo.optim import GroupRates, MuonAdam, orthogonalise
from flowanchor_engine.demo.plans import PLANS
from flowanchor_engine.demo.schedule import Budget, rate_scale
from flowanchor_engine.demo.text import encode_captions, new_encoder, new_tokenizer, tie_twins

SMOKE = PLANS["smoke"]
ROOT = Path(__file__).resolve().parents[3]

# Loaded by a Python process that has its folder on PYTHONPATH: kills it when a file is in place.
DEADLY = """
import os, pathlib, signal
replace = pathlib.Path.replace

def replaced(self, target):
    there = replace(self, target)
    if str(target) == os.environ["DEADLY"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return there

pathlib.Path.replace = replaced
"""


def command(out: Path, *more: str) -> list[str]:
    arguments = ["--out", str(out), "--plan", "smoke", "--threads", "1", *more]
    return [sys.executable, "-m", "flowanchor_engine.demo.train", *arguments]


def weights(run: Path) -> dict[str, torch.Tensor]:
    found = {}
    for path in sorted((run / "pipeline").rglob("*.safetensors")):
        found |= {f"{path.parent.name}/{k}": v for k, v in load_file(path).items()}
    return found


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    subprocess.run(command(out), check=True, capture_output=True)
    return out


@pytest.mark.slow
def test_one_command_goes_from_nothing_to_a_pipeline(whole_run: Path) -> None:
    from diffusers import WanPipeline

    pipeline = WanPipeline.from_pretrained(whole_run / "pipeline", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    result = pipeline(
        "a red ball on a gray background",
        height=96,
        width=96,
        num_frames=5,
        num_inference_steps=1,
        output_type="np",
    )
    assert result.frames.shape == (1, 5, 96, 96, 3)
    assert np.isfinite(result.frames).all()


@pytest.mark.slow
def test_a_run_leaves_log_curves_and_no_pickle(whole_run: Path) -> None:
    lines = (whole_run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    stages = {json.loads(line)["stage"] for line in lines}
    held_out = {"held_out_vae", "held_out_decoder"}
    assert stages == {"vae", "latents", "flow", "decoder", "assemble"} | held_out
    for name in ("vae.png", "flow.png", "decoder.png"):
        assert (whole_run / "curves" / name).read_bytes().startswith(b"\x89PNG")
    suffixes = {path.suffix for path in whole_run.rglob("*") if path.is_file()}
    assert suffixes <= {".safetensors", ".json", ".jsonl", ".png"}
    size = sum(p.stat().st_size for p in (whole_run / "pipeline").rglob("*") if p.is_file())
    assert size <= MAX_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["vae", "latents", "flow", "decoder"])
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(
    whole_run: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, stage: str
) -> None:
    watched = {
        "vae": tmp_path / "vae" / "checkpoint.safetensors",
        "latents": tmp_path / "latents" / "00-00000.safetensors",
        "flow": tmp_path / "flow" / "checkpoint.safetensors",
        "decoder": tmp_path / "decoder" / "checkpoint.safetensors",
    }[stage]
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(DEADLY)
    path = os.pathsep.join((str(site), str(ROOT)))
    # The unbroken run used two processes: their number must not matter either.
    alone = command(tmp_path, "--processes", "1")
    killed = subprocess.run(
        alone,
        env={**os.environ, "PYTHONPATH": path, "DEADLY": str(watched)},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert watched.exists()
    assert not (tmp_path / "pipeline").exists()
    subprocess.run(alone, check=True, capture_output=True)
    expected, got = weights(whole_run), weights(tmp_path)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        assert torch.equal(value, got[name]), name


@pytest.mark.slow
def test_a_folder_of_another_plan_is_refused(whole_run: Path, tmp_path: Path) -> None:
    state = whole_run / "vae" / "checkpoint.safetensors"
    layer = torch.nn.Linear(2, 2)
    optimiser = MuonAdam([layer.weight], [layer.bias], muon=GroupRates(1e-3), adam=GroupRates(1e-3))
    trainee = Trainee(dict(layer.named_parameters()), {}, optimiser, np.random.default_rng(0))
    with pytest.raises(ValueError, match="another output folder"):
        trainee.load(state, facts={"steps": 1})


def test_a_crash_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"


def test_checkpoint_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    def make() -> tuple[torch.nn.Module, Trainee]:
        torch.manual_seed(3)
        net = torch.nn.Linear(6, 5)
        optimiser = MuonAdam(
            [net.weight], [net.bias], muon=GroupRates(1e-2, 0.1), adam=GroupRates(1e-2)
        )
        optimiser.set_rate_scale(1.0)
        named = dict(net.named_parameters())
        average = {n: p.detach().clone() for n, p in named.items()}
        return net, Trainee(named, average, optimiser, np.random.default_rng(1))

    def advance(net: torch.nn.Module, trainee: Trainee, steps: int) -> None:
        for _ in range(steps):
            x = torch.randn(4, 6) + float(trainee.rng.normal())
            trainee.optimiser.zero_grad()
            net(x).square().sum().backward()
            trainee.optimiser.step()
            trainee.step += 1
            trainee.track_average(0.99, 3)

    net, straight = make()
    advance(net, straight, 5)
    straight.save(tmp_path / "c", facts={"a": 1})
    advance(net, straight, 5)
    other, resumed = make()
    resumed.load(tmp_path / "c", facts={"a": 1})
    advance(other, resumed, 5)
    assert resumed.step == straight.step
    for name in straight.parameters:
        assert torch.equal(straight.parameters[name], resumed.parameters[name])
        assert torch.equal(straight.average[name], resumed.average[name])


def test_muon_makes_singular_values_nearly_one() -> None:
    torch.manual_seed(0)
    for rows, columns in ((40, 160), (160, 40)):
        singular = torch.linalg.svdvals(orthogonalise(torch.randn(3, rows, columns)))
        assert singular.min() > 0.4
        assert singular.max() < 1.4


def test_adam_half_agrees_with_torch() -> None:
    torch.manual_seed(0)
    start = torch.randn(7)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    optimiser = MuonAdam(
        [], [ours], muon=GroupRates(1.0), adam=GroupRates(1e-2, 0.1), betas=(0.9, 0.98)
    )
    optimiser.set_rate_scale(1.0)
    reference = torch.optim.AdamW([theirs], lr=1e-2, betas=(0.9, 0.98), weight_decay=0.1)
    for _ in range(20):
        gradient = torch.randn(7)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimiser.step()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_rate_warms_up_holds_and_is_down_at_the_end() -> None:
    rates = [rate_scale(s / 100, s, warm=10, hold=0.4) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:40] == [1.0] * 31
    assert all(b < a for a, b in itertools.pairwise(rates[40:99]))
    assert rates[-1] == pytest.approx(0.02)


def test_a_deadline_completes_the_decay_whatever_the_steps() -> None:
    budget = Budget(steps=1_000_000, total_seconds=50)
    assert budget.done(3, 49.9) == pytest.approx(0.998)
    assert budget.done(3, 50) >= 1
    now = datetime.datetime(2030, 1, 1, 17, 0, tzinfo=datetime.UTC)
    assert train.parse_until("18:30", now) - now.timestamp() == 5400
    assert train.parse_until("16:00", now) - now.timestamp() == 23 * 3600


def test_unknown_stages_and_plans_are_refused(tmp_path: Path) -> None:
    for wrong in (["--stages", "vae,paint"], ["--plan", "huge"]):
        result = CliRunner().invoke(train.app, ["--out", str(tmp_path / "x"), *wrong])
        assert result.exit_code == 2
        assert not (tmp_path / "x").exists()


def test_a_pair_shares_noise_time_and_caption_style() -> None:
    bucket = SMOKE.latents.buckets[0]
    scenes = [s for i in range(4) for s in training_pair(0, bucket, i)]
    torch.manual_seed(0)
    clips = CachedClips(
        torch.arange(8.0).half().view(8, 1, 1, 1, 1).expand(8, 16, 3, 12, 12),
        torch.zeros(8, 3, 12, 12, dtype=torch.uint8),
        scenes,
    )
    draw = _batch_source(
        SMOKE.flow, (bucket,), [clips], ([0.0] * 16, [1.0] * 16), np.random.default_rng(0)
    )
    for batch in [part for _ in range(5) for part in draw()]:
        pairs = round(len(batch.captions) * SMOKE.flow.pair_share / 2)
        numbers = batch.latents[:, 0, 0, 0, 0].long().tolist()
        for k in range(pairs):
            a, b = 2 * k, 2 * k + 1
            assert numbers[b] == numbers[a] + 1
            assert torch.equal(batch.noise[a], batch.noise[b])
            assert batch.time[a] == batch.time[b]
            assert (batch.captions[a] == "") == (batch.captions[b] == "")
        assert batch.time.min() > 0
        assert batch.time.max() < 1
        single = batch.time[2 * pairs :]
        assert len(single.unique()) == len(single)


def test_training_scenes_are_never_those_of_the_held_out_cases() -> None:
    from flowanchor_engine.demo import latents, scene_clip, vae_stage

    starts = (vae_stage.TRAIN_SEED, latents.TRAIN_SEED, scene_clip.HELD_OUT_SEED)
    assert len(set(starts)) == 3
    for plan in PLANS.values():
        stop = latents.TRAIN_SEED + 1_000_000 * len(plan.latents.buckets)
        assert stop <= scene_clip.HELD_OUT_SEED
        assert all(b.pairs <= 1_000_000 for b in plan.latents.buckets)
        assert vae_stage.TRAIN_SEED + plan.vae.scenes <= latents.TRAIN_SEED


def test_any_prefix_of_the_shards_is_a_fair_mix(tmp_path: Path) -> None:
    plan = PLANS["refine"].latents
    jobs = shard_jobs(plan, tmp_path, tmp_path)
    half = jobs[: len(jobs) // 2]
    for index, bucket in enumerate(plan.buckets):
        seen = sum(job.stop - job.start for job in half if job.bucket == index)
        assert abs(seen / bucket.pairs - 0.5) < 0.2


def test_latent_coverage_averages_the_right_pixels() -> None:
    coverage = np.zeros((5, 96, 96), np.float32)
    coverage[0, :8, :8] = 1
    coverage[1:3, 8:16, :8] = 1
    cells = latent_coverage(coverage)
    assert cells.shape == (2, 12, 12)
    assert cells[0, 0, 0] == 1
    assert cells[1, 1, 0] == pytest.approx(0.5)
    assert cells.sum() == pytest.approx(1.5)


def test_statistics_are_per_channel() -> None:
    torch.manual_seed(0)
    scale = torch.arange(1.0, 17).view(1, 16, 1, 1, 1)
    values = (torch.randn(6, 16, 3, 12, 12) * scale + scale).half()
    mean, deviation = latent_statistics(CachedClips(values, torch.zeros(1), []))
    np.testing.assert_allclose(mean, np.arange(1, 17), rtol=0.1)
    np.testing.assert_allclose(deviation, np.arange(1, 17), rtol=0.1)


def test_tokenizer_keeps_words_whole_and_survives_saving(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = new_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.is_fast
    for text in ("a red striped ball, an Orange cross and a blue square.", "", "a dog runs"):
        assert again(text).input_ids == tokenizer(text).input_ids
    pieces = tokenizer.convert_ids_to_tokens(tokenizer("a red ball.").input_ids)
    assert pieces == ["▁a", "▁red", "▁ball", ".", "</s>"]
    encoder = new_encoder(len(tokenizer))
    tie_twins(tokenizer, encoder)
    lower, upper = (tokenizer(w, return_tensors="pt").input_ids for w in ("red ball", "Red Ball"))
    assert not torch.equal(lower, upper)
    with torch.no_grad():
        a, b = (encoder(input_ids=ids).last_hidden_state for ids in (lower, upper))
    assert torch.equal(a, b)


def test_one_pad_column_equals_all_of_wans_pads() -> None:
    """The training shortcut against diffusers' own attention over 64 padded columns."""
    from diffusers.models.transformers.transformer_wan import WanAttnProcessor

    torch.manual_seed(0)
    tokenizer = new_tokenizer()
    encoder = new_encoder(len(tokenizer)).eval()
    model = new_transformer().eval()
    with torch.no_grad():
        model.proj_out.weight.normal_(0, 0.05)
        captions = ["a red ball", "a blue square and a green ring on a noisy gray background"]
        x, t = torch.randn(2, 16, 2, 12, 12), torch.tensor([300.0, 800.0])
        states, bias = encode_captions(tokenizer, encoder, captions, pads=64)
        for processor in use_training_attention(model):
            processor.bias = bias
        fast = model(x, t, states, return_dict=False)[0]
        model.set_attn_processor(WanAttnProcessor())
        rows = []
        for text in captions:
            ids = tokenizer(text, return_tensors="pt").input_ids
            real = encoder(input_ids=ids).last_hidden_state[0]
            rows.append(torch.nn.functional.pad(real, (0, 0, 0, 64 - len(real))))
        slow = model(x, t, torch.stack(rows), return_dict=False)[0]
    torch.testing.assert_close(fast, slow, rtol=1e-3, atol=1e-4)


def test_a_torn_log_line_is_passed_over_and_the_latest_entry_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.jsonl")
    journal.write("flow", step=25, loss=0.5, object_loss=1.0)
    journal.write("flow", step=50, loss=0.4, object_loss=0.9)
    journal.write("flow", step=50, loss=0.3, object_loss=0.8)
    with journal.path.open("a") as file:
        file.write('{"stage": "fl')
    assert [e["loss"] for e in journal.read("flow")] == [0.5, 0.3]
    assert [p.name for p in draw_curves(journal, tmp_path / "curves")] == ["flow.png"]


def test_shipped_weights_load_for_more_training() -> None:
    models = load_models(Path(train.__file__).parent / "weights")
    assert {p.dtype for p in models.transformer.parameters()} == {torch.float32}
    assert {p.dtype for p in models.encoder.parameters()} == {torch.float32}
    assert len(models.tokenizer) == models.encoder.config.vocab_size
