"""Version, description and license of a function, from its document or its project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.build.function_description import describe_function
from ovenbird_builder.oci import label_names


def describe(folder: Path, project: str = "", **metadata: Any) -> dict[str, str]:
    if project:
        (folder / "pyproject.toml").write_text(project)
    return describe_function(FunctionSpec(folder, "f", "fn", raw={"metadata": metadata} if metadata else {}), folder)


PROJECT = """
[project]
name = "x"
version = "1.2"
description = "Greets\\n people"
license = "MIT OR Apache-2.0"
"""


def test_the_project_of_the_source_gives_the_fields(tmp_path: Path) -> None:
    """Each as text of one line."""
    assert describe(tmp_path, PROJECT) == {
        label_names.VERSION: "1.2", label_names.DESCRIPTION: "Greets people", label_names.LICENSES: "MIT OR Apache-2.0",
    }  # fmt: skip


def test_the_document_wins(tmp_path: Path) -> None:
    """Its `metadata`, as the platform writes it; what it lacks is the project's."""
    description = describe(tmp_path, PROJECT, version="7", description="Says hello")
    assert description == {
        label_names.VERSION: "7",
        label_names.DESCRIPTION: "Says hello",
        label_names.LICENSES: "MIT OR Apache-2.0",
    }


def test_older_forms_are_read(tmp_path: Path) -> None:
    """The table of a license, and a project that only Poetry knows; the text of a license is not its name."""
    assert describe(tmp_path, '[project]\nlicense = {text = "BSD-3-Clause"}') == {label_names.LICENSES: "BSD-3-Clause"}
    assert describe(tmp_path, '[project]\nlicense = {file = "LICENSE"}') == {}
    assert describe(tmp_path, f'[project]\nlicense = {{text = "{"Permission is " * 20}"}}') == {}
    assert describe(tmp_path, '[tool.poetry]\nversion = "3"\nlicense = "MIT"') == {
        label_names.VERSION: "3", label_names.LICENSES: "MIT",
    }  # fmt: skip


@pytest.mark.parametrize(
    "project", ["", "[project", "[project]\nversion = 1", "project = 1", "tool = []", "a = '\\udc80"]
)
def test_an_unreadable_project_gives_no_fields(tmp_path: Path, project: str) -> None:
    """A missing file, invalid TOML or wrong types: the reader of the requirements reports it."""
    assert describe(tmp_path, project) == {}
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    assert describe_function(FunctionSpec(tmp_path, "f", "fn", raw={"metadata": []}), tmp_path) == {}
