"""Read a file of variables: lines of NAME=VALUE, as `docker run --env-file` and Compose's `env_file` take them.

Quotes are read as Compose reads them: `'...'` as it is, `"..."` with \\n, \\r, \\t, \\" and \\\\; both may hold line
ends. Outside of quotes a value ends at ` #`, and at the line's end, without the blanks around it. Nothing is put in for
`$NAME`: a password may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..common.text import show_value
from ..errors import SettingsError

_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[^\s=#'\"]+)[ \t]*(?P<equals>=?)[ \t]*")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_QUOTED = re.compile(r"""'(?P<plain>[^']*)'|"(?P<escaped>(?:[^"\\]|\\.)*)\"""", re.DOTALL)
_REST = re.compile(r"[ \t]*(#.*)?$", re.MULTILINE)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_LARGEST = 1024 * 1024  # characters: an environment may hold about as much


def read_env_file(path: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a file, the last one of a name. A name alone stands for the variable of `environ`.

    Errors: SettingsError, with the line and never with a value.
    """
    try:
        with Path(path).expanduser().open(encoding="utf-8-sig") as file:
            text = file.read(_LARGEST + 1)
    except (OSError, ValueError, RuntimeError) as error:  # the last one for `~nobody`
        decoding = isinstance(error, UnicodeDecodeError)
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text" if decoding else str(error)
        raise SettingsError(f"--env-file: cannot read {show_value(path)}: {reason}") from None
    if len(text) > _LARGEST:
        raise SettingsError(f"--env-file: {show_value(path)} is larger than 1 MiB")
    return parse_env_file(text, path, environ)


def parse_env_file(text: str, path: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a text. Errors: SettingsError."""
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].strip()
        if not line or line.startswith("#"):
            position = end + 1
            continue
        try:
            match = _LINE.match(text, position, end)
            if not match or not _NAME.fullmatch(match["name"]):
                raise ValueError("expected NAME=VALUE, where NAME has letters, digits and underscores")
            value, after = _read_value(text, match.end(), end) if match["equals"] else (None, end + 1)
            if value is None and text[match.end() : end].strip():
                raise ValueError("expected NAME=VALUE")
        except ValueError as error:
            number = text.count("\n", 0, position) + 1
            raise SettingsError(f"--env-file: {show_value(path)}, line {number}: {error}") from None
        name, position = match["name"], after
        if value is not None or name in environ:
            values[name] = environ[name] if value is None else value
    return values


def _read_value(text: str, start: int, end: int) -> tuple[str, int]:
    """Return a value and where the next line begins. Errors: ValueError."""
    if text[start : start + 1] in ("'", '"'):
        quoted = _QUOTED.match(text, start)
        if not quoted:
            raise ValueError(f"the quote {text[start]} is not closed")
        rest = _REST.match(text, quoted.end())
        if not rest:
            raise ValueError("there is text after the closing quote")
        plain, after = quoted["plain"], rest.end() + 1
        value = plain if plain is not None else re.sub(r"\\(.)", _unescape, quoted["escaped"], flags=re.DOTALL)
    else:
        value, after = re.split(r"(?:^|[ \t])#", text[start:end], maxsplit=1)[0].strip(), end + 1
    if "\0" in value:
        raise ValueError("a value must not contain NUL")
    return value, after


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[0])
