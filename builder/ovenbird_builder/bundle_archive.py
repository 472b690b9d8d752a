"""All that a build needs, in one tar: base, wheels, lock, source, and what was asked for. With it no network is used.

bundle.json                  what was asked for, the source's origin, the bases, answers that the cache would have
function.yaml, function*.lock, files/   the document, the locks, files that flags named
source/                      the tree, as it goes into the image
blobs/<hex>, wheels/<hex>/   by the digest of their content, which is checked when they are taken out
"""

from __future__ import annotations

import contextlib
import io
import json
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, ValidationError, convert, field

from ovenbird.common.archive_checks import ArchiveError, ArchiveLimits
from ovenbird.common.atomic_files import replacing
from ovenbird.common.hashing import digest_bytes
from ovenbird.common.named_paths import is_file, is_folder
from ovenbird.common.output_path import make_parent_folders
from ovenbird.common.tar_extract import extract_tar
from ovenbird.common.text import cut_text, escape_controls, show_value
from ovenbird.common.tree_names import describe_link

from .bases import base_image
from .build.function_document import NOT_IN_IMAGE, format_handler
from .build.prepare import PlatformBuild
from .cache.layer_cache import LayerCache
from .errors import BuildRequestError, DigestError
from .host.canonical_json import encode_json_indented
from .host.disk import guard_output_writes
from .host.tempdirs import make_build_folder
from .layers import MTIME
from .locking import lockfile
from .locking.wheelhouse import Wheelhouse
from .request.build_request import BuildRequest
from .sources.tree import SourceTree
from .sources.tree_digest import hash_tree

_VERSION = 1
_KEPT = (
    "python",
    "base",
    "requirement",
    "extra",
    "instruction",
    "locker",
    "platform",
    "compression",
    "allow",
    "label",
    "annotation",
    "slim",
    "slim_keep",
)
_FILES = ("requirements", "constraints")
_LIMITS = ArchiveLimits(1 << 50, 10_000_000)  # a bundle may be as large as an image; its blobs are checked by digest


class _Source(Struct, frozen=True):
    """Where the source came from, as a Tree has it."""

    uri: str
    revision: str
    digest: str
    epoch: int | None


class _Base(Struct, frozen=True):
    """A base of the bundle: the name that it was asked for by, its platform, its own digest and its manifest's."""

    name: str
    platform: str
    digest: str
    manifest: str


class _About(Struct, frozen=True):
    """What bundle.json holds."""

    flags: dict[str, str | bool | tuple[str, ...]] = field(name="given")
    files: dict[str, tuple[str, ...]]
    source: _Source
    bases: tuple[_Base, ...]
    answers: dict[str, dict[str, str]]


class Bundle(Struct, frozen=True):
    """A bundle that was taken out: the flags that it was made with, its function document, its source."""

    flags: Mapping[str, Any]
    document: Path
    tree: SourceTree

    def merge_flags(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        """Return the flags of a call, those that it does not give as the bundle has them."""
        missing = {name: value for name, value in self.flags.items() if not flags.get(name)}
        return {**flags, "target": str(self.document)} | missing


def write(
    path: Path,
    flags: Mapping[str, Any],
    request: BuildRequest,
    platform_builds: Sequence[PlatformBuild],
    cache: LayerCache,
) -> int:
    """Write a bundle to `path`, whole or not at all; its size in bytes. Errors: DiskFullError."""
    _refuse_outside(platform_builds)
    with guard_output_writes(path):
        make_parent_folders(path)
    with guard_output_writes(path), replacing(path) as draft:
        with tarfile.open(draft, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _fill(tar, flags, request, platform_builds, cache)
        return draft.stat().st_size


def _refuse_outside(platform_builds: Sequence[PlatformBuild]) -> None:
    """Refuse requirements that lie beside the source, which a bundle holds alone. Errors: BuildRequestError."""
    for requirement in platform_builds[0].inputs.needs.requirements.lines:
        if requirement.origin.startswith("file:.."):
            raise BuildRequestError(
                f"{requirement.where}: a bundle holds the source alone, and {show_value(requirement.origin)} "
                "lies beside it",
                hint="`spec.source.root` and `spec.source.include` make it a part of the source",
            )


def is_bundle(text: str) -> bool:
    """Return whether a target is a bundle."""
    path = Path(text)
    if text.endswith((".py", ".yaml", ".yml")) or not is_file(path):
        return False
    try:
        with tarfile.open(path) as tar:
            first = tar.next()
    except (tarfile.TarError, OSError, ValueError, EOFError, zlib.error, lzma.LZMAError):
        return False
    return first is not None and first.name == "bundle.json"


@contextlib.contextmanager
def open_bundle(path: Path, cache: LayerCache) -> Iterator[Bundle]:
    """Take a bundle's base and wheels into the cache, and its source to a folder that is there for a while.

    Errors: BuildRequestError for a file that is no bundle; DigestError for one that was damaged.
    """
    with make_build_folder(cache.root) as folder:
        try:
            for link in extract_tar(path, folder, _LIMITS):
                if problem := describe_link(folder, link):
                    raise ArchiveError(f"the link {show_value(link)} {problem}")
            document = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        except (ArchiveError, OSError, ValueError, RecursionError) as error:
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            why = escape_controls(cut_text(reason, 300))
            raise BuildRequestError(f"{show_value(str(path))} is not a bundle that can be read: {why}") from None
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise BuildRequestError(
                f"{show_value(str(path))} is a bundle of another version of Ovenbird",
                hint="`ovenbird bundle` writes it anew",
            )
        try:
            about = convert(document, _About)
            _check(about, folder)
        except (ValidationError, ValueError) as error:
            why = escape_controls(cut_text(str(error), 300))
            raise BuildRequestError(f"{show_value(str(path))} is not a bundle that can be read: {why}") from None
        _import_blobs(about, folder, cache)
        yield Bundle(_read_flags(about, folder), folder / "function.yaml", _read_tree(about, folder, path))


def _check(about: _About, folder: Path) -> None:
    """Refuse what names anything outside of the bundle, or flags that a bundle does not hold. Errors: ValueError."""
    if unknown := set(about.flags) - set(_KEPT) or set(about.files) - set(_FILES):
        raise ValueError(f"unknown settings {', '.join(sorted(map(show_value, unknown)))}")
    for name in (name for names in about.files.values() for name in names):
        if not re.fullmatch(r"files/[a-z]+-[0-9]{1,9}", name) or not is_file(folder / name):
            raise ValueError(f"it has no file {show_value(name)}")
    for key in about.answers:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}", key):
            raise ValueError(f"the name of an answer is not valid: {show_value(key)}")
    digests = [digest for base in about.bases for digest in (base.digest, base.manifest)]
    blobs = folder / "blobs"
    digests += [f"sha256:{path.name}" if is_file(path) else path.name for path in blobs.glob("*")]
    for digest in digests:
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            raise ValueError(f"{show_value(digest)} is not a digest")
    for part in ("source", "blobs"):
        if not is_folder(folder / part):
            raise ValueError(f"it has no folder {part}")


def _fill(
    tar: tarfile.TarFile,
    flags: Mapping[str, Any],
    request: BuildRequest,
    platform_builds: Sequence[PlatformBuild],
    cache: LayerCache,
) -> None:
    first = platform_builds[0].inputs
    tree = first.tree
    files = {name: [Path(text) for text in flags[name]] for name in _FILES}
    bases = {
        id(base): base
        for platform_build in platform_builds
        for base in (platform_build.inputs.base, platform_build.inputs.sibling)
    }.values()
    packages = {
        w.sha256: w
        for platform_build in platform_builds
        for w in (*platform_build.inputs.wheels, *platform_build.inputs.runtime)
    }
    about = {
        "version": _VERSION,
        # a base that was not named may have come from a mirror that the other machine does not know of
        "given": {name: flags[name] for name in _KEPT} | {"base": flags["base"] or first.base.name},
        "files": {name: [f"files/{name}-{n}" for n, _ in enumerate(paths)] for name, paths in files.items()},
        "source": {"uri": tree.uri, "revision": tree.revision, "digest": tree.digest, "epoch": tree.epoch},
        "bases": [_describe_base(base) for base in bases],
        "answers": _collect_answers(platform_builds, cache),
    }
    _add(tar, "bundle.json", encode_json_indented(about, 1))
    _add(tar, "function.yaml", encode_json_indented(_make_document(request), 1))
    for platform_build in platform_builds:
        platform = platform_build.inputs.base.platform
        _add(tar, lockfile.lock_name(platform), platform_build.inputs.needs.lock.text.encode())
    for name, paths in files.items():
        for number, path in enumerate(paths):
            _add(tar, f"files/{name}-{number}", path.read_bytes())
    tar.add(tree.path, "source", filter=_anonymize)
    for digest in dict.fromkeys(digest for base in bases for digest in _list_blobs(base)):
        tar.add(cache.locate_blob(digest), f"blobs/{digest.partition(':')[2]}", filter=_anonymize)
    for sha256, wheel in sorted(packages.items()):
        tar.add(wheel.path, f"wheels/{sha256}/{wheel.filename}", filter=_anonymize)


def _collect_answers(platform_builds: Sequence[PlatformBuild], cache: LayerCache) -> dict[str, dict[str, str]]:
    """Return the wheel of each pin: a pin may have the hash of a source distribution only."""
    from .locking import wheel_fetch  # what resolves: not for a build

    answers: dict[str, dict[str, str]] = {}
    for platform_build in platform_builds:
        inputs = platform_build.inputs
        answers |= wheel_fetch.list_answers(
            inputs.needs.lock, inputs.interpreter, cache.root, identity=platform_build.identity
        )
    return answers


def _describe_base(base: base_image.BaseImage) -> dict[str, str]:
    return {
        "name": base.name, "platform": base.platform, "digest": base.digest,
        "manifest": digest_bytes(base.manifest),
    }  # fmt: skip


def _list_blobs(base: base_image.BaseImage) -> list[str]:
    rows = json.loads(base.manifest)
    return [digest_bytes(base.manifest), rows["config"]["digest"], *(row["digest"] for row in rows["layers"])]


def _make_document(request: BuildRequest) -> dict[str, Any]:
    """Return the document with its source in the folder next to it."""
    raw = json.loads(json.dumps(request.function.raw, default=str))
    source = {key: value for key, value in raw["spec"]["source"].items() if key not in NOT_IN_IMAGE}
    raw["spec"]["source"] = source | {"source": "source", "handler": format_handler(request.function)}
    return dict(raw)


def _import_blobs(about: _About, folder: Path, cache: LayerCache) -> None:
    """Put base and wheels into the cache, each checked."""
    for path in sorted((folder / "blobs").iterdir()):
        digest = f"sha256:{path.name}"
        if not (cache.locate_blob(digest).exists() and cache.verify(digest)):
            with cache.open_draft() as draft, path.open("rb") as file:
                while data := file.read(1 << 20):
                    draft.write(data)
                if draft.digest != digest:
                    raise DigestError(f"the bundle is damaged: the blob {digest} is {draft.digest}")
                cache.keep(draft)
    house = Wheelhouse(cache.root)
    for path in sorted((folder / "wheels").glob("*/*.whl")) if (folder / "wheels").is_dir() else ():
        sha256 = path.parent.name
        if house.find(sha256) is None and house.put(path).sha256 != sha256:
            raise DigestError(f"the bundle is damaged: the wheel {path.name} does not match its digest")
    for key, value in about.answers.items():
        house.note(key, value)
    for base in about.bases:
        base_image.remember_base(base.name, base.platform, base.digest, base.manifest, cache)


def _read_flags(about: _About, folder: Path) -> dict[str, Any]:
    """Return the flags that the bundle was made with; files that they named are the bundle's own."""
    flags = {name: tuple(value) if isinstance(value, list) else value for name, value in about.flags.items()}
    return flags | {name: tuple(str(folder / path) for path in paths) for name, paths in about.files.items()}


def _read_tree(about: _About, folder: Path, path: Path) -> SourceTree:
    source = about.source
    tree = SourceTree(folder / "source", source.uri, source.revision, hash_tree(folder / "source"), source.epoch)
    if tree.digest != source.digest:
        raise DigestError(
            f"the bundle {show_value(str(path))} is damaged: its source is {tree.digest}, not {source.digest}"
        )
    return tree


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = _anonymize(tarfile.TarInfo(name))
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _anonymize(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove from an entry what tells of this machine, and return it."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = MTIME
    return info
