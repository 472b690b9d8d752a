"""Which paths may be below a folder that strangers fill: those that stay below it and that any system can hold."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

DEPTH = 200  # folders in folders; a thousand would overflow the stack of code that walks the tree
_PATH, _PART = 4000, 255  # bytes
_DRIVE = re.compile(r"[A-Za-z]:")
_LINKS = 255  # as many links in a row as any real tree has, and more than the kernel follows


def describe_problem(name: str) -> str:
    """Return the problem of the path of an archive's member or of an object below a prefix; empty if it is safe."""
    if name.startswith("/") or _DRIVE.match(name):
        return "is absolute"
    if "\\" in name:
        return "holds a backslash, which is a separator elsewhere"
    if ".." in name.split("/"):
        return "leaves the folder"
    if "" in name.split("/") or "." in name.split("/"):
        return "has an empty part"
    return describe_limit(name)


def describe_limit(path: str) -> str:
    """Return why a relative path cannot be stored, or nothing."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if any(unicodedata.category(char) == "Cc" for char in path):
        return "holds a control character"
    if size > _PATH:
        return f"is longer than {_PATH} bytes"
    if path.count("/") > DEPTH:
        return f"is more than {DEPTH} folders deep"
    if any(len(part.encode()) > _PART for part in path.split("/")):
        return f"has a part of more than {_PART} bytes"
    return ""


def describe_link(root: Path, path: str) -> str:
    """Return the problem of the link at `path` below `root`; empty if it stays below `root`, however it is followed.

    A link to nothing is left alone. The tree is not left to find out.
    """
    todo = path.split("/")[::-1]
    parts: list[str] = []
    steps = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return "leads out of the source"
            parts.pop()
            continue
        link = root.joinpath(*parts, part)
        if not link.is_symlink():
            parts.append(part)
            continue
        steps += 1
        target = os.readlink(link)  # noqa: PTH115  # the text as it is, not a Path made of it
        if target.startswith("/"):
            return "is absolute, and means another place in the image"
        if steps > _LINKS:
            return "goes in a circle"
        todo.extend(target.split("/")[::-1])
    return ""
