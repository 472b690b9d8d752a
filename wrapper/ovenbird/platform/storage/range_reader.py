"""Read parts of a file by URL, without fetching the whole: for previews, and for a download that is passed on.

A store that does not answer is an error after seconds: a person waits.
"""

from __future__ import annotations

import os
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from ...common.redact import redact_url
from ...common.text import show_value
from ...errors import InputError, OvenbirdError
from .schemes import OBJECTS, SQL, WEB, get_local_path, get_scheme, strip_zip

BLOCK = 256 * 1024
_PATIENCE = 10.0  # seconds without a byte


class RangeReader(Protocol):
    """Reads a file in parts; `size` is its bytes, None where a web server does not say. Errors: InputError."""

    size: int | None

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start`, `length` of them or as many as there are."""

    def stream(self) -> Iterator[bytes]:
        """Yield the whole file in blocks."""

    def close(self) -> None:
        """Close the file."""


def open_range_reader(url: str, environ: Mapping[str, str]) -> RangeReader:
    """Return a reader of the file at a path or URL. InputError names it, without secrets, and why it is unreadable."""
    scheme = get_scheme(url)
    if scheme == SQL:
        raise InputError(f"{redact_url(url)}: a table of a database is not a file", hint="`as_df()` reads it")
    opened: type[_LocalReader | _ObjectReader | _WebReader]
    opened = _ObjectReader if scheme in OBJECTS else _WebReader if scheme in WEB else _LocalReader
    with _explain_failures(url):
        return opened(strip_zip(url), environ)
    raise AssertionError  # which a type checker cannot see


@contextmanager
def _explain_failures(url: str) -> Iterator[None]:
    """Turn any error into an InputError that names the file."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise _describe_failure(url, error) from error


def _describe_failure(url: str, error: Exception) -> InputError:
    """Return why a file cannot be read."""
    from ...common import object_storage

    if isinstance(error, OvenbirdError):
        return InputError(error.message, hint=error.hint)
    if isinstance(error, FileNotFoundError):
        return InputError(f"{redact_url(url)} is not there", hint="it was moved or deleted since it was recorded")
    reason = error.strerror if isinstance(error, OSError) else None
    return InputError(f"{redact_url(url)} cannot be read: {reason or object_storage.describe_error(error)}")


class _LocalReader:
    """Reads a regular file of this machine."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:  # noqa: ARG002  # as the other readers
        # without NONBLOCK, a FIFO that nobody writes to would be waited for
        self._descriptor = os.open(get_local_path(url), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        self.size: int | None = status.st_size
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise InputError(f"{show_value(url)} is no regular file", hint="a folder is read by its files")

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def stream(self) -> Iterator[bytes]:
        start = 0
        while block := self.read(start, BLOCK):
            start += len(block)
            yield block

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _ObjectReader:
    """Reads an object of S3, GCS or Azure."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        from .object_storage import import_obstore, open_bucket

        self._obstore = import_obstore()
        self._url = url
        self._store, self._path = open_bucket(url, environ, patience=_PATIENCE)
        self.size: int | None = self._obstore.head(self._store, self._path)["size"]

    def read(self, start: int, length: int) -> bytes:
        length = min(length, (self.size or 0) - start)
        if length <= 0:
            return b""
        with _explain_failures(self._url):
            return bytes(self._obstore.get_range(self._store, self._path, start=start, length=length))

    def stream(self) -> Iterator[bytes]:
        with _explain_failures(self._url):
            for block in self._obstore.get(self._store, self._path).stream(min_chunk_size=BLOCK):
                yield bytes(block)

    def close(self) -> None:
        """Do nothing: a store holds no file open."""


class _WebReader:
    """Reads what a web address answers; a server that knows no ranges is read from its beginning."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:  # noqa: ARG002  # as the other readers
        from ...common import source_url
        from ...common.http_download import basic_authorization, make_opener
        from .http_download import escape_address

        parts = urlsplit(url)
        self._label = redact_url(url)
        self._address = escape_address(source_url.strip_credentials(parts))
        login = source_url.url_credentials(parts)
        self._login = basic_authorization(login.username, login.password) if login else ""
        self._opener = make_opener(urllib.request.ProxyHandler())
        self._answer = self._open()
        length = self._answer.headers.get("Content-Length") or ""
        self.size: int | None = int(length) if length.isascii() and length.isdecimal() else None

    def _open(self, start: int = 0, length: int = 0) -> Any:
        headers = {"User-Agent": "ovenbird", "Accept-Encoding": "identity"}
        if length:
            headers["Range"] = f"bytes={start}-{start + length - 1}"
        request = urllib.request.Request(self._address, headers=headers)  # noqa: S310  # the opener knows HTTP alone
        if self._login:  # "unredirected": the password does not follow a redirect to another host
            request.add_unredirected_header("Authorization", self._login)
        from ...common.http_download import DownloadError

        try:
            return self._opener.open(request, timeout=_PATIENCE)
        except DownloadError as error:
            raise InputError(f"{self._label} {error.message}", hint=error.hint) from None
        except urllib.error.HTTPError as error:
            error.close()
            raise InputError(f"{self._label} cannot be read: the server answered {error.code}") from None

    def read(self, start: int, length: int) -> bytes:
        with _explain_failures(self._label), self._open(start, length) as answer:
            if answer.status != 206 and start:
                raise InputError(f"{self._label}: its server reads files from the beginning only")
            return bytes(answer.read(length))

    def stream(self) -> Iterator[bytes]:
        with _explain_failures(self._label), self._open() as answer:
            while block := answer.read(BLOCK):
                yield block

    def close(self) -> None:
        self._answer.close()
