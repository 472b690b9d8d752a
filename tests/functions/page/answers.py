"""Answers of each media type, by name."""

import base64
import sys
import time
from collections.abc import Iterator
from typing import Any, Literal

import ovenbird

HTML = """<!doctype html><p id=text>A document</p>
<script>document.title = "run"; parent.document.title = "run"; fetch("/?ran")</script>
<img src=x onerror="parent.document.title='run'"><style>p { color: red }</style>"""
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="teal"/>'
    '<script>parent.document.title = "run"</script></svg>'
)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADklEQVR4nGP4z8Dwn4EBAAkAAv/1wb8hAAAAAElFTkSuQmCC"
)
Kind = Literal[
    "json",
    "rows",
    "text",
    "html",
    "svg",
    "png",
    "csv",
    "bytes",
    "none",
    "busy",
    "fail",
    "slow",
    "large",
    "long",
    "deep",
    "modules",
]


def handler(kind: Kind = "json") -> Any:
    """Answer with something of a kind."""
    media = {
        "html": "text/html",
        "svg": "image/svg+xml",
        "png": "image/png",
        "csv": "text/csv",
        "bytes": "application/zip",
    }
    bodies: dict[str, Any] = {
        "json": {"city": "Enschede", "inner": {"list": [1, 2.5, None, True], "text": "<b>no markup</b>"}, "empty": {}},
        "rows": [{"name": f"row <{index}>", "value": index / 4} for index in range(300)],
        "text": "Some text\nof two lines",
        "html": HTML, "svg": SVG, "png": PNG, "csv": 'name,value\n"a, ""b""",1\nc,2\n', "bytes": b"PK\x03\x04" * 100,
        "none": None, "large": "x" * 600_000, "long": 12345678901234567890,
    }  # fmt: skip
    if kind == "busy":
        return ovenbird.Response("later", {"retry-after": "7"}, "text/plain", 503)
    if kind == "fail":
        raise ValueError("no such thing")
    if kind == "deep":
        return ovenbird.Response("[" * 50_000 + "]" * 50_000, {}, "application/json", 200)
    if kind == "modules":
        return [name for name in sys.modules if ".page" in name and name.startswith("ovenbird")]
    if kind == "slow":
        time.sleep(60)
    return ovenbird.Response(bodies[kind], {}, media[kind], 200) if kind in media else bodies[kind]


def stream(count: int = 3, wait: float = 0.0) -> Iterator[dict[str, int]]:
    """Count."""
    for number in range(count):
        yield {"number": number}
        time.sleep(wait)
