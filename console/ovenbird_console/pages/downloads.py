"""Stored files as downloads, and images as images; what is stored never runs in the origin of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ovenbird.errors import InputError
from ovenbird.platform.storage.range_reader import RangeReader

from ..console import get_console
from ..entity_files import find_entity_file, open_entity_file
from ..previews.images import LARGEST, detect_image, preview_image
from ..previews.preview import NoPreview
from .entities import TYPES, find_key

# A browser that is led to open the file all the same gives it an origin of its own, without script.
_ISOLATED = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def send_file(request: Request) -> Response:
    """Answer with a file as a download, block by block."""
    reader, name, closing = _open(request)
    headers = {**_ISOLATED, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    if reader.size is not None:
        headers["Content-Length"] = str(reader.size)
    return StreamingResponse(_stream(reader, closing), media_type="application/octet-stream", headers=headers)


def send_image(request: Request) -> Response:
    """Answer with an image that the preview would show. Errors: InputError for any other file."""
    reader, name, closing = _open(request)
    with closing:
        media_type = detect_image(reader.read(0, 16))
        preview = (
            preview_image(reader, media_type) if media_type else NoPreview("it is no image of a format that is shown")
        )
        if isinstance(preview, NoPreview):
            raise InputError(f"{name}: {preview.reason}")
        return Response(reader.read(0, LARGEST), media_type=media_type, headers=_ISOLATED)


def _open(request: Request) -> tuple[RangeReader, str, ExitStack]:
    """Return a reader of the file that the request names, the name for a download, and what closes the reader."""
    console = get_console(request)
    with console.stores.borrow() as store:
        record = store.read(find_key(request))
    entry = find_entity_file(record, request.query_params.get("file"))
    closing = ExitStack()
    return closing.enter_context(open_entity_file(entry, console.environ)), entry.name.rpartition("/")[2], closing


def _stream(reader: RangeReader, closing: ExitStack) -> Iterator[bytes]:
    with closing:
        yield from reader.stream()


ROUTES = [
    Route(f"/{entity_type}s/{{project}}/{{name}}/{{id}}/{part}", answer)
    for entity_type in TYPES
    for part, answer in (("file", send_file), ("image", send_image))
]
