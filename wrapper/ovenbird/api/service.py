"""`Function.serve`: a service in a child process, on a free port, that is gone at the end of a `with` block."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import OvenbirdError
from ..job.start_folder import absolute_environ
from ..settings import Settings
from .card_display import CardDisplay
from .child_process import ChildProcess
from .failures import UserTraceback, make_error
from .serve_request import ServeRequest
from .sources import FunctionSource

if TYPE_CHECKING:
    from ..client.client import Client
    from ..display.card import Card

_MARGIN = 7.0  # seconds beyond drain delay and grace until the processes of a service are killed
_LONGEST = 16 * 1024**2  # bytes of the log that are read


class Service(CardDisplay):
    """A function that is served: `with function.serve() as service: service.call(name="Ada")`.

    `url` is where it listens. It ends with the block, by `stop()`, and with this process at the latest.
    """

    def __init__(self, name: str, url: str, process: ServiceProcess) -> None:
        self.name, self.url = name, url
        self._process = process
        self._client: Client | None = None

    def __repr__(self) -> str:
        return f"<Service {self.name} at {self.url}{'' if self.is_running else ', stopped'}>"

    def _make_card(self) -> Card:
        from ..display.card import Card, Text

        facts = {"url": self.url, "its page": f"{self.url}/_/"}
        log = Text("Log", self.logs)
        return Card("Service", self.name, "READY" if self.is_running else "STOPPED", facts, (log,))

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Return whether the process of the service lives."""
        return not self._process.child.has_ended()

    @property
    def client(self) -> Client:
        """Return a client of the service, always the same. Errors: ClientError without the extra `client`."""
        if self._client is None:
            from ..client.client import Client

            self._client = Client(self.url)
        return self._client

    def call(self, /, *args: Any, **fields: Any) -> Any:
        """Call the function with arguments by name, or with one value, and return its result. Errors: ClientError."""
        return self.client.call(*args, **fields)

    @property
    def logs(self) -> str:
        """Return what the service has printed and logged so far; of a long log the end."""
        return self._process.read_log()

    def stop(self) -> None:
        """Stop the service as SIGTERM does: calls in flight are answered first. Return when its processes are gone."""
        if self._client is not None:
            self._client.close()
        self._process.stop()


class ServiceProcess:
    """The process of a service, and the file that takes what it prints."""

    def __init__(self, request: ServeRequest, environ: Mapping[str, str]) -> None:
        with tempfile.TemporaryFile() as file:
            self._log = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._log)
        self.child = ChildProcess(request.encode(), environ, self._log, "serve_child")
        settings = request.settings
        self._limit = settings.drain_delay + settings.grace + _MARGIN
        self._owner = os.getpid()
        self.stop = weakref.finalize(self, _end_process, self.child, self._limit, self._owner)

    def read_log(self) -> str:
        """Return the end of the log as text."""
        size = os.fstat(self._log).st_size
        data = os.pread(self._log, _LONGEST, max(0, size - _LONGEST))
        return data.decode("utf-8", "backslashreplace")

    def wait_until_ready(self) -> str:
        """Return the URL once the service is ready. Errors: OvenbirdError, with the user's traceback as its cause."""
        try:
            for report in self.child.read_reports():
                if error := report.get("error"):
                    self._end(self._limit)
                    self._raise(error)
                return str(report["url"])
            self._end()
            raise OvenbirdError(
                f"the service ended before it was ready: {self.child.describe_end()}", cause=self.read_log()
            ) from UserTraceback(self.read_log())
        except BaseException:
            self.stop()
            raise

    def _end(self, limit: float | None = None) -> None:
        """Wait until the process has ended, and end what it has left in its group, while its number is its own."""
        self.child.wait(limit)
        self.child.kill()
        self.child.wait()

    def _raise(self, details: Mapping[str, str]) -> None:
        error = make_error(details)
        raise error from (UserTraceback(error.cause) if error.cause else None)


def _end_process(child: ChildProcess, limit: float, owner: int) -> None:
    """End a service: by SIGTERM, and by force when that takes too long. A forked child of its owner lets it be."""
    if os.getpid() != owner:
        return
    if not child.is_reaped:
        child.stop(signal.SIGTERM)
        with contextlib.suppress(KeyboardInterrupt):
            child.wait(limit)
        child.kill()  # what it has left in its group, too
        child.wait()
    child.release()


def start_service(source: FunctionSource, settings: Settings, environ: Mapping[str, str]) -> Service:
    """Start a service and wait until it is ready. Errors: OvenbirdError."""
    request = ServeRequest(source.locate(environ), settings)
    process = ServiceProcess(request, absolute_environ(environ))
    return Service(source.text, process.wait_until_ready(), process)
