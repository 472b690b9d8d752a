"""Commands of the user that run while the image is made: parsed and refused here, run in `build/run_instruction.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ovenbird.common.text import show_value
from ovenbird.common.units import parse_duration

from ..errors import InstructionError
from ..host.flag_values import parse_flag

PLACES = ("base", "dependencies", "source")
_FIELDS = ("run", "after", "secrets", "network", "timeout")
_FLAG_FORMS = (
    """a command; `{"run": "COMMAND", "after": "dependencies"}`; a command that begins so: `{"run": "[ -f x ] || y"}`"""
)
_LONGEST = 100_000  # bytes; the kernel takes at most 128 KiB for one argument
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\$\(\(.*?\)\)|\\.")
_SHARED = re.compile(r"(?<![\w./-])/shared(?![\w-])")


class RunInstruction(Struct, frozen=True):
    """A command for `/bin/sh -c`, as root.

    `after` is what lies below it: base, dependencies or source. `secrets` are names of build secrets, found below
    `/run/secrets` while it runs. `timeout` is in seconds, None for the build's. `moved`: it was a plain text that
    names /shared, and so runs after the source although it did not say so.
    """

    run: str
    after: str = "base"
    secrets: tuple[str, ...] = ()
    network: bool = True
    timeout: float | None = None
    moved: bool = False


def parse_instructions(
    items: Sequence[Any], where: str, known_secrets: Sequence[str] = ()
) -> tuple[RunInstruction, ...]:
    """Parse instructions from texts and mappings; `where` names them in errors ("spec.instructions").

    Errors: InstructionError with the first thing that is wrong.
    """
    return tuple(_parse_item(item, f"{where}[{index}]", known_secrets) for index, item in enumerate(items))


def parse_instruction_flag(text: str) -> Any:
    """Return the value of an `--instruction`: the fields of a JSON or YAML mapping, else the text itself.

    A text that begins as a mapping or a list does is never a command: a bracket that was forgotten would run something.
    Errors: InstructionError for one that is no mapping.
    """
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = _load_mapping(text)
    except ValueError as error:
        raise InstructionError(
            f"--instruction: {show_value(text)} begins like JSON and is not JSON or YAML: {error}", hint=_FLAG_FORMS
        ) from None
    if not isinstance(value, dict):
        raise InstructionError(
            f"--instruction: expected a command or a mapping of its fields, found {show_value(value)}", hint=_FLAG_FORMS
        )
    return value


def _load_mapping(text: str) -> Any:
    """Return the value of a JSON or YAML text. Errors: ValueError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        from ovenbird.common.yaml_load import load_yaml

        try:
            return load_yaml(text)
        except ValueError as error:
            raise ValueError(str(error).strip().removeprefix(": ")) from None


def list_problems(items: Any, where: str) -> list[str]:
    """Return the problems of a document's instructions, at most one for each; any secret may be named."""
    if not isinstance(items, list):
        return [f"{where}: expected a list, found {show_value(items)}"]
    problems = []
    for index, item in enumerate(items):
        try:
            _parse_item(item, f"{where}[{index}]", None)
        except InstructionError as error:
            problems.append(str(error))
    return problems


def _parse_item(item: Any, where: str, known_secrets: Sequence[str] | None) -> RunInstruction:
    if isinstance(item, str):
        moved = bool(_SHARED.search(item))
        return RunInstruction(_check_command(item, where), "source" if moved else "base", moved=moved)
    if not isinstance(item, Mapping):
        raise InstructionError(f"{where}: expected a text or a mapping, found {show_value(item)}")
    if unknown := sorted(str(key) for key in item if key not in _FIELDS):
        raise InstructionError(f"{where}: unknown field {show_value(unknown[0])}", hint=f"one of {', '.join(_FIELDS)}")
    after = item.get("after", "base")
    if after not in PLACES:
        raise InstructionError(f"{where}.after: expected one of {', '.join(PLACES)}, found {show_value(after)}")
    if not isinstance(item.get("network", True), bool):
        raise InstructionError(f"{where}.network: expected `true` or `false`, found {show_value(item['network'])}")
    return RunInstruction(
        _check_command(item.get("run"), f"{where}.run"), after,
        _check_secrets(item.get("secrets", []), where, known_secrets),
        item.get("network", True), _parse_timeout(item.get("timeout"), where),
    )  # fmt: skip


def _check_command(text: Any, where: str) -> str:
    """Return a command after checking that it is one line of text. Errors: InstructionError."""
    if not isinstance(text, str) or not text.strip():
        raise InstructionError(f"{where}: expected a command, found {show_value(text)}")
    if bad := re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", text):
        name = "a newline" if bad[0] in "\n\r\x85\u2028\u2029" else f"the control character {show_value(bad[0])}"
        raise InstructionError(
            f"{where}: {show_value(text)} holds {name}", hint="one command on one line; join with `&&` or `;`"
        )
    if re.search(r"<<", _QUOTED.sub("", text)):
        raise InstructionError(
            f"{where}: {show_value(text)} uses a here-document, which needs more than one line",
            hint="`printf '...' | command`",
        )
    if len(text.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise InstructionError(f"{where}: a command of {len(text)} characters is too long", hint="put it in a script")
    return text.strip()


def _check_secrets(value: Any, where: str, known_secrets: Sequence[str] | None) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InstructionError(f"{where}.secrets: expected a list of names, found {show_value(value)}")
    for name in value:
        if known_secrets is not None and name not in known_secrets:
            raise InstructionError(
                f"{where}.secrets: there is no secret {show_value(name)}", hint=f"`--secret {name}=ENV|FILE`"
            )
    return tuple(sorted(set(value)))


def _parse_timeout(value: Any, where: str) -> float | None:
    if value is None:
        return None
    return parse_flag(parse_duration, str(value), f"{where}.timeout", error=InstructionError)
