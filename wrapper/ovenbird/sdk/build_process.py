"""The process of a build of `function.run("build")`."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import Any, NoReturn

from ..common.install_hint import format_install_command
from ..errors import OvenbirdError, SettingsError
from ..platform import keys
from ..platform.entities.run import FunctionRevision
from .action_process import ActionRun, run_action_process
from .action_runs import BUILD_KIND
from .recorded_source import write_document

_ID_LENGTH = 5  # characters of the run's id in the tag, as on the platform


def main(request_descriptor: int, report_descriptor: int) -> NoReturn:
    """Become the process of one build, and end with its exit status."""
    run_action_process(request_descriptor, report_descriptor, BUILD_KIND, build_function)


def build_function(action: ActionRun) -> int:
    """Build the image, record its name in the run and in the function, and return the exit status."""
    document = action.request.target.function
    assert document is not None
    try:
        result = _find_builder()(str(write_document(document)), _make_options(action), os.environ)
    except OvenbirdError as error:
        code = action.fail(error)
        action.finish(code, "ERROR")
        return code
    image = str(result.image)
    action.record.status.update(outputs={"image": image}, results={"digest": str(result.digest)})
    _write_back(action, image)
    action.finish(0, "COMPLETED")
    return 0


def _find_builder() -> Any:
    """Return what builds a target. Errors: SettingsError where the builder is not installed."""
    for entry in entry_points(group="ovenbird.actions", name="build"):
        return entry.load()
    raise SettingsError("no builder is installed", hint=format_install_command("build"))


def _make_options(action: ActionRun) -> dict[str, Any]:
    """Return the options of the build: those of the run; variables of the environment say the rest."""
    task, function = action.request.task, action.request.target.function
    assert task is not None
    assert function is not None
    options: dict[str, Any] = {}
    if instructions := task.fields.get("instructions"):
        options["instruction"] = list(instructions)
    if not os.environ.get("OVENBIRD_BUILD_TAG"):
        name = f"{action.settings.project}-{function.name}".lower()
        options["tag"] = [f"localhost/{name}:{action.record.id[:_ID_LENGTH]}"]
    return options


def _write_back(action: ActionRun, image: str) -> None:
    """Set the image of the function, as the platform does after a build."""
    task = action.request.task
    assert task is not None
    function = FunctionRevision(action.store, action.store.read(keys.parse_key(task.function)), os.environ)
    function.spec.image = image
    function.save(update=True)
