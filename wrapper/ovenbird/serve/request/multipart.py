"""Read a multipart form by Starlette's parser, within our limits, from its first boundary to its closing one."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncGenerator, Callable
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ...common.text import show_value
from ..call import HttpCall
from ..problem_details import HttpProblem, retry_after
from .body_limits import BodyLimits
from .body_memory import BodyMemory
from .body_reader import BodyReader

_NO_LIMIT = 2**31
_BEHIND = (b"\r\n", b"--")  # what follows a boundary
_FULL = 5  # seconds after which a client may try again where the disk was full
_log = logging.getLogger("ovenbird")


async def read_multipart(call: HttpCall, body: BodyReader, limits: BodyLimits, memory: BodyMemory) -> Any:
    """Return the form of a multipart body; an empty body is an empty form.

    The limit counts fields and files together. A part that is not a file may be as long as the body; `memory` reserves
    the bytes of such parts.
    Errors: HttpProblem 413 for too many parts, 400 for a body that is malformed or cut off, 415 for its charset, 503
    where no file of it can be written.
    """
    if call.scope["query_string"]:
        limits.check_query(call.scope["query_string"])
    request = Request(call.scope, body.receive, call.send)
    parser = _Parser(request, limits.fields or _NO_LIMIT, body.limit, lambda size: memory.reserve(call, size))
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        if parser.parts > parser.most:
            raise _too_many_error(parser.most) from None
        raise HttpProblem(400, f"the multipart body is malformed: {error}") from None
    except OSError as error:
        folder = tempfile.gettempdir()
        _log.error("a file of a form cannot be kept in %s: %s (TMPDIR names another folder)", folder, error.strerror)
        detail = "there is no room for the files of the form, which the handler has not seen"
        raise HttpProblem(503, detail, headers=retry_after(_FULL)) from None
    if body.size and not parser.is_complete:
        await form.close()
        raise HttpProblem(400, "the multipart body is cut off: its closing boundary is missing")
    return form


class _Parser(MultiPartParser):
    """Starlette's parser, which also counts fields and files together, and records whether the form is complete."""

    def __init__(self, request: Request, most: int, max_part: int, count: Callable[[int], None]) -> None:
        _, options = parse_options_header(request.headers["content-type"])
        stream = skip_preamble(request.stream(), options.get(b"boundary", b""))
        super().__init__(request.headers, stream, max_files=most, max_fields=most, max_part_size=max_part)
        self.most = most
        self.parts = 0
        self.is_complete = False
        self._count = count
        self._in_memory = 0  # bytes of parts that are not files

    def on_part_begin(self) -> None:
        """Count a part."""
        self.parts += 1
        if self.parts > self.most:
            raise MultiPartException("too many parts")
        super().on_part_begin()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Count the bytes of a part that is not a file: large files are on disk."""
        if self._current_part.file is None:
            self._in_memory += end - start
            self._count(self._in_memory)
        super().on_part_data(data, start, end)

    def on_end(self) -> None:
        """Record that the closing boundary has arrived."""
        self.is_complete = True
        super().on_end()


async def skip_preamble(stream: AsyncGenerator[bytes, None], boundary: bytes) -> AsyncGenerator[bytes, None]:
    """Yield a multipart body from its first boundary on: a preamble may stand before it (RFC 2046, 5.1.1).

    A boundary begins a line, and ends it or is the closing one.
    Errors: MultiPartException for a body without one.
    """
    delimiter = b"\n--" + boundary
    size = len(delimiter)
    start, waiting, is_empty = -1, b"\n", True
    async for chunk in stream:
        if start >= 0:
            yield chunk
            continue
        is_empty = is_empty and not chunk
        waiting += chunk
        start = waiting.find(delimiter)
        while 0 <= start <= len(waiting) - size - 2 and waiting[start + size : start + size + 2] not in _BEHIND:
            start = waiting.find(delimiter, start + 1)
        if 0 <= start <= len(waiting) - size - 2:
            yield waiting[start + 1 :]
            waiting = b""
        else:
            start, waiting = -1, waiting[-size - 1 :]
    if start < 0 and not is_empty:
        raise MultiPartException(f"no line of it is the boundary {show_value(boundary.decode('latin-1'))}")


def _too_many_error(limit: int) -> HttpProblem:
    return HttpProblem(413, f"the body has over {limit} parts", limit=limit, setting="--max-fields")
