"""The values of settings: parsers of texts, whose ValueError says what is expected, and values that stay text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from .text import show_value
from .units import parse_duration, parse_size, parse_whole

PORTS = 65535
duration = parse_duration  # 0 means no limit
size = parse_size


def boolean(text: str) -> bool:
    """Return True or False from `true/false`, `on/off`, `yes/no`, `1/0`. Errors: ValueError."""
    value = text.strip().lower()
    if value in ("1", "true", "on", "yes"):
        return True
    if value in ("0", "false", "off", "no"):
        return False
    raise ValueError("true or false")


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        return parse_whole(text, low, high)

    return parse


def second_port(text: str) -> str:
    """Return a port from 1 to 65535 as text, or `off`."""
    value = text.strip().lower()
    return value if value == "off" else str(whole(1, PORTS)(value))


def size_or_auto(text: str) -> str:
    """Return a size as text that parses, or `auto`."""
    value = text.strip().lower()
    if value == "auto":
        return value
    try:
        size(text)
    except ValueError as error:
        raise ValueError(f"{error}, or auto") from None
    return text


def workers(text: str) -> int:
    """Return a number of processes, or 0 for `auto`: as many as the CPUs that this process may use."""
    return 0 if text.strip().lower() == "auto" else whole(1, 1024)(text)


def choice(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts one of `words`."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError("one of " + ", ".join(words))
        return text

    return parse


def methods(text: str) -> tuple[str, ...]:
    """Return HTTP methods from `GET,POST`; empty for all. Errors: ValueError."""
    values = tuple(word.strip().upper() for word in text.split(",") if word.strip())
    for word in values:
        if not re.fullmatch(r"[A-Z-]+", word):
            raise ValueError("HTTP methods separated by commas, such as GET,POST")
    return values


def host_name(text: str) -> str:
    """Return the name or the address of a host. Only its form is checked. Errors: ValueError."""
    try:
        *labels, last = text.split(".")
        if not text.isprintable() or "" in labels or max(map(len, (*labels, last))) > 63 or len(text) > 253:
            raise ValueError
        if not text.isascii():
            text.encode("idna")
    except ValueError:
        raise ValueError("the name or the address of a host") from None
    return text


def names(text: str) -> tuple[str, ...]:
    """Return names of environment variables from `A,B`. Errors: ValueError."""
    values = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in values:
        if not re.fullmatch(r"[A-Za-z_]\w*", word, re.ASCII):
            raise ValueError("names of variables separated by commas, such as TOKEN,REGION")
    return values


def json_object(text: str) -> dict[str, Any]:
    """Return the members of a JSON object. Errors: ValueError."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise ValueError('a JSON object such as {"model": "small"}') from None


def named_json(text: str) -> dict[str, Any]:
    """Return one `name=value`. The value is JSON where it parses as JSON, else text. Errors: ValueError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError("NAME=VALUE, where VALUE is JSON or text")
    try:
        return {name: msgspec.json.decode(value)}
    except (msgspec.MsgspecError, RecursionError):
        return {name: value}


class RawArgument(str):
    """A value as it was typed. The hint of the argument decides whether it is JSON or text."""

    __slots__ = ()


class RawJson(str):
    """The JSON text of a value from a file, which keeps the digits of a number until the argument's hint is known."""

    __slots__ = ()


def raw_members(text: bytes) -> dict[str, RawJson]:
    """Return the members of a JSON object as JSON texts. Errors: msgspec.MsgspecError, RecursionError."""
    msgspec.json.decode(text)  # what is inside a member is checked here, not where it is used
    members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    return {name: RawJson(bytes(value).decode()) for name, value in members.items()}


def named_typed(text: str) -> dict[str, Any]:
    """Return one `name=value`, with the value as it was typed. Errors: ValueError."""
    values = named_text(text)
    return {name: RawArgument(value) for name, value in values.items()}


def named_values(text: str) -> dict[str, Any]:
    """Return one `name=value,value`, with each value as it was typed. Errors: ValueError.

    Commas within quotes, a list or an object of JSON do not separate values.
    """
    name, equals, rest = text.partition("=")
    values = _split_values(rest)
    if not equals or not name or "" in values:
        raise ValueError('NAME=VALUE,VALUE, where a value is JSON or text, and empty text is `""`')
    return {name: [RawArgument(value) for value in values]}


def _split_values(text: str) -> list[str]:
    """Return the parts between commas that are outside of quotes and brackets; all parts if these do not match."""
    parts, depth = [""], 0
    for piece in re.findall(r'"(?:[^"\\]|\\.)*"|.', text, re.DOTALL):
        depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts if depth == 0 else text.split(",")


def run_name(text: str) -> str:
    """Return the name of a run. It can stand where an id can. Errors: ValueError."""
    if not re.fullmatch(r"[\w.+,=@-]{1,200}", text, re.ASCII) or text in (".", "..", "latest", "run"):
        raise ValueError("1 to 200 letters, digits or . + - _ , = @, and not `latest`")
    return text


def tag(text: str) -> dict[str, Any]:
    """Return one tag: `key=value`, or a word alone. Errors: ValueError."""
    key, _, value = text.partition("=")
    if not key.strip():
        raise ValueError("KEY=VALUE, or a word")
    return {key: value}


def named_text(text: str) -> dict[str, Any]:
    """Return one `name=value`. A name may be any text, as `**kwargs` accepts it. Errors: ValueError."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError("NAME=VALUE")
    return {name: value}


def named_input(text: str) -> dict[str, Any]:
    """Return one `name=value` of an input. Errors: ValueError, for an empty value too, as of a variable that is not
    set: as a path it would be the current folder.
    """
    values = named_text(text)
    if empty := next((name for name, value in values.items() if not value), ""):
        raise ValueError(f"NAME=KEY, NAME=PATH or NAME=URL: the value of {show_value(empty)} is empty")
    return values


def named_variable(text: str) -> dict[str, Any]:
    """Return one `name=value` of an environment. Errors: ValueError."""
    if not text.partition("=")[0].isidentifier():
        raise ValueError("NAME=VALUE, where NAME has letters, digits and underscores")
    return named_text(text)
