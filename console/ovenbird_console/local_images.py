"""Images of functions in the local store of this machine: asked of podman."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

_LABEL = "dev.ovenbird.source.digest"  # what every image of a function has
_TITLE = "org.opencontainers.image.title"
_UNDATED = 315532800  # 1980: a build without a commit dates its image so or before, to be the same each time
_LIMIT = 30.0  # seconds that podman may take


class LocalImage(NamedTuple):
    """An image: one of its names, the function, its size in bytes, when it was made (empty: it is undated), its id."""

    name: str
    function: str
    size: int
    created: str
    id: str

    @property
    def place(self) -> str:
        """Return the name by which it is read here, and not in the registry that its name may say."""
        return f"containers-storage:{self.name}"

    @property
    def usual_name(self) -> str:
        """Return what the page calls the image of this function."""
        return make_image_name(self.function)


def make_image_name(function: str) -> str:
    """Return the name that the page gives to the image of a function: `localhost/NAME:latest`."""
    name = re.sub(r"[^a-z0-9]+", "-", function.lower()).strip("-") or "function"
    return f"localhost/{name}:latest"


def list_images(environ: Mapping[str, str]) -> list[LocalImage] | None:
    """Return the images of functions, newest first; None where there is no podman. Errors: OvenbirdError."""
    if shutil.which("podman", path=environ.get("PATH")) is None:
        return None
    rows = json.loads(_run(["podman", "images", "--filter", f"label={_LABEL}", "--format", "json"], environ) or "[]")
    return [_read_row(row) for row in rows or []]


def _read_row(row: Mapping[str, Any]) -> LocalImage:
    labels = row.get("Labels") or {}
    seconds = int(row.get("Created") or 0)
    moment = datetime.fromtimestamp(seconds, timezone.utc).isoformat() if seconds > _UNDATED else ""
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
