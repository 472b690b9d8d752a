"""Tables in the form that the client asks for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import polars
import pyarrow
import pyarrow.parquet
import pytest
from tests.raw import running
from tests.service import Service

from ovenbird.serve.negotiate import ARROW, CSV, JSON, PARQUET, preferred


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory, "results/main.py:handler") as service:
        yield service


def csv(body: bytes) -> Any:
    return polars.read_csv(body).to_dict(as_series=False)


def parquet(body: bytes) -> Any:
    return pyarrow.parquet.read_table(io.BytesIO(body)).to_pydict()


def arrow(body: bytes) -> Any:
    return pyarrow.ipc.open_stream(body).read_all().to_pydict()


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
    found = read(answer.content)
    assert (found["n"], found["text"], found["x"][0]) == ([1, 2], ["a", None], 0.5)


PREFERENCES = [
    ("", JSON),
    ("*/*", JSON),
    ("text/html", JSON),
    ("text/csv", CSV),
    ("TEXT/CSV", CSV),
    ("text/csv;q=0, application/json", JSON),
    ("text/csv;q=x", JSON),
    ("application/json, text/csv", JSON),
    ("text/csv;q=0.2, application/vnd.apache.parquet;q=0.8", PARQUET),
]


@pytest.mark.parametrize(("accept", "media"), PREFERENCES)
def test_preferred(accept: str, media: str) -> None:
    """The best liked form wins; JSON when none is named, or the weight makes no sense."""
    assert preferred(accept, (JSON, CSV, PARQUET, ARROW)) == media
