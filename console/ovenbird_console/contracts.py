"""The contract of a function, from a process that imports the user's code: the page's own process never does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ovenbird.common.text import show_value
from ovenbird.errors import LoadError, OvenbirdError
from ovenbird.function.target import Target, parse

_PACKAGES = [str(Path(__file__).parents[1]), str(Path(str(sys.modules["ovenbird"].__file__)).parents[1])]
# the current folder is no place to import from: a file of the user's may have the name of a module of Python's
_CODE = (
    "import sys; sys.path[:] = [path for path in sys.path if path] + {packages!r};"
    " from ovenbird_console.contract_child import main; main(sys.argv[1])"
)
_LIMIT = 60.0  # seconds that an import may take
_LAST = 16 * 1024  # bytes of stderr in which the last line is looked for
_MOST = 100  # contracts that are kept
_FILES = 200  # of a source, whose times are looked at

Contract = dict[str, Any]
"""`describe` of the function, `job`, `schema` of its arguments, `docstring`; or `error` with its message and hint."""


class Contracts:
    """Contracts by target, read again when a file of the source has changed."""

    def __init__(self, folder: Path, environ: Mapping[str, str], limit: float = _LIMIT) -> None:
        self._folder, self._environ, self._limit = folder, environ, limit
        self._lock = threading.Lock()
        self._known: dict[str, tuple[object, Contract]] = {}

    def read(self, text: str) -> Contract:
        """Return the contract of a target, or `{"error": …}`. Errors: LoadError, DocumentError for no target."""
        mark = _mark_source(parse_target(text, self._folder))
        with self._lock:
            known = self._known.get(text)
        if known is not None and known[0] == mark:
            return known[1]
        contract = self._ask(text)
        if "error" in contract:  # its cause may lie outside of the source, such as a package that is not installed
            return contract
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[text] = mark, contract
        return contract

    def _ask(self, text: str) -> Contract:
        """Return what the process says. Errors: OvenbirdError for one that was killed, or that takes too long."""
        words = [sys.executable, "-c", _CODE.format(packages=_PACKAGES), text]
        # files: a process that the user's code leaves behind would hold a pipe open
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603  # this interpreter; the target is an argument
                words, cwd=self._folder, env=dict(self._environ), stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(self._limit)
            except subprocess.TimeoutExpired:
                raise LoadError(f"{show_value(text)} was not imported within {self._limit:g} s") from None
            finally:
                _kill_group(process)
            try:
                contract: Contract = json.loads(_read_end(out, sys.maxsize))
            except ValueError:
                last = _read_end(errors, _LAST).decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise OvenbirdError(f"the process that imports {show_value(text)} has ended: {last}") from None
        return contract


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, with all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read_end(file: IO[bytes], most: int) -> bytes:
    """Return the last bytes of a file."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - most))
    return file.read()


def parse_target(text: str, folder: Path) -> Target:
    """Return the target that a text names in a folder. Errors: LoadError, DocumentError."""
    path, colon, attribute = text.partition(":")
    try:
        if path.endswith((".py", ".yaml", ".yml")) or (folder / path).is_dir():
            return parse(f"{folder / path}{colon}{attribute}")
        return parse(text, str(folder))
    except OSError as error:  # such as a name that no file can have
        raise LoadError(f"the target {show_value(text)} cannot be read: {error.strerror or error}") from None


def _mark_source(target: Target) -> object:
    """Return what changes when a file of a source does: names and times of the modules near it."""
    paths = [path for pattern in ("*.py", "*/*.py") for path in sorted(target.root.glob(pattern))[:_FILES]]
    if target.function is not None and target.function.code is not None:
        return target.function.code, target.attribute
    marks = []
    for path in paths[:_FILES]:
        try:
            status = path.stat()
        except OSError:
            continue
        marks.append((str(path), status.st_mtime_ns, status.st_size))
    return (*marks, target.module, target.attribute)
