"""Run a function for each line of `--each` and each combination of `--grid`: check, import once, fork, report."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...common.fork_template import load_for_forks
from ...errors import SettingsError
from ...function.binder import JOB
from ...function.handler import Handler
from ...function.loader import LoadedFunction, load
from ...function.target import Target
from ...platform import keys
from ...platform.data_dir import backend_name, data_dir
from ...platform.project.project import Project
from ...settings import Settings, limits_as_variables
from ..entrypoint import check_output_flags, choose_project, is_remote
from ..execution import name_function
from ..load_state import LoadState
from ..parameters import from_file
from ..start_folder import absolute_environ, absolute_inputs, absolute_settings
from .line_checks import check_lines
from .lines import read_lines
from .plan import SharedFunction, SweepPlan
from .pool import SweepPool
from .report import SweepReport, open_results
from .template import Template

_SHORT = 8  # digits of a sweep's identity
_log = logging.getLogger("ovenbird")


def run_sweep(
    target: Target | None, settings: Settings, environ: Mapping[str, str], launch: Mapping[str, Any]
) -> int:  # fmt: skip
    """Run all lines, and return the highest exit status of their runs, or that of the signal which stopped them.

    Errors: SettingsError, ArgumentsError, LoadError, before anything is run.
    """
    environ = {**environ, **limits_as_variables(settings)}
    _refuse_flags(settings, environ)
    assert target is not None
    check_output_flags(settings)
    settings, environ = _resolve_paths(settings, environ)
    plan = SweepPlan(
        target, settings, environ, launch, choose_project(target, settings, environ),
        {**from_file(settings.params), **settings.param}, read_lines(settings.each, settings.grid),
        keys.new_id()[:_SHORT],
    )  # fmt: skip
    template = Template()
    if template.fork():
        return _run_template(plan, template)
    code = template.wait()
    return _run_lines(plan, None) if code is None else code


def _refuse_flags(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise SettingsError for flags that several runs cannot have."""
    if is_remote(settings, environ):
        raise SettingsError(
            "`--each` and `--grid` are many runs, and the platform has started one",
            hint="`--each FILE --index N` takes one line",
        )
    if settings.pdb:
        raise SettingsError("`--pdb` is for one run, not for those of `--each` and `--grid`")
    if settings.grid and settings.each and settings.index >= 0:
        raise SettingsError("`--index` takes one line of `--each`, and `--grid` makes several runs of it")


def _resolve_paths(settings: Settings, environ: Mapping[str, str]) -> tuple[Settings, Mapping[str, str]]:
    """Return both with absolute paths: the module is imported before the runs, and may go to another folder."""
    settings = replace(absolute_settings(settings), input=absolute_inputs(settings.input))
    environ = absolute_environ(environ)
    if backend_name(settings.platform, environ) != "core":
        environ["OVENBIRD_HOME"] = str(Path(data_dir(environ)).absolute())
    return settings, environ


def _run_template(plan: SweepPlan, template: Template) -> int:
    """Import the module, check all lines, and run them from here if that is safe."""
    from .. import inputs, outputs  # noqa: F401  # once, instead of in each child

    loaded, hazards = load_for_forks(lambda: load(plan.target))
    check_lines(plan, Handler(loaded, JOB, fields_only=True))
    shared = _share_function(plan, loaded)
    if hazards:
        _log.warning(
            "%s has left %s: a fork of it is not safe, so each line imports it anew",
            loaded.target.module, ", ".join(hazards),
        )  # fmt: skip
        template.refuse_forks()
        return 0
    return _run_lines(plan, shared)


def _share_function(plan: SweepPlan, loaded: LoadedFunction) -> SharedFunction:
    """Return the function for all lines. Record its revision once: several runs would each do so at the same moment."""
    state = LoadState(loaded, plan.environ)
    store = plan.open_store()
    store.open(plan.project)
    Project(store, plan.project, plan.environ).register_function(name_function(loaded.target), state.spec)
    former_runs = None
    if plan.settings.reuse:
        from ..reuse import FormerRuns

        former_runs = FormerRuns(store, plan.project)
    store.close()
    return SharedFunction(loaded, state, former_runs)


def _run_lines(plan: SweepPlan, shared: SharedFunction | None) -> int:
    store = plan.open_store()
    with open_results(plan.settings.result_file) as results:
        report = SweepReport(plan, results)
        code = SweepPool(plan, shared, store, report).run()
        code = report.conclude(code)
    store.close()
    return code
