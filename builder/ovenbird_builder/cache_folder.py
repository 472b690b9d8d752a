"""Where the builder's cache lies: one rule for every verb."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ovenbird.common.named_paths import exists, is_folder, is_name
from ovenbird.common.text import show_value
from ovenbird.common.user_folders import expand_home, find_cache_folder

from .errors import SpecError

VARIABLE = "OVENBIRD_CACHE_DIR"


def find_cache(flag: str, environ: Mapping[str, str]) -> Path:
    """Return the absolute path of the cache: the flag, `OVENBIRD_CACHE_DIR`, else `ovenbird` in the cache folder.

    The cache folder is `$XDG_CACHE_HOME`, or `~/.cache`.
    Errors: SpecError where none of these is known, or where it is no folder.
    """
    text = flag or environ.get(VARIABLE, "")
    folder = expand_home(text, environ) if text else find_cache_folder(environ)
    if folder is None:
        raise SpecError(
            "no folder is known for the cache: HOME and XDG_CACHE_HOME are not set, and the user has no home",
            hint=f"--cache-dir DIR, or {VARIABLE}",
        )
    path = folder.absolute() if text else folder / "ovenbird"
    if not is_folder(path) and (exists(path) or not is_name(path)):
        raise SpecError(f"--cache-dir: {show_value(str(path))} is not a folder")
    return path
