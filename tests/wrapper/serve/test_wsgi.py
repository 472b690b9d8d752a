"""WSGI applications: the input, the answer in all its forms, and calls that are stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service, wait_until

Serve = Callable[..., Service]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    flags = ("--concurrency", "4", "--timeout", "20s", "--max-body", "1MiB", "--log-format", "json")
    with run_service(tmp_path_factory, "wsgi/plain.py:app", *flags) as service:
        yield service


def _chunked(body: bytes, path: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: t\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    middle = len(body) // 2
    parts = (part for part in (body[:middle], body[middle:]) if part)
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("name", ["echo", "count"])
@pytest.mark.parametrize("size", [0, 1, 5000, 900_000])
def test_every_form_of_a_body_arrives_whole(plain: Service, name: str, size: int) -> None:
    """With a length or in chunks, at once or in two packets: the application reads all of it, and its length."""
    body = b"x" * size
    expected = body if name == "echo" else f"{size} {size}".encode()
    for data in (request(body, f"/{name}"), _chunked(body, f"/{name}")):
        for cut in (len(data), data.index(b"\r\n\r\n") + 4 + size // 3):
            with Raw(plain) as client:
                client.send(data[:cut])
                time.sleep(0.02)
                client.send(data[cut:])
                answer = client.answer()
                chunked_nothing = not size and name == "count" and b"chunked" in data
                assert answer.body == (b"0 None" if chunked_nothing else expected)


@pytest.mark.parametrize("cut", [None, -9])
def test_lines(plain: Service, cut: int | None) -> None:
    """`readline(size)`, `readline()`, `readlines(hint)`, `readlines()` and iteration split as files of bytes do."""
    body = b"abcdef\nb\nc\nd\n\nlast"
    for name, lines in (
        ("lines", ["abc", "def\n", "b\n", "c\n", "d\n", "\n", "last", "", ""]),
        ("iterated", ["abcdef\n", "b\n", "c\n", "d\n", "\n", "last"]),
    ):
        data = request(body, f"/{name}")
        with Raw(plain) as client:
            client.send(data[:cut])
            time.sleep(0.02)
            client.send(data[len(data) + cut :] if cut else b"")
            assert json.loads(client.answer().body) == lines


def test_the_standard_validator_has_no_objection(plain: Service) -> None:
    """`wsgiref.validate` accepts the environ, the input, and the order of the calls."""
    assert plain.post("/valid/echo", content=b"abc").text == "abc"
    assert plain.get("/valid/closing").text == "done"
    assert plain.get("/valid/written").text == "one two three"
    assert plain.get("/valid/changed").status_code == 418
    assert "AssertionError" not in plain.log


def test_environ(plain: Service) -> None:
    """Several lines of a header are joined, cookies by their own rule; bytes of the path are kept as they are; a name
    with an underscore cannot pass for one with a hyphen."""
    with Raw(plain) as client:
        client.send(
            b"GET /a%20%C3%A9%FFb?q=%20x HTTP/1.1\r\nhost: t\r\n"
            b"accept: a\r\naccept: b\r\ncookie: c=1\r\ncookie: d=2\r\n"
            b"x_user: evil\r\nx-name: good\r\n\r\n"
        )
        environ = json.loads(client.answer().body)
    assert environ["PATH_INFO"].encode("latin-1") == b"/a \xc3\xa9\xffb"
    assert environ["QUERY_STRING"] == "q=%20x"
    assert (environ["HTTP_ACCEPT"], environ["HTTP_COOKIE"]) == ("a, b", "c=1; d=2")
    assert (environ["HTTP_X_NAME"], environ["REMOTE_ADDR"], environ["terminated"]) == ("good", "127.0.0.1", True)
    assert "HTTP_X_USER" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_answers(plain: Service) -> None:
    """Written data, an answer without a body, HEAD, and a head that is replaced before it was sent."""
    written = plain.get("/written")
    assert (written.status_code, written.text) == (201, "one two three")
    nothing = plain.get("/nothing")
    assert (nothing.status_code, "content-length" in nothing.headers) == (204, False)
    changed = plain.get("/changed")
    assert (changed.status_code, changed.text, "x-first" in changed.headers) == (418, "changed", False)
    with Raw(plain) as client:
        client.send(request(b"", "/closing", "HEAD"))
        client.send(request(b"", "/show_environ", "GET"))
        head = b"".join(iter(client.file.readline, b"\r\n"))
        assert b"content-length: 4\r\n" in head
        assert json.loads(client.answer().body)["PATH_INFO"] == "/show_environ"


@pytest.mark.parametrize("name", ["silent", "twice", "text", "short", "split"])
def test_an_application_that_breaks_the_rules(plain: Service, name: str) -> None:
    """The call is a 500 with an id, which the log explains; the next call is served."""
    answer = plain.get(f"/{name}")
    assert answer.status_code == 500
    error = answer.json()["error_id"]
    wait_until(lambda: (error, "error") in {(r.get("error_id"), r["level"]) for r in plain.records}, lambda: plain.log)
    assert plain.post("/echo", content=b"x").text == "x"


def test_an_error_after_the_head(plain: Service) -> None:
    """A head that was sent cannot be replaced: the exception is raised again, the answer is cut, the log has it."""
    with Raw(plain) as client:
        client.send(request(b"", "/changed_late", "GET"))
        assert not client.answer().is_complete
    wait_until(lambda: "half way" in plain.log, lambda: plain.log)


def test_more_than_was_announced(plain: Service) -> None:
    """Bytes beyond the Content-Length are not sent, with a warning in the log."""
    with Raw(plain) as client:
        client.send(request(b"", "/long", "GET") + request(b"x", "/echo"))
        assert client.answer().body == b"ok"
        assert client.answer().body == b"x"
    wait_until(lambda: "longer than its Content-Length" in plain.log, lambda: plain.log)


@pytest.mark.slow
def test_close_is_called_after_the_answer(plain: Service) -> None:
    """The client has its answer before `close`, which runs to its end although the client has gone."""
    with Raw(plain) as client:
        client.send(request(b"", "/closing", "GET"))
        assert client.answer().body == b"done"
    wait_until(lambda: plain.get("/closed").text == "True", lambda: "close did not run to its end")


def test_close_is_called_when_the_client_leaves(plain: Service) -> None:
    """A stream whose client has gone ends, and its `close` is called."""
    with Raw(plain) as client:
        client.send(request(b"", "/endless", "GET"))
        client.file.read(50_000)
    wait_until(lambda: plain.get("/closed").text == "True", lambda: "close was not called")


def test_a_body_over_the_limit(plain: Service) -> None:
    """The answer is a 413, for an announced body and for chunks, whatever the application does with the error."""
    body = b"x" * (1024**2 + 1)
    for data in (request(body, "/count"), _chunked(body, "/count")):
        with Raw(plain) as client:
            client.send(data)
            assert client.answer().status == 413


def test_a_chunked_upload_to_flask(serve: Serve) -> None:
    """Flask reads a chunked body, small or large."""
    service = serve("wsgi/main.py:app", "--drain-delay", "0")
    for size in (5, 500_000):
        with Raw(service) as client:
            client.send(_chunked(b"x" * size, "/echo"))
            assert client.answer().body == str(size).encode()


@pytest.mark.slow
def test_a_body_that_does_not_come(serve: Serve) -> None:
    """A call whose client stops sending is a 408 after `--read-timeout`; its thread is free again."""
    service = serve("wsgi/plain.py:app", "--concurrency", "1", "--read-timeout", "500ms", "--drain-delay", "0")
    for _ in range(2):
        with Raw(service) as client:
            client.send(request(b"x" * 1000, "/count")[:-1])
            assert client.answer().status == 408
    assert service.post("/echo", content=b"x").text == "x"


@pytest.mark.slow
def test_a_thread_that_waits_for_its_body(serve: Serve) -> None:
    """The thread is free again when the call is over its time limit, or when its client has left."""
    service = serve("wsgi/plain.py:app", "--concurrency", "1", "--timeout", "500ms", "--drain-delay", "0")
    with Raw(service) as client:
        client.send(request(b"x" * 1000, "/count")[:-1])
        assert client.answer().status == 504
    assert service.post("/echo", content=b"x").text == "x"
    with Raw(service) as client:
        client.send(request(b"x" * 1000, "/count")[:-1])
    assert service.post("/echo", content=b"x").text == "x"


@pytest.mark.slow
def test_threads_that_all_hang(serve: Serve) -> None:
    """The time limit stops a thread where Python code runs again; while all hang, the worker is not healthy."""
    service = serve("wsgi/plain.py:app", "--concurrency", "2", "--timeout", "300ms", "--drain-delay", "0")
    with ThreadPoolExecutor(2) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: service.get("/hang?6"), range(2))} == {504}
    wait_until(lambda: service.get("/_/ready").status_code == 503, lambda: "two threads hang, and it is ready")
    assert service.get("/_/live").status_code == 503
    assert "every slot" in service.get("/_/live").json()["reason"]
    wait_until(lambda: service.get("/_/ready").status_code == 200, lambda: "the threads came back, and it is not ready")
    assert service.post("/echo", content=b"x").text == "x"


@pytest.mark.slow
def test_a_worker_whose_threads_all_hang_is_replaced(serve: Serve) -> None:
    """Under a parent, another worker takes its place."""
    flags = (
        "--concurrency",
        "1",
        "--timeout",
        "300ms",
        "--drain-delay",
        "0",
        "--grace",
        "1s",
        "--max-requests",
        "9999",
    )
    service = serve("wsgi/plain.py:app", *flags)
    assert service.get("/hang?600").status_code == 504
    wait_until(lambda: "is replaced: every slot" in service.log, lambda: service.log)
    wait_until(lambda: service.post("/echo", content=b"x").status_code == 200, lambda: service.log)
