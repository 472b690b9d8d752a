"""Where a run can be started from this page, and which options each way of running has."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import NamedTuple

from ovenbird.api.run_request import CLUSTER, CONTAINER, PLATFORM, PROCESS
from ovenbird.common.install_hint import format_install_command
from ovenbird.platform.data_dir import backend_name

from .kube_context import read_context

_ENGINES = ("podman", "docker")
_OF_ALL = ("name", "project", "tags", "note", "variables", "secrets")


class Place(NamedTuple):
    """A way of running: its name for `on=`, a title, the options that it has, and why it is not available here."""

    name: str
    title: str
    options: tuple[str, ...]
    missing: str = ""


def list_places(environ: Mapping[str, str]) -> tuple[Place, ...]:
    """Return all ways of running; the first one is always available. Errors: SettingsError for a wrong platform."""
    return (
        Place(PROCESS, "This machine, in a process", (*_OF_ALL, "timeout", "reuse", "grid", "parallel")),
        Place(
            CONTAINER, "This machine, in a container", (*_OF_ALL, "timeout", "reuse", "image"),
            _explain_no_container(environ),
        ),
        Place(
            CLUSTER, f"The cluster {read_context(environ)}".rstrip(),
            (*_OF_ALL, "timeout", "image", "build", "namespace", "resources"), _explain_no_cluster(environ),
        ),
        Place(PLATFORM, "The platform", (*_OF_ALL, "resources", "volumes"), _explain_no_platform(environ)),
    )  # fmt: skip


def _explain_no_container(environ: Mapping[str, str]) -> str:
    if not any(shutil.which(name, path=environ.get("PATH")) for name in _ENGINES):
        return "podman or docker is not installed"
    return _explain_no_action("container")


def _explain_no_cluster(environ: Mapping[str, str]) -> str:
    if not shutil.which("kubectl", path=environ.get("PATH")):
        return "kubectl is not installed"
    if not read_context(environ):
        return "kubectl has no current context"
    return _explain_no_action("cluster")


def _explain_no_action(name: str) -> str:
    if not entry_points(group="ovenbird.actions", name=name):
        return f"the builder is not installed: {format_install_command('build')}"
    return ""


def _explain_no_platform(environ: Mapping[str, str]) -> str:
    if backend_name(environ.get("OVENBIRD_PLATFORM", ""), environ) == "core":
        return ""
    return "no platform is configured: DHCORE_ENDPOINT has the address of its Core"
