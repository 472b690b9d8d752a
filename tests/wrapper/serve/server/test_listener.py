"""The listening socket."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ovenbird.errors import SettingsError
from ovenbird.serve.server.listener import bind, bind_error, refuse_new
from ovenbird.settings import Settings


def test_an_address_that_does_not_exist_is_named() -> None:
    """A name that does not resolve and a port in use are errors of settings."""
    with pytest.raises(SettingsError, match=r"no\.such\.host\.invalid:80"):
        bind(Settings(host="no.such.host.invalid", port=80))
    with bind(Settings(port=0)) as sock:
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port}"):
            bind(Settings(port=port))


def test_a_privileged_port_and_a_port_in_use_differ() -> None:
    """For a port below 1024 the error names the permission, and does not look for another process."""
    low = bind_error(Settings(port=80), PermissionError(13, "Permission denied"))
    assert "kept for root" in low.hint
    assert "another process" in bind_error(Settings(port=8080), OSError(98, "Address already in use")).hint


@pytest.mark.parametrize("number", [80, 8080])
@pytest.mark.parametrize("flag", ["--port", "--probe-port", "--admin-port"])
def test_the_hint_names_the_flag_and_the_variable_of_the_port(flag: str, number: int) -> None:
    """A pod's command line is somebody else's, so the variable is named too, and that of the port that is meant."""
    error = PermissionError(13, "Permission denied") if number == 80 else OSError(98, "Address already in use")
    hint = bind_error(Settings(port=number), error, flag).hint
    assert f"{flag} " in hint
    assert f"OVENBIRD_{flag[2:].upper().replace('-', '_')}=" in hint


def test_a_port_that_closes_keeps_what_it_has_and_takes_no_more() -> None:
    """A connection that was made before is accepted; a new one does not come about."""
    with bind(Settings(port=0)) as sock:
        sock.listen()
        address = sock.getsockname()
        with socket.create_connection(address), socket.socket() as late:
            asyncio.run(refuse_new(sock))
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(address)
            accepted, _ = sock.accept()
            accepted.close()
            with pytest.raises(BlockingIOError):
                sock.accept()
