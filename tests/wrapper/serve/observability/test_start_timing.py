"""`Server-Timing` on the first answer of each worker, and on no other."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable

import httpx
import pytest
from tests.raw import Raw, request
from tests.service import Service, wait_until

from ovenbird.serve.observability.start_timing import format_server_timing

Serve = Callable[..., Service]
_FORM = re.compile(r"start;dur=[0-9.]+, import;dur=[0-9.]+, init;dur=[0-9.]+, listen;dur=[0-9.]+")
_ASGI = """
async def handler(scope, receive, send):
    if scope["type"] == "http":
        headers = [(b"server-timing", b"db;dur=5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x"})
"""


def test_the_form_of_the_header() -> None:
    """Milliseconds with at most one decimal, as W3C's Server Timing has them."""
    text = format_server_timing({"start": 0.08123, "import": 1.5, "init": 0.0})
    assert text == b"start;dur=81.2, import;dur=1500, init;dur=0"


@pytest.mark.parametrize("source", [
    "async def handler(): return 1", "def handler(): return 1", "def handler():\n    yield 'a'\n    yield 'b'",
    "def handler(): raise ValueError",
], ids=["async", "sync", "stream", "failure"])  # fmt: skip
def test_only_the_first_answer_has_it(serve: Serve, source: str) -> None:
    """Whatever it is; probes before it are no answers of the function."""
    service = serve(f"{source}\n")
    assert "server-timing" not in service.get("/_/ready").headers
    with httpx.Client(base_url=service.url, verify=False) as client:
        first, second = client.get("/"), client.get("/")
    assert _FORM.fullmatch(first.headers["server-timing"])
    assert "server-timing" not in second.headers
    assert "server-timing" not in service.get("/").headers


def test_one_of_two_connections_gets_it(serve: Serve) -> None:
    """Connections that were open before the first answer are served as those that come later."""
    service = serve("async def handler(): return 1\n")
    with Raw(service) as first, Raw(service) as other:
        first.send(request(b"", "/") * 2)
        answers = [first.answer(), first.answer()]
        other.post()
        answers.append(other.answer())
    assert ["server-timing" in answer.headers for answer in answers] == [True, False, False]


def test_it_stands_beside_that_of_an_application(serve: Serve) -> None:
    """An ASGI application's own `Server-Timing` is kept."""
    service = serve(_ASGI)
    values = service.get("/").headers.get_list("server-timing")
    assert [bool(_FORM.fullmatch(value)) for value in values] == [True, False]
    assert values[1] == "db;dur=5"
    assert service.get("/").headers.get_list("server-timing") == ["db;dur=5"]


@pytest.mark.slow
def test_each_worker_has_a_first_answer(serve: Serve) -> None:
    """Two workers have two of them, however many calls there are."""
    service = serve("import os\ndef handler(): return os.getpid()\n", "--workers", "2")
    answer_count, workers = 0, set()
    for _ in range(2000):
        answer = service.get("/")
        answer_count += "server-timing" in answer.headers
        workers.add(answer.json())
        if len(workers) == 2:
            break
    assert answer_count == len(workers) == 2


@pytest.mark.slow
@pytest.mark.parametrize("preload", ["import", "off"])
def test_a_successor_tells_its_own_start(serve: Serve, preload: str) -> None:
    """Not the time since the service began; one that the template has forked has imported nothing."""
    began = time.monotonic()
    service = serve("import os\ndef handler(): return os.getpid()\n", "--workers", "2", "--preload", preload)
    starts: dict[int, str] = {}

    def call_until(count: int) -> bool:
        with contextlib.suppress(httpx.TransportError):  # of the worker that was killed
            answer = service.get("/")
            starts.setdefault(answer.json(), answer.headers.get("server-timing", ""))
        return len(starts) == count

    wait_until(lambda: call_until(2), lambda: service.log)
    age = time.monotonic() - began
    os.kill(next(iter(starts)), signal.SIGKILL)
    wait_until(lambda: call_until(3), lambda: service.log)
    *_, header = starts.values()
    assert float(re.findall(r"start;dur=([0-9.]+)", header)[0]) < age * 1000
    assert ("import;dur=0," in header) == (preload == "import")
