"""Whether the runtime that a base brings is older than the Ovenbird that builds on it."""

from __future__ import annotations

from .probe import TargetPython


def describe_old_runtime(base: str, interpreter: TargetPython, builder: str) -> tuple[str, ...]:
    """Return a warning where the runtime of a base is older than `builder`, a version; else nothing."""
    runtime = interpreter.runtime
    if not runtime or runtime == builder or not _is_older(runtime, builder):
        return ()
    return (
        f"the base {base} brings Ovenbird {runtime}, older than the {builder} that builds:"
        f" `ovenbird base build {interpreter.minor}` makes a new base, and"
        " `ovenbird rebase IMAGE --base NEW` puts it below an image that is there",
    )


def _is_older(version: str, than: str) -> bool:
    from packaging.version import InvalidVersion, Version  # only where the two differ

    try:
        return Version(version) < Version(than)
    except InvalidVersion:
        return False
