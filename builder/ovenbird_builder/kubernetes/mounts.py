"""Where a volume may be mounted in a container: nowhere that hides the image, and no two at one path."""

from __future__ import annotations

import posixpath

# what hides or replaces a part of these keeps Python, the system or the runtime from starting
_TREES = ("/opt/ovenbird", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr/bin", "/usr/sbin", "/usr/lib",
          "/usr/lib32", "/usr/lib64", "/usr/local/bin", "/usr/local/lib", "/proc", "/sys", "/boot")  # fmt: skip
# these alone and what lies above them: a folder of one's own below is no harm
_FOLDERS = ("/shared", "/etc", "/dev")


def normalize_path(path: str) -> str:
    """Return an absolute path in its one form: `//usr/./lib/` is `/usr/lib`, as the container's engine reads it."""
    return posixpath.normpath("/" + path.lstrip("/"))


def find_hidden(path: str) -> str:
    """Return the part of the image that a mount at a normalised path would hide; empty if none."""
    if path == "/":
        return "the whole image"
    if path == "/shared":
        return "the function's source, which the image has there"
    for tree in _TREES:
        if _is_below(path, tree) or _is_below(tree, path):
            return f"{tree}, which the image needs"
    return next((f"{folder}, which the image needs" for folder in _FOLDERS if _is_below(folder, path)), "")


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
