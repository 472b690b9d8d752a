"""Run a function for each line of parameters: check all of them, import once, fork a process for each, report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ...common.fork_template import load_for_forks
from ...errors import OvenbirdError
from ...function.binder import JOB
from ...function.handler import Handler
from ...function.loader import load
from ...function.target import Target, name_function
from ...platform import keys
from ...platform.data_dir import backend_name, data_dir
from ...platform.project.project import Project
from ...settings import Settings, limits_as_variables
from ..entrypoint import choose_project
from ..load_state import LoadState
from ..parameters import from_file
from ..start_folder import absolute_environ, absolute_inputs, absolute_settings
from .line_checks import check_lines
from .lines import LineCollection
from .plan import SharedFunction, SweepPlan
from .pool import LineReporter, SweepPool
from .sweep_reports import SweepReports
from .template import Template

_SHORT = 8  # digits of a sweep's identity
_log = logging.getLogger("ovenbird")


class Reporter(LineReporter, Protocol):
    """Tells how the lines end, and at last what is the exit status of all."""

    def conclude(self, code: int) -> int:
        """Tell that nothing is left to run; return the exit status, `code` unless something could not be told."""


OpenReporter = Callable[[SweepPlan], AbstractContextManager[Reporter]]


def make_plan(
    target: Target, settings: Settings, environ: Mapping[str, str], launch: Mapping[str, Any], lines: LineCollection
) -> SweepPlan:  # fmt: skip
    """Return the plan of a run for each line. `launch` says how the sweep was started.

    Errors: ArgumentsError for a file of parameters that cannot be read.
    """
    settings, environ = _resolve_paths(settings, {**environ, **limits_as_variables(settings)})
    return SweepPlan(
        target, settings, environ, launch, choose_project(target, settings, environ),
        {**from_file(settings.params), **settings.param}, lines, keys.new_id()[:_SHORT],
    )  # fmt: skip


def run_sweep(plan: SweepPlan, open_reporter: OpenReporter) -> int:
    """Run all lines, and return the highest exit status of their runs, or that of the signal which stopped them.

    The process forks, and `open_reporter` is called in the one that starts the runs. Errors: ArgumentsError, LoadError,
    before anything is run: they are raised in the fork, whose exit status is that of the sweep then.
    """
    template = Template()
    if template.fork():
        return _run_template(plan, template, open_reporter)
    code = template.wait()
    return _run_lines(plan, None, open_reporter) if code is None else code


def _resolve_paths(settings: Settings, environ: Mapping[str, str]) -> tuple[Settings, Mapping[str, str]]:
    """Return both with absolute paths: the module is imported before the runs, and may go to another folder."""
    settings = replace(absolute_settings(settings), input=absolute_inputs(settings.input))
    environ = absolute_environ(environ)
    if backend_name(settings.platform, environ) != "core":
        environ["OVENBIRD_HOME"] = str(Path(data_dir(environ)).absolute())
    return settings, environ


def _run_template(plan: SweepPlan, template: Template, open_reporter: OpenReporter) -> int:
    """Import the module, check all lines, and run them from here if that is safe."""
    from ...common import termination_log  # noqa: F401  # once, instead of in each child, as the next ones
    from .. import inputs, outputs  # noqa: F401

    loaded, hazards = load_for_forks(lambda: load(plan.target))
    handler = Handler(loaded, JOB, fields_only=True)
    check_lines(plan, handler)
    shared = _share_function(plan, handler)
    if hazards:
        _log.warning(
            "%s has left %s: a fork of it is not safe, so each line imports it anew",
            loaded.target.module, ", ".join(hazards),
        )  # fmt: skip
        template.refuse_forks()
        return 0
    return _run_lines(plan, shared, open_reporter)


def _share_function(plan: SweepPlan, handler: Handler) -> SharedFunction:
    """Return the function for all lines. Record its revision once: several runs would each do so at the same moment."""
    state = LoadState(handler.loaded, plan.environ)
    store = plan.open_store()
    store.open(plan.project)
    project = Project(store, plan.project, plan.environ)
    revision = project.register_function(name_function(handler.loaded.target), state.spec)
    former_runs = None
    if plan.settings.reuse:
        from ..reuse import FormerRuns

        former_runs = FormerRuns(store, plan.project)
    store.close()
    return SharedFunction(handler, state, revision.key, former_runs)


def _run_lines(plan: SweepPlan, shared: SharedFunction | None, open_reporter: OpenReporter) -> int:
    reports = SweepReports(plan)
    plan, code = reports.start(), OvenbirdError.exit_code
    try:
        store = plan.open_store()
        with open_reporter(plan) as reporter:
            code = SweepPool(plan, shared, store, reporter).run()
            code = reporter.conclude(code)
        store.close()
    finally:
        reports.end(code)
    return code
