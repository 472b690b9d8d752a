"""Run a function on Kubernetes, through the builder; a record of it is kept in the store of this process."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..common.event_wait import wait_for_event
from ..common.redact import has_password, is_secret_variable, redact_record, redact_url
from ..common.text import show_value
from ..errors import ArgumentsError, OvenbirdError, SettingsError
from ..function.target import name_function
from ..job.entrypoint import choose_project
from ..platform import keys
from ..platform.entities.entity import new_record
from ..platform.entities.run import FunctionRevision, Run, run_metadata
from ..platform.project.project import Project
from ..platform.store import EntityStore, format_timestamp
from .actions import open_action
from .child_request import make_plain_values
from .failures import check_run
from .image import build_image, name_build_target
from .process import open_log
from .run_request import RunRequest
from .sources import FunctionSource
from .stores import open_shared_store, read_run

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
    is_stopped = False  # whether this process has stopped it

    def stop(self) -> None:
        """Delete the Job; the function has a minute to end. Errors: the builder's own, of the cluster."""
        self.is_stopped = True  # before the call: the follower may see the end before it returns
        try:
            self.job.stop()
        except BaseException:
            self.is_stopped = False
            raise


def run_cluster(
    source: FunctionSource, request: RunRequest, options: dict[str, Any], *, wait: bool, check: bool
) -> Run:  # fmt: skip
    """Run the function as a Job, and return its run; without `wait`, as soon as the Job is there.

    Errors: RunFailedError with `check`; SettingsError, ArgumentsError; the builder's own, of what the cluster refuses
    or why the run could not be followed; KeyboardInterrupt, after the run was stopped.
    """
    values, environ = make_options(request, options), request.environ
    store = open_shared_store(request.settings, environ)  # before anything is started that no record would tell of
    with create_job(source, environ, values) as job:
        try:
            run = _record_run(store, source, request, job)
            follower = ClusterFollower(run, store, sys.stdout.write if wait else None)
        except BaseException:
            with contextlib.suppress(OvenbirdError):  # what has happened before tells more
                job.stop()
            raise
        if not wait:
            return run
        follower.wait()
    run.refresh()
    if follower.failure:
        raise follower.failure
    return check_run(run) if check else run


@contextlib.contextmanager
def create_job(source: FunctionSource, environ: Mapping[str, str], values: dict[str, Any]) -> Iterator[Any]:
    """Yield the Job of a function, whose image is built before where `build` is among the values.

    Errors: SettingsError where the builder is not installed; the builder's own.
    """
    text, _ = name_build_target(source, source.locate(environ))
    if repository := values.pop("build", ""):
        values["image"] = build_image(source, {"tag": repository, "push": True}, environ).reference
    with open_action("cluster") as start_job:
        yield start_job(text, values, {**os.environ, **environ})


class ClusterFollower:
    """A thread that follows a Job, keeps its log with the record, and completes the record. `show` gets the log too.

    The thread has a run object of its own, so that it shares none with the threads of the user.
    """

    def __init__(self, run: ClusterRun, store: EntityStore, show: Callable[[str], object] | None) -> None:
        self._run, self._store, self._show = run, store, show
        self._own_run = read_run(store, run.key, run._environ)
        self.failure: Exception | None = None
        # up to Python 3.12, after Ctrl-C in `Thread.join` a live thread counts as dead
        self._has_ended = threading.Event()
        run.process = self
        name = f"ovenbird-cluster-{run.job.name}"
        threading.Thread(target=self._follow, name=name, daemon=True).start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended and its end is recorded; return False if the time is over before.

        Errors: the builder's own, for a run that goes on but is not followed any more.
        """
        has_ended = wait_for_event(self._has_ended, timeout)
        if has_ended and self.failure and self._goes_on():
            raise self.failure
        return has_ended

    def wait(self) -> None:
        """Wait for the end. Ctrl-C stops the run. Errors: KeyboardInterrupt."""
        try:
            wait_for_event(self._has_ended)
        except KeyboardInterrupt:
            self._run.stop()
            self._has_ended.wait(_STOPPING)
            raise KeyboardInterrupt(f"run {self._run.id} was stopped") from None

    def _follow(self) -> None:
        run = self._own_run
        try:
            with open_log(self._store, run.project, run.id) as log:
                end = self._run.job.follow(lambda text: self._take(log, text))
            finish_run(run, end, is_stopped=self._run.is_stopped)
        except Exception as error:
            self.failure = error
            with contextlib.suppress(Exception):  # the store, or all else, has failed: the first error is raised
                self._record_failure(error)
        finally:
            self._has_ended.set()

    def _record_failure(self, error: Exception) -> None:
        """Record why there is no end, unless the run goes on in the cluster."""
        if self._run.is_stopped:
            self.failure = None
            _finish_stopped(self._own_run)
        elif not self._goes_on():
            kind = error.code if isinstance(error, OvenbirdError) else type(error).__name__
            details = {"type": kind, "message": str(error), "traceback": ""}
            self._own_run.finish("ERROR", message=str(error), error=details)

    def _goes_on(self) -> bool:
        """Return whether the run goes on although it could not be followed, as the builder's error says."""
        return not getattr(self.failure, "ends_run", True)

    def _take(self, log: int, text: str) -> None:
        os.write(log, text.encode())
        if self._show:
            try:
                self._show(text)
            except Exception:  # nobody reads: the record has the log all the same
                self._show = None


def make_options(request: RunRequest, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the builder's action. Errors: SettingsError, ArgumentsError."""
    settings = request.settings
    if secret := next((name for name, value in request.variables.items() if is_secret_variable(name, value)), ""):
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
    if settings.reuse:
        values["reuse"] = "true"
    if settings.timeout:
        values["timeout"] = f"{settings.timeout:.15g}s"
    return {**values, **{name: value for name, value in options.items() if value not in (None, "")}}


def _format_values(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in make_plain_values(dict(values)).items()]


def _check_input(name: str, text: str) -> str:
    if keys.is_key(text):
        return text
    if "://" in text:
        if has_password(text):
            raise ArgumentsError(
                f"the input {show_value(name)} is a URL with a password, and whoever reads the Job reads it",
                hint="a Secret of the namespace holds the credentials of a storage: `secret=`",
            )
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
    function = register_function(store, source, request)
    run = ClusterRun(store, create_record(store, function, request, job, request.parameters), request.environ)
    run.job = job
    return run


def register_function(store: EntityStore, source: FunctionSource, request: RunRequest) -> FunctionRevision:
    """Return the function of runs, recorded in their project."""
    target = source.locate(request.environ)
    project = choose_project(target, request.settings, request.environ)
    spec = {"source": {"handler": str(target), "root": str(target.root)}}
    return Project(store, project, request.environ).register_function(name_function(target), spec)


def create_record(
    store: EntityStore, function: FunctionRevision, request: RunRequest, job: Any, parameters: Mapping[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """Store the record of a run of a Job as RUNNING, and return it."""
    settings = request.settings
    record = new_record(
        function.project, "run", keys.RUN_KIND, "run",
        spec={
            "function": function.key, "parameters": make_plain_values(dict(parameters)),
            "inputs": {name: redact_record(text) for name, text in settings.input.items()},
        },
    )  # fmt: skip
    record["status"] = {
        "state": "RUNNING", "started": format_timestamp(), "cluster": {"job": job.name, "namespace": job.namespace},
    }  # fmt: skip
    record["metadata"].update(run_metadata(settings.name, settings.tag, settings.note))
    record["metadata"]["relationships"].append({"type": "run_of", "dest": function.key})
    store.create(record)
    return record


def finish_run(run: Run, end: Mapping[str, Any], *, is_stopped: bool) -> None:
    """Record how a run has ended."""
    if is_stopped and end["state"] != "COMPLETED":
        _finish_stopped(run)
        return
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


def _finish_stopped(run: Run) -> None:
    message = "stopped by this process"
    run.finish("STOPPED", message=message, error={"type": "stopped", "message": message, "traceback": ""})
