"""A batch of CloudEvents is a call for each event, and one answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.raw import run_service
from tests.service import Service

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "payloads/main.py:typed") as service:
        yield service


def send_batch(service: Service, events: list[Any]) -> httpx.Response:
    headers = {"content-type": "application/cloudevents-batch+json"}
    return service.post(content=json.dumps(events).encode(), headers=headers)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["typed", "typed_async", "typed_generator"])
def test_batch(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """A batch calls the handler once for each event and returns one outcome for each; one failure leaves the others."""
    with run_service(tmp_path_factory, f"payloads/main.py:{name}", "--log-format", "json") as service:
        answer = send_batch(service, [{**EVENT, "id": str(a), "data": {"a": a}} for a in (1, 13, "x", 2)])
        assert answer.status_code == 207
        outcomes = answer.json()
        assert [(outcome["id"], outcome["status"]) for outcome in outcomes] == [
            ("1", 200), ("13", 500), ("x", 422), ("2", 200),
        ]  # fmt: skip
        assert outcomes[1]["error_id"] in service.log
        assert outcomes[2]["errors"][0]["field"] == "a"
        assert "secret" not in answer.text


def test_batch_goes_on_after_system_exit(service: Service) -> None:
    """An event whose handler raises SystemExit fails alone too."""
    answer = send_batch(service, [{**EVENT, "id": str(a), "data": {"a": a}} for a in (14, 2)])
    assert [outcome["status"] for outcome in answer.json()] == [500, 200]


def test_good_batch(service: Service) -> None:
    """A batch without failures is a 200; an empty one too."""
    assert send_batch(service, [{**EVENT, "data": {"a": 1}}]).status_code == 200
    assert send_batch(service, []).json() == []


def test_a_batch_with_malformed_events(service: Service) -> None:
    """Each malformed event is reported in its position, and the other events are run."""
    good = {**EVENT, "data": {"a": 4}}
    answer = send_batch(service, [good, {**good, "id": 5}, 1, {**good, "id": "9", "time": "soon"}, good])
    assert answer.status_code == 207
    assert [outcome["status"] for outcome in answer.json()] == [200, 400, 400, 400, 200]
    assert [outcome["id"] for outcome in answer.json()] == ["1", None, None, "9", "1"]
    assert "RFC 3339" in answer.json()[3]["detail"]
