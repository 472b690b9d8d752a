"""Where the builder's cache lies: one rule for every verb."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from ovenbird.common.named_paths import exists, is_folder, is_name
from ovenbird.common.text import show_value
from ovenbird.common.user_folders import expand_home, find_cache_folder

from ..errors import BuildRequestError

_DRAFT = "build-"  # how the folder of one build begins, in `tmp` (host/tempdirs.py)
VARIABLE = "OVENBIRD_CACHE_DIR"
_PROJECT = (".git", "function.yaml", "function.yml", "pyproject.toml")  # what a folder with code in it has at its top


def find_cache(flag: str, environ: Mapping[str, str]) -> Path:
    """Return the absolute path of the cache: the flag, `OVENBIRD_CACHE_DIR`, else `ovenbird` in the cache folder.

    The cache folder is `$XDG_CACHE_HOME`, or `~/.cache`.
    Errors: BuildRequestError where none of these is known, where it is no folder, or where it is that of a project: all
    of a cache is marked as one, and is no source then.
    """
    text = flag or environ.get(VARIABLE, "")
    folder = expand_home(text, environ) if text else find_cache_folder(environ)
    if folder is None:
        raise BuildRequestError(
            "no folder is known for the cache: `HOME` and `XDG_CACHE_HOME` are not set, and the user has no home",
            hint=f"`--cache-dir DIR`, or {VARIABLE}",
        )
    path = folder.absolute() if text else folder / "ovenbird"
    if not is_folder(path) and (exists(path) or not is_name(path)):
        raise BuildRequestError(f"{'--cache-dir' if text else 'the cache'}: {show_value(str(path))} is not a folder")
    if ":" in str(path):  # skopeo and buildah take it for the end of a path
        raise BuildRequestError(
            f"{'--cache-dir' if text else 'the cache'}: {show_value(str(path))} holds a colon, which begins a tag"
            " where an image is named",
            hint="`--cache-dir DIR` names another folder",
        )
    mark = next((name for name in _PROJECT if os.path.lexists(path / name)), "") or next(
        (name for name in _list_names(path) if name.endswith(".py")), ""
    )
    if mark:
        raise _project_error(path, f"holds {mark}, so it is a project")
    return path


def check_holds_cache(cache: Path) -> None:
    """Refuse a folder with files that is no cache: none of them may be listed or pruned. Errors: BuildRequestError."""
    names = _list_names(cache)
    if "CACHEDIR.TAG" not in names and any(name != "lost+found" for name in names):
        raise BuildRequestError(
            f"--cache-dir: {show_value(str(cache))} is a folder with other files, and no cache of the builder",
            hint="`ovenbird cache info` without the flag says where the cache is",
        )


def _list_names(folder: Path) -> list[str]:
    """Return the names in a folder; none where it is not there, or may not be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def check_apart(cache: Path, folders: Iterable[Path]) -> None:
    """Refuse a cache that is, or contains, one of the folders of a function. Errors: BuildRequestError."""
    root = Path(os.path.realpath(cache))  # which a circle of links does not end
    for folder in folders:
        real = Path(os.path.realpath(folder))
        # what is taken from a bundle lies in a draft of the cache
        is_draft = any(path.parent == root / "tmp" and path.name.startswith(_DRAFT) for path in (real, *real.parents))
        if real == root or (root in real.parents and not is_draft):
            verb = "is" if real == root else "contains"
            raise _project_error(cache, f"{verb} the folder of the function, {show_value(str(folder))}")


def _project_error(cache: Path, why: str) -> BuildRequestError:
    return BuildRequestError(
        f"--cache-dir: {show_value(str(cache))} {why}; a cache is marked as such, and would not be packed",
        hint=f"a folder of its own: `--cache-dir {shlex.quote(str(cache / '.ovenbird-cache'))}`",
    )
