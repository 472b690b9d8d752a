"""Files and zips over HTTP, from real servers that answer well, badly, or not at all."""

from __future__ import annotations

import base64
import gzip
import io
import os
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler as Request
from pathlib import Path

import pytest
from tests import hostile_tars
from tests.stores import Server, send_reply

from ovenbird_builder.errors import (
    SourceAuthError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
    UnsafeSourceError,
)
from ovenbird_builder.host.network import NetworkSettings

from .conftest import Fetch, read_tree


def make_zip(**files: str) -> bytes:
    """Return a zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(name.replace("_py", ".py"), text)
    return buffer.getvalue()


def test_a_file_keeps_its_name(fetch_tree: Fetch, server: Server) -> None:
    """So that `score:fn` is found; its digest is the revision; the query is used and not shown."""
    server.answer = lambda request: send_reply(request, b"def fn(): ...\n")
    tree = fetch_tree(f"{server.url}/a/score.py?sig=secret#x", handler="score:fn")
    assert read_tree(tree) == {"score.py": "def fn(): ...\n"}
    assert (tree.uri, tree.file, tree.warnings) == (f"{server.url}/a/score.py", "score.py", ())
    assert tree.revision.startswith("sha256:")
    assert server.requests[-1][1] == "/a/score.py?sig=secret"
    assert fetch_tree(f"{server.url}/score.py").file == "score.py"


@pytest.mark.parametrize(
    "source",
    ["http://{}/main.py", "zip+http://{}/app.zip", "git+http://{}/app.git", "s3://bucket/main.py?endpoint={}"],
)
def test_offline_asks_no_server(fetch_tree: Fetch, server: Server, source: str) -> None:
    """The error names the source, without a password, and says how it may be brought."""
    with pytest.raises(SourceUnreachableError, match=r"`--offline` fetches nothing") as caught:
        fetch_tree(source.format(f"user:hunter2@{server.url.partition('://')[2]}"), offline=True)
    assert "hunter2" not in str(caught.value)
    assert "ovenbird bundle" in caught.value.hint
    assert not server.requests


@pytest.mark.slow
def test_a_name_that_is_no_module_becomes_main(fetch_tree: Fetch, server: Server) -> None:
    """A note says so; a handler in another module is refused, since it cannot exist."""
    server.answer = lambda request: send_reply(request, b"x")
    for name in ("my-score.py", "raw", "1.py", ""):
        tree = fetch_tree(f"{server.url}/{name}")
        assert tree.file == "main.py"
        assert "is not the name of a module; it is kept as main.py" in tree.warnings[0]
    assert fetch_tree(f"{server.url}/score.py", handler="main:fn").file == "main.py"
    assert fetch_tree(f"{server.url}/my-score.py", handler="my-score:fn").file == "my-score.py"
    with pytest.raises(SourceError, match=r"'other:fn' names the module 'other', and .* 'score.py' \(write score:fn\)"):
        fetch_tree(f"{server.url}/score.py", handler="other:fn")


def test_a_content_encoding_is_undone(fetch_tree: Fetch, server: Server) -> None:
    """Servers send it unasked; the digest is that of the file itself."""
    server.answer = lambda request: send_reply(request, b"def fn(): ...\n")
    plain = fetch_tree(f"{server.url}/main.py")
    server.answer = lambda request: send_reply(request, gzip.compress(b"def fn(): ...\n"), Content_Encoding="gzip")
    encoded = fetch_tree(f"{server.url}/main.py")
    assert (read_tree(encoded), encoded.revision) == ({"main.py": "def fn(): ...\n"}, plain.revision)
    server.answer = lambda request: send_reply(request, b"no gzip", Content_Encoding="gzip")
    with pytest.raises(SourceUnreachableError, match="Content-Encoding gzip is damaged"):
        fetch_tree(f"{server.url}/main.py")


def test_a_zip_is_unpacked(fetch_tree: Fetch, server: Server) -> None:
    data = make_zip(main_py="x")
    server.answer = lambda request: send_reply(request, data)
    tree = fetch_tree(f"zip+{server.url}/app.zip?token=secret")
    assert (read_tree(tree), tree.uri, tree.file) == ({"main.py": "x"}, f"zip+{server.url}/app.zip", "")
    tree = fetch_tree(f"{server.url}/app.zip")
    assert (read_tree(tree), tree.uri) == ({"main.py": "x"}, f"{server.url}/app.zip")
    server.answer = lambda request: send_reply(request, b"nothing")
    with pytest.raises(SourceError, match=r"is not a zip"):
        fetch_tree(f"zip+{server.url}/app.zip")


@pytest.mark.slow
def test_a_tar_is_unpacked_and_is_not_a_module(fetch_tree: Fetch, server: Server) -> None:
    """By its address, or by its content alone; one that is damaged, or a page in its place, is refused."""
    members = [hostile_tars.Member(f"app-main/{name}", b"x") for name in ("main.py", "lib/main.py")]
    data = hostile_tars.PACKERS["gzip"](hostile_tars.build(*members))
    server.answer = lambda request: send_reply(request, data)
    for source in ("app.tar.gz", "app.tgz?token=secret", "tarball/main", "raw/main.py"):
        tree = fetch_tree(f"{server.url}/{source}")
        assert set(read_tree(tree)) == {"main.py", "lib/main.py"}
        assert (tree.uri, tree.file) == (f"{server.url}/{source.partition('?')[0]}", "")
    tree = fetch_tree(f"zip+{server.url}/app.tar.gz#lib")
    assert (read_tree(tree), tree.uri) == ({"main.py": "x"}, f"zip+{server.url}/app.tar.gz#lib")
    assert server.requests[-1][1] == "/app.tar.gz"
    server.answer = lambda request: send_reply(request, data, Content_Encoding="gzip")
    assert set(read_tree(fetch_tree(f"{server.url}/app.tar.gz"))) == {"main.py", "lib/main.py"}
    for body, words in (
        (b"nothing", "is not a tar"), (data[:-20], "damaged"), (b"<html>log in</html>", "a web page"),
        (gzip.compress(b"def fn(): ..."), "is not a tar"),
    ):  # fmt: skip
        server.answer = lambda request, body=body: send_reply(request, body)
        with pytest.raises(SourceError, match=words):
            fetch_tree(f"{server.url}/app.tar.gz")
    server.answer = lambda request: send_reply(request, gzip.compress(b"def fn(): ..."))
    with pytest.raises(SourceError, match="is not a tar"):
        fetch_tree(f"{server.url}/main.py")


def test_a_web_page_is_not_python(fetch_tree: Fetch, server: Server) -> None:
    """A login form, or a viewer's page, answered with 200."""
    server.answer = lambda request: send_reply(request, b"\n<!DOCTYPE html><html>log in</html>")
    with pytest.raises(SourceError, match=r"a web page, not a file \(take the link to the raw file"):
        fetch_tree(f"{server.url}/main.py")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, SourceAuthError), (403, SourceAuthError), (404, SourceMissingError), (410, SourceMissingError),
     (418, SourceUnreachableError)],
)  # fmt: skip
def test_a_refusal_is_reported_at_once(fetch_tree: Fetch, server: Server, status: int, kind: type[Exception]) -> None:
    server.answer = lambda request: send_reply(request, b"no", status)
    with pytest.raises(kind, match=rf"/main.py: the server answered {status}") as caught:
        fetch_tree(server.url.replace("//", "//user:password1@") + "/main.py?sig=secret")
    assert len(server.requests) == 1
    assert "password1" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_credentials_of_url_or_netrc_are_sent_to_their_host_only(fetch_tree: Fetch, server: Server, home: Path) -> None:
    other = Server()
    try:
        other.answer = lambda request: send_reply(request, b"x")
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        server.answer = lambda request: send_reply(request, b"", 302, Location=f"{elsewhere}/x.py")
        (home / ".netrc").write_text("machine 127.0.0.1 login n password p\n")
        (home / ".netrc").chmod(0o600)
        for url, pair in (
            (f"{server.url}/main.py", b"n:p"),
            (server.url.replace("//", "//u%40x:p%2Fw@") + "/main.py", b"u@x:p/w"),
        ):
            assert fetch_tree(url).uri == f"{server.url}/main.py"
            assert server.requests[-1][2]["authorization"] == "Basic " + base64.b64encode(pair).decode()
            assert "authorization" not in other.requests[-1][2]
    finally:
        other.close()


@pytest.mark.slow
def test_a_fault_that_passes_is_tried_again(fetch_tree: Fetch, server: Server) -> None:
    def answer(request: Request) -> None:
        send_reply(request, b"x", 503 if len(server.requests) == 1 else 200)

    server.answer = answer
    assert read_tree(fetch_tree(f"{server.url}/main.py")) == {"main.py": "x"}
    server.answer = lambda request: send_reply(request, b"x", 500)
    with pytest.raises(SourceUnreachableError, match=r"answered 500.*tried 4 times"):
        fetch_tree(f"{server.url}/main.py")


@pytest.mark.slow
def test_an_interrupted_body_is_resumed_or_reported(fetch_tree: Fetch, server: Server) -> None:
    """Where the server can; never a file that is shorter than announced."""
    data = os.urandom(100_000).hex().encode()

    def half(request: Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(data) - start))
        request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("ETag", '"1"')
        request.end_headers()
        request.wfile.write(data[start : start + 120_000])
        request.close_connection = True

    server.answer = half
    assert read_tree(fetch_tree(f"{server.url}/main.py")) == {"main.py": data.decode()}
    assert server.requests[-1][2]["if-range"] == '"1"'

    def never(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"x")
        request.close_connection = True

    server.answer = never
    with pytest.raises(SourceUnreachableError, match=r"broke off after 1 bytes.*nothing was kept"):
        fetch_tree(f"{server.url}/main.py")


@pytest.mark.slow
@pytest.mark.parametrize("start", [False, True])
def test_a_server_that_hangs_ends_at_the_time_limit(fetch_tree: Fetch, server: Server, start: bool) -> None:
    """Before its answer, or in the middle of it, or a byte at a time."""
    release = threading.Event()

    def hang(request: Request) -> None:
        if start:
            request.send_response(200)
            request.end_headers()
            while not release.wait(0.1):
                request.wfile.write(b"x")
        release.wait(20)

    server.answer = hang
    start_time = time.monotonic()
    try:
        with pytest.raises(SourceUnreachableError, match=r"within the time limit of 1 s"):
            fetch_tree(f"{server.url}/main.py", timeout=1)
        assert time.monotonic() - start_time < 4
    finally:
        release.set()


def test_a_body_without_end_is_cut_at_the_limit(fetch_tree: Fetch, server: Server) -> None:
    def endless(request: Request) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)

    server.answer = endless
    with pytest.raises(UnsafeSourceError, match=r"is larger than 1.0 MiB \(OVENBIRD_SOURCE_LIMIT"):
        fetch_tree(f"{server.url}/main.py", OVENBIRD_SOURCE_LIMIT="1MiB")


def test_a_full_disk_leaves_nothing(fetch_tree: Fetch, server: Server, full_disk: Path) -> None:
    server.answer = lambda request: send_reply(request, b"x" * 3_000_000)
    with pytest.raises(SourceError, match=r"is full"):
        fetch_tree(f"{server.url}/main.py", into=full_disk / "tree")


def test_a_redirect_reaches_no_local_file(fetch_tree: Fetch, server: Server) -> None:
    for location in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
        server.answer = lambda request, to=location: send_reply(request, b"", 302, Location=to)
        with pytest.raises(SourceError):
            fetch_tree(f"{server.url}/main.py")


@pytest.mark.parametrize(
    "url", ["http:///x.py", "https://host:99999/x", "https://ho st/x.py", "http://h/a\nb", "http://[::1/x"]
)
def test_an_invalid_url_is_reported(fetch_tree: Fetch, url: str) -> None:
    with pytest.raises(SourceError) as caught:
        fetch_tree(url)
    assert not isinstance(caught.value, SourceUnreachableError)


@pytest.mark.slow
def test_the_sites_authority_and_proxy_are_used(
    fetch_tree: Fetch, server: Server, tls_server: tuple[Server, Path]
) -> None:
    """A certificate of the site's authority is refused without it; the proxy is used except for `no_proxy`."""
    other, cert = tls_server
    other.answer = lambda request: send_reply(request, b"x")
    url = f"{other.url}/main.py"
    with pytest.raises(SourceUnreachableError, match=r"CERTIFICATE_VERIFY_FAILED.*--ca-bundle"):
        fetch_tree(url)
    assert fetch_tree(url, network=NetworkSettings(cert)).uri == url
    other.answer = lambda request: send_reply(request, b"", 302, Location=f"{server.url}/main.py")
    with pytest.raises(UnsafeSourceError, match="redirected away from HTTPS"):
        fetch_tree(url, network=NetworkSettings(cert))
    server.answer = lambda request: send_reply(request, request.path.encode())
    proxies = {"http_proxy": server.url, "NO_PROXY": "skip.test"}
    tree = fetch_tree("http://host.test/main.py", network=NetworkSettings(None, proxies))
    assert read_tree(tree) == {"main.py": "http://host.test/main.py"}
    with pytest.raises(SourceUnreachableError, match=r"cannot be reached"):
        fetch_tree("http://skip.test/main.py", network=NetworkSettings(None, proxies))
