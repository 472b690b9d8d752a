"""What an image is made of: the base, and wheels with what their METADATA says of licenses and requirements."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from packaging.markers import InvalidMarker, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ovenbird.common.text import show_value

from ..errors import HashError

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

_LONGEST = 100  # characters; a longer `License` is the text of one, not its name


# what `zipfile` raises for a file that is none, is damaged or encrypted; and for metadata without name and version
_BROKEN = (
    OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, NotImplementedError, RuntimeError,
    IndexError, KeyError,
)  # fmt: skip


class ImagePackage(Struct, frozen=True):
    """A distribution in an image. `licenses` are SPDX expressions or names; `requires` its Requires-Dist lines.

    `sha256` is that of its wheel, empty where only what was installed is known. `left_out` says how many of its files
    are not in the image, and how many bytes, with those of the symbols that libraries have lost.
    """

    name: str
    version: str
    sha256: str
    filename: str = ""
    url: str = ""
    summary: str = ""
    licenses: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    left_out: tuple[int, int] = (0, 0)

    @property
    def purl(self) -> str:
        """Return its package URL."""
        return format_purl(self.name, self.version)


class BaseComponent(Struct, frozen=True):
    """The image at the bottom: its reference without digest, its digest, its Python, and its architecture (OCI)."""

    name: str
    digest: str
    python: str
    architecture: str


class ImageComponents(Struct, frozen=True, kw_only=True):
    """What an image is made of, for its bill of materials.

    `name` is the function's, `version` the revision of its source, `runtime` the version of Ovenbird in the image,
    `runtime_packages` what was installed for that apart from the `packages` of the function, `requirements` the user's
    own, `environment` markers of the target beside those that `base` tells, `epoch` in seconds, `installed` name ->
    version of what the base brings: a package of that name above it takes its place. In a slim image some files of
    packages are left out.
    """

    name: str
    version: str
    packages: Sequence[ImagePackage]
    base: BaseComponent
    runtime: str
    runtime_packages: Sequence[ImagePackage] = ()
    requirements: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    epoch: int = 0
    installed: Mapping[str, str] = {}
    is_slim: bool = False


def format_purl(name: str, version: str) -> str:
    """Return the package URL of a distribution: of its normalised name and its version."""
    return f"pkg:pypi/{name}@{version.replace('+', '%2B').replace('!', '%21')}"


def read_package(path: Path, *, sha256: str, url: str = "") -> ImagePackage:
    """Return a wheel file as an ImagePackage. Errors: HashError when it is no wheel."""
    try:
        with zipfile.ZipFile(path) as archive:
            licenses = [
                name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
            ]
            return parse_metadata(archive.read(licenses[0]), sha256=sha256, filename=path.name, url=url)
    except _BROKEN as error:
        raise HashError(f"{show_value(path.name)} is not a wheel: it holds no readable `METADATA` ({error})") from None


def parse_metadata(data: bytes, *, sha256: str = "", filename: str = "", url: str = "") -> ImagePackage:
    """Return the content of a METADATA file as an ImagePackage. Errors: KeyError without name and version."""
    from packaging.metadata import parse_email  # and the email package: only where a bill is made anew

    raw, _ = parse_email(data)
    return ImagePackage(
        name=canonicalize_name(raw["name"]), version=raw["version"], sha256=sha256, filename=filename, url=url,
        summary=raw.get("summary", ""), licenses=_list_licenses(raw), requires=tuple(raw.get("requires_dist", ())),
    )  # fmt: skip


def build_graph(
    packages: Iterable[ImagePackage], requirements: Iterable[str], environment: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the needs of each package, by name; the key "" has the requirements, and what nothing else needs.

    `requirements` are the user's, whose extras count; `environment` the markers of the target.
    """
    by_name = {package.name: package for package in packages}
    extras: dict[str, set[str]] = {name: set() for name in by_name}
    edges: dict[str, set[str]] = {name: set() for name in by_name}
    edges[""] = set()
    todo = [("", line) for line in requirements] + [
        (name, line) for name, package in by_name.items() for line in package.requires
    ]
    while todo:  # an extra that turns up brings the lines of its package back
        origin, line = todo.pop()
        needed = _parse_needed(line, extras.get(origin, set()), environment)
        target = canonicalize_name(needed.name) if needed else ""
        if needed is None or target not in by_name:
            continue
        if target != origin:
            edges[origin].add(target)
        fresh = set(needed.extras) - extras[target]
        if fresh:
            extras[target] |= fresh
            todo += [(target, line) for line in by_name[target].requires]
    reached = {target for targets in edges.values() for target in targets}
    edges[""] |= set(by_name) - reached
    return {name: tuple(sorted(targets)) for name, targets in sorted(edges.items())}


def _parse_needed(line: str, extras: Iterable[str], environment: Mapping[str, str]) -> Requirement | None:
    """Return the requirement of a line, when its marker holds for the target with any of the extras; None otherwise."""
    try:
        requirement = Requirement(line)
        if requirement.marker is None or any(
            requirement.marker.evaluate({**environment, "extra": extra}) for extra in ("", *sorted(extras))
        ):
            return requirement
    except (InvalidRequirement, InvalidMarker, UndefinedEnvironmentName):
        pass  # a path or URL of the user, or metadata older than the standard: it has no name to follow
    return None


def _list_licenses(raw: RawMetadata) -> tuple[str, ...]:
    """Return the license expression; else the name of the license if it is one; else those of the classifiers."""
    if raw.get("license_expression"):
        return (raw["license_expression"],)
    text = raw.get("license", "").strip()
    if text and "\n" not in text and len(text) <= _LONGEST and text.upper() != "UNKNOWN":
        return (text,)
    named = (line for line in raw.get("classifiers", ()) if line.startswith("License ::"))
    return tuple(sorted({line.rpartition("::")[2].strip() for line in named}))
