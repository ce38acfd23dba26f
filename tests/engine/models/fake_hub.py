"""A model server on the loopback that speaks the hub's addresses and breaks as it is told.

Lists (``/api/models/<repository>[/revision/<rev>]``) and files (``/<repository>/resolve/…``);
large files are redirected, as the real one does, and every file can be read in ranges.
"""

from __future__ import annotations

import hashlib
import json
import re
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LONGEST_STALL_S = 30
BLOCK = 16 << 10


@dataclass
class Asked:
    """One request for a file's bytes."""

    name: str
    start: int
    sent: int = 0


@dataclass
class Faults:
    """What goes wrong; names are files of the repository."""

    cut: dict[str, list[int]] = field(default_factory=dict)  # close after so many bytes, once each
    stall: dict[str, int] = field(default_factory=dict)  # fall silent where so many are there
    corrupt: set[str] = field(default_factory=set)  # flip a bit
    longer: set[str] = field(default_factory=set)  # send more than was promised
    statuses: list[int] = field(default_factory=list)  # answers to the next requests
    ranges: str = "kept"  # or "ignored", "refused"
    list_more: list[dict[str, Any]] = field(default_factory=list)  # entries without a file


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # clients that die are the point
            super().handle_error(request, client_address)


class FakeHub:
    """The server; `repositories` maps names to folders, read anew for every request."""

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.headers: list[dict[str, str]] = []
        self.listed = 0
        self.stalled = threading.Event()
        self.go_on = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def sent(self, name: str | None = None) -> int:
        """Bytes of files that left the server."""
        return sum(item.sent for item in self.asked if name in (None, item.name))

    def sent_after(self, mark: int) -> int:
        """Bytes that left the server for all but the first `mark` requests."""
        return sum(item.sent for item in self.asked[mark:])

    def forget(self) -> None:
        """Start counting anew, and behave."""
        self.go_on.set()
        self.asked, self.headers, self.listed = [], [], 0
        self.faults = Faults()
        self.stalled, self.go_on = threading.Event(), threading.Event()

    def commit(self, repository: str) -> str:
        """A name of the folder's state, as a real commit is."""
        total = hashlib.sha1(usedforsecurity=False)
        for name, path in _files(self.repositories[repository]).items():
            state = path.stat()
            total.update(f"{name} {state.st_size} {state.st_mtime_ns};".encode())
        return total.hexdigest()

    def listing(self, repository: str) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for name, path in _files(self.repositories[repository]).items():
            data = path.read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
            item: dict[str, Any] = {"rfilename": name, "size": len(data)}
            item["blobId"] = blob.hexdigest()
            if _is_large(name):
                item["lfs"] = {
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                    "pointerSize": 134,
                }
            siblings.append(item)
        siblings += self.faults.list_more
        return {"id": repository, "sha": self.commit(repository), "siblings": siblings}


@contextmanager
def serve() -> Iterator[FakeHub]:
    hub = FakeHub()
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        hub.server.shutdown()
        hub.server.server_close()
        thread.join(10)


def _files(home: Path) -> dict[str, Path]:
    return {p.relative_to(home).as_posix(): p for p in sorted(home.rglob("*")) if p.is_file()}


def _is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".bin", ".model"))


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None:
            """Keep quiet."""

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            hub.headers.append({key.lower(): value for key, value in self.headers.items()})
            path = unquote(urlsplit(self.path).path)
            if hub.faults.statuses:
                return self.plain(hub.faults.statuses.pop(0), b"no")
            if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
                return self.answer_list(found[1], found[2])
            if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                return self.resolve(found[1], found[2], found[3])
            if found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
                return self.content(found[1], found[2])
            return self.plain(404, b"nothing here")

        def plain(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for key, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def known(self, repository: str, revision: str | None) -> bool:
            if repository not in hub.repositories:
                return False
            return revision in (None, "main", hub.commit(repository))

        def answer_list(self, repository: str, revision: str | None) -> None:
            if not self.known(repository, revision):
                return self.plain(404, b"{}", X_Error_Code="RepoNotFound")
            hub.listed += 1
            body = json.dumps(hub.listing(repository)).encode()
            return self.plain(200, body, content_type="application/json")

        def resolve(self, repository: str, revision: str, name: str) -> None:
            if not self.known(repository, revision):
                return self.plain(404, b"{}", X_Error_Code="RevisionNotFound")
            if name not in _files(hub.repositories[repository]):
                return self.plain(404, b"{}", X_Error_Code="EntryNotFound")
            if not _is_large(name):
                return self.content(repository, name)
            path = hub.repositories[repository] / name
            return self.plain(
                302,
                b"",
                location=f"{hub.url}/cdn/{repository}/{name}",
                X_Repo_Commit=hub.commit(repository),
                X_Linked_Size=str(path.stat().st_size),
                X_Linked_Etag=f'"{hashlib.sha256(path.read_bytes()).hexdigest()}"',
            )

        def content(self, repository: str, name: str) -> None:
            data = (hub.repositories[repository] / name).read_bytes()
            span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
            start = int(span[1]) if span else 0
            if span and hub.faults.ranges == "refused":
                return self.plain(416, b"")
            if hub.faults.ranges == "ignored":
                span, start = None, 0
            if start >= len(data) > 0:
                return self.plain(416, b"")
            if name in hub.faults.corrupt:
                middle = len(data) // 2
                data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
            whole = len(data)
            if name in hub.faults.longer:
                data += b"\0" * 100_000
            body = data[start:]
            self.send_response(206 if span else 200)
            if span:
                self.send_header("content-range", f"bytes {start}-{whole - 1}/{whole}")
            self.send_header("content-length", str(len(body)))
            self.send_header("etag", f'"{hashlib.sha1(data, usedforsecurity=False).hexdigest()}"')
            self.send_header("x-repo-commit", hub.commit(repository))
            self.end_headers()
            if self.command == "HEAD":
                return None
            return self.pour(Asked(name, start), body)

        def pour(self, asked: Asked, body: bytes) -> None:
            hub.asked.append(asked)
            cuts = hub.faults.cut.get(asked.name)
            cut = cuts.pop(0) if cuts else None
            stall = hub.faults.stall.get(asked.name)
            if stall is not None:  # of the file: who asks again for the rest gets no further
                stall = max(0, stall - asked.start)
            go_on, stalled = hub.go_on, hub.stalled
            while asked.sent < len(body):
                if cut is not None and asked.sent >= cut:
                    self.close_connection = True
                    return
                if stall is not None and asked.sent >= stall and not go_on.is_set():
                    stalled.set()
                    if not self.wait(go_on):
                        self.close_connection = True
                        return
                stop = min(asked.sent + BLOCK, len(body))
                for limit in (cut, stall):
                    if limit is not None and asked.sent < limit:
                        stop = min(stop, limit)
                block, asked.sent = body[asked.sent : stop], stop  # counted before it can arrive
                try:
                    self.wfile.write(block)
                except OSError:  # whoever asked has gone
                    self.close_connection = True
                    return

        def wait(self, go_on: threading.Event) -> bool:
            """Be silent until told to go on; False when whoever asked has gone."""
            for _ in range(LONGEST_STALL_S * 20):
                if go_on.wait(0.05):
                    return True
                if select.select([self.connection], [], [], 0)[0]:
                    return False
            return False

    return Handler
