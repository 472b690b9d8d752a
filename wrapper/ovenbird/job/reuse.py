"""`--reuse`: find an earlier run that had the same code, packages, parameters and inputs, and still has its outputs.

What a run is compared by is in its record: `status.reuse` (digests of the call, of its inputs, and of the modules that
it imported late), `status.provenance`, and the revision of its function. Where anything is not recorded, or cannot be
compared, the run is not reused, and the reason is told.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..common.text import show_value
from ..errors import OvenbirdError
from ..platform import keys
from ..platform.entities import file_entity
from ..platform.entities.content_check import check_content
from ..platform.entities.run_summary import get_function_name
from ..platform.store import EntityStore, Record
from .provenance import digest_files

_MOST_LOOKED_AT = 20  # former runs of the same call that are compared
_SAME = ("python", "lock", "image")


class Call(NamedTuple):
    """What the run is about to be: the spec of its function, its provenance, and `status.reuse` of its record."""

    function: str
    spec: Mapping[str, Any]
    provenance: Mapping[str, Any]
    reuse: Mapping[str, Any]


class FormerRuns:
    """The completed runs of a project by what they were called with, newest first; read from the store once."""

    def __init__(self, store: EntityStore, project: str) -> None:
        self._keys: dict[str, list[str]] = {}
        for record in store.iterate_records("run", project=project, state="COMPLETED"):
            call = (record["status"].get("reuse") or {}).get("call")
            if call and not record["status"].get("reused_from"):
                self._keys.setdefault(call, []).append(record["key"])

    def list_keys(self, call: str) -> list[str]:
        """Return the keys of the runs of a call."""
        return self._keys.get(call, [])


class Reuse:
    """Looks for the former run of a call. `reason` says why there is none."""

    def __init__(self, store: EntityStore, environ: Mapping[str, str], former: FormerRuns) -> None:
        self._store, self._environ, self._former = store, environ, former
        self.reason = ""

    def find_run(self, call: Call) -> Record | None:
        """Return the newest run that had the same of everything that is recorded, and has its outputs; else None."""
        unknown = [name for name, entry in call.reuse["inputs"].items() if not entry["digest"]]
        if unknown:
            names = ", ".join(map(show_value, unknown))
            self.reason = f"the content of input {names} is not known before the function reads it"
            return None
        if changed := self._find_changed_input(call.reuse["inputs"]):
            self.reason = changed
            return None
        self.reason = "no completed run of this function had these parameters and inputs"
        for position, key in enumerate(self._former.list_keys(call.reuse["call"])[:_MOST_LOOKED_AT]):
            try:
                record = self._store.read(keys.parse_key(key))
                difference = next(self._find_differences(record, call), "")
            except OvenbirdError as error:
                difference = error.message
            if not difference:
                return record
            if position == 0:
                self.reason = f"{key}: {difference}"
        return None

    def _find_changed_input(self, inputs: Mapping[str, Mapping[str, Any]]) -> str:
        """Return why the content of a stored input is not what its record says, or `""`."""
        for name, entry in inputs.items():
            check = self._check(entry["key"])
            if check and "://" not in entry["path"] and check["state"] != "unchanged":
                return f"input {show_value(name)} is {check['state']}: {check['reason']}"
        return ""

    def _find_differences(self, record: Record, call: Call) -> Iterator[str]:
        """Yield in words what a former run had otherwise."""
        status = record["status"]
        provenance, reuse = status.get("provenance") or {}, status["reuse"]
        function, source = self._read_function(record, provenance)
        if function != call.function:
            yield f"it is of the function {show_value(function)}"
        if not source.get("digest"):
            yield "the digest of its source is not recorded"
        for name in ("digest", "revision", "handler"):
            if source.get(name) != (now := call.spec["source"].get(name)):
                yield f"the {name} of the source was {source.get(name)}, and is {now}"
        for name in _SAME:
            if provenance.get(name) != call.provenance.get(name):
                yield f"{name} was {provenance.get(name)}, and is {call.provenance.get(name)}"
        yield from _compare_packages(provenance.get("packages") or {}, call.provenance.get("packages") or {})
        late = reuse.get("sources")
        if late is None:
            yield "the modules that it imported are not recorded"
        else:
            paths = {os.path.join(call.spec["source"]["root"], path): path for path in late}  # noqa: PTH118
            changed = [path for path, digest in digest_files(paths).items() if digest != late[paths[path]]]
            if changed:
                yield f"{', '.join(map(show_value, changed))}, which it imported, has changed"
        yield from _compare_inputs(reuse.get("inputs") or {}, call.reuse["inputs"])
        yield from self._check_consumed(record, {entry["key"] for entry in (reuse.get("inputs") or {}).values()})
        for name, key in (status.get("outputs") or {}).items():
            check = self._check(key)
            if check is None or check["state"] != "unchanged":
                yield f"its output {show_value(name)} is {(check or {}).get('state', 'missing')}"

    def _read_function(self, record: Record, provenance: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Return the name of a run's function, and its source as it was recorded."""
        key = str(record["spec"].get("function") or "")
        if "source" in provenance:  # Core does not keep all of it with the function
            return get_function_name(key), provenance["source"]
        spec = self._store.read(keys.parse_key(key))["spec"]
        return get_function_name(key), spec.get("source") or {}

    def _check_consumed(self, record: Record, inputs: set[str]) -> Iterator[str]:
        """Yield what a run has read beside its inputs and that is not the latest of its name, or has changed."""
        for relation in record["metadata"].get("relationships") or []:
            key = str(relation.get("dest"))
            if relation.get("type") != "consumes" or key in inputs:
                continue
            parsed = keys.parse_key(key)
            check = self._check(key)
            latest = self._store.read(parsed._replace(id="")) if parsed.type in file_entity.MATERIALS else None
            if latest is None or latest["key"] != key or check is None or check["state"] != "unchanged":
                yield f"{key}, which it read, has changed or has a newer version"

    def _check(self, key: str) -> Mapping[str, str] | None:
        """Return whether an entity's content is as recorded; None if the entity is gone, or has no content."""
        parsed = keys.parse_key(key)
        if parsed.type not in file_entity.MATERIALS:
            return None
        try:
            return check_content(self._store, self._store.read(parsed), self._environ)
        except OvenbirdError:
            return None


def _compare_packages(former: Mapping[str, str], current: Mapping[str, str]) -> Iterator[str]:
    """Yield the packages that a run had imported and that have another version now."""
    for name, version in former.items():
        now = current.get(name) or _find_version(name)
        if now != version:
            yield f"the package {name} was {version}, and is {now or 'not installed'}"


def _find_version(name: str) -> str:
    metadata = importlib.import_module("importlib.metadata")  # an empty run has no use for it
    try:
        return str(metadata.version(name))
    except metadata.PackageNotFoundError:
        return ""


def _compare_inputs(
    former: Mapping[str, Mapping[str, Any]], current: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:  # fmt: skip
    """Yield the inputs that were of another content, or of another place."""
    for name, entry in current.items():
        other = former.get(name) or {}
        if other.get("digest") != entry["digest"]:
            yield f"input {show_value(name)} has changed"
        elif other.get("key") != entry["key"] and other.get("path") != entry["path"]:
            yield f"input {show_value(name)} was {other.get('path')}, and is {entry['path']}"
