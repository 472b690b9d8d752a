"""Logs in a database: of runs in processes of their own, and over a network that loses answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.postgres import open_database
from tests.wrapper.platform.postgres.conftest import LossyNetwork

import ovenbird as dh
from ovenbird.errors import PlatformError
from ovenbird.platform.entities import run
from ovenbird.platform.postgres.database import Database
from ovenbird.platform.postgres.run_logs import LogSpool, read_chunks

_SHOUT = """
import os

def shout(words: str):
    print("from python:", words)
    os.system("echo from another program")
    print("without an end", end="")
"""
_FAIL = """
def init(context):
    print("warming up")
    raise ValueError("no luck")

def serve(context, event):
    return 1
"""


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a process whose store is the database."""
    monkeypatch.chdir(tmp_path)
    for name in ("OVENBIRD_HOME", "DHCORE_ENDPOINT", "PROJECT_NAME", "RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OVENBIRD_STORE", database_url)
    return tmp_path


def _read_log(url: str, folder: Path, project: str, identity: str) -> str:
    store = open_database(url, folder)
    try:
        return "".join(store.log_lines(project, identity))
    finally:
        store.close()


@pytest.mark.slow
def test_a_run_in_the_background_has_a_log(folder: Path, database_url: str) -> None:
    """It is written by the process of the run alone, with what other programs print, to its last character."""
    (folder / "loud.py").write_text(_SHOUT)
    ended = dh.function("loud.py:shout").run(words="hello", wait=False).wait(timeout=60)
    assert ended.state == "COMPLETED"
    assert ended.process is not None
    assert ended.process.join(60)
    log = _read_log(database_url, folder, ended.project, ended.id)
    assert all(text in log for text in ("from python: hello\n", "from another program\n", "without an end")), log


@pytest.mark.slow
def test_an_action_has_a_log(folder: Path, database_url: str) -> None:
    """A service that does not begin says why in the database, not in a file of the program that started it."""
    del folder
    dh.get_or_create_project("demo")
    function = dh.new_function("demo", "fail", "python", code=_FAIL, handler="serve", init_function="init")
    failed = function.run("serve", wait=True)
    assert failed.status.state == "ERROR"
    log = _read_log(database_url, Path.cwd(), "demo", failed.id)
    assert "warming up" in log
    assert "no luck" in log


def test_a_chunk_whose_commit_was_not_confirmed_leaves_no_hole(
    database_url: str, distant: Database, network: LossyNetwork, tmp_path: Path
) -> None:
    """It is written again with what the log has got meanwhile."""
    store = open_database(database_url, tmp_path)
    record = run.start_run(store, "p", {})
    sequence, spool = store._sequences["p", "run", record.id], LogSpool()
    spool.path.write_text("one\n")
    network.is_lossy = True
    with pytest.raises(PlatformError):
        spool.send(distant, sequence, patience=0)
    network.is_lossy = False
    spool.path.write_text("one\ntwo\n")
    spool.send(distant, sequence)
    assert b"".join(read_chunks(distant, sequence)) == b"one\ntwo\n"
    spool.remove()
    store.close()
