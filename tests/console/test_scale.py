"""100,000 runs: a page asks the store a fixed number of questions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import httpx
import pytest
from tests.console.project import record_run

from ovenbird_console.app import make_app
from ovenbird_console.console import Console

pytestmark = pytest.mark.slow
_COUNT = 100_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with many runs of one function, written by SQL."""
    folder = tmp_path_factory.mktemp("many")
    record_run(folder, identity="f" * 32)
    with sqlite3.connect(folder / ".ovenbird" / "ovenbird.db") as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO entity (project, type, kind, name, id, state, created, updated, function, started, ended)"
            " SELECT project, type, kind, printf('%032x', i), printf('%032x', i), state, created, updated, function,"
            " started, ended FROM entity, n",
            (_COUNT,),
        )
        connection.execute(
            "INSERT INTO body (seq, text) SELECT entity.seq, replace(CAST(body.text AS TEXT), ?, entity.id)"
            " FROM entity, body WHERE entity.seq > 1",
            ("f" * 32,),
        )
    connection.close()
    return folder


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that the stores of this process run."""
    seen: list[str] = []
    from ovenbird.platform.local import database

    original = database.open_database

    def open_traced(path: Path) -> sqlite3.Connection:
        connection = original(path)
        connection.set_trace_callback(lambda text: seen.append(text) if text.startswith(("SELECT", "UPDATE")) else None)
        return connection

    monkeypatch.setattr(database, "open_database", open_traced)
    return seen


@pytest.mark.parametrize("path", ["/runs", "/runs?state=ERROR", "/functions", f"/runs/default/{'f' * 32}"])
@pytest.mark.anyio
async def test_a_page_asks_few_questions(folder: Path, statements: list[str], path: str) -> None:
    """However many runs there are: at most a handful of statements, and 50 rows."""
    console = Console(folder, {"OVENBIRD_HOME": str(folder / ".ovenbird")}, "token", 1)
    transport = httpx.ASGITransport(make_app(console))
    headers = {"cookie": "ovenbird_ui_1=token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        first = await client.get(path)
        before = len(statements)
        assert (await client.get(path)).status_code == first.status_code == 200
    console.close()
    assert len(statements) - before <= 6, statements[before:]
    assert first.text.count("<tr>") <= 60
