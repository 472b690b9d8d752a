"""Listen, say where, and serve the page until a signal ends it."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import FrameType

import uvicorn

from ovenbird.common.text import show_value
from ovenbird.errors import SettingsError
from ovenbird.platform.data_dir import backend_name, data_dir
from ovenbird.platform.local.database import refuse_broken_link
from ovenbird.platform.postgres.database_url import parse_database_url

from . import browser_start
from .app import make_app
from .console import Console
from .security import make_token

_SHUTDOWN = 2  # seconds that open streams of events get to end


def serve_page(host: str, port: int, environ: Mapping[str, str], *, open_browser: bool = False) -> int:
    """Serve the page until SIGINT, SIGTERM or SIGHUP; return the exit status.

    Errors: SettingsError for the address; SettingsError, PlatformError for a store that no page could be shown with.
    """
    _check_store(environ)
    with _listen(host, port) as listener:
        console = Console(Path.cwd(), dict(environ), make_token(), listener.getsockname()[1])
        address = f"{_format_origin(host, console.port)}/?token={console.token}"
        config = uvicorn.Config(
            make_app(console), log_level="warning", access_log=False, server_header=False, lifespan="on",
            timeout_graceful_shutdown=_SHUTDOWN,
        )  # fmt: skip
        _catch_signals()
        print(address, flush=True)
        print("the page is at this address; it lets in whoever has it; Ctrl-C ends it", file=sys.stderr)
        try:
            with browser_start.open_browser(address) if open_browser else nullcontext():
                uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            return 0
        return 0


def _check_store(environ: Mapping[str, str]) -> None:
    """Raise SettingsError for the URL of a database that is none, and for Core, which is asked for one project, without
    one; PlatformError for a folder that is a broken link. A store that does not answer is no reason: it may come back.
    """
    backend = backend_name(environ.get("OVENBIRD_PLATFORM", ""), environ)
    if backend == "local":
        refuse_broken_link(Path(data_dir(environ)).absolute())
    if backend == "postgres":
        parse_database_url(environ.get("OVENBIRD_STORE", ""), "OVENBIRD_STORE")
    if backend == "core" and not environ.get("PROJECT_NAME"):
        raise SettingsError(
            "the page shows one project of the platform, and none is named", hint="`PROJECT_NAME=NAME ovenbird ui`"
        )


def _catch_signals() -> None:
    """Let SIGTERM remove what was made. SIGHUP, of a terminal that is closed, does the same unless it is ignored."""
    signal.signal(signal.SIGTERM, _exit)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address. Errors: SettingsError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(
            f"`--host` {show_value(host)}: {error.strerror}", hint="127.0.0.1 is this machine"
        ) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {show_value(host)}, port {port}: {error.strerror}", hint="`--port 0` takes a free one"
        ) from None
    return listener


def _format_origin(host: str, port: int) -> str:
    """Return the origin by which a browser on this machine reaches the page."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # compared, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
