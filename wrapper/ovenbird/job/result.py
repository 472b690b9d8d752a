"""The results and outputs of a run, and its failure."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


class RunResult(SimpleNamespace):
    """The results (JSON values by name) and outputs (keys of entities by name) of a run so far.

    `returned` holds the returned values for people: JSON values, and `Display` for all others.
    """

    __slots__ = ("returned",)
    results: dict[str, Any]
    outputs: dict[str, str]

    def __init__(self, results: dict[str, Any] | None = None, outputs: dict[str, str] | None = None) -> None:
        super().__init__(results=results or {}, outputs=outputs or {})
        self.returned: dict[str, Any] = {}


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
