"""Find the name and the format of a downloaded file: from `Content-Disposition`, URL and media type."""

from __future__ import annotations

import contextlib
import mimetypes
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from ...common.http_download import DownloadResponse
from ...common.tree_names import describe_limit
from ..tables.compressed import strip_compression
from ..tables.dataframes import FORMATS

_TABLES = {
    "text/csv": "csv", "application/csv": "csv", "text/tab-separated-values": "tsv", "application/json": "json",
    "application/x-ndjson": "jsonl", "application/ndjson": "jsonl", "application/jsonl": "jsonl",
    "application/jsonlines": "jsonl", "application/x-jsonlines": "jsonl", "application/vnd.apache.parquet": "parquet",
    "application/parquet": "parquet", "application/x-parquet": "parquet", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip


def get_table_extension(answer: DownloadResponse) -> str:
    """Return the extension for the media type of a table, or empty text."""
    return _TABLES.get(_parse_media_type(answer), "")


def get_answer_name(url: str, answer: DownloadResponse) -> str:
    """Return the name of the downloaded file; empty text if it is unknown.

    The server's own name comes first, then the last part of the address that was asked and of the one it led to. A name
    without an extension gets that of the media type.
    """
    names = [_parse_disposition(answer.disposition), _get_last_part(url), _get_last_part(answer.url)]
    names = [name for name in names if name]
    for name in names:
        if PurePosixPath(strip_compression(name)).suffix.lower().lstrip(".") in FORMATS:
            return name
    name = next((name for name in names if PurePosixPath(name).suffix), names[0] if names else "")
    if not name or PurePosixPath(name).suffix:
        return name
    end = get_table_extension(answer) or (mimetypes.guess_extension(_parse_media_type(answer)) or "").lstrip(".")
    return f"{name}.{end}" if end and end != "bin" else name


def _parse_media_type(answer: DownloadResponse) -> str:
    return answer.content_type.partition(";")[0].strip().lower()


def _parse_disposition(value: str) -> str:
    """Return the file name in a `Content-Disposition` header, `filename*` before `filename`; nothing of its path."""
    message = Message()
    message["Content-Disposition"] = value
    try:
        fields = message.get_params([], "Content-Disposition")
        extended = [
            collapse_rfc2231_value(text) for field, text in fields if field == "filename" and isinstance(text, tuple)
        ]
        name = extended[0] if extended else str(dict(fields).get("filename", ""))
    except (ValueError, LookupError):  # a charset that there is not
        return ""
    if not extended:
        with contextlib.suppress(ValueError):  # many servers send UTF-8 as it is
            name = name.encode("latin-1").decode()
    return _make_usable(name.replace("\\", "/").rpartition("/")[2])


def _get_last_part(url: str) -> str:
    return _make_usable(unquote(urlsplit(url).path.rpartition("/")[2]))


def _make_usable(name: str) -> str:
    """Return the name if a file can have it, else empty text."""
    return "" if name in ("", ".", "..") or "/" in name or describe_limit(name) else name
