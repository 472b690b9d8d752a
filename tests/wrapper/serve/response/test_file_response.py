"""A path as the answer: preconditions, ranges and media types, over a real socket."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service

SOURCE = """
from pathlib import Path
HERE = Path(__file__).parent
def handler(name: str = "data.bin", status: int = 200, tag: str = ""):
    return HERE / name, status, {"ETag": tag} if tag else {}
"""
DATA = bytes(range(200))
MODIFIED = "Thu, 29 Feb 2024 12:30:00 GMT"
LATER, EARLIER = "Thu, 29 Feb 2024 12:30:01 GMT", "Thu, 29 Feb 2024 12:29:59 GMT"
SECONDS = 1709209800.25  # of the time above: a file's time is finer than a header's


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "main.py").write_text(SOURCE)
    (folder / "data.bin").write_bytes(DATA)
    (folder / "empty.bin").write_bytes(b"")
    os.utime(folder / "data.bin", (SECONDS, SECONDS))
    with run_service(tmp_path_factory, str(folder / "main.py")) as service:
        service.folder = folder  # type: ignore[attr-defined]
        yield service


@pytest.fixture(scope="module")
def etag(files: Service) -> str:
    return files.get().headers["etag"]


# {e} is the file's entity tag
CONDITIONS: list[tuple[dict[str, str], int]] = [
    ({"If-None-Match": "{e}"}, 304),
    ({"If-None-Match": "W/{e}"}, 304),
    ({"If-None-Match": '"other", {e}'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"other"'}, 200),
    ({"If-None-Match": "unquoted"}, 200),
    ({"If-None-Match": '"a,b", W/"{e}"'}, 200),
    ({"If-Modified-Since": MODIFIED}, 304),
    ({"If-Modified-Since": LATER}, 304),
    ({"If-Modified-Since": "Thursday, 29-Feb-24 12:30:00 GMT"}, 304),
    ({"If-Modified-Since": "Thu Feb 29 12:30:00 2024"}, 304),
    ({"If-Modified-Since": EARLIER}, 200),
    ({"If-Modified-Since": "yesterday"}, 200),
    ({"If-Modified-Since": ""}, 200),
    ({"If-Match": "{e}"}, 200),
    ({"If-Match": '"other", {e}'}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": "W/{e}"}, 412),  # strong comparison
    ({"If-Match": '"other"'}, 412),
    ({"If-Unmodified-Since": MODIFIED}, 200),
    ({"If-Unmodified-Since": EARLIER}, 412),
    ({"If-Unmodified-Since": "never"}, 200),
    # the order of RFC 9110 13.2.2
    ({"If-Match": "{e}", "If-Unmodified-Since": EARLIER}, 200),
    ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, 200),
    ({"If-None-Match": "{e}", "If-Modified-Since": EARLIER}, 304),
    ({"If-Match": '"other"', "If-None-Match": "{e}"}, 412),
    ({"If-Match": "{e}", "If-None-Match": "{e}"}, 304),
    ({"If-Unmodified-Since": EARLIER, "If-Modified-Since": LATER}, 412),
    ({"If-None-Match": "{e}", "Range": "bytes=0-1"}, 304),
    ({"If-Match": '"other"', "Range": "bytes=900-"}, 412),
    ({"If-Match": "{e}", "Range": "bytes=0-1"}, 206),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("headers", "status"), CONDITIONS)
def test_preconditions(files: Service, etag: str, method: str, headers: dict[str, str], status: int) -> None:
    """A condition that the file does not meet is a 304 or a 412, by the precedence of RFC 9110."""
    conditions = {key: value.replace("{e}", etag) for key, value in headers.items()}
    answer = httpx.request(method, files.url, headers=conditions, verify=False)
    assert answer.status_code == (200 if (method, status) == ("HEAD", 206) else status)
    if status == 304:
        assert (answer.content, answer.headers["etag"], answer.headers["last-modified"]) == (b"", etag, MODIFIED)
        assert not {"content-length", "content-type"} & set(answer.headers)
    if status == 412:
        assert answer.headers["content-type"] == "application/problem+json"
    if (method, status) == ("GET", 200):
        assert answer.content == DATA


def test_conditions_in_several_lines(files: Service, etag: str) -> None:
    """Entity tags may come in several lines of one header; the connection stays open after a 304."""
    with Raw(files) as client:
        lines = f'If-None-Match: "other"\r\nIf-None-Match: {etag}\r\n'
        client.send(f"GET / HTTP/1.1\r\nHost: test\r\n{lines}\r\n".encode() + request(method="GET"))
        assert [client.answer().status, client.answer().body] == [304, DATA]


def test_conditions_of_the_handlers_own_validators(files: Service) -> None:
    """A handler's own ETag is the one that conditions are held against; a weak one fits If-None-Match only."""
    tag = {"params": {"tag": '"v1"'}}
    assert files.get("/", headers={"If-None-Match": 'W/"v1"'}, **tag).status_code == 304
    assert files.get("/", headers={"If-Match": '"v1"'}, **tag).status_code == 200
    weak = {"params": {"tag": 'W/"v1"'}}
    assert files.get("/", headers={"If-None-Match": '"v1"'}, **weak).status_code == 304
    assert files.get("/", headers={"If-Match": 'W/"v1"'}, **weak).status_code == 412


def test_conditions_hold_for_what_is_read(files: Service, etag: str) -> None:
    """The answer to a POST, and one with another status, are sent whatever the conditions."""
    assert files.post(headers={"If-None-Match": etag}).content == DATA
    answer = files.get("/", params={"status": 201}, headers={"If-None-Match": etag, "Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (201, DATA)


RANGES: list[tuple[str, int, bytes]] = [
    ("bytes=0-1", 206, DATA[:2]),
    ("BYTES=0-1", 206, DATA[:2]),
    ("bytes=198-", 206, DATA[198:]),
    ("bytes=-3", 206, DATA[-3:]),
    ("bytes=-900", 206, DATA),
    ("bytes=0-99999", 206, DATA),
    ("bytes=0-1, 900-", 206, DATA[:2]),
    ("bytes=, 0-1 ,", 206, DATA[:2]),
    ("bytes=200-", 416, b""),
    ("bytes=900-901, 300-", 416, b""),
    ("bytes=-0", 416, b""),
    ("items=0-1", 200, DATA),
    ("bytes", 200, DATA),
    ("bytes=", 200, DATA),
    ("bytes=a-b", 200, DATA),
    ("bytes=5-2", 200, DATA),
    ("bytes=0-1, x", 200, DATA),
    ("bytes=+0-1", 200, DATA),
    ("bytes=0_0-1", 200, DATA),
    ("bytes=0-1;2-3", 200, DATA),
    ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2)), 206, b""),
    ("bytes=" + ",".join("0-0" for _ in range(101)), 200, DATA),
    ("bytes=" + "9" * 19 + "-", 416, b""),
    ("bytes=" + "9" * 5000 + "-", 200, DATA),
]


@pytest.mark.parametrize(("value", "status", "body"), RANGES, ids=[value[:20] for value, *_ in RANGES])
def test_ranges(files: Service, value: str, status: int, body: bytes) -> None:
    """The ranges that the file has are sent; other units and what does not parse are ignored."""
    answer = files.get(headers={"Range": value})
    assert answer.status_code == status
    if body:
        assert answer.content == body
    if status == 416:
        assert answer.headers["content-range"] == "bytes */200"


def test_several_ranges(files: Service) -> None:
    """Several ranges are one multipart answer of the length that it says."""
    answer = files.get(headers={"Range": "bytes=0-1,198-,900-"})
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.content.count(b"Content-Range: bytes ") == 2
    assert b"\r\n\r\n" + DATA[:2] + b"\r\n--" in answer.content


def test_head_ignores_ranges(files: Service) -> None:
    """Ranges are defined for GET alone: HEAD tells the whole file's length, even of one that cannot be satisfied."""
    for value in ("bytes=0-1", "bytes=900-"):
        answer = httpx.head(files.url, headers={"Range": value}, verify=False)
        assert (answer.status_code, answer.headers["content-length"]) == (200, "200")


def test_two_range_lines(files: Service) -> None:
    """Two `Range` headers are no range."""
    with Raw(files) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\nRange: bytes=0-1\r\nRange: bytes=3-4\r\n\r\n")
        assert client.answer().status == 200


@pytest.mark.parametrize(("value", "status"), [
    ("{e}", 206), (MODIFIED, 206), ("W/{e}", 200), ('"other"', 200), (EARLIER, 200), (LATER, 200), ("nonsense", 200),
])  # fmt: skip
def test_if_range(files: Service, etag: str, value: str, status: int) -> None:
    """A range of another version of the file is the whole file, even where the range cannot be satisfied."""
    condition = value.replace("{e}", etag)
    assert files.get(headers={"Range": "bytes=0-1", "If-Range": condition}).status_code == status
    late = files.get(headers={"Range": "bytes=900-", "If-Range": condition})
    assert late.status_code == (416 if status == 206 else 200)


def test_empty_file(files: Service) -> None:
    """An empty file is sent whole, and has no ranges."""
    assert (files.get("/?name=empty.bin").status_code, files.get("/?name=empty.bin").content) == (200, b"")
    assert files.get("/?name=empty.bin", headers={"Range": "bytes=0-"}).status_code == 416


MEDIA = [
    ("a.tar.gz", "application/gzip", None),
    ("a.tgz", "application/gzip", None),
    ("a.csv.gz", "application/gzip", None),
    ("a.CSV.GZ", "application/gzip", None),
    ("a.gz", "application/gzip", None),
    ("a.tar.bz2", "application/x-bzip2", None),
    ("a.tar.xz", "application/x-xz", None),
    ("a.json.zst", "application/zstd", None),
    ("a.tar", "application/x-tar", None),
    ("a.svg", "image/svg+xml", None),
    ("a.svgz", "image/svg+xml", "gzip"),
    ("a.csv", "text/csv; charset=utf-8", None),
    ("a.json", "application/json", None),
    ("a.unknown", "application/octet-stream", None),
    ("a", "application/octet-stream", None),
]


@pytest.mark.parametrize(("name", "media", "coding"), MEDIA)
def test_media_type(files: Service, name: str, media: str, coding: str | None) -> None:
    """A compressed file is sent as what it is, so that no client unpacks it unasked; `.svgz` is an image."""
    content = gzip.compress(b"<svg/>")
    Path(files.folder / name).write_bytes(content)  # type: ignore[attr-defined]
    with Raw(files) as client:
        client.send(request(path=f"/?name={name}", method="GET"))
        answer = client.answer()
    assert (answer.headers["content-type"], answer.headers.get("content-encoding")) == (media, coding)
    assert answer.body == content
