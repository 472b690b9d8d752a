"""Which names may be in a tree: those that an image's layer can hold, and that stay below the tree's root."""

from __future__ import annotations

import re
import unicodedata

from ovenbird.common.text import show_value
from ovenbird.document import NAMES

from ..errors import UnsafeSourceError

# never in a tree: version control, bytecode that would be stale, Ovenbird's own store, environments of this machine
DROPPED = frozenset((".git", "__pycache__", ".ovenbird", ".venv"))
# never at the root of a tree: the completed document is baked by itself, and this one changes when an image's name is
# written back to it
DOCUMENTS = frozenset(NAMES)
DEPTH = 200  # folders in folders; a thousand would overflow the stack of whoever walks the tree
_WHITEOUT = ".wh."  # in a layer, a file of this prefix deletes another one
_DRIVE = re.compile(r"[A-Za-z]:")


def check(path: str, origin: str) -> None:
    """Refuse a relative path that a layer cannot hold. Errors: UnsafeSourceError; `origin` names the source."""
    problem = _problem(path)
    if problem:
        raise UnsafeSourceError(f"{origin}: the name {path!a} {problem}", hint="rename it, or leave it out")


def check_member(name: str, origin: str) -> str:
    """The path of an archive's member or an object below a prefix; one that leaves the folder is refused as well."""
    problem = ""
    if name.startswith("/") or _DRIVE.match(name):
        problem = "is absolute"
    elif "\\" in name:
        problem = "holds a backslash, which is a separator elsewhere"
    elif ".." in name.split("/"):
        problem = "leaves the folder"
    elif "" in name.split("/") or "." in name.split("/"):
        problem = "has an empty part"
    problem = problem or _problem(name)
    if problem:
        raise UnsafeSourceError(f"{origin}: the name {name!a} {problem}", hint="nothing was kept")
    return name


def _problem(path: str) -> str:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if any(unicodedata.category(char) == "Cc" for char in path):
        return "holds a control character"
    if size > 4000:
        return "is longer than 4000 bytes"
    if path.count("/") > DEPTH:
        return f"is more than {DEPTH} folders deep"
    for part in path.split("/"):
        if len(part.encode()) > 255:
            return "has a part of more than 255 bytes"
        if part.startswith(_WHITEOUT):
            return f"starts with {show_value(_WHITEOUT)}, which means a deletion in an image's layer"
    return ""
