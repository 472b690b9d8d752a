"""Check that the content of an entity is still as recorded."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from ...common.hashing import checksum_file
from ...common.named_paths import exists
from ...common.redact import HIDDEN
from ...common.temporary_folders import make_temporary_folder
from ...errors import OvenbirdError
from ..storage import fingerprint, recorded_files, schemes
from ..store import EntityStore, Record
from .file_entity import MATERIALS, FileEntity

Check = dict[str, str]
"""`{state, reason}`; the state is `unchanged`, `changed`, `missing` or `unknown`."""


def check_content(store: EntityStore, record: Record, environ: Mapping[str, str]) -> Check:
    """Compare a data item, artifact or model with its record. Files on other machines are fetched and then deleted."""
    path, status = record["spec"].get("path"), record["status"]
    if not isinstance(path, str) or not path:
        return _make_check("unknown", "it has no file")
    try:
        entity = MATERIALS[record["type"]](store, record, store.storage_environ(environ))
        if not schemes.get_scheme(path) and not exists(schemes.get_local_path(path)):
            return _make_check("missing", f"{path} is not there")
        if status.get("files"):
            return _check_stored(entity, path)
        if not (recorded := status.get("fingerprint")):
            return _make_check("unknown", "no digest is recorded")
        return _compare_fingerprints(recorded, _fetch_current(entity, path))
    except OvenbirdError as error:
        return _make_check("unknown", error.message)
    except OSError as error:
        return _make_check("unknown", error.strerror or str(error))


def _fetch_current(entity: FileEntity, path: str) -> Mapping[str, object]:
    if not schemes.get_scheme(path):
        return fingerprint.read_local(schemes.get_local_path(path)) or {}
    fingerprints: list[Mapping[str, object]] = []
    entity.on_fetch = lambda names: fingerprints.append(
        fingerprint.read_files(names, folder=schemes.is_folder_url(path))
    )
    folder = make_temporary_folder()
    try:
        entity.download(folder, overwrite=True)
    except OvenbirdError as error:
        if HIDDEN in path:  # the reason would be about the address without them
            error.message = "it was read with secrets, which are not recorded"
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return fingerprints[0] if fingerprints else {}


def _compare_fingerprints(recorded: Mapping[str, object], current: Mapping[str, object]) -> Check:
    if fingerprint.is_same(recorded, current):
        return _make_check("unchanged")
    names = [name for name in ("size", "files") if recorded.get(name) != current.get(name)]
    reasons = [f"{name} {recorded.get(name)}, now {current.get(name)}" for name in names]
    return _make_check("changed", ", ".join(reasons) or "another digest")


def _check_stored(entity: FileEntity, path: str) -> Check:
    """Compare each file with its digest."""
    names = recorded_files.list_names({"key": entity.key, "spec": entity.spec, "status": entity.status})
    base, own = schemes.get_local_path(recorded_files.folder_of(path)), None
    if schemes.get_scheme(path):
        base = own = make_temporary_folder()
    try:
        if own is not None:
            entity.copy_to(own if entity.is_folder() else own / names[0], overwrite=True)
        for info, name in zip(entity.status.files, names, strict=True):
            file = base / name
            if not exists(file):
                return _make_check("missing", f"{name} is not there")
            if info.get("size") != file.stat().st_size:
                return _make_check("changed", f"{name}: size {info.get('size')}, now {file.stat().st_size}")
            if str(info.get("hash") or "").startswith("md5:") and info["hash"] != checksum_file(file):
                return _make_check("changed", f"{name}: another digest")
    finally:
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)
    return _make_check("unchanged")


def _make_check(state: str, reason: str = "") -> Check:
    return {"state": state, "reason": reason}
