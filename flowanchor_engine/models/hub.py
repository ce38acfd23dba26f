"""Asking a model server that speaks the Hugging Face Hub's addresses: lists and bytes.

The connection is huggingface_hub's own, so proxies, certificates and a client set by
`huggingface_hub.set_client_factory` count here too; ``HF_ENDPOINT`` names a mirror and
``HF_HUB_OFFLINE`` forbids the net. huggingface_hub 2 keeps no partial file after a failure,
so files are streamed here. Requests say what program asks and nothing about the computer.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import httpx2
from huggingface_hub import get_session, get_token
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from flowanchor_engine.errors import ModelMissingError, NetError

if TYPE_CHECKING:
    from flowanchor_engine.progress import Reporter

__all__ = [
    "AgainError",
    "Listing",
    "Patience",
    "RemoteFile",
    "address",
    "endpoint",
    "listing",
    "stream",
]

_PUBLIC = "https://huggingface.co"
_TRUE = {"1", "ON", "YES", "TRUE"}
_HINTS = ("try_again", "use_existing_files")
_ATTEMPTS = 5
_FIRST_PAUSE_S = 0.25
_LEAST_TIMEOUT_S, _MOST_TIMEOUT_S = 2.0, 16.0
_WORTH_ANOTHER_TRY = (408, 409, 425, 429, 500, 502, 503, 504)


class AgainError(Exception):
    """The server failed in a way that may pass; never leaves this package."""


@dataclass(frozen=True)
class RemoteFile:
    r"""One file on the server.

    Attributes
    ----------
    size : int
        Bytes.
    sha256 : str or None
        Given for large files.
    git_sha1 : str or None
        Git's name of the content, ``sha1("blob <size>\0" + content)``; given for small ones.
    """

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Listing:
    """All files of a repository at one commit."""

    repository: str
    commit: str
    files: tuple[RemoteFile, ...]


class Patience:
    """How long a failing server is tried; every advance renews it.

    A silent server is waited for 2 s at first, then longer, so that a stop asked in
    the middle of a download is heard soon although reading blocks.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._failures = 0

    @property
    def timeout_s(self) -> float:
        """Seconds to wait for the next bytes."""
        return min(_LEAST_TIMEOUT_S * float(2**self._failures), _MOST_TIMEOUT_S)

    def renew(self) -> None:
        """Note that the server gave something new."""
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """Wait before another try, hearing a stop.

        Raises
        ------
        NetError
            The server was tried often enough.
        """
        self._failures += 1
        if self._failures >= _ATTEMPTS:
            raise NetError(
                "No connection to the download server; what was downloaded is kept.",
                hint=_HINTS,
                detail=f"{endpoint()}: {error!r}",
            ) from error
        until = time.monotonic() + _FIRST_PAUSE_S * 2 ** (self._failures - 1)
        while (left := until - time.monotonic()) > 0:
            self._report.check()
            time.sleep(min(left, 0.05))


def endpoint() -> str:
    """Return the server's address: ``HF_ENDPOINT``, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or _PUBLIC).rstrip("/")


def address(listing: Listing, name: str) -> str:
    """Return where a file of a listing is downloaded from."""
    where = f"{quote(listing.repository)}/resolve/{quote(listing.commit, safe='')}"
    return f"{endpoint()}/{where}/{quote(name)}"


def listing(repository: str, revision: str | None, report: Reporter) -> Listing:
    """Ask which files a repository holds.

    Raises
    ------
    NetError
        No answer, a refusal, an answer without the sizes, or offline.
    ModelMissingError
        The server knows no such repository or revision.
    """
    _check_online()
    url = f"{endpoint()}/api/models/{quote(repository)}"
    if revision is not None:
        url += f"/revision/{quote(revision, safe='')}"
    patience = Patience(report)
    while True:
        report.check()
        try:
            with _retried():
                answer = get_session().get(
                    url, params={"blobs": True}, headers=_headers(), timeout=patience.timeout_s
                )
                if answer.status_code != 200:
                    _refuse(answer, f"{repository} at {revision or 'its newest revision'}")
            break
        except AgainError as error:
            patience.failed(error)
    try:
        info = ModelInfo(**answer.json())  # type: ignore[no-untyped-call]
        files = tuple(_remote(item) for item in info.siblings or ())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NetError(
            f"The download server's list of {repository} cannot be understood.",
            hint=_HINTS,
            detail=f"{url}: {error!r}",
        ) from error
    if not info.sha:
        raise NetError(
            f"The download server names no revision of {repository}.", hint=_HINTS, detail=url
        )
    return Listing(repository=repository, commit=info.sha, files=files)


def _remote(item: RepoSibling) -> RemoteFile:
    if item.lfs is not None:  # a large file, kept outside Git
        return RemoteFile(item.rfilename, int(item.lfs.size), item.lfs.sha256.lower(), None)
    if item.size is None:
        raise KeyError(f"size of {item.rfilename}")
    return RemoteFile(item.rfilename, int(item.size), None, item.blob_id)


@contextmanager
def stream(url: str, start: int, timeout_s: float) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Open a file's bytes from `start` on.

    Yields
    ------
    tuple of int and iterator of bytes
        Where the bytes begin (0 if the server ignores ranges), and the bytes as they arrive.

    Raises
    ------
    AgainError
        A failure that may pass, in opening or in reading.
    NetError, ModelMissingError
        A refusal.
    """
    _check_online()
    headers = {**_headers(), "accept-encoding": "identity"}
    if start:
        headers["range"] = f"bytes={start}-"
    session = get_session()
    with (
        _retried(),
        session.stream("GET", url, headers=headers, timeout=timeout_s) as answer,
    ):
        if answer.status_code == 206:
            span = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
            if span is None or int(span[1]) != start:
                raise AgainError(f"asked from {start}, got {answer.headers}")
            yield start, answer.iter_bytes()
        elif answer.status_code == 200:
            yield 0, answer.iter_bytes()
        elif answer.status_code == 416:  # the part is not of this file: begin anew
            yield 0, iter(())
        else:
            _refuse(answer, url.rsplit("/", 1)[-1])


@contextmanager
def _retried() -> Iterator[None]:
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise _offline() from error
    except httpx2.HTTPError as error:
        raise AgainError(f"{type(error).__name__}: {error}") from error
    except httpx2.InvalidURL as error:
        raise NetError(
            f"“{endpoint()}” is not the address of a server.", hint=_HINTS, detail=str(error)
        ) from error


def _refuse(answer: httpx2.Response, what: str) -> NoReturn:
    status = answer.status_code
    detail = f"{status} for {answer.request.url}"
    if status in _WORTH_ANOTHER_TRY:
        raise AgainError(detail)
    if status in (404, 410):
        raise ModelMissingError(
            f"The download server has no {what}.", hint=["choose_model"], detail=detail
        )
    if status in (401, 403):
        raise NetError(
            f"The download server refuses {what}; it needs an account (HF_TOKEN) or does not "
            "have it.",
            hint=_HINTS,
            detail=detail,
        )
    raise NetError(f"The download server answered {status}.", hint=_HINTS, detail=detail)


def _check_online() -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(name, "").upper() in _TRUE:
            raise _offline()


def _offline() -> NetError:
    return NetError(
        "Downloads are switched off on this computer (offline mode).",
        hint=("use_existing_files",),
        detail="HF_HUB_OFFLINE",
    )


def _headers() -> dict[str, str]:
    headers = {"user-agent": "flowanchor"}
    token = get_token()
    if token:
        headers["authorization"] = f"Bearer {token}"
    return headers
