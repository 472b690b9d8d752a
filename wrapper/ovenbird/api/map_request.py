"""What the process of many runs is told: the code, the settings, the parameters of each run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..common.cpu_count import count_cpus
from ..common.text import show_value
from ..errors import ArgumentsError
from ..function.target import Target
from ..settings import Settings
from .child_request import describe_settings, describe_target, find_target, make_plain_values, read_settings

_MOST = 100_000  # runs of one map, as of a sweep


class MapRequest(NamedTuple):
    """Many runs for a child: `lines` holds the parameters of each."""

    target: Target
    settings: Settings
    lines: list[dict[str, Any]]
    launch: Mapping[str, Any]

    def encode(self) -> bytes:
        """Return the request as JSON."""
        document = {
            "target": describe_target(self.target), "settings": describe_settings(self.settings), "lines": self.lines,
            "launch": dict(self.launch),
        }  # fmt: skip
        return json.dumps(document).encode()

    @classmethod
    def decode(cls, text: bytes) -> MapRequest:
        """Return the request of a JSON text. Errors: LoadError, DocumentError for a target that is gone."""
        document = json.loads(text)
        settings = read_settings(document.pop("settings"))
        return cls(target=find_target(document.pop("target")), settings=settings, **document)


def make_lines(params_list: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of each run as JSON values. Errors: ArgumentsError, which says which run is meant."""
    if isinstance(params_list, Mapping | str | bytes) or not isinstance(params_list, Iterable):
        raise ArgumentsError(
            f"map takes a list of parameters, found {type(params_list).__name__}", hint='`[{"depth": 3}, {"depth": 5}]`'
        )
    lines = []
    for number, parameters in enumerate(params_list, 1):
        if not isinstance(parameters, Mapping):
            raise ArgumentsError(
                f"run {number}: expected a mapping of names to values, found {show_value(parameters)}",
                hint='`[{"depth": 3}, {"depth": 5}]`',
            )
        if odd := next((name for name in parameters if not isinstance(name, str)), None):
            raise ArgumentsError(f"run {number} has a name that is no text: {show_value(odd)}")
        try:
            lines.append(make_plain_values(parameters))
        except ArgumentsError as error:
            raise ArgumentsError(f"run {number}: {error.message}", hint=error.hint) from None
        if number > _MOST:
            raise ArgumentsError(f"more than {_MOST:,} runs", hint="map a part of them at a time")
    return lines


def check_parallel(parallel: int | str) -> int:
    """Return how many runs go on at once; `"auto"` is one for each CPU. Errors: ArgumentsError."""
    if parallel == "auto":
        return count_cpus()
    if isinstance(parallel, bool) or not isinstance(parallel, int) or not 1 <= parallel <= 1024:
        raise ArgumentsError(f'parallel={show_value(parallel)}: expected a number from 1 to 1024, or "auto"')
    return parallel
