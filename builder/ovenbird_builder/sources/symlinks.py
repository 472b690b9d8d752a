"""Where a symbolic link of a tree leads, step by step, without leaving the tree to find out."""

from __future__ import annotations

import os
from pathlib import Path

from ovenbird.common.text import show_value
from ovenbird.common.tree_names import describe_link

from ..errors import UnsafeSourceError


def check_link(root: Path, path: str, origin: str) -> None:
    """Refuse a path below `root` that a link leads out of it, or in a circle. A link to nothing is left alone.

    Errors: UnsafeSourceError.
    """
    problem = describe_link(root, path)
    if problem:
        link = root / path
        # the text as it is, not a Path made of it; a link above the path may be the one
        target = f" -> {show_value(os.readlink(link))}" if link.is_symlink() else ""  # noqa: PTH115
        raise UnsafeSourceError(
            f"{origin}: the link {show_value(path)}{target} {problem}",
            hint="put the files themselves there, or leave the link out with `.ovenbirdignore`",
        )
