"""Run a function on Kubernetes, through the builder; a record of it is kept in the store of this process."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..common.redact import is_secret_name, redact_url
from ..common.text import show_value
from ..errors import ArgumentsError, OvenbirdError, SettingsError
from ..function.target import name_function
from ..job.entrypoint import choose_project
from ..platform import keys
from ..platform.entities.entity import new_record
from ..platform.entities.run import Run, run_metadata
from ..platform.project.project import Project
from ..platform.store import EntityStore, format_timestamp
from .actions import open_action
from .child_request import make_plain_values
from .failures import check_run
from .image import build_image, name_build_target
from .process import open_log
from .run_request import RunRequest
from .sources import FunctionSource
from .stores import open_shared_store

# options of `run(on="cluster")`, which other places take for parameters of the function
OPTIONS = frozenset(
    "namespace context image build cpu mem gpu disk secret volume secret_name pull_secret service_account store_secret"
    " files_store retries ttl start_timeout".split()
)
_STOPPING = 90.0  # seconds for a run that was stopped; its pod has 60
_BEFORE_CALL = (70, 71, 72, 73, 77)  # exit statuses of a run that has not called the function


class ClusterRun(Run):
    """A run in a cluster: a record in the store of this process, which a thread completes when the Job has ended."""

    job: Any = None

    def stop(self) -> None:
        """Delete the Job; the function has a minute to end."""
        self.job.stop()


def run_cluster(
    source: FunctionSource, request: RunRequest, options: dict[str, Any], *, wait: bool, check: bool
) -> Run:  # fmt: skip
    """Run the function as a Job, and return its run; without `wait`, as soon as the Job is there.

    Errors: RunFailedError with `check`; SettingsError, ArgumentsError; the builder's own, of what the cluster refuses;
    KeyboardInterrupt, after the run was stopped.
    """
    target, environ = source.locate(request.environ), request.environ
    text, _ = name_build_target(source, target)
    values = _make_options(request, options)
    if repository := values.pop("build", ""):
        values["image"] = build_image(source, {"tag": repository, "push": True}, environ).reference
    with open_action("cluster") as start_job:
        job = start_job(text, values, {**os.environ, **environ})
        store = open_shared_store(request.settings, environ)
        run = _record_run(store, source, request, job)
        follower = ClusterFollower(run, store, sys.stdout.write if wait else None)
        if not wait:
            return run
        follower.wait()
    if follower.failure:
        raise follower.failure
    return check_run(run) if check else run


class ClusterFollower:
    """A thread that follows a Job, keeps its log with the record, and completes the record. `show` gets the log too."""

    def __init__(self, run: ClusterRun, store: EntityStore, show: Callable[[str], object] | None) -> None:
        self._run, self._store, self._show = run, store, show
        self.failure: OvenbirdError | None = None
        self._thread = threading.Thread(target=self._follow, name=f"ovenbird-cluster-{run.job.name}", daemon=True)
        self._thread.start()
        run.process = self

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended and its end is recorded; return False if the time is over before."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Wait for the end. Ctrl-C stops the run. Errors: KeyboardInterrupt."""
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self._run.stop()
            self._thread.join(_STOPPING)
            raise KeyboardInterrupt(f"run {self._run.id} was stopped") from None

    def _follow(self) -> None:
        run = self._run
        try:
            with open_log(self._store, run.project, run.id) as log:
                end = run.job.follow(lambda text: self._take(log, text))
        except OvenbirdError as error:
            self.failure = error
            run.finish("ERROR", message=str(error), error={"type": error.code, "message": str(error), "traceback": ""})
        else:
            _finish_run(run, end)
        run.refresh()

    def _take(self, log: int, text: str) -> None:
        os.write(log, text.encode())
        if self._show:
            self._show(text)


def _make_options(request: RunRequest, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the builder's action. Errors: SettingsError, ArgumentsError."""
    settings = request.settings
    if secret := next((name for name in request.variables if is_secret_name(name)), ""):
        raise SettingsError(
            f'on="cluster": env= has {show_value(secret)}, and whoever reads the Job reads it',
            hint=f'a Secret of the namespace holds it: secret="{secret}=NAME"',
        )
    if settings.output_dir:
        raise SettingsError('on="cluster" takes no output_dir=: a folder of this machine is not there')
    values: dict[str, Any] = {
        "param": _format_values(request.parameters), "init": _format_values(settings.init),
        "input": [f"{name}={_check_input(name, text)}" for name, text in settings.input.items()],
        "env": [*_name_run(request), *(f"{name}={value}" for name, value in request.variables.items())],
    }  # fmt: skip
    if settings.timeout:
        values["timeout"] = f"{settings.timeout:g}s"
    return {**values, **{name: value for name, value in options.items() if value not in (None, "")}}


def _format_values(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in make_plain_values(dict(values)).items()]


def _check_input(name: str, text: str) -> str:
    if keys.is_key(text) or "://" in text:
        return text
    raise ArgumentsError(
        f"the input {show_value(name)} is {show_value(redact_url(text))}, a path of this machine",
        hint="a cluster reads URLs, and keys of a store that it shares",
    )


def _name_run(request: RunRequest) -> list[str]:
    """Return the variables that say what people call the run."""
    settings = request.settings
    texts = {
        "NAME": settings.name, "NOTE": settings.note, "PROJECT": settings.project,
        "TAG": json.dumps(settings.tag) if settings.tag else "",
    }  # fmt: skip
    return [f"OVENBIRD_{name}={text}" for name, text in texts.items() if text]


def _record_run(store: EntityStore, source: FunctionSource, request: RunRequest, job: Any) -> ClusterRun:
    """Record the run as RUNNING; no process of this machine owns it."""
    target, settings, environ = source.locate(request.environ), request.settings, request.environ
    project = choose_project(target, settings, environ)
    spec = {"source": {"handler": str(target), "root": str(target.root)}}
    function = Project(store, project, environ).register_function(name_function(target), spec)
    record = new_record(
        project, "run", keys.RUN_KIND, "run",
        spec={"function": function.key, "parameters": make_plain_values(request.parameters), "inputs": settings.input},
    )  # fmt: skip
    record["status"] = {
        "state": "RUNNING", "started": format_timestamp(), "cluster": {"job": job.name, "namespace": job.namespace},
    }  # fmt: skip
    record["metadata"].update(run_metadata(settings.name, settings.tag, settings.note))
    record["metadata"]["relationships"].append({"type": "run_of", "dest": function.key})
    store.create(record)
    run = ClusterRun(store, record, environ)
    run.job = job
    return run


def _finish_run(run: ClusterRun, end: Mapping[str, Any]) -> None:
    """Record how a run has ended."""
    error = None
    if end["exit_code"]:
        first, _, trace = str(end["error"] or "").partition("\n")
        kind, _, message = first.partition(": ")
        error = {"type": kind or "unknown", "message": message or first, "traceback": trace}
        if end["exit_code"] in _BEFORE_CALL:
            run.status.called = False
    run.status.remote = end["run"]
    run.finish(
        end["state"], message=error["message"] if error else "", error=error, results=end["results"],
        outputs=end["outputs"],
    )  # fmt: skip
