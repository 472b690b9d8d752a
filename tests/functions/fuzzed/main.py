"""Handlers of six shapes, none of which raises: a 5xx is the runtime's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import UploadFile

from ovenbird import CloudEvent


@dataclass
class Order:
    """A nested payload."""

    name: str
    count: int
    at: datetime | None = None
    parts: list[Part] | None = None


@dataclass
class Part:
    """A part of an order."""

    key: str
    price: float = 0.0
    tags: tuple[str, ...] = ()


def fields(name: str, count: int = 1, ratio: float | None = None, at: datetime | None = None, on: bool = False) -> Any:
    """Fields, in a thread."""
    return {"name": name, "count": count, "ratio": str(ratio), "at": str(at), "on": on}


async def whole(payload: Any) -> dict[str, Any]:
    """The whole payload, on the loop."""
    return {"type": type(payload).__name__}


def typed(order: Order) -> dict[str, Any]:
    """A data class."""
    return {"name": order.name, "parts": len(order.parts or ())}


def upload(file: UploadFile, note: str = "") -> dict[str, Any]:
    """A file of a form."""
    return {"name": file.filename or "", "size": len(file.file.read()), "note": note}


async def event(event: CloudEvent) -> dict[str, Any]:
    """A CloudEvent."""
    return {"id": str(event["id"]), "data": type(event.data).__name__}


def raw(event: Any, context: Any) -> dict[str, Any]:
    """The call itself: what was read as a request."""
    return {"method": event.method, "size": len(event.raw)}


async def raw_async(event: Any) -> dict[str, Any]:
    """The same on the loop."""
    return {"method": event.method, "size": len(event.raw)}
