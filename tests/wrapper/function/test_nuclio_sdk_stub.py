"""`nuclio_sdk` where the real package is not installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.service import Service

from ovenbird.function import nuclio_sdk_stub

SOURCE = """
import nuclio_sdk
from nuclio_sdk import Context, Event, Response

def init(context: Context):
    assert isinstance(context.logger, nuclio_sdk.Logger)

def handler(context: Context, event: Event) -> Response:
    assert isinstance(context, nuclio_sdk.Context) and isinstance(event, nuclio_sdk.Event)
    if event.path == "/by/position":
        return nuclio_sdk.Response({"X-One": "1"}, "text", "text/x-own", 201)
    return nuclio_sdk.Response(body="OK", headers={"X-One": "1"}, content_type="text/x-own", status_code=202)
"""


@pytest.mark.parametrize(("path", "status", "text"), [("/by/position", 201, "text"), ("/", 202, "OK")])
def test_a_service_may_import_it(serve: Callable[..., Service], path: str, status: int, text: str) -> None:
    """Its classes are those of the service, and its Response is an answer, given by name or by position."""
    answer = serve(SOURCE).get(path)
    result = (
        answer.status_code,
        answer.text,
        answer.headers["x-one"],
        answer.headers["content-type"].partition(";")[0],
    )
    assert result == (status, text, "1", "text/x-own")


def test_what_is_not_there_says_so() -> None:
    """A name of the real package names the package to install; any other is a plain AttributeError."""
    with pytest.raises(ImportError, match=r"nuclio_sdk\.TriggerInfo is not there: .*pip install nuclio-sdk"):
        nuclio_sdk_stub.raise_absent("TriggerInfo")
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        nuclio_sdk_stub.raise_absent("Nothing")
    assert nuclio_sdk_stub.make_content()["__getattr__"] is nuclio_sdk_stub.raise_absent
