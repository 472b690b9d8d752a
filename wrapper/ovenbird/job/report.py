"""What a run leaves on disk beside its record: the result file, and the record itself where the platform has failed."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..platform.json_values import json_value
from ..platform.metrics import json_metrics
from ..platform.run import Run
from .outcome import Outcome

_log = logging.getLogger("ovenbird")
_NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


def result_file(path: Path, record: Run, state: str, outcome: Outcome, error: Mapping[str, str] | None) -> bool:
    """Write what `--result-file` asks for. Whether that could be done; if not, the reason is logged."""
    found = {
        "id": record.id, "key": record.key, "state": state, "results": outcome.results, "outputs": outcome.outputs,
        "metrics": json_metrics(record.status.metrics or {}), "error": error,
    }  # fmt: skip
    try:
        _write(path, found)
    except OSError as failed:
        _log.error("--result-file %r was not written: %s", str(path), failed.strerror or failed)
        return False
    return True


def kept_record(path: Path, record: Run) -> str:
    """Keep the record of a run that the platform could not be told of; what a message says of that."""
    try:
        _write(path, record.to_dict())
    except OSError as error:
        return f"; its record could not be kept in {path}: {error.strerror or error}"
    return f"; its record is kept in {path}"


def _write(path: Path, value: Any) -> None:
    """Write JSON whole: under a temporary name, then renamed; in place where that cannot be or must not be.

    That is a pipe or a device (/dev/stdout), and a file that is mounted by itself (/dev/termination-log).
    """
    content = msgspec.json.format(msgspec.json.encode(json_value(value))) + b"\n"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(content)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not path.is_file() or error.errno not in _NOT_REPLACED:
            raise
        path.write_bytes(content)
