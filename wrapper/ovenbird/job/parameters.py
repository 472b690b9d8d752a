"""Read parameters from a file, and convert them for the record of a run."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..common.setting_values import raw_members
from ..common.text import show_value
from ..errors import ArgumentsError, DocumentError
from . import arguments


def from_file(name: str) -> dict[str, Any]:
    """Return the parameters in a JSON or YAML file. Errors: ArgumentsError."""
    if not name:
        return {}
    try:
        text = Path(name).read_bytes()
        parameters = _parse(text, name)
    except OSError as error:
        raise ArgumentsError(f"--params: cannot read {show_value(name)}: {error.strerror}") from None
    if not isinstance(parameters, dict) or not all(isinstance(key, str) for key in parameters):
        raise ArgumentsError(f"--params: {show_value(name)} does not hold a mapping of names to values")
    return parameters


def _parse(text: bytes, name: str) -> Any:
    try:
        if name.endswith((".yaml", ".yml")):
            from ..function_document import parse

            return parse(text.decode(), name, parameters=True)
        text = text.removeprefix(BOM_UTF8)
        value = msgspec.json.decode(text)
        return raw_members(text) if isinstance(value, dict) else value
    except DocumentError as error:
        raise ArgumentsError(error.message.replace("the function document", "--params:")) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        hint = "JSON, or YAML in a file called `.yaml`"
        raise ArgumentsError(f"--params: {show_value(name)} is not JSON: {error}", hint=hint) from None


def display_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters for the record: text from the command line is parsed if it is JSON."""
    return {name: arguments.parse_plain(value) for name, value in parameters.items()}
