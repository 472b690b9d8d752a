"""Layers made without a container: a deterministic tar, compressed, kept by digest, found again by key.

A key is the digest of all that goes into a layer, known before any work; the same key gives the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import zstandard
from msgspec import Struct

from ovenbird.common.hashing import digest_bytes

from ..host.canonical_json import encode_json_ascii
from ..oci.media_types import LAYER

FORMAT = 1  # part of every key: raised whenever the same inputs give other bytes
MTIME = 315532800  # 1980-01-01, the first day that a zip file can hold: layers do not change with the commit's time

COMPRESSIONS = {
    "zstd": (f"{LAYER}+zstd", f"zstd-3 {zstandard.__version__} {'.'.join(map(str, zstandard.ZSTD_VERSION))}"),
    "gzip": (f"{LAYER}+gzip", f"zlib-6 {zlib.ZLIB_RUNTIME_VERSION}"),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in the cache: compressed blob `digest` of `size` bytes, whose tar has the digest `diff_id`.

    `name` is for people ("numpy 2.1.0", "source"). `cached` tells that nothing had to be made, `seconds` what it took.
    """

    key: str
    digest: str
    diff_id: str
    size: int
    media_type: str
    name: str
    cached: bool = field(default=False, compare=False)
    seconds: float = field(default=0.0, compare=False)


class WheelTarget(Protocol):
    """What a layer has to know of the interpreter it is for; `probe.Interpreter` is one."""

    @property
    def version(self) -> str: ...
    @property
    def executable(self) -> str: ...
    @property
    def purelib(self) -> str: ...
    @property
    def platlib(self) -> str: ...
    @property
    def scripts(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def include(self) -> str: ...
    @property
    def soabi(self) -> str: ...
    @property
    def magic(self) -> str: ...
    @property
    def distributions(self) -> Mapping[str, str]: ...


class WheelPackage(Protocol):
    """A wheel at hand, its digest (hex) already checked; `wheels.Wheel` is one."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def sha256(self) -> str: ...


class SourceTree(Protocol):
    """A fetched source; `sources.Tree` is one."""

    @property
    def path(self) -> Path: ...
    @property
    def digest(self) -> str: ...


class InstallScheme(Struct, frozen=True):
    """Where an installation goes in the image, as absolute paths, and the interpreter that its scripts call."""

    purelib: str
    platlib: str
    scripts: str
    data: str
    include: str
    executable: str


def scheme(target: WheelTarget) -> InstallScheme:
    """The target's own site-packages and what belongs to it."""
    return InstallScheme(target.purelib, target.platlib, target.scripts, target.data, target.include, target.executable)


def key(kind: str, **inputs: Any) -> str:
    """The key of what `inputs` give, as `sha256:<hex>`; they are anything that JSON can hold, without floats."""
    return digest_bytes(encode_json_ascii({"kind": kind, "format": FORMAT, **inputs}))
