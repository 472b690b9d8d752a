"""Start a run: decide where it comes from, make its record, and execute it.

The platform's own runs are taken over by `platform_run`, which is imported for them only: an empty run has to be quick.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.redact import redact_record
from ..common.text import show_value
from ..errors import SettingsError
from ..function.target import Target
from ..platform.data_dir import backend_name
from ..platform.entities.run import run_metadata, start_run
from ..platform.project.project import resolve_project_name
from ..platform.store_factory import open_store
from ..settings import Settings, limits_as_variables
from .execution import JobRun, RunArguments, RunEnvironment, execute, keep
from .parameters import from_file, shown


def run(target: Target | None, settings: Settings, environ: Mapping[str, str], launch: Mapping[str, str]) -> int:
    """Run the target's handler once; a run that the platform has started may name its target itself. The exit status.

    `launch` says how it was started, for a rerun. Errors: OvenbirdError where not even a record could be made.
    """
    environ = {**environ, **limits_as_variables(settings)}
    parameters = {**from_file(settings.params), **settings.param, **_line(settings)}
    store = keep(open_store(settings.platform, environ, settings.platform_patience))
    environment = RunEnvironment(settings, environ, store)
    if is_remote(settings, environ):
        from .platform_run import run as run_remote

        return run_remote(target, environment, parameters)
    assert target is not None
    _refuse_result_file(settings)
    name = resolve_project_name(settings.project, environ, target.function.project if target.function else "")
    store.open(name)
    spec = {
        "parameters": shown(parameters),
        "inputs": {name: redact_record(text) for name, text in settings.input.items()},
    }
    if settings.init:
        spec["init_parameters"] = settings.init
    metadata = run_metadata(settings.name, settings.tag, settings.note)
    record = start_run(
        store, name, environ, spec=spec, status={"pid": os.getpid(), "launch": {**launch}}, metadata=metadata
    )
    # as in the platform; the third tells an `ovenbird run` that the function starts that this run is not its own
    os.environ.update(RUN_ID=record.id, PROJECT_NAME=record.project, OVENBIRD_LOCAL_RUN=record.id)
    return execute(JobRun(target, record, environment, RunArguments(parameters, settings.input, settings.init)))


def _refuse_result_file(settings: Settings) -> None:
    """Raise SettingsError for a result file that would take the place of a file of the function's."""
    name = settings.result_file
    if name in ("", "-") or "://" in name:
        return
    from ..common.output_path import is_source_file

    if is_source_file(Path(name), [Path(text) for text in (settings.params, settings.each) if text]):
        problem = f"{show_value(name)} is a file that the function is made of, and is not replaced"
        raise SettingsError(f"--result-file: {problem}")


def is_remote(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether the run is one that the platform has started: it is taken from Core, with all that belongs to it."""
    is_named = environ.get("RUN_ID") and environ.get("PROJECT_NAME")
    return (
        bool(is_named)
        and environ.get("OVENBIRD_LOCAL_RUN") != environ["RUN_ID"]
        and backend_name(settings.platform, environ) == "core"
    )


def _line(settings: Settings) -> dict[str, Any]:
    """Parameters from the line of --each that is this run's. Errors: SettingsError, ArgumentsError."""
    if not settings.each:
        return {}
    from .indexed_parameters import line

    return line(settings.each, settings.index)
