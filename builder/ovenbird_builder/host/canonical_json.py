"""JSON whose bytes depend on its content only, so that the same content has the same digest on any machine."""

from __future__ import annotations

import json
from typing import Any


def encode_json(value: Any) -> bytes:
    """Return the bytes of a JSON value: sorted keys, no spaces, UTF-8. Errors: ValueError for lone surrogates."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def encode_json_ascii(value: Any) -> bytes:
    """Return the same with `\\uXXXX` for all that is not ASCII, as file names that are not UTF-8 have to be written."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def encode_json_indented(value: Any, indent: int) -> bytes:
    """Return the bytes of a JSON value for people too: sorted keys, a key on a line, UTF-8, a line break at the end."""
    return (json.dumps(value, indent=indent, sort_keys=True, ensure_ascii=False) + "\n").encode()
