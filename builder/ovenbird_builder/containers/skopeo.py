"""One small function per verb of skopeo: arguments in, argv out. Nothing is run here, and no argv holds a password."""

from __future__ import annotations

Argv = tuple[str, ...]


def copy(
    source: str,
    destination: str,
    *,
    source_blobs: str = "",
    destination_blobs: str = "",
    authfile: str = "",
    insecure: str = "",
    keep_digests: bool = True,
    platform: tuple[str, str] | None = None,
    everything: bool = False,
    uncompressed: bool = False,
) -> Argv:
    """Copy an image, given as `transport:details`, to another place.

    `source_blobs`, `destination_blobs`: the blob folder that an `oci:` side shares. `insecure`: the side, `src` or
    `dest`, whose registry may speak plain HTTP. `platform`: (system, architecture) to take from an index.
    `everything`: all images of an index. `uncompressed`: do not compress layers on the way into a layout.
    """
    flags = [f"--src-shared-blob-dir={source_blobs}"] if source_blobs else []
    flags += [f"--dest-shared-blob-dir={destination_blobs}"] if destination_blobs else []
    flags += [f"--authfile={authfile}"] if authfile else []
    flags += [f"--{insecure}-tls-verify=false"] if insecure else []
    flags += ["--preserve-digests"] if keep_digests else []
    flags += ["--all"] if everything else []
    flags += ["--dest-oci-accept-uncompressed-layers"] if uncompressed else []
    return ("skopeo", *_override(platform), "copy", "--quiet", *flags, "--", source, destination)


def manifest(
    image: str, *, authfile: str = "", insecure: bool = False, platform: tuple[str, str] | None = None
) -> Argv:
    """Print an image's manifest, byte for byte as it is stored: its digest is the image's."""
    flags = [f"--authfile={authfile}"] if authfile else []
    flags += ["--tls-verify=false"] if insecure else []
    return ("skopeo", *_override(platform), "inspect", "--raw", *flags, "--", image)


def _override(platform: tuple[str, str] | None) -> Argv:
    return (f"--override-os={platform[0]}", f"--override-arch={platform[1]}") if platform else ()
