"""Compressed bodies: decoded for every kind of handler, never to more than the limit."""

from __future__ import annotations

import gzip
import json
import resource
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from tests.raw import Raw, run_service
from tests.service import Service

from ovenbird.serve.problem_details import HttpProblem
from ovenbird.serve.request.content_encoding import decode, list_codings

MIB = 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def zstd_of_unknown_size(data: bytes) -> bytes:
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(data) + stream.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "in capitals": ("GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate, bare": ("deflate", raw_deflate),
    "zstd": ("zstd", zstandard.compress),
    "zstd, unknown size": ("zstd", zstd_of_unknown_size),
    "br": ("br", brotli.compress),
    "identity": ("identity", bytes),
    "two": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "two and identity": ("deflate, identity, gzip", lambda data: gzip.compress(zlib.compress(data))),
}
SOURCE = """
from ovenbird import CloudEvent
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

def fields(a: int): return a
async def whole(payload): return payload
def raw(body: bytes): return len(body)
def event(event): return event.body
def nothing(): return "ran"
async def streamed(request: Request): return sum([len(part) async for part in request.stream()])
def requested(request: Request): return len(request._body)
def upload(file: UploadFile, note: str): return [file.file.read().decode(), note]
def cloud(event: CloudEvent): return event.data

async def _app(request):
    return JSONResponse([len(await request.body()), request.headers["content-encoding"]])

app = Starlette(routes=[Route("/", _app, methods=["POST"])])
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Service]]:
    """The server of one function of SOURCE; each is started once, with a limit on its address space."""
    import contextlib

    path = tmp_path_factory.mktemp("encoded") / "main.py"
    path.write_text(SOURCE)
    with contextlib.ExitStack() as stack:
        services: dict[str, Service] = {}

        def get(name: str) -> Service:
            if name not in services:
                service = stack.enter_context(run_service(tmp_path_factory, f"{path}:{name}", "--max-body", "4MiB"))
                pages = int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[0])
                limit = pages * resource.getpagesize() + 300 * MIB
                resource.prlimit(service.process.pid, resource.RLIMIT_AS, (limit, limit))
                services[name] = service
            return services[name]

        yield get


def post(service: Service, body: bytes, coding: str, media: str = "application/json", **headers: str) -> Any:
    all_headers = {
        "content-type": media,
        "content-encoding": coding,
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    return service.post(content=body, headers=all_headers)


@pytest.mark.parametrize("name", CODINGS)
def test_each_coding(start: Any, name: str) -> None:
    """The function gets what was encoded."""
    coding, encode = CODINGS[name]
    assert post(start("fields"), encode(b'{"a": 5}'), coding).json() == 5
    large = json.dumps(["x" * 100] * 5000).encode()
    assert len(post(start("whole"), encode(large), coding).json()) == 5000


@pytest.mark.parametrize(
    ("handler", "media", "body", "expected"),
    [
        ("raw", "image/png", b"\x89PNG" * 10, 40),
        ("event", "application/json", b'{"a": 1}', {"a": 1}),
        ("nothing", "text/plain", b"x", "ran"),
        ("streamed", "text/plain", b"x" * 50, 50),
        ("requested", "text/plain", b"x" * 50, 50),
        ("fields", "application/x-www-form-urlencoded", b"a=7", 7),
        ("whole", "application/msgpack", b"\x93\x01\x02\x03", [1, 2, 3]),
        (
            "upload", "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntext\r\n'
            b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n--b--\r\n',
            ["text", "hi"],
        ),
        (
            "cloud", "application/cloudevents+json",
            b'{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": [1]}', [1],
        ),
    ],
)  # fmt: skip
def test_each_kind_of_handler(start: Any, handler: str, media: str, body: bytes, expected: Any) -> None:
    """All of them get the decoded body, and refuse a coding that is not supported."""
    answer = post(start(handler), gzip.compress(body), "gzip", media)
    assert (answer.status_code, answer.text.strip('"') if expected == "ran" else answer.json()) == (200, expected)
    refused = post(start(handler), body, "compress", media)
    assert refused.status_code == 415
    assert refused.headers["accept-encoding"] == "gzip, deflate, zstd, br"
    assert "'compress'" in refused.json()["detail"]


def test_an_application_sees_what_was_sent(start: Any) -> None:
    """An application gets the body as it was sent, as it may have a decoder of its own."""
    body = gzip.compress(b"x" * 1000)
    assert post(start("app"), body, "gzip").json() == [len(body), "gzip"]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "br"])
@pytest.mark.parametrize("damage", ["cut", "byte", "text", "empty"])
def test_damaged_data(start: Any, coding: str, damage: str) -> None:
    """Data that is cut off, changed or of another kind is a 400; an empty body is no body."""
    data = bytearray(CODINGS[coding][1](json.dumps({"a": 5, **{f"k{n}": n * n for n in range(200)}}).encode()))
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "byte":
        data[len(data) // 2 :] = bytes(byte ^ 0x5A for byte in data[len(data) // 2 :])
    elif damage == "text":
        data = bytearray(b'{"a": 5}')
    else:
        data = bytearray()
    answer = post(start("whole"), bytes(data), coding)
    assert answer.status_code == (204 if damage == "empty" else 400), answer.text


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "br"])
def test_a_bomb(start: Any, coding: str) -> None:
    """A few kilobytes that hold half a gigabyte are a 413, in bounded memory, while probes are answered."""
    service = start("raw")
    body = {"gzip": _gzip_bomb, "deflate": _deflate_bomb, "zstd": _zstd_bomb, "br": _brotli_bomb}[coding]()
    assert len(body) < 2 * MIB
    worst = 0.0
    done = threading.Event()

    def probe() -> None:
        nonlocal worst
        while not done.is_set():
            began = time.monotonic()
            assert service.get("/_/live").status_code == 200
            worst = max(worst, time.monotonic() - began)

    thread = threading.Thread(target=probe)
    thread.start()
    answer = post(service, body, coding)
    done.set()
    thread.join()
    assert (answer.status_code, answer.json()["limit"]) == (413, 4 * MIB)
    assert worst < 2
    within = CODINGS[coding][1](b"x" * (4 * MIB))
    assert post(service, within, coding).json() == 4 * MIB
    assert post(service, CODINGS[coding][1](b"x" * (4 * MIB + 1)), coding).status_code == 413


def _deflate_bomb() -> bytes:
    stream = zlib.compressobj()
    return b"".join(stream.compress(b"\0" * MIB) for _ in range(512)) + stream.flush()


def _gzip_bomb() -> bytes:
    stream = zlib.compressobj(wbits=31)
    return b"".join(stream.compress(b"\0" * MIB) for _ in range(512)) + stream.flush()


def _zstd_bomb() -> bytes:
    stream = zstandard.ZstdCompressor().compressobj()
    return b"".join(stream.compress(b"\0" * MIB) for _ in range(512)) + stream.flush()


def _brotli_bomb() -> bytes:
    stream = brotli.Compressor(quality=5)  # no larger than by the default, in a thirtieth of its time
    return b"".join(stream.process(b"\0" * MIB) for _ in range(512)) + stream.finish()


def test_several_members_and_rests() -> None:
    """gzip and zstd may have several members; other bytes behind the end are an error, except zeros behind gzip."""
    assert decode(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 10) == b"ab"
    assert decode(gzip.compress(b"a") + b"\0\0\0", "gzip", 10) == b"a"
    assert decode(zstandard.compress(b"a") + zstandard.compress(b"b"), "zstd", 10) == b"ab"
    for data, coding in ((gzip.compress(b"a") + b"x", "gzip"), (zlib.compress(b"a") + b"x", "deflate")):
        with pytest.raises(HttpProblem) as caught:
            decode(data, coding, 10)
        assert caught.value.status == 400


@pytest.mark.parametrize("header", ["gzip, gzip, gzip, gzip, gzip", "gzip;q=1", "*", "aws-chunked", "\x01"])
def test_what_is_not_understood(header: str) -> None:
    """Too many codings, and unknown ones, are refused."""
    with pytest.raises(HttpProblem) as caught:
        decode(b"x", header, 10)
    assert caught.value.status == 415
    assert list_codings() == ["gzip", "deflate", "zstd", "br"]


@pytest.mark.parametrize(
    ("coding", "member"),
    [("gzip", gzip.compress(b"", mtime=0)), ("zstd", zstandard.compress(b"a"))],
    ids=["gzip", "zstd"],
)
def test_very_many_members(start: Any, coding: str, member: bytes) -> None:
    """Megabytes of tiny members take time by their length, and more than some thousands are refused."""
    assert decode(member * 5000, coding, 10_000) == (b"" if coding == "gzip" else b"a" * 5000)
    began = time.monotonic()
    assert post(start("raw"), member * (3 * MIB // len(member)), coding).status_code == 400
    assert time.monotonic() - began < 10  # it took a minute


def test_a_refusal_does_not_wait_for_the_client(start: Any) -> None:
    """A body that has come whole, and holds too much, is refused at once, again and again on one connection."""
    body = gzip.compress(b"x" * (5 * MIB))
    began = time.monotonic()
    with Raw(start("raw")) as client:
        for _ in range(4):
            client.post(body, content_encoding="gzip")
            assert client.answer().status == 413
    assert time.monotonic() - began < 4  # each waited for two seconds
