"""Records as the database holds them: JSON without metrics, which have a table."""

from __future__ import annotations

from typing import Any

import msgspec

from ...errors import PlatformError
from ..entities.json_values import clean_text, encode_json
from ..store import Record


def pack_record(record: Record) -> str:
    """Return the text of a record."""
    status = {name: value for name, value in record["status"].items() if name != "metrics"}
    return encode_json({**record, "status": status}).decode()


def unpack_record(text: str, address: str) -> Record:
    """Return the record of a text. PlatformError if it is damaged."""
    try:
        record: Record = msgspec.json.decode(text, type=dict[str, Any])
        record["spec"].get, record["status"].get, record["metadata"].get
    except (ValueError, RecursionError, KeyError, AttributeError):
        raise PlatformError(
            f"a record in {address} is damaged: it is not a JSON object with a spec",
            hint="`ovenbird runs rm`, or the like for its type, removes it",
        ) from None
    return record


def clean_column(text: str | None) -> str | None:
    """Return a text that a column takes: without lone surrogates and NUL."""
    return None if text is None else clean_text(text).replace("\0", "\\x00")
