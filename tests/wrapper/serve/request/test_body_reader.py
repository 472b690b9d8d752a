"""Bodies of every media type become arguments; those that cannot are refused with a reason."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.raw import Raw, run_service
from tests.service import Service

from ovenbird.serve.request.body_reader import ContentType

Start = Callable[[str], Service]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """The server of one handler of the project `payloads`; each is started once for all tests."""
    import contextlib

    with contextlib.ExitStack() as stack:
        services: dict[str, Service] = {}

        def get(name: str) -> Service:
            if name not in services:
                target = f"payloads/main.py:{name}"
                services[name] = stack.enter_context(run_service(tmp_path_factory, target, "--log-format", "json"))
            return services[name]

        yield get


def send(service: Service, body: bytes | str, media: str, path: str = "/", **headers: str) -> httpx.Response:
    content = body.encode() if isinstance(body, str) else body
    extra = {key.replace("_", "-"): value for key, value in headers.items()}
    return service.post(path, content=content, headers={"content-type": media, **extra})


JSON_TYPES = [
    "application/json",
    "application/json; charset=utf-8",
    'Application/JSON ; Charset="UTF-8"; profile=x',
    "application/vnd.api+json",
    "text/json",
]


@pytest.mark.slow
@pytest.mark.parametrize("media", JSON_TYPES)
def test_json(start: Start, media: str) -> None:
    """A JSON object fills the fields, whatever the parameters of its media type."""
    assert send(start("fields"), '{"a": 1, "b": "ü"}', media).json() == {"a": 1, "b": "ü", "tags": None}


@pytest.mark.slow
def test_json_without_media_type(start: Start) -> None:
    """A body without a media type is read as JSON."""
    answer = start("fields").post(content=b'{"a": 2}')
    assert answer.json()["a"] == 2


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "cp1252"])
def test_json_in_other_charset(start: Start, charset: str) -> None:
    """JSON in another charset is read as what it says it is."""
    body = '{"a": 1, "b": "grüße"}'.encode(charset)
    assert send(start("fields"), body, f"application/json; charset={charset}").json()["b"] == "grüße"


_MULTIPART = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--\r\n"
_CHARSETS = ("punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "rot13", "hex", "zip",
             "mbcs", "klingon", "../utf-8", "x" * 300)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("handler", "media", "body"),
    [
        ("fields", "application/json", '{"a": 1}'),
        ("fields", "application/x-www-form-urlencoded", "a=1"),
        ("fields", "multipart/form-data; boundary=b", _MULTIPART),
        ("whole", "text/plain", "x"),
        ("event", "application/json", "{}"),
        ("told", "application/cloudevents+json", "{}"),
        ("told", "application/cloudevents-batch+json", "[]"),
        ("streamed", "multipart/form-data; boundary=b", _MULTIPART),
        ("asgi_form", "multipart/form-data; boundary=b", _MULTIPART),
    ],
)
def test_unknown_charset(start: Start, handler: str, media: str, body: str) -> None:
    """A codec of Python's that is no charset in use is a 415 that names it, wherever a charset may stand."""
    for charset in _CHARSETS if media == "application/json" else _CHARSETS[:2]:
        answer = send(start(handler), body, f"{media}; charset={charset}")
        assert answer.status_code == 415, (charset, answer.text)
        assert charset[:40] in answer.json()["detail"]


def test_body_not_in_its_charset(start: Start) -> None:
    """Bytes that are not text in the charset are a 400."""
    assert send(start("fields"), b'{"a": 1, "b": "\xff"}', "application/json").status_code == 400
    assert send(start("fields"), b"\xff", "application/json; charset=shift_jis").status_code == 400
    assert send(start("whole"), b"\xff", "text/plain").status_code == 400


def test_cloudevents_in_other_charset(start: Start) -> None:
    """Structured events and batches are read in the charset that they name."""
    event = {**EVENT, "data": {"word": "grüße"}}
    body = json.dumps(event, ensure_ascii=False).encode("utf-16")
    answer = send(start("told"), body, "application/cloudevents+json; charset=utf-16")
    assert answer.json()["data"] == {"word": "grüße"}


def test_a_form_in_other_charset(start: Start) -> None:
    """Bytes of a form that are not escaped are read in its charset."""
    body = "a=1&b=grüße".encode("latin-1")
    assert send(start("fields"), body, "application/x-www-form-urlencoded; charset=latin-1").json()["b"] == "grüße"


def test_form(start: Start) -> None:
    """Fields of a form are text that is converted to the hints; a repeated one is a list."""
    answer = send(start("fields"), "a=5&b=x+y%C3%BC&tags=p&tags=q", "application/x-www-form-urlencoded")
    assert answer.json() == {"a": 5, "b": "x yü", "tags": ["p", "q"]}


def test_curl_d_json(start: Start) -> None:
    """`curl -d '{...}'` calls JSON a form; it is understood."""
    answer = send(start("fields"), ' {"a": 6}', "application/x-www-form-urlencoded")
    assert answer.json()["a"] == 6


def test_query(start: Start) -> None:
    """The query of a GET fills the fields."""
    assert start("fields").get("/any/path?a=7&b=q&tags=1&tags=2").json() == {"a": 7, "b": "q", "tags": ["1", "2"]}


def test_query_and_json(start: Start) -> None:
    """The query fills the fields that the JSON does not have; the JSON wins."""
    assert send(start("fields"), '{"a": 8}', "application/json", "/?b=q&a=1").json() == {"a": 8, "b": "q", "tags": None}


def test_query_and_form(start: Start) -> None:
    """The query and the form together fill the fields."""
    answer = send(start("fields"), "a=9", "application/x-www-form-urlencoded", "/?b=q")
    assert answer.json() == {"a": 9, "b": "q", "tags": None}


@pytest.mark.parametrize("media", ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"])
def test_msgpack(start: Start, media: str) -> None:
    """MessagePack is read like JSON."""
    assert send(start("fields"), msgspec.msgpack.encode({"a": 10}), media).json()["a"] == 10


@pytest.mark.parametrize("body", [b"\xc1", b"\x91" * 100_000, b"\x81\xa1a"])
def test_malformed_msgpack(start: Start, body: bytes) -> None:
    """MessagePack that is broken, nested too deeply or cut off is a 400."""
    assert send(start("fields"), body, "application/msgpack").status_code == 400


MALFORMED = ["{", '{"a": 1,}', "a", '{"a": NaN}', '{"a": 1} x', '{"a": Infinity}', '{"a": 01}', '"\\ud800x']


@pytest.mark.parametrize("name", ["fields", "whole", "line", "order", "rest", "event"])
@pytest.mark.parametrize("body", MALFORMED)
def test_malformed_json(start: Start, name: str, body: str) -> None:
    """JSON that cannot be parsed is a 400 that says where, for every way to take arguments."""
    answer = send(start(name), body, "application/json")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"]


@pytest.mark.parametrize("name", ["fields", "whole", "line", "lines", "order", "rest", "event"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_deeply_nested_json(start: Start, name: str, text: str) -> None:
    """JSON nested 100,000 deep is refused, and the server continues."""
    assert send(start(name), text, "application/json").status_code in (400, 422)
    assert start(name).get("/_/live").status_code == 200


FIELD_PROBLEMS: list[tuple[str, Any, list[str]]] = [
    ("fields", {"a": "x"}, ["a"]),
    ("fields", {"a": 1.5, "b": 2}, ["a", "b"]),
    ("fields", {}, ["a"]),
    ("fields", {"a": 1, "c": 2, "d": 3}, ["c", "d"]),
    ("fields", {"b": 1, "z": 1}, ["a", "b", "z"]),
    ("fields", {"a": None}, ["a"]),
    ("fields", [1], [""]),
    ("fields", "text", [""]),
    ("rest", {"b": 1}, ["a"]),
    ("line", {"sku": 1, "count": "x"}, ["sku", "count"]),
    ("line", {}, ["sku"]),
    ("lines", [{"sku": "a"}, {"sku": 2}, {}], ["[1].sku", "[2].sku"]),
    ("order", {"name": 1, "price": -1}, ["name", "price"]),
    ("nothing", {"a": 1}, []),
]


@pytest.mark.parametrize(("name", "payload", "fields"), FIELD_PROBLEMS)
def test_fields_that_do_not_fit(start: Start, name: str, payload: Any, fields: list[str]) -> None:
    """Every field that is missing, unknown or of another type is named, all in one 422."""
    answer = start(name).call(payload)
    if not fields:
        assert answer.text == "ran"
        return
    assert answer.status_code == 422
    assert sorted(problem["field"] for problem in answer.json()["errors"]) == sorted(fields)
    assert all(problem["message"] for problem in answer.json()["errors"])


def test_rest(start: Start) -> None:
    """`**kwargs` takes the fields that no parameter has."""
    assert start("rest").call({"a": 1, "b": [2]}).json() == {"a": 1, "others": {"b": [2]}}


def test_whole(start: Start) -> None:
    """A lone parameter takes the whole payload, converted to its hint."""
    assert start("whole").call({"x": [1]}).json() == {"type": "dict", "value": {"x": [1]}}
    assert start("line").call({"sku": "a"}).json() == {"line": {"sku": "a", "count": 1}}
    assert start("line").call({"sku": "a", "count": 3}).json() == {"line": {"sku": "a", "count": 3}}
    assert start("lines").call([{"sku": "a", "count": 2}]).json() == {"lines": [{"sku": "a", "count": 2}]}
    assert start("order").call({"name": "a", "price": 1}).json() == {"name": "a", "price": 1.0}


@pytest.mark.parametrize(("media", "kind", "value"), [
    ("text/plain", "str", "grüße"),
    ("text/plain; charset=latin-1", "str", "grÃ¼Ã\x9fe"),
    ("text/csv", "str", "grüße"),
    ("application/octet-stream", "bytes", "grÃ¼Ã\x9fe"),
    ("image/png", "bytes", "grÃ¼Ã\x9fe"),
])  # fmt: skip
def test_text_and_bytes_for_an_unhinted_payload(start: Start, media: str, kind: str, value: str) -> None:
    """A lone parameter without a hint takes text as text and anything else as bytes."""
    assert send(start("whole"), "grüße", media).json() == {"type": kind, "value": value}


@pytest.mark.parametrize("name", ["fields", "line", "order", "lines"])
@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/octet-stream", "x"])
def test_media_type_that_is_not_understood(start: Start, name: str, media: str) -> None:
    """A typed handler refuses other media types with a 415 that says what it takes."""
    answer = send(start(name), "a", media)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["accepted"]


def test_content_encoding(start: Start) -> None:
    """`identity` says nothing, and an encoding that is not supported is a 415."""
    assert send(start("fields"), b"{}", "application/json", content_encoding="compress").status_code == 415
    assert send(start("fields"), '{"a": 1}', "application/json", content_encoding="identity").status_code == 200


def test_raw(start: Start) -> None:
    """`bytes` takes the body as it is, whatever it says it is."""
    assert send(start("raw"), b"{\xff\x00", "application/json").content == b"{\xff\x00"
    assert start("raw").get().content == b""


@pytest.mark.parametrize(("name", "status"), [("fields", 422), ("whole", 200), ("line", 422), ("nothing", 200)])
def test_no_body(start: Start, name: str, status: int) -> None:
    """Without body and query the defaults count; what has none is named."""
    answer = start(name).post()
    assert answer.status_code == status
    if name == "whole":
        assert answer.json() == {"type": "NoneType", "value": None}


def test_event(start: Start) -> None:
    """An event tells everything about its call; its body is parsed when the media type says JSON."""
    answer = send(
        start("event"), '{"x": 1}', "application/json; v=1", "/a/b?c=d&c=e", x_own="mine", x_request_id="id-1"
    )
    assert answer.json() == {
        "body": {"x": 1}, "content_type": "application/json; v=1", "method": "POST", "path": "/a/b",
        "fields": {"c": "e"}, "url": "/a/b?c=d&c=e", "size": 8, "id": "id-1", "header": "mine", "same": "mine",
        "trigger": "http", "year": answer.json()["year"],
    }  # fmt: skip
    assert answer.json()["year"] >= 2024


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_event_with_bytes(start: Start, media: str) -> None:
    """The body of an event is bytes when it is not JSON, forms included."""
    assert send(start("event"), "a=1", media).json()["body"] == {"bytes": "a=1"}


def test_names_in_another_order(start: Start) -> None:
    """Binding is by name: (context, event) works like (event, context)."""
    assert start("swapped").call({}).json() == ["swapped", "POST"]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "on_disk"), [(10, False), (1024**2 + 1, True)])
def test_upload(start: Start, size: int, on_disk: bool) -> None:
    """A file of a multipart form is spooled to disk past 1 MiB, and is gone after the call."""
    body = b"x" * size
    answer = start("upload").post(files={"file": ("a.bin", body, "image/gif")}, data={"note": "hi"})
    upload = answer.json()
    assert (upload["name"], upload["size"], upload["media"], upload["note"]) == ("a.bin", size, "image/gif", "hi")
    assert upload["on_disk"] is on_disk
    deadline = time.monotonic() + 10  # the file is closed once the answer is sent
    while start("upload").post(files={"file": ("b.bin", b"y")}).json()["open"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert start("upload").post(files={"file": ("b.bin", b"y")}).json()["open"] == 0


def test_uploads(start: Start) -> None:
    """Several files of one name fill a list."""
    files = [("files", ("a", b"1")), ("files", ("b", b"2"))]
    assert start("uploads").post(files=files).json() == ["a", "b"]


def test_multipart_fields(start: Start) -> None:
    """Fields of a multipart form are converted like those of another form; the query adds to them."""
    answer = start("fields").post("/?b=q", files={"a": (None, "11")})
    assert answer.json() == {"a": 11, "b": "q", "tags": None}


def test_file_that_nobody_takes(start: Start) -> None:
    """A file for a handler that takes none is a 415."""
    assert start("fields").post(files={"a": ("a.txt", b"1")}).status_code == 415


@pytest.mark.slow
def test_file_where_text_was_sent(start: Start) -> None:
    """Text, or JSON, in place of a file is a 422 that names the field."""
    answer = start("upload").post(files={"file": (None, "text")})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")
    answer = start("upload").call({"file": "text"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")


@pytest.mark.parametrize("media", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_malformed_multipart(start: Start, media: str) -> None:
    """Multipart without a boundary, or without its parts, is a 400."""
    answer = send(start("upload"), "no parts here", media)
    assert answer.status_code == 400
    assert "multipart" in answer.json()["detail"]


def test_many_fields_are_accepted(start: Start) -> None:
    """A multipart form of thousands of fields is bounded by --max-fields only."""
    files = [("a", (None, "1")), *((f"f{number}", (None, "1")) for number in range(1500))]
    assert len(start("rest").post(files=files).json()["others"]) == 1500


def test_a_text_part_may_be_large(start: Start) -> None:
    """A text part over 1 MiB is bounded by --max-body only."""
    answer = start("fields").post(files=[("a", (None, "1")), ("b", (None, "x" * 3_000_000))])
    assert len(answer.json()["b"]) == 3_000_000


@pytest.mark.parametrize("cut", [b"\r\n--b--", b"--", b"text\r\n--b--", b"form-data; name=b\r\n\r\ntext\r\n--b--"])
def test_a_multipart_body_that_is_cut_off(start: Start, cut: bytes) -> None:
    """Without its closing boundary a body is not whole, wherever it ends."""
    body = (
        b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
        b"--b\r\nContent-Disposition: form-data; name=b\r\n\r\ntext\r\n--b--"
    )
    media = "multipart/form-data; boundary=b"
    assert send(start("fields"), body, media).json()["b"] == "text"
    assert send(start("fields"), body + b"\r\n", media).status_code == 200
    assert body.endswith(cut)
    answer = send(start("fields"), body.removesuffix(cut), media)
    assert (answer.status_code, "cut off" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    "preamble",
    [b"\r\n", b"This is a multipart message.\r\n", b"--not-b\r\n\r\n--b \r\n--bb\r\n", b"a line\r\n" * 30_000],
    ids=["line", "text", "boundaries", "long"],
)
def test_a_preamble_is_skipped(start: Start, preamble: bytes) -> None:
    """What stands before the first boundary and behind the last is nothing (RFC 2046, 5.1.1)."""
    body = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n7\r\n--b--\r\n--b\r\nan epilogue"
    answer = send(start("fields"), preamble + body, "multipart/form-data; boundary=b")
    assert answer.json() == {"a": 7, "b": "none", "tags": None}, answer.text


@pytest.mark.parametrize("file", [[], "x", None, {}, 1, ["x"]])
def test_what_is_no_upload(start: Start, file: Any) -> None:
    """JSON holds no file: a 422 that says how one is sent, whatever stands in its place."""
    answer = start("upload").call({"file": file})
    assert answer.status_code == 422
    assert "multipart/form-data" in answer.text


@pytest.mark.parametrize("body", [b"\xa1\xff", b"\x81\xa1\xff\x01", b"\x91" * 5000, b"\xdd\xff\xff\xff\xff", b"\xc1"])
def test_malformed_messagepack(start: Start, body: bytes) -> None:
    """Text that is not UTF-8, nesting without end, lengths that lie: a 400."""
    assert send(start("whole"), body, "application/msgpack").status_code == 400


def test_streamed(start: Start) -> None:
    """An async handler with a `request` reads the body itself, bit by bit."""
    answer = start("streamed").post("/?a=1", content=iter([b"x" * 100_000] * 20))
    assert answer.json() == {"total": 2_000_000, "query": {"a": "1"}}


def test_requested(start: Start) -> None:
    """A sync handler with a `request` finds the body in it."""
    answer = send(start("requested"), "abc", "text/plain", x_own="mine")
    assert answer.json() == {"method": "POST", "body": 3, "header": "mine"}


EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def test_binary_event(start: Start) -> None:
    """A CloudEvent in binary mode: ce- headers are attributes, percent-decoded; the body is the data."""
    answer = send(
        start("told"), '{"x": 1}', "application/json",
        ce_specversion="1.0", ce_id="1", ce_source="/s", ce_type="t", ce_subject="gr%C3%B6%C3%9Fe", ce_own="more",
    )  # fmt: skip
    attributes = {**EVENT, "subject": "größe", "own": "more", "datacontenttype": "application/json"}
    assert answer.json() == {"attributes": attributes, "data": {"x": 1}}


@pytest.mark.parametrize(("media", "body", "data"), [
    ("text/plain", "grüße", "grüße"), ("image/png", "abc", "bytes"), ("application/json", "", None),
])  # fmt: skip
def test_binary_event_data(start: Start, media: str, body: str, data: Any) -> None:
    """The data of an event in binary mode is text for text, bytes for the rest, None when there is no body."""
    answer = send(start("told"), body, media, ce_specversion="1.0", ce_id="1", ce_source="/s", ce_type="t")
    assert answer.json()["data"] == data


@pytest.mark.parametrize(("extra", "data"), [
    ({"data": {"x": 1}}, {"x": 1}), ({"data_base64": "AAE="}, "bytes"), ({}, None),
])  # fmt: skip
def test_structured_event(start: Start, extra: dict[str, Any], data: Any) -> None:
    """A CloudEvent in structured mode is one JSON object."""
    answer = send(start("told"), json.dumps({**EVENT, **extra}), "application/cloudevents+json; charset=utf-8")
    assert answer.json() == {"attributes": EVENT, "data": data}


def test_event_fields(start: Start) -> None:
    """Other parameters are fields of the event's data; a field that does not fit is a 422."""
    media = "application/cloudevents+json"
    assert send(start("typed"), json.dumps({**EVENT, "data": {"a": 4}}), media).json() == 8
    answer = send(start("typed"), json.dumps({**EVENT, "data": {"a": "x"}}), media)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "a")


BAD_EVENTS = [
    ("application/json", "{}", "no ce- headers"),
    ("application/cloudevents+json", "{", ""),
    ("application/cloudevents+json", "[]", "JSON object"),
    ("application/cloudevents+json", '{"id": "1"}', "needs source, type"),
    ("application/cloudevents+json", json.dumps({**EVENT, "specversion": "0.3"}), "0.3"),
    ("application/cloudevents+json", json.dumps({**EVENT, "data_base64": "?"}), "base64"),
    ("application/cloudevents-batch+json", "{}", "array"),
    ("application/cloudevents+json", "[" * 100_000, ""),
    *(
        ("application/cloudevents+json", json.dumps({**EVENT, **change}), message)
        for change, message in (
            ({"specversion": None}, "needs specversion"),
            ({"specversion": 1.0}, "'specversion' is a text"),
            ({"specversion": "1"}, "found specversion '1'"),
            ({"id": 5}, "'id' is a text"),
            ({"id": ""}, "needs id"),
            ({"source": "/a b"}, "'source' is a URI"),
            ({"type": ["t"]}, "'type' is a text"),
            ({"subject": ""}, "'subject' is a text"),
            ({"time": "yesterday"}, "RFC 3339"),
            ({"time": "2024-01-02 03:04:05Z"}, "RFC 3339"),
            ({"time": "2024-01-02T03:04:05"}, "RFC 3339"),
            ({"time": "2024-13-02T03:04:05Z"}, "RFC 3339"),
            ({"time": 5}, "'time' is a text"),
            ({"dataschema": "schema"}, "absolute URI"),
            ({"own": {"a": 1}}, "'own' is text, a boolean or a whole number"),
            ({"own": 1.5}, "'own' is text"),
            ({"own": 2**31}, "'own' is text"),
            ({"Own": "x"}, "a to z and 0 to 9"),
            ({"own_name": "x"}, "a to z and 0 to 9"),
            ({"": "x"}, "a to z and 0 to 9"),
            ({"own": "a\x01b"}, "no text may hold"),
            ({"data": 1, "data_base64": "AAE="}, "exclude each other"),
            ({"data_base64": 5}, "base64"),
            ({"datacontenttype": "application/json", "data_base64": "ew=="}, ""),
        )
    ),
]


@pytest.mark.parametrize(("media", "body", "message"), BAD_EVENTS)
def test_malformed_event(start: Start, media: str, body: str, message: str) -> None:
    """A body that is no CloudEvent is a 400 with the reason."""
    answer = send(start("told"), body, media)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]


def test_body_in_pieces(start: Start) -> None:
    """A body that comes byte by byte, chunked, is put together."""
    with Raw(start("fields")) as client:
        client.send(
            b"POST / HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for byte in b'{"a": 12}':
            client.send(b"1\r\n%c\r\n" % byte)
        client.send(b"0\r\n\r\n")
        assert json.loads(client.answer().body)["a"] == 12


def test_expect_continue(start: Start) -> None:
    """A client that sends `Expect: 100-continue` gets `100 Continue`."""
    with Raw(start("fields")) as client:
        head = b"POST / HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 8\r\n"
        client.send(head + b"expect: 100-continue\r\n\r\n")
        assert client.file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert client.file.readline() == b"\r\n"
        client.send(b'{"a": 3}')
        assert client.answer().status == 200


@pytest.mark.parametrize(("text", "name", "charset", "is_json"), [
    ("", "", "utf-8", False),
    ("application/json", "application/json", "utf-8", True),
    ("A/B+JSON;charset='Latin-1'", "a/b+json", "latin-1", True),
    ("text/plain; a=b; charset=x", "text/plain", "x", False),
])  # fmt: skip
def test_media(text: str, name: str, charset: str, is_json: bool) -> None:
    """A Content-Type is parsed whatever its case and parameters."""
    content_type = ContentType(text)
    assert (content_type.name, content_type.charset, content_type.json) == (name, charset, is_json)


GOOD = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


@pytest.mark.parametrize(("header", "value"), [
    ('"Euro \\"sign\\" \\\\ %E2%82%AC"', 'Euro "sign" \\ €'), ("%22a%22", '"a"'), ("a%20b c", "a b c"), ("a%2", "a%2"),
    ("true", "true"), ("%E2%82%ac", "€"),
])  # fmt: skip
def test_header_values_of_events(start: Start, header: str, value: str) -> None:
    """Quotes are removed first, and one round of percent-encoding then (HTTP binding 3.1.3.2)."""
    answer = start("told").post(headers={**GOOD, "ce-own": header})
    assert answer.json()["attributes"]["own"] == value


@pytest.mark.parametrize("change", [
    {"ce-id": ""}, {"ce-specversion": "0.3"}, {"ce-time": "now"}, {"ce-own": "%FF"}, {"ce-own": '"a'},
    {"ce-own-name": "x"}, {"ce-data": "x"}, {"ce-dataschema": "x"}, {"ce-own": "%00"},
])  # fmt: skip
def test_malformed_event_in_headers(start: Start, change: dict[str, str]) -> None:
    """The rules are those of the JSON form."""
    assert start("told").post(headers=GOOD).status_code == 200
    assert start("told").post(headers={**GOOD, **change}).status_code == 400


def test_an_attribute_that_is_sent_twice(start: Start) -> None:
    """The runtime cannot choose between two ids, even where they are equal."""
    for other in (b"1", b"2"):
        with Raw(start("told")) as client:
            lines = "".join(f"{name}: {value}\r\n" for name, value in GOOD.items()).encode()
            client.send(
                b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n" + lines + b"CE-Id: " + other + b"\r\n\r\n"
            )
            answer = client.answer()
        assert (answer.status, b"sent twice" in answer.body) == (400, True)


@pytest.mark.parametrize(
    "media", ["application/cloudevents+xml", "application/cloudevents-batch+xml", "application/cloudevents"]
)
def test_another_event_format(start: Start, media: str) -> None:
    """A format that is no JSON is a 415, with attributes in the headers too: it is no data in binary mode."""
    assert start("told").post(content=b"<event/>", headers={**GOOD, "content-type": media}).status_code == 415


DERIVED = """
import ovenbird, cloudevents.http
class Own(ovenbird.CloudEvent):
    pass
class Theirs(cloudevents.http.CloudEvent):
    pass
def own(event: Own):
    return [type(event).__name__, event]
def theirs(event: Theirs):
    return [type(event).__name__, event]
"""


@pytest.mark.parametrize("name", ["own", "theirs"])
def test_a_class_derived_from_an_event(serve: Callable[..., Service], tmp_path: Path, name: str) -> None:
    """A handler gets the class that it hints; an event within a list keeps its data."""
    (tmp_path / "derived.py").write_text(DERIVED)
    service = serve(f"from derived import {name} as handler\n")
    event = {**EVENT, "time": "2024-01-02T03:04:05Z", "data": {"a": 1}}
    assert send(service, json.dumps(event), "application/cloudevents+json").json() == [name.capitalize(), event]


def test_an_event_without_version(start: Start) -> None:
    """Headers without `ce-specversion` are no CloudEvent."""
    headers = {name: value for name, value in GOOD.items() if name != "ce-specversion"}
    assert "needs specversion" in start("told").post(headers=headers).json()["detail"]


def test_data_of_events(start: Start) -> None:
    """JSON by its media type, however it is carried; without one, JSON where it is, else bytes."""
    media = "application/cloudevents+json"
    event = {**EVENT, "datacontenttype": "application/json", "data_base64": "eyJhIjogMX0="}
    assert send(start("told"), json.dumps(event), media).json()["data"] == {"a": 1}
    assert send(start("told"), json.dumps({**EVENT, "data": "text"}), media).json()["data"] == "text"
    numeric = {**EVENT, "n": 15213.0}
    assert send(start("told"), json.dumps(numeric), media).json()["attributes"]["n"] == 15213
    good = {"time": "2024-01-02t03:04:60.123456789z", "flag": True, "n": -5, "dataschema": "urn:x"}
    assert send(start("told"), json.dumps({**EVENT, **good}), media).json()["attributes"] == {**EVENT, **good}
    assert start("told").post(content=b'"text"', headers=GOOD).json()["data"] == "text"
    assert start("told").post(content=b"{not JSON", headers=GOOD).json()["data"] == "bytes"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.11", "2"])
def test_both_generations_of_the_cloudevents_package(version: str, serve: Any, tmp_path_factory: Any) -> None:
    """An event with `time` reaches a handler of either; what its class refuses is a 400 with its own words."""
    packages = tmp_path_factory.mktemp(f"cloudevents-{version}")
    command = ("pip", "install", "--quiet", "--target", str(packages), f"cloudevents~={version}.0")
    subprocess.run([sys.executable, "-m", "uv", *command], check=True, capture_output=True)
    module = "cloudevents.http" if version == "1.11" else "cloudevents.core.v1.event"
    service = serve(
        f"from {module} import CloudEvent\n"
        "def handler(event: CloudEvent):\n"
        "    values = event.get_attributes()\n"
        "    if values.get('subject') == 'back':\n"
        "        return type(event)({**values}, 'text')\n"
        "    return [event.__class__.__module__, str(values['time'])[:10]]\n",
        PYTHONPATH=str(packages),
    )
    media = "application/cloudevents+json"
    event = {**EVENT, "time": "2024-01-02T03:04:05.5Z", "flag": True}
    answer = send(service, json.dumps(event), media)
    assert answer.json() == [module if version == "2" else "cloudevents.http.event", "2024-01-02"]
    answer = send(service, json.dumps({**event, "subject": "back"}), media)
    assert (answer.json(), answer.headers["content-type"]) == ("text", "application/json")
    assert (answer.headers["ce-flag"], answer.headers["ce-time"][:10]) == ("true", "2024-01-02")
    refused = send(service, json.dumps({**event, "specversion": "1.7"}), media)
    assert (refused.status_code, "specversion" in refused.json()["detail"]) == (400, True)
