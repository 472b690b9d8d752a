"""The files that a record names, checked before one is read or removed.

Records are written by others too: by other users of a platform, by whoever can write the store's file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...common.redact import redact_url
from ...common.text import show_value
from ...errors import InputError
from .schemes import get_local_path, get_scheme, is_folder_url


def folder_of(url: str) -> str:
    """Return the folder, with a `/` at its end, that the names in `status.files` are relative to."""
    return url if is_folder_url(url) else url.rpartition("/")[0] + "/"


def check_member(name: object, where: str) -> str:
    """Return a name of `status.files` that stays below its folder. Errors: InputError for any other."""
    if not isinstance(name, str) or "\0" in name or not name or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise InputError(
            f"{where}: the file name {show_value(name)} leaves the folder", hint="the record cannot be trusted"
        )
    return name


def check_inside(base: Path, path: Path) -> Path:
    """Return a path below the folder `base` that no link leads out of it. Errors: InputError.

    This holds for a link at its end too.
    """
    resolved, root = Path(os.path.realpath(path)), Path(os.path.realpath(base))
    if root not in resolved.parents:
        raise InputError(f"{path} leads to {resolved}, outside of {root}", hint="the record cannot be trusted")
    return path


def check_removable(url: str, roots: Sequence[str], parts: Sequence[str]) -> None:
    """Raise InputError unless the folder of `url` is one that files of an entity are stored in.

    That is a folder below one of `roots`, or one that ends in `parts`: project, type, name and id, as every store of
    files is laid out. Files elsewhere belong to somebody else.
    """
    folder = folder_of(url).rstrip("/")
    if get_scheme(url):
        inside = ".." not in folder.split("/")
    else:
        folder = os.path.realpath(get_local_path(folder))
        roots = [os.path.realpath(root) for root in roots if "://" not in root]
        inside = True
    if inside and (
        any(root and folder.startswith(root.rstrip("/") + "/") for root in roots)
        or folder.split("/")[-len(parts) :] == list(parts)
    ):
        return
    raise InputError(
        f"{redact_url(url)}: its files are not removed, as they lie in no store of files",
        hint="`--keep-files` forgets the entry and leaves them; `DHCORE_DEFAULT_FILES_STORE` names a store",
    )


def list_names(record: Mapping[str, Any]) -> list[str]:
    """Return the names in `status.files`, relative to the folder of `spec.path`. Errors: InputError."""
    infos, path = record["status"].get("files") or [], record["spec"].get("path")
    if not infos:
        return []
    if not isinstance(path, str) or not path or "\0" in path:
        raise InputError(f"{record['key']}: `spec.path` is {show_value(path)}", hint="the record cannot be trusted")
    if not isinstance(infos, list) or not all(isinstance(info, dict) for info in infos):
        raise InputError(f"{record['key']}: `status.files` is {show_value(infos)}", hint="the record cannot be trusted")
    return [check_member(info.get("path"), str(record["key"])) for info in infos]


def check_names(url: str, names: Sequence[str]) -> str:
    """Return the folder that the files `names` of `url` lie in. Errors: InputError when one leads out of it."""
    base = folder_of(url)
    for name in names:
        check_member(name, redact_url(url))
        if not get_scheme(url) and "/" in name:  # a link at the very end is removed itself, not what it leads to
            check_inside(get_local_path(base), (get_local_path(base) / name).parent)
    return base
