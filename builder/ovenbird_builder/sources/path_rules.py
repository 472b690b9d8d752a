"""Which names may be in a tree: those that an image's layer can hold, and that stay below the tree's root."""

from __future__ import annotations

from ovenbird.common.text import show_value
from ovenbird.common.tree_names import DEPTH, describe_limit, describe_problem
from ovenbird.function_document import NAMES

from ..errors import UnsafeSourceError

__all__ = ["DEPTH", "DOCUMENTS", "DROPPED", "check_member", "check_path", "describe_whiteout"]

# never in a tree: version control, bytecode that would be stale, Ovenbird's own store, environments of this machine
DROPPED = frozenset((".git", "__pycache__", ".ovenbird", ".venv"))
# never at the root of a tree: the completed document is baked by itself, and this one changes when an image's name is
# written back to it
DOCUMENTS = frozenset(NAMES)
_WHITEOUT = ".wh."  # in a layer, a file of this prefix deletes another one


def check_path(path: str, origin: str) -> None:
    """Refuse a relative path that a layer cannot hold. Errors: UnsafeSourceError; `origin` names the source."""
    if problem := describe_limit(path) or describe_whiteout(path):
        raise UnsafeSourceError(f"{origin}: the name {show_value(path)} {problem}", hint="rename it, or leave it out")


def check_member(name: str, origin: str) -> str:
    """Return the path of an archive's member or an object. Errors: UnsafeSourceError, also if it leaves the folder."""
    if problem := describe_problem(name) or describe_whiteout(name):
        raise UnsafeSourceError(f"{origin}: the name {show_value(name)} {problem}", hint="nothing was kept")
    return name


def describe_whiteout(path: str) -> str:
    """Return why a path cannot be in a layer although it can be in a folder, or ""."""
    if any(part.startswith(_WHITEOUT) for part in path.split("/")):
        return f"starts with '{_WHITEOUT}', which means a deletion in an image's layer"
    return ""
