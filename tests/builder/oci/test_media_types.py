from __future__ import annotations

import pytest

from ovenbird_builder.oci.media_types import to_oci_layer

DOCKER, OCI = "application/vnd.docker.image.rootfs", "application/vnd.oci.image.layer"


@pytest.mark.parametrize(
    ("media_type", "oci"),
    [
        (f"{DOCKER}.diff.tar", f"{OCI}.v1.tar"),
        (f"{DOCKER}.diff.tar.gzip", f"{OCI}.v1.tar+gzip"),
        (f"{DOCKER}.diff.tar.zstd", f"{OCI}.v1.tar+zstd"),
        (f"{DOCKER}.foreign.diff.tar", f"{OCI}.nondistributable.v1.tar"),
        (f"{DOCKER}.foreign.diff.tar.gzip", f"{OCI}.nondistributable.v1.tar+gzip"),
        (f"{OCI}.v1.tar+zstd", f"{OCI}.v1.tar+zstd"),
        ("application/x-of-another", "application/x-of-another"),
        ("", ""),
    ],
)
def test_layers_have_names_of_oci(media_type: str, oci: str) -> None:
    """Our images are in OCI format, whatever the base's; a build and a rebase agree."""
    assert to_oci_layer(media_type) == oci
