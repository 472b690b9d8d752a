"""`ovenbird health`: ask the service of this container whether it is ready. Fast, as it runs every few seconds."""

from __future__ import annotations

import os
import socket
import sys

from .. import settings as table
from ..command_line.verb_parser import build_parser
from ..common.text import escape_controls
from ..errors import SettingsError

_PATIENCE = 2.0  # seconds; less than an engine gives a health check
# what a service listens on -> where it is asked: an address that stands for all cannot be called everywhere
_ALL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # asked, not listened on


def main(argv: list[str]) -> int:
    """Return 0 when the service is ready, 1 with the reason on stderr when it is not, 70 for a bad setting.

    Errors: SettingsError.
    """
    try:
        options = vars(build_parser("health").parse_args(argv))
    except SystemExit as exit_request:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if exit_request.code else 0
    flags = {name: text for name, text in options.items() if text is not None and name != "verb"}
    settings = table.resolve("health", flags, os.environ)
    problem = ask(_ALL.get(settings.host, settings.host), settings.port, _PATIENCE)
    if problem:
        sys.stderr.write(escape_controls(problem) + "\n")  # it contains the response of an unknown server
    return 1 if problem else 0


def ask(host: str, port: int, seconds: float) -> str:
    """Return why the service at an address is not ready; empty when it is."""
    try:
        with socket.create_connection((host, port), seconds) as connection:
            connection.settimeout(seconds)
            connection.sendall(b"GET /_/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = b""
            while part := connection.recv(65536):
                answer += part
    except OSError as error:
        return f"no answer from {host}:{port}: {error.strerror or error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.partition(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        return f"{host}:{port} does not speak HTTP"
    return (
        ""
        if words[1] == b"200"
        else f"not ready: status {words[1].decode(errors='replace')}: {body[:500].decode(errors='replace')}"
    )
