"""A file as an answer: media type, preconditions (RFC 9110 13) and ranges (RFC 9110 14)."""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import anyio.to_thread
from starlette.responses import FileResponse

from ...function.header_lines import join_lines
from ..call import Receive, Scope, Send
from ..problem_details import problem_response

_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
    "zstd": "application/zstd",
}
_ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_RANGES = re.compile(r"\s*bytes\s*=([0-9,\- \t]+)", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19})")
_MAX_RANGES = 100
_OF_CONTENT = (b"content-length", b"content-type", b"content-encoding", b"content-range", b"content-disposition")


class ConditionalFileResponse(FileResponse):
    """A file response with support for conditional requests and ranges.

    Both apply to GET and HEAD with status 200. A POST that answers with a file has run already, and a client cannot
    have stored its answer.
    """

    def __init__(self, path: Path) -> None:
        media, encoding = media_type_of(path)
        super().__init__(path, media_type=media)
        if encoding:
            self.headers["content-encoding"] = encoding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 or 206 with the file, or 304, 412 or 416. Errors: RuntimeError if the file was removed."""
        if self.status_code != 200 or scope["method"] not in ("GET", "HEAD"):
            await super().__call__(scope, receive, send)
            return
        try:
            self.stat_result = await anyio.to_thread.run_sync(os.stat, self.path)
        except FileNotFoundError:
            raise RuntimeError("the file of the answer was removed before it was sent") from None
        if not stat.S_ISREG(self.stat_result.st_mode):
            raise RuntimeError("the path of the answer is not a file")
        self.set_stat_headers(self.stat_result)
        request = join_lines(scope["headers"])
        status = evaluate_preconditions(request, self.headers["etag"], self.headers["last-modified"])
        if status == 304:
            headers = [pair for pair in self.raw_headers if pair[0] not in _OF_CONTENT]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        elif status == 412:
            refusal = problem_response(412, "the file is not the one that the request's conditions name")
            await send({"type": "http.response.start", "status": 412, "headers": refusal.headers})
            await send({"type": "http.response.body", "body": refusal.body})
        else:
            value = ""
            if scope["method"] == "GET":  # ranges are defined for GET only
                value = normalize_range(request.get(b"range", b"").decode("latin-1"), self.stat_result.st_size)
            lines = [pair for pair in scope["headers"] if pair[0] != b"range"]
            lines += [(b"range", value.encode())] if value else []
            await super().__call__({**scope, "headers": lines}, receive, send)


def media_type_of(path: Path) -> tuple[str, str]:
    """Return the media type of a file and its `Content-Encoding`, by its name.

    A compressed file has the media type of its compression: `table.csv.gz` is stored compressed by the client. Only
    `.svgz` has a content encoding, as SVG defines it.
    """
    media, coding = mimetypes.guess_type(path.name)
    if path.suffix.lower() == ".svgz":
        return "image/svg+xml", "gzip"
    if path.suffix.lower() in (".zst", ".tzst"):  # known to `mimetypes` since Python 3.14
        return _COMPRESSED["zstd"], ""
    if coding:
        return _COMPRESSED.get(coding, "application/octet-stream"), ""
    return media or "application/octet-stream", ""


def evaluate_preconditions(request: Mapping[bytes, bytes], etag: str, last_modified: str) -> int:
    """Return 200, 304 or 412 for a GET or HEAD, in the order of RFC 9110 13.2.2. Invalid dates are ignored."""
    modified = _parse_date(last_modified)
    match = request.get(b"if-match")
    if match is not None:
        if not _has_tag(match, etag, weak=False):
            return 412
    else:
        since = _parse_date(request.get(b"if-unmodified-since", b"").decode("latin-1"))
        if since and modified and modified > since:
            return 412
    none_match = request.get(b"if-none-match")
    if none_match is not None:
        return 304 if _has_tag(none_match, etag, weak=True) else 200
    since = _parse_date(request.get(b"if-modified-since", b"").decode("latin-1"))
    return 304 if since and modified and modified <= since else 200


def normalize_range(value: str, size: int) -> str:
    """Return a `Range` header with the ranges that a file of `size` bytes can satisfy; `""` to ignore the header.

    A header is ignored if its unit is not bytes, if it is malformed, or if it has more than 100 ranges. If no range can
    be satisfied, the returned range leads to a 416.
    """
    parsed = _RANGES.fullmatch(value)
    if not parsed:
        return ""
    ranges = [part.strip() for part in parsed[1].split(",") if part.strip()]
    if not ranges or len(ranges) > _MAX_RANGES:
        return ""
    satisfiable = []
    for text in ranges:
        item = _RANGE.fullmatch(text)
        if not item or (item[2] and int(item[2]) < int(item[1])):
            return ""
        if int(item[1]) < size if item[1] else int(item[3]) > 0 and size > 0:
            satisfiable.append(text)
    return "bytes=" + ",".join(satisfiable or [f"{size}-"])


def _has_tag(value: bytes, etag: str, *, weak: bool) -> bool:
    """Return whether a list of entity tags, or `*`, matches a tag.

    A weak comparison ignores `W/` (RFC 9110 8.8.3.2).
    """
    text = value.decode("latin-1")
    if text.strip() == "*":
        return True
    own = _ENTITY_TAG.fullmatch(etag)
    tags = {(tag[1] or "", tag[2]) for tag in _ENTITY_TAG.finditer(text)}
    if own is None:
        return False
    return any(tag == own[2] for _, tag in tags) if weak else not own[1] and ("", own[2]) in tags


def _parse_date(text: str) -> datetime | None:
    """Return an HTTP date in any of its three formats; None for anything else."""
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)
