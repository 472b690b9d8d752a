"""One small function per verb of skopeo: arguments in, argv out. Nothing is run here, and no argv holds a password."""

from __future__ import annotations

from msgspec import Struct

Argv = tuple[str, ...]


class CopyOptions(Struct, frozen=True, kw_only=True):
    """How an image is copied.

    `source_blobs`, `destination_blobs`: the blob folder that an `oci:` side shares. `insecure`: the side, `src` or
    `dest`, whose registry may speak plain HTTP. `platform`: (system, architecture) to take from an index.
    `everything`: all images of an index. `uncompressed`: do not compress layers on the way into a layout.
    """

    source_blobs: str = ""
    destination_blobs: str = ""
    authfile: str = ""
    insecure: str = ""
    keep_digests: bool = True
    platform: tuple[str, str] | None = None
    everything: bool = False
    uncompressed: bool = False


def copy(source: str, destination: str, options: CopyOptions) -> Argv:
    """Copy an image, given as `transport:details`, to another place."""
    flags = [f"--src-shared-blob-dir={options.source_blobs}"] if options.source_blobs else []
    flags += [f"--dest-shared-blob-dir={options.destination_blobs}"] if options.destination_blobs else []
    flags += [f"--authfile={options.authfile}"] if options.authfile else []
    flags += [f"--{options.insecure}-tls-verify=false"] if options.insecure else []
    flags += ["--preserve-digests"] if options.keep_digests else []
    flags += ["--all"] if options.everything else []
    flags += ["--dest-oci-accept-uncompressed-layers"] if options.uncompressed else []
    return ("skopeo", *_override(options.platform), "copy", "--quiet", *flags, "--", source, destination)


def manifest(
    image: str, *, authfile: str = "", insecure: bool = False, platform: tuple[str, str] | None = None
) -> Argv:
    """Print an image's manifest, byte for byte as it is stored: its digest is the image's."""
    flags = [f"--authfile={authfile}"] if authfile else []
    flags += ["--tls-verify=false"] if insecure else []
    return ("skopeo", *_override(platform), "inspect", "--raw", *flags, "--", image)


def _override(platform: tuple[str, str] | None) -> Argv:
    return (f"--override-os={platform[0]}", f"--override-arch={platform[1]}") if platform else ()
