"""Where a process keeps what it records: in DigitalHub Core, in a database, or in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping


def backend_name(platform: str, environ: Mapping[str, str]) -> str:
    """Return `core`, `postgres` or `local`.

    `auto` or an empty text means `postgres` where `OVENBIRD_STORE` is set, else `core` where `DHCORE_ENDPOINT` is.
    """
    if platform not in ("", "auto"):
        return platform
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
