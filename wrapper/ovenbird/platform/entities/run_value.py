"""Read back what the handler of a run returned, from the results and outputs that its record names."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.text import cut_text, show_value
from ...errors import InputError
from .entity import Entity
from .run_parts import read_output

_DATA_URL = "data:application/octet-stream;base64,"
_PICKLED = ("model", "pickle")


def read_value(run: Entity, *, is_trusted: bool) -> Any:
    """Return what the handler returned: a value, or a tuple or list of values; None where it returned nothing.

    `is_trusted`: what was pickled may be loaded.

    Errors: InputError for a run that is not COMPLETED, and for an output that cannot be read back.
    """
    if run.status.state != "COMPLETED":
        raise InputError(
            f"run {run.id} is {run.status.state}: only a completed run has a value",
            hint="`run.error` says why, `run.wait()` waits for its end",
        )
    returned = run.status.get("returned")
    if returned is None:
        return _read_unrecorded(run, is_trusted)
    parts = [_read_part(run, part, is_trusted) for part in returned.get("parts") or ()]
    if returned["form"] == "value":
        return parts[0] if parts else None
    return tuple(parts) if returned["form"] == "tuple" else parts


def _read_unrecorded(run: Entity, is_trusted: bool) -> Any:
    """Return the only result or output of a run that does not say what was returned. Errors: InputError."""
    names = [*(run.status.get("results") or {}), *(run.status.get("outputs") or {})]
    if len(names) > 1:
        raise InputError(
            f"run {run.id} does not say which of its outputs were returned: {', '.join(map(show_value, names))}",
            hint="`run.results` and `run.outputs` have each by its name",
        )
    return _read_part(run, {"name": names[0], "type": ""}, is_trusted) if names else None


def _read_part(run: Entity, part: Mapping[str, Any], is_trusted: bool) -> Any:
    name, kind = part.get("name"), str(part.get("type") or "")
    if name is None:
        return None
    results = run.status.get("results") or {}
    if name in results:
        return _restore_result(results[name], kind)
    if name not in (run.status.get("outputs") or {}):
        raise InputError(f"run {run.id} has no output {show_value(name)}")
    return _read_output(run, str(name), kind, is_trusted)


def _restore_result(value: Any, kind: str) -> Any:
    """Return a result in the type that the handler returned: text stands for what JSON cannot hold."""
    if kind == "bytes" and isinstance(value, str):
        return b64decode(value[len(_DATA_URL) :]) if value.startswith(_DATA_URL) else value.encode()
    if kind in ("int", "float") and isinstance(value, (str, int, float)):
        return int(value) if kind == "int" else float(value)
    return value.to_dict() if hasattr(value, "to_dict") else value


def _read_output(run: Entity, name: str, kind: str, is_trusted: bool) -> Any:
    """Return the content of an output. Errors: InputError."""
    entity = read_output(run, run.status.outputs[name], None)
    if kind in ("pandas", "polars"):
        return entity.as_df(engine=kind)
    if kind == "json":
        return json.loads(_find_file(entity).read_text(encoding="utf-8"))
    if kind == "path":
        return Path(entity.as_path())
    if kind == "array":
        import numpy

        return numpy.load(_find_file(entity), allow_pickle=False)
    if kind in _PICKLED:
        if not is_trusted:
            raise _untrusted_error(run, name)
        return _unpickle(run, name, _find_file(entity))
    if kind == "figure":
        raise InputError(
            f"the output {show_value(name)} of run {run.id} was a figure, which is stored as a picture",
            hint="`run.outputs[NAME].as_file()` is the picture",
        )
    return entity


def _untrusted_error(run: Entity, name: str) -> InputError:
    """Return the error for a pickle of another process: to load it is to run code of whoever wrote it."""
    former = run.status.get("reused_from")
    return InputError(
        f"the output {show_value(name)} of run {run.id} is stored pickled, and to load it runs code of whoever has"
        f" written it: {f'it is of {former}' if former else 'this process has not started that run'}",
        hint="if you trust it, `pickle.load` reads the file of `run.outputs[NAME].as_path()`",
    )


def _unpickle(run: Entity, name: str, path: Path) -> Any:
    """Return what a run that this process has started has pickled. Errors: InputError."""
    import pickle

    try:
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301  # this process has had it written
    except Exception as error:  # whatever a class raises
        reason = f"{type(error).__name__}: {cut_text(str(error), 200)}"
        raise InputError(
            f"the output {show_value(name)} of run {run.id} cannot be read back: {reason}",
            hint="its class has to be importable here; return a table, numbers, texts or a `Path` instead",
        ) from error


def _find_file(entity: Any) -> Path:
    files = entity.as_file()
    if len(files) != 1:
        raise InputError(f"{entity.key} holds {len(files)} files, and its value is one")
    return Path(files[0])
