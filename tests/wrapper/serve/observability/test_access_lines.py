"""Lines of the access log are records like all others, whatever a client sends and an application does."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from ovenbird.logging_config import json_line, text_line
from ovenbird.serve.call import HttpCall
from ovenbird.serve.observability import access_lines
from ovenbird.serve.observability.access_lines import JsonFormatter, TextFormatter

IDS = {"request_id": "r-1", "trace_id": "0af7651916cd43dd8448eb211c80319c"}


async def _nothing(*_: Any) -> Any:
    """Neither receive nor send is ever called."""


def _call(path: Any = "/p", method: Any = "POST", status: int = 200, error_id: str = "") -> HttpCall:
    headers = {b"x-request-id": b"r-1", b"traceparent": f"00-{IDS['trace_id']}-b7ad6b7169203331-01".encode()}
    call = HttpCall({"method": method, "path": path}, _nothing, _nothing, headers, 0.0)
    call.status, call.error_id = status, error_id
    return call


@pytest.mark.parametrize("error_id", ["", "e1"])
@pytest.mark.parametrize("path", ["/p", "/ä/🐦", '/quo"te\\', "/\x1b[2J\n\x7f\x9b\u202e", "/" + "x" * 5000, "/\ud800"])
def test_a_line_is_what_the_log_writes_of_its_fields(path: str, error_id: str) -> None:
    """The line holds what `json_line` and `text_line` would write of the same fields, in the same order."""
    call = _call(path, error_id=error_id)
    fields = {
        "function": "f", "method": "POST", "path": path, "status": 200, "duration": 0.001235, **IDS,
        "span_id": call.span_id, **({"error_id": error_id} if error_id else {}),
    }  # fmt: skip
    for _ in range(2):  # the second one of a part that is kept
        line = JsonFormatter("f").format(call, 0.0012345678)
        assert line.split(",", 1)[1] == json_line(0.0, "info", f"POST {path} 200", fields).split(",", 1)[1]
        text = TextFormatter("f").format(call, 0.0012345678)
        assert text[12:] == text_line(0.0, "info", f"POST {path} 200", fields)[12:]
        assert text.count("\n") == 1


def test_the_time_is_that_of_the_end() -> None:
    """The time is in UTC, with milliseconds; ids of a call that came without any are its own from then on."""
    call = HttpCall({"method": "GET", "path": "/"}, _nothing, _nothing, {}, 0.0)
    before = datetime.now(timezone.utc)
    record = json.loads(JsonFormatter("f").format(call, 1.0))
    ended = datetime.fromisoformat(record["time"].replace("Z", "+00:00"))
    assert abs((ended - before).total_seconds()) < 60
    assert [record[name] for name in ("request_id", "trace_id", "span_id")] == [
        call.request_id, call.trace_id, call.span_id,
    ]  # fmt: skip
    assert list(map(len, (call.request_id, call.trace_id, call.span_id))) == [32, 32, 16]


@pytest.mark.parametrize("scope", [{}, {"method": None, "path": b"/"}, {"method": ["GET"], "path": {"a": 1}}])
def test_an_application_may_change_its_scope(scope: dict[str, Any]) -> None:
    """A scope that an application has emptied or filled with other values gives a record, not an error."""
    call = HttpCall(scope, _nothing, _nothing, {}, 0.0)
    assert json.loads(JsonFormatter("f").format(call, 1.0))["duration"] == 1.0
    assert "duration=1000.0ms" in TextFormatter("f").format(call, 1.0)


def test_parts_are_bounded() -> None:
    """Paths that differ for each call do not fill the memory, and long ones are not kept at all."""
    formatter = JsonFormatter("f")
    for number in range(3 * access_lines._MAX_PARTS):
        formatter.format(_call(f"/{number}"), 0.1)
        formatter.format(_call(f"/{'x' * access_lines._MAX_PATH}{number}"), 0.1)
    assert len(formatter._parts) <= access_lines._MAX_PARTS
    assert all(len(path) <= access_lines._MAX_PATH for _, path, _ in formatter._parts)
