"""The results and outputs of a run, and its failure."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..platform.entities.run import Run


class RunResult(SimpleNamespace):
    """The results (JSON values by name) and outputs (keys of entities by name) of a run so far.

    `returned` holds the returned values for people: JSON values, and `Display` for all others. `shape` says what was
    returned, for those who read it back: `form` is `value`, `tuple` or `list`, `parts` are name and type of each value.
    """

    __slots__ = ("returned", "shape", "types")
    results: dict[str, Any]
    outputs: dict[str, str]

    def __init__(self, results: dict[str, Any] | None = None, outputs: dict[str, str] | None = None) -> None:
        super().__init__(results=results or {}, outputs=outputs or {})
        self.returned: dict[str, Any] = {}
        self.types: dict[str, str] = {}  # of the returned values, by their names
        self.shape: dict[str, Any] = {"form": "value", "parts": []}


class Display(str):
    """The text of a returned value for people: the key of an entity, a path, the first rows of a table."""

    __slots__ = ()


class RunFailed(Exception):
    """A run has failed: its state, its exit status, and the error for its record."""

    def __init__(self, state: str, exit_code: int, error: Mapping[str, str]) -> None:
        super().__init__(error["message"])
        self.state = state
        self.exit_code = exit_code
        self.error = {"traceback": "", **error}


class RunEnd(NamedTuple):
    """How a run has ended: its record, its state, the exit status of a process that has done nothing else.

    `returned` holds what the handler returned, for people; `failure` is what was raised, None where nothing was.
    """

    record: Run
    state: str
    exit_code: int
    returned: Mapping[str, Any]
    failure: BaseException | None = None
