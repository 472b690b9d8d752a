"""What a run is asked for with: checked values, before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ..common.did_you_mean import suggest_names
from ..common.setting_values import run_name, tag
from ..common.text import show_value
from ..common.units import parse_duration
from ..errors import ArgumentsError, SettingsError
from ..job.entrypoint import RunTask
from ..settings import Settings, limits_as_variables, resolve

HERE, PROCESS, CONTAINER, CLUSTER, PLATFORM = "here", "process", "container", "cluster", "platform"
PLACES = (HERE, PROCESS, CONTAINER, CLUSTER, PLATFORM)
# variables that say what one run is: those of the run around this one, if there is one
_OF_ONE_RUN = ("PARAM", "PARAMS", "EACH", "GRID", "INPUT", "INDEX", "NAME", "TAG", "NOTE", "RESULT_FILE", "PDB",
               "CONTAINER", "IMAGE", "ENGINE", "ENV", "ENV_FILE", "SOURCE", "INIT_PARAMETERS")  # fmt: skip
_NOT_INHERITED = ("RUN_ID", "OVENBIRD_LOCAL_RUN", "JOB_COMPLETION_INDEX")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of a run as they were given: each is checked by `make_request`."""

    inputs: Mapping[str, Any] | None = None
    init: Mapping[str, Any] | None = None
    name: str = ""
    tags: Any = None
    note: str = ""
    timeout: float | str | timedelta | None = None
    reuse: bool = False
    project: str = ""
    env: Mapping[str, str] | None = None
    output_dir: str | os.PathLike[str] = ""


@dataclass(frozen=True)
class RunRequest:
    """A run that can be started: settings as those of the command, all variables of its process, its parameters.

    `variables` are those of `env=` alone; `launch` says how the run was started; `task` is what is recorded beside it.
    """

    settings: Settings
    environ: dict[str, str]
    parameters: dict[str, Any]
    variables: dict[str, str] = field(default_factory=dict)
    launch: dict[str, Any] = field(default_factory=dict)
    task: RunTask | None = None


def choose_place(text: str) -> str:
    """Return where to run. Errors: SettingsError."""
    if text not in PLACES:
        hint = suggest_names(str(text), PLACES) or "one of " + ", ".join(PLACES)
        raise SettingsError(f"on={show_value(text)}: a run cannot be there", hint=hint)
    return text


def make_request(options: RunOptions, parameters: Mapping[str, Any], environ: Mapping[str, str]) -> RunRequest:
    """Return the request of checked options. Errors: SettingsError, ArgumentsError."""
    variables = check_variables(options.env)
    all_variables = {name: value for name, value in {**environ, **variables}.items() if name not in _NOT_INHERITED}
    own = {f"OVENBIRD_{name}" for name in _OF_ONE_RUN}
    settings = resolve("run", {}, {name: value for name, value in all_variables.items() if name not in own})
    settings = replace(
        settings,
        input=_check_inputs(options.inputs),
        init=check_init(options.init),
        name=_check_name(options.name),
        tag=_check_tags(options.tags),
        note=_check_text("note", options.note),
        timeout=_check_timeout(options.timeout, settings.timeout),
        reuse=bool(options.reuse) or settings.reuse,
        project=_check_text("project", options.project) or settings.project,
        output_dir=os.fspath(options.output_dir) or settings.output_dir,
    )
    all_variables |= limits_as_variables(settings)
    return RunRequest(settings, all_variables, dict(parameters), variables)


def merge_parameters(fixed: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `params=` and those by keyword. Errors: ArgumentsError for one that is given twice."""
    if fixed is not None and not isinstance(fixed, Mapping):
        raise ArgumentsError(f"params= takes a mapping of names to values, found {type(fixed).__name__}")
    for name in fixed or {}:
        if not isinstance(name, str):
            raise ArgumentsError(f"params= has a name that is no text: {show_value(name)}")
        if name in named:
            raise ArgumentsError(f"the parameter {show_value(name)} is given twice: by keyword, and in params=")
    return {**(fixed or {}), **named}


def check_init(init: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters of init. Errors: ArgumentsError for what is no mapping of names to values."""
    if init is not None and not isinstance(init, Mapping):
        raise ArgumentsError(f"init= takes a mapping of names to values, found {type(init).__name__}")
    for name in init or {}:
        if not isinstance(name, str):
            raise ArgumentsError(f"init= has a name that is no text: {show_value(name)}")
    return dict(init or {})


def _check_inputs(inputs: Mapping[str, Any] | None) -> dict[str, str]:
    """Return each input as the text of the command line: a key, a path or a URL. Errors: ArgumentsError."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise ArgumentsError(f"inputs= takes a mapping of names to paths, URLs or keys, found {type(inputs).__name__}")
    return {name: _describe_input(name, value) for name, value in (inputs or {}).items()}


def _describe_input(name: str, value: Any) -> str:
    if isinstance(value, str):
        if not value:
            hint = "a path, a URL, a key or an entity; `.` is the current folder"
            raise ArgumentsError(f"the value of the input {show_value(name)} is empty", hint=hint)
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    key = getattr(value, "key", None)
    if isinstance(key, str) and "://" in key:  # an entity, such as an output of another run
        return key
    raise ArgumentsError(
        f"the input {show_value(name)} is of type {type(value).__name__}",
        hint="a path, a URL, a key or an entity; `project.log_dataitem` stores a table, and returns an entity",
    )


def _check_name(name: str) -> str:
    if not name:
        return ""
    try:
        return run_name(_check_text("name", name))
    except ValueError as error:
        raise SettingsError(f"name={show_value(name)}: expected {error}") from None


def _check_tags(tags: Any) -> dict[str, Any]:
    """Return tags as a mapping, from a mapping or from words and `key=value`. Errors: SettingsError."""
    if isinstance(tags, Mapping):
        return {str(key): "" if value is None else str(value) for key, value in tags.items()}
    try:
        words = [tags] if isinstance(tags, str) else list(tags or ())
        return {key: value for word in words for key, value in tag(word).items()}
    except (ValueError, AttributeError, TypeError):
        raise SettingsError(
            f"tags={show_value(tags)}: expected a mapping, or texts as `key=value`",
            hint='tags={"model": "small"}',
        ) from None


def _check_timeout(timeout: float | str | timedelta | None, default: float) -> float:
    """Return a time limit in seconds. Errors: SettingsError."""
    if timeout is None:
        return default
    try:
        if isinstance(timeout, str):
            return parse_duration(timeout)
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
        if isinstance(timeout, bool) or not 0 <= seconds < 10**9:
            raise ValueError("a number of seconds that is 0 or more")
    except (ValueError, TypeError) as error:
        expected = "a number of seconds, or text such as `5m`"
        raise SettingsError(f"timeout={show_value(timeout)}: expected {expected} ({error})") from None
    return seconds


def _check_text(name: str, text: Any) -> str:
    if not isinstance(text, str):
        raise SettingsError(f"{name}= takes a text, found {show_value(text)}")
    return text


def check_variables(env: Mapping[str, str] | None) -> dict[str, str]:
    """Return variables that a process can have. Errors: SettingsError, which shows no value: it may be a secret."""
    if env is not None and not isinstance(env, Mapping):
        raise SettingsError(f"env= takes a mapping of names to texts, found {type(env).__name__}")
    for name, value in (env or {}).items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise SettingsError(f"env= has a name that a variable cannot have: {show_value(name)}")
        if not isinstance(value, str) or "\0" in value:
            raise SettingsError(f"env= takes texts: the value of {show_value(name)} is of type {type(value).__name__}")
    return dict(env or {})
