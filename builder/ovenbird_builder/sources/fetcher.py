"""Input and result of each form of source: FetchRequest and FetchedSource."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from ovenbird.common.source_limits import SourceLimits
from ovenbird.function_document import FunctionSpec

from ..errors import SourceUnreachableError
from ..host.network import NetworkSettings


class FetchRequest(Struct, frozen=True):
    """One source to fetch: into the empty folder `work`, before `deadline` (of the monotonic clock, in seconds).

    With `versions` the checkout of a repository gets the files that name its version (git_versions.py). `offline`:
    nothing comes from the network, what a repository of this machine refers to included.
    """

    function: FunctionSpec
    work: Path
    environ: Mapping[str, str]
    network: NetworkSettings
    limits: SourceLimits
    deadline: float
    timeout: float
    versions: bool = False
    offline: bool = False

    def check_deadline(self, origin: str) -> float:
        """Return the seconds until the deadline. Errors: SourceUnreachableError after it; `origin` names the source."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise self.timeout_error(origin)
        return seconds

    def timeout_error(self, origin: str) -> SourceUnreachableError:
        """Return the error of a source that took too long."""
        return SourceUnreachableError(
            f"{origin}: not fetched within the time limit of {self.timeout:g} s", hint="nothing was kept"
        )


class FetchedSource(Struct, frozen=True):
    """A fetched source: its files are in `folder`, and are moved if it `is_temporary`, or copied if it is the user's.

    `uri`, `revision`, `epoch`, `file` and `warnings` are those of the Tree. `ignore` names the files whose rules say
    what is left out, `tracked` the paths that git tracks although they are
    ignored, `tracked_problem` why git could not list them. `origin` names the source in errors, where that says more
    than `uri`.
    """

    folder: Path
    uri: str
    revision: str = ""
    epoch: int | None = None
    file: str = ""
    is_temporary: bool = True
    ignore: tuple[str, ...] = (".ovenbirdignore",)
    warnings: tuple[str, ...] = ()
    tracked: frozenset[str] = frozenset()
    tracked_problem: str = ""
    origin: str = ""
