"""`sql://` paths, read from a real database: SQLite, by the variables of the platform."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import Jobs

from ovenbird.common.install_hint import format_install_command
from ovenbird.errors import InputError, OutputError
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project
from ovenbird.platform.tables import sql_tables
from ovenbird.platform.tables.dataframes import ENGINES, get_engine


@pytest.fixture
def database(tmp_path: Path) -> dict[str, str]:
    """The variables of a database with the table `cities` and the view `small`."""
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(
        """
        CREATE TABLE cities (name TEXT, people INTEGER);
        INSERT INTO cities VALUES ('Trento', 118000), ('Zürich', 443000);
        CREATE VIEW small AS SELECT * FROM cities WHERE people < 200000;
        CREATE TABLE "odd ""name; DROP" (a INTEGER);
        """
    )
    connection.commit()
    connection.close()
    return {"DB_PLATFORM": "sqlite", "DB_DATABASE": str(tmp_path / "shop.db")}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", ["sql://shop/cities", "sql://shop/main/cities"])
def test_a_table_is_a_frame(store: LocalStore, database: dict[str, str], path: str, engine: str) -> None:
    item = Project(store, "p", database).new_dataitem("cities", "table", path=path)
    frame = item.as_df(engine=engine)
    assert (get_engine(frame), list(frame["name"]), list(frame["people"])) == (
        engine, ["Trento", "Zürich"], [118000, 443000],
    )  # fmt: skip


def test_a_query_is_read_once(store: LocalStore, database: dict[str, str], tmp_path: Path) -> None:
    """`query` holds for the next `as_df`; a data item elsewhere has none, and nothing is written to a database."""
    item = Project(store, "p", database).new_dataitem("cities", "table", path="sql://shop/cities")
    assert list(item.query("SELECT name FROM cities WHERE people > 200000").as_df()["name"]) == ["Zürich"]
    assert list(item.as_df()["name"]) == ["Trento", "Zürich"]
    with pytest.raises(InputError, match="sql://shop/cities cannot be read"):
        item.query("SELECT nothing FROM nowhere").as_df()
    with pytest.raises(OutputError, match="nothing is written to sql://shop/cities"):
        item.write_df(item.as_df())
    assert item.status.state == "READY"
    with pytest.raises(ValueError, match="is not a table of a database"):
        Project(store, "p", database).new_dataitem("x", "table", path=str(tmp_path / "x.csv")).query("SELECT 1")


def test_views_and_odd_names_are_tables_too(database: dict[str, str]) -> None:
    """A name is quoted: it is no statement."""
    assert list(sql_tables.read_sql("sql://shop/small", database, "pandas")["name"]) == ["Trento"]
    assert list(sql_tables.read_sql('sql://shop/odd "name; DROP', database, "pandas").columns) == ["a"]
    assert list(sql_tables.read_sql("sql://shop/cities", database, "pandas", index_col="name").index) == [
        "Trento",
        "Zürich",
    ]


def test_a_table_becomes_a_file_on_download(store: LocalStore, database: dict[str, str], tmp_path: Path) -> None:
    item = Project(store, "p", database).new_dataitem("cities", "table", path="sql://shop/cities")
    copies = [
        item.as_file()[0],
        str(item.as_path()),
        item.download(tmp_path / "out/"),
        item.download(tmp_path / "c.csv"),
    ]
    assert [Path(copy).name for copy in copies] == ["cities.parquet"] * 3 + ["c.csv"]
    project = Project(store, "p", {})
    for copy in copies:
        assert list(project.new_dataitem("copy", path=copy).as_df()["people"]) == [118000, 443000]
    with pytest.raises(InputError, match="exists"):
        item.download(tmp_path / "out/")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sql://shop/none", r"no table 'none' \(there are: cities"),
        ("sql://shop", "has no table"),
        ("sql://shop/a/b/c", "has no table"),
        ("sql://shop//cities", "has no table"),
    ],
)
def test_a_path_without_a_table_is_reported(database: dict[str, str], path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sql_tables.read_sql(path, database, "pandas")


def test_the_platforms_variables_name_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors leave out the password, whatever it contains: for a missing driver and for an unreachable server."""
    environ = {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": "1",
        "DB_USERNAME": "me@x",
        "DB_PASSWORD": "SE:C/R@ET",
        "DB_DATABASE": "d",
    }
    address = sql_tables.parse_path("sql://other/public/t")
    url = sql_tables.make_connection_url(address, environ)
    assert (url.drivername, url.username, url.password, url.host, url.port, url.database) == (
        "postgresql+psycopg", "me@x", "SE:C/R@ET", "127.0.0.1", 1, "d",
    )  # fmt: skip
    with pytest.raises(InputError, match="cannot be read") as caught:
        sql_tables.read_sql("sql://other/public/t", environ, "pandas")
    assert "SE:C" not in str(caught.value) + caught.value.hint
    with pytest.raises(InputError, match="`DB_HOST` is not set"):
        sql_tables.make_connection_url(address, {})
    with pytest.raises(InputError, match="`DB_PORT` is not a port"):
        sql_tables.make_connection_url(address, {**environ, "DB_PORT": "x"})
    for driver in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(InputError, match="PostgreSQL needs the package `psycopg`"):
        sql_tables.make_connection_url(address, environ)


def test_without_sqlalchemy_the_package_is_named(database: dict[str, str]) -> None:
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\nfrom ovenbird.platform.tables import sql_tables\n"
        "sql_tables.read_sql('sql://shop/cities', {}, 'pandas')"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    command = format_install_command("tables")
    assert f"need the package `sqlalchemy`, which is not installed ({command}, and a driver" in process.stderr


def test_nothing_is_stored_in_a_database(project: Project) -> None:
    with pytest.raises(OutputError, match="files cannot be stored in a database"):
        project.log_artifact("a", data=b"x", path="sql://shop/cities")


@pytest.mark.slow
def test_a_job_takes_a_table_as_input(jobs: Jobs, database: dict[str, Any]) -> None:
    source = """
        import pandas as pd
        def handler(cities: pd.DataFrame):
            return int(cities["people"].sum())
    """
    job = jobs.run(source, "--input", "cities=sql://shop/cities", **database)
    assert (job.code, job.result.get("results")) == (0, {"output_0": 561000}), job.err
