"""Lines survive the trip, and what is no line is one coded answer."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from flowanchor_engine import protocol
from flowanchor_engine.protocol import LineError
from flowanchor_engine.worker.channel import lines

short = st.text(max_size=20)
commands = st.one_of(
    st.builds(protocol.Hello, id=st.integers(0, 9), panel=short),
    st.builds(protocol.Run, id=st.integers(0, 9), job=short, request=st.just({}), out=short),
    st.builds(protocol.Precompute, id=st.integers(0, 9), job=short, request=st.just({"a": [1]})),
    st.builds(protocol.Cancel, id=st.integers(0, 9), job=short),
    st.builds(protocol.Estimate, id=st.integers(0, 9), request=st.just({})),
    st.builds(protocol.Status, id=st.integers(0, 9)),
    st.builds(protocol.Release, id=st.integers(0, 9)),
    st.builds(protocol.Shutdown, id=st.integers(0, 9)),
    st.builds(
        protocol.Proxy,
        id=st.integers(0, 9),
        job=short,
        clip=st.just({"path": "a"}),
        out=short,
        over=st.none() | st.just({"path": "b"}),
        max_height=st.integers(64, 4320),
    ),
    st.builds(protocol.Matte, id=st.integers(0, 9), job=short, request=st.just({}), out=short),
    st.builds(protocol.Measure, id=st.integers(0, 9), job=short, request=st.just({}), result=short),
    st.builds(
        protocol.Words,
        id=st.integers(0, 9),
        now=st.text(),
        wanted=st.text(),
        drive=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3).map(tuple),
        model=short,
        matte_share=st.none() | st.floats(0, 1),
    ),
    st.builds(protocol.Models, id=st.integers(0, 9)),
    st.builds(protocol.GetModel, id=st.integers(0, 9), job=short, model=short),
    st.builds(protocol.ImportModel, id=st.integers(0, 9), job=short, model=short, folder=short),
)
events = st.one_of(
    st.builds(
        protocol.Phase,
        job=short,
        seq=st.integers(0, 99),
        phase=st.sampled_from(["load", "edit", "write"]),
        done=st.integers(0, 9),
        total=st.integers(1, 9),
        eta_s=st.none() | st.floats(0, 9),
    ),
    st.builds(protocol.Cancelled, job=short, seq=st.integers(0, 99), at=short),
    st.builds(protocol.Failed, job=short, seq=st.just(1), code=short, user_message=short),
    st.builds(protocol.Heartbeat, rss_mb=st.integers(0, 9)),
    st.builds(protocol.Refused, code=short, user_message=short),
    st.builds(
        protocol.ProxyOpened,
        job=short,
        seq=st.integers(0, 9),
        path=short,
        facts=st.builds(
            protocol.ClipFacts,
            path=short,
            start=st.integers(0, 9),
            frames=st.integers(1, 9),
            width=st.integers(1, 9),
            height=st.integers(1, 9),
            rate=st.just("24000/1001"),
        ),
    ),
    st.builds(
        protocol.MatteDone,
        job=short,
        seq=st.integers(0, 9),
        path=short,
        coverage=st.lists(st.floats(0, 1), max_size=3).map(tuple),
        drift=st.lists(st.floats(0, 1), max_size=3).map(tuple),
    ),
    st.builds(
        protocol.WordsReply,
        id=st.integers(0, 9),
        words=st.lists(
            st.builds(
                protocol.Word,
                start=st.integers(0, 9),
                stop=st.integers(0, 9),
                drives=st.booleans(),
                tokens=st.lists(short, max_size=3).map(tuple),
            ),
            max_size=3,
        ).map(tuple),
        notes=st.lists(short, max_size=3).map(tuple),
    ),
    st.builds(protocol.ModelDone, job=short, seq=st.integers(0, 9), model=short),
)


@given(commands)
def test_commands_survive_the_line(command: BaseModel) -> None:
    line = protocol.write_line(command)
    assert line.count(b"\n") == 1
    assert protocol.read_command(line) == command


@given(events)
def test_events_survive_the_line(event: BaseModel) -> None:
    assert protocol.read_event(protocol.write_line(event)) == event


@given(commands, st.dictionaries(st.text(min_size=8, max_size=12), st.integers(), max_size=3))
def test_fields_of_a_newer_end_are_ignored(command: BaseModel, extra: dict[str, int]) -> None:
    data = {**json.loads(protocol.write_line(command)), **{f"x-{k}": v for k, v in extra.items()}}
    assert protocol.read_command(json.dumps(data).encode()) == command


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_a_coded_refusal(line: bytes) -> None:
    said = ""
    try:
        protocol.read_command(line)
    except LineError as error:
        said = f"{error.code}: {error.user_message}"
    assert said == "" or (said.startswith("protocol: ") and said.endswith("."))


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"tea","id":1}',
        b'{"type":"run","id":1}',
        b'{"type":"cancel","id":-1,"job":"a"}',
        b"[" * 100_000,
        b"null",
        b'{"v":2,"type":"status","id":1}',
    ],
)
def test_malformed_commands_are_refused(line: bytes) -> None:
    with pytest.raises(LineError):
        protocol.read_command(line)


def through_a_pipe(data: bytes) -> list[bytes | LineError]:
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as out:
            out.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(reader, "rb", buffering=0) as source:
        found = list(lines(source))
    feeder.join()
    return found


@given(st.lists(st.binary(max_size=50).filter(lambda b: b"\n" not in b and b.strip()), max_size=8))
def test_lines_come_out_as_they_went_in(wanted: list[bytes]) -> None:
    assert through_a_pipe(b"".join(line + b"\n" for line in wanted)) == wanted


def test_a_line_too_long_is_one_error_and_the_next_is_read() -> None:
    found = through_a_pipe(b"a\n" + b"x" * (protocol.MAX_LINE_BYTES * 3) + b"\nb\n")
    kinds = [type(item) for item in found]
    assert kinds == [bytes, LineError, bytes]
    assert found[2] == b"b"


def test_an_unfinished_last_line_is_no_line() -> None:
    assert through_a_pipe(b"a\nhalf") == [b"a"]


def test_a_message_too_long_is_refused_before_it_is_sent() -> None:
    huge: dict[str, Any] = {"text": "x" * protocol.MAX_LINE_BYTES}
    with pytest.raises(LineError):
        protocol.write_line(protocol.Run(id=1, job="a", request=huge, out="o"))
