"""Results of handlers and the client's answers, value by value, from sync and from async handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service, wait_until


@pytest.fixture(scope="module", params=["handler", "later"])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One server with a sync handler, one with an async handler; both return the same values."""
    with run_service(tmp_path_factory, f"results/main.py:{request.param}", "--log-format", "json") as service:
        yield service


def get(service: Service, name: str, **headers: str) -> httpx.Response:
    return service.get("/", params={"name": name}, headers={key.replace("_", "-"): headers[key] for key in headers})


JSON: list[tuple[str, Any]] = [
    ("dict", {"a": [1, None, True], "b": {"c": "ü"}}),
    ("list", [1, "two", None]),
    ("empty_list", []),
    ("int", 7),
    ("float", 2.5),
    ("true", True),
    ("big", {"n": 2**70, "nan": None, "when": "2024-02-29"}),
    ("big_alone", -(2**64)),
    ("nan", [None, None, 1.0]),
    ("dataclass", {"x": 1, "y": 2.0}),
    ("struct", {"name": "tea", "price": 1.5}),
    ("structs", [{"name": "tea", "price": 1.5}]),
    ("pydantic", {"name": "Ada", "born": "1815-12-10"}),
    ("pydantics", {"found": [{"name": "Ada", "born": "1815-12-10"}]}),
    ("numpy_int", 5),
    ("numpy_float", 0.5),
    ("numpy_float32", 0.5),
    ("numpy_bool", True),
    ("numpy_array", [[1.0, None], [3.0, 4.0]]),
    ("numpy_within", {"a": [0, 1, 2], "b": 1.5, "c": 3}),
    ("datetime", "2024-02-29T12:30:00Z"),
    ("date", "2024-02-29"),
    ("uuid", "00000000-0000-0000-0000-000000000001"),
    ("decimal", "1.10"),
    ("enum", "red"),
    ("int_enum", 3),
    ("set", [4]),
    ("mapping", {"a": 1}),
    ("counter", {"a": 2, "b": 1}),
    ("pandas", [{"n": 1, "text": "a", "x": 0.5}, {"n": 2, "text": None, "x": None}]),
    ("pandas_within", {"rows": [{"n": 1, "text": "a", "x": 0.5}, {"n": 2, "text": None, "x": None}]}),
    ("pandas_series", [1, 2]),
    ("polars", [{"n": 1, "text": "a", "x": 0.5}, {"n": 2, "text": None, "x": None}]),
    ("polars_within", {"rows": [{"n": 1, "text": "a", "x": 0.5}, {"n": 2, "text": None, "x": None}]}),
    ("polars_series", [1, 2]),
    ("not_status", [1, 2]),
    ("triple", [1, 2, 3]),
    ("named_tuple", [200, 404]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "expected"), JSON, ids=[name for name, _ in JSON])
def test_json(results: Service, name: str, expected: Any) -> None:
    """Data of every kind is JSON, with status 200 and its length."""
    answer = get(results, name)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == expected
    assert int(answer.headers["content-length"]) == len(answer.content)


CONTENT = [
    ("str", "text/plain; charset=utf-8", "grüße".encode()),
    ("str_enum", "text/plain; charset=utf-8", b"yes"),
    ("bytes", "application/octet-stream", b"\x00\xff\n"),
    ("bytearray", "application/octet-stream", b"ab"),
    ("memoryview", "application/octet-stream", b"cd"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "media", "body"), CONTENT, ids=[name for name, *_ in CONTENT])
def test_text_and_bytes(results: Service, name: str, media: str, body: bytes) -> None:
    """Text is sent as UTF-8 with its charset; bytes are sent unchanged."""
    answer = get(results, name)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, media, body)


def test_none(results: Service) -> None:
    """None is 204: no body, no length, no media type."""
    answer = get(results, "none")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"content-length", "content-type", "transfer-encoding"} & set(answer.headers)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["figure", "image"])
def test_pictures(results: Service, name: str) -> None:
    """A figure and an image are PNG."""
    answer = get(results, name)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.slow
def test_figure_is_let_go(results: Service) -> None:
    """pyplot does not keep the figures that were answered, which would fill the memory."""
    get(results, "figure")
    assert get(results, "figures_kept").json() == 0


def test_path(results: Service) -> None:
    """A path is its file, with media type, length and validators; ranges are served."""
    answer = get(results, "path")
    assert (answer.status_code, answer.content) == (200, b"a,b\n1,2\n")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-length"] == "8"
    part = get(results, "path", range="bytes=4-6")
    assert (part.status_code, part.content) == (206, b"1,2")


def test_path_with_status(results: Service) -> None:
    """A path in a tuple takes the status and the headers."""
    answer = get(results, "path_201")
    assert (answer.status_code, answer.headers["x-kind"], answer.content) == (201, "file", b"a,b\n1,2\n")


STATUS: list[tuple[str, int, Any]] = [
    ("status_body", 201, {"a": 1}),
    ("body_status", 202, {"a": 1}),
    ("two_statuses", 200, 404),
    ("response", 201, {"a": 1}),
    ("nuclio", 202, {"a": 1}),
    ("starlette", 418, {"a": 1}),
]


@pytest.mark.parametrize(("name", "status", "expected"), STATUS, ids=[name for name, *_ in STATUS])
def test_status(results: Service, name: str, status: int, expected: Any) -> None:
    """A status is read from (status, body), (body, status) and responses; of two numbers the first is the status."""
    answer = get(results, name)
    assert (answer.status_code, answer.json()) == (status, expected)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["response", "nuclio", "starlette"])
def test_response_headers(results: Service, name: str) -> None:
    """A response's headers reach the client."""
    assert get(results, name).headers["x-a"] == "1"


def test_tuple_headers(results: Service) -> None:
    """The third part of a tuple is headers; a list gives several of one name; ours give way."""
    answer = get(results, "body_status_headers")
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (203, "<p>", "text/html")
    assert answer.headers.get_list("x-many") == ["1", "2"]
    assert get(results, "header_pairs").headers.get_list("x-a") == ["1", "2"]


@pytest.mark.parametrize(("name", "media"), [("response_text", "text/html"), ("nuclio_text", "text/css")])
def test_content_type(results: Service, name: str, media: str) -> None:
    """`content_type` of a response is the media type."""
    assert get(results, name).headers["content-type"] == media


@pytest.mark.parametrize("name", ["status_alone", "response_empty"])
def test_status_without_body(results: Service, name: str) -> None:
    """A status with nothing to say has an empty body of a known length: the client does not wait for more."""
    answer = get(results, name)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (404, b"", "0")


@pytest.mark.parametrize(
    ("name", "status"), [("204_body", 204), ("204_generator", 204), ("304_body", 304), ("starlette_204", 204)]
)
def test_status_that_has_no_body(results: Service, name: str, status: int) -> None:
    """204 and 304 never carry a body: the next answer on the connection is not disturbed."""
    with Raw(results) as client:
        client.send(request(path=f"/?name={name}", method="GET") + request(path="/?name=int", method="GET"))
        first, second = client.answer(), client.answer()
    assert (first.status, first.body) == (status, b"")
    assert not {"content-length", "transfer-encoding"} & set(first.headers)
    assert (second.status, second.body) == (200, b"7")


def test_wrong_length(results: Service) -> None:
    """A handler cannot break the framing of the answer by headers of its own."""
    answer = get(results, "wrong_length")
    assert (answer.text, answer.headers["content-length"]) == ("four", "4")
    assert "transfer-encoding" not in answer.headers


def test_starlette_cookies(results: Service) -> None:
    """Two headers of one name stay two."""
    assert len(get(results, "starlette_cookies").headers.get_list("set-cookie")) == 2


def test_starlette_stream(results: Service) -> None:
    """A streaming response of Starlette's is sent as it is."""
    answer = get(results, "starlette_stream")
    assert (answer.status_code, answer.text) == (206, "ab")
    assert answer.headers["content-type"].startswith("text/x")


def test_starlette_file(results: Service) -> None:
    """A file response of Starlette's is sent as it is."""
    answer = get(results, "starlette_file")
    assert answer.text == "a,b\n1,2\n"
    assert 'filename="t.csv"' in answer.headers["content-disposition"]


def test_starlette_redirect(results: Service) -> None:
    """A redirect is passed on, not followed."""
    answer = get(results, "starlette_redirect")
    assert (answer.status_code, answer.headers["location"]) == (307, "/elsewhere")


def test_starlette_background(results: Service) -> None:
    """A background task runs after the answer."""
    assert get(results, "starlette_background").text == "soon"
    wait_until(lambda: get(results, "background_done").json(), lambda: "the task did not run")


@pytest.mark.parametrize(("name", "source", "data"), [
    ("cloudevent", "/here", {"a": 1}), ("users_cloudevent", "/there", {"b": 2}),
])  # fmt: skip
def test_cloudevent(results: Service, name: str, source: str, data: Any) -> None:
    """An event is answered in binary mode: attributes are headers, the data is the body."""
    answer = get(results, name)
    assert (answer.status_code, answer.json()) == (200, data)
    assert (answer.headers["ce-source"], answer.headers["ce-type"]) == (source, "test.made")
    assert answer.headers["ce-specversion"] == "1.0"
    assert answer.headers["content-type"] == "application/json"


def test_cloudevent_attribute(results: Service) -> None:
    """An attribute beyond ASCII is percent-encoded, as the HTTP binding of CloudEvents says."""
    assert get(results, "cloudevent").headers["ce-subject"] == "gr%C3%B6%C3%9Fe%205%25"


@pytest.mark.parametrize(("name", "media", "body"), [
    ("event_text", "application/json", b'"plain"'), ("event_true", "application/json", b"true"),
    ("event_json_text", "application/json", b'"plain"'), ("event_plain_text", "text/plain", b"plain"),
    ("event_bytes", "application/octet-stream", b"plain"), ("event_json_bytes", "application/json", b"{}"),
])  # fmt: skip
def test_cloudevent_data(results: Service, name: str, media: str, body: bytes) -> None:
    """Data is JSON unless the event says otherwise: text keeps its quotes; bytes are sent as they are."""
    answer = get(results, name)
    assert (answer.headers["content-type"], answer.content) == (media, body)


def test_cloudevent_values(results: Service) -> None:
    """Attributes have their canonical text: `true`, digits, RFC 3339."""
    headers = get(results, "event_values").headers
    assert (headers["ce-flag"], headers["ce-n"], headers["ce-time"]) == ("true", "5", "2024-01-02T03:04:05Z")
    assert get(results, "event_surrogate").status_code == 500


@pytest.mark.parametrize("name", ["injected_value", "injected_name", "injected_path", "injected_type"])
def test_header_injection(results: Service, name: str) -> None:
    """A header with a line's end in it is refused whole: 500, and no header of the attacker's."""
    answer = get(results, name)
    assert answer.status_code == 500
    assert "x-evil" not in answer.headers
    results.wait_log("holds characters that a header may not hold")


UNKNOWN = [
    ("strange", "a main.Strange, which no rule"),
    ("strange_within", "a main.Strange is not JSON serializable"),
    ("type", "a builtins.type, which no rule"),
    ("complex", "a builtins.complex, which no rule"),
    ("itself", "nested too deeply"),
    ("surrogate", "half of a surrogate pair, which is no text"),
    ("path_missing", "nowhere.csv', and there is no file"),
    ("header_unicode", "cannot be written in latin-1"),
    ("response_bad", "99 is not an HTTP status"),
]


@pytest.mark.parametrize(("name", "logged"), UNKNOWN, ids=[name for name, _ in UNKNOWN])
def test_result_that_no_rule_covers(results: Service, name: str, logged: str) -> None:
    """Such a result is a 500 without details; the log has them, under the id that the client got."""
    answer = get(results, name)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert not {"Strange", "strange", "builtins", "results"} & set(answer.text.replace('"', " ").split())
    assert set(answer.json()) == {"type", "title", "status", "detail", "error_id"}
    results.wait_log(answer.json()["error_id"])
    (record,) = [
        record
        for record in results.records
        if record.get("error_id") == answer.json()["error_id"] and record["level"] == "error"
    ]
    assert logged in record["message"] + record.get("traceback", "")


@pytest.mark.parametrize("name", ["dict", "str", "path", "generator", "async_generator", "none", "starlette"])
def test_head(results: Service, name: str) -> None:
    """HEAD has the head of GET and no body: the connection can be used on."""
    with Raw(results) as client:
        client.send(request(path=f"/?name={name}", method="HEAD"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.file.readline()
        client.send(request(path="/?name=int", method="GET"))
        assert client.answer().body == b"7"
    full = get(results, name)
    assert int(head.split()[1]) == full.status_code
    if "content-length" in full.headers:
        assert f"content-length: {full.headers['content-length']}".encode() in head
