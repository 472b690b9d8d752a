"""Bodies are admitted by bytes: what is held at once has a limit, and what has ended is forgotten."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.service import Service, wait_until

from ovenbird.serve.request.body_memory import pending_input_limit
from ovenbird.serve.server.oom import memory_limit
from ovenbird.settings import resolve

Serve = Callable[..., Service]
WAITS = """
import os, time
def handler(data: str, wait: bool = True):
    while wait and not os.path.exists("go"):
        time.sleep(0.02)
    return len(data)
"""
WSGI = """
import os, time
def handler(environ, start_response):
    size = len(environ["wsgi.input"].read())
    while size > 1000 and not os.path.exists("go"):
        time.sleep(0.02)
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(size).encode()]
"""
SIZE = 700_000


def chunks(body: bytes) -> Iterator[bytes]:
    """Yield a body in parts, so that it has no length."""
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


def request(kind: str, size: int = SIZE, data: str = "x") -> dict[str, Any]:
    """Return the request of a call with a body of about `size` bytes."""
    text = json.dumps({"data": data * size}).encode()
    typed = {"content-type": "application/json"}
    if kind == "whole":
        return {"content": text, "headers": typed}
    if kind in ("chunked", "wsgi"):
        return {"content": chunks(text), "headers": typed}
    if kind == "gzip":
        return {"content": gzip.compress(text), "headers": {**typed, "content-encoding": "gzip"}}
    return {"files": {"data": (None, data * size)}}


@pytest.mark.parametrize("kind", ["whole", "chunked", "gzip", "form", "wsgi"])
def test_a_body_that_does_not_fit_is_refused(serve: Serve, tmp_path: Path, kind: str) -> None:
    """While one body is held the next large one is a 503 with `Retry-After`, a small one is served; then it fits."""
    service = serve(WSGI if kind == "wsgi" else WAITS, "--max-pending-input", "1M").wait_ready()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: service.post(**request(kind)))
        wait_until(lambda: "ovenbird_in_flight 1" in service.get("/_/metrics").text, lambda: service.log, service)
        second = service.post(**request(kind))
        assert (second.status_code, "retry-after" in second.headers) == (503, True)
        assert second.json()["detail"] == "too many large bodies are being worked on"
        assert service.post(json={"data": "small", "wait": False}).status_code == 200
        (tmp_path / "go").touch()
        assert first.result().status_code == 200
    assert "ovenbird_rejected_total 1\n" in service.get("/_/metrics").text
    assert service.post(**request(kind)).status_code == 200


def test_a_body_over_the_limit_is_read_alone(serve: Serve, tmp_path: Path) -> None:
    """A body that can never fit is read while there is no other, and a message at the start says so."""
    (tmp_path / "go").touch()
    service = serve(WAITS, "--max-pending-input", "1M").wait_ready()
    assert service.call({"data": "x" * 3_000_000}).json() == 3_000_000
    assert "(`--max-pending-input`): a larger body is taken only while there is no other" in service.log


@pytest.mark.slow
def test_bodies_that_fail_are_forgotten(serve: Serve, tmp_path: Path) -> None:
    """Malformed ones, too large ones and those of clients that leave do not count on."""
    (tmp_path / "go").touch()
    service = serve(WAITS, "--max-pending-input", "1M", "--max-body", "2M").wait_ready()
    typed = {"content-type": "application/json"}
    for _ in range(3):
        # a client that has left is noticed by and by, and its body counts until then
        malformed = {"content": b"{" * SIZE, "headers": typed}
        wait_until(lambda kwargs=malformed: service.post(**kwargs).status_code == 400, lambda: service.log, service)
        assert service.post(content=chunks(b"[" * 3_000_000), headers=typed).status_code == 413
        with pytest.raises(RuntimeError, match="left"):
            service.post(content=break_off(), headers=typed)
    wait_until(lambda: service.post(**request("whole")).status_code == 200, lambda: service.log, service)


def break_off() -> Iterator[bytes]:
    """Yield a part of a body, and end the connection."""
    yield b"[" * SIZE
    raise RuntimeError("left")


def test_no_limit(serve: Serve, tmp_path: Path) -> None:
    """0 counts nothing."""
    service = serve(WAITS, "--max-pending-input", "0").wait_ready()
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(lambda: service.post(**request("whole"))) for _ in range(3)]
        wait_until(lambda: "ovenbird_in_flight 3" in service.get("/_/metrics").text, lambda: service.log, service)
        (tmp_path / "go").touch()
        assert [call.result().status_code for call in calls] == [200] * 3


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, 0),
        ({"memory.max": "max\n"}, 0),
        ({"memory.max": "268435456\n"}, 2**28),
        ({"memory/memory.limit_in_bytes": "134217728\n"}, 2**27),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0),
    ],
    ids=["none", "v2-max", "v2", "v1", "v1-max"],
)
def test_the_memory_of_a_container(tmp_path: Path, files: dict[str, str], limit: int) -> None:
    """The limit is read from both versions of cgroups; without cgroups there is no limit."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory_limit(str(tmp_path)) == limit


def test_workers_share_the_limit() -> None:
    """Each of four workers has a quarter of the limit."""
    settings = resolve("serve", {"workers": "4", "max_pending_input": "1M"}, {})
    assert pending_input_limit(settings) == 250_000
