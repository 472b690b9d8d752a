"""Calls of Core over real HTTP: what is tried again, what is not, and what an error says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest
from tests.core.server import Double
from tests.stores import Server, send_reply

from ovenbird.errors import PlatformAuthError, PlatformResponseError, PlatformUnreachableError, SettingsError
from ovenbird.platform.core.rest_client import RestClient


def client(core: Double, patience: float = 5.0, **more: str) -> RestClient:
    return RestClient(core.environ(**more), patience)


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_answer_that_may_pass_is_tried_again(core: Double, status: int) -> None:
    """Twice an error and then the answer: the caller sees the answer."""
    core.faults.add("status", 2, status=status)
    assert client(core).call("GET", "/projects/p")["name"] == "p"
    assert len(core.calls) == 3


@pytest.mark.slow
def test_retry_after_is_honoured(core: Double) -> None:
    """The server says how long to wait, and that is waited."""
    core.faults.add("status", 1, status=429, headers={"Retry-After": "1"})
    began = time.monotonic()
    client(core).call("GET", "/projects/p")
    assert time.monotonic() - began >= 1


def test_a_wish_beyond_the_patience_is_not_waited_for(core: Double) -> None:
    """A Retry-After that is longer than the patience ends the call with the answer."""
    core.faults.add("status", 9, status=503, headers={"Retry-After": "30"})
    began = time.monotonic()
    with pytest.raises(PlatformUnreachableError, match="503"):
        client(core, 1.0).call("GET", "/projects/p")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("fault", ["break", "lose"])
def test_a_connection_that_breaks(core: Double, fault: str) -> None:
    """The call is made again, whether the first was carried out or not."""
    core.faults.add(fault, 1, method="PUT")
    body = {"metadata": {"labels": ["a"]}, "spec": {}}
    assert client(core).call("PUT", "/projects/p", body=body)["metadata"]["labels"] == ["a"]
    assert core.counts()["PUT projects/{id}"] == 2


@pytest.mark.slow
def test_the_platform_comes_back(core: Double) -> None:
    """A platform that is restarted within the patience is waited for."""
    rest_client = client(core, 20.0)
    rest_client.call("GET", "/projects/p")
    core.down()
    threading.Timer(0.7, core.up).start()
    assert rest_client.call("GET", "/projects/p")["name"] == "p"


@pytest.mark.slow
def test_only_the_first_call_waits_for_a_platform_that_is_down(core: Double) -> None:
    """The first call waits out the patience; those after it fail at once, so that a run comes to its end."""
    core.down()
    rest_client = client(core, 1.0)
    for longest in (5.0, 0.5):
        began = time.monotonic()
        with pytest.raises(PlatformUnreachableError, match=f"{core.url}/api/v1/projects/p does not answer: .*refused"):
            rest_client.call("GET", "/projects/p")
        assert time.monotonic() - began < longest
    core.up()
    assert rest_client.call("GET", "/projects/p")["name"] == "p"


def test_one_connection_for_many_calls(core: Double) -> None:
    """Connections are used again."""
    rest_client = client(core)
    for _ in range(5):
        rest_client.call("GET", "/projects/p")
    assert core.connections == 1


def test_a_refusal_is_not_tried_again(core: Double) -> None:
    """The error for a 4xx has its status and text, after a single call."""
    with pytest.raises(PlatformResponseError, match=r"No such project\.") as caught:
        client(core).call("GET", "/projects/q")
    assert (caught.value.status, len(core.calls)) == (404, 1)


def test_an_answer_that_is_not_of_the_platform(core: Double) -> None:
    """The error for a proxy's page has its media type."""
    core.faults.add("garbage")
    with pytest.raises(PlatformResponseError, match="the answer is text/html, not JSON"):
        client(core).call("GET", "/projects/p")


@pytest.mark.parametrize(("level", "fails"), [("14", True), ("15", False), ("20", False), ("21", False), ("", False)])
def test_the_level_of_the_api(core: Double, level: str, fails: bool, caplog: pytest.LogCaptureFixture) -> None:
    """An older API is refused, a newer one warned of, once."""
    core.level = level
    rest_client = client(core)
    if fails:
        with pytest.raises(PlatformResponseError, match="level 14; known are 15 to 20"):
            rest_client.call("GET", "/projects/p")
        return
    rest_client.call("GET", "/projects/p")
    rest_client.call("GET", "/projects/p")
    assert len([record for record in caplog.records if "level 21" in record.message]) == (level == "21")


@pytest.mark.parametrize(
    "endpoint", ["", "ftp://host", "host:8080", "http://", "http://host:99999", "http://host:port"]
)
def test_an_endpoint_that_is_no_url(endpoint: str) -> None:
    """The variable is named."""
    with pytest.raises(SettingsError, match="DHCORE_ENDPOINT"):
        RestClient({"DHCORE_ENDPOINT": endpoint, "DH_CONFIG": "/nonexistent"})


def test_a_password_in_the_address_is_not_printed() -> None:
    """Neither an error nor its hint repeats it."""
    rest_client = RestClient({"DHCORE_ENDPOINT": "http://ann:hunter2@127.0.0.1:9", "DH_CONFIG": "/nonexistent"}, 0)
    with pytest.raises(PlatformUnreachableError) as caught:
        rest_client.call("GET", "/projects/p")
    assert "hunter2" not in str(caught.value)


def test_forbidden(core: Double) -> None:
    """A 403 is an error of access, and no token is renewed for it."""
    core.faults.add("status", 1, status=403)
    with pytest.raises(PlatformAuthError, match="403"):
        client(core, DHCORE_ACCESS_TOKEN="a", DHCORE_REFRESH_TOKEN="b").call("GET", "/projects/p")
    assert len(core.calls) == 1


@pytest.mark.slow
def test_an_answer_that_does_not_come(core: Double) -> None:
    """A try that hangs is given up and made again."""
    core.faults.add("slow", 1, seconds=2.0)
    began = time.monotonic()
    assert RestClient(core.environ(), 5.0, read_timeout=0.3).call("GET", "/projects/p")["name"] == "p"
    assert time.monotonic() - began < 1.5
    core.faults.add("slow", 9, seconds=1.0)
    with pytest.raises(PlatformUnreachableError, match="no answer came in time"):
        RestClient(core.environ(), 0.2, read_timeout=0.1).call("GET", "/projects/p")


def test_a_proxy(core: Double, server: Server) -> None:
    """HTTP_PROXY is used for the platform, unless NO_PROXY has its host."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        send_reply(request, b"{}")

    server.answer = answer
    environ = {"DHCORE_ENDPOINT": "http://core.invalid", "HTTP_PROXY": server.url, "DH_CONFIG": "/nonexistent"}
    assert RestClient(environ, 0).call("GET", "/projects/p") == {}
    assert server.requests[0][:2] == ("GET", "http://core.invalid/api/v1/projects/p")
    with pytest.raises(PlatformUnreachableError, match="its host name cannot be resolved"):
        RestClient({**environ, "NO_PROXY": "core.invalid"}, 0).call("GET", "/projects/p")
    assert client(core, no_proxy="127.0.0.1", http_proxy=server.url).call("GET", "/projects/p")["name"] == "p"


def test_a_forked_process_has_connections_of_its_own(core: Double) -> None:
    """User code that forks while a connection is open disturbs neither process."""
    rest_client = client(core)
    rest_client.call("GET", "/projects/p")
    child = os.fork()
    if child == 0:
        try:
            good = all(rest_client.call("GET", "/projects/p")["name"] == "p" for _ in range(20))
        except BaseException:
            good = False
        os._exit(0 if good else 1)
    assert all(rest_client.call("GET", "/projects/p")["name"] == "p" for _ in range(20))
    assert os.waitpid(child, 0)[1] == 0
    assert core.connections == 2


def test_core_takes_no_package_but_ours(core: Double) -> None:
    """The REST API is called by the standard library: what else the platform's extra brings is for files and git."""
    program = (
        "import os, sys; sys.modules['urllib3'] = None\n"
        "from ovenbird.platform.core.rest_client import RestClient\n"
        "print(RestClient(os.environ, 5).call('GET', '/projects/p')['name'])"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **core.environ()},
    )
    assert process.stdout == "p\n"
