"""The name of a base: its form, and for an image in a file or folder of this machine, whether one is there."""

from __future__ import annotations

import re
from pathlib import Path

from ovenbird.common.named_paths import exists, is_file, is_folder
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..errors import BaseMissingError, DiskFullError, IncompatibleBaseError, ProgramMissingError, ReferenceFormatError
from ..oci import reference

TRANSPORT = re.compile(r"(docker://|containers-storage:|oci:|oci-archive:|docker-archive:|dir:)(.*)", re.DOTALL)
# what of this machine's files an image may be: the file that says so, where it is a folder
_FOLDERS = {"oci:": "index.json", "dir:": "manifest.json"}
_ARCHIVES = ("oci-archive:", "docker-archive:")
_ZSTD = b"\x28\xb5\x2f\xfd"


def check_form(name: str, where: str) -> None:
    """Refuse a name that no image can have; `where` is the flag, variable or field that holds it.

    Errors: ReferenceFormatError.
    """
    match = TRANSPORT.fullmatch(name)
    if not match:
        reference.parse_reference(name, where)
    elif match[1] == "docker://":
        reference.parse_reference(match[2], where)
    elif not match[2].strip() or "\0" in name:
        raise ReferenceFormatError(
            f"{where}: {show_value(name)} is not the name of an image: expected a {_describe_transport(match[1])}"
            f" after `{match[1]}`",
            hint="`registry.example.com/team/app:1`, `oci:FOLDER`, `oci-archive:FILE` or `docker-archive:FILE`",
        )


def check_place(name: str) -> None:
    """Refuse a name that leads to a file or folder of this machine which holds no image.

    Errors: BaseMissingError where nothing is there, or no image of that tag; IncompatibleBaseError for something else.
    """
    match = TRANSPORT.fullmatch(name)
    if not match or (match[1] not in _FOLDERS and match[1] not in _ARCHIVES):
        return
    transport, rest = match[1], match[2]
    path, _, tag = (rest, "", "") if exists(rest) or transport == "dir:" else rest.partition(":")
    hint = f"`skopeo copy docker://IMAGE {transport}{path}` writes one"
    if not exists(path):
        where = "" if Path(path).is_absolute() else f" in {show_value(str(Path.cwd()))}"
        kind = _describe_transport(transport)
        raise BaseMissingError(f"there is no base {show_value(name)}: no {kind} {show_value(path)}{where}", hint=hint)
    if transport in _ARCHIVES:
        if not is_file(path) or not _is_archive(path):
            raise IncompatibleBaseError(
                f"the base {show_value(name)} is not an image: {show_value(path)} is not a tar archive",
                                 hint=hint)  # fmt: skip
        return
    if not is_folder(path) or not is_file(Path(path, _FOLDERS[transport])):
        raise IncompatibleBaseError(
            f"the base {show_value(name)} is not an image:"
            f" {show_value(path)} is not a folder with {_FOLDERS[transport]}",
            hint=hint,
        )
    if transport == "oci:" and tag:
        _check_tag(name, path, tag)


def explain_unreadable(name: str, error: OvenbirdError) -> OvenbirdError:
    """Return the error of a base in a file or folder that is there and could not be read; of another the same."""
    if not is_local(name) or isinstance(error, ProgramMissingError | DiskFullError):
        return error
    reason = error.message.partition(f"{name}: ")[2].removeprefix("the registry broke off: ") or error.message
    reason = re.sub(r'^Error [^:"]*"[^"]*": ', "", reason)
    return IncompatibleBaseError(f"the base {show_value(name)} is not an image that can be read: {reason}")


def is_local(name: str) -> bool:
    """Return whether a base is a file or folder of this machine."""
    return name.startswith((*_FOLDERS, *_ARCHIVES))


def _check_tag(name: str, path: str, tag: str) -> None:
    from ..image_reader import layout  # and an HTTP client

    try:
        layout.list_descriptors(layout.DirectoryLayout(Path(path)), tag)
    except BaseMissingError as error:
        raise BaseMissingError(f"there is no base {show_value(name)}: {error.message}") from None
    except (ValueError, AttributeError, TypeError):  # not JSON, or other JSON
        raise IncompatibleBaseError(
            f"the base {show_value(name)} is not an image: its `index.json` cannot be read"
        ) from None


def _is_archive(path: str) -> bool:
    import tarfile

    try:
        with Path(path).open("rb") as file:
            return file.read(len(_ZSTD)) == _ZSTD or tarfile.is_tarfile(path)
    except OSError:
        return False


def _describe_transport(transport: str) -> str:
    return "name" if transport == "containers-storage:" else "file" if transport in _ARCHIVES else "folder"
