"""The process of one line: its streams, its signals, its run."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NamedTuple, NoReturn

from ...common.process_exit import end_process
from ...errors import OvenbirdError
from ...function.tracebacks import summarize_error
from ...platform.store import EntityStore
from ..entrypoint import start_job
from ..execution import RunEnvironment
from ..result import RunEnd
from ..run_process import execute, keep_open
from ..tee import redirect_output
from .lines import Line
from .outcome import RECORDED
from .plan import SharedFunction, SweepPlan

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_LONGEST = 4000  # bytes of a message: a pipe takes them at once


class LinePipes(NamedTuple):
    """The descriptors that a line's process writes to.

    `report` takes the error that its record cannot hold, else RECORDED and the state of the run. `output` takes all
    that is printed, where the store keeps no log; -1 otherwise.
    """

    report: int
    output: int


def run_line(
    plan: SweepPlan, line: Line, identity: str, shared: SharedFunction | None, store: EntityStore, pipes: LinePipes
) -> NoReturn:  # fmt: skip
    """Become the process of one line: run it as `identity`, and end with its exit status.

    `store` is that of the parent, which has closed it. The process gets a group of its own, so that Ctrl-C reaches it
    by the sweep alone.
    """
    code = 1
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        _reset_signals()
        end = _run(plan, line, identity, shared, store, pipes.output)
        code = end.exit_code
        _write_report(pipes.report, f"{RECORDED}{end.state}")
    except OvenbirdError as error:
        code = error.exit_code
        _write_report(pipes.report, str(error))
    except BaseException as error:
        _write_report(pipes.report, summarize_error(error))
    end_process(code)


def _run(
    plan: SweepPlan, line: Line, identity: str, shared: SharedFunction | None, store: EntityStore, output: int
) -> RunEnd:  # fmt: skip
    _replace_stream(0, os.open(os.devnull, os.O_RDONLY))
    if output >= 0:
        os.dup2(output, 1)
        os.dup2(output, 2)
    settings = plan.make_settings(line)
    store = keep_open(store if store.outlives_forks else plan.open_store())
    log = store.log_file(plan.project, identity)
    if log is not None:
        redirect_output(log)
    environment = RunEnvironment(settings, plan.environ, store)
    job = start_job(
        shared.handler.loaded if shared else plan.target,
        environment,
        plan.merge_parameters(line),
        plan.make_launch(line),
        identity=identity,
    )
    if shared is not None:
        job.handler, job.load_state, job.former_runs = shared.handler, shared.state, shared.former_runs
        if store.outlives_forks:  # Core's has to look the revision up before it writes a run of it
            job.function = shared.function
    job.stdout = None  # the sweep tells what was returned
    return execute(job, is_logged=True)


def _reset_signals() -> None:
    """Let signals end the process until its run handles them; one that is ignored stays ignored."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _replace_stream(number: int, descriptor: int) -> None:
    os.dup2(descriptor, number)
    os.close(descriptor)


def _write_report(report: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(report, text.encode("utf-8", "backslashreplace")[:_LONGEST])
