"""Layers made without a container: a deterministic tar, compressed, kept by digest, found again by key.

A key is the digest of all that goes into a layer, known before any work; the same key gives the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import zstandard
from msgspec import Struct

from ..oci.media_types import LAYER

MTIME = 315532800  # 1980-01-01, the first day that a zip file can hold: layers do not change with the commit's time

COMPRESSIONS = {
    "zstd": (f"{LAYER}+zstd", f"zstd-3 {zstandard.__version__} {'.'.join(map(str, zstandard.ZSTD_VERSION))}"),
    "gzip": (f"{LAYER}+gzip", f"zlib-6 {zlib.ZLIB_RUNTIME_VERSION}"),
}


class WheelTarget(Protocol):
    """What a layer has to know of the interpreter it is for; `probe.TargetPython` is one."""

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
    """A fetched source; `sources.tree.SourceTree` is one."""

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


def make_scheme(target: WheelTarget) -> InstallScheme:
    """Return the target's own site-packages and what belongs to it."""
    return InstallScheme(target.purelib, target.platlib, target.scripts, target.data, target.include, target.executable)
