"""The names of what an image says of itself, as labels of its config and as annotations of its manifest alike.

The OCI names where there is one, else ours. All values are text; digests are `sha256:<hex>`.
"""

from __future__ import annotations

_OCI = "org.opencontainers.image."
CREATED = _OCI + "created"  # RFC 3339, of the epoch
REVISION = _OCI + "revision"  # the full commit of the source
SOURCE = _OCI + "source"  # the URI of the source, without credentials
VERSION = _OCI + "version"
TITLE = _OCI + "title"  # the name of the function
LICENSES = _OCI + "licenses"
BASE_NAME = _OCI + "base.name"
BASE_DIGEST = _OCI + "base.digest"

PREFIX = "dev.ovenbird."
SOURCE_DIGEST = PREFIX + "source.digest"  # of the tree, whatever form it came in
LOCK_DIGEST = PREFIX + "lock.digest"
PYTHON = PREFIX + "python"  # "3.12.1"
SOABI = PREFIX + "soabi"  # "cpython-312-x86_64-linux-gnu"
LIBC = PREFIX + "libc"  # "glibc 2.36"
PURELIB = PREFIX + "purelib"  # where the layers of dependencies install to
PLATLIB = PREFIX + "platlib"
RUNTIME = PREFIX + "runtime"  # the version of Ovenbird in the image
RUNTIME_FROM = PREFIX + "runtime.from"  # "base" when the base brought it, "image" when the build added it
BASE_LAYERS = PREFIX + "base.layers"  # how many layers, from the bottom, are the base's
INSTRUCTIONS = PREFIX + "instructions"  # how many instructions ran while building

# what says whether layers made for one base fit another; a base may carry them, an image of ours does
INTERPRETER = (PYTHON, SOABI, LIBC, PURELIB, PLATLIB)
