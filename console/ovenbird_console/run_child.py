"""A process of its own for runs that have to be waited for: those of a sweep, and one in a container.

It reads a request as JSON from stdin: `target`, `options` of `Function.run`, and `lines` with the parameters of each
run of a sweep, or `image` for the run in a container; `uploads` are files that go with their runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from ovenbird.api.container import run_container
from ovenbird.api.function import Function, function
from ovenbird.api.run_request import RunOptions, make_request
from ovenbird.errors import OvenbirdError
from ovenbird.platform.entities.run import Run

from .uploads import mark_uploads

_INTERRUPTED = 130
_COMPLETED = "COMPLETED"


def main() -> int:
    """Run what the request says, and return the exit status. A signal stops the runs as Ctrl-C does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    request = json.load(sys.stdin)
    try:
        runner = _run_sweep if "lines" in request else _run_once
        return runner(function(request["target"]), request)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OvenbirdError as error:
        print("\n".join(filter(None, (f"error: {error.message}", error.hint, error.cause))), file=sys.stderr)
        return error.exit_code


def _run_sweep(target: Function, request: dict[str, Any]) -> int:
    failed = 0
    with target.map(request["lines"], check=False, ordered=False, **request["options"]) as runs:
        for run in runs:
            _tell(run, request)
            failed += run.status.state != _COMPLETED
    return 1 if failed else 0


def _run_once(target: Function, request: dict[str, Any]) -> int:
    options = {name: value for name, value in request["options"].items() if name != "params"}
    run_request = make_request(RunOptions(**options), request["options"]["params"], os.environ)
    run = run_container(target.source, run_request, request["image"], check=False)
    _tell(run, request)
    return 0 if run.status.state == _COMPLETED else 1


def _tell(run: Run, request: dict[str, Any]) -> None:
    mark_uploads(request.get("uploads") or (), run.key)
    print(f"{run.status.state} {run.key}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
