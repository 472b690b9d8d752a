"""Run a function on a DigitalHub platform, through its Core: it is registered, a run is created, Core executes it."""

from __future__ import annotations

import sys
import time
from typing import Any

from ..common.redact import is_secret_name, redact_url
from ..common.text import show_value
from ..errors import ArgumentsError, InputError, SettingsError
from ..function.target import Target, name_function
from ..job.entrypoint import choose_project
from ..platform import keys
from ..platform.core.store import DigitalHubStore
from ..platform.data_dir import backend_name
from ..platform.entities.entity import new_record
from ..platform.entities.run import Run, run_metadata
from ..platform.entities.run_log import LogTail
from ..platform.project.project import Project
from ..platform.store import FINAL
from .child_request import make_plain_values
from .failures import check_run
from .run_request import RunRequest
from .sources import FunctionSource
from .stores import open_shared_store, read_run

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a run
_STOPPING = 60.0  # seconds that a run may take to be stopped


class RemoteProcess:
    """The process of a run in the cluster, of which this process knows nothing but its record."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait so long; the record says whether it has ended."""
        time.sleep(timeout or 0.0)
        return False


def run_platform(source: FunctionSource, request: RunRequest, *, wait: bool, check: bool) -> Run:
    """Run the function on the platform, and return its run; without `wait`, as soon as Core has it.

    Errors: SettingsError where no platform is configured; RunFailedError with `check`; PlatformError;
    KeyboardInterrupt, after the run was stopped.
    """
    if backend_name(request.settings.platform, request.environ) != "core":
        raise SettingsError(
            'on="platform": no platform is configured', hint="`DHCORE_ENDPOINT` has the address of its Core"
        )
    _refuse_options(request)
    run = _submit_run(source, request)
    if not wait:
        return run
    _follow(run)
    return check_run(run) if check else run


def _refuse_options(request: RunRequest) -> None:
    """Raise SettingsError for what Core cannot be asked for."""
    settings = request.settings
    names = {"timeout": settings.timeout, "reuse": settings.reuse, "output_dir": settings.output_dir}
    if given := next((name for name, value in names.items() if value), ""):
        raise SettingsError(f'on="platform" takes no {given}=: Core has no field for it')
    if secret := next((name for name in request.variables if is_secret_name(name)), ""):
        raise SettingsError(
            f'on="platform": env= has {show_value(secret)}, and Core shows variables to all who read the run',
            hint="store it as a secret of the project, which the platform gives to the run",
        )


def _submit_run(source: FunctionSource, request: RunRequest) -> Run:
    target, settings, environ = source.locate(request.environ), request.settings, request.environ
    store = open_shared_store(settings, environ)
    assert isinstance(store, DigitalHubStore)
    project = choose_project(target, settings, environ)
    store.open(project)
    function = Project(store, project, environ).register_function(name_function(target), _describe_function(target))
    spec: dict[str, Any] = {
        "function": function.key, "inputs": _check_keys(settings.input),
        "parameters": make_plain_values(request.parameters),
    }  # fmt: skip
    if request.task:
        spec |= request.task.fields
    if settings.init:
        spec["init_parameters"] = make_plain_values(settings.init)
    if request.variables:
        spec["envs"] = [{"name": name, "value": value} for name, value in request.variables.items()]
    record = new_record(project, "run", keys.RUN_KIND, "run", spec=spec)
    record["metadata"].update(run_metadata(settings.name, settings.tag, settings.note))
    store.submit_run(record)
    run = read_run(store, record["key"], environ)
    run.process, run.is_own = RemoteProcess(), False  # what the cluster has pickled is not loaded here
    return run


def _describe_function(target: Target) -> dict[str, Any]:
    """Return the spec of the function; Core gets the text of its module with it. Errors: InputError."""
    document = target.function
    spec: dict[str, Any] = {"source": {"handler": str(target), "root": str(target.root)}}
    if document is not None and document.is_remote:
        spec["source"]["source"] = document.source
    elif not target.root.joinpath(*target.module.split(".")).with_suffix(".py").is_file():
        raise InputError(
            f"{target} is not one file, and Core takes one file or a URL",
            hint="a function document has a git or zip URL as `spec.source.source`",
        )
    if document is not None and document.requirements:
        spec["requirements"] = list(document.requirements)
    elif (path := target.root / "requirements.txt").is_file() and document is None:
        spec["requirements"] = [line for line in path.read_text().splitlines() if line.strip() and line[0] not in "#-"]
    return spec


def _check_keys(inputs: dict[str, str]) -> dict[str, str]:
    """Return inputs that the platform can read. Errors: ArgumentsError for a path of this machine."""
    for name, text in inputs.items():
        if not keys.is_key(text):
            raise ArgumentsError(
                f"the input {show_value(name)} is {show_value(redact_url(text))}: the platform reads entities alone",
                hint="`project.log_dataitem(...)` stores it, and returns an entity",
            )
    return inputs


def _follow(run: Run) -> None:
    """Print the log until the run has ended. Ctrl-C stops it; a second one leaves it to the platform."""
    log = LogTail(run)
    try:
        _wait_for_end(run, log, float("inf"))
    except KeyboardInterrupt:
        run.stop()
        _wait_for_end(run, log, _STOPPING)
        raise


def _wait_for_end(run: Run, log: LogTail, seconds: float) -> None:
    end, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        has_ended = run.refresh().status.state in FINAL
        if text := log.read():
            pause = _FIRST_PAUSE
        sys.stdout.write(text + ("\n" if has_ended and log.is_within_line else ""))
        sys.stdout.flush()
        if has_ended or time.monotonic() >= end:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
