"""Measure how long each module takes to import, and whose module it is.

The figures are those of `python -X importtime`, without a line on stderr for each module: a run measures its own
start, so the cost has to be that of a function call for each import.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from types import FunctionType
from typing import Any

from .imported_packages import find_distributions, find_import_root, find_module_file

_bootstrap: Any = vars(importlib).get("_bootstrap")
_NAME = "_find_and_load"  # what the interpreter, and `importlib`, look up for each module that is not imported yet


class ImportTimer:
    """A context in which imports are measured.

    `spans` holds the names of modules with the seconds of each alone, without those that it imports; `seconds` is the
    time of all. An import that fails is time of the module that tried it. Each thread has its own stack of imports.
    """

    def __init__(self) -> None:
        self.spans: list[tuple[str, float]] = []
        self.seconds = 0.0
        self._start = 0.0
        self._original: Any = None
        self._hook: Any = None

    def __enter__(self) -> ImportTimer:
        self._original = getattr(_bootstrap, _NAME, None)
        if self._original is not None:  # else only the whole time is known
            self._hook = _make_hook(self._original, self.spans)
            setattr(_bootstrap, _NAME, self._hook)
        self._start = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = perf_counter() - self._start
        if self._hook is not None and getattr(_bootstrap, _NAME) is self._hook:  # nobody has replaced it meanwhile
            setattr(_bootstrap, _NAME, self._original)


class DistributionTime:
    """The import time of a distribution. `version` is empty for a module that belongs to none."""

    __slots__ = ("modules", "name", "seconds", "version")  # a named tuple takes half a millisecond of each start

    def __init__(self, name: str, version: str, seconds: float, modules: int) -> None:
        self.name, self.version, self.seconds, self.modules = name, version, seconds, modules


class ImportTimes:
    """Seconds of imports: in all, of the function's own modules, of the standard library, of distributions.

    The heaviest distribution is the first; `modules` is the number of modules in all.
    """

    __slots__ = ("distributions", "function", "modules", "seconds", "standard_library")

    def __init__(
        self, timer: ImportTimer, function: float, standard_library: float, distributions: list[DistributionTime]
    ) -> None:
        self.seconds, self.modules = timer.seconds, len(timer.spans)
        self.function, self.standard_library = function, standard_library
        self.distributions = sorted(distributions, key=lambda distribution: -distribution.seconds)


def attribute_times(timer: ImportTimer, root: Path) -> ImportTimes:
    """Return the times of a timer by distribution. `root` is the folder of the function's own modules."""
    groups: dict[str, list[float]] = {}
    for name, seconds in timer.spans:
        groups.setdefault(find_import_root(name), []).append(seconds)
    foreign = [name for name in groups if name.partition(".")[0] not in sys.stdlib_module_names]
    owners = find_distributions(foreign)
    function = standard_library = 0.0
    totals: dict[tuple[str, str], tuple[float, int]] = {}
    for name, spans in groups.items():
        seconds = sum(spans)
        if name in owners:
            _add(totals, owners[name], seconds, len(spans))
        elif name.partition(".")[0] in sys.stdlib_module_names:
            standard_library += seconds
        elif _is_below(name, root):
            function += seconds
        else:
            _add(totals, (name.partition(".")[0], ""), seconds, len(spans))
    distributions = [DistributionTime(*owner, *total) for owner, total in totals.items()]
    return ImportTimes(timer, function, standard_library, distributions)


def summarize_times(times: ImportTimes, count: int = 10) -> dict[str, Any]:
    """Return the times for the record of a run, with the `count` heaviest distributions."""
    return {
        "seconds": round(times.seconds, 4),
        "modules": times.modules,
        "function": round(times.function, 4),
        "standard_library": round(times.standard_library, 4),
        "distributions": {entry.name: round(entry.seconds, 4) for entry in times.distributions[:count]},
    }


def list_compiled(timer: ImportTimer, since: float) -> tuple[int, int]:
    """Return how many of the modules had to be compiled, and how many of these have no bytecode now either.

    `since` is the time at which the import began, in seconds since the epoch.
    """
    compiled = missing = 0
    for path in _list_bytecode(name for name, _ in timer.spans):
        try:
            fresh = path.stat().st_mtime >= since
        except OSError:
            missing += 1
            fresh = True
        compiled += fresh
    return compiled, missing


def _list_bytecode(names: Iterable[str]) -> Iterable[Path]:
    for name in names:
        with contextlib.suppress(Exception):  # user code may have put odd objects into `sys.modules`
            cached = sys.modules[name].__spec__.cached  # type: ignore[union-attr]
            if isinstance(cached, str):
                yield Path(cached)


def _add(totals: dict[tuple[str, str], tuple[float, int]], owner: tuple[str, str], seconds: float, count: int) -> None:
    before = totals.get(owner, (0.0, 0))
    totals[owner] = before[0] + seconds, before[1] + count


def _is_below(name: str, root: Path) -> bool:
    file = find_module_file(name)
    return file.startswith(f"{root}/") and "/site-packages/" not in file


def _make_hook(original: Any, spans: list[tuple[str, float]]) -> Any:
    """Return a function that calls `original`, and adds the seconds of each module alone to `spans`.

    It passes for a part of the import system, whose frames Python leaves out of tracebacks, and does not count for the
    `stacklevel` of warnings.
    """
    clock, stack = perf_counter, threading.local()

    def find_and_load(name: str, import_: Any) -> Any:
        outer = stack.__dict__.get("inner", 0.0)  # seconds of what the importing module has imported so far
        stack.inner = 0.0
        start = clock()
        try:
            module = original(name, import_)
        except BaseException:
            stack.inner += outer
            raise
        seconds = clock() - start
        spans.append((name, seconds - stack.inner))
        stack.inner = outer + seconds
        return module

    code = find_and_load.__code__.replace(co_filename="<frozen importlib._bootstrap>", co_name=_NAME)
    return FunctionType(code, vars(_bootstrap), _NAME, None, find_and_load.__closure__)
