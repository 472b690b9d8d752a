from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.console.previews.readers import CountingReader

from ovenbird_console.previews.choose import DOCUMENT, TABLE_HEAD, preview_file
from ovenbird_console.previews.preview import Preview

Show = Callable[..., Preview]


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """A function that stores bytes under a name, and returns their preview."""

    def preview(name: str, data: bytes) -> Preview:
        path = tmp_path / name
        path.write_bytes(data)
        reader = CountingReader(path)
        try:
            return preview_file(reader, name)
        finally:
            reader.close()

    return preview


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", b"plain", "text"),
        ("a.py", b"import os\n", "text"),
        ("a.csv", b"a,b\n1,2\n", "table"),
        ("a.tsv", b"a\tb\n1\t2\n", "table"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n"), "table"),
        ("a.csv.bz2", bz2.compress(b"a,b\n1,2\n"), "table"),
        ("a.jsonl", b'{"a": 1}\n{"a": null}\n', "table"),
        ("a.json", b'{"a": NaN}', "json"),
        ("a.md", b"# Title", "markup"),
        ("a.html", b"<script>alert(1)</script>", "text"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "text"),
        ("a.pkl", b"\x80\x04\x95\0\0\0\0", "none"),
        ("a.json", b"\0\xff\xfe" * 99, "none"),
        ("a.csv", "é;b\n1;2\n".encode("latin-1"), "table"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "table"),
        ("a", b"", "none"),
    ],
    ids=[
        "text", "source", "csv", "tsv", "gzip", "bzip2", "json lines", "json", "markdown", "html", "svg", "pickle",
        "binary json", "latin 1", "utf 16", "empty",
    ],
)  # fmt: skip
def test_a_file_is_shown_by_its_name_and_its_first_bytes(show: Show, name: str, data: bytes, kind: str) -> None:
    """HTML and SVG are text; bytes that are none of the format are offered as a download."""
    assert show(name, data).kind == kind


def test_what_does_not_parse_is_shown_as_text_with_the_reason(show: Show) -> None:
    preview = show("a.json", b'{"a": 1,\n  b}')
    assert preview.kind == "text"
    assert "in line 2, column 3" in preview.note
    assert show("deep.json", b"[" * 100_000).kind == "text"
    assert "gzip" not in str(show("a.csv.gz", b"a,b\n1,2\n"))  # a server has unpacked it


def test_a_large_document_is_text_and_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[" + b"1," * DOCUMENT + b"1]")
    reader = CountingReader(tmp_path / "a.json")
    preview = preview_file(reader, "a.json")
    assert (preview.kind, preview.cut) == ("text", True)
    assert reader.count <= DOCUMENT + 100
    reader.close()


def test_a_huge_csv_is_read_by_its_first_bytes(tmp_path: Path) -> None:
    """A file of a gigabyte, nearly all of it a hole, shows its first rows after one megabyte."""
    rows = b"".join(b"%d,%d\n" % (number, number % 7) for number in range(150_000))
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(b"id,value\n" + rows)
        file.truncate(1 << 30)
    reader = CountingReader(tmp_path / "a.csv")
    preview = preview_file(reader, "a.csv")
    assert (preview.rows, preview.columns[0].cells[:3]) == (None, ("0", "1", "2"))
    assert "from the first 1.0 MiB of the file" in preview.notes
    assert reader.count <= TABLE_HEAD + 100
    reader.close()


def test_a_compressed_bomb_is_unpacked_up_to_the_limit(show: Show) -> None:
    preview = show("a.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 10_000_000, 1))
    assert (preview.kind, preview.rows) == ("table", None)


def test_control_characters_of_a_text_are_escaped(show: Show) -> None:
    assert show("a.log", b"\x1b[31mred\nnext\trow").text == "\\x1b[31mred\nnext    row"


def test_a_notebook_is_cells(show: Show) -> None:
    notebook = {"cells": [{"cell_type": "code", "source": ["print(1)"], "outputs": [], "execution_count": 3}]}
    (cell,) = show("a.ipynb", json.dumps(notebook).encode()).cells
    assert (cell.source, cell.number) == ("print(1)", "3")
