"""The names of what an image says of itself, as labels of its config and as annotations of its manifest alike.

The OCI names where there is one, else ours. All values are text; digests are `sha256:<hex>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ovenbird.common.text import show_value

from ..errors import BuildRequestError

_OCI = "org.opencontainers.image."
CREATED = _OCI + "created"  # RFC 3339, of the epoch
REVISION = _OCI + "revision"  # the full commit of the source; `-dirty` behind it where the files are not the commit's
SOURCE = _OCI + "source"  # the URI of the source, without credentials
VERSION = _OCI + "version"
TITLE = _OCI + "title"  # the name of the function
BASE_TITLE = "Ovenbird base"  # how the title of each of our bases begins
LICENSES = _OCI + "licenses"
DESCRIPTION = _OCI + "description"
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
SLIM_FILES = PREFIX + "slim.files"  # how many files of packages `--slim` has left out
SLIM_BYTES = PREFIX + "slim.bytes"
INSTRUCTIONS = PREFIX + "instructions"  # how many instructions ran while building

# what a label of these prefixes says is true of one image alone, and of none that is built on it
OF_AN_IMAGE = (_OCI, "org.label-schema.")
# what says whether layers made for one base fit another; a base may carry them, an image of ours does
INTERPRETER = (PYTHON, SOABI, LIBC, PURELIB, PLATLIB)

# what a build finds out by itself, and a flag would only make wrong
_COMPUTED = (PREFIX, _OCI + "base.")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}")


def parse_pairs(flag: str, texts: Sequence[str]) -> dict[str, str]:
    """Return names and values from `NAME=VALUE`; of one name the last value counts. Errors: BuildRequestError."""
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise BuildRequestError(
                f"{flag}: expected `NAME=VALUE`, found {show_value(text)}",
                hint=f"`{flag} org.opencontainers.image.vendor=ACME`",
            )
        if name.startswith(_COMPUTED):
            raise BuildRequestError(
                f"{flag}: {show_value(name)} is set by the build itself", hint="choose another name"
            )
        if "\0" in value:
            raise BuildRequestError(f"{flag}: the value of {show_value(name)} holds a NUL character")
        pairs[name] = value
    return pairs
