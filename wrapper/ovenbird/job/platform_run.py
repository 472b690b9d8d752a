"""Fetch a run that the platform has started from Core, execute it, and report its status back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..common.named_paths import exists, is_file
from ..common.text import show_value
from ..errors import DocumentError, InputError, LoadError, PlatformError, UnsupportedRunError, UnsupportedRunKindError
from ..function.target import Target, from_document
from ..function_document import TWO_SOURCES, FunctionSpec, complete, validate
from ..platform import keys
from ..platform.core import serialization
from ..platform.entities.run import Run
from ..platform.store import EntityStore, Record, format_timestamp
from ..platform.store_factory import open_store
from ..settings import Settings
from .execution import JobRun, RunArguments, RunEnvironment
from .finalize import STOPPED
from .result import RunEnd
from .run_process import execute

SERVICE = "python+serve:run"  # the kind of the run of a service
_log = logging.getLogger("ovenbird")


def run(
    target: Target | None, environment: RunEnvironment, parameters: dict[str, Any],
    *, known_run: Record | None = None, replaceable: bool = False,
) -> RunEnd:  # fmt: skip
    """Execute the run `RUN_ID` of the project `PROJECT_NAME`, and return its end.

    `parameters` and the settings take precedence over those of the run, name by name. With `known_run`, the record of
    the run, only its state is read from the store. A run that was stopped before is not executed; its exit status is
    143.
    Errors: OvenbirdError. With `replaceable` an error in UNSERVED is raised before anything is run or recorded.
    """
    settings, environ, store = environment
    project, identity = keys.check_name(environ["PROJECT_NAME"], "PROJECT_NAME"), environ["RUN_ID"]
    run_record = fetch_run(store, project, identity, known_run=known_run)
    if run_record["status"].get("state") in ("STOP", "STOPPED"):
        _log.warning("run %s was stopped before it began", run_record["key"])
        return RunEnd(Run(store, run_record, environ), "STOPPED", STOPPED, {})
    spec = run_record["spec"]
    record = Run(store, run_record, environ)
    record.status.started = format_timestamp()
    job = JobRun(
        target or (lambda: resolve_target(store, run_record, Path(settings.source or "."), environ)),
        record,
        environment,
        RunArguments(
            {**(spec.get("parameters") or {}), **parameters},
            {**_input_keys(spec), **settings.input},
            {**(spec.get("init_parameters") or {}), **settings.init},
        ),
        remote=True, replaceable=replaceable,
    )  # fmt: skip
    return execute(job)


def resolve_service(settings: Settings, environ: Mapping[str, str]) -> tuple[Target, Settings]:
    """Return the target of the service that the run `RUN_ID` starts, and the settings with the parameters of its init.

    Parameters of init are, by precedence: those of the settings, `init_parameters` of the run, `parameters` of the run.
    """
    store = open_store(settings.platform, environ, settings.platform_patience)
    try:
        run = fetch_run(store, keys.check_name(environ["PROJECT_NAME"], "PROJECT_NAME"), environ["RUN_ID"], SERVICE)
        target = resolve_target(store, run, Path(settings.source or "."), environ)
    finally:
        store.close()
    spec = run["spec"]
    init = {**(spec.get("parameters") or {}), **(spec.get("init_parameters") or {}), **settings.init}
    return target, replace(settings, init=init)


def fetch_run(
    store: EntityStore, project: str, identity: str, kind: str = keys.RUN_KIND, *, known_run: Record | None = None
) -> Record:  # fmt: skip
    """Return the record of a run from the store; of `known_run` only the state is read again.

    Errors: PlatformError if the run or its project does not exist; UnsupportedRunKindError if it is of another kind.
    """
    key = keys.run_key(project, keys.check_id(identity, "RUN_ID"), "")
    try:
        if known_run is None:
            run = store.read(key)
        else:
            run = {**known_run, "status": {**known_run["status"], "state": store.read_state(key)}}
    except InputError as error:
        raise PlatformError(error.message, hint="`RUN_ID` and `PROJECT_NAME` say which run this is") from None
    if run["kind"] != kind:
        raise UnsupportedRunKindError(
            f"run {show_value(identity)} is of kind {show_value(run['kind'])}", hint=f"only {kind} is run here"
        )
    return run


def resolve_target(store: EntityStore, run: Record, folder: Path, environ: Mapping[str, str]) -> Target:
    """Return the target of a run: from the spec of the run if it holds the source, else from its function.

    The source is, in this order: the inline code of the document, the module in `folder` (where the platform has put
    it), a local path, or a download by its URL.
    Errors: DocumentError, LoadError; UnsupportedRunError for a kind or a source that is not supported.
    """
    spec = run["spec"]
    text = str(spec.get("function") or "")
    key = serialization.parse_function(text)
    if not spec.get("source"):
        if not key:
            raise DocumentError(f"run {run['id']} has no function: found {show_value(text)}")
        spec = store.read(keys.parse_key(key))["spec"]
    if key and keys.parse_key(key).kind != "python":
        raise UnsupportedRunError(
            f"the function {show_value(text)} is of kind {show_value(keys.parse_key(key).kind)}",
            hint="only python is run here",
        )
    function = _complete_document(spec, keys.parse_key(key).name if key else run["id"], run["project"], folder)
    module = (function.handler.rpartition(":")[0] or function.default_module).replace(".", "/")
    if function.code is not None or _has_module(folder / module):
        return from_document(function, "" if function.code is not None else str(folder))
    path = function.local_source
    if path is not None and exists(path):
        return from_document(function)
    if "://" in function.source:
        from .sources.download import download_source

        return from_document(function, str(download_source(function, store.storage_environ(environ))))
    missing = f"the source of {function.name} ({function.source or 'none'}) is not at hand"
    hint = "`--source`, or the variable `OVENBIRD_SOURCE`, names the folder that it was fetched to"
    raise LoadError(f"{missing}: no {module}.py in {show_value(str(folder))}", hint=hint)


def _has_module(path: Path) -> bool:
    return is_file(path.with_name(f"{path.name}.py")) or is_file(path / "__init__.py")


def _complete_document(spec: Mapping[str, Any], name: str, project: str, folder: Path) -> FunctionSpec:
    names = ("source", "python_version", "image", "base_image", "requirements")
    fields = {field: spec[field] for field in names if spec.get(field) is not None}
    document = {"name": name, "kind": "python", "project": project, "spec": fields}
    # The first problem is reported when the source is looked for. With two sources `code` is run, as the platform does.
    passed = ("spec.source.source: no file", TWO_SOURCES)
    problems = [text for text in validate(document, folder) if not text.startswith(passed)]
    if problems:
        raise DocumentError(f"the function {show_value(name)} of the platform is not valid:", problems=tuple(problems))
    return complete(document, folder.resolve())


def _input_keys(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys of the inputs by argument. Tools of the platform may have stored the whole entity."""
    inputs = {}
    for name, value in (spec.get("inputs") or {}).items():
        key = value.get("key") if isinstance(value, dict) else value
        if not isinstance(key, str):
            raise InputError(f"input {show_value(name)}: expected the key of an entity, found {type(value).__name__}")
        inputs[name] = key
    return inputs
