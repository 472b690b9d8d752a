"""The bodies of requests: bytes, files and multipart forms. What is large is read while it is sent."""

from __future__ import annotations

import io
import mimetypes
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..common.text import show_value
from .errors import ArgumentsMismatchError
from .unsendable_values import encode_text

_CHUNK = 256 * 1024
_FORBIDDEN = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}  # as browsers write names in forms (HTML 4.10.21.8)


class FilePart(NamedTuple):
    """A file of a form: its name for the service, its content, and its media type."""

    name: str
    content: Any
    media_type: str = ""


class Upload:
    """A body that is read while it is sent. `length` is in bytes, None where it is not known beforehand."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts
        self._starts = [part.tell() if _is_seekable(part) else None for part in parts]
        lengths = [_measure(part) for part in parts]
        self.length = None if None in lengths else sum(filter(None, lengths))
        self.is_repeatable = all(isinstance(part, (bytes, Path)) or _is_seekable(part) for part in parts)

    def read_chunks(self) -> Iterator[bytes]:
        """Yield the body from its beginning."""
        for part, start in zip(self._parts, self._starts, strict=True):
            if isinstance(part, bytes):
                yield part
            elif isinstance(part, Path):
                with part.open("rb") as stream:
                    yield from _read_stream(stream)
            else:
                if start is not None:
                    part.seek(start)
                yield from _read_stream(part)


def _read_stream(stream: Any) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        if not isinstance(chunk, (bytes, bytearray)):
            raise ArgumentsMismatchError("a file is opened as text: open it with `open(path, 'rb')`")
        yield bytes(chunk)


def _is_seekable(part: Any) -> bool:
    if isinstance(part, (bytes, Path)):
        return False
    try:
        return bool(part.seekable())
    except (AttributeError, OSError, ValueError):
        return False


def _measure(part: Any) -> int | None:
    """Return how many bytes a part has from where it stands; None if only reading tells."""
    if isinstance(part, bytes):
        return len(part)
    if isinstance(part, Path):
        return int(part.stat().st_size) if part.is_file() else None
    if not _is_seekable(part) or isinstance(part, io.TextIOBase):
        return None
    start = int(part.tell())
    end = int(part.seek(0, os.SEEK_END))
    part.seek(start)
    return end - start


def is_file_like(value: Any) -> bool:
    """Return whether a value can be sent as the content of a file."""
    return isinstance(value, (bytes, bytearray, memoryview, Path)) or callable(getattr(value, "read", None))


def make_body(value: Any, name: str = "body") -> bytes | Upload:
    """Return what is sent for bytes, text, a path or a file that is open for reading.

    Errors: ArgumentsMismatchError.
    """
    if isinstance(value, str):
        return encode_text(value, f"`{name}`")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    _refuse_content(value, name)
    return Upload([value])


def _refuse_content(value: Any, name: str) -> None:
    """Raise ArgumentsMismatchError for what cannot be read as a file."""
    if not is_file_like(value):
        hint = "a path is given as `pathlib.Path`" if isinstance(value, str) else ""
        raise ArgumentsMismatchError(
            f"`{name}` takes bytes, a `pathlib.Path` or an open file, found {type(value).__name__}", hint=hint
        )
    if isinstance(value, io.TextIOBase):
        raise ArgumentsMismatchError(f"`{name}`: the file is opened as text: open it with `open(path, 'rb')`")
    if isinstance(value, Path):
        try:
            with value.open("rb"):
                pass
        except OSError as error:
            raise ArgumentsMismatchError(
                f"`{name}`: cannot read {show_value(str(value))}: {error.strerror or error}"
            ) from None


def make_file_part(value: Any, name: str) -> FilePart:
    """Return the file of a form for a content, or for a tuple of file name, content and, if wanted, media type.

    Errors: ArgumentsMismatchError.
    """
    filename, content, media_type = "", value, ""
    if isinstance(value, tuple):
        if len(value) not in (2, 3):
            raise ArgumentsMismatchError(f"`{name}`: a file is `(name, content)` or `(name, content, media type)`")
        filename, content, media_type = str(value[0]), value[1], str(value[2]) if len(value) == 3 else ""
    if isinstance(content, str) and isinstance(value, tuple):
        content = encode_text(content, f"`{name}`")
    _refuse_content(content, name)
    source = content if isinstance(content, Path) else getattr(content, "name", "")
    filename = filename or (Path(source).name if isinstance(source, (str, Path)) else "") or name
    media_type = media_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    if isinstance(content, (bytearray, memoryview)):
        content = bytes(content)
    return FilePart(filename, content, media_type)


def make_form(fields: list[tuple[str, Any]]) -> tuple[str, bytes | Upload]:
    """Return the media type and the body of a multipart form.

    Each field is a name and its value: text, a `FilePart`, or a pair of text and media type.
    """
    boundary = secrets.token_hex(16)
    parts: list[Any] = []
    for name, value in fields:
        encode_text(name, "the name of a field")
        lines = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_FORBIDDEN)}"'
        content: Any = value
        media_type = ""
        if isinstance(value, FilePart):
            encode_text(f"{value.name}{value.media_type}", f"the name of the file `{name}`")
            lines += f'; filename="{value.name.translate(_FORBIDDEN)}"'
            content, media_type = value.content, value.media_type
        elif isinstance(value, tuple):
            content, media_type = value
        if media_type:
            lines += f"\r\nContent-Type: {media_type.translate(_FORBIDDEN)}"
        parts += [
            f"{lines}\r\n\r\n".encode(),
            encode_text(content, f"`{name}`") if isinstance(content, str) else content,
            b"\r\n",
        ]
    parts.append(f"--{boundary}--\r\n".encode())
    media = f"multipart/form-data; boundary={boundary}"
    if all(isinstance(part, bytes) for part in parts):
        return media, b"".join(parts)
    return media, Upload(_join_bytes(parts))


def _join_bytes(parts: list[Any]) -> list[Any]:
    """Return the parts with neighbours that are bytes joined."""
    joined: list[Any] = []
    for part in parts:
        if joined and isinstance(part, bytes) and isinstance(joined[-1], bytes):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def list_files(files: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the fields of a form for `files=`: each value is a file, or a list of files."""
    return [
        (name, make_file_part(part, name))
        for name, value in files.items()
        for part in (value if isinstance(value, list) else [value])
    ]
