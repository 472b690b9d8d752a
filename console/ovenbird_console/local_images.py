"""Images of functions in the local store of this machine: asked of podman."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

_LABEL = "dev.ovenbird.source.digest"  # what every image of a function has
_TITLE = "org.opencontainers.image.title"
_LIMIT = 30.0  # seconds that podman may take


class LocalImage(NamedTuple):
    """An image: one of its names, the function, its size in bytes, when it was made, its id."""

    name: str
    function: str
    size: int
    created: str
    id: str


def list_images(environ: Mapping[str, str]) -> list[LocalImage] | None:
    """Return the images of functions, newest first; None where there is no podman. Errors: OvenbirdError."""
    if shutil.which("podman", path=environ.get("PATH")) is None:
        return None
    rows = json.loads(_run(["podman", "images", "--filter", f"label={_LABEL}", "--format", "json"], environ) or "[]")
    return [_read_row(row) for row in rows or []]


def _read_row(row: Mapping[str, Any]) -> LocalImage:
    labels = row.get("Labels") or {}
    moment = datetime.fromtimestamp(int(row.get("Created") or 0), timezone.utc).isoformat()
    name = next(iter(row.get("Names") or ()), "")
    return LocalImage(name, str(labels.get(_TITLE, "")), int(row.get("Size") or 0), moment, str(row.get("Id", "")))


def _run(words: list[str], environ: Mapping[str, str]) -> str:
    """Return what a program prints. Errors: OvenbirdError."""
    try:
        process = subprocess.run(  # noqa: S603  # fixed words
            words, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OvenbirdError(f"{words[0]} cannot be asked: {error}") from None
    if process.returncode:
        last = process.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OvenbirdError(f"{words[0]} ended with status {process.returncode}: {show_value(last)}")
    return process.stdout.decode("utf-8", "replace")
