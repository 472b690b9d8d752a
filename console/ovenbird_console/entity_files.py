"""The files of a data item, an artifact or a model: which there are, and a reader of one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from ovenbird.common.redact import redact_url
from ovenbird.common.text import show_value
from ovenbird.errors import InputError
from ovenbird.platform.storage import recorded_files, schemes
from ovenbird.platform.storage.range_reader import RangeReader, open_range_reader
from ovenbird.platform.store import Record

from .record_fields import get_list, get_mapping


@dataclass(frozen=True)
class EntityFile:
    """A file of an entity: its name below the entity's folder, with size and digest as far as they are recorded."""

    name: str
    url: str
    size: int | None = None
    digest: str = ""
    media_type: str = ""


def list_entity_files(record: Record) -> list[EntityFile]:
    """Return the files that the record names; none for a table of a database, and for a folder that was registered.

    Errors: InputError for a record that cannot be trusted.
    """
    names, url = recorded_files.list_names(record), record["spec"].get("path")
    infos = get_list(record["status"], "files")
    if names:
        base = recorded_files.folder_of(url)
        return [_describe(name, base, info) for name, info in zip(names, infos, strict=True)]
    if not isinstance(url, str) or not url or "\0" in url or schemes.get_scheme(url) == schemes.SQL:
        return []
    if schemes.is_folder_url(url):
        return []
    path = unquote(urlsplit(url).path) if schemes.get_scheme(url) in schemes.WEB else url
    fingerprint = get_mapping(record["status"], "fingerprint")
    return [
        EntityFile(
            path.rpartition("/")[2] or record["name"], url, fingerprint.get("size"), str(fingerprint.get("hash") or "")
        )
    ]


def find_entity_file(record: Record, name: str | None) -> EntityFile:
    """Return the file of that name, or the first. Errors: InputError."""
    entries = list_entity_files(record)
    if name is None and entries:
        return entries[0]
    entry = next((entry for entry in entries if entry.name == name), None)
    if entry is None:
        raise InputError(
            f"{record['name']} has no file {show_value(name)}" if name else f"{record['name']} has no file"
        )
    return entry


@contextmanager
def open_entity_file(entry: EntityFile, environ: Mapping[str, str]) -> Iterator[RangeReader]:
    """Yield a reader of the file. InputError: it is gone, or cannot be read; the message has no secret."""
    reader = open_range_reader(entry.url, environ)
    try:
        yield reader
    finally:
        reader.close()


def describe_place(record: Record) -> str:
    """Return where the files lie, for people."""
    path = record["spec"].get("path")
    return redact_url(path) if isinstance(path, str) else ""


def _describe(name: str, base: str, info: Mapping[str, Any]) -> EntityFile:
    if not schemes.get_scheme(base):
        folder = schemes.get_local_path(base)
        url = str(recorded_files.check_inside(folder, folder / name))
    else:
        url = base + name
    size = info.get("size")
    return EntityFile(
        name,
        url,
        size if isinstance(size, int) else None,
        str(info.get("hash") or ""),
        str(info.get("content_type") or ""),
    )
