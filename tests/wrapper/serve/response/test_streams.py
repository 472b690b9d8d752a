"""Generators of every kind are sent as they produce, and are closed whatever happens."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service, wait_until

KINDS = ("generator", "async_generator", "returned", "async_returned", "returned_async")
ALL = pytest.mark.parametrize("kind", KINDS)
Start = Callable[[str], Service]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """The server of one kind of generator; each is started once for all tests."""
    with contextlib.ExitStack() as stack:
        services: dict[str, Service] = {}

        def get(kind: str) -> Service:
            if kind not in services:
                flags = ("--timeout", "2s", "--concurrency", "3", "--log-format", "json")
                services[kind] = stack.enter_context(run_service(tmp_path_factory, f"streams/main.py:{kind}", *flags))
            return services[kind]

        yield get


def count_ends(service: Service, name: str) -> int:
    path = service.log_path.parent / "notes.txt"
    return path.read_text().split("\n").count(f"{name} ended") if path.exists() else 0


@ALL
@pytest.mark.parametrize(("name", "media", "body"), [
    ("numbers", "application/x-ndjson", b'{"n":1}\n{"n":2}\n'),
    ("text", "text/plain; charset=utf-8", b"ab"),
    ("bytes", "application/octet-stream", b"abc"),
])  # fmt: skip
def test_items(start: Start, kind: str, name: str, media: str, body: bytes) -> None:
    """Text and bytes are sent as they are, anything else as lines of JSON; the first item tells the media type."""
    answer = start(kind).get("/", params={"name": name})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, media, body)
    assert answer.headers["transfer-encoding"] == "chunked"


@ALL
def test_no_items(start: Start, kind: str) -> None:
    """A generator that yields nothing is an empty answer."""
    answer = start(kind).get("/", params={"name": "nothing"})
    assert (answer.status_code, answer.content) == (200, b"")


@ALL
def test_server_sent_events(start: Start, kind: str) -> None:
    """A client that accepts text/event-stream gets each item as an event; each line of its text is a data line."""
    answer = start(kind).get("/", params={"name": "lines"}, headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.text == 'data: two\ndata: lines\n\ndata: {"n":1}\n\ndata: bytes\n\ndata: \n\n'


EVENTS = """
def handler(text: str, kind: str = "plain", context=None):
    def items():
        if kind == "typed":
            yield "event: a\\ndata: " + text + "\\n\\n"
            yield b"data: bytes\\n\\n"
            yield {"n": 1}
        else:
            yield text
            yield text.encode()
            yield "end"
    if kind == "typed":
        return context.Response(items(), content_type="text/event-stream")
    return items()
"""


def data_of(stream: bytes) -> list[str]:
    """The data of each event, as a browser reads it (HTML 9.2.6)."""
    events, lines = [], []
    for line in re.split("\r\n|\n|\r", stream.decode()):
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif line == "" and lines:
            events.append("\n".join(lines))
            lines = []
    return events


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("events")
    (folder / "main.py").write_text(EVENTS)
    with run_service(tmp_path_factory, f"{folder / 'main.py'}:handler") as service:
        yield service


@pytest.mark.parametrize("text", [
    "", "\n", "line\n", "\nline", "a\n\nb\n\n", "a\u2028b\u2029c", "a\u0085b", "a\vb\fc\x1cd\x1ee", " blank", "data: x",
    ": comment", "\ufeffmark",
])  # fmt: skip
def test_text_of_an_event_arrives_as_it_was(events: Service, text: str) -> None:
    """A browser gets the text that was yielded, with each of its line ends, and breaks it at no other character."""
    answer = events.call({"text": text}, headers={"accept": "text/event-stream"})
    assert data_of(answer.content) == [text, text, "end"]


@pytest.mark.parametrize("text", ["a\r\nb", "a\rb", "a\r\n", "\r"])
def test_other_line_ends_of_an_event(events: Service, text: str) -> None:
    """CR and CR LF end a line of the format, so a browser sees a line feed in their place."""
    answer = events.call({"text": text}, headers={"accept": "text/event-stream"})
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert data_of(answer.content) == [plain, plain, "end"]


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
def test_events_formatted_by_the_handler(events: Service, accept: str) -> None:
    """Text of a handler that names the media type itself is framed by the handler; what is no text is an event."""
    answer = events.call({"text": "x", "kind": "typed"}, headers={"accept": accept})
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text == 'event: a\ndata: x\n\ndata: bytes\n\ndata: {"n":1}\n\n'


@pytest.mark.parametrize(("accept", "framed"), [
    ("text/event-stream", True),
    ("Text/Event-Stream", True),
    ("text/event-stream;q=0.5", True),
    ("application/json, text/event-stream", True),
    ("text/event-stream, */*;q=0.1", True),
    ("*/*, text/event-stream", True),
    ("text/event-stream;q=0", False),
    ("text/event-stream;q=0.000, */*", False),
    ("application/x-ndjson, text/event-stream;q=0.5", False),
    ("text/event-stream;q=0.5, */*", False),
    ("text/*", False),
    ("*/*", False),
    ("text/event-streams", False),
    ('text/plain;x="text/event-stream"', False),
    ("text/event-stream;q=nan", False),
])  # fmt: skip
def test_events_are_sent_to_whom_names_them(events: Service, accept: str, framed: bool) -> None:
    """A client gets events when it names them, and likes no other form of a stream better."""
    answer = events.call({"text": "x"}, headers={"accept": accept})
    assert (answer.headers["content-type"] == "text/event-stream") is framed
    assert answer.text.startswith("data: ") is framed


@pytest.mark.slow
@ALL
def test_items_come_as_they_are_produced(start: Start, kind: str) -> None:
    """The first item arrives before the second one has been made."""
    with Raw(start(kind)) as client:
        client.send(request(path="/?name=slow", method="GET"))
        while client.file.readline() != b"\r\n":
            pass
        began = time.monotonic()
        assert (client.file.readline(), client.file.readline()) == (b"3\r\n", b"one\r\n")
        assert client.file.readline() == b"3\r\n"
        assert time.monotonic() - began > 0.3


@ALL
@pytest.mark.parametrize("name", ["half", "unknown", "stop", "exit"])
def test_failure_half_way(start: Start, kind: str, name: str) -> None:
    """A generator that fails after its first item leaves an incomplete answer: the client can tell."""
    with Raw(start(kind)) as client:
        client.send(request(path=f"/?name={name}", method="GET"))
        answer = client.answer()
        assert (answer.status, answer.is_complete) == (200, False)
        assert b"secret" not in answer.body
        assert client.ended()
    assert start(kind).get("/", params={"name": "text"}).text == "ab"


@ALL
def test_failure_before_the_first_item(start: Start, kind: str) -> None:
    """A generator that fails before its first item is a 500 like any other."""
    answer = start(kind).get("/", params={"name": "first"})
    assert answer.status_code == 500
    start(kind).wait_log(answer.json()["error_id"])
    assert "secret-first" in start(kind).log


@pytest.mark.slow
@ALL
@pytest.mark.parametrize("name", ["endless", "waiting"])
def test_client_that_leaves(start: Start, kind: str, name: str) -> None:
    """When the client leaves, the generator is closed: its finally-blocks run, and its slot is free."""
    service = start(kind)
    before = count_ends(service, name)
    with Raw(service) as client:
        client.send(request(path=f"/?name={name}", method="GET"))
        client.file.read(200 if name == "endless" else 20)
    wait_until(lambda: count_ends(service, name) > before, lambda: "it was not closed")
    wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 0, lambda: "its slot is not free")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[:2])
def test_time_limit(start: Start, kind: str) -> None:
    """A stream over its time limit is cut off."""
    service = start(kind)
    with Raw(service) as client:
        client.send(request(path="/?name=waiting", method="GET"))
        answer = client.answer()
    assert (answer.status, answer.body, answer.is_complete) == (200, b"one", False)
    wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 0, lambda: "its slot is not free")


@pytest.mark.slow
@ALL
def test_big_stream_to_a_slow_client(start: Start, kind: str) -> None:
    """The generator waits for the client: what is produced is not piled up in memory."""
    service = start(kind)
    pid = service.process.pid

    def resident() -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096

    service.get("/", params={"name": "text"})
    before = resident()
    with Raw(service) as client:
        client.send(request(path="/?name=big", method="GET"))
        client.file.read(1000)
        time.sleep(0.4)
        assert resident() - before < 24 * 1024**2
        rest = client.file.read(20 * 1024**2)
        assert len(rest) == 20 * 1024**2
        assert resident() - before < 24 * 1024**2


@pytest.mark.slow
def test_starlette_stream_of_a_client_that_left(start: Start) -> None:
    """A Starlette stream ends with its client too, though the thread that made it has long been free."""
    service = start("starlette")
    with Raw(service) as client:
        client.send(request(path="/?name=waiting", method="GET"))
        client.file.read(20)
    wait_until(lambda: count_ends(service, "waiting") == 1, lambda: "it was not closed")


def test_head_of_an_endless_stream(start: Start) -> None:
    """HEAD ends a stream at its first item."""
    service = start("generator")
    before = count_ends(service, "endless")
    with Raw(service) as client:
        client.send(request(path="/?name=endless", method="HEAD"))
        assert client.file.readline().startswith(b"HTTP/1.1 200")
        wait_until(lambda: count_ends(service, "endless") > before, lambda: "it was not closed")
