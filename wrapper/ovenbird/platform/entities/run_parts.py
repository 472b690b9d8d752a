"""Read the inputs, outputs and log of a run, and wait for its end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from ...common.text import show_value
from ...errors import InputError, PlatformError, WaitTimeoutError
from .. import keys
from ..store import FINAL
from . import file_entity, secret  # noqa: F401  # what a run is given or makes can be read
from .entity import Entity, read_entity

Consume = Callable[[str], None]
"""Gets the key of each entity that is read: the run that asks consumes it."""
_log = logging.getLogger("ovenbird")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between two looks at a run
_SETTLED = 0.01  # seconds between two looks at a run whose process has ended
_DEPLOYED = 300.0  # seconds that a service may take to be there


class RunProcess(Protocol):
    """The process of a run that this process has started."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended and its end is recorded; return False if the time is over before."""


class RunLog:
    """A part of a run's log."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Log of {len(self.text)} characters>"


def read_inputs(run: Entity, as_dict: bool, consume: Consume | None) -> dict[str, Any]:
    """Return the entities of `spec.inputs`; a path or a URL is the data item that was recorded for it."""
    references = (run.spec.get("inputs") or {}).items()
    inputs = {name: read_input(run, name, reference, consume) for name, reference in references}
    return {name: entity.to_dict() for name, entity in inputs.items()} if as_dict else inputs


def read_input(run: Entity, name: str, reference: Any, consume: Consume | None) -> Any:
    """Return the entity of an input; `reference` is a key, a path or a URL. Errors: InputError."""
    return _read_entity(run, reference if keys.is_key(reference) else _find_recorded(run, name, reference), consume)


def _find_recorded(run: Entity, name: str, reference: Any) -> str:
    """Return the key of the data item that the run has recorded for a path or a URL. Errors: InputError."""
    for relation in run.metadata.get("relationships") or []:
        if relation.get("type") == "consumes" and keys.parse_key(relation["dest"]).name == name:
            return str(relation["dest"])
    raise InputError(f"{run.key}: its input {show_value(name)} was not read: {show_value(reference)}")


def read_outputs(run: Entity, as_key: bool, as_dict: bool, consume: Consume | None) -> dict[str, Any]:
    """Return the entities of `status.outputs`; other values, such as the name of an image, are returned unchanged."""
    recorded = dict(run.status.get("outputs") or {})
    if as_key:
        return recorded
    outputs = {name: read_output(run, key, consume) for name, key in recorded.items()}
    if not as_dict:
        return outputs
    return {name: value.to_dict() if isinstance(value, Entity) else value for name, value in outputs.items()}


def read_output(run: Entity, key: Any, consume: Consume | None) -> Any:
    """Return the entity of a key in `status.outputs`; what is no key, such as the name of an image, is returned."""
    return _read_entity(run, key, consume) if keys.is_key(key) else key


def _read_entity(run: Entity, key: str, consume: Consume | None) -> Any:
    entity = read_entity(run._store, key, run._environ)
    if consume is not None:
        consume(entity.key)
    return entity


def pause_for(process: RunProcess | None, seconds: float) -> None:
    """Wait so long, or until the process of a run has ended."""
    if process is None:
        time.sleep(seconds)
    elif process.join(seconds):
        time.sleep(min(seconds, _SETTLED))


def wait_for(run: Entity, log_info: bool, timeout: float | None = None, process: RunProcess | None = None) -> None:
    """Read the run until it is in a final state, or its service is ready.

    Errors: PlatformError for the run itself; WaitTimeoutError when `timeout` seconds are over.
    """
    if run.id == os.environ.get("RUN_ID"):
        raise PlatformError(f"{run.key} waits for itself", hint="`wait()` is for other runs")
    began, pause = time.monotonic(), _FIRST_PAUSE
    serves = run.kind.startswith(("python+serve", "container+serve"))
    while True:
        run._store.reap()
        run.refresh()
        waited = time.monotonic() - began
        ended = run.status.state in FINAL or (serves and (run.status.get("service") or waited > _DEPLOYED))
        if log_info and (ended or pause == _FIRST_PAUSE):
            _log.info("run %s is %s after %.1f s", run.id, run.status.state, waited)
        if ended:
            return
        if timeout is not None and waited >= timeout:
            raise WaitTimeoutError(
                f"run {run.id} is still {run.status.state} after {waited:.1f} s", hint="`run.stop()` stops it"
            )
        pause_for(process, pause if timeout is None else max(0.0, min(pause, timeout - waited)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
