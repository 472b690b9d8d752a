"""The access log's buffer: written together, in order, and bounded when nobody reads it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from time import perf_counter
from typing import Any, TextIO

import pytest

from ovenbird.logging_config import LogHandler
from ovenbird.serve.call import HttpCall
from ovenbird.serve.observability import access_log
from ovenbird.serve.observability.access_log import AccessLog


async def _nothing(*_: Any) -> Any:
    """Neither receive nor send is ever called."""


def _call(path: str = "/p") -> HttpCall:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    call = HttpCall(scope, _nothing, _nothing, {}, perf_counter())
    call.status = 200
    return call


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: the descriptor to read from, which does not wait, and the stream to write to."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield reader, stream
    os.close(reader)


def _read(reader: int) -> str:
    try:
        return os.read(reader, 1 << 20).decode()
    except BlockingIOError:
        return ""


def test_calls_are_written_together_a_moment_later(pipe: tuple[int, TextIO]) -> None:
    """A timer writes what came in one go, with the time at which each call ended; nothing is written twice."""
    reader, stream = pipe

    async def run() -> str:
        log = AccessLog("f", LogHandler("json", stream))
        log.start(asyncio.get_running_loop())
        for _ in range(3):
            log.add(_call(), 0.5)
        assert _read(reader) == ""
        text = ""
        while not text:
            await asyncio.sleep(0.005)
            text = _read(reader)
        log.flush()
        return text

    records = [json.loads(line) for line in asyncio.run(run()).splitlines()]
    assert [record["message"] for record in records] == ["GET /p 200"] * 3
    assert {(record["function"], record["duration"], record["level"]) for record in records} == {("f", 0.5, "info")}
    assert len({record["request_id"] for record in records}) == 3
    assert _read(reader) == ""


def test_a_piece_is_what_a_pipe_takes_whole(pipe: tuple[int, TextIO]) -> None:
    """Lines are written before they are more than a pipe takes in one piece, whatever their characters are."""
    reader, stream = pipe

    async def run() -> None:
        log = AccessLog("f", LogHandler("json", stream))
        log.start(asyncio.get_running_loop())
        for number in range(200):
            log.add(_call(f"/{'ü🐦' * (number % 40)}"), 0.1)
            text = os.read(reader, 1 << 20) if number % 40 == 39 else b""
            assert text.endswith(b"\n") or not text
        log.flush()

    asyncio.run(run())
    assert json.loads(_read(reader).splitlines()[-1])["path"] == "/" + "ü🐦" * 39


@pytest.mark.slow
def test_a_reader_that_has_fallen_behind(pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody reads, calls go on and the lines wait, up to a bound; what is missing is told when one reads."""
    monkeypatch.setattr(access_log, "_MAX_WAITING", 100_000)
    monkeypatch.setattr(access_log, "_PATIENCE", 0.1)
    reader, stream = pipe

    async def run() -> str:
        log = AccessLog("f", LogHandler("json", stream))
        log.start(asyncio.get_running_loop())
        for _ in range(2000):
            log.add(_call(), 0.1)
        log.flush()  # nobody reads: what waits is given up
        log.add(_call("/last"), 0.1)
        text = ""
        while "missing" not in text:
            await asyncio.sleep(0.005)
            text += _read(reader)
        log.flush()
        return text + _read(reader)

    records = [json.loads(line) for line in asyncio.run(run()).splitlines()]
    (message,) = [record["message"] for record in records if "missing" in record["message"]]
    written = sum(record.get("status") == 200 for record in records)
    assert message == f"{2001 - written} calls are missing from the access log"
    assert 150 < written < 1000
    assert [record.get("path") for record in records].count("/last") == 1


def test_the_end_waits_for_a_slow_reader(pipe: tuple[int, TextIO]) -> None:
    """At the end of the process no line is lost, though the pipe takes only some of them at once."""
    reader, stream = pipe
    os.set_blocking(reader, True)

    async def run() -> str:
        log = AccessLog("f", LogHandler("json", stream))
        log.start(asyncio.get_running_loop())
        for number in range(2000):
            log.add(_call(f"/{number}"), 0.1)

        def read() -> str:
            text = b""
            while b'"path":"/1999"' not in text or not text.endswith(b"\n"):
                text += os.read(reader, 4096)
            return text.decode()

        reading = asyncio.to_thread(read)
        text = asyncio.ensure_future(reading)
        await asyncio.sleep(0)
        log.flush()
        return await text

    paths = [json.loads(line)["path"] for line in asyncio.run(run()).splitlines()]
    assert paths == [f"/{number}" for number in range(2000)]


def test_text_has_one_short_line(pipe: tuple[int, TextIO]) -> None:
    """Text is for people: local time, level, message, duration; the id of an error, which the client has too."""
    reader, stream = pipe
    failed = _call("/é\n")
    failed.status, failed.error_id = 500, "e1"

    async def run() -> None:
        log = AccessLog("f", LogHandler("text", stream))
        log.start(asyncio.get_running_loop())
        log.add(_call(), 0.5)
        log.add(failed, 0.0012)
        log.flush()

    asyncio.run(run())
    first, second = _read(reader).splitlines()
    assert first[12:] == " info    GET /p 200  duration=500.0ms"
    assert second[12:] == r" info    GET /é\n 500  duration=1.2ms error_id=e1"
    assert time.strptime(first[:8], "%H:%M:%S")
