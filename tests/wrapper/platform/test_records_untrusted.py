"""Records that somebody else has written: every path in them is checked before it is opened, written or removed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ovenbird.errors import InputError, OvenbirdError
from ovenbird.platform import keys, queries
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

LEADS_OUT = ["../victim", "a/../../victim", "..", ".", "", "/etc/passwd", "a//b", "a/./b", "a\0b", None, 3, ["x"], {}]


def tamper_with_record(store: LocalStore, key: str, **parts: dict[str, Any]) -> keys.EntityKey:
    """Change a record in the database, as another program would; its key."""
    parsed = keys.parse_key(key)
    with sqlite3.connect(store.path) as connection:
        query = "SELECT seq, text FROM entity JOIN body USING (seq) WHERE id = ?"
        sequence, text = connection.execute(query, (parsed.id,)).fetchone()
        record = msgspec.json.decode(text)
        for part, values in parts.items():
            record[part].update(values)
        connection.execute("UPDATE body SET text = ? WHERE seq = ?", (msgspec.json.encode(record), sequence))
    return parsed


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Such a file belongs to no entity: it lies next to the store, or next to the files of entities."""
    path = tmp_path / "victim"
    path.write_text("mine")
    return path


@pytest.mark.parametrize("name", LEADS_OUT)
def test_a_name_that_leaves_the_folder_is_refused(
    store: LocalStore, project: Project, victim: Path, tmp_path: Path, name: object
) -> None:
    """Nothing is removed, read or written, and the record stays; --keep-files still forgets it."""
    (tmp_path / "home/files/p/artifact/a/victim").parent.mkdir(parents=True)
    (tmp_path / "home/files/p/artifact/a/victim").write_text("mine")
    entity = project.log_artifact("a", data=b"1")
    key = tamper_with_record(
        store, entity.key, status={"files": [{"path": name, "name": "x", "size": 1, "hash": None}]}
    )
    for call in (
        lambda: queries.remove_entities(store, key, {}),
        lambda: queries.fetch_files(store, key, {}, str(tmp_path / "out/")),
        lambda: queries.read_shown_record(store, key, {}),
        lambda: project.get_artifact(entity.key).as_file(),
    ):
        with pytest.raises(InputError, match=r"cannot be trusted|leaves the folder"):
            call()
    assert victim.read_text() == "mine"
    assert (tmp_path / "home/files/p/artifact/a/victim").read_text() == "mine"
    assert Path(entity.spec.path).read_bytes() == b"1"
    assert queries.remove_entities(store, key, {}, keep_files=True) == [entity.key]


@pytest.mark.parametrize("value", [3, "x", [3], [["x"]], [{}]])
def test_an_invalid_list_of_files_is_refused(store: LocalStore, project: Project, value: object) -> None:
    """Whatever its type."""
    key = tamper_with_record(store, project.log_artifact("a", data=b"1").key, status={"files": value})
    with pytest.raises(InputError, match=r"cannot be trusted|leaves the folder"):
        queries.remove_entities(store, key, {})


@pytest.mark.parametrize(
    "form", ["{folder}/", "{folder}/x", "file://{folder}/", "${{home}}/../{name}/", "{home}/files/../../{name}/"]
)
def test_a_path_outside_of_every_store_is_not_removed(
    store: LocalStore, project: Project, tmp_path: Path, form: str
) -> None:
    """Neither a plain path, one with `..`, nor a URL is removed; the hint says how to forget the entry."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "x").write_text("mine")
    entity = project.log_artifact("a", data=b"1")
    path = form.format(folder=folder, name=folder.name, home=store.home)
    key = tamper_with_record(store, entity.key, spec={"path": path}, status={"files": [{"path": "x"}]})
    with pytest.raises(InputError, match="are not removed, as they lie in no store") as refused:
        queries.remove_entities(store, key, {})
    assert "--keep-files" in refused.value.hint
    assert (folder / "x").read_text() == "mine"
    assert queries.locate_entity(store, "artifact", "a") == key


def test_links_in_the_store_are_not_followed(store: LocalStore, project: Project, tmp_path: Path) -> None:
    """An entity's folder that is a link, or contains one, is not followed; a link at the end is removed itself."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    entity = project.log_artifact("a", data=b"1")
    base = Path(entity.spec.path).parent
    (base / "sub").symlink_to(outside)
    key = tamper_with_record(store, entity.key, status={"files": [{"path": "sub/x", "hash": None}]})
    for call in (
        lambda: queries.remove_entities(store, key, {}),
        lambda: queries.read_shown_record(store, key, {}),
        lambda: project.get_artifact(entity.key).as_file(),
    ):
        with pytest.raises(InputError, match="outside of"):
            call()
    (base / "link").symlink_to(outside / "x")
    tamper_with_record(store, entity.key, status={"files": [{"path": "link", "hash": None}]})
    with pytest.raises(InputError, match="outside of"):
        queries.read_shown_record(store, key, {})
    queries.remove_entities(store, key, {})
    assert not (base / "link").is_symlink()
    assert (outside / "x").read_text() == "mine"


def test_a_whole_folder_that_is_a_link_is_not_emptied(store: LocalStore, project: Project, tmp_path: Path) -> None:
    """The folder is in the store by its name only, so its target is not emptied."""
    outside = tmp_path / "outside"
    outside.mkdir()
    entity = project.log_artifact("a", data=b"1")
    base = Path(entity.spec.path).parent
    base.rename(outside / "moved")
    base.symlink_to(outside / "moved")
    with pytest.raises(InputError, match="lie in no store"):
        queries.remove_entities(store, keys.parse_key(entity.key), {})
    assert len(list((outside / "moved").iterdir())) == 1


def test_files_in_another_store_of_files_are_removed(store: LocalStore, tmp_path: Path) -> None:
    """The one that the environment names, and any that is laid out as one; not a path of the user's own."""
    shared = str(tmp_path / "shared")
    entity = Project(store, "p", {}, files_store=shared).log_artifact("a", data=b"1")
    queries.remove_entities(store, keys.parse_key(entity.key), {})
    assert not Path(entity.spec.path).exists()
    own = Project(store, "p", {}).log_artifact("b", data=b"1", path=f"{shared}/own/b")
    with pytest.raises(InputError, match="lie in no store"):
        queries.remove_entities(store, keys.parse_key(own.key), {})
    queries.remove_entities(store, keys.parse_key(own.key), {"DHCORE_DEFAULT_FILES_STORE": shared})
    assert not Path(f"{shared}/own/b").exists()


@pytest.mark.parametrize("last", ["%2e%2e", ".", "..", ""])
def test_a_url_names_no_file_outside_of_the_folder(project: Project, last: str) -> None:
    """The file has the entity's own name where the URL's last part is no valid name."""
    entity = project.new_artifact("a", path=f"http://127.0.0.1:9/x/{last}" if last else "http://127.0.0.1:9")
    assert entity._path_below(Path("/folder"), entity.spec.path) == Path("/folder/a")


@pytest.mark.parametrize("part", ["..", "."])
@pytest.mark.parametrize("form", ["store://{}/artifact/k/n:i", "store://p/artifact/{}/n:i", "store://p/artifact/k/{}:i",
                                  "store://p/artifact/k/n:{}", "store://p/run/{}/n", "store://p/run/k/{}"])  # fmt: skip
def test_no_part_of_a_key_is_dots(form: str, part: str) -> None:
    """A key becomes a path of a file, of a log and of a request."""
    with pytest.raises(InputError):
        keys.parse_key(form.format(part))


@pytest.mark.parametrize("kind", ["..", ".", "", "a/b", "a\0", "x" * 300, 3])
def test_no_kind_is_dots(project: Project, kind: Any) -> None:
    """A kind of dots, or of characters that a key cannot have, is refused."""
    with pytest.raises(InputError, match="kind is"):
        project.new_artifact("a", kind=kind, path="x")


@pytest.mark.parametrize(("name", "identity"), [("..", "a"), ("p", ".."), ("p", "../../x"), ("a/b", "c")])
def test_a_log_lies_in_the_store(store: LocalStore, name: str, identity: str) -> None:
    """Whatever a row says is its project and its id."""
    with pytest.raises(InputError):
        store.log_file(name, identity)


def test_a_log_that_is_a_link_is_not_followed(store: LocalStore, tmp_path: Path) -> None:
    """A project's folder and a run's file that are links are not followed."""
    (store.home / "logs").mkdir()
    (store.home / "logs/p").symlink_to(tmp_path)
    with pytest.raises(OvenbirdError, match="is a link"):
        store.log_file("p", "a")


def test_a_row_with_no_id_keeps_no_store_from_opening(store: LocalStore, tmp_path: Path) -> None:
    """Runs whose process is gone are found at every start; one with a path for an id is just lost."""
    Project(store, "p", {}).new_artifact("a", path="x")
    with sqlite3.connect(store.path) as connection:
        connection.execute(
            "INSERT INTO entity (project, type, kind, name, id, state, created, updated)"
            " VALUES ('p', 'run', 'k', 'x', '../../x', 'RUNNING', '', '')"
        )
        record = {"project": "p", "id": "../../x", "spec": {}, "status": {}, "metadata": {}, "key": "x", "type": "run"}
        connection.execute("INSERT INTO body VALUES (2, ?)", (msgspec.json.encode(record),))
        connection.execute("INSERT INTO owner VALUES (2, ?, 1, 'x', 'y')", (os.getpid(),))
    assert LocalStore(store.home).reap() == []
    assert not (tmp_path / "x.log").exists()
