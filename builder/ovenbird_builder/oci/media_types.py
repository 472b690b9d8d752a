"""The media types of images: those of the OCI image specification, and Docker's that mean the same.

Spec: https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md
"""

from __future__ import annotations

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"  # of an artifact's config: the object `{}`
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS = (MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST)  # what a registry may answer when asked for an image
LISTS = (INDEX, DOCKER_LIST)  # of images for several platforms
_DOCKER_LAYER = "application/vnd.docker.image.rootfs."
_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_LAYERS = {
    f"{_DOCKER_LAYER}diff.tar": LAYER,
    f"{_DOCKER_LAYER}diff.tar.gzip": f"{LAYER}+gzip",
    f"{_DOCKER_LAYER}diff.tar.zstd": f"{LAYER}+zstd",
    f"{_DOCKER_LAYER}foreign.diff.tar": _FOREIGN_LAYER,
    f"{_DOCKER_LAYER}foreign.diff.tar.gzip": f"{_FOREIGN_LAYER}+gzip",
}


def to_oci_layer(media_type: str) -> str:
    """Return the OCI name of a layer's media type; what is not one of Docker's comes back as it is."""
    return _LAYERS.get(media_type, media_type)
