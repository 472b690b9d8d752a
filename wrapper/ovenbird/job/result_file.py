"""Files that a run writes: the result file, and its record if the platform could not store it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ..errors import OutputError
from ..platform.entities.json_values import json_value
from ..platform.entities.metrics import json_metrics
from ..platform.entities.run import Run
from .result import RunResult

_log = logging.getLogger("ovenbird")


def write_result_file(
    name: str,
    record: Run,
    state: str,
    outcome: RunResult,
    error: Mapping[str, str] | None,
    stdout: TextIO | None = None,
) -> bool:
    """Write the result file, to `stdout` if that is not None. Log an error and return False if that failed."""
    value = {
        "id": record.id, "key": record.key, "state": state, "results": outcome.results, "outputs": outcome.outputs,
        "metrics": json_metrics(record.status.metrics or {}), "error": error,
    }  # fmt: skip
    try:
        if stdout is None:
            _write_json(Path(name), value)
        else:
            print_text(stdout, _encode_json(value).decode())
    except (OSError, ValueError) as failed:
        _log.error("--result-file %r was not written: %s", name, getattr(failed, "strerror", None) or failed)
        return False
    return True


def is_stdout(name: str) -> bool:
    """Return whether `--result-file` is `-`, or a path of the standard output such as `/dev/stdout`."""
    try:
        return name == "-" or bool(name and os.path.samestat(os.stat(name), os.fstat(1)))  # noqa: PTH116  # follows links
    except (OSError, ValueError):
        return False


def print_text(stream: TextIO, text: str) -> None:
    """Write text to a stream, with escapes for characters that its encoding lacks.

    Errors: OSError; ValueError for a closed stream.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def save_failed_record(folder: Path, record: Run, log: Path | None) -> str:
    """Write the record of a run that the store did not take to `run.json`, and copy its log to `run.log`.

    Return text for the error message.
    """
    import shutil

    from ..common.private_files import make_private_file

    path = folder / "run.json"
    try:
        _write_json(path, record.to_dict())
        if log is not None:
            make_private_file(folder / "run.log")
            shutil.copyfile(log, folder / "run.log")
    except OSError as error:
        return f"; its record could not be kept in {path}: {error.strerror or error}"
    return f"; its record is kept in {path}" + (f", its log in {folder / 'run.log'}" if log is not None else "")


def keep_metrics(path: Path, metrics: Mapping[str, Mapping[str, Any]], place: str) -> OutputError:
    """Write metrics that `place` did not store to a file. Return the error, which says where they are."""
    names = ", ".join(f"{name} of {key}" for key, values in metrics.items() for name in values)
    try:
        _write_json(path, {key: json_metrics(values) for key, values in metrics.items()})
    except OSError as error:
        outcome = f"could not be kept in {path}: {error.strerror or error}"
    else:
        outcome = f"are kept in {path}"
    return OutputError(f"metrics are not in {place}: {names}; they {outcome}")


def _encode_json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(json_value(value))) + b"\n"


def _write_json(path: Path, value: Any) -> None:
    from ..common.atomic_files import write_file

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, _encode_json(value))
