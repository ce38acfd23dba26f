"""The tables of the panel's lists, and how an older file becomes a newer one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "UPGRADES"]

APPLICATION_ID: Final = 0x464C4F57  # "FLOW": tells our files from any other SQLite file

_VERSION_1: Final = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    order_key REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'stopped')),
    kind TEXT NOT NULL CHECK (kind IN ('edit', 'test')),
    shot_id TEXT NOT NULL,
    title TEXT NOT NULL,
    request TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    phase TEXT NOT NULL,
    note TEXT NOT NULL,
    code TEXT NOT NULL,
    sentence TEXT NOT NULL,
    hint TEXT NOT NULL,
    detail TEXT NOT NULL,
    last_lines TEXT NOT NULL,
    estimate_s REAL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    place TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_order ON jobs (order_key);
CREATE TABLE takes (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    shot_id TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    request TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    recipe_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('edit', 'test')),
    title TEXT NOT NULL,
    recipe TEXT NOT NULL,
    thumbnail TEXT NOT NULL,
    starred INTEGER NOT NULL CHECK (starred IN (0, 1)),
    delivery TEXT NOT NULL CHECK (delivery IN ('patch', 'frame', 'take')),
    placed TEXT NOT NULL,
    placement TEXT NOT NULL,
    origin TEXT NOT NULL,
    timings TEXT NOT NULL,
    frames INTEGER NOT NULL,
    attention TEXT NOT NULL,
    proxy TEXT NOT NULL,
    created REAL NOT NULL,
    UNIQUE (shot_id, number)
) STRICT;
CREATE INDEX takes_by_hash ON takes (request_hash);
CREATE TABLE texts (
    field TEXT NOT NULL CHECK (field IN ('now', 'wanted')),
    text TEXT NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (field, text)
) STRICT;
CREATE TABLE numbers (
    shot_id TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;
"""


def _to_1(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1.split(";"):
        if statement.strip():
            connection.execute(statement)


# One function per step from version n to n + 1; each runs inside one transaction with all others.
UPGRADES: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = {0: _to_1}
SCHEMA_VERSION: Final = len(UPGRADES)
