"""Store what a handler returned as results and entities, by the outputs table of the handler contract.

Third-party types are recognised by the name of their module, so that no library of the user has to be imported.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from ..common.text import show_value
from ..common.user_warnings import warn_user
from ..errors import OutputError, OvenbirdError
from ..platform import keys
from ..platform.entities.entity import Entity
from ..platform.entities.file_entity import MATERIALS
from ..platform.entities.json_values import clean_text, json_value
from ..platform.project.project import KINDS, Project
from ..platform.store import EntityStore
from ..platform.tables.dataframes import get_engine
from ..platform.tables.preview import format_preview
from .output_json import NotJsonError, encode_json, name_type
from .result import Display, RunResult
from .returned_shape import describe_shape, name_result_type, name_stored_type

LARGEST_RESULT = 64 * 1024  # bytes of JSON in the record of a run; a larger value is stored as an artifact
Name = str | Mapping[str, Any]
"""An output's name, or `{name, kind, spec_kwargs}`: the value is then the local path of the source."""


class UnpicklableError(OutputError):
    """No row of the outputs table fits the value, and it cannot be pickled."""

    code = "output.unpicklable"


def check_names(names: Sequence[Name]) -> list[str]:
    """Return the names of declared outputs. Errors: OutputError for an invalid name or an unknown kind."""
    checked = [_output_name(item) for item in names]
    for item, name in zip(names, checked, strict=True):
        keys.check_name(name, "output name", OutputError)
        if not isinstance(item, str) and (kind := item.get("kind")) is not None and kind not in KINDS:
            raise OutputError(
                f"output {show_value(name)}: the kind {show_value(kind)} is not known", hint=", ".join(KINDS)
            )
    _refuse_duplicates(checked)
    return checked


def store(
    value: Any, names: Sequence[Name], project: Project, outcome: RunResult, *, platform_rule: bool = False
) -> None:
    """Store what the handler returned, and add each stored output to `outcome`.

    None is no output. A tuple is several outputs, in order; those without a declared name are called `output_{i}`. A
    list of JSON values is one value, unless several names are declared. With `platform_rule` every list is several
    outputs, and every dict is an artifact.
    Errors: OutputError that lists what was stored and what was not. A failure does not keep other outputs from storage.
    """
    check_names(names)
    form, all_pairs = _pair_with_names(value, names, explode_lists=platform_rule)
    pairs = [(item, part) for item, part in all_pairs if part is not None]
    _refuse_duplicates([_output_name(item) for item, _ in pairs])
    failed: list[tuple[str, OvenbirdError]] = []
    for item, part in pairs:
        try:
            _store_one(item, part, project, outcome, as_file=platform_rule or item in names)
        except OvenbirdError as error:
            failed.append((_output_name(item), error))
        except Exception as error:  # classes of the user may raise anything; the other outputs are stored all the same
            reason = f"it is a {name_type(part)} that cannot be stored: {type(error).__name__}: {error}"
            failed.append((_output_name(item), OutputError(reason)))
    shape = [(_output_name(item), part is not None) for item, part in all_pairs]
    outcome.shape = describe_shape(form, shape, outcome.types)
    if failed:
        raise _combine_failures(failed, outcome)


def copy(outcome: RunResult, entities: EntityStore, environ: Mapping[str, str], folder: str) -> None:
    """Copy the files of the outputs to a folder, by the names of the outputs. Errors: OutputError."""
    from ..platform import queries
    from ..platform.storage import schemes

    try:
        destination = schemes.get_local_path(folder)
        destination.mkdir(parents=True, exist_ok=True)
        for _ in queries.fetch_outputs(entities, outcome.outputs, environ, str(destination), overwrite=True):
            pass
    except OSError as error:
        raise OutputError(f"--output-dir {show_value(folder)}: {error.strerror or error}") from error
    except OvenbirdError as error:
        raise OutputError(f"--output-dir {show_value(folder)}: {error.message}", hint=error.hint) from error


class _JsonList(NamedTuple):
    """A list of JSON values, with its JSON text."""

    value: list[Any]
    text: bytes


def _pair_with_names(value: Any, names: Sequence[Name], *, explode_lists: bool) -> tuple[str, list[tuple[Name, Any]]]:
    """Return `value`, `tuple` or `list`, and pairs of a name (or declaration) and a value."""
    form, parts = "value", [value]
    if type(value) is tuple:
        form, parts = "tuple", list(value)
    elif type(value) is list:
        text = None if explode_lists or len(names) > 1 else _encode_json(value)
        form, parts = ("list", value) if text is None else ("value", [_JsonList(value, text)])
    all_names = [*names, *(f"output_{position}" for position in range(len(names), len(parts)))]
    return form, list(zip(all_names, parts, strict=False))


def _output_name(item: Any) -> Any:
    return item.get("name") if isinstance(item, Mapping) else item


def _refuse_duplicates(names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OutputError(f"two outputs are named {', '.join(map(repr, twice))}", hint="give each a name of its own")


def _combine_failures(failed: Sequence[tuple[str, OvenbirdError]], outcome: RunResult) -> OutputError:
    problems = "; ".join(f"output {show_value(name)}: {error.message}" for name, error in failed)
    stored = [*outcome.results, *outcome.outputs]
    failure = OutputError(f"{problems}; stored: {', '.join(stored) or 'nothing'}", hint=failed[0][1].hint)
    failure.__cause__ = failed[0][1]
    return failure


def _store_one(item: Name, value: Any, project: Project, outcome: RunResult, *, as_file: bool) -> None:
    """Store one output.

    A dict or list of JSON values is a result; it is an artifact if it is large, or with `as_file`.
    """
    name = _output_name(item)
    text = None
    if isinstance(value, _JsonList):
        value, text = value
    elif isinstance(item, str) and isinstance(value, (dict, list)):
        text = _encode_json(value)
    if text is not None and isinstance(item, str):
        _store_json(name, text, project, outcome, as_file=as_file)
    elif isinstance(value, Entity):
        if not value._is_saved:
            value.save()
        _set_output(name, value.key, outcome)
    elif type(value).__module__.startswith("digitalhub."):
        _set_output(name, project.adopt_foreign(value), outcome)
    elif not isinstance(item, str):
        _set_stored_output(name, _store_declared(item, value, project), value, outcome)
    elif (result := _as_result(value)) is not None:
        outcome.results[name] = outcome.returned[name] = result[0]
        outcome.types[name] = name_result_type(value)
    else:
        _set_stored_output(name, _store_entity(name, value, project), value, outcome)


def _store_json(name: str, text: bytes, project: Project, outcome: RunResult, *, as_file: bool) -> None:
    """Store a JSON value as a result, or as an artifact."""
    import json

    outcome.types[name] = "json"
    value = json.loads(text) if len(text) <= LARGEST_RESULT else None
    if value is None or as_file:
        entity = _log_written_artifact(project, name, f"{name}.json", lambda path: _write_bytes(path, text))
        _set_output(name, entity.key, outcome)
        outcome.returned[name] = outcome.returned[name] if value is None else value
    else:
        outcome.results[name] = outcome.returned[name] = value


def _set_output(name: str, key: str, outcome: RunResult) -> None:
    """Add the key of a stored output to the outcome; the key is also its text for people."""
    outcome.outputs[name] = key
    outcome.returned[name] = Display(key)


def _set_stored_output(name: str, entity: Entity, value: Any, outcome: RunResult) -> None:
    """Add the key of a stored output to the outcome; its text for people is a path, the rows of a table, or the key."""
    _set_output(name, entity.key, outcome)
    outcome.types[name] = name_stored_type(value, entity.spec.get("path"))
    if (
        text := str(value)
        if isinstance(value, Path)
        else format_preview(entity.status.get("preview"))
        if get_engine(value)
        else ""
    ):
        outcome.returned[name] = Display(text)


def _as_result(value: Any) -> tuple[Any] | None:
    """Return the JSON value of a result in a tuple of length 1; None if the value is not a result.

    Results are str, int, float, bool, bytes and numpy scalars. Text stands for values that JSON cannot hold: the name
    of a number that is not finite, the digits of an integer beyond 64 bits, a `data:` URL for bytes that are not UTF-8.
    """
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not hasattr(value, "__len__"):
        value = _unwrap_scalar(value)
    if isinstance(value, bytes):
        try:
            return (value.decode(),)
        except UnicodeDecodeError:
            return ("data:application/octet-stream;base64," + b64encode(value).decode(),)
    if isinstance(value, bool):
        return (value,)
    if isinstance(value, int):
        return (int(value) if -(2**63) <= value < 2**64 else str(int(value)),)
    if isinstance(value, float):
        names = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
        return (names.get(str(float(value)), float(value)),)
    return (clean_text(value),) if isinstance(value, str) else None


def _unwrap_scalar(value: Any) -> Any:
    """Return a numpy scalar as a value of Python, a time as ISO text."""
    plain = value.item()
    if type(value).__name__ in ("datetime64", "timedelta64") and isinstance(plain, int):  # nanoseconds
        return str(value) if type(value).__name__ == "datetime64" else value
    return plain.isoformat() if hasattr(plain, "isoformat") else plain


def _store_entity(name: str, value: Any, project: Project) -> Entity:
    """Store a value that is not a result, by its type."""
    if get_engine(value):
        return project.log_dataitem(name, "table", data=value)
    if isinstance(value, Path):
        return project.log_artifact(name, source=value)
    if _is_a(value, "matplotlib", "Figure"):
        return _log_written_artifact(project, name, f"{name}.png", lambda path: value.savefig(path, format="png"))
    if _is_plain_array(value):
        return _log_written_artifact(project, name, f"{name}.npy", lambda path: _save_array(value, path))
    if _is_fitted(value):
        return _store_model(name, value, project)
    return _store_pickled(name, value, project)


def _store_declared(item: Mapping[str, Any], value: Any, project: Project) -> Entity:
    """Store a local path, or a DataFrame, as the kind of entity that the output declares."""
    name, kind = item["name"], item.get("kind") or "artifact"
    options = dict(item.get("spec_kwargs") or {})
    if KINDS[kind] == "dataitem" and get_engine(value):
        return project.log_dataitem(name, kind, data=value, **options)
    if not isinstance(value, (str, Path)):
        raise OutputError(
            f"it is declared as {show_value(kind)}, so the value is the path of a local file or"
            f" folder; found {name_type(value)}",
            hint="return the path, or name the output by a string alone",
        )
    return project._log(MATERIALS[KINDS[kind]], name, kind, str(value), **options)


def _log_written_artifact(project: Project, name: str, filename: str, write: Callable[[Path], str | None]) -> Entity:
    return project.log_artifact(name, write=write, filename=filename)


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _save_array(value: Any, path: Path) -> None:
    with path.open("wb") as file:
        # With a path numpy adds an extension; with the file itself it hides the reason if the disk is full.
        sys.modules["numpy"].save(SimpleNamespace(write=file.write), value, allow_pickle=False)


def _encode_json(value: Any) -> bytes | None:
    try:
        return encode_json(value)
    except NotJsonError:
        return None


def _is_a(value: Any, package: str, name: str) -> bool:
    return any(kind.__name__ == name and kind.__module__.partition(".")[0] == package for kind in type(value).__mro__)


def _is_plain_array(value: Any) -> bool:
    """Return whether `.npy` holds all of a value: of a subclass such as a masked array it has the data alone."""
    kind = type(value)
    name = kind.__name__ if kind.__module__.partition(".")[0] == "numpy" else ""
    return name in ("ndarray", "memmap") and not value.dtype.hasobject


def _is_fitted(value: Any) -> bool:
    """Return whether the value is a fitted estimator of scikit-learn."""
    if not _is_a(value, "sklearn", "BaseEstimator"):
        return False
    if hasattr(value, "__sklearn_is_fitted__"):
        return bool(value.__sklearn_is_fitted__())
    return any(name.endswith("_") and not name.startswith("__") for name in vars(value))


def _store_model(name: str, value: Any, project: Project) -> Entity:
    """Store an estimator as `model.pkl`, by pickle: joblib reads that too."""
    from ..platform.entities.model_environment import describe_signature

    data = _pickle(value)
    return project.log_sklearn(
        name,
        write=lambda path: _write_bytes(path, data),
        filename="model.pkl",
        algorithm=type(value).__name__,
        parameters=json_value(value.get_params(deep=False)),
        status={"signature": describe_signature(value)},
    )


def _store_pickled(name: str, value: Any, project: Project) -> Entity:
    data = _pickle(value)
    warn_user(
        f"output {show_value(name)} is of type {name_type(value)}, which {_explain_pickle(value)}: it is stored"
        " pickled, and only Python code that has the same packages can read it"
    )
    return _log_written_artifact(project, name, f"{name}.pickle", lambda path: _write_bytes(path, data))


def _explain_pickle(value: Any) -> str:
    if not isinstance(value, (dict, list)):
        return "no rule covers"
    try:
        encode_json(value)
    except NotJsonError as error:
        return f"JSON cannot hold ({error})"
    return "no rule covers"


def _pickle(value: Any) -> bytes:
    import pickle

    try:
        return pickle.dumps(value, protocol=5)
    except Exception as error:  # any class may raise anything from __reduce__
        raise UnpicklableError(
            f"it is a {name_type(value)} that cannot be pickled: {error}",
            hint="return a DataFrame, a dict, a Path of a file that you wrote, or an entity",
        ) from error
