"""Tables in the form that the client asks for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import polars
import pyarrow
import pyarrow.parquet
import pytest
from tests.raw import Raw, run_service
from tests.service import Service

from ovenbird.serve.response.negotiation import ARROW, CSV, JSON, PARQUET, choose_media_type


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "results/main.py:handler") as service:
        yield service


def csv(body: bytes) -> Any:
    return polars.read_csv(body).to_dict(as_series=False)


def parquet(body: bytes) -> Any:
    return pyarrow.parquet.read_table(io.BytesIO(body)).to_pydict()


def arrow(body: bytes) -> Any:
    return pyarrow.ipc.open_stream(body).read_all().to_pydict()


@pytest.mark.slow
@pytest.mark.parametrize("package", ["pandas", "polars"])
@pytest.mark.parametrize(("accept", "media", "read"), [
    ("text/csv", "text/csv; charset=utf-8", csv),
    ("application/vnd.apache.parquet", PARQUET, parquet),
    ("application/x-parquet", PARQUET, parquet),
    ("application/vnd.apache.arrow.stream", ARROW, arrow),
    ("application/json;q=0.5, text/csv;q=0.9", "text/csv; charset=utf-8", csv),
])  # fmt: skip
def test_table(results: Service, package: str, accept: str, media: str, read: Any) -> None:
    """A DataFrame of either package is sent in the form that `Accept` names, and can be read back."""
    answer = results.get("/", params={"name": package}, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    table = read(answer.content)
    assert (table["n"], table["text"], table["x"][0]) == ([1, 2], ["a", None], 0.5)


PREFERENCES = [
    ("", JSON),
    ("*/*", JSON),
    ("text/html", JSON),
    ("text/html;q=1, */*;q=0", JSON),
    ("text/csv", CSV),
    ("TEXT/CSV", CSV),
    ("text/*", CSV),
    ("Text/*;Q=0.5", CSV),
    ("application/*", JSON),
    ("text/csv;q=0, application/json", JSON),
    ("text/csv;q=0, text/*", JSON),
    ("application/json;q=0, */*", CSV),
    ("application/json;q=0.0, application/*", PARQUET),
    ("text/csv;q=x", JSON),
    ("text/csv;q=nan", JSON),
    ("text/csv;q=-1", JSON),
    ("text/csv;q=2", JSON),
    ("text/csv;q=", JSON),
    ("text/csv ; q = 0.5", CSV),
    ("application/json, text/csv", JSON),
    ("text/csv, */*", CSV),
    ("text/csv;q=0.8, */*;q=0.8", CSV),
    ("text/csv;q=0.2, */*;q=0.8", JSON),
    ("text/csv;q=0.2, text/csv;q=0.9, application/json;q=0.5", CSV),
    ("text/csv;q=0.2, application/vnd.apache.parquet;q=0.8", PARQUET),
    ("application/x-parquet", PARQUET),
    ("application/x-parquet;q=0.5, application/json;q=0.2", PARQUET),
    ("application/x-parquet;q=0", JSON),
    ("text/csv;charset=utf-8", CSV),
    ('text/csv;charset="UTF-8"', CSV),
    ("text/csv;charset=utf-16", JSON),
    ("text/csv;header=present", CSV),
    ('text/csv;note="a,b;q=0"', CSV),
    ('application/xml;note="text/csv, x"', JSON),
    ('application/xml;note="text/csv, x', JSON),
    ("*/csv", JSON),
    (";", JSON),
    (";text/csv", JSON),
    ("text/csv;", CSV),
    ("text", JSON),
    ("/, */, ,;q=1", JSON),
    (", , text/csv", CSV),
]


@pytest.mark.parametrize(("accept", "media"), PREFERENCES)
def test_preferred(accept: str, media: str) -> None:
    """The best liked form wins; the range that is most specific tells its weight; JSON when none is accepted."""
    assert choose_media_type(accept, (JSON, CSV, PARQUET, ARROW)) == media


@pytest.mark.slow
def test_several_lines(results: Service) -> None:
    """Several `Accept` lines are one list."""
    with Raw(results) as client:
        lines = b"Accept: application/json;q=0.5\r\naccept: text/csv\r\n"
        client.send(b"GET /?name=pandas HTTP/1.1\r\nHost: t\r\n" + lines + b"\r\n")
        assert client.answer().headers["content-type"].startswith("text/csv")


@pytest.mark.slow
def test_a_long_header_takes_no_time() -> None:
    """The parser's work grows with the length of a header, whatever is in it."""
    for accept in ('"' * 60_000, 'a/b;c="' + "\\" * 60_000, ";" * 60_000, 'a/b;q="' * 8_000, "*/*," * 15_000):
        assert choose_media_type(accept + ", text/csv", (JSON, CSV)) in (JSON, CSV)
