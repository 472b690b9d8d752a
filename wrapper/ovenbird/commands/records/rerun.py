"""`ovenbird runs rerun`: run a recorded run again, with its parameters and inputs or with others."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.named_paths import is_folder
from ...common.redact import HIDDEN
from ...common.text import show_value
from ...errors import InputError
from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ...platform.store import EntityStore, Record
    from ...settings import Settings

_TAKEN = (
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


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    from ... import settings as table

    parser = add_verb(verbs, "rerun", "run it again, as the code is now, in the folder where it was started")
    parser.add_argument("key", metavar="RUN", help=key_help(noun))
    for row in table.options("run"):
        if row.name in _TAKEN:
            action = "append" if row.metadata["many"] else "store"
            help_text = row.metadata["doc"].replace("%", "%%")
            metavar = row.metadata["metavar"]
            parser.add_argument(table.flag(row), dest=row.name, action=action, metavar=metavar, help=help_text)
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Run it again; return the exit status of the new run. Errors: OvenbirdError."""
    from ...function.target import parse
    from ...job.entrypoint import run as run_job
    from ...logging_config import configure
    from ...platform import queries

    record = store.read(queries.locate_entity(store, "run", options.key, options.project))
    launch = _find_launch(record)
    settings, environ = _merge_settings(record, launch, options)
    os.chdir(launch["folder"])
    configure(settings.log_format, settings.log_level)
    target = parse(launch["target"], settings.source)
    return run_job(target, settings, environ, {**launch, "rerun_of": record["key"]})


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
    record: Record, launch: Mapping[str, str], options: argparse.Namespace
) -> tuple[Settings, Mapping[str, str]]:
    """Return the settings of the new run: those of the recorded one, replaced by those of this command."""
    from ...platform.data_dir import backend_name, data_dir
    from ...settings import resolve

    own = {f"OVENBIRD_{name}" for name in _OF_ONE_RUN} | set(_OTHERS)
    environ = {name: value for name, value in os.environ.items() if name not in own}
    flags = {name: value for name in _TAKEN if (value := getattr(options, name)) is not None}
    for name in ("result_file", "output_dir"):  # relative to the current folder, not to that of the run
        if flags.get(name) not in (None, "", "-"):
            flags[name] = str(Path(flags[name]).absolute())
    flags |= {"project": record["project"], "source": launch["source"]}
    flags |= {"platform": options.platform} if options.platform else {}
    settings = resolve("run", {name: value for name, value in flags.items() if value != ""}, environ)
    if backend_name(settings.platform, environ) == "local":
        environ["OVENBIRD_HOME"] = str(Path(data_dir(environ)).absolute())
    spec = record["spec"]
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
    return replace(settings, param={**parameters, **settings.param}, input=inputs, init=init), environ


def _restore_argument(value: Any) -> Any:
    """Return a recorded parameter as it was typed: the hint decides whether `5` is a number or text."""
    from ...settings import RawArgument

    return value if isinstance(value, str) else RawArgument(json.dumps(value))
