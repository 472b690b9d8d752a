from __future__ import annotations

import datetime
import math
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from tests.console.previews.readers import CountingReader

from ovenbird_console.previews.parquet_table import preview_parquet
from ovenbird_console.previews.preview import PreviewError, TablePreview


def preview(path: Path, first_column: int = 0) -> tuple[TablePreview, int]:
    """Return the preview of a file, and the bytes that were read of it."""
    reader = CountingReader(path)
    try:
        return preview_parquet(reader, first_column), reader.count
    finally:
        reader.close()


def test_columns_of_all_sorts(tmp_path: Path) -> None:
    """Statistics of all row groups say how much is missing and the range; NaN and infinity are shown as such."""
    table = pyarrow.table({
        "n": [3, None, 1, 2], "x": [0.5, math.nan, math.inf, 1.0], "none": [None] * 4,
        "t": [datetime.date(2024, 1, day) for day in range(1, 5)],
        "list": [[1], [], None, [2]], "record": [{"a": 1}] * 4, "<b>": ["<script>"] * 4,
        "bytes": [b"\xff"] * 4,
    })  # fmt: skip
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    shown, _ = preview(tmp_path / "a.parquet")
    columns = {column.name: column for column in shown.columns}
    assert (shown.rows, shown.sampled) == (4, 4)
    assert (columns["n"].missing, columns["n"].missing_of, columns["n"].range) == (1, 4, "1 to 3")
    assert columns["x"].cells == ("0.5", "nan", "inf", "1")
    assert columns["t"].range == "2024-01-01 to 2024-01-04"
    assert columns["list"].cells == ("[1]", "[]", None, "[2]")
    assert columns["record"].cells[0] == "{'a': 1}"
    assert columns["none"].missing == 4


def test_two_thousand_columns_are_paged_and_the_rest_is_not_read(tmp_path: Path) -> None:
    table = pyarrow.table({f"c{number}": pyarrow.array(range(1000)) for number in range(2000)})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    shown, count = preview(tmp_path / "a.parquet", 1000)
    assert (shown.total_columns, shown.columns[0].name, len(shown.columns)) == (2000, "c990", 30)
    assert count < (tmp_path / "a.parquet").stat().st_size / 3


def test_columns_of_one_name_and_with_dots_are_told_apart(tmp_path: Path) -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2]), pyarrow.array([3])], ["a", "a", "a.b"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    shown, _ = preview(tmp_path / "a.parquet")
    assert [column.cells for column in shown.columns] == [("1",), ("2",), ("3",)]


def test_a_column_of_large_cells_is_left_out(tmp_path: Path) -> None:
    table = pyarrow.table({"blob": [b"x" * 1_000_000] * 4, "n": [1, 2, 3, 4]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", compression="none", use_dictionary=False)
    shown, count = preview(tmp_path / "a.parquet")
    assert shown.notes == ("too large to show: blob",)
    assert (shown.columns[0].cells, shown.columns[1].cells) == ((), ("1", "2", "3", "4"))
    assert count < 1_000_000


@pytest.mark.parametrize("damage", ["cut", "footer", "middle", "length"])
def test_a_damaged_file_is_an_error_with_the_reason(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"n": list(range(1000)), "s": ["text"] * 1000}), path)
    data = path.read_bytes()
    broken = {
        "cut": data[:-20], "footer": data[:-200] + b"\xff" * 100 + data[-100:],
        "middle": data[:4] + b"\xff" * 3000 + data[3004:], "length": data[:-8] + b"\xff\xff\xff\x7fPAR1",
    }  # fmt: skip
    path.write_bytes(broken[damage])
    with pytest.raises(PreviewError, match="no readable Parquet file"):
        preview(path)


def test_a_table_without_rows_or_columns(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"n": pyarrow.array([], pyarrow.int64())}), tmp_path / "rows.parquet")
    pyarrow.parquet.write_table(pyarrow.table({}), tmp_path / "columns.parquet")
    assert preview(tmp_path / "rows.parquet")[0].columns[0].type == "int64"
    assert preview(tmp_path / "columns.parquet")[0].columns == ()


@pytest.mark.parametrize("kind", [pyarrow.timestamp("us"), pyarrow.date32()], ids=str)
def test_a_time_that_python_does_not_have_is_an_error(tmp_path: Path, kind: pyarrow.DataType) -> None:
    whole, number = (pyarrow.int32(), 2**31 - 1) if kind == pyarrow.date32() else (pyarrow.int64(), 2**60)
    table = pyarrow.table({"t": pyarrow.array([number], whole).cast(kind)})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(PreviewError, match="no readable Parquet file"):
        preview(tmp_path / "a.parquet")
