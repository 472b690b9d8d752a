"""Handlers that say what they were given."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ovenbird.function.cloudevent import CloudEvent


@dataclass
class Line:
    sku: str
    count: int = 1


class Order(BaseModel):
    name: str
    price: float = Field(gt=0)


def fields(a: int, b: str = "none", tags: list[str] | None = None):
    return {"a": a, "b": b, "tags": tags}


def rest(a: int, **others):
    return {"a": a, "others": others}


def whole(payload):
    return {
        "type": type(payload).__name__,
        "value": payload if not isinstance(payload, bytes) else payload.decode("latin-1"),
    }


def line(line: Line):
    return {"line": line}


def lines(lines: list[Line]):
    return {"lines": lines}


def order(order: Order):
    return order


def raw(body: bytes):
    return body


def nothing():
    return "ran"


def event(event, context):
    return {
        "body": event.body if not isinstance(event.body, bytes) else {"bytes": event.body.decode("latin-1")},
        "content_type": event.content_type,
        "method": event.method,
        "path": event.path,
        "fields": event.fields,
        "url": event.url,
        "size": event.size,
        "id": event.id,
        "header": event.get_header("x-own"),
        "same": event.headers.get("X-OWN"),
        "trigger": event.trigger.kind,
        "year": event.timestamp.year,
    }


def swapped(context, event):
    return [context.name, event.method]


def upload(file: UploadFile, note: str = ""):
    spooled = file.file
    body = spooled.read()
    return {
        "name": file.filename,
        "size": len(body),
        "media": file.content_type,
        "note": note,
        "on_disk": bool(spooled._rolled),
        "open": _deleted(),
    }


def uploads(files: list[UploadFile]):
    return [file.filename for file in files]


def open_files():
    return _deleted()


def _deleted():
    """How many removed files this process still holds: spooled uploads have no name."""
    number = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            number += str(link.readlink()).endswith("(deleted)")
    return number


async def streamed(request: Request):
    total = 0
    async for part in request.stream():
        total += len(part)
    return {"total": total, "query": dict(request.query_params)}


def requested(request: Request):
    return {"method": request.method, "body": len(request._body), "header": request.headers.get("x-own")}


def told(event: CloudEvent):
    return {"attributes": event.attributes, "data": event.data if not isinstance(event.data, bytes) else "bytes"}


def typed(event: CloudEvent, a: int):
    if a == 13:
        raise RuntimeError("secret-13")
    if a == 14:
        raise SystemExit(14)
    return a * 2


def typed_generator(event: CloudEvent, a: int):
    for _ in range(100):
        yield "x" * 100_000
    if a == 13:
        raise RuntimeError("secret-13")


async def typed_async(event: CloudEvent, a: int):
    if a == 13:
        raise RuntimeError("secret-13")
    return ("x" * 100_000 for _ in range(100))


async def _form(request: Request):
    return JSONResponse(sorted(await request.form()))


asgi_form = Starlette(routes=[Route("/", _form, methods=["POST"])])


def size(payload):
    return len(payload)


async def size_on_loop(payload):
    return len(payload)


def event_size(event):
    return len(event.body)
