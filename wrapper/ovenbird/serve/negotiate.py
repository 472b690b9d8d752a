"""Tables and pictures: the form that the client's `Accept` header asks for."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reply import Reply

JSON, CSV, PARQUET, ARROW = (
    "application/json",
    "text/csv",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream",
)
_ALIASES = {
    "application/x-parquet": PARQUET,
    "application/parquet": PARQUET,
    "application/vnd.apache.arrow.file": ARROW,
    "application/x-arrow": ARROW,
}


def preferred(accept: str, offered: tuple[str, ...]) -> str:
    """The media type of `offered` that an `Accept` header likes best; the first one when it names none of them."""
    best, liking = offered[0], 0.0
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        name = _ALIASES.get(name, name)
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if name in offered and weight > liking:
            best, liking = name, weight
    return best


def pandas(frame: Any, accept: str) -> Reply:
    """A pandas DataFrame as JSON records, CSV, Parquet or Arrow. The index is left out, as in most APIs."""
    media = preferred(accept, (JSON, CSV, PARQUET, ARROW))
    if media == CSV:
        return _reply(frame.to_csv(index=False).encode(), CSV + "; charset=utf-8")
    if media == PARQUET:
        return _reply(frame.to_parquet(index=False), media)
    if media == ARROW:
        import pyarrow

        return _reply(_arrow(pyarrow.Table.from_pandas(frame, preserve_index=False)), media)
    return _reply(pandas_json(frame), media)


def pandas_json(frame: Any) -> bytes:
    """A pandas DataFrame as JSON records; dates in ISO 8601, missing values null."""
    return frame.to_json(orient="records", date_format="iso").encode()  # type: ignore[no-any-return]


def polars(frame: Any, accept: str) -> Reply:
    """A polars DataFrame as JSON records, CSV, Parquet or Arrow."""
    media = preferred(accept, (JSON, CSV, PARQUET, ARROW))
    if media == CSV:
        return _reply(frame.write_csv().encode(), CSV + "; charset=utf-8")
    if media == JSON:
        return _reply(frame.write_json().encode(), media)
    out = io.BytesIO()
    (frame.write_parquet if media == PARQUET else frame.write_ipc_stream)(out)
    return _reply(out.getvalue(), media)


def figure(found: Any, _: str) -> Reply:
    """A matplotlib figure as PNG."""
    out = io.BytesIO()
    found.savefig(out, format="png")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # which would keep every figure that it made
        pyplot.close(found)
    return _reply(out.getvalue(), "image/png")


def image(found: Any, _: str) -> Reply:
    """A PIL image as PNG."""
    out = io.BytesIO()
    found.save(out, format="PNG")
    return _reply(out.getvalue(), "image/png")


def _arrow(table: Any) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _reply(body: bytes, media: str) -> Reply:
    from .reply import Reply

    return Reply(200, [(b"content-type", media.encode()), (b"content-length", b"%d" % len(body))], body)
