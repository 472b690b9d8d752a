"""A download keeps to its limit and to HTTPS, and its errors hold no secret."""

from __future__ import annotations

import io
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler as Request
from pathlib import Path
from typing import Any

import pytest
from tests.authority import make_tls_context
from tests.stores import Server, send_reply

from ovenbird.common import http_download
from ovenbird.common.http_download import Download, DownloadError, download, make_opener


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_download, "_PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Server, ssl.SSLContext]]:
    """A server over TLS, and what trusts it."""
    context, authority = make_tls_context(tmp_path)
    server = Server()
    inner: Any = server._server
    inner.socket = context.wrap_socket(inner.socket, server_side=True)
    server.url = server.url.replace("http:", "https:")
    yield server, ssl.create_default_context(cafile=str(authority))
    server.close()


def fetch(url: str, *, limit: int = 1 << 20, context: ssl.SSLContext | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    opener = make_opener(urllib.request.ProxyHandler(options.pop("proxies", {})), context)
    download(Download(url, limit, "the setting", opener, **options), file)
    return file.getvalue()


def redirect(to: str, status: int = 302) -> Callable[[Request], None]:
    return lambda request: send_reply(request, b"", status, Location=to)


@pytest.mark.slow
def test_https_is_never_left(secure: tuple[Server, ssl.SSLContext], server: Server) -> None:
    """Neither a first nor a second redirect leads to HTTP; the plain server gets no request."""
    other, context = secure
    server.answer = lambda request: send_reply(request, b"plain")
    other.answer = lambda request: redirect("/b" if request.path == "/a" else f"{server.url}/c")(request)
    with pytest.raises(DownloadError, match="is redirected away from HTTPS") as caught:
        fetch(f"{other.url}/a?signature=SECRET", context=context, authorization="Basic SECRET")
    assert caught.value.kind == "unsafe"
    assert server.requests == []
    server.answer = redirect(f"{other.url}/d")
    other.answer = lambda request: send_reply(request, b"secured")
    assert fetch(server.url, context=context) == b"secured"


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "data:text/plain,x", "jar:file:///x", "//",
        "http://user:SECRET@127.0.0.1/x", "http://[::1", "http://", "http://127.0.0.1:99999/x",
        "http://" + "x" * 300 + "/", "http://a\x01b/", "\u00e9://x",
    ],
)  # fmt: skip
def test_a_redirect_stays_within_http(server: Server, location: str) -> None:
    """Any other scheme, credentials in the address and what is no address are refused, once and in one line."""
    server.answer = lambda request: (
        redirect(location)(request) if request.path == "/a?signature=SECRET" else send_reply(request, b"", 404)
    )
    with pytest.raises(DownloadError) as caught:
        fetch(f"{server.url}/a?signature=SECRET")
    assert "SECRET" not in caught.value.message
    assert "\n" not in caught.value.message
    assert len(server.requests) <= 5


def test_a_port_out_of_range_is_not_reduced_to_another(server: Server) -> None:
    """Systems connect to 65536 + N as to N: neither a URL, nor a redirect, nor a proxy reaches the server there."""
    server.answer = lambda request: send_reply(request, b"another service")
    port = int(server.url.rpartition(":")[2])
    far = f"http://127.0.0.1:{65536 + port}"
    for proxies, url in (({}, f"{far}/a"), ({"http": far}, "http://example.org/"), ({"https": far}, "https://h/")):
        with pytest.raises(DownloadError, match="its port is out of range") as caught:
            fetch(url, proxies=proxies)
        assert caught.value.hint == "a port is a whole number from 1 to 65535"
    assert server.requests == []
    server.answer = lambda request: (redirect(f"{far}/b") if request.path == "/a" else redirect("/a"))(request)
    with pytest.raises(DownloadError, match="its port is out of range"):
        fetch(f"{server.url}/a")
    assert len(server.requests) == 1


def test_redirects_are_limited(server: Server) -> None:
    """A circle and an endless way end; ten redirects do not."""
    server.answer = lambda request: send_reply(request, b"", 302, Location=f"/{len(server.requests)}")
    with pytest.raises(DownloadError, match="302 with a redirect that is not followed"):
        fetch(server.url)
    assert len(server.requests) <= 11
    server.requests.clear()
    server.answer = redirect("/same")
    with pytest.raises(DownloadError, match="302 with a redirect that is not followed"):
        fetch(server.url)
    server.requests.clear()
    server.answer = lambda request: (
        redirect(f"/{len(server.requests)}")(request) if len(server.requests) < 10 else send_reply(request, b"fine")
    )
    assert fetch(server.url) == b"fine"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_each_kind_of_redirect_is_followed(server: Server, status: int) -> None:
    """Redirects that Python 3.10 does not know are followed too."""
    server.answer = lambda request: (
        redirect("/b", status)(request) if request.path == "/a" else send_reply(request, b"fine")
    )
    assert fetch(f"{server.url}/a") == b"fine"


def test_the_password_of_a_proxy_goes_to_no_server(server: Server) -> None:
    """The proxy's password is not sent along when a redirect leads to a server that needs no proxy."""
    proxy = Server()
    proxy.answer = redirect(f"{server.url}/direct")
    server.answer = lambda request: send_reply(request, b"fine")
    address = proxy.url.replace("http://", "http://user:SECRET@")
    opener = make_opener(urllib.request.ProxyHandler({"http": address}))
    file = io.BytesIO()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("no_proxy", "127.0.0.1")
            download(Download("http://far.test/x", 100, "", opener), file)
    finally:
        proxy.close()
    assert file.getvalue() == b"fine"
    assert "proxy-authorization" in proxy.requests[0][2]
    assert "proxy-authorization" not in server.requests[0][2]


@pytest.mark.parametrize("length", ["1001", "9" * 400, "\xb2"])
def test_a_length_over_the_limit_or_malformed(server: Server, length: str) -> None:
    """An announced length ends the download before its body; one that is no number counts as none."""

    def answer(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", length)
        request.end_headers()
        request.wfile.write(b"x" * 2000)
        request.close_connection = True

    server.answer = answer
    with pytest.raises(DownloadError, match=r"is larger than 1000 bytes") as caught:
        fetch(server.url, limit=1000)
    assert (caught.value.kind, caught.value.hint) == ("unsafe", "the setting")


def test_the_limit_counts_what_came_before_a_break(server: Server) -> None:
    """The limit applies to the whole body, across breaks and continuations."""

    def answer(request: Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        request.send_response(206 if start else 200)
        request.send_header("Content-Range", f"bytes {start}-9999/10000")
        request.send_header("ETag", '"1"')
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"190\r\n" + b"x" * 400 + b"\r\n")
        request.close_connection = True

    server.answer = answer
    with pytest.raises(DownloadError, match=r"is larger than 1000 bytes"):
        fetch(server.url, limit=1000)
    assert len(server.requests) == 3


def test_a_wrong_byte_range_is_refused(server: Server) -> None:
    """A server that answers with bytes from elsewhere does not spoil the file."""

    def answer(request: Request) -> None:
        again = "Range" in request.headers
        request.send_response(206 if again else 200)
        request.send_header("ETag", '"1"')
        if again:
            request.send_header("Content-Range", "bytes 0-9/10")
        request.send_header("Content-Length", "10")
        request.end_headers()
        request.wfile.write(b"0123456789" if again else b"01234")
        request.close_connection = True

    server.answer = answer
    with pytest.raises(DownloadError, match=r"another part than the one asked for"):
        fetch(server.url)


@pytest.mark.parametrize("reason", ["a\x1b[31mred", "a\xa0b" * 500, "x" * 5000])
def test_what_a_server_says_is_one_short_line(server: Server, reason: str) -> None:
    def answer(request: Request) -> None:
        request.wfile.write(f"HTTP/1.1 404 {reason}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
        request.close_connection = True

    server.answer = answer
    with pytest.raises(DownloadError, match="the server answered 404") as caught:
        fetch(server.url)
    assert caught.value.kind == "missing"
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()
