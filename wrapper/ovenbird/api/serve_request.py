"""What the process of a service is told: the code and the settings, both checked before it is started."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..common.did_you_mean import suggest_names
from ..common.text import show_value
from ..errors import SettingsError
from ..function.target import Target
from ..settings import Settings, options, resolve
from .child_request import describe_settings, describe_target, find_target, make_plain_values, read_settings
from .run_request import check_init

# settings that are arguments of `serve` by themselves, or that make no sense for a service in a child
_LEFT_OUT = ("init", "source", "container", "image", "engine", "env", "env_file", "reload")


class ServeRequest(NamedTuple):
    """One service for a child."""

    target: Target
    settings: Settings

    def encode(self) -> bytes:
        """Return the request as JSON."""
        document = {"target": describe_target(self.target), "settings": describe_settings(self.settings)}
        return json.dumps(document).encode()

    @classmethod
    def decode(cls, text: bytes) -> ServeRequest:
        """Return the request of a JSON text. Errors: LoadError, DocumentError for a target that is gone."""
        document = json.loads(text)
        return cls(find_target(document["target"]), read_settings(document["settings"]))


def make_serve_settings(
    values: Mapping[str, Any], init: Mapping[str, Any] | None, environ: Mapping[str, str]
) -> Settings:  # fmt: skip
    """Return the settings of a service: `values` by the names of the flags of `ovenbird serve`, over the variables.

    A value may be a number, a switch, or a text as the flag takes it. Errors: SettingsError for a name or a value;
    ArgumentsError for `init`.
    """
    names = [row.name for row in options("serve") if row.name not in _LEFT_OUT]
    if unknown := next((name for name in values if name not in names), ""):
        raise SettingsError(f"a service has no setting {show_value(unknown)}", hint=suggest_names(unknown, names))
    own = {"OVENBIRD_INIT_PARAMETERS", "OVENBIRD_SOURCE", "OVENBIRD_RELOAD", "OVENBIRD_CONTAINER", "PORT"}
    variables = {name: value for name, value in environ.items() if name not in own}
    settings = resolve("serve", {name: _format_value(value) for name, value in values.items()}, variables)
    return replace(settings, init=make_plain_values(check_init(init)))


def _format_value(value: Any) -> str:
    """Return a value as the text of a flag."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)
