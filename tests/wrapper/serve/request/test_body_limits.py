"""Bodies of many tiny values: refused over a limit, decoded off the loop below it, in bounded memory."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.raw import run_service
from tests.service import Service

from ovenbird.serve.problem_details import HttpProblem
from ovenbird.serve.request.body_limits import BodyLimits, count_json_items, count_msgpack_items

MIB = 1024 * 1024
BODY = 32 * MIB  # the default of --max-body
MEMORY = 700 * MIB  # of address space beyond what the server has when it is ready
STALL = 2.0  # seconds: twenty times what the loop may take, as the tests' machine is busy, and this client too
FORM = "application/x-www-form-urlencoded"

DENSE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "numbers": ("application/json", lambda: b"[" + b"1," * (BODY // 2 - 2) + b"1]"),
    "objects": ("application/json", lambda: b"[" + b"{}," * (BODY // 3 - 2) + b"{}]"),
    "names": ("application/json", lambda: b'{"":1' + b"".join(b',"%x":1' % n for n in range(2_600_000)) + b"}"),
    "escapes": ("application/json", lambda: b"[" + b'"\\"",' * (BODY // 5 - 2) + b'""]'),
    "form": (FORM, lambda: b"a&" * (BODY // 2 - 1)),
    "form fields": (FORM, lambda: b"a=%41&" * (BODY // 6 - 1)),
    "MessagePack arrays": ("application/msgpack", lambda: b"\xdd\x01\xff\xff\xf0" + b"\x90" * 0x1FFFFF0),
}
SPARSE: dict[str, tuple[str, Callable[[], bytes], int]] = {
    "a text of escapes": ("application/json", lambda: b'["' + b'\\"a,[{' * (BODY // 6 - 8) + b'\\\\"]', 1),
    "900,000 numbers": ("application/json", lambda: b"[" + b"0.123456," * 900_000 + b"1]", 900_001),
    "200,000 records": ("application/json", lambda: b"[" + b'{"name":"Ada","n":36,"x":1},' * 200_000 + b"1]", 200_001),
    "an escaped field": (FORM, lambda: b"f=" + b"%41" * (BODY // 6), 1),
    "900,000 MessagePack numbers": ("application/msgpack", lambda: msgspec.msgpack.encode([0.5] * 900_000), 900_000),
    "MessagePack bytes": ("application/msgpack", lambda: msgspec.msgpack.encode([b"\x90" * (BODY - 100)]), 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server with a limit on its address space."""
    with run_service(tmp_path_factory, "payloads/main.py:size_on_loop", "--log-level", "error") as server:
        pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        yield server


class Probe:
    """Asks `/_/live` again and again; `worst` is the longest that an answer took, in seconds."""

    def __init__(self, service: Service) -> None:
        self.worst = 0.0
        self.count = 0
        self._stop = threading.Event()
        self._service = service
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._service.url, timeout=30, verify=False) as client:
            while not self.count or not self._stop.is_set():
                began = time.monotonic()
                assert client.get("/_/live").status_code == 200
                self.worst = max(self.worst, time.monotonic() - began)
                self.count += 1
                time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DENSE)
def test_a_dense_body_is_refused(service: Service, kind: str) -> None:
    """Millions of values in 32 MiB: a 413 that names the limit, in bounded memory, while probes are answered."""
    media, make = DENSE[kind]
    body = make()
    assert len(body) <= BODY
    with Probe(service) as probe:
        answer = service.post(content=body, headers={"content-type": media})
    assert answer.status_code == 413
    assert answer.json()["setting"] == ("--max-fields" if media == FORM else "--max-items")
    assert probe.count
    assert probe.worst < STALL


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPARSE)
def test_a_large_body_is_decoded_off_the_loop(service: Service, kind: str) -> None:
    """A body within the limits is decoded in bounded memory while probes are answered; two at once are too."""
    media, make, expected = SPARSE[kind]
    body = make()
    answers: list[httpx.Response] = []

    def post() -> None:
        answers.append(service.post(content=body, headers={"content-type": media}))

    callers = [threading.Thread(target=post) for _ in range(2)]
    with Probe(service) as probe:
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert [answer.text for answer in answers] == [str(expected)] * 2
    assert probe.count
    assert probe.worst < STALL


@pytest.mark.slow
def test_limits_are_settings(serve: Any) -> None:
    """Both limits hold for each form of fields and values; a body of exactly the limit passes."""
    service = serve("payloads/main.py:size", "--max-fields", "10", "--max-items", "20")
    assert service.call([1] * 19).status_code == 200
    for body in ([1] * 30, [[]] * 30, [{}] * 30, {str(n): n for n in range(30)}, {"a": [1] * 30}):
        assert service.call(body).status_code == 413, body
        packed = msgspec.msgpack.encode(body)
        assert service.post(content=packed, headers={"content-type": "application/msgpack"}).status_code == 413
    assert service.call(["a,b,c,[[[{{{" * 10, 'say "a,b,c,d"\\' * 10]).status_code == 200
    fields = "&".join(f"f{n}={n}" for n in range(10))
    assert service.post(content=fields, headers={"content-type": FORM}).status_code == 200
    assert service.post(content=fields + "&a=1", headers={"content-type": FORM}).status_code == 413
    assert service.get(f"/?{fields}").status_code == 200
    assert service.get(f"/?{fields}&a=1").status_code == 400
    parts = [(f"f{n}", (None, "1")) for n in range(11)]
    assert service.post(files=parts[:10]).status_code == 200
    assert service.post(files=parts).json()["setting"] == "--max-fields"
    assert service.post(files=[("f", ("a.txt", b"1"))] * 11).status_code in (413, 415)


@pytest.mark.slow
def test_limits_hold_for_events(serve: Any) -> None:
    """The JSON of an event, a CloudEvent and a batch is held to the same limit."""
    service = serve("payloads/main.py:event_size", "--max-items", "20")
    assert service.call([1] * 30).status_code == 413
    assert service.call([1] * 19).text == "19"
    service = serve("payloads/main.py:told", "--max-items", "20")
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": [1] * 30}
    for media, body in (("application/cloudevents+json", event), ("application/cloudevents-batch+json", [event])):
        assert service.post(content=json.dumps(body), headers={"content-type": media}).status_code == 413
    binary = {"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0"}
    assert service.call([1] * 30, headers=binary).status_code == 413


def test_no_limit() -> None:
    """0 lets everything pass."""
    limits = BodyLimits(0, 0)
    limits.check_json(b"[" + b"1," * 100)
    limits.check_msgpack(b"\x01" * 100)
    limits.check_form(b"a&" * 100)
    limits.check_query(b"a&" * 100)
    with pytest.raises(HttpProblem):
        BodyLimits(1, 1).check_query(b"a&b")


@pytest.mark.parametrize(
    "value",
    [1, "a", [], {}, [1, 2, 3], {"a": 1, "b": [1, 2]}, "a,b" * 9, ["a,b", 'c"d,e', "\\", '\\"', "[,]"], [[[]]],
     {"": {}}, [{"a": 1, "b": "x:y,z"}] * 5],
)  # fmt: skip
def test_every_value_is_counted(value: Any) -> None:
    """A count is never below the elements and members there are, and far above them only for very wide objects."""

    def values(part: Any) -> int:
        if isinstance(part, dict):
            return 1 + sum(values(item) for item in part.values())
        return 1 + sum(values(item) for item in part) if isinstance(part, list) else 1

    for text in (json.dumps(value), json.dumps(value, indent=2), json.dumps(value, ensure_ascii=True)):
        count = count_json_items(text.encode(), 1)
        assert values(value) <= count <= 2 * values(value) + 1, text
    packed = msgspec.msgpack.encode(value)
    assert values(value) <= count_msgpack_items(packed, 10**9) <= 2 * values(value)


@pytest.mark.parametrize("size", [0, 1, 2, 5, 100])
def test_strings_over_the_edge_of_a_window(size: int) -> None:
    """A string that begins in one window and ends in the next one is one string."""
    filler = b"x" * (MIB - size)
    body = b'["' + filler + b'", "' + b",[{:" * MIB + b'", 1]'
    assert count_json_items(body, 1) <= 5
