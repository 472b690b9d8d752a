"""A file that has changed is a new version of its data item, wherever it lies."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from tests.core.server import Double
from tests.jobs import Jobs
from tests.stores import Server, send_reply

from ovenbird.platform import keys
from ovenbird.platform.entities import input_resolution, run
from ovenbird.platform.entities.file_entity import FileEntity
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def _md5(data: bytes) -> str:
    return f"md5:{hashlib.md5(data).hexdigest()}"


def _fingerprint(item: FileEntity) -> dict[str, Any]:
    fingerprint = item.status.fingerprint
    return {name: fingerprint.get(name) for name in ("hash", "size")}


def test_a_changed_file_is_a_new_version(project: Project, tmp_path: Path) -> None:
    """Digest, size and time of a file are recorded; the same content is the same version, another one is another."""
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    first = input_resolution.resolve_input(project, "x", str(file))
    assert _fingerprint(first) == {"hash": _md5(b"one"), "size": 3}
    assert first.status.fingerprint.last_modified
    os.utime(file, (1, 1))
    assert input_resolution.resolve_input(project, "x", str(file)).key == first.key
    file.write_bytes(b"two")
    second = input_resolution.resolve_input(project, "x", str(file))
    assert (second.key != first.key, _fingerprint(second)) == (True, {"hash": _md5(b"two"), "size": 3})
    assert _fingerprint(project.get_dataitem(first.key)) == {"hash": _md5(b"one"), "size": 3}


@pytest.mark.parametrize("change", ["content", "name", "more", "less"])
def test_a_changed_folder_is_a_new_version(project: Project, tmp_path: Path, change: str) -> None:
    """Whatever changes in a folder, also below it, makes a new version; what stays as it is does not."""
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("a")
    (folder / "sub" / "b").write_text("b")
    first = input_resolution.resolve_input(project, "x", str(folder))
    assert (first.status.fingerprint.files, first.status.fingerprint.size) == (2, 2)
    assert input_resolution.resolve_input(project, "x", str(folder)).key == first.key
    match change:
        case "content":
            (folder / "sub" / "b").write_text("c")
        case "name":
            (folder / "sub" / "b").rename(folder / "sub" / "c")
        case "more":
            (folder / "c").write_text("")
        case "less":
            (folder / "a").unlink()
    assert input_resolution.resolve_input(project, "x", str(folder)).key != first.key


def test_a_file_that_has_not_changed_is_not_read_again(project: Project, tmp_path: Path) -> None:
    """The recorded digest is reused where size, times and inode match and are old."""
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    os.utime(file, (1000, 1000))
    first = input_resolution.resolve_input(project, "x", str(file))
    file.write_bytes(b"two")
    os.utime(file, (1000, 1000))
    assert input_resolution.resolve_input(project, "x", str(file)).key == first.key


def test_a_pipe_is_not_read_for_its_version(project: Project, tmp_path: Path) -> None:
    """A FIFO is recorded without a digest, and nothing waits for it."""
    os.mkfifo(tmp_path / "pipe")
    assert "fingerprint" not in input_resolution.resolve_input(project, "x", str(tmp_path / "pipe")).status


def test_an_item_without_a_digest_gets_a_digest(project: Project, tmp_path: Path) -> None:
    """The data item that was registered for a path is the one that the input of that name is."""
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    item = project.new_dataitem("x", path=str(file))
    assert input_resolution.resolve_input(project, "x", str(file)).key == item.key
    assert _fingerprint(project.get_dataitem("x"))["hash"] == _md5(b"one")


@pytest.mark.parametrize("read", ["as_file", "as_df", "download"])
def test_what_a_url_answers_is_versioned_when_it_is_fetched(
    store: LocalStore, server: Server, tmp_path: Path, read: str
) -> None:
    """The digest is of what the run has read, and the run consumes that version; its address keeps no secret."""
    bodies = [b"a\n1\n", b"a\n1\n", b"a\n2\n"]
    server.answer = lambda request: send_reply(request, bodies[len(server.requests) - 1], Content_Type="text/csv")
    item_keys = []
    for count in range(3):
        record = run.start_run(store, "p", {})
        project = Project(store, "p", {}, run=record)
        item = input_resolution.resolve_input(project, "x", f"{server.url}/data.csv?token=abc")
        getattr(item, read)(*([tmp_path / f"{count}.csv"] if read == "download" else []))
        stored = store.read(keys.parse_key(item.key))
        assert stored["status"]["fingerprint"]["hash"] == _md5(bodies[count])
        assert stored["spec"]["path"] == f"{server.url}/data.csv?token=***"
        assert item.spec.path.endswith("token=abc")
        links = store.read(keys.parse_key(record.key))["metadata"]
        assert links["relationships"] == [{"type": "consumes", "dest": item.key}]
        item_keys.append(item.key)
    assert item_keys[0] == item_keys[1] != item_keys[2]


@pytest.mark.slow
def test_the_same_on_core(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Two runs of one file are one data item in Core, and a changed file is a second one."""
    source = "from pathlib import Path\ndef handler(data: Path): return data.read_text()\n"
    for text in ("one", "one", "two"):
        (jobs.folder / "data.txt").write_text(text)
        job = jobs.run(source, "--project", "p", "--input", "data=data.txt", **platform)
        assert job.code == 0, job.err
    items = core.entities.all("p", "dataitem")
    assert sorted(item["status"]["fingerprint"]["hash"] for item in items) == sorted([_md5(b"one"), _md5(b"two")])
    consumed = [
        link["dest"]
        for entity in core.entities.all("p", "run")
        for link in entity["metadata"]["relationships"]
        if link["type"] == "consumes"
    ]
    assert len(consumed) == 3
    assert len(set(consumed)) == 2
    assert core.entities.violations == []
