"""HTTP calls by the standard library: open connections, TLS, proxies, and faults of servers."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.authority import make_tls_context
from tests.stores import Server, send_reply
from tests.tcp import TcpServer, copy_bytes

from ovenbird.errors import SettingsError
from ovenbird.platform.core.http_connections import CertificateError, HttpAnswer, HttpCallError, HttpConnections

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer(TcpServer):
    """A server that answers each request with the next of `answers`, byte for byte; None ends the connection instead.

    A request `CONNECT` is passed on to the address that it names, and kept in `requests` like all.
    """

    def __init__(self, *answers: bytes | None, context: ssl.SSLContext | None = None) -> None:
        self.answers, self.context = list(answers), context
        self.requests: list[str] = []
        super().__init__()

    def talk(self, client: socket.socket, number: int) -> None:
        """Answer the requests of a connection."""
        if self.context is not None:
            client = self.adopt(self.context.wrap_socket(client, server_side=True))
        while request := _read_head(client):
            self.requests.append(request)
            if request.startswith("CONNECT "):
                host, _, port = request.split()[1].rpartition(":")
                server = self.connect((host, int(port)))
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                self.pump(server, client)
                copy_bytes(client, server)
                return
            answer = self.answers.pop(0) if self.answers else WHOLE
            if answer is None:
                break
            client.sendall(answer)
        client.shutdown(socket.SHUT_RDWR)


def _read_head(client: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(65536)
        if not data:
            return ""
        head += data
    return head.decode()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    started: list[Peer] = []
    yield started
    for peer in started:
        peer.close()


def get(connections: HttpConnections, url: str) -> HttpAnswer:
    return connections.call("GET", url, None, {"Accept": "application/json"})


def test_a_closed_connection_is_opened_again(peers: list[Peer]) -> None:
    """A server may end a connection that waits; the next call does not fail of it."""
    peers.append(peer := Peer(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), WHOLE, WHOLE))
    connections = HttpConnections({}, 5, 10)
    for _ in range(3):
        assert get(connections, f"http://127.0.0.1:{peer.port}/x").data == b"{}"
    assert peer.connections == 2
    connections.close()


def test_a_server_that_ends_idle_connections(peers: list[Peer]) -> None:
    """The end of a connection that waits is seen before it is used again."""
    peers.append(peer := Peer())
    connections = HttpConnections({}, 5, 10)
    get(connections, f"http://127.0.0.1:{peer.port}/x")
    for sock in peer._open:
        sock.shutdown(socket.SHUT_RDWR)
    assert get(connections, f"http://127.0.0.1:{peer.port}/x").status == 200
    assert peer.connections == 2
    connections.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "the connection broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "no answer came in time"),
        (b"SSH-2.0\r\n", "the connection broke off"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n", "the connection broke off"),
    ],
    ids=["ended", "half", "other protocol", "long header"],
)
def test_an_invalid_answer(peers: list[Peer], answer: bytes | None, reason: str) -> None:
    """One error has the reason, and the connection is not used again."""
    peers.append(peer := Peer(answer))
    connections = HttpConnections({}, 5, 0.5)
    with pytest.raises(HttpCallError, match=reason):
        get(connections, f"http://127.0.0.1:{peer.port}/x")
    assert get(connections, f"http://127.0.0.1:{peer.port}/x").status == 200
    assert peer.connections == 2
    connections.close()


def test_what_a_path_may_hold(peers: list[Peer]) -> None:
    """Escapes stay; blanks and letters beyond ASCII are escaped; a line break starts no header."""
    peers.append(peer := Peer())
    connections = HttpConnections({}, 5, 10)
    get(connections, f"http://127.0.0.1:{peer.port}/a%2Fb/ä b\r\nX: y?q=%20ü&r=1")
    assert peer.requests[0].splitlines()[0] == "GET /a%2Fb/%C3%A4%20bX:%20y?q=%20%C3%BC&r=1 HTTP/1.1"
    connections.close()


@pytest.mark.slow
def test_tls_with_a_private_authority(
    tmp_path: Path, peers: list[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """SSL_CERT_FILE names it; without it the call ends at once, and the reason is the certificate."""
    context, authority = make_tls_context(tmp_path)
    peers.append(peer := Peer(context=context))
    url = f"https://127.0.0.1:{peer.port}/x"
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(CertificateError, match="certificate"):
        get(HttpConnections({}, 5, 10), url)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    connections = HttpConnections({}, 5, 10)
    assert [get(connections, url).status for _ in range(2)] == [200, 200]
    connections.close()
    with pytest.raises(CertificateError, match="localhost"):  # the certificate is for the address
        get(HttpConnections({}, 5, 10), url.replace("127.0.0.1", "localhost"))


@pytest.mark.slow
def test_a_server_without_tls(peers: list[Peer]) -> None:
    """The error for an https address of a server without TLS says so."""
    peers.append(peer := Peer(b"HTTP/1.0 400 Bad Request\r\n\r\n"))
    with pytest.raises(HttpCallError):
        get(HttpConnections({}, 5, 1), f"https://127.0.0.1:{peer.port}/x")


@pytest.mark.slow
@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_a_proxy_with_a_password(
    tmp_path: Path, peers: list[Peer], monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    """Its name and password go to the proxy alone, and a call by TLS goes through it unread."""
    context, authority = make_tls_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    peers.append(server := Peer(context=context if encrypted else None))
    peers.append(proxy := Peer())
    scheme = "https" if encrypted else "http"
    connections = HttpConnections({f"{scheme}_proxy": f"http://ann:p%40ss@127.0.0.1:{proxy.port}"}, 5, 10)
    url = f"{scheme}://127.0.0.1:{server.port}/x"
    assert [get(connections, url).status for _ in range(2)] == [200, 200]
    login = f"Proxy-Authorization: Basic {base64.b64encode(b'ann:p@ss').decode()}"
    if encrypted:
        assert [text.split("\r\n")[0] for text in proxy.requests] == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"] or [
            text.split("\r\n")[0] for text in proxy.requests
        ] == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.0"]
        assert login in proxy.requests[0]
        assert [text.split("\r\n")[0] for text in server.requests] == ["GET /x HTTP/1.1"] * 2
        assert "Proxy-Authorization" not in "".join(server.requests)
    else:
        assert [text.split("\r\n")[0] for text in proxy.requests] == [f"GET {url} HTTP/1.1"] * 2
        assert all(login in text for text in proxy.requests)
        assert server.requests == []
    connections.close()


def test_a_proxy_with_a_port_out_of_range() -> None:
    """The error names the variable and is not a fault that may pass."""
    connections = HttpConnections({"http_proxy": "http://ann:word@proxy:99999"}, 5, 10)
    with pytest.raises(
        SettingsError, match=r"http_proxy: the proxy .*proxy:99999.* its port is out of range"
    ) as caught:
        get(connections, "http://example.org/")
    assert "word" not in str(caught.value)


@pytest.mark.slow
def test_threads_have_connections_of_their_own(server: Server) -> None:
    """Calls at once do not mix: each thread gets the answer to its own request."""
    server.answer = lambda request: send_reply(request, request.path.encode())
    connections = HttpConnections({}, 5, 10)
    mixed: list[str] = []

    def call(number: int) -> None:
        for turn in range(20):
            path = f"/{number}/{turn}"
            if get(connections, f"{server.url}{path}").data != path.encode():
                mixed.append(path)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert mixed == []
    connections.close()
