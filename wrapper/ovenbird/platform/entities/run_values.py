"""What a run was given and has made, by name: mappings that may be called, as with the platform's SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...common.text import show_value
from . import run_parts
from .entity import Entity


class RunValues(Mapping[str, Any]):
    """The values of a run by their names, as they are recorded now. Calling it returns all of them in a dict.

    `consume` gets the key of each entity that is read.
    """

    LABEL = "value"

    def __init__(self, run: Entity, consume: run_parts.Consume | None = None) -> None:
        self._run, self._consume = run, consume

    def _recorded(self) -> Mapping[str, Any]:
        """Return what the record of the run holds: keys of entities, or values."""
        raise NotImplementedError

    def _read(self, name: str, recorded: Any) -> Any:
        """Return the value of a name from what is recorded for it."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> Any:
        recorded = self._recorded()
        if name not in recorded:
            names = ", ".join(map(show_value, recorded)) or "none"
            raise KeyError(f"{self._run.key} has no {self.LABEL} {show_value(name)}; there are: {names}")
        return self._read(name, recorded[name])

    def __contains__(self, name: object) -> bool:
        return name in self._recorded()

    def __iter__(self) -> Iterator[str]:
        return iter(self._recorded())

    def __len__(self) -> int:
        return len(self._recorded())

    def __repr__(self) -> str:
        return show_value(dict(self._recorded()))


class RunInputs(RunValues):
    """The entities that a run was given, by the names of the arguments."""

    LABEL = "input"

    def __call__(self, as_dict: bool = False) -> dict[str, Any]:
        """Return the inputs: entities, or with `as_dict` their records."""
        return run_parts.read_inputs(self._run, as_dict, self._consume)

    def _recorded(self) -> Mapping[str, Any]:
        return self._run.spec.get("inputs") or {}

    def _read(self, name: str, recorded: Any) -> Any:
        return run_parts.read_input(self._run, name, recorded, self._consume)


class RunOutputs(RunValues):
    """The entities that a run has made, by name. Plain values are results."""

    LABEL = "output"

    def __call__(self, as_key: bool = False, as_dict: bool = False) -> dict[str, Any]:
        """Return the outputs: entities, or their keys, or their records."""
        return run_parts.read_outputs(self._run, as_key, as_dict, self._consume)

    def _recorded(self) -> Mapping[str, Any]:
        return self._run.status.get("outputs") or {}

    def _read(self, name: str, recorded: Any) -> Any:  # noqa: ARG002  # of RunValues
        return run_parts.read_output(self._run, recorded, self._consume)


class RunResults(RunValues):
    """The plain values that the function has returned, by name."""

    LABEL = "result"

    def __call__(self) -> dict[str, Any]:
        """Return the results in a dict of their own."""
        return dict(self._recorded())

    def _recorded(self) -> Mapping[str, Any]:
        return self._run.status.get("results") or {}

    def _read(self, name: str, recorded: Any) -> Any:  # noqa: ARG002  # of RunValues
        return recorded
