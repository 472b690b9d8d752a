"""Content negotiation for tables and images, by the `Accept` header."""

from __future__ import annotations

import io
import sys
from typing import Any

from .accept_header import is_named, match_type
from .json_encode import encode
from .model import HttpResponse

JSON, CSV, PARQUET, ARROW = (
    "application/json",
    "text/csv",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream",
)
_ALIASES = {
    PARQUET: ("application/x-parquet", "application/parquet"),
    ARROW: ("application/vnd.apache.arrow.file", "application/x-arrow"),
}


def choose_media_type(accept: str, offered: tuple[str, ...]) -> str:
    """Return the media type of `offered` that an `Accept` header prefers; the first one if it accepts none.

    Of two with the same weight, a type that the header names precedes one that `*` matches, then the order of `offered`
    decides.
    """
    best, liking = offered[0], (0.0, 0)
    for media in offered:
        names = (media, *_ALIASES.get(media, ()))
        match = max(match_type(accept, name) for name in names if name == media or is_named(accept, name))
        if match[0] > 0 and match > liking:
            best, liking = media, match
    return best


def pandas_response(frame: Any, accept: str) -> HttpResponse:
    """Return a pandas DataFrame as JSON records, CSV, Parquet or Arrow, without its index."""
    media = choose_media_type(accept, (JSON, CSV, PARQUET, ARROW))
    if media == CSV:
        return _make_response(frame.to_csv(index=False).encode(), CSV + "; charset=utf-8")
    if media == PARQUET:
        return _make_response(frame.to_parquet(index=False), media)
    if media == ARROW:
        import pyarrow

        return _make_response(_encode_arrow(pyarrow.Table.from_pandas(frame, preserve_index=False)), media)
    return _make_response(encode(frame), media)


def polars_response(frame: Any, accept: str) -> HttpResponse:
    """Return a polars DataFrame as JSON records, CSV, Parquet or Arrow."""
    media = choose_media_type(accept, (JSON, CSV, PARQUET, ARROW))
    if media == CSV:
        return _make_response(frame.write_csv().encode(), CSV + "; charset=utf-8")
    if media == JSON:
        return _make_response(encode(frame), media)
    out = io.BytesIO()
    (frame.write_parquet if media == PARQUET else frame.write_ipc_stream)(out)
    return _make_response(out.getvalue(), media)


def figure_response(drawing: Any, _: str) -> HttpResponse:
    """Return a matplotlib figure as PNG."""
    out = io.BytesIO()
    drawing.savefig(out, format="png")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # pyplot keeps every figure that it created
        pyplot.close(drawing)
    return _make_response(out.getvalue(), "image/png")


def image_response(picture: Any, _: str) -> HttpResponse:
    """Return a PIL image as PNG."""
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return _make_response(out.getvalue(), "image/png")


def _encode_arrow(table: Any) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _make_response(body: bytes, media: str) -> HttpResponse:
    return HttpResponse(200, [(b"content-type", media.encode()), (b"content-length", b"%d" % len(body))], body)
