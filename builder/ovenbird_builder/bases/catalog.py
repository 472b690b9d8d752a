"""The table of base images, read from images/bases.toml: which versions there are, and what each is made from."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.text import show_value
from ovenbird.common.url_port import PORT_HINT, describe_bad_port

from ..errors import BuildRequestError, ReferenceFormatError, VersionError
from ..oci.reference import parse_reference

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PLAIN, SDK = "", "sdk"  # flavours: the runtime alone; the platform's SDK beside it
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?",
    re.ASCII,
)
_REGISTRY = re.compile(rf"{_HOST}(?:/{_PART})*", re.ASCII)


class BaseEntry(Struct, frozen=True):
    """One row: Python's version, the platform's name for it, the upstream image with its pinned digest ("" unpinned).

    `image` is the name of what is built; `source` is where the upstream is fetched from, when that is a mirror.
    """

    version: str
    platform: str
    upstream: str
    digest: str
    image: str
    source: str = ""

    @property
    def reference(self) -> str:
        """Return the name that is fetched: by digest where one is pinned."""
        name = self.source or self.upstream
        return f"{strip_tag(name)}@{self.digest}" if self.digest else name


def find_catalog_folder() -> Path:
    """Return the folder of bases.toml, locks/ and what bases are built from: in a checkout, or as installed."""
    package = Path(__file__).parent.parent
    checkout = package.parent.parent / "images"
    return checkout if (checkout / "bases.toml").is_file() else package / "images"


def find_dockerfile(flavour: str = PLAIN) -> Path:
    """Return the path of Dockerfile.base or Dockerfile.sdk, in a checkout or as installed."""
    name = f"Dockerfile.{flavour or 'base'}"
    installed = find_catalog_folder() / name
    return installed if installed.is_file() else find_catalog_folder().parent / name


def read_catalog(path: Path | None = None) -> dict[str, BaseEntry]:
    """Return every base by its version, in order.

    Errors: BuildRequestError for a file that is not what it should be.
    """
    path = path or find_catalog_folder() / "bases.toml"
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = {version: BaseEntry(version=version, **row) for version, row in rows.items()}
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise BuildRequestError(f"cannot read the table of base images {show_value(str(path))}: {error}") from None
    for base in entries.values():
        match_reference(base.upstream)
        match_reference(base.image)
        if base.digest and not re.fullmatch(r"sha256:[0-9a-f]{64}", base.digest):
            raise BuildRequestError(
                f"{show_value(str(path))}: digest of {base.version}: expected `sha256:...`, found"
                f" {show_value(base.digest)}"
            )
    return dict(sorted(entries.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def choose_base(version: str, *, registry: str = "", image: str = "", path: Path | None = None) -> BaseEntry:
    """Return the base of a version (`3.12`, or the platform's `PYTHON3_12`), from a mirror or an image if named.

    Errors: VersionError; ReferenceFormatError.
    """
    rows = read_catalog(path)
    entry = next((base for base in rows.values() if version in (base.version, base.platform)), None)
    if not entry:
        raise VersionError(
            f"no base image is known for Python {show_value(version)}", hint=f"there are {', '.join(rows)}"
        )
    if image:
        parse_reference(image, "--from")
        return replace(entry, upstream=image, digest="")
    if registry:
        if not _REGISTRY.fullmatch(registry):
            raise ReferenceFormatError(f"--registry: expected `HOST[:PORT][/PATH]`, found {show_value(registry)}")
        if reason := describe_bad_port(f"//{registry}"):
            raise ReferenceFormatError(f"--registry: {show_value(registry)} is no registry: {reason}", hint=PORT_HINT)
        return replace(entry, source=f"{registry}/{entry.upstream.partition('/')[2]}")
    return entry


def suggest_command(image: str) -> str:
    """Return a hint for a base image that is missing: the command that makes it, where it is one of the table."""
    for base in read_catalog().values():
        for flavour in (PLAIN, SDK):
            if image == base.image + (f"-{flavour}" if flavour else ""):
                command = f"ovenbird base build {base.version}" + (f" --flavour {flavour}" if flavour else "")
                return f"`{command}` makes it; `--base` names another"
    return "`--base` names another"


def find_runtime_lock(version: str, flavour: str = PLAIN) -> Path:
    """Return the path of the hash-locked list of what the runtime needs, or of what a flavour adds to that."""
    return find_catalog_folder() / "locks" / f"{version}{'-' + flavour if flavour else ''}.txt"


def read_runtime_lock(version: str, flavour: str = PLAIN) -> str:
    """Return the text of that list. Errors: BuildRequestError when there is none."""
    path = find_runtime_lock(version, flavour)
    if not path.is_file():
        subject = "platform's SDK" if flavour else "runtime"
        hint = f"`ovenbird base lock {version}" + (f" --flavour {flavour}`" if flavour else "`")
        raise BuildRequestError(f"no lock of the {subject} for Python {version}: {show_value(str(path))}", hint=hint)
    return path.read_text(encoding="utf-8")


def read_sdk_requirements() -> str:
    """Return the requirements of the flavour `sdk`, as the text of a requirements file."""
    return (find_catalog_folder() / "sdk.in").read_text(encoding="utf-8")


def match_reference(text: str) -> re.Match[str]:
    """Return the parts `name`, `tag` and `digest` of an image's name. Errors: ReferenceFormatError."""
    match = _REFERENCE.fullmatch(text)
    if not match:
        raise ReferenceFormatError(
            f"{show_value(text)} is not the name of an image", hint="`REGISTRY/NAME:TAG`, all lower case"
        )
    return match


def strip_tag(text: str) -> str:
    """Return the name of an image without tag and digest."""
    return match_reference(text)["name"]


def replace_digest(text: str, version: str, digest: str) -> str:
    """Return the text of bases.toml with the digest of one version replaced."""
    section = re.escape(f'["{version}"]')
    changed, count = re.subn(rf'(?ms)(^{section}$(?:(?!^\[).)*?^digest = )"[^"]*"', rf'\g<1>"{digest}"', text, count=1)
    if not count:
        raise BuildRequestError(f'`bases.toml` has no line `digest = "..."` in the section `["{version}"]`')
    return changed
