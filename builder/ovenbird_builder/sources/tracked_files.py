"""Which files of a working folder git tracks although its rules ignore them: a commit has them, so a folder has."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import ProgramMissingError
from ..host.process import ProcessFailedError, run
from .fetcher import FetchRequest

_ARGV = ("git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")


def list_tracked(folder: Path, order: FetchRequest) -> tuple[frozenset[str], str]:
    """Return the paths below `folder`, and why git could not say them, which is empty when it could.

    A folder that lies in no repository has none.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return frozenset(), ""
    if not shutil.which("git", path=order.environ.get("PATH")):
        return frozenset(), "the program 'git' is not installed"
    env = {name: value for name, value in order.environ.items() if not name.startswith("GIT_")}
    try:
        result = run(
            _ARGV, env={**env, "LC_ALL": "C"}, cwd=folder, timeout=min(60.0, order.check_deadline(str(folder)))
        )
    except (ProcessFailedError, ProgramMissingError) as error:
        return frozenset(), error.message
    return frozenset(path for path in result.stdout.split("\0") if path), ""
