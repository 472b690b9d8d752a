"""Peak growth of memory while much data goes through a handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import client
from environments import say
from live import run_server
from processes import FailedError, measure_resident, reset_peak
from servers import Server, make_transfer_server

UPLOAD = 64 * client.MIB
DOWNLOAD = 256 * client.MIB  # what the handlers of downloads answer
SMALL = client.MIB

READY = "/_/ready"


@dataclass(frozen=True)
class Transfer:
    """One way to move data: `warm` loads what the first call loads, `move` is what is measured."""

    title: str
    server: Server
    move: Callable[[int], None]
    warm: Callable[[int], None] | None = None


def _make_upload(title: str, file: str, *, multipart: bool) -> Transfer:
    send = partial(client.upload, multipart=multipart)
    return Transfer(title, make_transfer_server(file), partial(send, size=UPLOAD), partial(send, size=SMALL))


TRANSFERS = (
    _make_upload("64 MiB upload to an `UploadFile`", "upload_file.py", multipart=True),
    _make_upload("64 MiB upload, streamed `request`", "upload_stream.py", multipart=False),
    Transfer(
        "256 MiB download, generator", make_transfer_server("download_sync.py"), partial(client.download, size=DOWNLOAD)
    ),
    Transfer(
        "256 MiB download, async generator",
        make_transfer_server("download_async.py"),
        partial(client.download, size=DOWNLOAD),
    ),
)


def measure() -> dict[str, float | str]:
    """Return the peak growth of resident memory in MiB by title, or the reason why there is no figure."""
    results: dict[str, float | str] = {}
    for trial in TRANSFERS:
        say(f"transfer: {trial.title}")
        try:
            results[trial.title] = _measure_peak(trial)
        except (FailedError, OSError, ValueError) as error:
            say(f"FAILED: {trial.title}: {error}")
            results[trial.title] = str(error)
    return results


def _measure_peak(transfer: Transfer) -> float:
    with run_server(transfer.server) as live:
        live.wait(ready_path=READY)
        if transfer.warm:
            transfer.warm(live.port)
        before = measure_resident(live.pid)
        reset_peak(live.pid)
        transfer.move(live.port)
        return measure_resident(live.pid, "VmHWM") - before
