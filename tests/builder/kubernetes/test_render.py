"""The output is the same for every YAML parser, and is written atomically."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.kubernetes.render import to_json, to_yaml, write

from .conftest import Manifests

DOCUMENTS: list[dict[str, Any]] = [
    {"kind": "Deployment", "metadata": {"name": "a"}, "x": 1},
    {"kind": "Job", "metadata": {"generateName": "a-"}},
]
# what YAML 1.1, 1.2 or the parser of kubectl reads as something else when it is not quoted
AMBIGUOUS = [
    "y", "n", "yes", "No", "on", "OFF", "true", "null", "~", "1e3", "08", "0o17", "0x1F", "1_000", "1:30", ".5",
    ".inf", "nan",
    "-", "--tag", "a: b", "a #b", "# a", "", " ", "@daily", "*/5 * * * *", "2024-01-01", "500m", "=", "<<", "a\nb\n",
    "a \nb",
    "\ta", "\u0085", "ü", "\x07", "!x", "&x", "{a}", "[a]", "'", '"', "%a", "1.2", "+1",
]  # fmt: skip


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_text_stays_text(text: str) -> None:
    """A text comes back as the same text; where it does not begin with a letter, it is quoted."""
    written = to_yaml([{"a": text, text: "b"}])
    assert list(yaml.safe_load_all(written)) == [{"a": text, text: "b"}]
    if "\n" not in text:
        scalar = written.splitlines()[1].removeprefix("a: ")
        assert scalar.startswith(('"', "'")), scalar


def test_plain_words_are_plain() -> None:
    """Frequent text has no quotes."""
    assert to_yaml([{"a": "ClusterIP", "b": 1, "c": "/tmp", "d": [True, {}]}]) == (
        "---\na: ClusterIP\nb: 1\nc: /tmp\nd:\n- true\n- {}\n"
    )


def test_a_repeated_object_is_written_twice() -> None:
    """kubectl takes anchors, and people do not."""
    labels = {"a": "b"}
    assert "&" not in to_yaml([{"x": labels, "y": labels}])


def test_json_is_a_list_of_objects() -> None:
    """One JSON object holds all."""
    assert json.loads(to_json(DOCUMENTS)) == {"apiVersion": "v1", "kind": "List", "items": DOCUMENTS}


def test_a_file_or_a_folder(tmp_path: Path) -> None:
    """A file holds all documents; a folder that exists, or whose name ends in a slash, one file for each."""
    (file,) = write(DOCUMENTS, f"{tmp_path}/new/all.yaml", [], as_json=False)
    assert list(yaml.safe_load_all(file.read_text())) == DOCUMENTS
    for output in (str(tmp_path), f"{tmp_path}/other/"):
        paths = write(DOCUMENTS, output, [], as_json=False)
        assert [path.name for path in paths] == ["deployment-a.yaml", "job-a.yaml"]
        assert [yaml.safe_load(path.read_text()) for path in paths] == DOCUMENTS
    (first, _) = write(DOCUMENTS, f"{tmp_path}/json/", [], as_json=True)
    assert json.loads(first.read_text())["items"] == DOCUMENTS[:1]
    assert not list(tmp_path.rglob(".*"))


def test_an_unwritable_path_is_reported(tmp_path: Path) -> None:
    """The error has path and reason, and no file remains."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildRequestError, match="--output: cannot write"):
        write(DOCUMENTS, f"{tmp_path}/file/x.yaml", [], as_json=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_written_again(make: Callable[..., Manifests], folder: Path) -> None:
    """Obsolete files are removed, in either form; files of other functions, actions and people stay."""
    serve = ("--action", "serve", "--cpu", "1", "--output", "out/")
    make(*serve, "--autoscale", "1:3", "--max-unavailable", "1")
    make("--action", "job", "--output", "out/")
    make(*serve, "--name", "other")
    (folder / "out/deployment-mine.yaml").write_text("kind: Deployment\nmetadata: {name: mine}\n")
    (folder / "out/notes.yaml").write_text("a: [\n")
    (folder / "out/all.yaml").write_text((folder / "out/service-greet.yaml").read_text())
    stay = {"job-greet.yaml", "deployment-other.yaml", "service-other.yaml", "deployment-mine.yaml", "notes.yaml"}
    stay.add("all.yaml")
    again = make(*serve, "--max-unavailable", "1")
    names = {"deployment-greet.yaml", "service-greet.yaml", "poddisruptionbudget-greet.yaml"}
    assert {path.name for path in (folder / "out").iterdir()} == stay | names
    assert "removed out/horizontalpodautoscaler-greet.yaml, which is no longer meant" in again.notes
    make(*serve, "--json")
    names = {"deployment-greet.json", "service-greet.json"}
    assert {path.name for path in (folder / "out").iterdir()} == stay | names


@pytest.mark.parametrize("text", ["kind: Deployment\nmetadata: {name: greet}\n", "", "- a\n", "a: [\n"])
def test_a_file_of_somebody_else_is_not_written_over(refused: Callable[..., str], folder: Path, text: str) -> None:
    """It is named, and nothing is written."""
    (folder / "out").mkdir()
    (folder / "out/deployment-greet.yaml").write_text(text)
    assert "no file that `ovenbird manifests` has written" in refused("--action", "serve", "--output", "out")
    assert [path.name for path in (folder / "out").iterdir()] == ["deployment-greet.yaml"]
    assert (folder / "out/deployment-greet.yaml").read_text() == text
