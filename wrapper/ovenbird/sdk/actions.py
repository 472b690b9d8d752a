"""`function.run(action, …)` of the platform's SDK: a job in a child process, a service, an image."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from ..common.text import show_value
from ..errors import ArgumentsError
from ..platform.entities.run import FunctionRevision, Run
from . import run_fields
from .service_calls import ServiceResponse, call_service

_log = logging.getLogger("ovenbird")


def run_action(
    function: FunctionRevision, action: str, wait: bool, log_info: bool, extensions: Any, fields: Mapping[str, Any]
) -> Run:  # fmt: skip
    """Run the function, and return the run. Errors: ArgumentsError for fields that the action has not."""
    run_fields.check_action(action)
    fields = run_fields.check_fields(action, fields)
    if extensions:
        raise ArgumentsError("extensions of runs are not kept by Ovenbird")
    if ignored := run_fields.list_cluster_fields(fields):
        _log.info("%s: recorded, and without effect on this machine", ", ".join(ignored))
    variables = read_variables(function, fields)
    if action == run_fields.JOB:
        from .job_runs import run_job

        return run_job(function, fields, variables, wait=wait, log_info=log_info)
    from . import action_runs

    start = action_runs.serve_function if action == run_fields.SERVE else action_runs.build_function
    run = start(function, fields, variables)
    return run.wait(log_info) if wait else run


def invoke_service(run: Run, method: str, url: str | None, options: Mapping[str, Any]) -> ServiceResponse:
    """Call the service of a run, and return its answer; see `service_calls`."""
    return call_service(run, method, url, options)


def read_variables(function: FunctionRevision, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the further variables of a run: its `envs`, and the values of its `secrets`. Errors: ArgumentsError."""
    variables = {item["name"]: item["value"] for item in fields.get("envs") or ()}
    for name in fields.get("secrets") or ():
        value = function._store.read_secret(function.project, name) or os.environ.get(name)
        if value is None:
            hint = "`project.new_secret(name, secret_value=…)`, or a variable of that name"
            raise ArgumentsError(f"the secret {show_value(name)} has no value in {function.project}", hint=hint)
        variables[name] = value
    return variables
