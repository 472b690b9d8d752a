"""What a run has made so far, and how it ended when it did not end well."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


class Outcome(SimpleNamespace):
    """What has been made so far: JSON values by name, keys of entities by name."""

    results: dict[str, Any]
    outputs: dict[str, str]

    def __init__(self, results: dict[str, Any] | None = None, outputs: dict[str, str] | None = None) -> None:
        super().__init__(results=results or {}, outputs=outputs or {})


class Ended(Exception):
    """How a run ended, other than well: its state, exit status, and what is recorded as its error."""

    def __init__(self, state: str, exit_code: int, error: Mapping[str, str]) -> None:
        super().__init__(error["message"])
        self.state = state
        self.exit_code = exit_code
        self.error = {"traceback": "", **error}
