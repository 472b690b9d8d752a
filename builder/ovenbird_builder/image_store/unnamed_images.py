"""Images without a name that builds have left in the local store: a build takes the name of the one before it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct

from ..containers import buildah
from ..errors import ProgramMissingError
from ..host import process
from ..oci import label_names


class UnnamedImage(Struct, frozen=True):
    """An image of ours that no name leads to: its id."""

    id: str


def list_unnamed(environ: Mapping[str, str]) -> tuple[UnnamedImage, ...]:
    """Return the images of functions that have no name; none where there is no engine, or its store cannot be read."""
    try:
        result = process.run(buildah.unnamed_images(label_names.SOURCE_DIGEST), env=environ, check=False)
    except ProgramMissingError:
        return ()
    if result.returncode:
        return ()
    rows = json.loads(result.stdout or "[]") or []
    return tuple(UnnamedImage(str(row["id"])) for row in rows if row.get("id"))


def remove_unnamed(images: tuple[UnnamedImage, ...], environ: Mapping[str, str]) -> tuple[UnnamedImage, ...]:
    """Remove images from the store; those that are gone. One that a container uses stays."""
    return tuple(
        image
        for image in images
        if process.run(buildah.remove_image(image.id), env=environ, check=False).returncode == 0
    )
