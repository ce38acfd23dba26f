"""Path mapping: as OpenJD's own library does it, and the files it is read from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openjd.sessions import PathMappingRule

from flowanchor_engine.errors import RequestError
from flowanchor_engine.farm.path_mapping import PathRules, Rule, read_rules

names = st.sampled_from(["mnt", "Mnt", "show", "Shows", "a b", "K", "\u212a", "..", "x.0001.exr"])
parts = st.lists(names, max_size=4)
posix = st.builds(lambda each, end: "/" + "/".join(each) + end, parts, st.sampled_from(["", "/"]))
windows = st.builds(
    lambda drive, each, mark, end: drive + mark + mark.join(each) + end,
    st.sampled_from(["Z:", "z:", "Y:", "\\\\nas\\pool"]),
    parts,
    st.sampled_from(["\\", "/"]),
    st.sampled_from(["", "\\"]),
)
uri = st.builds(
    lambda scheme, each, end: f"{scheme}://bucket/" + "/".join(each) + end,
    st.sampled_from(["s3", "S3", "gs"]),
    st.lists(names.filter(lambda name: name != ".."), min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)
relative = st.builds("/".join, parts)


@st.composite
def rule_dicts(draw: st.DrawFn) -> dict[str, str]:
    kind, source = draw(
        st.one_of(
            st.tuples(st.just("POSIX"), posix),
            st.tuples(st.just("WINDOWS"), windows),
            st.tuples(st.just("URI"), uri.map(lambda text: text.rstrip("/"))),
        )
    )
    destination = draw(st.sampled_from(["/farm", "/farm/b", "/"]))
    return {
        "source_path_format": kind,
        "source_path": source,
        "destination_path": destination,
    }


@settings(deadline=None)
@given(rules=st.lists(rule_dicts(), max_size=4), path=st.one_of(posix, windows, uri, relative))
def test_paths_come_out_as_openjd_maps_them(rules: list[dict[str, str]], path: str) -> None:
    theirs = sorted(
        (PathMappingRule.from_dict(rule) for rule in rules),
        key=lambda rule: -rule._source_path_component_count(),
    )
    expected = next(
        (mapped for rule in theirs for found, mapped in [rule.apply(path=path)] if found), path
    )
    ours = PathRules.of(
        [
            Rule(rule["source_path_format"], rule["source_path"], rule["destination_path"])
            for rule in rules
        ]
    )
    assert ours.apply(path) == expected


def write(folder: Path, data: object) -> Path:
    path = folder / "rules.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def test_the_deepest_rule_wins_whatever_its_place(tmp_path: Path) -> None:
    rules = [
        {"source_path_format": "posix", "source_path": source, "destination_path": destination}
        for source, destination in (("/mnt", "/a"), ("/mnt/show/plates", "/c"), ("/mnt/show", "/b"))
    ]
    read = read_rules(write(tmp_path, {"version": "pathmapping-1.0", "path_mapping_rules": rules}))
    assert read.apply("/mnt/show/plates/x.mov") == "/c/x.mov"
    assert read.apply("/mnt/show/platesX/x.mov") == "/b/platesX/x.mov"
    assert read.apply("/mntx/x.mov") == "/mntx/x.mov"


def test_a_session_without_rules_writes_an_empty_object(tmp_path: Path) -> None:
    assert read_rules(write(tmp_path, {})) == PathRules()


GOOD = {"source_path_format": "POSIX", "source_path": "/a", "destination_path": "/b"}


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[]",
        {"version": "pathmapping-2.0", "path_mapping_rules": []},
        {"version": "pathmapping-1.0", "path_mapping_rules": {}},
        {"version": "pathmapping-1.0", "path_mapping_rules": ["/a"]},
        *(
            {"version": "pathmapping-1.0", "path_mapping_rules": [{**GOOD, **wrong}]}
            for wrong in (
                {"source_path_format": "AMIGA"},
                {"source_path": ""},
                {"destination_path": 3},
                {"source_path_format": "URI", "source_path": "s3:/bucket"},
            )
        ),
    ],
)
def test_what_is_no_file_of_rules_is_refused(tmp_path: Path, data: Any) -> None:
    with pytest.raises(RequestError):
        read_rules(write(tmp_path, data))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        read_rules(tmp_path / "rules.json")
