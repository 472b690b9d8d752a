"""The listening socket: bind it before anything else, and close it without resetting connections."""

from __future__ import annotations

import array
import asyncio
import contextlib
import socket
import struct

from ...errors import SettingsError
from ...settings import Settings

# Linux: SO_ATTACH_FILTER, and a BPF program that drops packets which open a connection (SYN without ACK)
_ATTACH_FILTER, _DETACH_FILTER = 26, 27
_NO_SYN = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def bind(settings: Settings, flag: str = "--port") -> socket.socket:
    """Bind the address and return the socket. Connections are refused until a worker listens.

    `flag` is the flag of the port, for the error. Errors: SettingsError.
    """
    try:
        # as bytes: for text, Python would load a codec and the Unicode tables
        host = settings.host.encode() if settings.host.isascii() else settings.host
        addresses = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = addresses[0]
    except OSError as error:
        raise bind_error(settings, error, flag) from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise bind_error(settings, error, flag) from None
    sock.setblocking(False)
    return sock


def second_flag(settings: Settings) -> str:
    """Return the flag of the second port: for the probes of the processor, or for the routes of the runtime."""
    return "--probe-port" if settings.probe_port else "--admin-port"


def bind_error(settings: Settings, error: OSError, flag: str = "--port") -> SettingsError:
    """Return the error for an address that cannot be bound. Its hint names the flag and the variable of the port."""
    variable = f"OVENBIRD_{flag.lstrip('-').replace('-', '_').upper()}"
    hint = f"another process may have the port: `{flag} N`, or the variable `{variable}=N`"
    if flag == "--port":
        hint += "; 0 takes a free one"
    if isinstance(error, PermissionError) and settings.port < 1024:
        hint = (
            f"ports below 1024 are kept for root here: `{flag} 8080`, or the variable `{variable}=8080`; it may be "
            f"published as {settings.port}: by the Service of Kubernetes, or `podman run -p {settings.port}:8080`"
        )
    return SettingsError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}", hint=hint)


async def refuse_new(sock: socket.socket) -> None:
    """Make the kernel drop new connections, and complete the handshakes in progress.

    Without this, a connection accepted between the last `accept` and the close is reset. On kernels that do not support
    the filter that race remains.
    """
    code = array.array("B", b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(_NO_SYN), code.buffer_info()[0]))
        await asyncio.sleep(0.01)


def allow_new(sock: socket.socket) -> None:
    """Undo `refuse_new`, also if another process called it: the filter belongs to the shared socket."""
    with contextlib.suppress(OSError):  # there is no filter
        sock.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
