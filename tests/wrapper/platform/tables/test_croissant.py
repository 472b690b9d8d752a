"""Data sets that a Croissant file describes; both stores pass the same tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovenbird.errors import OutputError
from ovenbird.platform.project.project import Project

METADATA: dict[str, Any] = {
    "@type": "sc:Dataset", "name": "Cities of Trentino", "description": "By size", "keywords": ["cities", "sizes"],
    "distribution": [
        {"@type": "cr:FileObject", "@id": "big", "contentUrl": "data/big.csv"},
        {"@type": "cr:FileObject", "@id": "web", "contentUrl": "https://example.org/x.csv"},
        {"@type": "cr:FileObject", "@id": "part", "contentUrl": "part.csv", "containedIn": {"@id": "big"}},
        {"@type": "cr:FileSet", "@id": "set", "includes": "*.csv"},
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    (path / "data").mkdir(parents=True)
    (path / "data" / "big.csv").write_text("a\n1\n")
    (path / "other.txt").write_text("not of the set")
    (path / "metadata.json").write_text(json.dumps(METADATA))
    return path


@pytest.mark.parametrize("source", [".", "metadata.json", "../set/croissant.json"], ids=["folder", "file", "name"])
def test_a_data_set_is_stored_with_its_own_files(either: Project, folder: Path, source: str) -> None:
    """The metadata and the files it names, under their paths; name, description and keywords are recorded."""
    (folder / "croissant.json").write_text(json.dumps(METADATA))
    item = either.log_croissant("cities", source=str(folder / source))
    assert (item.kind, sorted(item.get_file_paths())) == ("croissant", ["data/big.csv", "metadata.json"])
    stored = either.get_dataitem("cities")
    assert (stored.metadata.name, stored.metadata.description) == ("Cities of Trentino", "By size")
    assert stored.metadata.labels == ["cities", "sizes"]
    assert (stored.as_path() / "data" / "big.csv").read_text() == "a\n1\n"
    assert json.loads((stored.as_path() / "metadata.json").read_text()) == METADATA


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distribution": [{"@type": "cr:FileObject", "contentUrl": "gone.csv"}]}, "'gone.csv' is not there"),
        ({"distribution": [{"@type": "sc:FileObject", "contentUrl": "../../x"}]}, "lies outside of its folder"),
        (None, "is not Croissant metadata"),
    ],
    ids=["gone", "outside", "text"],
)
def test_what_is_no_data_set_says_why(
    either: Project, folder: Path, change: dict[str, Any] | None, message: str
) -> None:
    """A missing file, a file outside of the folder, and text that is no JSON object are refused."""
    (folder / "metadata.json").write_text("[]" if change is None else json.dumps(METADATA | change))
    with pytest.raises(OutputError, match=message):
        either.log_croissant("cities", source=str(folder))
    with pytest.raises(OutputError, match="holds no Croissant metadata"):
        either.log_croissant("cities", source=str(folder / "data"))
    assert either.list_dataitems() == []
