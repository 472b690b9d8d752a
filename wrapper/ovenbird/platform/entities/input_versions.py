"""Versions of inputs that are not copied: a changed file is a new version of its data item."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...common.redact import redact_record
from ...errors import InputError, OvenbirdError
from .. import keys
from ..storage import fingerprint, schemes
from ..store import Record
from .file_entity import Dataitem

if TYPE_CHECKING:
    from ..project.part import ProjectPart


def resolve_path(project: ProjectPart, name: str, kind: str, path: str) -> Dataitem:
    """Return the data item at `path`, which the run consumes: the latest of the name if it is the same, else a new one.

    Of a local file or folder the fingerprint is taken now, of a URL when it is fetched. Errors: InputError.
    """
    latest = _find_latest(project, name, kind, redact_record(path))
    recorded = latest["status"].get("fingerprint") if latest else None
    local = not schemes.get_scheme(path)
    current = _read_fingerprint(path, recorded) if local else None
    if latest and (not current or not recorded or fingerprint.is_same(recorded, current)):
        key = latest["key"]
    else:
        key = _add_version(project, name, kind, path, current).key
    item: Dataitem = project._get(Dataitem, key, None)
    if current and not recorded and latest:
        item.status.fingerprint = current
        item.save(update=True)
    item.spec.path = path
    if not local and schemes.get_scheme(path) != schemes.SQL:
        item.on_fetch = lambda files: _record_fetched(project, item, files)
    return item


def _find_latest(project: ProjectPart, name: str, kind: str, path: str) -> Record | None:
    for row in project._store.list_summaries("dataitem", project=project.name, name=name, kind=kind, limit=1):
        record = project._store.read(keys.parse_key(row.key))
        return record if record["spec"].get("path") == path else None
    return None


def _read_fingerprint(path: str, recorded: Mapping[str, object] | None) -> fingerprint.Fingerprint | None:
    try:
        return fingerprint.read_local(schemes.get_local_path(path), recorded)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="its owner may read it") from error


def _add_version(
    project: ProjectPart, name: str, kind: str, path: str, current: fingerprint.Fingerprint | None
) -> Dataitem:
    item: Dataitem = project._entity(Dataitem, name, kind, {"path": path})
    item.status.state = "READY"
    if current:
        item.status.fingerprint = current
    return item.save()


def _record_fetched(project: ProjectPart, item: Dataitem, files: Sequence[tuple[Path, str]]) -> None:
    """Record the fingerprint of a fetched file. If it differs from the last one, the item becomes a new version."""
    path = item.spec.path
    try:
        current = fingerprint.read_files(files, folder=schemes.is_folder_url(path))
        recorded = item.status.get("fingerprint")
        if not recorded:
            item.status.fingerprint = current
            item.save(update=True)
        elif not fingerprint.is_same(recorded, current):
            before, new = item.key, _add_version(project, item.name, item.kind, path, current)
            item._load(new.to_dict())
            if project._run is not None:
                project._run.consume_other(before, item.key)
    except (OvenbirdError, OSError) as error:  # the function has what it asked for all the same
        warnings.warn(f"the version of {item.key} is not recorded: {error}", stacklevel=2)
    item.spec.path = path
