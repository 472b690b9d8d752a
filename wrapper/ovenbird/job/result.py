"""What a run has made so far, and how it ended when it did not end well."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


class RunResult(SimpleNamespace):
    """What has been made so far: JSON values by name, keys of entities by name.

    `returned` holds the handler's values for people: JSON values, and `Display` for what JSON does not hold.
    """

    __slots__ = ("returned",)
    results: dict[str, Any]
    outputs: dict[str, str]

    def __init__(self, results: dict[str, Any] | None = None, outputs: dict[str, str] | None = None) -> None:
        super().__init__(results=results or {}, outputs=outputs or {})
        self.returned: dict[str, Any] = {}


class Display(str):
    """A returned value as people see it: the key of an entity, a path, the first rows of a table."""

    __slots__ = ()


class RunFailed(Exception):
    """How a run ended, other than well: its state, exit status, and what is recorded as its error."""

    def __init__(self, state: str, exit_code: int, error: Mapping[str, str]) -> None:
        super().__init__(error["message"])
        self.state = state
        self.exit_code = exit_code
        self.error = {"traceback": "", **error}
