"""The log on stderr, as a collector and a person read it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from tests import starts
from tests.loss import Load, Tally, wait_total
from tests.service import Service

from ovenbird.logging_config import LogHandler, text_line

Serve = Callable[..., Service]
TALKS = """
import logging
def handler(context):
    logging.getLogger("mine").warning("from %s", "logging")
    context.logger.info_with("from the context", size=3, odd=object())
    print("printed")
    return [context.request_id, context.trace_id, context.span_id]
"""


def test_every_line_is_a_record(serve: Serve) -> None:
    """A call has time, level, message, function, ids, status and duration; logging inside it has the same ids."""
    service = serve(TALKS, "--drain-delay", "0")
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id": "r-1"}
    request_id, trace_id, span_id = service.post("/a?secret=1", json={}, headers=parent).json()
    assert service.stop() == 0
    lines = service.log.splitlines()
    assert lines.count("printed") == 1
    records = [json.loads(line) for line in lines if line != "printed"]
    for record in records:
        assert datetime.fromisoformat(record["time"].replace("Z", "+00:00")).utcoffset() is not None
        assert record["level"] in ("info", "warning")
        assert record["message"]
    call, user, context = (
        next(record for record in records if text in record["message"])
        for text in ("POST /a 200", "from logging", "from the context")
    )
    assert (call["function"], call["method"], call["path"], call["status"]) == ("handler", "POST", "/a", 200)
    assert 0 < call["duration"] < 30
    ids = {"request_id": "r-1", "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": span_id}
    assert [request_id, trace_id, span_id] == list(ids.values())
    for record in (call, user, context):
        assert ids.items() <= record.items()
    assert (user["logger"], user["level"]) == ("mine", "warning")
    assert context["size"] == 3
    assert "object object" in context["odd"]


def test_a_failure_is_one_record_with_the_id_that_the_client_got(serve: Serve) -> None:
    """Error id, traceback of the user's frames alone, and the ids of the call."""
    service = serve("def handler():\n    return {}['missing']\n", "--drain-delay", "0")
    error_id = service.get().json()["error_id"]
    assert service.stop() == 0
    (record,) = [record for record in service.records if record["level"] == "error"]
    assert record["error_id"] == error_id
    assert "KeyError: 'missing'" in record["traceback"]
    assert "ovenbird" not in record["traceback"]
    assert len(record["trace_id"]) == 32


@pytest.mark.parametrize("flags", [("--access-log", "off"), ("--no-access-log",)])
def test_the_access_log_can_be_switched_off(serve: Serve, flags: tuple[str, ...]) -> None:
    """Calls leave no line; other records stay."""
    service = serve(TALKS, *flags, "--drain-delay", "0")
    service.get("/quiet")
    assert service.stop() == 0
    assert "/quiet" not in service.log
    assert "from logging" in service.log


@pytest.mark.parametrize("level", ["warning", "error"])
def test_the_access_log_has_a_level(serve: Serve, level: str) -> None:
    """Its lines are of level info, and are left out with those; what is as severe as asked for stays."""
    source = "import logging\ndef handler():\n    logging.error('severe')\n"
    service = serve(source, "--log-level", level, "--drain-delay", "0")
    assert service.get("/quiet").status_code == 204
    assert service.stop() == 0
    assert [record["message"] for record in service.records] == ["severe"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_line_of_the_access_log_is_missing_or_torn(serve: Serve, workers: str) -> None:
    """After a run under load and SIGTERM each answered call has its line, and each line is whole."""
    service = serve("async def handler():\n    return 1\n", "--workers", workers, "--drain-delay", "200ms")
    service.wait_log("2 workers are ready" if workers == "2" else "is served at")

    async def run() -> Tally:
        load = Load(service.url, 8)
        task = asyncio.create_task(load.run())
        await wait_total(load, 2000)
        service.send()
        return await task

    tally = asyncio.run(run())
    assert service.wait() == 0
    assert tally.lost == []
    records = [json.loads(line) for line in service.log.splitlines()]
    assert sum(record.get("status") == 200 for record in records) == tally.total


@pytest.mark.slow
def test_workers_that_write_at_once_do_not_tear_lines(tmp_path: Path) -> None:
    """Two workers fill one slow pipe: what comes out of it is whole lines."""
    (tmp_path / "main.py").write_text("async def handler():\n    return 1\n")
    words = ["serve", "main.py", "--port", "0", "--workers", "2", "--drain-delay", "200ms"]
    process = starts.start(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        messages = (json.loads(line)["message"] for line in process.stderr)
        url = next(message.split(" at ")[1] for message in messages if "served at" in message)
        assert next(messages) == "2 workers are ready"  # before that the second one may answer 503

        async def run() -> Tally:
            load = Load(url, 16)
            task = asyncio.create_task(load.run())
            await wait_total(load, 1000)
            process.terminate()
            return await task

        with ThreadPoolExecutor() as pool:
            text = pool.submit(process.stderr.read)
            tally = asyncio.run(run())
            assert process.wait(30) == 0
            records = [json.loads(line) for line in text.result().splitlines()]
        assert sum(record.get("status") == 200 for record in records) == tally.total
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_log_that_nobody_reads_stops_no_call(tmp_path: Path, workers: str) -> None:
    """Calls are answered while the pipe of the log is full; once it is read, no line is missing or torn."""
    (tmp_path / "main.py").write_text("async def handler():\n    return 1\n")
    words = ["serve", "main.py", "--port", "0", "--workers", workers, "--drain-delay", "0", "--log-format", "json"]
    process = starts.start(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        messages = (json.loads(line)["message"] for line in process.stderr)
        url = next(message.split(" at ")[1] for message in messages if "served at" in message)
        if workers == "2":
            assert next(messages) == "2 workers are ready"

        async def run() -> Tally:
            load = Load(url, 8)
            task = asyncio.create_task(load.run())
            await wait_total(load, 2000)  # lines of half a megabyte
            with ThreadPoolExecutor() as pool:
                text = pool.submit(process.stderr.read)
                process.terminate()
                tally = await task
                lines.extend(text.result().splitlines())
            return tally

        lines: list[str] = []
        tally = asyncio.run(run())
        assert process.wait(30) == 0
        records = [json.loads(line) for line in lines]
        assert sum(record.get("status") == 200 for record in records) == tally.total
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("good", [True, False])
def test_init_parameters_are_never_logged(serve: Serve, good: bool) -> None:
    """Init parameters may be secrets: not at debug, not when one does not fit, not when one does not parse."""
    source = "def init(key: str):\n    pass\ndef handler():\n    return 1\n"
    name = "key" if good else "kye"
    service = serve(
        source, "--init", f"{name}=hush-1", "--log-level", "debug", "--drain-delay", "0", ready=False,
        OVENBIRD_INIT_PARAMETERS='{"key": "hush-2"}' if good else "{hush-2",
    )  # fmt: skip
    if good:
        service.wait_ready()
        service.get()
        assert service.stop() == 0
    else:
        assert service.wait() == 70
    assert service.log
    assert "hush" not in service.log


@pytest.mark.slow
def test_people_read_text_on_a_terminal(tmp_path: Path) -> None:
    """A terminal gets one short line for a call, without ids, and the traceback below its record."""
    (tmp_path / "main.py").write_text("def handler():\n    raise ValueError('no')\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(
            sys.executable,
            [sys.executable, "-m", "ovenbird", "serve", "main.py", "--port", "0", "--drain-delay", "0"],
        )
    output = b""
    try:
        while b"served at" not in output:
            output += os.read(terminal, 4096)
        match = re.search(rb"http://\S+", output)
        assert match
        import httpx

        assert httpx.get(match[0].decode(), verify=False).status_code == 500
        while b"GET / 500" not in output:
            output += os.read(terminal, 4096)
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        os.close(terminal)
    text = output.decode().replace("\r\n", "\n")
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} error +handler raised ValueError: no", text, re.MULTILINE)
    assert "    ValueError: no" in text
    assert "trace_id" not in text


def test_a_record_that_cannot_be_written_stops_nothing() -> None:
    """A stream that is closed, or whose reader has gone, swallows what is logged."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        lines = LogHandler("json", stream)
        lines.handle(logging.makeLogRecord({"msg": "x" * 100_000, "levelname": "INFO"}))
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)
    lines.handle(logging.makeLogRecord({"msg": "closed", "levelname": "INFO"}))


def test_text_shows_the_duration_and_hides_ids() -> None:
    """Ids that a person does not need are left out of the line."""
    line = text_line(
        0.0, "info", "GET / 200", {"duration": 0.0123, "trace_id": "t", "request_id": "r", "error_id": "e"}
    )
    assert line.endswith("info    GET / 200  duration=12.3ms error_id=e\n")


HOSTILE = "/a%0Abad%0D%1B%5B31m%C2%9B%E2%80%AE%E2%80%A8%E2%81%A6%7F%EF%BB%BFend"


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_a_client_sends_acts_on_the_log(serve: Serve, form: str) -> None:
    """Control, bidirectional and line-separating characters of a path, a header, a message and a failure are escaped.

    In every field and both forms; a JSON reader gets them back as they were.
    """
    service = serve(
        "import logging\n"
        "def handler(request):\n"
        "    logging.getLogger('mine').warning('saw %s', request.scope['path'])\n"
        "    raise ValueError(request.scope['path'])\n",
        "--drain-delay", "0", "--log-format", form,
    )  # fmt: skip
    assert service.get(HOSTILE).status_code == 500
    assert service.stop() == 0
    lines = service.log.split("\n")
    assert all(line.replace("\t", "").isprintable() for line in lines)
    assert not any(line.startswith(("bad", "end")) for line in lines)
    if form == "text":
        assert (
            sum(r"/a\nbad\r\x1b[31m\x9b\u202e\u2028\u2066\x7f\ufeffend" in line for line in lines) == 2
        )  # and the traceback, indented
        return
    records = [json.loads(line) for line in lines if line]
    path = "/a\nbad\r\x1b[31m\x9b\u202e\u2028\u2066\x7f\ufeffend"
    assert [record["path"] for record in records if record.get("status")] == [path]
    assert f"saw {path}" in [record["message"] for record in records]
    assert any(f"ValueError: {path}" in record.get("traceback", "") for record in records)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_field_loses_a_record(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a surrogate pair, a number beyond JSON, a key that is no text, a value that cannot be shown."""

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    record = logging.LogRecord("n", logging.INFO, "", 0, "said \udcff", None, None)
    record.fields = {"a": "x\ud800\n", "b": 10**5000, 3: "c", "d": Odd()}
    LogHandler(form).emit(record)
    (line, end) = capsys.readouterr().err.split("\n")
    assert end == ""
    assert line.isprintable()
    assert "said \\udcff" in line.replace("\\\\", "\\")
    assert "Odd" in line
    if form == "json":
        assert json.loads(line)["3"] == "c"
