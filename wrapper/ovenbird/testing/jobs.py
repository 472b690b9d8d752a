"""Run a function as a job in this process, with a store of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.text import show_value
from ..errors import ArgumentsError, HandlerError, SettingsError
from ..function.context import current_call
from ..job.entrypoint import record_job, set_run_variables
from ..job.execution import JobRun, RunEnvironment
from ..job.interrupt import Uninterrupted
from ..job.job_trace import JobTraceContext
from ..job.result import RunEnd, RunFailed
from ..job.tee import tee_output
from ..platform.entities.run import Run
from ..serve.response.json_encode import encode
from .handlers import Testable, load_testable, make_settings
from .isolation import OUTSIDE, IsolatedStore, patched_environ


class JobResult:
    """A run that has ended: `state`, `results`, `outputs`, `metrics`, `error`, `logs` and `exit_code`.

    `run` is its record.
    The store is removed when nothing refers to this object and to its outputs, or by `close`.
    """

    def __init__(self, store: IsolatedStore, record: Run, exit_code: int) -> None:
        self._store = store
        self.run = record
        self.exit_code = exit_code
        self.state: str = record.status.state
        self.results: dict[str, Any] = record.results()
        self.error: dict[str, str] = dict(record.status.error or {})
        self.metrics: dict[str, Any] = dict(record.status.metrics or {})

    def __repr__(self) -> str:
        return f"<JobResult {self.state}, results: {show_value(self.results)}>"

    @property
    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name: entities (`as_df()`, `as_file()`, `as_path()`)."""
        return self.run.outputs()

    @property
    def logs(self) -> str:
        """Return what the run has printed and logged."""
        return "".join(part.text for part in self.run.logs())

    def close(self) -> None:
        """Close the store, and remove it if it is a new one."""
        self._store.dispose()


def run(
    handler: Testable,
    parameters: Mapping[str, Any] | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    init: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    store: str | os.PathLike[str] | None = None,
    raise_errors: bool = True,
    source: str = "",
    **settings: Any,
) -> JobResult:
    """Run the function once as `ovenbird run` does, and return what is recorded.

    An input is a path, URL or key, or the content itself: a DataFrame, bytes, or values that become JSON. `store` is a
    folder that is kept; by default the store is a new one. `settings` are those of `ovenbird run`, without `timeout`.
    Errors: with `raise_errors` what the function raised, else HandlerError, ArgumentsError and the like.
    """
    if "timeout" in settings:
        hint = "a time limit of the test itself, as of `pytest-timeout`"
        raise SettingsError("a job in this process has no `timeout`: it ends with a signal", hint=hint)
    loaded = load_testable(handler, source)
    isolated_store = IsolatedStore(store)
    try:
        with patched_environ(environ or {}, removed=OUTSIDE):
            variables = isolated_store.make_environ(secrets)
            texts = {name: _store_input(isolated_store, name, value) for name, value in (inputs or {}).items()}
            values = {"input": texts, "init": dict(init or {}), "platform": "local", **settings}
            environment = RunEnvironment(make_settings("run", values), variables, isolated_store)
            job = record_job(loaded, environment, dict(parameters or {}), {})
            set_run_variables(job)
            job.interruption, job.stdout = Uninterrupted(), None
            context = contextvars.copy_context()
            end = _run_apart(context, job) if _is_in_loop() else context.run(_execute, job)
        result = JobResult(isolated_store, job.project.get_run(job.record.key), end.exit_code)
    except BaseException:
        isolated_store.dispose()
        raise
    if end.exit_code and raise_errors:
        isolated_store.dispose()
        raise _choose_error(end.failure, result)
    return result


def _is_in_loop() -> bool:
    """Return whether this thread runs an event loop, so that a job cannot have one of its own here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_apart(context: contextvars.Context, job: JobRun) -> RunEnd:
    """Run the job in a thread of its own."""
    with concurrent.futures.ThreadPoolExecutor(1, "ovenbird-testing") as pool:
        return pool.submit(context.run, _execute, job).result()


def _execute(job: JobRun) -> RunEnd:
    current_call.set(JobTraceContext(job.record.id, "", ""))
    log = job.store.log_file(job.record.project, job.record.id)
    with tee_output(log) if log else contextlib.nullcontext():
        return job.run()  # in a local store, whose log needs no `flush_log`


def _choose_error(failure: BaseException | None, result: JobResult) -> BaseException:
    """Return what the function raised, else the error that the run has recorded."""
    cause = failure.__context__ if isinstance(failure, RunFailed) else failure
    return cause or HandlerError(result.error.get("message") or f"the run ended as {result.state}")


def _store_input(store: IsolatedStore, name: str, value: Any) -> str:
    """Return an input as text: a path or key as it is; a content is stored, and its path or key returned."""
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return str(Path(value).absolute())
    if hasattr(value, "to_parquet") or hasattr(value, "write_parquet"):
        return str(store.project("default").log_dataitem(name, kind="table", data=value).key)
    if not name.isidentifier():
        raise ArgumentsError(f"{show_value(name)} is no name of an argument")
    folder = store.home / "inputs"
    folder.mkdir(exist_ok=True)
    path = folder / (name if isinstance(value, bytes) else f"{name}.json")
    path.write_bytes(value if isinstance(value, bytes) else encode(value))
    return str(path)
