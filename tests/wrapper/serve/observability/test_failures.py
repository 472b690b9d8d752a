"""Handlers that raise: the client gets an id and nothing else, the log gets everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.raw import run_service
from tests.service import Service

RAISING = [
    ("exception", "ValueError"),
    ("system_exit", "SystemExit"),
    ("keyboard", "KeyboardInterrupt"),
    ("stop_iteration", "StopIteration"),
    ("cancelled", "CancelledError"),
    ("root", "Root"),
    ("unprintable", "Unprintable"),
    ("recursion", "RecursionError"),
    ("memory", "MemoryError"),
    ("generator_exit", "GeneratorExit"),
]


@pytest.fixture(scope="module", params=["handler", "later"])
def faulty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, f"faulty/main.py:{request.param}", "--log-format", "json") as service:
        yield service


@pytest.mark.parametrize(("name", "kind"), RAISING, ids=[name for name, _ in RAISING])
def test_raising(faulty: Service, name: str, kind: str) -> None:
    """Whatever is raised is a 500 with an id; the log has one record with that id, the type and the traceback."""
    answer = faulty.call({"name": name}, headers={"x-request-id": f"call-{name}"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert set(answer.json()) == {"type", "title", "status", "detail", "error_id"}
    response = f"{answer.text}{answer.headers}"
    for inside in ("secret", "Traceback", ".py", "ovenbird", "faulty", kind):
        assert inside not in response
    faulty.wait_log(answer.json()["error_id"])
    (record,) = [
        record
        for record in faulty.records
        if record.get("traceback") and record["error_id"] == answer.json()["error_id"]
    ]
    assert kind in record["message"] + record["traceback"]
    assert record["request_id"] == f"call-{name}"
    assert "_raise" in record["traceback"] or name in ("exception", "recursion")
    assert "app.py" not in record["traceback"]
    assert faulty.call({"name": "fine"}).text == "fine"


def test_traceback_holds_the_cause(faulty: Service) -> None:
    """The log has the cause of an exception too."""
    error_id = faulty.call({"name": "exception"}).json()["error_id"]
    faulty.wait_log(error_id)
    assert "secret-cause" in faulty.log


def test_thread_that_is_left_behind(faulty: Service) -> None:
    """A thread that the handler leaks holds nothing up, and not the end of the process either."""
    assert faulty.call({"name": "thread"}).text == "leaked"
    assert faulty.call({"name": "fine"}).text == "fine"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["handler", "later"])
def test_debug(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """With --debug the traceback is in the answer, without Ovenbird's own frames."""
    with run_service(tmp_path_factory, f"faulty/main.py:{name}", "--debug") as service:
        trace = service.call({"name": "exception"}).json()["traceback"]
        assert "secret-value" in trace
        assert "main.py" in trace
        assert "app.py" not in trace
        service.call({"name": "thread"})
        assert service.stop() == 0
