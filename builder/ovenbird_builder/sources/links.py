"""Where a symbolic link of a tree leads, step by step, without ever leaving the tree to find out."""

from __future__ import annotations

import os
from pathlib import Path

from ovenbird.common.text import show_value

from ..errors import UnsafeSourceError

_STEPS = 255  # as many links in a row as any real tree has, and more than the kernel follows


def check(root: Path, path: str, origin: str) -> None:
    """Refuse a link of the tree below `root` that leaves it or goes in a circle. A link to nothing is left alone."""
    target = os.readlink(root / path)  # noqa: PTH115  # the text as it is, not a Path made of it
    problem = _follow(root, path)
    if problem:
        raise UnsafeSourceError(
            f"{origin}: the link {show_value(path)} -> {show_value(target)} {problem}",
            hint="put the files themselves there, or leave the link out with .ovenbirdignore",
        )


def _follow(root: Path, path: str) -> str:
    """What is wrong with a link, or nothing."""
    todo = path.split("/")[::-1]
    done: list[str] = []
    steps = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return "leads out of the source"
            done.pop()
            continue
        place = root.joinpath(*done, part)
        if not place.is_symlink():
            done.append(part)
            continue
        steps += 1
        target = os.readlink(place)  # noqa: PTH115  # as above
        if target.startswith("/"):
            return "is absolute, and means another place in the image"
        if steps > _STEPS:
            return "goes in a circle"
        todo.extend(target.split("/")[::-1])
    return ""
