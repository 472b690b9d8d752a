"""What is known of an image and of its last build, for a page that shows it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from ovenbird.errors import OvenbirdError

from .. import inspect_image
from ..attestations.find_sbom import find_bill, make_bill
from ..build.last_build import recall_result
from ..cache.folder import find_cache
from ..cache.layer_cache import LayerCache
from ..host.network import read_network_settings
from ..image_reader import ImageReader
from ..image_reader.resolve import ImageAccess, resolve_image
from ..oci.reference import parse_reference


def read_facts(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `ovenbird inspect` prints of an image. Errors: those of `resolve_image`."""
    return inspect_image.inspect(_open(name, environ))


def read_layers(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return digest, size and layers of an image: its manifest alone is read. Errors: those of `resolve_image`."""
    image = _open(name, environ)
    layers = inspect_image.list_layers(image)
    return {"digest": image.digest, "size": sum(layer["size"] for layer in layers), "layers": layers}


def list_packages(name: str, environ: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Return the components of an image's bill of materials as CycloneDX has them, by name.

    None for an image of a registry without a bill: to find its packages would fetch all of it.
    Errors: those of `resolve_image`; ImageError for an image of others.
    """
    image = _open(name, environ)
    bill = find_bill(image)
    if bill is None and image.repository is not None:
        return None
    components = json.loads(bill or make_bill(image)).get("components")
    return sort_components(components)


def sort_components(components: Any) -> list[dict[str, Any]]:
    """Return the components of a bill by name; what is no object, in a bill of others, is left out."""
    rows = [row for row in components if isinstance(row, dict)] if isinstance(components, list) else []
    return sorted(rows, key=lambda row: str(row.get("name", "")).lower())


def recall_build(name: str, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what the cache knows of the last build of an image's name; None where it knows none."""
    with contextlib.suppress(OvenbirdError):
        folder, tag = find_cache("", environ), parse_reference(name)
        if folder.is_dir():
            with contextlib.closing(LayerCache(folder)) as cache:
                return recall_result(cache, tag)
    return None


def _open(name: str, environ: Mapping[str, str]) -> ImageReader:
    return resolve_image(name, ImageAccess(environ, read_network_settings("", environ)))
