"""Where a process keeps what it records: in DigitalHub Core, in a database, or in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..common.text import show_value
from ..errors import SettingsError

LINK_HINT = "mount the disk that it leads to, or make that folder; `OVENBIRD_HOME` names another"
_BACKENDS = ("core", "postgres", "local")


def backend_name(platform: str, environ: Mapping[str, str]) -> str:
    """Return `core`, `postgres` or `local`, as the text of `OVENBIRD_PLATFORM` says. Errors: SettingsError.

    `auto` or an empty text means `postgres` where `OVENBIRD_STORE` is set, else `core` where `DHCORE_ENDPOINT` is.
    """
    if platform in _BACKENDS:
        return platform
    if platform not in ("", "auto"):
        expected = ", ".join(("auto", *_BACKENDS))
        raise SettingsError(f"OVENBIRD_PLATFORM: expected one of {expected}, found {show_value(platform)}")
    if environ.get("OVENBIRD_STORE"):
        return "postgres"
    return "core" if environ.get("DHCORE_ENDPOINT") else "local"


def data_dir(environ: Mapping[str, str]) -> str:
    """Return the folder of the local store: `OVENBIRD_HOME`, else `.ovenbird` in the current folder.

    Where that cannot be written, it is `OVENBIRD_SPARE_HOME`, if that is set.
    """
    folder_name, spare = environ.get("OVENBIRD_HOME") or ".ovenbird", environ.get("OVENBIRD_SPARE_HOME")
    if not spare or environ.get("OVENBIRD_HOME"):
        return folder_name
    folder = folder_name if os.path.isdir(folder_name) else "."  # noqa: PTH112  # pathlib's raises where it may not be entered
    return folder_name if os.access(folder, os.W_OK) else spare
