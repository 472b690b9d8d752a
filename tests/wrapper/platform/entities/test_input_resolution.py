from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import InputError, OutputError
from ovenbird.platform.entities import input_resolution, run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def test_a_key_is_the_entity_it_names(project: Project) -> None:
    item = project.new_dataitem("d", path="s3://b/k")
    assert input_resolution.resolve_input(project, "x", item.key).key == item.key


def test_a_path_is_recorded_once_and_linked_to_the_run(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    run_entity = run.start_run(store, "p", {})
    project = Project(store, "p", {}, run=run_entity)
    item = input_resolution.resolve_input(project, "cities", str(tmp_path / "a.csv"))
    assert input_resolution.resolve_input(project, "cities", str(tmp_path / "a.csv")).key == item.key
    assert (item.kind, item.spec.path, list(item.as_df()["x"])) == ("table", str(tmp_path / "a.csv"), [1])
    assert run_entity.metadata.relationships == [{"type": "consumes", "dest": item.key}]


def test_another_path_is_another_version(project: Project, tmp_path: Path) -> None:
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_text(name)
    first = input_resolution.resolve_input(project, "x", str(tmp_path / "a.bin"))
    other = input_resolution.resolve_input(project, "x", str(tmp_path / "b.bin"))
    assert (first.kind, first.key != other.key) == ("dataitem", True)


def test_a_url_is_a_table_by_its_extension(project: Project) -> None:
    item = input_resolution.resolve_input(project, "x", "https://host/cities.csv?v=1")
    assert (item.kind, item.spec.path) == ("table", "https://host/cities.csv?v=1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("store://p/dataitem/table", "input 'x': entity key"),
        ("store://p/dataitem/table/none", "input 'x': .* no dataitem named 'none'"),
        ("store://q/dataitem/table/d", "input 'x': .* belongs to the project 'q'"),
        ("store://p/run/python+job:run/1", "input 'x': .* is a run, not an input"),
        ("absent.csv", "input 'x': no file 'absent.csv'"),
        ("", "input 'x': its value is empty"),
        ("file://cities.csv", "input 'x': 'file://cities.csv' has no path"),
        ("ftp://host/a", "input 'x': ftp://host/a: ftp:// is not supported"),
    ],
)
def test_an_input_that_cannot_be_found_names_the_argument(project: Project, text: str, message: str) -> None:
    project.new_dataitem("d", path="x")
    with pytest.raises(InputError, match=message):
        input_resolution.resolve_input(project, "x", text)


def test_a_hint_says_what_lies_there(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to ten files, none that is hidden; a folder that is empty, and one that is missing."""
    folder = tmp_path / "work"
    (folder / "empty").mkdir(parents=True)
    (folder / ".hidden").write_text("")
    monkeypatch.chdir(folder)
    for text, hint in (
        ("empty/x.csv", "'empty' is empty"),
        ("none/x.csv", "there is no folder 'none'"),
        ("./x.csv", "the current folder has: empty"),
        ("x.csv", "the current folder has: empty; nothing is in the store yet"),
    ):
        with pytest.raises(InputError) as caught:
            input_resolution.resolve_input(project, "x", text)
        assert caught.value.hint == hint
    for number in range(12):
        (folder / f"{number:02}.csv").write_text("")
    with pytest.raises(InputError) as caught:
        input_resolution.resolve_input(project, "x", "./x.csv")
    assert caught.value.hint.endswith(", 08.csv, 09.csv and 3 more")


def test_a_broken_link_says_where_it_leads(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not in the list of what is there either. An entity of that name is still found."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to("gone/cities")
    for text, message in (
        ("data", "input 'x': 'data' is a link to 'gone/cities', which is not there, and no data item"),
        ("./data", "input 'x': 'data' is a link to 'gone/cities', which is not there"),
        ("data/a.csv", "input 'x': 'data' is a link to 'gone/cities', which is not there"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            input_resolution.resolve_input(project, "x", text)
        assert "has: data" not in caught.value.hint
    item = project.new_dataitem("data", path="s3://b/k")
    assert input_resolution.resolve_input(project, "x", "data").key == item.key
    broken = project.new_dataitem("d", path=str(tmp_path / "data"))
    with pytest.raises(InputError, match="data' is a link to 'gone/cities', which is not there"):
        broken.as_file()
    with pytest.raises(OutputError, match="data' is a link to 'gone/cities', which is not there, so it cannot be"):
        project.log_artifact("a", source="data")
