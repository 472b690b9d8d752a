"""Run a function in a container of its image, by podman or docker; its record is in the same store."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import OvenbirdError
from ..job.entrypoint import check_output_flags
from ..platform.entities.run import Run
from ..settings import Settings, default, options
from .actions import open_action
from .child_process import CommandProcess
from .child_request import make_plain_values
from .failures import check_run
from .image import build_image
from .process import resolve_paths
from .run_request import RunRequest
from .sources import FunctionSource
from .stores import open_shared_store, read_run

# what a container gets otherwise: as files, as variables by name, or not at all
_OTHERWISE = frozenset(
    "param params each grid input init tag source result_file output_dir container image engine env env_file "
    "files_store pdb parallel index".split()
)


def run_container(
    source: FunctionSource, request: RunRequest, image: str, *, check: bool, report: Callable[[Run], None] | None = None
) -> Run:
    """Run the function in `image`, by default the one that its document names, else one that is built now.

    `report` is called with the run when it has ended, one that was stopped too.
    Errors: RunFailedError with `check`; KeyboardInterrupt, after the run was stopped; those of a build.
    """
    check_output_flags(request.settings)
    target = source.locate(request.environ)
    if not image and not (target.function and target.function.image):
        image = build_image(source, {}, request.environ).name
    document = str(source.find_document(target)) if target.function else ""
    store = open_shared_store(request.settings, request.environ)
    settings, environ = resolve_paths(request)
    with tempfile.TemporaryDirectory(prefix="ovenbird-run-") as folder:
        params, result = Path(folder, "params.json"), Path(folder, "result", "result.json")
        params.write_text(json.dumps(make_plain_values(request.parameters)))
        settings = replace(
            settings, params=str(params), result_file=str(result), image=image,
            env=(*settings.env, *request.variables), init=make_plain_values(settings.init),
        )  # fmt: skip
        with open_action("container") as prepare:
            command = prepare("run", document, settings, _describe_flags(settings), environ, _show_line)
        process = CommandProcess(command.argv, command.environ)
        is_interrupted = wait_for_container(process)
        key = _read_key(result)
    if key:
        run = read_run(store, key, request.environ)
        if report is not None:
            report(run)
    if is_interrupted:
        raise KeyboardInterrupt(f"run {run.id} was stopped" if key else "the run was stopped")
    if not key:
        raise OvenbirdError(f"the container has recorded no run: {process.describe_end()}")
    return check_run(run) if check else run


def wait_for_container(process: CommandProcess) -> bool:
    """Show what the container prints until it has ended; return whether Ctrl-C has stopped it. A second one kills."""
    pressed = answered = 0  # how often Ctrl-C was; it may come again while it is answered
    try:
        while True:
            try:
                if pressed > answered:
                    answered = pressed
                    if pressed > 1 and not process.has_ended():
                        process.kill()  # the engine alone: the run has been told, and ends within its grace
                    else:
                        process.stop()  # the engine hands it to the run
                process.show_output(process.has_ended)
                process.wait()
                return pressed > 0
            except KeyboardInterrupt:
                pressed += 1
    finally:
        process.release()


def _read_key(path: Path) -> str:
    try:
        return str(json.loads(path.read_text())["key"])
    except (OSError, ValueError, KeyError):
        return ""


def _describe_flags(settings: Settings) -> dict[str, str]:
    """Return the settings that are not the defaults as texts, as flags have them."""
    flags: dict[str, str] = {}
    for row in options("run"):
        value: Any = getattr(settings, row.name)
        if row.name not in _OTHERWISE and value != default(row) and value != row.metadata["defaults"].get("run"):
            flags[row.name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flags


def _show_line(text: str) -> None:
    print(text, file=sys.stderr)
