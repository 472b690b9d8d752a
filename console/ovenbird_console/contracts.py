"""The contract of a function, from a process that imports the user's code: the page's own process never does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
_MOST = 100  # contracts that are kept
_FILES = 200  # of a source, whose times are looked at

Contract = dict[str, Any]
"""`describe` of the function, `job`, `schema` of its arguments, `docstring`; or `error` with its message and hint."""


class Contracts:
    """Contracts by target, read again when a file of the source has changed."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
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
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[text] = mark, contract
        return contract

    def _ask(self, text: str) -> Contract:
        """Return what the process says. Errors: OvenbirdError for one that was killed, or that takes too long."""
        words = [sys.executable, "-c", _CODE.format(packages=_PACKAGES), text]
        try:
            process = subprocess.run(  # noqa: S603  # this interpreter; the target is an argument
                words, cwd=self._folder, env=dict(self._environ), stdin=subprocess.DEVNULL, capture_output=True,
                timeout=_LIMIT, check=False, start_new_session=True,
            )  # fmt: skip
            contract: Contract = json.loads(process.stdout)
        except subprocess.TimeoutExpired:
            raise LoadError(f"{show_value(text)} was not imported within {_LIMIT:g} s") from None
        except ValueError:
            last = process.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise OvenbirdError(f"the process that imports {show_value(text)} has ended: {last}") from None
        return contract


def parse_target(text: str, folder: Path) -> Target:
    """Return the target that a text names in a folder. Errors: LoadError, DocumentError."""
    path, colon, attribute = text.partition(":")
    if path.endswith((".py", ".yaml", ".yml")) or (folder / path).is_dir():
        return parse(f"{folder / path}{colon}{attribute}")
    return parse(text, str(folder))


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
