"""Run a recorded run again, with its parameters and inputs or with others."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.named_paths import is_folder
from ...common.redact import HIDDEN
from ...common.setting_values import RawArgument
from ...common.text import show_value
from ...errors import InputError
from ...platform.data_dir import backend_name, data_dir
from ...platform.store import Record
from ...settings import Settings, resolve

if TYPE_CHECKING:
    from ...job.result import RunEnd

FLAGS = (
    "param",
    "input",
    "init",
    "name",
    "tag",
    "note",
    "timeout",
    "result_file",
    "output_dir",
    "log_format",
    "log_level",
)
"""Flags of `ovenbird run` that a rerun takes too."""
_OF_ONE_RUN = (
    "PARAM",
    "PARAMS",
    "EACH",
    "INDEX",
    "GRID",
    "PARALLEL",
    "REUSE",
    "INPUT",
    "INIT_PARAMETERS",
    "NAME",
    "TAG",
    "NOTE",
    "TARGET",
    "SOURCE",
)
_OTHERS = ("JOB_COMPLETION_INDEX", "RUN_ID", "PROJECT_NAME")


@dataclass(frozen=True)
class RerunPlan:
    """How a run is repeated: `folder` is where it was started, `launch` what the new run records of its start."""

    target: str
    source: str
    folder: str
    settings: Settings
    environ: Mapping[str, str]
    launch: Mapping[str, str]


def plan_rerun(
    record: Record, flags: Mapping[str, Any], environ: Mapping[str, str], platform: str | None = None
) -> RerunPlan:
    """Return how to repeat a recorded run; `flags` holds the texts of flags of `ovenbird run`, by names in `FLAGS`.

    Paths among the flags are relative to the current folder. Errors: InputError when it is unknown how the run was
    started, its folder is gone, or inputs were read with secrets; SettingsError for the flags.
    """
    launch = _find_launch(record)
    settings, environ = _merge_settings(record, launch, {**flags, "platform": platform or None}, environ)
    return RerunPlan(
        launch["target"], settings.source, launch["folder"], settings, environ, {**launch, "rerun_of": record["key"]}
    )


def run_again(plan: RerunPlan) -> RunEnd:
    """Change to the folder of the run, run the job and return its end. Errors: OvenbirdError."""
    from ...function.target import parse
    from ...job.entrypoint import run_function

    os.chdir(plan.folder)
    return run_function(parse(plan.target, plan.source), plan.settings, plan.environ, dict(plan.launch))


def _find_launch(record: Record) -> dict[str, str]:
    """Return how the run was started. Errors: InputError when this is unknown, or its folder is gone."""
    launch = record["status"].get("launch") or {}
    if not launch.get("target"):
        hint = "only runs that `ovenbird run` has started can be run again"
        raise InputError(f"{record['key']} does not say how it was started", hint=hint)
    if not is_folder(Path(launch["folder"])):
        raise InputError(
            f"the folder {show_value(launch['folder'])} that the run was started in is not there",
            hint="a run that a container has started is run again in a container",
        )
    return {name: str(launch.get(name) or "") for name in ("target", "source", "folder")}


def _merge_settings(
    record: Record, launch: Mapping[str, str], flags: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[Settings, Mapping[str, str]]:
    """Return the settings of the new run: those of the recorded one, replaced by those of the flags."""
    own = {f"OVENBIRD_{name}" for name in _OF_ONE_RUN} | set(_OTHERS)
    environ = {name: value for name, value in environ.items() if name not in own}
    flags = {name: value for name, value in flags.items() if value is not None}
    for name in ("result_file", "output_dir"):  # relative to the current folder, not to that of the run
        if flags.get(name) not in (None, "", "-"):
            flags[name] = str(Path(flags[name]).absolute())
    flags |= {"project": record["project"], "source": launch["source"]}
    settings = resolve("run", {name: value for name, value in flags.items() if value != ""}, environ)
    if backend_name(settings.platform, environ) != "core":
        environ["OVENBIRD_HOME"] = str(Path(data_dir(environ)).absolute())
    return _merge_arguments(record["spec"], settings), environ


def _merge_arguments(spec: Mapping[str, Any], settings: Settings) -> Settings:
    """Return the settings with the recorded arguments where they give none. Errors: InputError for lost secrets."""
    parameters = {name: _restore_argument(value) for name, value in (spec.get("parameters") or {}).items()}
    inputs = {**(spec.get("inputs") or {}), **settings.input}
    if lost := [name for name, text in inputs.items() if HIDDEN in str(text)]:
        raise InputError(
            f"the inputs {', '.join(map(show_value, lost))} were read with secrets, which are not recorded",
            hint=f"`--input {lost[0]}=URL` gives it again",
        )
    inputs = {name: text for name, text in inputs.items() if name not in settings.param}
    parameters = {name: value for name, value in parameters.items() if name not in settings.input}
    init = {**(spec.get("init_parameters") or {}), **settings.init}
    return replace(settings, param={**parameters, **settings.param}, input=inputs, init=init)


def _restore_argument(value: Any) -> Any:
    """Return a recorded parameter as it was typed: the hint decides whether `5` is a number or text."""
    return value if isinstance(value, str) else RawArgument(json.dumps(value))
