"""Find a function that a file certainly does not define, before anything is imported."""

from __future__ import annotations

from ..common.did_you_mean import suggest_names
from ..common.named_paths import is_file
from ..common.text import show_value
from ..errors import AttributeMissingError
from .target import DEFAULT_ATTRIBUTE, Target


def refuse_undefined(target: Target) -> None:
    """Raise AttributeMissingError for a function that the target's file certainly does not define.

    A file that is not there, that does not parse or that may bind names in other ways is left to its import, and so is
    a package, of which any module may be an attribute.
    """
    path = target.root.joinpath(*target.module.split(".")).with_suffix(".py")
    if not is_file(path):
        return
    from ..common.module_scan import scan  # most targets are named on the command line, which imports them at once

    try:
        text = path.read_bytes()
        scanned = scan(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    name = target.attribute.partition(".")[0]
    if scanned.names is None or name in scanned.names:
        return
    if name == DEFAULT_ATTRIBUTE and (scanned.is_decorated or b"ovenbird" in text):
        return  # a decorated function stands for it
    raise AttributeMissingError(
        f"{show_value(str(path))} does not define {show_value(name)}",
        hint=suggest_names(name, scanned.definitions or scanned.names) or "nothing in it can be called",
    )
