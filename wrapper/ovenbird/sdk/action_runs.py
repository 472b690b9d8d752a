"""The actions `serve` and `build`: each in a process of its own, with a run that is read like any other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..api.child_process import ChildProcess
from ..api.child_request import ChildRequest
from ..api.process import RunningChild, open_log
from ..errors import PlatformOnlyError
from ..function.target import Target
from ..job.entrypoint import RunTask
from ..job.start_folder import absolute_environ, absolute_settings
from ..platform import keys
from ..platform.data_dir import backend_name, data_dir
from ..platform.entities.run import FunctionRevision, Run
from ..settings import Settings, resolve
from .recorded_source import RecordedSource, complete_document, make_document
from .run_fields import select_recorded

SERVE_KIND, BUILD_KIND = "python+serve:run", "python+build:run"
_RECORDED = ("resources", "volumes", "envs", "secrets", "profile", "labels", "name", "parameters", "init_parameters",
             "replicas", "service_type", "service_name", "instructions")  # fmt: skip
_NOT_INHERITED = ("RUN_ID", "OVENBIRD_LOCAL_RUN", "OVENBIRD_TARGET", "OVENBIRD_SOURCE", "OVENBIRD_RELOAD")
_FREE_PORT: dict[str, Any] = {
    "host": "127.0.0.1", "port": 0, "probe_port": 0, "admin_port": "", "drain_delay": 0, "workers": 1,
}  # fmt: skip


def serve_function(function: FunctionRevision, fields: Mapping[str, Any], variables: Mapping[str, str]) -> Run:
    """Start a service on a free port of this machine, which ends with this process; return its run.

    Parameters of init are `parameters` and `init_parameters`, of which the latter win.

    Errors: ArgumentsError, LoadError and the like for a service that cannot begin; PlatformOnlyError for a store in
    Core.
    """
    environ = _make_environ("serve", variables)
    target = RecordedSource(function).locate(environ)
    settings = make_service_settings(function.project, fields, environ)
    return _start(function, ("serve", SERVE_KIND), target, settings, fields, environ)


def build_function(function: FunctionRevision, fields: Mapping[str, Any], variables: Mapping[str, str]) -> Run:
    """Start a build of the function's image, and return its run. Errors: DocumentError, PlatformOnlyError."""
    environ = _make_environ("build", variables)
    document = complete_document(make_document(function))
    target = Target(Path.cwd(), document.default_module, document.handler, document.init, document)
    settings = absolute_settings(replace(resolve("run", {}, environ), project=function.project))
    return _start(function, ("build", BUILD_KIND), target, settings, fields, environ)


def make_service_settings(project: str, fields: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings of a service on a free port of this machine. Errors: SettingsError."""
    init = {**fields.get("parameters", {}), **fields.get("init_parameters", {})}
    settings = replace(resolve("serve", {}, environ), **_FREE_PORT, project=project, init=init)
    return absolute_settings(settings)


def _make_environ(action: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process. Errors: PlatformOnlyError for a store in Core."""
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    if backend_name(inherited.get("OVENBIRD_PLATFORM", ""), inherited) == "core":
        hint = "its console does, and `ovenbird serve` or `ovenbird build` here"
        raise PlatformOnlyError(f'`function.run("{action}")` of a function in Core is started by Core', hint=hint)
    return absolute_environ({**inherited, **variables, "OVENBIRD_HOME": str(Path(data_dir(inherited)).absolute())})


def _start(
    function: FunctionRevision, action: tuple[str, str], target: Target, settings: Settings,
    fields: Mapping[str, Any], environ: Mapping[str, str],
) -> Run:  # fmt: skip
    """Start the process of an action (its name, and the kind of its runs), and return its run."""
    name, kind = action
    identity = keys.new_id()
    task = RunTask(function.key, select_recorded(fields, _RECORDED))
    message = ChildRequest(
        target, settings, {}, {"on": "process", "action": name}, identity, is_logged=True, is_bound=kind == SERVE_KIND,
        task=task,
    ).encode()  # fmt: skip
    module = "ovenbird.sdk.service_process" if kind == SERVE_KIND else "ovenbird.sdk.build_process"
    with open_log(function._store, function.project, identity) as log:
        process = ChildProcess(message, environ, log, module=module)
    key = keys.run_key(function.project, identity, kind)
    return RunningChild(process, function._store, environ, key).begin()
