"""Start what a form asks for: a run in a process, a container or a cluster or on the platform, or a sweep."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ovenbird.api.platform_run import run_platform
from ovenbird.api.process import run_process
from ovenbird.api.run_request import CLUSTER, CONTAINER, PLATFORM, RunOptions, make_request
from ovenbird.common.text import show_value
from ovenbird.errors import OutputError, OvenbirdError
from ovenbird.job import entrypoint
from ovenbird.job.entrypoint import RunTask
from ovenbird.platform.entities.run import Run
from ovenbird.platform.keys import EntityKey, new_id
from ovenbird.platform.store import EntityStore

from .console import Console
from .contracts import parse_target
from .links import link_to
from .run_options import RunChoices
from .sweep_grid import make_lines
from .uploads import mark_uploads

_TAG = "sweep"
_SHORT = 8  # digits of a sweep's identity
_STOPPING = 90.0  # seconds for a run in a cluster to end; its pod has 60


@dataclass(frozen=True)
class RunOrder:
    """What is run: a target, its parameters and inputs, the options, the values of a grid, the files that were sent."""

    target: str
    project: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    choices: RunChoices
    variables: Mapping[str, str] = field(repr=False)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    uploads: tuple[Path, ...] = ()


def choose_project(console: Console, text: str, typed: str) -> str:
    """Return the project of the runs of a target. Errors: LoadError, DocumentError, SettingsError."""
    settings = make_request(RunOptions(project=typed), {}, console.environ).settings
    return entrypoint.choose_project(parse_target(text, console.folder), settings, console.environ)


def read_secrets(store: EntityStore, project: str, names: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of secrets: of the project, else of the variables of this page. Errors: ValueError."""
    values: dict[str, str] = {}
    for name in names:
        value = store.read_secret(project, name) or environ.get(name)
        if value is None:
            raise ValueError(f"{show_value(name)} is no secret of the project {project}, and no variable of this page.")
        values[name] = value
    return values


def start_order(console: Console, order: RunOrder) -> str:
    """Start what is asked for, and return the path of its page. Errors: OvenbirdError.

    Files that were sent, now or with an earlier run, are marked before: nobody removes them meanwhile.
    """
    folders = console.uploads.find_folders((order.inputs, order.parameters, order.grid))
    try:
        mark_uploads(folders)
        with console.stores.borrow() as store:
            recorded = console.uploads.describe_store(store)
        if order.grid or order.choices.place in (CLUSTER, CONTAINER):
            return _start_task(console, order, {"folders": list(map(str, folders)), "store": recorded})
        run = _start_run(order)
    except OvenbirdError:
        console.uploads.discard(order.uploads)
        raise
    key = EntityKey(run.project, "run", run.kind, run.id, run.id)
    with suppress(OutputError):  # the run has begun: without a mark its files are kept for a week
        mark_uploads(folders, run=str(key), store=recorded)
    return link_to(key)


def _start_run(order: RunOrder) -> Run:
    """Start a run in a process of its own, which goes on when the page ends, or on the platform."""
    from ovenbird.api.function import function  # with it comes what a run needs

    choices, source = order.choices, function(order.target).source
    request = make_request(RunOptions(**_make_options(order)), order.parameters, os.environ)
    source.check_names(request.parameters, request.settings.input)
    fields: dict[str, Any] = {"secrets": list(choices.secrets)} if choices.secrets else {}
    if choices.place != PLATFORM:
        return run_process(source, replace(request, task=RunTask("", fields)), wait=False, check=False)
    if choices.resources:
        fields["resources"] = choices.resources
    if choices.volumes:
        fields["volumes"] = choices.volumes
    return run_platform(source, replace(request, task=RunTask("", fields)), wait=False, check=False)


def _start_task(console: Console, order: RunOrder, uploads: Mapping[str, Any]) -> str:
    """Start what has to be waited for in a process of its own; return the path of its page, with which it ends."""
    identity, options = new_id(), _make_options(order)
    params = {name: value for name, value in order.parameters.items() if name not in order.grid}
    request: dict[str, Any] = {
        "target": order.target, "options": {**options, "params": params}, "uploads": uploads,
        "grace": make_request(RunOptions(**options), params, console.environ).settings.grace,
    }  # fmt: skip
    if order.choices.place == CLUSTER:
        text = {name: order.choices.get_text(name) for name in ("image", "build", "namespace")}
        in_cluster = {**text, **order.choices.resources, "secret": list(order.choices.secrets)}
        request |= {"cluster": {name: value for name, value in in_cluster.items() if value}, "grace": _STOPPING}
        console.tasks.start_runs(identity, "cluster", request)
        return f"/tasks/{identity}"
    if not order.grid:
        console.tasks.start_runs(identity, "container", {**request, "image": order.choices.get_text("image")})
        return f"/tasks/{identity}"
    tag = identity[:_SHORT]
    sweep = {"tags": {**options["tags"], _TAG: tag}, "parallel": order.choices.parallel}
    request["options"] |= sweep
    request |= {"project": order.project, "sweep": tag}
    console.tasks.start_runs(identity, "sweep", {**request, "lines": make_lines(order.grid)})
    return f"/sweeps/{quote(order.project, safe='')}/{tag}"


def _make_options(order: RunOrder) -> dict[str, Any]:
    """Return the options of a run as `RunOptions` has them, in JSON values."""
    choices = order.choices
    return {
        "inputs": dict(order.inputs), "name": choices.get_text("name"), "note": choices.get_text("note"),
        "tags": choices.tags, "timeout": choices.get_text("timeout") or None, "reuse": choices.reuse,
        "project": order.project, "env": {**choices.variables, **order.variables},
    }  # fmt: skip
