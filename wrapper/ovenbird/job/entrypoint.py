"""Start a run: create its record and execute it, or fetch the run that the platform has started.

`platform_run` is imported only for runs of the platform, as a local run has to start quickly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..common.redact import redact_record
from ..errors import SettingsError
from ..function.loader import LoadedFunction
from ..function.target import Target
from ..platform.data_dir import backend_name
from ..platform.entities.run import run_metadata, start_run
from ..platform.project.project import resolve_project_name
from ..platform.store_factory import open_store
from ..settings import Settings, limits_as_variables
from .execution import JobRun, RunArguments, RunEnvironment
from .interrupt import hold_signals
from .parameters import display_parameters, from_file
from .result import RunEnd
from .run_process import execute, keep_open

NEW_RUN = "OVENBIRD_NEW_RUN"
"""The variable with the id of the run that the command records, for a caller that waits for that record."""


class RunTask(NamedTuple):
    """What a run has beside its arguments: the key of its function, if that is recorded, and fields for its spec."""

    function: str
    fields: Mapping[str, Any]


def run_function(
    target: Target | None, settings: Settings, environ: Mapping[str, str], launch: Mapping[str, Any]
) -> RunEnd:  # fmt: skip
    """Run the handler of the target once, and return its end. A run of the platform may need no target.

    `launch` records how the run was started, for a rerun. Errors: OvenbirdError if no record could be created.
    """
    environ = {**environ, **limits_as_variables(settings)}
    identity = environ.pop(NEW_RUN, None)
    os.environ.pop(NEW_RUN, None)  # a run that the function starts has an id of its own
    parameters = {**from_file(settings.params), **settings.param, **_read_indexed_line(settings)}
    store = keep_open(open_store(settings.platform, environ, settings.platform_patience))
    environment = RunEnvironment(settings, environ, store)
    if is_remote(settings, environ):
        from .platform_run import run as run_remote

        return run_remote(target, environment, parameters)
    assert target is not None
    check_output_flags(settings)
    return execute(start_job(target, environment, parameters, launch, identity=identity))


def choose_project(target: Target, settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the name of the project that the runs of a target belong to."""
    return resolve_project_name(settings.project, environ, target.function.project if target.function else "")


def start_job(
    function: Target | LoadedFunction,
    environment: RunEnvironment,
    parameters: dict[str, Any],
    launch: Mapping[str, Any],
    *,
    identity: str | None = None,
    task: RunTask | None = None,
) -> JobRun:
    """Record a run of this process, which does nothing else, and return its job.

    `identity` is the id of the run, by default a new one. A signal to stop is held until the job begins.
    """
    job = record_job(function, environment, parameters, launch, identity=identity, task=task)
    hold_signals()
    set_run_variables(job)
    return job


def set_run_variables(job: JobRun) -> None:
    """Let this process, and what it starts, know its run by the variables of the platform."""
    # The platform sets the first two. The third marks them as local: an `ovenbird run` that the function starts must
    # not take this run for its own.
    os.environ.update(RUN_ID=job.record.id, PROJECT_NAME=job.record.project, OVENBIRD_LOCAL_RUN=job.record.id)


def record_job(
    function: Target | LoadedFunction,
    environment: RunEnvironment,
    parameters: dict[str, Any],
    launch: Mapping[str, Any],
    *,
    identity: str | None = None,
    task: RunTask | None = None,
) -> JobRun:
    """Record a run of this process, and return its job. The variables of the process stay as they are."""
    settings, environ, store = environment
    target = function.target if isinstance(function, LoadedFunction) else function
    project = choose_project(target, settings, environ)
    store.open(project)
    spec = {
        **(task.fields if task else {}),
        "parameters": display_parameters(parameters),
        "inputs": {name: redact_record(text) for name, text in settings.input.items()},
    }
    if settings.init:
        spec["init_parameters"] = settings.init
    record = start_run(
        store, project, environ, function=task.function if task else None, spec=spec,
        status={"pid": os.getpid(), "launch": {**launch}}, identity=identity,
        metadata=run_metadata(settings.name, settings.tag, settings.note),
    )  # fmt: skip
    return JobRun(function, record, environment, RunArguments(parameters, settings.input, settings.init))


def check_output_flags(settings: Settings) -> None:
    """Raise SettingsError if a file or folder for results cannot be written, or is a file of the function."""
    flags = {"--result-file": settings.result_file, "--output-dir": settings.output_dir,
             "--files-store": settings.files_store}  # fmt: skip
    paths = {flag: name for flag, name in flags.items() if name not in ("", "-") and "://" not in name}
    if not paths:
        return
    from ..common.output_path import find_folder_problem, find_output_problem

    for flag, name in paths.items():
        path = Path(os.path.expanduser(name))  # noqa: PTH111  # keeps what it cannot expand
        if flag == "--result-file":
            inputs = [Path(text) for text in (settings.params, settings.each) if text not in ("", "-")]
            problem = find_output_problem(path, inputs)
        else:
            problem = find_folder_problem(path)
        if problem:
            raise SettingsError(f"{flag}: {problem}")


def is_remote(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Return whether the platform has started the run: then its record and arguments are read from Core."""
    is_named = environ.get("RUN_ID") and environ.get("PROJECT_NAME")
    return (
        bool(is_named)
        and environ.get("OVENBIRD_LOCAL_RUN") != environ["RUN_ID"]
        and backend_name(settings.platform, environ) == "core"
    )


def _read_indexed_line(settings: Settings) -> dict[str, Any]:
    """Return the parameters from this run's line of the `--each` file. Errors: ArgumentsError."""
    if not settings.each:
        return {}
    from .indexed_parameters import read_line

    return read_line(settings.each, settings.index)
