"""What is recorded of a function when it has been loaded, and of the modules that are imported later.

The lines of a sweep share one state: a child that looks at all modules would copy most of the memory that it shares.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ..common.import_times import ImportTimer, attribute_times, summarize_times
from ..common.imported_packages import list_imported_packages
from ..function.loader import LoadedFunction
from .provenance import build_provenance, digest_files, function_spec, list_local_sources, list_packages


class LoadState:
    """The spec of a loaded function and the provenance of its run, as they were when it had just been loaded."""

    def __init__(self, loaded: LoadedFunction, environ: Mapping[str, str]) -> None:
        self.spec = function_spec(loaded)
        self.provenance = build_provenance(loaded, environ)
        self._folder = loaded.target.root
        self._root = f"{self._folder}/"
        self._count, self._last = len(sys.modules), next(reversed(sys.modules))
        sources = list_local_sources()
        self._own = {path for path in sources if path.startswith(self._root)}  # the digest of the spec is of these
        self._others = digest_files(path for path in sources if path not in self._own)

    def record(self, status: Any, timer: ImportTimer, *, keeps_origin: bool) -> None:
        """Record the provenance of a run and the times of its imports. `keeps_origin`: its function has no source."""
        status.provenance = self.provenance
        if timer.spans:  # none where the process was forked from one that had loaded the function
            with contextlib.suppress(Exception):  # user code may have put odd objects into `sys.modules`
                status.imports = summarize_times(attribute_times(timer, self._folder))
        if keeps_origin:
            source = self.spec["source"]
            status.provenance.source = {
                name: source[name] for name in ("digest", "revision", "handler") if name in source
            }

    def complete(self, status: Any, returned: Iterable[str]) -> None:
        """Record the names of what the handler returned, and packages and modules that were imported since the load."""
        provenance, reuse = status.get("provenance"), status.get("reuse")
        with contextlib.suppress(Exception):  # user code may have put odd objects into `sys.modules`, or into its run
            if isinstance(provenance, dict):
                self._update_packages(provenance["packages"])
            if isinstance(reuse, dict):
                reuse.update(returned=list(returned), sources=self._digest_sources())

    def _update_packages(self, packages: dict[str, str]) -> None:
        """Add the distributions that have been imported since."""
        names = self._list_new_modules()
        if names is None:
            packages.update(list_packages())
        elif names:
            packages.update(list_imported_packages({name.partition(".")[0] for name in names}))

    def _digest_sources(self) -> dict[str, str]:
        """Return the digests of local modules that the digest of the spec does not cover, by their paths.

        These are imported later, or from elsewhere. Paths below the root of the function are relative.
        """
        names = self._list_new_modules()
        later = () if names == [] else (path for path in list_local_sources(names) if path not in self._own)
        digests = {**self._others, **digest_files(path for path in later if path not in self._others)}
        return {path.removeprefix(self._root): digest for path, digest in digests.items()}

    def _list_new_modules(self) -> list[str] | None:
        """Return the names of the modules that were imported since; None if that cannot be told, as some were removed.

        A dict keeps the order in which its items were added.
        """
        *names, last = islice(reversed(sys.modules), max(0, len(sys.modules) - self._count) + 1)
        return names if last == self._last else None
