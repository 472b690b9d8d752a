"""`ovenbird dataitems show`: the rows on a terminal, the document elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def test_a_table_on_a_terminal(store: LocalStore, terminal: Callable[..., str], run_verb: Callable[..., str]) -> None:
    """Its first ten rows, its shape and its key; --json, or no terminal, is the document."""
    entity = Project(store, "p", {}).log_table("cities", data=pandas.DataFrame({"n": range(12), "city": ["Rome"] * 12}))
    lines = terminal("dataitems", "show", "cities").splitlines()
    assert (lines[0].split(), lines[1].split(), lines[10].split()) == (["n", "city"], ["0", "Rome"], ["9", "Rome"])
    assert lines[11:] == ["", "[12 rows x 2 columns]", entity.key]
    for document in (terminal("dataitems", "show", "cities", "--json"), run_verb("dataitems", "show", "cities")):
        assert json.loads(document)["key"] == entity.key


@pytest.mark.slow
def test_a_table_that_lies_elsewhere_is_read(store: LocalStore, terminal: Callable[..., str], tmp_path: Path) -> None:
    """A CSV that was only registered has its rows shown; what is no table is shown as its document."""
    (tmp_path / "cities.csv").write_text("city,rent\nRome,1.5\n")
    project = Project(store, "p", {})
    project.new_dataitem("cities", path=str(tmp_path / "cities.csv"))
    assert "[1 rows x 2 columns]" in terminal("dataitems", "show", "cities")
    with (tmp_path / "large.csv").open("w") as file:
        file.truncate(65 * 1024**2)
    project.new_dataitem("large", path=str(tmp_path / "large.csv"))
    project.new_dataitem("far", path="https://127.0.0.1:9/far.csv")
    for name in ("large", "far"):
        assert json.loads(terminal("dataitems", "show", name))["name"] == name
    (tmp_path / "cities.csv").unlink()
    assert json.loads(terminal("dataitems", "show", "cities"))["name"] == "cities"
    project.log_dataitem("text", data="some text")
    assert json.loads(terminal("dataitems", "show", "text"))["name"] == "text"
