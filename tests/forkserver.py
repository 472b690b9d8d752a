"""A process that has loaded what `ovenbird` loads at its start, and forks one process for each start that is asked for.

Most of a start is the import of modules: forked, a start takes a tenth of the time. The process that comes of it has a
pid, descriptors, an environment, a folder and an argv of its own, and runs `ovenbird.__main__` as `python -m ovenbird`
does. `tests/starts.py` asks for it, over a socket: `python -m tests.forkserver KIND DESCRIPTOR`.
"""

from __future__ import annotations

import contextlib
import io
import marshal
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import time
import types
from importlib import import_module
from typing import Any

# By the kind of a start, what every start of that kind imports; no more, so that a test sees what a start has loaded.
MODULES = {
    "serve": (
        "ovenbird.cli",
        "ovenbird.logging_config",
        "ovenbird.function_document",
        "ovenbird.serve.service",
        "ovenbird.serve.server.worker",
    ),
    "processor": (
        "ovenbird.cli",
        "ovenbird.logging_config",
        "ovenbird.function_document",
        "ovenbird.processor.entrypoint",
    ),
    "run": (
        "ovenbird.cli",
        "ovenbird.logging_config",
        "ovenbird.function_document",
        "ovenbird.job.execution",
        "ovenbird.job.run_process",
        "ovenbird.platform.local.store",
    ),
    "load": ("ovenbird.cli", "ovenbird.logging_config", "ovenbird.function_document", "ovenbird.function.handler"),
    "read": (
        "ovenbird.cli",
        "ovenbird.commands.records.record_verbs",
        "ovenbird.platform.local.store",
        "ovenbird.platform.queries",
    ),
    "build": (
        "ovenbird.cli",
        "ovenbird.logging_config",
        "importlib.metadata",
        "ovenbird_builder.cli",
        "ovenbird_builder.build.batch",
    ),
}
_OWN = ("tests", "tests.forkserver")
FIELD = struct.Struct("i")  # what is written for a child: its pid, then its wait status


def wait_for_starts(sock: socket.socket) -> dict[str, Any] | None:
    """Fork a child for each request. Returns the request in a child, None in the parent when nobody asks any more.

    A request comes with four descriptors: the child's streams, and a pipe that the pid and the status are written to.
    """
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not sock:
                pid, report = key.data
                _, status = os.waitpid(pid, 0)
                selector.unregister(key.fileobj)
                os.close(key.fd)
                _report(report, status)
                os.close(report)
                continue
            message, descriptors, _, _ = socket.recv_fds(sock, 1 << 20, 4)
            if not message:
                return None
            *streams, report = descriptors
            pid = os.fork()
            if not pid:
                selector.close()
                for number, descriptor in enumerate(streams):
                    os.dup2(descriptor, number)
                os.closerange(3, max(descriptors) + 64)
                request: dict[str, Any] = marshal.loads(message)
                return request
            for descriptor in streams:
                os.close(descriptor)
            _report(report, pid)
            selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, report))


def _report(pipe: int, number: int) -> None:
    with contextlib.suppress(OSError):  # who asked for it has ended
        os.write(pipe, FIELD.pack(number))


def become(request: dict[str, Any]) -> None:
    """Make this process what a new one would be: session, folder, environment, argv, streams."""
    if request["new_session"]:
        os.setsid()
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    words = request["words"]
    sys.argv = ["ovenbird", *words]
    sys.orig_argv = [sys.executable, "-m", "ovenbird", *words]
    sys.path[0] = request["cwd"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].ORIGINAL_DIR = request["cwd"]  # type: ignore[attr-defined]
    for name in _OWN:
        sys.modules.pop(name, None)
    sys.modules["__main__"] = types.ModuleType("__main__")


def _stream(number: int, before: Any) -> io.TextIOWrapper:
    """Return one of the three streams as the interpreter opens it."""
    through = before.write_through  # with PYTHONUNBUFFERED
    raw = open(number, "wb" if number else "rb", 0 if through and number else -1, closefd=False)  # noqa: SIM115
    lines = not through and (number == 2 or raw.isatty())
    return io.TextIOWrapper(
        raw, before.encoding, before.errors, "\n" if number else None, line_buffering=lines, write_through=through
    )


def main(kind: str, descriptor: int) -> None:
    """Load what a start of this kind loads, tell it, and fork until the socket is closed."""
    for name in MODULES[kind]:
        import_module(name)
    sock = socket.socket(fileno=descriptor)
    names = {name.partition(".")[0] for name in sys.modules} - {"__main__", "tests"}
    sock.sendall(marshal.dumps(sorted(names)))
    request = wait_for_starts(sock)
    if request is None:
        os._exit(0)
    sock.detach()
    become(request)
    runpy._run_module_as_main("ovenbird")  # type: ignore[attr-defined] # what `python -m` calls


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(sys.argv[1], int(sys.argv[2]))
