"""Parameters that the payload does not fill."""

# ruff: noqa: UP045 (users write hints in both ways, so both are tested)

from dataclasses import dataclass
from typing import Annotated, Any, Optional

import cloudevents.http
import fastapi
import msgspec
import pydantic
import pytest
import starlette.requests

import ovenbird
from ovenbird.function.binder import JOB, Binder
from ovenbird.function.injected import SERVICE, injection_kind


@dataclass
class Request:
    item: str


class Event(pydantic.BaseModel):
    item: str


class Order(msgspec.Struct):
    item: str


Foreign = type("Event", (), {})  # such as nuclio_sdk.Event
Run = type("Run", (), {})  # such as the platform SDK's


@pytest.mark.parametrize(
    ("name", "hint", "expected"),
    [
        ("context", Any, "context"),
        ("context", dict, "context"),
        ("event", Any, "event"),
        ("request", Any, "request"),
        ("ctx", ovenbird.Context, "context"),
        ("e", Optional[ovenbird.Event], "event"),
        ("req", starlette.requests.Request, "request"),
        ("req", Annotated[fastapi.Request, "doc"], "request"),
        ("event", Foreign, "event"),
        ("event", dict, ""),
        ("event", Event, ""),
        ("request", Order, ""),
        ("request", Request, ""),
        ("e", ovenbird.CloudEvent, "cloudevent"),
        ("event", cloudevents.http.CloudEvent, "cloudevent"),
        ("event", Optional[ovenbird.CloudEvent], "cloudevent"),
        ("project", Any, "project"),
        ("run", object, "run"),
        ("run", Run, "run"),
        ("project", str, ""),
        ("run", dict, ""),
        ("run", Order, ""),
        ("name", str, ""),
    ],
)
def test_hints_win_over_names(name: str, hint: Any, expected: str) -> None:
    """`event: dict` is the payload, `e: Event` the event, `event: CloudEvent` the CloudEvent."""
    assert injection_kind(name, hint, SERVICE) == expected


def test_jobs_have_other_reserved_names() -> None:
    """In a job `project` and `run` are filled, and `request` is a field."""
    assert [injection_kind(name, Any, JOB) for name in ("project", "run", "request")] == ["project", "run", ""]


def test_reserved_parameters_come_in_any_order() -> None:
    """(event, context) and (context, event) both work, with fields between them."""

    def one(event: Any, context: Any) -> None: ...
    def two(context: Any, name: str, event: Any) -> None: ...

    assert Binder(one).reserved == Binder(two).reserved == {"event": "event", "context": "context"}
    assert list(Binder(two).by_name) == ["name"]
