"""The action `job`: the function once, in a child process, with the arguments of the platform's SDK."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..api.process import run_process
from ..api.run_request import RunOptions, RunRequest, make_request
from ..job.entrypoint import RunTask
from ..platform.entities.run import FunctionRevision, Run
from .recorded_source import RecordedSource
from .run_fields import select_recorded

_RECORDED = ("resources", "volumes", "envs", "secrets", "profile", "replicas", "service_type", "service_name")


def run_job(
    function: FunctionRevision, fields: Mapping[str, Any], variables: Mapping[str, str], *, wait: bool, log_info: bool
) -> Run:  # fmt: skip
    """Run the function, and return its run: with `wait` or `local_execution` when it has ended, else at once.

    Errors: with `local_execution` RunFailedError for a run that fails, as the SDK raises what the function has raised;
    ArgumentsError, LoadError and the like for one that cannot begin.
    """
    is_local = bool(fields.get("local_execution"))
    request = make_job_request(function, fields, variables)
    run = run_process(RecordedSource(function), request, wait=is_local, check=is_local)
    return run.wait(log_info) if wait and not is_local else run


def make_job_request(function: FunctionRevision, fields: Mapping[str, Any], variables: Mapping[str, str]) -> RunRequest:
    """Return the request of a run of the function. Errors: ArgumentsError, SettingsError."""
    options = RunOptions(
        inputs=fields.get("inputs"), init=fields.get("init_parameters"), name=fields.get("name", ""),
        tags=fields.get("labels"), project=function.project, env=variables,
    )  # fmt: skip
    request = make_request(options, fields.get("parameters") or {}, os.environ)
    return replace(request, task=RunTask(function.key, select_recorded(fields, _RECORDED)))
