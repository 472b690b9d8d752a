from __future__ import annotations

import base64
from http.server import BaseHTTPRequestHandler as Request
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import Jobs
from tests.stores import Server, send_reply

from ovenbird.common import http_download
from ovenbird.errors import InputError
from ovenbird.platform.storage import files

DATA = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_download, "_PAUSES", (0.0, 0.0, 0.0))


def _fetch(url: str, folder: Path) -> Path:
    files.download(url, folder / "got", {})
    return folder / "got"


def test_a_url_is_requested_unchanged_with_its_query(server: Any, tmp_path: Path) -> None:
    server.answer = lambda request: send_reply(request, DATA)
    assert _fetch(f"{server.url}/a%20b?x=1&y=2", tmp_path).read_bytes() == DATA
    assert server.requests[0][1] == "/a%20b?x=1&y=2"


def test_a_body_without_a_length_is_read(server: Any, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    server.answer = answer
    assert _fetch(server.url, tmp_path).read_bytes() == b"hello world"


def test_a_body_that_breaks_off_goes_on_where_it_was(server: Any, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        request.send_response(206 if start else 200)
        request.send_header("ETag", '"one"')
        request.send_header("Content-Length", str(len(DATA) - start))
        request.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        request.end_headers()
        request.wfile.write(DATA[start : start + 400_000])
        request.close_connection = True

    server.answer = answer
    assert _fetch(server.url, tmp_path).read_bytes() == DATA
    assert [request[2].get("range") for request in server.requests] == [None, "bytes=400000-", "bytes=800000-"]
    assert server.requests[1][2]["if-range"] == '"one"'


def test_a_body_that_changed_meanwhile_is_read_anew(server: Any, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        first = len(server.requests) == 1
        request.send_response(200)
        request.send_header("ETag", '"one"' if first else '"two"')
        request.send_header("Content-Length", "6")
        request.end_headers()
        request.wfile.write(b"old" if first else b"newest")
        request.close_connection = True

    server.answer = answer
    assert _fetch(server.url, tmp_path).read_bytes() == b"newest"


def test_a_body_that_always_breaks_off_is_an_error_and_leaves_no_file(server: Any, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"x" * 10)
        request.close_connection = True

    server.answer = answer
    with pytest.raises(InputError, match="broke off after 10 bytes"):
        _fetch(server.url, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "times"), [(403, 1), (404, 1), (500, 4), (503, 4)])
def test_a_4xx_is_an_error_and_a_5xx_is_tried_again(server: Any, tmp_path: Path, status: int, times: int) -> None:
    server.answer = lambda request: send_reply(request, b"your key SECRET is wrong", status)
    with pytest.raises(InputError, match=f"the server answered {status}") as caught:
        _fetch(f"{server.url}/a.csv?signature=SECRET", tmp_path)
    assert "SECRET" not in str(caught.value)
    assert len(server.requests) == times
    assert list(tmp_path.iterdir()) == []


def test_a_fault_that_passes_is_not_seen(server: Any, tmp_path: Path) -> None:
    server.answer = lambda request: send_reply(request, b"fine", 500 if len(server.requests) < 3 else 200)
    assert _fetch(server.url, tmp_path).read_bytes() == b"fine"


def test_nobody_listening_is_an_error_without_the_password(server: Any, tmp_path: Path) -> None:
    server.close()
    address = server.url.replace("http://", "http://user:SECRET@")
    with pytest.raises(InputError, match=r"http://127.0.0.1:\d+/a: cannot be reached") as caught:
        _fetch(f"{address}/a", tmp_path)
    assert "SECRET" not in str(caught.value)


def test_a_password_goes_to_its_server_and_to_no_other(server: Any, tmp_path: Path) -> None:
    """A redirect takes it along to the same server only, which is scheme, host and port."""
    other = Server()
    other.answer = lambda request: send_reply(request, b"fine")

    def answer(request: Request) -> None:
        send_reply(request, b"", 302, Location={"/a": f"{server.url}/b", "/b": f"{other.url}/c"}[request.path])

    server.answer = answer
    try:
        assert _fetch(server.url.replace("http://", "http://us%40er:pass@") + "/a", tmp_path).read_bytes() == b"fine"
        login = "Basic " + base64.b64encode(b"us@er:pass").decode()
        assert [request[2].get("authorization") for request in (*server.requests, *other.requests)] == [
            login,
            login,
            None,
        ]
    finally:
        other.close()


def test_a_redirect_reaches_no_local_file(server: Any, tmp_path: Path) -> None:
    server.answer = lambda request: send_reply(request, b"", 302, Location="file:///etc/hostname")
    with pytest.raises(InputError):
        _fetch(server.url, tmp_path)


def test_a_job_ends_with_78_for_an_input_that_is_too_large(jobs: Jobs, server: Any) -> None:
    """The flag reaches the download, whose body has no length; the message names the flag."""

    def answer(request: Request) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for _ in range(20):
            request.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        request.wfile.write(b"0\r\n\r\n")

    server.answer = answer
    source = "def handler(data: bytes):\n    return len(data)\n"
    job = jobs.run(source, "--input", f"data={server.url}/a", "--max-input", "10k")
    assert job.code == 78
    assert "is larger than 9.8 KiB" in job.err
    assert "--max-input" in job.err
    assert "Traceback" not in job.err
    assert jobs.run(source, "--input", f"data={server.url}/a", OVENBIRD_MAX_INPUT="20KiB").code == 0
