"""No secret survives into a report unless it was asked in, and the report stays useful."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from flowanchor_engine.protocol import Device
from flowanchor_engine.request import EditRequest, MatteSpec, Prompts, SourceSpec
from plugin.services.redaction import BLOCK, Redactor, Secrets
from plugin.services.report import MOST, Facts, report, secrets_of, versions
from plugin.state.job_queue import Job
from plugin.state.links import EngineState, HostState

CLIP = "/Volumes/Big Client/Secret Show/A012_C004_0812.mov"
TOKENS = (
    *("hf_AbCdEfGhIjKlMnOp", "ghp_0123456789abcdefABCD", "sk-proj-0123456789abcdef"),
    *("AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc-DEF"),
)


def job() -> Job:
    request = EditRequest(
        source=SourceSpec(path=CLIP, frames=81),
        matte=MatteSpec(path="/Volumes/Big Client/mattes/hero_matte.exr"),
        prompts=Prompts(now="a man in a grey jacket", wanted="a man in a red windbreaker"),
        comment={"title": "red windbreaker", "shot": "A012_C004_0812.mov", "matte": "Polygon1"},
    )
    return Job(
        id="j1",
        order_key=1.0,
        state="failed",
        request=request.dump(),
        request_hash="0" * 64,
        title="red windbreaker",
        code="words",
        sentence="“windbreaker” cannot be found in the wanted text.",
        detail=f"{CLIP}: no token",
        last_lines=(f"reading {CLIP}", "done 12/23 at 3.2 s/it"),
        place={"shot": {"project": "Operation Nightfall", "timeline": "Reel 3 v12", "fps": "24"}},
    )


def facts(folder: Path, *lines: str) -> Facts:
    log = folder / "engine.log"
    log.write_text("\n".join(lines), encoding="utf-8")
    return Facts(
        engine=EngineState(phase="ready", device="RTX 4090", memory_total_mb=24564),
        host=HostState(kind="ready", product="DaVinci Resolve", version="21.1", studio=True),
        versions=versions(),
        device=Device(name="RTX 4090", kind="cuda", memory_mb=24564, compute="8.9"),
        job=job(),
        logs=(log,),
        places={"takes": folder},
    )


def test_a_report_tells_what_is_needed(tmp_path: Path) -> None:
    text = report(facts(tmp_path, "INFO engine ready"), secrets_of([job()]))
    for needed in (
        *("PySide6", "RTX 4090", "24564", "DaVinci Resolve 21.1, Studio", "INFO engine ready"),
        *("code: words", '"guidance_target": 10.0', '"steps": 25', "12/23 at 3.2 s/it"),
        *("## Log engine.log", '"frames": 81', '"schema": "flowanchor.EditRequest.1"'),
    ):
        assert needed in text, needed


SECRETS_OF_JOB = (
    *("Big Client", "Secret Show", "A012_C004", "hero_matte", "Polygon1", "Operation Nightfall"),
    *("Reel 3 v12", "grey jacket", "red windbreaker", "“windbreaker”"),
)


def test_nothing_of_the_job_survives(tmp_path: Path) -> None:
    lines = (
        f"opening {CLIP} as prores",
        "wrote /Volumes/Big Client/Secret Show/FlowAnchor/A012_C004 - red windbreaker - t3.mov ok",
        'FileNotFoundError: [Errno 2] No such file: "/Volumes/Big Client/other clip.mov"',
        r"C:\Shows\Big Client\x y\A012_C004.mov and \\server\Big Client\a.mov",
        "prompt: A MAN IN A GREY JACKET -> a man in a red windbreaker",
        json.dumps({"project": "Operation Nightfall", "path": CLIP}),
        quote(CLIP),
    )
    text = report(facts(tmp_path, *lines), secrets_of([job()], names=["Operation Nightfall"]))
    for secret in SECRETS_OF_JOB:
        assert secret.lower() not in text.lower(), secret
        assert quote(secret).lower() not in text.lower()
    assert ".mov" in text  # what kind of file it was may be known


def test_what_is_asked_in_stays(tmp_path: Path) -> None:
    everything = facts(tmp_path, f"opening {CLIP}")
    names = report(everything, secrets_of([job()]), {"names"})
    assert CLIP in names
    assert "grey jacket" not in names
    prompts = report(everything, secrets_of([job()]), {"prompts"})
    assert "a man in a red windbreaker" in prompts
    assert "Big Client" not in prompts


def test_user_home_and_keys_never_stay(tmp_path: Path) -> None:
    secrets = replace(
        secrets_of([job()]), people=("Anna Muster", "annas-mac"), home=("/Users/amuster",)
    )
    lines = [
        "cache in /Users/amuster/Library/Caches, host annas-mac.local",
        "C:\\Users\\A Muster\\AppData\\Local\\Temp\\x.tmp",
        "C:\\Users\\AMUSTE~1\\AppData",
        "/home/somebodyelse/.cache/x",
        "Anna Muster <anna.muster@studio.example>",
        *TOKENS,
        "Authorization: Bearer abcdefghijklmnop",
        "HF_TOKEN=supersecretvalue next",
        '{"api_key": "another secret value", "password":"hunter2hunter2"}',
        "https://user:passw0rd@proxy.example:3128/",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    ]
    text = report(facts(tmp_path, *lines), secrets, {"names", "prompts"})
    for secret in (
        *("amuster", "AMUSTE~1", "A Muster", "annas-mac", "somebodyelse", "Anna", "anna.muster"),
        *(*TOKENS, "abcdefghijklmnop", "supersecretvalue", "another secret", "hunter2", "passw0rd"),
        "MIIEvQ",
    ):
        assert secret.lower() not in text.lower(), secret
    assert "proxy.example:3128" in text


def test_own_code_stays_readable(tmp_path: Path) -> None:
    here = str(Path(__file__).resolve().parents[3])
    text = report(
        facts(tmp_path, f'  File "{here}/plugin/services/child.py", line 12, in start'),
        secrets_of([]),
    )
    assert f'File "{BLOCK}R/plugin/services/child.py", line 12, in start' in text


@pytest.mark.parametrize("line", ["12/23 steps", "3.2 s/it", "and/or", "24000/1001", "a // b", "/"])
def test_what_is_no_path_is_left_alone(line: str) -> None:
    assert Redactor(Secrets()).clean(line) == line


def test_equal_paths_have_equal_labels() -> None:
    text = Redactor(Secrets()).clean("open /a/b.mov\nopen /a/c.mov\nclose /a/b.mov")
    first, second, third = re.findall(rf"{BLOCK}F\d+\.mov", text)
    assert first == third != second


_name = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "Zs", "Pd", "Pc", "Po", "Sm")),
    min_size=3,
    max_size=24,
).map(lambda t: " ".join(unicodedata.normalize("NFC", t).split()))


def _lettered(text: str) -> bool:
    return len(text) >= 3 and sum(c.isalpha() for c in text) >= 3 and BLOCK not in text


_secret = _name.filter(_lettered)
_filler = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=st.lists(_secret, max_size=2),
    names=st.lists(_secret, max_size=3),
    texts=st.lists(_secret, max_size=3),
    fillers=st.lists(_filler, min_size=8, max_size=8),
    most=st.sampled_from([120, 2_000, MOST]),
    seed=st.randoms(use_true_random=False),
)
@example(
    people=["lines"], names=["mov", "Straße"], texts=["Log", "the rest"], fillers=["/"] * 8,
    most=2_000, seed=__import__("random").Random(1),
)  # fmt: skip
def test_no_secret_survives(
    tmp_path: Path,
    people: list[str],
    names: list[str],
    texts: list[str],
    fillers: list[str],
    most: int,
    seed: object,
) -> None:
    every = [*people, *names, *texts]
    assume(every)
    ways = (
        lambda s: s,
        str.upper,
        lambda s: unicodedata.normalize("NFD", s),
        lambda s: json.dumps(s),
        lambda s: json.dumps(s, ensure_ascii=False),
        repr,
        quote,
        lambda s: f"/media/{s}/x.mov",
        lambda s: f"C:\\{s}\\y.exr",
        lambda s: f"“{s}”",
    )
    lines = []
    for filler in fillers:
        secret, way = seed.choice(every), seed.choice(ways)  # type: ignore[attr-defined]
        lines.append(f"{filler} {way(secret)} {filler}")
    secrets = Secrets(
        people=tuple(people),
        names=tuple(names),
        texts=tuple(texts),
        paths=tuple(f"/vol/{name}/a b.mov" for name in names),
    )
    told = replace(facts(tmp_path, *lines), job=None, places={})
    text = report(told, secrets, most=most)
    assert len(text) <= most
    text = unicodedata.normalize("NFC", text)
    for secret in every:
        for form in (secret, json.dumps(secret)[1:-1], quote(secret)):
            if sum(c.isalpha() for c in form) >= 3:
                assert form not in text, (secret, form)
                if form.isascii():
                    assert form.lower() not in text.lower()


def test_a_report_is_cut_where_it_hurts_least(tmp_path: Path) -> None:
    told = facts(tmp_path, *(f"line {number} " + "x" * 300 for number in range(1000)))
    second = tmp_path / "panel.log"
    second.write_text("short but whole\n" * 3)
    text = report(replace(told, logs=(*told.logs, second)), secrets_of([job()]))
    assert len(text) <= MOST
    assert "line 999 " in text  # the newest
    assert "line 700 " not in text.partition("## Log")[2] or "line 699 " not in text
    assert text.count("short but whole") == 3
    assert "left out" in text
    assert "## Versions" in text
    assert "recipe:" in text


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    told = replace(facts(tmp_path), logs=(tmp_path / "none.log",))
    assert "(No such file or directory)" in report(told, secrets_of([]))
