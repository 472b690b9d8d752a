"""A run in a cluster for the Python API: started from values, followed with its log as text, stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ovenbird.common.did_you_mean import suggest_names
from ovenbird.common.text import show_value
from ovenbird.common.units import parse_duration

from ..cluster.follow_run import follow_run
from ..cluster.follow_sweep import follow_sweep
from ..cluster.jobs import CreatedJob, delete_job, settle_failure
from ..cluster.kubectl import Kubectl
from ..cluster.run_view import RunView
from ..errors import BuildRequestError, ClusterError, ObjectMissingError
from ..host.flag_values import parse_flag
from ..kubernetes.pod import CONTAINER
from .cluster_run import SETTINGS, submit_job
from .manifest_flags import make_flags

# options that are texts, lists of texts or numbers, by the names of the flags of `ovenbird run --cluster`
_TEXTS = ("namespace", "image", "cpu", "mem", "gpu", "disk", "secret_name", "pull_secret", "service_account",
          "store_secret", "files_store", "ttl", *SETTINGS)  # fmt: skip
_LISTS = ("param", "input", "init", "env", "secret", "volume", "set")
_LONGEST_LOG = 16 * 1024**2  # bytes; a node keeps 10 MiB, unless it is set up otherwise
OPTIONS = (*_TEXTS, *_LISTS, "context", "retries", "start_timeout", "lines", "parallelism")


class ClusterJob:
    """A Job that was started: its `name` and `namespace`."""

    def __init__(self, kubectl: Kubectl, job: CreatedJob, start_limit: float) -> None:
        self.name, self.namespace = job.name, job.namespace
        self._kubectl, self._start_limit = kubectl, start_limit

    def follow(self, write: Callable[[str], object]) -> dict[str, Any]:
        """Hand the log to `write` until the run has ended, and return its end: `state`, `exit_code`, `results`, ….

        A Job that does not start is deleted. Errors: ClusterError and its subclasses, whose `ends_run` says whether
        nothing of the run goes on.
        """
        view = RunView(_TextLog(write))
        try:
            return follow_run(self._kubectl, self.name, view, start_limit=self._start_limit).to_dict()
        except ClusterError as error:
            settle_failure(self._kubectl, self.name, error, is_own=True)
            raise

    def follow_indexes(self, take: Callable[[dict[str, Any]], object]) -> None:
        """Hand the end of each index to `take`, until all have ended: as `follow`, with `index`. Errors: as there."""
        try:
            follow_sweep(
                self._kubectl, self.name, RunView(), lambda end: take(end.to_dict()), start_limit=self._start_limit
            )
        except ClusterError as error:
            settle_failure(self._kubectl, self.name, error, is_own=True)
            raise

    def read_log(self, pod: str) -> str:
        """Return the log of a pod; empty where it cannot be read."""
        try:
            return self._kubectl.run("logs", pod, f"--container={CONTAINER}", f"--limit-bytes={_LONGEST_LOG}")
        except ClusterError:
            return ""

    def stop(self) -> None:
        """Delete the Job, unless it is gone; its pods have a minute to end. Errors: ClusterError and its subclasses."""
        with contextlib.suppress(ObjectMissingError):
            delete_job(self._kubectl, self.name)


class _TextLog:
    """What a view writes a log to; the lines are handed on as text."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def write(self, data: bytes) -> None:
        self._write(data.decode(errors="replace"))

    def flush(self) -> None:
        """Do nothing: whoever takes the lines decides."""


def start_job(target: str, options: Mapping[str, Any], environ: Mapping[str, str]) -> ClusterJob:
    """Create the Job of a target, and return it. `options` are those of `OPTIONS`, as the flags have them.

    Errors: BuildRequestError, DocumentError; ClusterError and its subclasses.
    """
    values = {name: _check_option(name, value) for name, value in options.items()}
    context, limit = values.pop("context", ""), values.pop("start_timeout", 0.0)
    flags = make_flags(**{"target": target, **dict.fromkeys(SETTINGS, ""), "log_format": "text", **values})
    kubectl = Kubectl(environ, context=context, namespace=flags.namespace)
    return ClusterJob(kubectl, submit_job(flags, environ, kubectl, RunView()), limit)


def _check_option(name: str, value: Any) -> Any:
    """Return the value of an option as its flag has it. Errors: BuildRequestError."""
    if name not in OPTIONS:
        hint = suggest_names(name, OPTIONS)
        raise BuildRequestError(f"a run in a cluster has no option {show_value(name)}", hint=hint)
    if name in _LISTS:
        return _check_list(name, value)
    if name == "start_timeout":
        return _check_duration(name, value)
    if name in ("retries", "parallelism"):
        return parse_flag(_parse_count, _check_text(name, value), f"{name}=")
    if name == "lines":
        return value
    return _check_text(name, value)


def _check_text(name: str, value: Any) -> str:
    """Return a text, or a number as one. Errors: BuildRequestError."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise BuildRequestError(f"{name}= takes a text or a number, found {show_value(value)}")


def _check_list(name: str, value: Any) -> list[str]:
    """Return texts, from one, several, or a mapping of names to texts. Errors: BuildRequestError."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [f"{key}={_check_text(name, text)}" for key, text in value.items()]
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return list(value)
    raise BuildRequestError(f"{name}= takes a text, or a list of texts, found a value of type {type(value).__name__}")


def _check_duration(name: str, value: Any) -> float:
    """Return seconds, from a number of them or a text such as `5m`. Errors: BuildRequestError."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return parse_flag(parse_duration, _check_text(name, seconds), f"{name}=")


def _parse_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("a number that is 0 or more")
    return int(text)
