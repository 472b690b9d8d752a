from __future__ import annotations

import pytest

from ovenbird_console.previews.preview import PreviewError
from ovenbird_console.previews.text_head import TextHead
from ovenbird_console.previews.text_table import preview_text_table


def test_columns_have_types_missing_values_and_ranges() -> None:
    """NaN counts as missing, and an infinite number is none of the histogram."""
    text = b"name;n;x\nRome;1;0.5\nOslo;;NaN\nRome;3;inf\n"
    table = preview_text_table(TextHead(text, False), "csv")
    name, whole, real = table.columns
    assert (name.type, name.cells, name.missing) == ("string", ("Rome", "Oslo", "Rome"), 0)
    assert (whole.type, whole.cells, whole.missing, whole.range) == ("int64", ("1", None, "3"), 1, "1 to 3")
    assert (name.is_number, whole.is_number) == (False, True)
    assert (real.cells, real.missing, real.range) == (("0.5", None, "inf"), 1, "0.5 to 0.5")
    assert (table.rows, table.total_columns, sum("1" in bar.title for bar in whole.bars) > 0) == (3, 3, True)


def test_two_thousand_columns_are_paged() -> None:
    head = ",".join(f"c{number}" for number in range(2000))
    table = preview_text_table(TextHead(f"{head}\n{head}\n".encode(), False), "csv", 1995)
    assert (table.total_columns, table.first_column, table.columns[0].name) == (2000, 1980, "c1980")
    assert table.last_column == 2000


def test_lines_of_another_width_are_counted() -> None:
    table = preview_text_table(TextHead(b"a,b\n1,2\n1,2,3\n4,5\n", False), "csv")
    assert table.columns[0].cells == ("1", "4")
    assert table.notes == ("1 lines do not have the columns of the first line",)


@pytest.mark.parametrize("text", [b"\n\n", b'"a\n', b"," * 30_000], ids=["blank", "open quote", "wide"])
def test_what_is_no_table_is_an_error(text: bytes) -> None:
    with pytest.raises(PreviewError):
        preview_text_table(TextHead(text, False), "csv")


@pytest.mark.parametrize("text", [b"t\n0000-01-01 00:00:00\n", b"t\n0000-01-01\n"], ids=["time", "date"])
def test_a_time_that_python_does_not_have_is_an_error(text: bytes) -> None:
    with pytest.raises(PreviewError, match="no readable table"):
        preview_text_table(TextHead(text, False), "csv")
