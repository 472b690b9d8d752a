"""A process of its own for runs that have to be waited for: those of a sweep, one in a container or a cluster.

It reads a request as JSON from stdin: `target`, `options` of `Function.run`, and `lines` with the parameters of each
run of a sweep, or `image` for the run in a container, or options of its `cluster`; `uploads` are files that go with
their runs. Its argument is the descriptor of a pipe that the page writes nothing to: its end is the end of the page,
and of the runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ovenbird.api.container import run_container
from ovenbird.api.function import Function, function
from ovenbird.api.run_request import CLUSTER, RunOptions, make_request
from ovenbird.common.lifeline import end_with_writer
from ovenbird.errors import OutputError, OvenbirdError, WaitTimeoutError
from ovenbird.platform.entities.run import Run
from ovenbird.platform.process_identity import read_own_identity
from ovenbird.platform.store_factory import open_store

from .sweep_runs import find_runs
from .uploads import mark_uploads

_INTERRUPTED = 130
_COMPLETED = "COMPLETED"
_PATIENCE = 5.0  # seconds that a store may take


def main() -> int:
    """Run what the request says, and return the exit status. A signal stops the runs as Ctrl-C does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    request = json.load(sys.stdin)
    lifeline = int(sys.argv[1])
    os.set_inheritable(lifeline, False)
    try:
        end_with_writer(lifeline)
        _mark(request, process=list(read_own_identity()))  # used as long as this process lives
        runner = _run_sweep if "lines" in request else _run_in_cluster if "cluster" in request else _run_once
        return runner(function(request["target"]), request)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OvenbirdError as error:
        print("\n".join(filter(None, (f"error: {error.message}", error.hint, error.cause))), file=sys.stderr)
        return error.exit_code


def _run_sweep(target: Function, request: dict[str, Any]) -> int:
    failed = 0
    try:
        with target.map(request["lines"], check=False, ordered=False, **request["options"]) as runs:
            for run in runs:
                report_run(run, request)
                failed += run.status.state != _COMPLETED
    except BaseException:
        _mark_runs(request)
        raise
    return 1 if failed else 0


def _mark_runs(request: dict[str, Any]) -> None:
    """Mark the uploads of a sweep that was stopped with all its runs: nobody has reported those that were stopped."""
    if not request["uploads"]["folders"]:
        return
    with (
        suppress(OvenbirdError),
        closing(open_store(os.environ.get("OVENBIRD_PLATFORM", ""), os.environ, _PATIENCE)) as store,
    ):
        for record in find_runs(store, request["project"], request["sweep"], len(request["lines"])):
            _mark(request, run=record["key"], store=request["uploads"]["store"])


def _run_once(target: Function, request: dict[str, Any]) -> int:
    options = {name: value for name, value in request["options"].items() if name != "params"}
    run_request = make_request(RunOptions(**options), request["options"]["params"], os.environ)
    run = run_container(
        target.source, run_request, request["image"], check=False, report=lambda run: report_run(run, request)
    )
    return 0 if run.status.state == _COMPLETED else 1


def _run_in_cluster(target: Function, request: dict[str, Any]) -> int:
    run = target.run(on=CLUSTER, wait=False, **request["options"], **request["cluster"])
    print(f"RUNNING {run.key}", flush=True)
    try:
        run.follow()
    except KeyboardInterrupt:
        run.stop()
        with suppress(WaitTimeoutError):
            report_run(run.wait(timeout=request["grace"]), request)
        raise
    report_run(run, request)
    return 0 if run.status.state == _COMPLETED else 1


def report_run(run: Run, request: dict[str, Any]) -> None:
    """Print how a run has ended, and mark the files that were sent for it."""
    _mark(request, run=run.key, store=request["uploads"]["store"])
    print(f"{run.status.state} {run.key}", flush=True)


def _mark(request: dict[str, Any], **user: Any) -> None:
    with suppress(OutputError):  # a full disk costs the mark, and not the runs
        mark_uploads(map(Path, request["uploads"]["folders"]), **user)


if __name__ == "__main__":
    sys.exit(main())
