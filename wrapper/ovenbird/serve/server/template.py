"""The template of the workers: it has imported the user's module, and forks a worker whenever its parent says so.

It runs no event loop and no thread. A worker is forked by a child of the template that ends at once, so that the
supervisor, which adopts orphans, becomes its parent: it reaps the worker, and a template that ends takes none along.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import NoReturn

import msgspec

from ...common.clean_pages import release_clean_pages
from ...common.fork_hazards import read_process_state
from ...common.fork_template import load_for_forks, remove_shared_folders
from ...common.orphan_fork import fork_orphan
from ...common.process_exit import force_end
from .worker_context import WorkerSlot

_LARGEST = 64 * 1024  # bytes of a message
_MOST = 20  # hazards that are told
_IDLE = 1.0  # seconds without a request, after which memory is given back


class TemplateReport(msgspec.Struct, frozen=True):
    """A message of the template: its state, or the answer to a request for a fork.

    `hazards` says in words what makes a fork unsafe; the template then ends. `pid` is a new worker; `failure` says why
    there is none.
    """

    is_loaded: bool = False  # the module is imported, and init begins
    is_ready: bool = False
    hazards: list[str] = []
    pid: int = 0
    failure: str = ""


class ForkRequest(msgspec.Struct, frozen=True):
    """A message of the supervisor: fork a worker for this slot. Its control socket comes along."""

    number: int
    block: int
    is_late: bool


_read_request = msgspec.json.Decoder(ForkRequest).decode
read_report = msgspec.json.Decoder(TemplateReport).decode


def run_template(
    link: socket.socket, load: Callable[[Callable[[], None]], None], work: Callable[[WorkerSlot], int],
) -> int:  # fmt: skip
    """Load, then fork workers until the supervisor closes `link`.

    `load` gets a function to call when init begins. Return only in a worker, with the exit status that `work` returns.
    """

    def report(message: TemplateReport) -> None:
        with contextlib.suppress(OSError):  # the supervisor is gone
            link.send(msgspec.json.encode(message))

    _, hazards = load_for_forks(lambda: load(lambda: report(TemplateReport(is_loaded=True))))
    report(TemplateReport(is_ready=not hazards, hazards=hazards[:_MOST]))
    link.settimeout(_IDLE)
    while not hazards:
        try:
            message, descriptors, _, _ = socket.recv_fds(link, _LARGEST, 1)
        except TimeoutError:
            release_clean_pages()
            link.settimeout(None)
            continue
        if not message:
            break
        request = _read_request(message)
        try:
            pid = fork_orphan()
        except OSError as error:
            report(TemplateReport(failure=error.strerror or str(error)))
        else:
            if pid == 0:
                link.close()
                os.setpgid(0, 0)  # otherwise it would be of the template's group
                return work(WorkerSlot(request.number, request.block, descriptors[0], request.is_late))
            report(TemplateReport(pid=pid))
        os.close(descriptors[0])
    if hazards:
        _end_children()
    return _end_template()


def _end_children() -> None:
    """End the processes that the module has started: each worker starts its own."""
    for pid in read_process_state().children:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def _end_template() -> NoReturn:
    """End without exit functions of the user's, which run in each worker; remove what its module made for all."""
    remove_shared_folders()
    force_end(lambda: 0, 0)
