"""Where a symbolic link of a tree leads, step by step, without leaving the tree to find out."""

from __future__ import annotations

import os
from pathlib import Path

from ovenbird.common.text import show_value
from ovenbird.common.tree_names import describe_link

from ..errors import UnsafeSourceError


def check(root: Path, path: str, origin: str) -> None:
    """Refuse a link of the tree below `root` that leaves it or goes in a circle. A link to nothing is left alone."""
    target = os.readlink(root / path)  # noqa: PTH115  # the text as it is, not a Path made of it
    problem = describe_link(root, path)
    if problem:
        raise UnsafeSourceError(
            f"{origin}: the link {show_value(path)} -> {show_value(target)} {problem}",
            hint="put the files themselves there, or leave the link out with .ovenbirdignore",
        )
