"""The bill of materials of an existing image: the one attached in its registry, else one made from its files."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable

from ovenbird.common.text import show_value

from ..errors import ImageError
from ..image_reader import ImageReader, layer_files
from ..oci import label_names
from . import referrers, sbom
from .image_packages import BaseComponent, ImageComponents, ImagePackage, parse_metadata


def find_bill(image: ImageReader) -> bytes | None:
    """Return the bill of materials attached to an image in its registry, None if there is none that can be read."""
    if image.repository is None:
        return None
    for descriptor in referrers.list_referrers(image.repository, image.digest):
        if descriptor.get("artifactType") == sbom.MEDIA_TYPE:
            data = referrers.read_statement(image.repository, descriptor)
            if _is_bill(data):
                return data
    return None


def _is_bill(data: bytes) -> bool:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("bomFormat") == "CycloneDX"


def make_bill(image: ImageReader) -> bytes:
    """Return a bill of the distributions whose metadata lies in an image's layers, without digests of their wheels.

    Errors: ImageError for an image that does not say what base it stands on; those of the image's place.
    """
    labels = image.labels
    if label_names.BASE_NAME not in labels or label_names.BASE_DIGEST not in labels:
        raise ImageError(
            f"{show_value(image.name)} is not an image of Ovenbird, and has no bill of materials attached",
            hint="a scanner such as syft or trivy reads images of others",
        )
    packages: dict[str, ImagePackage] = {}
    files = layer_files.read_matching_files(image, "*.dist-info/METADATA")
    for data in files.values():
        with contextlib.suppress(KeyError):  # without a name: it describes nothing
            package = parse_metadata(data)
            packages[package.name] = package
    runtime = packages.pop("ovenbird", None)
    base = BaseComponent(
        labels[label_names.BASE_NAME], labels[label_names.BASE_DIGEST], _find_python(image, files), image.platform[1]
    )
    components = ImageComponents(
        name=labels.get(label_names.TITLE, image.name),
        version=labels.get(label_names.REVISION) or labels.get(label_names.SOURCE_DIGEST, ""),
        packages=[packages[name] for name in sorted(packages)], base=base,
        runtime=runtime.version if runtime else labels.get(label_names.RUNTIME, ""),
    )  # fmt: skip
    return sbom.build_sbom(components)


def read_python(image: ImageReader) -> str:
    """Return the version of an image's Python as its label or its environment has it, or ""."""
    env = (row.partition("=") for row in (image.config.get("config") or {}).get("Env") or ())
    return image.labels.get(label_names.PYTHON) or next(
        (value for name, _, value in env if name == "PYTHON_VERSION"), ""
    )


def _find_python(image: ImageReader, paths: Iterable[str]) -> str:
    folders = (re.search(r"/python(3\.[0-9]+)/", path) for path in paths)
    return read_python(image) or next((folder[1] for folder in folders if folder), "3")
