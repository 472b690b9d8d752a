"""The context that a handler sees."""

from __future__ import annotations

import contextvars
import logging
from dataclasses import dataclass

import pytest

import ovenbird
from ovenbird.function.context import Context, current_call


@dataclass
class Call:
    request_id: str = "r"
    trace_id: str = "t"
    span_id: str = "s"
    traceparent: str = "00-t-s-01"


def test_the_ids_are_those_of_the_call_that_runs() -> None:
    """One context serves all calls; outside a call the ids are empty."""
    context = Context("f")

    def ids() -> tuple[str, ...]:
        return context.request_id, context.trace_id, context.span_id, context.traceparent

    def inside() -> tuple[str, ...]:
        current_call.set(Call())
        return ids()

    assert contextvars.copy_context().run(inside) == ("r", "t", "s", "00-t-s-01")
    assert ids() == ("", "", "", "")


def test_init_may_set_any_attribute() -> None:
    """The handler sees what init sets on the context or its user_data."""
    context = Context("f", root="/code", worker_id=2, trigger="job", open_project=lambda: "p", run="r")
    context.model = 1
    context.user_data.other = 2
    assert (context.model, context.user_data.other) == (1, 2)
    assert (context.root, context.worker_id, context.trigger.kind) == ("/code", 2, "job")
    assert (context.project, context.run, context.Response) == ("p", "r", ovenbird.Response)


def test_the_logger_writes_messages_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    """Each level has a form with %-arguments and one with fields."""
    caplog.set_level("DEBUG")
    logger = Context("f").logger
    logger.debug("a %s", 1)
    logger.info("b")
    logger.warn("c")
    logger.warning("d")
    logger.error("e")
    for act in (logger.debug_with, logger.info_with, logger.warn_with, logger.error_with):
        act("m", key=1)
    levels = [record.levelno for record in caplog.records]
    assert levels == [10, 20, 30, 30, 40, 10, 20, 30, 40]
    assert caplog.records[0].getMessage() == "a 1"
    assert {record.name for record in caplog.records} == {"f"}
    assert [getattr(record, "fields", None) for record in caplog.records[5:]] == [{"key": 1}] * 4


def test_the_logger_takes_the_exception_that_is_handled(caplog: pytest.LogCaptureFixture) -> None:
    """`exception` logs at level error with the traceback."""
    try:
        raise KeyError("x")
    except KeyError:
        Context("f").logger.exception("failed")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


def test_user_code_imports_lazily() -> None:
    """`from ovenbird import Context` and the others work; an unknown name is an AttributeError."""
    assert ovenbird.Context is Context
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = ovenbird.Nothing
