"""Tables as engines write them: partitioned, in parts, compressed, with marks and options."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest
import zstandard

from ovenbird.errors import InputError
from ovenbird.platform.project.project import Project
from ovenbird.platform.tables.dataframes import ENGINES

CSV = "città;people\nTrento;118000\nZürich;443000\n".encode()
BOM = b"\xef\xbb\xbf"


def write_zip(data: bytes, path: Path, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"cities.csv": data, **more}.items():
            archive.writestr(name, content)


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict(orient="records")
    return rows


@pytest.fixture
def spark(tmp_path: Path) -> Path:
    """A folder as Spark writes it, partitioned by year and city, with checksums and empty parts."""
    root = tmp_path / "sales"
    for year, city, amount in ((2023, "Trento", 1), (2023, "San%20Marino", 2), (2024, "__HIVE_DEFAULT_PARTITION__", 3)):
        folder = root / f"year={year}" / f"city={city}"
        folder.mkdir(parents=True)
        part = folder / "part-00000-1c2d.c000.snappy.parquet"
        pandas.DataFrame({"amount": [amount]}).to_parquet(part)
        (folder / f".{part.name}.crc").write_bytes(b"crc\0")
    (root / "_SUCCESS").touch()
    (root / "._SUCCESS.crc").write_bytes(b"crc\0")
    (root / "_temporary/0").mkdir(parents=True)
    (root / "_temporary/0/part-00001.parquet").write_bytes(b"unfinished")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("location", ["registered", "stored", "s3"])
def test_partitions_are_columns_and_marks_are_no_data(
    project: Project, s3: dict[str, str], spark: Path, location: str, engine: str
) -> None:
    """Wherever the folder lies: numbers are numbers, escapes are undone, the default partition is null."""
    if location == "registered":
        item = project.new_dataitem("sales", "table", path=f"{spark}/")
    else:
        target = Project(project._store, "p", s3, files_store="s3://outputs") if location == "s3" else project
        item = target.log_dataitem("sales", "table", source=spark)
    frame = item.as_df(engine=engine)
    assert list(frame.columns) == ["amount", "year", "city"]
    assert [(row["amount"], row["year"]) for row in _rows(frame)] == [(2, 2023), (1, 2023), (3, 2024)]
    cities = list(frame["city"])
    assert cities[:2] == ["San Marino", "Trento"]
    assert pandas.isna(cities[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_that_differ_are_one_table(project: Project, tmp_path: Path, engine: str) -> None:
    """A column that came later is null before; an empty part has no rows."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/part-0.csv").write_text("a\n1\n")
    (tmp_path / "in/part-1.csv").write_text("")
    (tmp_path / "in/part-2.csv").write_text("a,b\n2,x\n")
    rows = _rows(project.new_dataitem("d", path=str(tmp_path / "in")).as_df(engine=engine))
    assert [row["a"] for row in rows] == [1, 2]
    assert pandas.isna(rows[0]["b"])
    assert rows[1]["b"] == "x"


def test_a_delta_table_is_not_read_as_plain_files(project: Project, spark: Path) -> None:
    """Its log says which files count: reading all of them would bring deleted rows back."""
    (spark / "_delta_log").mkdir()
    (spark / "_delta_log/00000000000000000000.json").write_text("{}")
    with pytest.raises(InputError, match="is a Delta table"):
        project.new_dataitem("d", path=str(spark)).as_df()


def test_a_folder_without_data_files_is_reported(project: Project, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("_SUCCESS", "._SUCCESS.crc"):
        (tmp_path / "in" / name).touch()
    with pytest.raises(InputError, match=r"holds no file of a table: \._SUCCESS.crc, _SUCCESS"):
        project.new_dataitem("d", path=str(tmp_path / "in")).as_df()


_COMPRESSED: dict[str, Callable[[bytes, Path], object]] = {
    "cities.csv.gz": lambda data, path: path.write_bytes(gzip.compress(data[:30]) + gzip.compress(data[30:])),
    "cities.csv.bz2": lambda data, path: path.write_bytes(bz2.compress(data)),
    "cities.csv.xz": lambda data, path: path.write_bytes(lzma.compress(data)),
    "cities.csv.zst": lambda data, path: path.write_bytes(
        zstandard.compress(data[:30]) + zstandard.compress(data[30:])
    ),
    "cities.csv.zip": write_zip,
    "cities.zip": write_zip,
    "decoded.csv.gz": lambda data, path: path.write_bytes(data),
    "CITIES.CSV.GZ": lambda data, path: path.write_bytes(gzip.compress(data)),
    "cities.csv": lambda data, path: path.write_bytes(gzip.compress(data)),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", _COMPRESSED)
def test_compressed_tables_are_read(project: Project, tmp_path: Path, name: str, engine: str) -> None:
    """The content decides: a file with a compressed name may be plain, and the other way round."""
    _COMPRESSED[name](CSV, tmp_path / name)
    frame = project.new_dataitem("d", path=str(tmp_path / name)).as_df(engine=engine, sep=";")
    assert _rows(frame) == [{"città": "Trento", "people": 118000}, {"città": "Zürich", "people": 443000}]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["parquet", "json", "jsonl", "xlsx"])
def test_any_format_may_be_compressed(project: Project, tmp_path: Path, form: str, engine: str) -> None:
    frame = pandas.DataFrame({"a": [1, 2]})
    plain = tmp_path / f"t.{form}"
    if form == "jsonl":
        frame.to_json(plain, orient="records", lines=True)
    else:
        options: dict[str, Any] = {"orient": "records"} if form == "json" else {"index": False}
        getattr(frame, {"parquet": "to_parquet", "json": "to_json", "xlsx": "to_excel"}[form])(plain, **options)
    (tmp_path / f"t.{form}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    item = project.new_dataitem("d", path=str(tmp_path / f"t.{form}.gz"))
    assert list(item.as_df(engine=engine)["a"]) == [1, 2]


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.csv.gz", lambda path: path.write_bytes(gzip.compress(CSV)[:-9]), "a.csv.gz cannot be read as csv"),
        ("a.csv.zip", lambda path: write_zip(CSV, path, other=b"x"), "the zip holds 2 files, and a table is one"),
        ("a.bin.gz", lambda path: path.write_bytes(gzip.compress(CSV)), "'bin', which is not one of a table"),
    ],
    ids=["damaged", "two members", "no table"],
)
def test_what_cannot_be_unpacked_is_named(
    project: Project, tmp_path: Path, name: str, write: Callable[[Path], None], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(InputError, match=message):
        project.new_dataitem("d", path=str(tmp_path / name)).as_df()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", BOM + b"a,b\n1,x\n"), ("a.json", BOM + b'[{"a": 1, "b": "x"}]'),
        ("a.jsonl", BOM + b'{"a": 1, "b": "x"}\n'), ("spark.json", b'{"a": 1, "b": "x"}\n'),
        ("bom.json", BOM + b'{"a": 1, "b": "x"}'), ("columns.json", b'[{"a": 1,\n"b": "x"}]'),
    ],
    ids=["csv", "json", "jsonl", "lines in json", "a line with a mark", "array over lines"],
)  # fmt: skip
def test_marks_and_lines_of_json(project: Project, tmp_path: Path, name: str, data: bytes, engine: str) -> None:
    """A byte order mark is skipped, and a `.json` may hold a line for each row, as Spark writes it."""
    (tmp_path / name).write_bytes(data)
    item = project.new_dataitem("d", path=str(tmp_path / name))
    assert _rows(item.as_df(engine=engine)) == [{"a": 1, "b": "x"}]


def test_json_by_columns_stays_json(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {"0": 1, "1": 2}, "b": {"0": 3, "1": 4}}')
    frame = project.new_dataitem("d", path=str(tmp_path / "a.json")).as_df(engine="pandas")
    assert frame.to_dict(orient="list") == {"a": [1, 2], "b": [3, 4]}


@pytest.mark.parametrize("engine", ENGINES)
def test_reader_options_go_to_the_reader(project: Project, tmp_path: Path, engine: str) -> None:
    """Options have the names of the engine in use."""
    (tmp_path / "a.data").write_text("1|2\n3|4\n5|6\n")
    item = project.new_dataitem("d", path=str(tmp_path / "a.data"))
    header: dict[str, Any] = {"header": None} if engine == "pandas" else {"has_header": False}
    for words in ({"sep": "|", "nrows": 2}, {"separator": "|", "n_rows": 2}):
        assert item.as_df(file_format="csv", engine=engine, **words, **header).shape == (2, 2)


def test_log_table_passes_its_options_to_the_reader(project: Project, tmp_path: Path) -> None:
    """The options apply to schema and preview, and are not stored in the spec."""
    (tmp_path / "a.data").write_bytes(CSV)
    item = project.log_table(
        "t", source=str(tmp_path / "a.data"), file_format="csv", engine="polars", read_df_params={"sep": ";"}
    )
    assert [field.name for field in item.spec["schema"].fields] == ["città", "people"]
    assert item.status.preview.cols[1]["value"] == [118000, 443000]
    assert not {"file_format", "engine", "read_df_params", "reader"} & item.spec.to_dict().keys()


def test_parquet_is_known_by_its_content(project: Project, tmp_path: Path) -> None:
    polars.DataFrame({"a": [1]}).write_parquet(tmp_path / "export")
    assert list(project.new_dataitem("d", path=str(tmp_path / "export")).as_df()["a"]) == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_folders_above_a_lone_file_are_no_partitions(project: Project, tmp_path: Path, engine: str) -> None:
    """The default store is the folder `.ovenbird`; folders above a file are no part of its table."""
    folder = tmp_path / ".hidden" / "_private" / "year=2024"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("n\n1\n")
    entity = project.new_dataitem("lone", path=str(folder / "a.csv"))
    assert _rows(entity.as_df(engine=engine)) == [{"n": 1}]


@pytest.mark.parametrize("engine", ["pandas", "polars"])
@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_names_that_are_no_utf8_are_read(project: Project, tmp_path: Path, engine: str, form: str) -> None:
    """In a folder and alone; a copy has them escaped."""
    frame = polars.DataFrame({"x": [1]})
    data = io.BytesIO()
    getattr(frame, f"write_{form}")(data)
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / os.fsdecode(b"b\xff." + form.encode())
    path.write_bytes(data.getvalue())
    item = project.new_dataitem("d", path=f"{folder}/")
    assert list(item.as_df(engine=engine)["x"]) == [1]
    assert Path(item.as_file()[0]).read_bytes() == data.getvalue()
    assert (Path(item.download(tmp_path / "out")) / f"b%FF.{form}").read_bytes() == data.getvalue()
    single = project.referenced("s", "table", str(path))
    assert list(single.as_df(engine=engine)["x"]) == [1]
